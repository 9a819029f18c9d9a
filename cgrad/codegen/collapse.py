"""Two loops over the same consecutive elements become one.

    for i < n: for j < m: out[i * m + j] = f(x[i * m + j])   ->   for i < n * m: out[i] = f(x[i])

Then short rows do not mean short loops.

Responsible for: perfect nests whose every access goes through whole rows.
Not responsible for: the order of loops (`lower`), or which loops there are (`fuse`).
"""

from __future__ import annotations

from collections.abc import Iterator

from cgrad.core import exprs, sizes
from cgrad.core.exprs import Buffer, Expr, Index, Read
from cgrad.core.loops import Accumulate, For, Set, Stmt


def collapse(stmts: list[Stmt]) -> list[Stmt]:
    """The statements with nests of two loops over consecutive elements as one loop."""
    for stmt in stmts:
        if isinstance(stmt, For):
            stmt.body = collapse(stmt.body)
            _collapse(stmt)
    return stmts


def _collapse(outer: For) -> None:
    if len(outer.body) != 1 or outer.kind != "map":
        return
    (inner,) = outer.body
    if not isinstance(inner, For) or inner.kind != "map":
        return
    if not all(isinstance(stmt, (Set, Accumulate)) for stmt in inner.body):
        return
    pair = _Pair(outer, inner)
    if not all(map(pair.allows, inner.body)):
        return
    for stmt in inner.body:
        assert isinstance(stmt, (Set, Accumulate))
        if pair.touches(stmt.index):
            stmt.buffer, stmt.index = pair.flat(stmt.buffer, stmt.index)
        stmt.value = exprs.rewrite(stmt.value, pair.replace)
    outer.extent = pair.extent
    outer.body = inner.body


class _Pair:
    """The two loops, and the accesses `a[..., i, j]` that a loop over both may replace."""

    def __init__(self, outer: For, inner: For) -> None:
        self.names = frozenset((outer.index, inner.index))
        self.index = (sizes.index(outer.index), sizes.index(inner.index))
        self.extents = (outer.extent, inner.extent)
        self.extent = sizes.product(self.extents)
        self.views: dict[Buffer, Buffer] = {}

    def allows(self, stmt: Stmt) -> bool:
        """Whether the two indices appear only in accesses to consecutive elements."""
        assert isinstance(stmt, (Set, Accumulate))
        if self.touches(stmt.index) and not self._consecutive(stmt.buffer, stmt.index):
            return False
        return all(self._fits(part) for part in self._parts(stmt.value))

    def touches(self, index: Index) -> bool:
        return not self.names.isdisjoint(exprs.index_names(index))

    def _parts(self, root: Expr) -> Iterator[Expr]:
        return (part for part in exprs.walk(root) if not self.names.isdisjoint(part.indices))

    def _fits(self, expr: Expr) -> bool:
        if isinstance(expr, Read):
            return self._consecutive(expr.buffer, expr.index)
        return bool(expr.parts) and not isinstance(expr, exprs.SizeValue)

    def _consecutive(self, buffer: Buffer, index: Index) -> bool:
        return (
            index[-2:] == self.index
            and buffer.shape[-2:] == self.extents
            and not self.touches(index[:-2])
        )

    def flat(self, buffer: Buffer, index: Index) -> tuple[Buffer, Index]:
        """The element in a view whose last two axes are one."""
        if buffer not in self.views:
            self.views[buffer] = buffer.view((*buffer.shape[:-2], self.extent))
        return self.views[buffer], (*index[:-2], self.index[0])

    def replace(self, expr: Expr) -> Expr | None:
        if self.names.isdisjoint(expr.indices):
            return expr
        if isinstance(expr, Read):
            return exprs.read(*self.flat(expr.buffer, expr.index))
        return None
