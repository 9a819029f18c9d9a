"""`fixed_point`: x = g(x), found by repeating g.

Responsible for: the loop.  Not responsible for: the derivative (`cgrad.implicit.equations`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import dtypes
from cgrad.core.graphs import substitute
from cgrad.core.node import Node, TensorType, make_input
from cgrad.implicit.equations import Equations
from cgrad.implicit.unknowns import Limits, Unknowns, as_residual, parameter
from cgrad.ops.constants import constant
from cgrad.ops.control import make_scan
from cgrad.tensor.math import all as every
from cgrad.tensor.math import isfinite


def fixed_point(
    update: Any,
    x: Any,
    *,
    start: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: Any = 1000,
) -> tuple[Any, Node]:
    """x with x = update(x), by repeating the update; returns (solution, success).

    update     an expression that depends on x, or a list with one for each x; of its shape, dtype
    x          a tensor of float64 or float32, or a list of them: of any shapes, of one dtype
    start      what to begin with, of the shape of x; by default the value of x itself
    rtol,
    atol       a step is the last one when no element changes by more than atol + rtol |x|; both
               are eps^(3/4) by default: 2e-12 in float64, 6e-6 in float32
    max_steps  after so many steps the search ends, an int or an int64 scalar

    `success` is a bool scalar.  Without it the solution is the last value, which may be nan, and
    its derivatives are nan.  Where the update shrinks distances by q in a step, the solution is off
    by q / (1 - q) times the last change.

    Derivatives, of both modes and any order, are those of the solution by the implicit function
    theorem: one linear system with 1 - d update / dx, whose matrix is (n, n) for n elements of x
    unless each element depends on itself only, when it is a division.  Nothing of the loop is
    stored.  The derivative by the start is zero.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, a = ct.dscalars("x", "a")
    >>> y, success = ct.optimize.fixed_point(ct.cos(a * x), x, start=1.0)
    >>> cgrad.function([a], [y, success, ct.grad(y, a)])(1.0)
    [array(0.73908513), array(True), array(-0.29747434)]

    Raises DTypeError or ShapeError for an update of another dtype or shape than x,
    DisconnectedInputError for one that does not depend on x.
    """
    what = "fixed_point"
    unknowns = Unknowns(x, start, what)
    limits = Limits(unknowns.x, rtol, atol, max_steps, 0.75, what)
    image = as_residual(update, unknowns, what)
    equations = Equations(image - unknowns.x, unknowns.x, what)
    now = parameter(unknowns.start, "x")
    done = make_input(TensorType(dtypes.BOOL, ()), "done")
    (new,) = substitute([image], {unknowns.x: now})
    close = every(limits.reached(new, new - now))
    results = make_scan(
        [], [unknowns.start, constant(False)], [], [], [now, done], [], [new, close], [],
        limits.steps, False, close | ~every(isfinite(new)),
    )  # fmt: skip
    success = results.final(1)
    return unknowns.answer(equations.solution(results.final(0), success, what)), success
