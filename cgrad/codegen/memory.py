"""Where temporary arrays lie: slots of one workspace, shared by those that never live together.

Responsible for: the layout.  Not responsible for: allocation; the caller of a kernel brings the
workspace, of `cg_work` bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

from cgrad.core import loops, sizes
from cgrad.core.dtypes import BYTES
from cgrad.core.exprs import Buffer, Read, walk
from cgrad.core.loops import Stmt, values, written
from cgrad.core.sizes import Atom, SizeLike


class Slot:
    """`count` elements of `bytes` bytes; the buffers in it are alive one after the other."""

    __slots__ = ("buffers", "bytes", "count")

    def __init__(self, count: SizeLike, bytes: int) -> None:
        self.count = count
        self.bytes = bytes
        self.buffers: list[Buffer] = []


def arrange(stmts: list[Stmt], known: Callable[[Atom], bool]) -> list[Slot]:
    """A slot for each temporary array; `known` says which sizes the kernel is called with."""
    life: dict[Buffer, tuple[int, int]] = {}
    for when, stmt in enumerate(flat(stmts)):
        for buffer in _touched(stmt):
            first, _ = life.get(buffer, (when, when))
            life[buffer] = (first, when)
    # after a swap each name may stand for the memory of the other: they live and die together
    for stmt in stmts:
        for swap in loops.swaps(stmt):
            (first_a, last_a), (first_b, last_b) = life[swap.a], life[swap.b]
            both = (min(first_a, first_b), max(last_a, last_b))
            life[swap.a] = life[swap.b] = both
    slots: list[Slot] = []
    # by count and width, numbers of slots: (alive until, slot), and those that are free
    taken: dict[tuple[SizeLike, int], list[tuple[int, int]]] = {}
    free: dict[tuple[SizeLike, int], list[int]] = {}
    for buffer, (first, last) in sorted(life.items(), key=lambda item: (item[1], item[0].serial)):
        count, width = _elements(buffer, known), BYTES[buffer.dtype]
        alive, idle = taken.setdefault((count, width), []), free.setdefault((count, width), [])
        while alive and alive[0][0] < first:
            heappush(idle, heappop(alive)[1])
        if not idle:
            idle.append(len(slots))
            slots.append(Slot(count, width))
        k = heappop(idle)
        slots[k].buffers.append(buffer)
        heappush(alive, (last, k))
    return slots


def flat(stmts: Iterable[Stmt]) -> Iterator[Stmt]:
    """The statements of a block, those of its parts one by one."""
    for stmt in stmts:
        if isinstance(stmt, loops.Part):
            yield from stmt.body
        else:
            yield stmt


def _elements(buffer: Buffer, known: Callable[[Atom], bool]) -> SizeLike:
    bounds = [sizes.upper(n, known) for n in buffer.shape]
    if None in bounds:
        raise NotImplementedError(
            f"the temporary {buffer.name} of shape {buffer.shape} has a size that no argument "
            "bounds; give the length as an argument of the function"
        )
    return sizes.product(n for n in bounds if n is not None)


def _touched(stmt: Stmt) -> dict[Buffer, None]:
    """The temporary arrays of a statement, in a fixed order."""
    found: dict[Buffer, None] = {}
    for store in written(stmt):
        found[store.buffer.base] = None
    for value in values(stmt):
        for part in walk(value):
            if isinstance(part, Read):
                found[part.buffer.base] = None
    for swap in loops.swaps(stmt):
        found[swap.a.base] = None
        found[swap.b.base] = None
    for call in loops.invocations(stmt):
        for buffer, _ in (*call.reads, *call.writes):
            found[buffer.base] = None
    return {b: None for b in found if b.role in ("temp", "carry") and b.shape}
