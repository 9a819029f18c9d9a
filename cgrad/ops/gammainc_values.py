"""Incomplete gamma functions of Python floats: what constant folding computes with.

One method for all: quadrature over log t after s = exp(u - exp(-u)) (H. Takahasi, M. Mori, Publ.
RIMS 9, 1974), and a power series for x <= 1.

Responsible for: values.  Not responsible for: C (`cg_gammainc.h`), derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cgrad.ops.gamma_values import digamma, gammaln, polygamma

# s and its weights, for integrals of functions of s / scale over s > 0
_U = np.arange(-4.0, 7.0, 1 / 32)
NODES = np.exp(_U - np.exp(-_U))
WEIGHTS = NODES * (1 + np.exp(-_U)) / 32


def bell(cumulants: list[float]) -> list[float]:
    """Derivatives of exp(f) over exp(f), from those of f, orders 1 and up."""
    found = [1.0]
    for m in range(len(cumulants)):
        terms = [math.comb(m, i) * cumulants[i] * found[m - i] for i in range(m + 1)]
        found.append(sum(terms[1:], terms[0]))
    return found


def _power(a: float, x: float) -> float:
    """x^a exp(-x) / gamma(a + 1)."""
    if a < 10 or x < 0.5 * a or x > 2 * a:
        return math.exp(a * math.log(x) - x - gammaln(a + 1.0))
    off = (x - a) / a
    small = [-((-off) ** k) / k for k in range(2, 40)]
    size = math.fsum(small) if abs(off) < 0.3 else math.log1p(off) - off
    series = 1 / (12 * a) - 1 / (360 * a**3) + 1 / (1260 * a**5) - 1 / (1680 * a**7)
    return math.exp(a * size - series) / math.sqrt(2 * math.pi * a)


def _cumulants(n: int, a: float, x: float) -> list[float]:
    first = [math.log(x) - digamma(a)] if n else []
    return first + [-polygamma(k, a) for k in range(1, n)]


def _integral(n: int, a: float, x: float, side: float) -> float:
    """a n-th derivative of the part of the integral of P below (-1) or above (1) x."""
    s = NODES / (abs(x - a) + math.sqrt(max(x, a)))
    z = side * s
    with np.errstate(over="ignore", under="ignore"):
        tail = 1 + z / 4 * (1 + z / 5 * (1 + z / 6 * (1 + z / 7)))
        less = np.where(np.abs(z) < 1e-2, z * z * (0.5 + z / 6 * tail), np.expm1(z) - z)
        mass = np.exp(-abs(x - a) * s - x * less) * WEIGHTS / (NODES / s)
    first, *rest = _cumulants(n, a, x) or [0.0]
    factors = np.array([bell([first + d, *rest][:n])[n] for d in z.tolist()]) if n else 1.0
    return a * _power(a, x) * float(np.sum(mass * factors))


def _series(n: int, a: float, x: float, upper: bool = False) -> float:
    """The n-th derivative of P for x <= 1 (DLMF 8.7.1); of n = 0 also Q."""
    log_factor = a * math.log(x) - gammaln(a + 1.0)
    terms = [(-x) ** k / math.factorial(k) for k in range(25)]
    if n == 0:
        rest = math.fsum(t * a / (a + k) for k, t in enumerate(terms) if k)
        less = math.expm1(log_factor)
        return -less - (1 + less) * rest if upper else math.exp(log_factor) * (1 + rest)
    sums = [1 + math.fsum(t * a / (a + k) for k, t in enumerate(terms) if k)]
    for i in range(1, n + 1):
        scale = (-1) ** (i + 1) * math.factorial(i)
        sums.append(math.fsum(t * k * scale / (a + k) ** (i + 1) for k, t in enumerate(terms)))
    factors = bell(_cumulants(n, a + 1.0, x))
    total = math.fsum(math.comb(n, i) * factors[n - i] * sums[i] for i in range(n + 1))
    return math.exp(log_factor) * total


def _end(a: float, x: float) -> float | None:
    if not (a >= 0 and x >= 0) or (a == 0 and x == 0) or (a == x == math.inf):
        return math.nan
    if a == 0 or x == math.inf:
        return 1.0
    return 0.0 if x == 0 or a == math.inf else None


def gammainc(a: float, x: float) -> float:
    """P(a, x)."""
    end = _end(a, x)
    if end is not None:
        return end
    if x <= 1:
        return _series(0, a, x)
    return _integral(0, a, x, -1.0) if x < a else 1.0 - _integral(0, a, x, 1.0)


def gammaincc(a: float, x: float) -> float:
    """Q(a, x)."""
    end = _end(a, x)
    if end is not None:
        return 1.0 - end
    if x <= 1:
        return _series(0, a, x, upper=True)
    return _integral(0, a, x, 1.0) if x > a else 1.0 - _integral(0, a, x, -1.0)


def gamma_density(n: float, a: float, x: float) -> float:
    """The n-th derivative with respect to a of x^(a - 1) exp(-x) / gamma(a)."""
    if not (0 < a < math.inf and x >= 0):
        return math.nan
    if x == 0:
        return 0.0 if a > 1 else 1.0 if a == 1 and n == 0 else (-1.0) ** n * math.inf
    if x == math.inf:
        return 0.0
    return _power(a, x) * (a / x) * bell(_cumulants(int(n), a, x))[int(n)]


def gammainc_shape(n: float, a: float, x: float) -> float:
    """The n-th derivative of P with respect to a."""
    if not (0 < a < math.inf and x >= 0):
        return math.nan
    if x in (0, math.inf):
        return 0.0
    if x <= 1:
        return _series(int(n), a, x)
    side = -1.0 if x < a else 1.0
    return -side * _integral(int(n), a, x, side)


def bisect(f: Callable[[float], float], low: float, high: float) -> float:
    """Where the rising f passes 0 between low and high, to the last bit."""
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        low, high = (middle, high) if f(middle) < 0 else (low, middle)


def _root(a: float, part: float, lower: bool) -> float:
    """log x by halving, so that small ones keep their digits too."""
    f = gammainc if lower else gammaincc
    sign = 1.0 if lower else -1.0
    at = bisect(lambda u: sign * (f(a, math.exp(u)) - part), -745.0, 709.0)
    return 0.0 if at < -744.9 else math.exp(at)


def gammaincinv(a: float, p: float) -> float:
    """The x with P(a, x) = p."""
    if not (a >= 0 and 0 <= p <= 1) or (a in (0, math.inf) and p not in (0, 1)):
        return math.nan
    if p in (0, 1):
        return 0.0 if p == 0 else math.inf
    return _root(a, p, True) if p <= 0.5 else _root(a, 1.0 - p, False)


def gammainccinv(a: float, q: float) -> float:
    """The x with Q(a, x) = q."""
    if not (a >= 0 and 0 <= q <= 1) or (a in (0, math.inf) and q not in (0, 1)):
        return math.nan
    if q in (0, 1):
        return math.inf if q == 0 else 0.0
    return _root(a, q, False) if q <= 0.5 else _root(a, 1.0 - q, True)
