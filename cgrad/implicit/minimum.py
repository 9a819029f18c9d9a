"""`minimize`: a smallest value of f(x) by Newton's method.

Responsible for: the loop.  Not responsible for: the derivative (`cgrad.implicit.equations`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.graphs import substitute
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.errors import DisconnectedInputError, DTypeError, ShapeError
from cgrad.gradient.reverse import grad, scalar_cost
from cgrad.implicit.equations import Equations, Slope
from cgrad.implicit.unknowns import Limits, Unknowns, only, parameter
from cgrad.ops.coerce import as_node
from cgrad.ops.constants import constant
from cgrad.ops.control import make_scan
from cgrad.tensor.math import all as every
from cgrad.tensor.math import isfinite, maximum, switch
from cgrad.tensor.math import max as largest
from cgrad.tensor.math import sum as total

# how often what is added to the Hessian may grow, by what, and its first share of the Hessian
GROWTHS, GROWTH, FIRST = 60, 4.0, 1e-3
# the least share of the predicted change of the objective (Armijo)
SHARE = 1e-4


def minimize(
    objective: Node,
    x: Any,
    method: str = "newton",
    jac: bool = True,
    hess: bool = True,
    use_vectorized_jac: bool = False,
    optimizer_kwargs: Any = None,
    *,
    start: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: Any = 200,
) -> tuple[Any, Node]:
    """x where a scalar is smallest near the start, by Newton's method; returns (solution, success).

    objective  a scalar that depends on x
    x          a tensor of float64 or float32, or a list of them: of any shapes, of one dtype
    method     "newton": steps with the exact Hessian, to the diagonal of which so much is added
               that the objective falls (Levenberg and Marquardt)
    jac, hess,
    use_vectorized_jac  accepted for PyTensor's sake: both derivatives are always used
    start      what to begin with, of the shape of x; by default the value of x itself
    rtol,
    atol       the last step is a plain Newton step, downhill, that changes no element by more than
               atol + rtol |x|; both are eps^0.6 by default, 4e-10 in float64
    max_steps  after so many steps the search ends, an int or an int64 scalar

    `success` is a bool scalar.  Without it the solution is the last value and its derivatives are
    nan.  A start where the gradient vanishes is returned as it is, be it a minimum or not.

    A step solves a dense system (n, n), but where each element of the gradient depends on one
    element of x only.  Derivatives, of both modes and any order, are those of the point where the
    gradient vanishes, by the implicit function theorem.  The derivative by the start is zero.
    `cgrad.optimize.minimize` is SciPy's, for what is called from Python.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, a = ct.dvector("x"), ct.dscalar("a")
    >>> f = (a - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2
    >>> y, success = ct.optimize.minimize(f, x, start=[-1.2, 1.0])
    >>> cgrad.function([a], [y, success, ct.jacobian(y, a)])(2.0)
    [array([2., 4.]), array(True), array([1., 4.])]

    Raises CostError for an objective that is no scalar, DTypeError for one of another dtype than x,
    DisconnectedInputError for one that does not depend on x; NotImplementedError for another method
    and for optimizer_kwargs.
    """
    what = "minimize"
    only(method, ("newton",), f"{what}: method", "the one method is 'newton'")
    only(optimizer_kwargs, (None, {}), f"{what}: optimizer_kwargs",
         "use rtol, atol and max_steps")  # fmt: skip
    return _smallest(objective, x, start, rtol, atol, max_steps, what)


def minimize_scalar(
    objective: Node,
    x: Node,
    method: str = "newton",
    optimizer_kwargs: Any = None,
    *,
    start: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: Any = 200,
) -> tuple[Node, Node]:
    """`minimize` for a scalar x; returns (solution, success).  Raises ShapeError for another x."""
    what = "minimize_scalar"
    only(method, ("newton",), f"{what}: method", "the one method is 'newton'")
    only(optimizer_kwargs, (None, {}), f"{what}: optimizer_kwargs",
         "use start, rtol, atol and max_steps")  # fmt: skip
    if as_node(x).ndim:
        raise ShapeError(f"{what}: {x!r} is no scalar; use minimize for tensors")
    return _smallest(objective, x, start, rtol, atol, max_steps, what)


def _smallest(
    objective: Node, x: Any, start: Any, rtol: Any, atol: Any, max_steps: Any, what: str
) -> tuple[Any, Node]:
    if not isinstance(objective, Node):
        raise TypeError(f"{what}: the objective is {type(objective).__name__}, expected a tensor")
    scalar_cost(objective, f"{what}: the objective", "a weighted sum of what is to be small")
    unknowns = Unknowns(x, start, what)
    if objective.dtype != unknowns.x.dtype:
        raise DTypeError(
            f"{what}: the objective is {objective.dtype}, the unknowns are {unknowns.x.dtype}; "
            "expected one dtype"
        )
    limits = Limits(unknowns.x, rtol, atol, max_steps, 0.6, what)
    (cost,) = unknowns.over([objective])
    try:
        gradient = grad(cost, unknowns.x, add_names=False)
    except DisconnectedInputError as error:
        raise DisconnectedInputError(f"{what}: {error}") from None
    own = Equations(gradient, unknowns.x, what)
    found, success = _search(cost, own, unknowns, limits)
    return unknowns.answer(own.solution(found, success, what)), success


def _search(cost: Node, own: Equations, unknowns: Unknowns, limits: Limits) -> tuple[Node, Node]:
    """Where the search ends, and whether that is a minimum."""
    outer = dict(zip(own.params, own.given, strict=True))

    def at(x: Node) -> tuple[Node, Node]:
        value, slope = substitute([cost, own.residual], {**outer, own.x: x})
        return value, slope

    now = parameter(unknowns.start, "x")
    added = parameter(constant(np.zeros((), now.dtype)), "added")
    done = make_input(TensorType(dtypes.BOOL, ()), "done")
    _, slope = at(now)
    hessian = own.slope.at({**outer, own.x: now})
    flat = build("eq", slope, 0.0)
    step = switch(flat, 0.0, -hessian.solve(slope))
    # where the gradient vanishes nothing is known of what the Hessian would do to it
    close = every(limits.reached(now, step)) & (total(step * slope) <= 0.0)
    chosen = _added(now, added, hessian, step, close, at)
    tried = switch(build("eq", chosen, 0.0), step, -hessian.shifted(chosen).solve(slope))
    new = now + tried
    # less next time: nothing at all when that is little beside the Hessian
    less = chosen / GROWTH**2
    less = switch(less < FIRST * _scale(hessian), 0.0, less)
    results = make_scan(
        [], [unknowns.start, constant(np.zeros((), now.dtype)), constant(False)], [], [],
        [now, added, done], [], [new, less, close], [],
        limits.steps, False, close | ~every(isfinite(new)),
    )  # fmt: skip
    return results.final(0), results.final(2)


def _scale(hessian: Slope) -> Node:
    size = abs(hessian.value)
    return maximum(size if not size.ndim else largest(size), np.finfo(size.dtype).tiny)


def _added(now: Node, first: Node, hessian: Slope, plain: Node, close: Node, at: Any) -> Node:
    """What to add to the diagonal of the Hessian: the first of `first`, ... that brings f down."""
    value, slope = at(now)
    near = np.finfo(now.dtype).eps ** 0.25
    added = parameter(first, "added")
    step = switch(build("eq", added, 0.0), plain, -hessian.shifted(added).solve(slope))
    new_value, new_slope = at(now + step)
    down = total(step * slope)
    falls = (down < 0.0) & (new_value <= value + SHARE * down)
    # where rounding hides that the objective falls, the gradient still shows it
    small = every(abs(step) <= near * (1.0 + abs(now)))
    shrinks = small & (down < 0.0) & (_size(new_slope) <= 0.5 * _size(slope))
    enough = close | falls | shrinks
    more = maximum(GROWTH * added, FIRST * _scale(hessian))
    results = make_scan(
        [], [first], [], [], [added], [], [switch(enough, added, more)], [],
        GROWTHS, False, enough,
    )  # fmt: skip
    return results.final(0)


def _size(x: Node) -> Node:
    return largest(abs(x)) if x.ndim else abs(x)
