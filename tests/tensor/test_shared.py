"""Shared variables: copies, layout, and what a new value may be."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad.tensor as ct
from cgrad.errors import DTypeError, ShapeError


def in_order(array, dtype):
    return (
        array.flags.c_contiguous
        and array.flags.aligned
        and array.dtype == np.dtype(dtype)
        and array.dtype.isnative
        and type(array) is np.ndarray
    )


@pytest.mark.parametrize(
    ("start", "dtype"),
    [
        (1, "int64"),
        (1.5, "float64"),
        (True, "bool"),
        (np.float32(2), "float32"),
        (np.zeros((2, 3)), "float64"),
        (np.arange(6).reshape(2, 3).T, "int64"),
        (np.arange(10.0)[::-2], "float64"),
        (np.arange(3, dtype=">f8"), "float64"),
        (np.ma.array([1.0, 2.0]), "float64"),
        ([[1.0], [2.0]], "float64"),
        (np.zeros((0, 3)), "float64"),
    ],
)
def test_value_and_layout(start, dtype, same):
    for borrow in (False, True):
        s = ct.shared(start, "s", borrow=borrow)
        assert isinstance(s, ct.SharedVariable)
        assert isinstance(s, ct.Node)
        assert (s.name, s.dtype, s.ndim) == ("s", dtype, np.ndim(start))
        assert in_order(s.get_value(borrow=True), dtype)
        np.testing.assert_array_equal(s.get_value(), np.asarray(start))
        same(s.sum(), np.sum(np.asarray(start, dtype), dtype="int64" if dtype == "bool" else None))


def test_unaligned_memory_is_copied():
    raw = np.zeros(8 * 3 + 1, "uint8")[1:].view("float64")
    assert not raw.flags.aligned
    assert in_order(ct.shared(raw, borrow=True).get_value(borrow=True), "float64")


def test_copies_unless_borrowed():
    array = np.zeros(3)
    s = ct.shared(array)
    array[0] = 1
    assert s.get_value().tolist() == [0, 0, 0]
    s.get_value()[0] = 1
    assert s.get_value().tolist() == [0, 0, 0]
    s.set_value(array)
    array[1] = 1
    assert s.get_value().tolist() == [1, 0, 0]
    assert ct.shared(array, borrow=True).get_value(borrow=True) is array
    s.set_value(array, borrow=True)
    assert s.get_value(borrow=True) is array
    assert s.storage == [array] or s.storage[0] is array


def test_sizes_are_symbolic_unless_declared(value):
    s = ct.shared(np.zeros((2, 3)))
    assert not any(isinstance(n, int) for n in s.dims)
    total = s.shape[0] * 10 + s.shape[1]
    assert value(total) == 23
    s.set_value(np.zeros((4, 5)))
    assert value(total) == 45
    fixed = ct.shared(np.zeros((2, 3)), shape=(None, 3))
    assert fixed.dims[1] == 3
    fixed.set_value(np.zeros((7, 3)))
    with pytest.raises(ShapeError, match=r"\(7, 4\) found, expected \(\?, 3\)"):
        fixed.set_value(np.zeros((7, 4)))
    with pytest.raises(ShapeError, match="expected"):
        ct.shared(np.zeros(2), shape=(3,))
    with pytest.raises(ShapeError, match="expected"):
        ct.shared(np.zeros(2), shape=(None, None))


@pytest.mark.parametrize(
    ("start", "new", "good"),
    [
        (1.0, 2, True), (1.0, True, True), (1.0, np.float32(2), True), (1.0, np.int64(2), True),
        (1.0, 1j, False), (1, 2.0, False), (1, True, True), (1, np.int32(2), True),
        (1, np.uint64(2), False), (True, 1, False), (np.float32(1), 2.5, True),
        (np.float32(1), np.float64(2.5), False), (np.float32(1), np.float16(2), True),
        (np.float32(1), np.int64(1), False), (1.0, "2", False), (1.0, None, False),
    ],
)  # fmt: skip
def test_dtype_of_a_new_value(start, new, good):
    s = ct.shared(start, "s")
    if good:
        s.set_value(new)
        assert in_order(s.get_value(borrow=True), s.dtype)
        assert s.get_value() == new
    else:
        with pytest.raises(DTypeError, match=f"s: {s.dtype}(.|\n)*without loss"):
            s.set_value(new)
        assert s.get_value() == start


def test_new_value_is_checked_before_it_is_stored():
    s = ct.shared(np.zeros(3), "s")
    for bad in (np.zeros((3, 1)), 1.0, np.zeros(3, complex)):
        with pytest.raises((ShapeError, DTypeError)):
            s.set_value(bad)
    assert s.get_value().shape == (3,)
    s.set_value([1, 2])
    assert s.get_value().tolist() == [1, 2]
    s.set_value(np.arange(10.0)[::3])
    assert in_order(s.get_value(borrow=True), "float64")


def test_refused():
    with pytest.raises(TypeError, match="symbolic"):
        ct.shared(ct.dscalar("x"))
    with pytest.raises(TypeError, match="expected numbers"):
        ct.shared("text")
    with pytest.raises(TypeError, match="expected numbers"):
        ct.shared(None)
    with pytest.raises(TypeError, match="shared_rng"):
        ct.shared(np.random.default_rng(1))
    with pytest.raises(NotImplementedError, match="float16"):
        ct.shared(np.zeros(3, "float16"))
    with pytest.raises(TypeError, match="strict"):
        ct.shared(1.0, strict=True)
    assert ct.shared(np.zeros(2), strict=True).ndim == 1


def test_two_shared_variables_of_one_value_are_two(value):
    a, b = ct.shared(1.0), ct.shared(1.0)
    total = a + 10 * b
    a.set_value(2.0)
    assert value(total) == 12
