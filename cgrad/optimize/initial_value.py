"""`scipy.integrate.solve_ivp` of symbolic right-hand sides.

Responsible for: the rates of change and their Jacobian.  Not responsible for: time stepping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.gradient.arguments import as_nodes
from cgrad.optimize.kernel import Kernel
from cgrad.optimize.matrices import Matrix, floats, owned, vector
from cgrad.optimize.minimize import refuse_derivatives
from cgrad.optimize.variables import Variables, scipy, values_of

_IMPLICIT = ("Radau", "BDF", "LSODA")


def solve_ivp(
    rhs: Any,
    t: Node,
    y: Any,
    t_span: tuple[float, float],
    y0: Any,
    args: Mapping[Node, Any] | None = None,
    *,
    method: Any = "Radau",
    sparse: bool = False,
    **options: Any,
) -> Any:
    """Integrate dy/dt = rhs from a start, by `scipy.integrate.solve_ivp`.

    rhs      an expression, or a list of them, of the shapes of y: the rates of change
    t        the symbol of time, a float scalar; rhs need not depend on it
    y        a symbol, or a list of them, of any shapes: the state
    t_span   times of start and end
    y0       the state at the start: an array, or a list of arrays
    args     a dict from the other symbols that rhs depends on to their values
    method   "Radau" (default), "BDF" and "LSODA" are given the Jacobian; "RK45", "RK23", "DOP853"
             use none
    sparse   the Jacobian is a sparse matrix ("Radau" and "BDF")
    options  others of SciPy: `t_eval dense_output rtol atol events` and so on; functions among
             them get the flat state

    Returns SciPy's result, whose `y` has the shapes of the state with an axis for the times at the
    end (an array or a list).  Needs SciPy (ImportError).  ShapeError for rates of other shapes
    than the state.
    """
    integrate = scipy("integrate", "solve_ivp")
    refuse_derivatives("solve_ivp", options)
    variables = Variables(y, y0, "solve_ivp")
    nodes = as_nodes(rhs, "solve_ivp: rhs")
    floats(nodes, "solve_ivp")
    if not isinstance(t, Node) or t.ndim or not t.dtype.startswith("float"):
        raise TypeError(f"solve_ivp: t must be a symbolic float scalar, found {t!r:.60}")
    if sparse and method not in ("Radau", "BDF"):
        raise ValueError(f'solve_ivp: sparse=True is for "Radau" and "BDF", found {method!r}')
    values = values_of(args, "solve_ivp")
    start = variables.start
    assert start is not None
    first = Kernel(variables, values, nodes, "rates_of_change", [t])(start, t_span[0])
    shapes = [part.shape for part in first]
    if shapes != variables.shapes:
        raise ShapeError(
            f"solve_ivp: rhs has shapes {shapes}, expected those of the state, {variables.shapes}"
        )
    rates = Kernel(variables, values, [vector(nodes)], "rates", [t])
    jac: dict[str, Any] = {}
    if method in _IMPLICIT:
        matrix = Matrix(nodes, variables.nodes, sparse, "solve_ivp")
        kernel = Kernel(variables, values, matrix.outputs, "rates_jacobian", [t])
        jac["jac"] = lambda time, state: matrix.array(kernel(state, time))
    result = integrate.solve_ivp(
        lambda time, state: owned(rates(state, time)[0]),
        t_span,
        np.array(start),
        method=method,
        **jac,
        **options,
    )
    result.y = variables.unpack(result.y)
    return result
