"""Long functions are cut into parts, each a C function of its own.

    v1 = ...                       part1: v1 = ...; v2 = ...; cells[0] = v2
    v2 = ... v1 ...          ->
    v3 = ... v2 ...                part2: v2 = cells[0]; v3 = ... v2 ...

The optimisers of gcc take time in the square of a function's statements; in parts of bounded
length, time and memory are linear.  Scalars that cross a cut go through cells of a small array,
and cuts are made where few do.  A loop with a long body becomes loops over blocks of iterations,
one for each piece of the body, which are vectorised as before.  No operation changes, nor the order
in which totals are added up.

Responsible for: where to cut, and what is carried.  Not responsible for: what a part takes as
arguments (`codegen.scope`), or the flags of the compiler (`cache.toolchain`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import accumulate, groupby, pairwise

from cgrad.codegen.fuse import Access, at_own_index
from cgrad.codegen.names import Names
from cgrad.codegen.scalars import is_variable, name_of, scalars_made, scalars_used
from cgrad.core import exprs, loops, sizes
from cgrad.core.dtypes import INT64
from cgrad.core.exprs import Buffer, Expr, Index, Read
from cgrad.core.loops import (
    Check,
    For,
    Invoke,
    Leave,
    Let,
    Local,
    Note,
    Part,
    Resize,
    Set,
    Stmt,
    Swap,
    statements,
)

# the scalars of a block by name: a variable, or the dtype of a `Let`
Own = dict[str, Buffer | str]

# statements of a function, and of the body of one loop
LONGEST = 256
# iterations of a block, fewer where more cells than CELLS / BLOCK are needed
BLOCK, LEAST_BLOCK, CELLS = 64, 8, 32768


def split(stmts: list[Stmt], names: Names, longest: int = LONGEST) -> list[Stmt]:
    """The statements in parts of about `longest` at most; the same ones if there are no more."""
    if sum(map(_length, stmts)) <= longest:
        return stmts
    return _Splitter(names, longest).block(stmts, frozenset(), _Held(names, ()))


def _length(stmt: Stmt) -> int:
    """Statements that stand in the function itself."""
    return 1 + sum(map(_length, stmt.body)) if isinstance(stmt, For) else 1


def _is_movable(stmt: Stmt) -> bool:
    """Whether a statement may stand in another function."""
    if isinstance(stmt, (Leave, Local)) or (isinstance(stmt, Let) and stmt.value.dtype == INT64):
        return False  # what sizes mention stays in sight of all
    return not any(
        isinstance(s, (Check, Swap, Resize, Part)) or (isinstance(s, Invoke) and _leaves(s))
        for s in statements(stmt)
    )


def _leaves(call: Invoke) -> bool:
    """Whether a call may end with the kernel being left."""
    return call.checked is not None


class _Piece:
    """Neighbouring statements; those that are `movable` become a part.

    made  the scalars of the block that they set, by name
    used  those that they use
    """

    __slots__ = ("body", "made", "movable", "used")

    def __init__(self, body: Sequence[Stmt], own: Own, movable: bool) -> None:
        self.body = list(body)
        self.movable = movable
        self.made = {name: None for stmt in body for name in _made(stmt) if name in own}
        self.used = {name for stmt in body for name in _used(stmt) if name in own}


def _made(stmt: Stmt) -> Iterator[str]:
    return map(name_of, scalars_made(stmt))


def _used(stmt: Stmt) -> Iterator[str]:
    return map(name_of, scalars_used(stmt))


def _own(stmts: Iterable[Stmt], outside: Collection[Buffer]) -> Own:
    """The scalars that a block sets itself; those of its loops are theirs."""
    found: Own = {}
    for stmt in stmts:
        if isinstance(stmt, Let):
            found[stmt.name] = stmt.value.dtype
        elif isinstance(stmt, Set) and is_variable(stmt.buffer) and stmt.buffer not in outside:
            found[stmt.buffer.name] = stmt.buffer
    return found


def _dtype(meaning: Buffer | str) -> str:
    return meaning if isinstance(meaning, str) else meaning.dtype


class _Held:
    """Variables from outside that a loop sets: while it runs, their values are in cells."""

    def __init__(self, names: Names, variables: Iterable[Buffer]) -> None:
        self.names = names
        self.variables: Own = {variable.name: variable for variable in variables}
        self.cells: dict[str, Buffer] = {}
        self.used: dict[str, Expr] = {}

    def at(self, name: str) -> Expr:
        if name not in self.used:
            dtype = _dtype(self.variables[name])
            same = [other for other, v in self.variables.items() if _dtype(v) == dtype]
            if dtype not in self.cells:
                self.cells[dtype] = self.names.buffer("totals", dtype, (len(same),))
            self.used[name] = exprs.read(self.cells[dtype], (same.index(name),))
        return self.used[name]

    def around(self, stmts: Iterable[Stmt]) -> list[Stmt]:
        """The loop between statements that put values into the cells and take them out."""
        before = [_keep(self.variables[name], name, cell) for name, cell in self.used.items()]
        after = [_fetch(self.variables[name], name, cell, True) for name, cell in self.used.items()]
        return [*before, *stmts, *after]


class _Splitter:
    def __init__(self, names: Names, longest: int) -> None:
        self.names = names
        self.longest = longest

    def block(
        self,
        stmts: Sequence[Stmt],
        outside: frozenset[Buffer],
        held: _Held,
        around: For | None = None,
    ) -> list[Stmt]:
        """A block in parts, the body of the loop `around`; `outside` are variables around it."""
        stmts = _off_the_stack(stmts)
        own = _own(stmts, outside)
        variables = outside.union(b for b in own.values() if isinstance(b, Buffer))
        shorter: list[Stmt] = []
        for stmt in stmts:
            if isinstance(stmt, For) and self._is_long(stmt):
                shorter += self._loop(stmt, variables, around)
            else:
                shorter.append(stmt)
        shorter = _without_last_stores(shorter, own)
        if sum(map(_length, shorter)) <= self.longest:
            return shorter
        pieces: list[_Piece] = []
        for movable, run in groupby(shorter, _is_movable):
            together = list(run)
            ranges = _cuts(together, self.longest) if movable else [(0, len(together))]
            pieces += [_Piece(together[a:b], own | held.variables, movable) for a, b in ranges]
        return self._parts(pieces, own, held)

    def _is_long(self, loop: For) -> bool:
        return _length(loop) > self.longest

    # -- straight-line code ---------------------------------------------------------------------
    def _parts(self, pieces: Sequence[_Piece], own: Own, held: _Held) -> list[Stmt]:
        """The pieces one after the other, what crosses in cells of the workspace."""
        in_sight = {
            name for p in pieces if not p.movable for name in p.made
            if isinstance(own.get(name), str)
        }  # fmt: skip
        plan = _Plan(pieces, own, held.variables, in_sight)
        cells = {
            dtype: self.names.buffer("cells", dtype, (count,))
            for dtype, count in plan.cells.count.items()
        }

        def at(name: str) -> Expr:
            if name in held.variables:
                return held.at(name)
            return exprs.read(cells[_dtype(own[name])], (plan.cells.of[name],))

        meaning = own | held.variables
        result: list[Stmt] = []
        fetched: set[str] = set()
        for piece, first, kept in zip(pieces, plan.fetched, plan.kept, strict=True):
            keep = [_keep(meaning[name], name, at(name)) for name in kept]
            if piece.movable:
                fetch = [_fetch(meaning[n], n, at(n), n in piece.made) for n in first]
                result.append(Part(self.names.fresh("part1"), [*fetch, *piece.body, *keep]))
                fetched.difference_update(piece.made)
            else:
                fetch = [_fetch(meaning[n], n, at(n), True) for n in first if n not in fetched]
                result += [*fetch, *piece.body, *keep]
                fetched.update(first)
        return result

    # -- loops ----------------------------------------------------------------------------------
    def _loop(self, loop: For, outside: frozenset[Buffer], around: For | None) -> list[Stmt]:
        """A loop with a shorter body, and what has to stand around it."""
        stores = (store.buffer for store in loops.written(loop))
        held = _Held(self.names, dict.fromkeys(b for b in stores if b in outside))
        nested = any(isinstance(stmt, For) and self._is_long(stmt) for stmt in loop.body)
        pieces = [] if nested else self._iterations(loop, outside, around)
        if len(pieces) < 2:
            loop.body = self.block(loop.body, outside, held, loop)
            return held.around([loop])
        if around is not None and loop.start != 0:
            return held.around(self._blocked(loop, pieces, outside, held, around.step))
        return held.around([self._in_blocks(loop, pieces, outside, held)])

    def _iterations(
        self, loop: For, outside: frozenset[Buffer], around: For | None
    ) -> list[_Piece]:
        """Pieces of the body that may run for some iterations each, one after the other."""
        plain = (loop.kind, loop.step, loop.reverse) == ("map", 1, False)
        block = around is not None and around.step > 1 and loop.start == sizes.index(around.index)
        if not plain or not (block or loop.start == 0) or not all(map(_is_movable, loop.body)):
            return []
        own = _own(loop.body, outside) | {variable.name: variable for variable in outside}
        ranges = _cuts(loop.body, self.longest, _spans(loop, outside))
        return [_Piece(loop.body[a:b], own, True) for a, b in ranges]

    def _in_blocks(
        self, loop: For, pieces: Sequence[_Piece], outside: frozenset[Buffer], held: _Held
    ) -> For:
        """The pieces of the body for one block of iterations after the other."""
        plan = _Plan(pieces, _own(loop.body, outside), held.variables, ())
        block = BLOCK
        while block > LEAST_BLOCK and block * plan.cells.total() > CELLS:
            block //= 2
        outer, last = self.names.fresh(f"{loop.index}_from"), self.names.fresh(f"{loop.index}_to")
        start, extent = sizes.index(outer), loop.extent
        loop.start, loop.extent = start, sizes.index(last)
        body: list[Stmt] = [
            Let(last, exprs.size_value(sizes.minimum(start + block, extent))),
            *self._blocked(loop, pieces, outside, held, block),
        ]
        return For(outer, extent, body, notes=loop.notes, step=block)

    def _blocked(
        self,
        loop: For,
        pieces: Sequence[_Piece],
        outside: frozenset[Buffer],
        held: _Held,
        block: int,
    ) -> list[Stmt]:
        """A loop of at most `block` iterations as one for each piece."""
        own = _own(loop.body, outside)
        plan = _Plan(pieces, own, held.variables, ())
        here = sizes.index(loop.index) - loop.start
        # on the stack if they are few, else in the workspace
        role = "local" if block * plan.cells.total() <= CELLS else "temp"
        rows = {
            dtype: self.names.buffer("rows", dtype, (number * block,), role)
            for dtype, number in plan.cells.count.items()
        }

        def at(name: str) -> Expr:
            position = plan.cells.of[name] * block + here
            return exprs.read(rows[_dtype(own[name])], (position,))

        result: list[Stmt] = [Local(row) for row in rows.values() if role == "local"]
        for piece, first, kept in zip(pieces, plan.fetched, plan.kept, strict=True):
            inner = [
                *(_fetch(own[n], n, at(n), n in piece.made) for n in first if n in own),
                *piece.body,
                *(_keep(own[n], n, at(n)) for n in kept if n in own),
            ]
            totals = [n for n in first if n in held.variables]
            part: list[Stmt] = [
                *(_fetch(held.variables[n], n, held.at(n), n in piece.made) for n in totals),
                For(loop.index, loop.extent, inner, start=loop.start),
                *(_keep(held.variables[n], n, held.at(n)) for n in totals if n in piece.made),
            ]
            result.append(Part(self.names.fresh("part1"), part))
        return result


def _without_last_stores(stmts: Sequence[Stmt], own: Own) -> list[Stmt]:
    """A block without values for its own variables that nothing reads: totals nobody asks for."""
    kept: list[Stmt] = []
    later: set[str] = set()
    for stmt in reversed(stmts):
        if isinstance(stmt, Set) and is_variable(stmt.buffer):
            name = stmt.buffer.name
            if name in own and name not in later:
                continue
        later.update(_used(stmt))
        kept.append(stmt)
    return kept[::-1]


def _off_the_stack(stmts: Sequence[Stmt]) -> list[Stmt]:
    """A block whose arrays are in the workspace where they are too many for the stack."""
    arrays = [stmt.buffer for stmt in stmts if isinstance(stmt, Local)]
    if sum(int(n) for array in arrays for n in array.shape if isinstance(n, int)) <= CELLS:
        return list(stmts)
    for array in arrays:
        array.role = "temp"
    return [stmt for stmt in stmts if not isinstance(stmt, Local)]


def _fetch(meaning: Buffer | str, name: str, cell: Expr, changes: bool) -> Stmt:
    """A scalar as it was kept; a variable only where it `changes`."""
    if changes and isinstance(meaning, Buffer):
        return Set(meaning, (), cell)
    return Let(name, cell)


def _keep(meaning: Buffer | str, name: str, cell: Expr) -> Stmt:
    assert isinstance(cell, Read)
    value = exprs.var(name, meaning) if isinstance(meaning, str) else exprs.read(meaning, ())
    return Set(cell.buffer, cell.index, value)


# -- where to cut ------------------------------------------------------------------------------
def _cuts(
    stmts: Sequence[Stmt], longest: int, together: Collection[int] = ()
) -> list[tuple[int, int]]:
    """The ranges of pieces of about `longest` statements, cut where few scalars cross.

    There is no cut in front of a position in `together`.
    """
    crossing = _crossing(stmts)
    lengths = list(map(_length, stmts))
    cuts = [0]
    best: int | None = None
    length = 0
    for k in range(1, len(stmts)):
        length += lengths[k - 1]
        if length + lengths[k] > longest and best is not None:
            cuts.append(best)
            length = sum(lengths[best:k])
            best = None
        if (
            k not in together
            and not isinstance(stmts[k - 1], Note)
            and (best is None or 2 * length <= longest or crossing[k] <= crossing[best])
        ):
            best = k
    if best is not None and length + lengths[-1] > longest:
        cuts.append(best)
    return list(pairwise([*cuts, len(stmts)]))


def _crossing(stmts: Sequence[Stmt]) -> list[int]:
    """For each position the number of scalars mentioned both before it and from it on."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for k, stmt in enumerate(stmts):
        for name in (*_made(stmt), *_used(stmt)):
            first.setdefault(name, k)
            last[name] = k
    change = [0] * (len(stmts) + 1)
    for name, k in first.items():
        change[k + 1] += 1
        change[last[name] + 1] -= 1
    return list(accumulate(change))


