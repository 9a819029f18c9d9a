"""Products of logistic functions, as derivatives make them.

1 / (1 + exp(-x)) differentiates to a product that overflows; a chain of `*`, `/` and squares is
taken apart into factors, pairs of factors that are one logistic function become that function.

Responsible for: the factors of a product, and rules on pairs of them.
Not responsible for: rules that are equations (`stabilise`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import apply_row
from cgrad.rewrites.patterns import coefficient, is_number, is_op, scalar

LOGISTIC = RuleSet("logistic")


class Factor:
    """One factor of a product; `inverse` when it divides."""

    __slots__ = ("inverse", "node")

    def __init__(self, node: Node, inverse: bool = False) -> None:
        self.node = node
        self.inverse = inverse


MOST_FACTORS = 12
_LOGISTIC = ("exp", "sigmoid", "dsigmoid", "add")


def factors_of(node: Node) -> list[Factor]:
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
            power = _whole_power(inner)
            if power:
                stack += [Factor(inner.args[0], top.inverse != (power < 0))] * abs(power)
                continue
        found.append(top)
    return found


def _whole_power(node: Node) -> int:
    """k of u ** k for a small integer k and a logistic u, else 0."""
    if not node.args or not is_op(node.args[0], *_LOGISTIC):
        return 0
    if is_op(node, "sqr"):
        return 2
    value = scalar(node.args[1]) if is_op(node, "pow") else None
    return int(value) if value is not None and value in (-4, -3, -2, 3, 4) else 0


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


def negative(u: Node) -> Node:
    return u.args[0] if is_op(u, "neg") else apply_row("neg", u)


def _single(f: Factor) -> Factor | None:
    """A factor in a better form, alone."""
    u = _one_plus_exp(f.node) if f.inverse else None
    return None if u is None else Factor(apply_row("sigmoid", negative(u)))


def _pair(f: Factor, g: Factor) -> Factor | None:
    """The product of two factors as one, if it is one; f multiplies."""
    a, b = f.node, g.node
    if is_op(a, "exp") and is_op(b, "sigmoid"):
        u, v = a.args[0], b.args[0]
        # exp(-v) sigmoid(v) -> sigmoid(-v);  exp(v) / sigmoid(v) has no shorter form
        if not g.inverse and opposite(u, v):
            return Factor(apply_row("sigmoid", u))
    if is_op(a, "exp") and is_op(b, "dsigmoid") and not g.inverse:
        u, v = a.args[0], b.args[0]
        # exp(u) dsigmoid(v) -> sigmoid(u)^2 for v = u or v = -u
        if u is v or opposite(u, v):
            return Factor(apply_row("sqr", apply_row("sigmoid", u)))
    if is_op(a, "sigmoid") and is_op(b, "exp") and g.inverse and a.args[0] is b.args[0]:
        # sigmoid(u) / exp(u) -> sigmoid(-u)
        return Factor(apply_row("sigmoid", negative(a.args[0])))
    if is_op(a, "sigmoid") and is_op(b, "sigmoid") and not g.inverse:
        u, v = a.args[0], b.args[0]
        # sigmoid(u) sigmoid(-u) -> dsigmoid(u)
        if opposite(u, v):
            return Factor(apply_row("dsigmoid", v if is_op(u, "neg") else u))
    if is_op(a, "sigmoid") and is_op(b, "sigmoid") and opposite(a.args[0], b.args[0]):
        # sigmoid(u) / sigmoid(-u) -> exp(u); the product has been found above
        return Factor(apply_row("exp", a.args[0]))
    if is_op(a, "dsigmoid") and is_op(b, "sigmoid") and g.inverse:
        u, v = a.args[0], b.args[0]
        # dsigmoid(u) / sigmoid(v) -> sigmoid(-v) for v = u or v = -u
        if u is v or opposite(u, v):
            return Factor(apply_row("sigmoid", negative(v)))
    return None


def product(factors: list[Factor]) -> Node:
    first = factors[0]
    total = apply_row("reciprocal", first.node) if first.inverse else first.node
    for f in factors[1:]:
        total = apply_row("true_div" if f.inverse else "mul", total, f.node)
    return total


Join = Callable[[Factor, Factor], Factor | None]


def join_pair(factors: list[Factor], join: Join, *lead: str) -> list[Factor] | None:
    """The factors with two made one by `join`, the first of them a `lead` that multiplies."""
    for k, f in enumerate(factors):
        if f.inverse or not is_op(f.node, *lead):
            continue
        for j, g in enumerate(factors):
            joined = None if j == k else join(f, g)
            if joined is not None:
                low, high = min(j, k), max(j, k)
                return [*factors[:low], joined, *factors[low + 1 : high], *factors[high + 1 :]]
    return None


def _improve(factors: list[Factor]) -> list[Factor] | None:
    """The factors after one step, or None when there is none."""
    for k, f in enumerate(factors):
        better = _single(f)
        if better is not None:
            return [*factors[:k], better, *factors[k + 1 :]]
    return join_pair(factors, _pair, "exp", "sigmoid", "dsigmoid")


def _absorb(f: Factor, g: Factor) -> Factor | None:
    # (a sigmoid(x) + b sigmoid(x)) exp(-x) -> a sigmoid(-x) + b sigmoid(-x)
    if g.inverse or not is_op(g.node, "add", "sub"):
        return None
    total = _times(g.node, f, MOST_FACTORS)
    return None if total is None else Factor(total)


def _times(term: Node, f: Factor, room: int) -> Node | None:
    """term * f when f joins a factor of each part of the sum `term`."""
    if is_op(term, "add", "sub", "neg") and room:
        parts = [_times(arg, f, room - 1) for arg in term.args]
        known = [part for part in parts if part is not None]
        return apply_row(term.op.name, *known) if len(known) == len(parts) else None
    factors = factors_of(term)
    for k, g in enumerate(factors):
        joined = _pair(f, g)
        if joined is not None:
            return product([*factors[:k], joined, *factors[k + 1 :]])
    return None


@LOGISTIC.rule(
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
        lambda x: apply("sigmoid", x) / apply("sigmoid", -x),
    ),
)  # fmt: skip
def logistic_product(node: Node) -> Node | None:
    """a / (1 + exp(-x)) -> a * sigmoid(x), sigmoid(x) * exp(-x) -> sigmoid(-x), sigmoid(x) * sigmoid(-x) -> dsigmoid(x)"""  # noqa: E501
    factors = factors_of(node)
    improved = _improve(factors)
    if improved is None:
        return None
    while improved is not None:
        factors, improved = improved, _improve(improved)
    return product(factors)


def _logistic(x: Node) -> Node:
    return apply("sigmoid", x)


@LOGISTIC.rule(
    "mul",
    exact=False,
    domain="the rounding of the sum is that of its terms, which may cancel",
    example=lambda x: (3 * _logistic(x) + apply("sqr", _logistic(x))) * apply("exp", -x),
)
def logistic_sum(node: Node) -> Node | None:
    """(a * sigmoid(x) + b * sigmoid(x)) * exp(-x) -> a * sigmoid(-x) + b * sigmoid(-x)"""
    factors = join_pair(factors_of(node), _absorb, "exp")
    return None if factors is None else product(factors)


def _keys(factors: list[Factor]) -> dict[Any, list[Node]]:
    """Factors that can be compared: sigmoid(c * x) by x and c, and dsigmoid as two of these."""
    found: dict[Any, list[Node]] = {}
    for f in factors:
        if is_op(f.node, "sigmoid", "dsigmoid") and not f.inverse:
            u = f.node.args[0]
            both = (u, negative(u)) if is_op(f.node, "dsigmoid") else (u,)
            c, x = coefficient(u)
            for sign, v in zip((1, -1), both, strict=False):
                found.setdefault(("sigmoid", x, float(c) * sign), []).append(v)
        else:
            found.setdefault(("other", f.node, f.inverse), []).append(f.node)
    return found


@LOGISTIC.rule(
    "sub", exact=False,
    example=(lambda x, y: y - y * _logistic(x), lambda x: _logistic(x) - _logistic(x) ** 2,
             lambda x: _logistic(-x) - apply("dsigmoid", x),
             lambda x: _logistic(3 * x) - _logistic(3 * x) * _logistic(-3 * x)),
)  # fmt: skip
def logistic_difference(node: Node) -> Node | None:
    """a - a * sigmoid(x) -> a * sigmoid(-x)"""
    less = factors_of(node.args[1])
    if not any(is_op(f.node, "sigmoid", "dsigmoid") for f in less):
        return None
    more, less_keys = _keys(factors_of(node.args[0])), _keys(less)
    extra: list[tuple[Any, Node]] = []
    for key in {**more, **less_keys}:
        left, right = more.get(key, []), less_keys.get(key, [])
        if len(left) > len(right):
            return None
        extra += [(key, v) for v in right[len(left) :]]
    if len(extra) != 1 or extra[0][0][0] != "sigmoid":
        return None
    return apply_row("mul", node.args[0], apply_row("sigmoid", negative(extra[0][1])))
