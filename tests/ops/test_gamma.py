"""Gamma and beta functions against mpmath: values, special values, derivatives, both dtypes.

The list of functions is kept here and not taken from the table.  The errors over whole domains are
in docs/accuracy.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.derive import jvp
from cgrad.core.evaluate import evaluate
from cgrad.errors import NullTypeGradError
from cgrad.gradient import grad
from cgrad.ops.beta_values import betaincinv
from cgrad.ops.gammainc_values import gammainccinv, gammaincinv

INF, NAN = np.inf, np.nan
TINY = 5e-324


class Case(NamedTuple):
    """points: one tuple of arguments each; special: arguments and the value there; limit: the
    largest relative error of a value, slopes: of a derivative, single: of a float32 value; wrt: the
    arguments with a derivative; inverts: the function that gives back the last argument."""

    exact: Callable[..., Any]
    points: Sequence[tuple[float, ...]]
    special: Sequence[tuple[tuple[float, ...], float]]
    limit: float = 1e-14
    wrt: tuple[int, ...] = (0,)
    slopes: float = 1e-12
    single: float = 2e-7
    inverts: Callable[..., Any] | None = None


def _one(*points: float) -> list[tuple[float, ...]]:
    return [(x,) for x in points]


def _each(table: dict[float, float]) -> list[tuple[tuple[float, ...], float]]:
    return [((x,), y) for x, y in table.items()]


ALONG = _one(1e-300, 1e-20, 1e-5, 0.3, 0.5, 1.2, 1.5, 2.4, 2.5, 3.7, 9.9, 10.0, 30.0, 100.3,
             -1e-9, -0.3, -1.7, -5.5, -20.25)  # fmt: skip
CASES = {
    "gamma": Case(mp.gamma, [*ALONG, (171.6,), (-171.5,), (-182.5,)], [
        *_each({0.0: INF, INF: INF, -INF: NAN, NAN: NAN, -1.0: NAN, -30.0: NAN, -1e300: NAN,
                TINY: INF, -TINY: -INF, 171.7: INF, 1e300: INF, 1.0: 1.0, 2.0: 1.0, 5.0: 24.0,
                -200.5: 0.0}),
        ((-0.0,), -INF),
    ]),
    "gammaln": Case(
        lambda x: mp.log(abs(mp.gamma(x))),
        [*ALONG, (1 - 1e-9,), (1 + 1e-12,), (2 + 1e-9,), (1e8,)],
        _each({0.0: INF, INF: INF, -INF: INF, NAN: NAN, -1.0: INF, -1e300: INF, 1.0: 0.0,
               2.0: 0.0, TINY: float(-mp.log(TINY)), 1e300: 6.897755278982137e302,
               1.7e308: INF}),
    ),
    "digamma": Case(
        lambda x: mp.psi(0, x), [*ALONG, (1.4616321449683622,), (1e8,)],
        [*_each({0.0: -INF, INF: INF, -INF: NAN, NAN: NAN, -1.0: NAN, -1e300: NAN, TINY: -INF,
                 1e300: 690.7755278982137}), ((-0.0,), INF)],
    ),
    "tri_gamma": Case(
        lambda x: mp.psi(1, x), [*ALONG[1:], (1e8,)],
        _each({0.0: INF, INF: 0.0, -INF: INF, NAN: NAN, -1.0: INF, TINY: INF, 1e300: 1e-300}),
    ),
    "polygamma": Case(
        lambda n, x: mp.psi(int(n), x),
        # between two poles an even order is a small difference of their terms
        [(float(n), x) for n in (0, 2, 3, 8) for (x,) in ALONG[2:] if x != -5.5]
        + [(160.0, 900.0), (30.0, 2.0)],
        [((-1.0, 2.0), NAN), ((1.5, 2.0), NAN), ((2.0, 0.0), -INF), ((2.0, INF), 0.0),
         ((2.0, -TINY), INF), ((3.0, NAN), NAN), ((180.0, 0.1), -INF), ((3.0, 1e200), 0.0)],
        wrt=(1,), limit=3e-14,
    ),
}  # fmt: skip
CASES["factorial"] = Case(
    lambda x: mp.gamma(x + 1),
    _one(0.0, 0.5, 3.3, -0.5),
    _each({170.0: 7.257415615307994e306}),
    single=1e-6,  # x + 1 is rounded
)


def _lower(a: Any, x: Any) -> Any:
    return mp.gammainc(a, 0, x, regularized=True)


def _upper(a: Any, x: Any) -> Any:
    return mp.gammainc(a, x, regularized=True)


def _inverse(f: Callable[..., Any], start: Callable[..., Any]) -> Callable[..., Any]:
    """The root of f(*shapes, x) = p, from the double that NumPy's values lead to."""

    def exact(*args: Any) -> Any:
        *shapes, p = args
        near = mp.log(mp.mpf(start(*map(float, args))))
        return mp.exp(mp.findroot(lambda u: f(*shapes, mp.exp(u)) / p - 1, near))

    return exact


