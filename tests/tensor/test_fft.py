"""Discrete Fourier transforms: every kind of length against NumPy, derivatives, arguments."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.gradient import grad, pullback, pushforward

# powers, small primes, squares of primes, primes above 31, products with one of them
LENGTHS = (
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    12,
    16,
    25,
    30,
    31,
    37,
    49,
    60,
    64,
    74,
    97,
    121,
    128,
    211,
    360,
    1009,
)


def numbers(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def test_every_kind_of_length():
    z, x = ct.zmatrix("z"), ct.dmatrix("x")
    outputs = [ct.fft.fft(z), ct.fft.ifft(z), ct.fft.rfft(x), ct.fft.fft(x, axis=0),
               ct.fft.fft(z, norm="ortho"), ct.fft.ifft(z, norm="forward")]  # fmt: skip
    f = cgrad.function([z, x], outputs)
    for n in LENGTHS:
        a, u = numbers(3, n), numbers(3, n, seed=1).real
        wanted = [np.fft.fft(a), np.fft.ifft(a), np.fft.rfft(u), np.fft.fft(u, axis=0),
                  np.fft.fft(a, norm="ortho"), np.fft.ifft(a, norm="forward")]  # fmt: skip
        for got, want in zip(f(a, u), wanted, strict=True):
            assert got.dtype == want.dtype and got.shape == want.shape
            error = np.linalg.norm(got - want) / np.linalg.norm(want)
            assert error < 4e-16 * (8 + np.log2(n)), n
    assert f(np.zeros((0, 5)), np.zeros((0, 5)))[0].shape == (0, 5)


def test_lengths_that_are_given():
    z, x = ct.zmatrix("z"), ct.dvector("x")
    outputs = [ct.fft.fft(z, n=3), ct.fft.fft(z, 8, axis=0), ct.fft.rfft(x, 9), ct.fft.irfft(z),
               ct.fft.irfft(z, 7), ct.fft.irfft(z, 12), ct.fft.irfft(z, 4, axis=0)]  # fmt: skip
    f = cgrad.function([z, x], outputs)
    for m in (5, 6):
        a, u = numbers(4, m), numbers(m).real
        wanted = [np.fft.fft(a, 3), np.fft.fft(a, 8, axis=0), np.fft.rfft(u, 9), np.fft.irfft(a),
                  np.fft.irfft(a, 7), np.fft.irfft(a, 12), np.fft.irfft(a, 4, axis=0)]  # fmt: skip
        for got, want in zip(f(a, u), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-14)


def test_layouts_and_axes():
    z = ct.ztensor3("z")
    outputs = [ct.fft.fft(z, axis=k) for k in range(3)] + [
        ct.fft.fft(z.T[::-1]),
        ct.fft.fft(z * 2)[1],
    ]
    f = cgrad.function([z], outputs)
    a = numbers(4, 6, 5)[::2, ::-1]
    wanted = [np.fft.fft(a, axis=k) for k in range(3)] + [
        np.fft.fft(a.T[::-1]),
        2 * np.fft.fft(a)[1],
    ]
    for got, want in zip(f(a), wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-13)


def test_derivatives():
    z, t, u = ct.zmatrix("z"), ct.zmatrix("t"), ct.zmatrix("u")
    y = ct.fft.ifft(ct.fft.fft(z) ** 2, axis=0)
    outputs = [pushforward(y, z, t), pullback(y, z, u)]
    a, b, c = numbers(3, 4), numbers(3, 4, seed=1), numbers(3, 4, seed=2)
    pushed, pulled = evaluate(outputs, {z: a, t: b, u: c})

    def value(a):
        return np.fft.ifft(np.fft.fft(a) ** 2, axis=0)

    slope = (value(a + 1e-6 * b) - value(a - 1e-6 * b)) / 2e-6
    np.testing.assert_allclose(pushed, slope, atol=1e-7)
    assert abs(np.vdot(c, pushed).real - np.vdot(pulled, b).real) < 1e-11
    # the energy of a signal is that of its transform
    x = ct.dvector("x")
    energy = ct.sum(abs(ct.fft.rfft(x)) ** 2)
    f = cgrad.function(
        [x], [grad(energy, x), cgrad.hessian(energy, x), ct.fft.irfft(ct.fft.rfft(x))]
    )
    v = numbers(6).real
    slope, matrix, again = f(v)
    half = np.fft.fft(np.eye(6))[:4]
    np.testing.assert_allclose(matrix, 2 * (half.conj().T @ half).real, atol=1e-12)
    np.testing.assert_allclose(slope, matrix @ v, atol=1e-12)
    np.testing.assert_allclose(again, v, atol=1e-15)


def test_a_filter_learns():
    x, h = ct.dvector("x"), ct.dvector("h")
    y = ct.fft.irfft(ct.fft.rfft(x) * ct.fft.rfft(h), 8)
    f = cgrad.function([x, h], [y, grad(ct.sum(y**2), h)])
    a, b = numbers(8).real, numbers(8, seed=1).real
    circular = np.array([np.roll(a, k) for k in range(8)]).T
    found = f(a, b)
    np.testing.assert_allclose(found[0], circular @ b, atol=1e-14)
    np.testing.assert_allclose(found[1], 2 * circular.T @ circular @ b, atol=1e-12)


def test_refused():
    z, x = ct.zvector("z"), ct.dscalar("x")
    with pytest.raises(TypeError, match=r"rfft: .* is complex(.|\n)*use fft"):
        ct.fft.rfft(z)
    with pytest.raises(ValueError, match="norm='unit'"):
        ct.fft.fft(z, norm="unit")
    for n in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="a length of 1 or more"):
            ct.fft.fft(z, n)
    with pytest.raises(ValueError, match="axis"):
        ct.fft.fft(x)
    with pytest.raises(NotImplementedError, match=r"cgrad.tensor.fft.rfft"):
        ct.rfft  # noqa: B018
