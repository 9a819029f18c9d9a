"""What the functions of linear algebra accept: matrices, systems, leading axes that stretch."""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike, as_node, broadcast_shape, cast_to, result_dtype, stretch
from cgrad.ops.diagonals import Triangle
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import turned
from cgrad.tensor.indexing import getitem
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes


def matrix(x: Arraylike, what: str, square: bool = True) -> Node:
    node = as_node(x)
    node = cast_to(node, dtypes.as_float(node.dtype))
    if node.ndim < 2:
        raise ShapeError(
            teach(f"{what}: {node.ndim} axes found, expected 2 or more", "pass a matrix", [node])
        )
    n, m = node.dims[-2:]
    if square and isinstance(n, int) and isinstance(m, int) and n != m:
        raise ShapeError(
            teach(f"{what}: a matrix of {n} rows and {m} columns found, expected a square one",
                  "check which axes are the matrix", [node])
        )  # fmt: skip
    return node


def system(
    a: Arraylike,
    b: Arraylike,
    b_ndim: int | None,
    what: str,
    square: bool = True,
    rows: int = -1,
) -> tuple[Node, Node, bool]:
    """The matrix, the right sides as columns, and whether they were a vector.

    `rows` is the axis of a that is as long as the columns.
    """
    left, right = matrix(a, what, square), as_node(b)
    if right.ndim == 0:
        raise ShapeError(
            teach(f"{what}: a scalar found, expected a vector or a matrix", "use b / a", [right])
        )
    ndim = min(right.ndim, 2) if b_ndim is None else b_ndim
    if ndim not in (1, 2) or right.ndim < ndim:
        raise ValueError(f"{what}: b_ndim={b_ndim} found, expected 1 or 2, as many as b has")
    dtype = dtypes.as_float(result_dtype([left, right]))
    left, right = cast_to(left, dtype), cast_to(right, dtype)
    if ndim == 1:
        right = insert_axes(right, [right.ndim])
    n, m = left.dims[rows], right.dims[-2]
    if isinstance(n, int) and isinstance(m, int) and n != m:
        raise ShapeError(
            teach(f"{what}: b has {m} rows, the matrix {n}; expected equal numbers",
                  "transpose b, or pass b_ndim", [left, right])
        )  # fmt: skip
    return left, right, ndim == 1


def mirrored(x: Node, lower: bool) -> Node:
    """The symmetric matrices with this triangle, the lower one or the upper one."""
    half, beyond = Node(Triangle(0, lower), (x,)), Node(Triangle(-1 if lower else 1, lower), (x,))
    return apply("add", half, turned(beyond))


def alike(matrices: Sequence[Node], what: str) -> list[Node]:
    """The nodes with equal leading axes."""
    batch = broadcast_shape([Leading(node) for node in matrices], what)  # type: ignore[misc]
    return [stretch(node, (*batch, *node.dims[-2:])) for node in matrices]


class Leading:
    """The leading axes of matrices, as far as their common shape is concerned."""

    __slots__ = ("dims", "name", "ndim", "type")

    def __init__(self, node: Node) -> None:
        self.dims = node.dims[:-2]
        self.ndim = node.ndim - 2
        self.name = node.name
        self.type = node.type


def columns(x: Node, vector: bool) -> Node:
    return getitem(x, (..., 0)) if vector else x
