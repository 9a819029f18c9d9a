"""Incomplete gamma functions and their inverses: rows of the table of elementwise functions.

P is `gammainc`, Q = 1 - P `gammaincc`.  Derivatives of any order close over two more rows, the
n-th derivatives with respect to a of P and of its density; those of the inverses follow from
P(a, x(a, p)) = p.

Responsible for: the rows and their derivatives.  Not responsible for: values outside of C
(`cgrad.ops.gammainc_values`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops import gammainc_values as values
from cgrad.ops.constants import constant_value
from cgrad.ops.elementwise import apply
from cgrad.ops.gamma_values import elementwise
from cgrad.ops.passthrough import undefined
from cgrad.ops.rows import add_row, in_double
from cgrad.ops.scalar import NEG, Factor, Over, Partial

HIGHEST = 8


def order_of(node: Node) -> int:
    """The number that an order is: a constant, stretched and cast."""
    while node.op.name in ("broadcast", "cast"):
        node = node.args[0]
    value = constant_value(node)
    if value is None:
        raise TypeError(f"an order of a derivative must be a constant, found {node!r}")
    return int(value)


def next_order(what: str, total: int) -> None:
    """Refuse to go beyond the orders that C is written for."""
    if total >= HIGHEST:
        raise NotImplementedError(
            f"{what}: derivatives with respect to a shape are built up to order {HIGHEST}; "
            "hold the shape constant (disconnected_grad), or use finite differences of order "
            f"{HIGHEST}"
        )


def no_slope(y: Node, n: Node, *args: Node) -> tuple[Factor, ...]:
    """The derivative with respect to an order."""
    return (undefined(n, "the order of a derivative is a whole number"),)


def density(a: Node, x: Node) -> Node:
    """x^(a - 1) exp(-x) / gamma(a), the derivative of P with respect to x."""
    return apply("gamma_density", 0, a, x)


def _raised(name: str) -> Partial:
    def slope(y: Node, n: Node, a: Node, x: Node) -> tuple[Factor, ...]:
        order = order_of(n)
        next_order("gammainc", order)
        return (apply(name, order + 1, a, x),)

    return slope


def _density_slope(y: Node, n: Node, a: Node, x: Node) -> tuple[Factor, ...]:
    # of rho b_n(log x - digamma(a)): b_n' = n b_(n - 1)
    order = order_of(n)
    slope = y * ((a - 1) - x) / x
    if order:
        slope = slope + order * apply("gamma_density", order - 1, a, x) / x
    return (slope,)


def _shape(a: Node, x: Node) -> Node:
    return apply("gammainc_shape", 1, a, x)


add_row(
    "gammainc", in_double("cg_gammainc", 2), elementwise(values.gammainc),
    [lambda y, a, x: (_shape(a, x),), lambda y, a, x: (density(a, x),)],
    "Regularised lower incomplete gamma function P(a, x).", cost=300, domain=(0.5, 3.0),
)  # fmt: skip
add_row(
    "gammaincc", in_double("cg_gammaincc", 2), elementwise(values.gammaincc),
    [lambda y, a, x: (NEG, _shape(a, x)), lambda y, a, x: (NEG, density(a, x))],
    "Regularised upper incomplete gamma function Q(a, x).", cost=300, domain=(0.5, 3.0),
)  # fmt: skip
add_row(
    "gamma_density", in_double("cg_gamma_density", 3), elementwise(values.gamma_density),
    [no_slope, _raised("gamma_density"), _density_slope],
    "n-th derivative with respect to a of x^(a - 1) exp(-x) / gamma(a).", cost=200,
    domain=(0.5, 3.0),
)  # fmt: skip
add_row(
    "gammainc_shape", in_double("cg_gammainc_shape", 3), elementwise(values.gammainc_shape),
    [no_slope, _raised("gammainc_shape"),
     lambda y, n, a, x: (apply("gamma_density", order_of(n), a, x),)],
    "n-th derivative of gammainc with respect to a, n >= 1.", cost=5000, domain=(0.5, 3.0),
)  # fmt: skip
add_row(
    "gammaincinv", in_double("cg_gammaincinv", 2), elementwise(values.gammaincinv),
    [lambda y, a, p: (NEG, _shape(a, y), Over(density(a, y))),
     lambda y, a, p: (Over(density(a, y)),)],
    "The x with P(a, x) = p.", cost=2000, domain=(0.2, 0.8),
)  # fmt: skip
add_row(
    "gammainccinv", in_double("cg_gammainccinv", 2), elementwise(values.gammainccinv),
    [lambda y, a, q: (NEG, _shape(a, y), Over(density(a, y))),
     lambda y, a, q: (NEG, Over(density(a, y)))],
    "The x with Q(a, x) = q.", cost=2000, domain=(0.2, 0.8),
)  # fmt: skip
