"""A loop over rows becomes one over blocks, with the rows of a block in the innermost loops.

Every run of statements without loops becomes a loop over the rows of the block.  What one run
leaves to another is kept in an array with a place for each row; what runs of all rows add to gets
one total for each block; rows whose elements are read again and again are read from a copy that
has the rows along its last axis.

Responsible for: the form.  Not responsible for: where it is allowed and worth it (`lanes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cgrad.codegen.names import Names
from cgrad.codegen.scalars import is_variable
from cgrad.codegen.strip import BLOCK
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
    walk,
)
from cgrad.core.sizes import SizeLike


def is_along(index: Index, row: str) -> bool:
    """Whether the elements of neighbouring rows are neighbours."""
    return bool(index) and index[-1] == sizes.index(row)


class _Run:
    """Statements in a row that become one loop over the rows of a block."""

    def __init__(self) -> None:
        self.before: list[Stmt] = []
        self.body: list[Stmt] = []
        self.after: list[Stmt] = []


class RowBlocks:
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
        # of the loops around the statement at hand
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
                    if part.buffer.base in self.changed or is_along(part.index, self.old.index):
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
        # loops beside each other may share the name of their index
        self.extents[loop.index] = loop.extent
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
