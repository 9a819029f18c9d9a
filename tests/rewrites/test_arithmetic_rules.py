"""Rules of arithmetic that are functions, at the edges of their conditions, one at a time."""

from __future__ import annotations

from typing import Any

import pytest
from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core.node import Node
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.scalar import apply_row

X, Y, V, P = tensor("x"), tensor("y"), tensor("v", None), tensor("p", dtype="bool")
K, L = tensor("k", dtype="int64"), tensor("l", dtype="int64")
S, J = tensor("s", dtype="float32"), tensor("j", dtype="int32")
DTYPES = {"x": "float64", "k": "int64", "l": "int64", "s": "float32", "j": "int32", "p": "bool"}
n = V.dims[0]


def op(name: str, *args: Any) -> Node:
    """The function of the table; a number has the dtype and shape of the other argument."""
    model = next((arg for arg in args if isinstance(arg, Node)), X)
    return apply_row(
        name,
        *(a if isinstance(a, Node) else number(a, *model.dims, dtype=model.dtype) for a in args),
    )


def add(*args: Any) -> Node:
    return op("add", *args)


def sub(*args: Any) -> Node:
    return op("sub", *args)


def mul(*args: Any) -> Node:
    return op("mul", *args)


def div(*args: Any) -> Node:
    return op("true_div", *args)


def neg(x: Node) -> Node:
    return op("neg", x)


def wide(x: Node) -> Node:
    return broadcast_axes(x, (n,), ())


