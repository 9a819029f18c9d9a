"""Tensors extended at the ends of their axes: `pad`.

Everything here is slices, stretched axes and joins: each has its derivative already.

Responsible for: what users may write for widths, modes and values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.axes import broadcast_axes, expect_shape
from cgrad.ops.coerce import Arraylike, as_node, cast_to
from cgrad.ops.constants import is_weak
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import cast
from cgrad.ops.windows import Update, join, part, run
from cgrad.tensor.creation import arange
from cgrad.tensor.math import max as largest
from cgrad.tensor.math import mean
from cgrad.tensor.math import min as smallest
from cgrad.tensor.math import round_half_to_even as rounded
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes, stretch_to

MODES = ("edge", "wrap", "reflect", "symmetric")
STATISTICS: dict[str, Callable[..., Node]] = {"maximum": largest, "minimum": smallest, "mean": mean}


def _long_enough(x: Node, axis: int, least: int, mode: str) -> Node:
    """x, whose axis has to have `least` elements; checked at the call when that is not known."""
    dims = list(x.dims)
    dims[axis] = sizes.maximum(least, dims[axis])
    return expect_shape(
        x,
        tuple(dims),
        f"pad with mode={mode!r} needs {least} elements",
        "use narrower widths, mode='constant', or a longer tensor",
    )


def pad(
    x: Arraylike,
    pad_width: Any,
    mode: str = "constant",
    constant_values: Any = 0,
    end_values: Any = 0,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Node:
    """x extended at the ends of its axes, as `numpy.pad`.

    `pad_width` is an int, a pair (before, after), or a pair for each axis.  Modes:

    constant     `constant_values`, given like `pad_width`, in the dtype of x
    edge         the first and the last element
    linear_ramp  evenly spaced from the element at the edge to `end_values`, given like `pad_width`
    maximum, minimum, mean  that of the row, or of its `stat_length` elements next to the edge
    wrap         the elements of the other end
    reflect      the elements in reverse order, without the one at the edge
    symmetric    the elements in reverse order, with the one at the edge

    Where the length of an axis is known only at the call, the last three need a width of at most
    that length (for reflect, one less): more is a ShapeError at the call.
    """
    if reflect_type != "even":
        raise NotImplementedError(f"pad: reflect_type={reflect_type!r} is not built; use 'even'")
    node = as_node(x)
    widths = [(int(a), int(b)) for a, b in _pairs(pad_width, node.ndim, "pad_width")]
    if any(a < 0 or b < 0 for a, b in widths):
        raise ValueError(f"pad: pad_width={pad_width} found, expected widths of 0 or more")
    if mode == "constant":
        return _with_constants(node, widths, constant_values)
    ends = _pairs(end_values, node.ndim, "end_values")
    stats = _pairs(stat_length, node.ndim, "stat_length")
    if mode not in (*MODES, *STATISTICS, "linear_ramp"):
        raise NotImplementedError(
            f"pad: mode={mode!r} is not built; use constant, edge, linear_ramp, maximum, minimum, "
            "mean, wrap, reflect or symmetric"
        )
    for axis, pair in enumerate(widths):
        if pair == (0, 0):
            continue
        if mode in STATISTICS:
            node = _with_statistics(node, axis, pair, mode, stats[axis])
        elif mode == "linear_ramp":
            node = _with_ramps(node, axis, pair, ends[axis])
        else:
            node = _extended(node, axis, *pair, mode)
    return node


def _pairs(given: Any, ndim: int, what: str) -> list[tuple[Any, Any]]:
    """One pair (before, after) for each axis."""
    if not isinstance(given, (tuple, list, np.ndarray)):
        return [(given, given)] * ndim
    rows = [tuple(row) if isinstance(row, (tuple, list, np.ndarray)) else (row,) for row in given]
    if all(len(row) == 1 for row in rows) and not isinstance(given[0], (tuple, list, np.ndarray)):
        # (before, after), or (width,), of every axis
        rows = [tuple(given)]
    if len(rows) == 1:
        rows = rows * ndim
    if len(rows) != ndim or any(len(row) not in (1, 2) for row in rows):
        raise ValueError(
            f"pad: {what}={given} found, expected one value, a pair, or a pair for each of "
            f"{ndim} axes"
        )
    return [(row[0], row[-1]) for row in rows]


def _with_constants(node: Node, widths: list[tuple[int, int]], values: Any) -> Node:
    if not isinstance(values, (tuple, list, np.ndarray)):
        lengths = tuple(a + n + b for n, (a, b) in zip(node.dims, widths, strict=True))
        around = stretch_to(_constant(values, node), lengths, "pad")
        starts, ones = tuple(a for a, _ in widths), (1,) * node.ndim
        window = Update(lengths, starts, node.dims, ones, (False,) * node.ndim)
        return node if lengths == node.dims else Node(window, (around, node))
    # as in NumPy, the values of later axes fill the corners
    for axis, (ends, (a, b)) in enumerate(
        zip(_pairs(values, node.ndim, "constant_values"), widths, strict=True)
    ):
        parts = [_filled(node, axis, a, ends[0]), node, _filled(node, axis, b, ends[1])]
        node = join([p for p in parts if p is node or p.dims[axis] != 0], axis)
    return node


def _filled(node: Node, axis: int, length: int, value: Any) -> Node:
    dims = tuple(length if k == axis else n for k, n in enumerate(node.dims))
    return stretch_to(_constant(value, node), dims, "pad")


def _constant(value: Any, node: Node) -> Node:
    number = as_node(value)
    kind = "same_kind" if not is_weak(number) else "safe"
    whole = dtypes.is_inexact(node.dtype) or not dtypes.is_inexact(number.dtype)
    if number.ndim or not whole or (
        kind == "same_kind" and not np.can_cast(number.dtype, node.dtype, "same_kind")
    ):  # fmt: skip
        raise DTypeError(
            teach(
                f"pad: a scalar of {node.dtype} expected for the constant, found {number!r}",
                "cast the constant, or x",
                [node],
            )
        )
    return cast_to(number, node.dtype)


def _with_statistics(
    node: Node, axis: int, widths: tuple[int, int], mode: str, lengths: tuple[Any, Any]
) -> Node:
    n = node.dims[axis]
    if any(length is not None and length < 1 for length in lengths):
        raise ValueError(f"pad: stat_length={lengths} found, expected lengths of 1 or more")
    sides = []
    for width, length, last in zip(widths, lengths, (False, True), strict=True):
        count = n if length is None else sizes.minimum(int(length), n)
        rows = node if length is None else run(node, axis, n - count if last else 0, count)
        value = STATISTICS[mode](rows, axis=axis, keepdims=True)
        if not dtypes.is_inexact(node.dtype):
            value = cast(rounded(value), node.dtype)
        sides.append(_stretched(value, axis, width))
    return join([p for p in (sides[0], node, sides[1]) if p.dims[axis] != 0], axis)


def _with_ramps(node: Node, axis: int, widths: tuple[int, int], values: tuple[Any, Any]) -> Node:
    if node.dtype == dtypes.BOOL:
        raise DTypeError(teach("pad: a ramp of bool found", "cast x to a number", [node]))
    node = _long_enough(node, axis, 1, "linear_ramp")
    sides = []
    for width, value, last in zip(widths, values, (False, True), strict=True):
        edge = part(node, axis, node.dims[axis] - 1 if last else 0, _one(node, axis))
        wide = dtypes.as_float(node.dtype)
        edge, end = cast_to(edge, wide), cast_to(_constant(value, node), wide)
        steps = arange(1, width + 1) if last else arange(width, 0, -1)
        others = [k for k in range(node.ndim) if k != axis]
        share = apply("true_div", insert_axes(cast_to(steps, wide), others), max(width, 1))
        # from the end to the edge, as NumPy counts
        ramp = apply("add", end, apply("mul", apply("sub", edge, end), apply("sub", 1.0, share)))
        if not dtypes.is_inexact(node.dtype):
            ramp = cast(apply("floor", ramp), node.dtype)
        sides.append(ramp)
    return join([p for p in (sides[0], node, sides[1]) if p.dims[axis] != 0], axis)


def _extended(node: Node, axis: int, before: int, after: int, mode: str) -> Node:
    n = node.dims[axis]
    if n == 0:
        raise ShapeError(
            teach(f"pad: axis {axis} has no elements to extend with mode={mode!r}",
                  "use mode='constant'", [node])
        )  # fmt: skip
    if mode == "edge":
        node = _long_enough(node, axis, 1, mode)
        first, last = (part(node, axis, at, _one(node, axis)) for at in (0, n - 1))
        parts = [_stretched(first, axis, before), node, _stretched(last, axis, after)]
    elif isinstance(n, int):
        parts = _by_runs(node, axis, np.pad(np.arange(n), (before, after), mode))  # type: ignore[call-overload]
    else:
        parts = _by_ends(node, axis, n, before, after, mode)
    return join([p for p in parts if p.dims[axis] != 0], axis)


def _one(node: Node, axis: int) -> tuple[SizeLike, ...]:
    return tuple(1 if k == axis else n for k, n in enumerate(node.dims))


def _stretched(row: Node, axis: int, length: int) -> Node:
    dims = tuple(length if k == axis else n for k, n in enumerate(row.dims))
    return broadcast_axes(row, dims, tuple(range(row.ndim)))


def _by_runs(node: Node, axis: int, positions: Any) -> list[Node]:
    """The rows at `positions`, as slices of neighbours."""
    parts = []
    start = 0
    while start < len(positions):
        end = start + 1
        step = int(positions[end] - positions[start]) if end < len(positions) else 1
        if abs(step) != 1:
            step = 1
        while end < len(positions) and positions[end] - positions[end - 1] == step:
            end += 1
        parts.append(run(node, axis, int(positions[start]), end - start, step))
        start = end
    return parts


def _by_ends(node: Node, axis: int, n: SizeLike, before: int, after: int, mode: str) -> list[Node]:
    """Parts of both ends, in axes that are long enough for them."""
    skipped = 1 if mode == "reflect" else 0
    node = _long_enough(node, axis, max(before, after) + skipped, mode)
    if mode == "wrap":
        front, back = run(node, axis, n - before, before), run(node, axis, 0, after)
    else:
        front = run(node, axis, before - 1 + skipped, before, -1)
        back = run(node, axis, n - 1 - skipped, after, -1)
    return [front, node, back]
