"""Beta functions of Python floats: what constant folding computes with.

Quadrature over log(t / (1 - t)), with the nodes of `cgrad.ops.gammainc_values`.

Responsible for: values.  Not responsible for: C (`cg_beta.h`), derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cgrad.ops.gamma_values import digamma, gamma, gammaln, polygamma, whole
from cgrad.ops.gammainc_values import NODES, WEIGHTS, bisect

LOG_ROOT = 0.5 * math.log(2 * math.pi)


def _stirling(x: float) -> float:
    """What gammaln(x) has beyond (x - 1/2) log x - x + log(2 pi) / 2, for x >= 10."""
    terms = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156]
    return math.fsum(term * x ** (-2 * k - 1) for k, term in enumerate(terms))


def _log_ratio(low: float, high: float) -> float:
    """log of gamma(high) / gamma(low + high), for 0 < low <= high and high >= 10."""
    ratio = _stirling(high) - _stirling(low + high)
    bend = (high - 0.5) * math.log1p(low / high)
    return ratio - bend - low * (math.log(low + high) - 1)


def betaln(a: float, b: float) -> float:
    """log |B(a, b)|."""
    if a != a or b != b:
        return math.nan
    for pole, other in ((a, b), (b, a)):
        if pole < 0 and whole(pole):
            inside = other > 0 and whole(other) and 1 - pole - other > 0
            return betaln(1 - pole - other, other) if inside else math.inf
    if a < 0 or b < 0:
        low, total = min(a, b), a + b
        if total >= 10 and -low <= total:
            return gammaln(low) - _log_ratio(-low, total)
        return gammaln(a) + gammaln(b) - gammaln(a + b)
    if a == 0 or b == 0:
        return math.inf
    if math.inf in (a, b):
        return -math.inf
    low, high = sorted((a, b))
    if high < 10:
        if low < 1e-10:
            return math.log1p(low / high) - math.log(low)
        return gammaln(low) + gammaln(high) - gammaln(low + high)
    if low < 10:
        return gammaln(low) + _log_ratio(low, high)
    ratio = _stirling(high) - _stirling(low + high)
    part = (low - 0.5) * math.log1p(high / low) + high * math.log1p(low / high)
    return LOG_ROOT - 0.5 * math.log(high) + _stirling(low) + ratio - part


def _odd(x: float) -> bool:
    """Whether gamma(x) is negative."""
    return x < 0 and math.floor(x) % 2 == 1


def beta(a: float, b: float) -> float:
    """B(a, b)."""
    if min(a, b) > 0 and max(a, b) < 10 and min(a, b) > 1e-10:
        return gamma(a) * (gamma(b) / gamma(a + b))
    try:
        size = math.exp(betaln(a, b))
    except OverflowError:
        return math.inf
    if size == math.inf or (a > 0 and b > 0):
        return size
    for pole, other in ((a, b), (b, a)):
        if pole < 0 and whole(pole):
            return -size if other % 2 else size
    return -size if (_odd(a) != _odd(b)) != _odd(a + b) else size


def _log_power(a: float, b: float, x: float, y: float) -> float:
    """log of x^a y^b / B(a, b)."""
    log_x = math.log(x) if x < 0.5 else math.log1p(-y)
    log_y = math.log(y) if y < 0.5 else math.log1p(-x)
    if min(a, b) < 10:
        return a * log_x + b * log_y - betaln(a, b)
    off = ((a + b) * x - a) if x < 0.5 else (b - (a + b) * y)
    parts = []
    for shape, log, t in ((a, log_x - math.log(a / (a + b)), off / a),
                          (b, log_y - math.log(b / (a + b)), -off / b)):  # fmt: skip
        small = math.fsum(-((-t) ** k) / k for k in range(2, 60))
        parts.append(shape * (small if abs(t) < 0.3 else log - t))
    rest = _stirling(a + b) - _stirling(a) - _stirling(b)
    root = 0.5 * math.log(a / (a + b) * b)
    return math.fsum([*parts, rest, root, -LOG_ROOT])


def _cumulants(m: int, n: int, a: float, b: float, x: float, y: float) -> list[list[float]]:
    """Derivatives of log(x^a y^b / B(a, b)); that of order 0 is not used."""
    logs = math.log(x) if x < 0.5 else math.log1p(-y), math.log(y) if y < 0.5 else math.log1p(-x)
    found = [[0.0] * (n + 1) for _ in range(m + 1)]
    for i in range(m + 1):
        for j in range(n + 1):
            k = i + j - 1
            if k == 0:
                found[i][j] = logs[j] - digamma(b if j else a) + digamma(a + b)
            elif k > 0:
                own = polygamma(k, a) if j == 0 else polygamma(k, b) if i == 0 else 0.0
                found[i][j] = polygamma(k, a + b) - own
    return found


def _moment(m: int, n: int, c: Sequence[Sequence[float]]) -> float:
    """The derivative of orders m and n of exp(f) over exp(f), from those of f."""
    found = {(0, 0): 1.0}
    for i in range(m + 1):
        for j in range(n + 1):
            if i:
                found[i, j] = sum(
                    math.comb(i - 1, k) * math.comb(j, p) * c[k + 1][p] * found[i - 1 - k, j - p]
                    for k in range(i) for p in range(j + 1)
                )  # fmt: skip
            elif j:
                found[0, j] = sum(
                    math.comb(j - 1, p) * c[0][p + 1] * found[0, j - 1 - p] for p in range(j)
                )
    return found[m, n]


def _integral(m: int, n: int, a: float, b: float, x: float, y: float) -> float:
    """The derivative of orders m and n of I_x(a, b), y = 1 - x."""
    lean = (a + b) * x - a if x < 0.5 else b - (a + b) * y
    scale = 1 / (abs(lean) + math.sqrt((a + b) * x * y))
    s = NODES * scale
    near = np.minimum(s, 700.0)
    with np.errstate(over="ignore", under="ignore"):
        rising = np.where(s < 700.0, near - np.log1p(y * np.expm1(near)), -math.log(y))
        log = -np.log1p(x * np.expm1(-s)) if x < 0.5 else rising
        mass = np.exp((a + b) * log - a * s) * WEIGHTS * scale
    c = _cumulants(m, n, a, b, x, y)
    factors = []
    for rest, down in zip(log.tolist(), s.tolist(), strict=True):
        here = [list(row) for row in c]
        if m:
            here[1][0] += rest - down
        if n:
            here[0][1] += rest
        factors.append(_moment(m, n, here))
    with np.errstate(all="ignore"):
        terms = np.where(mass > 0, mass * np.array(factors), 0.0)
    return math.exp(_log_power(a, b, x, y)) * float(np.sum(terms))


def _both(a: float, b: float, x: float, y: float) -> tuple[float, float]:
    """I_x(a, b) and what is left to 1."""
    if x * b <= y * a:
        lower = _integral(0, 0, a, b, x, y)
        return lower, 1 - lower
    upper = _integral(0, 0, b, a, y, x)
    return 1 - upper, upper


def betainc(a: float, b: float, x: float) -> float:
    """I_x(a, b)."""
    if not (a >= 0 and b >= 0 and 0 <= x <= 1) or a == b == 0 or a == b == math.inf:
        return math.nan
    if x in (0, 1):
        return x
    if 0 in (a, b) or math.inf in (a, b):
        return 1.0 if a == 0 or b == math.inf else 0.0
    return _both(a, b, x, 1 - x)[0]


def _inside(a: float, b: float, x: float) -> bool:
    return 0 < a < math.inf and 0 < b < math.inf and 0 <= x <= 1


def beta_density(m: float, n: float, a: float, b: float, x: float) -> float:
    """The derivative of order m in a and n in b of x^(a - 1) (1 - x)^(b - 1) / B(a, b)."""
    if not _inside(a, b, x):
        return math.nan
    if x in (0, 1):
        shape, other, order = (a, b, m) if x == 0 else (b, a, n)
        if shape == 1 and m + n == 0:
            return other
        return 0.0 if shape > 1 else (-1.0) ** order * math.inf
    y = 1 - x
    moment = _moment(int(m), int(n), _cumulants(int(m), int(n), a, b, x, y))
    return math.exp(_log_power(a, b, x, y)) / x / y * moment


def betainc_shape(m: float, n: float, a: float, b: float, x: float) -> float:
    """The derivative of order m in a and n in b of I_x(a, b)."""
    if not _inside(a, b, x):
        return math.nan
    if x in (0, 1):
        return 0.0
    y = 1 - x
    if x * b <= y * a:
        return _integral(int(m), int(n), a, b, x, y)
    return -_integral(int(n), int(m), b, a, y, x)


def betaincinv(a: float, b: float, p: float) -> float:
    """The x with I_x(a, b) = p, by halving log(x / (1 - x))."""
    if not _inside(a, b, p):
        return math.nan
    if p in (0, 1):
        return p

    def split(u: float) -> tuple[float, float]:
        small = math.exp(-abs(u))
        both = small / (1 + small), 1 / (1 + small)
        return both if u < 0 else both[::-1]

    def gap(u: float) -> float:
        lower, upper = _both(a, b, *split(u))
        return lower - p if p <= 0.5 else (1 - p) - upper

    return split(bisect(gap, -700.0, 700.0))[0]
