"""Solutions of Riccati's equations, as functions of the matrices in them.

With the feedback K and A_K = A - B K the tangent of the solution solves Lyapunov's equation

    dX = A_K^T dX A_K + M,    M = dQ + K^T dR K + (dA - dB K)^T X A_K + its transpose

for the discrete equation, and for the continuous one

    A_K^T dX + dX A_K + M = 0,    M = dQ + K^T dR K + (dA - dB K)^T X + its transpose.

What a change of K adds is zero, because K is optimal.  The rule uses the solution itself, so it
applies again.

Responsible for: the rules.  Not responsible for: finding the solution (`cgrad.tensor.linalg`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cgrad.core.exprs import Index
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.kinds import Opaque, Pull
from cgrad.ops.linalg import turned
from cgrad.ops.spectral import product_of

Maybe = Node | None


class Riccati(Opaque):
    """The first argument, the solution X; the others are A, B, Q and R."""

    __slots__ = ()
    moves = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        _, a, b, q, r = node.args
        n, m = a.dims[0], b.dims[1]
        yield a.dims[1], n, 1
        yield b.dims[0], n, 0
        for axis in (0, 1):
            yield q.dims[axis], n, axis
            yield r.dims[axis], m, axis

    def connects(self, position: int) -> bool:
        return position != 0

    def reference(self, value: Any, *args: Any) -> Any:
        return value

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)

    def feedback(self, node: Node) -> Node:
        """K."""
        raise NotImplementedError(f"{self.name}: feedback")

    def closed(self, node: Node, a: Node, moved: Node) -> Node:
        """The solution of Lyapunov's equation for A_K, where `moved` is M."""
        raise NotImplementedError(f"{self.name}: closed")

    def behind(self, x: Node, a: Node) -> Node:
        """What stands behind (dA - dB K)^T in M."""
        raise NotImplementedError(f"{self.name}: behind")

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        _, a, b, _, _ = node.args
        _, t_a, t_b, t_q, t_r = tangents
        if all(t is None for t in (t_a, t_b, t_q, t_r)):
            return None
        k = self.feedback(node)
        closed = build("sub", a, product_of(b, k))
        parts = [t_q] if t_q is not None else []
        if t_r is not None:
            parts.append(product_of(turned(k), t_r, k))
        flow = t_a
        if t_b is not None:
            fed = build("neg", product_of(t_b, k))
            flow = fed if flow is None else build("add", flow, fed)
        if flow is not None:
            half = product_of(turned(flow), self.behind(node, closed))
            parts += [half, turned(half)]
        moved = parts[0]
        for part in parts[1:]:
            moved = build("add", moved, part)
        # X is symmetric, whatever direction Q and R are moved in
        moved = build("mul", 0.5, build("add", moved, turned(moved)))
        return self.closed(node, closed, moved)


class DiscreteRiccati(Riccati):
    """A^T X A - X - A^T X B (R + B^T X B)^-1 B^T X A + Q = 0."""

    __slots__ = ()
    name = "discrete_riccati"

    def feedback(self, node: Node) -> Node:
        _, a, b, _, r = node.args
        weight = build("add", r, product_of(turned(b), node, b))
        found: Node = build("solve", weight, product_of(turned(b), node, a))
        return found

    def behind(self, x: Node, a: Node) -> Node:
        return product_of(x, a)

    def closed(self, node: Node, a: Node, moved: Node) -> Node:
        found: Node = build("solve_discrete_lyapunov", turned(a), moved)
        return found


class ContinuousRiccati(Riccati):
    """A^T X + X A - X B R^-1 B^T X + Q = 0."""

    __slots__ = ()
    name = "continuous_riccati"

    def feedback(self, node: Node) -> Node:
        _, _, b, _, r = node.args
        found: Node = build("solve", r, product_of(turned(b), node))
        return found

    def behind(self, x: Node, a: Node) -> Node:
        return x

    def closed(self, node: Node, a: Node, moved: Node) -> Node:
        found: Node = build("solve_continuous_lyapunov", turned(a), build("neg", moved))
        return found
