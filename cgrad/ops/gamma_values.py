"""Gamma functions of Python floats: what the interpreter and constant folding compute with.

Short forms, apart from the C of `cg_gamma.h`, so that the two can be compared.

Responsible for: values.  Not responsible for: dtypes and derivatives (`cgrad.ops.gamma`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

# Bernoulli's numbers B_2, B_4, ... B_24
BERNOULLI = [
    Fraction(n, d)
    for n, d in [(1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510),
                 (43867, 798), (-174611, 330), (854513, 138), (-236364091, 2730)]
]  # fmt: skip


def elementwise(f: Callable[..., float]) -> Callable[..., Any]:
    """A function of Python floats over arrays of one shape and dtype."""

    def reference(*args: Any) -> Any:
        arrays = [np.asarray(x) for x in args]
        wide = [x.astype(float) for x in arrays]
        return np.vectorize(f, otypes=[float])(*wide).astype(arrays[-1].dtype)

    return reference


def whole(x: float) -> bool:
    """Whether x is a whole number."""
    return math.isfinite(x) and x == math.floor(x)


def gamma(x: float) -> float:
    """The gamma function with C's special values, but nan at -infinity and whole numbers below."""
    if x == 0:
        return math.copysign(math.inf, x)
    if x == -math.inf or (x < 0 and whole(x)):
        return math.nan
    try:
        return math.gamma(x)
    except OverflowError:
        negative = x < 0 and math.floor(x) % 2 == 1
        return -math.inf if negative else math.inf


def gammaln(x: float) -> float:
    """log |gamma(x)|."""
    if x <= 0 and whole(x):
        return math.inf
    if abs(x - 1.0) < 0.3 or abs(x - 2.0) < 0.3:
        # zeros, where lgamma of many systems has no digits (DLMF 5.7.3)
        z = x - 1.0 if x < 1.5 else x - 2.0
        terms = [(-z) ** k * _zeta(k, 2.0) / k for k in range(2, 30)]
        below = math.log1p(z) if x < 1.5 else 0.0
        return math.fsum([z * (1.0 - np.euler_gamma), *terms, -below])
    try:
        return math.lgamma(x)
    except OverflowError:
        return math.inf


def digamma(x: float) -> float:
    """The derivative of `gammaln` (DLMF 5.5.2, 5.5.4, 5.11.2)."""
    if abs(x) < 1e-17:
        return math.copysign(math.inf, -x) if abs(x) < 1e-308 else -1.0 / x
    if not math.isfinite(x):
        return math.nan if x < 0 else x
    if x < 0:
        if whole(x):
            return math.nan
        return digamma(-x) - 1.0 / x - math.pi / math.tan(math.pi * math.remainder(x, 1.0))
    below = []
    while x < 16.0:
        below.append(-1.0 / x)
        x += 1.0
    series = [-float(b) / (2 * k) * x ** (-2 * k) for k, b in enumerate(BERNOULLI[:8], 1)]
    return math.fsum([*below, math.log(x), -0.5 / x, *series])


def _zeta(s: float, x: float) -> float:
    """Hurwitz's zeta function for s >= 2 and x > 0 (DLMF 25.11.28)."""
    terms = []
    end = x + math.ceil(max(0.0, 16.0 + s - x))
    while x < end:
        terms.append(x**-s)
        x += 1.0
    terms += [x ** (1.0 - s) / (s - 1.0), 0.5 * x**-s]
    factor = s * x ** (-s - 1.0)
    for k, b in enumerate(BERNOULLI, 1):
        terms.append(factor * float(b / math.factorial(2 * k)))
        factor *= (s + 2 * k - 1) * (s + 2 * k) / x / x
    return math.fsum(terms)


def polygamma(n: float, x: float) -> float:
    """The n-th derivative of `digamma` (DLMF 25.11.12; below 0 by the sum over all integers)."""
    if n == 0:
        return digamma(x)
    if not (n > 0 and whole(n)) or x != x:
        return math.nan
    sign = 1.0 if n % 2 else -1.0
    if x <= 0 and (whole(x) or x == -math.inf):
        return sign * math.inf
    if x == math.inf:
        return sign * 0.0
    try:
        if x > 0:
            return sign * math.factorial(int(n)) * _zeta(n + 1.0, x)
        above, below = x - math.floor(x), math.ceil(x) - x
        left = _zeta(n + 1.0, below) - _zeta(n + 1.0, 1.0 - x)
        return sign * math.factorial(int(n)) * (_zeta(n + 1.0, above) + sign * left)
    except OverflowError:
        # towards the nearest pole, (x - pole)^-(n + 1)
        return sign * math.inf if n % 2 or x > round(x) else -sign * math.inf