LEAST = -(2**63)
SIGNS: list[Case] = [
    ("constant_first", lambda: mul(X, 2.0), lambda: mul(2.0, X)),
    ("constant_first", lambda: op("eq", X, 2.0), lambda: op("eq", 2.0, X)),
    ("constant_first", lambda: mul(2.0, X), None),
    ("constant_first", lambda: mul(number(2.0), number(3.0)), None),
    ("constant_first", lambda: mul(X, Y), None),
    ("neg_of_constant", lambda: neg(mul(3.0, X)), lambda: mul(-3.0, X)),
    ("neg_of_constant", lambda: neg(div(3.0, X)), lambda: div(-3.0, X)),
    ("neg_of_constant", lambda: neg(mul(LEAST, K)), lambda: mul(LEAST, K)),
    ("neg_of_constant", lambda: neg(add(3.0, X)), None),
    ("neg_of_constant", lambda: neg(mul(X, Y)), None),
    ("neg_of_constant", lambda: neg(div(X, 3.0)), None),
    ("neg_outside", lambda: mul(X, Y), None),
    ("neg_outside", lambda: div(X, Y), None),
    ("neg_outside", lambda: mul(neg(X), Y), lambda: neg(mul(X, Y))),
    ("neg_outside", lambda: mul(X, neg(Y)), lambda: neg(mul(X, Y))),
    ("neg_outside", lambda: div(neg(X), Y), lambda: neg(div(X, Y))),
    ("neg_outside", lambda: div(X, neg(Y)), lambda: neg(div(X, Y))),
    ("neg_outside", lambda: mul(neg(X), 3.0), lambda: mul(X, -3.0)),
    ("neg_outside", lambda: mul(3.0, neg(X)), lambda: mul(-3.0, X)),
    ("neg_outside", lambda: div(neg(X), 3.0), lambda: div(X, -3.0)),
    ("neg_outside", lambda: div(3.0, neg(X)), lambda: div(-3.0, X)),
    ("neg_outside", lambda: mul(wide(neg(X)), V), lambda: neg(mul(wide(X), V))),
    ("neg_outside", lambda: div(V, wide(neg(X))), lambda: neg(div(V, wide(X)))),
    ("neg_outside", lambda: mul(wide(op("exp", X)), V), None),
    ("neg_outside", lambda: mul(wide(X), V), None),
    ("neg_outside", lambda: mul(op("sqr", neg(X)), Y), None),
    ("sign_of_constant", lambda: add(-3.0, X), lambda: sub(X, 3.0)),
    ("sign_of_constant", lambda: sub(X, -3.0), lambda: add(3.0, X)),
    ("sign_of_constant", lambda: add(-3, K), lambda: sub(K, 3)),
    ("sign_of_constant", lambda: add(-0.5, X), lambda: sub(X, 0.5)),
    ("sign_of_constant", lambda: add(0.5, X), None),
    ("sign_of_constant", lambda: sub(-3.0, X), None),
    ("sign_of_constant", lambda: add(3.0, X), None),
    ("sign_of_constant", lambda: sub(X, 3.0), None),
    ("sign_of_constant", lambda: add(-0.0, X), None),
    ("sign_of_constant", lambda: add(float("nan"), X), None),
    ("sign_of_constant", lambda: add(X, Y), None),
    ("sign_of_constant", lambda: sub(X, Y), None),
    ("sign_of_constant", lambda: add(LEAST, K), None),
    ("sign_of_constant", lambda: add(True, P), None),
    ("even_of_product", lambda: op("abs", mul(-3.0, X)), lambda: mul(3.0, op("abs", X))),
    ("even_of_product", lambda: op("abs", mul(3.0, X)), lambda: mul(3.0, op("abs", X))),
    ("even_of_product", lambda: op("abs", mul(-3, K)), None),
    ("even_of_product", lambda: op("abs", X), None),
    ("even_of_product", lambda: op("abs", mul(X, Y)), None),
    ("even_of_product", lambda: op("dtanh", mul(-3.0, X)), lambda: op("dtanh", mul(3.0, X))),
    ("even_of_product", lambda: op("dtanh", mul(3.0, X)), None),
    ("even_of_product", lambda: op("dsigmoid", mul(3.0, op("abs", X))),
     lambda: op("dsigmoid", mul(3.0, X))),
    ("even_of_product", lambda: op("dsigmoid", mul(-3.0, op("abs", X))),
     lambda: op("dsigmoid", mul(3.0, X))),
    *((name, lambda f=f, old=old: op(f, op(old, X, Y)), lambda new=new: op(new, X, Y))
      for name, old, new in (("invert_comparison", "eq", "neq"), ("invert_comparison", "neq", "eq"))
      for f in ("logical_not", "invert")),
    ("invert_comparison", lambda: op("invert", op("lt", X, Y)), None),
]  # fmt: skip
COEFFICIENTS: list[Case] = [
    ("product_of_constants", lambda: mul(2.0, mul(3.0, X)), lambda: mul(6.0, X)),
    ("product_of_constants", lambda: mul(0.5, div(6.0, X)), lambda: div(3.0, X)),
    ("product_of_constants", lambda: mul(6.0, mul(0.5, X)), lambda: mul(3.0, X)),
    ("product_of_constants", lambda: mul(0.5, mul(0.75, X)), lambda: mul(0.375, X)),
    ("product_of_constants", lambda: mul(2**62, mul(4, K)), lambda: mul(0, K)),
    ("product_of_constants", lambda: mul(2.0, add(3.0, X)), None),
    ("product_of_constants", lambda: mul(2.0, mul(X, Y)), None),
    ("product_of_constants", lambda: mul(Y, mul(2.0, X)), None),
    ("product_of_constants", lambda: mul(True, mul(True, P)), None),
    ("product_of_constants", lambda: mul(0.1, mul(3.0, X)), None),
    ("product_of_constants", lambda: mul(1e200, mul(1e200, X)), None),
    ("product_of_constants", lambda: mul(1e-200, mul(1e-200, X)), None),
    ("product_of_constants", lambda: mul(0.0, mul(3.0, X)), None),
    ("product_of_constants", lambda: mul(float("inf"), mul(3.0, X)), None),
    ("product_of_constants", lambda: mul(3.0, mul(float("nan"), X)), None),
    ("div_power_of_two", lambda: div(X, 2.0), lambda: mul(0.5, X)),
    ("div_power_of_two", lambda: div(X, -0.25), lambda: mul(-4.0, X)),
    ("div_power_of_two", lambda: div(X, 2.0**1022), lambda: mul(2.0**-1022, X)),
    ("div_power_of_two", lambda: div(X, 2.0**-1022), lambda: mul(2.0**1022, X)),
    ("div_power_of_two", lambda: div(X, 2.0**1023), None),
    ("div_power_of_two", lambda: div(S, 2.0**127), None),
    ("div_power_of_two", lambda: div(S, 2.0**126), lambda: mul(2.0**-126, S)),
    ("div_power_of_two", lambda: div(X, 5e-324), None),
    ("div_power_of_two", lambda: div(X, -5e-324), None),
    ("div_power_of_two", lambda: div(X, 3.0), None),
    ("div_power_of_two", lambda: div(X, Y), None),
    *(("div_power_of_two", lambda c=c: div(X, c), None)
      for c in (0.0, float("inf"), -float("inf"), float("nan"))),
    ("collect", lambda: add(mul(2.0, X), X), lambda: mul(3.0, X)),
    ("collect", lambda: add(X, mul(2.0, X)), lambda: mul(3.0, X)),
    ("collect", lambda: add(mul(0.5, X), mul(0.25, X)), lambda: mul(0.75, X)),
    ("collect", lambda: add(mul(0.25, X), mul(0.5, X)), lambda: mul(0.75, X)),
    ("collect", lambda: add(neg(K), mul(3, K)), lambda: mul(2, K)),
    ("collect", lambda: add(mul(-5, K), mul(3, K)), lambda: mul(-2, K)),
    ("collect", lambda: add(mul(2.0, X), Y), None),
    ("collect", lambda: add(number(2.0), number(2.0)), None),
    ("collect", lambda: add(mul(0.1, X), mul(0.2, X)), None),
    ("collect", lambda: add(mul(1e308, X), mul(1e308, X)), None),
    ("collect", lambda: add(mul(float("inf"), X), X), None),
    ("collect", lambda: add(neg(X), mul(3.0, X)), None),
    ("collect", lambda: add(mul(3.0, X), neg(X)), None),
    ("collect", lambda: add(mul(0.0, X), X), None),
    ("collect", lambda: add(X, mul(0.0, X)), None),
    ("collect", lambda: add(P, P), None),
]  # fmt: skip
INTEGERS: list[Case] = [
    ("sum_of_int_constants", before, after)
    for before, after in [
        (lambda: add(3, add(K, 2)), lambda: add(5, K)),
        (lambda: add(add(2, K), 3), lambda: add(5, K)),
        (lambda: add(sub(2, K), 3), lambda: sub(5, K)),
        (lambda: add(3, sub(K, 2)), lambda: add(1, K)),
        (lambda: sub(sub(K, 3), 5), lambda: add(-8, K)),
        (lambda: sub(add(2, K), 3), lambda: add(-1, K)),
        (lambda: sub(3, add(2, K)), lambda: sub(1, K)),
        (lambda: sub(3, sub(2, K)), lambda: add(1, K)),
        (lambda: sub(3, sub(K, 2)), lambda: sub(5, K)),
        (lambda: add(2**63 - 1, add(K, 1)), lambda: add(LEAST, K)),
        (lambda: add(LEAST, sub(K, 1)), lambda: add(2**63 - 1, K)),
        (lambda: add(LEAST, sub(0, K)), lambda: sub(LEAST, K)),
        (lambda: add(add(1, K), add(2, L)), None),
        (lambda: add(K, add(L, 1)), None),
        (lambda: add(1, K), None),
        (lambda: add(K, L), None),
        (lambda: add(number(1, dtype="int64"), number(2, dtype="int64")), None),
        (lambda: add(3, add(J, 2)), None),
        (lambda: add(3.0, add(X, 2.0)), None),
    ]
]  # fmt: skip


@parametrize(SIGNS)
def test_signs(case: Case) -> None:
    check(case)


@parametrize(COEFFICIENTS)
@pytest.mark.filterwarnings("ignore:overflow")
def test_coefficients(case: Case) -> None:
    check(case)


@parametrize(INTEGERS)
def test_integer_constants(case: Case) -> None:
    check(case)
