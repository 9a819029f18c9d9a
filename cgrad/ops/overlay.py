"""A Jacobian from its terms: zeros with coefficients added on lines, and the transpose of that.

Responsible for: the ops, and which of their stores add.  Not responsible for: the terms
(`ops.terms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import exprs, loops, sizes
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Shape, TensorType
from cgrad.core.registry import build, register
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import permute_axes
from cgrad.ops.kinds import Linear, Pull
from cgrad.ops.lines import placed
from cgrad.ops.terms import FEW, Line, Term, dense, thin, whole

# a Jacobian of more terms is stored as a full matrix on the way
MANY = 12


class Overlay(Linear):
    """Zeros of `shape` to which each argument is added on lines of its own.

    Element k of argument a is added at position starts[a] + steps[a] * k[axes[a]], axis by axis.
    The positions of an argument differ and lie inside.
    """

    __slots__ = ("axes", "shape", "starts", "steps")
    dependence = "added"
    name = "overlay"
    takes_complex = True
    lowering = "emit"
    size_slots = ("shape", "starts")

    def __init__(
        self,
        shape: Shape,
        starts: tuple[Shape, ...],
        steps: tuple[tuple[int, ...], ...],
        axes: tuple[tuple[int | None, ...], ...],
    ) -> None:
        self.shape = shape
        self.starts = starts
        self.steps = steps
        self.axes = axes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.shape)

    def position(self, arg: int, index: Index) -> Index:
        """Where the element `index` of an argument goes."""
        return _position(self.starts[arg], self.steps[arg], self.axes[arg], index)

    def reference(self, *args: Any) -> Any:
        shape: Any = self.shape
        result = np.zeros(shape, args[0].dtype)
        for k, value in enumerate(args):
            where: Any = self.position(k, np.indices(value.shape))  # type: ignore[arg-type]
            np.add.at(result, where, value)
        return result

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        dims = node.args[position].dims
        op = Along(dims, self.starts[position], self.steps[position], self.axes[position])
        return Node(op, (ct,))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        starts, steps, axes = self.starts[position], self.steps[position], self.axes[position]
        return [term.at_rows(_composed(starts, steps, axes, term.rows))]

    def covers(self, node: Node) -> int | None:
        """The argument that reaches every element, if there is one."""
        for k, arg in enumerate(node.args):
            pairs = zip(self.starts[k], self.steps[k], self.axes[k], self.shape, strict=True)
            if len(set(self.axes[k])) == arg.ndim == len(self.shape) and all(
                axis is not None and start == 0 and step == 1 and arg.dims[axis] == n
                for start, step, axis, n in pairs
            ):
                return k
        return None

    def apart(self, a: int, b: int) -> bool:
        """Whether two arguments are known to have no position in common.

        A combination of two positions that is the same all along both lines, and not the same for
        the two: (i, i) and (i, i + 1) differ in j - i.
        """
        rank = len(self.shape)
        for p in range(rank):
            for q in range(p, rank):
                found = [self._constant(k, p, q) for k in (a, b)]
                if None in found or found[0][0] != found[1][0]:  # type: ignore[index]
                    continue
                gap = found[0][1] - found[1][1]  # type: ignore[index]
                low, high = sizes.bounds(gap)
                if (low is not None and low > 0) or (high is not None and high < 0):
                    return True
        return False

    def _constant(self, k: int, p: int, q: int) -> tuple[int, SizeLike] | None:
        """(s, c) where position[q] - s * position[p] = c along the lines of argument k."""
        starts, steps, axes = self.starts[k], self.steps[k], self.axes[k]
        if p == q:
            return (0, starts[p]) if axes[p] is None else None
        if axes[p] is None or axes[p] != axes[q] or steps[q] % steps[p]:
            return None
        slope = steps[q] // steps[p]
        return slope, starts[q] - slope * starts[p]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        """What covers everything is stored first, zeros if nothing does; the rest is added.

        Arguments of equal sizes share a loop: sums do not depend on its order.
        """
        op: Any = self.map_sizes(block.resolve)
        base = op.covers(node)
        if base is None:
            zero = exprs.lit(np.zeros((), node.dtype).item(), node.dtype)
            block.fill(node.dims, place, lambda index: zero, why)
        else:
            order = self.axes[base]
            arg = node.args[base]

            def covering(index: Index) -> Any:
                at: dict[Any, SizeLike] = dict(zip(order, index, strict=True))
                return block.pull(arg, tuple(at[k] for k in range(arg.ndim)))

            block.fill(node.dims, place, covering, why)
        rest = [k for k in range(len(node.args)) if k != base]
        sets = {k for k in rest if base is None and all(op.apart(k, a) for a in rest if a != k)}
        loops_over: dict[Shape, list[int]] = {}
        for k in rest:
            loops_over.setdefault(node.args[k].dims, []).append(k)

        for dims, group in loops_over.items():

            def body(index: Index, group: list[int] = group) -> list[Any]:
                stmts: list[Any] = []
                for k in group:
                    target = place.index(op.position(k, index))
                    value = block.pull(node.args[k], index)
                    if k in sets:
                        stmts.append(loops.Set(place.buffer, target, value))
                    else:
                        stmts.append(loops.Accumulate("add", place.buffer, target, value))
                return stmts

            block.stmts += block.nest(dims, body, why)


class Interleave(Overlay):
    """An overlay whose arguments reach every element of the result, and each element once."""

    __slots__ = ()
    name = "interleave"

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        """Nothing is added; arguments of equal sizes share a loop."""
        op: Any = self.map_sizes(block.resolve)
        loops_over: dict[Shape, list[int]] = {}
        for k, arg in enumerate(node.args):
            loops_over.setdefault(arg.dims, []).append(k)
        for dims, group in loops_over.items():

            def body(index: Index, group: list[int] = group) -> list[Any]:
                return [
                    loops.Set(
                        place.buffer,
                        place.index(op.position(k, index)),
                        block.pull(node.args[k], index),
                    )
                    for k in group
                ]

            block.stmts += block.nest(dims, body, why)


class Along(Linear):
    """The elements on lines of a tensor: the transpose of an `Overlay` of one argument."""

    __slots__ = ("axes", "shape", "starts", "steps")
    dependence = "selected"
    name = "along"
    takes_complex = True
    size_slots = ("shape", "starts")

    def __init__(
        self,
        shape: Shape,
        starts: Shape,
        steps: tuple[int, ...],
        axes: tuple[int | None, ...],
    ) -> None:
        self.shape = shape
        self.starts = starts
        self.steps = steps
        self.axes = axes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.shape)

    def reference(self, x: Any) -> Any:
        shape: Any = self.shape
        where: Any = _position(self.starts, self.steps, self.axes, np.indices(shape))  # type: ignore[arg-type]
        return x[where]

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        op = Overlay(node.args[0].dims, (self.starts,), (self.steps,), (self.axes,))
        return Node(op, (ct,))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        (x,) = node.args
        for row, n in enumerate(x.dims):
            term = build("untie", term, row, n)
        own = [line.axis for line in term.rows if line.axis is not None]
        rest = [axis for axis in range(term.value.ndim) if axis not in own]
        moved = permute_axes(term.value, (*own, *rest))
        first = len(self.shape)
        behind = tuple(range(first, first + len(rest)))
        op = Along(
            (*self.shape, *moved.dims[x.ndim :]),
            self.starts + (0,) * len(rest),
            self.steps + (1,) * len(rest),
            self.axes + behind,
        )

        def renamed(line: Line) -> Line:
            return line if line.axis is None else line._replace(axis=first + rest.index(line.axis))

        term = term.at_rows(()).mapped(Node(op, (moved,)), renamed)
        return [term.at_rows([whole(axis) for axis in range(first)])]

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], _position(self.starts, self.steps, self.axes, index))


def _position(
    starts: Shape, steps: tuple[int, ...], axes: tuple[int | None, ...], index: Index
) -> Index:
    return tuple(
        start if axis is None else start + step * index[axis]
        for start, step, axis in zip(starts, steps, axes, strict=True)
    )


def _composed(
    starts: Shape, steps: tuple[int, ...], axes: tuple[int | None, ...], rows: Sequence[Line]
) -> list[Line]:
    """Lines of the argument as lines of the result."""
    result = []
    for start, step, axis in zip(starts, steps, axes, strict=True):
        if axis is None:
            result.append(Line(start))
            continue
        line = rows[axis]
        result.append(Line(start + step * line.start, step * line.step, line.axis))
    return result


def fewer_terms(terms: Sequence[Term], rows: Shape) -> list[Term]:
    """The terms with windows of one diagonal made one, where there are more than `FEW` of them.

    A stencil with zeros around it, applied again and again, would have three times as many after
    every step.  More than `MANY` terms that are left become one full one.
    """
    shape = (*rows, *terms[0].wrt)
    alike: dict[Any, list[Term]] = {}
    for term in terms:
        alike.setdefault(_diagonal(term), []).append(term)
    result: list[Term] = []
    for group in alike.values():
        result += [_hull(group, shape)] if len(group) > FEW else group
    if len(result) > MANY and not thin.get():
        return [dense(assembled(result, shape), len(rows), terms[0].wrt)]
    return result


def _steps_by_one(term: Term, axis: int) -> bool:
    return all(abs(line.step) == 1 for line in term.lines if line.axis == axis)


def _diagonal(term: Term) -> Any:
    """What terms have in common that are windows of the same diagonal."""
    first: dict[int, Line] = {}
    place: list[Any] = []
    for line in term.lines:
        if line.axis is None:
            place.append(line.start)
            continue
        origin = first.setdefault(line.axis, line)
        start = line.start * origin.step - origin.start * line.step
        place.append((line.axis, line.step, start))
    fixed = [
        None if _steps_by_one(term, axis) else (first[axis].start, n)
        for axis, n in enumerate(term.value.dims)
    ]
    return (*place, *fixed)


def _hull(group: Sequence[Term], shape: Shape) -> Term:
    """The sum of windows of one diagonal, as coefficients along all of it."""
    head = group[0]
    values = [term.value for term in group]
    lines = list(head.lines)
    for axis in range(head.value.ndim):
        if not _steps_by_one(head, axis):
            continue
        low: SizeLike | None = None
        high: SizeLike | None = None
        for line, n in zip(head.lines, shape, strict=True):
            if line.axis == axis:
                # start + step * k is in [0, n) for k in [first, last)
                forward = line.step == 1
                first, last = (
                    (-line.start, n - line.start)
                    if forward
                    else (line.start - n + 1, line.start + 1)
                )
                low = first if low is None else sizes.maximum(low, first)
                high = last if high is None else sizes.minimum(high, last)
        assert low is not None
        assert high is not None
        count = sizes.maximum(0, high - low)
        origin = next(k for k, line in enumerate(head.lines) if line.axis == axis)
        for k, term in enumerate(group):
            ahead = (term.lines[origin].start - head.lines[origin].start) * lines[origin].step
            values[k] = placed(values[k], axis, ahead - low, count)
        lines = [
            line._replace(start=line.start + line.step * low, whole=False)
            if line.axis == axis
            else line
            for line in lines
        ]
    total = values[0]
    for value in values[1:]:
        total = build("add", total, value)
    rows = len(head.rows)
    return Term(total, lines[:rows], lines[rows:], head.wrt)


def assembled(terms: Sequence[Term], shape: Shape) -> Node:
    """The tensor of `shape`, rows before columns, that the terms are the parts of."""
    if len(terms) == 1:
        (term,) = terms
        axes = [line.axis for line in term.lines if line.whole and line.axis is not None]
        if len(axes) == len(set(axes)) == len(term.lines) == term.value.ndim:
            return permute_axes(term.value, tuple(axes))
    op = Overlay(
        shape,
        tuple(tuple(line.start for line in term.lines) for term in terms),
        tuple(tuple(line.step for line in term.lines) for term in terms),
        tuple(tuple(line.axis for line in term.lines) for term in terms),
    )
    return Node(op, tuple(term.value for term in terms))


register("fewer_terms", fewer_terms)
