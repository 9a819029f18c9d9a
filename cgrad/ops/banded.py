"""Systems with a banded matrix, which is given by its diagonals as rows, as LAPACK and SciPy do.

Element (i, j) of the matrix is row u + i - j, column j; what lies outside of it is not read.

Responsible for: the op and products with such matrices.
Not responsible for: the algorithm (`runtime/cg_banded.h`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes, sum_axes
from cgrad.ops.linalg import Factor
from cgrad.ops.lines import placed
from cgrad.ops.solved import solved_terms
from cgrad.ops.spectral import line, part
from cgrad.ops.windows import join

Maybe = Node | None


class SolveBanded(Factor):
    """X with A X = B for a matrix with `below` diagonals below the main one and `above` above it.

    (..., below + above + 1, n), (..., n, k) -> (..., n, k).  By elimination with interchanges; nan
    where a pivot is 0.
    """

    __slots__ = ("above", "below")
    name = "solve_banded"

    def __init__(self, below: int, above: int) -> None:
        self.below = below
        self.above = above

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[1].dtype, args[1].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        ab, b = node.args
        yield ab.dims[-2], self.below + self.above + 1, ab.ndim - 2
        yield b.dims[-2], ab.dims[-1], b.ndim - 2
        for axis, (found, expected) in enumerate(zip(b.dims[:-2], ab.dims[:-2], strict=True)):
            yield found, expected, axis

    def reference(self, ab: Any, b: Any) -> Any:
        n = b.shape[-2]
        result = np.full(b.shape, np.nan, b.dtype)
        for index in np.ndindex(b.shape[:-2]):
            a = np.zeros((n, n), b.dtype)
            for r in range(self.below + self.above + 1):
                for j in range(n):
                    i = j + r - self.above
                    if 0 <= i < n:
                        a[i, j] = ab[index][r, j]
            try:
                result[index] = np.linalg.solve(a, b[index])
            except np.linalg.LinAlgError:
                continue  # singular: filled with nan
        return result

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        ab, _ = node.args
        moved, right = tangents
        if moved is not None:
            product = self.times(moved, node)
            right = build("neg", product) if right is None else build("sub", right, product)
        return None if right is None else Node(self, (ab, right))

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return solved_terms(node, terms)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        ab, _ = node.args
        back = Node(SolveBanded(self.above, self.below), (self.turned(ab), ct))
        if not needed[0]:
            return [None, back]
        rows = [
            _as_row(sum_axes(build("mul", _moved(back, back.ndim - 2, -k), node), (node.ndim - 1,)))
            for k in self.offsets()
        ]
        return [build("neg", join(rows, ab.ndim - 2)), back]

    def offsets(self) -> range:
        """j - i of each row."""
        return range(self.above, -self.below - 1, -1)

    def times(self, ab: Node, x: Node) -> Node:
        """A x for columns x."""
        total: Maybe = None
        for r, k in enumerate(self.offsets()):
            row = line(ab, -2, r)
            scaled = build("mul", broadcast_axes(row, x.dims, tuple(range(row.ndim))), x)
            moved = _moved(scaled, x.ndim - 2, k)
            total = moved if total is None else build("add", total, moved)
        assert total is not None
        return total

    def turned(self, ab: Node) -> Node:
        """The diagonals of the transpose."""
        rows = [_as_row(_moved(line(ab, -2, r), ab.ndim - 2, k))
                for r, k in enumerate(self.offsets())]  # fmt: skip
        return join(rows[::-1], ab.ndim - 2)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        ab, b = (block.rows(arg, lambda rows: True) for arg in node.args)
        n, k = (block.resolve(size) for size in node.dims[-2:])
        ldx = block.target(place, node.ndim).strides[-2]
        ldf = 2 * self.below + self.above + 1
        shapes = [(node.dtype, (n, ldf)), (node.dtype, (k, n)), (dtypes.INT64, (n,))]
        spare = [block.names.buffer("spare", dtype, shape) for dtype, shape in shapes]
        steps = (*ab.strides[-2:], *b.strides[-2:], ldx)
        self.call(node, block, place, why, (n, k, self.below, self.above, *steps), [ab, b], spare)


def _moved(x: Node, axis: int, by: int) -> Node:
    """y[i] = x[i + by] along an axis, 0 where there is none."""
    if by == 0:
        return x
    n = x.dims[axis]
    kept = sizes.maximum(0, n - abs(by))
    inner = part(x, axis - x.ndim, sizes.minimum(n, max(by, 0)), kept)
    return placed(inner, axis, sizes.minimum(n, max(-by, 0)), n)


def _as_row(x: Node) -> Node:
    """(..., n) -> (..., 1, n)"""
    return broadcast_axes(x, (*x.dims[:-1], 1, x.dims[-1]), (*range(x.ndim - 1), x.ndim))
