"""Solutions of equations as tensors: values, derivatives of any order, what happens without one."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import DisconnectedInputError, DTypeError, ShapeError
from cgrad.gradient import pushforward
from cgrad.tensor.optimize import fixed_point, minimize, minimize_scalar, root, root_scalar

Array = np.ndarray[Any, np.dtype[np.float64]]


def test_scalars_to_third_order() -> None:
    """x = a cos(b x) and its derivatives by both modes, against those of x(a) written by hand."""
    x, a = ct.dscalars("x", "a")
    found, success = fixed_point(ct.cos(a * x), x, start=1.0, max_steps=200)
    by_newton, done = root_scalar(x - ct.cos(a * x), x, start=1.0)
    between, inside = root_scalar(x - ct.cos(a * x), x, bracket=(0.0, 2.0))
    # the same equation as the point where the derivative of this vanishes
    lowest, low = minimize_scalar(x**2 / 2 - ct.sin(a * x) / a, x, start=1.0)
    f = cgrad.function([a], [
        *_orders(found, a), *_orders(by_newton, a), *_orders(between, a), *_orders(lowest, a),
        pushforward(ct.grad(found, a), a, 1.0), success & done & inside & low,
    ])  # fmt: skip
    *values, mixed, successes = f(1.1)
    assert successes
    wanted = _orders_by_series(1.1)
    for k in range(4):
        np.testing.assert_allclose(values[4 * k : 4 * k + 4], wanted, rtol=1e-9)
    np.testing.assert_allclose(mixed, wanted[2], rtol=1e-9)


def _orders(y: Any, a: Any) -> list[Any]:
    first = ct.grad(y, a)
    second = ct.grad(first, a)
    return [y, first, second, ct.grad(second, a)]


def _orders_by_series(at: float) -> list[float]:
    """x and its first three derivatives by a: Newton's method on truncated power series."""
    a = np.array([at, 1.0, 0.0, 0.0])
    x = np.array([0.7, 0.0, 0.0, 0.0])

    def times(p: Array, q: Array) -> Array:
        return np.array([sum(p[k] * q[n - k] for k in range(n + 1)) for n in range(4)])

    for _ in range(40):
        u = times(a, x)
        c, s = np.zeros(4), np.zeros(4)
        c[0], s[0] = np.cos(u[0]), np.sin(u[0])
        for n in range(1, 4):
            s[n] = sum(k * u[k] * c[n - k] for k in range(1, n + 1)) / n
            c[n] = -sum(k * u[k] * s[n - k] for k in range(1, n + 1)) / n
        x = x - (x - c) / (1 + at * s[0])
    return [float(v * k) for v, k in zip(x, (1, 1, 2, 6), strict=True)]


def test_a_system_with_parameters_of_several_shapes() -> None:
    """x + tanh(A x) = b: gradients, a Jacobian and the product of a Hessian, by NumPy."""
    x, b, p = ct.dvectors("x", "b", "p")
    mat = ct.dmatrix("A")
    solution, success = root(x + ct.tanh(mat @ x) - b, x, start=ct.zeros_like(b))
    repeated, again = fixed_point(b - ct.tanh(mat @ x), x, start=b)
    cost = ct.sum(solution**2)
    slopes = ct.grad(cost, [mat, b])
    product = ct.grad(ct.sum(slopes[1] * p), b)
    moved = pushforward(slopes[1], b, p)
    f = cgrad.function([mat, b, p], [
        solution, repeated, success & again, *slopes, ct.jacobian(solution, b), product, moved,
        *ct.grad(ct.sum(repeated**2), [mat, b]),
    ])  # fmt: skip
    assert "cg_lu" in f.c_source
    rng = np.random.default_rng(3)
    a, b0, p0 = 0.2 * rng.standard_normal((4, 4)), rng.standard_normal(4), rng.standard_normal(4)
    y, other, good, by_mat, by_b, jac, hp, hp_too, mat_too, b_too = f(a, b0, p0)
    assert good
    np.testing.assert_allclose(y + np.tanh(a @ y), b0, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(other, y, rtol=1e-10)
    bend = 1 - np.tanh(a @ y) ** 2
    slope = np.eye(4) + bend[:, None] * a
    weights = np.linalg.solve(slope.T, 2 * y)
    np.testing.assert_allclose(by_b, weights, rtol=1e-12)
    np.testing.assert_allclose(by_mat, -np.outer(weights * bend, y), rtol=1e-12)
    np.testing.assert_allclose(jac, np.linalg.inv(slope), rtol=1e-12)
    np.testing.assert_allclose(mat_too, by_mat, rtol=1e-8)
    np.testing.assert_allclose(b_too, by_b, rtol=1e-8)
    h = 1e-5
    numeric = (f(a, b0 + h * p0, p0)[4] - f(a, b0 - h * p0, p0)[4]) / (2 * h)
    np.testing.assert_allclose(hp, numeric, rtol=1e-7)
    np.testing.assert_allclose(hp_too, hp, rtol=1e-12)


def test_unknowns_of_several_shapes_and_a_smallest_value() -> None:
    """A matrix and a scalar at once; the Jacobian of a minimum is -H^-1 d(grad) / dp."""
    m, s = ct.dmatrix("m"), ct.dscalar("s")
    c, d = ct.dmatrix("c"), ct.dscalar("d")
    cost = ct.sum((m - c) ** 4) / 4 + ct.sum(m**2) + (s - d) ** 2 + 0.1 * s * ct.sum(m)
    (best, at), success = minimize(cost, [m, s], start=[ct.zeros_like(c), 0.0])
    slopes = ct.grad(cost, [m, s])
    (same, same_s), too = root(slopes, [m, s], start=[c, d])
    f = cgrad.function([c, d], [best, at, success & too, same, same_s, ct.grad(at, [c, d])[1],
                                ct.grad(same_s, [c, d])[1]])  # fmt: skip
    c0 = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]])
    best0, at0, good, same0, same_s0, slope, slope_too = f(c0, 0.7)
    assert good
    gradient = (best0 - c0) ** 3 + 2 * best0 + 0.1 * at0
    np.testing.assert_allclose(gradient, 0, atol=1e-12)
    np.testing.assert_allclose(same0, best0, atol=1e-9)
    np.testing.assert_allclose(same_s0, at0, atol=1e-9)
    numeric = (f(c0, 0.7 + 1e-5)[1] - f(c0, 0.7 - 1e-5)[1]) / 2e-5
    np.testing.assert_allclose([slope, slope_too], numeric, rtol=1e-6)


