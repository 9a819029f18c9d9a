"""Loops with a common prefix become one: many results per nest, inner loops joined in turn.

Two `map` loops over the same extent are joined when nothing between them depends on the second
and every buffer that one writes and the other touches is touched at the loop's own index along
one axis.  What a row produces is then consumed while it is hot, and `codegen.shrink` can turn its
buffer into a row or a register.
"""

from __future__ import annotations

from collections.abc import Collection

from cgrad.codegen.row_products import RowProducts
from cgrad.core import sizes
from cgrad.core.exprs import Buffer, Expr, Index, Lit, Read, index_reads, walk
from cgrad.core.loops import (
    Accumulate,
    For,
    Leave,
    Set,
    Stmt,
    Swap,
    checks,
    invocations,
    mentioned,
    swaps,
    values,
    written,
)
from cgrad.core.sizes import SizeLike

# how many statements back a loop looks for one to join: keeps the pass linear
REACH = 64


# the elements that are touched of each buffer: the view and the index in it, without repetitions
Touched = dict[Buffer, dict[tuple[Buffer, Index], None]]


class Access:
    """What a statement reads and writes, by the buffer that owns the elements.

    `after` are the statements that it must come after, as far as no other one of them says so.
    """

    __slots__ = ("after", "barrier", "notes", "reads", "writes")

    def __init__(self, stmt: Stmt) -> None:
        self.after: set[Access] = set()
        self.reads: Touched = {}
        self.writes: Touched = {}
        self.notes = dict.fromkeys(stmt.notes if isinstance(stmt, For) else ())
        self.barrier = isinstance(stmt, (Swap, Leave)) or any(True for _ in checks(stmt))
        seen: set[Expr] = set()
        for value in values(stmt):
            if value in seen:
                continue
            for part in walk(value):
                if part not in seen:
                    seen.add(part)
                    if isinstance(part, Read):
                        _note(self.reads, part.buffer, part.index)
                        for buffer in index_reads(part.index):
                            _note(self.reads, buffer, ())
                    elif part.reads and not part.parts:
                        for buffer in part.reads:
                            _note(self.reads, buffer, ())
        for store in written(stmt):
            _note(self.writes, store.buffer, store.index)
            if isinstance(store, Accumulate):
                _note(self.reads, store.buffer, store.index)
        for swap in swaps(stmt):
            for buffer in (swap.a, swap.b):
                _note(self.writes, buffer, ())
        for call in invocations(stmt):
            for buffer, index in call.reads:
                _note(self.reads, buffer, index if isinstance(call, RowProducts) else ())
            for buffer, _ in call.writes:
                _note(self.writes, buffer, ())
        for size in mentioned(stmt):
            for buffer in index_reads((size,)):
                _note(self.reads, buffer, ())

    def extend(self, other: Access) -> None:
        """Add what another statement does."""
        for mine, theirs in ((self.reads, other.reads), (self.writes, other.writes)):
            for buffer, places in theirs.items():
                mine.setdefault(buffer, {}).update(places)
        self.after |= other.after
        self.after.discard(self)

    def conflicts(self, other: Access) -> bool:
        """Whether the order of the two statements matters."""
        return (
            self.barrier
            or other.barrier
            # two key views: the shorter one is gone through
            or not self.writes.keys().isdisjoint(other.writes.keys())
            or not self.writes.keys().isdisjoint(other.reads.keys())
            or not self.reads.keys().isdisjoint(other.writes.keys())
        )


class _Order:
    """Finds out what each statement of a block must come after, from the first to the last."""

    def __init__(self) -> None:
        # of each buffer: who wrote it last, and who has read it since
        self.writer: dict[Buffer, Access] = {}
        self.readers: dict[Buffer, list[Access]] = {}

    def precede(self, own: Access) -> None:
        """Fill in what `own`, the next statement, must come after."""
        for buffer in (*own.reads, *own.writes):
            if buffer in self.writer:
                own.after.add(self.writer[buffer])
        for buffer in own.writes:
            own.after.update(self.readers.get(buffer, ()))

    def append(self, own: Access, stmt: Access) -> None:
        """`own` has become a part of `stmt`."""
        for buffer in own.reads:
            self.readers.setdefault(buffer, []).append(stmt)
        for buffer in own.writes:
            self.writer[buffer] = stmt
            self.readers[buffer] = []


