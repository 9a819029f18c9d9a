"""Loops over rows go into the lanes of vectors where the sums inside are over short axes.

    for i: for j:                       for blocks of 32:
        s = 0                               copy X of the block with i last
        for k: s += (X[i,k] - C[j,k])^2     for j:
        best = min(best, s)         ->          for i in the block: s[i] = 0
                                                for k: for i in the block: s[i] += ...
                                                for i in the block: best[i] = min(best[i], s[i])

Each row has a sum of its own, so a vector takes as many rows as it has lanes, and nothing is added
up across a vector, which for a short axis costs more than the sum.  What iterations of the rows add
to together gets one total for each block.  It is worth it where every element that a sum reads is
read by several of them: by those of other rows, or by other sums of the same row.  Where the loop
over i cannot be cut (it stores rows of a result, say), the loop over j is, and all of C is copied
before both, with j last.  The order of a sum depends on the length of its axis only.

With fewer rows than a vector has lanes nothing is gained, and for long axes something is lost.

Responsible for: which loops, the arrays with a place for each row of a block, the copies.
Not responsible for: rows in blocks for the sake of functions (`strip`), the order of totals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cgrad.codegen.fuse import Access, at_own_index
from cgrad.codegen.names import Names
from cgrad.codegen.parallel import made_first, nests
from cgrad.codegen.scalars import is_variable
from cgrad.codegen.strip import BLOCK, is_expensive
from cgrad.codegen.totals import STRIP, identity
from cgrad.core import dtypes, loops, sizes
from cgrad.core.loops import (
    Accumulate,
    Buffer,
    Expr,
    For,
    Index,
    Let,
    Local,
    Read,
    Set,
    Stmt,
    Var,
    statements,
    walk,
)
from cgrad.core.sizes import SizeLike

# rows below which most lanes would be idle
FEW = 16
_TOTALS = ("add", "max", "min")


def lanes(stmts: list[Stmt], names: Names) -> list[Stmt]:
    """The statements with loops over rows in lanes where sums over short axes gain by it."""
    users: Counter[Buffer] = Counter()
    for nest in nests(stmts):
        users.update(_touched(nest))
    return _block(stmts, names, users)


def _block(stmts: list[Stmt], names: Names, users: Counter[Buffer]) -> list[Stmt]:
    result: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, For) and stmt.kind == "map":
            fills: list[Stmt] = []
            nest = _nest(stmt, (), stmt, fills, names, users)
            result += [*fills, nest]
            continue
        if isinstance(stmt, For):
            stmt.body = _block(stmt.body, names, users)
        result.append(stmt)
    return result


def _nest(
    loop: For,
    around: tuple[str, ...],
    outermost: For,
    fills: list[Stmt],
    names: Names,
    users: Counter[Buffer],
) -> For:
    """The loop with itself or loops inside in lanes; `fills` are copies to make before."""
    if _has_form(loop, around) and _gains(loop, around, outermost):
        private = _private(loop, users)
        if private is not None:
            rows = _Lanes(loop, private, names, outermost if around else None)
            new = rows.loop()
            fills += rows.whole
            return new
    for k, stmt in enumerate(loop.body):
        if isinstance(stmt, For) and stmt.kind == "map":
            inside = (*around, loop.index)
            loop.body[k] = _nest(stmt, inside, outermost, fills, names, users)
    return loop


def _touched(stmt: Stmt) -> Counter[Buffer]:
    """How many simple statements touch each buffer."""
    found: Counter[Buffer] = Counter()
    for inner in statements(stmt):
        if not isinstance(inner, For):
            access = Access(inner)
            found.update(access.writes.keys() | access.reads.keys())
    return found


# -- which loops -------------------------------------------------------------------------------
def _has_form(loop: For, around: tuple[str, ...]) -> bool:
    """Whether a loop and those inside of it are plain loops over whole axes."""
    few = isinstance(loop.extent, int) and loop.extent < FEW
    indices = {*around, *(stmt.index for stmt in statements(loop) if isinstance(stmt, For))}
    if few or loop.start != 0 or loop.step != 1:
        return False
    if any(a.kind == "index" for a in sizes.atoms(loop.extent)):
        return False
    for stmt in statements(loop):
        if not isinstance(stmt, (For, Set, Accumulate, Let)):
            return False
        if isinstance(stmt, Accumulate) and stmt.op not in _TOTALS:
            return False
        for size in loops.mentioned(stmt):
            if loops.dynamic_parts((size,)) or loops.index_reads((size,)):
                return False
            if not loops.index_names((size,)) <= indices:
                return False
        if isinstance(stmt, For) and (
            stmt.kind != "map"
            or stmt.start != 0
            or stmt.step != 1
            or any(a.kind == "index" for a in sizes.atoms(stmt.extent))
        ):
            return False
    return not any(
        isinstance(part, (Read, loops.SizeValue)) and not _is_plain(part, indices)
        for value in set(loops.values(loop))
        for part in walk(value)
    )


def _is_plain(part: Expr, indices: set[str]) -> bool:
    """Whether the position of an element, or a size, is one of indices of loops only."""
    index = part.index if isinstance(part, Read) else (part.size,)  # type: ignore[attr-defined]
    return not part.parts and not loops.index_reads(index) and part.indices <= indices


def _gains(loop: For, around: tuple[str, ...], outermost: For) -> bool:
    """Whether a sum inside reads elements which are all read by several sums."""
    changed = {store.buffer.base for store in loops.written(outermost)}
    outside = set(around)
    return any(
        _shares(loop.index, between, inner, changed, outside)
        for between, inner in _innermost(loop, around)
    )


def _innermost(loop: For, around: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], For]]:
    """The loops without loops inside of `loop`, each with the loops between the two."""
    for stmt in loop.body:
        if isinstance(stmt, For):
            if any(isinstance(inner, For) for inner in stmt.body):
                yield from _innermost(stmt, (*around, stmt.index))
            else:
                yield around, stmt


def _shares(
    row: str, around: tuple[str, ...], loop: For, changed: set[Buffer], outside: set[str]
) -> bool:
    sums = [s for s in loop.body if isinstance(s, Accumulate) and is_variable(s.buffer)]
    if not around or not any(s.op == "add" and dtypes.is_float(s.buffer.dtype) for s in sums):
        return False
    if any(map(is_expensive, loop.body)):
        return False
    reads = {
        part
        for stmt in loop.body
        for value in loops.values(stmt)
        for part in walk(value)
        if isinstance(part, Read) and part.buffer.shape and loop.index in part.indices
    }
    own = [part for part in reads if row in part.indices and part.buffer.base not in changed]
    other = [part for part in reads if row not in part.indices]
    every = {row, loop.index, *around}
    # what is copied once for all iterations outside must not depend on them
    copied = [part for part in own if not _is_along(part.index, row)]
    return (
        bool(own and other)
        and not any(every <= part.indices for part in own)
        and all(outside.isdisjoint(part.indices) for part in copied)
    )


def _is_along(index: Index, row: str) -> bool:
    """Whether the elements of neighbouring rows are neighbours."""
    return bool(index) and index[-1] == sizes.index(row)


def _private(loop: For, users: Counter[Buffer]) -> set[Buffer] | None:
    """What lives in one iteration only; None if rows cannot be taken together."""
    access = Access(loop)
    own = made_first(loop)
    read = {b for value in loops.values(loop) for b in value.reads}
    here, inside = sizes.index(loop.index), _touched(loop)
    private: set[Buffer] = set()
    for buffer, places in access.writes.items():
        stores = [s for s in loops.written(loop) if s.buffer.base is buffer]
        touched = [*places, *access.reads.get(buffer, ())]
        alone = users[buffer] == inside[buffer] and all(view is buffer for view, _ in touched)
        if buffer.role == "temp" and buffer in own and alone:
            private.add(buffer)
        elif any(loop.index in loops.index_names(index) for _, index in touched):
            # one element of a row after the other: the axis of rows has to be the last one
            last = all(index and index[-1] == here for _, index in touched)
            if not last or not at_own_index(here, touched):
                return None
        elif buffer in read or not all(isinstance(s, Accumulate) for s in stores):
            return None
    return private


# -- rows in lanes -----------------------------------------------------------------------------
class _Run:
    """Statements in a row that become one loop over the rows of a block."""

    def __init__(self) -> None:
        self.before: list[Stmt] = []
        self.body: list[Stmt] = []
        self.after: list[Stmt] = []


class _Lanes:
    """The loop over blocks of rows that takes the place of a loop over rows."""

    def __init__(
        self, loop: For, private: set[Buffer], names: Names, outermost: For | None
    ) -> None:
        self.old = loop
        self.outermost = outermost
        self.changed = {store.buffer.base for store in loops.written(outermost or loop)}
        self.names = names
        self.outer = names.fresh(f"{loop.index}_from")
        self.last = names.fresh(f"{loop.index}_to")
        names.release((self.outer, self.last))
        self.here = sizes.index(loop.index) - sizes.index(self.outer)
        self.private = private
        self.extents: dict[str, SizeLike] = {}
        self.locals: list[Stmt] = []
        self.copies: dict[tuple[Buffer, Index, tuple[SizeLike, ...]], Expr] = {}
        self.fills: list[Stmt] = []
        # copies of all rows, for loops that go on inside of others
        self.whole: list[Stmt] = []
        # the values that differ from row to row, and those of them that another run uses
        self.varying: set[int] = set()
        self.kept: set[int] = set()
        self.runs: dict[Buffer, set[int]] = {}
        self.run = 0
        self.made: dict[int, int] = {}
        self.values: dict[int, Buffer] = {}
        self._survey(loop.body, {})
        self.arrays = {b: self._array(b) for b in sorted(private, key=lambda b: b.serial)
                       if b.shape or len(self.runs[b]) > 1}  # fmt: skip
        self.reused = set(self._reused(loop, ()))

    def loop(self) -> For:
        """The loop over blocks."""
        body = self._block(self.old.body, {})
        start = sizes.index(self.outer)
        until = sizes.minimum(start + BLOCK, self.old.extent)
        begin = Let(self.last, loops.size_value(until))
        inside = [begin, *self.locals, *self.fills, *body]
        return For(self.outer, self.old.extent, inside, notes=self.old.notes, step=BLOCK)

    def _rows(self, body: list[Stmt]) -> For:
        """A loop over the rows of a block."""
        end, start = sizes.index(self.last), sizes.index(self.outer)
        return For(self.old.index, end, body, start=start)

    def _array(self, buffer: Buffer) -> Buffer:
        """An array with a place for each row of a block."""
        if buffer.shape:
            return Buffer(buffer.name, buffer.dtype, (*buffer.shape, BLOCK))
        array = self.names.buffer(f"{buffer.name}_rows", buffer.dtype, (BLOCK,), "local")
        self.locals.append(Local(array))
        return array

    # -- what differs from row to row
    def _varies(self, value: Expr, scope: dict[str, Let]) -> bool:
        if self.old.index in value.indices or not self.private.isdisjoint(value.reads):
            return True
        return any(id(scope[name]) in self.varying for name in _named(value) if name in scope)

    def _survey(self, body: Sequence[Stmt], outer: dict[str, Let]) -> None:
        """Find out which values vary, and in which runs variables and values are used."""
        scope = dict(outer)
        self.run += 1
        for stmt in body:
            if isinstance(stmt, For):
                self.extents[stmt.index] = stmt.extent
                self._survey(stmt.body, scope)
                self.run += 1
                continue
            for value in loops.values(stmt):
                for name in _named(value):
                    let = scope.get(name)
                    if let is not None and self.made[id(let)] != self.run:
                        self.kept.add(id(let))
                for buffer in value.reads:
                    self.runs.setdefault(buffer, set()).add(self.run)
            if isinstance(stmt, Let):
                if self._varies(stmt.value, scope):
                    self.varying.add(id(stmt))
                scope[stmt.name] = stmt
                self.made[id(stmt)] = self.run
            else:
                assert isinstance(stmt, (Set, Accumulate))
                self.runs.setdefault(stmt.buffer, set()).add(self.run)

    def _reused(self, loop: For, around: tuple[str, ...]) -> Iterator[tuple[Buffer, Index]]:
        """The elements of rows that several iterations of inner loops read."""
        for stmt in loop.body:
            if isinstance(stmt, For):
                yield from self._reused(stmt, (*around, stmt.index))
                continue
            for value in loops.values(stmt):
                for part in walk(value):
                    if not isinstance(part, Read) or self.old.index not in part.indices:
                        continue
                    inner = part.indices & set(around)
                    if part.buffer.base in self.changed or _is_along(part.index, self.old.index):
                        continue
                    if self.outermost is not None:
                        again = part.indices <= {self.old.index, *around}
                    else:
                        again = len(inner) < len(around)
                    if inner and again:
                        yield part.buffer, part.index

    # -- statements
    def _block(self, body: Sequence[Stmt], outer: dict[str, Let]) -> list[Stmt]:
        scope = dict(outer)
        out: list[Stmt] = []
        run = _Run()

        def flush() -> None:
            nonlocal run
            if run.body:
                out.extend([*run.before, self._rows(run.body), *run.after])
            run = _Run()

        for stmt in body:
            if isinstance(stmt, For):
                flush()
                out += self._inner(stmt, scope)
                continue
            if isinstance(stmt, Let) and id(stmt) not in self.varying:
                out.append(stmt)
                continue
            assert isinstance(stmt, (Let, Set, Accumulate))
            there = {inner.name for inner in run.body if isinstance(inner, Let)}
            for name in sorted(_named(stmt.value) - there):
                if name in scope and id(scope[name]) in self.varying:
                    run.body.append(self._fetch(scope[name]))
            value = loops.rewrite(stmt.value, self._leaf)
            if isinstance(stmt, Let):
                scope[stmt.name] = stmt
                new = Let(stmt.name, value)
                run.body.append(new)
                if id(stmt) in self.kept:
                    array = self._kept(stmt)
                    if array is not None:
                        made = loops.var(stmt.name, value.dtype)
                        run.body.append(Set(array, (self.here,), made))
                continue
            self._store(stmt, value, run)
        flush()
        return out

    def _store(self, stmt: Set | Accumulate, value: Expr, run: _Run) -> None:
        base = stmt.buffer.base
        if base in self.arrays:
            index = (*stmt.index, self.here)
            array = self.arrays[base]
            if isinstance(stmt, Set):
                run.body.append(Set(array, index, value))
            else:
                run.body.append(Accumulate(stmt.op, array, index, value))
        elif base in self.private or self.old.index in loops.index_names(stmt.index):
            stmt.value = value
            run.body.append(stmt)
        else:
            assert isinstance(stmt, Accumulate)
            dtype = stmt.buffer.dtype
            part = self.names.buffer(f"{stmt.buffer.name}_part", dtype, ())
            run.before.append(Set(part, (), identity(stmt.op, dtype)))
            run.body.append(Accumulate(stmt.op, part, (), value))
            total = loops.read(part, ())
            run.after.append(Accumulate(stmt.op, stmt.buffer, stmt.index, total))

    def _inner(self, loop: For, scope: dict[str, Let]) -> list[Stmt]:
        """A loop inside, around loops over rows; what it adds up goes in strips."""
        sums = self._sums(loop)
        if not sums or (isinstance(loop.extent, int) and loop.extent <= STRIP):
            body = self._block(loop.body, scope)
            return [For(loop.index, loop.extent, body, notes=loop.notes)]
        outer, last = self.names.fresh(f"{loop.index}_from"), self.names.fresh(f"{loop.index}_to")
        self.names.release((outer, last))
        start, end = sizes.index(outer), sizes.index(last)
        whole = {total: self.arrays[total] for total in sums}
        for total in sums:
            self.arrays[total] = self._array(Buffer(f"{total.name}_strip", total.dtype, ()))
        body = self._block(loop.body, scope)
        clear: list[Stmt] = []
        add: list[Stmt] = []
        for total, array in whole.items():
            part = self.arrays[total]
            clear.append(Set(part, (self.here,), identity("add", part.dtype)))
            value = loops.read(part, (self.here,))
            add.append(Accumulate("add", array, (self.here,), value))
            self.arrays[total] = array
        until = loops.size_value(sizes.minimum(start + STRIP, loop.extent))
        inner = For(loop.index, end, body, start=start)
        strip: list[Stmt] = [Let(last, until), self._rows(clear), inner, self._rows(add)]
        return [For(outer, loop.extent, strip, notes=loop.notes, step=STRIP)]

    def _sums(self, loop: For) -> list[Buffer]:
        """The variables of a row that the iterations of a loop only add floats to."""
        read = {b for value in loops.values(loop) for b in value.reads}
        set_here = {s.buffer for s in loops.written(loop) if isinstance(s, Set)}
        found = {
            s.buffer: None
            for s in loops.written(loop)
            if isinstance(s, Accumulate)
            and s.op == "add"
            and dtypes.is_float(s.buffer.dtype)
            and is_variable(s.buffer)
            and s.buffer in self.arrays
        }
        return [total for total in found if total not in read and total not in set_here]

    # -- values
    def _kept(self, let: Let) -> Buffer | None:
        """The array that holds a value for later runs; None if it is an element that stays."""
        value = let.value
        if isinstance(value, Read) and value.buffer.base not in self.changed:
            return None
        if id(let) not in self.values:
            self.values[id(let)] = self._array(Buffer(let.name, value.dtype, ()))
        return self.values[id(let)]

    def _fetch(self, let: Let) -> Let:
        array = self._kept(let)
        if array is None:
            return Let(let.name, loops.rewrite(let.value, self._leaf))
        return Let(let.name, loops.read(array, (self.here,)))

    def _leaf(self, expr: Expr) -> Expr | None:
        if not isinstance(expr, Read):
            return None
        if expr.buffer.base in self.arrays:
            return loops.read(self.arrays[expr.buffer.base], (*expr.index, self.here))
        if (expr.buffer, expr.index) in self.reused:
            return self._copied(expr)
        return None

    def _copied(self, expr: Read) -> Expr:
        """The element in the copy that has the rows of a block along its last axis."""
        inner = tuple(sorted(expr.indices - {self.old.index}))
        extents = tuple(self.extents[name] for name in inner)
        key = (expr.buffer, expr.index, extents)
        if key not in self.copies:
            row: SizeLike = self.here
            length: SizeLike = BLOCK
            if self.outermost is not None:
                row, length = sizes.index(self.old.index), self.old.extent
            name = f"{expr.buffer.name}_rows"
            array = self.names.buffer(name, expr.dtype, (*extents, length))
            index = (*(sizes.index(name) for name in inner), row)
            fill: Stmt = Set(array, index, expr)
            for name, extent in zip(reversed(inner), reversed(extents), strict=True):
                fill = For(name, extent, [fill])
            if self.outermost is not None:
                self.whole.append(For(self.old.index, self.old.extent, [fill]))
            else:
                self.fills.append(self._rows([fill]))
            self.copies[key] = loops.read(array, index)
        return self.copies[key]


def _named(value: Expr) -> set[str]:
    return {part.name for part in walk(value) if isinstance(part, Var)}
