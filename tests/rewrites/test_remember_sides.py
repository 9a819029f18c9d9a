"""Choices read what is computed outside of them, or in an earlier choice of the same condition."""

from __future__ import annotations

from collections import Counter

import numpy as np

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.branch import Branch, enclose, inside_of_sides
from cgrad.rewrites import simplify

c, s, x, W = ct.bscalar("c"), ct.dscalar("s"), ct.dvector("x"), ct.dmatrix("W")


def simple(outputs: list[Node]) -> list[Node]:
    return simplify(enclose(outputs))


def ops(outputs: list[Node]) -> Counter[str]:
    """How many nodes of each name there are, those in sides too."""
    order = toposort(outputs)
    return Counter(node.op.name for node in {*order, *inside_of_sides(order)})


def test_a_loop_is_not_run_again_for_the_derivative() -> None:
    def simulated(h: Node) -> Node:
        return cgrad.scan(lambda h: ct.tanh(s * h), outputs_info=[h], n_steps=9,
                          return_updates=False)[-1]  # fmt: skip

    h = cgrad.ifelse(c, simulated(x), x * s)
    cost = ct.sum(ct.sin(h))  # the slope needs h, so its choice comes after that of the value
    assert ops(simple([cost, cgrad.grad(cost, s)]))["scan"] == 2


def test_products_of_both_sides_share_a_result() -> None:
    h = cgrad.ifelse(c, ct.tanh(W @ x), ct.sin(W @ ct.cos(x)))
    cost = ct.sum(h**2)
    outputs = simple([cost, cgrad.grad(cost, x)])
    assert ops(outputs)["dot"] == 4  # two of the values, two of the slopes
    (first, _) = [node for node in toposort(outputs) if isinstance(node.op, Branch)]
    assert first.op.count == 2
    f = cgrad.function([c, x, W], [cost, cgrad.grad(cost, x)])
    x0, W0 = np.array([0.3, -0.4]), np.array([[0.5, 1.0], [-1.0, 2.0]])
    for c0, h0, slope in (
        (True, np.tanh(W0 @ x0), lambda g: (g / np.cosh(W0 @ x0) ** 2) @ W0),
        (False, np.sin(W0 @ np.cos(x0)),
         lambda g: -((g * np.cos(W0 @ np.cos(x0))) @ W0) * np.sin(x0)),
    ):  # fmt: skip
        np.testing.assert_allclose(f(c0, x0, W0)[0], np.sum(h0**2))
        np.testing.assert_allclose(f(c0, x0, W0)[1], slope(2 * h0))


def test_what_is_there_outside_is_not_computed_in_a_side() -> None:
    product = W @ x
    slope = cgrad.grad(ct.sum(cgrad.ifelse(c, ct.exp(W @ x), x) ** 2), x)
    # one of the value, which is outside, and the transposed one
    assert ops(simple([product, slope]))["dot"] == 2


def test_what_is_cheap_is_computed_again() -> None:
    cost = ct.sum(cgrad.ifelse(c, ct.exp(x * x), x) ** 2)
    outputs = simple([cost, cgrad.grad(cost, x)])
    choices = [node for node in toposort(outputs) if isinstance(node.op, Branch)]
    assert [node.op.count for node in choices] == [1, 1]


def test_lengths_that_a_side_finds_stay_in_it() -> None:
    def of(v: Node) -> Node:
        return ct.sum(ct.cumprod(v[v > 0]) ** 2)

    cost = ct.exp(cgrad.ifelse(c, of(x), s))
    f = cgrad.function([c, s, x], [cost, cgrad.grad(cost, x)])
    value, slope = f(True, 1.0, [2.0, -1.0, 0.5])
    np.testing.assert_allclose(value, np.exp(5.0))
    np.testing.assert_allclose(slope, np.exp(5.0) * np.array([2 * (2 + 0.5), 0, 4]), rtol=1e-12)


def test_results_that_are_the_same_on_both_sides() -> None:
    a, b = cgrad.ifelse(c, [x, ct.exp(x)], [x, ct.sin(x)])
    again = cgrad.ifelse(c, ct.exp(x), ct.sin(x))
    outputs = simple([a, b, again])
    assert outputs[0] is x and outputs[1] is outputs[2]
