"""Elements chosen by position: choose, searchsorted, flat and joint indices, permutations.

Responsible for: what users may pass, promotion, stretching.
Not responsible for: `x[...]`, `take`, `nonzero`, `sort` (`cgrad.tensor.lookup`), the ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.coerce import Arraylike, as_node, as_shape, broadcast, cast_to, result_dtype
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.search import search
from cgrad.tensor.creation import arange
from cgrad.tensor.indexing import getitem
from cgrad.tensor.lookup import argsort, flatnonzero, take, take_along_axis
from cgrad.tensor.math import switch
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import flatten, insert_axes, stack

MODES = ("raise", "clip", "wrap")


def _whole(x: Arraylike, what: str) -> Node:
    """An integer tensor as int64."""
    node = as_node(x)
    if not dtypes.is_integer(node.dtype):
        raise DTypeError(
            teach(f"{what}: {node.dtype} found, expected integers",
                  "cast with .astype('int64') if it holds whole numbers", [node])
        )  # fmt: skip
    return cast_to(node, dtypes.INT64)


def _mode(mode: str, what: str) -> None:
    if mode not in MODES:
        raise ValueError(f"{what}: mode={mode!r} found, expected 'raise', 'clip' or 'wrap'")


# -- choices ------------------------------------------------------------------------------------
def choose(a: Arraylike, choices: Any, mode: str = "raise") -> Node:
    """out[i] = choices[a[i]][i], as `numpy.choose`.

    a        integers
    choices  a sequence of tensors, or a tensor whose first axis numbers them; all are promoted and
             stretched to one shape together with a
    mode     what a number without a choice means: "raise" an IndexBoundsError at the call, "clip"
             the nearest choice, "wrap" counted modulo their number
    """
    _mode(mode, "choose")
    which = _whole(a, "choose")
    if isinstance(choices, (list, tuple)):
        parts = [as_node(choice) for choice in choices]
        if not parts:
            raise ValueError("choose: no choices found, expected at least one")
        dtype = result_dtype(parts)
        which, *parts = broadcast([which, *(cast_to(part, dtype) for part in parts)], "choose")
        table = stack(parts)
    else:
        table = as_node(choices)
        if table.ndim == 0:
            raise ShapeError(
                teach("choose: a scalar found, expected an axis that numbers the choices",
                      "pass a list: choose(a, [x, y])", [table])
            )  # fmt: skip
        missing = which.ndim - (table.ndim - 1)
        table = insert_axes(table, range(1, 1 + missing))
        which, first = broadcast([which, getitem(table, 0)], "choose")
        table = stretch_along(table, insert_axes(first, [0]), "choose")
    count = size_node(table.dims[0])
    if mode == "clip":
        which = apply("maximum", 0, apply("minimum", which, count - 1))
    elif mode == "wrap":
        which = apply("mod", which, count)
    else:
        which = _not_from_the_end(which, count)
    return getitem(take_along_axis(table, insert_axes(which, [0]), 0), 0)


def stretch_along(x: Node, like: Node, what: str) -> Node:
    """x stretched where `like` is longer."""
    return broadcast([x, like], what)[0]


def _not_from_the_end(index: Node, n: Node) -> Node:
    """Positions below 0 as positions that are out of bounds."""
    return switch(apply("lt", index, 0), n, index)


def nonzero_values(a: Arraylike) -> Node:
    """The elements of a that are not 0, in row-major order, as a vector.

    Their number is known only at the call.  The derivative goes to where they come from.
    """
    node = as_node(a)
    return getitem(flatten(node), flatnonzero(node))


def slice_at_axis(sl: slice, axis: int) -> tuple[Any, ...]:
    """The index that has the slice at `axis`, counted from the end when negative.

    `x[slice_at_axis(slice(1, None), 2)]` is `x[:, :, 1:]`, with -1 it is `x[..., 1:]`.
    """
    if axis >= 0:
        return (*(slice(None),) * axis, sl)
    return (Ellipsis, sl, *(slice(None),) * (-axis - 1))


# -- searching ----------------------------------------------------------------------------------
def searchsorted(
    x: Arraylike, v: Arraylike, side: str = "left", sorter: Arraylike | None = None
) -> Node:
    """Where each element of v would be inserted in the sorted vector x: int64, in the shape of v.

    side    "left": in front of equal elements, "right": behind them
    sorter  the positions that sort x, such as `argsort(x)`

    nan counts as the largest.  A binary search; x is not checked to be sorted.
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side={side!r} found, expected 'left' or 'right'")
    row, wanted = as_node(x), as_node(v)
    if row.ndim != 1:
        raise ShapeError(
            teach(f"searchsorted: x has {row.ndim} axes, expected a vector",
                  "flatten it, or search each row", [row])
        )  # fmt: skip
    if sorter is not None:
        row = take(row, sorter)
    dtype = result_dtype([row, wanted])
    return search(cast_to(row, dtype), cast_to(wanted, dtype), side == "right")


