"""`root`: F(x) = 0 by Newton's method.

Responsible for: the loop.  Not responsible for: the derivative (`cgrad.implicit.equations`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.graphs import substitute
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.implicit.equations import Equations
from cgrad.implicit.unknowns import Limits, Unknowns, as_residual, only, parameter
from cgrad.ops.constants import constant
from cgrad.ops.control import make_scan
from cgrad.tensor.math import all as every
from cgrad.tensor.math import any as some
from cgrad.tensor.math import isfinite, switch
from cgrad.tensor.math import max as largest

# a step is halved at most so many times, and has to lower the residual by this share of it
HALVINGS = 30
SHARE = 1e-4


def root(
    equations: Any,
    variables: Any,
    method: str = "newton",
    jac: bool = True,
    use_vectorized_jac: bool = False,
    optimizer_kwargs: Any = None,
    *,
    start: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: Any = 100,
) -> tuple[Any, Node]:
    """x with equations(x) = 0, by Newton's method; returns (solution, success).

    equations  an expression that depends on the variables, or a list: as many elements in all
    variables  a tensor of float64 or float32, or a list of them: of any shapes, of one dtype
    method     "newton": with the exact Jacobian; a step is halved until it lowers the residual
    jac,
    use_vectorized_jac  accepted for PyTensor's sake: the Jacobian is always used
    start      what to begin with, of the shape of the variables; by default their own value
    rtol,
    atol       the last step changes no element by more than atol + rtol |x|; both are eps^0.6 by
               default, 4e-10 in float64: as the method converges quadratically the error that is
               left is of the order of the square of that
    max_steps  after so many steps the search ends, an int or an int64 scalar

    `success` is a bool scalar.  Without it the solution is the last value, which may be nan (where
    the Jacobian is singular, for one), and its derivatives are nan.

    Where each equation depends on one element of a single variable only, these are so many scalar
    equations, solved side by side.  Otherwise a step solves a dense system (n, n).  So do
    derivatives, of both modes and any order: those of the solution by the implicit function
    theorem.  Nothing of the loop is stored.  The derivative by the start is zero.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, a = ct.dvector("x"), ct.dscalar("a")
    >>> equations = ct.stack([x[0] ** 2 + x[1] ** 2 - a, x[0] - x[1]])
    >>> y, success = ct.optimize.root(equations, x, start=[1.0, 0.5])
    >>> cgrad.function([a], [y, success, ct.jacobian(y, a)])(8.0)
    [array([2., 2.]), array(True), array([0.125, 0.125])]

    Raises DTypeError or ShapeError for equations of another dtype or number than the variables,
    DisconnectedInputError for those that do not depend on them; NotImplementedError for another
    method and for optimizer_kwargs.
    """
    only(method, ("newton",), "root: method", "the one method is 'newton'")
    only(optimizer_kwargs, (None, {}), "root: optimizer_kwargs", "use rtol, atol and max_steps")
    return newton(equations, variables, start, rtol, atol, max_steps, "root")


def newton(
    equations: Any, variables: Any, start: Any, rtol: Any, atol: Any, max_steps: Any, what: str
) -> tuple[Any, Node]:
    """`root`, under the name of what the user called."""
    unknowns = Unknowns(variables, start, what)
    limits = Limits(unknowns.x, rtol, atol, max_steps, 0.6, what)
    own = Equations(as_residual(equations, unknowns, what), unknowns.x, what)
    outer = dict(zip(own.params, own.given, strict=True))
    now = parameter(unknowns.start, "x")
    done = make_input(TensorType(dtypes.BOOL, ()), "done")

    def at(x: Node) -> Node:
        return substitute([own.residual], {**outer, own.x: x})[0]

    def merit(value: Node) -> Node:
        return abs(value) if own.slope.apart else largest(abs(value))

    value = at(now)
    step = -own.slope.at({**outer, own.x: now}).solve(value)
    # a residual of zero is a solution, whatever the Jacobian is there
    step = switch(build("eq", value, 0.0), 0.0, step) if own.slope.apart else step
    near = limits.reached(now, step)
    close = every(near)
    free = near if own.slope.apart else close
    share = _share(now, step, merit(value), free, lambda x: merit(at(x)))
    new = now + share * step
    results = make_scan(
        [], [unknowns.start, constant(False)], [], [], [now, done], [], [new, close], [],
        limits.steps, False, close | ~every(isfinite(new)),
    )  # fmt: skip
    success = results.final(1)
    return unknowns.answer(own.solution(results.final(0), success, what)), success


def _share(now: Node, step: Node, before: Node, free: Node, merit: Any) -> Node:
    """How much of the step to take: 1, 1/2, 1/4, ..., the first that lowers the residual.

    Of a dense system a scalar; of equations that are apart one for each.  All of it where `free`.
    """
    one = build("ones_like", before)
    share = parameter(one, "share")
    enough = free | (merit(now + share * step) <= (1.0 - SHARE * share) * before)
    half = constant(np.asarray(0.5, share.dtype))
    results = make_scan(
        [], [one], [], [], [share], [], [switch(enough, share, half * share)], [],
        HALVINGS, False, ~some(~enough),
    )  # fmt: skip
    return results.final(0)