SHAPES = [(0.3, 0.2), (1e-3, 0.5), (0.5, 4.0), (1.0, 1.0), (3.0, 0.01), (2.5, 2.4), (8.0, 20.0),
          (30.0, 25.0), (150.0, 160.0), (2000.0, 1950.0), (110.0, 72.0), (0.9, 1.2),
          (40.0, 1e-3)]  # fmt: skip
ENDS = {(0.0, 0.0): NAN, (0.0, 1.0): 1.0, (1.0, 0.0): 0.0, (INF, 1.0): 0.0, (1.0, INF): 1.0,
        (INF, INF): NAN, (-1.0, 1.0): NAN, (1.0, -1.0): NAN, (NAN, 1.0): NAN, (1.0, NAN): NAN,
        (1.0, TINY): TINY, (TINY, 1.0): 1.0, (1e10, 1.0): 0.0, (1.0, 1e300): 1.0,
        (1e10, 1e10): 0.50000132980761, (5.0, 1e300): 1.0}  # fmt: skip
LEVELS = [(0.4, 0.3), (0.01, 0.9), (1.0, 0.5), (3.3, 1e-9), (3.0, 0.999), (50.0, 0.2),
          (2000.0, 0.77), (0.05, 0.3)]  # fmt: skip
CASES |= {
    "gammainc": Case(_lower, SHAPES, list(ENDS.items()), 1e-13, (0, 1), 1e-11),
    "gammaincc": Case(_upper, SHAPES[:-1], [(at, 1.0 - y) for at, y in ENDS.items()], 1e-13, (0, 1),
                      1e-11),
    "gammaincinv": Case(
        _inverse(_lower, gammaincinv), LEVELS,
        [((1.0, 0.0), 0.0), ((1.0, 1.0), INF), ((0.0, 0.5), NAN), ((INF, 0.5), NAN),
         ((0.0, 1.0), INF), ((1.0, -0.1), NAN),
         ((1.0, 1.1), NAN), ((NAN, 0.5), NAN), ((1.0, 1e-300), 1e-300), ((1.0, TINY), TINY)],
        1e-13, (0, 1), 1e-10, inverts=_lower,
    ),
    "gammainccinv": Case(
        _inverse(_upper, gammainccinv), LEVELS,
        [((1.0, 0.0), INF), ((1.0, 1.0), 0.0), ((0.0, 0.5), NAN), ((INF, 0.5), NAN),
         ((0.0, 1.0), 0.0), ((1.0, -0.1), NAN),
         ((1.0, 1.1), NAN), ((NAN, 0.5), NAN), ((1.0, 1e-300), float(-mp.log(1e-300)))],
        1e-13, (0, 1), 1e-10, inverts=_upper,
    ),
    "gammal": Case(lambda a, x: mp.gammainc(a, 0, x), [*SHAPES[:8], (100.0, 90.0)],
                   [((1.0, INF), 1.0), ((-1.0, 1.0), NAN)], 1e-13, (0, 1), 1e-11),
    # a second derivative of a product cancels for small a
    "gammau": Case(lambda a, x: mp.gammainc(a, x), [*SHAPES[2:8], (100.0, 90.0)],
                   [((1.0, INF), 0.0), ((-1.0, 1.0), NAN)], 1e-13, (0, 1), 1e-11),
    "chi2sf": Case(lambda x, k: _upper(k / 2, x / 2), [(x, k) for k, x in SHAPES[:-1]],
                   [((0.0, 2.0), 1.0), ((INF, 2.0), 0.0)], 1e-13, (0, 1), 1e-11),
}  # fmt: skip