# -- positions in several axes ------------------------------------------------------------------
def _strides(dims: Sequence[SizeLike], order: str, what: str) -> list[SizeLike]:
    if order not in ("C", "F"):
        raise ValueError(f"{what}: order={order!r} found, expected 'C' or 'F'")
    ndim = len(dims)
    return [sizes.product(dims[k + 1 :] if order == "C" else dims[:k]) for k in range(ndim)]


def unravel_index(indices: Arraylike, dims: Arraylike, order: str = "C") -> tuple[Node, ...]:
    """Positions in a flattened array of shape `dims` as one position for each of its axes.

    int64, each in the shape of `indices`; `order` is "C" (last axis fastest) or "F".  A position
    outside of the array is an IndexBoundsError at the call.
    """
    shape = as_shape(dims, "unravel_index: an entry of dims")
    strides = _strides(shape, order, "unravel_index")
    flat = _whole(indices, "unravel_index")
    flat = _in_bounds(flat, sizes.product(shape))
    return tuple(
        apply("mod", apply("floor_div", flat, size_node(stride)), size_node(n))
        for stride, n in zip(strides, shape, strict=True)
    )


def ravel_multi_index(
    multi_index: Sequence[Arraylike], dims: Arraylike, mode: str = "raise", order: str = "C"
) -> Node:
    """Positions in each axis of an array of shape `dims` as positions in the flattened array.

    mode: "raise" (an IndexBoundsError at the call), "clip" or "wrap" positions outside of an axis.
    int64, in the shape that the positions stretch to.
    """
    _mode(mode, "ravel_multi_index")
    shape = as_shape(dims, "ravel_multi_index: an entry of dims")
    strides = _strides(shape, order, "ravel_multi_index")
    if isinstance(multi_index, Node):
        multi_index = [getitem(multi_index, k) for k in range(len(shape))]
    if len(multi_index) != len(shape):
        raise ValueError(
            f"ravel_multi_index: positions for {len(multi_index)} axes found, expected {len(shape)}"
        )
    arrays = broadcast([_whole(a, "ravel_multi_index") for a in multi_index], "ravel_multi_index")
    total: Node | None = None
    for array, n, stride in zip(arrays, shape, strides, strict=True):
        if mode == "clip":
            at = apply("maximum", 0, apply("minimum", array, size_node(n) - 1))
        elif mode == "wrap":
            at = apply("mod", array, size_node(n))
        else:
            at = _in_bounds(array, n)
        part = apply("mul", at, size_node(stride))
        total = part if total is None else apply("add", total, part)
    assert total is not None
    return total


def _in_bounds(index: Node, n: SizeLike) -> Node:
    """The positions, checked to be at least 0 and less than n."""
    length = size_node(n)
    return take(arange(length), _not_from_the_end(index, length))


# -- permutations -------------------------------------------------------------------------------
def inverse_permutation(perm: Arraylike) -> Node:
    """The permutation that undoes `perm`, of each row (last axis): int64."""
    return argsort(_whole(perm, "inverse_permutation"))


def permute_row_elements(x: Arraylike, y: Arraylike, inverse: bool = False) -> Node:
    """Each row (last axis) of x in the order that the row of y gives: out[..., i] = x[..., y[i]].

    Leading axes stretch; `inverse` applies the inverse permutation.
    """
    node, order = as_node(x), _whole(y, "permute_row_elements")
    if inverse:
        order = inverse_permutation(order)
    ndim = max(node.ndim, order.ndim)
    node, order = (insert_axes(a, range(ndim - a.ndim)) for a in (node, order))
    if node.ndim == 1:
        return take(node, order)
    what = "permute_row_elements"
    first = broadcast([getitem(node, (..., 0)), getitem(order, (..., 0))], what)
    rows = [insert_axes(lead, [ndim - 1]) for lead in first]
    return take_along_axis(
        stretch_along(node, rows[0], what), stretch_along(order, rows[1], what), -1
    )


register("choose", choose)
register("searchsorted", searchsorted)
