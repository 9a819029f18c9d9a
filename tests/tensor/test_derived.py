"""Functions made of others, against NumPy, and their refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import DTypeError

INF, NAN = math.inf, math.nan
X = np.array([0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, np.nextafter(0.5, 0), 1e300, INF, -INF, NAN,
              5e-324, 2.0**52 + 1, -0.49])  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rounding_and_cleaning(dtype, values):
    x = ct.tensor("x", dtype=dtype, shape=(None,))
    with np.errstate(over="ignore"):
        at = X.astype(dtype)
    away = [0, 0, 1, -1, 2, 3, -3, 1.0 if dtype == "float32" else 0.0, *at[8:12], 0, at[13], 0]
    outputs = [
        ct.round(x), ct.round(x, "half_to_even"), ct.round(x, mode="half_away_from_zero"),
        ct.round_half_away_from_zero(x), ct.isposinf(x), ct.isneginf(x), ct.nan_to_num(x),
        ct.nan_to_num(x, 7.0, 1.0, 2.0), ct.iround(x[:8]), ct.iround(x[:8], "half_away_from_zero"),
    ]  # fmt: skip
    found = values(outputs, {x: at})
    expected = [
        np.round(at), np.round(at), np.array(away, dtype), np.array(away, dtype), np.isposinf(at),
        np.isneginf(at), np.nan_to_num(at), np.nan_to_num(at, nan=7, posinf=1, neginf=2),
        np.round(at[:8]).astype("int64"), np.array(away[:8], "int64"),
    ]  # fmt: skip
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


def test_integers(values):
    k, b = ct.lvector("k"), ct.vector("b", dtype="bool")
    assert ct.nan_to_num(k) is k
    outputs = [ct.round(k, "half_away_from_zero"), ct.iround(b), ct.ceil_intdiv(k, 3),
               ct.ceil_intdiv(k, -3), ct.ceil_intdiv(k, 0), *ct.divmod(k, 3)]  # fmt: skip
    at = np.array([-7, -6, -1, 0, 1, 5, 6])
    found = values(outputs, {k: at, b: [True, False]})
    expected = [at, [1, 0], -(-at // 3), -(at // 3), at * 0, at // 3, at % 3]
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == "int64"


def test_closeness_is_that_of_numpy(values):
    a, b = ct.dvector("a"), ct.dvector("b")
    points = np.array([0.0, -0.0, 1.0, 1.0 + 1e-6, 1.0001, 1e-9, 1e300, INF, -INF, NAN])
    x, y = (v.reshape(-1) for v in np.meshgrid(points, points))
    ways = [{}, {"rtol": 1e-3}, {"atol": 1.0, "rtol": 0.0}, {"equal_nan": True}]
    outputs = [f(a, b, **way) for way in ways for f in (ct.isclose, ct.allclose)]
    found = values([*outputs, ct.allclose(a, a, equal_nan=True), ct.allclose(1.0, 1.0)],
                   {a: x, b: y})  # fmt: skip
    for k, way in enumerate(ways):
        np.testing.assert_array_equal(found[2 * k], np.isclose(x, y, **way), strict=True)
        assert found[2 * k + 1] == np.allclose(x, y, **way)
    assert found[-2] and found[-1]


def test_largest_and_smallest(values):
    a, b, c = ct.dvector("a"), ct.dvector("b"), ct.dscalar("c")
    given = {a: [1.0, NAN, 3.0], b: [2.0, 0.0, -1.0], c: 1.5}
    found = values([ct.largest(a, b, c), ct.smallest(a, b, c), ct.largest(a)], given)
    np.testing.assert_array_equal(found[0], [2.0, NAN, 3.0])
    np.testing.assert_array_equal(found[1], [1.0, NAN, -1.0])
    np.testing.assert_array_equal(found[2], given[a])
    slopes = values(cgrad.grad(ct.sum(ct.largest(a, b, c)), [a, b, c]), {**given, a: [1.0, 1, 3]})
    assert [v.tolist() for v in slopes] == [[0, 0, 1], [1, 0, 0], 1.0]


def test_numpy_calls_them(values):
    x = ct.dvector("x")
    calls = [np.isclose, np.allclose]
    outputs = [*(f(x, 1.0) for f in calls), np.nan_to_num(x, nan=2.0), np.isposinf(x),
               np.isneginf(x), np.round(x)]  # fmt: skip
    at = np.array([1.0, NAN, INF, -INF, 2.5])
    expected = [*(f(at, 1.0) for f in calls), np.nan_to_num(at, nan=2.0), np.isposinf(at),
                np.isneginf(at), np.round(at)]  # fmt: skip
    for got, want in zip(values(outputs, {x: at}), expected, strict=True):
        np.testing.assert_array_equal(got, want)


def test_slopes(values):
    x = ct.dvector("x")
    at = np.array([1.5, NAN, INF, -INF])
    (slope,) = values([cgrad.grad(ct.sum(ct.nan_to_num(x)), x)], {x: at})
    assert slope.tolist() == [1, 0, 0, 0]
    (slope,) = values([cgrad.grad(ct.sum(x + ct.round(x, "half_away_from_zero")), x)], {x: at[:1]})
    assert slope.tolist() == [1]


def test_refusals():
    with pytest.raises(ValueError, match="half_away_from_zero"):
        ct.round(ct.dscalar("x"), mode="up")
    with pytest.raises(ValueError, match="at least one"):
        ct.largest()
    with pytest.raises(ValueError, match="at least one"):
        ct.smallest()
    with pytest.raises(DTypeError, match="ceil"):
        ct.ceil_intdiv(ct.dscalar("x"), 2)
