"""Indexing, `x[i, 1:, ::-1, None]`, and the copies with a window set or incremented.

A slice becomes a window (start, length, step) whose sizes have one normal form, so that lengths
that are equal for every n are equal as sizes: `x[1:]` and `x[:-1]`, `x[-3:]` and `x[:3]`.

Responsible for: reading Python indices, for every length of the axis including 0.
Not responsible for: the ops on windows (`cgrad.ops.windows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError, IndexBoundsError
from cgrad.ops.axes import Broadcast, squeeze_axes
from cgrad.ops.coerce import Arraylike, as_node, as_size
from cgrad.ops.constants import ShapeVector, size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.windows import Slice, Update, increment
from cgrad.tensor.lookup import (
    change_arrays,
    fitted,
    getitem_arrays,
    is_array_index,
    is_lookup,
    made_from,
)
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes, stretch_to

Interval = tuple[SizeLike, SizeLike, int]


def getitem(x: Arraylike, index: Any) -> Node:
    """The part of x that an index selects, as in NumPy.

    The index holds ints, integer scalars, slices (with symbolic bounds, and any step but 0 that is
    known now), None for a new axis, one `...`, integer arrays and boolean masks.  A position
    outside of its axis is an IndexError: now when the length is known, else at the call.
    """
    node = as_node(x)
    items = list(index) if isinstance(index, tuple) else [index]
    if any(is_array_index(item) for item in items):
        return getitem_arrays(node, items)
    items = _without_ellipsis(node, items)
    plain = [item for item in items if item is not None]
    if len(items) == 1:
        entry = _of_shape(node, items[0])
        if entry is not None:
            return entry
    fresh = _new_axes(items)
    if fresh and all(_is_full(item) for item in plain):
        return made_from(node, insert_axes(node, fresh))
    return made_from(node, insert_axes(Node(_window(node, plain), (node,)), fresh))


def _without_ellipsis(node: Node, items: list[Any]) -> list[Any]:
    """One entry for each axis, and the Nones."""
    for item in items:
        _must_be_basic(node, item)
    dots = [k for k, item in enumerate(items) if item is Ellipsis]
    used = len([item for item in items if item is not None and item is not Ellipsis])
    if len(dots) > 1:
        raise IndexBoundsError(teach("an index holds '...' at most once", "leave one out", [node]))
    if used > node.ndim:
        raise IndexBoundsError(
            teach(
                f"too many indices: {used} found, expected at most {node.ndim}",
                "index fewer axes, or add some with None",
                [node],
            )
        )
    place = dots[0] if dots else len(items)
    full = [slice(None)] * (node.ndim - used)
    return [*items[:place], *full, *items[place + 1 :]]


def _must_be_basic(node: Node, item: Any) -> None:
    if item is None or item is Ellipsis or isinstance(item, slice):
        return
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return
    kind = type(item).__name__
    if isinstance(item, (Node, np.ndarray)):
        index = as_node(item)
        kind = repr(index.type)
        if dtypes.is_integer(index.dtype) and index.ndim == 0:
            return
    raise DTypeError(
        teach(
            f"an index of {kind} found; expected integers, booleans, slices, None or '...'",
            "cast the index with .astype('int64') if it holds whole numbers",
            [node],
        )
    )


def _is_full(item: Any) -> bool:
    return isinstance(item, slice) and item == slice(None)


def _new_axes(items: Sequence[Any]) -> list[int]:
    """The positions of the Nones among the axes of the result."""
    places: list[int] = []
    axis = 0
    for item in items:
        if item is None:
            places.append(axis)
        axis += item is None or isinstance(item, slice)
    return places


def _window(node: Node, items: Sequence[Any]) -> Slice:
    intervals: list[Interval] = []
    for axis, (item, n) in enumerate(zip(items, node.dims, strict=True)):
        intervals.append(
            interval(item, n) if isinstance(item, slice) else (_position(node, axis, item), 1, 1)
        )
    starts, lengths, steps = zip(*intervals, strict=True) if intervals else ((), (), ())
    drops = tuple(not isinstance(item, slice) for item in items)
    return Slice(node.dims, starts, lengths, steps, drops)


def _position(node: Node, axis: int, item: Any) -> SizeLike:
    n = node.dims[axis]
    i = as_size(item, "an index")
    if isinstance(i, int) and isinstance(n, int) and not -n <= i < n:
        raise IndexBoundsError(
            teach(
                f"index {i} is out of bounds for axis {axis} with size {n}",
                f"use an index from {-n} to {n - 1}" if n else "the axis is empty",
                [node],
            )
        )
    return sizes.wrap(i, n)


def interval(item: slice, n: SizeLike) -> Interval:
    """(start, length, step) of a slice of an axis of length n.

    With start and stop counted from the front, a step s > 0 selects the k with
    max(start, 0) <= k < min(stop, n), a step s < 0 those with
    max(stop, -1) < k <= min(start, n - 1).  Both distances are the least of the distances
    between one upper and one lower limit; of these only the ones that can be least are kept.
    """
    step = 1 if item.step is None else as_size(item.step, "the step of a slice")
    if not isinstance(step, int):
        raise NotImplementedError(
            f"a slice whose step ({item.step!r}) is known only at the call is not built yet; "
            "use an int step, or scan over the positions"
        )
    if step == 0:
        raise ValueError("the step of a slice cannot be 0")
    first, last = (
        None if bound is None else sizes.wrap(as_size(bound, "the bound of a slice"), n)
        for bound in (item.start, item.stop)
    )
    lower, upper = (first, last) if step > 0 else (last, first)
    # the ends of the axis: [0, n) going up, (-1, n - 1] going down
    shift = 0 if step > 0 else -1
    lows = _limits(lower, shift, above=True)
    highs = _limits(upper, n + shift, above=False)
    distance = _least([high - low for high in highs for low in lows])
    distance = sizes.maximum(0, distance)
    length = sizes.floordiv(distance + (abs(step) - 1), abs(step))
    start = _combined(lows, sizes.maximum) if step > 0 else _combined(highs, sizes.minimum)
    return start, length, step


def _limits(bound: SizeLike | None, end: SizeLike, above: bool) -> list[SizeLike]:
    """The user's bound and the end of the axis, without one that the other makes superfluous."""
    if bound is None:
        return [end]
    low, high = sizes.bounds(bound - end if above else end - bound)
    if low is not None and low >= 0:
        return [bound]
    if high is not None and high <= 0:
        return [end]
    return [bound, end]


