"""A loop does not compute again what an earlier loop has computed.

The derivative of a loop is a loop that goes through the history of the first one and computes the
primal values of each step once more.  What is expensive among them, a product or an exponential,
the first loop hands on as rows instead; what is cheap is computed again, since rows cost memory
and its traffic.

    ys = scan(f); zs = scan(g over the histories of f)  ->  g reads the rows of an inner value of f

An expensive function of such values that only the later loop needs, such as the derivative of a
hyperbolic tangent, is computed in the first loop too where that costs no row: its row takes the
place of that of its argument, or the first loop has the function whose work it shares.

Responsible for: which values are handed on.  Not responsible for: loops that become one (`merge`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from cgrad.core.graphs import Body, Interner, rebuild, toposort
from cgrad.core.node import Node, make_input
from cgrad.ops.control import Scan
from cgrad.ops.kinds import lowering
from cgrad.ops.result import Get
from cgrad.ops.scalar import Elementwise
from cgrad.rewrites.extend import extended, positions, replace_scans

# cost (see `Row.cost`) of an element from which a row of values is kept
KEPT = 15


def remember_values(outputs: Sequence[Node], outer: Iterable[Node] = ()) -> list[Node]:
    """`outputs`, interned, with loops that read what earlier ones found; `outer` nodes stay."""
    outer = frozenset(outer)
    result = list(outputs)
    while True:
        order = toposort(result, outer)
        for first, later in _pairs(order, outer):
            shared = _shared(first, later)
            if shared:
                break
        else:
            return result
        result = _replaced(result, outer, first, later, shared)


def _pairs(order: Sequence[Node], outer: frozenset[Node]) -> Iterator[tuple[Node, Node]]:
    """Pairs of loops, the second over a history of the first."""
    for later in order:
        if not isinstance(later.op, Scan) or later in outer:
            continue
        _, _, sequences = later.op.groups(later.args)
        seen: dict[Node, None] = {}
        for arg in sequences:
            if isinstance(arg.op, Get) and arg.args[0] not in outer:
                seen.setdefault(arg.args[0])
        for first in seen:
            scan = first.op
            if isinstance(scan, Scan) and not scan.stops and scan.length == later.op.length:
                yield first, later


def _shared(first: Node, later: Node) -> dict[Node, Node]:
    """Expensive values of the body of `later` and the equal ones in the body of `first`."""
    one, two = first.op, later.op
    assert isinstance(one, Scan) and isinstance(two, Scan)
    consts, _, sequences = one.groups(first.args)
    p_consts, p_carries, p_slices = one.groups(one.body.params)
    of_const = dict(zip(consts, p_consts, strict=True))
    of_rows = dict(zip(sequences, p_slices, strict=True))
    nk, ny = one.carries, one.ys
    memo: dict[Node, Node] = {}
    later_consts, _, later_rows = two.groups(later.args)
    q_consts, _, q_slices = two.groups(two.body.params)
    for param, arg in zip(q_consts, later_consts, strict=True):
        if arg in of_const:
            memo[param] = of_const[arg]
    for param, arg in zip(q_slices, later_rows, strict=True):
        if arg in of_rows:
            memo[param] = of_rows[arg]
        elif isinstance(arg.op, Get) and arg.args[0] is first:
            position = arg.op.position
            if position >= nk + ny:
                memo[param] = p_carries[position - nk - ny]
            elif position >= nk:
                memo[param] = one.body.outputs[position]
    table = Interner()
    own = {table.add(node) for node in one.body.order}
    equal: dict[Node, Node] = {}
    derived: dict[Node, Node] = {}
    for node in two.body.order:
        if all(arg in memo for arg in node.args) and not node.deps:
            # a leaf, or made of what the first loop has too
            memo[node] = table.add(rebuild(node, memo))
            of_inner_loop = isinstance(node.op, Get) and node.args[0] in equal
            if (memo[node] in own and node.args) or of_inner_loop:
                equal[node] = memo[node]
            elif node.args:
                derived[node] = memo[node]
    moved = {n: derived[n] for n in _better_there(two.body, equal, derived, own)}
    kept = _largest(two.body, equal, moved)
    return {**{node: equal[node] for node in kept if is_expensive(node)}, **moved}


def _largest(body: Body, equal: dict[Node, Node], moved: Collection[Node]) -> list[Node]:
    """Those of the nodes that something else in the body uses, or that are its results.

    Whatever is `moved` into the first loop needs them there.
    """
    staying = toposort(body.outputs, frozenset(moved))
    used = {arg for node in staying if node not in equal and node not in moved for arg in node.args}
    used.update(body.outputs)
    return [
        node
        for node in body.order
        if node in equal and node in used and not isinstance(node.op, Scan)
    ]


def _better_there(
    body: Body, equal: dict[Node, Node], derived: dict[Node, Node], own: Collection[Node]
) -> list[Node]:
    """The expensive functions of values of the first loop that it computes without more rows.

    `derived` are what such functions would be in the first loop, whose nodes are `own`.
    """
    readers: dict[Node, list[Node]] = {}
    for node in body.order:
        if node not in equal:
            for arg in dict.fromkeys(node.args):
                readers.setdefault(arg, []).append(node)
    there = {(node.op.row.name, node.args) for node in own if isinstance(node.op, Elementwise)}

    def frees_a_row(node: Node) -> bool:
        """Whether a row as large as that of the node is kept for it alone."""
        stack = list(node.args)
        while stack:
            arg = stack.pop()
            if len(readers[arg]) > 1 or arg in body.outputs:
                continue
            if arg in derived:
                stack.extend(arg.args)
            elif arg in equal and arg.dims == node.dims and is_expensive(arg):
                return True
        return False

    def shares(node: Node) -> bool:
        row = node.op.row  # type: ignore[attr-defined]
        return any((name, derived[node].args) in there for name in row.beside)

    return [
        node
        for node in derived
        if isinstance(node.op, Elementwise)
        and node.op.row.cost >= KEPT
        and (shares(node) or frees_a_row(node))
    ]


def is_expensive(node: Node) -> bool:
    """Whether computing the value from the parameters costs more than reading it."""
    total = 0
    stack, seen = [node], {node}
    while stack:
        current = stack.pop()
        if lowering(current) in ("reduce", "emit", "scan", "get"):
            return True
        if isinstance(current.op, Elementwise):
            total += current.op.row.cost
        for arg in current.args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return total >= KEPT


def _replaced(
    outputs: Sequence[Node],
    outer: frozenset[Node],
    first: Node,
    later: Node,
    shared: dict[Node, Node],
) -> list[Node]:
    """`outputs` with the two loops replaced."""
    rows: dict[Node, Node] = {}

    def change(new: Node, old: Node, read: set[int]) -> dict[int, Node] | None:
        assert isinstance(new.op, Scan)
        if old is first:
            kept = list(dict.fromkeys(shared.values()))
            found = extended(new, kept, {}, ())
            rows.update((value, found.y(new.op.ys + k)) for k, value in enumerate(kept))
        elif old is later:
            params = {inner: make_input(inner.type, inner.name) for inner in shared}
            added = [(params[inner], rows[value]) for inner, value in shared.items()]
            found = extended(new, (), params, added)
        else:
            return None
        return positions(new, found)

    return replace_scans(outputs, outer, change)