def _beta(a: Any, b: Any, x: Any) -> Any:
    # from the end that is nearer, so that differences with respect to a and b keep their digits
    if x * (a + b) <= a:
        return mp.betainc(a, b, 0, x, regularized=True)
    return 1 - mp.betainc(a, b, x, 1, regularized=True)


PAIRS = [(0.3, 0.2), (1.0, 1.0), (3.5, 0.7), (9.0, 12.0), (150.0, 20.0), (2.0, 1e4), (1e3, 2e3)]
SPLITS = [(0.5, 0.5, 0.2), (1.0, 3.0, 0.9), (4.0, 2.0, 1e-3), (30.0, 50.0, 0.4), (0.05, 2.0, 0.3),
          (3e3, 1e3, 0.76), (200.0, 0.8, 0.999)]  # fmt: skip
CASES |= {
    "beta": Case(mp.beta, [*PAIRS[:6], (0.01, 3.0), (-0.5, 0.7), (-3.3, 1.2), (-300.5, 200.2)], [
        ((0.0, 1.0), INF), ((INF, 1.0), 0.0), ((1.0, NAN), NAN), ((-1.0, 1.0), -1.0),
        ((-2.0, 1.0), -0.5), ((-1.0, 2.0), INF), ((-1.0, 0.5), INF), ((-1.5, -2.5), 0.0),
        ((1e-300, 1e-300), 2e300), ((TINY, 1.0), INF), ((1e300, 1e300), 0.0),
        *((at, float(mp.beta(*at)))
          for at in ((-2.5, 250.0), (400.5, -1.25), (-1.5, 3.0), (-1.5, 1e20))),
    ], 2e-13, (0, 1), 1e-10),
    "betaln": Case(lambda a, b: mp.log(abs(mp.beta(a, b))), [*PAIRS, (0.01, 3.0), (1e10, 3.0)], [
        ((-0.5, 1e20), float(mp.log(-mp.beta(-0.5, 1e20)))),
        ((0.0, 1.0), INF), ((INF, 1.0), -INF), ((1.0, NAN), NAN), ((-1.0, 1.0), 0.0),
        ((-1.0, 2.0), INF), ((TINY, 1.0), float(-mp.log(TINY))), ((-1.5, -2.5), -INF),
    ], 1e-14, (0, 1), 1e-11),
    "betainc": Case(_beta, [*SPLITS, (1e-3, 2.0, 0.4)], [
        ((0.0, 0.0, 0.5), NAN), ((0.0, 1.0, 0.5), 1.0), ((1.0, 0.0, 0.5), 0.0),
        ((INF, 1.0, 0.5), 0.0), ((1.0, INF, 0.5), 1.0), ((INF, INF, 0.5), NAN),
        ((0.0, 1.0, 0.0), 0.0), ((0.0, 1.0, 1.0), 1.0), ((1.0, 1.0, -0.1), NAN),
        ((1.0, 1.0, 1.1), NAN), ((-1.0, 1.0, 0.5), NAN), ((1.0, 1.0, NAN), NAN),
        ((1.0, 1.0, 1e-300), 1e-300), ((1.0, 1.0, TINY), TINY), ((1e10, 1e10, 0.5), 0.5),
        ((1e300, 1.0, 0.5), 0.0),
    ], 1e-13, (0, 1, 2), 1e-10, single=4e-7),
    "betaincinv": Case(
        _inverse(_beta, betaincinv),
        [(0.5, 0.5, 0.2), (1.0, 3.0, 0.9), (4.0, 2.0, 1e-9), (30.0, 50.0, 0.4), (2e3, 900.0, 0.6),
         (0.05, 2.0, 0.8)],
        [((1.0, 1.0, 0.0), 0.0), ((1.0, 1.0, 1.0), 1.0), ((0.0, 1.0, 0.5), NAN),
         ((1.0, 1.0, 1.1), NAN), ((1.0, NAN, 0.5), NAN), ((1.0, 1.0, 1e-300), 1e-300),
         ((1e-3, 1.0, 1e-3), 0.0)],
        1e-13, (0, 1, 2), 1e-10, inverts=_beta, single=4e-7,
    ),
    "poch": Case(lambda z, m: mp.gamma(z + m) / mp.gamma(z), [(2.5, 3.0), (0.4, 0.2), (5.0, -1.5)],
                 [((1.0, 4.0), 24.0)], 1e-13, (0, 1), 1e-11, 2e-6),
}  # fmt: skip


