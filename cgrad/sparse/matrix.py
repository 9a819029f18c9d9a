"""The sparse matrix as a symbolic value: what `jacobian(..., sparse=True)` returns.

Responsible for: the value, from the terms of a Jacobian.  Not responsible for: the terms
(`cgrad.gradient.structured`), or making arrays of it (`cgrad.sparse_results`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from cgrad.core import sizes
from cgrad.core.graphs import intern
from cgrad.core.node import Node, Shape, render_shape
from cgrad.ops.axes import broadcast_axes, reshape_to
from cgrad.ops.coerce import cast_to
from cgrad.ops.constants import constant
from cgrad.ops.windows import join
from cgrad.sparse.blocks import merged
from cgrad.sparse.pattern import Pattern
from cgrad.sparse.pieces import Piece, atom_node, atoms_of, lower_pieces
from cgrad.sparse.runs import compressed


class SparseMatrix:
    """A matrix of which only some elements are computed; an output of `cgrad.function`.

    A call returns a `scipy.sparse.csr_array` for it, with sorted indices and no duplicates; its
    `indices` and `indptr` are read-only and shared by all results of one size.  Without SciPy it
    returns the tuple (data, indices, indptr).  What is not stored is zero whatever the values;
    a stored element may happen to be zero.

    Attributes: `shape`, two sizes; `dtype`; `ndim`, which is 2.  There is no arithmetic of such
    matrices in the graph: use the arrays that the function returns, or `Rop`, `Lop` and
    `hessian_vector_product` for products with vectors.
    """

    __slots__ = ("atoms", "maps", "pattern", "shape", "values")
    ndim = 2
    # NumPy's operators leave the operation to this class
    __array_ufunc__ = None

    def __init__(
        self,
        values: Node,
        atoms: Sequence[Node],
        maps: Sequence[Node],
        pattern: Pattern,
        shape: Shape,
    ) -> None:
        # values in the order of the pattern; sizes and vectors that the pattern is a function of
        self.values = values
        self.maps = tuple(maps)
        self.atoms = tuple(atoms)
        self.pattern = pattern
        self.shape = shape

    @property
    def dtype(self) -> str:
        """The dtype of the elements."""
        return self.values.dtype

    def __repr__(self) -> str:
        return f"<sparse matrix, {self.dtype} {render_shape(self.shape)}>"

    def _no_arithmetic(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f"{self!r}: operations on sparse matrices in the graph are not built. Fix: compute "
            "with the array that the function returns, or use Rop, Lop or hessian_vector_product "
            "for the product of a derivative and a vector"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _no_arithmetic
    __matmul__ = __rmatmul__ = __truediv__ = __rtruediv__ = __neg__ = __pow__ = _no_arithmetic
    __getitem__ = __iter__ = __array__ = _no_arithmetic


def sparse_matrix(
    found: Iterable[Piece], rows: Shape, cols: Shape, dtype: str, lower: bool = False
) -> SparseMatrix:
    """The matrix of pieces; its rows and columns are those of tensors of the given shapes.

    lower   leave out what is above the diagonal
    """
    parts = list(found)
    clean = True
    if lower:
        parts, clean = lower_pieces(parts)
    shape = (sizes.product(rows), sizes.product(cols))
    sorted_ = compressed(parts, *shape) if clean else None
    if sorted_ is None:
        parts = merged(parts)
        sorted_ = compressed(parts, *shape) if clean else None
    if sorted_ is not None:
        values, parts = sorted_
    else:
        values = _one_after_the_other(parts, dtype)
    atoms = atoms_of(
        size
        for part in ((None, shape, shape, shape), *parts)
        for group in part[1:4]
        for size in _flat(group)
    )
    place = {atom: k for k, atom in enumerate(atoms)}
    maps, parts = _one_of_each(parts)
    pattern = Pattern(shape, parts, place, sorted_ is not None, lower and not clean, maps)
    return SparseMatrix(cast_to(values, dtype), list(map(atom_node, atoms)), maps, pattern, shape)


def _one_of_each(parts: Sequence[Piece]) -> tuple[list[Node], list[Piece]]:
    """The maps of the pieces, equal ones once, and the pieces with these."""
    found = [m for part in parts for m in (part.row_map, part.col_map) if m is not None]
    same = dict(zip(found, intern(found), strict=True))
    renamed = [
        part._replace(
            row_map=None if part.row_map is None else same[part.row_map],
            col_map=None if part.col_map is None else same[part.col_map],
        )
        for part in parts
    ]
    return list(dict.fromkeys(same.values())), renamed


def _flat(group: Any) -> Iterable[Any]:
    for item in group:
        if isinstance(item, tuple):
            yield from item
        else:
            yield item


def _one_after_the_other(parts: Sequence[Piece], dtype: str) -> Node:
    if not parts:
        return broadcast_axes(constant(np.zeros((), dtype)), (0,), ())
    return join(
        [
            reshape_to(part.value, (sizes.product(part.dims),))
            for part in parts
            if part.value is not None
        ],
        0,
    )
