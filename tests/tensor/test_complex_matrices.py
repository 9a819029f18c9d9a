"""Linear algebra of complex matrices: values in C, derivatives of both modes and of derivatives."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import linalg as scipy_linalg

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.tensor import linalg

rng = np.random.default_rng(11)


def some(*shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def positive(n):
    x = some(2, n, n)
    return x @ adjoint(x) + np.eye(n)


A, H, B, T = (
    ct.tensor(name, dtype="complex128", shape=(None,) * n)
    for name, n in (("A", 3), ("H", 3), ("B", 3), ("T", 2))
)


def results(a, h, b, t):
    """name -> a graph of complex matrices."""
    w, v = linalg.eigh(h)
    q, r = linalg.qr(t)
    sign, log = linalg.slogdet(a)
    values, vectors = linalg.eig(a)
    return {
        "solve": linalg.solve(a, b), "inv": linalg.inv(a), "det": linalg.det(a), "sign": sign,
        "log": log, "cholesky": linalg.cholesky(h), "w": w, "v": v, "q": q, "r": r,
        "values": values, "vectors": vectors,
    }  # fmt: skip


def of_real_matrices(a, h, t):
    """The same of what is computed by functions of real matrices with twice as many rows."""
    shortest, residuals, rank, s = linalg.lstsq(t, (t * t)[:, :1])
    generally, directions = linalg.eigh(a + ct.conj(a).mT, h)
    return {
        "expm": linalg.expm(a), "pinv": linalg.pinv(t), "shortest": shortest,
        "residuals": residuals, "rank": rank, "s": s, "generally": generally,
        "directions": directions,
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["complex128", "complex64"])
def test_values(dtype):
    args = [x.astype(dtype) for x in (A, H, B, T)]
    f = cgrad.function([A, H, B, T], results(*args))
    tolerance = 2e-13 if dtype == "complex128" else 2e-4
    for n in (1, 3, 12):
        a, h, b, t = some(2, n, n), positive(n), some(2, n, 2), some(n + 2, n)
        if n == 3:
            # equal eigenvalues, dependent columns
            h[0] = np.eye(3)
            t[:, 1] = t[:, 0]
        got = f(a, h, b, t)
        close = functools.partial(np.testing.assert_allclose, atol=tolerance, rtol=tolerance * n)
        close(got["solve"], np.linalg.solve(a, b))
        close(got["inv"], np.linalg.inv(a))
        close(got["det"], np.linalg.det(a))
        for found, want in zip((got["sign"], got["log"]), np.linalg.slogdet(a), strict=True):
            close(found, want)
        close(got["cholesky"], np.linalg.cholesky(h))
        w, v, q, r = (got[name] for name in "wvqr")
        close(w, np.linalg.eigvalsh(h))
        close(v @ (w[..., None] * adjoint(v)), h, atol=tolerance * n * 10)
        close(adjoint(v) @ v, np.broadcast_to(np.eye(n), h.shape))
        values, vectors = got["values"], got["vectors"]
        close(a @ vectors, values[..., None, :] * vectors, atol=tolerance * n * 10)
        close(np.linalg.norm(vectors, axis=-2), 1)
        close(q @ r, t)
        close(adjoint(q) @ q, np.eye(n))
        assert not np.tril(r, -1).any()
        assert np.diagonal(r).imag.max() == 0
        assert {x.dtype.name for x in got.values()} == {
            dtype, "float64" if dtype == "complex128" else "float32"
        }  # fmt: skip
    got = f(np.zeros((1, 2, 2)), -np.ones((1, 2, 2)), np.ones((1, 2, 1)), np.full((2, 2), np.nan))
    assert got["det"] == 0
    assert got["log"] == -np.inf
    assert np.isnan(got["cholesky"]).all()
    assert not np.isfinite(got["inv"]).any()


@pytest.mark.parametrize("n", [1, 3, 5])
def test_values_by_real_matrices(n):
    a, h, t = some(2, n, n), positive(n), some(n + 2, n)
    if n == 3:
        t[:, 1] = t[:, 0]
    graphs = of_real_matrices(A, H, T)
    found = evaluate(list(graphs.values()), {A: a, H: h, T: t})
    got = dict(zip(graphs, found, strict=True))
    close = functools.partial(np.testing.assert_allclose, atol=1e-12, rtol=1e-11)
    close(got["expm"], scipy_linalg.expm(a))
    close(got["pinv"], np.linalg.pinv(t))
    b = (t * t)[:, :1]
    close(got["shortest"], np.linalg.pinv(t) @ b)
    close(got["residuals"], (np.abs(b - t @ (np.linalg.pinv(t) @ b)) ** 2).sum(0))
    assert got["rank"] == (2 if n == 3 else n)
    close(got["s"], np.linalg.svd(t, compute_uv=False))
    w, v = got["generally"], got["directions"]
    close((a + adjoint(a)) @ v, h @ v * w[..., None, :])
    close(adjoint(v) @ h @ v, np.broadcast_to(np.eye(n), h.shape))


def test_triangles_and_assumptions():
    a, h, b = some(2, 3, 3), positive(3), some(2, 3, 2)
    lower = np.tril(a)
    upper = np.triu(h)
    pairs = [
        (linalg.solve_triangular(A, B, lower=True), np.linalg.solve(lower, b)),
        (linalg.solve_triangular(A, B, 1, lower=True), np.linalg.solve(lower.swapaxes(1, 2), b)),
        (linalg.solve_triangular(A, B, "C", lower=True), np.linalg.solve(adjoint(lower), b)),
        (linalg.solve(A, B, transposed=True), np.linalg.solve(a.swapaxes(1, 2), b)),
        (linalg.solve(ct.triu(H), B, assume_a="her"), np.linalg.solve(h, b)),
        (linalg.solve(ct.triu(H), B, assume_a="pos"), np.linalg.solve(h, b)),
        (linalg.cholesky(ct.triu(H), lower=False), adjoint(np.linalg.cholesky(h))),
        (linalg.eigvalsh(ct.triu(H), lower=False), np.linalg.eigvalsh(h)),
    ]
    assert upper[0, 2, 0] == 0
    for found, (_, want) in zip(
        evaluate([x for x, _ in pairs], {A: a, H: h, B: b}), pairs, strict=True
    ):
        np.testing.assert_allclose(found, want, atol=1e-12)


@pytest.mark.parametrize(
    "name", [*results(A, H, B, T), *(x for x in of_real_matrices(A, H, T) if x != "rank")]
)
def test_derivatives(name):
    """Both modes agree, and the forward one and its derivative are slopes of differences."""
    given = {A: some(2, 3, 3), H: positive(3), B: some(2, 3, 2), T: some(4, 3)}
    wrt = list(given)
    tangents = {x: some(*value.shape) for x, value in given.items()}
    ts = [ct.constant(tangents[x]) for x in wrt]
    y = {**results(A, H, B, T), **of_real_matrices(A, H, T)}[name]
    if name in ("v", "vectors", "directions"):
        # vectors are determined up to a factor of absolute value 1
        y = ct.abs(y[..., 0, :] * ct.conj(y[..., 1, :])) * y[..., 0, :] / ct.abs(y[..., 0, :])
        y = ct.abs(y)
    weights = rng.normal(size=evaluate([y], given)[0].shape)
    u = ct.constant(some(*weights.shape) if y.dtype == "complex128" else weights)
    forward = cgrad.Rop(y, wrt, ts, disconnected_outputs="ignore")
    pulled = cgrad.Lop(y, wrt, u, disconnected_inputs="ignore")
    one = ct.sum(ct.real(ct.conj(u) * forward))
    other = sum(ct.sum(ct.real(ct.conj(t) * g)) for t, g in zip(ts, pulled, strict=True))
    again = cgrad.Rop(one, wrt, ts, disconnected_outputs="ignore")
    step = 1e-6
    moved = [
        evaluate([y, one], {x: v + s * tangents[x] for x, v in given.items()})
        for s in (step, -step)
    ]
    slopes = [(a - b) / (2 * step) for a, b in zip(*moved, strict=True)]
    found, total, same, second = evaluate([forward, one, other, again], given)
    np.testing.assert_allclose(found, slopes[0], rtol=1e-6, atol=1e-6)
    if name != "s":
        np.testing.assert_allclose(second, slopes[1], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(total, same, rtol=1e-11)


def test_eigenvalues_of_a_real_matrix():
    """A rotation by x, scaled: exp(y) exp(+-ix)."""
    x, y = ct.dscalar("x"), ct.dscalar("y")
    turn = ct.exp(y) * ct.stack(
        [ct.stack([ct.cos(x), -ct.sin(x)]), ct.stack([ct.sin(x), ct.cos(x)])]
    )
    w = linalg.eigvals(turn)
    outs = [ct.abs(w), *cgrad.grad(ct.sum(ct.abs(ct.angle(w)) + ct.abs(w)), [x, y])]
    size, by_x, by_y = evaluate(outs, {x: np.array(0.7), y: np.array(0.2)})
    np.testing.assert_allclose(size, np.exp(0.2), rtol=1e-14)
    np.testing.assert_allclose([by_x, by_y], [2, 2 * np.exp(0.2)], rtol=1e-13)


def test_a_gradient_of_a_hermitian_form():
    """log det H + z^H H^-1 z, as of a complex normal distribution: dC/dz is 2 H^-1 z."""
    z = ct.zvector("z")
    h = positive(3)[0]
    at = some(3)
    cost = ct.real(ct.sum(ct.conj(z) * linalg.solve(ct.constant(h), z, assume_a="pos")))
    (found,) = evaluate([cgrad.grad(cost, z)], {z: at})
    np.testing.assert_allclose(found, 2 * np.linalg.solve(h, at), rtol=1e-10)
