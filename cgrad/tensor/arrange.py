"""Tensors taken apart, repeated, turned round and put side by side.

Everything here is slices, stretched axes and joins: each has its derivative already.

Responsible for: what users may write for axes, counts and lengths.
Not responsible for: axes and shapes alone (`cgrad.tensor.shape`), edges (`cgrad.tensor.padding`).
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
from cgrad.ops.coerce import (
    Arraylike,
    as_node,
    as_size,
    broadcast_shape,
    cast_to,
    normal_axes,
    stretch,
)
from cgrad.ops.constants import Constant
from cgrad.ops.elementwise import apply
from cgrad.ops.search import search
from cgrad.ops.windows import join, part, run
from cgrad.tensor.creation import arange
from cgrad.tensor.declared import declared
from cgrad.tensor.indexing import getitem
from cgrad.tensor.lookup import take
from cgrad.tensor.math import sum as total
from cgrad.tensor.messages import teach
from cgrad.tensor.reductions import cumsum
from cgrad.tensor.shape import (
    atleast_1d,
    atleast_2d,
    concatenate,
    flatten,
    insert_axes,
    one_axis,
    stack,
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
    end: SizeLike = 0
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
        starts.append(end)
        end = end + length
    fix = "choose parts that add up, or cut with indices=[...]"
    if isinstance(end, int) and isinstance(n, int) and end != n:
        what = f"split: axis {k} has length {n}, its parts add up to {end}"
        raise ShapeError(teach(what, fix, [node]))
    dims = tuple(end if axis == k else size for axis, size in enumerate(node.dims))
    node = expect_shape(node, dims, "split", fix)
    return [run(node, k, a, length) for a, length in zip(starts, lengths, strict=True)]


# -- repeating --------------------------------------------------------------------------------
def tile(A: Arraylike, reps: Any) -> Node:
    """A side by side with itself: axis k, counted from the last, `reps[k]` times.

    `reps` is an int (or int64 scalar), or a sequence of them; the shorter of `reps` and the shape
    of A gets leading ones.
    """
    node = as_node(A)
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


def repeat(
    a: Arraylike,
    repeats: Any,
    axis: int | None = None,
    *,
    total_repeat_length: Arraylike | None = None,
) -> Node:
    """Each element `repeats` times in a row along `axis`; of the flattened a for None.

    `repeats` is an int or an int64 scalar, or a vector with one for each position of the axis.
    With a symbolic vector the length is known only once that is, and memory cannot be found for it
    in a compiled function: give it as `total_repeat_length`, an int or an int64 scalar (another sum
    is a ShapeError at the call).  Numbers below 0 are a ValueError, or repeat nothing when they are
    found at the call.
    """
    node = as_node(a)
    if axis is None:
        node, axis = flatten(node), 0
    k = one_axis(axis, node.ndim, "repeat")
    if isinstance(repeats, (list, tuple, np.ndarray, Node)) and as_node(repeats).ndim:
        return _repeated_each(node, as_node(repeats), k, total_repeat_length)
    count = as_size(repeats, "repeat: the number of repetitions")
    _not_negative([count], "repeat")
    wide = (*node.dims[: k + 1], count, *node.dims[k + 1 :])
    shape = tuple(n * count if axis == k else n for axis, n in enumerate(node.dims))
    places = tuple(axis + (axis > k) for axis in range(node.ndim))
    return node if count == 1 else reshape_to(broadcast_axes(node, wide, places), shape)


def _repeated_each(node: Node, counts: Node, axis: int, length: Arraylike | None) -> Node:
    """Position i of the axis counts[i] times."""
    n = node.dims[axis]
    if counts.ndim != 1 or not dtypes.is_integer(counts.dtype):
        raise DTypeError(
            teach(f"repeat: numbers of repetitions of type {counts.type!r} found, expected a "
                  "vector of integers", "pass an int, or an int64 vector", [node, counts])
        )  # fmt: skip
    if counts.dims[0] == 1:
        return repeat(node, getitem(counts, 0), axis)
    fix = "give one number of repetitions for each position of the axis"
    m = counts.dims[0]
    if isinstance(n, int) and isinstance(m, int) and n != m:
        what = f"repeat: {m} numbers of repetitions for an axis of length {n} found"
        raise ShapeError(teach(what, fix, [node, counts]))
    if isinstance(counts.op, Constant):
        known = np.asarray(counts.op.value)
        _not_negative([int(count) for count in known], "repeat")
        rows: Arraylike = np.repeat(np.arange(len(known)), known)
    else:
        counts = expect_shape(cast_to(counts, dtypes.INT64), (n,), "repeat", fix)
        ends = cumsum(apply("maximum", counts, 0))
        places = arange(total(apply("maximum", counts, 0)))
        if length is not None:
            places = declared(places, (as_size(length, "repeat: total_repeat_length"),), "repeat")
        rows = search(ends, places, after=True)
    return take(node, rows, axis)


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
    return join([run(node, axis, n - front, front), run(node, axis, 0, n - front)], axis)


def flip(arr: Arraylike, axis: Any = None) -> Node:
    """arr with the order of its elements reversed along `axis` (ints; all axes for None)."""
    node = as_node(arr)
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


def horizontal_stack(*tensors: Arraylike) -> Node:
    """Matrices side by side: `concatenate(tensors, axis=1)`."""
    return concatenate(_matrices(tensors, "horizontal_stack"), 1)


def vertical_stack(*tensors: Arraylike) -> Node:
    """Matrices on top of each other: `concatenate(tensors, axis=0)`."""
    return concatenate(_matrices(tensors, "vertical_stack"), 0)


def _matrices(tensors: Sequence[Arraylike], what: str) -> list[Node]:
    nodes = [as_node(x) for x in tensors]
    if not nodes or any(node.ndim != 2 for node in nodes):
        raise ShapeError(
            teach(f"{what}: ranks {[node.ndim for node in nodes]} found, expected matrices",
                  "use hstack or vstack, which take vectors too", nodes)
        )  # fmt: skip
    return nodes


def stacklists(arg: Any) -> Node:
    """Tensors in nested lists stacked: each level of the lists is a new leading axis."""
    if isinstance(arg, (list, tuple)):
        return stack([stacklists(item) for item in arg])
    return as_node(arg)


def concat_with_broadcast(tensor_list: Sequence[Arraylike], axis: int = 0) -> Node:
    """The tensors one after the other along `axis`, their other axes stretched to fit.

    Only an axis whose length is known to be 1 stretches.  All have the same number of axes.
    """
    nodes = [as_node(x) for x in tensor_list]
    if not nodes or any(node.ndim != nodes[0].ndim for node in nodes):
        raise ShapeError(
            teach("concat_with_broadcast: tensors of one rank expected; found ranks "
                  f"{[node.ndim for node in nodes]}", "add axes of length 1 with x[None]", nodes)
        )  # fmt: skip
    k = one_axis(axis, nodes[0].ndim, "concat_with_broadcast")
    lines = [part(node, k, 0, _one(node, k)) for node in nodes]
    dims = broadcast_shape(lines, "concat_with_broadcast")
    stretched = [stretch(node, (*dims[:k], node.dims[k], *dims[k + 1 :])) for node in nodes]
    return concatenate(stretched, k)


def _one(node: Node, axis: int) -> tuple[SizeLike, ...]:
    return tuple(1 if k == axis else n for k, n in enumerate(node.dims))


_BUILDERS: dict[str, Callable[..., Any]] = {"repeat": repeat}
for _name, _builder in _BUILDERS.items():
    register(_name, _builder)
