"""Functions that rearrange, stretch or join tensors without changing their elements.

Responsible for: what users may write for axes and shapes, and the checks of it.
Not responsible for: the ops (`cgrad.ops.axes`, `cgrad.ops.windows`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.node import Node, Shape, render_shape
from cgrad.core.registry import register
from cgrad.core.sizes import SizeLike
from cgrad.errors import ShapeError
from cgrad.ops import constants
from cgrad.ops.axes import broadcast_axes, permute_axes, reshape_to, squeeze_axes
from cgrad.ops.coerce import Arraylike, as_node, as_shape, cast_to, normal_axes, result_dtype
from cgrad.ops.windows import join as join_nodes
from cgrad.tensor.messages import teach

Axes = int | Sequence[int] | None


def shape(x: Arraylike) -> Node:
    """The sizes of the axes of x as an int64 vector; `shape(x)[0]` is an int64 scalar."""
    return constants.shape(as_node(x))


def size(x: Arraylike) -> Node:
    """The number of elements of x as an int64 scalar."""
    return constants.size(as_node(x))


# -- order of axes ----------------------------------------------------------------------------
def transpose(x: Arraylike, axes: Sequence[int] | int | None = None) -> Node:
    """x with axis k of the result being axis `axes[k]` of x; in reverse order for None.

    A vector or a scalar is its own transpose.  Raises ValueError when `axes` is no permutation.
    """
    node = as_node(x)
    if axes is None:
        return permute_axes(node, tuple(range(node.ndim))[::-1])
    given = list(axes) if isinstance(axes, (tuple, list, np.ndarray)) else [axes]
    order = tuple(one_axis(a, node.ndim, "transpose") for a in given)
    if sorted(order) != list(range(node.ndim)):
        raise ValueError(
            teach(
                f"transpose: axes {tuple(given)} found, expected each of the "
                f"{node.ndim} axes exactly once",
                "name every axis once, or leave axes out to reverse their order",
                [node],
            )
        )
    return permute_axes(node, order)


def matrix_transpose(x: Arraylike) -> Node:
    """x with its last two axes exchanged."""
    return swapaxes(x, -1, -2)


def swapaxes(y: Arraylike, axis1: int, axis2: int) -> Node:
    """y with two axes exchanged."""
    node = as_node(y)
    order = list(range(node.ndim))
    a, b = (one_axis(axis, node.ndim, "swapaxes") for axis in (axis1, axis2))
    order[a], order[b] = b, a
    return permute_axes(node, tuple(order))


def moveaxis(a: Arraylike, source: Axes, destination: Axes) -> Node:
    """a with the axes `source` moved to the places `destination`, the others in their order."""
    node = as_node(a)
    origin, target = (
        [one_axis(axis, node.ndim, "moveaxis") for axis in _listed(axes)]
        for axes in (source, destination)
    )
    if (
        len(origin) != len(target)
        or len(set(origin)) != len(origin)
        or len(set(target)) != len(target)
    ):
        raise ValueError(
            f"moveaxis: source {source} and destination {destination} must name equally many "
            "axes, each once"
        )
    order = [k for k in range(node.ndim) if k not in origin]
    for place, axis in sorted(zip(target, origin, strict=True)):
        order.insert(place, axis)
    return permute_axes(node, tuple(order))


def dimshuffle(x: Arraylike, *pattern: Any) -> Node:
    """x with its axes in the order of `pattern`, in which "x" makes a new axis of length 1.

    An axis that `pattern` leaves out must have length 1; a length that is known only at the call
    is checked then.
    """
    node = as_node(x)
    if len(pattern) == 1 and isinstance(pattern[0], (tuple, list)):
        pattern = tuple(pattern[0])
    kept = [one_axis(a, node.ndim, "dimshuffle") for a in pattern if a != "x"]
    if len(set(kept)) != len(kept):
        raise ValueError(f"dimshuffle: pattern {pattern} names an axis twice")
    dropped = tuple(a for a in range(node.ndim) if a not in kept)
    _must_be_one(node, dropped, "dimshuffle", f"name axis {dropped[:1]} in the pattern")
    rest = [a for a in range(node.ndim) if a in kept]
    result = permute_axes(squeeze_axes(node, dropped), tuple(rest.index(a) for a in kept))
    return insert_axes(result, [k for k, a in enumerate(pattern) if a == "x"])


def one_axis(axis: Any, ndim: int, what: str) -> int:
    """One axis as a number from 0."""
    return normal_axes((axis,), ndim, what)[0]


def _listed(axes: Axes) -> list[int]:
    return list(axes) if isinstance(axes, (tuple, list)) else [axes]  # type: ignore[list-item]


# -- axes of length 1 -------------------------------------------------------------------------
def insert_axes(node: Node, places: Sequence[int]) -> Node:
    """The node with new axes of length 1 at the positions `places` of the result."""
    if not places:
        return node
    rest = iter(node.dims)
    ndim = node.ndim + len(places)
    dims = tuple(1 if k in places else next(rest) for k in range(ndim))
    return broadcast_axes(node, dims, tuple(k for k in range(ndim) if k not in places))


def expand_dims(a: Arraylike, axis: int | Sequence[int]) -> Node:
    """a with a new axis of length 1 at each position of the result that `axis` names."""
    node = as_node(a)
    places = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    return insert_axes(node, normal_axes(places, node.ndim + len(places), "expand_dims"))


def squeeze(x: Arraylike, axis: Axes = None) -> Node:
    """x without `axis`, whose length must be 1; without all axes declared as 1 for None.

    A length that is known only at the call is checked then, when `axis` names it.
    """
    node = as_node(x)
    if axis is None:
        return squeeze_axes(node, tuple(k for k, n in enumerate(node.dims) if n == 1))
    axes = normal_axes(axis, node.ndim, "squeeze")
    _must_be_one(node, axes, "squeeze", "use reshape or an index, x[0], for longer axes")
    return squeeze_axes(node, axes)


def _must_be_one(node: Node, axes: Sequence[int], what: str, fix: str) -> None:
    for axis in axes:
        n = node.dims[axis]
        if isinstance(n, int) and n != 1:
            raise ShapeError(
                teach(f"{what}: axis {axis} has length {n}, expected 1 to drop it", fix, [node])
            )


def atleast_Nd(*xs: Arraylike, n: int = 1, left: bool = True) -> Any:
    """Each x with axes of length 1 in front, or at the end where not `left`, until it has n.

    One x gives a tensor, several a list.
    """
    found = []
    for node in map(as_node, xs):
        missing = range(max(n - node.ndim, 0))
        found.append(insert_axes(node, missing if left else [node.ndim + k for k in missing]))
    return found[0] if len(found) == 1 else found


def atleast_1d(*xs: Arraylike, left: bool = True) -> Any:
    """Each x, scalars as vectors of one element; see `atleast_Nd`."""
    return atleast_Nd(*xs, n=1, left=left)


def atleast_2d(*xs: Arraylike, left: bool = True) -> Any:
    """Each x with axes of length 1 until it is a matrix; see `atleast_Nd`."""
    return atleast_Nd(*xs, n=2, left=left)


def atleast_3d(*xs: Arraylike, left: bool = True) -> Any:
    """Each x with axes of length 1 until it has three (NumPy puts them elsewhere); see
    `atleast_Nd`."""
    return atleast_Nd(*xs, n=3, left=left)


def shape_padleft(t: Arraylike, n_ones: int = 1) -> Node:
    """t with `n_ones` new axes of length 1 in front."""
    return insert_axes(as_node(t), range(n_ones))


def shape_padright(t: Arraylike, n_ones: int = 1) -> Node:
    """t with `n_ones` new axes of length 1 at the end."""
    node = as_node(t)
    return insert_axes(node, range(node.ndim, node.ndim + n_ones))


# -- other shapes -----------------------------------------------------------------------------
def target_shape(shape: Arraylike, what: str, ndim: int | None = None) -> Shape:
    """A shape as users write it; an int64 vector must have a known length or come with `ndim`."""
    if isinstance(shape, Node) and shape.ndim == 1:
        if ndim is None and not isinstance(shape.dims[0], int):
            raise ShapeError(
                teach(
                    f"{what}: the shape is a vector whose length is known only at the call, so "
                    "the rank of the result would be unknown",
                    "give the sizes one by one, or use reshape(x, shape, ndim=...)",
                    [shape],
                )
            )
        if ndim is not None:
            shape = [shape[k] for k in range(ndim)]
    result = as_shape(shape, what)
    if ndim is not None and len(result) != ndim:
        raise ShapeError(f"{what}: ndim={ndim}, but the shape has {len(result)} entries")
    return result


def whole_shape(shape: Arraylike, what: str) -> Shape:
    """A shape without -1."""
    result = target_shape(shape, what)
    for axis, n in enumerate(result):
        if isinstance(n, int) and n < 0:
            raise ShapeError(f"{what}: axis {axis} of the shape is {n}, expected 0 or more")
    return result


def reshape(x: Arraylike, newshape: Arraylike, ndim: int | None = None) -> Node:
    """The elements of x in row-major order in another shape.

    `newshape` holds ints and int64 scalars or is an int64 vector such as `y.shape`; one entry may
    be the int -1, which takes the length that is left.  Equal numbers of elements are checked
    now when both are known, else at the call.
    """
    node = as_node(x)
    target = list(target_shape(newshape, "reshape", ndim))
    total = sizes.product(node.dims)
    unknown = [k for k, n in enumerate(target) if n == -1]
    wrong = [n for n in target if isinstance(n, int) and n < -1]
    if len(unknown) > 1 or wrong:
        raise ShapeError(
            f"reshape: shape {render_shape(target)} found; expected sizes of 0 or more and at "
            "most one -1"
        )
    if unknown:
        rest = sizes.product(n for k, n in enumerate(target) if k not in unknown)
        if rest == 0 or (isinstance(rest, int) and isinstance(total, int) and total % rest):
            raise ShapeError(_misfit(node, target, total))
        target[unknown[0]] = sizes.floordiv(total, rest)
    count = sizes.product(target)
    if isinstance(count, int) and isinstance(total, int) and count != total:
        raise ShapeError(_misfit(node, target, total))
    return reshape_to(node, tuple(target))


def _misfit(node: Node, target: Sequence[SizeLike], total: SizeLike) -> str:
    return teach(
        f"reshape: {total} elements of shape {render_shape(node.dims)} do not fit into shape "
        f"{render_shape(target)}",
        "make the sizes multiply to the same number; one of them may be -1",
        [node],
    )


def flatten(x: Arraylike, ndim: int = 1) -> Node:
    """x with its last axes joined so that `ndim` remain; a scalar becomes a vector of one."""
    node = as_node(x)
    if not 1 <= ndim <= max(node.ndim, 1):
        raise ShapeError(
            teach(
                f"flatten: ndim={ndim} found, expected 1 to {max(node.ndim, 1)}",
                "flatten joins axes; expand_dims or reshape add some",
                [node],
            )
        )
    last = sizes.product(node.dims[ndim - 1 :])
    return reshape_to(node, (*node.dims[: ndim - 1], last))


def ravel(x: Arraylike) -> Node:
    """The elements of x in row-major order as a vector."""
    return flatten(x, 1)


def broadcast_to(x: Arraylike, shape: Arraylike) -> Node:
    """x repeated along new leading axes and along its axes of length 1 to fill `shape`.

    Raises ShapeError when another length of x differs from that of `shape`; lengths known only
    at the call are compared then, and only a length declared as 1 stretches.
    """
    node = as_node(x)
    target = whole_shape(shape, "broadcast_to")
    return stretch_to(node, target, "broadcast_to")


def stretch_to(node: Node, target: Shape, what: str) -> Node:
    """The node stretched to exactly `target`, with the checks of `broadcast_to`."""
    offset = len(target) - node.ndim
    fits = offset >= 0 and all(
        n == 1 or not isinstance(n, int) or not isinstance(m, int) or n == m
        for n, m in zip(node.dims, target[max(offset, 0) :], strict=False)
    )
    if not fits:
        raise ShapeError(
            teach(
                f"{what}: shape {render_shape(node.dims)} cannot be stretched to "
                f"{render_shape(target)}",
                "each axis, counted from the last, must have length 1 or that of the target",
                [node],
            )
        )
    return broadcast_axes(node, target, tuple(range(offset, len(target))))


# -- joining ----------------------------------------------------------------------------------
def concatenate(tensor_list: Sequence[Arraylike], axis: int = 0) -> Node:
    """The tensors one after the other along `axis`, in the dtype they promote to.

    Their other axes must agree: a difference that is known now is a ShapeError, the rest is
    checked at the call.
    """
    nodes = [as_node(x) for x in tensor_list]
    if not nodes:
        raise ValueError("concatenate: no tensors to join; expected at least one")
    ndim = nodes[0].ndim
    if ndim == 0 or any(node.ndim != ndim for node in nodes):
        raise ShapeError(
            teach(
                "concatenate: tensors of one rank, 1 or more, are expected; found ranks "
                f"{', '.join(str(node.ndim) for node in nodes)}",
                "use stack for a new axis, or add axes of length 1 with x[None]",
                nodes,
            )
        )
    k = one_axis(axis, ndim, "concatenate")
    _must_agree(nodes, [a for a in range(ndim) if a != k], "concatenate")
    dtype = result_dtype(nodes)
    return join_nodes([cast_to(node, dtype) for node in nodes], k)


def _must_agree(nodes: Sequence[Node], axes: Sequence[int], what: str) -> None:
    for axis in axes:
        known = {n for n in (node.dims[axis] for node in nodes) if isinstance(n, int)}
        if len(known) > 1:
            raise ShapeError(
                teach(
                    f"{what}: axis {axis} has lengths {sorted(known)}, expected equal ones",
                    "make them equal; nothing is stretched here",
                    nodes,
                )
            )


def join(axis: int, *tensors_list: Arraylike) -> Node:
    """`concatenate` with the axis in front, as in PyTensor."""
    if len(tensors_list) == 1 and isinstance(tensors_list[0], (list, tuple)):
        tensors_list = tuple(tensors_list[0])
    return concatenate(tensors_list, axis)


def stack(tensors: Sequence[Arraylike], axis: int = 0) -> Node:
    """Tensors of one shape side by side along a new axis; lists in lists give more axes."""
    nodes = [as_node(x) for x in tensors]
    if not nodes:
        raise ValueError("stack: no tensors to join; expected at least one")
    ndim = nodes[0].ndim
    if any(node.ndim != ndim for node in nodes):
        raise ShapeError(
            teach(
                "stack: tensors of one shape are expected; found ranks "
                f"{', '.join(str(node.ndim) for node in nodes)}",
                "stretch them with broadcast_to first",
                nodes,
            )
        )
    _must_agree(nodes, range(ndim), "stack")
    place = one_axis(axis, ndim + 1, "stack")
    dtype = result_dtype(nodes)
    return join_nodes([insert_axes(cast_to(node, dtype), [place]) for node in nodes], place)


_BUILDERS: dict[str, Callable[..., Node]] = {
    "transpose": transpose,
    "swapaxes": swapaxes,
    "dimshuffle": dimshuffle,
    "reshape": reshape,
    "flatten": flatten,
    "squeeze": squeeze,
    "stack": stack,
    "broadcast_to": broadcast_to,
}
for _name, _builder in _BUILDERS.items():
    register(_name, _builder)
