"""Special functions against mpmath: errors, special values, derivatives in both modes.

The names are listed here and not taken from the table; `benchmarks.special` has the exact values.
"""

from __future__ import annotations

import math
import os
from typing import Any

import mpmath
import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from benchmarks.accuracy import measure, ulps
from benchmarks.special import SPECIAL
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import TABLE

mp = mpmath.mp
INF, NAN = math.inf, math.nan
EPS = np.finfo(float).eps
COUNT = int(os.environ.get("CGRAD_TEST_POINTS", "400")) // 4

# the largest error in ULP in double; float is rounded once
BOUNDS = {
    "erfcx": 3.5, "erfinv": 3.0, "erfcinv": 4.0, "log_ndtr": 4.0, "log_erfc": 2.5,
    "ndtri_exp": 6.0, "log1mexp": 2.5, "logit": 2.5,
}  # fmt: skip
# name -> arguments at which derivatives of the first two orders are measured
SLOPES: dict[str, list[tuple[float, ...]]] = {
    "erfcx": [(-3.0,), (0.0,), (0.3,), (1.0,), (7.0,), (1e4,)],
    "erfinv": [(-0.9,), (0.0,), (1e-9,), (0.3,), (0.75,), (1 - 1e-9,)],
    "erfcinv": [(1e-200,), (1e-9,), (0.3,), (1.0,), (1.5,), (1.999,)],
    "log_ndtr": [(-1e3,), (-5.0,), (-0.8,), (0.0,), (0.7,), (9.0,)],
    "log_erfc": [(-3.0,), (0.0,), (0.4,), (0.7,), (30.0,)],
    "ndtri_exp": [(-500.0,), (-3.0,), (-0.9,), (-math.log(2),), (-0.1,), (-1e-9,)],
    "log1mexp": [(-800.0,), (-30.0,), (-0.7,), (-1e-9,)],
    "logit": [(1e-200,), (0.1,), (0.5,), (0.6,), (1 - 1e-9,)],
}
# name -> values at 0, -0, 1, -1, inf, -inf, nan; the others of `EDGES` follow from the exact value
EDGES = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN]
AT_EDGES: dict[str, list[Any]] = {
    "erfcx": [1, 1, ..., ..., 0, INF, NAN],
    "erfinv": [0, -0.0, INF, -INF, NAN, NAN, NAN],
    "erfcinv": [INF, INF, 0, NAN, NAN, NAN, NAN],
    "log_ndtr": [..., ..., ..., ..., -0.0, -INF, NAN],
    "log_erfc": [-0.0, 0, ..., ..., -INF, math.log(2), NAN],
    "ndtri_exp": [INF, INF, NAN, ..., NAN, -INF, NAN],
    "log1mexp": [-INF, -INF, NAN, ..., NAN, -0.0, NAN],
    "logit": [-INF, -INF, INF, NAN, NAN, NAN, NAN],
    "xlogx": [0, 0, 0, NAN, INF, NAN, NAN],
}
EXTREMES = [5e-324, -5e-324, 1e-300, -1e-300, 1e300, -1e300]


def test_every_special_function_is_here() -> None:
    assert SPECIAL.keys() == BOUNDS.keys() == SLOPES.keys() and SPECIAL.keys() <= TABLE.keys()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_errors(dtype: str) -> None:
    for result in measure([*SPECIAL], dtype, COUNT):
        assert result.largest <= (BOUNDS[result.name] if dtype == "float64" else 0.51), result