def _columns(points: Sequence[tuple[float, ...]], dtype: str = "float64") -> list[Any]:
    return [np.array(column, dtype) for column in zip(*points, strict=True)]


def _held(name: str, dtype: str) -> list[tuple[float, ...]]:
    """The points whose numbers are normal ones of the dtype."""
    info = np.finfo(dtype)
    return [
        at for at in CASES[name].points if all(x == 0 or info.tiny < abs(x) < info.max for x in at)
    ]


def _symbols(name: str, dtype: str) -> list[Any]:
    count = len(CASES[name].points[0])
    return [ct.tensor(f"{name}_{k}", dtype=dtype, shape=(None,)) for k in range(count)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values(dtype: str) -> None:
    names = list(CASES)
    symbols = {name: _symbols(name, dtype) for name in names}
    given = {name: _columns(_held(name, dtype), dtype) for name in names}
    with np.errstate(over="ignore"):
        special = {name: _columns([at for at, _ in CASES[name].special], dtype) for name in names}
    outputs = [getattr(ct, name)(*symbols[name]) for name in names]
    f = cgrad.function([x for name in names for x in symbols[name]], outputs)
    found = f(*itertools.chain(*given.values()))
    least = float(np.finfo(dtype).tiny)
    for name, got in zip(names, found, strict=True):
        assert got.dtype == dtype
        limit = CASES[name].limit if dtype == "float64" else CASES[name].single
        for y, *at in zip(got, *given[name], strict=True):
            with mp.workdps(60):
                exact = CASES[name].exact(*(mp.mpf(float(x)) for x in at))
                if abs(exact) > mp.mpf(float(np.finfo(dtype).max)):
                    assert abs(y) == INF and (y > 0) == (exact > 0), (name, at)
                    continue
                error = abs(mp.mpf(float(y)) - exact)
                assert error <= limit * abs(exact) + least * 1e-6, (name, at, y, float(exact))
    found = f(*itertools.chain(*special.values()))
    for name, got in zip(names, found, strict=True):
        for y, (at, want) in zip(got, CASES[name].special, strict=True):
            with np.errstate(over="ignore"):
                expected = np.array(want).astype(dtype)
            if dtype == "float32" and any(0 < abs(x) < 1e-37 or 1e38 < abs(x) < INF for x in at):
                continue  # other numbers in float32
            np.testing.assert_allclose(y, expected, rtol=1e-13 if dtype == "float64" else 2e-7,
                                       err_msg=f"{name}{at}")  # fmt: skip


def test_the_interpreter_agrees() -> None:
    for name, case in CASES.items():
        symbols = _symbols(name, "float64")
        points = [*case.points, *(at for at, _ in case.special)]
        given = dict(zip(symbols, _columns(points), strict=True))
        node = getattr(ct, name)(*symbols)
        with np.errstate(all="ignore"):
            (got,) = evaluate([node], given)
            want = cgrad.function(symbols, node)(*given.values())
        np.testing.assert_allclose(got, want, rtol=2e-12, atol=3e-15, err_msg=name)


def _inside(case: Case) -> list[tuple[float, ...]]:
    # of an inverse, not where its value is next to 0 and a difference quotient steps over it
    return [
        at
        for at in case.points
        if at[0] > 0.02 or case.inverts is None
        if all(1e-9 <= abs(x) < 1e5 for x in at)
    ]


def test_derivatives_to_second_order() -> None:
    """Reverse, forward, and reverse of reverse, for every argument that has a derivative.

    At every other point: differences in many digits take most of the time.
    """
    symbols = {name: _symbols(name, "float64") for name in CASES}
    outputs, labels = [], []
    for name, case in CASES.items():
        y = getattr(ct, name)(*symbols[name])
        for k in case.wrt:
            x = symbols[name][k]
            slope = grad(y.sum(), x)
            (ahead,) = jvp([y], [x], [ct.ones_like(x)])
            for j in case.wrt:
                outputs.append(grad(slope.sum(), symbols[name][j]))
                labels.append((name, tuple(sorted((k, j)))))
            outputs += [slope, ahead]
            labels += [(name, (k,)), (name, (k,))]
    f = cgrad.function([x for name in CASES for x in symbols[name]], outputs)
    given = [column for case in CASES.values() for column in _columns(_inside(case)[::2])]
    exact: dict[Any, list[Any]] = {}
    for got, label in zip(f(*given), labels, strict=True):
        name, wrt = label
        case = CASES[name]
        if label not in exact:
            exact[label] = [_derivative(case, at, wrt) for at in _inside(case)[::2]]
        for y, at, want in zip(got, _inside(case)[::2], exact[label], strict=True):
            close = abs(float(y) - want) <= case.slopes * abs(want) + 1e-300
            assert close or y == want, (label, at, y, want)


def _derivative(case: Case, at: tuple[float, ...], wrt: tuple[int, ...]) -> float:
    orders = tuple(wrt.count(k) for k in range(len(at)))
    with mp.workdps(30):
        point = tuple(map(mp.mpf, at))
        if case.inverts is not None:
            return float(_implicit(case.inverts, point, case.exact(*point), wrt))
        if len(at) == 1:
            return float(mp.diff(case.exact, point[0], orders[0]))
        return float(mp.diff(case.exact, point, orders))


def _implicit(f: Callable[..., Any], at: Sequence[Any], y: Any, wrt: Sequence[int]) -> Any:
    """Derivatives of the y with f(*shapes, y) = p, from those of f; at is the shapes and p."""
    place = (*at[:-1], y)
    last = len(at) - 1

    def slope(*positions: int) -> Any:
        # of f - p; position len(at) is y
        if last in positions:
            return mp.mpf(-1 if len(positions) == 1 else 0)
        moved = [min(k, last) for k in positions]
        return mp.diff(f, place, tuple(moved.count(k) for k in range(len(at))))

    along = slope(last + 1)
    first = [-slope(k) / along for k in wrt]
    if len(wrt) == 1:
        return first[0]
    (i, j), (di, dj) = wrt, first
    bent = slope(i, last + 1) * dj + slope(j, last + 1) * di + slope(last + 1, last + 1) * di * dj
    return -(slope(i, j) + bent) / along


def test_the_order_of_polygamma_has_no_derivative() -> None:
    n, x = ct.dscalar("n"), ct.dscalar("x")
    with pytest.raises(NullTypeGradError, match="order n"):
        grad(ct.polygamma(n, x), n)
    k = ct.lscalar("k")
    slope = cgrad.function([k, x], grad(ct.polygamma(k, x), x))
    assert slope(1, 0.7) == pytest.approx(float(mp.psi(2, 0.7)), rel=1e-14)


def test_shapes_are_differentiated_up_to_a_limit() -> None:
    a, x = ct.dscalar("a"), ct.dscalar("x")
    slopes = [ct.gammainc(a, x)]
    for _ in range(8):
        slopes.append(grad(slopes[-1], a))
    with pytest.raises(NotImplementedError, match="up to order 8"):
        grad(slopes[-1], a)
    mixed = grad(grad(grad(ct.betainc(a, 2 * a, x), a), a), x)
    f = cgrad.function([a, x], [slopes[3], slopes[8], mixed])
    for at in ((0.7, 0.4), (3.0, 5.5)):
        found = f(*at)
        with mp.workdps(50):
            point = tuple(map(mp.mpf, at))
            exact = [mp.diff(_lower, point, (order, 0)) for order in (3, 8)]
            if at[1] < 1:
                exact.append(mp.diff(lambda u, v: _beta(u, 2 * u, v), point, (2, 1)))
        for got, want in zip(found, exact, strict=False):
            assert abs(float(got) - want) <= 1e-10 * abs(want), (at, got, want)


def test_dtypes_and_shapes() -> None:
    a, x = ct.fvector("a"), ct.fmatrix("x")
    y = ct.gammainc(a, x)
    slopes = grad(y.sum(), [a, x])
    assert y.dtype == "float32" and [g.dtype for g in slopes] == ["float32"] * 2
    assert ct.gamma(ct.lscalar("k")).dtype == ct.gammainc(2, ct.dscalar("x")).dtype == "float64"
    given = np.array([0.5, 3.0], "float32"), np.array([[0.2, 4.0], [9.0, 0.0]], "float32")
    value, down, _ = cgrad.function([a, x], [y, *slopes])(*given)
    exact = [[float(_lower(*map(float, at))) for at in zip(given[0], row, strict=True)]
             for row in given[1]]  # fmt: skip
    np.testing.assert_allclose(value, exact, rtol=2e-7)
    assert down.shape == (2,)
