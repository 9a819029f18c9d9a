"""Loops over rows go in blocks of rows, so that the functions of a row are vectorised.

    for i:                              for blocks of 32:
        z = sum over j of X[i, j]           for i in the block: z = sum over j of X[i, j]; keep z
        e = exp(z)                  ->      for i in the block: fetch z; e = exp(z); keep e
        for j: out[j] += e * X[i, j]        for i in the block: fetch e; for j: out[j] += ...

A loop with loops inside is never vectorised, so an exponential that it takes once an iteration is
a scalar call.  Cut into stages over a block of iterations, the stage without inner loops is.  The
data of a block is still in the cache when the last stage reads it again.

Responsible for: the cut and the small arrays that carry values from stage to stage.
Not responsible for: which loops there are (`fuse`), or where values are computed (`place`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.codegen import costs
from cgrad.codegen.fuse import Access, at_own_index
from cgrad.codegen.names import Names
from cgrad.codegen.scalars import Scalar, is_variable, name_of, scalars_made, scalars_used
from cgrad.core import exprs, sizes
from cgrad.core.exprs import Buffer, Expr, Read, walk
from cgrad.core.loops import Accumulate, For, Let, Local, Set, Stmt, statements, values
from cgrad.core.sizes import SizeLike

# iterations of a block: some vectors, of rows that fit into a cache together
BLOCK = 32


def strip(stmts: list[Stmt], names: Names) -> list[Stmt]:
    """The statements with loops over rows cut into stages where that lets functions vectorise."""
    result: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, For):
            stmt.body = strip(stmt.body, names)
            if stmt.kind == "map" and stmt.step == 1 and stmt.start == 0:
                result += _cut(stmt, names)
                continue
        result.append(stmt)
    return result


def _cut(loop: For, names: Names) -> list[Stmt]:
    """The loop over blocks; the loop itself where stages would gain nothing or are not possible."""
    body = loop.body
    has_loops = any(isinstance(stmt, For) for stmt in body)
    if not has_loops or not any(map(is_expensive, body)) or not all(map(_can_move, body)):
        return [loop]
    stages = _stages(loop)
    if stages is None:
        return [loop]
    return _blocked(loop, stages, names)


def _can_move(stmt: Stmt) -> bool:
    return all(isinstance(s, (For, Set, Accumulate, Let, Local)) for s in statements(stmt))


def is_expensive(stmt: Stmt) -> bool:
    """Whether a statement without loops calls a function that vectorises and costs something."""
    if isinstance(stmt, For):
        return False
    return any(costs.is_expensive(e) for v in values(stmt) for e in walk(v))


class _Part:
    """Statements of the body that must stay in one loop, and the stage of that loop."""

    __slots__ = ("after", "looping", "positions", "stage", "vector")

    def __init__(self, positions: list[int], body: Sequence[Stmt]) -> None:
        self.positions = positions
        self.looping = any(isinstance(body[k], For) for k in positions)
        self.vector = not self.looping and any(is_expensive(body[k]) for k in positions)
        self.after: set[int] = set()
        self.stage = 0

    def fits(self, stage: int) -> bool:
        """Loops have the even stages, functions the odd ones, the rest goes with either."""
        return not (self.looping and stage % 2) and not (self.vector and stage % 2 == 0)


def _stages(loop: For) -> list[list[int]] | None:
    """The positions of the statements of each stage; None where there is only one."""
    body = loop.body
    access = [Access(stmt) for stmt in body]
    made = [set(scalars_made(stmt)) for stmt in body]
    used = [scalars_used(stmt) for stmt in body]
    group = _together(loop, access, made, used)
    parts: dict[int, _Part] = {}
    for k in range(len(body)):
        if group[k] not in parts:
            positions = [j for j in range(len(body)) if group[j] == group[k]]
            parts[group[k]] = _Part(positions, body)
    for t in range(len(body)):
        for s in range(t):
            ordered = made[s] & used[t] or made[t] & used[s] or access[s].conflicts(access[t])
            if group[s] != group[t] and ordered:
                parts[group[t]].after.add(group[s])
    # the earliest stage of each part; a circle of parts never comes to rest
    for _ in range(len(parts) + 1):
        moved = False
        for part in parts.values():
            stage = max((parts[before].stage for before in part.after), default=0)
            while not part.fits(stage):
                stage += 1
            moved, part.stage = moved or stage > part.stage, max(stage, part.stage)
        if not moved:
            break
    else:
        return None
    _sink(parts)
    used_stages = sorted({part.stage for part in parts.values()})
    if len(used_stages) < 2:
        return None
    return [
        [k for k in range(len(body)) if parts[group[k]].stage == stage] for stage in used_stages
    ]


def _sink(parts: dict[int, _Part]) -> None:
    """What depends on nothing and costs nothing goes where it is used first."""
    busy = [part.stage for part in parts.values() if part.looping or part.vector]
    for key, part in parts.items():
        if part.after or part.looping or part.vector:
            continue
        users = [other.stage for other in parts.values() if key in other.after]
        part.stage = min(users or busy)


def _together(
    loop: For, access: Sequence[Access], made: Sequence[set[Scalar]], used: Sequence[set[Scalar]]
) -> list[int]:
    """For each statement of the body the first one that has to be in the same loop.

    Together stay the statements that set one variable, those that touch a total of the iterations,
    and those that touch an array which is written, unless at the place of the loop's own index;
    and an array on the stack with those that touch it.
    """
    n = len(loop.body)
    group = list(range(n))

    def join(positions: Sequence[int]) -> None:
        wanted = {group[k] for k in positions}
        for k in range(n):
            if group[k] in wanted:
                group[k] = min(wanted)

    for scalar in dict.fromkeys(s for scalars in made for s in scalars):
        makers = [k for k in range(n) if scalar in made[k]]
        if not isinstance(scalar, str) and not _begins(loop.body, makers[0], scalar):
            makers = [k for k in range(n) if scalar in made[k] or scalar in used[k]]
        join(makers)
    declared = {s.buffer: k for k, s in enumerate(loop.body) if isinstance(s, Local)}
    for buffer in dict.fromkeys(b for one in access for b in one.writes):
        if buffer in declared or not (is_variable(buffer) or _apart(loop.index, buffer, access)):
            touched = [k for k, a in enumerate(access) if buffer in a.writes or buffer in a.reads]
            join([*touched, declared.get(buffer, touched[0])])
    return group


def _begins(body: Sequence[Stmt], first: int, scalar: Buffer) -> bool:
    """Whether every iteration sets the variable anew before it is used."""
    stmt = body[first]
    return isinstance(stmt, Set) and stmt.buffer is scalar


def _apart(name: str, buffer: Buffer, access: Sequence[Access]) -> bool:
    """Whether all touch the buffer at the loop's index along one axis."""
    here = sizes.index(name)
    places = [
        place
        for one in access
        for table in (one.reads, one.writes)
        for place in table.get(buffer, ())
    ]
    return at_own_index(here, places)


