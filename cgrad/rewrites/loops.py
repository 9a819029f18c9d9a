"""Loops without what nobody needs.

A structural pass over the scans of a graph, not a rule: it needs to know who reads a result.

    a result that nobody reads is not computed, nor a carry that only such results need
    a carry that never changes is a constant of the loop
    constants of the loop that are numbers, sizes or ranges move into the body; equal ones merge
    what depends on no step variable is computed once, outside
    the last row of what is fed back is the last carry
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cgrad.core import sizes
from cgrad.core.graphs import Body, derived, substitute, toposort
from cgrad.core.node import Node
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.closing import is_cheap
from cgrad.ops.constants import Arange
from cgrad.ops.control import Count, Counter, Scan, make_counter, make_scan
from cgrad.ops.result import Get
from cgrad.ops.windows import Slice
from cgrad.rewrites.extend import replace_scans
from cgrad.rewrites.merge import merge_loops
from cgrad.rewrites.remember import remember_values


def tidy_loops(outputs: Sequence[Node], outer: Iterable[Node] = (), top: bool = True) -> list[Node]:
    """`outputs` with every scan reduced to what is read of it; `outer` nodes stay as they are.

    `top` says that the graph is no body.
    """

    def change(new: Node, old: Node, read: set[int]) -> dict[int, Node] | None:
        return _tidy(new, read)

    def prepare(node: Node) -> Node:
        node = _last_row(node, top)
        if not isinstance(node.op, Scan):
            return node
        op = node.op.map_bodies(_tidy_body)
        return node if op is node.op else derived(node, op, node.args)

    return replace_scans(outputs, outer, change, prepare)


def _tidy_body(body: Body) -> Body:
    # sizes of the body may mention results of outer loops
    outer = {atom.args[0] for atom in body.free}
    outputs = merge_loops(tidy_loops(body.outputs, outer, False), outer)
    outputs = remember_values(outputs, outer)
    if all(new is old for new, old in zip(outputs, body.outputs, strict=True)):
        return body
    return Body(body.params, outputs)


def _last_row(node: Node, top: bool) -> Node:
    """`ys[-1]` of rows that are fed back, as the last carry: then nobody reads the rows.

    Only where that there is a last row is certain, or is checked when the kernel is entered: that
    check was found in the graph as the user wrote it.
    """
    op = node.op
    if not isinstance(op, Slice) or not op.drops or not op.drops[0]:
        return node
    (rows,) = node.args
    while isinstance(rows.op, Slice) and _keeps_first_rows(rows.op):
        (rows,) = rows.args
    loop = rows.args[0] if isinstance(rows.op, Get) else rows
    scan = loop.op
    if not isinstance(rows.op, Get) or not isinstance(scan, Scan):
        return node
    k = rows.op.position - scan.carries
    if scan.reverse or not 0 <= k < scan.ys or op.starts[0] != _done(loop, op.starts[0]) - 1:
        return node
    nexts, row = scan.body.outputs[: scan.carries], scan.body.outputs[scan.carries + k]
    low, _ = sizes.bounds(scan.length)
    certain = low is not None and low > 0
    at_entry = top and all(
        atom.kind in sizes.COMPOUND or not atom.args[0].args for atom in sizes.atoms(op.starts[0])
    )
    if row not in nexts or not (certain or at_entry):
        return node
    last = Node(Get(nexts.index(row)), (loop,))
    if node.dims == last.dims and all(step == 1 for step in op.steps):
        return last
    rest = Slice(op.shape[1:], op.starts[1:], op.lengths[1:], op.steps[1:], op.drops[1:])
    return derived(node, rest, (last,))


def _done(loop: Node, mentioned: SizeLike) -> SizeLike:
    """The number of steps done, in terms of the node that `mentioned` has for it."""
    scan = loop.op
    assert isinstance(scan, Scan)
    for node in sizes.nodes(mentioned):
        if isinstance(node.op, Count) and node.args[0] is loop:
            return sizes.minimum(sizes.value(node), scan.length)
    return scan.length


def _keeps_first_rows(op: Slice) -> bool:
    """x[:n]"""
    return (
        not any(op.drops)
        and not any(start != 0 for start in op.starts)
        and all(step == 1 for step in op.steps)
        and op.lengths[1:] == op.shape[1:]
    )


def _tidy(node: Node, read: set[int]) -> dict[int, Node] | None:
    """The results that are read, from a smaller scan; None when it is as small as it gets."""
    op = node.op
    assert isinstance(op, Scan)
    nk, ny = op.carries, op.ys
    consts, carries, sequences = op.groups(node.args)
    p_consts, p_carries, p_slices = op.groups(op.body.params)
    replaced: dict[Node, Node] = {}
    first: dict[Node, Node] = {}
    for param, arg in zip(p_consts, consts, strict=True):
        if _is_cheap_all_the_way(arg):
            replaced[param] = arg
        elif arg in first:
            replaced[param] = first[arg]
        else:
            first[arg] = param
    for param, arg in zip(p_slices, sequences, strict=True):
        # the rules may then use that its values are positions of the loop
        if isinstance(arg.op, Arange) and not isinstance(param.op, Counter):
            replaced[param] = make_counter(param, arg.op.length)
    fixed = {k for k in range(nk) if op.body.outputs[k] is p_carries[k]}
    ys = [k for k in range(ny) if nk + k in read]
    live = _live_carries(op, read, fixed, ys)
    kept = [k for k in range(nk) if k in live]
    outer = dict(zip(p_consts, consts, strict=True))
    outer.update((p_carries[k], carries[k]) for k in fixed)
    outputs = substitute(
        [
            *(op.body.outputs[k] for k in kept),
            *(op.body.outputs[nk + k] for k in ys),
            *op.stop_outputs,
        ],
        replaced,
    )
    stop = outputs.pop() if op.stops else None
    results = make_scan(
        list(outer.values()),
        [carries[k] for k in kept],
        list(sequences),
        list(outer),
        [p_carries[k] for k in kept],
        [replaced.get(param, param) for param in p_slices],
        outputs[: len(kept)],
        outputs[len(kept) :],
        op.length,
        op.reverse,
        stop,
        op.truncate,
    )
    results.node.name, results.node.site, results.node.tag = node.name, node.site, node.tag
    if _same_size(results.node, node):
        return None
    found: dict[int, Node] = {}
    for place, k in enumerate(kept):
        found[k] = results.final(place)
        found[nk + ny + k] = results.history(place)
    for place, k in enumerate(ys):
        found[nk + k] = results.y(place)
    if op.stops:
        found[2 * nk + ny] = results.count()
    for k in fixed:
        start = carries[k]
        rows = (op.length, *start.dims)
        found[k] = start
        found[nk + ny + k] = broadcast_axes(start, rows, tuple(range(1, len(rows))))
    return found


def _live_carries(op: Scan, read: set[int], fixed: set[int], ys: Sequence[int]) -> set[int]:
    """The carries that a result somebody reads depends on."""
    nk, ny = op.carries, op.ys
    _, p_carries, _ = op.groups(op.body.params)
    place = {param: k for k, param in enumerate(p_carries)}
    live = {k for k in range(nk) if k in read or nk + ny + k in read} - fixed
    while True:
        roots = [op.body.outputs[k] for k in sorted(live)]
        roots += [op.body.outputs[nk + k] for k in ys]
        roots += op.stop_outputs
        used = {place[node] for node in toposort(roots) if node in place} - fixed
        if used <= live:
            return live
        live |= used


def _is_cheap_all_the_way(node: Node) -> bool:
    """Whether the node is made of numbers and sizes by broadcasts and casts only."""
    while node.args and is_cheap(node):
        node = node.args[0]
    return is_cheap(node) and not node.args


def _same_size(new: Node, old: Node) -> bool:
    assert isinstance(new.op, Scan) and isinstance(old.op, Scan)
    return (
        len(new.args) == len(old.args)
        and len(new.op.body.outputs) == len(old.op.body.outputs)
        and len(new.op.body.order) == len(old.op.body.order)
        and [p.op.name for p in new.op.body.params] == [p.op.name for p in old.op.body.params]
    )
