"""Products and differences of logistic functions at the edges of their rules, one at a time."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.ops.scalar import apply_row
from cgrad.rewrites import simplify
from cgrad.rewrites.logistic import MOST_FACTORS, factors_of, opposite

X, Y, Z = tensor("x"), tensor("y"), tensor("z")


def op(name: str, *args: Node | float) -> Node:
    return apply_row(name, *(a if isinstance(a, Node) else number(a) for a in args))


def add(*args: Node | float) -> Node:
    return op("add", *args)


def sub(*args: Node | float) -> Node:
    return op("sub", *args)


def mul(*args: Node | float) -> Node:
    """The product from left to right."""
    return functools.reduce(lambda a, b: op("mul", a, b), args)  # type: ignore[arg-type,return-value]


def div(*args: Node | float) -> Node:
    return op("true_div", *args)


def neg(x: Node) -> Node:
    return op("neg", x)


def exp(x: Node) -> Node:
    return op("exp", x)


def sigmoid(x: Node) -> Node:
    return op("sigmoid", x)


def dsigmoid(x: Node) -> Node:
    return op("dsigmoid", x)


def sqr(x: Node) -> Node:
    return op("sqr", x)


def power(x: Node, k: float) -> Node:
    return op("pow", x, k)


E = exp(X)
FACTORS = [
    (X, "x"),
    (mul(X, Y, Z), "x y z"),
    (mul(X, mul(Y, Z)), "x y z"),
    (div(X, Y), "x /y"),
    (div(X, mul(Y, Z)), "x /y /z"),
    (div(X, div(Y, Z)), "x /y z"),
    (mul(div(X, Y), div(Z, X)), "x /y z /x"),
    (sqr(E), "exp exp"),
    (sqr(X), "sqr"),
    (power(E, 3.0), "exp exp exp"),
    (power(E, 4.0), "exp exp exp exp"),
    (power(E, -2.0), "/exp /exp"),
    (power(E, -3.0), "/exp /exp /exp"),
    (power(E, -4.0), "/exp /exp /exp /exp"),
    (power(E, 5.0), "pow"),
    (power(E, 2.5), "pow"),
    (op("pow", E, Y), "pow"),
    (op("hypot", E, 3.0), "hypot"),
    (power(X, 3.0), "pow"),
    (div(Y, power(E, -2.0)), "y exp exp"),
    (div(Y, sqr(sigmoid(X))), "y /sigmoid /sigmoid"),
    (sqr(add(1.0, E)), "add add"),
    (sqr(dsigmoid(X)), "dsigmoid dsigmoid"),
]


@pytest.mark.parametrize(("node", "text"), FACTORS)
def test_factors(node: Node, text: str) -> None:
    found = factors_of(node)
    assert " ".join("/" * f.inverse + (f.node.name or f.node.op.name) for f in found) == text


def test_products_are_taken_apart_to_so_many_factors() -> None:
    several = [tensor(f"x{k}") for k in range(MOST_FACTORS + 5)]
    assert len(factors_of(mul(*several))) == MOST_FACTORS + 1
    right = functools.reduce(lambda a, b: mul(b, a), several)
    assert len(factors_of(right)) == MOST_FACTORS + 1


OPPOSITE = [
    (neg(X), X), (sub(X, Y), sub(Y, X)), (mul(3.0, X), mul(-3.0, X)), (div(3.0, X), div(-3.0, X)),
    (number(2.0), number(-2.0)),
]  # fmt: skip
NOT_OPPOSITE = [
    (X, X), (X, Y), (neg(X), Y), (neg(X), neg(X)), (exp(X), X), (sub(X, Y), sub(X, Y)),
    (sub(X, Y), sub(Y, Z)), (sub(X, Y), sub(Z, X)), (sub(X, Y), add(Y, X)),
    (mul(3.0, X), mul(3.0, X)), (mul(3.0, X), div(-3.0, X)), (mul(3.0, X), mul(-3.0, Y)),
    (mul(Y, X), mul(-3.0, X)), (mul(Y, X), mul(Z, X)), (add(3.0, X), add(-3.0, X)),
    (number(2.0), number(2.0)), (number(2.0), X),
]  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [(*pair, True) for pair in OPPOSITE] + [(*pair, False) for pair in NOT_OPPOSITE],
)
def test_opposite(a: Node, b: Node, want: bool) -> None:
    assert opposite(a, b) is want
    assert opposite(b, a) is want


PAIRS: list[Case] = [
    # what divides alone
    ("logistic_product", lambda: div(Y, add(1.0, exp(X))), lambda: mul(Y, sigmoid(neg(X)))),
    ("logistic_product", lambda: div(Y, add(1.0, exp(neg(X)))), lambda: mul(Y, sigmoid(X))),
    ("logistic_product", lambda: mul(Y, add(1.0, exp(X))), None),
    ("logistic_product", lambda: div(Y, add(2.0, exp(X))), None),
    ("logistic_product", lambda: div(Y, add(1.0, X)), None),
    ("logistic_product", lambda: div(Y, sub(1.0, exp(X))), None),
    ("logistic_product", lambda: div(X, Y), None),
    # two factors
    ("logistic_product", lambda: mul(exp(neg(X)), sigmoid(X)), lambda: sigmoid(neg(X))),
    ("logistic_product", lambda: mul(exp(X), sigmoid(neg(X))), lambda: sigmoid(X)),
    ("logistic_product", lambda: mul(exp(X), sigmoid(X)), None),
    ("logistic_product", lambda: mul(exp(Y), sigmoid(X)), None),
    ("logistic_product", lambda: div(exp(neg(X)), sigmoid(X)), None),
    ("logistic_product", lambda: div(exp(X), sigmoid(X)), None),
    ("logistic_product", lambda: mul(exp(X), dsigmoid(X)), lambda: sqr(sigmoid(X))),
    ("logistic_product", lambda: mul(exp(neg(X)), dsigmoid(X)), lambda: sqr(sigmoid(neg(X)))),
    ("logistic_product", lambda: mul(exp(Y), dsigmoid(X)), None),
    ("logistic_product", lambda: div(exp(X), dsigmoid(X)), None),
    ("logistic_product", lambda: mul(exp(X), exp(X)), None),
    ("logistic_product", lambda: div(sigmoid(X), exp(X)), lambda: sigmoid(neg(X))),
    ("logistic_product", lambda: div(sigmoid(neg(X)), exp(neg(X))), lambda: sigmoid(X)),
    ("logistic_product", lambda: div(sigmoid(X), exp(neg(X))), None),
    ("logistic_product", lambda: div(sigmoid(X), exp(Y)), None),
    ("logistic_product", lambda: div(dsigmoid(X), exp(X)), None),
    ("logistic_product", lambda: mul(sigmoid(X), sigmoid(neg(X))), lambda: dsigmoid(X)),
    ("logistic_product", lambda: mul(sigmoid(neg(X)), sigmoid(X)), lambda: dsigmoid(X)),
    ("logistic_product", lambda: mul(sigmoid(sub(X, Y)), sigmoid(sub(Y, X))),
     lambda: dsigmoid(sub(X, Y))),
    ("logistic_product", lambda: mul(sigmoid(X), sigmoid(X)), None),
    ("logistic_product", lambda: mul(sigmoid(X), sigmoid(Y)), None),
    ("logistic_product", lambda: mul(sigmoid(X), dsigmoid(neg(X))), None),
    ("logistic_product", lambda: mul(sigmoid(X), op("tanh", neg(X))), None),
    ("logistic_product", lambda: div(sigmoid(X), op("tanh", neg(X))), None),
    ("logistic_product", lambda: div(sigmoid(X), sigmoid(neg(X))), lambda: exp(X)),
    ("logistic_product", lambda: div(sigmoid(X), sigmoid(X)), None),
    ("logistic_product", lambda: div(sigmoid(X), dsigmoid(neg(X))), None),
    ("logistic_product", lambda: div(dsigmoid(X), sigmoid(X)), lambda: sigmoid(neg(X))),
    ("logistic_product", lambda: div(dsigmoid(X), sigmoid(neg(X))), lambda: sigmoid(X)),
    ("logistic_product", lambda: div(dsigmoid(X), sigmoid(Y)), None),
    ("logistic_product", lambda: mul(dsigmoid(X), sigmoid(X)), None),
    ("logistic_product", lambda: div(dsigmoid(X), op("tanh", X)), None),
    # among others, which keep their places
    ("logistic_product", lambda: mul(Y, sigmoid(X), Z, exp(neg(X))),
     lambda: mul(Y, sigmoid(neg(X)), Z)),
    ("logistic_product", lambda: mul(Y, exp(neg(X)), Z, sigmoid(X), X),
     lambda: mul(Y, sigmoid(neg(X)), Z, X)),
    ("logistic_product", lambda: div(mul(Y, exp(neg(X)), sigmoid(X)), Z),
     lambda: div(mul(Y, sigmoid(neg(X))), Z)),
    ("logistic_product", lambda: mul(div(Y, exp(neg(X))), sigmoid(X)), None),
    ("logistic_product", lambda: div(mul(Y, sigmoid(X)), mul(exp(X), Z)),
     lambda: div(mul(Y, sigmoid(neg(X))), Z)),
    ("logistic_product", lambda: mul(power(exp(Y), -2.0), mul(exp(neg(X)), sigmoid(X))),
     lambda: mul(div(op("reciprocal", exp(Y)), exp(Y)), sigmoid(neg(X)))),
    ("logistic_product", lambda: mul(Y, div(Z, add(1.0, exp(X)))),
     lambda: mul(Y, Z, sigmoid(neg(X)))),
    ("logistic_product", lambda: mul(div(Y, add(1.0, exp(X))), Z),
     lambda: mul(Y, sigmoid(neg(X)), Z)),
    # one after the other
    ("logistic_product", lambda: div(exp(X), add(1.0, exp(X))), lambda: sigmoid(X)),
    ("logistic_product", lambda: div(exp(neg(X)), sqr(add(1.0, exp(neg(X))))),
     lambda: dsigmoid(X)),
]  # fmt: skip


def deep(depth: int) -> Node:
    """A sum in a sum, so many, of terms with a logistic factor."""
    total = sigmoid(X)
    for k in range(depth):
        total = add(mul(float(k + 2), sigmoid(X)), total)
    return total


SUMS: list[Case] = [
    ("logistic_sum", lambda: mul(add(mul(3.0, sigmoid(X)), sqr(sigmoid(X))), exp(neg(X))),
     lambda: add(mul(3.0, sigmoid(neg(X))), mul(sigmoid(neg(X)), sigmoid(X)))),
    ("logistic_sum", lambda: mul(Y, exp(neg(X)), Z, sub(sigmoid(X), mul(Y, sigmoid(X)))),
     lambda: mul(Y, sub(sigmoid(neg(X)), mul(Y, sigmoid(neg(X)))), Z)),
    ("logistic_sum", lambda: mul(exp(neg(X)), add(mul(Y, sigmoid(X), Z), neg(sigmoid(X)))),
     lambda: add(mul(Y, sigmoid(neg(X)), Z), neg(sigmoid(neg(X))))),
    ("logistic_sum", lambda: mul(exp(neg(X)), add(sigmoid(X), Y)), None),
    ("logistic_sum", lambda: mul(exp(neg(X)), add(Y, sigmoid(X))), None),
    ("logistic_sum", lambda: mul(exp(Y), add(sigmoid(X), mul(Z, sigmoid(X)))), None),
    ("logistic_sum", lambda: mul(div(Y, add(sigmoid(X), mul(Z, sigmoid(X)))), exp(neg(X))), None),
    ("logistic_sum", lambda: mul(exp(neg(X)), sigmoid(X)), None),
    ("logistic_sum", lambda: mul(sigmoid(neg(X)), add(sigmoid(X), mul(Y, sigmoid(X)))), None),
    ("logistic_sum", lambda: mul(exp(neg(X)), deep(MOST_FACTORS + 1)), None),
]  # fmt: skip
DIFFERENCES: list[Case] = [
    ("logistic_difference", lambda: sub(Y, mul(Y, sigmoid(X))), lambda: mul(Y, sigmoid(neg(X)))),
    ("logistic_difference", lambda: sub(Y, mul(Y, sigmoid(neg(X)))), lambda: mul(Y, sigmoid(X))),
    ("logistic_difference", lambda: sub(sigmoid(X), sqr(sigmoid(X))),
     lambda: mul(sigmoid(X), sigmoid(neg(X)))),
    ("logistic_difference", lambda: sub(sigmoid(neg(X)), dsigmoid(X)),
     lambda: mul(sigmoid(neg(X)), sigmoid(neg(X)))),
    ("logistic_difference", lambda: sub(sigmoid(X), dsigmoid(X)),
     lambda: mul(sigmoid(X), sigmoid(X))),
    ("logistic_difference",
     lambda: sub(sigmoid(mul(3.0, X)), mul(sigmoid(mul(3.0, X)), sigmoid(mul(-3.0, X)))),
     lambda: mul(sigmoid(mul(3.0, X)), sigmoid(neg(mul(-3.0, X))))),
    ("logistic_difference", lambda: sub(div(Y, Z), div(mul(Y, sigmoid(X)), Z)),
     lambda: mul(div(Y, Z), sigmoid(neg(X)))),
    ("logistic_difference", lambda: sub(mul(Y, sigmoid(Z)), mul(sigmoid(Z), Y, sigmoid(X))),
     lambda: mul(Y, sigmoid(Z), sigmoid(neg(X)))),
    ("logistic_difference", lambda: sub(Y, sigmoid(X)), None),
    ("logistic_difference", lambda: sub(Y, Y), None),
    ("logistic_difference", lambda: sub(Y, mul(Y, Z)), None),
    ("logistic_difference", lambda: sub(Y, mul(Y, exp(X))), None),
    ("logistic_difference", lambda: sub(Y, mul(Z, sigmoid(X))), None),
    ("logistic_difference", lambda: sub(mul(Y, Y), mul(Y, sigmoid(X))), None),
    ("logistic_difference", lambda: sub(Y, mul(Y, sigmoid(X), sigmoid(Z))), None),
    ("logistic_difference", lambda: sub(Y, mul(Y, dsigmoid(X))), None),
    ("logistic_difference", lambda: sub(mul(Y, sigmoid(X)), mul(Y, sigmoid(X))), None),
    ("logistic_difference", lambda: sub(mul(Y, sigmoid(X)), mul(Y, sigmoid(X), Z)), None),
    ("logistic_difference", lambda: sub(Y, div(Y, sigmoid(X))), None),
    ("logistic_difference", lambda: sub(mul(Y, sigmoid(Z)), div(mul(Y, sigmoid(Z)), sigmoid(X))),
     None),
    ("logistic_difference", lambda: sub(mul(Y, Z), div(mul(Y, sigmoid(X)), Z)), None),
    ("logistic_difference", lambda: sub(div(Y, X), mul(Y, sigmoid(X), sigmoid(Z))), None),
    ("logistic_difference", lambda: sub(mul(Y, X), mul(Y, sigmoid(mul(0.0, X)), sigmoid(Z))),
     None),
]  # fmt: skip


@parametrize(PAIRS)
def test_pairs_of_factors(case: Case) -> None:
    check(case)


@parametrize(SUMS)
def test_sums_times_an_exponential(case: Case) -> None:
    check(case)


def test_sums_are_looked_through_to_a_depth() -> None:
    want = sigmoid(neg(X))
    for k in range(MOST_FACTORS - 1):
        want = add(mul(float(k + 2), sigmoid(neg(X))), want)
    old = deep(MOST_FACTORS - 1)
    check(("logistic_sum", lambda: mul(exp(neg(X)), old), lambda: want))


@parametrize(DIFFERENCES)
def test_differences(case: Case) -> None:
    check(case)


def test_a_factor_is_not_taken_for_the_argument_of_a_logistic_function() -> None:
    """y/x - y s(x) s(z) was rewritten as y/x s(-z), and x y - y s(0 x) s(z) likewise."""
    old = [
        sub(div(Y, X), mul(Y, sigmoid(X), sigmoid(Z))),
        sub(mul(X, Y), mul(Y, sigmoid(mul(0.0, X)), sigmoid(Z))),
    ]
    given = {X: 0.3, Y: 1.7, Z: 0.9}
    np.testing.assert_allclose(evaluate(simplify(old), given), evaluate(old, given), rtol=1e-14)
