"""Sums in a fixed order: the same bits whatever the CPU, more accurate than one running sum."""

from __future__ import annotations

import ctypes
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from structure import c_of, every_loop, kernel_of, statements

import cgrad
import cgrad.tensor as ct
from cgrad.cache import toolchain
from cgrad.cache.toolchain import cpu_level, find_compiler, kernel_flags, level_flags
from cgrad.codegen import prelude
from cgrad.codegen.totals import FEW, STRIP
from cgrad.core.loops import Accumulate, If, Local, Set

Array = npt.NDArray[np.float64]
RUNTIME = Path(prelude.__file__).parent / "runtime"
LENGTHS = [*range(71), 127, 128, 255, 256, 257, 300, 511, 512, 513, 1000]

SOURCE = """
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "cg_abi.h"
#include "cg_math.h"
#include "cg_sum.h"
double sum(int64_t n, const double *x) { return cg_sum(n, x); }
double dot(int64_t n, const double *x, const double *y) { return cg_dot(n, x, y); }
void rows(int64_t count, int64_t n, int64_t apart, const double *x, const double *y, double *out)
{ cg_dot_rows(count, n, apart, x, y, out); }
double most(int64_t n, const double *x) { return cg_max_of(n, x); }
double least(int64_t n, const double *x) { return cg_min_of(n, x); }
"""


def in_order(x: Array) -> float:
    """The order of `runtime/cg_sum.h`, element by element."""
    total = 0.0
    for start in range(0, len(x), 256):
        total += block_in_order([float(v) for v in x[start : start + 256]])
    return total


def row_in_order(terms: Array) -> float:
    """The order of the products of a row, by `cg_dot_rows`."""
    total = 0.0
    for start in range(0, len(terms), 256):
        total += block_in_order([float(v) for v in terms[start : start + 256]], (8,))
    return total


def block_in_order(x: list[float], widths: tuple[int, ...] = (32, 8)) -> float:
    n, lane, i = len(x), [0.0] * 32, 0
    for width in widths:
        while i + width <= n:
            for k in range(width):
                lane[k] += x[i + k]
            i += width
        if width == 32:
            lane = [(lane[k] + lane[k + 8]) + (lane[k + 16] + lane[k + 24]) for k in range(8)]
    for width in (4, 2, 1):
        lane = [lane[k] + lane[k + width] for k in range(width)]
        if n & width:
            lane = [lane[k] + x[i + k] for k in range(width)]
            i += width
    return lane[0]


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> list[ctypes.CDLL]:
    """The runtime's sums compiled for every level that this CPU has."""
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("levels")
    source = folder / "sums.c"
    source.write_text(SOURCE)
    found = []
    for level in range(cpu_level() + 1):
        path = folder / f"sums{level}.so"
        flags = [
            *kernel_flags(find_compiler()),
            *level_flags(level),
            "-fvisibility=default",
            "-shared",
        ]
        command = [*compiler.words, *flags, "-w", f"-I{RUNTIME}", str(source), "-o", str(path)]
        subprocess.run([*command, "-lm"], check=True)
        found.append(ctypes.CDLL(str(path)))
    return found


def call(library: ctypes.CDLL, name: str, *arrays: Array) -> float:
    function: Callable[..., float] = getattr(library, name)
    function.restype = ctypes.c_double  # type: ignore[attr-defined]
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in arrays]
    return function(ctypes.c_int64(len(arrays[0])), *pointers)


def test_the_order_is_the_same_on_every_level(levels: list[ctypes.CDLL]) -> None:
    rng = np.random.default_rng(0)
    for n in LENGTHS:
        for offset in (0, 1, 3, 6):
            x, y = rng.normal(size=(2, n + offset))[:, offset:]
            want = in_order(x), in_order(x * y)
            for library in levels:
                assert (call(library, "sum", x), call(library, "dot", x, y)) == want, (n, offset)


def test_products_of_rows_are_the_same_on_every_level_and_in_any_company(
    levels: list[ctypes.CDLL],
) -> None:
    rng = np.random.default_rng(0)
    pointer = [ctypes.c_void_p] * 3
    for n in LENGTHS:
        for count, apart, offset in [(0, n, 0), (1, n, 1), (4, n + 3, 0), (7, 1, 5), (11, n, 3)]:
            x = rng.normal(size=max(count - 1, 0) * apart + n + offset)[offset:]
            y = rng.normal(size=n + offset)[offset:]
            want = [row_in_order(x[r * apart :][:n] * y) for r in range(count)]
            for library in levels:
                out = np.full(count + 1, math.inf)
                library.rows.argtypes = [ctypes.c_int64] * 3 + pointer
                library.rows(count, n, apart, *(a.ctypes.data for a in (x, y, out)))
                assert [*out] == [*want, math.inf], (n, count)


