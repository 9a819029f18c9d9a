"""Scaled error functions without C: references of rows whose values rewrites meet in tests.

Responsible for: one number at a time in Python.  Not responsible for: compiled code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def erfcx(x: float) -> float:
    """exp(x^2) erfc(x); above 1 by Laplace's continued fraction (DLMF 7.9.1)."""
    if math.isnan(x):
        return x
    if x < 1.0:
        split = x * 134217729.0 - (x * 134217729.0 - x) if abs(x) < 1e9 else x
        low = x - split
        if x < -26.7:
            return math.inf
        power = math.exp(split * split) * math.exp(low * (x + split))
        return power * math.erfc(x)
    below = x
    for k in range(400, 0, -1):
        below = x + 0.5 * k / below
    return 1 / (math.sqrt(math.pi) * below)


def log_erfc(x: float) -> float:
    """log(erfc(x))."""
    if not x > 1.0:
        return math.log1p(-math.erf(x))
    return math.log(erfcx(x)) - x * x if x < math.inf else -x


def log_ndtr(x: float) -> float:
    """The logarithm of the probability that a standard normal number is below x."""
    if not x < -1.0:
        return math.log1p(-0.5 * math.erfc(x * math.sqrt(0.5)))
    return math.log(0.5 * erfcx(-x * math.sqrt(0.5))) - 0.5 * x * x if x > -math.inf else x


def elementwise(f: Callable[[float], float]) -> Callable[..., Any]:
    """f over arrays, in double."""

    def reference(x: Any) -> Any:
        x = np.asarray(x)
        return np.vectorize(f, otypes=[float])(x.astype(float)).astype(x.dtype)

    return reference
