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
    "ndtri_exp": 6.0, "log1mexp": 2.5, "logit": 2.5, "iv": 12.0, "ive": 16.0, "kv": 12.0,
    "kve": 10.0, "owens_t": 12.0, "hyp2f1": 60.0,
}  # fmt: skip
# name -> arguments at which derivatives of the first two orders are measured
SLOPES: dict[str, list[tuple[float, ...]]] = {
    "erfcx": [(-3.0,), (0.0,), (0.3,), (1.0,), (7.0,), (1e4,)],
    "erfinv": [(-0.9,), (0.0,), (1e-9,), (0.3,), (0.75,), (1 - 1e-9,)],
    "erfcinv": [(1e-200,), (1e-9,), (0.3,), (1.0,), (1.5,), (1.999,)],
    "log_ndtr": [(-1e3,), (-5.0,), (-0.8,), (0.0,), (0.7,), (9.0,)],
    "log_erfc": [(-30.0,), (-3.0,), (0.0,), (0.4,), (0.7,), (30.0,), (1e5,)],
    "ndtri_exp": [(-500.0,), (-3.0,), (-0.9,), (-math.log(2),), (-0.1,), (-1e-9,)],
    "log1mexp": [(-800.0,), (-30.0,), (-0.7,), (-1e-9,)],
    "logit": [(1e-200,), (0.1,), (0.5,), (0.6,), (1 - 1e-9,)],
}
# name -> values at 0, -0, 1, -1, inf, -inf, nan; the others of `EDGES` follow from the exact value
SEVERAL = ["iv", "ive", "kv", "kve", "owens_t", "hyp2f1"]
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
    assert SPECIAL.keys() == BOUNDS.keys() == {*SLOPES, *SEVERAL}
    assert SPECIAL.keys() <= TABLE.keys()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_errors(dtype: str) -> None:
    several = measure([*SEVERAL], dtype, COUNT // 3)
    for result in [*measure([*SLOPES], dtype, COUNT), *several]:
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


def test_orders_of_the_logarithm_of_erfc() -> None:
    """Up to the fifth, where neither erfc nor erfcx has a value; beyond 1e8 a straight line."""
    x = ct.dvector("x")
    at = np.array([-1e300, -40.0, -12.0, -2.0, 0.3, 0.6, 3.0, 40.0, 3e4, 1e9])
    outputs, y = [], ct.log(ct.erfc(x))
    for _ in range(5):
        y = cgrad.grad(ct.sum(y), x)
        outputs.append(y)
    found = cgrad.function([x], outputs)(at)

    def exact(u: Any) -> Any:
        if u > 1e3:
            # the asymptotic series (DLMF 7.12.1)
            terms = ((-1) ** k * mp.fac2(2 * k - 1) / (2 * u * u) ** k for k in range(1, 12))
            return -u * u - mp.log(u) + mp.log1p(sum(terms))
        return mp.log(mp.erfc(u))

    with mp.workdps(240):
        for order, values in enumerate(found, 1):
            for u, value in zip(at, values, strict=True):
                step = mp.mpf(10) ** -30
                true = 0 if u < -26 else mp.diff(exact, mp.mpf(u), order, h=step)
                assert abs(value - true) <= 1e-12 * abs(true) + 1e-290, (u, order, value, true)


def test_constants_are_left_to_compiled_code() -> None:
    x = ct.dscalar("x")
    f = cgrad.function([x], [ct.erfinv(0.5) * x, ct.erfcx(np.array([0.0, 1.0])) * x])
    first, second = f(1.0)
    np.testing.assert_allclose(first, 0.4769362762044698733814, rtol=4 * EPS)
    np.testing.assert_allclose(second, [1.0, 0.4275835761558070], rtol=4 * EPS)


# -- functions of several arguments -----------------------------------------------------------
ORDERS = [(0.0, 0.3), (0.0, 17.0), (1.0, 9.0), (2.5, 0.8), (0.0, 40.0), (3.0, 2.0), (-1.0, 4.0)]
MP = {
    "jv": mp.besselj,
    "iv": mp.besseli,
    "ive": lambda v, x: mp.besseli(v, x) * mp.exp(-x),
    "kv": mp.besselk,
    "kve": lambda v, x: mp.besselk(v, x) * mp.exp(x),
    "owens_t": SPECIAL["owens_t"].exact,
    "hyp2f1": mp.hyp2f1,
}
# name -> (points, orders of differentiation in each argument)
PARTIALS: dict[str, tuple[list[tuple[float, ...]], list[tuple[int, ...]]]] = {
    "jv": (ORDERS, [(0, 2)]),
    "iv": (ORDERS, [(0, 2)]),
    "ive": ([*ORDERS, (0.0, 1e3), (0.4, 300.0)], [(0, 2)]),
    "kv": ([*ORDERS, (0.0, 200.0)], [(0, 2), (1, 1)]),
    "kve": ([*ORDERS, (0.0, 1e3)], [(0, 1), (2, 0), (1, 1)]),
    "owens_t": ([(0.0, 0.5), (1.0, -2.0), (3.0, 0.3)], [(0, 1), (1, 1), (2, 0)]),
    "hyp2f1": (
        [(0.5, 1.5, 2.5, 0.3), (1.2, 0.7, 1.6, 0.97), (0.3, 0.4, 1.1, -7.0)],
        [(1, 0, 0, 0), (0, 1, 0, 1), (0, 0, 1, 0), (0, 0, 0, 2)],
    ),
}  # fmt: skip


def test_partial_derivatives() -> None:
    inputs, outputs, arguments, wanted = [], [], [], []
    for name, (points, orders) in PARTIALS.items():
        xs = [ct.dvector(f"{name}{k}") for k in range(len(points[0]))]
        inputs += xs
        arguments += [np.array(column) for column in zip(*points, strict=True)]
        for order in orders:
            y = apply(name, *xs)
            pushed = y
            for x, times in zip(xs, order, strict=True):
                for _ in range(times):
                    y = cgrad.grad(ct.sum(y), x)
                    pushed = cgrad.Rop(pushed, x, ct.ones_like(x))
            outputs += [y, pushed]
            wanted.append((name, points, order))
    found = cgrad.function(inputs, outputs)(*arguments)
    with mp.workdps(36):
        for k, (name, points, order) in enumerate(wanted):
            for j, point in enumerate(points):
                # away from points at which mpmath's formulas for orders are singular
                at = [mp.mpf(p) + (mp.mpf(10) ** -20 if k == 0 else 0) for k, p in enumerate(point)]
                exact = mp.diff(MP[name], tuple(at), order, h=mp.mpf(10) ** -8, relative=False)
                for value in (found[2 * k][j], found[2 * k + 1][j]):
                    error = abs(mp.mpf(float(value)) - exact)
                    scale = abs(exact) + abs(MP[name](*at)) * (name in ("jv", "iv"))
                    assert error <= 3e-12 * scale + 1e-16, (name, order, point, value, float(exact))


def test_waves_are_right_to_their_amplitude() -> None:
    rng = np.random.default_rng(0)
    v = np.concatenate([rng.uniform(0, 40, 40), rng.integers(0, 5, 40), rng.uniform(-3, 0, 20)])
    x = np.concatenate([rng.uniform(0, 60, 80), 10 ** rng.uniform(-9, 2, 20)])
    a, b = ct.dvector("a"), ct.dvector("b")
    f = cgrad.function([a, b], [ct.jv(a, b), ct.j0(b), ct.j1(b)])
    for order, argument, *found in zip(v, x, *f(v, x), strict=True):
        orders = [order, 0.0, 1.0]
        with mp.workdps(30):
            for value, n in zip(found, orders, strict=True):
                exact = mp.besselj(n, argument)
                size = abs(exact)
                if argument > abs(n):
                    size = mp.hypot(exact, mp.bessely(n, argument))
                assert abs(value - exact) <= 60 * EPS * size, (n, argument, value, exact)


def test_bessel_functions_at_the_edges() -> None:
    v, x = ct.dvector("v"), ct.dvector("x")
    f = cgrad.function([v, x], [ct.jv(v, x), ct.iv(v, x), ct.ive(v, x), ct.kv(v, x), ct.kve(v, x)])
    table: dict[tuple[float, float], list[float]] = {
        (0.0, 0.0): [1, 1, 1, INF, INF],
        (1.0, 0.0): [0, 0, 0, INF, INF],
        (-2.0, 0.0): [0, 0, 0, INF, INF],
        (-0.5, 0.0): [INF, INF, INF, INF, INF],
        (-1.5, 0.0): [-INF, -INF, -INF, INF, INF],
        (0.0, INF): [0, INF, 0, 0, 0],
        (0.5, -1.0): [NAN, NAN, NAN, NAN, NAN],
        (NAN, 1.0): [NAN] * 5,
        (0.0, NAN): [NAN] * 5,
        (1e300, 1.0): [0, 0, 0, INF, INF],
        (0.0, 1e-300): [1, 1, 1, float(mp.besselk(0, 1e-300)), float(mp.besselk(0, 1e-300))],
        (1.0, 5e-324): [0, 0, 0, INF, INF],
        (2.0, 1e300): [7.860673062724094e-151, INF, 3.989422804014327e-151, 0,
                       1.2533141373155002e-150],
        (1e3, 1.0): [0, 0, 0, INF, INF],
    }  # fmt: skip
    at = np.array([*table]).T
    for k, found in enumerate(f(*at)):
        np.testing.assert_allclose(
            found, [row[k] for row in table.values()], rtol=1e-13, err_msg=str(k)
        )
    odd = cgrad.function([x], [ct.j1(x), ct.i1(x), ct.iv(3, x), ct.ive(3, x)])
    for found in odd([2.0, -2.0]):
        assert found[0] == -found[1] != 0


def test_orders_without_a_derivative_say_so() -> None:
    v, x = ct.dscalar("v"), ct.dscalar("x")
    for f in (ct.jv, ct.iv, ct.ive):
        with pytest.raises(TypeError, match=r"with respect to the order is not built"):
            cgrad.grad(f(v, x), v)
    a = ct.dscalar("a")
    with pytest.raises(TypeError, match="second derivatives of hyp2f1"):
        cgrad.grad(cgrad.grad(ct.hyp2f1(a, 1.0, 2.0, x), a), a)


def test_ends_of_the_hypergeometric_function() -> None:
    a, b, c, z = (ct.dvector(name) for name in "abcz")
    rows = [
        ((1.0, 1.0, 3.0, 1.0), 2.0),
        ((1.0, 1.0, 2.0, 1.0), INF),
        ((1.0, 1.0, 2.0, 1.5), NAN),
        ((-2.0, 1.0, 2.0, 3.0), float(mp.hyp2f1(-2, 1, 2, 3))),
        ((-2.0, 1.5, 2.0, -30.0), float(mp.hyp2f1(-2, 1.5, 2, -30))),
        ((0.0, 1.5, 2.0, 0.7), 1.0),
        ((1.0, 1.0, 2.0, 0.0), 1.0),
        ((0.5, 0.5, 1.5, 1 - 2.0**-40), float(mp.hyp2f1(0.5, 0.5, 1.5, 1 - mp.mpf(2) ** -40))),
        ((1.0, 2.0, 3.0, -1e8), float(mp.hyp2f1(1, 2, 3, -1e8))),
        ((NAN, 1.0, 2.0, 0.5), NAN),
    ]
    found = cgrad.function([a, b, c, z], ct.hyp2f1(a, b, c, z))(*np.array([r[0] for r in rows]).T)
    np.testing.assert_allclose(found, [r[1] for r in rows], rtol=1e-13)


def test_kv_where_only_the_scaled_function_overflows() -> None:
    v, x = ct.dvector("v"), ct.dvector("x")
    f = cgrad.function([v, x], ct.kv(v, x))
    orders = np.array([286.5, 292.0, 302.75, 221.75, -290.0])
    points = np.array([18.5, 19.5, 22.25, 6.6875, 20.0])
    want = [float(mp.besselk(a, b)) for a, b in zip(orders, points, strict=True)]
    assert np.all(np.isfinite(want))
    np.testing.assert_allclose(f(orders, points), want, rtol=3e-14)
    at_once = f([1e6, 1e300, 400.0, 290.0], [1.0, 2.0, 3.0, 0.0])
    assert np.all(np.isinf(at_once))


def test_modified_bessel_functions_of_large_orders_and_arguments() -> None:
    """Where the scaled functions are beyond the range of numbers, those themselves are not.

    The values are K by quadrature of DLMF 10.32.9 and I by DLMF 10.25.2, with 40 digits.
    """
    v, x = ct.dvector("v"), ct.dvector("x")
    f = cgrad.function([v, x], [ct.iv(v, x), ct.kv(v, x), ct.ive(v, x), ct.kve(v, x)])
    orders = [3000.0, 1100.0, 2000.5, 5000.0, 1200.75]
    points = [2000.0, 740.0, 1400.0, 3500.0, 750.25]
    first = [11382239.424686359, 4252670.281692952, 1.3739514965156504e55,
             2.5834016016026101e141, 3.0228767390819374e-39]  # fmt: skip
    second = [1.2183459060404153e-11, 8.8684607161236578e-11, 1.4903991729054233e-59,
              3.1711365274416378e-146, 1.1682276766764141e35]  # fmt: skip
    i, k, i_scaled, k_scaled = f(orders, points)
    np.testing.assert_allclose(i, first, rtol=3e-12)
    np.testing.assert_allclose(k, second, rtol=3e-12)
    assert np.all(i_scaled < 2e-315) and np.all(np.isinf(k_scaled))
    # orders too large to count down from are answered by the asymptotic form
    i, k, i_scaled, k_scaled = f([1e300, 1e300, 1e10, -0.5], [1e300, 0.1, 1e10, 1e300])
    assert i.tolist() == [INF, 0.0, INF, INF] and k.tolist() == [0.0, INF, 0.0, 0.0]
    assert i_scaled[:3].tolist() == [0.0] * 3 and k_scaled[:3].tolist() == [INF] * 3
