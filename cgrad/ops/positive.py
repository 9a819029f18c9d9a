"""What is computed with the Cholesky factor L of a positive definite A, as functions of A.

Reverse mode through the factorisation takes products of whole matrices for each of these, where
rules about A itself take one inverse or one pair of solves.  With A^-1 symmetric:

    sum(log(diag(L)))   d = tr(A^-1 dA) / 2
    x = A^-1 b          dx = A^-1 (db - dA x)
    |L^-1 b|^2 = b x    d = 2 x db - x dA x

As for `Cholesky`, derivatives are with respect to the lower triangle of A, which is all that is
read.  The rules are those of M. Giles (see `cgrad.ops.linalg`).

Responsible for: the ops.  Not responsible for: where they stand for what users write
(`cgrad.rewrites.factored`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.ops.axes import broadcast_axes, sum_axes
from cgrad.ops.diagonals import Triangle
from cgrad.ops.linalg import Cholesky, Factor, Maybe, Valued, solve_lower, turned


def _times(a: Node, b: Node) -> Node:
    product: Node = build("mul", a, b)
    return product


def _matmul(a: Node, b: Node) -> Node:
    product: Node = build("matmul", a, b)
    return product


def _lower(x: Node, k: int = 0) -> Node:
    return Node(Triangle(k, True), (x,))


def _mirrored(x: Node) -> Node:
    """The symmetric matrices with the lower triangle of x."""
    both: Node = build("add", _lower(x), turned(_lower(x, -1)))
    return both


def _folded(x: Node) -> Node:
    """The transpose of `_mirrored`: what lies above the diagonal added to what lies below it."""
    both: Node = build("add", _lower(x), _lower(turned(x), -1))
    return both


def _doubled(x: Node) -> Node:
    """The same for a symmetric x, of which the lower triangle is read."""
    both: Node = build("add", _lower(x), _lower(x, -1))
    return both


class PositiveInverse(Factor):
    """The lower triangle of A^-1, zeros above it, from A and its Cholesky factor."""

    __slots__ = ()
    name = "positive_inverse"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[1].dtype, args[1].dims)

    def connects(self, position: int) -> bool:
        return position == 0

    def reference(self, a: Any, factor: Any) -> Any:
        result = np.full(factor.shape, np.nan, factor.dtype)
        for index in np.ndindex(factor.shape[:-2]):
            half = np.linalg.inv(np.tril(factor[index]))
            result[index] = np.tril(half.T @ half)
        return result

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        t = tangents[0]
        if t is None:
            return None
        whole = _mirrored(node)
        negated: Node = build("neg", _lower(_matmul(_matmul(whole, _mirrored(t)), whole)))
        return negated

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        if not needed[0]:
            return [None, None]
        whole = _mirrored(node)
        of_a = _folded(_matmul(_matmul(whole, _lower(ct)), whole))
        return [build("neg", of_a), None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        factor = block.rows(node.args[1], lambda rows: rows.strides[-1] == 1)
        n = block.resolve(node.dims[-1])
        ld = block.target(place, node.ndim).strides[-2]
        self.call(node, block, place, why, (n, factor.strides[-2], ld), [factor])


class LogRoot(Valued):
    """sum(log(diag(L))), half of log det A, from its value, A and L."""

    __slots__ = ()
    name = "log_root_det"

    def _slope(self, node: Node) -> Node:
        _, a, factor = node.args
        return build("mul", _doubled(Node(PositiveInverse(), (a, factor))), 0.5)  # type: ignore[no-any-return]

    def forward(self, node: Node, t: Node) -> Node:
        return sum_axes(_times(self._slope(node), t), (t.ndim - 2, t.ndim - 1))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        if not needed[1]:
            return [None, None, None]
        slope = self._slope(node)
        scale = broadcast_axes(ct, slope.dims, tuple(range(ct.ndim)))
        return [None, _times(scale, slope), None]


class PositiveSolve(Valued):
    """X with A X = B, from its value, A, B and L: (..., n, k)."""

    __slots__ = ()
    name = "positive_solve"

    def connects(self, position: int) -> bool:
        return position in (1, 2)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        _, a, _, factor = node.args
        t_a, right = tangents[1:3]
        if t_a is not None:
            moved = _matmul(_mirrored(t_a), node)
            right = build("neg", moved) if right is None else build("sub", right, moved)
        return None if right is None else positive_solve(a, right, factor)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        _, a, _, factor = node.args
        back = positive_solve(a, ct, factor)
        of_a = build("neg", _folded(_matmul(back, turned(node)))) if needed[1] else None
        return [None, of_a, back if needed[2] else None, None]


class SquaredNorm(Valued):
    """The columns' |L^-1 B|^2, from their value, A, B and X = A^-1 B: (..., n, k) -> (..., k)."""

    __slots__ = ()
    name = "squared_norm"

    def connects(self, position: int) -> bool:
        return position in (1, 2)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        _, _, _, x = node.args
        t_a, t_b = tangents[1:3]
        weight = None if t_b is None else build("mul", t_b, 2.0)
        if t_a is not None:
            moved = _matmul(_mirrored(t_a), x)
            weight = build("neg", moved) if weight is None else build("sub", weight, moved)
        return None if weight is None else sum_axes(_times(weight, x), (x.ndim - 2,))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        _, _, _, x = node.args
        scaled = _times(x, broadcast_axes(ct, x.dims, (*range(x.ndim - 2), x.ndim - 1)))
        of_a = build("neg", _doubled(_matmul(scaled, turned(x)))) if needed[1] else None
        return [None, of_a, build("mul", scaled, 2.0) if needed[2] else None, None]


def positive_solve(a: Node, b: Node, factor: Node) -> Node:
    """A^-1 b for the Cholesky factor of A."""
    value = solve_lower(factor, solve_lower(factor, b), transposed=True)
    return Node(PositiveSolve(), (value, a, b, factor))


def log_root(value: Node, factor: Node) -> Node:
    """`value`, the sums of the logarithms on the diagonal of `factor`, as a function of A."""
    assert isinstance(factor.op, Cholesky)
    return Node(LogRoot(), (value, factor.args[0], factor))


def squared_norm(value: Node, z: Node) -> Node:
    """`value`, the sums of the squares in the columns of z = L^-1 b, as a function of A and b."""
    factor, b = z.args
    x = solve_lower(factor, z, transposed=True)
    a = factor.args[0]
    return Node(SquaredNorm(), (value, a, b, Node(PositiveSolve(), (x, a, b, factor))))
