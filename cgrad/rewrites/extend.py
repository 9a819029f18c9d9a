"""Scans replaced by others: the walk, a scan with more results, and where its results went.

Responsible for: how.  Not responsible for: why (`loops`, `remember`, `outside`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cgrad.core.graphs import Interner, rebuild, substitute, toposort
from cgrad.core.node import Node
from cgrad.ops.control import Results, Scan, make_scan
from cgrad.ops.result import Get

# a scan over rebuilt arguments, that scan as it was, and the positions of its results that are
# read -> its results by position, or None to keep it
Change = Callable[[Node, Node, set[int]], dict[int, Node] | None]


def replace_scans(
    outputs: Sequence[Node],
    outer: Iterable[Node],
    change: Change,
    prepare: Callable[[Node], Node] = lambda node: node,
) -> list[Node]:
    """`outputs`, interned, with the results of scans that `change` answers; `outer` nodes stay.

    `prepare` may put another node in the place of any node that is rebuilt.
    """
    outer = frozenset(outer)
    order = toposort(outputs, outer)
    read: dict[Node, set[int]] = {}
    for node in order:
        if isinstance(node.op, Get):
            read.setdefault(node.args[0], set()).add(node.op.position)
    table = Interner()
    memo: dict[Node, Node] = {node: node for node in outer}
    results: dict[Node, dict[int, Node]] = {}
    for node in order:
        if node in outer:
            continue
        if isinstance(node.op, Get) and node.args[0] in results:
            memo[node] = table.add(results[node.args[0]][node.op.position])
            continue
        new = prepare(rebuild(node, memo))
        found = change(new, node, read.get(node, set())) if isinstance(new.op, Scan) else None
        if found is not None:
            results[node] = found
        memo[node] = table.add(new)
    return [memo[out] for out in outputs]


def extended(
    node: Node,
    more: Sequence[Node],
    params: dict[Node, Node],
    added: Sequence[tuple[Node, Node]],
) -> Results:
    """The loop with inner values as `more` ys, or with inner values read from `added` rows."""
    op = node.op
    assert isinstance(op, Scan)
    nk, ny = op.carries, op.ys
    consts, carries, sequences = op.groups(node.args)
    p_consts, p_carries, p_slices = op.groups(op.body.params)
    outs = substitute(op.body.outputs, params) if params else list(op.body.outputs)
    results = make_scan(
        list(consts),
        list(carries),
        [*sequences, *(rows for _, rows in added)],
        list(p_consts),
        list(p_carries),
        [*p_slices, *(param for param, _ in added)],
        outs[:nk],
        [*outs[nk : nk + ny], *more],
        op.length,
        op.reverse,
        outs[-1] if op.stops else None,
        op.truncate,
    )
    results.node.name, results.node.site, results.node.tag = node.name, node.site, node.tag
    return results


def positions(node: Node, found: Results) -> dict[int, Node]:
    """The results of a loop by their old positions."""
    op = node.op
    assert isinstance(op, Scan)
    nk, ny = op.carries, op.ys
    table = {k: found.final(k) for k in range(nk)}
    table.update((nk + k, found.y(k)) for k in range(ny))
    table.update((nk + ny + k, found.history(k)) for k in range(nk))
    if op.stops:
        table[2 * nk + ny] = found.count()
    return table
