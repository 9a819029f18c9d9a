"""Four rows at a time: what several rows read or add to is loaded once for all of them.

    for i: for j: out[j] += s[i] * X[i, j]      ->  four rows for each time out[j] is loaded
    for i: for j: dot += X[i, j] * w[j]         ->  four sums for each time w[j] is loaded

The rows left over go one at a time in a second loop.  Every element is added up in the order in
which it was, so no bit changes.  This is unroll and jam (Callahan, Cocke, Kennedy 1988).

Responsible for: loops around short bodies.  Not responsible for: blocks of rows (`strip`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.codegen.fuse import Access
from cgrad.codegen.names import Names
from cgrad.codegen.strip import is_expensive
from cgrad.core import loops, sizes
from cgrad.core.dtypes import INT64
from cgrad.core.loops import Accumulate, Buffer, Call, Expr, For, Let, Read, Set, Stmt, Var
from cgrad.core.sizes import SizeLike

ROWS = 4
# operations of a row up to which the text for four of them stays short
LONGEST = 12


def jam(stmts: list[Stmt], names: Names) -> list[Stmt]:
    """The statements with short rows taken four at a time."""
    result: list[Stmt] = []
    for stmt in stmts:
        if not isinstance(stmt, For):
            result.append(stmt)
            continue
        stmt.body = jam(stmt.body, names)
        if _is_short(stmt) and _gains(stmt) and _independent(stmt):
            result += _jammed(stmt, names)
        else:
            result.append(stmt)
    return result


def _is_short(loop: For) -> bool:
    """Whether the body has loops of a few simple statements, and little else."""
    if (
        loop.kind != "map"
        or loop.step != 1
        or (isinstance(loop.extent, int) and loop.extent < ROWS)
    ):
        return False
    inner = [stmt for stmt in loop.body if isinstance(stmt, For)]
    simple = (Set, Accumulate, Let)
    return (
        bool(inner)
        and all(isinstance(stmt, (*simple, For)) for stmt in loop.body)
        and all(isinstance(s, simple) for nest in inner for s in nest.body)
        and all(nest.kind == "map" and nest.step == 1 for nest in inner)
        and not any(loop.index in loops.index_names((n.start, n.extent)) for n in inner)
        and not any(is_expensive(s) for stmt in loop.body for s in loops.statements(stmt))
        and not any(loops.dynamic_parts((size,)) for s in loop.body for size in loops.mentioned(s))
        and _operations(loop) <= LONGEST
    )


def _operations(loop: For) -> int:
    parts = {part for value in loops.values(loop) for part in loops.walk(value)}
    looked_up = any(isinstance(p, Read) and p.parts for p in parts)
    return LONGEST + 1 if looked_up else sum(isinstance(part, Call) for part in parts)


def _gains(loop: For) -> bool:
    """Whether the rows add to, or read beside their own elements, the same elements."""
    for nest in loop.body:
        if not isinstance(nest, For):
            continue
        totals = [stmt for stmt in nest.body if isinstance(stmt, Accumulate)]
        if any(s.index and loop.index not in loops.index_names(s.index) for s in totals):
            return True
        reads = {p for v in loops.values(nest) for p in loops.walk(v) if isinstance(p, Read)}
        shared = any(read.index and loop.index not in read.indices for read in reads)
        if shared and any(not stmt.index for stmt in totals):
            return True
    return False


def _independent(loop: For) -> bool:
    """Whether rows share nothing but what each of them adds to in one statement."""
    here = sizes.index(loop.index)
    body = loop.body
    access = [Access(stmt) for stmt in body]
    for buffer in dict.fromkeys(b for one in access for b in one.writes):
        touching = [
            k for k, one in enumerate(access) if buffer in one.writes or buffer in one.reads
        ]
        if _is_variable(buffer):
            first = body[touching[0]]
            own = isinstance(first, Set) and first.buffer is buffer
            if own or (len(touching) == 1 and isinstance(first, Accumulate)):
                continue
            return False
        places = [
            place
            for one in access
            for table in (one.reads, one.writes)
            for place in table.get(buffer, ())
        ]
        if len({id(view) for view, _ in places}) > 1:
            return False
        ndim = min(len(index) for _, index in places)
        if any(all(index[axis] == here for _, index in places) for axis in range(ndim)):
            continue
        if len(touching) > 1 or not _only_adds(body[touching[0]], buffer):
            return False
    return True


def _is_variable(buffer: Buffer) -> bool:
    return buffer.role == "temp" and not buffer.shape


def _only_adds(stmt: Stmt, buffer: Buffer) -> bool:
    """Whether the one statement that touches the buffer adds to elements it does not read."""
    stores = [s for s in loops.written(stmt) if s.buffer.base is buffer]
    read = any(buffer in value.reads for value in loops.values(stmt))
    return len(stores) == 1 and isinstance(stores[0], Accumulate) and not read


# -- four rows -------------------------------------------------------------------------------
def _jammed(loop: For, names: Names) -> list[Stmt]:
    span = loop.extent - loop.start
    if isinstance(span, int) and isinstance(loop.start, int):
        end: SizeLike = loop.start + span // ROWS * ROWS
        result: list[Stmt] = []
    else:
        name = names.fresh(f"{loop.index}_four")
        names.release((name,))
        bounds = [loops.size_value(loop.extent), loops.size_value(loop.start)]
        template = "{0} - {0} % 4" if loop.start == 0 else "{0} - ({0} - {1}) % 4"
        count = 1 if loop.start == 0 else 2
        end = sizes.index(name)
        result = [Let(name, loops.call(template, *bounds[:count], dtype=INT64))]
    copies = [_Copy(loop, k, names) for k in range(ROWS)]
    body: list[Stmt] = []
    for stmt in loop.body:
        if isinstance(stmt, For):
            inner = [copy.stmt(s) for copy in copies for s in stmt.body]
            body.append(For(stmt.index, stmt.extent, inner, start=stmt.start))
        else:
            body += [copy.stmt(stmt) for copy in copies]
    main = For(loop.index, end, body, notes=loop.notes, start=loop.start, step=ROWS)
    result.append(main)
    if end != loop.extent:
        result.append(For(loop.index, loop.extent, loop.body, start=end))
    for copy in copies:
        names.release(copy.fresh)
    return result


class _Copy:
    """The statements of the body for row i + k, with names of its own."""

    def __init__(self, loop: For, k: int, names: Names) -> None:
        self.row = sizes.index(loop.index) + k
        self.index = loop.index
        self.names: dict[str, str] = {}
        self.buffers: dict[Buffer, Buffer] = {}
        self.fresh: list[str] = []
        if k == 0:
            return
        inside = [s for stmt in loop.body for s in loops.statements(stmt)]
        taken = {s.name for s in inside if isinstance(s, Let)}
        for s in inside:
            if isinstance(s, Let):
                self.names[s.name] = self._fresh(s.name, names, taken)
            elif isinstance(s, Set) and _is_variable(s.buffer) and s.buffer not in self.buffers:
                name = self._fresh(s.buffer.name, names, taken)
                self.buffers[s.buffer] = Buffer(name, s.buffer.dtype, (), "temp")

    def _fresh(self, wanted: str, names: Names, taken: set[str]) -> str:
        """A name that is free in the loop too, where names of ended blocks are in use again."""
        skipped = []
        while (name := names.fresh(wanted)) in taken:
            skipped.append(name)
        names.release(skipped)
        self.fresh.append(name)
        return name

    def stmt(self, stmt: Stmt) -> Stmt:
        assert isinstance(stmt, (Set, Accumulate, Let))
        value = loops.rewrite(stmt.value, self._leaf)
        if isinstance(stmt, Let):
            return Let(self.names.get(stmt.name, stmt.name), value)
        buffer = self.buffers.get(stmt.buffer, stmt.buffer)
        index = self._moved(stmt.index)
        if isinstance(stmt, Set):
            return Set(buffer, index, value)
        return Accumulate(stmt.op, buffer, index, value)

    def _leaf(self, expr: Expr) -> Expr | None:
        if isinstance(expr, Var):
            return loops.var(self.names.get(expr.name, expr.name), expr.dtype)
        if isinstance(expr, Read):
            if _is_variable(expr.buffer) and expr.buffer.name in self.names:
                # fetched by name from an earlier stage
                return loops.var(self.names[expr.buffer.name], expr.dtype)
            buffer = self.buffers.get(expr.buffer, expr.buffer)
            return loops.read(buffer, self._moved(expr.index))
        if isinstance(expr, loops.SizeValue):
            return loops.size_value(self._moved((expr.size,))[0])
        return None

    def _moved(self, index: Sequence[SizeLike]) -> tuple[SizeLike, ...]:
        def replace(atom: sizes.Atom) -> SizeLike | None:
            return self.row if atom.kind == "index" and atom.args[0] == self.index else None

        return tuple(sizes.substitute(n, replace) for n in index)
