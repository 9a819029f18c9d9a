"""Axes joined and split, and many tensors packed into one and taken out again.

Responsible for: what users may write for axes and shapes.
Not responsible for: `reshape` and `concatenate` (`cgrad.tensor.shape`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.ops.axes import reshape_to
from cgrad.ops.coerce import Arraylike, as_node
from cgrad.ops.constants import size_node
from cgrad.tensor.arrange import split
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import concatenate, one_axis, reshape


def join_dims(x: Arraylike, start_axis: int = 0, n_axes: int | None = None) -> Node:
    """x with the `n_axes` axes from `start_axis` on as one, in row-major order.

    None joins all that follow; 0 inserts an axis of length 1.
    """
    node = as_node(x)
    if n_axes == 0:
        start = one_axis(start_axis, node.ndim + 1, "join_dims")
        return reshape_to(node, (*node.dims[:start], 1, *node.dims[start:]))
    if node.ndim == 0:
        return reshape_to(node, (1,))
    start = one_axis(start_axis, node.ndim, "join_dims")
    count = node.ndim - start if n_axes is None else n_axes
    if not 0 < count <= node.ndim - start:
        raise ShapeError(
            teach(f"join_dims: n_axes={n_axes} from axis {start} on found, expected 0 to "
                  f"{node.ndim - start}", "join fewer axes", [node])
        )  # fmt: skip
    joined = sizes.product(node.dims[start : start + count])
    return reshape_to(node, (*node.dims[:start], joined, *node.dims[start + count :]))


def split_dims(x: Arraylike, shape: Arraylike, axis: int | None = None) -> Node:
    """x with `axis` split, in row-major order, into axes of the lengths `shape`.

    One entry may be -1; an empty shape drops an axis of length 1.  `axis` may be left out for a
    vector.  Lengths that do not multiply to that of the axis are a ShapeError, now or at the call.
    """
    node = as_node(x)
    if axis is None and node.ndim != 1:
        raise ShapeError(
            teach(f"split_dims: the axis of a tensor with {node.ndim} axes is missing",
                  "pass axis=", [node])
        )  # fmt: skip
    k = one_axis(0 if axis is None else axis, node.ndim, "split_dims")
    parts = list(shape) if isinstance(shape, (list, tuple, Node)) and _ndim(shape) else [shape]
    before, after = ([size_node(n) for n in dims] for dims in (node.dims[:k], node.dims[k + 1 :]))
    return reshape(node, [*before, *parts, *after])


def _ndim(shape: Any) -> int:
    return shape.ndim if isinstance(shape, Node) else 1


def pack(
    *tensors: Arraylike, keep_axes: int | Sequence[int] | None = None
) -> tuple[Node, list[Node]]:
    """The tensors one after the other in one, and the shapes that `unpack` needs.

    By default all are flattened into one vector, which is what an optimiser wants.  `keep_axes`
    names axes that all share and keep: those from 0 on in front, negative ones at the end; the
    axes between are flattened and joined.  Dtypes are promoted.
    """
    if not tensors:
        raise ValueError("pack: no tensors found, expected at least one")
    front, back = _kept(keep_axes, "pack")
    nodes = [as_node(x) for x in tensors]
    shapes = []
    flat = []
    for node in nodes:
        if node.ndim < front + back:
            raise ShapeError(
                teach(f"pack: {node.ndim} axes found, but keep_axes={keep_axes} names "
                      f"{front + back}", "keep fewer axes", [node])
            )  # fmt: skip
        inner = node.ndim - front - back
        shapes.append(node.shape[front : front + inner])
        flat.append(join_dims(node, front, inner))
    return concatenate(flat, front), shapes


def unpack(
    packed_input: Arraylike,
    packed_shapes: Sequence[Any],
    keep_axes: int | Sequence[int] | None = None,
) -> list[Node]:
    """The tensors that `pack` joined, given the shapes it returned and the same `keep_axes`.

    A shape is a sequence of ints and int64 scalars, or an int64 vector such as `x.shape`.  Shapes
    that do not add up to the length are a ShapeError, now when it is known, else at the call.
    """
    node = as_node(packed_input)
    front, back = _kept(keep_axes, "unpack")
    if node.ndim != front + back + 1:
        raise ShapeError(
            teach(f"unpack: {node.ndim} axes found, expected {front + back + 1}: those that are "
                  "kept, and the one that holds the tensors", "pass the keep_axes of pack", [node])
        )  # fmt: skip
    shapes = [_entries(shape) for shape in packed_shapes]
    lengths = []
    for shape in shapes:
        length: Any = 1
        for n in shape:
            length = length * n
        lengths.append(length)
    parts = split(node, lengths, axis=front)
    return [split_dims(part, shape, front) for part, shape in zip(parts, shapes, strict=True)]


def _entries(shape: Any) -> list[Any]:
    if isinstance(shape, Node) and shape.ndim == 0:
        return [shape]
    return list(shape) if isinstance(shape, (list, tuple, Node)) else [shape]


def _kept(keep_axes: int | Sequence[int] | None, what: str) -> tuple[int, int]:
    """The numbers of axes kept in front and at the end."""
    if keep_axes is None:
        return 0, 0
    axes: list[int] = [keep_axes] if isinstance(keep_axes, int) else list(keep_axes)
    front, back = sorted(a for a in axes if a >= 0), sorted(-a for a in axes if a < 0)
    if front != list(range(len(front))) or back != list(range(1, len(back) + 1)):
        raise ValueError(
            f"{what}: keep_axes={keep_axes} found; expected the first axes, from 0 on, and the "
            "last, from -1 down, without gaps"
        )
    return len(front), len(back)
