"""Logistic functions and logarithms of sums, their values and derivatives, far from 0."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from oracle_mp import exact, mp
from rewrites.test_canonical import M, V, X, gradient, show, simple, tensor

from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.ops.axes import broadcast_axes, sum_axes
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme
from cgrad.rewrites import EXPAND, expand, simplify
from cgrad.rewrites.logistic import opposite

FAR = [800.0, -800.0, 745.0, -745.0, 36.0, -36.0, 0.0, -0.0, 1.5, np.inf, -np.inf]


def exp(x: Node) -> Node:
    return apply("exp", x)


LOGISTIC = {
    "1/(1+exp(-x))": lambda x: 1 / (1 + exp(-x)),
    "exp(x)/(1+exp(x))": lambda x: exp(x) / (1 + exp(x)),
    "exp(x)/(exp(x)+1)": lambda x: exp(x) / (exp(x) + 1),
    "reciprocal": lambda x: apply("reciprocal", 1 + exp(-x)),
    "(1+exp(-x))**-1": lambda x: (1 + exp(-x)) ** -1,
    "sigmoid": lambda x: apply("sigmoid", x),
}


@pytest.mark.parametrize("name", LOGISTIC)
@pytest.mark.parametrize("x", [X, V, M], ids=["scalar", "vector", "matrix"])
def test_the_logistic_function_in_every_spelling(name: str, x: Node) -> None:
    s = LOGISTIC[name](x)
    assert simple(s) == f"sigmoid({x.name})"
    cost = sum_axes(s, tuple(range(x.ndim)))
    assert simple(gradient(cost, x)) == f"dsigmoid({x.name})"


@pytest.mark.parametrize("name", LOGISTIC)
def test_value_gradient_and_second_derivative_far_out(name: str) -> None:
    s = LOGISTIC[name](X)
    g = gradient(s, X)
    # the second derivative of the other spellings is a sum whose terms cancel
    twice = name in ("1/(1+exp(-x))", "reciprocal", "sigmoid")
    outputs = [s, g, gradient(g, X)] if twice else [s, g]
    for results in (simplify(outputs), expand(simplify(outputs))):
        for x in FAR:
            found = evaluate(results, {X: x})
            with mp.workprec(3000):
                t = mp.mpf(x)
                e = mp.exp(-abs(t))
                first = e / (1 + e) ** 2
                wanted = [1 / (1 + mp.exp(-t)), first, -first * mp.tanh(t / 2)]
                for got, want in zip(found, wanted, strict=False):
                    assert abs(mp.mpf(float(got)) - want) <= 8e-16 * abs(want) + 5e-323, (name, x)


def test_a_scaled_argument() -> None:
    g = gradient(1 / (1 + exp(-2 * X)), X)
    assert simple(g) == "mul(2.0, dsigmoid(mul(2.0, x)))"


def test_log_likelihood_of_a_logistic_model() -> None:
    p = 1 / (1 + exp(-X))
    assert simple(apply("log", p)) == "neg(softplus(neg(x)))"
    assert simple(apply("log", 1 - p)) == "neg(softplus(x))"
    assert simple(gradient(apply("log", p), X)) == "sigmoid(neg(x))"
    assert simple(gradient(apply("log", 1 - p), X)) == "neg(sigmoid(x))"
    assert simple(gradient(apply("log", 1 + exp(X)), X)) == "sigmoid(x)"


def test_log_sum_exp_and_its_gradient() -> None:
    value = apply("log", sum_axes(exp(V), (0,)))
    outputs = simplify([value, gradient(value, V)])
    for v in ([1000.0, 1000.0], [-1000.0, -1001.0], [800.0, -np.inf], [0.0, 1.0]):
        top, grad = evaluate(outputs, {V: np.array(v)})
        shifted = np.exp(np.array(v) - np.max(v))
        np.testing.assert_allclose(top, np.max(v) + np.log(np.sum(shifted)), rtol=1e-15)
        np.testing.assert_allclose(grad, shifted / np.sum(shifted), rtol=1e-15)
    assert evaluate(outputs[:1], {V: np.full(2, -np.inf)})[0] == -np.inf
    assert evaluate(outputs[:1], {V: np.array([np.inf, 1.0])})[0] == np.inf
    assert evaluate(outputs[:1], {V: np.zeros(0)})[0] == -np.inf


def test_softmax_shares_its_parts() -> None:
    e = exp(M)
    s = e / broadcast_axes(sum_axes(e, (1,)), M.dims, (0,))
    outputs = simplify([s, apply("log", s)])
    m = np.array([[1000.0, 0.0, 999.0], [-1000.0, -1000.0, -1.0]])
    value, logs = evaluate(outputs, {M: m})
    np.testing.assert_allclose(value.sum(axis=1), 1, rtol=1e-15)
    assert np.all(np.isfinite(logs))
    np.testing.assert_allclose(logs[0, 1], -1000 - np.log1p(np.exp(-1.0)), rtol=1e-15)
    maxima = [node for node in toposort(outputs) if node.op.name == "max"]
    assert len(maxima) == 1


def test_a_shift_by_the_users_own_maximum_has_no_derivative() -> None:
    top = Node(Extreme("max", (1,)), (M,))
    e = exp(M - broadcast_axes(top, M.dims, (0,)))
    total = sum_axes(e, (1,))
    for forms in (
        [apply("log", total) + top],
        [e / broadcast_axes(total, M.dims, (0,))],
    ):
        outputs = simplify(forms)
        maxima = [node for node in toposort(outputs) if isinstance(node.op, Extreme)]
        assert [node.op.held for node in maxima] == [True]
        m = np.array([[1000.0, 0.0, 999.0], [-1000.0, -1000.0, -1.0]])
        (found,), (want,) = (evaluate(these, {M: m}) for these in (outputs, forms))
        np.testing.assert_allclose(found, want, rtol=1e-15)


def test_logaddexp_and_its_gradient() -> None:
    y = X * 3
    value = apply("log", exp(X) + exp(y))
    outputs = simplify([value, gradient(value, X)])
    for x, want in ((400.0, 3.0), (-400.0, 1.0), (0.0, 2.0)):
        top, grad = evaluate(outputs, {X: x})
        assert top == pytest.approx(np.logaddexp(x, 3 * x), rel=1e-15)
        assert grad == pytest.approx(want, rel=1e-15)


def test_the_tail_of_tanh() -> None:
    assert simple(1 - apply("tanh", X) ** 2) == "dtanh(x)"


def test_expansions_share_one_exponential() -> None:
    s = apply("sigmoid", X)
    outputs = expand(simplify([s, gradient(s, X), apply("softplus", -X), apply("softplus", X)]))
    names = [node.op.name for node in toposort(outputs)]
    assert names.count("exp") == 1
    without_text = {name for name in names if name in ("sigmoid", "dsigmoid", "softplus")}
    assert not without_text


def test_expanding_adds_nothing_the_second_time() -> None:
    outputs = expand([apply("sigmoid", X), apply("logaddexp", X, 2 * X)])
    assert [show(a) for a in expand(outputs)] == [show(a) for a in outputs]
    assert EXPAND.rules


@pytest.mark.parametrize("f", ["sigmoid", "softplus", "dsigmoid", "dtanh"])
def test_expansions_are_accurate(f: str) -> None:
    (out,) = expand([apply(f, X)])
    for x, sign in itertools.product((1e-300, 1e-9, 0.3, 2.0, 30.0, 350.0, 700.0), (1, -1)):
        (got,) = evaluate([out], {X: sign * x})
        with mp.workprec(3000):
            want = exact([apply(f, X)], {X: sign * x})[0].item()
            assert abs(mp.mpf(float(got)) - want) <= 1e-15 * abs(want) + 5e-324


def test_the_logarithm_of_a_quotient_that_is_no_softmax() -> None:
    shifted = M - broadcast_axes(build("max", M, axis=0), M.dims, (1,))
    for divisor in (M, apply("sqr", M)):
        (new,) = simplify([apply("log", exp(shifted) / divisor)])
        assert show(new) == show(simplify([shifted - apply("log", divisor)])[0])
    two_signs = apply("log", M * exp(shifted) / (M + 3))
    assert show(simplify([two_signs])[0]).startswith("log(")


def test_what_is_opposite() -> None:
    y = tensor("y")
    assert opposite(X - y, y - X) and opposite(-X, X)
    assert not opposite(X - y, y * X) and not opposite(X - y, exp(X))
    assert not opposite(X - y, y - exp(X)) and not opposite(X - y, exp(y) - X)


@pytest.mark.parametrize("summed", [(0,), (1,), (0, 1)])
def test_sums_over_shares_of_exponentials_in_every_direction(summed: tuple[int, ...]) -> None:
    values = np.array([[0.3, -1.0, 0.7], [0.1, 2.0, -0.4], [1.5, 0.2, 0.9]])
    total = sum_axes(exp(M), summed)
    kept = tuple(axis for axis in (0, 1) if axis not in summed)
    share = M / broadcast_axes(total, M.dims, kept)
    for axes in ((0,), (1,), (0, 1)):
        out = sum_axes(share, axes)
        (before,), (after,) = evaluate([out], {M: values}), evaluate(simplify([out]), {M: values})
        np.testing.assert_allclose(after, before, rtol=1e-13)


def test_sums_of_logistic_functions_take_an_exponential_but_not_below_a_quotient() -> None:
    y = tensor("y")
    s = apply("sigmoid", X)
    for total, absorbed in ((s + y * s, True), (s - y * s, True), (1 / (3 * s - y * s), False)):
        out = total * exp(-X) * y
        (simplified,) = simplify([out])
        (found,), (want,) = (evaluate([form], {X: 0.7, y: 2.0}) for form in (simplified, out))
        np.testing.assert_allclose(found, want, rtol=1e-14)
        assert ("exp" not in [node.op.name for node in toposort([simplified])]) == absorbed