# -- the loop over blocks ----------------------------------------------------------------------
def _blocked(loop: For, stages: list[list[int]], names: Names) -> list[Stmt]:
    one_block = isinstance(loop.extent, int) and loop.extent <= BLOCK
    outer, last = names.fresh(f"{loop.index}_from"), names.fresh(f"{loop.index}_to")
    names.release((outer, last))
    start: SizeLike = 0 if one_block else sizes.index(outer)
    end: SizeLike = loop.extent if one_block else sizes.index(last)
    carried = _Carried(loop, stages, sizes.index(loop.index) - start, names)
    inner: list[Stmt] = [
        For(loop.index, end, carried.body(number), start=start) for number in range(len(stages))
    ]
    for number, nest in enumerate(inner):
        nest.body += carried.stores(number)
        _drop_unused(nest.body)
    declared: list[Stmt] = [Local(array) for array in carried.arrays.values()]
    if one_block:
        inner[0].notes = loop.notes  # type: ignore[attr-defined]
        return [*declared, *inner]
    block_end = sizes.minimum(start + BLOCK, loop.extent)
    body = [Let(last, exprs.size_value(block_end)), *declared, *inner]
    return [For(outer, loop.extent, body, notes=loop.notes, step=BLOCK)]


def _drop_unused(body: list[Stmt]) -> None:
    """Remove names that only another stage uses, which fetches the value itself."""
    used = {name_of(scalar) for stmt in body for scalar in scalars_used(stmt)}
    body[:] = [stmt for stmt in body if not isinstance(stmt, Let) or stmt.name in used]


