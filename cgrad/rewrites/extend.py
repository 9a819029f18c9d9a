"""A scan with more results, or with inner values read from rows, and where its results went.

Responsible for: building it.  Not responsible for: why (`remember`, `outside`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.graphs import substitute
from cgrad.core.node import Node
from cgrad.ops.control import Results, Scan, make_scan


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
