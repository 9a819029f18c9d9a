"""Sylvester's and Lyapunov's equations: residuals, derivatives, mistakes."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct

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


def test_mistakes_and_what_is_left_out():
    with pytest.raises(cgrad.ShapeError, match="solve_sylvester"):
        ct.linalg.solve_sylvester(ct.dtensor3("t"), B, Q)
    f = cgrad.function([A, B, Q], ct.linalg.solve_sylvester(A, B, Q))
    with pytest.raises(cgrad.ShapeError):
        f(a, a, q)
    for name in ("eig", "eigvals", "qz", "ordqz", "solve_discrete_are"):
        with pytest.raises(NotImplementedError, match=rf"linalg\.{name} is not built: "):
            getattr(ct.linalg, name)
    with pytest.raises(AttributeError):
        ct.linalg.no_such_name  # noqa: B018
