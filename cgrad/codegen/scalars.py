"""Scalars that statements of a block set and use: names of `Let` and variables.

What passes that cut a block into pieces have to carry from piece to piece.
"""

from __future__ import annotations

from collections.abc import Iterator

from cgrad.core import loops
from cgrad.core.loops import (
    Accumulate,
    Buffer,
    Let,
    Read,
    Stmt,
    Var,
    statements,
    values,
    walk,
)

Scalar = str | Buffer


def name_of(scalar: Scalar) -> str:
    """The name of a scalar in the C text."""
    return scalar if isinstance(scalar, str) else scalar.name


def is_variable(buffer: Buffer) -> bool:
    """Whether a buffer is a C variable."""
    return buffer.role == "temp" and not buffer.shape


def scalars_made(stmt: Stmt) -> Iterator[Scalar]:
    """The scalars that a statement of a block sets, those of its inner loops too."""
    if isinstance(stmt, Let):
        yield stmt.name
    for store in loops.written(stmt):
        if is_variable(store.buffer):
            yield store.buffer


def scalars_used(stmt: Stmt) -> set[Scalar]:
    """The scalars from outside that a statement uses."""
    own = {s.name for s in statements(stmt) if isinstance(s, Let)}
    found: set[Scalar] = set()
    for value in values(stmt):
        for part in walk(value):
            if isinstance(part, Var) and part.name not in own:
                found.add(part.name)
            elif isinstance(part, Read) and is_variable(part.buffer):
                found.add(part.buffer)
        found |= {buffer for buffer in value.reads if is_variable(buffer)}
    for store in loops.written(stmt):
        if isinstance(store, Accumulate) and is_variable(store.buffer):
            found.add(store.buffer)
    for size in loops.mentioned(stmt):
        found |= loops.index_reads((size,))
    return found
