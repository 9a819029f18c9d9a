"""Gamma and beta functions: their exact values in mpmath numbers, where they are measured.

Shapes are spread by magnitude, the other argument around the mean, where results are neither 0 nor
1; gammaln and digamma are measured for positive arguments only: below 0 they have zeros between all
whole numbers, around which an error counts against the size of the terms.

Responsible for: these.  Not responsible for: the measurement (`benchmarks.accuracy`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np

from benchmarks.special import Arguments, Array, Special, between

mp = mpmath.mp


def _lower(a: Any, x: Any) -> Any:
    return mp.gammainc(a, 0, x, regularized=True)


def _upper(a: Any, x: Any) -> Any:
    return mp.gammainc(a, x, regularized=True)


def _betainc(a: Any, b: Any, x: Any) -> Any:
    return mp.betainc(a, b, 0, x, regularized=True)


def _inverse(f: Callable[..., Any], x_of: Callable[[Any], Any]) -> Callable[..., Any]:
    """The x with f(*shapes, x) = p, x a rising function of a number u: halving, then secants."""

    def exact(*args: Any) -> Any:
        *shapes, p = args
        low, high = mp.mpf(-800), mp.mpf(800)
        with mp.workprec(60):
            while high - low > 1e-3:
                middle = (low + high) / 2
                below = f(*shapes, x_of(middle)) < p
                low, high = (middle, high) if below else (low, middle)
        return x_of(mp.findroot(lambda u: mp.log(f(*shapes, x_of(u)) / p), (low, high)))

    return exact


def _exp(u: Any) -> Any:
    return mp.exp(min(u, mp.mpf(10)))


def _logistic(u: Any) -> Any:
    return 1 / (1 + mp.exp(-u))


def _shapes(rng: Any, count: int, top: float) -> Array:
    return np.asarray(np.exp(rng.uniform(np.log(1e-2), np.log(top), count)))


def _around(top: float, part: int) -> Arguments:
    """A shape up to `top` and an x by the mean, some deviations from it; count / part points."""

    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        rng = np.random.default_rng(1)
        a = _shapes(rng, count // part, top)
        x = a * np.exp(2.5 * rng.normal(size=len(a)) / np.sqrt(a + 0.5))
        return a.astype(dtype), x.astype(dtype)

    return arguments


def _between_shapes(top: float, part: int) -> Arguments:
    """Two shapes up to `top` and an x by the mean."""

    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        rng = np.random.default_rng(2)
        a, b = (_shapes(rng, count // part, top) for _ in range(2))
        odds = (
            a / b * np.exp(1.5 * rng.normal(size=len(a)) * np.sqrt(1 / (a + 0.5) + 1 / (b + 0.5)))
        )
        x = np.minimum((odds / (1 + odds)).astype(dtype), np.nextafter(np.ones(1, dtype), 0))
        return a.astype(dtype), b.astype(dtype), x.astype(dtype)

    return arguments


def _levels(shapes: int, top: float, part: int) -> Arguments:
    """Shapes from 1/2 up to `top` and a p from 0.001 to 0.999."""

    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        rng = np.random.default_rng(3)
        n = count // part
        found = [np.exp(rng.uniform(np.log(0.5), np.log(top), n)) for _ in range(shapes)]
        return *(a.astype(dtype) for a in found), rng.uniform(0.001, 0.999, n).astype(dtype)

    return arguments


def _order_and(low: float, high: float) -> Arguments:
    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        rng = np.random.default_rng(4)
        x = np.exp(rng.uniform(np.log(low), np.log(high), count // 5))
        return rng.integers(1, 6, len(x)).astype(dtype), x.astype(dtype)

    return arguments


def _pair(top: float) -> Arguments:
    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        rng = np.random.default_rng(5)
        return tuple(_shapes(rng, count // 2, top).astype(dtype) for _ in range(2))

    return arguments


GAMMAS: dict[str, Special] = {
    "gamma": Special(mp.gamma, between(-169.5, 171.6, (-32.5, 35))),
    "gammaln": Special(mp.loggamma, between(1e-30, 200)),
    "digamma": Special(lambda x: mp.psi(0, x), between(1e-30, 200)),
    "polygamma": Special(lambda n, x: mp.psi(int(n), x), _order_and(1e-3, 1e3)),
    "beta": Special(mp.beta, _pair(50.0)),
    "betaln": Special(
        lambda a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b), _pair(1e6)
    ),
    "gammainc": Special(_lower, _around(1e4, 10)),
    "gammaincc": Special(_upper, _around(1e4, 10)),
    "gammaincinv": Special(_inverse(_lower, _exp), _levels(1, 1e3, 50)),
    "betainc": Special(_betainc, _between_shapes(1e3, 10)),
    "betaincinv": Special(_inverse(_betainc, _logistic), _levels(2, 100.0, 50)),
}
