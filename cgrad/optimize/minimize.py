"""`scipy.optimize.minimize` of a symbolic cost.

Responsible for: which derivatives a method is given.  Not responsible for: computing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgrad.core.node import Node
from cgrad.optimize.constraints import Constraint, with_derivatives
from cgrad.optimize.problem import Problem
from cgrad.optimize.variables import scipy

# methods of SciPy by what they use; all others use the gradient alone
_VALUE = ("nelder-mead", "powell", "cobyla", "cobyqa")
_HESSIAN = ("dogleg", "trust-exact")
_PRODUCT = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")


def minimize(
    cost: Node,
    wrt: Any,
    x0: Any,
    args: Mapping[Node, Any] | None = None,
    *,
    method: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    sparse: bool = False,
    **options: Any,
) -> Any:
    """Find values of symbols at which a scalar is least, by `scipy.optimize.minimize`.

    cost         a scalar expression
    wrt          a symbol, or a list of them, of any shapes
    x0           where to start: an array, or a list of arrays, in the shapes of wrt
    args         a dict from the other symbols that cost and constraints depend on to their values
    method       as for SciPy.  Gradients are given to methods that use them; Hessians to "dogleg"
                 and "trust-exact"; products of the Hessian and vectors to "Newton-CG",
                 "trust-ncg", "trust-krylov" and "trust-constr"
    bounds       a dict from symbols of wrt to (lower, upper), numbers or arrays that stretch to
                 the shape, None for no bound; or what SciPy takes, for the flat vector
    constraints  a `Constraint` or a list of them; SciPy's own are for the flat vector.  Those of
                 "trust-constr" have Hessians as well
    sparse       "trust-constr" only: the Hessians, and the Jacobians of constraints, are sparse
                 matrices, as of `cgrad.jacobian(..., sparse=True)`
    options      `tol`, `callback`, `options` of SciPy; the callback gets the flat vector

    Returns SciPy's `OptimizeResult`, whose `x` has the shapes of wrt (an array or a list); `jac`
    and what else there is belong to the flat vector, `problem` is the `Problem`.

    Needs SciPy (ImportError).  ValueError for sparse=True with another method, TypeError for
    derivatives among the options.
    """
    optimize = scipy("optimize", "minimize")
    refuse_derivatives("minimize", options)
    kind = method.lower() if isinstance(method, str) else ""
    if sparse and kind != "trust-constr":
        raise ValueError(
            f'minimize: sparse=True is for method="trust-constr" only, found {method!r}'
        )
    given = list(constraints) if isinstance(constraints, (list, tuple)) else [constraints]
    # what the cost does not depend on, constraints may
    apart = "ignore" if given else "raise"
    problem = Problem(cost, wrt, x0, args, sparse=sparse, disconnected_inputs=apart)
    variables = problem._variables
    order = 0 if kind in _VALUE else 2 if kind == "trust-constr" else 1
    given = [
        with_derivatives(one, variables, problem._args, sparse, order)
        if isinstance(one, Constraint)
        else one
        for one in given
    ]
    if kind in _VALUE:
        functions: dict[str, Any] = {"fun": problem.value}
    else:
        functions = {"fun": problem.fun, "jac": problem.jac}
    if kind in _HESSIAN or sparse:
        functions["hess"] = problem.hess
    elif kind in _PRODUCT:
        functions["hessp"] = problem.hessp
    result = optimize.minimize(
        x0=problem.x0,
        method=method,
        bounds=variables.bounds(bounds, "minimize"),
        constraints=given,
        **functions,
        **options,
    )
    result.x = variables.unpack(result.x)
    result.problem = problem
    return result


def refuse_derivatives(what: str, options: Mapping[str, Any]) -> None:
    """TypeError for options that would replace what is derived here."""
    for name in ("jac", "hess", "hessp", "fun", "jac_sparsity"):
        if name in options:
            raise TypeError(
                f"{what}: {name}= is derived from the expression. Fix: leave it out, or call "
                "scipy with the functions of cgrad.optimize.Problem"
            )
