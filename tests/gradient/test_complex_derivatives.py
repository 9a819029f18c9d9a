"""Derivatives through complex numbers: both modes, against differences and against each other.

A gradient g with respect to z = x + iy is dC/dx + i dC/dy, so dC = Re(sum(conj(g) dz)).
"""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.errors import GradientError
from cgrad.gradient import (
    grad,
    hessian,
    hessian_vector_product,
    jacobian,
    pullback,
    pushforward,
    pushforward_through_pullback,
    verify_grad,
)

UNARY = {
    name: getattr(ct, name)
    for name in (
        "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "square", "reciprocal",
        "neg", "expm1", "log1p", "log2", "log10", "exp2", "conj", "real", "imag", "angle", "abs",
        "sign", "identity",
    )
}  # fmt: skip
MORE = {
    "cube": lambda z: z**3,
    "inverse square": lambda z: z**-2,
    "power": lambda z: z ** (1.5 - 0.5j),
    "exponent": lambda z: (2 + 1j) ** z,
    "powers": lambda z: z ** ct.conj(z),
    "product": lambda z: z * ct.exp(z) * z.real,
    "quotient": lambda z: ct.sin(z) / (z + 2j),
    "polar": lambda z: ct.complex_from_polar(abs(z), 2 * ct.angle(z)),
    "parts": lambda z: ct.complex(z.imag * z.real, ct.exp(z.real)),
    "where": lambda z: ct.where(z.real > 0, z * z, ct.conj(z)),
    "sum": lambda z: z.sum(axis=0) * z,
    "mean": lambda z: z.mean(axis=1, keepdims=True) - z,
    "prod": lambda z: ct.prod(z, axis=1),
    "prod, no zeros": lambda z: ct.prod(z, axis=1, no_zeros_in_input=True),
    "cumsum": lambda z: ct.cumsum(z, axis=1),
    "cumprod": lambda z: ct.cumprod(z, axis=1),
    "dot": lambda z: ct.dot(z, z.T),
    "matmul": lambda z: (z @ ct.conj(z.T)) @ z,
    "matmul, real": lambda z: z.T @ ct.arange(6.0).reshape((2, 3)),
    "var": lambda z: ct.var(z, axis=0),
    "norm": lambda z: ct.linalg.norm(z),
    "window": lambda z: ct.set_subtensor(z[0, 1:], z[1, :-1] * z[0, 0]),
    "gather": lambda z: z[[1, 0, 1]] * z[0],
    "scatter": lambda z: ct.inc_subtensor(z[[0, 0]], z * z),
    "joined": lambda z: ct.concatenate([z, z * 1j], axis=1)[::-1],
    "stacked": lambda z: ct.diag(ct.stack([z[0], z[1]])[:, 0]),
    "loop": lambda z: cgrad.scan(lambda r, s: s * r + ct.exp(1j * s), z.T, z[:, 0])[0],
    "choice": lambda z: cgrad.ifelse(z[0, 0].real > 0, z * z, z),
    "single": lambda z: ct.exp(z.astype("complex64")).astype("complex128"),
}
ALL = {**UNARY, **MORE}


