"""Special values of every function in every dtype: what NumPy gives, to the sign of a zero.

Where NumPy's answer is not taken, the case is in `DIFFERENT` with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_every_op import BINARY, BITS, FLAT_BINARY, FLAT_UNARY, SMOOTH_UNARY

import cgrad
import cgrad.tensor as ct
from cgrad.core.dtypes import INTEGERS

EDGES = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 0.5, -2.5, np.inf, -np.inf, np.nan]
FLOATS = {
    "float64": [*EDGES, 5e-324, 1.7e308, -1.7e308, 1e-310, 2.0**53 + 2],
    "float32": [*EDGES, 1e-45, 3.4e38, -3.4e38, 1e-40, 2.0**24 + 2],
}
DIFFERENT = {
    "maximum": "of two zeros that compare equal either may come first",
    "minimum": "of two zeros that compare equal either may come first",
    "pow": "an integer to a negative power is rounded towards 0; NumPy refuses it",
    "second": "has no function of NumPy",
}
# NumPy has these for floats only, or computes them in half precision for short integers
FLOATING = {"true_div", "arctan2", "hypot", "logaddexp"}


def edges(dtype: str) -> np.ndarray:
    if dtype in FLOATS:
        return np.array(FLOATS[dtype], dtype)
    if dtype == "bool":
        return np.array([False, True])
    info = np.iinfo(dtype)
    values = [info.min, info.min + 1, 0, 1, 2, 3, 7, info.max - 1, info.max]
    return np.array(values + ([-1, -2, -7] if info.min else []), dtype)


def same(got: np.ndarray, want: np.ndarray, ulp: float, signs: bool = True) -> np.ndarray:
    """Where two arrays agree: integers exactly, floats to some ULP, zeros with their sign."""
    if want.dtype.kind != "f":
        return got == want
    with np.errstate(all="ignore"):
        near = np.abs(got - want) <= ulp * np.abs(np.spacing(want))
    agree = (got == want) | (np.isnan(got) & np.isnan(want)) | near
    if signs:
        agree &= (want != 0) | (got != 0) | (np.signbit(got) == np.signbit(want))
    return agree


def binaries(dtype: str) -> dict[str, Any]:
    table = {name: f for name, (f, _) in {**BINARY, **FLAT_BINARY}.items()}
    if dtype not in FLOATS:
        table |= BITS
        for name in (*FLOATING, "pow"):
            del table[name]
    if dtype == "bool":
        for name in ("sub", "floor_div", "mod"):
            del table[name]
    del table["second"]
    return table


@pytest.mark.parametrize("dtypes", [("float64", "float32"), INTEGERS[:4], (*INTEGERS[4:], "bool")])
def test_functions_of_two(dtypes: tuple[str, ...]) -> None:
    inputs, outputs, arrays, wanted = [], [], [], []
    for dtype in dtypes:
        pair = [ct.tensor(f"{name}_{dtype}", dtype=dtype, shape=(None,)) for name in "ab"]
        values = edges(dtype)
        a, b = np.repeat(values, len(values)), np.tile(values, len(values))
        inputs += pair
        arrays += [a, b]
        for name, reference in binaries(dtype).items():
            outputs.append(getattr(ct, name)(*pair))
            with np.errstate(all="ignore"):
                wanted.append((name, dtype, a, b, np.asarray(reference(a, b))))
    found = cgrad.function(inputs, outputs)(*arrays)
    wrong = []
    for (name, dtype, a, b, want), got in zip(wanted, found, strict=True):
        assert got.dtype == want.dtype, (name, dtype)
        signs = name not in ("maximum", "minimum")
        bad = np.flatnonzero(~same(got, want, 4, signs))
        wrong += [(name, dtype, a[k], b[k], got[k], want[k]) for k in bad]
    assert not wrong, wrong[:20]


@pytest.mark.parametrize("dtypes", [("float64", "float32"), (*INTEGERS, "bool")])
def test_functions_of_one(dtypes: tuple[str, ...]) -> None:
    exact = ["neg", "sqr", "abs", "sign", "floor", "ceil", "trunc", "round", "identity",
             "logical_not"]  # fmt: skip
    # those of the standard library do not take what NumPy's do
    floats = [n for n in (*SMOOTH_UNARY, *FLAT_UNARY)
              if n not in ("sigmoid", "softplus", "erf", "erfc")]  # fmt: skip
    table = {name: f for name, (f, _) in {**SMOOTH_UNARY, **FLAT_UNARY}.items()}
    inputs, outputs, arrays, wanted = [], [], [], []
    for dtype in dtypes:
        x = ct.tensor(f"x_{dtype}", dtype=dtype, shape=(None,))
        values = edges(dtype)
        inputs.append(x)
        arrays.append(values)
        names = floats if dtype in FLOATS else exact
        for name in ["logical_not", "abs", "identity"] if dtype == "bool" else names:
            outputs.append(getattr(ct, name)(x))
            with np.errstate(all="ignore"):
                wanted.append((name, dtype, values, np.asarray(table[name](values))))
    found = cgrad.function(inputs, outputs)(*arrays)
    wrong = []
    for (name, dtype, values, want), got in zip(wanted, found, strict=True):
        assert got.dtype == want.dtype, (name, dtype)
        bad = np.flatnonzero(~same(got, want, 4))
        wrong += [(name, dtype, values[k], got[k], want[k]) for k in bad]
    assert not wrong, wrong[:20]


LOW = np.iinfo(np.int64).min
# the cases in which array libraries disagree: (function of ct or np, arguments)
CASES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "least // -1": (lambda m, x: x // -1, [np.array([LOW, 7])]),
    "least % -1": (lambda m, x: x % -1, [np.array([LOW, 7])]),
    "abs of the least": (lambda m, x: abs(x), [np.array([-128, 5], np.int8)]),
    "int8 overflows": (lambda m, x: x + x, [np.array([100, -100], np.int8)]),
    "int64 overflows": (lambda m, x: x * x, [np.array([2**62, LOW])]),
    "7 // 0": (lambda m, x: 7 // x, [np.array([0, 2])]),
    "7 % 0": (lambda m, x: 7 % x, [np.array([0, 2])]),
    "-0.0 % 3": (lambda m, x: x % 3, [np.array([-0.0, -1.0])]),
    "floats // 0": (lambda m, x: x // 0.0, [np.array([1.0, -1.0, 0.0, np.nan])]),
    "max of nan": (lambda m, x: x.max(), [np.array([1, np.nan, 3])]),
    "max of infinities": (lambda m, x: x.max(), [np.array([-np.inf, -np.inf])]),
    "empty sum": (lambda m, x: x.sum(), [np.zeros(0)]),
    "empty product": (lambda m, x: m.prod(x), [np.zeros((0, 2))]),
    "sum over an empty axis": (lambda m, x: x.sum(axis=0), [np.zeros((0, 3))]),
    "sign": (lambda m, x: m.sign(x), [np.array([np.nan, -0.0, -np.inf])]),
    "exp of small": (lambda m, x: m.exp(x), [np.array([-745.0, -708.4, -746.0])]),
    "exp of large": (lambda m, x: m.exp(x), [np.array([709.78, 709.79, np.inf])]),
    "denormals": (lambda m, x: m.maximum(x, 0), [np.array([5e-324, -5e-324, 1e-310])]),
    "denormal product": (lambda m, x: x * 0.5, [np.array([5e-324, 1e-323, 1e-310])]),
    "int8 / int8": (lambda m, x: x / x, [np.array([2, -3], np.int8)]),
    "uint8 - uint8": (lambda m, x: x - 3, [np.array([2, 200], np.uint8)]),
    "bool + bool": (lambda m, x: x + x, [np.array([True, False])]),
    "bool sum": (lambda m, x: x.sum(), [np.array([True] * 300)]),
    "uint64 + int64": (lambda m, x, y: x + y, [np.array([2**63], np.uint64), np.array([-1])]),
    "0 ** 0": (lambda m, x: x**x, [np.array([0.0, -0.0, np.inf, np.nan])]),
    "1 ** nan": (lambda m, x, y: x**y, [np.array([1.0, -1.0]), np.array([np.nan, np.inf])]),
    "-8 ** 1/3": (lambda m, x: x ** (1 / 3), [np.array([-8.0, 8.0])]),
    "logaddexp": (lambda m, x: m.logaddexp(x, x), [np.array([-np.inf, np.inf, 800.0])]),
    "arctan2": (lambda m, x, y: m.arctan2(x, y),
                [np.array([0.0, -0.0, 0.0, -0.0]), np.array([0.0, 0.0, -0.0, -0.0])]),
    "round halves": (lambda m, x: m.round(x), [np.array([0.5, 1.5, -0.5, 2.5])]),
    "nan == nan": (lambda m, x: m.equal(x, x) if m is np else ct.eq(x, x), [np.array([np.nan])]),
    "sort nan": (lambda m, x: m.sort(x), [np.array([np.nan, 1.0, -np.inf, -0.0])]),
    "argmax nan": (lambda m, x: m.argmax(x), [np.array([1.0, np.nan, 3.0, np.nan])]),
    "float32 sum": (lambda m, x: x.sum(), [np.full(2**20, 0.1, np.float32)]),
}  # fmt: skip


def test_the_cases_in_which_libraries_disagree() -> None:
    inputs, outputs, arrays, wanted = [], [], [], []
    for name, (f, args) in CASES.items():
        symbols = [ct.tensor(dtype=a.dtype, shape=(None,) * a.ndim) for a in args]
        inputs += symbols
        arrays += args
        outputs.append(f(ct, *symbols))
        with np.errstate(all="ignore"):
            wanted.append((name, np.asarray(f(np, *args))))
    found = cgrad.function(inputs, outputs)(*arrays)
    for (name, want), got in zip(wanted, found, strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape), name
        assert np.all(same(got, want, 2)), (name, got, want)


def test_what_has_no_answer_is_an_error() -> None:
    x, i = ct.dvector("x"), ct.lscalar("i")
    with pytest.raises(ValueError):
        cgrad.function([x], x.max())(np.zeros(0))
    f = cgrad.function([x, i], x[i])
    for index in (3, -4, 2**62, LOW):
        with pytest.raises(IndexError):
            f(np.zeros(3), index)
