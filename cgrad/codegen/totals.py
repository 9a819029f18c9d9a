"""Sums and extremes in a fixed order, whatever the CPU; runs after `codegen.place`.

A loop that adds up floats into a variable is cut into strips of `STRIP` iterations.  The terms of a
strip go to a small array, which a function of `runtime/cg_sum.h` adds up in lanes: the loop itself
has no sum left that the compiler would have to put in another order to use vectors.  Where a term
is an element of a row, or the product of two, the function reads the rows themselves, and a loop
that does nothing else disappears.

Inside of another loop, a loop whose length is not known may have three iterations, for which the
array costs more than the sum.  Where its body is cheap, the kernel has both forms:

    if (is_short) for k: s += ...
    else for blocks of k: ...

A total over several loops is a total of totals, one for each iteration of the outer loop.

Holds afterwards: float sums and extremes in innermost loops are calls, but for loops of few
iterations, and no accumulation into a variable crosses two loops.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence

from cgrad.codegen.names import Names
from cgrad.codegen.strip import is_expensive
from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.dtypes import FLOAT64, INT64
from cgrad.core.exprs import Buffer, Call, Expr, Index, Lit, Read, Var, walk
from cgrad.core.loops import Accumulate, For, If, Let, Local, Note, Set, Stmt, written
from cgrad.core.sizes import SizeLike

# terms that are added up at once: as many as a block of cg_sum
STRIP = 256
# loops of so many iterations stay as they are
FEW = 8
# statements of a loop that may be there twice
CHEAP = 6
_TOTALS = ("cg_dot", "cg_sum", "cg_max_of(", "cg_min_of(")
_FUNCTIONS = {"add": "cg_sum", "max": "cg_max_of", "min": "cg_min_of"}


def totals(stmts: list[Stmt], names: Names) -> list[Stmt]:
    """The statements with an order for every float sum."""
    return _Totals(names).block(stmts)


def identity(op: str, dtype: str) -> Expr:
    """What an accumulation starts from."""
    if op in ("or", "and"):
        return exprs.lit(op == "and", dtype)
    if op in ("max", "min"):
        if dtypes.is_float(dtype):
            return exprs.lit(-math.inf if op == "max" else math.inf, dtype)
        return exprs.lit(dtypes.limits(dtype)[op == "min"], dtype)
    return exprs.lit(dtypes.one(dtype) if op == "mul" else dtypes.zero(dtype), dtype)


class _Totals:
    def __init__(self, names: Names) -> None:
        self.names = names
        # the loops around the statement at hand
        self.around: list[For] = []
        # the length that a variable says is short, and the variables that are still to be set
        self.asked: dict[Buffer, SizeLike] = {}
        self.short: dict[SizeLike, Buffer] = {}

    def block(self, stmts: Sequence[Stmt]) -> list[Stmt]:
        out: list[Stmt] = []
        for stmt in stmts:
            if not isinstance(stmt, For):
                if isinstance(stmt, Set):
                    self._note_length(stmt)
                out.append(stmt)
                continue
            self.around.append(stmt)
            stmt.body = self.block(stmt.body)
            self.around.pop()
            if not self.around:
                out += self._questions()
            if stmt.kind != "map":
                out.append(stmt)
            elif all(isinstance(inner, (Set, Let, Accumulate)) for inner in stmt.body):
                out += self._innermost(stmt)
            else:
                self._by_iteration(stmt)
                out.append(stmt)
        return _begun_by_total(out)

    # -- loops around loops -------------------------------------------------------------------
    def _by_iteration(self, loop: For) -> None:
        """Give what inner loops accumulate a total of its own in each iteration of `loop`."""
        own = {stmt.buffer for stmt in loop.body if isinstance(stmt, Set)}
        read = _read_by(loop.body)
        found: dict[Buffer, str] = {}
        places: dict[Buffer, list[int]] = {}
        for k, stmt in enumerate(loop.body):
            for store in written(stmt) if isinstance(stmt, For) else ():
                total = store.buffer
                if isinstance(store, Accumulate) and _is_variable(total) and total not in read:
                    found[total] = store.op
                    places.setdefault(total, []).append(k)
        own |= {s.buffer for stmt in loop.body for s in written(stmt) if isinstance(s, Set)}
        first: dict[int, list[Stmt]] = {}
        last: dict[int, list[Stmt]] = {}
        for total, at in places.items():
            if total in own:
                continue
            op = found[total]
            part = self.names.buffer(total.name, total.dtype, ())
            for k in set(at):
                for store in written(loop.body[k]):
                    if store.buffer is total:
                        store.buffer = part
            first.setdefault(min(at), []).append(Set(part, (), identity(op, total.dtype)))
            whole = Accumulate(op, total, (), exprs.read(part, ()))
            last.setdefault(max(at), []).append(whole)
        loop.body = [
            inner
            for k, stmt in enumerate(loop.body)
            for inner in (*first.get(k, ()), stmt, *last.get(k, ()))
        ]

    # -- loops without loops ------------------------------------------------------------------
    def _innermost(self, loop: For) -> list[Stmt]:
        most = self.most(loop)
        few = most is not None and most <= FEW
        sums = [] if few or loop.reverse or loop.step != 1 else _sums(loop)
        if not sums:
            return [loop]
        short = most is not None and most <= STRIP
        whole = _Strip(loop, sums, loop.start, loop.extent, self.names, short)
        if whole.alone:
            note: list[Stmt] = [Note(loop.notes)] if loop.notes else []
            rest: list[Stmt] = [_again(loop, whole.body)] if whole.body else []
            return [*note, *whole.after, *rest]
        if most is not None and most <= STRIP:
            inner = _again(loop, whole.body, loop.notes)
            return whole.done([*whole.locals(most), inner, *whole.after])
        whole.done([])
        outer, last = self.names.fresh(f"{loop.index}_from"), self.names.fresh(f"{loop.index}_to")
        self.names.release((outer, last))
        start, end = sizes.index(outer), sizes.index(last)
        strip = _Strip(loop, sums, start, end, self.names, True)
        until = sizes.minimum(start + STRIP, loop.extent)
        body: list[Stmt] = [
            Let(last, exprs.size_value(until)),
            *strip.locals(STRIP),
            For(loop.index, end, strip.body, start=start),
            *strip.after,
        ]
        strips = strip.done([For(outer, loop.extent, body, notes=loop.notes, step=STRIP)])
        return self._both_forms(loop, strips) if self._may_be_short(loop) else strips

    def _may_be_short(self, loop: For) -> bool:
        """Whether two forms of a loop are worth it."""
        length = (loop.extent,)
        if not self.around or self.most(loop) is not None:
            return False
        if exprs.index_names(length) or exprs.index_reads(length):
            return False
        if loop.start != 0 or len(loop.body) > CHEAP or any(map(is_expensive, loop.body)):
            return False
        return not any(
            isinstance(outer, If)
            and not outer.wanted
            and self.asked.get(outer.taken) == loop.extent
            for outer in self.around
        )

    def _note_length(self, stmt: Set) -> None:
        """What the statement says about a length, if it does."""
        asks = stmt.value.parts[0] if isinstance(stmt.value, exprs.Cast) else stmt.value
        if isinstance(asks, Call) and asks.template == "{0} <= {1}":
            length = asks.parts[0]
            if isinstance(length, exprs.SizeValue):
                self.asked[stmt.buffer] = length.size

    def _both_forms(self, loop: For, strips: list[Stmt]) -> list[Stmt]:
        """The loop as it is where it has few iterations, else in strips."""
        if loop.extent not in self.short:
            self.short[loop.extent] = self.names.buffer("is_short", INT64, ())
        taken = self.short[loop.extent]
        yes, no = If(taken, True, [_again(loop, _copies(loop.body))]), If(taken, False, strips)
        yes.notes, strips[0].notes = loop.notes, ()  # type: ignore[attr-defined]
        return [yes, no]

    def _questions(self) -> list[Stmt]:
        """What goes before a nest: is a length short?"""
        asks: list[Stmt] = [
            Set(taken, (), exprs.cast(exprs.compare("<=", length, FEW), INT64))
            for length, taken in self.short.items()
        ]
        self.short = {}
        return asks

    def most(self, loop: For) -> int | None:
        """The most iterations that a loop can have, where that is known."""
        if isinstance(loop.extent, int) and isinstance(loop.start, int):
            return loop.extent - loop.start
        steps = (outer.step for outer in self.around if sizes.index(outer.index) == loop.start)
        return min((step for step in steps if step > 1), default=None)


class _Strip:
    """What becomes of the iterations from `first` up to `last` of a loop.

    body   the loop's statements, terms stored instead of added up
    terms  the arrays of terms
    after  the totals; `short` says that a call adds up one block at most
    alone  whether the totals share no data with the rest of the body
    """

    def __init__(
        self,
        loop: For,
        sums: list[Accumulate],
        first: SizeLike,
        last: SizeLike,
        names: Names,
        short: bool,
    ) -> None:
        self.names = names
        self.terms: list[Buffer] = []
        self.after: list[Stmt] = []
        here = sizes.index(loop.index)
        count = exprs.size_value(last - first)
        lets = {stmt.name: stmt.value for stmt in loop.body if isinstance(stmt, Let)}
        changed = {store.buffer.base for store in written(loop)}

        def along(index: Index) -> bool:
            """Whether a step of the loop is a step to the next element."""
            return bool(index) and not exprs.index_names((*index[:-1], index[-1] - here)) & {
                loop.index
            }

        # values that the loop stores in a row anyway
        whole_rows = {
            stmt.value: (stmt.buffer, (*stmt.index[:-1], stmt.index[-1] - here + first))
            for stmt in loop.body
            if isinstance(stmt, Set)
            and stmt.buffer.dtype == FLOAT64
            and along(stmt.index)
            and sum(s.buffer.base is stmt.buffer.base for s in written(loop)) == 1
        }

        def row(expr: Expr) -> Expr | None:
            """The address where the elements that `expr` reads begin."""
            if expr in whole_rows:
                return exprs.row(*whole_rows[expr])
            read = lets.get(expr.name, expr) if isinstance(expr, Var) else expr
            if not isinstance(read, Read) or read.dtype != FLOAT64 or read.parts:
                return None
            if not read.buffer.shape or read.buffer.base in changed:
                return None
            if not along(read.index):
                return None
            return exprs.row(read.buffer, (*read.index[:-1], read.index[-1] - here + first))

        stored: dict[Expr, Buffer] = {}
        body: list[Stmt] = []
        for stmt in loop.body:
            if stmt not in sums:
                body.append(stmt)
                continue
            assert isinstance(stmt, Accumulate)
            value = stmt.value
            factors = _factors(value) if stmt.op == "add" else (value,)
            rows = [row(factor) for factor in factors]
            if None in rows:
                if value not in stored:
                    terms = names.buffer(f"{stmt.buffer.name}_terms", FLOAT64, (STRIP,), "local")
                    stored[value] = terms
                    self.terms.append(terms)
                    body.append(Set(terms, (here - first,), exprs.cast(value, FLOAT64)))
                rows = [exprs.row(stored[value], (0,))]
            function = "cg_dot" if len(rows) == 2 else _FUNCTIONS[stmt.op]
            if short and stmt.op == "add":
                function += "_block"
            slots = ", ".join(f"{{{k}}}" for k in range(len(rows) + 1))
            args = [count, *(place for place in rows if place is not None)]
            total = exprs.call(f"{function}({slots})", *args, dtype=FLOAT64)
            value = exprs.cast(total, stmt.buffer.dtype)
            self.after.append(Accumulate(stmt.op, stmt.buffer, (), value))
        self.body = _without_unused(body)
        rest = _read_by(self.body) | changed
        self.alone = not self.terms and rest.isdisjoint(_read_by(self.after))

    def locals(self, length: int) -> list[Stmt]:
        """The declarations of the arrays of terms."""
        for terms in self.terms:
            terms.shape = (length,)
        return [Local(terms) for terms in self.terms]

    def done(self, stmts: list[Stmt]) -> list[Stmt]:
        """`stmts`; the names of the terms are free again."""
        self.names.release(terms.name for terms in self.terms)
        return stmts


def _again(loop: For, body: list[Stmt], notes: tuple[str, ...] = ()) -> For:
    """The loop with another body."""
    return For(loop.index, loop.extent, body, notes=notes, start=loop.start)


def _copies(body: Sequence[Stmt]) -> list[Stmt]:
    """Statements without loops once more: a pass may change one of the two."""
    return [copy.copy(stmt) for stmt in body]


def _sums(loop: For) -> list[Accumulate]:
    """The accumulations of a loop that get an order."""
    read = _read_by(loop.body)
    own = {stmt.buffer for stmt in loop.body if isinstance(stmt, Set)}
    return [
        stmt
        for stmt in loop.body
        if isinstance(stmt, Accumulate)
        and stmt.op in _FUNCTIONS
        and _is_variable(stmt.buffer)
        and dtypes.is_float(stmt.buffer.dtype)
        and stmt.buffer not in own
        and stmt.buffer not in read
    ]


def _is_variable(buffer: Buffer) -> bool:
    return buffer.role == "temp" and not buffer.base.shape


def _factors(expr: Expr) -> tuple[Expr, ...]:
    """The two factors of a product, else the expression itself."""
    if isinstance(expr, Call) and expr.template == "{0} * {1}":
        return expr.parts
    return expr.parts * 2 if isinstance(expr, Call) and expr.template == "{0} * {0}" else (expr,)


def _read_by(stmts: Iterable[Stmt]) -> set[Buffer]:
    """The buffers that the expressions of statements read."""
    return {b for stmt in stmts for value in loops.values(stmt) for b in value.reads}


def _without_unused(stmts: list[Stmt]) -> list[Stmt]:
    """The statements of a block without values that nothing in it uses."""
    used: set[str] = set()
    kept: list[Stmt] = []
    for stmt in reversed(stmts):
        if isinstance(stmt, Let) and stmt.name not in used:
            continue
        for size in loops.mentioned(stmt):
            used |= _names_in(exprs.size_value(size))
        for value in loops.values(stmt):
            used |= _names_in(value)
        kept.append(stmt)
    return kept[::-1]


def _names_in(value: Expr) -> set[str]:
    """The names of values and variables; `codegen.strip` fetches variables by a `Let`."""
    names = {part.name for part in walk(value) if isinstance(part, Var)}
    return names | {buffer.name for buffer in value.reads if _is_variable(buffer)}


def _begun_by_total(stmts: list[Stmt]) -> list[Stmt]:
    """`s = 0; ... s += total` becomes `s = total` where nothing between them touches s."""
    out: list[Stmt] = []
    begun: dict[Buffer, int] = {}
    gone: set[int] = set()
    for stmt in stmts:
        touched = {store.buffer for store in written(stmt)} | _read_by([stmt])
        if isinstance(stmt, Accumulate) and stmt.buffer in begun and _is_total(stmt.value):
            gone.add(begun.pop(stmt.buffer))
            stmt = Set(stmt.buffer, (), stmt.value)
        for buffer in touched:
            begun.pop(buffer, None)
        if isinstance(stmt, Set) and _is_variable(stmt.buffer) and isinstance(stmt.value, Lit):
            begun[stmt.buffer] = len(out)
        out.append(stmt)
    return [stmt for k, stmt in enumerate(out) if k not in gone]


def _is_total(expr: Expr) -> bool:
    (call,) = expr.parts if isinstance(expr, exprs.Cast) else (expr,)
    return isinstance(call, Call) and call.template.startswith(_TOTALS)
