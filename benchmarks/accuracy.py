"""`python -m benchmarks.accuracy [names] [--points 20000] [--math exact]`: errors in ULP.

For every elementary and special function of the table, in float64 and float32: the largest error of
the compiled function over points of its whole domain, against mpmath, and where it is.  An ULP is
the distance of the floating-point numbers around the exact value.

Responsible for: the exact values, the points, the table.  Not responsible for: bounds (the tests).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath  # type: ignore[import-untyped]
import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.gammas import GAMMAS
from benchmarks.special import SPECIAL
from cgrad.ops.elementwise import apply

mp = mpmath.mp
Array = np.ndarray[Any, np.dtype[Any]]


class Function(NamedTuple):
    """exact of one mpmath number; `ends`: where float64 and float32 results stop changing."""

    exact: Callable[[Any], Any]
    ends: tuple[float, float]


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: Any) -> Any:
    return max(x, mp.zero) + (mp.log1p(mp.exp(-abs(x))) if abs(x) < 1e4 else mp.zero)


def _erf(x: Any) -> Any:
    return mp.erf(x) if abs(x) < 30 else mp.sign(x)


FUNCTIONS = {
    "exp": Function(mp.exp, (750, 105)),
    "exp2": Function(lambda x: mp.mpf(2) ** x, (1100, 155)),
    "expm1": Function(mp.expm1, (715, 90)),
    "log": Function(mp.log, (3, 3)),
    "log2": Function(lambda x: mp.log(x, 2), (3, 3)),
    "log10": Function(mp.log10, (3, 3)),
    "log1p": Function(mp.log1p, (1, 1)),
    "sin": Function(mp.sin, (30, 30)),
    "cos": Function(mp.cos, (30, 30)),
    "tan": Function(mp.tan, (30, 30)),
    "arcsin": Function(mp.asin, (1, 1)),
    "arccos": Function(mp.acos, (1, 1)),
    "arctan": Function(mp.atan, (5, 5)),
    "sinh": Function(mp.sinh, (712, 90)),
    "cosh": Function(mp.cosh, (712, 90)),
    "tanh": Function(mp.tanh, (22, 10)),
    "arcsinh": Function(mp.asinh, (5, 5)),
    "arccosh": Function(mp.acosh, (5, 5)),
    "arctanh": Function(mp.atanh, (1, 1)),
    "sigmoid": Function(_sigmoid, (750, 105)),
    "softplus": Function(_softplus, (750, 105)),
    "erf": Function(_erf, (6, 4)),
    "erfc": Function(lambda x: mp.erfc(x) if abs(x) < 30 else 1 - mp.sign(x), (28, 11)),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "pow": lambda a, b: a**b,
    "arctan2": mp.atan2,
    "hypot": mp.hypot,
}


def points(end: float, dtype: str, count: int, seed: int = 0) -> Array:
    """`count` points: any bits, up to `end` evenly and by magnitude, around 1, special ones."""
    kind = np.dtype(dtype).type
    integer = np.int64 if dtype == "float64" else np.int32
    info, rng, n = np.finfo(kind), np.random.default_rng(seed), max(count // 5, 1)
    sign = rng.choice([-1.0, 1.0], n)
    near = rng.choice([1.0, end, 0.5, 2.0, np.log(2) / 2, 1 / np.sqrt(2)], n)
    some = [
        rng.integers(np.iinfo(integer).min, np.iinfo(integer).max, n, integer).view(kind),
        rng.uniform(-end, end, 2 * n),
        sign * end * np.exp(rng.uniform(-np.log(end) - 12, 0, n)),
        sign * near * (1 + np.exp(rng.uniform(-35, -1, n)) * rng.choice([-1.0, 1.0], n)),
    ]
    special = [0.0, -0.0, 1.0, -1.0, info.max, -info.max, info.tiny, info.smallest_subnormal]
    with np.errstate(all="ignore"):
        found = np.concatenate([*some, special, 2.0 ** np.arange(-20, 20)]).astype(kind)
    return np.asarray(found[np.isfinite(found)])


def pairs(name: str, dtype: str, count: int) -> tuple[Array, Array]:
    """Points of two arguments; those of `pow` give results over the whole range."""
    a, b = (np.abs(points(3.0, dtype, count, seed)) for seed in (1, 2))
    a, b = a[: len(b)], b[: len(a)]
    rng = np.random.default_rng(3)
    with np.errstate(all="ignore"):
        if name == "pow":
            goal = rng.uniform(-104, 89, len(a)) * (7.2 if dtype == "float64" else 1)
            b = np.where(a == 1, b, goal / np.log(a.astype(float)))
        else:
            close = rng.random(len(a)) < 0.7
            b = np.where(close, a * np.exp(rng.uniform(-4, 4, len(a))), b)
            a, b = (v * rng.choice([-1.0, 1.0], len(a)) for v in (a, b))
        a, b = a.astype(dtype), b.astype(dtype)
    good = np.isfinite(a) & np.isfinite(b)
    if name == "arctan2":
        good &= a != 0  # mpmath's zero has no sign
    return a[good], b[good]


def ulps(got: Array, exact: Callable[..., Any], *args: Array) -> Array:
    """The errors; infinite where overflow or nan is not what it should be."""
    info = np.finfo(got.dtype)
    least, digits = int(info.minexp), int(info.nmant)
    errors = np.empty(len(got))
    with mp.workprec(160):
        largest = mp.mpf(float(info.max)) * (1 + mp.mpf(2) ** (-digits - 2))
        for k, (y, *xs) in enumerate(zip(got, *args, strict=True)):
            errors[k] = _ulp(float(y), _exactly(exact, xs), least, digits, largest)
    return errors


def _exactly(exact: Callable[..., Any], xs: Sequence[Any]) -> Any:
    """The exact value, nan outside the domain, infinite at a pole."""
    try:
        value = exact(*(mp.mpf(float(x)) for x in xs))
    except (ZeroDivisionError, ValueError):
        return mp.inf
    return value if isinstance(value, mpmath.mpf) else mp.nan


def _ulp(y: float, value: Any, least: int, digits: int, largest: Any) -> float:
    if mp.isnan(value):
        return 0.0 if y != y else np.inf
    if abs(value) >= largest:
        return 0.0 if abs(y) == np.inf and (mp.isinf(value) or (y > 0) == (value > 0)) else np.inf
    if y != y or abs(y) == np.inf:
        return np.inf
    if value == 0:
        return 0.0 if y == 0 else np.inf
    exponent = max(int(mp.floor(mp.log(abs(value), 2))), least)
    return float(abs(mp.mpf(y) - value) / mp.mpf(2) ** (exponent - digits))


class Result(NamedTuple):
    """The largest error of one function in one dtype, in ULP, and the arguments it is at."""

    name: str
    dtype: str
    largest: float
    where: tuple[float, ...]


def measure(names: Sequence[str], dtype: str, count: int, math: str | None = None) -> list[Result]:
    """The errors of functions at about `count` points each; they are compiled as one."""
    exact: dict[str, Callable[..., Any]] = {**BINARY}
    args: dict[str, tuple[Array, ...]] = {}
    for name in names:
        if name in BINARY:
            args[name] = pairs(name, dtype, count)
        elif name in SPECIAL or name in GAMMAS:
            exact[name], arguments = {**SPECIAL, **GAMMAS}[name]
            args[name] = arguments(dtype, count)
        else:
            exact[name], ends = FUNCTIONS[name]
            args[name] = (points(ends[dtype == "float32"], dtype, count),)
    symbols = {k: [ct.tensor(dtype=dtype, shape=(None,)) for _ in args[k]] for k in names}
    inputs = [x for name in names for x in symbols[name]]
    outputs = [apply(name, *symbols[name]) for name in names]
    f = cgrad.function(inputs, outputs, math=math)
    found = f(*(x for name in names for x in args[name]))
    results = []
    for name, got in zip(names, found, strict=True):
        errors = ulps(got, exact[name], *args[name])
        worst = int(np.argmax(errors))
        where = tuple(float(x[worst]) for x in args[name])
        results.append(Result(name, dtype, float(errors[worst]), where))
    return results


def main() -> None:
    names = [*FUNCTIONS, *BINARY, *SPECIAL, *GAMMAS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--points", type=int, default=20_000, help="for each function and dtype")
    parser.add_argument("--math", choices=["exact"], help="measure libm's functions instead")
    given = parser.parse_args()
    print("| function | float64: largest error | at | float32: largest error | at |")
    print("|---|---|---|---|---|")
    for name in given.names or names:
        row = [name]
        for dtype in ("float64", "float32"):
            (result,) = measure([name], dtype, given.points, given.math)
            row += [f"{result.largest:.2f}", ", ".join(f"{x:.6g}" for x in result.where)]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