def _spans(loop: For, outside: frozenset[Buffer]) -> set[int]:
    """The positions in the body of a loop where the iterations cannot be cut.

    Statements stay together that touch a total of the iterations, and those that touch an array
    which is written, unless at the place of the loop's own index.
    """
    here = sizes.index(loop.index)
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    held: set[Buffer] = set()
    places: dict[Buffer, dict[tuple[Buffer, Index], None]] = {}
    arrays: set[Buffer] = set()
    for k, stmt in enumerate(loop.body):
        access = Access(stmt)
        held.update(buffer for buffer in access.writes if buffer in outside)
        arrays.update(b for b in access.writes if not is_variable(b))
        for table in (access.reads, access.writes):
            for buffer, where in table.items():
                places.setdefault(buffer, {}).update(where)
        for buffer in (*access.reads, *access.writes):
            first.setdefault(buffer, k)
            last[buffer] = k
    held |= {buffer for buffer in arrays if not at_own_index(here, places[buffer])}
    change = [0] * (len(loop.body) + 1)
    for buffer in held:
        change[first[buffer] + 1] += 1
        change[last[buffer] + 1] -= 1
    return {k for k, depth in enumerate(accumulate(change)) if depth}


# -- what is carried ---------------------------------------------------------------------------
class _Cells:
    """Numbers of cells, the least free one first; every dtype has cells of its own."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}
        self.free: dict[str, list[int]] = {}
        self.of: dict[str, int] = {}

    def take(self, name: str, dtype: str) -> None:
        free = self.free.setdefault(dtype, [])
        self.of[name] = heappop(free) if free else self.count.get(dtype, 0)
        self.count[dtype] = max(self.count.get(dtype, 0), self.of[name] + 1)

    def total(self) -> int:
        return sum(self.count.values())

    def give(self, name: str, dtype: str) -> None:
        heappush(self.free[dtype], self.of[name])


class _Plan:
    """Which scalars each piece fetches first and keeps at its end, and in which cells."""

    def __init__(
        self,
        pieces: Sequence[_Piece],
        own: Own,
        held: Collection[str],
        in_sight: Collection[str],
    ) -> None:
        self.cells = _Cells()
        self.fetched: list[list[str]] = []
        self.kept: list[list[str]] = []
        last: dict[str, int] = {}
        for k, piece in enumerate(pieces):
            last.update(dict.fromkeys((*piece.used, *piece.made), k))
        ending: dict[int, list[str]] = {}
        for k, piece in enumerate(pieces):
            mentioned = {*piece.used, *piece.made}
            carried = [name for name in mentioned if name in self.cells.of]
            carried.sort(key=lambda name: (_dtype(own[name]), self.cells.of[name]))
            self.fetched.append([*sorted(name for name in mentioned if name in held), *carried])
            # read at the beginning, cells can be written again at the end
            for name in ending.pop(k, ()):
                self.cells.give(name, _dtype(own[name]))
            crossing = [n for n in piece.made if n in own and last[n] > k and n not in in_sight]
            self.kept.append([*(n for n in piece.made if n in held), *crossing])
            for name in crossing:
                if name not in self.cells.of:
                    self.cells.take(name, _dtype(own[name]))
                    ending.setdefault(last[name], []).append(name)
