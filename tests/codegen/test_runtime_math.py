"""The elementary functions of the runtime: errors, special values, and one bit pattern per input.

The long form of the table of errors is `python -m benchmarks.accuracy`.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from benchmarks.accuracy import BINARY, FUNCTIONS, measure, pairs, points, ulps
from cgrad.cache import toolchain
from cgrad.ops.scalar import TABLE
from cgrad.pipeline import Program, generate

mp = mpmath.mp
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
    # the long form found larger errors, unless the document is out of date
    column = 1 if dtype == "float64" else 3
    rows = {result.name: float(documented()[result.name][column]) for result in results}
    assert not [result for result in results if result.largest > rows[result.name] + 0.5]


def documented() -> dict[str, list[str]]:
    """The rows of the table in docs/accuracy.md."""
    path = Path(__file__).parents[2] / "docs" / "accuracy.md"
    rows = [line.strip("| ").split(" | ") for line in path.read_text().splitlines() if "|" in line]
    return {row[0]: row for row in rows}


def test_the_document_has_every_function() -> None:
    assert {*FUNCTIONS, *BINARY} <= documented().keys()


@pytest.mark.parametrize("dtype", DTYPES)
def test_trigonometric_functions_near_multiples_of_half_pi(dtype: str) -> None:
    """What is left of the argument has few of its digits; the first two have the fewest."""
    ends = {"float64": (2.0**32, 1023), "float32": (2.0**48, 127)}
    edge, largest = ends[dtype]
    found = [6381956970095103.0 * 2.0**797, 16367173.0 * 2.0**72, edge]
    with mp.workprec(1200):
        for exponent in range(largest):
            whole = mp.floor(mp.mpf(2) ** exponent * 1.3)
            found.append(float(whole * mp.pi / 2))
    kind = np.dtype(dtype).type
    with np.errstate(over="ignore"):
        x = np.array(found).astype(dtype)
    x = np.concatenate([x, np.nextafter(x, kind(0)), np.nextafter(x, kind(np.inf))])
    x = x[np.isfinite(x)]
    a = ct.tensor("a", dtype=dtype, shape=(None,))
    outputs = cgrad.function([a], [ct.sin(a), ct.cos(a), ct.tan(a)])(x)
    for got, exact in zip(outputs, (mp.sin, mp.cos, mp.tan), strict=True):
        assert ulps(got, exact, x).max() <= 1.0


# -- vector code ----------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("define", ["-UCG_NO_INLINE", "-DCG_NO_INLINE"])
def test_loops_over_all_functions_are_vectorised(dtype: str, define: str, tmp_path: Path) -> None:
    """Those under a condition, too."""
    compiler = toolchain.find_compiler()
    if compiler is None or sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("needs gcc on x86-64")
    source = tmp_path / "kernel.c"
    inputs, outputs = _graph(dtype, 1)
    a, b = inputs
    text = generate(Program(inputs, [*outputs, ct.where(a > b, ct.sin(a - b), b)], "f"))
    source.write_text(text)
    lines = text.splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("static int64_t f("))
    loops = [k + 1 for k, line in enumerate(lines) if k > first and " for (int64_t" in line]
    flags = [
        *toolchain.kernel_flags(toolchain.find_compiler()),
        *toolchain.level_flags(3),
        "-fopt-info-vec",
        define,
    ]
    command = [*compiler.words, *flags, "-c", str(source), "-o", str(tmp_path / "kernel.o")]
    done = subprocess.run(command, capture_output=True, text=True)
    if "gcc" not in subprocess.run([*compiler.words, "-v"], capture_output=True, text=True).stderr:
        pytest.skip("needs gcc")
    for line in loops:
        assert re.search(rf":{line}:.* loop vectorized using 64 byte vectors", done.stderr), line
    assert loops


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
def _graph(dtype: str, ndim: int) -> tuple[list[Any], list[Any]]:
    a, b = (ct.tensor(name, dtype=dtype, shape=(None,) * ndim) for name in "ab")
    return [a, b], [getattr(ct, name)(*([a, b] if name in BINARY else [a])) for name in OWN]


def _function(dtype: str, ndim: int) -> Any:
    return cgrad.function(*_graph(dtype, ndim))


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
    flags = ["-O0", "-DCG_NO_INLINE"]
    if cgrad.cache.toolchain.cpu_level() > 0:
        flags += ["-mno-avx512f", "-mno-avx"]
    for flag in flags:
        monkeypatch.setenv("CGRAD_CFLAGS", flag)
        got = _bits(_function(dtype, 1)(a, b))
        assert [name for name, x, y in zip(OWN, got, want, strict=True) if x != y] == [], flag
