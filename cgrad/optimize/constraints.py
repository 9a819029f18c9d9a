"""Expressions that an optimiser keeps between bounds.

Responsible for: `scipy.optimize.NonlinearConstraint` with derivatives.  Not responsible for: the
cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cgrad.core.node import Node
from cgrad.gradient.reverse import grad
from cgrad.optimize.kernel import Kernel, Lazy
from cgrad.optimize.matrices import Matrix, floats, owned
from cgrad.optimize.variables import Array, Variables, alike, scipy, spread
from cgrad.tensor.math import sum as sum_of


class Constraint:
    """lower <= expression <= upper, for each element of an expression of any shape.

    lower, upper  numbers or arrays that stretch to the shape of the expression; infinite, or left
                  out, for none; equal for an equation
    """

    def __init__(self, expression: Node, lower: Any = -np.inf, upper: Any = np.inf) -> None:
        if not isinstance(expression, Node):
            raise TypeError(f"Constraint: expected a symbolic tensor, found {expression!r:.60}")
        floats([expression], "Constraint")
        self.expression = expression
        self.lower = lower
        self.upper = upper


def with_derivatives(
    constraint: Constraint,
    variables: Variables,
    args: Mapping[Node, Array],
    sparse: bool,
    order: int,
) -> Any:
    """`NonlinearConstraint` of the flat vector.

    sparse       Jacobian and Hessian are sparse
    order        of the derivatives that a method takes: 0, 1 or 2; with 1 and 2 value and Jacobian
                 come from one call
    """
    prepared = _Prepared(constraint, variables, args, sparse, order > 0)
    start = variables.start
    assert start is not None
    shape = prepared.values(start)[0].shape
    lower, upper = (
        spread(side, shape, f"Constraint: a bound of {constraint.expression!r}")
        for side in (constraint.lower, constraint.upper)
    )
    more: dict[str, Any] = {}
    if order > 0:
        more["jac"] = prepared.jac
    if order > 1:
        more["hess"] = prepared.hess
    make = scipy("optimize", "Constraint").NonlinearConstraint
    return make(prepared.fun, lower, upper, **more)


class _Prepared:
    """The functions of one constraint."""

    def __init__(
        self,
        constraint: Constraint,
        variables: Variables,
        args: Mapping[Node, Array],
        sparse: bool,
        derivatives: bool,
    ) -> None:
        expression, nodes = constraint.expression, variables.nodes
        outputs: list[Any] = [expression]
        if derivatives:
            self._jacobian = Matrix([expression], nodes, sparse, "Constraint")
            outputs += self._jacobian.outputs
        self.values = Kernel(variables, args, outputs, "constraint")

        def curved() -> Kernel:
            v = alike(expression, "v")
            slopes = grad(
                sum_of(v * expression), nodes, disconnected_inputs="ignore",
                return_disconnected="zero", add_names=False,
            )  # fmt: skip
            self._hessian = Matrix(slopes, nodes, sparse, "Constraint")
            return Kernel(variables, args, self._hessian.outputs, "constraint_hessian", [v])

        self._curved = Lazy(curved)

    def fun(self, x: Any) -> Array:
        return owned(self.values(x)[0]).ravel()

    def jac(self, x: Any) -> Any:
        return self._jacobian.array(self.values(x)[1:])

    def hess(self, x: Any, v: Any) -> Any:
        """The Hessian of the sum of v times the elements."""
        value = self.values(x)[0]
        found = self._curved(x, np.asarray(v, value.dtype).reshape(value.shape))
        return self._hessian.array(found)