def _note(table: Touched, buffer: Buffer, index: Index) -> None:
    table.setdefault(buffer.base, {})[buffer, index] = None


def fuse(stmts: list[Stmt]) -> list[Stmt]:
    """The statements with loops joined wherever that is allowed."""
    result: list[tuple[Stmt, Access]] = []
    order = _Order()
    for stmt in stmts:
        own = Access(stmt)
        order.precede(own)
        joined = _join(stmt, own, result) if isinstance(stmt, For) and stmt.kind == "map" else None
        if joined is None:
            result.append((stmt, own))
        order.append(own, joined or own)
    for stmt, access in result:
        if isinstance(stmt, For):
            stmt.notes = tuple(access.notes)
            stmt.body = fuse(stmt.body)
    return [stmt for stmt, _ in result]


def _join(loop: For, own: Access, result: list[tuple[Stmt, Access]]) -> Access | None:
    """Join `loop` to the latest loop that allows it, and say to which.

    What stands between the two and what `loop` depends on moves in front of both.
    """
    if own.barrier:
        return None
    if _clears(loop):
        return _join_first(loop, own, result)
    needed: list[int] = []
    # what the needed statements must come after
    before_needed: set[Access] = set()
    for k in range(len(result) - 1, max(-1, len(result) - 1 - REACH), -1):
        earlier, access = result[k]
        if access.barrier:
            return None
        if (
            isinstance(earlier, For)
            and access not in before_needed
            and _same_header(earlier, loop)
            and _joinable(loop.index, access, own)
        ):
            _append(loop, own, earlier, access)
            moved = set(needed)
            rest = [item for d, item in enumerate(result[k + 1 :], k + 1) if d not in moved]
            result[k:] = [*(result[d] for d in reversed(needed)), (earlier, access), *rest]
            return access
        if access in own.after or access in before_needed:
            needed.append(k)
            before_needed |= access.after
    return None


def _join_first(loop: For, own: Access, result: list[tuple[Stmt, Access]]) -> Access | None:
    """Join a loop that sets first values to the earliest loop that allows it, and say to which.

    Joined to a late one, it would keep the loop that adds to these values from joining any before.
    """
    found = None
    for earlier, access in reversed(result[-REACH:]):
        if access.barrier:
            break
        same = isinstance(earlier, For) and _same_header(earlier, loop)
        if same and _joinable(loop.index, access, own):
            found = earlier, access
        if access in own.after:
            break
    if found is None:
        return None
    _append(loop, own, *found)
    return found[1]


def _append(loop: For, own: Access, earlier: Stmt, access: Access) -> None:
    earlier.body += loop.body
    access.notes.update(dict.fromkeys(loop.notes))
    access.extend(own)


def _same_header(earlier: For, loop: For) -> bool:
    return earlier.kind == "map" and earlier.extent == loop.extent and earlier.index == loop.index


def _clears(stmt: Stmt) -> bool:
    """Whether a statement only stores numbers: first values of totals."""
    if isinstance(stmt, For):
        return stmt.kind == "map" and all(map(_clears, stmt.body))
    return isinstance(stmt, Set) and isinstance(stmt.value, Lit)


def _joinable(name: str, first: Access, second: Access) -> bool:
    shared = (
        (first.writes.keys() & second.writes.keys())
        | (first.writes.keys() & second.reads.keys())
        | (first.reads.keys() & second.writes.keys())
    )
    here = sizes.index(name)
    for buffer in shared:
        places = [
            place
            for table in (first.reads, first.writes, second.reads, second.writes)
            for place in table.get(buffer, ())
        ]
        if not at_own_index(here, places):
            return False
    return True


def at_own_index(here: SizeLike, places: Collection[tuple[Buffer, Index]]) -> bool:
    """Whether all these elements of a buffer are at the index `here` along one axis of one view."""
    if len({id(view) for view, _ in places}) > 1:
        return False
    ndim = min(len(index) for _, index in places)
    return any(all(index[axis] == here for _, index in places) for axis in range(ndim))
