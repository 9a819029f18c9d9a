"""The exponential of matrices, as far as its derivatives are concerned.

Responsible for: the op.  Not responsible for: the value (`cgrad.tensor.linalg.functions`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.ops.linalg import Valued, turned
from cgrad.ops.spectral import part
from cgrad.ops.windows import join

Maybe = Node | None


class MatrixExponential(Valued):
    """exp A; arguments are the value and A.

    d exp A is the upper right block of exp [[A, dA], [0, A]]; the transpose of that map is the one
    for A^T (N. J. Higham, "Functions of Matrices", 2008, sections 3.1 and 10.6).
    """

    __slots__ = ()
    name = "matrix_exponential"

    def forward(self, node: Node, t: Node) -> Node:
        return _slope(node.args[1], t)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [None, _slope(turned(node.args[1]), ct)]


def _slope(a: Node, t: Node) -> Node:
    n = a.dims[-1]
    upper = join([a, t], a.ndim - 1)
    lower = join([build("zeros_like", a), a], a.ndim - 1)
    whole = build("expm", join([upper, lower], a.ndim - 2))
    return part(part(whole, -1, n, n), -2, 0, n)
