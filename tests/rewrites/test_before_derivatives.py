"""Stable forms before a derivative: what is replaced, and that everything else stays."""

from __future__ import annotations

from typing import Any

import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.rewrites import simplify
from cgrad.rewrites.before_derivatives import stable_forms


def names(node: Node) -> list[str]:
    return [inner.op.name for inner in toposort([node])]


def logistic(x: Any) -> Any:
    return 1 / (1 + ct.exp(-x))


@pytest.fixture
def x() -> Node:
    return ct.dvector("x")


def test_a_logistic_function_is_found(x: Node) -> None:
    (new,) = stable_forms([ct.sum(ct.log(logistic(x)))])
    assert "softplus" in names(new) and "exp" not in names(new)


@pytest.mark.parametrize(
    "cost",
    [lambda x: ct.sum(x**2 / 3), lambda x: ct.sum(ct.exp(-x) * x + 1),
     lambda x: ct.sum(ct.sqr(x - 2 * ct.exp(x))), lambda x: ct.log(1 + x * x).sum(),
     lambda x: ct.tanh(x).sum() - 1.0, lambda x: x[::2].sum() - ct.exp(x[0])],
)  # fmt: skip
def test_what_is_stable_stays_the_same_object(x: Node, cost: Any) -> None:
    y = cost(x)
    (new,) = stable_forms([y])
    assert new is y


def test_only_the_logarithm_is_replaced(x: Node) -> None:
    square, wave = x**2, ct.sin(x)
    y = wave * ct.log(logistic(square)) + ct.exp(wave)
    (new,) = stable_forms([y])
    inside = toposort([new])
    assert square in inside and wave in inside
    assert new is not y and new.op is y.op and new.args[1] is y.args[1]


def test_names_stay(x: Node) -> None:
    p = logistic(x)
    p.name = "p"
    y = ct.log(p)
    y.name = "y"
    new_p, new_y = stable_forms([p * 2, y])
    assert new_y.name == "y" and "p" in [node.name for node in toposort([new_p])]


def test_kept_nodes_are_not_looked_into(x: Node) -> None:
    e = ct.exp(-x)
    p = 1 / (1 + e)
    y = ct.log(p)
    for kept in (e, p):
        (new,) = stable_forms([y], [kept])
        assert kept in toposort([new])
    assert stable_forms([y], [y]) == [y]


def test_derivatives_with_respect_to_what_a_rule_would_remove(x: Node) -> None:
    e = ct.exp(-x)
    p = 1 / (1 + e)
    cost = ct.sum(ct.log(p))
    outputs = [*cgrad.grad(cost, [x, p, e]), cgrad.grad(cost, p), cgrad.grad(cost, e)]
    given = [0.0, 1.0, -2.0]
    of_x, of_p, of_e, *alone = cgrad.function([x], outputs)(given)
    exp = cgrad.function([x], e)(given)
    assert of_x == pytest.approx(exp / (1 + exp))
    assert of_p == pytest.approx(1 + exp) and alone[0] == pytest.approx(of_p)
    assert of_e == pytest.approx(-1 / (1 + exp)) and alone[1] == pytest.approx(of_e)


def test_a_result_that_a_rule_would_make_of_a_later_node(x: Node) -> None:
    """-log(p) and softplus(-x) have one normal form; the earlier is not made of the later."""
    y = ct.log(logistic(x))
    z = -y
    new_y, new_z = stable_forms([y, z])
    assert "softplus" in names(new_y) and "softplus" in names(new_z)


def test_barriers_stay(x: Node) -> None:
    """Identities that say something about derivatives, known gradients, constants."""
    stop = cgrad.gradient.zero_grad(ct.exp(-x))
    cost = ct.sum(ct.log(1 / (1 + stop)) + x)
    known = ct.exp(x)
    outer = ct.sum(ct.log(1 + known))
    outputs = [
        cgrad.grad(cost, x),
        cgrad.grad(ct.sum(ct.log(logistic(x)) * x), x, consider_constant=[logistic(x)]),
        cgrad.grad(outer, x, consider_constant=[known], disconnected_inputs="ignore"),
        cgrad.grad(outer, x, known_grads={known: ct.ones_like(x)}),
    ]
    first, _, third, fourth = cgrad.function([x], outputs)([0.0, 3.0])
    assert first.tolist() == [1, 1] and third.tolist() == [0, 0]
    assert fourth == pytest.approx(cgrad.function([x], known)([0.0, 3.0]))


def test_long_chains(x: Node) -> None:
    y = x
    for _ in range(3000):
        y = ct.log(1 + ct.exp(y)) * 0.5
    (new,) = stable_forms([y])
    assert names(new).count("softplus") == 3000 and "exp" not in names(new)


@pytest.mark.parametrize("keepdims", [False, True])
def test_log_sum_exp_by_hand_is_computed_once(keepdims: bool) -> None:
    m = ct.dmatrix("m")
    top = ct.max(m, axis=1, keepdims=keepdims)
    shifted = m - (top if keepdims else top[:, None])
    value = ct.sum(ct.log(ct.sum(ct.exp(shifted), axis=1, keepdims=keepdims)) + top)
    outputs = simplify([value, cgrad.grad(value, m)])
    found = [node.op.name for node in toposort(outputs)]
    assert [found.count(name) for name in ("exp", "max", "eq")] == [1, 1, 0]
