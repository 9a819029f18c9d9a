"""Indexing by integer arrays: gather / scatter, replacing rows, positions of a mask.

The looked-up axes come first in `x`; index arrays have one shape B, one array for each axis.
Indices count from the end when negative, and are checked against their axis before use.

Responsible for: the ops.  Not responsible for: NumPy's index expressions (`cgrad.tensor.lookup`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.exprs import Expr, Index
from cgrad.core.node import Node, Op, Shape, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import all_leading, broadcast_axes, permute_axes, reshape_to, without
from cgrad.ops.constants import Arange, constant
from cgrad.ops.distinct import are_distinct
from cgrad.ops.kinds import Pull
from cgrad.ops.lines import untie
from cgrad.ops.terms import Line, whole


class Lookup(Op):
    """What the ops with index arrays share: `shape` are the sizes of the axes looked up."""

    __slots__ = ("shape",)
    takes_complex = True
    size_slots = ("shape",)
    # the arguments in front of the index arrays
    values = 1

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def indices(self, node: Node) -> tuple[Node, ...]:
        return node.args[self.values :]

    def connects(self, position: int) -> bool:
        return position < self.values

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        result = []
        for position in range(self.values):
            for term in terms[position] or ():
                arg = node.args[position]
                before = arg.ndim - (node.ndim - len(self._front(node)))
                for row in range(before):
                    term = untie(term, row, arg.dims[row])
                axes = [line.axis for line in term.rows[:before]]
                rest = [k for k in range(term.value.ndim) if k not in axes]
                value = permute_axes(term.value, (*axes, *rest))
                value = self.on_leading(node, position, value, before)
                first = value.ndim - len(rest)

                def moved(line: Line, rest: list[int] = rest, first: int = first) -> Line:
                    if line.axis is None:
                        return line
                    return line._replace(axis=first + rest.index(line.axis))

                left = term.at_rows(term.rows[before:]).mapped(value, moved)
                result.append(left.at_rows([*map(whole, range(first)), *left.rows]))
        return result

    def _front(self, node: Node) -> Shape:
        """The axes of the result in front of those that are not looked up."""
        return self.shape

    def on_leading(self, node: Node, position: int, t: Node, before: int) -> Node:
        """The op on argument `position` alone, with any axes behind the first `before` ones."""
        return Node(self, (t, *self.indices(node)))

    def lookups(self, node: Node) -> Iterator[tuple[Node, SizeLike, int]]:
        """(index array, length of its axis, axis): what has to be checked."""
        for axis, (array, n) in enumerate(zip(self.indices(node), self.shape, strict=True)):
            yield array, n, axis

    def at(
        self, node: Node, index: Index
    ) -> Generator[tuple[Node, Index], Expr, tuple[SizeLike, ...]]:
        """Ask for the position that each index array holds at `index`; a sub-generator."""
        found: list[SizeLike] = []
        for array, n in zip(self.indices(node), self.shape, strict=True):
            value = yield array, index
            found.append(exprs.dynamic_size(position(value, n)))
        return tuple(found)


def position(value: Expr, n: SizeLike) -> Expr:
    """An index as a position on an axis of length n, counted from the end when negative."""
    value = exprs.cast(value, dtypes.INT64)
    if isinstance(value, (exprs.SizeValue, exprs.Lit)):
        return exprs.size_value(sizes.wrap(exprs.dynamic_size(value), n))
    return exprs.call("cg_wrap({0}, {1})", value, exprs.size_value(n), dtype=dtypes.INT64)


def _rows(index: Sequence[Any], shape: Sequence[int]) -> tuple[Any, ...]:
    """Index arrays with negative positions counted from the end; IndexError outside."""
    result = []
    for axis, (array, n) in enumerate(zip(index, shape, strict=True)):
        wide = np.asarray(array).astype(np.int64)
        bad = wide[(wide < -n) | (wide >= n)]
        if bad.size:
            raise IndexError(f"index {bad[0]} is out of bounds for axis {axis} with size {n}")
        result.append(np.where(wide < 0, wide + n, wide))
    return tuple(result)


class Gather(Lookup):
    """out[b, r] = x[i(b), j(b), ..., r]"""

    __slots__ = ()
    dependence = "looked up"
    name = "gather"
    lowering = "pull"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        x = args[0]
        return TensorType(x.dtype, (*_common(args[1:]), *x.dims[len(self.shape) :]))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        x = node.args[0]
        for axis, n in enumerate(self.shape):
            yield x.dims[axis], n, axis
        yield from _equal(self.indices(node))

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Any:
        n, looked = len(lead), len(self.shape)
        x, *index = args
        if not on[0]:
            return Node(self, (x, *all_leading(index, on[1:], lead)))
        if any(on[1:]):
            return NotImplemented
        order = (*range(n, n + looked), *range(n), *range(n + looked, x.ndim))
        found = Node(self, (permute_axes(x, order), *index))
        front = index[0].ndim
        back = (*range(front, front + n), *range(front), *range(front + n, found.ndim))
        return permute_axes(found, back)

    def reference(self, x: Any, *index: Any) -> Any:
        return x[_rows(index, x.shape[: len(index)])]

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        t = tangents[0]
        return None if t is None else Node(self, (t, *self.indices(node)))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        back = Node(Scatter(self.shape), (ct, *self.indices(node))) if needed[0] else None
        return [back, *(None for _ in self.shape)]

    def _front(self, node: Node) -> Shape:
        return node.args[1].dims

    def value_at(self, node: Node, index: Index) -> Pull:
        nb = node.args[1].ndim
        where = yield from self.at(node, index[:nb])
        return (yield node.args[0], (*where, *index[nb:]))


class Scatter(Lookup):
    """Zeros to which v[b, r] is added at [i(b), j(b), ..., r]: the transpose of `Gather`."""

    __slots__ = ()
    dependence = "added"
    name = "scatter"
    lowering = "emit"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        v = args[0]
        return TensorType(v.dtype, (*self.shape, *v.dims[args[1].ndim :]))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        common = _common(self.indices(node))
        for axis, (found, expected) in enumerate(zip(node.args[0].dims, common, strict=False)):
            yield found, expected, axis
        yield from _equal(self.indices(node))

    def reference(self, v: Any, *index: Any) -> Any:
        concrete: Any = self.shape
        result = np.zeros((*concrete, *v.shape[np.ndim(index[0]) :]), v.dtype)
        np.add.at(result, _rows(index, concrete), v)
        return result

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        t = tangents[0]
        return None if t is None else Node(self, (t, *self.indices(node)))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        back = Node(Gather(self.shape), (ct, *self.indices(node))) if needed[0] else None
        return [back, *(None for _ in self.shape)]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        zero = exprs.lit(dtypes.zero(node.dtype), node.dtype)
        block.fill(node.dims, place, lambda index: zero, why)
        _store_rows(self, node, node.args[0], block, place, why, add=True)


class ScatterEach(Lookup):
    """out[b, r] is v[b, r], b without its part at `axis`, where that part is i(b); 0 elsewhere.

    What `Scatter` makes with one position for each row, computed where it is used. The shape has
    the axis of the positions at `axis` and those of the index array around it.
    """

    __slots__ = ("axis",)
    dependence = "added"
    name = "scatter_each"
    lowering = "pull"

    def __init__(self, shape: Shape, axis: int) -> None:
        super().__init__(shape)
        self.axis = axis

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        v, array = args
        return TensorType(v.dtype, (*self.shape, *v.dims[array.ndim :]))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        v, array = node.args
        for axis, n in enumerate(without(self.shape, (self.axis,))):
            yield v.dims[axis], n, axis
            yield array.dims[axis], n, axis

    def lookups(self, node: Node) -> Iterator[tuple[Node, SizeLike, int]]:
        yield node.args[1], self.shape[self.axis], self.axis

    def reference(self, v: Any, array: Any) -> Any:
        concrete: Any = self.shape
        (row,) = _rows((array,), (concrete[self.axis],))
        result = np.zeros((*concrete, *v.shape[np.ndim(array) :]), v.dtype)
        index = list(np.indices(np.shape(array)))
        index.insert(self.axis, row)
        result[tuple(index)] = v
        return result

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        t = tangents[0]
        return None if t is None else Node(self, (t, node.args[1]))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        _, array = node.args
        index: list[Node] = [
            broadcast_axes(Node(Arange(n)), array.dims, (k,)) for k, n in enumerate(array.dims)
        ]
        index.insert(self.axis, array)
        return [Node(Gather(self.shape), (ct, *index)) if needed[0] else None, None]

    def value_at(self, node: Node, index: Index) -> Pull:
        v, array = node.args
        front, rest = index[: len(self.shape)], index[len(self.shape) :]
        row = without(front, (self.axis,))
        at = position((yield array, row), self.shape[self.axis])
        here = exprs.call("{0} == {1}", exprs.size_value(front[self.axis]), at, dtype=dtypes.BOOL)
        value = yield v, (*row, *rest)
        return exprs.select(here, value, exprs.lit(dtypes.zero(node.dtype), node.dtype))


class Replace(Lookup):
    """x with v[b, r] at [i(b), j(b), ..., r]; where positions repeat, the last one stays.

    Its derivative with respect to v is zero for what did not stay.
    """

    __slots__ = ()
    dependence = "looked up"
    name = "set_rows"
    lowering = "emit"
    values = 2

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        x, v = node.args[:2]
        common = _common(self.indices(node))
        expected = (*common, *x.dims[len(self.shape) :])
        for axis, pair in enumerate(zip(v.dims, expected, strict=True)):
            yield (*pair, axis)
        for axis, n in enumerate(self.shape):
            yield x.dims[axis], n, axis
        yield from _equal(self.indices(node))

    def reference(self, x: Any, v: Any, *index: Any) -> Any:
        result = x.copy()
        result[_rows(index, x.shape[: len(index)])] = v
        return result

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        pair = [
            build("zeros_like", arg) if t is None else t
            for arg, t in zip(node.args[:2], tangents[:2], strict=True)
        ]
        return Node(self, (*pair, *self.indices(node)))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        zero = broadcast_axes(constant(np.zeros((), ct.dtype)), node.args[1].dims, ())
        x = Node(self, (ct, zero, *self.indices(node))) if needed[0] else None
        v = None
        if needed[1]:
            v = Node(Gather(self.shape), (ct, *self.indices(node)))
            if not are_distinct(self.indices(node)):
                v = build("switch", self._stays(node, v.dims), v, zero)
        return [x, v, *(None for _ in self.shape)]

    def _stays(self, node: Node, dims: Shape) -> Node:
        """Which elements of v stay: the rows are numbered, and the numbers stored instead."""
        arrays = self.indices(node)
        common = _common(arrays)
        numbers = reshape_to(Node(Arange(sizes.product(common))), common)
        empty = broadcast_axes(constant(np.zeros((), np.int64)), self.shape, ())
        stored = Node(self, (empty, numbers, *arrays))
        stays: Node = build("eq", Node(Gather(self.shape), (stored, *arrays)), numbers)
        return broadcast_axes(stays, dims, tuple(range(len(common))))

    def on_leading(self, node: Node, position: int, t: Node, before: int) -> Node:
        lead = self.shape if position else _common(self.indices(node))
        zero = constant(np.zeros((), t.dtype))
        other = broadcast_axes(zero, (*lead, *t.dims[before:]), ())
        return Node(self, (*((other, t) if position else (t, other)), *self.indices(node)))

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        block.copy(node.args[0], place, why)
        _store_rows(self, node, node.args[1], block, place, why, add=False)


def _store_rows(
    op: Lookup, node: Node, v: Node, block: Any, place: Any, why: str, add: bool
) -> None:
    """Loops that put every row of v in its place."""
    arrays = op.indices(node)
    nb = arrays[0].ndim

    def rows(index: Index) -> list[Any]:
        stmts: list[Any] = []
        where: list[SizeLike] = []
        for array, n in zip(arrays, op.shape, strict=True):
            at = position(block.pull(array, index), block.resolve(n))
            row = block.names.buffer("row", dtypes.INT64, ())
            stmts.append(loops.Set(row, (), at))
            where.append(exprs.scalar_size(row))

        def element(rest: Index) -> list[Any]:
            value = block.pull(v, (*index, *rest))
            target = place.index((*where, *rest))
            if add:
                return [loops.Accumulate("add", place.buffer, target, value)]
            return [loops.Set(place.buffer, target, value)]

        depth = sum(not isinstance(i, int) for i in index)
        inner: list[Any] = block.nest(v.dims[nb:], element, why, depth)
        return stmts + inner

    block.stmts += block.nest(arrays[0].dims, rows, why)


class Positions(Op):
    """The positions of the true elements of a mask vector, in order: an int64 vector.

    `length` is their number, bounded by the length of the mask.
    """

    __slots__ = ("length",)
    name = "positions"
    distinct = True
    lowering = "emit"
    size_slots = ("length",)

    def __init__(self, length: SizeLike) -> None:
        self.length = length

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.INT64, (self.length,))

    def connects(self, position: int) -> bool:
        return False

    def reference(self, mask: Any) -> Any:
        return np.flatnonzero(mask)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> None:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[None]:
        return [None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        (mask,) = node.args
        # every element is stored at the next free position; only a true one moves it on, so the
        # store never passes the length of the mask, for which there is room
        free = block.names.buffer("found", dtypes.INT64, ())
        block.stmts.append(loops.Set(free, (), exprs.lit(0, dtypes.INT64)))

        def body(index: Index) -> list[Any]:
            step = exprs.cast(block.pull(mask, index), dtypes.INT64)
            target = place.index((exprs.scalar_size(free),))
            return [
                loops.Set(place.buffer, target, exprs.size_value(index[0])),
                loops.Accumulate("add", free, (), step),
            ]

        block.stmts += block.nest(mask.dims, body, why)


class Argsort(Op):
    """The order in which each row (the last axis) is sorted: stable, nan last; int64."""

    __slots__ = ()
    name = "argsort"
    distinct = True
    keeps_leading = True
    lowering = "emit"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.INT64, args[0].dims)

    def connects(self, position: int) -> bool:
        return False

    def reference(self, x: Any) -> Any:
        return np.argsort(x, axis=-1, kind="stable")

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> None:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[None]:
        return [None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        (x,) = node.args
        dtype = dtypes.wide(x.dtype) if not dtypes.is_float(x.dtype) else x.dtype
        suffix = {"float64": "f64", "float32": "f32", "int64": "i64", "uint64": "u64"}[dtype]
        n = block.resolve(x.dims[-1])
        keys = block.names.buffer("keys", dtype, (n,))
        spare = block.names.buffer("spare", dtypes.INT64, (n,))

        def row(index: Index) -> list[Any]:
            def key(at: Index) -> list[Any]:
                value = exprs.cast(block.pull(x, (*index, *at)), dtype)
                return [loops.Set(keys, at, value)]

            depth = sum(not isinstance(i, int) for i in index)
            sort = loops.Invoke(
                f"cg_argsort_{suffix}",
                (n,),
                ((keys, (0,)),),
                ((place.buffer, place.index((*index, 0))), (spare, (0,))),
            )
            stmts: list[Any] = [*block.nest((n,), key, why, depth), sort]
            return stmts

        if n != 0:
            block.stmts += block.nest(x.dims[:-1], row, why)


def _common(arrays: Sequence[Node]) -> Shape:
    """The shape of index arrays that have equal shapes."""
    dims = list(arrays[0].dims)
    for array in arrays[1:]:
        dims = [b if isinstance(b, int) else a for a, b in zip(dims, array.dims, strict=True)]
    return tuple(dims)


def _equal(arrays: Sequence[Node]) -> Iterable[tuple[SizeLike, SizeLike, int]]:
    common = _common(arrays)
    for array in arrays:
        for axis, pair in enumerate(zip(array.dims, common, strict=True)):
            yield (*pair, axis)
