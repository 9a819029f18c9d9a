"""Sylvester's, Lyapunov's and Riccati's equations: residuals, derivatives, mistakes."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate

A, B, Q = ct.dmatrix("A"), ct.dmatrix("B"), ct.dmatrix("Q")
rng = np.random.default_rng(5)
a, b, q = rng.normal(size=(4, 4)), rng.normal(size=(3, 3)), rng.normal(size=(4, 3))
stable = 0.2 * a
square = q @ q.T


def test_the_solutions_solve():
    x = cgrad.function([A, B, Q], ct.linalg.solve_sylvester(A, B, Q))(a, b, q)
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-12)
    x = cgrad.function([A, Q], ct.linalg.solve_continuous_lyapunov(A, Q))(a, square)
    np.testing.assert_allclose(a @ x + x @ a.T, square, atol=1e-12)
    x = cgrad.function([A, Q], ct.linalg.solve_discrete_lyapunov(A, Q))(stable, square)
    np.testing.assert_allclose(stable @ x @ stable.T - x + square, 0, atol=1e-12)
    np.testing.assert_allclose(x, x.T, atol=1e-12)


def test_derivatives():
    cgrad.verify_grad(ct.linalg.solve_sylvester, [a, b, q], rng=rng)
    cgrad.verify_grad(ct.linalg.solve_discrete_lyapunov, [stable, square], rng=rng)
    # one variable as both arguments
    cgrad.verify_grad(lambda m: ct.linalg.solve_discrete_lyapunov(m, m), [stable], rng=rng)
    # of a derivative
    total = ct.sum(ct.linalg.solve_continuous_lyapunov(A, Q) ** 2)
    slope = ct.grad(total, A)
    cgrad.verify_grad(lambda m, n: cgrad.clone_replace(slope, {A: m, Q: n}), [a, square], rng=rng)


def _discrete(x, a, b, q, r):
    inner = a.T @ x @ b
    return a.T @ x @ a - x - inner @ np.linalg.solve(r + b.T @ x @ b, inner.T) + q


def _continuous(x, a, b, q, r):
    return a.T @ x + x @ a - x @ b @ np.linalg.solve(r, b.T @ x) + q


@pytest.mark.parametrize(
    ("solver", "residual", "size"),
    [(ct.linalg.solve_discrete_are, _discrete, abs), (ct.linalg.solve_continuous_are, _continuous,
                                                      lambda w: 1 + w.real)],
)  # fmt: skip
def test_riccati(solver, residual, size):
    R = ct.dmatrix("R")
    own = np.random.default_rng(3)
    n, m = 4, 2
    at = [own.normal(size=(n, n)), own.normal(size=(n, m)), np.eye(n) + 0.1, np.eye(m) + 0.3]
    wrt = [A, B, Q, R]
    x = solver(*wrt)
    given = dict(zip(wrt, at, strict=True))
    found = cgrad.function(wrt, x)(*at)
    np.testing.assert_allclose(residual(found, *at), 0, atol=1e-12)
    # the solution that stabilises
    a, b, _, r = at
    k = np.linalg.solve(r + b.T @ found @ b, b.T @ found @ a)
    if residual is _continuous:
        k = np.linalg.solve(r, b.T @ found)
    assert size(np.linalg.eigvals(a - b @ k)).max() < 1
    # both modes, and the derivative of one, against differences of higher order
    ts = [own.normal(size=v.shape) for v in at]
    ts[2:] = [t + t.T for t in ts[2:]]
    w = ct.constant(own.normal(size=(n, n)))
    forward = ct.sum(w * cgrad.Rop(x, wrt, ts))
    reverse = sum(ct.sum(g * t) for g, t in zip(cgrad.Lop(x, wrt, w), ts, strict=True))
    second = cgrad.Rop(forward, wrt, ts)
    one, other, again = evaluate([forward, reverse, second], given)
    np.testing.assert_allclose(one, other, rtol=1e-10)
    outs = [ct.sum(w * x), forward]
    step = 1e-5
    ends = [
        np.array(evaluate(outs, {v: at[k] + s * ts[k] for k, v in enumerate(wrt)}))
        for s in (step, -step)
    ]
    slope = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose([one, again], slope, rtol=1e-6)


def test_mistakes_and_what_is_left_out():
    with pytest.raises(cgrad.ShapeError, match="solve_sylvester"):
        ct.linalg.solve_sylvester(ct.dtensor3("t"), B, Q)
    f = cgrad.function([A, B, Q], ct.linalg.solve_sylvester(A, B, Q))
    with pytest.raises(cgrad.ShapeError):
        f(a, a, q)
    for name in ("qz", "ordqz"):
        with pytest.raises(NotImplementedError, match=rf"linalg\.{name} is not built: "):
            getattr(ct.linalg, name)
    with pytest.raises(AttributeError):
        ct.linalg.no_such_name  # noqa: B018
