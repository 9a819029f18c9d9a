"""Four rows at a time: what several rows add to is loaded and stored once for all of them.

    for i: for j: out[j] += s[i] * X[i, j]
->
    for i by 4: for j: out[j] += (s[i] * X[i, j] + s[i + 1] * X[i + 1, j])
                               + (s[i + 2] * X[i + 2, j] + s[i + 3] * X[i + 3, j])

The rows left over go one at a time in a second loop.  The order of the sum depends on the number
of rows only.  This is unroll and jam (Callahan, Cocke, Kennedy 1988).

Responsible for: loops around short bodies.  Not responsible for: blocks of rows (`strip`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.codegen.names import Names
from cgrad.codegen.strip import is_expensive
from cgrad.core import exprs, loops, sizes
from cgrad.core.dtypes import INT64
from cgrad.core.exprs import Call, Expr, Read, Var
from cgrad.core.loops import Accumulate, For, Let, Stmt
from cgrad.core.sizes import SizeLike
from cgrad.ops.arithmetic import plus

ROWS = 4
# operations of a row up to which the text for four of them stays short
LONGEST = 12


def jam(stmts: list[Stmt], names: Names, outside: frozenset[str] = frozenset()) -> list[Stmt]:
    """The statements with short rows taken four at a time; `outside` are values in sight."""
    result: list[Stmt] = []
    # the ends of whole fours, which are named in this block
    ends: list[str] = []
    for stmt in stmts:
        if not isinstance(stmt, For):
            result.append(stmt)
            outside |= {stmt.name} if isinstance(stmt, Let) else set()
            continue
        stmt.body = jam(stmt.body, names, outside)
        if _is_short(stmt) and _gains(stmt):
            result += _jammed(stmt, names, ends, outside)
        else:
            result.append(stmt)
    names.release(ends)
    return result


def _is_short(loop: For) -> bool:
    """Whether the body is one loop of a few simple statements after some named values."""
    few = isinstance(loop.extent, int) and loop.extent < ROWS
    if loop.kind != "map" or loop.step != 1 or few or not loop.body:
        return False
    *lets, inner = loop.body
    return (
        isinstance(inner, For)
        and inner.kind == "map"
        and inner.step == 1
        and all(isinstance(stmt, Let) for stmt in lets)
        and all(isinstance(stmt, (Let, Accumulate)) for stmt in inner.body)
        and all(stmt.op == "add" for stmt in inner.body if isinstance(stmt, Accumulate))
        and loop.index not in exprs.index_names((inner.start, inner.extent))
        and not any(is_expensive(s) for stmt in loop.body for s in loops.statements(stmt))
        and not any(exprs.dynamic_parts((size,)) for s in loop.body for size in loops.mentioned(s))
        and _operations(loop) <= LONGEST
    )


def _operations(loop: For) -> int:
    parts = {part for value in loops.values(loop) for part in exprs.walk(value)}
    looked_up = any(isinstance(p, Read) and p.parts for p in parts)
    return LONGEST + 1 if looked_up else sum(isinstance(part, Call) for part in parts)


def _gains(loop: For) -> bool:
    """Whether the rows add to the same elements, each statement to an array of its own."""
    totals = [s for s in loop.body[-1].body if isinstance(s, Accumulate)]
    arrays = [stmt.buffer.base for stmt in totals]
    read = {buffer for value in loops.values(loop) for buffer in value.reads}
    return (
        bool(totals)
        and all(stmt.index and loop.index not in exprs.index_names(stmt.index) for stmt in totals)
        and len(set(arrays)) == len(arrays)
        and read.isdisjoint(arrays)
    )


# -- four rows -------------------------------------------------------------------------------
def _jammed(loop: For, names: Names, ends: list[str], outside: frozenset[str]) -> list[Stmt]:
    span = loop.extent - loop.start
    if isinstance(span, int) and isinstance(loop.start, int):
        end: SizeLike = loop.start + span // ROWS * ROWS
        result: list[Stmt] = []
    else:
        name = names.fresh(f"{loop.index}_four")
        ends.append(name)
        bounds = [exprs.size_value(loop.extent), exprs.size_value(loop.start)]
        whole = "{0}" if loop.start == 0 else "({0} - {1})"
        template = f"{{0}} - {whole} % {ROWS}"
        count = 1 if loop.start == 0 else 2
        end = sizes.index(name)
        result = [Let(name, exprs.call(template, *bounds[:count], dtype=INT64))]
    *lets, inner = loop.body
    assert isinstance(inner, For)
    copies = [_Copy(loop, k, names, outside) for k in range(ROWS)]
    together: list[Stmt] = []
    for stmt in inner.body:
        rows = [copy.stmt(stmt) for copy in copies]
        together += [_sum(rows)] if isinstance(stmt, Accumulate) else rows
    body: list[Stmt] = [copy.stmt(let) for let in lets for copy in copies]
    body.append(For(inner.index, inner.extent, together, start=inner.start))
    result.append(For(loop.index, end, body, notes=loop.notes, start=loop.start, step=ROWS))
    if end != loop.extent:
        result.append(For(loop.index, loop.extent, loop.body, start=end))
    for copy in copies:
        names.release(copy.fresh)
    return result


def _sum(rows: Sequence[Stmt]) -> Accumulate:
    """What the rows add to one element, added up in pairs."""
    values = [row.value for row in rows if isinstance(row, Accumulate)]
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=True)
        values = [plus(a, b) for a, b in pairs]
    first = rows[0]
    assert isinstance(first, Accumulate)
    return Accumulate(first.op, first.buffer, first.index, values[0])


class _Copy:
    """The statements of the body for row i + k, with names of its own."""

    def __init__(self, loop: For, k: int, names: Names, outside: frozenset[str]) -> None:
        self.row = sizes.index(loop.index) + k
        self.index = loop.index
        self.names: dict[str, str] = {}
        self.fresh: list[str] = []
        if k == 0:
            return
        inside = [s for stmt in loop.body for s in loops.statements(stmt)]
        taken = {*outside, *(s.name for s in inside if isinstance(s, Let))}
        for s in inside:
            if isinstance(s, Let):
                self.names[s.name] = self._fresh(s.name, names, taken)

    def _fresh(self, wanted: str, names: Names, taken: set[str]) -> str:
        """A name that is free in the loop too, where names of ended blocks are in use again."""
        skipped = []
        while (name := names.fresh(wanted)) in taken:
            skipped.append(name)
        names.release(skipped)
        self.fresh.append(name)
        return name

    def stmt(self, stmt: Stmt) -> Stmt:
        assert isinstance(stmt, (Accumulate, Let))
        value = exprs.rewrite(stmt.value, self._leaf)
        if isinstance(stmt, Let):
            return Let(self.names.get(stmt.name, stmt.name), value)
        return Accumulate(stmt.op, stmt.buffer, stmt.index, value)

    def _leaf(self, expr: Expr) -> Expr | None:
        if isinstance(expr, Var):
            return exprs.var(self.names.get(expr.name, expr.name), expr.dtype)
        if isinstance(expr, Read):
            if not expr.buffer.shape and expr.buffer.name in self.names:
                # fetched by name from an earlier stage
                return exprs.var(self.names[expr.buffer.name], expr.dtype)
            return exprs.read(expr.buffer, self._moved(expr.index))
        if isinstance(expr, exprs.SizeValue):
            return exprs.size_value(self._moved((expr.size,))[0])
        return None

    def _moved(self, index: Sequence[SizeLike]) -> tuple[SizeLike, ...]:
        def replace(atom: sizes.Atom) -> SizeLike | None:
            if atom.kind == "dynamic":
                return exprs.dynamic_size(exprs.rewrite(atom.args[0], self._leaf))
            return self.row if atom.kind == "index" and atom.args[0] == self.index else None

        return tuple(sizes.substitute(n, replace) for n in index)
