"""Arithmetic, logic and choices: equations that hold for every IEEE input.

x * 0, x / x and x - x of floats do not vanish (nan, infinities), x + 0.0 does not either (-0.0),
and float sums and products are not regrouped unless the result is the same or more accurate.

Responsible for: elementwise algebra.  Not responsible for: forms that are only more accurate
(`stabilise`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, broadcast_axes
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import apply_row
from cgrad.rewrites.patterns import (
    Pattern,
    Wild,
    coefficient,
    equation,
    function,
    is_op,
    like,
    scalar,
)

ALGEBRA = RuleSet("algebra")

x, y = Wild("x"), Wild("y")
n, m = Wild("n"), Wild("m")
i, j = Wild("i"), Wild("j")
p, q = Wild("p"), Wild("q")
a, b, c = Wild("a"), Wild("b"), Wild("c")
absolute, sqr, sqrt, reciprocal = map(function, ("abs", "sqr", "sqrt", "reciprocal"))
exp, exp2, sigmoid, softplus = map(function, ("exp", "exp2", "sigmoid", "softplus"))
dsigmoid, dtanh = map(function, ("dsigmoid", "dtanh"))
switch, maximum, minimum = map(function, ("switch", "maximum", "minimum"))
eq, neq, lt, le, gt, ge = map(function, ("eq", "neq", "lt", "le", "gt", "ge"))
logical_and, logical_or = map(function, ("logical_and", "logical_or"))
logical_not, invert, logical_xor = map(function, ("logical_not", "invert", "logical_xor"))
and_, or_, xor = map(function, ("and_", "or_", "xor"))


def _law(name: str, left: Pattern, right: Pattern | float) -> None:
    equation(ALGEBRA, name, left, right)


@ALGEBRA.rule(
    "add", "mul", "eq", "neq", "and_", "or_", "xor",
    "logical_and", "logical_or", "logical_xor", "hypot", "logaddexp",
    example=lambda x: x * 2.5,
)  # fmt: skip
def constant_first(node: Node) -> Node | None:
    """x * c -> c * x"""
    first, second = node.args
    if scalar(second) is None or scalar(first) is not None:
        return None
    return apply_row(node.op.name, second, first)


# -- neutral elements ------------------------------------------------------------------------
_law("mul_one", 1 * n, n)
_law("mul_true", True * p, p)
_law("mul_int_zero", 0 * i, 0)
_law("div_one", x / 1, x)
_law("sub_zero", n - 0, n)
_law("add_minus_zero", -0.0 + x, x)
_law("add_int_zero", 0 + i, i)
_law("add_false", False + p, p)
_law("sub_int_same", i - i, 0)
_law("pow_zero", n**0, 1)
_law("pow_one", n**1, n)
_law("one_pow", 1**n, 1)
_law("pow_two", n**2, sqr(n))
_law("pow_minus_one", x**-1, reciprocal(x))
_law("square", n * n, sqr(n))
_law("one_over", 1 / x, reciprocal(x))
_law("double", n + n, 2 * n)

# -- signs -----------------------------------------------------------------------------------
_law("neg_neg", -(-n), n)  # noqa: B002
_law("mul_minus_one", -1 * n, -n)
_law("div_minus_one", x / -1, -x)
_law("add_neg", n + -m, n - m)
_law("sub_neg", n - -m, n + m)
_law("mul_neg_neg", -n * -m, n * m)
_law("div_neg_neg", -x / -y, x / y)
_law("reciprocal_neg", reciprocal(-x), -reciprocal(x))
_law("sqr_neg", sqr(-n), sqr(n))
_law("sqr_abs", sqr(absolute(n)), sqr(n))
_law("abs_neg", absolute(-n), absolute(n))
_law("abs_abs", absolute(absolute(a)), absolute(a))
_law("abs_sqr", absolute(sqr(x)), sqr(x))
_law("abs_exp", absolute(exp(x)), exp(x))
_law("abs_exp2", absolute(exp2(x)), exp2(x))
_law("abs_sigmoid", absolute(sigmoid(x)), sigmoid(x))
_law("abs_dsigmoid", absolute(dsigmoid(x)), dsigmoid(x))
_law("abs_softplus", absolute(softplus(x)), softplus(x))
_law("dsigmoid_neg", dsigmoid(-x), dsigmoid(x))
_law("dsigmoid_abs", dsigmoid(absolute(x)), dsigmoid(x))
_law("dtanh_neg", dtanh(-x), dtanh(x))
_law("dtanh_abs", dtanh(absolute(x)), dtanh(x))

# -- logic: of booleans only -----------------------------------------------------------------
for _name, _and in (("mul", function("mul")), ("and", and_), ("logical_and", logical_and)):
    if _name != "mul":
        _law(f"{_name}_true", _and(True, p), p)
    _law(f"{_name}_false", _and(False, p), False)
    _law(f"{_name}_same", _and(p, p), p)
for _name, _or in (("add", function("add")), ("or", or_), ("logical_or", logical_or)):
    if _name != "add":
        _law(f"{_name}_false", _or(False, p), p)
    _law(f"{_name}_true", _or(True, p), True)
    _law(f"{_name}_same", _or(p, p), p)
_law("not_not", logical_not(logical_not(p)), p)
_law("invert_invert", invert(invert(p)), p)
_law("invert_invert_int", invert(invert(i)), i)
_law("not_eq", logical_not(eq(a, b)), neq(a, b))
_law("not_neq", logical_not(neq(a, b)), eq(a, b))
_law("lt_same", lt(a, a), False)
_law("gt_same", gt(a, a), False)
for _name, _compare, _answer in (("eq", eq, True), ("le", le, True), ("ge", ge, True),
                                 ("neq", neq, False)):  # fmt: skip
    _law(f"{_name}_int_same", _compare(i, i), _answer)

# -- choices ---------------------------------------------------------------------------------
_law("maximum_same", maximum(a, a), a)
_law("minimum_same", minimum(a, a), a)
_law("switch_same", switch(p, a, a), a)
_law("switch_true", switch(True, a, b), a)
_law("switch_false", switch(False, a, b), b)
_law("switch_not", switch(logical_not(p), a, b), switch(p, b, a))
_law("switch_first", switch(p, switch(p, a, b), c), switch(p, a, c))
_law("switch_second", switch(p, a, switch(p, b, c)), switch(p, a, c))


# -- constants in products and sums ----------------------------------------------------------
def _negated(value: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.negative(value)


@ALGEBRA.rule("neg", example=(lambda n: -(3 * n), lambda x: -(3 / x)))
def neg_of_constant(node: Node) -> Node | None:
    """-(c * x) -> (-c) * x, -(c / x) -> (-c) / x"""
    (inner,) = node.args
    if not is_op(inner, "mul", "true_div"):
        return None
    value = scalar(inner.args[0])
    if value is None:
        return None
    first, second = inner.args
    return apply_row(inner.op.name, like(first, _negated(value)), second)


@ALGEBRA.rule(
    "mul", "true_div",
    example=(lambda n, m: -n * m, lambda n: 3 * -n, lambda x, y: x / -y, lambda x: 3 / -x,
             lambda x: -x / 3, lambda s, vec: -s * vec),
)  # fmt: skip
def neg_outside(node: Node) -> Node | None:
    """(-x) * y -> -(x * y), (-x) / y -> -(x / y)"""
    name = node.op.name
    positive = [_without_neg(arg) for arg in node.args]
    if positive[0] is None and positive[1] is None:
        return None
    (first, second), args = positive, node.args
    if first is not None:
        value = scalar(args[1])
        if value is not None:
            return apply_row(name, first, like(args[1], _negated(value)))
        return apply_row("neg", apply_row(name, first, args[1]))
    assert second is not None
    value = scalar(args[0])
    if value is not None:
        return apply_row(name, like(args[0], _negated(value)), second)
    return apply_row("neg", apply_row(name, args[0], second))


def _without_neg(node: Node) -> Node | None:
    """x of -x, which may be stretched."""
    if is_op(node, "neg"):
        return node.args[0]
    if isinstance(node.op, Broadcast) and is_op(node.args[0], "neg"):
        (x,) = node.args[0].args
        return broadcast_axes(x, node.dims, node.op.axes)
    return None


def _exact_product(first: Any, second: Any) -> Any:
    """The product of two constants when it is exact, finite and not zero, else None."""
    with np.errstate(all="ignore"):
        product = first * second
    if product.dtype.kind != "f":
        return product
    if product == 0 or not np.isfinite(product):
        return None
    (a, b), (c, d), (e, f) = (v.as_integer_ratio() for v in (first, second, product))
    return product if a * c * f == b * d * e else None


@ALGEBRA.rule(
    "mul", exact=False, domain="c1 * c2 is exact, finite and not zero",
    example=(lambda n: 2 * (3 * n), lambda x: 0.5 * (6.0 / x)),
)  # fmt: skip
def product_of_constants(node: Node) -> Node | None:
    """c1 * (c2 * x) -> (c1 c2) * x, c1 * (c2 / x) -> (c1 c2) / x"""
    first, inner = node.args
    if not is_op(inner, "mul", "true_div") or node.dtype == dtypes.BOOL:
        return None
    outside, inside = scalar(first), scalar(inner.args[0])
    if outside is None or inside is None:
        return None
    product = _exact_product(outside, inside)
    return None if product is None else apply_row(
        inner.op.name, like(inner.args[0], product), inner.args[1]
    )  # fmt: skip


@ALGEBRA.rule(
    "true_div", domain="c is a power of two, 1 / c a normal number",
    example=(lambda x: x / 2, lambda x: x / -0.25),
)  # fmt: skip
def div_power_of_two(node: Node) -> Node | None:
    """x / c -> (1 / c) * x"""
    x, divisor = node.args
    value = scalar(divisor)
    if value is None or abs(math.frexp(value)[0]) != 0.5:
        return None
    with np.errstate(all="ignore"):
        inverse = 1 / value
    if not np.isfinite(inverse) or abs(inverse) < np.finfo(inverse.dtype).tiny:
        return None
    return apply_row("mul", like(divisor, inverse), x)


@ALGEBRA.rule("add", "sub", example=(lambda n: -3 + n, lambda n: n - -3))
def sign_of_constant(node: Node) -> Node | None:
    """-3 + x -> x - 3, x - -3 -> 3 + x"""
    number, other = node.args if is_op(node, "add") else node.args[::-1]
    value = scalar(number)
    if value is None or not value < 0 or _negated(value) < 0:
        return None
    positive = like(number, _negated(value))
    if is_op(node, "add"):
        return apply_row("sub", other, positive)
    return apply_row("add", positive, other)


@ALGEBRA.rule(
    "add", "sub",
    example=(lambda i: 3 + (i + 2), lambda i: (2 - i) + 3, lambda i: (i - 3) - 5,
             lambda i: (2 + i) - 3, lambda i: 3 - (2 + i), lambda i: 3 - (2 - i)),
)  # fmt: skip
def sum_of_int_constants(node: Node) -> Node | None:
    """c1 + (c2 + i) -> (c1 + c2) + i, of integers"""
    if node.dtype != dtypes.INT64:
        return None
    terms = _with_sign(node.args[1], -1 if is_op(node, "sub") else 1)
    terms += _with_sign(node.args[0], 1)
    numbers = [int(value) * s for t, s in terms if (value := scalar(t)) is not None]
    others = [(t, s) for t, s in terms if scalar(t) is None]
    if len(numbers) != 2 or len(others) != 1:
        return None
    total = (sum(numbers) + 2**63) % 2**64 - 2**63
    other, sign = others[0]
    return apply_row("add" if sign > 0 else "sub", like(other, total), other)


def _with_sign(node: Node, sign: int) -> list[tuple[Node, int]]:
    """The terms of a sum or difference of two, or the node alone."""
    if not is_op(node, "add", "sub"):
        return [(node, sign)]
    first, second = node.args
    return [(first, sign), (second, sign if is_op(node, "add") else -sign)]


@ALGEBRA.rule(
    "add", exact=False, domain="floats: c1, c2 > 0 and c1 + c2 exact",
    example=(lambda n: 2 * n + n, lambda n: 2 * n + 3 * n, lambda n: n + n + n),
)  # fmt: skip
def collect(node: Node) -> Node | None:
    """c1 * x + c2 * x -> (c1 + c2) * x"""
    if node.dtype == dtypes.BOOL:
        return None
    (first, x), (second, y) = map(coefficient, node.args)
    if x is not y or scalar(x) is not None:
        return None
    with np.errstate(all="ignore"):
        total = first + second
    if dtypes.is_float(node.dtype):
        if not (first > 0 and second > 0 and np.isfinite(total)):
            return None
        (a, b), (c, d), (e, f) = (v.as_integer_ratio() for v in (first, second, total))
        if (a * d + c * b) * f != b * d * e:
            return None
    return apply_row("mul", like(x, total), x)


@ALGEBRA.rule(
    "abs", "dsigmoid", "dtanh",
    example=(lambda x: apply("abs", -3 * x), lambda x: apply("dsigmoid", -3 * x),
             lambda x: apply("dtanh", 3 * apply("abs", x))),
)  # fmt: skip
def even_of_product(node: Node) -> Node | None:
    """abs(c * x) -> |c| * abs(x), dsigmoid(-c * x) -> dsigmoid(c * x), dtanh likewise"""
    (inner,) = node.args
    value, x = coefficient(inner)
    if x is inner or not dtypes.is_float(node.dtype):
        return None
    size = like(x, abs(value))
    if is_op(node, "abs"):
        return apply_row("mul", size, apply_row("abs", x))
    if is_op(x, "abs"):
        x = x.args[0]
    elif not np.signbit(value):
        return None
    return apply_row(node.op.name, apply_row("mul", size, x))


@ALGEBRA.rule(
    "logical_not",
    "invert",
    example=(lambda a, b: ~apply("eq", a, b), lambda a, b: ~apply("neq", a, b)),
)
def invert_comparison(node: Node) -> Node | None:
    """~(a == b) -> a != b, ~(a != b) -> a == b"""
    (inner,) = node.args
    other = {"eq": "neq", "neq": "eq"}.get(inner.op.name)
    return None if other is None else apply_row(other, *inner.args)
