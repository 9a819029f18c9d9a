"""A loop over rows becomes one over blocks, with the rows of a block in the innermost loops.

Every run of statements without loops becomes a loop over the rows of the block.  What one run
leaves to another is kept in an array with a place for each row; what runs of all rows add to gets
one total for each block; rows whose elements are read again and again are read from a copy that
has the rows along its last axis.

A sum over a long axis goes along its rows, one row after the other: that takes as long for few rows
as for a whole block, and needs no copy.  Where the length is not known, the kernel has both forms:

    if (is_short) for k: for i in the block: s[i] += ...
    else for i in the block: s[i] = sum over k of ...

Responsible for: the form.  Not responsible for: where it is allowed and worth it (`lanes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cgrad.codegen.names import Names
from cgrad.codegen.scalars import is_variable
from cgrad.codegen.strip import BLOCK
from cgrad.codegen.totals import STRIP, identity
from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.dtypes import INT64
from cgrad.core.exprs import Buffer, Expr, Index, Read, Var, walk
from cgrad.core.loops import Accumulate, For, If, Let, Local, Set, Stmt
from cgrad.core.sizes import SizeLike

# iterations up to which a sum goes across rows
SHORT = 64


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
        # what to do before the outermost loop: ask for lengths, and for loops that go on inside of
        # others, copy all rows
        self.before: list[Stmt] = []
        # whether sums over an axis of some length are short, where that is asked; the question that
        # has been answered with yes at hand; the answers with which a copy is read
        self.short: dict[SizeLike, Buffer] = {}
        self.asked: Buffer | None = None
        self.readers: dict[Expr, set[Buffer | None]] = {}
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
        begin = Let(self.last, exprs.size_value(until))
        copies = self._fills()
        asks: list[Stmt] = [
            Set(taken, (), exprs.cast(exprs.compare("<=", extent, SHORT), INT64))
            for extent, taken in self.short.items()
        ]
        if self.outermost is not None:
            asks, copies = [*asks, *copies], []
        self.before = asks
        inside = [begin, *self.locals, *copies, *body]
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
            value = exprs.rewrite(stmt.value, self._leaf)
            if isinstance(stmt, Let):
                scope[stmt.name] = stmt
                new = Let(stmt.name, value)
                run.body.append(new)
                if id(stmt) in self.kept:
                    array = self._kept(stmt)
                    if array is not None:
                        made = exprs.var(stmt.name, value.dtype)
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
        elif base in self.private or self.old.index in exprs.index_names(stmt.index):
            stmt.value = value
            run.body.append(stmt)
        else:
            assert isinstance(stmt, Accumulate)
            dtype = stmt.buffer.dtype
            part = self.names.buffer(f"{stmt.buffer.name}_part", dtype, ())
            run.before.append(Set(part, (), identity(stmt.op, dtype)))
            run.body.append(Accumulate(stmt.op, part, (), value))
            total = exprs.read(part, ())
            run.after.append(Accumulate(stmt.op, stmt.buffer, stmt.index, total))

    def _inner(self, loop: For, scope: dict[str, Let]) -> list[Stmt]:
        """A loop inside: around loops over rows, or for long sums inside of one."""
        # loops beside each other may share the name of their index
        self.extents[loop.index] = loop.extent
        if (isinstance(loop.extent, int) and loop.extent <= SHORT) or not self._goes_along(loop):
            return self._strips(loop, scope)
        along = [self._along(loop, scope)]
        if isinstance(loop.extent, int):
            return along
        if loop.extent not in self.short:
            self.short[loop.extent] = self.names.buffer("is_short", INT64, ())
        taken = self.short[loop.extent]
        self.asked, outside = taken, self.asked
        across: list[Stmt] = [For(loop.index, loop.extent, self._block(loop.body, scope))]
        self.asked = outside
        yes, no = If(taken, True, across), If(taken, False, along)
        yes.notes = loop.notes
        return [yes, no]

    def _goes_along(self, loop: For) -> bool:
        """Whether a loop only adds up, for each row, what lies along the row."""
        sums = self._sums(loop)
        arrays = {b for b in self.arrays if b.shape}
        return bool(sums) and all(
            (isinstance(stmt, Let) or (isinstance(stmt, Accumulate) and stmt.buffer in sums))
            and stmt.value.reads.isdisjoint(arrays)
            for stmt in loop.body
        )

    def _along(self, loop: For, scope: dict[str, Let]) -> Stmt:
        """The sums of a loop, for one row after the other."""
        named = {name for value in loops.values(loop) for name in _named(value)}
        row: list[Stmt] = [
            self._fetch(scope[name])
            for name in sorted(named)
            if name in scope and id(scope[name]) in self.varying
        ]
        body: list[Stmt] = []
        totals: dict[Buffer, Buffer] = {}
        for stmt in loop.body:
            assert isinstance(stmt, (Let, Accumulate))
            value = exprs.rewrite(stmt.value, self._kept_leaf)
            if isinstance(stmt, Let):
                body.append(Let(stmt.name, value))
                continue
            if stmt.buffer not in totals:
                total = self.names.buffer(stmt.buffer.name, stmt.buffer.dtype, ())
                row.append(Set(total, (), identity("add", total.dtype)))
                totals[stmt.buffer] = total
            body.append(Accumulate("add", totals[stmt.buffer], (), value))
        row.append(For(loop.index, loop.extent, body))
        for buffer, total in totals.items():
            array = self.arrays[buffer]
            row.append(Accumulate("add", array, (self.here,), exprs.read(total, ())))
        return self._rows(row)

    def _strips(self, loop: For, scope: dict[str, Let]) -> list[Stmt]:
        """A loop around loops over rows; what it adds up goes in strips."""
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
            value = exprs.read(part, (self.here,))
            add.append(Accumulate("add", array, (self.here,), value))
            self.arrays[total] = array
        until = exprs.size_value(sizes.minimum(start + STRIP, loop.extent))
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
            return Let(let.name, exprs.rewrite(let.value, self._leaf))
        return Let(let.name, exprs.read(array, (self.here,)))

    def _leaf(self, expr: Expr) -> Expr | None:
        if isinstance(expr, Read) and (expr.buffer, expr.index) in self.reused:
            return self._copied(expr)
        return self._kept_leaf(expr)

    def _kept_leaf(self, expr: Expr) -> Expr | None:
        if isinstance(expr, Read) and expr.buffer.base in self.arrays:
            return exprs.read(self.arrays[expr.buffer.base], (*expr.index, self.here))
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
            self.copies[key] = exprs.read(array, index)
        self.readers.setdefault(self.copies[key], set()).add(self.asked)
        return self.copies[key]

    def _fills(self) -> list[Stmt]:
        """The loops that copy rows; under its condition where only a short sum reads a copy."""
        fills: list[Stmt] = []
        for (buffer, index, extents), copy in self.copies.items():
            assert isinstance(copy, Read)
            value = exprs.read(buffer, index)
            fill: Stmt = Set(copy.buffer, copy.index, value)
            inner = sorted(value.indices - {self.old.index})
            for name, extent in zip(reversed(inner), reversed(extents), strict=True):
                fill = For(name, extent, [fill])
            if self.outermost is not None:
                fill = For(self.old.index, self.old.extent, [fill])
            else:
                fill = self._rows([fill])
            (*askers,) = self.readers[copy]
            taken = askers[0] if len(askers) == 1 else None
            fills.append(fill if taken is None else If(taken, True, [fill]))
        return fills


def _named(value: Expr) -> set[str]:
    return {part.name for part in walk(value) if isinstance(part, Var)}
