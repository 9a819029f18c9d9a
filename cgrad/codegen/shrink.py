"""Temporary buffers lose the axes that only one loop runs along.

A buffer that is written and read only inside one loop, always at that loop's index along some
axis, needs no such axis; without axes it is a C variable.  Runs after `codegen.fuse`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from cgrad.core import exprs, sizes
from cgrad.core.exprs import Buffer, Expr, Index, Read, walk
from cgrad.core.loops import (
    Accumulate,
    Check,
    For,
    Leave,
    Let,
    Set,
    Stmt,
    invocations,
    mentioned,
    values,
    written,
)

Uses = dict[Buffer, list[tuple[Buffer, Index]]]


def shrink(stmts: list[Stmt]) -> list[Stmt]:
    """The statements with temporaries as small as their loops allow."""
    _drop_unread(stmts)
    _visit(stmts, _uses(stmts))
    _coalesce(stmts)
    return stmts


def _drop_unread(stmts: list[Stmt]) -> None:
    """Remove stores to temporaries that nobody reads, and loops that are left with nothing."""
    while True:
        read = {
            buffer
            for stmt in stmts
            for value in [*values(stmt), *map(exprs.size_value, mentioned(stmt))]
            for buffer in value.reads
        }
        read |= {b.base for stmt in stmts for call in invocations(stmt) for b, _ in call.reads}

        def useless(stmt: Stmt, read: set[Buffer] = read) -> bool:
            if isinstance(stmt, For):
                before = len(stmt.body)
                stmt.body = [inner for inner in stmt.body if not useless(inner)]
                return before > 0 and not stmt.body
            if not isinstance(stmt, (Set, Accumulate)):
                return False
            stored = stmt.buffer.base
            return stored.role == "temp" and stored not in read

        before = sum(1 for stmt in stmts for _ in written(stmt))
        stmts[:] = [stmt for stmt in stmts if not useless(stmt)]
        if sum(1 for stmt in stmts for _ in written(stmt)) == before:
            return


def _coalesce(stmts: list[Stmt]) -> None:
    """Drop the copy `s = total` where a total is read only to be copied into a variable."""
    stores: Counter[Buffer] = Counter()
    accumulated: set[Buffer] = set()
    reads: Counter[Buffer] = Counter()
    for stmt in stmts:
        for store in written(stmt):
            stores[store.buffer] += 1
            if isinstance(store, Accumulate):
                accumulated.add(store.buffer)
        for value in values(stmt):
            reads.update(part.buffer for part in walk(value) if isinstance(part, Read))
    same: dict[Buffer, Buffer] = {}
    blocks = [stmts]
    while blocks:
        block = blocks.pop()
        kept: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For):
                blocks.append(stmt.body)
            elif isinstance(stmt, Set) and isinstance(stmt.value, Read):
                total, copy = stmt.value.buffer, stmt.buffer
                if (
                    total in accumulated
                    and _is_variable(total)
                    and _is_variable(copy)
                    and total.dtype == copy.dtype
                    and (stores[copy], reads[total]) == (1, 1)
                ):
                    total.name = copy.name
                    same[copy] = total
                    continue
            kept.append(stmt)
        block[:] = kept
    _rename(stmts, same)


def _is_variable(buffer: Buffer) -> bool:
    return buffer.role == "temp" and not buffer.base.shape


def _rename(stmts: list[Stmt], same: dict[Buffer, Buffer]) -> None:
    if not same:
        return

    def leaf(expr: Expr) -> Expr | None:
        if not any(buffer in same for buffer in expr.reads):
            return expr
        if isinstance(expr, Read) and expr.buffer in same:
            return exprs.read(same[expr.buffer], ())
        return None

    _map_values(stmts, leaf)


def _visit(stmts: list[Stmt], total: Uses) -> None:
    for stmt in stmts:
        if not isinstance(stmt, For):
            continue
        if stmt.kind == "map":
            inside = _uses(stmt.body)
            # what has no elements is read by loops of no iterations, and stored to by none
            stored = {store.buffer.base for store in written(stmt)}
            smaller: dict[Buffer, tuple[Buffer, int]] = {}
            for buffer, places in inside.items():
                if buffer.role != "temp" or not buffer.shape or buffer not in stored:
                    continue
                axis = _own_axis(stmt.index, buffer, places)
                if axis is not None and len(places) == len(total[buffer]):
                    shape = _without(buffer.shape, axis)
                    smaller[buffer] = Buffer(buffer.name, buffer.dtype, shape, "temp"), axis
            if smaller:
                _replace(stmt.body, smaller)
                for old, (new, axis) in smaller.items():
                    total[new] = [(new, _without(index, axis)) for _, index in total.pop(old)]
        _visit(stmt.body, total)


def _own_axis(name: str, buffer: Buffer, places: list[tuple[Buffer, Index]]) -> int | None:
    """The axis along which every access is at the loop's index; None if a view is among them."""
    here = sizes.index(name)
    # a buffer without elements is never stored to, and may be read through a view alone
    if any(view is not buffer for view, _ in places):
        return None
    for axis in range(len(places[0][1])):
        if all(index[axis] == here for _, index in places):
            return axis
    return None


def _without(items: Index, axis: int) -> Index:
    return items[:axis] + items[axis + 1 :]


def _uses(stmts: list[Stmt]) -> Uses:
    """Every distinct read and every store, by the buffer that owns the elements."""
    found: Uses = {}
    for stmt in stmts:
        for store in written(stmt):
            found.setdefault(store.buffer.base, []).append((store.buffer, store.index))
        for value in values(stmt):
            for part in walk(value):
                if isinstance(part, Read):
                    found.setdefault(part.buffer.base, []).append((part.buffer, part.index))
        for call in invocations(stmt):
            # a function is given the address of a row: its axes have to stay
            for buffer, _ in (*call.reads, *call.writes):
                whole = (-1,) * len(buffer.shape)
                found.setdefault(buffer.base, []).append((buffer, whole))
    return found


def _replace(stmts: list[Stmt], smaller: dict[Buffer, tuple[Buffer, int]]) -> None:
    def leaf(expr: Expr) -> Expr | None:
        if not any(buffer in smaller for buffer in expr.reads):
            return expr
        if isinstance(expr, Read) and expr.buffer in smaller:
            new, axis = smaller[expr.buffer]
            parts = tuple(exprs.rewrite(part, leaf) for part in expr.parts)
            again: Any = exprs.with_parts(expr, parts)
            return exprs.read(new, _without(again.index, axis))
        return None

    for stmt in stmts:
        for store in written(stmt):
            if store.buffer in smaller:
                store.buffer, axis = smaller[store.buffer]
                store.index = _without(store.index, axis)
    _map_values(stmts, leaf)


def _map_values(stmts: list[Stmt], leaf: Callable[[Expr], Expr | None]) -> None:
    """Every expression of the statements with its parts replaced as `leaf` says."""
    memo: dict[Expr, Expr] = {}

    def changed(expr: Expr) -> Expr:
        if expr not in memo:
            memo[expr] = exprs.rewrite(expr, leaf)
        return memo[expr]

    stack = list(stmts)
    while stack:
        stmt = stack.pop()
        if isinstance(stmt, For):
            stack.extend(stmt.body)
        elif isinstance(stmt, (Set, Accumulate, Let)):
            stmt.value = changed(stmt.value)
        elif isinstance(stmt, (Check, Leave)):
            stmt.cond = changed(stmt.cond)
