"""Outer loops whose iterations go to threads; runs after `codegen.totals`.

A loop is shared out if its iterations are independent: what they write lies at the loop's own
index, or lives inside one iteration (of such an array each thread gets a copy), and what they add
up goes to one variable.  Such totals are stored, one for each iteration, and combined in order
afterwards, so results have the same bits for any number of threads, and for the plain loop.  Loops
inside of one that is shared out stay as they are, and so do scans, loops with checks, and totals of
rows (`out[j] += ...`), which iterations would write at once.

How many threads a loop gets is decided at run time, from the cost of all its iterations.

Responsible for: which loops, and their cost.
Not responsible for: C (`emit`), the decision at run time (`cg_threads`), flags (`cache.toolchain`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cgrad.codegen.costs import cost as function_cost
from cgrad.codegen.fuse import Access
from cgrad.codegen.names import Names
from cgrad.codegen.row_products import RowProducts
from cgrad.core import exprs, loops, sizes
from cgrad.core.exprs import Buffer, Call, Expr, Read, SizeValue, walk
from cgrad.core.loops import Accumulate, For, Local, Parallel, Set, Stmt, statements
from cgrad.core.sizes import SizeLike

# the least cost that a thread is given: some 50 us, several times what waking a thread takes
GRAIN = 500_000
# the most threads that a loop with arrays of its own goes to, as cg_threads says too
MOST = 64
# iterations that are assumed where their number changes from one iteration to the next
GUESS = 8


def parallel(stmts: list[Stmt], names: Names, function: str) -> list[Stmt]:
    """The statements with independent outer loops shared out among threads."""
    users: Counter[Buffer] = Counter()
    for nest in nests(stmts):
        access = Access(nest)
        users.update(access.writes.keys() | access.reads.keys())
    return _block(stmts, names, function, users)


def nests(stmts: Sequence[Stmt]) -> Iterator[Stmt]:
    """The statements that are not scans, and those inside of scans."""
    for stmt in stmts:
        if isinstance(stmt, For) and stmt.kind != "map":
            yield from nests(stmt.body)
        else:
            yield stmt


def _block(stmts: list[Stmt], names: Names, function: str, users: Counter[Buffer]) -> list[Stmt]:
    result: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, For) and stmt.kind == "map":
            result += _shared(stmt, names, function, users)
            continue
        if isinstance(stmt, For):
            stmt.body = _block(stmt.body, names, function, users)
        result.append(stmt)
    return result


def _shared(loop: For, names: Names, function: str, users: Counter[Buffer]) -> list[Stmt]:
    count = sizes.floordiv(loop.extent + (loop.step - 1), loop.step)
    bound = sizes.upper(count, lambda atom: atom in names.sizes)
    price = _Prices(names).block(loop.body, [loop])
    whole = count * price
    cheap = isinstance(whole, int) and whole < 2 * GRAIN
    if cheap or loop.start != 0 or loop.reverse or bound is None:
        return [loop]
    private = _private(loop, users)
    if private is None:
        return [loop]
    known = all(
        sizes.upper(n, lambda atom: atom in names.sizes) is not None
        for buffer in private
        for n in buffer.shape
    )
    if not known:
        return [loop]
    body: list[Stmt] = []
    combined: list[Stmt] = []
    here, number = sizes.floordiv(sizes.index(loop.index), loop.step), names.fresh("k1")
    own = made_first(loop)
    for stmt in loop.body:
        if isinstance(stmt, Accumulate) and _is_variable(stmt.buffer) and stmt.buffer not in own:
            total = stmt.buffer
            parts = names.buffer(f"{total.name}_parts", total.dtype, (count,))
            body.append(Set(parts, (here,), stmt.value))
            part = exprs.read(parts, (sizes.index(number),))
            combined.append(Accumulate(stmt.op, total, (), part))
        else:
            body.append(stmt)
    first, last = names.fresh("first"), names.fresh("last")
    names.release([number, first, last])
    called, chunks = names.fresh(f"{function}_part"), names.fresh("chunks")
    shared = Parallel(loop, body, count, price, (called, chunks, first, last))
    copies = sizes.minimum(count, MOST)
    for buffer in private:
        whole_buffer = Buffer(buffer.name, buffer.dtype, (copies, *buffer.shape))
        own_part = whole_buffer.view(buffer.shape)
        _replace(shared, buffer, own_part)
        shared.private.append(own_part)
    after: list[Stmt] = [For(number, count, combined)] if combined else []
    return [shared, *after]


# -- independence --------------------------------------------------------------------------------
def _is_variable(buffer: Buffer) -> bool:
    return buffer.role == "temp" and not buffer.base.shape


def made_first(loop: For) -> set[Buffer]:
    """The variables that an iteration sets before it uses them, and the arrays it declares."""
    first: dict[Buffer, bool] = {}
    for stmt in statements(loop):
        if isinstance(stmt, Local):
            first[stmt.buffer] = True
        for value in [stmt.value] if isinstance(stmt, (Set, Accumulate, loops.Let)) else ():
            for buffer in value.reads:
                first.setdefault(buffer, False)
        if isinstance(stmt, RowProducts):
            for buffer, _ in stmt.reads:
                first.setdefault(buffer.base, False)
        if isinstance(stmt, (Set, Accumulate)):
            first.setdefault(stmt.buffer.base, isinstance(stmt, Set))
    return {buffer for buffer, own in first.items() if own}


def _private(loop: For, users: Counter[Buffer]) -> list[Buffer] | None:
    """The arrays that each thread needs a copy of; None if iterations depend on each other."""
    access = Access(loop)
    if access.barrier or any(not isinstance(c, RowProducts) for c in loops.invocations(loop)):
        return None
    private: list[Buffer] = []
    own, here = made_first(loop), _positions(loop)
    totals: dict[Buffer, int] = {}
    for stmt in loop.body:
        if isinstance(stmt, Accumulate):
            totals[stmt.buffer] = totals.get(stmt.buffer, 0) + 1
    stored: dict[Buffer, int] = {}
    for store in loops.written(loop):
        stored[store.buffer] = stored.get(store.buffer, 0) + 1
    read = {b for value in loops.values(loop) for b in value.reads}
    for buffer, places in access.writes.items():
        if buffer.role == "local":
            if buffer not in own:
                return None
        elif _is_variable(buffer):
            total = stored[buffer] == totals.get(buffer) and buffer not in read
            # one that is set outside too is not private, though every iteration sets it first
            if not total and (buffer not in own or users[buffer] > 1):
                return None
        else:
            touched = [*places, *access.reads.get(buffer, ())]
            views = {id(view) for view, _ in touched}
            ndim = min(len(index) for _, index in touched)
            if len(views) == 1 and any(
                all(index[axis] in here for _, index in touched) for axis in range(ndim)
            ):
                continue
            # what no other nest uses, and an iteration sets before it reads it, lives in it only
            whole = all(view is buffer for view, _ in touched)
            if buffer.role != "temp" or buffer not in own or users[buffer] > 1 or not whole:
                return None
            private.append(buffer)
    return private


def _replace(loop: For, old: Buffer, new: Buffer) -> None:
    """Let the statements of a loop use another buffer."""
    memo: dict[Expr, Expr] = {}

    def leaf(expr: Expr) -> Expr | None:
        if old not in expr.reads:
            return expr
        if isinstance(expr, Read) and expr.buffer is old:
            make = exprs.row if isinstance(expr, exprs.Row) else exprs.read
            return make(new, expr.index)
        return None

    for stmt in statements(loop):
        if isinstance(stmt, (Set, Accumulate)) and stmt.buffer is old:
            stmt.buffer = new
        if isinstance(stmt, RowProducts):
            stmt.reads = tuple((new if b is old else b, index) for b, index in stmt.reads)
        if isinstance(stmt, (Set, Accumulate, loops.Let)):
            if stmt.value not in memo:
                memo[stmt.value] = exprs.rewrite(stmt.value, leaf)
            stmt.value = memo[stmt.value]


def _positions(loop: For) -> set[SizeLike]:
    """The positions that belong to one iteration: its index, for a strip those of its inner loops.

    A function that begins to read at the first position of a strip reads what belongs to it.
    """
    here = sizes.index(loop.index)
    found: set[SizeLike] = {here}
    if loop.step > 1:
        inner = [stmt for stmt in loop.body if isinstance(stmt, For)]
        found |= {sizes.index(stmt.index) for stmt in inner if stmt.start == here}
    return found


# -- cost ------------------------------------------------------------------------------------------
class _Prices:
    """Costs in additions (see `Row.cost`); an element read or stored counts as one."""

    def __init__(self, names: Names) -> None:
        self.known = names.sizes

    def block(self, stmts: Sequence[Stmt], around: list[For]) -> SizeLike:
        total: SizeLike = 0
        for stmt in stmts:
            if isinstance(stmt, For):
                inside = self.block(stmt.body, [*around, stmt])
                total = total + self._times(stmt, around) * inside
            elif isinstance(stmt, (Set, Accumulate, loops.Let)):
                total = total + self._value(stmt.value) + (0 if isinstance(stmt, loops.Let) else 1)
            elif isinstance(stmt, RowProducts):
                count, length, _ = stmt.sizes
                rows = self._size(count) if around[-1].step == 1 else around[-1].step
                total = total + rows * self._size(length) * 2
        return total

    def _times(self, loop: For, around: list[For]) -> SizeLike:
        for outer in around:
            if outer.step > 1 and loop.start == sizes.index(outer.index):
                return sizes.minimum(self._size(outer.extent), outer.step)
        return sizes.floordiv(self._size(loop.extent - loop.start) + (loop.step - 1), loop.step)

    def _size(self, size: SizeLike) -> SizeLike:
        """The size if it is known before the loops, else a guess."""
        known = all(a in self.known or a.kind in sizes.COMPOUND for a in sizes.atoms(size))
        return size if known else GUESS

    def _value(self, value: Expr) -> SizeLike:
        total: SizeLike = 0
        for part in walk(value):
            if isinstance(part, Call):
                if re.match(r"cg_(sum|dot|max_of|min_of)(_block)?\(", part.template):
                    (count, *rows) = part.parts
                    assert isinstance(count, SizeValue)
                    total = total + self._size(count.size) * len(rows)
                else:
                    total = total + max(function_cost(part.template), 1)
            elif isinstance(part, Read) and part.buffer.shape:
                total = total + 1
        return total
