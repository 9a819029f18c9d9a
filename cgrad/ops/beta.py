"""Beta functions, the incomplete one and its inverse: rows of the table of elementwise functions.

Derivatives of any order of `betainc` close over two more rows, the derivatives of orders m in a
and n in b of it and of its density; those of the inverse x(a, b, p) follow from I_x(a, b) = p.

Responsible for: the rows and their derivatives.  Not responsible for: values outside of C
(`cgrad.ops.beta_values`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops import beta_values as values
from cgrad.ops.elementwise import apply
from cgrad.ops.gamma_values import elementwise
from cgrad.ops.gammainc import next_order, no_slope, order_of
from cgrad.ops.rows import add_row, in_double
from cgrad.ops.scalar import NEG, Factor, Over, Partial


def _digamma_gap(a: Node, b: Node) -> Node:
    """The derivative of betaln with respect to a."""
    return apply("digamma", a) - apply("digamma", a + b)


def density(a: Node, b: Node, x: Node) -> Node:
    """x^(a - 1) (1 - x)^(b - 1) / B(a, b), the derivative of I with respect to x."""
    return apply("beta_density", 0, 0, a, b, x)


def _raised(name: str, in_a: int, in_b: int) -> Partial:
    def slope(y: Node, m: Node, n: Node, a: Node, b: Node, x: Node) -> tuple[Factor, ...]:
        first, second = order_of(m), order_of(n)
        next_order("betainc", first + second)
        return (apply(name, first + in_a, second + in_b, a, b, x),)

    return slope


def _density_slope(y: Node, m: Node, n: Node, a: Node, b: Node, x: Node) -> tuple[Factor, ...]:
    # of rho d_mn, where log x is in the cumulant of a and log(1 - x) in that of b
    first, second = order_of(m), order_of(n)
    slope = y * ((a - 1) / x - (b - 1) / (1 - x))
    if first:
        slope = slope + first * apply("beta_density", first - 1, second, a, b, x) / x
    if second:
        slope = slope - second * apply("beta_density", first, second - 1, a, b, x) / (1 - x)
    return (slope,)


add_row(
    "betaln", in_double("cg_betaln", 2), elementwise(values.betaln),
    [lambda y, a, b: (_digamma_gap(a, b),), lambda y, a, b: (_digamma_gap(b, a),)],
    "log |B(a, b)|.", cost=150, domain=(0.5, 3.0),
)  # fmt: skip
add_row(
    "beta", in_double("cg_beta", 2), elementwise(values.beta),
    [lambda y, a, b: (y, _digamma_gap(a, b)), lambda y, a, b: (y, _digamma_gap(b, a))],
    "Beta function gamma(a) gamma(b) / gamma(a + b).", cost=150, domain=(0.5, 3.0),
)  # fmt: skip
add_row(
    "betainc", in_double("cg_betainc", 3), elementwise(values.betainc),
    [lambda y, a, b, x: (apply("betainc_shape", 1, 0, a, b, x),),
     lambda y, a, b, x: (apply("betainc_shape", 0, 1, a, b, x),),
     lambda y, a, b, x: (density(a, b, x),)],
    "Regularised incomplete beta function I_x(a, b).", cost=400, domain=(0.2, 0.8),
)  # fmt: skip
add_row(
    "beta_density", in_double("cg_beta_density", 5), elementwise(values.beta_density),
    [no_slope, lambda y, m, n, a, b, x: no_slope(y, n), _raised("beta_density", 1, 0),
     _raised("beta_density", 0, 1), _density_slope],
    "Derivative of order m in a, n in b of x^(a - 1) (1 - x)^(b - 1) / B(a, b).", cost=400,
    domain=(0.2, 0.8),
)  # fmt: skip
add_row(
    "betainc_shape", in_double("cg_betainc_shape", 5), elementwise(values.betainc_shape),
    [no_slope, lambda y, m, n, a, b, x: no_slope(y, n), _raised("betainc_shape", 1, 0),
     _raised("betainc_shape", 0, 1),
     lambda y, m, n, a, b, x: (apply("beta_density", order_of(m), order_of(n), a, b, x),)],
    "Derivative of order m in a, n in b of betainc, m + n >= 1.", cost=10000, domain=(0.2, 0.8),
)  # fmt: skip
add_row(
    "betaincinv", in_double("cg_betaincinv", 3), elementwise(values.betaincinv),
    [lambda y, a, b, p: (NEG, apply("betainc_shape", 1, 0, a, b, y), Over(density(a, b, y))),
     lambda y, a, b, p: (NEG, apply("betainc_shape", 0, 1, a, b, y), Over(density(a, b, y))),
     lambda y, a, b, p: (Over(density(a, b, y)),)],
    "The x with I_x(a, b) = p.", cost=3000, domain=(0.2, 0.8),
)  # fmt: skip
