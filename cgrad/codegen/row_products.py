"""Products of many rows with one vector: four rows at a time; runs after `codegen.totals`.

    for i: out[i] = f(cg_dot(m, &A[i, 0], y))
->
    for blocks of 32:
        cg_dot_rows(of the block, m, distance of rows, &A[i_from, 0], y, products)
        for i in the block: out[i] = f(products[i - i_from])

The function loads y once for four rows, and what is left of the loop is vectorised.  The bits of a
product do not depend on the block it is in.

Responsible for: products in loops without loops inside.
Not responsible for: which sums are products (`totals`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.codegen.names import Names
from cgrad.core import exprs, loops, sizes
from cgrad.core.dtypes import FLOAT64
from cgrad.core.exprs import Buffer, Call, Expr, Index, Row, SizeValue
from cgrad.core.loops import Accumulate, For, Invoke, Let, Local, Note, Set, Stmt
from cgrad.core.sizes import SizeLike

_PRODUCTS = ("cg_dot({0}, {1}, {2})", "cg_dot_block({0}, {1}, {2})")
# rows of a block where the loop has no bound
BLOCK = 32
# the most rows for which an array is made, the fewest for which the function gains
MOST, LEAST = 256, 4


class RowProducts(Invoke):
    """The products of rows that belong to the iteration, from the first one on, and a vector."""

    __slots__ = ()

    def __init__(
        self,
        count: SizeLike,
        length: SizeLike,
        apart: SizeLike,
        row: tuple[Buffer, Index],
        vector: tuple[Buffer, Index],
        to: tuple[Buffer, Index],
    ) -> None:
        super().__init__("cg_dot_rows", (count, length, apart), (row, vector), (to,))


def row_products(
    stmts: list[Stmt], names: Names, threads: bool, around: tuple[For, ...] = ()
) -> list[Stmt]:
    """The statements with products of rows by the function, in the loops `around` them.

    For `threads` loops over rows stay loops.
    """
    out: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, For):
            stmt.body = row_products(stmt.body, names, threads, (*around, stmt))
            out += _replaced(stmt, names, threads, around)
        else:
            out.append(stmt)
    return out


def _replaced(loop: For, names: Names, threads: bool, around: Sequence[For]) -> list[Stmt]:
    flat = all(isinstance(stmt, (Set, Let, Accumulate)) for stmt in loop.body)
    if not flat or loop.kind != "map" or loop.step != 1 or loop.reverse:
        return [loop]
    most = _most(loop, around)
    if most is not None and most < LEAST:
        return [loop]
    products = _products(loop)
    if not products:
        return [loop]
    if len(products) == 1:
        stored = _stored(loop, products[0], threads)
        if stored is not None:
            return [stored]
    if most is not None and most <= MOST:
        return _block(loop, products, most, names, loop.start, loop.extent, loop.notes)
    outer, last = names.fresh(f"{loop.index}_from"), names.fresh(f"{loop.index}_to")
    names.release((outer, last))
    start, end = sizes.index(outer), sizes.index(last)
    until = exprs.size_value(sizes.minimum(start + BLOCK, loop.extent))
    body = [Let(last, until), *_block(loop, products, BLOCK, names, start, end, ())]
    names.release(stmt.buffer.name for stmt in body if isinstance(stmt, Local))
    return [For(outer, loop.extent, body, notes=loop.notes, start=loop.start, step=BLOCK)]


def _most(loop: For, around: Sequence[For]) -> int | None:
    """The most iterations of a loop, where that is known."""
    if isinstance(loop.extent, int) and isinstance(loop.start, int):
        return loop.extent - loop.start
    steps = (outer.step for outer in around if sizes.index(outer.index) == loop.start)
    return min((step for step in steps if step > 1), default=None)


class _Product:
    """A call of cg_dot, and that it is the one of a row and of a vector."""

    def __init__(self, call: Call, count: SizeLike, apart: SizeLike, row: Row, vector: Row) -> None:
        self.call = call
        self.count = count
        self.apart = apart
        self.row = row
        self.vector = vector

    def computed(
        self, loop: For, start: SizeLike, end: SizeLike, to: tuple[Buffer, Index]
    ) -> RowProducts:
        """The statement that computes it for iterations from `start` up to `end`."""
        row = (self.row.buffer, _moved(self.row.index, loop.index, start))
        vector = (self.vector.buffer, self.vector.index)
        return RowProducts(end - start, self.count, self.apart, row, vector, to)


def _products(loop: For) -> list[_Product]:
    """The products of a row that belongs to the iteration and a vector that does not."""
    inside = {stmt.name for stmt in loop.body if isinstance(stmt, Let)}
    changed = {store.buffer.base for store in loops.written(loop)}
    found: dict[Expr, _Product] = {}
    for call in loops.values(loop):
        if not isinstance(call, Call) or call.template not in _PRODUCTS:
            continue
        count, *rows = call.parts
        assert isinstance(count, SizeValue)
        if count.indices & {loop.index, *inside} or call.reads & changed:
            continue
        vectors = [row for row in rows if not row.indices & {loop.index, *inside}]
        moving = [row for row in rows if loop.index in row.indices and not row.indices & inside]
        if len(vectors) != 1 or len(moving) != 1:
            continue
        row, vector = moving[0], vectors[0]
        assert isinstance(row, Row) and isinstance(vector, Row)
        apart = _apart(row, loop.index)
        if apart is not None:
            found[call] = _Product(call, count.size, apart, row, vector)
    return list(found.values())


def _apart(row: Row, index: str) -> SizeLike | None:
    """The number of elements between the rows of two iterations, where it is always the same."""
    if row.parts or not row.buffer.shape:
        return None
    offset: SizeLike = 0
    for place, n in zip(row.index, row.buffer.shape, strict=True):
        offset = offset * n + place
    (after,) = _moved((offset,), index, sizes.index(index) + 1)
    apart = after - offset
    return None if index in exprs.index_names((apart,)) else apart


def _moved(index: Index, name: str, to: SizeLike) -> Index:
    """An index with another value of one loop index."""

    def replace(atom: sizes.Atom) -> SizeLike | None:
        return to if atom.kind == "index" and atom.args[0] == name else None

    return tuple(sizes.substitute(n, replace) for n in index)


def _stored(loop: For, product: _Product, threads: bool) -> Stmt | None:
    """The call that writes its products where they belong, if the loop does nothing but that."""
    stores = [stmt for stmt in loop.body if isinstance(stmt, Set) and stmt.buffer.shape]
    if len(stores) != 1 or stores[0].buffer.dtype != FLOAT64:
        return None
    (store,) = stores
    if threads and store.buffer.role != "local":
        return None
    rest = [stmt for stmt in loop.body if stmt is not store]
    value: Expr = store.value
    if rest:
        (made,) = rest if len(rest) == 1 else (None,)
        if not isinstance(made, Set) or value is not exprs.read(made.buffer, ()):
            return None
        value = made.value
    row = exprs.row(store.buffer, store.index)
    assert isinstance(row, Row)
    if value is not product.call or _apart(row, loop.index) != 1:
        return None
    to = (store.buffer, _moved(store.index, loop.index, loop.start))
    call = product.computed(loop, loop.start, loop.extent, to)
    call.note = ", ".join(loop.notes)
    return call


def _block(
    loop: For,
    products: Sequence[_Product],
    most: int,
    names: Names,
    start: SizeLike,
    end: SizeLike,
    notes: tuple[str, ...],
) -> list[Stmt]:
    """The iterations from `start` up to `end`, at most `most`, after the products of all."""
    out: list[Stmt] = [Note(notes)] if notes else []
    known: dict[Expr, Expr] = {}
    for product in products:
        array = names.buffer("products", FLOAT64, (most,), "local")
        out += [Local(array), product.computed(loop, start, end, (array, (0,)))]
        known[product.call] = exprs.read(array, (sizes.index(loop.index) - start,))
    body = [_with(stmt, known) for stmt in loop.body]
    out.append(For(loop.index, end, body, start=start))
    return out


def _with(stmt: Stmt, known: dict[Expr, Expr]) -> Stmt:
    assert isinstance(stmt, (Set, Let, Accumulate))
    value = exprs.rewrite(stmt.value, known.get)
    if isinstance(stmt, Let):
        return Let(stmt.name, value)
    if isinstance(stmt, Set):
        return Set(stmt.buffer, stmt.index, value)
    return Accumulate(stmt.op, stmt.buffer, stmt.index, value)
