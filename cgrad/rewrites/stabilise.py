"""Forms that keep their digits and do not overflow, in place of those people write.

The new side is at least as accurate as the old one; it may differ in its last digits, in the sign
of a zero, and where the old side overflows or is nan though the mathematics is not.

Responsible for: logistic functions, logarithms of sums, products of their derivatives.
Not responsible for: identities that are exact (`simplify`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, Sum, broadcast_axes, sum_axes, without
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme
from cgrad.ops.scalar import apply_row
from cgrad.rewrites.patterns import (
    Pattern,
    Wild,
    equation,
    full,
    function,
    is_number,
    is_op,
    like,
    scalar,
)

STABILISE = RuleSet("stabilise")

x, y = Wild("x"), Wild("y")
exp, expm1, log, log1p = map(function, ("exp", "expm1", "log", "log1p"))
sigmoid, softplus, logaddexp = map(function, ("sigmoid", "softplus", "logaddexp"))
sqr, sqrt, absolute, erf, erfc = map(function, ("sqr", "sqrt", "abs", "erf", "erfc"))
reciprocal = function("reciprocal")


def _law(name: str, left: Pattern, right: Pattern, domain: str = "everywhere") -> None:
    equation(STABILISE, name, left, right, exact=False, domain=domain)


_law("log1p", log(1 + x), log1p(x))
_law("log1p_minus", log(1 - x), log1p(-x))
_law("expm1", exp(x) - 1, expm1(x))
_law("expm1_minus", 1 - exp(x), -expm1(x))
_law("log_exp", log(exp(x)), x)
_law("log1p_expm1", log1p(expm1(x)), x)
_law("sqrt_sqr", sqrt(sqr(x)), absolute(x))
_law("times_reciprocal", x * reciprocal(y), x / y)

_law("sigmoid", reciprocal(1 + exp(x)), sigmoid(-x))
_law("one_minus_sigmoid", 1 - sigmoid(x), sigmoid(-x))
_law("softplus", log1p(exp(x)), softplus(x))
_law("log_sigmoid", log(sigmoid(x)), -softplus(-x))
_law("log1p_minus_sigmoid", log1p(-sigmoid(x)), -softplus(x))
_law("logaddexp", log(exp(x) + exp(y)), logaddexp(x, y))
_law("logaddexp_zero", logaddexp(0, x), softplus(x))
_law("erfc", 1 - erf(x), erfc(x))
_law("erf", 1 - erfc(x), erf(x))


# -- products of logistic functions ----------------------------------------------------------
class Factor:
    """One factor of a product; `inverse` when it divides."""

    __slots__ = ("inverse", "node")

    def __init__(self, node: Node, inverse: bool = False) -> None:
        self.node = node
        self.inverse = inverse


MOST_FACTORS = 12
_LOGISTIC = ("exp", "sigmoid", "dsigmoid", "add")


def _factors(node: Node) -> list[Factor]:
    """The factors of a product in the order they are applied; squares twice."""
    found: list[Factor] = []
    stack = [Factor(node)]
    while stack:
        top = stack.pop()
        inner = top.node
        if len(found) + len(stack) < MOST_FACTORS:
            if is_op(inner, "mul", "true_div"):
                a, b = inner.args
                stack.append(Factor(b, top.inverse != is_op(inner, "true_div")))
                stack.append(Factor(a, top.inverse))
                continue
            if is_op(inner, "sqr") and is_op(inner.args[0], *_LOGISTIC):
                stack += [Factor(inner.args[0], top.inverse)] * 2
                continue
        found.append(top)
    return found


def opposite(a: Node, b: Node) -> bool:
    """Whether a = -b, apart from the sign of a zero."""
    if (is_op(a, "neg") and a.args[0] is b) or (is_op(b, "neg") and b.args[0] is a):
        return True
    if is_op(a, "sub") and is_op(b, "sub"):
        return a.args[0] is b.args[1] and a.args[1] is b.args[0]
    if is_op(a, "mul", "true_div") and a.op.name == b.op.name and a.args[1] is b.args[1]:
        first, second = scalar(a.args[0]), scalar(b.args[0])
        return first is not None and second is not None and bool(first == -second)
    first, second = scalar(a), scalar(b)
    return first is not None and second is not None and bool(first == -second)


def _one_plus_exp(node: Node) -> Node | None:
    """u of 1 + exp(u)."""
    if is_op(node, "add") and is_number(node.args[0], 1) and is_op(node.args[1], "exp"):
        return node.args[1].args[0]
    return None


def _neg(u: Node) -> Node:
    return u.args[0] if is_op(u, "neg") else apply_row("neg", u)


def _single(f: Factor) -> Factor | None:
    """A factor in a better form, alone."""
    u = _one_plus_exp(f.node) if f.inverse else None
    return None if u is None else Factor(apply_row("sigmoid", _neg(u)))


def _pair(f: Factor, g: Factor) -> Factor | None:
    """The product of two factors as one, if it is one; the caller tries both orders."""
    a, b = f.node, g.node
    if f.inverse:
        return None
    if is_op(a, "exp") and is_op(b, "sigmoid"):
        u, v = a.args[0], b.args[0]
        # exp(-v) sigmoid(v) -> sigmoid(-v);  exp(v) / sigmoid(v) has no shorter form
        if not g.inverse and opposite(u, v):
            return Factor(apply_row("sigmoid", u))
    if is_op(a, "sigmoid") and is_op(b, "exp") and g.inverse and a.args[0] is b.args[0]:
        # sigmoid(u) / exp(u) -> sigmoid(-u)
        return Factor(apply_row("sigmoid", _neg(a.args[0])))
    if is_op(a, "sigmoid") and is_op(b, "sigmoid") and not g.inverse:
        u, v = a.args[0], b.args[0]
        # sigmoid(u) sigmoid(-u) -> dsigmoid(u)
        if opposite(u, v):
            return Factor(apply_row("dsigmoid", v if is_op(u, "neg") else u))
    if is_op(a, "dsigmoid") and is_op(b, "sigmoid") and g.inverse:
        u, v = a.args[0], b.args[0]
        # dsigmoid(u) / sigmoid(v) -> sigmoid(-v) for v = u or v = -u
        if u is v or opposite(u, v):
            return Factor(apply_row("sigmoid", _neg(v)))
    if is_op(a, "exp") and g.inverse and is_op(b, "add"):
        return _share(a, b)
    return None


def _share(part: Node, total: Node) -> Factor | None:
    # exp(u) / (exp(u) + exp(v)) -> sigmoid(u - v); equal u and v apart: inf - inf is nan
    if part not in total.args or not all(is_op(term, "exp") for term in total.args):
        return None
    u = part.args[0]
    (v,) = [term.args[0] for term in total.args if term is not part] or [u]
    gap = apply_row("switch", apply_row("eq", u, v), like(u, 0), apply_row("sub", u, v))
    return Factor(apply_row("sigmoid", gap))


def _product(factors: list[Factor]) -> Node:
    first = factors[0]
    total = apply_row("reciprocal", first.node) if first.inverse else first.node
    for f in factors[1:]:
        total = apply_row("true_div" if f.inverse else "mul", total, f.node)
    return total


def _improve(factors: list[Factor]) -> list[Factor] | None:
    """The factors after one step, or None when there is none."""
    for k, f in enumerate(factors):
        better = _single(f)
        if better is not None:
            return [*factors[:k], better, *factors[k + 1 :]]
    for k, f in enumerate(factors):
        if not is_op(f.node, *_LOGISTIC):
            continue
        for j in range(k):
            g = factors[j]
            if is_op(g.node, *_LOGISTIC):
                joined = _pair(g, f) or _pair(f, g)
                if joined is not None:
                    return [*factors[:j], joined, *factors[j + 1 : k], *factors[k + 1 :]]
    return None


@STABILISE.rule(
    "mul", "true_div", exact=False,
    example=(
        lambda x: apply("exp", x) / (1 + apply("exp", x)),
        lambda x, y: y / (1 + apply("exp", -x)),
        lambda x, y: y * apply("sigmoid", x) * apply("exp", -x),
        lambda x, y: apply("sigmoid", x) * y * apply("sigmoid", -x),
        lambda x: apply("sigmoid", 3 * x) * (1 - apply("sigmoid", 3 * x)),
        lambda x: apply("exp", -x) / apply("sqr", 1 + apply("exp", -x)),
        lambda x: apply("dsigmoid", x) / apply("sigmoid", x),
        lambda x: apply("sigmoid", x) / apply("exp", x),
        lambda x, y: apply("exp", x) / (apply("exp", x) + apply("exp", y)),
    ),
)  # fmt: skip
def logistic_product(node: Node) -> Node | None:
    """a / (1 + exp(-x)) -> a * sigmoid(x), sigmoid(x) * exp(-x) -> sigmoid(-x), sigmoid(x) * sigmoid(-x) -> dsigmoid(x)"""  # noqa: E501
    factors = _factors(node)
    improved = _improve(factors)
    if improved is None:
        return None
    while improved is not None:
        factors, improved = improved, _improve(improved)
    return _product(factors)
