"""Derivatives of linear algebra: both modes, second order, conditioning; rules against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.gradient import Lop, Rop
from cgrad.ops.linalg import LU
from cgrad.tensor import linalg as la

rng = np.random.default_rng(5)
EPS = np.finfo(float).eps


def positive(*shape: int) -> np.ndarray:
    x = rng.normal(size=shape)
    return x @ np.swapaxes(x, -1, -2) / shape[-1] + np.eye(shape[-1])


def general(*shape: int) -> np.ndarray:
    return rng.normal(size=shape) + (2 + shape[-1] / 2) * np.eye(shape[-1])


def symmetric(*shape: int) -> np.ndarray:
    x = rng.normal(size=shape)
    return x + np.swapaxes(x, -1, -2) + 3 * np.diag(np.arange(shape[-1]))


def squares(vectors: Node) -> Node:
    """What does not depend on the signs of vectors."""
    return ct.sqr(vectors)


def log_root(a: Node) -> Node:
    return ct.sum(ct.log(ct.diagonal(la.cholesky(a), axis1=-2, axis2=-1)), -1)


def half_solved(a: Node, b: Node) -> Node:
    return la.solve_triangular(la.cholesky(a), b, lower=True)


def half_solved_by_upper(a: Node, b: Node) -> Node:
    return la.solve_triangular(la.cholesky(a, lower=False), b, trans=1)


Case = tuple[Callable[..., Node], list[np.ndarray]]
CASES: dict[str, Case] = {
    "cholesky": (la.cholesky, [positive(4, 4)]),
    "cholesky upper": (lambda a: la.cholesky(a, lower=False), [positive(4, 4)]),
    "cholesky by the library": (la.cholesky, [positive(12, 12)]),
    "cholesky batch": (la.cholesky, [positive(2, 3, 3)]),
    "solve": (la.solve, [general(4, 4), rng.normal(size=(4, 3))]),
    "solve vector": (la.solve, [general(4, 4), rng.normal(size=4)]),
    "solve transposed": (lambda a, b: la.solve(a, b, transposed=True),
                         [general(4, 4), rng.normal(size=(4, 2))]),
    "solve by the library": (la.solve, [general(12, 12), rng.normal(size=(12, 3))]),
    "solve batch": (la.solve, [general(2, 3, 3), rng.normal(size=(2, 3, 2))]),
    "solve one for all": (la.solve, [general(3, 3), rng.normal(size=(2, 3, 2))]),
    "solve pos": (lambda a, b: la.solve(a, b, assume_a="pos"),
                  [positive(4, 4), rng.normal(size=4)]),
    "solve pos batch": (lambda a, b: la.solve(a, b, assume_a="pos"),
                        [positive(2, 3, 3), rng.normal(size=(2, 3, 2))]),
    "solve pos upper": (lambda a, b: la.solve(a, b, lower=True, assume_a="pos"),
                        [positive(4, 4), rng.normal(size=(4, 2))]),
    "log root": (log_root, [positive(4, 4)]),
    "log root by the library": (log_root, [positive(40, 40)]),
    "log root batch": (log_root, [positive(2, 3, 3)]),
    "log root total": (lambda a: ct.sum(log_root(a)),
                       [positive(2, 3, 3)]),
    "squared norm": (lambda a, b: ct.sum(half_solved(a, b) ** 2, 0),
                     [positive(4, 4), rng.normal(size=(4, 3))]),
    "squared norm of a vector": (lambda a, b: ct.dot(half_solved(a, b), half_solved(a, b)),
                                 [positive(4, 4), rng.normal(size=4)]),
    "squared norm batch": (lambda a, b: ct.sum(ct.sqr(half_solved(a, b)), (0, 1)),
                           [positive(2, 3, 3), rng.normal(size=(2, 3, 2))]),
    "squared norm upper": (lambda a, b: ct.sum(half_solved_by_upper(a, b) ** 2),
                           [positive(4, 4), rng.normal(size=(4, 3))]),
    "solve diagonal": (lambda a, b: la.solve(a, b, assume_a="diagonal"),
                       [general(4, 4), rng.normal(size=4)]),
    "triangular": (lambda a, b: la.solve_triangular(a, b, lower=True),
                   [general(4, 4), rng.normal(size=(4, 3))]),
    "triangular upper trans": (lambda a, b: la.solve_triangular(a, b, trans="T"),
                               [general(4, 4), rng.normal(size=4)]),
    "triangular unit": (lambda a, b: la.solve_triangular(a, b, lower=True, unit_diagonal=True),
                        [general(4, 4), rng.normal(size=4)]),
    "inv": (la.inv, [general(4, 4)]),
    "det": (la.det, [general(4, 4)]),
    "det batch": (la.det, [general(2, 3, 3)]),
    "logdet": (lambda a: la.slogdet(a)[1], [general(4, 4)]),
    "eigh values": (la.eigvalsh, [symmetric(4, 4)]),
    "eigh": (lambda a: squares(la.eigh(a)[1]), [symmetric(4, 4)]),
    "eigh upper": (lambda a: la.eigh(a, lower=False)[0], [symmetric(4, 4)]),
    "eigh batch": (lambda a: squares(la.eigh(a)[1]), [symmetric(2, 3, 3)]),
    "svd values": (lambda a: la.svd(a, compute_uv=False), [rng.normal(size=(4, 3))]),
    "svd tall": (lambda a: squares(la.svd(a, full_matrices=False)[0]), [rng.normal(size=(4, 3))]),
    "svd wide": (lambda a: squares(la.svd(a, full_matrices=False)[2]), [rng.normal(size=(3, 4))]),
    "svd product": (lambda a: (lambda u, s, vt: u @ vt)(*la.svd(a, False)),
                    [rng.normal(size=(3, 5))]),
    "qr q": (lambda a: la.qr(a)[0], [rng.normal(size=(5, 3))]),
    "qr r": (lambda a: la.qr(a, mode="r"), [rng.normal(size=(3, 5))]),
    "qr batch": (lambda a: la.qr(a)[0], [rng.normal(size=(2, 3, 3))]),
    "lu lower": (lambda a: la.lu(a)[1], [general(4, 4)]),
    "lu upper": (lambda a: la.lu(a, permute_l=True)[1], [rng.normal(size=(4, 4))]),
    "lu moved": (lambda a: la.lu(a, permute_l=True)[0], [rng.normal(size=(2, 3, 3))]),
    "lu_solve": (lambda a, b: la.lu_solve(la.lu_factor(a), b), [rng.normal(size=(4, 4)),
                                                                rng.normal(size=(4, 2))]),
    "lu_solve trans": (lambda a, b: la.lu_solve(la.lu_factor(a), b, trans=True),
                       [rng.normal(size=(4, 4)), rng.normal(size=4)]),
    "solve sym": (lambda a, b: la.solve(a, b, assume_a="sym"), [general(4, 4), rng.normal(size=4)]),
    "solve tridiagonal": (lambda a, b: la.solve(a, b, assume_a="tridiagonal"),
                          [general(5, 5), rng.normal(size=(5, 2))]),
    "solve_banded": (lambda ab, b: la.solve_banded((1, 2), ab, b),
                     [np.add(rng.normal(size=(4, 6)), [[0], [0], [5], [0]]),
                      rng.normal(size=(6, 2))]),
    "solve_banded batch": (lambda ab, b: la.solve_banded((2, 0), ab, b, b_ndim=1),
                           [np.add(rng.normal(size=(2, 3, 4)), [[3], [0], [0]]),
                            rng.normal(size=(2, 4))]),
    "solve_banded, more diagonals than rows": (lambda ab, b: la.solve_banded((3, 2), ab, b),
                                               [rng.normal(size=(6, 2)), rng.normal(size=2)]),
    "eigh of two, values": (lambda a, b: la.eigh(a, b)[0], [symmetric(4, 4), positive(4, 4)]),
    "eigh of two": (lambda a, b: squares(la.eigh(a, b, lower=False)[1]),
                    [symmetric(3, 3), positive(3, 3)]),
    "lstsq": (lambda a, b: la.lstsq(a, b)[0], [rng.normal(size=(5, 3)), rng.normal(size=(5, 2))]),
    "lstsq residuals": (lambda a, b: la.lstsq(a, b)[1],
                        [rng.normal(size=(5, 3)), rng.normal(size=5)]),
    "expm": (la.expm, [rng.normal(size=(4, 4))]),
    "expm squared often": (lambda a: la.expm(a) / 1e9, [8 * rng.normal(size=(2, 3, 3))]),
    "tensorinv": (la.tensorinv, [general(6, 6).reshape(2, 3, 3, 2)]),
    "tensorsolve": (la.tensorsolve, [general(6, 6).reshape(2, 3, 6), rng.normal(size=(2, 3))]),
    "pinv tall": (la.pinv, [rng.normal(size=(5, 3))]),
    "pinv wide": (la.pinv, [rng.normal(size=(3, 5))]),
    "power": (lambda a: la.matrix_power(a, -3), [general(3, 3)]),
    "kron": (la.kron, [general(2, 2), general(3, 3)]),
    "block_diag": (la.block_diag, [general(2, 2), general(3, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_derivatives(name: str) -> None:
    """Both modes agree to rounding; both orders agree with differences of what is one below.

    The second order is computed by NumPy alone: C of it is large, and says no more.
    """
    build, arrays = CASES[name]
    inputs = [ct.tensor(f"x{k}", shape=(None,) * a.ndim, dtype="float64")
              for k, a in enumerate(arrays)]  # fmt: skip
    moves = [ct.tensor(f"t{k}", shape=(None,) * a.ndim, dtype="float64")
             for k, a in enumerate(arrays)]  # fmt: skip
    y = build(*inputs)
    weight = ct.cos(ct.reshape(ct.arange(y.size), y.shape) + 1.0)
    forward = Rop(y, inputs, moves)
    backward = Lop(y, inputs, weight)
    cost = ct.sum(weight * y**2)
    gradients = cgrad.grad(cost, inputs)
    slope = sum(ct.sum(g * t) for g, t in zip(gradients, moves, strict=True))
    second = Rop(slope, inputs, moves)
    again = sum(ct.sum(g * t) for g, t in zip(cgrad.grad(slope, inputs), moves, strict=True))
    pairing = sum(ct.sum(b * t) for b, t in zip(backward, moves, strict=True))
    first = [y, forward, ct.sum(weight * forward), pairing]
    f = cgrad.function([*inputs, *moves], first, on_unused_input="ignore")
    tangents = [rng.normal(size=a.shape) for a in arrays]
    h = 1e-5

    def at(h: float) -> list[Any]:
        given = [a + h * t for a, t in zip(arrays, tangents, strict=True)]
        nodes = [*first, cost, slope, second, again]
        return evaluate(nodes, dict(zip([*inputs, *moves], [*given, *tangents], strict=True)))

    value, forward_at, left, right, _, slope_at, second_at, again_at = at(0.0)
    ahead, behind = at(h), at(-h)
    for found, expected in zip(
        f(*arrays, *tangents), (value, forward_at, left, right), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert abs(left - right) <= 1e4 * EPS * (1 + abs(left)) * value.size
    differences = (ahead[0] - behind[0]) / (2 * h)
    np.testing.assert_allclose(forward_at, differences, rtol=1e-6, atol=1e-6)
    for first, order in ((4, slope_at), (5, second_at)):
        by_difference = (float(ahead[first]) - float(behind[first])) / (2 * h)
        assert abs(by_difference - float(order)) <= 1e-6 * (1 + abs(float(order)))
    assert abs(second_at - again_at) <= 1e5 * EPS * (1 + abs(second_at)) * value.size


def test_the_gradient_of_cholesky_belongs_to_the_triangle_that_is_read() -> None:
    a = ct.dmatrix("a")
    lower = cgrad.function([a], cgrad.grad(ct.sum(la.cholesky(a)), a))(positive(4, 4))
    upper = cgrad.function([a], cgrad.grad(ct.sum(la.cholesky(a, lower=False)), a))(positive(4, 4))
    assert np.array_equal(lower, np.tril(lower)) and np.array_equal(upper, np.triu(upper))


def test_values_that_coincide_have_a_derivative() -> None:
    a = ct.dmatrix("a")
    values = ct.sum(la.eigvalsh(a) ** 2) + ct.sum(la.svd(a, compute_uv=False))
    gradient = cgrad.function([a], cgrad.grad(values, a))(np.eye(3))
    np.testing.assert_allclose(gradient, 3 * np.eye(3), atol=1e-14)


def test_ill_conditioned_systems() -> None:
    """The error of a solution and of its gradient stays within the condition number."""
    a, b = ct.dmatrix("a"), ct.dvector("b")
    x = la.solve(a, b)
    f = cgrad.function([a, b], [x, cgrad.grad(ct.sum(x), b)])
    for n in (6, 11):
        hilbert = 1 / (np.arange(n)[:, None] + np.arange(n) + 1)
        right = hilbert @ np.ones(n)
        bound = 100 * EPS * np.linalg.cond(hilbert)
        solution, gradient = f(hilbert, right)
        assert np.max(np.abs(solution - 1)) <= bound
        assert np.max(np.abs(hilbert.T @ gradient - 1)) <= 1e-6


def test_the_log_likelihood_of_a_gaussian_process() -> None:
    """log det and a quadratic form through one Cholesky factor, against the closed gradient."""
    length, noise = ct.dscalar("length"), ct.dscalar("noise")
    t, y = ct.dvector("t"), ct.dvector("y")
    kernel = ct.exp(-((t[:, None] - t[None, :]) ** 2) / (2 * length**2))
    covariance = kernel + noise * ct.eye(t.shape[0])
    factor = la.cholesky(covariance)
    z = la.solve_triangular(factor, y, lower=True)
    value = 0.5 * ct.sum(z**2) + ct.sum(ct.log(ct.diagonal(factor)))
    f = cgrad.function([length, noise, t, y], [value, *cgrad.grad(value, [length, noise])])
    at, data = np.linspace(0, 5, 30), rng.normal(size=30)
    got = f(0.7, 0.3, at, data)
    distance = (at[:, None] - at) ** 2
    k = np.exp(-distance / (2 * 0.7**2))
    c = k + 0.3 * np.eye(30)
    alpha = np.linalg.solve(c, data)
    want = 0.5 * data @ alpha + 0.5 * np.linalg.slogdet(c)[1]
    inner = 0.5 * (np.linalg.inv(c) - np.outer(alpha, alpha))
    np.testing.assert_allclose(got[0], want, rtol=1e-12)
    np.testing.assert_allclose(got[1], np.sum(inner * k * distance / 0.7**3), rtol=1e-10)
    np.testing.assert_allclose(got[2], np.trace(inner), rtol=1e-10)


def test_factors_are_those_of_the_reference() -> None:
    a = ct.dmatrix("a")
    node = Node(LU(), (a,))
    f = cgrad.function([a], node)
    for n in (0, 1, 5, 8, 9, 20):
        x = rng.normal(size=(n, n))
        (want,) = evaluate([node], {a: x})
        np.testing.assert_allclose(f(x), want, rtol=1e-9, atol=1e-12)


def test_a_sign_has_no_derivative() -> None:
    a = ct.dmatrix("a")
    with pytest.raises(cgrad.DisconnectedInputError):
        cgrad.grad(ct.sum(la.slogdet(a)[0]), a)


def test_in_a_loop() -> None:
    """A filter that solves in every step, and its gradient."""
    a, start = ct.dmatrix("a"), ct.dvector("start")
    states, _ = cgrad.scan(lambda x, a: la.solve(a, x), None, start, [a], n_steps=3)
    cost = ct.sum(states**2)
    f = cgrad.function([a, start], [cost, *cgrad.grad(cost, [a, start])])
    x, s = general(4, 4), rng.normal(size=4)
    got: Any = f(x, s)
    step = np.zeros((4, 4))
    step[1, 2] = 1e-6
    slope = (float(f(x + step, s)[0]) - float(f(x - step, s)[0])) / 2e-6
    assert abs(slope - got[1][1, 2]) <= 1e-6 * (1 + abs(slope))
