"""Draws by rejection by NumPy: the decisions of `cg_samplers.h`, where the sources are named.

The probabilities are computed another way than in C, so that the two check each other; a decision
may differ where one number is within rounding of the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.dtypes import INT64
from cgrad.ops.philox import Array, Place, inside, normal_quantile, words

ATTEMPTS = 1000
TOO_MANY = 2.0**53
LOWEST = dtypes.limits(INT64)[0]

_log_factorial = np.vectorize(lambda k: math.lgamma(k + 1) if k >= 0 else math.inf, otypes=["f8"])


def _word(place: Place, attempt: int) -> list[Array]:
    return words(place.key, place.at, attempt, place.draw, place.lane)


def _first(
    place: Place, valid: Array, attempt: Callable[[Sequence[Array]], tuple[Any, Any]]
) -> Any:
    """The value of the first attempt that is accepted; nan where none is, or nothing is valid."""
    result = np.full(place.at.shape, np.nan, complex)
    waiting = np.array(valid)
    for t in range(1, ATTEMPTS + 1):
        if not waiting.any():
            break
        value, accepted = attempt(_word(place, t))
        result = np.where(waiting & accepted, value, result)
        waiting &= ~accepted
    return result


def _whole(x: Array) -> Any:
    """Integers, the lowest for nan."""
    return np.where(np.isnan(x), LOWEST, np.nan_to_num(x)).astype(np.int64)


def _both(place: Place, a: Array) -> tuple[Any, Any]:
    """The gamma number of shape a, or a + 1 below 1, and u of the same attempt."""
    shape = np.where(a < 1, a + 1, a)
    b = shape - 1 / 3
    c = 1 / np.sqrt(9 * b)

    def attempt(w: Sequence[Array]) -> tuple[Any, Any]:
        x = normal_quantile(inside(w[0]))
        v = (1 + c * x) ** 3
        below = 0.5 * x * x + b * (1 - v + np.log(v))
        return b * v + 1j * inside(w[2]), (v > 0) & (np.log(inside(w[1])) < below)

    result = _first(place, (a > 0) & np.isfinite(a), attempt)
    return result.real, result.imag


def log_gamma(place: Place, a: Array) -> Any:
    """The logarithm of a gamma number of shape a."""
    x, u = _both(place, a)
    return np.log(x) + np.where(a < 1, np.log(u) / a, 0)


def gamma(place: Place, a: Array) -> Any:
    """A gamma number of shape a."""
    x, u = _both(place, a)
    return np.where(a == 0, 0, np.where(a < 1, x * np.exp(np.log(u) / a), x))


def vonmises(place: Place, k: Array) -> Any:
    """An angle around 0 with concentration k."""
    first = inside(_word(place, 0)[0])
    r = 1 + np.sqrt(1 + 4 * k * k)
    rho = (r - np.sqrt(2 * r)) / (2 * k)
    s = np.where(k < 1e-5, 1 / k + k, (1 + rho * rho) / (2 * rho))

    def attempt(w: Sequence[Array]) -> tuple[Any, Any]:
        z, v = np.cos(np.pi * inside(w[0])), inside(w[1])
        f = (1 + s * z) / (s + z)
        y = k * (s - f)
        angle = np.arccos(np.clip(f, -1, 1))
        signed = np.where(w[2] >> np.uint64(63) != 0, angle, -angle)
        return signed, (y * (2 - y) >= v) | (np.log(y / v) + 1 >= y)

    found = _first(place, (k >= 1e-8) & (k <= 1e6), attempt).real
    found = np.where(k > 1e6, normal_quantile(first) / np.sqrt(k), found)
    return np.where((k >= 0) & (k < 1e-8), np.pi * (2 * first - 1), found)


def _inverted(
    place: Place, valid: Array, chance: Array, ratio: Callable[[Any], Any], last: Any
) -> Any:
    """The first k at which the sum of the probabilities exceeds u; ratio(k) leads to k."""
    u = inside(_word(place, 1)[0])
    total, k = np.array(chance), np.zeros(u.shape)
    going = valid & (u > total)
    for step in range(1, 200):
        going &= step <= last
        if not going.any():
            break
        chance = np.where(going, chance * ratio(step), chance)
        total = np.where(going, total + chance, total)
        k = np.where(going, step, k)
        going &= u > total
    return np.where(valid, k, np.nan)


def poisson(place: Place, mean: Array) -> Any:
    """A Poisson number."""
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    scale, sure = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)

    def attempt(w: Sequence[Array]) -> tuple[Any, Any]:
        u, v = inside(w[0]) - 0.5, inside(w[1])
        edge = 0.5 - np.abs(u)
        k = np.floor((2 * a / edge + b) * u + mean + 0.43)
        chance = k * np.log(mean) - mean - _log_factorial(k)
        fits = np.log(v * scale / (a / (edge * edge) + b)) <= chance
        out = (k < 0) | ((edge < 0.013) & (v > edge))
        return k, ((edge >= 0.07) & (v <= sure)) | (~out & fits)

    large = _first(place, (mean >= 10) & (mean < TOO_MANY), attempt).real
    small = _inverted(place, (mean >= 0) & (mean < 10), np.exp(-mean), lambda k: mean / k, np.inf)
    return _whole(np.where(mean < 10, small, large))


def _log_binomial(k: Array, n: Array, p: Array) -> Any:
    ways = _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k)
    return ways + k * np.log(p) + (n - k) * np.log1p(-p)


def binomial(place: Place, n: Array, p: Array) -> Any:
    """A binomial number."""
    count = n.astype(float)
    valid = (n >= 0) & (count < TOO_MANY) & (p >= 0) & (p <= 1)
    fixed = (n == 0) | (p == 0) | (p == 1)
    least = np.where(p <= 0.5, p, 1 - p)
    mean, inner = count * least, valid & ~fixed
    spread = np.sqrt(mean * (1 - least))
    b = 1.15 + 2.53 * spread
    a, alpha = -0.0873 + 0.0248 * b + 0.01 * least, (2.83 + 5.1 / b) * spread
    sure, top = 0.92 - 4.2 / b, _log_binomial(np.floor((count + 1) * least), count, least)

    def attempt(w: Sequence[Array]) -> tuple[Any, Any]:
        u, v = inside(w[0]) - 0.5, inside(w[1])
        edge = 0.5 - np.abs(u)
        k = np.floor((2 * a / edge + b) * u + mean + 0.5)
        chance = _log_binomial(k, count, least) - top
        fits = np.log(v * alpha / (a / (edge * edge) + b)) <= chance
        return k, (k >= 0) & (k <= count) & (((edge >= 0.07) & (v <= sure)) | fits)

    large = _first(place, inner & (mean >= 10), attempt).real
    odds = least / (1 - least)
    start = np.exp(count * np.log1p(-least))
    small = _inverted(
        place, inner & (mean < 10), start, lambda k: odds * ((count - k + 1) / k), count
    )
    k = np.where(mean < 10, small, large)
    k = np.where(p <= 0.5, k, count - k)
    k = np.where(fixed, np.where(p == 1, count, 0), k)
    return _whole(np.where(valid, k, np.nan))


def hypergeometric(place: Place, good: Array, bad: Array, n: Array) -> Any:
    """How many good ones are among n, drawn without putting back from good and bad ones."""
    every = good.astype(float) + bad.astype(float)
    valid = (good >= 0) & (bad >= 0) & (n >= 0) & (every < TOO_MANY) & (n <= every)
    marked, m = np.minimum(good, bad).astype(float), np.minimum(n, every - n)
    few, many = np.minimum(m, marked), np.maximum(m, marked)
    inner = valid & (few > 0)
    start = np.ones(every.shape)
    for j in range(20):
        start = np.where(j < few, start * (every - many - j) / (every - j), start)
    small = _inverted(
        place, inner & (few <= 20), start,
        lambda k: (many - k + 1) * (few - k + 1) / (k * (every - many - few + k)), few,
    )  # fmt: skip
    p = marked / every
    centre = m * p + 0.5
    spread = np.sqrt((every - m) * m * p * (1 - p) / (every - 1) + 0.5)
    h = 1.7155277699214135 * spread + 0.8989161620588988
    end = np.minimum(few + 1, np.floor(centre + 16 * spread))

    def chance(k: Array) -> Any:
        parts = (k, marked - k, m - k, every - marked - m + k)
        return -sum(_log_factorial(part) for part in parts)

    top = chance(np.floor((m + 1) * (marked + 1) / (every + 2)))

    def attempt(w: Sequence[Array]) -> tuple[Any, Any]:
        x, y = inside(w[0]), inside(w[1])
        at = centre + h * (y - 0.5) / x
        k = np.floor(at)
        return k, (at >= 0) & (at < end) & (2 * np.log(x) <= chance(k) - top)

    k = np.where(few <= 20, small, _first(place, inner & (few > 20), attempt).real)
    k = np.where(good > bad, m - k, k)
    k = np.where(m < n, good - k, k)
    k = np.where((n == 0) | (good == 0), 0, np.where(bad == 0, n, np.where(n == every, good, k)))
    return _whole(np.where(valid, k, np.nan))
