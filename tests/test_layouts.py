"""Arguments in every memory layout give the bits of contiguous ones, or a clear error."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgrad
import cgrad.tensor as ct

DTYPES = ("float64", "float32", "int64", "int8", "uint16", "bool")


@functools.cache
def program() -> Any:
    """A matrix of every dtype; elementwise work, sums, products, lookups, a loop, a gradient."""
    inputs, outputs = [], []
    for dtype in DTYPES:
        x = ct.tensor(f"x_{dtype}", dtype=dtype, shape=(None, None))
        inputs.append(x)
        outputs += [x.sum(axis=0), x[::-1, 1:], ct.concatenate([x, x], axis=1), x.T @ x]
        if dtype.startswith("float"):
            cost = ct.sum(ct.tanh(x) * x)
            running = ct.scan(lambda row, h: h * 0.5 + row, x, ct.zeros_like(x[0]))[0]
            outputs += [cgrad.grad(cost, x), running]
    return cgrad.function(inputs, outputs)


def misaligned(array: np.ndarray, by: int) -> np.ndarray:
    memory = np.zeros(array.nbytes + 8, np.uint8)
    view = memory[by : by + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran": np.asfortranarray,
    "rows backwards": lambda a: a[::-1].copy()[::-1],
    "columns backwards": lambda a: a[:, ::-1].copy()[:, ::-1],
    "both backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "every third": lambda a: np.repeat(a, 3, axis=1)[:, ::3],
    "part of a larger one": lambda a: np.pad(a, 2)[2:-2, 2:-2],
    "a transpose": lambda a: a.T.copy().T,
    "read-only": read_only,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "a field": lambda a: np.rec.fromarrays([a, a], names="a,b")["b"],
    **{f"misaligned by {k}": functools.partial(misaligned, by=k) for k in range(1, 8)},
}


def bits(arrays: list[np.ndarray]) -> list[bytes]:
    return [a.tobytes() + repr((a.dtype, a.shape)).encode() for a in arrays]


def sample(rng: np.random.Generator, n: int, m: int, dtype: str) -> np.ndarray:
    if dtype.startswith("float"):
        return rng.normal(size=(n, m)).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 100, (n, m)).astype(dtype)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 9), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_bits_do_not_depend_on_layout(data: Any, n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = [sample(rng, n, m, dtype) for dtype in DTYPES]
    names = [data.draw(st.sampled_from(sorted(LAYOUTS))) for _ in DTYPES]
    arrays = [LAYOUTS[name](a) for name, a in zip(names, plain, strict=True)]
    kept = [a.copy() for a in arrays]
    assert bits(program()(*arrays)) == bits(program()(*plain)), names
    assert all(np.array_equal(a, b) for a, b in zip(arrays, kept, strict=True))


def test_every_layout_and_stretched_arguments() -> None:
    rng = np.random.default_rng(1)
    plain = [sample(rng, 4, 5, dtype) for dtype in DTYPES]
    want = bits(program()(*plain))
    for name, layout in LAYOUTS.items():
        assert bits(program()(*map(layout, plain))) == want, name
    rows = [np.broadcast_to(a[:1], (4, 5)) for a in plain]
    assert bits(program()(*rows)) == bits(program()(*map(np.ascontiguousarray, rows)))


@pytest.mark.parametrize("shape", [(1, 0), (1, 1)])
def test_sizes_zero_and_one(shape: tuple[int, int]) -> None:
    for layout in LAYOUTS.values():
        plain = [np.ones(shape, dtype) for dtype in DTYPES]
        assert bits(program()(*map(layout, plain))) == bits(program()(*plain))


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(-40, 40), st.integers(0, 2**32 - 1))
def test_results_that_overlap_arguments(n: int, shift: int, seed: int) -> None:
    """`out` may be an argument, or lie partly on it, before or behind."""
    f = overlapping()
    memory = np.random.default_rng(seed).normal(size=n + 80)
    x, out = memory[40 : 40 + n], memory[40 + shift : 40 + shift + n]
    want = f(x.copy())
    assert f(x, out=out) is out
    assert out.tobytes() == want.tobytes()


@functools.cache
def overlapping() -> Any:
    x = ct.dvector("x")
    return cgrad.function([x], ct.cumsum(x)[::-1] + x)


def test_more_elements_than_fit_in_32_bits() -> None:
    x, i = ct.tensor("x", dtype="bool", shape=(None,)), ct.lscalar("i")
    f = cgrad.function([x, i], [x.sum(), x[i], x[-3:], x.shape[0]])
    n = 2**31 + 5
    values = np.zeros(n, bool)  # pages of nothing, until one is written
    values[[0, n - 2]] = True
    total, one, last, length = f(values, n - 2)
    assert (total, bool(one), last.tolist(), length) == (2, True, [False, True, False], n)
    with pytest.raises(IndexError):
        f(values, n)


def test_many_rows_without_elements_take_no_time() -> None:
    n, m = ct.lscalars("nm")
    f = cgrad.function([n, m], [ct.zeros((n, m)) + 1.0, ct.outer(ct.arange(n), ct.arange(m))])
    too_long = threading.Timer(60.0, os.kill, (os.getpid(), signal.SIGINT))
    too_long.start()
    try:
        assert [result.shape for result in f(2**59, 0)] == [(2**59, 0)] * 2
    except KeyboardInterrupt:
        pytest.fail("the rows were gone through one by one")
    finally:
        too_long.cancel()
