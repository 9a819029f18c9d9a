"""logsumexp, softmax and log_softmax: values, awkward points, derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import cgrad
import cgrad.tensor as ct

RNG = np.random.default_rng(3)
INF = np.inf
FUNCTIONS = ("logsumexp", "softmax", "log_softmax")


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "bool"])
def test_values(dtype):
    a = (RNG.normal(size=(3, 4, 2)) * 3).astype(dtype)[::-1, :, ::-1]
    x = ct.tensor("x", dtype=dtype, shape=(None,) * 3)
    wide = a.astype("float64")
    pairs = []
    for axis in (None, 0, 1, -1, (0, 2), (-1, 1)):
        pairs += [(getattr(ct, f)(x, axis), getattr(special, f)(wide, axis)) for f in FUNCTIONS]
        pairs.append((ct.logsumexp(x, axis, True), special.logsumexp(wide, axis, keepdims=True)))
    found = cgrad.function([x], [out for out, _ in pairs])(a)
    for got, (_, expected) in zip(found, pairs, strict=True):
        assert got.dtype == (dtype if dtype.startswith("float") else "float64")
        tol = 3e-6 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(got, np.asarray(expected), rtol=tol, atol=tol)
        assert got.shape == np.shape(expected)


CASES = [
    # x, logsumexp, softmax
    ([1e308, 1e308], 1e308, [0.5, 0.5]),
    ([-1e308, -1e308], -1e308, [0.5, 0.5]),
    ([1000.0, 1000.0, -INF], 1000 + np.log(2), [0.5, 0.5, 0]),
    ([-INF, -INF], -INF, [0.5, 0.5]),
    ([INF, 0.0, -INF], INF, [1, 0, 0]),
    ([INF, INF, 1.0], INF, [0.5, 0.5, 0]),
    ([-800.0, 0.0, 1e-300], np.log(2), [0, 0.5, 0.5]),
    ([-3.0], -3.0, [1.0]),
    ([0.0, np.nan], np.nan, [np.nan, np.nan]),
]


def test_awkward_points_and_their_gradients():
    x, w = ct.vector("x"), ct.vector("w")
    s, soft, log = ct.logsumexp(x), ct.softmax(x), ct.log_softmax(x)
    slopes = [cgrad.grad(s, x), cgrad.grad(ct.sum(w * soft), x), cgrad.grad(ct.sum(w * log), x)]
    f = cgrad.function([x, w], [s, soft, log, *slopes, cgrad.Rop(s, x, w)])
    for a, value, share in CASES:
        a, share = np.array(a), np.array(share)
        weight = np.arange(1.0, len(a) + 1)
        got = f(a, weight)
        pull = share * (weight - np.sum(weight * share))
        expected = [value, share, None, share, pull, weight - share * weight.sum(),
                    np.sum(weight * share)]  # fmt: skip
        for found, wanted in zip(got, expected, strict=True):
            if wanted is not None:
                np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-300)
    empty = f(np.array([]), np.array([]))
    assert empty[0] == -INF and [a.shape for a in empty[1:6]] == [(0,)] * 5
    got = f(np.array([-800.0, 0.0]), np.ones(2))
    np.testing.assert_allclose(got[2], [-800.0, 0.0], atol=1e-15)


def test_both_modes_and_second_order():
    x, t = ct.matrix("x"), ct.matrix("t")
    outputs = []
    for name in FUNCTIONS:
        for axis in (None, 0, 1):
            y = getattr(ct, name)(x, axis)
            y = y * y
            weight = ct.reshape(1.0 + 0.5 * ct.arange(y.size), y.shape, ndim=y.ndim)
            (pulled,) = cgrad.Lop(y, [x], weight)
            slope = ct.sum(pulled * t)
            outputs += [ct.sum(weight * cgrad.Rop(y, x, t)), slope]
            outputs += [cgrad.grad(slope, x), cgrad.Rop(pulled, x, t)]
    f = cgrad.function([x, t], outputs)
    a, b = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
    h = 1e-6
    got, ahead, behind = f(a, b), f(a + h * b, b), f(a - h * b, b)
    for k in range(0, len(got), 4):
        np.testing.assert_allclose(got[k], got[k + 1], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(got[k + 2], got[k + 3], rtol=1e-11, atol=1e-12)
        second = (ahead[k + 1] - behind[k + 1]) / (2 * h)
        np.testing.assert_allclose(np.sum(got[k + 3] * b), second, rtol=1e-6, atol=1e-6)


def test_one_pass_shifts_once():
    x = ct.matrix("x")
    f = cgrad.function([x], [ct.logsumexp(x, 1), ct.softmax(x, 1), ct.log_softmax(x, 1)])
    # the function itself, which stands below those of the runtime
    computation = f.c_source[f.c_source.index("static int64_t f(") :]
    assert computation.count("cg_max_of(") == 1 and "cg_max(" not in computation
    # no loop computes an exponential a second time
    assert f.c_source.split("static").pop().count("exp(") <= 2


def test_axes_are_checked():
    for name in FUNCTIONS:
        with pytest.raises(np.exceptions.AxisError):
            getattr(ct, name)(ct.vector("x"), axis=1)
    x = ct.lvector("x")
    assert ct.logsumexp(x, axis=()).dtype == "float64"
