"""Basic indexing and its transpose: slice / place, window update, join.

A window of a tensor is given axis by axis: it begins at `start`, has `length` elements `step`
apart, and disappears from the result when it came from an integer (`drop`).

Responsible for: the ops.  Not responsible for: reading Python indices (`cgrad.tensor.indexing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import derive, dtypes, exprs, sizes
from cgrad.core.exprs import Expr, Index
from cgrad.core.graphs import node_size
from cgrad.core.node import Node, Shape, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import Broadcast, all_leading, broadcast_axes
from cgrad.ops.constants import Constant, ShapeVector, constant
from cgrad.ops.kinds import Linear, Pull
from cgrad.ops.terms import Line, Term, whole


class Window(Linear):
    """What the ops on a window share: its place in a tensor of shape `shape`."""

    __slots__ = ("drops", "lengths", "shape", "starts", "steps")
    dependence = "selected"
    takes_complex = True
    size_slots = ("shape", "starts", "lengths")

    def __init__(
        self,
        shape: Shape,
        starts: Shape,
        lengths: Shape,
        steps: tuple[int, ...],
        drops: tuple[bool, ...],
    ) -> None:
        self.shape = shape
        self.starts = starts
        self.lengths = lengths
        self.steps = steps
        self.drops = drops

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        op = type(self)(
            (*lead, *self.shape),
            (*(0 for _ in lead), *self.starts),
            (*lead, *self.lengths),
            (*(1 for _ in lead), *self.steps),
            (*(False for _ in lead), *self.drops),
        )
        return Node(op, all_leading(args, on, lead))

    def window_shape(self) -> Shape:
        return tuple(n for n, drop in zip(self.lengths, self.drops, strict=True) if not drop)

    def bounds(self) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        """Integer positions that must lie inside their axis: (position, length, axis)."""
        for axis, (start, n) in enumerate(zip(self.starts, self.shape, strict=True)):
            if self.drops[axis]:
                yield start, n, axis

    def outer_index(self, index: Index) -> Index:
        """The position in the full tensor of the element `index` of the window."""
        inner = iter(index)
        return tuple(
            start if drop else start + next(inner) * step
            for start, step, drop in zip(self.starts, self.steps, self.drops, strict=True)
        )

    def outer_lines(self, rows: Iterable[Line]) -> list[Line]:
        """Lines of the window as lines of the full tensor."""
        inner = iter(rows)
        result = []
        for axis, (start, step, drop) in enumerate(
            zip(self.starts, self.steps, self.drops, strict=True)
        ):
            if drop:
                result.append(Line(start))
                continue
            line = next(inner)
            same = start == 0 and step == 1 and self.lengths[axis] == self.shape[axis]
            result.append(
                Line(start + step * line.start, step * line.step, line.axis, line.whole and same)
            )
        return result

    def inner_index(self, index: Index) -> tuple[Expr, Index]:
        """Whether position `index` lies in the window, and where."""
        inside = exprs.TRUE
        inner: list[SizeLike] = []
        for axis, i in enumerate(index):
            start, step, n = self.starts[axis], self.steps[axis], self.lengths[axis]
            if self.drops[axis]:
                inside = exprs.both(inside, exprs.compare("==", i, start))
                continue
            if start == 0 and step == 1 and n == self.shape[axis]:
                inner.append(i)
                continue
            distance = i - start if step > 0 else start - i
            first, last = (start, i) if step > 0 else (i, start)
            inside = exprs.both(inside, exprs.compare("<=", first, last))
            end = n * abs(step)
            beyond = self.shape[axis] - start if step > 0 else start + 1
            # a window that reaches the end of the axis needs no check there
            if end not in (beyond, sizes.maximum(0, beyond)):
                stop = (i, start + end) if step > 0 else (start, i + end)
                inside = exprs.both(inside, exprs.compare("<", *stop))
            k = distance
            if abs(step) != 1:
                inside = exprs.both(inside, _divides(abs(step), distance))
                k = sizes.quotient(distance, abs(step))
            inner.append(k)
        return inside, tuple(inner)

    def slices(self) -> tuple[Any, ...]:
        """The window as a NumPy index, once the sizes are numbers."""
        result: list[Any] = []
        axes: Any = zip(self.starts, self.lengths, self.steps, self.drops, strict=True)
        for start, n, step, drop in axes:
            if n == 0 and not drop:
                # an empty window may begin outside of its axis, where -1 would mean the last
                result.append(slice(0, 0))
                continue
            stop = start + n * step
            result.append(start if drop else slice(start, None if stop < 0 else stop, step))
        return tuple(result)

    def same(self, cls: type[Window]) -> Window:
        """The same window for another op."""
        return cls(self.shape, self.starts, self.lengths, self.steps, self.drops)


class Slice(Window):
    """The elements of a window."""

    __slots__ = ()
    name = "slice"
    moves = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.window_shape())

    def size_value(self, node: Node) -> SizeLike | None:
        if node.ndim or node.dtype != dtypes.INT64 or len(self.starts) != 1:
            return None
        return _entry(node.args[0], self.starts[0])

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        # a derivative rule may apply the window to another tensor than it was made for
        for axis, pair in enumerate(zip(node.args[0].dims, self.shape, strict=True)):
            yield (*pair, axis)

    def reference(self, x: Any) -> Any:
        concrete: Any = self.bounds()
        for start, n, axis in concrete:
            if not 0 <= start < n:
                raise IndexError(f"index {start} is out of bounds for axis {axis} with size {n}")
        return x[self.slices()]

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(self.same(Place), (ct,))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        # from the last axis on, so that the rows in front keep their places
        terms = [term]
        for axis in reversed(range(len(self.shape))):
            terms = [part for one in terms for part in self._push_axis(one, axis)]
        return terms

    def _push_axis(self, term: Term, row: int) -> list[Term]:
        """The term with row line `row` restricted to the window of that axis."""
        n, first, count, step, drop = (
            self.shape[row], self.starts[row], self.lengths[row], self.steps[row], self.drops[row]
        )  # fmt: skip
        line = term.rows[row]
        rest = (term.rows[:row], term.rows[row + 1 :])
        if not drop and first == 0 and step == 1 and count == n:
            return [term]
        if drop and line.axis is None:
            if line.start == first:
                return [term.at_rows(rest[0] + rest[1])]
            if isinstance(line.start - first, int):
                return []
        if line.whole:
            assert line.axis is not None
            term = cut(term, line.axis, first, None if drop else count, step)
            kept = () if drop else (whole(line.axis),)
            return [term.at_rows(term.rows[:row] + kept + term.rows[row + 1 :])]
        if not drop and line.axis is not None and abs(step) == 1 and abs(line.step) == 1:
            return [_overlap(term, row, first, count, step)]
        return self._push_axis(build("untie", term, row, n), row)

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], self.outer_index(index))


class Place(Window):
    """Zeros with the argument in a window: the transpose of `Slice`."""

    __slots__ = ()
    name = "place"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.shape)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for axis, pair in enumerate(zip(node.args[0].dims, self.window_shape(), strict=True)):
            yield (*pair, axis)

    def reference(self, x: Any) -> Any:
        concrete: Any = self.shape
        result = np.zeros(concrete, x.dtype)
        result[self.slices()] = x
        return result

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(self.same(Slice), (ct,))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        return [term.at_rows(self.outer_lines(term.rows))]

    def value_at(self, node: Node, index: Index) -> Pull:
        inside, inner = self.inner_index(index)
        value = yield node.args[0], inner
        return exprs.guard(inside, value, exprs.lit(dtypes.zero(node.dtype), node.dtype))


class Update(Window):
    """The first argument with the second in a window."""

    __slots__ = ()
    name = "set_window"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for arg, shape in zip(node.args, (self.shape, self.window_shape()), strict=True):
            for axis, pair in enumerate(zip(arg.dims, shape, strict=True)):
                yield (*pair, axis)

    def reference(self, x: Any, v: Any) -> Any:
        result = x.copy()
        result[self.slices()] = v
        return result

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        if position == 1:
            return Node(self.same(Slice), (ct,))
        zero = constant(np.zeros((), ct.dtype))
        return Node(self, (ct, broadcast_axes(zero, node.args[1].dims, ())))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        if position == 1:
            return [term.at_rows(self.outer_lines(term.rows))]
        yes, no = (constant(np.array(kept)) for kept in (True, False))
        left = Node(self, (broadcast_axes(yes, self.shape, ()),
                           broadcast_axes(no, self.window_shape(), ())))  # fmt: skip
        return [term.having(build("switch", build("at_rows", left, term), term.value, 0))]

    def value_at(self, node: Node, index: Index) -> Pull:
        inside, inner = self.inner_index(index)
        new = yield node.args[1], inner
        old = yield node.args[0], index
        return exprs.guard(inside, new, old)


class Join(Linear):
    """The arguments one after the other along `axis`."""

    __slots__ = ("axis",)
    dependence = "selected"
    name = "join"
    takes_complex = True
    lowering = "join"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        dims = list(args[0].dims)
        for axis in range(len(dims)):
            for arg in args[1:]:
                if axis == self.axis:
                    dims[axis] = dims[axis] + arg.dims[axis]
                elif isinstance(arg.dims[axis], int):
                    dims[axis] = arg.dims[axis]
        return TensorType(args[0].dtype, dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for arg in node.args:
            for axis, found in enumerate(arg.dims):
                if axis != self.axis and found != node.dims[axis]:
                    yield found, node.dims[axis], axis

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Join(self.axis + len(lead)), all_leading(args, on, lead))

    def offsets(self, node: Node) -> list[SizeLike]:
        """Where each argument begins along the axis."""
        result: list[SizeLike] = [0]
        for arg in node.args:
            result.append(result[-1] + arg.dims[self.axis])
        return result

    def reference(self, *args: Any) -> Any:
        return np.concatenate(args, axis=self.axis)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return part(ct, self.axis, self.offsets(node)[position], node.args[position].dims)

    def push_terms(self, node: Node, terms: Sequence[Any]) -> list[Term]:
        # terms that are full along the axis, and otherwise in the same place, stay one
        alike: dict[Any, list[tuple[int, Term]]] = {}
        result = []
        for position, own in enumerate(terms):
            for term in own or ():
                line = term.rows[self.axis]
                if line.whole and line.axis is not None and term.alone(line):
                    alike.setdefault(term.place, []).append((position, term))
                else:
                    result.append(self._shifted(node, position, term))
        for group in alike.values():
            if len({position for position, _ in group}) == 1:
                result += [self._shifted(node, *one) for one in group]
                continue
            term = group[0][1]
            held: dict[int, Node] = {}
            for k, own in group:
                held[k] = own.value if k not in held else build("add", held[k], own.value)
            zero = constant(np.zeros((), term.value.dtype))
            along = term.rows[self.axis].axis
            assert along is not None
            parts = []
            for k, arg in enumerate(node.args):
                dims = list(term.value.dims)
                dims[along] = arg.dims[self.axis]
                parts.append(held[k] if k in held else broadcast_axes(zero, tuple(dims), ()))
            result.append(term.having(join(parts, along)))
        return result

    def _shifted(self, node: Node, position: int, term: Term) -> Term:
        rows = list(term.rows)
        line = rows[self.axis]
        offset = self.offsets(node)[position]
        alone = node.dims[self.axis] == node.args[position].dims[self.axis]
        rows[self.axis] = line._replace(start=line.start + offset, whole=line.whole and alone)
        return term.at_rows(rows)


def _divides(divisor: int, size: SizeLike) -> Expr:
    """Whether a size that is not negative is a multiple of `divisor`."""
    if sizes.quotient(size, divisor) * divisor == size:
        return exprs.TRUE
    value = exprs.size_value(size)
    return exprs.call(f"{{0}} % {divisor} == 0", value, dtype=dtypes.BOOL)


def _entry(x: Node, i: SizeLike) -> SizeLike | None:
    """Entry i of a vector of sizes, such as `stack([n, m])` or `concatenate([x.shape, [3]])`."""
    while isinstance(x.op, Join) and isinstance(i, int):
        for arg in x.args:
            n = arg.dims[0]
            if not isinstance(n, int):
                return None
            if i < n:
                x = arg
                break
            i -= n
    if not isinstance(i, int):
        return None
    if isinstance(x.op, ShapeVector):
        return x.op.shape[i]
    if isinstance(x.op, Constant):
        return int(x.op.value[i])
    if isinstance(x.op, Broadcast) and x.args[0].ndim == 0:
        return node_size(x.args[0])
    return None


def part(x: Node, axis: int, start: SizeLike, dims: Shape) -> Node:
    """The window of shape `dims` of x that begins at `start` along `axis`."""
    starts = tuple(start if k == axis else 0 for k in range(x.ndim))
    full = tuple(dims[k] if k == axis else x.dims[k] for k in range(x.ndim))
    return Node(Slice(x.dims, starts, full, (1,) * x.ndim, (False,) * x.ndim), (x,))


def run(x: Node, axis: int, start: SizeLike, length: SizeLike, step: int = 1) -> Node:
    """`length` positions of an axis from `start` on, forwards or backwards."""
    starts, lengths, steps = (
        tuple(new if k == axis else old for k, old in enumerate(given))
        for new, given in ((start, (0,) * x.ndim), (length, x.dims), (step, (1,) * x.ndim))
    )
    return Node(Slice(x.dims, starts, lengths, steps, (False,) * x.ndim), (x,))  # type: ignore[arg-type]


def cut(term: Term, axis: int, start: SizeLike, count: SizeLike | None, step: int = 1) -> Term:
    """The coefficients start, start + step, ... along `axis`: `count` of them, None for one."""
    value = term.value
    n = value.ndim
    window = Slice(
        value.dims,
        tuple(start if k == axis else 0 for k in range(n)),
        tuple((1 if count is None else count) if k == axis else value.dims[k] for k in range(n)),
        tuple(step if k == axis else 1 for k in range(n)),
        tuple(k == axis and count is None for k in range(n)),
    )

    def moved(line: Line) -> Line:
        if line.axis != axis:
            return line
        return Line(line.start + line.step * start, line.step * step, axis)

    term = term.mapped(term.value, moved)
    value = Node(window, (value,))
    return term.without(value, (axis,)) if count is None else term.having(value)


def _overlap(term: Term, row: int, first: SizeLike, count: SizeLike, step: int) -> Term:
    """A term in a window of row line `row`; both with steps of 1 or -1."""
    line = term.rows[row]
    assert line.axis is not None
    start, forward = (line.start - first) * step, line.step * step == 1
    # the index k lies at start + k or start - k, which has to be in [0, count)
    low, high = (-start, count - start) if forward else (start - count + 1, start + 1)
    low = sizes.maximum(0, low)
    high = sizes.minimum(term.value.dims[line.axis], high)
    term = cut(term, line.axis, low, sizes.maximum(0, high - low))
    rows = list(term.rows)
    rows[row] = Line(start + low if forward else start - low, line.step * step, line.axis)
    return term.at_rows(rows)


def spread(x: Node, dims: Shape, start: SizeLike) -> Node:
    """Zeros of shape `dims` with the rows of x from row `start` on."""
    starts = (start, *(0,) * (x.ndim - 1))
    return Node(Place(dims, starts, x.dims, (1,) * x.ndim, (False,) * x.ndim), (x,))


def split_row(x: Node, row: SizeLike) -> tuple[Node | None, Node | None]:
    """A tensor v and a rest such that x is the rest plus zeros with v in row `row`.

    None stands for zeros.  Looks only at how x is built, sums included.
    """
    op = x.op
    if op.name == "add":
        found, rest = zip(*(split_row(arg, row) for arg in x.args), strict=True)
        if found == (None, None):
            return None, x
        return derive.add(*found), derive.add(*rest)
    if not isinstance(op, Place) or not op.drops[0] or op.starts[0] != row:
        return None, x
    (v,) = x.args
    if v.dims == x.dims[1:] and all(step == 1 for step in op.steps[1:]):
        return v, None
    inner = Place(op.shape[1:], op.starts[1:], op.lengths[1:], op.steps[1:], op.drops[1:])
    return Node(inner, (v,)), None


def join(nodes: Iterable[Node], axis: int) -> Node:
    """Nodes of one dtype and rank joined along an axis."""
    parts = tuple(nodes)
    return parts[0] if len(parts) == 1 else Node(Join(axis), parts)


def place(x: Node, window: Window) -> Node:
    """Zeros with x in a window."""
    return Node(window.same(Place), (x,))


def increment(x: Node, v: Node, window: Window) -> Node:
    """x with v added in a window."""
    total: Node = build("add", x, place(v, window))
    return total
