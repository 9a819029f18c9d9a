"""Short loops around loops are written out, so that the loops inside of them can be joined.

    for k < 2: for l: s[l] += f(k, l)          for l:
    for l: d[l] = g(s[l])               ->         s = f(0, l) + f(1, l)
    for k < 2: for l: out[k, l] = d[l] * k         d = g(s); out[0, l] = ...; out[1, l] = ...

Instead of five loops over l with arrays between them there is one, and what it computes on the way
stays in registers.  This happens where one of the short loops adds up: then others wait for it.

Responsible for: axes of a known length of at most `LONGEST` inside of loops.
Not responsible for: joining loops (`fuse`), or short innermost loops, which the C compiler unrolls.
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.codegen.fuse import fuse
from cgrad.core import exprs, loops, sizes
from cgrad.core.exprs import Expr, Index, Read, SizeValue
from cgrad.core.loops import Accumulate, For, Set, Stmt
from cgrad.core.sizes import Atom, SizeLike

LONGEST = 4
# statements that a loop may become
MOST = 16


def unroll(stmts: list[Stmt]) -> list[Stmt]:
    """The statements with short loops around loops written out, and what is inside joined."""
    for stmt in stmts:
        if isinstance(stmt, For):
            stmt.body = unroll(stmt.body)
            if any(_is_short(inner) and _adds_up(inner) for inner in stmt.body):
                stmt.body = fuse([new for inner in stmt.body for new in _written_out(inner)])
    return stmts


def _is_short(stmt: Stmt) -> bool:
    """Whether a statement is a loop of few iterations around innermost loops of any length."""
    if not isinstance(stmt, For) or stmt.kind != "map" or stmt.start != 0 or stmt.step != 1:
        return False
    if not isinstance(stmt.extent, int) or stmt.extent > LONGEST:
        return False
    inner = [s for s in stmt.body if isinstance(s, For)]
    plain = all(isinstance(s, (Set, Accumulate)) for loop in inner for s in loop.body)
    simple = all(isinstance(s, (For, Set, Accumulate)) for s in stmt.body)
    long = [loop for loop in inner if not isinstance(loop.extent, int) and loop.kind == "map"]
    few = sum(1 for _ in loops.written(stmt)) * stmt.extent <= MOST
    return bool(inner) and inner == long and plain and simple and few


def _adds_up(loop: Stmt) -> bool:
    """Whether inner loops add the iterations of `loop` up."""
    assert isinstance(loop, For)
    return any(
        isinstance(s, Accumulate) and s.index and loop.index not in exprs.index_names(s.index)
        for inner in loop.body
        if isinstance(inner, For)
        for s in inner.body
    )


def _written_out(stmt: Stmt) -> list[Stmt]:
    if not _is_short(stmt):
        return [stmt]
    assert isinstance(stmt, For) and isinstance(stmt.extent, int)
    return [new for k in range(stmt.extent) for new in _Iteration(stmt, k).body(stmt.body)]


class _Iteration:
    """The statements of one iteration; the loops inside are now where the loop was."""

    def __init__(self, loop: For, k: int) -> None:
        self.k = k
        self.name = loop.index
        self.inner = {s.index for s in loop.body if isinstance(s, For)}
        self.memo: dict[Expr, Expr] = {}

    def body(self, stmts: Sequence[Stmt]) -> list[Stmt]:
        return [self._stmt(stmt) for stmt in stmts]

    def _stmt(self, stmt: Stmt) -> Stmt:
        if isinstance(stmt, For):
            extent = self._size(stmt.extent)
            return For(self.name, extent, self.body(stmt.body), notes=stmt.notes)
        assert isinstance(stmt, (Set, Accumulate))
        return self._store(stmt)

    def _store(self, stmt: Set | Accumulate) -> Stmt:
        index, value = self._index(stmt.index), exprs.rewrite(stmt.value, self._leaf)
        if isinstance(stmt, Set):
            return Set(stmt.buffer, index, value)
        return Accumulate(stmt.op, stmt.buffer, index, value)

    def _leaf(self, expr: Expr) -> Expr | None:
        if self.name not in expr.indices and self.inner.isdisjoint(expr.indices):
            return expr
        if isinstance(expr, SizeValue):
            return exprs.size_value(self._size(expr.size))
        if isinstance(expr, Read):
            return exprs.read(expr.buffer, self._index(expr.index))
        return None

    def _index(self, index: Index) -> Index:
        return tuple(map(self._size, index))

    def _size(self, size: SizeLike) -> SizeLike:
        return sizes.substitute(size, self._moved)

    def _moved(self, atom: Atom) -> SizeLike | None:
        if atom.kind == "dynamic":
            return exprs.dynamic_size(exprs.rewrite(atom.args[0], self._leaf))
        if atom.kind != "index":
            return None
        if atom.args[0] == self.name:
            return self.k
        return sizes.index(self.name) if atom.args[0] in self.inner else None
