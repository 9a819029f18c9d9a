"""Logarithms of small differences of exponentials and logistic functions, and of erfc.

Written by hand they overflow or are the logarithm of a zero; their slopes are zeros divided by
zeros.

Responsible for: these.  Not responsible for: sums of exponentials (`exponentials`), equations that
need no such function (`stabilise`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import apply_row
from cgrad.rewrites.exponentials import exponent
from cgrad.rewrites.logistic import Factor, factors_of, join_pair, product
from cgrad.rewrites.patterns import Wild, equation, function, is_op

TAILS = RuleSet("tails")

x, y = Wild("x"), Wild("y")
exp, expm1, log, log1p = map(function, ("exp", "expm1", "log", "log1p"))
erfc, log1mexp, log_erfc, excess = map(function, ("erfc", "log1mexp", "log_erfc", "excess"))
sigmoid, softplus = map(function, ("sigmoid", "softplus"))

equation(TAILS, "log1mexp", log1p(-exp(x)), log1mexp(x), exact=False, domain="everywhere")
equation(TAILS, "log_minus_expm1", log(-expm1(x)), log1mexp(x), exact=False, domain="everywhere")
equation(TAILS, "log_erfc", log(erfc(x)), log_erfc(x), exact=False, domain="everywhere")
equation(TAILS, "log_expm1", log(expm1(x)), x + log1mexp(-x), exact=False, domain="everywhere")
# sigmoid(x) - sigmoid(y) = sigmoid(x) sigmoid(-y) (1 - exp(y - x))
equation(
    TAILS, "log_sigmoid_difference", log(sigmoid(x) - sigmoid(y)),
    log1mexp(excess(y, x)) - (softplus(-x) + softplus(y)), exact=False,
    domain="absolute error max(|x|, |y|) units in the last place, where the old side may be log 0",
)  # fmt: skip


@TAILS.rule(
    "log", exact=False,
    domain="absolute error max(|x|, |y|) units in the last place, where the old side may overflow",
    example=(lambda x, y: apply("log", apply("exp", x) - apply("exp", y)),
             lambda s, vec: apply("log", apply("exp", vec) - apply("exp", s))),
)  # fmt: skip
def logdiffexp(node: Node) -> Node | None:
    """log(exp(x) - exp(y)) -> x + log1mexp(y - x)"""
    (gap,) = node.args
    if not is_op(gap, "sub"):
        return None
    x, y = map(exponent, gap.args)
    if x is None or y is None:
        return None
    return apply_row("add", x, apply_row("log1mexp", apply_row("excess", y, x)))


def _scaled(f: Factor, g: Factor) -> Factor | None:
    """exp(-u^2) / erfc(u) -> erfc_hazard(u)"""
    if not g.inverse or not is_op(g.node, "erfc") or not is_op(f.node.args[0], "neg"):
        return None
    square, u = f.node.args[0].args[0], g.node.args[0]
    if not is_op(square, "sqr") or square.args[0] is not u:
        return None
    return Factor(apply_row("erfc_hazard", u))


@TAILS.rule(
    "mul", "true_div", exact=False,
    domain="relative error x^2 units in the last place, where the old side may be 0 / 0",
    example=(lambda x: apply("exp", -apply("sqr", x)) / apply("erfc", x),
             lambda x, y: y / apply("erfc", x) * apply("exp", -apply("sqr", x))),
)  # fmt: skip
def scaled_erfc(node: Node) -> Node | None:
    """exp(-x^2) / erfc(x) -> erfc_hazard(x)"""
    factors = join_pair(factors_of(node), _scaled, "exp")
    return None if factors is None else product(factors)
