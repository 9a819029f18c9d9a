"""Loops of the graph as loops of C: `Scan` becomes one `for`.

Carries are a variable, or two buffers whose pointers swap; one that is only added to is updated
in place.  Sequences are read where they are; results are written in place, row by row; the
history of a carry is stored only when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from cgrad.codegen.choose import MEMORY_COST
from cgrad.codegen.names import note
from cgrad.codegen.places import Place
from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.exprs import Index
from cgrad.core.loops import For, Set, Swap
from cgrad.core.node import Node
from cgrad.core.sizes import SizeLike
from cgrad.ops.branch import Branch
from cgrad.ops.control import Scan
from cgrad.ops.kinds import element_cost, lowering
from cgrad.ops.scalar import Elementwise

if TYPE_CHECKING:
    from cgrad.codegen.lower import Block


def sources_of_loops(order: Sequence[Node], known: Collection[Node]) -> set[Node]:
    """What loops read and must not compute again in every step."""
    found = set()
    for node in order:
        if isinstance(node.op, Scan):
            consts, _, sequences = node.op.groups(node.args)
        elif isinstance(node.op, Branch):
            consts, sequences = node.args[1:], ()
        if isinstance(node.op, (Scan, Branch)):
            # a row of a sequence is read in one step, a constant in all of them
            for args, allowed in ((consts, 0), (sequences, MEMORY_COST - 1)):
                for arg in args:
                    if arg not in known and lowering(arg) == "pull":
                        found |= {arg} if _costs_more(arg, allowed) else set()
    return found


def _costs_more(node: Node, allowed: int) -> bool:
    """Whether an element costs more than `allowed` (see `Row.cost`) to find; buffers are free."""
    total = 0
    stack, seen = [node], {node}
    while stack:
        current = stack.pop()
        if lowering(current) != "pull":
            continue
        total += element_cost(current)
        if total > allowed:
            return True
        for arg in current.args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return False


def lower_scan(block: Block, node: Node, order: Sequence[Node], places: dict[Node, Place]) -> None:
    """Append the loop of a scan to a block."""
    op = node.op
    assert isinstance(op, Scan)
    nk, ny = op.carries, op.ys
    used = {n.op.position: n for n in order if lowering(n) == "get" and n.args[0] is node}  # type: ignore[attr-defined]
    length = block.resolve(op.length)
    depth = block.loop_depth
    name = "t" if depth == 0 else f"t{depth + 1}"
    block.names.reserve(name)
    t = sizes.index(name)
    body = block.inner(name, length)

    def place_of(position: int) -> Place | None:
        """Where a result goes; None when nobody reads it."""
        get = used.get(position)
        if get is None:
            return None
        place = places.get(get)
        if place is None:
            shape = tuple(block.resolve(n) for n in get.dims)
            label = get.name or ("last" if position < nk else "row" if shape else "count")
            place = Place(block.names.buffer(label, get.dtype, shape))
        block.sources[get] = place
        return place

    consts, carries, sequences = op.groups(node.args)
    p_consts, p_carries, p_slices = op.groups(op.body.params)
    for param, arg in zip(p_consts, consts, strict=True):
        body.sources[param] = lambda index, arg=arg: block.pull(arg, index)  # type: ignore[misc]
        body.constants[param] = arg
    for param, arg in zip(p_slices, sequences, strict=True):
        body.sources[param] = lambda index, arg=arg: block.pull(arg, (t, *index))  # type: ignore[misc]
    outputs: list[tuple[Node, Place]] = []
    after: list[loops.Stmt] = []
    finals: list[tuple[Place, Place, Node]] = []
    for k, (param, start) in enumerate(zip(p_carries, carries, strict=True)):
        # the last value is read where the carry is; only a result of the block is copied
        final = place_of(k) if used.get(k) in places else None
        history = place_of(nk + ny + k)
        now, then = _carry(block, op, k, param, final)
        if k in used and final is None:
            block.sources[used[k]] = now
        block.fill(param.dims, now, _puller(block, start), "")
        body.sources[param] = now
        if history is not None:
            body.copy(param, history.row(t), "")
        outputs.append((op.body.outputs[k], then))
        if then.buffer is not now.buffer:
            after.append(_advance(now, then))
        if final is not None and final.buffer is not now.buffer:
            finals.append((final, now, param))
    for k in range(ny):
        place = place_of(nk + k)
        if place is not None:
            outputs.append((op.body.outputs[nk + k], place.row(t)))
    count = place_of(2 * nk + ny) if op.stops else None
    if count is not None:
        block.stmts.append(Set(count.buffer, count.index(()), exprs.lit(0, dtypes.INT64)))
        after.append(Set(count.buffer, count.index(()), exprs.size_value(t + 1)))
    if op.stop is not None:
        stop = block.names.buffer(op.stop.name or "stop", dtypes.BOOL, ())
        outputs.append((op.stop, Place(stop)))
        after.append(loops.Leave(exprs.read(stop, ())))
    body.lower(outputs)
    loop = For(name, length, [*body.stmts, *after], "scan", op.reverse)
    loop.notes = (note(node),)
    block.stmts.append(loop)
    for final, now, param in finals:
        block.fill(param.dims, final, now.read, "")


def lower_branch(
    block: Block, node: Node, order: Sequence[Node], places: dict[Node, Place]
) -> None:
    """Append a choice of which one side runs to a block."""
    op = node.op
    assert isinstance(op, Branch)
    cond, *captured = node.args
    used = {n.op.position: n for n in order if lowering(n) == "get" and n.args[0] is node}  # type: ignore[attr-defined]
    taken = block.names.buffer(f"{cond.name or 'cond'}_holds", dtypes.INT64, ())
    block.stmts.append(Set(taken, (), exprs.cast(block.pull(cond, ()), dtypes.INT64)))
    targets: dict[int, Place] = {}
    for k, get in used.items():
        place = places.get(get)
        if place is None or not get.ndim:
            # a variable of its own, stored by both sides
            shape = tuple(block.resolve(n) for n in get.dims)
            place = Place(block.names.buffer(get.name or "chosen", get.dtype, shape))
            if not shape:
                zero = dtypes.zero(get.dtype)
                block.stmts.append(Set(place.buffer, (), exprs.lit(zero, get.dtype)))
        targets[k] = place
    for body, wanted in zip(op.bodies, (True, False), strict=True):
        stmt = loops.If(taken, wanted, [])
        inner = block.inner(stmt.index, stmt.extent)
        inner.in_side = True
        for param, arg in zip(body.params, captured, strict=True):
            inner.sources[param] = _puller(block, arg)
        inner.lower([(body.outputs[k], place) for k, place in targets.items()])
        stmt.body = inner.stmts
        stmt.notes = (note(node),) if wanted else ()
        block.stmts.append(stmt)
    for k, get in used.items():
        block.sources[get] = targets[k]
        wanted_at = places.get(get)
        if wanted_at is not None and wanted_at is not targets[k]:
            block.fill((), wanted_at, targets[k].read, "")


def _puller(block: Block, node: Node):  # type: ignore[no-untyped-def]
    def pull(index: Index) -> exprs.Expr:
        return block.pull(node, index)

    return pull


def _carry(block: Block, op: Scan, k: int, param: Node, final: Place | None) -> tuple[Place, Place]:
    """Where a carry is before and after a step."""
    shape: tuple[SizeLike, ...] = tuple(block.resolve(n) for n in param.dims)
    label = param.name or "carry"
    if updates_in_place(op, k):
        if final is not None and final.whole and shape:
            return final, final
        place = Place(block.names.buffer(label, param.dtype, shape))
        return place, place
    role = "carry" if shape else "temp"
    now = block.names.buffer(label, param.dtype, shape, role)
    then = block.names.buffer(f"next_{label}", param.dtype, shape, role)
    return Place(now), Place(then)


def _advance(now: Place, then: Place) -> loops.Stmt:
    if now.buffer.shape:
        return Swap(now.buffer, then.buffer)
    return Set(now.buffer, (), then.read(()))


def updates_in_place(op: Scan, k: int) -> bool:
    """Whether the next value of carry k may overwrite the old one as it is computed.

    It may when the one reader of the carry is the elementwise op that makes the next value: that
    reads an element only to replace it.
    """
    _, carries, _ = op.groups(op.body.params)
    param, out = carries[k], op.body.outputs[k]
    readers = [node for node in op.body.order if param in node.args]
    return (
        readers == [out]
        and isinstance(out.op, Elementwise)
        and out.args.count(param) == 1
        and op.body.outputs.count(out) == 1
        and param not in op.body.outputs
    )
