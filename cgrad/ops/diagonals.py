"""A diagonal of matrices and its transpose, zeros but for a diagonal; triangles of matrices.

Diagonal k of an n by m matrix holds the elements (i, i + k).  Leading axes are kept.

Responsible for: the ops.  Not responsible for: which axes users name (`cgrad.tensor.products`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cgrad.core import exprs, sizes
from cgrad.core.exprs import Index
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import permute_axes
from cgrad.ops.kinds import Linear, Pull
from cgrad.ops.terms import Line, Term, whole


class OfMatrix(Linear):
    """What both ops share: the shape (n, m) of the matrix and the number k of the diagonal."""

    __slots__ = ("k", "matrix")
    takes_complex = True
    keeps_leading = True
    size_slots = ("matrix",)

    def __init__(self, matrix: tuple[SizeLike, SizeLike], k: int) -> None:
        self.matrix = matrix
        self.k = k

    @property
    def length(self) -> SizeLike:
        """The number of elements of the diagonal."""
        n, m = self.matrix
        return sizes.maximum(0, sizes.minimum(n + min(self.k, 0), m - max(self.k, 0)))


class Diagonal(OfMatrix):
    """(..., n, m) -> (..., length): the diagonal of each matrix."""

    __slots__ = ()
    dependence = "selected"
    name = "diagonal"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, (*x.dims[:-2], self.length))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        x = node.args[0]
        for axis, n in zip((x.ndim - 2, x.ndim - 1), self.matrix, strict=True):
            yield x.dims[axis], n, axis

    def reference(self, x: Any) -> Any:
        return np.diagonal(x, self.k, -2, -1)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(OnDiagonal(self.matrix, self.k), (ct,))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        i, j = term.rows[-2:]
        if i.axis is not None and i.axis == j.axis and i.step == j.step == 1:
            # all on one diagonal: this one, or another
            if j.start - i.start == self.k:
                start = i.start - max(-self.k, 0)
                return [term.at_rows([*term.rows[:-2], i._replace(start=start, whole=False)])]
            if isinstance(j.start - i.start, int):
                return []
        if i.axis == j.axis or not (i.whole and j.whole):
            first = len(term.rows) - 2
            for row, n in enumerate(self.matrix):
                term = build("untie", term, first + row, n)
            i, j = term.rows[-2:]
        pair = (i.axis, j.axis)
        kept = [axis for axis in range(term.value.ndim) if axis not in pair]
        assert i.axis is not None
        assert j.axis is not None
        moved = permute_axes(term.value, (*kept, i.axis, j.axis))
        value = Node(self, (moved,))
        last = len(kept)

        def along(line: Line) -> Line:
            if line.axis is None or line.axis not in pair:
                return line if line.axis is None else line._replace(axis=kept.index(line.axis))
            offset = max(-self.k, 0) if line.axis == pair[0] else max(self.k, 0)
            return Line(line.start + line.step * offset, line.step, last)

        term = term.mapped(value, along)
        return [term.at_rows([*term.rows[:-2], whole(last)])]

    def value_at(self, node: Node, index: Index) -> Pull:
        i = index[-1]
        return (yield node.args[0], (*index[:-1], i + max(-self.k, 0), i + max(self.k, 0)))


class OnDiagonal(OfMatrix):
    """(..., length) -> (..., n, m): zeros with the argument on the diagonal."""

    __slots__ = ()
    dependence = "selected"
    name = "on_diagonal"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, (*x.dims[:-1], *self.matrix))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        x = node.args[0]
        yield x.dims[-1], self.length, x.ndim - 1

    def reference(self, x: Any) -> Any:
        matrix: Any = self.matrix
        result = np.zeros((*x.shape[:-1], *matrix), x.dtype)
        i = np.arange(x.shape[-1])
        result[..., i + max(-self.k, 0), i + max(self.k, 0)] = x
        return result

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(Diagonal(self.matrix, self.k), (ct,))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        *batch, line = term.rows
        i, j = (
            Line(line.start + offset, line.step, line.axis, line.whole and self.length == n)
            for offset, n in zip((max(-self.k, 0), max(self.k, 0)), self.matrix, strict=True)
        )
        return [term.at_rows([*batch, i, j])]

    def value_at(self, node: Node, index: Index) -> Pull:
        *batch, i, j = index
        value = yield node.args[0], (*batch, i - max(-self.k, 0))
        zero = exprs.lit(np.zeros((), node.dtype).item(), node.dtype)
        return exprs.guard(exprs.compare("==", j, i + self.k), value, zero)


class Triangle(Linear):
    """Matrices with zeros above diagonal k where `lower`, else below it; its own transpose."""

    __slots__ = ("k", "lower")
    dependence = "selected"
    keeps_leading = True
    name = "triangle"
    takes_complex = True

    def __init__(self, k: int, lower: bool) -> None:
        self.k = k
        self.lower = lower

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def reference(self, x: Any) -> Any:
        return np.tril(x, self.k) if self.lower else np.triu(x, self.k)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(self, (ct,))

    def value_at(self, node: Node, index: Index) -> Pull:
        i, j = index[-2:]
        value = yield node.args[0], index
        pair = (j, i + self.k) if self.lower else (i + self.k, j)
        zero = exprs.lit(np.zeros((), node.dtype).item(), node.dtype)
        return exprs.select(exprs.compare("<=", *pair), value, zero)


def diagonal_of(x: Node, k: int, square: bool = False) -> Node:
    """Diagonal k of the matrices in the last two axes of x, which have to be `square` if told."""
    n, m = x.dims[-2:]
    if square:
        n = m = n if isinstance(n, int) else m
    return Node(Diagonal((n, m), k), (x,))


def on_diagonal(x: Node, k: int) -> Node:
    """Square matrices of zeros with the last axis of x on diagonal k."""
    n = x.dims[-1] + abs(k)
    return Node(OnDiagonal((n, n), k), (x,))
