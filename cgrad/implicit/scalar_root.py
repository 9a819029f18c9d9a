"""`root_scalar`: one equation for one number, by Newton's method, between two ends if given.

Responsible for: the loop between two ends.  Not responsible for: the one without (`newton`), the
derivative (`cgrad.implicit.equations`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import dtypes
from cgrad.core.graphs import substitute
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.errors import ShapeError
from cgrad.implicit.equations import Equations
from cgrad.implicit.newton import newton
from cgrad.implicit.unknowns import Limits, Unknowns, as_residual, only, parameter
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.constants import constant
from cgrad.ops.control import make_scan
from cgrad.tensor.math import isfinite, switch


def root_scalar(
    equation: Node,
    variable: Node,
    method: str = "newton",
    jac: bool = True,
    hess: bool = False,
    optimizer_kwargs: Any = None,
    *,
    bracket: Any = None,
    start: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: Any = 100,
) -> tuple[Node, Node]:
    """x with equation(x) = 0 for one number x; returns (solution, success).

    equation   a scalar that depends on the variable
    variable   a scalar of float64 or float32
    method     "newton": with the exact derivative; a step is halved until it lowers the residual
    jac, hess  accepted for PyTensor's sake: the first derivative is always used
    bracket    two ends, numbers or scalars, between which the equation changes its sign.  Then a
               step that would leave what is left between them, or is more than half of the last
               one, goes to the middle instead, so a root of a continuous function is found
    others     as for `root`; with a bracket the default of start is its middle

    `success` is a bool scalar, False too where the equation has the same sign at both ends.
    Derivatives are those of `root`, here a division; by the ends they are zero.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, a = ct.dscalars("x", "a")
    >>> y, success = ct.optimize.root_scalar(x * ct.exp(x) - a, x, bracket=(0.0, 10.0))
    >>> cgrad.function([a], [y, success, ct.grad(y, a)])(2.0)
    [array(0.8526055), array(True), array(0.23010984)]

    Raises ShapeError for what is no scalar; other errors as for `root`.
    """
    what = "root_scalar"
    advice = "the one method is 'newton'; with bracket= it finds a root as surely as bisection"
    only(method, ("newton",), f"{what}: method", advice)
    only(optimizer_kwargs, (None, {}), f"{what}: optimizer_kwargs",
         "use bracket, start, rtol, atol and max_steps")  # fmt: skip
    for node in (as_node(equation), as_node(variable)):
        if node.ndim:
            raise ShapeError(f"{what}: {node!r} is no scalar; use root for tensors")
    if bracket is None:
        return newton(equation, variable, start, rtol, atol, max_steps, what)
    if not isinstance(bracket, (list, tuple)) or len(bracket) != 2:
        raise ValueError(f"{what}: bracket={bracket!r:.60} found, expected a pair of ends")
    ends = [cast_to(as_node(end), variable.dtype) for end in bracket]
    middle = 0.5 * ends[0] + 0.5 * ends[1]
    unknowns = Unknowns(variable, middle if start is None else start, what)
    limits = Limits(unknowns.x, rtol, atol, max_steps, 0.6, what)
    own = Equations(as_residual(equation, unknowns, what), unknowns.x, what)
    found, success = _between(own, unknowns.start, ends, limits)
    return unknowns.answer(own.solution(found, success, what)), success


def _between(own: Equations, start: Node, ends: list[Node], limits: Limits) -> tuple[Node, Node]:
    """A root between two ends, and whether one was found.

    Newton's steps between ends that close in (W. H. Press et al., Numerical Recipes, 2007, 9.4).
    """
    outer = dict(zip(own.params, own.given, strict=True))

    def at(x: Node) -> Node:
        return substitute([own.residual], {**outer, own.x: x})[0]

    low, high = (at(end) for end in ends)
    changes = build("le", build("sign", low) * build("sign", high), 0.0)
    inside = (start - ends[0]) * (start - ends[1]) <= 0.0
    begin = switch(inside, start, 0.5 * ends[0] + 0.5 * ends[1])
    now, first, last, size = (parameter(begin, name) for name in ("x", "from", "to", "size"))
    done = make_input(TensorType(dtypes.BOOL, ()), "done")
    value = at(now)
    same = value * low > 0.0
    new_first, new_last = switch(same, now, first), switch(same, last, now)
    step = -own.slope.at({**outer, own.x: now}).solve(value)
    tried = now + step
    good = ((tried - new_first) * (tried - new_last) <= 0.0) & (abs(step) <= 0.5 * size)
    new = switch(good, tried, 0.5 * new_first + 0.5 * new_last)
    zero = build("eq", value, 0.0)
    new = switch(zero, now, new)
    close = (limits.reached(now, new - now) & changes) | zero
    results = make_scan(
        [], [begin, *ends, abs(ends[1] - ends[0]), constant(False)], [], [],
        [now, first, last, size, done], [],
        [new, new_first, new_last, abs(new - now), close], [],
        limits.steps, False, close | ~isfinite(value) | ~changes,
    )  # fmt: skip
    return results.final(0), results.final(4)
