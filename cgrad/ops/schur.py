"""The real Schur form.

Responsible for: the op.  Not responsible for: the algorithm (`runtime/cg_lapack.h`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cgrad.core.node import Node, TensorType
from cgrad.core.sizes import SizeLike
from cgrad.ops.linalg import Factor

Maybe = Node | None


class Schur(Factor):
    """(..., n, n) -> (..., n, 2 n): T and beside it Z, orthogonal, with A = Z T Z^T.

    T is upper triangular but for 2 x 2 blocks of pairs of complex eigenvalues.  nan where the
    algorithm does not converge.
    """

    __slots__ = ()
    name = "schur"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a,) = args
        return TensorType(a.dtype, (*a.dims[:-1], 2 * a.dims[-1]))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        x = node.args[0]
        yield x.dims[-1], x.dims[-2], x.ndim - 1

    def reference(self, a: Any) -> Any:
        raise NotImplementedError("schur: NumPy has none; compile the graph")

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        if tangents[0] is None:
            return None
        raise NotImplementedError("schur: its derivative is not built; use eigh or svd")

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        raise NotImplementedError("schur: its derivative is not built; use eigh or svd")

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], lambda rows: True)
        n = block.resolve(node.dims[-2])
        ld = block.target(place, node.ndim).strides[-2]
        lwork = 34 * n + 1
        shapes = [(n, n), (n, n), (2, n), (lwork,)]
        spare = [block.names.buffer("spare", node.dtype, shape) for shape in shapes]
        self.call(node, block, place, why, (n, *a.strides[-2:], ld, lwork), [a], spare)
