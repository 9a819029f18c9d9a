"""Loops: `Scan` and its two derivative rules, each again a scan.

Responsible for: the op, its rules, what stands for its results.
Not responsible for: how a body is closed over outer values (`ops.closing`), what users may pass
(`cgrad.tensor.scan`) or its C (`codegen.control`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cgrad.core import derive, dtypes, sizes
from cgrad.core.graphs import Body, substitute, toposort
from cgrad.core.node import Input, Node, Op, Shape, TensorType, TupleType, make_input
from cgrad.core.registry import build
from cgrad.core.sizes import Label, SizeLike
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.closing import close
from cgrad.ops.constants import constant, size_node
from cgrad.ops.lengths import not_negative
from cgrad.ops.overlay import assembled
from cgrad.ops.result import Get
from cgrad.ops.terms import Filled, dense, push, thin
from cgrad.ops.windows import part, split_row, spread

Maybe = Node | None


class Scan(Op):
    """`length` steps of a body; in the order of the steps, or backwards when `reverse`.

    arguments  consts, initial carries, sequences (sliced along their first axis)
    body       (consts, carries, slices) -> (next carries, ys), and when it `stops` a bool scalar
    results    last carries; ys, one row a step; the carries before each step, one row a step;
               and when it `stops` the number of steps done

    The third group is only on offer: lowering stores what somebody reads.  Row t of ys and of the
    carry history belongs to row t of the sequences, in either direction.  A loop that stops does
    so after the step whose last output is True; it runs forward, and the rows of later steps hold
    nothing.  `truncate` is the number of last steps that a cotangent goes back, -1 for all.
    """

    __slots__ = ("body", "carries", "consts", "length", "reverse", "stops", "truncate")
    dependence = "loop"
    name = "scan"
    takes_complex = True
    lowering = "scan"

    def __init__(
        self,
        body: Body,
        length: SizeLike,
        reverse: bool,
        consts: int,
        carries: int,
        stops: bool = False,
        truncate: int = -1,
    ) -> None:
        self.body = body
        self.length = length
        self.reverse = reverse
        self.consts = consts
        self.carries = carries
        self.stops = stops
        self.truncate = truncate

    # -- structure ----------------------------------------------------------------------------
    @property
    def bodies(self) -> tuple[Body, ...]:  # type: ignore[override]
        return (self.body,)

    @property
    def ys(self) -> int:
        return len(self.body.outputs) - self.carries - self.stops

    @property
    def stop_outputs(self) -> tuple[Node, ...]:
        """The output of the body that ends the loop, when there is one."""
        return self.body.outputs[-1:] if self.stops else ()

    @property
    def stop(self) -> Node | None:
        return self.body.outputs[-1] if self.stops else None

    def groups(self, items: Sequence[Any]) -> tuple[Any, Any, Any]:
        """(consts, carries, sequences) of arguments or parameters."""
        first, last = self.consts, self.consts + self.carries
        return items[:first], items[first:last], items[last:]

    def infer(self, args: tuple[Node, ...]) -> Any:
        _, carries, _ = self.groups(self.body.params)
        ys = self.body.outputs[self.carries : self.carries + self.ys]
        return TupleType(
            [carry.type for carry in carries]
            + [TensorType(y.dtype, (self.length, *y.dims)) for y in ys]
            + [TensorType(carry.dtype, (self.length, *carry.dims)) for carry in carries]
            + [TensorType(dtypes.INT64, ())] * self.stops
        )

    def key(self, label: Label) -> Any:
        return (
            self.name,
            self.body.key(label),
            sizes.key(self.length, label),
            self.reverse,
            self.consts,
            self.carries,
            self.stops,
            self.truncate,
        )

    def sizes(self) -> Iterator[SizeLike]:
        yield self.length
        for atom in self.body.free:
            yield sizes.as_size(atom)

    def map_sizes(self, f: Callable[[SizeLike], SizeLike]) -> Op:
        length, body = f(self.length), self.body.map(f)
        if length == self.length and body is self.body:
            return self
        return self._over(body, length)

    def _over(self, body: Body, length: SizeLike) -> Scan:
        return Scan(
            body, length, self.reverse, self.consts, self.carries, self.stops, self.truncate
        )

    def map_bodies(self, f: Callable[[Body], Body]) -> Op:
        body = f(self.body)
        if body is self.body:
            return self
        return self._over(body, self.length)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield from not_negative((self.length,))
        consts, carries, sequences = self.groups(node.args)
        p_consts, p_carries, p_slices = self.groups(self.body.params)
        for arg, param in zip((*consts, *carries), (*p_consts, *p_carries), strict=True):
            for axis, pair in enumerate(zip(arg.dims, param.dims, strict=True)):
                yield (*pair, axis)
        for k, (arg, param) in enumerate(zip(sequences, p_slices, strict=True)):
            yield arg.dims[0], self.length, -1 - k
            for axis, pair in enumerate(zip(arg.dims[1:], param.dims, strict=True), 1):
                yield (*pair, axis)
        for out, param in zip(self.body.outputs, p_carries, strict=False):
            for axis, pair in enumerate(zip(out.dims, param.dims, strict=True)):
                yield (*pair, axis)

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str] | None:
        if axis >= 0:
            return None
        sequence = self.groups(node.args)[2][-1 - axis]
        while sequence.name is None and len(sequence.args) == 1:
            sequence = sequence.args[0]
        whose = f"sequence {sequence.name}" if sequence.name else f"sequence {-axis}"
        return (
            f"scan: {expected} steps wanted, but {whose} has rows for {found}",
            f"take at most {found} steps, leave n_steps out, or pass a longer sequence",
        )

    # -- reference ----------------------------------------------------------------------------
    def reference_loop(
        self, args: Sequence[Any], length: int, step: Callable[[Sequence[Any]], list[Any]]
    ) -> list[Any]:
        """All results by a NumPy loop; `step` evaluates the body."""
        consts, carries, sequences = self.groups(list(args))
        order = range(length - 1, -1, -1) if self.reverse else range(length)
        rows: list[list[Any]] = [[None] * length for _ in range(self.ys + self.carries)]
        count = 0
        for t in order:
            for row, value in zip(rows[self.ys :], carries, strict=True):
                row[t] = value
            outputs = step([*consts, *carries, *(seq[t] for seq in sequences)])
            carries = outputs[: self.carries]
            for row, value in zip(rows[: self.ys], outputs[self.carries :], strict=False):
                row[t] = value
            count += 1
            if self.stops and outputs[-1]:
                for row in rows:
                    row[count:] = [np.zeros_like(row[0])] * (length - count)
                break
        return [*carries, *(np.array(row) for row in rows), *[np.array(count)] * self.stops]

    # -- derivatives --------------------------------------------------------------------------
    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> list[Maybe]:
        def through(params: Sequence[Maybe]) -> list[Maybe]:
            return derive.jvp(self.body.outputs, self.body.params, params)

        return self._forward(node, tangents, through, ())

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        """One loop in which every tangent has the axes of the columns behind its own."""
        if thin.get():
            # which tangents stay zero in all steps is not looked at
            raise Filled
        body = self.body
        if self.truncate >= 0:
            # it limits how far cotangents go back
            return NotImplemented
        wrt: Shape = next(own for own in terms if own)[0].wrt

        def full(own: Any, like: Node) -> Maybe:
            return assembled(own, (*like.dims, *wrt)) if own else None

        def through(params: Sequence[Maybe]) -> list[Maybe]:
            seeds = {
                p: [dense(t, p.ndim, wrt)]
                for p, t in zip(body.params, params, strict=True)
                if t is not None
            }
            outs = push(body.outputs, seeds, leaves=body.params)
            return [full(own, out) for own, out in zip(outs, body.outputs, strict=True)]

        tangents = [full(own, arg) for own, arg in zip(terms, node.args, strict=True)]
        pushed = self._forward(node, tangents, through, wrt)
        return [None if t is None else [dense(t, t.ndim - len(wrt), wrt)] for t in pushed]

    def _forward(
        self,
        node: Node,
        tangents: Sequence[Maybe],
        through: Callable[[Sequence[Maybe]], list[Maybe]],
        extra: Shape,
    ) -> list[Maybe]:
        """The loop of values and tangents; these have axes `extra` behind those of the values."""
        body, nk, ny = self.body, self.carries, self.ys
        groups = self.groups(node.args)
        moving = list(tangents)
        first = self.consts

        def zeros(like: Node) -> Node:
            return broadcast_axes(constant(np.zeros((), like.dtype)), (*like.dims, *extra), ())

        while True:
            # a carry moves when its tangent does at the start or after some step
            params = [
                None if t is None else make_input(TensorType(p.dtype, (*p.dims, *extra)),
                                                  _marked(p, "t"))
                for p, t in zip(body.params, moving, strict=True)
            ]  # fmt: skip
            outs = through(params)
            late = [k for k in range(nk) if moving[first + k] is None and outs[k] is not None]
            if not late:
                break
            for k in late:
                moving[first + k] = zeros(node.args[first + k])
        active = [k for k in range(nk) if moving[first + k] is not None]
        shown = [k for k in range(ny) if outs[nk + k] is not None]
        p_groups, t_groups = self.groups(body.params), self.groups(params)
        m_groups = self.groups(moving)

        def kept(group: Sequence[Maybe]) -> list[Node]:
            return [t for t in group if t is not None]

        next_t = [zeros(body.outputs[k]) if outs[k] is None else outs[k] for k in active]
        results = make_scan(
            [*groups[0], *kept(m_groups[0])],
            [*groups[1], *kept(m_groups[1])],
            [*groups[2], *kept(m_groups[2])],
            [*p_groups[0], *kept(t_groups[0])],
            [*p_groups[1], *kept(t_groups[1])],
            [*p_groups[2], *kept(t_groups[2])],
            [*body.outputs[:nk], *next_t],
            [*body.outputs[nk : nk + ny], *(outs[nk + k] for k in shown)],
            self.length,
            self.reverse,
            self.stop,
            self.truncate,
        )
        result: list[Maybe] = [None] * (2 * nk + ny + self.stops)
        for place, k in enumerate(active):
            result[k] = results.final(nk + place)
            result[nk + ny + k] = results.history(nk + place)
        for place, k in enumerate(shown):
            result[nk + k] = results.y(ny + place)
        return result

    def vjp(self, node: Node, ct: Sequence[Maybe], needed: Sequence[bool]) -> list[Maybe]:
        body, nk, ny, first = self.body, self.carries, self.ys, self.consts
        ct_last, ct_ys = self._as_last(list(ct[:nk]), list(ct[nk : nk + ny]))
        ct_before = ct[nk + ny : nk + ny + nk]
        consts, carries, sequences = self.groups(node.args)
        p_consts, p_carries, p_slices = self.groups(body.params)
        live = [a is not None or b is not None for a, b in zip(ct_last, ct_before, strict=True)]
        d_before = [None if c is None else make_input(p.type, _marked(p, "ctb"))
                    for c, p in zip(ct_before, p_carries, strict=True)]  # fmt: skip
        d_ys = [None if c is None else make_input(y.type, "ct_y")
                for c, y in zip(ct_ys, body.outputs[nk : nk + ny], strict=True)]  # fmt: skip
        while True:
            # the cotangent of a carry lives when that of some later value reaches it
            d_carries = [make_input(p.type, _marked(p, "ct")) if on else None
                         for p, on in zip(p_carries, live, strict=True)]  # fmt: skip
            pulled = derive.vjp(body.outputs[: nk + ny], body.params, [*d_carries, *d_ys])
            g_consts, g_carries, g_slices = self.groups(pulled)
            late = [k for k in range(nk) if not live[k] and g_carries[k] is not None]
            if not late:
                break
            for k in late:
                live[k] = True
        on = [k for k in range(nk) if live[k]]
        summed = [k for k in range(first) if needed[k] and g_consts[k] is not None]
        listed = [k for k in range(len(sequences))
                  if needed[first + nk + k] and g_slices[k] is not None]  # fmt: skip
        totals = [make_input(p_consts[k].type, _marked(p_consts[k], "ct")) for k in summed]
        seeds = [k for k in range(nk) if ct_before[k] is not None]
        given = [k for k in range(ny) if ct_ys[k] is not None]
        zero = [build("zeros_like", consts[k]) for k in summed]
        start = [_or_zero(ct_last[k], carries[k]) for k in on]
        after = [_or_zero(derive.add(g_carries[k], d_before[k]), p_carries[k]) for k in on]
        history = [Node(Get(nk + ny + k), (node,)) for k in range(nk)]
        done = self.done(node)
        steps = done if self.truncate < 0 else sizes.minimum(self.truncate, done)
        before = 0 if self.reverse else done - steps

        def cut(rows: Maybe) -> Node:
            assert rows is not None
            return rows if steps == self.length else part(rows, 0, before, (steps,))

        results = make_scan(
            list(consts),
            [*zero, *start],
            [
                cut(rows)
                for rows in (
                    *history,
                    *sequences,
                    *(ct_before[k] for k in seeds),
                    *(ct_ys[k] for k in given),
                )
            ],
            list(p_consts),
            [*totals, *(d_carries[k] for k in on)],
            [*p_carries, *p_slices, *(d_before[k] for k in seeds), *(d_ys[k] for k in given)],
            [*(derive.add(t, g_consts[k]) for t, k in zip(totals, summed, strict=True)), *after],
            [g_slices[k] for k in listed],
            steps,
            not self.reverse,
        )
        result: list[Maybe] = [None] * len(node.args)
        for place, k in enumerate(summed):
            result[k] = results.final(place)
        for place, k in enumerate(on):
            if needed[first + k]:
                result[first + k] = self._of_start(results.final(len(summed) + place), done - steps)
        for place, k in enumerate(listed):
            rows = results.y(place)
            if steps != self.length:
                # the rows of steps that were not done, or are too long ago, get zeros
                rows = spread(rows, sequences[k].dims, before)
            result[first + nk + k] = rows
        return result

    def _as_last(self, ct_last: list[Maybe], ct_ys: list[Maybe]) -> tuple[list[Maybe], list[Maybe]]:
        """The cotangents of carries and ys, what meets only the last row of a carry moved to it.

        A cost that reads the last state does not need a row of zeros for every other step.
        """
        row = 0 if self.reverse else self.length - 1
        for k, ct in enumerate(ct_ys):
            nexts = self.body.outputs[: self.carries]
            y = self.body.outputs[self.carries + k]
            if ct is None or self.stops or y not in nexts:
                continue
            last, rest = split_row(ct, row)
            if last is not None:
                carry = nexts.index(y)
                ct_last[carry] = derive.add(ct_last[carry], last)
                ct_ys[k] = rest
        return ct_last, ct_ys

    def done(self, node: Node) -> SizeLike:
        """The number of steps done, a size."""
        if not self.stops:
            return self.length
        count = Node(Count(2 * self.carries + self.ys), (node,))
        return sizes.minimum(sizes.value(count), self.length)

    def _of_start(self, ct: Node, left: SizeLike) -> Node:
        """The cotangent of an initial carry, when `left` steps at the start were left out."""
        if left == 0:
            return ct
        whole = build("eq", size_node(left), 0)
        kept: Node = build("switch", whole, ct, build("zeros_like", ct))
        return kept


class Counter(Input):
    """A parameter of a body that counts the steps: 0, 1, ... below `below`."""

    __slots__ = ("below",)
    name = "counter"
    size_slots = ("below",)
    value_bounds = (0, None)

    def __init__(self, below: SizeLike) -> None:
        self.below = below


def make_counter(like: Node, below: SizeLike) -> Node:
    """A counter in place of the parameter `like`."""
    return make_input(TensorType(dtypes.INT64, ()), like.name, Counter(below))


def largest(size: SizeLike) -> SizeLike:
    """A bound of a size that counts upwards with every counter in it: its value at the end."""

    def last(atom: sizes.Atom) -> SizeLike | None:
        if atom.kind == "value" and isinstance(atom.args[0].op, Counter):
            return atom.args[0].op.below - 1
        return None

    terms = size.terms if isinstance(size, sizes.Size) else ()
    if any(c < 0 and any(last(atom) is not None for atom in mono) for mono, c in terms):
        return size
    return sizes.substitute(size, last)


class Count(Get):
    """The number of steps that a loop with a stop has done."""

    __slots__ = ()
    value_bounds = (0, None)

    def connects(self, position: int) -> bool:
        return False

    def jvp(self, node: Node, tangents: Sequence[Any]) -> Maybe:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Any]:
        return [None]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return None


class Results:
    """The results of a scan by group."""

    __slots__ = ("carries", "node", "ys")

    def __init__(self, node: Node, carries: int, ys: int) -> None:
        self.node = node
        self.carries = carries
        self.ys = ys

    def final(self, k: int) -> Node:
        return Node(Get(k), (self.node,))

    def y(self, k: int) -> Node:
        return Node(Get(self.carries + k), (self.node,))

    def history(self, k: int) -> Node:
        return Node(Get(self.carries + self.ys + k), (self.node,))

    def count(self) -> Node:
        """The number of steps done; only of a scan that stops."""
        return Node(Count(2 * self.carries + self.ys), (self.node,))

    def rows(self, ys: Node) -> Node:
        """Those rows of ys that were computed."""
        done = self.node.op.done(self.node)  # type: ignore[attr-defined]
        return ys if done == ys.dims[0] else part(ys, 0, 0, (done,))


def _marked(param: Node, mark: str) -> str | None:
    return f"{mark}_{param.name}" if param.name else None


def _or_zero(value: Maybe, like: Node | None) -> Node:
    if value is not None:
        return value
    zero: Node = build("zeros_like", like)
    return zero


def make_scan(
    consts: list[Node],
    carries: list[Node],
    sequences: list[Any],
    p_consts: list[Node],
    p_carries: list[Any],
    p_slices: list[Any],
    next_carries: list[Any],
    ys: list[Any],
    length: SizeLike,
    reverse: bool,
    stop: Maybe = None,
    truncate: int = -1,
) -> Results:
    """A scan over a body that may use outer values.

    `stop` is the condition, of the body, that ends the loop after the step in which it is True.
    Whatever in the body depends on no step variable (a carry or a slice) is computed once,
    outside, and becomes a constant of the loop; unused parameters are left out.
    """
    outer = dict(zip(p_consts, consts, strict=True))
    steps = [*p_carries, *p_slices]
    stops = [] if stop is None else [stop]
    outputs, found = close([*next_carries, *ys, *stops], steps)
    invariant = substitute([node for node, _ in found], outer)
    used = set(toposort(outputs))
    slices = [(p, s) for p, s in zip(p_slices, sequences, strict=True) if p in used]
    params = [param for _, param in found]
    body = Body([*params, *p_carries, *(p for p, _ in slices)], outputs)
    op = Scan(body, length, reverse, len(params), len(p_carries), bool(stops), truncate)
    node = Node(op, (*invariant, *carries, *(s for _, s in slices)))
    return Results(node, len(p_carries), len(ys))