def _combined(limits: Sequence[SizeLike], choose: Any) -> SizeLike:
    result: SizeLike = limits[0] if len(limits) == 1 else choose(*limits)
    return result


def _least(candidates: Sequence[SizeLike]) -> SizeLike:
    """The minimum, without candidates that are never below another one."""
    kept: list[SizeLike] = []
    for size in candidates:
        if any(_never_below(size, other) for other in kept):
            continue
        kept = [other for other in kept if not _never_below(other, size)]
        kept.append(size)
    result = kept[0]
    for size in kept[1:]:
        result = sizes.minimum(result, size)
    return result


def _never_below(a: SizeLike, b: SizeLike) -> bool:
    low, _ = sizes.bounds(a - b)
    return low is not None and low >= 0


def head(node: Node, length: SizeLike) -> Node:
    """The first `length` rows of a node that has at least as many."""
    shape = node.dims
    lengths = (length, *shape[1:])
    zeros, ones = (0,) * node.ndim, (1,) * node.ndim
    return Node(Slice(shape, zeros, lengths, ones, (False,) * node.ndim), (node,))


def _of_shape(node: Node, item: Any) -> Node | None:
    """`x.shape[0]` and `x.shape[:2]` as sizes; None for an index that is known at the call."""
    if not isinstance(node.op, ShapeVector) or isinstance(item, (Node, np.ndarray)):
        return None
    if isinstance(item, slice):
        if any(isinstance(bound, Node) for bound in (item.start, item.stop, item.step)):
            return None
        return Node(ShapeVector(node.op.shape[item]))
    n = len(node.op.shape)
    return size_node(node.op.shape[int(item)]) if -n <= item < n else None


# -- copies with a window changed -------------------------------------------------------------
def set_subtensor(
    x: Node, y: Arraylike, inplace: bool = False, tolerate_inplace_aliasing: bool = False
) -> Node:
    """A copy of the indexed tensor with y in the window: `set_subtensor(x[1:], 0.0)`.

    y is stretched to the window and cast to the tensor's dtype.  Raises TypeError when `x` is
    no index expression, DTypeError when the cast would lose values, ShapeError when y does not
    fit.  The result has the shape of the tensor that was indexed last: for `x[1:][2]`, of `x[1:]`.
    The last two arguments, PyTensor's hints, change nothing: memory is shared where it can be.
    """
    x, y = _without_new_axes(x, y, "set_subtensor")
    if is_lookup(x):
        return change_arrays(x, y, "set_subtensor", add=False)
    base, window, value = _taken_apart(x, y, "set_subtensor")
    return Node(window.same(Update), (base, value))


def inc_subtensor(
    x: Node,
    y: Arraylike,
    inplace: bool = False,
    set_instead_of_inc: bool = False,
    tolerate_inplace_aliasing: bool = False,
    ignore_duplicates: bool = False,
) -> Node:
    """A copy of the indexed tensor with y added in the window; see `set_subtensor`.

    What is added at positions that repeat accumulates; with `ignore_duplicates` only the last of
    them counts, as in NumPy's `x[rows] += y`.  `set_instead_of_inc` is `set_subtensor`.
    """
    if set_instead_of_inc:
        return set_subtensor(x, y)
    if ignore_duplicates and is_lookup(x):
        return set_subtensor(x, apply("add", x, y))
    x, y = _without_new_axes(x, y, "inc_subtensor")
    if is_lookup(x):
        return change_arrays(x, y, "inc_subtensor", add=True)
    base, window, value = _taken_apart(x, y, "inc_subtensor")
    return increment(base, value, window)


def _without_new_axes(x: Any, y: Arraylike, what: str) -> tuple[Any, Arraylike]:
    """The indexed tensor and the value without the axes that None made in the index."""
    if not isinstance(x, Node) or x.base is None or not isinstance(x.op, Broadcast):
        return x, y
    (inner,) = x.args
    new = tuple(axis for axis in range(x.ndim) if axis not in x.op.axes)
    value = stretch_to(fitted(as_node(y), x.base, what), x.dims, what)
    return (getitem(inner, ...) if inner is x.base else inner), squeeze_axes(value, new)


def _taken_apart(x: Any, y: Arraylike, what: str) -> tuple[Node, Slice, Node]:
    if not isinstance(x, Node) or x.base is None or not isinstance(x.op, Slice):
        found = repr(x) if isinstance(x, Node) else type(x).__name__
        raise TypeError(
            teach(
                f"{what}: the first argument must be an index expression such as x[1:], "
                f"found {found}",
                f"write {what}(x[...], v) for all of x",
            )
        )
    base = x.base
    value = fitted(as_node(y), base, what)
    return base, x.op, stretch_to(value, x.dims, what)


register("getitem", getitem)
register("set_subtensor", set_subtensor)
register("inc_subtensor", inc_subtensor)