def test_equations_that_are_apart_need_no_matrix() -> None:
    """Kepler's equation for many anomalies: divisions, and each element searched for itself."""
    e, anomaly = ct.dscalar("e"), ct.dvector("anomaly")
    x = ct.dvector("x")
    y, success = root(x - e * ct.sin(x) - anomaly, x, start=anomaly)
    f = cgrad.function([anomaly, e], [y, success, ct.grad(ct.sum(y), e)])
    assert "cg_lu" not in f.c_source
    at = np.linspace(0.01, 6.27, 400)
    y0, good, slope = f(at, 0.97)
    assert good
    np.testing.assert_allclose(y0 - 0.97 * np.sin(y0), at, rtol=0, atol=1e-14)
    np.testing.assert_allclose(slope, np.sum(np.sin(y0) / (1 - 0.97 * np.cos(y0))), rtol=1e-11)
    assert f(np.zeros(0), 0.5)[0].shape == (0,)


def test_without_a_solution_the_status_says_so_and_derivatives_are_nan() -> None:
    x, a = ct.dscalars("x", "a")
    cases = [
        fixed_point(2.0 * x + a, x, start=1.0, max_steps=50),  # runs away
        fixed_point(x * x * 1e300 + a, x, start=10.0),  # infinite
        root(x * x + a, x, start=1.0),  # no root
        root(ct.log(x) - a, x, start=-1.0),  # nan at the start
        root_scalar(x * x + a, x, bracket=(-1.0, 2.0)),  # no change of sign
        minimize(a * x, x, start=0.0),  # no minimum
        minimize(x**3 - x * a, x, start=-2.0),  # falls forever
    ]
    f = cgrad.function(
        [a],
        [
            *(out for y, ok in cases for out in (y, ok, ct.grad(y, a))),
            # these are built from derivatives of derivatives
            *(out for y, _ in cases[2:4] for out in (ct.grad(ct.grad(y, a), a),
                                                     ct.jacobian(ct.stack([y, y]), a)[0])),
        ],
    )  # fmt: skip
    results = f(1.0)
    assert np.all(np.isnan(results[-4:]))
    for k in range(len(cases)):
        _, ok, slope = results[3 * k : 3 * k + 3]
        assert not ok, k
        assert np.isnan(slope), k


