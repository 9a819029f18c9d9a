"""The factors of P^T A = L U as functions of A, and the interchanges of rows between them.

Responsible for: the ops.  Not responsible for: elimination (`cgrad.ops.linalg.LU`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.diagonals import Triangle
from cgrad.ops.linalg import Factor, SolveTriangular, Valued, turned
from cgrad.ops.spectral import part

Maybe = Node | None


class Interchange(Factor):
    """The rows of B, interchanged: row i with row pivots[i], one after the other.

    (..., n, 1), (..., n, k) -> (..., n, k); the pivots are whole numbers in the dtype of B.
    `backwards` undoes it.  A pivot that is no row is the status CG_VALUE.
    """

    __slots__ = ("backwards",)
    name = "interchange"

    def __init__(self, backwards: bool) -> None:
        self.backwards = backwards

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[1].dtype, args[1].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        pivots, b = node.args
        for axis, (found, expected) in enumerate(zip(b.dims[:-1], pivots.dims[:-1], strict=True)):
            yield found, expected, axis

    def connects(self, position: int) -> bool:
        return position == 1

    def bad_value(self) -> tuple[str, str]:
        return (
            "a pivot is not the number of a row",
            "pass the pivots that lu_factor returns, which count from 0",
        )

    def reference(self, pivots: Any, b: Any) -> Any:
        result = b.copy()
        n = b.shape[-2]
        for index in np.ndindex(b.shape[:-2]):
            order = range(n - 1, -1, -1) if self.backwards else range(n)
            for i in order:
                other = int(pivots[index][i, 0])
                if not 0 <= other < n:
                    raise ValueError(self.bad_value()[0])
                result[index][[i, other]] = result[index][[other, i]]
        return result

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        return None if tangents[1] is None else Node(self, (node.args[0], tangents[1]))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [None, Node(Interchange(not self.backwards), (node.args[0], ct))]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        pivots, b = (block.rows(arg, lambda rows: True) for arg in node.args)
        n, k = (block.resolve(size) for size in node.dims[-2:])
        ldx = block.target(place, node.ndim).strides[-2]
        sizes = (n, k, int(self.backwards), pivots.strides[-2], *b.strides[-2:], ldx)
        tag = -1 if node.tag is None else node.tag
        self.call(node, block, place, why, sizes, [pivots, b], checked=tag)


class LowerUpper(Valued):
    """L below the diagonal, its ones left out, and U on and above it, of P^T A = L U.

    Arguments are the value, A and the pivots.  dL = L tril(M, -1) and dU = triu(M) U with
    M = L^-1 P^T dA U^-1 (S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear
    algebra functions with application in optimum experimental design", 2010).
    """

    __slots__ = ()
    name = "lower_upper"

    def forward(self, node: Node, t: Node) -> Node:
        pivots = node.args[2]
        left = Node(SolveTriangular(True, False, True), (node, swap_rows(pivots, t)))
        middle = turned(Node(SolveTriangular(False, True, False), (node, turned(left))))
        below, above = Node(Triangle(-1, True), (middle,)), Node(Triangle(0, False), (middle,))
        lower, upper = unit_lower(node), Node(Triangle(0, False), (node,))
        moved: Node = build("add", build("matmul", lower, below), build("matmul", above, upper))
        return moved


def swap_rows(pivots: Node, b: Node, backwards: bool = False) -> Node:
    """P^T b, or P b: the rows interchanged as `pivots`, (..., n, 1), say."""
    return Node(Interchange(backwards), (pivots, b))


def pivots_of(factors: Node) -> Node:
    """The interchanges that `LU` notes, (..., n, 1)."""
    return part(factors, -1, factors.dims[-2], 1)


def unit_lower(x: Node) -> Node:
    """The part below the diagonal, and ones on it."""
    ones: Node = build("ones_like", x)
    diagonal = Node(Triangle(0, False), (Node(Triangle(0, True), (ones,)),))
    lower: Node = build("add", Node(Triangle(-1, True), (x,)), diagonal)
    return lower
