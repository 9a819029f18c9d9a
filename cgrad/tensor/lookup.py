"""Indexing by integer arrays and boolean masks, with NumPy's rules for the axes of the result.

All arrays of an index run together: they are stretched to one shape, whose axes replace the
indexed ones, in their place when they are neighbours and in front otherwise.

Responsible for: `x[rows]`, `x[mask]`, their set and inc forms, `take`, `nonzero`, `argmax`.
Not responsible for: slices, ints, None and `...` alone (`cgrad.tensor.indexing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cgrad.core import derive, dtypes, sizes
from cgrad.core.graphs import node_size
from cgrad.core.node import Node
from cgrad.core.registry import build, register
from cgrad.errors import DTypeError, IndexBoundsError
from cgrad.ops.axes import (
    Broadcast,
    Permute,
    broadcast_axes,
    expect_shape,
    permute_axes,
    reshape_to,
)
from cgrad.ops.coerce import Arraylike, as_node, broadcast, cast_to, normal_axes
from cgrad.ops.constants import Arange, Constant, Data, constant, is_weak, size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.lookup import Argsort, Gather, Positions, Replace
from cgrad.ops.scalar import cast
from cgrad.ops.windows import Slice, Update
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes, stretch_to

Axis = int | Sequence[int] | None


def is_array_index(item: Any) -> bool:
    """Whether an entry of an index is an integer array or a mask."""
    if isinstance(item, Node):
        return item.ndim > 0 or item.dtype == dtypes.BOOL
    return isinstance(item, (list, tuple, bool, np.bool_)) or (
        isinstance(item, np.ndarray) and (item.ndim > 0 or item.dtype == bool)
    )


def getitem_arrays(x: Node, items: Sequence[Any]) -> Node:
    """x indexed by entries of which at least one is an array."""
    entries = _entries(x, items)
    axes = [entry for entry in entries if entry is not None]
    looked_up = [axis for axis, entry in enumerate(axes) if isinstance(entry, Node)]
    window = tuple(slice(None) if isinstance(entry, Node) else entry for entry in axes)
    y = x if all(entry == slice(None) for entry in window) else build("getitem", x, window)
    arrays = broadcast([axes[axis] for axis in looked_up], "index")
    shape = tuple(y.dims[axis] for axis in looked_up)
    for array, axis, n in zip(arrays, looked_up, shape, strict=True):
        _check_known(y, array, axis, n)
    arrays = [_counted(array) for array in arrays]
    rest = [axis for axis in range(y.ndim) if axis not in looked_up]
    first = permute_axes(y, (*looked_up, *rest))
    found = Node(Gather(shape), (first, *arrays))
    return made_from(x, _arranged(found, entries, arrays[0].ndim))


def made_from(x: Node, result: Node) -> Node:
    """`result`, all of whose nodes down to x are marked as made by one index expression of x.

    The structure alone does not tell `x[rows, 1:]` from `x[:, 1:][rows]`, and their set and inc
    forms are copies of different tensors.
    """
    node = result
    while node is not x:
        node.base = x
        node = node.args[0]
    return result


def _entries(x: Node, items: Sequence[Any]) -> list[Any]:
    """One entry an axis (a slice, or a node of positions) and the Nones."""
    spread: list[Any] = []
    for item in items:
        if is_array_index(item):
            spread += _positions_of(x, item, len([e for e in spread if e is not None]))
        elif isinstance(item, slice) or item is None or item is Ellipsis:
            spread.append(item)
        else:
            index = as_node(item)
            if index.ndim or not dtypes.is_integer(index.dtype):
                raise _not_an_index(x, index)
            spread.append(cast_to(index, dtypes.INT64))
    dots = [k for k, entry in enumerate(spread) if entry is Ellipsis]
    used = len([entry for entry in spread if entry is not None and entry is not Ellipsis])
    if used > x.ndim or len(dots) > 1:
        raise IndexBoundsError(
            teach(
                f"too many indices: {used} axes indexed, expected at most {x.ndim}",
                "index fewer axes; a mask counts for as many axes as it has",
                [x],
            )
        )
    at = dots[0] if dots else len(spread)
    tail = spread[at + 1 :] if dots else []
    return [*spread[:at], *[slice(None)] * (x.ndim - used), *tail]


def _positions_of(x: Node, item: Any, axis: int) -> list[Node]:
    """The index arrays that an integer array or a mask stands for."""
    empty = isinstance(item, (list, tuple)) and not len(item)
    index = constant(np.zeros(0, np.int64)) if empty else as_node(item)
    if index.dtype == dtypes.BOOL:
        if index.ndim == 0:
            raise NotImplementedError(
                "a single truth value as an index is not built yet; use switch(cond, a, b)"
            )
        axes = x.dims[axis : axis + index.ndim]
        if len(axes) == index.ndim:
            index = expect_shape(
                index, axes, "mask", "a mask has the lengths of the axes that it selects from"
            )
        return list(coordinates(index))
    if not dtypes.is_integer(index.dtype):
        raise _not_an_index(x, index)
    return [index]


def _not_an_index(x: Node, index: Node) -> DTypeError:
    return DTypeError(
        teach(
            f"an index of {index.type!r} found; expected integers, booleans, slices, None or '...'",
            "cast the index with .astype('int64') if it holds whole numbers",
            [x],
        )
    )


def _check_known(x: Node, array: Node, axis: int, n: Any) -> None:
    """IndexBoundsError for positions and lengths that are known now."""
    while array.op.name in ("broadcast", "cast"):
        array = array.args[0]
    if not isinstance(n, int) or not isinstance(array.op, (Constant, Data)):
        return
    values = np.asarray(array.op.value)
    bad = values[(values < -n) | (values >= n)]
    if bad.size:
        raise IndexBoundsError(
            teach(
                f"index {bad[0]} is out of bounds for axis {axis} with size {n}",
                f"use indices from {-n} to {n - 1}" if n else "the axis is empty",
                [x],
            )
        )


def _counted(array: Node) -> Node:
    """An index array of numbers that count 0, 1, 2, ... along one axis as a range stretched."""
    values = array.args[0] if isinstance(array.op, Broadcast) else array
    if not isinstance(values.op, (Constant, Data)):
        return array
    long = [axis for axis, n in enumerate(values.dims) if n != 1]
    length = values.op.value.size
    if len(long) != 1 or not np.array_equal(values.op.value.ravel(), np.arange(length)):
        return array
    (axis,) = long
    if isinstance(array.op, Broadcast):
        axis = array.op.axes[axis]
    return broadcast_axes(Node(Arange(length)), array.dims, (axis,))


def _arranged(found: Node, entries: Sequence[Any], nb: int) -> Node:
    """The axes of a gather (index axes first) where NumPy has them, and the new ones."""
    places = [k for k, entry in enumerate(entries) if isinstance(entry, Node)]
    together = places[-1] - places[0] + 1 == len(places)
    rest = iter(range(nb, found.ndim))
    order: list[int | None] = [] if together else list(range(nb))
    for k, entry in enumerate(entries):
        if isinstance(entry, Node):
            if together and k == places[0]:
                order += range(nb)
        else:
            order.append(None if entry is None else next(rest))
    axes = tuple(axis for axis in order if axis is not None)
    return insert_axes(
        permute_axes(found, axes), [k for k, axis in enumerate(order) if axis is None]
    )


# -- copies with looked-up elements changed ---------------------------------------------------
def is_lookup(x: Any) -> bool:
    """Whether a node is what `getitem_arrays` makes."""
    if not isinstance(x, Node) or x.base is None:
        return False
    inner = x.args[0] if isinstance(x.op, Permute) else x
    return isinstance(inner.op, Gather)


def change_arrays(x: Node, y: Arraylike, what: str, add: bool) -> Node:
    """A copy of the indexed tensor with y set or added where x was looked up.

    Added values accumulate where positions repeat; of set ones the last one stays.
    """
    order = x.op.axes if isinstance(x.op, Permute) else tuple(range(x.ndim))
    found = x.args[0] if isinstance(x.op, Permute) else x
    assert isinstance(found.op, Gather)
    first, arrays = found.args[0], found.args[1:]
    base = x.base
    assert base is not None
    window = first
    if first is not base and isinstance(first.op, Permute):
        window = first.args[0]
    value = stretch_to(fitted(as_node(y), base, what), x.dims, what)
    if add:
        (change,) = derive.vjp([x], [base], [value])
        total: Node = build("add", base, change)
        return total
    rows = permute_axes(value, tuple(order.index(k) for k in range(len(order))))
    result = Node(Replace(found.op.shape), (first, rows, *arrays))
    if first is not window:
        result = permute_axes(result, first.op.inverse())  # type: ignore[attr-defined]
    if window is not base:
        assert isinstance(window.op, Slice)
        result = Node(window.op.same(Update), (base, result))
    return result


def fitted(value: Node, base: Node, what: str) -> Node:
    """A value in the dtype of the tensor it goes into; DTypeError when that loses values."""
    if not np.can_cast(value.dtype, base.dtype, "same_kind"):
        raise DTypeError(
            teach(
                f"{what}: a {value.dtype} value does not fit into a tensor of {base.dtype} "
                "without loss",
                f"cast the value with .astype({base.dtype!r}), or the tensor with "
                f".astype({value.dtype!r})",
                [base, value],
            )
        )
    if is_weak(value) and value.dtype != base.dtype and value.ndim == 0:
        return constant(np.asarray(value.op.value, base.dtype))  # type: ignore[attr-defined]
    return cast(value, base.dtype, implicit=True)


# -- positions --------------------------------------------------------------------------------
def nonzero(a: Arraylike, return_matrix: bool = False) -> Any:
    """The positions of the elements of a that are not 0 (or are true), in row-major order.

    One int64 vector for each axis of a, in a tuple; their length is known only once a is.
    `return_matrix` stacks them: (a.ndim, length).
    """
    found = coordinates(as_node(a))
    return build("stack", found) if return_matrix else found


def coordinates(node: Node) -> tuple[Node, ...]:
    """`nonzero`, one vector for each axis."""
    if node.ndim == 0:
        raise TypeError("nonzero: found a 0-d tensor, expected an axis; use switch(cond, a, b)")
    flat = flatnonzero(node)
    result = []
    for axis in range(node.ndim):
        inner = sizes.product(node.dims[axis + 1 :])
        rows = flat if inner == 1 else apply("floor_div", flat, size_node(inner))
        result.append(rows if axis == 0 else apply("mod", rows, size_node(node.dims[axis])))
    return tuple(result)


def flatnonzero(a: Arraylike) -> Node:
    """The positions in the flattened a of its elements that are not 0: an int64 vector."""
    node = as_node(a)
    mask = cast(node, dtypes.BOOL)
    total = sizes.product(mask.dims)
    flat = reshape_to(mask, (total,))
    count = build("sum", cast(flat, dtypes.INT64))
    return Node(Positions(sizes.minimum(node_size(count), total)), (flat,))


def take(a: Arraylike, indices: Arraylike, axis: int | None = None, mode: str = "raise") -> Node:
    """The slices of `a` at `indices` along `axis` (of the flattened `a` by default).

    The axes of `indices` replace the axis.  mode: "raise" checks positions, "clip" limits them to
    the ends, "wrap" takes them modulo the length.
    """
    node, index = as_node(a), as_node(indices)
    if mode not in ("raise", "clip", "wrap"):
        raise ValueError(f'take: mode is {mode!r}, expected "raise", "clip" or "wrap"')
    if axis is None:
        node, axis = reshape_to(node, (sizes.product(node.dims),)), 0
    (axis,) = normal_axes(axis, node.ndim, "take")
    length = size_node(node.dims[axis])
    if mode == "clip":
        index = apply("maximum", 0, apply("minimum", index, length - 1))
    elif mode == "wrap":
        index = apply("mod", index, length)
    result: Node = build("getitem", node, (*[slice(None)] * axis, index))
    return result


def compress(condition: Arraylike, x: Arraylike, axis: int | None = None) -> Node:
    """The slices of x along `axis` (of the flattened x by default) where `condition` is true."""
    (rows,) = coordinates(as_node(condition))
    return take(x, rows, axis)


def take_along_axis(arr: Arraylike, indices: Arraylike, axis: int = 0) -> Node:
    """out[..., i, ...] = arr[..., indices[..., i, ...], ...], the ellipses running together."""
    node, index = as_node(arr), as_node(indices)
    if node.ndim != index.ndim:
        raise TypeError(
            f"take_along_axis: indices have {index.ndim} axes, expected the {node.ndim} of x"
        )
    (axis,) = normal_axes(axis, node.ndim, "take_along_axis")
    items: list[Any] = []
    for k, n in enumerate(node.dims):
        if k == axis:
            items.append(index)
            continue
        counter: Node = build("arange", size_node(n))
        others = [j for j in range(node.ndim) if j != k]
        items.append(insert_axes(counter, others))
    result: Node = build("getitem", node, tuple(items))
    return result


def argmax(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """The position of the first largest element along `axis` (of the flattened x): int64.

    Over several axes it is the position in the flattened part of x that they span.  A nan counts
    as the largest, as in NumPy.  The derivative is zero.
    """
    return _arg("max", x, axis, keepdims)


def argmin(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """The position of the first smallest element along `axis`; a nan counts as the smallest."""
    return _arg("min", x, axis, keepdims)


def max_and_argmax(a: Arraylike, axis: Axis = None, keepdims: bool = False) -> tuple[Node, Node]:
    """`max` and `argmax` over `axis`."""
    return build("max", a, axis=axis, keepdims=keepdims), argmax(a, axis, keepdims)


def _arg(which: str, x: Arraylike, axis: Axis, keepdims: bool) -> Node:
    node = as_node(x)
    axes = normal_axes(axis, node.ndim, f"arg{which}")
    at = axes[0] if len(axes) == 1 else node.ndim - len(axes)
    if len(axes) != 1:
        kept = tuple(k for k in range(node.ndim) if k not in axes)
        moved = permute_axes(node, (*kept, *axes))
        node = reshape_to(moved, (*moved.dims[:at], sizes.product(moved.dims[at:])))
    best = build(which, node, axis=at, keepdims=True)
    hit = apply("eq", node, build("second", node, best))
    if dtypes.is_float(node.dtype):
        hit = apply("or_", hit, apply("isnan", node))
    n = size_node(node.dims[at])
    counter: Node = build("arange", n)
    counter = insert_axes(counter, [k for k in range(node.ndim) if k != at])
    first: Node = build("min", apply("switch", hit, counter, n), axis=at)
    return insert_axes(first, axes) if keepdims else first


def argsort(
    a: Arraylike,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    stable: bool | None = None,
) -> Node:
    """The positions that sort a along `axis` (the flattened a for None): stable whatever
    `kind` and `stable` say, nan last."""
    _no_fields(order, "argsort")
    node, at = _sorted_axis(a, axis, "argsort")
    last = (*(k for k in range(node.ndim) if k != at), at)
    positions = Node(Argsort(), (permute_axes(node, last),))
    return permute_axes(positions, tuple(last.index(k) for k in range(node.ndim)))


def sort(
    a: Arraylike,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    stable: bool | None = None,
) -> Node:
    """a sorted along `axis` (the flattened a for None), nan last.

    The derivative follows each element to its place; elements that tie keep their order, whatever
    `kind` and `stable` say.
    """
    _no_fields(order, "sort")
    node, at = _sorted_axis(a, axis, "sort")
    return take_along_axis(node, argsort(node, at), at)


def _no_fields(order: Any, what: str) -> None:
    if order is not None:
        raise NotImplementedError(
            f"{what}: order={order!r} names fields, which tensors do not have"
        )


def _sorted_axis(x: Arraylike, axis: int | None, what: str) -> tuple[Node, int]:
    node = as_node(x)
    if axis is None:
        return reshape_to(node, (sizes.product(node.dims),)), 0
    (at,) = normal_axes(axis, node.ndim, what)
    return node, at


_BUILDERS: dict[str, Callable[..., Any]] = {
    "argmax": argmax,
    "argmin": argmin,
    "argsort": argsort,
    "compress": compress,
    "flatnonzero": flatnonzero,
    "nonzero": nonzero,
    "sort": sort,
    "take": take,
    "take_along_axis": take_along_axis,
}
for _name, _function in _BUILDERS.items():
    register(_name, _function)
