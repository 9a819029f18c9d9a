"""Tensors taken apart, repeated, turned round and extended at their edges.

Everything here is slices, stretched axes and joins: each has its derivative already.

Responsible for: what users may write for axes, counts and widths.
Not responsible for: axes and shapes alone (`cgrad.tensor.shape`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.axes import broadcast_axes, expect_shape, reshape_to
from cgrad.ops.coerce import Arraylike, as_node, as_size, cast_to, normal_axes
from cgrad.ops.constants import is_weak
from cgrad.ops.windows import Slice, Update, join, part
from cgrad.tensor.indexing import getitem
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import (
    atleast_1d,
    atleast_2d,
    concatenate,
    flatten,
    insert_axes,
    one_axis,
    stretch_to,
)


def _run(x: Node, axis: int, start: SizeLike, length: SizeLike, step: int = 1) -> Node:
    """`length` positions of an axis from `start` on, forwards or backwards."""
    starts, lengths, steps = (
        tuple(new if k == axis else old for k, old in enumerate(given))
        for new, given in ((start, (0,) * x.ndim), (length, x.dims), (step, (1,) * x.ndim))
    )
    return Node(Slice(x.dims, starts, lengths, steps, (False,) * x.ndim), (x,))  # type: ignore[arg-type]


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


# -- taking apart -----------------------------------------------------------------------------
def split(
    x: Arraylike,
    splits_size: Any = None,
    n_splits: int | None = None,
    axis: int = 0,
    *,
    indices: Sequence[Any] | None = None,
) -> list[Node]:
    """The parts of x along `axis`, as a list.

    `splits_size` is a number of equal parts, or the lengths of the parts (ints or int64 scalars),
    as in PyTensor; `indices` holds the positions to cut at, as in NumPy.  `n_splits` is the number
    of parts where `splits_size` is an int64 vector.  Lengths that do not add up to that of the
    axis are a ShapeError, now when they are known, else at the call.
    """
    node = as_node(x)
    k = one_axis(axis, node.ndim, "split")
    if (splits_size is None) == (indices is None):
        raise TypeError("split: give either splits_size (a number or lengths) or indices")
    if indices is not None:
        cuts = [None, *indices, None]
        before = (slice(None),) * k
        pairs = itertools.pairwise(cuts)
        return [getitem(node, (*before, slice(a, b))) for a, b in pairs]
    n = node.dims[k]
    if isinstance(splits_size, (int, np.integer)):
        if splits_size < 1:
            raise ValueError(f"split: {splits_size} parts found, expected 1 or more")
        lengths = [sizes.floordiv(n, int(splits_size))] * int(splits_size)
    else:
        if isinstance(splits_size, Node) and n_splits is not None:
            splits_size = [splits_size[i] for i in range(n_splits)]
        lengths = [as_size(size, "split: a length") for size in splits_size]
        if n_splits not in (None, len(lengths)):
            raise ValueError(f"split: n_splits={n_splits}, but {len(lengths)} lengths found")
    total: SizeLike = 0
    starts = []
    for length in lengths:
        if isinstance(length, int) and length < 0:
            raise ShapeError(f"split: a part of length {length} found, expected 0 or more")
    # no part has more than all, which bounds the memory for it; then the sum would be wrong
    lengths = [
        size if isinstance(size, int) else sizes.maximum(0, sizes.minimum(size, n))
        for size in lengths
    ]
    for length in lengths:
        starts.append(total)
        total = total + length
    fix = "choose parts that add up, or cut with indices=[...]"
    if isinstance(total, int) and isinstance(n, int) and total != n:
        what = f"split: axis {k} has length {n}, its parts add up to {total}"
        raise ShapeError(teach(what, fix, [node]))
    dims = tuple(total if axis == k else size for axis, size in enumerate(node.dims))
    node = expect_shape(node, dims, "split", fix)
    return [_run(node, k, a, length) for a, length in zip(starts, lengths, strict=True)]


# -- repeating --------------------------------------------------------------------------------
def tile(x: Arraylike, reps: Any) -> Node:
    """x side by side with itself: axis k, counted from the last, `reps[k]` times.

    `reps` is an int (or int64 scalar), or a sequence of them; the shorter of `reps` and the shape
    of x gets leading ones.
    """
    node = as_node(x)
    given = list(reps) if isinstance(reps, (tuple, list, np.ndarray)) else [reps]
    counts = [as_size(count, "tile: a number of repetitions") for count in given]
    _not_negative(counts, "tile")
    counts = [*[1] * (node.ndim - len(counts)), *counts]
    node = insert_axes(node, range(len(counts) - node.ndim))
    double = [size for pair in zip(counts, node.dims, strict=True) for size in pair]
    every = tuple(range(1, 2 * node.ndim, 2))
    shape = tuple(count * n for count, n in zip(counts, node.dims, strict=True))
    if all(count == 1 for count in counts):
        return node
    return reshape_to(broadcast_axes(node, tuple(double), every), shape)


def repeat(x: Arraylike, repeats: Any, axis: int | None = None) -> Node:
    """Each element `repeats` times in a row along `axis`; of the flattened x for None.

    `repeats` is an int or an int64 scalar; a number for each element is not built.
    """
    node = as_node(x)
    if isinstance(repeats, (list, tuple, np.ndarray, Node)) and as_node(repeats).ndim:
        raise NotImplementedError(
            teach(
                "repeat: one number of repetitions for each element is not built",
                "give one int for all, or concatenate repeat(x[i], n) of parts",
                [node],
            )
        )
    count = as_size(repeats, "repeat: the number of repetitions")
    _not_negative([count], "repeat")
    if axis is None:
        node, axis = flatten(node), 0
    k = one_axis(axis, node.ndim, "repeat")
    wide = (*node.dims[: k + 1], count, *node.dims[k + 1 :])
    shape = tuple(n * count if axis == k else n for axis, n in enumerate(node.dims))
    places = tuple(axis + (axis > k) for axis in range(node.ndim))
    return node if count == 1 else reshape_to(broadcast_axes(node, wide, places), shape)


def _not_negative(counts: Sequence[SizeLike], what: str) -> None:
    for count in counts:
        if isinstance(count, int) and count < 0:
            raise ValueError(f"{what}: {count} repetitions found, expected 0 or more")


# -- turning round ----------------------------------------------------------------------------
def roll(x: Arraylike, shift: Any, axis: Any = None) -> Node:
    """x with its elements moved by `shift` along `axis`, those beyond the end coming in again.

    `shift` is an int or an int64 scalar, or a sequence with one for each of the axes; None rolls
    the flattened x, in the shape of x.
    """
    node = as_node(x)
    if axis is None:
        flat = flatten(node)
        return reshape_to(_rolled(flat, shift, 0), node.dims)
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    shifts = list(shift) if isinstance(shift, (tuple, list)) else [shift] * len(axes)
    if len(axes) == 1:
        axes = axes * len(shifts)
    if len(axes) != len(shifts):
        raise ValueError(f"roll: {len(shifts)} shifts for {len(axes)} axes found")
    for one, k in zip(shifts, axes, strict=True):
        node = _rolled(node, one, one_axis(k, node.ndim, "roll"))
    return node


def _rolled(node: Node, shift: Any, axis: int) -> Node:
    n = node.dims[axis]
    by = as_size(shift, "roll: the shift")
    cycle = sizes.maximum(1, n)
    # how many come in again at the front: shift modulo n
    front = by - sizes.floordiv(by, cycle) * cycle
    if front == 0:
        return node
    return join([_run(node, axis, n - front, front), _run(node, axis, 0, n - front)], axis)


def flip(x: Arraylike, axis: Any = None) -> Node:
    """x with the order of its elements reversed along `axis` (ints; all axes for None)."""
    node = as_node(x)
    axes = normal_axes(axis, node.ndim, "flip")
    steps = [slice(None, None, -1) if k in axes else slice(None) for k in range(node.ndim)]
    return getitem(node, tuple(steps)) if axes else node


# -- joining ----------------------------------------------------------------------------------
def hstack(tensors: Sequence[Arraylike]) -> Node:
    """The tensors side by side: vectors along axis 0, others along axis 1."""
    nodes = [atleast_1d(x) for x in tensors]
    return concatenate(nodes, 0 if nodes and nodes[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Arraylike]) -> Node:
    """The tensors on top of each other along axis 0; vectors are rows."""
    return concatenate([atleast_2d(x) for x in tensors], 0)


# -- extending --------------------------------------------------------------------------------
def pad(x: Arraylike, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Node:
    """x extended at the ends of its axes, as `numpy.pad`.

    `pad_width` is an int, a pair (before, after), or a pair for each axis.  Modes:

    constant   `constant_values`, given like `pad_width`, in the dtype of x
    edge       the first and the last element
    wrap       the elements of the other end
    reflect    the elements in reverse order, without the one at the edge
    symmetric  the elements in reverse order, with the one at the edge

    Where the length of an axis is known only at the call, the last three need a width of at most
    that length (for reflect, one less): more is a ShapeError at the call.
    """
    node = as_node(x)
    widths = [(int(a), int(b)) for a, b in _pairs(pad_width, node.ndim, "pad_width")]
    if any(a < 0 or b < 0 for a, b in widths):
        raise ValueError(f"pad: pad_width={pad_width} found, expected widths of 0 or more")
    if mode == "constant":
        return _with_constants(node, widths, constant_values)
    if mode not in ("edge", "wrap", "reflect", "symmetric"):
        raise NotImplementedError(
            f"pad: mode={mode!r} is not built; use constant, edge, wrap, reflect or symmetric"
        )
    for axis, (before, after) in enumerate(widths):
        if before or after:
            node = _extended(node, axis, before, after, mode)
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
    whole = dtypes.is_float(node.dtype) or not dtypes.is_float(number.dtype)
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
        parts.append(_run(node, axis, int(positions[start]), end - start, step))
        start = end
    return parts


def _by_ends(node: Node, axis: int, n: SizeLike, before: int, after: int, mode: str) -> list[Node]:
    """Parts of both ends, in axes that are long enough for them."""
    skipped = 1 if mode == "reflect" else 0
    node = _long_enough(node, axis, max(before, after) + skipped, mode)
    if mode == "wrap":
        front, back = _run(node, axis, n - before, before), _run(node, axis, 0, after)
    else:
        front = _run(node, axis, before - 1 + skipped, before, -1)
        back = _run(node, axis, n - 1 - skipped, after, -1)
    return [front, node, back]


_BUILDERS: dict[str, Callable[..., Any]] = {"repeat": repeat}
for _name, _builder in _BUILDERS.items():
    register(_name, _builder)
