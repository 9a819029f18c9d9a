"""Loops of which the C compiler is told that no iteration touches what another one stores.

All temporary arrays are parts of one workspace, and what several rows of an array add to lies in
one array: the compiler cannot know that these are apart, so it would make two versions of the loop,
one with vectors and one without, and compare addresses before.

Responsible for: innermost loops whose iterations provably touch different elements.
Not responsible for: loops where the compiler sees it too, such as those over arguments.
"""

from __future__ import annotations

from cgrad.core import exprs, loops, sizes
from cgrad.core.exprs import Buffer, Index, Read, Row, walk
from cgrad.core.loops import Accumulate, For, Let, Set

Element = tuple[Buffer, Index]


def is_independent(loop: For) -> bool:
    """Whether it has to be said, and is true, that iterations touch different elements."""
    plain = all(isinstance(stmt, (Set, Accumulate, Let)) for stmt in loop.body)
    if loop.kind != "map" or loop.reverse or not plain:
        return False
    stored = {(s.buffer, s.index): None for s in loops.written(loop) if s.buffer.base.shape}
    if not stored:
        return False
    read: dict[Element, None] = {}
    for part in {part for value in loops.values(loop) for part in walk(value)}:
        if isinstance(part, Row):
            return False
        if isinstance(part, Read) and part.buffer.base.shape:
            read[part.buffer, part.index] = None
    touched = stored | read
    return _is_hidden(stored, touched) and all(
        _are_apart(loop, [e for e in touched if e[0].base is base])
        for base in {buffer.base for buffer, _ in stored}
    )


def _is_hidden(stored: dict[Element, None], touched: dict[Element, None]) -> bool:
    """Whether the compiler would have to compare addresses."""
    shared = ("temp", "carry")
    return any(
        (a.base is b.base and (a, i) != (b, j))
        or (a.base is not b.base and a.role in shared and b.role in shared)
        for a, i in stored
        for b, j in touched
    )


def _are_apart(loop: For, elements: list[Element]) -> bool:
    """Whether elements of one array have the loop's index in the same place along one axis."""
    views = {id(view) for view, _ in elements}
    indices = [index for _, index in elements]
    here = sizes.index(loop.index)
    inner = {loop.index, *(stmt.name for stmt in loop.body if isinstance(stmt, Let))}

    def is_own(axis: int) -> bool:
        place = indices[0][axis]
        varies = exprs.index_names((place - here,)) & inner or exprs.index_reads((place,))
        return not varies and all(index[axis] == place for index in indices)

    return len(views) == 1 and any(is_own(axis) for axis in range(len(indices[0])))
