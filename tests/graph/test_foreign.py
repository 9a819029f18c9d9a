"""`c_op`: values from the user's C, derivatives by the user's rules, names, the cache."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.errors import BuildError, DTypeError

SOURCE = """
static double helper(double x) { return x < 0.0 ? 0.0 : x; }
double soft(double x, double w) { return w * helper(x) * x; }
"""
soft = cgrad.c_op(
    "soft", SOURCE, ["float64", "float64"],
    pullback=lambda xs, ys, cts: [
        cts[0] * 2.0 * xs[1] * ct.maximum(xs[0], 0.0),
        cts[0] * ct.maximum(xs[0], 0.0) ** 2,
    ],
    numpy=lambda x, w: w * np.maximum(x, 0) * x,
)  # fmt: skip
parity = cgrad.c_op("parity", "bool parity(int64_t k) { return (k & 1) != 0; }", ["int64"], "bool")
half = cgrad.c_op(
    "half", "float half(float x) { return 0.5f * x; }", ["float32"], "float32",
    pushforward=lambda xs, ys, ts: [ts[0] * 0.5],
)  # fmt: skip


def test_values_and_derivatives() -> None:
    x, w, t = ct.dmatrix("x"), ct.dvector("w"), ct.dmatrix("t")
    k, s = ct.lvector("k"), ct.fvector("s")
    out = soft(ct.sin(x), w)
    cost = ct.sum(out**2)
    steps = cgrad.scan(lambda row, a: soft(row, 0.5) + a, w, np.float64(0.0), return_updates=False)
    rows = cgrad.graph.vectorize_graph(soft(w, 2.0), {w: x})
    f = cgrad.function(
        [x, w, t, k, s],
        [out, *cgrad.grad(cost, [x, w]), cgrad.Rop(out, x, t),
         cgrad.hessian_vector_product(cost, x, t), parity(k), half(s),
         cgrad.grad(ct.sum(half(s)), s),
         steps, cgrad.grad(steps[-1], w), rows, cgrad.jacobian(soft(w, 2.0), w), soft(1.5, 2.0)],
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x_, w_, t_ = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=(2, 3))
    k_, s_ = np.array([0, 1, -1, 2]), np.array([1, -3], np.float32)
    value, gx, gw, moved, hvp, odd, halves, slope, *more = f(x_, w_, t_, k_, s_)
    sin, cos = np.sin(x_), np.cos(x_)
    up = np.maximum(sin, 0)
    np.testing.assert_allclose(value, w_ * up * sin)
    first = 2 * w_ * up * cos
    np.testing.assert_allclose(gx, 2 * value * first)
    np.testing.assert_allclose(gw, (2 * value * up**2).sum(0))
    np.testing.assert_allclose(moved, first * t_)
    curve = 2 * first**2 + 2 * value * 2 * w_ * ((sin > 0) * cos**2 - up * sin)
    np.testing.assert_allclose(hvp, curve * t_, atol=1e-14)
    np.testing.assert_array_equal(odd, [False, True, True, False])
    np.testing.assert_array_equal(halves, s_ / 2)
    np.testing.assert_array_equal(slope, [0.5, 0.5])
    up = np.maximum(w_, 0)
    np.testing.assert_allclose(more[0], np.cumsum(0.5 * up * w_))
    np.testing.assert_allclose(more[1], up)
    np.testing.assert_allclose(more[2], 2 * np.maximum(x_, 0) * x_)
    np.testing.assert_allclose(more[3], np.diag(4 * up))
    assert more[4] == 2.0 * 1.5**2
    # the text once, and no variable takes the name of a function
    assert f.c_source.count("return w * helper(x) * x;") == 1
    np.testing.assert_array_equal(evaluate([out], {x: x_, w: w_})[0], value)


def test_variables_do_not_hide_the_function() -> None:
    clash = ct.dvector("soft")
    f = cgrad.function([clash], soft(clash, clash).sum(), name="soft")
    assert f([1.0, 2.0]) == 9.0


def test_the_text_is_part_of_the_key() -> None:
    x = ct.dscalar("x")

    def make(factor: str) -> object:
        op = cgrad.c_op("scaled", f"double scaled(double x) {{ return {factor} * x; }}")
        return cgrad.function([x], op(x))

    assert [make(factor)(2.0) for factor in ("3.0", "4.0", "3.0")] == [6.0, 8.0, 6.0]


def test_messages() -> None:
    x, text = ct.dscalar("x"), "double g(double x) { return x; }"
    op = cgrad.c_op("g", text)
    for name in ("2g", "g-h", "while", ""):
        with pytest.raises(ValueError, match="cannot be the name"):
            cgrad.c_op(name, text)
    with pytest.raises(ValueError, match="cgrad's own"):
        cgrad.c_op("cg_exp", text)
    with pytest.raises(ValueError, match="does not define h"):
        cgrad.c_op("h", text)
    with pytest.raises(TypeError, match="2 arguments, expected 1"):
        op(x, x)
    with pytest.raises(DTypeError, match="argument 1 has dtype float32, expected float64"):
        op(ct.fscalar("f"))
    with pytest.raises(NotImplementedError, match="derivative of the C function g is not known"):
        cgrad.grad(op(x), x)
    with pytest.raises(NotImplementedError, match="pass numpy="):
        evaluate([op(x)], {x: 1.0})
    with pytest.raises(ValueError, match="two C functions of one program are called g"):
        cgrad.function([x], op(x) + cgrad.c_op("g", text.replace("x;", "-x;"))(x))
    with pytest.raises(BuildError, match="conflicting types"):
        cgrad.function([x], cgrad.c_op("g", "float g(float x) { return x; }")(x))
    with pytest.raises(BuildError, match="error"):
        cgrad.function([x], cgrad.c_op("g", "double g(double x) { return y; }")(x))