def test_extremes_are_the_same_on_every_level(levels: list[ctypes.CDLL]) -> None:
    rng = np.random.default_rng(0)
    for n in LENGTHS:
        # ties of zeros of both signs everywhere: which one is found depends on the order
        x = rng.integers(-1, 1, n).astype(float) * rng.choice([-1.0, 0.0], n)
        pairs = [(call(lib, "most", x), call(lib, "least", x)) for lib in levels]
        found = {np.array(pair).tobytes() for pair in pairs}
        assert len(found) == 1, n
        values = rng.normal(size=n)
        for library in levels:
            assert call(library, "most", values) == max(values, default=-math.inf)
            assert call(library, "least", values) == min(values, default=math.inf)
            for at in range(0, n, 7):
                holed = values.copy()
                holed[at] = math.nan
                assert math.isnan(call(library, "most", holed)), (n, at)
                assert math.isnan(call(library, "least", holed)), (n, at)


X, Y, M = ct.dvector("x"), ct.dvector("y"), ct.dmatrix("M")
SUMS = cgrad.function([X, Y], [ct.sum(X), X @ Y, ct.sum(ct.sqrt(abs(X)) + Y), ct.sum(X - Y)])


@pytest.mark.parametrize("n", [0, 1, 7, 8, 31, 32, 33, 70, 255, 256, 257, 1000])
def test_kernels_use_that_order_wherever_a_sum_stands(n: int) -> None:
    rng = np.random.default_rng(n)
    for offset in range(3):
        x, y = rng.normal(size=(2, n + offset))[:, offset:]
        terms = [x, x * y, np.sqrt(abs(x)) + y, x - y]
        assert [float(v) for v in SUMS(x, y)] == [in_order(t) for t in terms]


def test_a_long_sum_is_accurate() -> None:
    x = np.random.default_rng(0).random(300_000)
    exact = math.fsum(x)
    running = float(np.cumsum(x)[-1])
    error = abs(float(SUMS(x, x)[0]) - exact)
    assert error <= 4 * np.spacing(exact) and error < abs(running - exact)


def test_sums_of_single_precision_are_kept_in_double() -> None:
    x = ct.fvector("x")
    f = cgrad.function([x], [ct.sum(x), ct.mean(x), x @ x, ct.max(x)])
    values = np.full(1 << 20, np.float32(0.1))
    total, mean, square, most = f(values)
    wide = values.astype(np.float64)
    assert [v.dtype for v in (total, mean, square, most)] == [np.float32] * 4
    np.testing.assert_array_max_ulp(total, np.float32(wide.sum()), 1)
    np.testing.assert_array_max_ulp(mean, np.float32(0.1), 1)
    np.testing.assert_array_max_ulp(square, np.float32((wide * wide).sum()), 1)
    assert most == np.float32(0.1)


# -- the loops ---------------------------------------------------------------------------------
def test_sums_of_rows_are_calls_without_a_loop() -> None:
    kernel, slots = kernel_of([X, Y, M], [ct.sum(X), X @ Y, ct.max(X), M @ Y])
    assert not every_loop(kernel) and not slots
    text = c_of([X, Y], [X @ Y])
    assert "const double dot = cg_dot(n, x, y);" in text and "/* dot [n2] */" in text


def test_terms_of_several_sums_go_to_small_arrays() -> None:
    cost = ct.exp(X - Y)
    kernel, slots = kernel_of([X, Y], [ct.sum(cost), ct.sum(cost * X), cost])
    (strips, inner) = every_loop(kernel)
    assert strips.step == STRIP and inner.start != 0 and not slots
    # the exponentials are stored in the result anyway
    arrays = [s.buffer for s in statements(kernel.body) if isinstance(s, Local)]
    assert arrays == []
    text = c_of([X, Y], [ct.sum(cost), ct.sum(cost * X), cost])
    assert "cg_dot_block(i_to - i_from, &out2[i_from], &x[i_from])" in text
    kernel, _ = kernel_of([X, Y], [ct.sum(cost), ct.sum(1 / cost)])
    arrays = [s.buffer for s in statements(kernel.body) if isinstance(s, Local)]
    assert [a.shape for a in arrays] == [(STRIP,)] * 2


