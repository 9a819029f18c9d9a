"""Shapes that are declared, compared and extended: specify_shape, broadcast_arrays, ...

Responsible for: what users may write for shapes.
Not responsible for: reshaping (`cgrad.tensor.shape`), the check at the call (`cgrad.ops.axes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.sizes import SizeLike
from cgrad.errors import ShapeError
from cgrad.ops import coerce
from cgrad.ops.axes import Declare
from cgrad.ops.coerce import Arraylike, as_node, as_shape, as_size
from cgrad.ops.constants import size_node
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import expand_dims, one_axis


def specify_shape(x: Arraylike, *shape: Any) -> Node:
    """x, whose axes have the lengths `shape`: ints or int64 scalars, None for one that may vary;
    in a sequence or one after the other.

    The result has these lengths as its own, so one declared as 1 stretches and a function can
    return a tensor whose length it could not know.  Another length is a ShapeError: now when it is
    known, else at the call.
    """
    node = as_node(x)
    one: Any = shape[0] if len(shape) == 1 else None
    whole = isinstance(one, (list, tuple, np.ndarray)) or (isinstance(one, Node) and one.ndim > 0)
    given = list(one if whole else shape)
    if len(given) != node.ndim:
        raise ShapeError(
            teach(f"specify_shape: {len(given)} lengths found, expected {node.ndim}",
                  "give one for each axis, None for one that may vary", [node])
        )  # fmt: skip
    return declared(
        node,
        tuple(
            old if new is None else as_size(new, "specify_shape: a length")
            for old, new in zip(node.dims, given, strict=True)
        ),
        "specify_shape",
    )


def declared(node: Node, dims: tuple[SizeLike, ...], what: str) -> Node:
    """The node with lengths `dims` as its own; a ShapeError now or at the call if they differ."""
    for axis, (n, m) in enumerate(zip(node.dims, dims, strict=True)):
        if isinstance(n, int) and isinstance(m, int) and n != m:
            raise ShapeError(
                teach(f"{what}: axis {axis} has length {n}, expected {m}",
                      "declare the length it has, or None", [node])
            )  # fmt: skip
    fix = "pass a tensor of the declared shape, or declare None for a length that may vary"
    return node if node.dims == dims else Node(Declare(dims, what, fix), (node,))


def specify_broadcastable(x: Arraylike, *axes: int) -> Node:
    """x, whose `axes` have length 1 and therefore stretch; another length is a ShapeError."""
    node = as_node(x)
    ones = [one_axis(axis, node.ndim, "specify_broadcastable") for axis in axes]
    dims = tuple(1 if k in ones else n for k, n in enumerate(node.dims))
    return declared(node, dims, "specify_broadcastable")


def broadcast_arrays(*args: Arraylike) -> list[Node]:
    """The tensors stretched to the shape that they have in common, dtypes as they are."""
    return coerce.broadcast([as_node(x) for x in args], "broadcast_arrays") if args else []


def broadcast_shape(*arrays: Any, arrays_are_shapes: bool = False) -> tuple[Node, ...]:
    """The shape that the tensors have in common when stretched: one int64 scalar for each axis.

    With `arrays_are_shapes` the arguments are shapes, in which only the int 1 stretches.
    """
    if arrays_are_shapes:
        nodes = [
            make_input(TensorType("bool", as_shape(shape, "broadcast_shape"))) for shape in arrays
        ]
    else:
        nodes = [as_node(x) for x in arrays]
    dims = coerce.broadcast_shape(nodes, "broadcast_shape") if nodes else ()
    return tuple(size_node(n) for n in dims)


def shape_padaxis(t: Arraylike, axis: int) -> Node:
    """t with a new axis of length 1 at position `axis` of the result."""
    return expand_dims(t, axis)


def get_vector_length(v: Any) -> int:
    """The length of a vector as an int; ValueError when it is not known before the call."""
    if isinstance(v, (list, tuple)):
        return len(v)
    node = as_node(v)
    if node.ndim != 1:
        raise ShapeError(
            teach(f"get_vector_length: {node.ndim} axes found, expected a vector", "flatten it",
                  [node])
        )  # fmt: skip
    (n,) = node.dims
    if not isinstance(n, int):
        raise ValueError(
            teach(f"get_vector_length: the length {n} is known only at the call",
                  "use x.shape[0], or declare it: tensor(name, shape=(3,))", [node])
        )  # fmt: skip
    return n


def is_flat(var: Arraylike, ndim: int = 1) -> bool:
    """Whether a tensor has `ndim` axes, as `flatten(x, ndim)` would give it."""
    return as_node(var).ndim == ndim


def tensor_from_scalar(s: Arraylike) -> Node:
    """A 0-d tensor as it is: here a scalar is a tensor without axes."""
    return _scalar(s, "tensor_from_scalar")


def scalar_from_tensor(x: Arraylike) -> Node:
    """A 0-d tensor as it is: here a scalar is a tensor without axes."""
    return _scalar(x, "scalar_from_tensor")


def _scalar(x: Arraylike, what: str) -> Node:
    node = as_node(x)
    if node.ndim:
        raise ShapeError(
            teach(f"{what}: {node.ndim} axes found, expected none", "index it: x[0]", [node])
        )
    return node