class _Carried:
    """Scalars of an iteration in the stages after the one that makes them."""

    def __init__(self, loop: For, stages: list[list[int]], here: SizeLike, names: Names) -> None:
        self.statements = loop.body
        self.index = loop.index
        self.access = [Access(stmt) for stmt in loop.body]
        self.stages = stages
        self.stage_of = {k: number for number, stage in enumerate(stages) for k in stage}
        self.maker = {s: k for k, stmt in enumerate(loop.body) for s in scalars_made(stmt)}
        self.here = here
        self.length = loop.extent if isinstance(loop.extent, int) else BLOCK
        self.names = names
        # what holds a scalar for the later stages
        self.arrays: dict[Scalar, Buffer] = {}

    def body(self, number: int) -> list[Stmt]:
        """The statements of a stage, each scalar of an earlier one fetched before its first use."""
        result: list[Stmt] = []
        known: set[Scalar] = set()
        for k in self.stages[number]:
            stmt = self.statements[k]
            for scalar in sorted(scalars_used(stmt) - known, key=lambda s: self.maker.get(s, -1)):
                made = self.maker.get(scalar)
                if made is not None and self.stage_of[made] != number:
                    known.add(scalar)
                    result.append(self._fetch(made, scalar))
            result.append(stmt)
        return result

    def _fetch(self, made: int, scalar: Scalar) -> Let:
        stmt = self.statements[made]
        name = name_of(scalar)
        if isinstance(stmt, Let) and self._is_still_there(stmt.value, made):
            return Let(name, stmt.value)
        value = _value(stmt, scalar)
        kept = self._kept(value, self.stage_of[made])
        if kept is not None:
            return Let(name, kept)
        if scalar not in self.arrays:
            length = min(self.length, BLOCK)
            array = self.names.buffer(f"{name}_rows", value.dtype, (length,), "local")
            self.arrays[scalar] = array
        return Let(name, exprs.read(self.arrays[scalar], (self.here,)))

    def _kept(self, value: Expr, stage: int) -> Expr | None:
        """The element of an array where the stage stores the scalar anyway."""
        for k in self.stages[stage]:
            stmt = self.statements[k]
            if isinstance(stmt, Set) and stmt.value is value and stmt.buffer.shape:
                stored = exprs.read(stmt.buffer, stmt.index)
                if self._is_still_there(stored, k + 1):
                    return stored
        return None

    def _is_still_there(self, value: Expr, first: int) -> bool:
        """Whether a value is an element of an array that nothing from `first` on overwrites.

        Nor may another iteration, which goes before the next stage does.
        """
        if not isinstance(value, Read) or value.parts or is_variable(value.buffer):
            return False
        array = value.buffer.base
        stores = [k for k, one in enumerate(self.access) if array in one.writes]
        return not stores or (stores[-1] < first and _apart(self.index, array, self.access))

    def stores(self, number: int) -> list[Stmt]:
        """What the end of a stage keeps for the later ones."""
        return [
            Set(array, (self.here,), _value(self.statements[self.maker[scalar]], scalar))
            for scalar, array in self.arrays.items()
            if self.stage_of[self.maker[scalar]] == number
        ]


def _value(stmt: Stmt, scalar: Scalar) -> Expr:
    if isinstance(scalar, str):
        assert isinstance(stmt, Let)
        return exprs.var(scalar, stmt.value.dtype)
    return exprs.read(scalar, ())
