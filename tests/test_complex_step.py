"""Slopes of analytic functions at 1 000 points each, many of them near a singular point.

Compiled reverse derivatives against the imaginary part of f(x + 1e-30 i), in units of the rounding
of the slope itself and of that by which the function amplifies it.
"""

from __future__ import annotations

import numpy as np
import pytest
from fuzz.scalars import FUNCTIONS
from fuzz.tape import DIGITS, Tape, mp

import cgrad
import cgrad.tensor as ct
from cgrad.ops.scalar import TABLE

EPS = 2.0**-52
POINTS = 1000
# name -> singular points or ends of the domain, and the sides on which it is defined
NEAR: dict[str, list[tuple[float, tuple[int, ...]]]] = {
    "sqrt": [(0, (1,))], "reciprocal": [(0, (1, -1))], "log": [(0, (1,)), (1, (1, -1))],
    "log2": [(0, (1,)), (1, (1, -1))], "log10": [(0, (1,))], "log1p": [(-1, (1,)), (0, (1, -1))],
    "tan": [(np.pi / 2, (1, -1)), (0, (1, -1))], "arcsin": [(1, (-1,)), (-1, (1,)), (0, (1,))],
    "arccos": [(1, (-1,)), (-1, (1,)), (0, (1, -1))],
    "arctanh": [(1, (-1,)), (-1, (1,)), (0, (1,))],
    "arccosh": [(1, (1,))], "arctan": [(0, (1, -1))], "arcsinh": [(0, (1, -1))],
    "tanh": [(0, (1, -1)), (20, (1, -1)), (-20, (1, -1))],
    "sigmoid": [(0, (1, -1)), (36, (1, -1)), (-700, (1,))], "expm1": [(0, (1, -1)), (700, (-1,))],
    "exp": [(0, (1, -1)), (-600, (1,)), (700, (-1,))], "exp2": [(1000, (-1,)), (-1000, (1,))],
    "sin": [(0, (1, -1)), (np.pi / 2, (1, -1))], "cos": [(0, (1, -1)), (np.pi, (1, -1))],
    "sinh": [(0, (1, -1)), (700, (-1,))], "cosh": [(0, (1, -1)), (700, (-1,))],
    "sqr": [(0, (1, -1))], "softplus": [(0, (1, -1)), (-700, (1,)), (700, (-1,))],
    "erf": [(0, (1, -1)), (5, (1, -1))], "erfc": [(0, (1, -1)), (5, (1, -1)), (20, (-1,))],
}  # fmt: skip


def points(name: str) -> np.ndarray:
    rng = np.random.default_rng(sum(map(ord, name)))
    near = NEAR[name]
    choice = rng.integers(0, len(near), POINTS)
    at = np.array([p for p, _ in near])[choice]
    side = np.array([rng.choice(near[k][1]) for k in choice])
    found = at + side * 10.0 ** rng.uniform(-14, -0.5, POINTS)
    return np.asarray(np.where(found == at, at + side * 1e-3, found))


@pytest.fixture(scope="module")
def slopes() -> dict[str, np.ndarray]:
    symbols = {name: ct.dvector(name) for name in NEAR}
    outputs = [cgrad.grad(ct.sum(getattr(ct, name)(x)), x) for name, x in symbols.items()]
    f = cgrad.function(list(symbols.values()), outputs)
    return dict(zip(NEAR, f(*map(points, NEAR)), strict=True))


def test_every_analytic_function_is_here() -> None:
    algebra = {"neg", "identity", "one_minus_sqr", "dtanh", "dsigmoid"}
    unary = {name for name in set(FUNCTIONS) & set(TABLE) if TABLE[name].arity == 1}
    assert unary - algebra == set(NEAR)


# NumPy has no complex form of these, or one that is worse than what is measured
ROUGH = ("sigmoid", "softplus", "erf", "erfc", "tan", "exp2")
DOUBLE = [name for name in NEAR if name not in ROUGH]


@pytest.mark.parametrize("name", DOUBLE)
def test_complex_step(name: str, slopes: dict[str, np.ndarray]) -> None:
    x, h = points(name), 1e-30
    with np.errstate(all="ignore"):
        want = np.imag(FUNCTIONS[name].double(x + 1j * h)) / h
    units = np.abs(slopes[name] - want) / (EPS * np.abs(want))
    assert np.max(units) < 8, (x[np.argmax(units)], np.max(units))


@pytest.mark.parametrize("name", NEAR)
def test_fifty_digits(name: str, slopes: dict[str, np.ndarray]) -> None:
    """The same against the oracle, whose bound knows how exp(-x*x) amplifies a rounding."""
    for x, got in list(zip(points(name), slopes[name], strict=True))[:60]:
        tape = Tape()
        with mp.workdps(DIGITS), np.errstate(all="ignore"):
            at = tape.number(float(x), "float64")
            y = tape(name, at, dtype="float64")
            (slope,) = tape.pull({y: tape.number(1, "float64")}, [at])
            error = abs(mp.mpf(float(got)) - tape.values[slope])
        unit = max(tape.bounds[slope], EPS * abs(tape.floats[slope]))
        assert error < 8 * unit, (x, got, tape.floats[slope])
