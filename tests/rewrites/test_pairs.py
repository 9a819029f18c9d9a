"""All combinations of two functions of two unknowns: near misses of rules keep their value.

The examples of a rule say where it fires; most of these are where it must not.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import cgrad.tensor as ct
from cgrad import pp
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.ops.elementwise import apply
from cgrad.rewrites import expand, simplify

X, Y = ct.dvector("x"), ct.dvector("y")
# moderate, so that what is right agrees to some digits however it is written
POINTS = {X: np.array([0.3, 1.7, -0.4]), Y: np.array([0.9, -0.6, 1.3])}
UNARY = ["exp", "sigmoid", "dsigmoid", "tanh", "sqr", "neg", "abs", "log1p", "sqrt", "erf",
         "reciprocal", "softplus", "identity"]  # fmt: skip
OUTER = ["identity", "log", "exp", "reciprocal", "sqrt"]
LOGISTIC = ["exp", "sigmoid", "dsigmoid"]


def agree(graphs: list[Node]) -> None:
    with np.errstate(all="ignore"):
        before = evaluate(graphs, POINTS)
        simple = simplify(graphs)
        for after in (evaluate(simple, POINTS), evaluate(expand(simple), POINTS)):
            for graph, old, new in zip(graphs, before, after, strict=True):
                scale = np.maximum(np.abs(old), 1)
                # what was no number may become one
                bad = ~(np.abs(old - new) <= 1e-12 * scale) & (old != new) & np.isfinite(old)
                assert not np.any(bad), (pp(graph), old, new)


def arguments() -> list[tuple[Node, Node]]:
    return [(X, X), (X, -X), (X, Y), (X - Y, Y - X), (-X, Y), (2 * X, -2 * X)]


@pytest.mark.parametrize("outer", OUTER)
def test_functions_of_sums_and_products(outer: str) -> None:
    graphs = []
    for f, g in itertools.product(UNARY, UNARY):
        for a, b in arguments()[:3]:
            left, right = apply(f, a), apply(g, b)
            graphs += [apply(outer, apply(op, left, right)) for op in ("add", "sub", "mul")]
            graphs.append(apply(outer, left / right))
    agree(graphs)


@pytest.mark.parametrize("third", LOGISTIC)
def test_products_of_logistic_functions(third: str) -> None:
    graphs = []
    for f, g in itertools.product(LOGISTIC, LOGISTIC):
        for a, b in arguments():
            one, two = apply(f, a), apply(g, b)
            for c in (X, -X, Y):
                other = apply(third, c)
                graphs += [one * two * other, one * two / other, one / two * other,
                           one / (1 + two), (one + Y * one) * other, other / (one + Y * one),
                           one * (1 - two) * other, apply("sqr", one) * other,
                           apply("reciprocal", Y) * one * other,
                           apply("reciprocal", one) * two * other]  # fmt: skip
    agree(graphs)


@pytest.mark.parametrize("c", [1, -1, 2, 0.5, 3])
def test_constants(c: float) -> None:
    graphs = []
    for f, op in itertools.product(UNARY, ("add", "sub", "mul", "true_div", "pow")):
        x = apply(f, X)
        for pair in ((x, c), (c, x)):
            inner = apply(op, *pair)
            graphs += [apply(g, inner) for g in UNARY]
            graphs += [apply(other, inner, d) for other in ("add", "sub", "mul", "true_div")
                       for d in (c, Y)]  # fmt: skip
    agree(graphs)
