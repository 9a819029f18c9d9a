"""Rows: scaled, logarithmic and inverse error functions, Owen's T.

Slopes are written with the scaled function erfcx(x) = exp(x^2) erfc(x), which neither vanishes nor
overflows where a slope does not; its own slopes of any order are one row, because the difference
2 x erfcx(x) - 2 / sqrt(pi) loses all digits for large x.

Responsible for: these rows.  Not responsible for: `erf`, `erfc` (`cgrad.ops.elementwise`), the C
functions (`codegen/runtime/cg_normal.h`).
"""

from __future__ import annotations

import math

from cgrad.core.node import Node
from cgrad.ops import error_values as values
from cgrad.ops.elementwise import apply
from cgrad.ops.error_values import elementwise
from cgrad.ops.rows import add_row, in_double, like
from cgrad.ops.scalar import Factor, Over

_HALF_ROOT_PI = math.sqrt(math.pi) / 2


add_row(
    "erfcx", in_double("cg_erfcx", 1), elementwise(values.erfcx),
    [lambda y, x: (apply("erfcx_slope", x, 1),)],
    "exp(x^2) erfc(x), the scaled complement of the error function.", cost=60,
)  # fmt: skip
add_row(
    "erfcx_slope", in_double("cg_erfcx_slope", 2), None,
    [lambda y, x, n: (apply("erfcx_slope", x, n + 1),), None],
    "The derivative of order n of `erfcx` at x.", cost=200,
)  # fmt: skip
add_row(
    "erfc_hazard", None, lambda x: 1 / elementwise(values.erfcx)(x),
    [lambda y, x: (apply("erfc_hazard_slope", x, 1),)],
    "exp(-x^2) / erfc(x).", cost=65, expand=lambda x: apply("reciprocal", apply("erfcx", x)),
)  # fmt: skip
add_row(
    # differentiating the quotient would make 0 * inf of it where erfcx is infinite
    "erfc_hazard_slope", in_double("cg_erfc_hazard", 2), None,
    [lambda y, x, n: (apply("erfc_hazard_slope", x, n + 1), ), None],
    "The derivative of order n <= 30 of `erfc_hazard` at x.", cost=300,
)  # fmt: skip
add_row(
    "log_erfc", in_double("cg_log_erfc", 1), elementwise(values.log_erfc),
    [lambda y, x: (like(x, -1 / _HALF_ROOT_PI), apply("erfc_hazard", x))],
    "log(erfc(x)), also where erfc(x) is too small for a float.", cost=90,
)  # fmt: skip
add_row(
    "log_ndtr", in_double("cg_log_ndtr", 1), elementwise(values.log_ndtr),
    [lambda y, x: (like(x, math.sqrt(2 / math.pi)),
                   apply("erfc_hazard", like(x, -math.sqrt(0.5)) * x))],
    "Logarithm of the probability that a standard normal number is below x.", cost=100,
)  # fmt: skip
add_row(
    "ndtri_exp", in_double("cg_ndtri_exp", 1), None,
    [lambda y, x: (like(x, math.sqrt(math.pi / 2)),
                   apply("erfcx", like(y, -math.sqrt(0.5)) * y))],
    "The standard normal quantile of the probability exp(x), x <= 0; nan above 0.", cost=250,
    domain=(-3.0, -0.1),
)  # fmt: skip
add_row(
    "erfinv", in_double("cg_erfinv", 1), None,
    [lambda y, x: (like(x, _HALF_ROOT_PI), apply("exp", apply("sqr", y)))],
    "Inverse of `erf`; inf at 1, -inf at -1, nan outside.", cost=200, domain=(-0.9, 0.9),
)  # fmt: skip
add_row(
    "erfcinv", in_double("cg_erfcinv", 1), None, [lambda y, x: (apply("erfcinv_slope", x),)],
    "Inverse of `erfc`, exact for small x; inf at 0, -inf at 2, nan outside.", cost=200,
    domain=(0.1, 1.9),
)  # fmt: skip


def _expand_erfcinv_slope(x: Node) -> Node:
    return like(x, -_HALF_ROOT_PI) * apply("erfcx", apply("erfcinv", x)) / x


add_row(
    # -sqrt(pi)/2 exp(y^2) with y = erfcinv(x), and exp(y^2) = erfcx(y) / x; its slope is that times
    # 2 y: differentiating the quotient would make inf - inf of it
    "erfcinv_slope", None, None, [lambda y, x: (2 * apply("erfcinv", x), y, y)],
    "The derivative of `erfcinv`.", cost=260, domain=(0.1, 1.9), expand=_expand_erfcinv_slope,
)  # fmt: skip


def _owens_t_by_h(y: Node, h: Node, a: Node) -> tuple[Factor, ...]:
    root, scale = like(h, math.sqrt(0.5)), like(h, -1 / math.sqrt(8 * math.pi))
    return scale, apply("exp", like(h, -0.5) * apply("sqr", h)), apply("erf", root * a * h)


def _owens_t_by_a(y: Node, h: Node, a: Node) -> tuple[Factor, ...]:
    rise = 1 + apply("sqr", a)
    exponent = like(h, 0.5) * apply("sqr", h) * rise
    return like(h, 1 / (2 * math.pi)), apply("exp", -exponent), Over(rise)


add_row(
    "owens_t", in_double("cg_owens_t", 2), None, [_owens_t_by_h, _owens_t_by_a],
    "Owen's T function: the probability of X > h and 0 < Y < a X, X and Y standard normal.",
    cost=1500,
)  # fmt: skip
