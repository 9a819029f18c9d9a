"""Integers of every width: values, dtypes and overflow as in NumPy, in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.dtypes import INTEGERS
from cgrad.core.evaluate import evaluate

BINARY: dict[str, Any] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "floor_div": lambda a, b: a // b, "mod": lambda a, b: a % b, "true_div": lambda a, b: a / b,
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
    "lt": lambda a, b: a < b, "ge": lambda a, b: a >= b, "weak int": lambda a, b: a + 1,
    "weak float": lambda a, b: a * 2.5, "nested": lambda a, b: (a * b + a) < b,
    "float32": lambda a, b: a.astype("float32"), "int8": lambda a, b: a.astype("int8"),
    "uint8": lambda a, b: a.astype("uint8"), "uint64": lambda a, b: a.astype("uint64"),
    "sum": lambda a, b: a.sum(), "max": lambda a, b: a.max(), "min": lambda a, b: a.min(),
    "mean": lambda a, b: a.mean(), "neg": lambda a, b: -a, "abs": lambda a, b: abs(a),
    "invert": lambda a, b: ~a, "cube": lambda a, b: a**3,
}  # fmt: skip


def samples(dtype: str) -> tuple[Any, Any]:
    info = np.iinfo(dtype)
    low, high = info.min, info.max
    first = np.array([low, high, 0, 1, 3, 7, high // 2, low + 1], dtype)
    return first, np.array([3, high, 0, 1, 2, high, 5, low], dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_operations_agree_with_numpy(dtype: str) -> None:
    a, b = samples(dtype)
    x, y = (ct.tensor(name, dtype=dtype, shape=(None,)) for name in "xy")
    outputs = [f(x, y) for f in BINARY.values()]
    found = cgrad.function([x, y], outputs)(a, b)
    reference = evaluate(outputs, {x: a, y: b})
    with np.errstate(all="ignore"):
        expected = [np.asarray(f(a, b)) for f in BINARY.values()]
    for name, got, want, oracle in zip(BINARY, found, expected, reference, strict=True):
        assert got.dtype == want.dtype == oracle.dtype, name
        np.testing.assert_allclose(got, want, rtol=1e-14, err_msg=name)
        np.testing.assert_array_equal(got, oracle, err_msg=name)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_floats_become_the_nearest_integer_of_the_range(dtype: str) -> None:
    x = ct.dvector("x")
    out = x.astype(dtype)
    info = np.iinfo(dtype)
    given = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 2.9, -2.9, 0.5, 200.7])
    low, high = info.min, info.max
    expected = [low, high, low, high, low, 2, max(-2, low), 0, min(200, high)]
    found = cgrad.function([x], out)(given)
    assert found.dtype == dtype
    assert found.tolist() == expected == evaluate([out], {x: given})[0].tolist()


def test_promotion_is_numpys() -> None:
    names = [*INTEGERS, "bool", "float32", "float64"]
    for a in names:
        for b in names:
            x, y = ct.tensor(dtype=a, shape=()), ct.tensor(dtype=b, shape=())
            assert (x * y).dtype == np.result_type(a, b).name, (a, b)


def test_a_number_that_does_not_fit_is_an_error() -> None:
    x = ct.tensor("x", dtype="int8", shape=())
    with pytest.raises(OverflowError, match="300 is out of bounds for int8"):
        x + 300
    f = cgrad.function([x], x + 1)
    with pytest.raises(TypeError, match="argument x"):
        f(300)
    assert f(127) == -128


def test_short_integers_index_and_size() -> None:
    x, i = ct.dvector("x"), ct.tensor("i", dtype="int8", shape=())
    f = cgrad.function([x, i], [x[i], x[:i], ct.arange(i)])
    item, head, count = f(np.arange(5.0), np.int8(3))
    assert (item, head.tolist(), count.tolist()) == (3.0, [0.0, 1.0, 2.0], [0, 1, 2])
