"""Formulas as people write them, over extreme inputs: value, first and second derivative.

Each is compiled as it stands; what keeps its digits is the rewrites and the rules of derivatives.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

import cgrad
import cgrad.tensor as ct

mp = mpmath.mp
INF = np.inf

WIDE = [-1e300, -1e5, -745.2, -300.0, -40.0, -3.0, 0.3, 3.0, 40.0, 300.0, 745.2, 1e5]
BELOW = [-1e300, -800.0, -40.0, -3.0, -0.7, -1e-5, -1e-300]
TAIL = [-30.0, -1.0, 0.3, 5.0, 27.0, 1e3, 1e100]
MODERATE = [-745.2, -300.0, -40.0, -3.0, 0.3, 3.0, 40.0, 300.0, 745.2, 2000.0]
NORMAL = [-1e3, -50.0, -38.0, -5.0, -0.3, 0.3, 5.0, 9.0]


def _bernoulli(p: Any) -> Any:
    return 3 * ct.log(p) + 2 * ct.log(1 - p)


# name -> (formula, the same in mpmath, points, order up to which it keeps 13 digits)
UNARY: dict[str, Any] = {
    "softplus": (lambda x: ct.log(1 + ct.exp(x)), lambda x: mp.log1p(mp.exp(x)), WIDE, 2),
    "log1p of exp": (lambda x: ct.log1p(ct.exp(x)), lambda x: mp.log1p(mp.exp(x)), WIDE, 2),
    "logistic": (lambda x: 1 / (1 + ct.exp(-x)), lambda x: 1 / (1 + mp.exp(-x)), WIDE, 2),
    "logistic of tails": (
        lambda x: ct.exp(x) / (1 + ct.exp(x)), lambda x: 1 / (1 + mp.exp(-x)), WIDE, 2),
    "log of logistic": (
        lambda x: ct.log(1 / (1 + ct.exp(-x))), lambda x: -mp.log1p(mp.exp(-x)), WIDE, 2),
    "log of what is left": (
        lambda x: ct.log(1 - 1 / (1 + ct.exp(-x))), lambda x: -mp.log1p(mp.exp(x)), WIDE, 2),
    "shared logistic": (
        lambda x: _bernoulli(1 / (1 + ct.exp(-x))),
        lambda x: -3 * mp.log1p(mp.exp(-x)) - 2 * mp.log1p(mp.exp(x)), WIDE, 2),
    "log of 1 - exp": (lambda x: ct.log(1 - ct.exp(x)), lambda x: mp.log(-mp.expm1(x)), BELOW, 2),
    "log1p of -exp": (lambda x: ct.log1p(-ct.exp(x)), lambda x: mp.log(-mp.expm1(x)), BELOW, 2),
    "log of 1 - erf": (lambda x: ct.log(1 - ct.erf(x)), None, TAIL, 2),
    "log of erfc": (lambda x: ct.log(ct.erfc(x)), None, TAIL, 2),
    "log of 1 + erf": (
        lambda x: ct.log(1 + ct.erf(x)), lambda x: mp.log(mp.erfc(-x)), [-k for k in TAIL[:6]], 2),
    "log1p of erf": (
        lambda x: ct.log1p(ct.erf(x)), lambda x: mp.log(mp.erfc(-x)), [-k for k in TAIL[:6]], 2),
    "log of a normal probability": (
        lambda x: ct.log(0.5 * (1 + ct.erf(x / np.sqrt(2)))),
        lambda x: mp.log(mp.erfc(-x / mp.mpf(np.sqrt(2))) / 2), NORMAL, 2),
    "log of what a normal probability lacks": (
        lambda x: ct.log(0.5 - 0.5 * ct.erf(x / np.sqrt(2))),
        lambda x: mp.log(mp.erfc(x / mp.mpf(np.sqrt(2))) / 2), [-k for k in NORMAL], 2),
    "log of a part of erfc": (
        lambda x: ct.log(0.3 * ct.erfc(x)), lambda x: mp.log(mp.mpf(0.3) * mp.erfc(x)),
        TAIL[:6], 2),
    "log of a multiple of exp": (
        lambda x: ct.log(3 * ct.exp(x) / 7), lambda x: x + mp.log(mp.mpf(3) / 7), MODERATE, 2),
    "log of exp and a number": (
        lambda x: ct.log(0.5 + 2 * ct.exp(x)), lambda x: mp.log(0.5 + 2 * mp.exp(x)), MODERATE, 2),
    "log1p of a multiple of exp": (
        lambda x: ct.log1p(3 * ct.exp(x)), lambda x: mp.log1p(3 * mp.exp(x)), MODERATE, 2),
    "log of a part of logistic": (
        lambda x: ct.log(0.3 / (1 + ct.exp(-x))),
        lambda x: mp.log(mp.mpf(0.3)) - mp.log1p(mp.exp(-x)), MODERATE, 2),
    "log of odds": (
        lambda x: ct.log(ct.sigmoid(x) / (1 - ct.sigmoid(x))), lambda x: x, MODERATE, 2),
    "inverse of softplus": (
        lambda x: ct.log(ct.exp(x) - 1), lambda x: mp.log(mp.expm1(x)),
        [1e-5, 0.3, 3.0, 40.0, 800.0], 2),
}  # fmt: skip


def log_erfc(x: Any) -> Any:
    if x > 1e6:
        return -x * x - mp.log(x * mp.sqrt(mp.pi)) - 1 / (2 * x * x)
    return mp.log(mp.erfc(x))


def _slope(f: Any, at: Any, order: int) -> Any:
    return (
        f(at)
        if order == 0
        else mp.diff(f, at, order, h=abs(at) * mp.mpf(10) ** -60 or mp.mpf(10) ** -60)
    )


def test_functions_of_one_number() -> None:
    inputs, outputs = [], []
    for formula, _, _, _ in UNARY.values():
        x = ct.dvector("x")
        first = cgrad.grad(ct.sum(formula(x)), x)
        inputs.append(x)
        outputs += [formula(x), first, cgrad.grad(ct.sum(first), x, disconnected_inputs="ignore")]
    found = cgrad.function(inputs, outputs)(*(np.array(row[2]) for row in UNARY.values()))
    wrong = []
    for k, (name, (_, oracle, points, most)) in enumerate(UNARY.items()):
        for j, point in enumerate(points):
            for order in range(most + 1):
                got = found[3 * k + order][j]
                tail = "erf" in name or "normal" in name
                with mp.workdps(60 if abs(point) > 1e4 else 200 if tail else 700):
                    at = mp.mpf(point)
                    if abs(point) > 1e4:
                        exact = limit(name, at, order)
                    else:
                        exact = _slope(oracle or log_erfc, at, order)
                    if exact is None:
                        continue
                    ok = not np.isnan(got) and (
                        abs(got - exact) <= 1e-13 * abs(exact) + 1e-300
                        or (abs(exact) > 1.7e308 and np.isinf(got) and (got > 0) == (exact > 0))
                    )
                if not ok:
                    wrong.append((name, point, order, got, float(exact)))
    assert not wrong, "\n".join(map(str, wrong))


def limit(name: str, x: Any, order: int) -> Any:
    """Where the function is a straight line, constant, or -x^2, to all digits."""
    rising = {"softplus": 1, "log1p of exp": 1, "log of what is left": -1}
    if name in rising:
        return (rising[name] * x, rising[name], 0)[order] if x > 0 else 0
    if name == "shared logistic":
        return (-2 * x, -2, 0)[order] if x > 0 else (3 * x, 3, 0)[order]
    if name == "log of logistic":
        return (x, 1, 0)[order] if x < 0 else 0
    if "logistic" in name:
        return int(x > 0 and order == 0)
    if "erf" in name:
        return (-x * x, -2 * x, None)[order]
    return 0


def test_difference_of_exponentials() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    y = ct.log(ct.exp(a) - ct.exp(b))
    slopes = cgrad.grad(ct.sum(y), [a, b])
    x = np.array([800.0, 1e5, -800.0, 3.0, 2.0, 2.0, 5.0, 1.0])
    z = np.array([799.0, -1e5, -801.0, 2.0, 2.0 - 1e-9, 2.0, -INF, 2.0])
    value, *_ = cgrad.function([a, b], [y, *slopes])(x, z)
    with mp.workdps(50):
        wanted = [
            float(p + mp.log1p(-mp.exp(mp.mpf(q) - mp.mpf(p))))
            for p, q in zip(x[:5], z[:5], strict=True)
        ]
    np.testing.assert_allclose(value, [*wanted, -INF, 5.0, np.nan], rtol=1e-14)


def test_exponentials_that_are_stretched() -> None:
    """One number beside a vector, a row beside a column."""
    s, v = ct.dscalar("s"), ct.dvector("v")
    total, gap = ct.log(ct.exp(s) + ct.exp(v)), ct.log(ct.exp(s) - ct.exp(v))
    table = ct.log(ct.exp(v)[:, None] + 2 * ct.exp(-v)[None, :])
    share = ct.exp(s) / (ct.exp(s) + ct.exp(v))
    outputs = [total, *cgrad.grad(ct.sum(total), [s, v]), cgrad.hessian(ct.sum(total), v), gap,
               table, share, cgrad.grad(ct.sum(share), s)]  # fmt: skip
    at = np.array([-800.0, 799.0, 800.0])
    value, of_s, of_v, curve, less, outer, part, slope = cgrad.function([s, v], outputs)(800.0, at)
    p = 1 / (1 + np.exp([-1600.0, -1.0, 0.0]))
    np.testing.assert_allclose(value, np.logaddexp(800.0, at), rtol=1e-15)
    np.testing.assert_allclose([of_s, *of_v], [p.sum(), *(1 - p)], rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(curve, np.diag(p * (1 - p)), rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(less, [800.0, 800 + np.log(-np.expm1(-1)), -INF], rtol=1e-15)
    np.testing.assert_allclose(
        outer, np.logaddexp(at[:, None], np.log(2) - at[None, :]), rtol=1e-15, atol=2e-13
    )
    np.testing.assert_allclose(part, p, rtol=1e-15)
    np.testing.assert_allclose(slope, np.sum(p * (1 - p)), rtol=1e-14)


def test_means_of_exponentials() -> None:
    x = ct.dvector("x")
    y = ct.log(ct.mean(ct.exp(x)))
    f = cgrad.function([x], [y, cgrad.grad(y, x), cgrad.hessian(y, x)])
    for top in (1000.0, -1000.0):
        value, slope, curve = f([top, top])
        np.testing.assert_allclose(value, top, rtol=1e-15)
        np.testing.assert_allclose(slope, [0.5, 0.5], rtol=1e-15)
        np.testing.assert_allclose(curve, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-14)


def test_sums_of_exponentials() -> None:
    x = ct.dvector("x")
    total = ct.log(ct.sum(ct.exp(x)))
    share = ct.exp(x) / ct.sum(ct.exp(x))
    outputs = [total, cgrad.grad(total, x), cgrad.hessian(total, x), share, ct.log(share)]
    f = cgrad.function([x], outputs)
    for at in ([1000.0, 1000.0], [-1000.0, -1000.0]):
        value, slope, curve, part, logs = f(at)
        np.testing.assert_allclose(value, at[0] + np.log(2), rtol=1e-15)
        np.testing.assert_allclose(slope, [0.5, 0.5], rtol=1e-15)
        np.testing.assert_allclose(curve, [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-14)
        np.testing.assert_allclose(part, [0.5, 0.5], rtol=1e-15)
        np.testing.assert_allclose(logs, [-np.log(2)] * 2, rtol=1e-15)
    np.testing.assert_allclose(f([0.0, -1e4])[4], [0.0, -1e4])
    stable = cgrad.function([x], [ct.logsumexp(x), cgrad.grad(ct.logsumexp(x), x)])
    value, slope = stable([-INF, -INF])
    assert value == -INF and slope.tolist() == [0.5, 0.5]
    value, _ = f([-INF, -INF])[:2]
    assert value == -INF


def test_norms_and_products_at_zero() -> None:
    x = ct.dvector("x")
    weight = np.array([1.0, 2.0, 3.0, 5.0])
    totals = [ct.norm(x), ct.prod(x), ct.sum(ct.cumprod(x) * weight)]
    outputs = []
    for total in totals:
        outputs += [total, cgrad.grad(total, x)]
    outputs += [cgrad.hessian(totals[1], x), cgrad.hessian(totals[2], x)]
    f = cgrad.function([x], outputs)
    assert f(np.zeros(4))[:2][1].tolist() == [0, 0, 0, 0]
    for at in (
        [2.0, 0.0, 3.0, 4.0],
        [0.0, 2.0, 0.0, 4.0],
        [0.0, 0.0, 0.0, 4.0],
        [1.0, 2.0, 3.0, 4.0],
    ):
        _, _, product, slope, running, climb, curve, bend = f(at)
        assert product == np.prod(at) and running == np.sum(np.cumprod(at) * weight)
        for i in range(4):
            without = [at[k] for k in range(4) if k != i]
            assert slope[i] == np.prod(without)
            assert climb[i] == sum(
                weight[k] * np.prod([at[j] for j in range(k + 1) if j != i]) for k in range(i, 4)
            )
            for j in range(4):
                rest = [at[k] for k in range(4) if k not in (i, j)]
                assert curve[i, j] == (0 if i == j else np.prod(rest))
                assert bend[i, j] == (
                    0
                    if i == j
                    else sum(
                        weight[k] * np.prod([at[m] for m in range(k + 1) if m not in (i, j)])
                        for k in range(max(i, j), 4)
                    )
                )


def test_second_derivatives_of_shares() -> None:
    x = ct.dvector("x")
    cost = ct.dot(ct.log(ct.exp(x) / ct.sum(ct.exp(x))), np.array([1.0, 2.0, 3.0]))
    share = ct.exp(x) / ct.sum(ct.exp(x))
    f = cgrad.function([x], [cgrad.hessian(cost, x), cgrad.jacobian(share, x)])
    curve, slopes = f([1000.0, -1000.0, 999.0])
    p = np.array([1.0, 0.0, np.exp(-1.0)]) / (1 + np.exp(-1.0))
    expected = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(slopes, expected, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(curve, -6 * expected, rtol=1e-14, atol=1e-300)


def test_share_of_two_equal_exponentials_has_a_slope() -> None:
    a, b = ct.dvectors("a", "b")
    share = ct.exp(a) / (ct.exp(a) + ct.exp(b))
    slopes = cgrad.grad(ct.sum(share), [a, b])
    curve = cgrad.grad(ct.sum(slopes[0] * b), a)
    at = np.array([0.0, 3.0, 800.0])
    first, second, mixed = cgrad.function([a, b], [*slopes, curve])(at, at)
    np.testing.assert_allclose([first, second], [[0.25] * 3, [-0.25] * 3])
    np.testing.assert_allclose(mixed, 0 * at)


def test_differences_of_logistic_functions() -> None:
    """Probabilities of ordered categories, also where the outermost ends are infinite."""
    a, b = ct.dvectors("a", "b")
    y = ct.log(ct.sigmoid(a) - ct.sigmoid(b))
    slope = cgrad.grad(ct.sum(y), [a, b])
    outputs = [y, *slope, cgrad.grad(ct.sum(slope[0]), a)]
    upper = np.array([-799.0, 801.0, 1.0, 40.5, INF, -3.0, INF])
    lower = np.array([-800.0, 800.0, -1.0, 40.0, 800.0, -INF, -INF])
    with mp.workdps(800):
        log_p = lambda p, q: mp.log(1 / (1 + mp.exp(-p)) - 1 / (1 + mp.exp(-q)))  # noqa: E731
        exact = []
        for p, q in zip(upper, lower, strict=True):
            p, q = mp.mpf(p), mp.mpf(q)
            d = [mp.diff(log_p, (p, q), n, h=mp.mpf(10) ** -60) if not mp.isinf(p + q) else None
                 for n in ((1, 0), (0, 1), (2, 0))]  # fmt: skip
            exact.append((log_p(p, q), *d))
    for row, values in zip(exact, zip(*cgrad.function([a, b], outputs)(upper, lower), strict=True),
                           strict=True):  # fmt: skip
        for want, found in zip(row, values, strict=True):
            assert np.isfinite(found)
            if want is not None:
                np.testing.assert_allclose(found, float(want), rtol=1e-12, atol=1e-300)


def test_logarithm_of_a_determinant_that_overflows() -> None:
    a = ct.dmatrix("a")
    value, size = ct.log(ct.linalg.det(a)), ct.log(ct.abs(ct.linalg.det(a)))
    f = cgrad.function([a], [value, cgrad.grad(value, a), size, cgrad.grad(size, a)])
    for scale in (1e200, 1e-200, 1.0):
        matrix = scale * np.array([[2.0, 1.0, 0.0], [0.5, 3.0, 1.0], [0.0, 1.0, 4.0]])
        inverse = np.linalg.inv(matrix).T
        for log_det, slope in zip(*[iter(f(matrix))] * 2, strict=True):
            np.testing.assert_allclose(log_det, np.linalg.slogdet(matrix)[1], rtol=1e-14)
            np.testing.assert_allclose(slope, inverse, rtol=1e-13, atol=1e-14 / scale)
        value, _, size, _ = f(matrix[::-1])
        assert np.isnan(value) and np.isfinite(size)


def test_steps_of_a_loop_and_sides_of_a_choice() -> None:
    """What is inside of a scan or of one side of an ifelse is no less stable."""
    x, c = ct.dvector("x"), ct.lscalar("c")
    steps, _ = cgrad.scan(lambda e: ct.log(1 / (1 + ct.exp(-e))), sequences=x)
    chosen = cgrad.ifelse(c > 0, ct.sum(ct.log(1 / (1 + ct.exp(-x)))), ct.sum(x**2))
    outputs = []
    for cost in (ct.sum(steps), chosen):
        slope = cgrad.grad(cost, x)
        outputs += [slope, cgrad.grad(ct.sum(slope), x)]
    found = cgrad.function([x, c], outputs)(np.array([-800.0, 0.0, 800.0]), 1)
    for slope, curve in (found[:2], found[2:]):
        np.testing.assert_allclose(slope, [1, 0.5, 0])
        np.testing.assert_allclose(curve, [0, -0.25, 0])
