"""Equations `residual(x, ...) = 0` of one unknown, and the derivative of what solves them.

By the implicit function theorem a solution x of F(x, p) = 0 moves by dx = -F_x^-1 F_p dp.  So its
derivatives take one linear system with the Jacobian at the solution, however it was found, and no
step of the search is stored or differentiated.  The rule is made of ordinary nodes in which the
solution stands for itself: derivatives of any order follow.

Responsible for: the equations in that form, their Jacobian as it is solved with, the rule.
Not responsible for: finding a solution (the other files of this package).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgrad.core import derive, dtypes, sizes
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node, make_input
from cgrad.core.registry import build
from cgrad.gradient.jacobian import jacobian
from cgrad.gradient.structured import forward_terms
from cgrad.ops.axes import expect_shape
from cgrad.ops.closing import close
from cgrad.ops.constants import constant
from cgrad.ops.custom import Custom, Rules
from cgrad.ops.result import Get
from cgrad.ops.terms import Unstructured
from cgrad.rewrites.before_derivatives import stable_forms
from cgrad.tensor.creation import eye
from cgrad.tensor.linalg.systems import solve

Maybe = Node | None


class Slope:
    """d residual / d x for one tensor x of at most one axis, as it is solved with.

    value   of the shape of x where each element of the residual depends on that element of x
            only; else the matrix (n, n)
    """

    __slots__ = ("apart", "value")

    def __init__(self, value: Node, apart: bool) -> None:
        self.value = value
        self.apart = apart

    def at(self, memo: dict[Node, Node]) -> Slope:
        """The same with nodes replaced."""
        return Slope(substitute([self.value], memo)[0], self.apart)

    def shifted(self, by: Node) -> Slope:
        """`by`, a scalar, added to the diagonal."""
        if self.apart:
            return Slope(self.value + by, True)
        n = build("shape", self.value)[0]
        return Slope(self.value + by * eye(n, dtype=self.value.dtype), False)

    def solve(self, b: Node, transposed: bool = False) -> Node:
        """y with slope y = b, or its transpose; infinities or nan where it is singular."""
        if self.apart:
            quotient: Node = b / self.value
            return quotient
        return solve(self.value, b, transposed=transposed, b_ndim=1)


def slope_of(residual: Node, x: Node) -> Slope:
    """The derivative of the residual, a tensor of the shape of x, in the form it has."""
    if x.ndim == 0:
        return Slope(jacobian(residual, x, disconnected_inputs="ignore"), True)
    try:
        terms = forward_terms(stable_forms([residual], [x])[0], x, ())
    except Unstructured:
        terms = []
    own: Maybe = None
    for term in terms:
        (row,), (col,) = term.rows, term.cols
        if not (row.whole and row == col):
            break
        own = derive.add(own, term.value)
    else:
        if own is not None:
            return Slope(own, True)
    return Slope(jacobian(residual, x, disconnected_inputs="ignore"), False)


class Equations:
    """`residual` = 0, an equation for `x`, a free variable of at most one axis.

    Whatever the residual depends on besides x is an argument of the solution.
    """

    __slots__ = ("given", "params", "residual", "slope", "sources", "x")

    def __init__(self, residual: Node, x: Node, what: str) -> None:
        residual = expect_shape(residual, x.dims, what, "as many equations as unknowns")
        (residual,), found = close([residual], [x])
        self.x = x
        self.given = [node for node, _ in found]
        self.params = [param for _, param in found]
        (self.residual,) = stable_forms([residual], [x, *self.params])
        self.slope = slope_of(residual, x)
        # nodes by whose sizes the graph is made: they are replaced along with the arguments
        inside = {x, *self.params}
        mentioned = {
            atom.args[0]: None
            for node in toposort([self.residual, self.slope.value])
            for size in (*node.dims, *node.op.sizes())
            for atom in sizes.atoms(size)
            if atom.kind in ("dim", "value")
        }
        self.sources = [node for node in mentioned if node not in inside and node not in self.given]

    def solution(self, found: Node, success: Node, name: str) -> Node:
        """`found`, with the derivatives of a solution; they are nan unless `success` holds."""
        args = (found, *self.given, *self.sources, success)
        node = Node(Custom(name, 1, Implicit(self)), args)
        return Node(Get(0), (node,))


class Implicit(Rules):
    """The rule of a solution: its arguments are those of the equations, and whether it is one."""

    __slots__ = ("equations",)

    def __init__(self, equations: Equations) -> None:
        super().__init__(None, None)
        self.equations = equations

    def _here(self, args: list[Node], results: list[Node]) -> dict[Node, Node]:
        """The symbols of the equations as they stand at the solution."""
        own = self.equations
        memo = dict(zip((*own.params, *own.sources), args, strict=False))
        memo[own.x] = results[0]
        return memo

    def pulled(
        self, args: list[Node], results: list[Node], cts: Sequence[Maybe], needed: Sequence[bool]
    ) -> list[Maybe]:
        own, memo = self.equations, self._here(args, results)
        none: list[Maybe] = [None] * len(args)
        (ct,) = cts
        if ct is None:
            return none
        weights = -own.slope.at(memo).solve(_known(args[-1], ct), transposed=True)
        seed = make_input(own.residual.type)
        wrt = [p for p, wanted in zip(own.params, needed, strict=False) if wanted]
        pulled = iter(derive.vjp([own.residual], wrt, [seed]))
        memo[seed] = weights
        for k, wanted in enumerate(needed[: len(own.params)]):
            part = next(pulled) if wanted else None
            none[k] = None if part is None else substitute([part], memo)[0]
        return none

    def pushed(
        self, args: list[Node], results: list[Node], tangents: Sequence[Maybe]
    ) -> list[Maybe]:
        own, memo = self.equations, self._here(args, results)
        moving = [
            (p, t)
            for p, t in zip(own.params, tangents, strict=False)
            if t is not None and dtypes.is_inexact(p.dtype)
        ]
        seeds = [make_input(p.type) for p, _ in moving]
        (pushed,) = derive.jvp([own.residual], [p for p, _ in moving], seeds)
        if pushed is None:
            return [None]
        memo.update(zip(seeds, (t for _, t in moving), strict=True))
        (moved,) = substitute([pushed], memo)
        return [-own.slope.at(memo).solve(_known(args[-1], moved))]


def _known(success: Node, value: Node) -> Node:
    """The value times one, or nan without a solution: linear, so derivatives are nan too."""
    one, nan = (constant(np.asarray(x, value.dtype)) for x in (1.0, np.nan))
    result: Node = value * build("switch", success, one, nan)
    return result
