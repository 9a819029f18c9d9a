"""`OpFromGraph`: values, rules of the user's in both modes and to higher order, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad import OpFromGraph
from cgrad.core.node import Node
from cgrad.errors import DTypeError, RankError, ShapeError

X, V = ct.dscalar("x"), ct.dvector("v")


def test_without_rules_it_is_the_graph() -> None:
    op = OpFromGraph([X, V], [ct.exp(X) * V, ct.sum(V**3)], name="both")
    a, b = ct.dscalar("a"), ct.dvector("b")
    scaled, total = op(a * 2, b)
    cost = ct.sum(scaled) * total
    plain = ct.sum(ct.exp(a * 2) * b) * ct.sum(b**3)
    assert "both" in (cgrad.dprint(scaled, file="str") or "")
    t = ct.dvector("t")
    outs = [
        [c, *cgrad.grad(c, [a, b]), cgrad.hessian_vector_product(c, b, t), cgrad.Rop(c, b, t),
         cgrad.jacobian(cgrad.grad(c, b), b)]
        for c in (cost, plain)
    ]  # fmt: skip
    f = cgrad.function([a, b, t], [*outs[0], *outs[1]])
    found = f(0.3, [1.0, 2.0], [0.5, -1.0])
    for own, expected in zip(found[:6], found[6:], strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-13)
    assert "both(" not in f.c_source and "[both" not in f.c_source


def _square_pull(inputs: list[Node], outputs: list[Node], cts: list[Node]) -> list[Node]:
    # three times the true derivative of x**2, through the output: x**2 / x * 6
    return [cts[0] * 6.0 * outputs[0] / inputs[0]]


def _square_push(inputs: list[Node], outputs: list[Node], ts: list[Node]) -> list[Node]:
    return [ts[0] * 6.0 * inputs[0]]


@pytest.mark.parametrize(
    "rules",
    [
        {"pullback": _square_pull},
        {"pushforward": _square_push},
        {"pullback": [lambda i, o, c: c[0] * 6.0 * i[0]]},
        {"pullback": _square_pull, "pushforward": _square_push},
    ],
    ids=["pullback", "pushforward", "by input", "both"],
)
def test_rules_replace_the_derivative_in_both_modes(rules: Any) -> None:
    op = OpFromGraph([V], [V**2], **rules)
    y, t = ct.dvector("y"), ct.dvector("t")
    out = op(ct.sin(y))
    slope = cgrad.grad(ct.sum(out), y)
    pushed = cgrad.Rop(out, y, t)
    curve = cgrad.hessian_vector_product(ct.sum(out), y, t)
    f = cgrad.function([y, t], [out, slope, pushed, curve, cgrad.jacobian(out, y)])
    y_, t_ = np.array([0.3, 0.8]), np.array([1.0, 2.0])
    value, g, p, h, jac = f(y_, t_)
    np.testing.assert_allclose(value, np.sin(y_) ** 2)
    np.testing.assert_allclose(g, 6 * np.sin(y_) * np.cos(y_))
    np.testing.assert_allclose(p, 6 * np.sin(y_) * np.cos(y_) * t_)
    np.testing.assert_allclose(jac, np.diag(g))
    # the rule is a graph: its own derivative knows that 6 x has slope 6, and through the output
    # 6 x^2 / x has the slope (6 * 2 x * 3 - 6 x) / x = 12 of the rules given, instead of 6
    first = rules.get("pullback") is _square_pull
    if not first:
        np.testing.assert_allclose(h, 6 * (np.cos(y_) ** 2 - np.sin(y_) ** 2) * t_)
    else:
        inner = 6.0 * 6.0 - 6.0
        np.testing.assert_allclose(h, (inner * np.cos(y_) ** 2 - 6 * np.sin(y_) ** 2) * t_)


def test_one_input_keeps_the_derivative_of_the_graph() -> None:
    a, b, t = ct.dvector("a"), ct.dvector("b"), ct.dvector("t")
    op = OpFromGraph(
        [V, X], [ct.exp(V) * X, X**2],
        pullback=[None, lambda inputs, outputs, cts: ct.sum(cts[0]) + 7.0 * cts[1]],
        pushforward=["default", lambda inputs, outputs, ts: [None, 7.0 * ts[1]]],
    )  # fmt: skip
    # the arguments depend on each other: each rule is about its own argument only
    first, second = op(a, a[0] * b[0])
    slopes = cgrad.grad(ct.sum(first) + second, [a, b])
    moved = cgrad.Rop([first, second], [a, b], [t, t])
    f = cgrad.function([a, b, t], [*slopes, *moved])
    a_, b_, t_ = np.array([0.5, 1.0]), np.array([2.0, 3.0]), np.array([1.0, -1.0])
    ga, gb, m1, m2 = f(a_, b_, t_)
    ct_x = 2.0 + 7.0
    np.testing.assert_allclose(ga, np.exp(a_) * a_[0] * b_[0] + [ct_x * b_[0], 0.0])
    np.testing.assert_allclose(gb, [ct_x * a_[0], 0.0])
    np.testing.assert_allclose(m1, np.exp(a_) * a_[0] * b_[0] * t_)
    np.testing.assert_allclose(m2, 7.0 * (b_[0] * t_[0] + a_[0] * t_[0]))


def test_the_graph_inside_needs_no_derivative() -> None:
    # eigenvalues of a matrix that is not symmetric, argsort: what has no rule is never asked
    def ranks(v: Node) -> Node:
        return ct.argsort(ct.argsort(v)).astype("float64")

    op = OpFromGraph([V], ranks(V), pullback=lambda i, o, c: [c[0]])
    y, t = ct.dvector("y"), ct.dvector("t")
    f = cgrad.function([y, t], [cgrad.grad(ct.sum(op(y) * y), y), cgrad.Rop(op(y), y, t)])
    g, p = f([3.0, 1.0], [5.0, 6.0])
    np.testing.assert_allclose(g, [1.0 + 3.0, 0.0 + 1.0])
    np.testing.assert_allclose(p, [5.0, 6.0])


def test_inside_a_scan_and_a_batch() -> None:
    op = OpFromGraph([X], X**2, pullback=lambda i, o, c: [c[0] * i[0]])
    y = ct.dvector("y")
    rows = cgrad.map(lambda row: op(row), y, return_updates=False)
    batch = cgrad.graph.vectorize_graph(op(X), {X: y})
    f = cgrad.function([y], [rows, cgrad.grad(ct.sum(rows), y), batch,
                             cgrad.grad(ct.sum(batch), y)])  # fmt: skip
    for found, expected in zip(f([1.0, 3.0]), ([1, 9], [1, 3]) * 2, strict=True):
        np.testing.assert_allclose(found, expected)


def test_zero_and_undefined_cotangents() -> None:
    op = OpFromGraph([V, X], V * X, pullback=lambda i, o, c: [c[0], None])
    a, b = ct.dvector("a"), ct.dscalar("b")
    assert cgrad.grad(ct.sum(op(a, b)), b).eval({b: 1.0}) == 0.0


def test_messages() -> None:
    with pytest.raises(ValueError, match="depend on <v: "):
        OpFromGraph([X], X + V)
    with pytest.raises(ValueError, match="which is not among the inputs"):
        OpFromGraph([X], X * cgrad.shared(2.0, "kept"))
    with pytest.raises(TypeError, match="is no free variable"):
        OpFromGraph([X * 2], X)
    with pytest.raises(ValueError, match="has 2 rules, expected one for each of 1"):
        OpFromGraph([X], X, pullback=[None, None])
    with pytest.raises(TypeError, match="takes no option 'wrong'"):
        OpFromGraph([X], X, wrong=1)
    op = OpFromGraph([X], X * 2)
    with pytest.raises(TypeError, match="2 arguments, expected 1"):
        op(X, X)
    with pytest.raises(RankError):
        op(V)
    with pytest.raises(DTypeError):
        op(ct.fscalar("f"))
    for wrong, error, text in (
        (lambda i, o, c: [c[0], c[0]], TypeError, "expected a list of 1"),
        (lambda i, o, c: [V], RankError, "has 1 axes"),
        (lambda i, o, c: [ct.lscalar("k")], DTypeError, "int64"),
    ):
        with pytest.raises(error, match=text):
            cgrad.grad(OpFromGraph([X], X * 2, pullback=wrong)(X), X)
    wide = ct.tensor("wide", shape=(3,))
    long = OpFromGraph([wide], wide * 2, pullback=lambda i, o, c: [ct.ones((4,))])
    with pytest.raises(ShapeError, match="size 4 on axis 0, expected 3"):
        cgrad.grad(ct.sum(long(wide)), wide)
