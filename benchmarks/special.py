"""Special functions: their exact values in mpmath numbers, and the arguments they are measured at.

Responsible for: these.  Not responsible for: the measurement (`benchmarks.accuracy`), bounds (the
tests).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath  # type: ignore[import-untyped]
import numpy as np

mp = mpmath.mp
Array = np.ndarray[Any, np.dtype[Any]]
Arguments = Callable[[str, int], tuple[Array, ...]]


class Special(NamedTuple):
    """exact of mpmath numbers; `arguments(dtype, count)` to measure at."""

    exact: Callable[..., Any]
    arguments: Arguments


def between(low: float, high: float, single: tuple[float, float] | None = None) -> Arguments:
    """Arguments from `low` to `high` (from `single` in float32): evenly, by magnitude, at ends."""

    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        first, last = (low, high) if dtype == "float64" or single is None else single
        return (reals(first, last, dtype, count, 0),)

    return arguments


def reals(low: float, high: float, dtype: str, count: int, seed: int) -> Array:
    """Numbers of [low, high]: evenly, by magnitude, by the distance from both ends."""
    rng, n = np.random.default_rng(seed), max(count // 4, 2)
    info = np.finfo(dtype)
    least = float(np.log(info.tiny))
    top = max(abs(low), abs(high))
    sign = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    some: list[Any] = [
        rng.uniform(low, high, 2 * n),
        sign * np.exp(rng.uniform(least, np.log(top), n)),
        low + (high - low) * np.exp(rng.uniform(-36, 0, n // 2)),
        high - (high - low) * np.exp(rng.uniform(-36, 0, n // 2)),
        [low, high, 0.0, 0.5, 1.0, float(info.tiny), float(info.smallest_subnormal)],
    ]
    found = np.concatenate(some).astype(dtype)
    return np.asarray(found[(found >= low) & (found <= high)])


# -- error functions --------------------------------------------------------------------------
def _erfcx(x: Any) -> Any:
    if x > 1e6:
        return (1 - 1 / (2 * x * x)) / (x * mp.sqrt(mp.pi))
    return mp.exp(x * x) * mp.erfc(x) if x > -1e4 else mp.inf


def _log_erfc(x: Any) -> Any:
    if abs(x) < 1:
        return mp.log1p(-mp.erf(x))
    return mp.log(_erfcx(x)) - x * x if x > -100 else mp.log(2)


def _newton(f: Callable[[Any], Any], slope: Callable[[Any], Any], start: Any) -> Any:
    y = start
    for _ in range(60):
        step = f(y) / slope(y)
        y -= step
        if abs(step) <= abs(y) * mp.mpf(2) ** (-mp.prec // 2 - 4):
            return y - f(y) / slope(y)
    raise ArithmeticError("no convergence")


def _log_erfc_root(goal: Any) -> Any:
    """y with log(erfc(y)) = goal; the logarithm is concave, so Newton's method converges."""
    start = mp.sqrt(-goal) if goal < 0 else mp.mpf(0)
    return _newton(lambda y: _log_erfc(y) - goal, lambda y: -2 / mp.sqrt(mp.pi) / _erfcx(y), start)


def _erfinv(x: Any) -> Any:
    if abs(x) >= 1:
        return mp.inf * x if abs(x) == 1 else mp.nan
    if abs(x) < 0.5:
        return _newton(
            lambda y: mp.erf(y) - x, lambda y: 2 / mp.sqrt(mp.pi) * mp.exp(-y * y), x
        ) if x else x  # fmt: skip
    return mp.sign(x) * _log_erfc_root(mp.log(1 - abs(x)))


def _erfcinv(x: Any) -> Any:
    if not 0 < x < 2:
        return {0: mp.inf, 2: -mp.inf}.get(x, mp.nan)
    return _erfinv(1 - x) if 0.5 < x < 1.5 else mp.sign(1 - x) * _log_erfc_root(
        mp.log(min(x, 2 - x))
    )  # fmt: skip


def _ndtri_exp(x: Any) -> Any:
    if x >= 0:
        return mp.inf if x == 0 else mp.nan
    if x > -0.4:
        return mp.sqrt(2) * _erfcinv(-2 * mp.expm1(x))
    if x > -1:
        return mp.sqrt(2) * _erfinv(2 * mp.exp(x) - 1)
    return -mp.sqrt(2) * _log_erfc_root(x + mp.log(2))


def _log_ndtr(x: Any) -> Any:
    if x < 0:
        return _log_erfc(-x / mp.sqrt(2)) - mp.log(2)
    return mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2) if x < 1e4 else mp.zero


def _log1mexp(x: Any) -> Any:
    if x >= 0:
        return -mp.inf if x == 0 else mp.nan
    if x > -1:
        return mp.log(-mp.expm1(x))
    return mp.log1p(-mp.exp(x)) if x > -1e5 else -mp.exp(x)


def _logit(x: Any) -> Any:
    if not 0 < x < 1:
        return {0: -mp.inf, 1: mp.inf}.get(x, mp.nan)
    return mp.log(x) - mp.log1p(-x)


# -- functions of several arguments -----------------------------------------------------------
def boxed(*sides: tuple[float, float]) -> Arguments:
    """Arguments in a box, each evenly and by magnitude; half of the first ones whole numbers."""

    def arguments(dtype: str, count: int) -> tuple[Array, ...]:
        columns = [reals(*side, dtype, count, k) for k, side in enumerate(sides)]
        n = min(map(len, columns))
        orders = np.random.default_rng(9)
        columns = [orders.permutation(column)[:n] for column in columns]
        columns[0][::2] = np.rint(columns[0][::2])
        return tuple(columns)

    return arguments


def _owens_t(h: Any, a: Any) -> Any:
    if a == 0 or abs(h) > 60:
        return mp.zero
    end = min(abs(a), 14 / abs(h)) if h else abs(a)
    pieces = [mp.mpf(k) / 8 for k in range(9)]
    if end > 2:
        pieces = [mp.zero, *((1 / end) ** (mp.mpf(8 - k) / 8) for k in range(9))]
    whole = end * mp.quad(
        lambda t: mp.exp(-((h * end * t) ** 2) / 2) / (1 + (end * t) ** 2), pieces
    )
    return mp.sign(a) * mp.exp(-h * h / 2) * whole / (2 * mp.pi)


SPECIAL: dict[str, Special] = {
    "erfcx": Special(_erfcx, between(-27, 300, (-9.4, 300))),
    "erfinv": Special(_erfinv, between(-1, 1)),
    "erfcinv": Special(_erfcinv, between(0, 2)),
    "log_ndtr": Special(_log_ndtr, between(-1e3, 38, (-1e3, 14))),
    "log_erfc": Special(_log_erfc, between(-7, 1e3)),
    "ndtri_exp": Special(_ndtri_exp, between(-1e3, 0)),
    "log1mexp": Special(_log1mexp, between(-800, 0)),
    "logit": Special(_logit, between(0, 1)),
    "iv": Special(mp.besseli, boxed((0, 20), (0, 60))),
    "ive": Special(lambda v, x: mp.besseli(v, x) * mp.exp(-x), boxed((0, 20), (0, 300))),
    "kv": Special(mp.besselk, boxed((-20, 20), (1e-3, 60))),
    "kve": Special(lambda v, x: mp.besselk(v, x) * mp.exp(x), boxed((-20, 20), (1e-3, 300))),
    "owens_t": Special(_owens_t, boxed((-12, 12), (-5, 5))),
    "hyp2f1": Special(mp.hyp2f1, boxed((0, 3), (0, 3), (0.5, 4), (-20, 0.99))),
}