def test_hard_searches() -> None:
    """Starts from which plain Newton steps run away, and a flat minimum far from the start."""
    x, a = ct.dscalars("x", "a")
    v = ct.dvector("v")
    rosenbrock = ct.sum(100.0 * (v[1:] - v[:-1] ** 2) ** 2 + (a - v[:-1]) ** 2)
    cases = [
        root(ct.arctan(x) - a, x, start=20.0),
        root(ct.log(x) - a, x, start=50.0),
        root_scalar(ct.sign(x - a) * abs(x - a) ** 0.3, x, bracket=(-1e3, 1e5)),
        minimize(ct.cosh(x - a) + 0.1 * ct.cos(5.0 * (x - a)), x, start=30.0),
        minimize(ct.sqrt(1.0 + (x - a) ** 2), x, start=40.0),
        minimize(rosenbrock, v, start=np.full(8, -0.5)),
    ]
    f = cgrad.function([a], [out for y, ok in cases for out in (y, ok)])
    found = f(1.0)
    assert all(found[1::2])
    np.testing.assert_allclose(found[0], np.tan(1.0), rtol=1e-14)
    np.testing.assert_allclose(found[2], np.e, rtol=1e-14)
    np.testing.assert_allclose(found[4], 1.0, rtol=1e-9)
    np.testing.assert_allclose(np.sinh(found[6] - 1) - 0.5 * np.sin(5 * (found[6] - 1)), 0,
                               atol=1e-12)  # fmt: skip
    np.testing.assert_allclose(found[8], 1.0, rtol=1e-9)
    np.testing.assert_allclose(found[10], 1.0, rtol=1e-12)


def test_float32_inside_a_loop_and_pickled() -> None:
    """An implicit Euler step is a root: a loop of them, and the derivative through all."""
    k = ct.fscalar("k")
    y = ct.fscalar("y")
    h = np.float32(0.1)

    def step(before: Any) -> Any:
        after, _ = root_scalar(y - before + h * k * y**3, y, start=before)
        return after

    rows, _ = cgrad.scan(step, outputs_info=ct.ones((), "float32"), n_steps=5)
    f = cgrad.function([k], [rows, ct.grad(rows[-1], k)])
    g = pickle.loads(pickle.dumps(f))
    values, slope = g(2.0)
    assert values.dtype == np.float32

    def by_numpy(rate: float) -> list[float]:
        state, states = 1.0, []
        for _ in range(5):
            before = state
            for _ in range(50):
                state -= (state - before + 0.1 * rate * state**3) / (1 + 0.3 * rate * state**2)
            states.append(state)
        return states

    np.testing.assert_allclose(values, by_numpy(2.0), rtol=1e-6)
    numeric = (by_numpy(2.001)[-1] - by_numpy(1.999)[-1]) / 0.002
    np.testing.assert_allclose(slope, numeric, rtol=1e-4)


def test_arguments_are_replaced_with_their_sizes() -> None:
    """The rule speaks of sizes of what it was made of; after a replacement, of those of the new."""
    x, b, c = ct.dvectors("x", "b", "c")
    y, _ = fixed_point(0.5 * ct.cos(x) + b / b.shape[0], x, start=ct.zeros_like(b))
    (other,) = cgrad.graph_replace([y], {b: 2.0 * c})
    f = cgrad.function([c], ct.grad(ct.sum(other), c))
    at = np.array([0.3, 0.1, 0.7])
    value = np.zeros(3)
    for _ in range(200):
        value = 0.5 * np.cos(value) + 2 * at / 3
    np.testing.assert_allclose(f(at), (2 / 3) / (1 + 0.5 * np.sin(value)), rtol=1e-10)


def test_errors() -> None:
    x, a = ct.dvectors("x", "a")
    s, single = ct.dscalar("s"), ct.fvector("single")
    whole = ct.lvector("whole")
    with pytest.raises(DisconnectedInputError, match="do not depend on x"):
        root(a + 1.0, x)
    with pytest.raises(DTypeError, match="expected one dtype"):
        root(single * 2, x)
    with pytest.raises(DTypeError, match="int64"):
        fixed_point(whole, whole)
    with pytest.raises(ShapeError, match="2 equations for 3 unknowns"):
        three = ct.tensor("three", shape=(3,))
        root(ct.tensor("two", shape=(2,)) + ct.sum(three), three)
    with pytest.raises(NotImplementedError, match="method='hybr'"):
        root(x - a, x, method="hybr")
    with pytest.raises(NotImplementedError, match="optimizer_kwargs"):
        minimize(ct.sum(x**2), x, optimizer_kwargs={"tol": 1.0})
    with pytest.raises(cgrad.gradient.CostError):
        minimize(x, x)
    with pytest.raises(ShapeError, match="no scalar"):
        root_scalar(x - a, x)
    with pytest.raises(ValueError, match="pair"):
        root_scalar(s - 1.0, s, bracket=3.0)
    with pytest.raises(ValueError, match="max_steps=0"):
        fixed_point(ct.cos(x), x, max_steps=0)
    with pytest.raises(ValueError, match="rtol"):
        fixed_point(ct.cos(x), x, rtol=-1.0)
    f = cgrad.function([x, a], root(ct.concatenate([x, a]), x)[0])
    with pytest.raises(ShapeError):
        f([1.0], [2.0])
