"""Logarithms of sums and of products in which an exponential or a probability is a factor.

Written by hand these overflow, or are the logarithm of a zero, where the logarithm itself is a
moderate number; their slopes are quotients of such numbers.

Responsible for: these.  Not responsible for: sums over an axis and shares (`exponentials`),
differences and erfc alone (`tails`), equations of one function (`stabilise`).
"""

from __future__ import annotations

import math

import numpy as np

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, Sum, broadcast_axes, sum_axes
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import apply_row
from cgrad.rewrites.logistic import MOST_FACTORS, Factor, factors_of, product
from cgrad.rewrites.patterns import is_op, like, scalar

LOGARITHMS = RuleSet("logarithms")

_OF = {"add": "logaddexp", "mul": "add", "true_div": "sub"}


def _logarithm(node: Node, room: int) -> Node | None:
    """log(node) for a positive number, exp(u), sums, products and quotients of these."""
    value = scalar(node)
    if value is not None:
        return like(node, np.log(value)) if 0 < value < np.inf else None
    if is_op(node, "exp"):
        return node.args[0]
    if isinstance(node.op, Broadcast):
        inner = _logarithm(node.args[0], room)
        return None if inner is None else broadcast_axes(inner, node.dims, node.op.axes)
    if room == 0 or not is_op(node, *_OF):
        return None
    parts = [_logarithm(arg, room - 1) for arg in node.args]
    known = [part for part in parts if part is not None]
    return apply_row(_OF[node.op.name], *known) if len(known) == len(parts) else None


@LOGARITHMS.rule(
    "log", exact=False,
    example=(lambda x, y: apply("log", 2 * apply("exp", x) + apply("exp", y) / 3),
             lambda x: apply("log", 0.25 + apply("exp", x)),
             lambda s, vec: apply("log", apply("exp", s) + apply("exp", vec))),
)  # fmt: skip
def log_add_exp(node: Node) -> Node | None:
    """log(c1 * exp(x) + c2 * exp(y)) -> logaddexp(log(c1) + x, log(c2) + y)"""
    (total,) = node.args
    return _logarithm(total, MOST_FACTORS) if is_op(total, "add") else None


@LOGARITHMS.rule(
    "log1p", exact=False,
    domain="relative error |log(c) + x| units in the last place, where the old side may overflow",
    example=(lambda x: apply("log1p", 3 * apply("exp", x)),
             lambda x, y: apply("log1p", apply("exp", x) + apply("exp", y))),
)  # fmt: skip
def log1p_exp(node: Node) -> Node | None:
    """log1p(c * exp(x)) -> softplus(log(c) + x)"""
    (term,) = node.args
    if not is_op(term, *_OF):
        return None
    inside = _logarithm(term, MOST_FACTORS)
    return None if inside is None else apply_row("softplus", inside)


@LOGARITHMS.rule(
    "log",
    exact=False,
    example=lambda x: apply("log", 0.5 * apply("erfc", x)),
    domain="relative error |log(erfc(x) / 2)| units in the last place",
)
def log_half_erfc(node: Node) -> Node | None:
    """log(erfc(x) / 2) -> log_ndtr(-sqrt(2) * x)"""
    (arg,) = node.args
    if not is_op(arg, "mul") or scalar(arg.args[0]) != 0.5 or not is_op(arg.args[1], "erfc"):
        return None
    (x,) = arg.args[1].args
    return apply_row("log_ndtr", apply_row("mul", like(x, -math.sqrt(2)), x))


def _is_positive(f: Factor) -> bool:
    """Whether a factor is positive and may overflow or be rounded to 0."""
    node = f.node
    if isinstance(node.op, Broadcast):
        (node,) = node.args
    if isinstance(node.op, Sum):
        return is_op(node.args[0], "exp")
    return is_op(node, "exp", "erfc", "sigmoid", "dsigmoid")


@LOGARITHMS.rule(
    "log", exact=False,
    domain="absolute error |log f| units in the last place, where the old side may overflow; nan "
    "for y < 0 also where f is rounded to 0",
    example=(lambda x: apply("log", 0.25 * apply("exp", x)),
             lambda x, y: apply("log", apply("abs", y) * apply("sigmoid", x)),
             lambda x, y: apply("log", apply("erfc", x) / apply("sigmoid", y)),
             lambda vec: apply("log", sum_axes(apply("exp", vec), (0,)) / 3)),
)  # fmt: skip
def log_product(node: Node) -> Node | None:
    """log(y * f) -> log(y) + log(f), f an exp, erfc or sigmoid, or a sum of exponentials"""
    factors = factors_of(node.args[0])
    positive = [f for f in factors if _is_positive(f)]
    if len(factors) < 2 or not positive:
        return None
    rest = [f for f in factors if f not in positive]
    signed = [f for f in rest if (value := scalar(f.node)) is None or not value > 0]
    if len(signed) > 1:
        return None  # two negative numbers have a product with a logarithm
    if rest and all(f.inverse for f in rest):
        rest = [Factor(product([Factor(f.node) for f in rest]), inverse=True)]
    elif rest:
        rest = [Factor(product(rest))]
    total: Node | None = None
    for f in sorted([*rest, *positive], key=lambda f: f.inverse):
        part = apply_row("log", f.node)
        if total is None:
            total = apply_row("neg", part) if f.inverse else part
        else:
            total = apply_row("sub" if f.inverse else "add", total, part)
    return total


def _multiple(node: Node) -> tuple[float, Node]:
    """(c, x) of c * x, (1, x) of anything else."""
    value = scalar(node.args[0]) if is_op(node, "mul") else None
    return (1.0, node) if value is None else (float(value), node.args[1])


@LOGARITHMS.rule(
    "add", "sub", exact=False,
    example=(lambda x: 1 + apply("erf", x), lambda x: 0.5 + 0.5 * apply("erf", x),
             lambda x: 0.25 - 0.25 * apply("erf", x)),
)  # fmt: skip
def multiple_of_erfc(node: Node) -> Node | None:
    """c + c * erf(x) -> c * erfc(-x), c - c * erf(x) -> c * erfc(x)"""
    value = scalar(node.args[0])
    if value is None:
        return None
    factor, inner = _multiple(node.args[1])
    if factor != value or not is_op(inner, "erf"):
        return None
    (x,) = inner.args
    result = apply_row("erfc", x if is_op(node, "sub") else apply_row("neg", x))
    return result if value == 1 else apply_row("mul", like(result, value), result)
