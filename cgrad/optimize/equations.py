"""`scipy.optimize.least_squares` and `scipy.optimize.root` of symbolic expressions.

Responsible for: residuals and their Jacobian.  Not responsible for: scalar costs (`minimize`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.gradient.arguments import as_nodes
from cgrad.optimize.kernel import Kernel, Lazy
from cgrad.optimize.matrices import Matrix, floats, owned, vector
from cgrad.optimize.minimize import refuse_derivatives
from cgrad.optimize.variables import Array, Variables, scipy, values_of


def least_squares(
    residuals: Any,
    wrt: Any,
    x0: Any,
    args: Mapping[Node, Any] | None = None,
    *,
    method: str = "trf",
    bounds: Any = None,
    sparse: bool = False,
    **options: Any,
) -> Any:
    """Find values of symbols that make a sum of squares least, by `scipy.optimize.least_squares`.

    residuals  an expression of any shape, or a list of them: what is squared and added up
    wrt        a symbol, or a list of them, of any shapes
    x0         where to start: an array, or a list of arrays, in the shapes of wrt
    args       a dict from the other symbols that the residuals depend on to their values
    method     "trf", "dogbox" or "lm"
    bounds     a dict from symbols of wrt to (lower, upper), or what SciPy takes
    sparse     the Jacobian is a sparse matrix ("trf" and "dogbox")
    options    others of SciPy: `ftol xtol gtol loss f_scale max_nfev x_scale` and so on

    Residuals and Jacobian at one point are one call of compiled code.  Returns SciPy's
    `OptimizeResult`, whose `x` has the shapes of wrt.  Needs SciPy (ImportError).
    """
    optimize = scipy("optimize", "least_squares")
    refuse_derivatives("least_squares", options)
    system = _System(residuals, wrt, x0, args, sparse, True, "least_squares")
    limits = system.variables.bounds(bounds, "least_squares")
    result = optimize.least_squares(
        system.fun,
        system.variables.start,
        jac=system.jac,
        method=method,
        **({} if limits is None else {"bounds": limits}),
        **options,
    )
    result.x = system.variables.unpack(result.x)
    return result


def root(
    equations: Any,
    wrt: Any,
    x0: Any,
    args: Mapping[Node, Any] | None = None,
    *,
    method: str = "hybr",
    **options: Any,
) -> Any:
    """Find values of symbols at which expressions are zero, by `scipy.optimize.root`.

    equations  an expression of any shape, or a list of them, with as many elements as wrt
    wrt        a symbol, or a list of them, of any shapes
    x0         where to start: an array, or a list of arrays, in the shapes of wrt
    args       a dict from the other symbols that the equations depend on to their values
    method     as for SciPy; "hybr" and "lm" use the Jacobian, which is computed only when they ask
               for it
    options    `tol`, `callback`, `options` of SciPy

    Returns SciPy's `OptimizeResult`, whose `x` has the shapes of wrt.  ShapeError unless there are
    as many equations as unknowns.  Needs SciPy (ImportError).
    """
    optimize = scipy("optimize", "root")
    refuse_derivatives("root", options)
    system = _System(equations, wrt, x0, args, False, False, "root")
    variables = system.variables
    n = system.fun(variables.start).size
    if n != variables.size and method != "lm":
        raise ShapeError(
            f"root: {n} equations for {variables.size} unknowns; expected as many. "
            "Fix: least_squares finds the best values otherwise"
        )
    jac = {"jac": system.jac} if method in ("hybr", "lm") else {}
    result = optimize.root(system.fun, variables.start, method=method, **jac, **options)
    result.x = variables.unpack(result.x)
    return result


class _System:
    """Expressions and their Jacobian; at once where a method mostly wants both."""

    def __init__(
        self, expressions: Any, wrt: Any, x0: Any, args: Any, sparse: bool, at_once: bool, what: str
    ) -> None:
        nodes = as_nodes(expressions, f"{what}: the expressions")
        floats(nodes, what)
        self.variables = variables = Variables(wrt, x0, what)
        values = values_of(args, what)
        self._matrix = Matrix(nodes, variables.nodes, sparse, what)
        outputs = self._matrix.outputs
        value = [vector(nodes)]
        self._skip = 1 if at_once else 0
        self.values = Kernel(variables, values, [*value, *outputs] if at_once else value, what)
        self.matrices = (
            self.values
            if at_once
            else Lazy(lambda: Kernel(variables, values, outputs, f"{what}_jacobian"))
        )

    def fun(self, x: Any) -> Array:
        return owned(self.values(x)[0])

    def jac(self, x: Any) -> Any:
        return self._matrix.array(self.matrices(x)[self._skip :])
