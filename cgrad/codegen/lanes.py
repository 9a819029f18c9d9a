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

A sum over more than 64 elements goes along each row after all (`row_blocks`).  With fewer rows than
a vector has lanes nothing is gained.

Responsible for: which loops.  Not responsible for: their new form (`row_blocks`), rows in blocks
for the sake of functions (`strip`), the order of totals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cgrad.codegen.fuse import Access, at_own_index
from cgrad.codegen.names import Names
from cgrad.codegen.parallel import made_first, nests
from cgrad.codegen.row_blocks import RowBlocks, is_along
from cgrad.codegen.scalars import is_variable
from cgrad.codegen.strip import is_expensive
from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.exprs import Buffer, Expr, Read, walk
from cgrad.core.loops import Accumulate, For, Let, Set, Stmt, statements

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
            rows = RowBlocks(loop, private, names, outermost if around else None)
            new = rows.loop()
            fills += rows.before
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
            if exprs.dynamic_parts((size,)) or exprs.index_reads((size,)):
                return False
            if not exprs.index_names((size,)) <= indices:
                return False
        if isinstance(stmt, For) and (
            stmt.kind != "map"
            or stmt.start != 0
            or stmt.step != 1
            or any(a.kind == "index" for a in sizes.atoms(stmt.extent))
        ):
            return False
    return not any(
        isinstance(part, (Read, exprs.SizeValue)) and not _is_plain(part, indices)
        for value in set(loops.values(loop))
        for part in walk(value)
    )


def _is_plain(part: Expr, indices: set[str]) -> bool:
    """Whether the position of an element, or a size, is one of indices of loops only."""
    index = part.index if isinstance(part, Read) else (part.size,)  # type: ignore[attr-defined]
    return not part.parts and not exprs.index_reads(index) and part.indices <= indices


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
    copied = [part for part in own if not is_along(part.index, row)]
    return (
        bool(own and other)
        and not any(every <= part.indices for part in own)
        and all(outside.isdisjoint(part.indices) for part in copied)
    )


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
        elif any(loop.index in exprs.index_names(index) for _, index in touched):
            # one element of a row after the other: the axis of rows has to be the last one
            last = all(index and index[-1] == here for _, index in touched)
            if not last or not at_own_index(here, touched):
                return None
        elif buffer in read or not all(isinstance(s, Accumulate) for s in stores):
            return None
    return private
