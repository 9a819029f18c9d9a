"""Scalars that statements of a block set and use: names of `Let` and variables.

What passes that cut a block into pieces have to carry from piece to piece.
"""

from __future__ import annotations

from collections.abc import Iterator

from cgrad.core import exprs, loops
from cgrad.core.exprs import Buffer, Expr, Read, Var, walk
from cgrad.core.loops import Accumulate, For, Let, Part, Set, Stmt, values

Scalar = str | Buffer


def name_of(scalar: Scalar) -> str:
    """The name of a scalar in the C text."""
    return scalar if isinstance(scalar, str) else scalar.name


def is_variable(buffer: Buffer) -> bool:
    """Whether a buffer is a C variable."""
    return buffer.role == "temp" and not buffer.shape


def scalars_made(stmt: Stmt) -> Iterator[Scalar]:
    """The scalars that a statement of a block sets, those of its inner loops too.

    A part is a function: what it sets are its own.
    """
    if isinstance(stmt, Let):
        yield stmt.name
    for s in _outside_parts(stmt):
        if isinstance(s, (Set, Accumulate)) and is_variable(s.buffer):
            yield s.buffer


def scalars_used(stmt: Stmt) -> set[Scalar]:
    """The scalars from outside that a statement uses."""
    inside = list(_outside_parts(stmt))
    own = {s.name for s in inside if isinstance(s, Let)}
    found: set[Scalar] = set()
    for s in inside:
        if isinstance(s, Part):
            found |= {scalar for scalar in _used_by(s) if scalar not in own}
            continue
        if not isinstance(s, For):
            for value in values(s):
                found |= _scalars_of(value)
        if isinstance(s, Accumulate) and is_variable(s.buffer):
            found.add(s.buffer)
        found |= exprs.index_reads(tuple(loops.mentioned_here(s)))
    return found - own


def _scalars_of(value: Expr) -> set[Scalar]:
    found: set[Scalar] = {buffer for buffer in value.reads if is_variable(buffer)}
    for part in walk(value):
        if isinstance(part, Var):
            found.add(part.name)
        elif isinstance(part, Read) and is_variable(part.buffer):
            found.add(part.buffer)
    return found


def _outside_parts(stmt: Stmt) -> Iterator[Stmt]:
    """A statement and those inside of it, but for those in parts."""
    if isinstance(stmt, For):
        yield stmt
        for inner in stmt.body:
            yield from _outside_parts(inner)
    else:
        yield stmt


def _used_by(part: Part) -> set[Scalar]:
    """The scalars that a part uses and does not set before."""
    found: set[Scalar] = set()
    own: set[str] = set()
    for stmt in part.body:
        found |= {scalar for scalar in scalars_used(stmt) if name_of(scalar) not in own}
        own |= set(map(name_of, scalars_made(stmt)))
    return found