def test_values_at_the_edges() -> None:
    x = ct.dvector("x")
    names = [*AT_EDGES]
    f = cgrad.function([x], [apply(name, x) for name in names])
    at = np.array([*EDGES, *EXTREMES])
    for name, found in zip(names, f(at), strict=True):
        for value, wanted in zip(found, AT_EDGES[name], strict=False):
            if wanted is ...:
                continue
            assert np.array_equal(value, wanted, equal_nan=True), (name, found)
            assert math.isnan(wanted) or np.signbit(value) == np.signbit(wanted), (name, found)
        if name in SPECIAL:
            rest = [k for k, wanted in enumerate([*AT_EDGES[name], *[...] * 6]) if wanted is ...]
            assert ulps(found[rest], SPECIAL[name].exact, at[rest]).max() <= BOUNDS[name], name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_slopes_in_both_modes(dtype: str) -> None:
    inputs, outputs, arguments = [], [], []
    for name, points in SLOPES.items():
        xs = [ct.tensor(f"{name}{k}", dtype=dtype, shape=(None,)) for k in range(len(points[0]))]
        y = apply(name, *xs)
        x = xs[-1]
        one = ct.ones_like(x)
        slope = cgrad.grad(ct.sum(y), x)
        pushed = cgrad.Rop(y, x, one)
        outputs += [slope, pushed, cgrad.grad(ct.sum(pushed), x), cgrad.Rop(slope, x, one)]
        inputs += xs
        arguments += [np.array(column, dtype) for column in zip(*points, strict=True)]
    found = iter(cgrad.function(inputs, outputs)(*arguments))
    values = iter(arguments)
    tolerance = 500 * np.finfo(dtype).eps
    for name, points in SLOPES.items():
        at = [next(values) for _ in points[0]]
        got = [next(found) for _ in range(4)]
        for k in range(len(points)):
            *before, last = (mp.mpf(float(column[k])) for column in at)
            for order, pair in ((1, got[:2]), (2, got[2:])):
                exact = slope_of(name, before, last, order)
                if not mp.isfinite(exact):  # the end of a domain, in float32
                    continue
                for value in pair:
                    error = abs(mp.mpf(float(value[k])) - exact)
                    small = max(np.finfo(dtype).tiny / EPS, 1e-40)
                    assert value.dtype == dtype
                    if abs(exact) > float(np.finfo(dtype).max):
                        assert np.isinf(value[k]), (name, float(last), order)
                        continue
                    assert error <= tolerance * abs(exact) + small, (
                        name, float(last), order, value[k], float(exact))  # fmt: skip


def slope_of(name: str, before: list[Any], last: Any, order: int) -> Any:
    with mp.workdps(80):
        exact = SPECIAL[name].exact
        step = (abs(last) or mp.one) * mp.mpf(10) ** -18
        if last in (1, -1) or name == "ndtri_exp":
            step = mp.mpf(10) ** -18 * min(abs(last), 1)
        y = [exact(*before, last + k * step) for k in (-2, -1, 0, 1, 2)]
        if order == 1:
            return (y[0] - 8 * y[1] + 8 * y[3] - y[4]) / (12 * step)
        return (-y[0] + 16 * y[1] - 30 * y[2] + 16 * y[3] - y[4]) / (12 * step * step)


def test_orders_of_erfcx() -> None:
    """The fourth derivative, and one where the recurrence upwards would have no digits left."""
    x = ct.dvector("x")
    slope = ct.erfcx(x)
    for _ in range(4):
        slope = cgrad.grad(ct.sum(slope), x)
    at = np.array([-2.0, 0.1, 0.9, 5.0, 100.0])
    found = cgrad.function([x], slope)(at)
    with mp.workdps(60):
        exact = [float(mp.diff(lambda v: mp.exp(v * v) * mp.erfc(v), mp.mpf(v), 4)) for v in at]
    np.testing.assert_allclose(found, exact, rtol=1e-13)


def test_products_with_logarithms() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    outputs = [
        ct.xlogy(a, b),
        ct.xlog1py(a, b),
        ct.xlogx(a),
        *cgrad.grad(ct.sum(ct.xlogy(a, b)), [a, b]),
    ]
    outputs += [cgrad.grad(ct.sum(outputs[-1]), a), *cgrad.grad(ct.sum(outputs[1]), [a, b])]
    found = cgrad.function([a, b], outputs)([0.0, 0.0, 2.0, 0.0, 3.0], [0.0, 2.0, 3.0, -1.0, 0.0])
    np.testing.assert_allclose(found[0], [0, 0, 2 * math.log(3), 0, -INF], rtol=4 * EPS)
    np.testing.assert_allclose(found[1], [0, 0, 2 * math.log(4), 0, 0], rtol=4 * EPS)
    np.testing.assert_allclose(found[2], [0, 0, 2 * math.log(2), 0, 3 * math.log(3)], rtol=4 * EPS)
    np.testing.assert_allclose(found[3], [-INF, math.log(2), math.log(3), NAN, -INF], rtol=4 * EPS)
    np.testing.assert_allclose(found[4], [0, 0, 2 / 3, -0.0, INF], rtol=4 * EPS)
    np.testing.assert_allclose(found[5][1:3], [1 / 2, 1 / 3], rtol=4 * EPS)
    np.testing.assert_allclose(found[7], [0, 0, 0.5, 0, 3], rtol=4 * EPS)


def test_constants_are_left_to_compiled_code() -> None:
    x = ct.dscalar("x")
    f = cgrad.function([x], [ct.erfinv(0.5) * x, ct.erfcx(np.array([0.0, 1.0])) * x])
    first, second = f(1.0)
    np.testing.assert_allclose(first, 0.4769362762044698733814, rtol=4 * EPS)
    np.testing.assert_allclose(second, [1.0, 0.4275835761558070], rtol=4 * EPS)