@pytest.mark.parametrize("n", [3, FEW, FEW + 1, STRIP, STRIP + 1])
def test_short_loops_have_no_strips(n: int) -> None:
    v = ct.tensor("v", shape=(n,))
    kernel, _ = kernel_of([v], [ct.sum(ct.exp(v))])
    lengths = [s.buffer.shape for s in statements(kernel.body) if isinstance(s, Local)]
    assert lengths == ([] if n <= FEW else [(min(n, STRIP),)])
    assert len(every_loop(kernel)) == (2 if n > STRIP else 1)
    values = np.random.default_rng(n).normal(size=n)
    np.testing.assert_allclose(cgrad.function([v], ct.sum(ct.exp(v)))(values), np.exp(values).sum())


def test_rows_that_may_be_short_have_both_forms() -> None:
    """An array of terms costs more than a sum of three."""
    X, Y = ct.dmatrix("X"), ct.dmatrix("Y")
    gaps = ct.sum((X - Y) ** 2, axis=1)
    kernel, _ = kernel_of([X, Y], [gaps])
    asked = [s for s in kernel.body if isinstance(s, Set)]
    sides = [s for s in statements(kernel.body) if isinstance(s, If)]
    assert [s.wanted for s in sides] == [True, False]
    assert {s.taken for s in sides} == {s.buffer for s in asked} and len(asked) == 1
    assert not any(isinstance(s, Local) for s in statements([sides[0]]))
    for columns in (1, FEW, FEW + 1):
        x, y = np.random.default_rng(columns).normal(size=(2, 3, columns))
        want = ((x - y) ** 2).sum(axis=1)
        np.testing.assert_allclose(gaps.eval({X: x, Y: y}), want, rtol=1e-14)
    # functions are vectorised in strips; a row by itself may be of any length
    for inputs, total in (([X, Y], ct.sum(ct.exp(X) * Y, axis=1)), ([X], ct.sum((X + 1) ** 2))):
        kernel, _ = kernel_of(inputs, [total])
        assert not any(isinstance(s, If) for s in statements(kernel.body))


def test_a_total_over_two_loops_is_a_total_of_totals() -> None:
    terms = ct.exp(M + ct.arange(M.shape[1]))
    kernel, _ = kernel_of([M], [ct.sum(terms), terms])
    (rows,) = [loop for loop in every_loop(kernel) if loop.index == "i"]
    begun = [s.buffer for s in rows.body if isinstance(s, Set)]
    added = [s.buffer for s in rows.body if isinstance(s, Accumulate)]
    assert len(begun) == len(added) == 1 and begun[0] is not added[0]
    f = cgrad.function([M], ct.sum(terms))
    for shape in ((0, 3), (3, 0), (5, 300), (300, 5)):
        A = np.random.default_rng(0).normal(size=shape)
        want = np.exp(A + np.arange(shape[1])).sum()
        np.testing.assert_allclose(f(A), want, rtol=1e-14)


def test_what_a_loop_overwrites_is_summed_as_it_was() -> None:
    # inside a step the carry is read, added up and replaced in one loop
    start = ct.dvector("start")
    (last, sums), _ = cgrad.scan(
        lambda h: (ct.tanh(h) * 0.5, ct.sum(h)), outputs_info=[start, None], n_steps=3
    )
    f = cgrad.function([start], [last[-1], sums])
    h = np.random.default_rng(0).normal(size=300)
    found, totals = f(h)
    for total in totals:
        np.testing.assert_allclose(total, h.sum(), rtol=1e-12)
        h = np.tanh(h) * 0.5
    np.testing.assert_allclose(found, h, rtol=1e-13)


def test_a_kernel_has_the_same_bits_on_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = ct.exp(X) * Y
    rows = ct.exp(M @ X[:3]) - ct.sum(M * M + 1.0, axis=1)
    outputs = [ct.sum(terms), ct.sum(terms * Y), terms, ct.sum(rows), X @ X]
    found = set()
    rng = np.random.default_rng(0)
    x, y, A = rng.normal(size=301), rng.normal(size=301), rng.normal(size=(70, 3))
    for level in range(cpu_level() + 1):
        monkeypatch.setattr(toolchain, "cpu_level", lambda level=level: level)
        f = cgrad.function([X, Y, M], outputs)
        found.add(b"".join(np.asarray(v).tobytes() for v in f(x, y, A)))
    assert len(found) == 1
