"""cgrad.optimize: solutions that are known, derivatives that are given, calls that are counted."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad import optimize
from cgrad.optimize.kernel import Kernel

pytest.importorskip("scipy")


def rosenbrock(x: Any) -> Any:
    return ct.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> list[Kernel]:
    """All kernels that are made."""
    made: list[Kernel] = []
    original = Kernel.__init__

    def init(self: Kernel, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Kernel, "__init__", init)
    return made


# -- Problem ----------------------------------------------------------------------------------
def several() -> tuple[Any, list[Any], list[Any]]:
    """A cost of a matrix, a float32 vector and a scalar, with mixed second derivatives."""
    a, b, c = ct.dmatrix("a"), ct.fvector("b"), ct.dscalar("c")
    cost = ct.sum(ct.sin(a) @ b) * c + ct.sum(a**3) + c**4
    return cost, [a, b, c], [np.arange(6.0).reshape(2, 3) / 5, [0.5, 1.0, -1.0], 2.0]


def test_derivatives_of_several_symbols_are_those_of_differences() -> None:
    cost, wrt, x0 = several()
    problem = optimize.Problem(cost, wrt, x0)
    x = problem.x0
    assert x is not None and x.shape == (10,) == (problem.size,)
    step = 2.0**-8  # exact in float32 too
    along = np.eye(10) * step
    value = np.array([problem.value(x + h) - problem.value(x - h) for h in along]) / (2 * step)
    np.testing.assert_allclose(problem.jac(x), value, rtol=1e-4, atol=1e-4)
    slope = np.array([problem.jac(x + h) - problem.jac(x - h) for h in along]) / (2 * step)
    np.testing.assert_allclose(problem.hess(x), slope, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(problem.hess(x), problem.hess(x).T, rtol=1e-6)
    p = np.linspace(-1, 1, 10)
    np.testing.assert_allclose(problem.hessp(x, p), problem.hess(x) @ p, rtol=1e-5)
    back = problem.unpack(x)
    assert [part.dtype for part in back] == ["float64", "float32", "float64"]
    assert [part.shape for part in back] == [(2, 3), (3,), ()]
    np.testing.assert_array_equal(problem.pack(back), x)


def test_one_call_for_each_point() -> None:
    x = ct.dvector("x")
    shift = cgrad.shared(1.0, name="shift")
    problem = optimize.Problem(rosenbrock(x) + shift, x, np.zeros(4))
    at = problem.x0
    assert at is not None
    for _ in range(2):
        problem.fun(at), problem.jac(at), problem.hess(at), problem.hessp(at, at)
    assert problem.calls == {"value": 0, "gradient": 1, "hessian": 1, "product": 1}
    assert "<x: float64" in repr(problem) and "gradient 1" in repr(problem)
    problem.jac(at)[:] = 7.0  # what is returned is the caller's
    assert problem.jac(at)[0] == -2.0
    at[:] = 1.0  # the same array with other numbers is another point
    assert problem.fun(at) == 1.0 and not problem.jac(at).any()
    shift.set_value(3.0)
    assert problem.fun(at) == 3.0
    assert problem.calls["gradient"] == 3


def test_sparse_hessian() -> None:
    x = ct.tensor("x", shape=(50,))
    dense, sparse = (optimize.Problem(rosenbrock(x), x, sparse=s) for s in (False, True))
    at = np.linspace(-1, 1, 50)
    found = sparse.hess(at)
    assert found.nnz == 148
    np.testing.assert_array_equal(found.toarray(), dense.hess(at))


# -- minimize ---------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "L-BFGS-B", "trust-ncg"])
def test_rosenbrock(method: str) -> None:
    x = ct.dvector("x")
    found = optimize.minimize(rosenbrock(x), x, [-1.2, 1.0, 0.5], method=method)
    assert found.success
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)
    calls = found.problem.calls
    assert calls["value"] == 0 and calls["gradient"] <= found.nfev + 1
    assert (calls["hessian"] > 0) == (method == "trust-exact")
    assert (calls["product"] > 0) == (method in ("Newton-CG", "trust-ncg"))


def test_a_method_without_gradients_computes_none() -> None:
    x = ct.dvector("x")
    found = optimize.minimize(rosenbrock(x), x, [-1.2, 1.0], method="Nelder-Mead")
    np.testing.assert_allclose(found.x, 1.0, atol=1e-3)
    calls = found.problem.calls
    assert 0 < calls.pop("value") <= found.nfev and not any(calls.values())


def test_logistic_regression_of_weights_and_intercept() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3))
    labels = (features @ [1.0, -2.0, 0.5] + 0.3 + rng.logistic(size=60) > 0).astype(float)
    X, y, w, b = ct.dmatrix("X"), ct.dvector("y"), ct.dvector("w"), ct.dscalar("b")
    z = X @ w + b
    cost = ct.sum(ct.softplus(z) - y * z) + ct.sum(w**2) / 2
    found = optimize.minimize(
        cost, (w, b), (np.zeros(3), 0.0), {X: features, y: labels}, method="trust-ncg", tol=1e-10
    )
    weights, intercept = found.x
    assert isinstance(found.x, tuple) and weights.shape == (3,) and intercept.shape == ()
    # the score equations, by hand
    p = 1 / (1 + np.exp(-features @ weights - intercept))
    np.testing.assert_allclose(features.T @ (labels - p), weights, atol=1e-8)
    np.testing.assert_allclose((labels - p).sum(), 0, atol=1e-8)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sparse", [False, True])
def test_a_constrained_problem(sparse: bool) -> None:
    """On the line x0 + x1 = 2 and in a ball, as near to y = 3 as it goes: (1, 1), 2."""
    x, y = ct.dvector("x"), ct.dscalar("y")
    cost = ct.sum(x**2) + (y - 3) ** 2
    constraints = [
        optimize.Constraint(x[:1] + x[1:] - 2, 0, 0),
        optimize.Constraint(ct.sum(x**2) + y**2, upper=6.0),
    ]
    options: Any = {"sparse": True} if sparse else {}
    for method in ("trust-constr",) if sparse else ("trust-constr", "SLSQP"):
        found = optimize.minimize(
            cost, [x, y], [[2.0, 0.5], 0.0], method=method, constraints=constraints,
            bounds={y: (None, 5.0)}, tol=1e-12, **options,
        )  # fmt: skip
        np.testing.assert_allclose(found.x[0], 1.0, atol=1e-5)
        np.testing.assert_allclose(found.x[1], 2.0, atol=1e-5)
        assert (found.problem.calls["hessian"] > 0) == sparse


def test_the_hessian_of_a_constraint(kernels: list[Kernel]) -> None:
    x = ct.dmatrix("x")
    at = np.arange(4.0).reshape(2, 2)
    variables = optimize.problem.Variables(x, at, "test")
    constraint = optimize.Constraint(ct.sum(x, 0) ** 3, 0.0, [1.0, 2.0])
    made = optimize.constraints.with_derivatives(constraint, variables, {}, False, 2)
    np.testing.assert_array_equal(made.ub, [1.0, 2.0])
    flat = at.ravel()
    np.testing.assert_allclose(made.fun(flat), [8.0, 64.0])
    np.testing.assert_allclose(made.jac(flat), [[12, 0, 12, 0], [0, 48, 0, 48]])
    expected = np.kron(np.ones((2, 2)), np.diag([12.0, 24.0 * 10]))
    np.testing.assert_allclose(made.hess(flat, np.array([1.0, 10.0])), expected)
    assert [kernel.calls for kernel in kernels] == [1, 1]


def test_constraints_hold_what_the_cost_does_not_depend_on() -> None:
    x, y = ct.dscalar("x"), ct.dvector("y")
    tie = optimize.Constraint(y - x, 1.0, 1.0)
    found = optimize.minimize(x**2, [y, x], [[0.0, 0.0], 3.0], constraints=tie)
    np.testing.assert_allclose(found.x[0], 1.0, atol=1e-6)
    np.testing.assert_allclose(found.x[1], 0.0, atol=1e-6)


def test_bounds_stop_a_step() -> None:
    x = ct.dmatrix("x")
    found = optimize.minimize(
        ct.sum((x - 3) ** 2), x, np.zeros((2, 2)), bounds={x: (None, [1.0, 5.0])}
    )
    np.testing.assert_allclose(found.x, [[1, 3], [1, 3]], atol=1e-5)


# -- equations --------------------------------------------------------------------------------
@pytest.mark.parametrize("sparse", [False, True])
def test_a_fit_by_least_squares(sparse: bool, kernels: list[Kernel]) -> None:
    t, y, a, k = ct.dvector("t"), ct.dvector("y"), ct.dscalar("a"), ct.dscalar("k")
    times = np.linspace(0, 3, 20)
    found = optimize.least_squares(
        a * ct.exp(-k * t) - y, [a, k], [1.0, 1.0], {t: times, y: 2.5 * np.exp(-1.3 * times)},
        bounds={k: (0.0, None)}, sparse=sparse,
    )  # fmt: skip
    np.testing.assert_allclose(found.x, [2.5, 1.3], rtol=1e-6)
    assert len(kernels) == 1 and kernels[0].calls <= found.nfev + 1


def test_roots_of_two_equations(kernels: list[Kernel]) -> None:
    x, y = ct.dvector("x"), ct.dscalar("y")
    equations = [x**2 - [1.0, 4.0] * y, ct.exp(y) - ct.exp(1)]
    found = optimize.root(equations, [x, y], [[2.0, 3.0], 0.5], tol=1e-12)
    np.testing.assert_allclose(found.x[0], [1, 2], rtol=1e-8)
    np.testing.assert_allclose(found.x[1], 1, rtol=1e-8)
    values, matrices = kernels
    assert matrices.calls == found.njev < values.calls


# -- solve_ivp --------------------------------------------------------------------------------
@pytest.mark.parametrize(("method", "sparse"), [("Radau", False), ("BDF", True), ("RK45", False)])
def test_a_stiff_equation(method: str, sparse: bool, kernels: list[Kernel]) -> None:
    """Heat in a rod: the first mode decays with the lowest eigenvalue of the matrix."""
    n = 8
    t, u, k = ct.dscalar("t"), ct.dvector("u"), ct.dscalar("k")
    full = ct.concatenate([ct.zeros(1), u, ct.zeros(1)])
    rhs = k * (full[2:] - 2 * full[1:-1] + full[:-2])
    start = np.sin(np.pi * np.arange(1, n + 1) / (n + 1))
    found = optimize.solve_ivp(
        rhs, t, u, (0, 0.5), start, {k: 50.0}, method=method, sparse=sparse, rtol=1e-6, atol=1e-9
    )
    rate = 50.0 * (2 - 2 * np.cos(np.pi / (n + 1)))
    assert found.success and found.y.shape == (n, found.t.size)
    np.testing.assert_allclose(found.y, np.outer(start, np.exp(-rate * found.t)), atol=1e-4)
    assert len(kernels) == (2 if method == "RK45" else 3)
    if method != "RK45":
        assert found.njev > 0 and kernels[2].calls <= found.njev


def test_a_state_of_several_symbols_depends_on_time() -> None:
    t, q, v = ct.dscalar("t"), ct.dmatrix("q"), ct.dscalar("v")
    found = optimize.solve_ivp([q * 0 + v, ct.cos(t)], t, [q, v], (0, 1), [np.zeros((1, 2)), 0.0])
    q_end, v_end = found.y
    assert q_end.shape == (1, 2, found.t.size) and v_end.shape == (found.t.size,)
    np.testing.assert_allclose(q_end[..., -1], 1 - np.cos(1), rtol=1e-2)
    np.testing.assert_allclose(v_end[-1], np.sin(1), rtol=1e-2)


# -- mistakes ---------------------------------------------------------------------------------
def test_mistakes_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, n = ct.dvector("x"), ct.dscalar("y"), ct.lscalar("n")
    cost = ct.sum(x**2)
    with pytest.raises(ValueError, match=r"shape of <x.*not known"):
        optimize.Problem(cost, x)
    with pytest.raises(TypeError, match="not among the inputs"):
        optimize.minimize(cost * y, x, [1.0])
    with pytest.raises(TypeError, match="dict from symbols"):
        optimize.minimize(cost * y, x, [1.0], 2.0)
    with pytest.raises(cgrad.DisconnectedInputError):
        optimize.minimize(cost, y, 1.0)
    with pytest.raises(cgrad.RankError, match="x0 of <x"):
        optimize.minimize(cost, x, 1.0)
    with pytest.raises(ValueError, match="one value for each of the 2 wrt"):
        optimize.minimize(cost * y, [x, y], [1.0])
    with pytest.raises(TypeError):
        optimize.minimize(cost * n, [x, n], [[1.0], 2])
    with pytest.raises(ValueError, match="trust-constr"):
        optimize.minimize(cost, x, [1.0], method="BFGS", sparse=True)
    with pytest.raises(TypeError, match="jac= is derived"):
        optimize.minimize(cost, x, [1.0], jac="2-point")
    with pytest.raises(ValueError, match="not among wrt"):
        optimize.minimize(cost, x, [1.0], bounds={y: (0, 1)})
    with pytest.raises(cgrad.ShapeError, match=r"does not stretch to \(2,\)"):
        optimize.minimize(cost, x, [1.0, 1.0], bounds={x: (0, [1, 2, 3])})
    with pytest.raises(cgrad.ShapeError, match=r"expected \(2,\)"):
        optimize.Problem(cost, x, [1.0, 2.0]).fun([1.0])
    with pytest.raises(cgrad.ShapeError, match="1 equations for 2 unknowns"):
        optimize.root(x[:1], x, [1.0, 2.0])
    with pytest.raises(cgrad.ShapeError, match="expected those of the state"):
        optimize.solve_ivp(x[:1], y, x, (0, 1), [1.0, 2.0])
    with pytest.raises(cgrad.DTypeError, match="dtype int64"):
        optimize.Constraint(n)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"minimize needs SciPy: pip install scipy"):
        optimize.minimize(cost, x, [1.0])
