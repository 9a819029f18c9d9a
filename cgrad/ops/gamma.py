"""Gamma functions: rows of the table of elementwise functions.

Responsible for: the rows and their derivatives.  Not responsible for: values outside of C
(`cgrad.ops.gamma_values`), the incomplete functions.
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops import gamma_values as values
from cgrad.ops.elementwise import apply
from cgrad.ops.gamma_values import elementwise
from cgrad.ops.passthrough import undefined
from cgrad.ops.rows import add_row, in_double
from cgrad.ops.scalar import Factor


def _order_slope(y: Node, n: Node, x: Node) -> tuple[Factor, ...]:
    return (undefined(n, "the order n of polygamma is a whole number; pass it as an integer"),)


def _polygamma_slope(y: Node, n: Node, x: Node) -> tuple[Factor, ...]:
    return (apply("polygamma", n + 1, x),)


add_row(
    "gamma", in_double("cg_gamma", 1), elementwise(values.gamma),
    [lambda y, x: (y, apply("digamma", x))],
    "Gamma function; infinite at 0, nan at negative whole numbers.", cost=60, domain=(0.2, 4.0),
)  # fmt: skip
add_row(
    "gammaln", in_double("cg_gammaln", 1), elementwise(values.gammaln),
    [lambda y, x: (apply("digamma", x),)],
    "log |gamma(x)|; infinite at 0 and negative whole numbers.", cost=60, domain=(0.2, 4.0),
)  # fmt: skip
add_row(
    "digamma", in_double("cg_digamma", 1), elementwise(values.digamma),
    [lambda y, x: (apply("polygamma", 1, x),)],
    "Derivative of gammaln; nan at negative whole numbers.", cost=60, domain=(0.2, 4.0),
)  # fmt: skip
add_row(
    "polygamma", in_double("cg_polygamma", 2), elementwise(values.polygamma),
    [_order_slope, _polygamma_slope],
    "n-th derivative of digamma; nan for an order n that is not a whole number from 0.", cost=200,
    domain=(0.2, 4.0),
)  # fmt: skip
