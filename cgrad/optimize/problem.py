"""A scalar of symbols as the plain functions of one vector that optimisers take.

Responsible for: value, gradient, Hessian and its products.  Not responsible for: any optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgrad.core.node import Node
from cgrad.gradient.jacobian import hessian_vector_product
from cgrad.gradient.reverse import grad, scalar_cost
from cgrad.optimize.kernel import Kernel, Lazy
from cgrad.optimize.matrices import Matrix, owned, vector
from cgrad.optimize.variables import Array, Variables, alike, values_of


class Problem:
    """A cost as functions of one flat vector of float64, for any optimiser.

    cost    a scalar expression
    wrt     a symbol, or a list of them, of any shapes: what is to be found
    x0      values in the shapes of wrt; their shapes are those of the problem.  May be left out
            where the shapes are declared (`ct.tensor("x", shape=(3,))`)
    args    a dict from the other symbols that the cost depends on to their values, which are copied
    sparse  `hess` returns a `scipy.sparse.csr_array`
    disconnected_inputs  as for `cgrad.grad`: what if the cost does not depend on one of wrt

    The vector holds the elements of wrt in turn, each in row-major order.  `fun(x)` is a float,
    `jac(x)` a vector, `hess(x)` a matrix, `hessp(x, p)` its product with a vector.  fun and jac are
    one call of compiled code; what was computed at the last x is kept, so each point costs one
    call for value and gradient, and one for the Hessian.  `value(x)` computes no gradient.  Each
    is compiled when it is first called.  A random expression draws the same numbers every time.

    Attributes: `x0`, the flat vector or None; `size`, its length; `pack(values)` and `unpack(x)`;
    `calls`, a dict that counts calls of compiled code.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, y = ct.dvector("x"), ct.dscalar("y")
    >>> problem = cgrad.optimize.Problem(ct.sum(x**2) * y, [x, y], [[1.0, 2.0], 3.0])
    >>> problem.fun(problem.x0), problem.jac(problem.x0)
    (15.0, array([ 6., 12.,  5.]))
    >>> problem.calls["gradient"]
    1
    """

    def __init__(
        self,
        cost: Node,
        wrt: Any,
        x0: Any = None,
        args: Mapping[Node, Any] | None = None,
        *,
        sparse: bool = False,
        disconnected_inputs: str = "raise",
    ) -> None:
        if not isinstance(cost, Node):
            raise TypeError(f"Problem: cost must be a symbolic scalar, found {cost!r:.60}")
        scalar_cost(cost, "cost", "least_squares for a vector of residuals")
        self._variables = Variables(wrt, x0, "Problem")
        self._args = values_of(args, "Problem")
        self._cost = cost
        self._sparse = sparse
        self._gradients = grad(
            cost, self._variables.nodes, disconnected_inputs=disconnected_inputs,
            return_disconnected="zero", add_names=False,
        )  # fmt: skip
        self._matrix: Matrix | None = None
        self._kernels = {
            "value": Lazy(lambda: self._kernel([cost], "cost")),
            "gradient": Lazy(
                lambda: self._kernel([cost, vector(self._gradients)], "cost_and_gradient")
            ),
            "hessian": Lazy(self._hessian),
            "product": Lazy(self._product),
        }

    def __repr__(self) -> str:
        symbols = ", ".join(repr(node) for node in self._variables.nodes)
        called = ", ".join(f"{name} {count}" for name, count in self.calls.items())
        return f"<Problem: {symbols}; called: {called}>"

    @property
    def x0(self) -> Array | None:
        """The vector of x0."""
        start = self._variables.start
        return None if start is None else start.copy()

    @property
    def size(self) -> int:
        """The length of the vector."""
        return self._variables.size

    @property
    def calls(self) -> dict[str, int]:
        """How often compiled code ran: "value", "gradient" (value and gradient at once),
        "hessian", "product"."""
        return {name: kernel.calls for name, kernel in self._kernels.items()}

    def pack(self, values: Any) -> Array:
        """The vector of values in the shapes of wrt."""
        return self._variables.pack(values)

    def unpack(self, x: Any) -> Any:
        """The values in the shapes of wrt that a vector holds: an array, or a list of them."""
        return self._variables.unpack(self._variables.flat(x))

    def value(self, x: Any) -> float:
        """The cost, computed without its gradient."""
        return float(self._kernels["value"](x)[0])

    def fun(self, x: Any) -> float:
        """The cost, of one call with the gradient."""
        return float(self._kernels["gradient"](x)[0])

    def jac(self, x: Any) -> Array:
        """The gradient, of shape (size,)."""
        return owned(self._kernels["gradient"](x)[1])

    def hess(self, x: Any) -> Any:
        """The Hessian, of shape (size, size)."""
        found = self._kernels["hessian"](x)
        assert self._matrix is not None
        return self._matrix.array(found)

    def hessp(self, x: Any, p: Any) -> Array:
        """The product of the Hessian at x and a vector p, of shape (size,)."""
        parts = self._variables.arrays(self._variables.flat(p, "p"))
        return owned(self._kernels["product"](x, *parts)[0])

    def _kernel(self, outputs: Any, name: str, more: Any = ()) -> Kernel:
        return Kernel(self._variables, self._args, outputs, name, more)

    def _hessian(self) -> Kernel:
        nodes = self._variables.nodes
        self._matrix = Matrix(self._gradients, nodes, self._sparse, "Problem")
        return self._kernel(self._matrix.outputs, "hessian")

    def _product(self) -> Kernel:
        nodes = self._variables.nodes
        ps = [alike(node, f"p{k}") for k, node in enumerate(nodes)]
        found = hessian_vector_product(self._cost, nodes, ps)
        return self._kernel([vector(found)], "hessian_product", ps)
