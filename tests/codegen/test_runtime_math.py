"""The elementary functions of the runtime: errors, special values, and one bit pattern per input.

The long form of the table of errors is `python -m benchmarks.accuracy`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from benchmarks.accuracy import BINARY, FUNCTIONS, measure, pairs, points
from cgrad.ops.scalar import TABLE

DTYPES = ["float64", "float32"]
POINTS = int(os.environ.get("CGRAD_TEST_POINTS", "400"))
OWN = [
    name
    for name in (*FUNCTIONS, *BINARY)
    if "cg_" in str(TABLE[name].c) or TABLE[name].expand is not None
]
# sums of several functions that libm does not have
BOUNDS = {"sigmoid": 3.0, "softplus": 2.5, "erfc": 3.5}


@pytest.mark.parametrize("dtype", DTYPES)
def test_errors(dtype: str) -> None:
    results = measure(OWN, dtype, POINTS)
    wrong = [result for result in results if result.largest > BOUNDS.get(result.name, 2.0)]
    assert not wrong


# -- special values: C11 annex F and NumPy ------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values_are_those_of_numpy(dtype: str) -> None:
    info = np.finfo(dtype)
    edge = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -3.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30,
            float(info.max), -float(info.max), float(info.tiny), float(info.smallest_subnormal),
            -float(info.smallest_subnormal), 2.0**24 + 1, 2.0**52 + 1, 2.0**53,
            -(2.0**53)]  # fmt: skip
    x, y = (g.reshape(-1).astype(dtype) for g in np.meshgrid(edge, edge))
    names = [name for name in OWN if name not in ("sigmoid", "softplus")]
    two = [name for name in names if name in BINARY]
    a, b = (ct.tensor(name, dtype=dtype, shape=(None,)) for name in "ab")
    outputs = [getattr(ct, name)(*([a, b] if name in two else [a])) for name in names]
    found = cgrad.function([a, b], outputs)(x, y)
    for name, got in zip(names, found, strict=True):
        with np.errstate(all="ignore"):
            want = TABLE[name].numpy(*([x, y] if name in two else [x]))
        both_nan = np.isnan(got) & np.isnan(want)
        with np.errstate(all="ignore"):
            close = np.abs(got - want) <= 4 * info.eps * np.abs(want) + info.smallest_subnormal
        same = both_nan | (got == want) | (close & np.isfinite(want))
        same &= both_nan | (np.signbit(got) == np.signbit(want))
        assert same.all(), (name, x[~same], y[~same], got[~same], want[~same])


# -- one bit pattern per input ------------------------------------------------------------------
def _function(dtype: str, ndim: int) -> Any:
    a, b = (ct.tensor(name, dtype=dtype, shape=(None,) * ndim) for name in "ab")
    outputs = [getattr(ct, name)(*([a, b] if name in BINARY else [a])) for name in OWN]
    return cgrad.function([a, b], outputs)


def _arguments(dtype: str, count: int) -> tuple[Any, Any]:
    a, b = pairs("pow", dtype, count)
    rng = np.random.default_rng(0)
    x = points(20.0, dtype, count)
    order = rng.permutation(min(len(a), len(x)))
    return np.concatenate([a, x])[order], np.concatenate([b, x])[order]


def _bits(found: list[Any]) -> list[bytes]:
    return [np.where(np.isnan(y), y.dtype.type(np.nan), y).tobytes() for y in found]


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_position_and_length(dtype: str) -> None:
    f = _function(dtype, 1)
    a, b = (x[:128].copy() for x in _arguments(dtype, 300))
    whole = np.array(f(a, b))
    for first in range(64):
        for length in range(1, 66):
            here = slice(first, first + length)
            assert _bits(f(a[here], b[here])) == _bits(list(whole[:, here])), (first, length)
    scalar = _function(dtype, 0)
    for k in range(128):
        assert _bits(scalar(a[k], b[k])) == _bits(list(whole[:, k])), (a[k], b[k])


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_instructions(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vector code against scalar code, with and without fused multiplication and addition."""
    a, b = _arguments(dtype, 100 * POINTS)
    want = _bits(_function(dtype, 1)(a, b))
    flags = ["-O0"]
    if cgrad.cache.toolchain.cpu_level() > 0:
        flags += ["-mno-avx512f", "-mno-avx"]
    for flag in flags:
        monkeypatch.setenv("CGRAD_CFLAGS", flag)
        got = _bits(_function(dtype, 1)(a, b))
        assert [name for name, x, y in zip(OWN, got, want, strict=True) if x != y] == [], flag