def numbers(shape=(2, 3), seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def inner(u, v):
    return float(np.sum(np.conj(u) * v).real)


def computed(outputs, given):
    """The values by NumPy."""
    return [np.asarray(value) for value in evaluate(outputs, given)]


@pytest.mark.parametrize("name", ALL)
def test_both_modes_agree_with_differences_and_with_each_other(name):
    z, t = ct.zmatrix("z"), ct.zmatrix("t")
    y = ALL[name](z)
    u = ct.tensor("u", dtype=y.dtype, shape=(None,) * y.ndim)
    pushed, pulled = pushforward(y, z, t), pullback(y, z, u)
    again = pushforward_through_pullback(y, z, t)
    assert pushed.dtype == y.dtype and pulled.dtype == "complex128"
    a, da = numbers(), numbers(seed=1)

    def value(at):
        return computed([y], {z: at})[0]

    w = numbers(value(a).shape, 2)
    w = w if y.dtype == "complex128" else w.real
    pushed, pulled, again = computed([pushed, pulled, again], {z: a, t: da, u: w})
    h, exact = (1e-2, 2e-3) if name == "single" else (1e-6, 1e-7)
    slope = (value(a + h * da) - value(a - h * da)) / (2 * h)
    scale = 1 + np.abs(slope).max()
    assert np.abs(pushed - slope).max() < exact * scale
    rounding = 1e-4 if name == "single" else 1e-12
    assert np.abs(again - pushed).max() < rounding * scale
    assert abs(inner(w, pushed) - inner(pulled, da)) < rounding * scale * np.abs(w).sum()


def real_cost(name, p):
    """A real cost of real parameters, 12 of them, whose values become complex."""
    y = ALL[name](ct.complex(p[:6], p[6:]).reshape((2, 3)))
    return ct.sum(ct.sin(y.real) + y.imag**2 * y.real + y.real)


@pytest.mark.parametrize("name", [n for n in ALL if n != "single"])
def test_second_derivatives_through_complex_values(name):
    p, v = ct.dvector("p"), ct.dvector("v")
    cost = real_cost(name, p)
    slope = grad(cost, p)
    outputs = [slope, hessian(cost, p), hessian_vector_product(cost, p, v)]
    x, d = np.random.default_rng(3).normal(size=(2, 12))
    first, matrix, product = computed(outputs, {p: x, v: d})
    h = 1e-6
    along = [computed([slope], {p: x + step * d})[0] for step in (h, -h)]
    scale = 1 + np.abs(matrix).max() + np.abs(first).max()
    assert np.abs(product - (along[0] - along[1]) / (2 * h)).max() < 1e-6 * scale
    assert np.abs(matrix - matrix.T).max() < 1e-11 * scale
    assert np.abs(matrix @ d - product).max() < 1e-11 * scale * np.abs(d).sum()


def test_compiled_code_agrees_with_numpy():
    """Values and second derivatives of all of these in one kernel."""
    p, v = ct.dvector("p"), ct.dvector("v")
    outputs = []
    for name in ALL:
        if name != "single":
            cost = real_cost(name, p)
            outputs += [cost, hessian_vector_product(cost, p, v)]
    x, d = np.random.default_rng(3).normal(size=(2, 12))
    found = cgrad.function([p, v], outputs)(x, d)
    for got, want in zip(found, computed(outputs, {p: x, v: d}), strict=True):
        scale = 1 + np.abs(want).max()
        assert np.abs(got - want).max() < 1e-11 * scale


def test_the_convention():
    z = ct.zscalar("z")
    g = cgrad.function([z], [grad((abs(z) ** 2), z), grad((z**2).real, z), grad((z**2).imag, z),
                             grad(ct.angle(z), z), grad(z.real, z), grad(z.imag, z)])  # fmt: skip
    a = 1.5 - 0.5j
    # 2z; for Re f the conjugate of f', for Im f that of -i f'; the angle turns by i / conj(z)
    wanted = [2 * a, np.conj(2 * a), 1j * np.conj(2 * a), 1j / np.conj(a), 1, 1j]
    np.testing.assert_allclose(g(a), wanted, rtol=1e-15)
    # the steepest descent of |z - c|^2 ends at c
    c = 3 - 2j
    step = cgrad.function([z], z - 0.5 * grad(abs(z - c) ** 2, z))
    assert abs(step(a) - c) < 1e-15


def test_parts_and_lengths_at_zero():
    z = ct.zvector("z")
    g = cgrad.function([z], [grad(ct.sum(abs(z)), z), grad(ct.sum(abs(z) ** 2), z)])
    for found in g([0, 1j, -2]):
        assert found[0] == 0 and np.isfinite(found).all()


def test_real_parameters_get_real_gradients():
    x, z, s = ct.dvector("x"), ct.zvector("z"), ct.fvector("s")
    cost = ct.sum(abs(x * z + ct.exp(1j * s)) ** 2)
    f = cgrad.function([x, z, s], grad(cost, [x, z, s]))
    a, b, c = numbers(3).real, numbers(3, 1), numbers(3, 2).real.astype("f4")
    gx, gz, gs = f(a, b, c)
    assert (gx.dtype, gz.dtype, gs.dtype) == ("float64", "complex128", "float32")
    away = a * b + np.exp(1j * c)
    np.testing.assert_allclose(gx, 2 * (np.conj(b) * away).real, rtol=1e-6)
    np.testing.assert_allclose(gz, 2 * a * away, rtol=1e-6)
    np.testing.assert_allclose(gs, 2 * (np.conj(1j * np.exp(1j * c)) * away).real, rtol=1e-4)


def test_a_real_expression_leaves_no_complex_arithmetic_in_its_derivative():
    x, y = ct.dvector("x"), ct.dvector("y")
    cost = ct.sum(ct.complex(x, y).real * ct.complex(y, x).imag)
    f = cgrad.function([x, y], grad(cost, [x, y]))
    assert "cg_c" not in f.c_source.split("/* f\n")[1].split("cg_sizes")[0]
    assert np.array_equal(f([1.0, 2.0], [3.0, 4.0])[0], [2.0, 4.0])


def test_jacobian_through_a_complex_intermediate():
    x = ct.dvector("x")
    z = ct.exp(1j * x) * x
    f = cgrad.function([x], [jacobian(z.real, x), jacobian(abs(ct.cumsum(z)), x)])
    a = np.array([0.3, -1.2, 2.0])
    first, second = f(a)
    np.testing.assert_allclose(first, np.diag(np.cos(a) - a * np.sin(a)), rtol=1e-14)
    h = 1e-6

    def value(a):
        return abs(np.cumsum(np.exp(1j * a) * a))

    rows = [(value(a + h * e) - value(a - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(second, np.array(rows).T, atol=1e-8)


def test_verify_grad_takes_complex_points():
    verify_grad(lambda z: ct.exp(z) * ct.conj(z) + abs(z), [numbers()])
    verify_grad(lambda z, x: z @ ct.tanh(x), [numbers((2, 2)), numbers((2, 2)).real])
    with pytest.raises(GradientError, match="verify_grad"):
        verify_grad(lambda z: cgrad.gradient.grad_scale(z, 2.0), [numbers()])


def test_consider_constant_known_grads_and_rules_of_the_users():
    z, w = ct.zvector("z"), ct.zvector("w")
    inside = ct.exp(z)
    cost = ct.sum((inside * ct.conj(inside) * z).real)
    held = grad(cost, z, consider_constant=[inside])
    f = cgrad.function([z, w], [held, grad(None, z, known_grads={inside: w})])
    a, b = numbers(3), numbers(3, 1)
    found = f(a, b)
    np.testing.assert_allclose(found[0], abs(np.exp(a)) ** 2, rtol=1e-14)
    np.testing.assert_allclose(found[1], b * np.conj(np.exp(a)), rtol=1e-14)


# -- what is refused --------------------------------------------------------------------------
def test_a_complex_cost_is_refused():
    z, x = ct.zvector("z"), ct.dvector("x")
    with pytest.raises(TypeError, match=r"(?s)cost: .* is complex .*Fix: take z.real"):
        grad(ct.sum(z), z)
    with pytest.raises(TypeError, match=r"(?s)expression: .* is complex"):
        jacobian(z, z)
    with pytest.raises(TypeError, match=r"(?s)wrt: z is complex"):
        jacobian(z.real, z)
    with pytest.raises(TypeError, match=r"(?s)wrt: z is complex"):
        hessian(ct.sum(abs(z)), z)
    with pytest.raises(TypeError, match="is complex"):
        hessian(ct.sum(x * 1j), x)
