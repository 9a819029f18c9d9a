"""Loops that run side by side become one.

A derivative of a loop is a loop that computes the primal values once more: the jvp of a scan
carries them beside their tangents.  Two scans of as many steps, in one direction, that do not
depend on each other are one scan over the union of their bodies; carries that start from the same
node and go on to the same value are one carry, which is found as for states of automata: all that
start alike are one until their next values differ.

Two scans are merged when a carry of one is a carry of the other, or, for loops without carries,
when they step along one sequence: then work or memory traffic is shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cgrad.core.graphs import Body, Interner, derived, intern_body, rebuild, substitute, toposort
from cgrad.core.node import Node, TensorType
from cgrad.ops.control import Scan, make_scan
from cgrad.ops.result import Get


def merge_loops(outputs: Sequence[Node], outer: Iterable[Node] = ()) -> list[Node]:
    """`outputs`, interned, with scans that share work made one; `outer` nodes stay as they are."""
    outer = frozenset(outer)
    result = list(outputs)
    while True:
        order = toposort(result, outer)
        for a, b in _candidates(order, outer):
            union = _Union(a, b)
            if union.worthwhile:
                break
        else:
            return result
        result = _replaced(order, result, outer, union)


def _candidates(order: Sequence[Node], outer: frozenset[Node]) -> list[tuple[Node, Node]]:
    """Pairs of scans with equal headers that do not depend on each other."""
    loops = [node for node in order if isinstance(node.op, Scan) and node not in outer]
    if len(loops) < 2:
        return []
    place = {node: k for k, node in enumerate(loops)}
    above: dict[Node, int] = {}
    for node in order:
        bits = 1 << place[node] if node in place else 0
        if node not in outer:
            for dep in (*node.args, *node.deps):
                bits |= above[dep]
        above[node] = bits
    return [
        (a, b)
        for j, b in enumerate(loops)
        for i, a in enumerate(loops[:j])
        if _header(a) == _header(b) and not above[b] >> i & 1
    ]


def _header(node: Node) -> tuple[object, ...]:
    op = node.op
    assert isinstance(op, Scan)
    return op.length, op.reverse, op.stops, op.truncate


class _Union:
    """The bodies of two scans as one, over parameters of the first where arguments are equal."""

    def __init__(self, a: Node, b: Node) -> None:
        self.nodes = (a, _apart(a, b))
        self.originals = (a, b)
        self.consts: dict[Node, Node] = {}
        self.sequences: dict[Node, list[Node]] = {}
        shared = 0
        memo: dict[Node, Node] = {}
        params: list[Node] = []
        starts: list[Node] = []
        owner: list[int] = []
        bodies: list[Node] = []
        for side, node in enumerate(self.nodes):
            op = node.op
            assert isinstance(op, Scan)
            consts, carries, sequences = op.groups(node.args)
            p_consts, p_carries, p_slices = op.groups(op.body.params)
            for param, arg in zip(p_consts, consts, strict=True):
                memo[param] = self.consts.setdefault(arg, param)
            for param, arg in zip(p_slices, sequences, strict=True):
                known = self.sequences.setdefault(arg, [])
                same = [p for p in known if p.op.key(_own) == param.op.key(_own)]
                if same:
                    shared += side
                else:
                    known.append(param)
                memo[param] = same[0] if same else param
            params += p_carries
            starts += carries
            owner += [side] * len(carries)
            bodies += op.body.outputs
        self._unify(params, starts, bodies, memo)
        sides: dict[int, set[int]] = {}
        for k, side in enumerate(owner):
            sides.setdefault(self.kept[k], set()).add(side)
        common = any(len(found) > 1 for found in sides.values())
        self.starts, self.params = starts, params
        stops = {self.bodies[-1], self.bodies[self._first_outputs() - 1]}
        agreed = not self.nodes[0].op.stops or len(stops) == 1  # type: ignore[attr-defined]
        self.worthwhile = agreed and (common or (not params and shared > 0))

    def _first_outputs(self) -> int:
        return len(self.nodes[0].op.body.outputs)  # type: ignore[attr-defined]

    def _unify(
        self, params: list[Node], starts: list[Node], outputs: list[Node], memo: dict[Node, Node]
    ) -> None:
        """Find for each carry the first one that is equal to it at every step.

        Sets `kept`, the position of that one, and `bodies`, the outputs over the kept parameters.
        """
        nk = self.nodes[0].op.carries  # type: ignore[attr-defined]
        n = len(params)
        after = [*range(nk), *(self._first_outputs() + k for k in range(n - nk))]
        first: dict[tuple[object, ...], int] = {}
        kinds = [
            (start, param.dtype, param.dims) for start, param in zip(starts, params, strict=True)
        ]
        kept = [first.setdefault(kind, k) for k, kind in enumerate(kinds)]
        while True:
            memo.update((params[k], params[kept[k]]) for k in range(n))
            merged = substitute(outputs, memo)
            everything = [*self.consts.values(), *params]
            everything += [p for known in self.sequences.values() for p in known]
            merged = list(intern_body(Body(everything, merged)).outputs)
            split: dict[tuple[int, Node], int] = {}
            new = [split.setdefault((kept[k], merged[after[k]]), k) for k in range(n)]
            if new == kept:
                break
            kept = new
        self.kept, self.bodies = kept, merged

    def build(self) -> list[dict[int, Node]]:
        """The results of each of the two scans, from one scan."""
        a, b = self.nodes
        op = a.op
        assert isinstance(op, Scan)
        distinct = sorted(set(self.kept))
        nexts: dict[int, Node] = {}
        ys: dict[Node, int] = {}
        wanted: list[list[int]] = []
        at = number = 0
        for node in self.nodes:
            one = node.op
            assert isinstance(one, Scan)
            for k in range(one.carries):
                nexts.setdefault(self.kept[number + k], self.bodies[at + k])
            rows = self.bodies[at + one.carries : at + one.carries + one.ys]
            wanted.append([ys.setdefault(row, len(ys)) for row in rows])
            at += len(one.body.outputs)
            number += one.carries
        pairs = [(arg, param) for arg, known in self.sequences.items() for param in known]
        results = make_scan(
            list(self.consts),
            [self.starts[k] for k in distinct],
            [arg for arg, _ in pairs],
            list(self.consts.values()),
            [self.params[k] for k in distinct],
            [param for _, param in pairs],
            [nexts[k] for k in distinct],
            list(ys),
            op.length,
            op.reverse,
            self.bodies[-1] if op.stops else None,
            op.truncate,
        )
        results.node.name, results.node.site = a.name or b.name, a.site
        results.node.tag = a.tag
        found: list[dict[int, Node]] = []
        number = 0
        for node, places in zip(self.nodes, wanted, strict=True):
            one = node.op
            assert isinstance(one, Scan)
            nk, ny = one.carries, one.ys
            table: dict[int, Node] = {}
            for k in range(nk):
                place = distinct.index(self.kept[number + k])
                table[k] = results.final(place)
                table[nk + ny + k] = results.history(place)
            for k, place in enumerate(places):
                table[nk + k] = results.y(place)
            if one.stops:
                table[2 * nk + ny] = results.count()
            found.append(table)
            number += nk
        return found


def _apart(a: Node, b: Node) -> Node:
    """b over a body of parameters of its own: copies of a loop for other arguments share theirs."""
    op = b.op
    assert isinstance(op, Scan) and isinstance(a.op, Scan)
    own = op.body.params
    if set(own).isdisjoint(a.op.body.params):
        return b
    new = [Node(p.op, (), TensorType(p.dtype, p.dims), p.name, p.site) for p in own]
    body = Body(new, substitute(op.body.outputs, dict(zip(own, new, strict=True))))
    return derived(b, op.map_bodies(lambda _: body), b.args)


def _own(node: Node) -> Node:
    return node


def _replaced(
    order: Sequence[Node], outputs: Sequence[Node], outer: frozenset[Node], union: _Union
) -> list[Node]:
    """`outputs` with the two scans of a union replaced by one."""
    results = dict(zip(union.originals, union.build(), strict=True))
    memo: dict[Node, Node] = {node: node for node in outer}
    table = Interner()
    # what the new loop uses comes first
    for new in results.values():
        for node in new.values():
            (loop,) = node.args
            table.add(loop)
    for node in order:
        if node in memo or node in results:
            memo.setdefault(node, node)
            continue
        if isinstance(node.op, Get) and node.args[0] in results:
            memo[node] = table.add(results[node.args[0]][node.op.position])
            continue
        memo[node] = table.add(rebuild(node, memo))
    return [memo[out] for out in outputs]
