"""Basic indexing with every kind of bound on every length, and updates of windows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgrad.tensor as ct
from cgrad.errors import DTypeError, IndexBoundsError, ShapeError
from cgrad.ops.constants import ShapeVector, SizeNode
from cgrad.ops.windows import Slice

A = np.arange(24.0).reshape(2, 3, 4)
BOUNDS = [None, -7, -4, -3, -1, 0, 1, 2, 4, 9]
STEPS = [None, 1, 2, 3, -1, -2, -5]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 7])
def test_every_slice(length, value):
    array = np.arange(float(length))
    x, fixed = ct.dvector("x"), ct.dvector("fixed", shape=(length,))
    start, stop = ct.lscalars("start", "stop")
    for first, last, step in itertools.product(BOUNDS, BOUNDS, STEPS):
        expected = array[first:last:step]
        symbols = slice(None if first is None else start, None if last is None else stop, step)
        values = {x: array, fixed: array, start: first or 0, stop: last or 0}
        for out in (x[first:last:step], fixed[first:last:step], x[symbols], fixed[symbols]):
            found = value(out, values)
            assert found.tolist() == expected.tolist(), (first, last, step, out)
        assert fixed[first:last:step].dims == expected.shape


def test_lengths_that_are_always_equal_are_equal():
    x = ct.dvector("x")
    n = x.dims[0]
    for a, b in [
        (x[1:], x[:-1]), (x[2:], x[:-2]), (x[2:], x[1:-1]), (x[3:-1], x[1:-3]),
        (x[-3:], x[:3]), (x[-3:], x[2::-1]), (x[-2::-1], x[1:]), (x[:], x), (x[::-1], x),
        (x[1::2], x[:-1:2]), (x[::-2], x[::2]),
        (x[0:], x), (x[-1:], x[:1]),
    ]:  # fmt: skip
        assert a.dims == b.dims, (a, b)
    assert repr(x[1:].dims[0]) == "max(0, x.shape[0] - 1)"
    assert repr(x[::2].dims[0]) == "((x.shape[0] + 1) // 2)"
    assert x[:0].dims == (0,)
    assert x[n:].dims == (0,)
    assert x[x.shape[0] :].dims == (0,)
    assert x[: x.shape[0]].dims == x.dims
    assert ct.dvector("y", shape=(5,))[1:-1].dims == (3,)
    second = x[2:] - 2 * x[1:-1] + x[:-2]
    assert not [pair for pair in second.op.equalities(second) if pair[0] != pair[1]]


INDICES = [
    0, -1, (1, 2), (1, 2, 3), (-2, -3, -4), ..., (), (..., 0), (0, ...), (0, ..., 1), (..., 2, 3),
    slice(None), (slice(None), 1), (slice(None), slice(1, None)), (1, slice(None, None, -1)),
    None, (None, 0), (0, None), (slice(None), None), (..., None), (None, ..., None),
    (0, None, slice(1, 2), None, 3), (slice(None), None, 1, None), (None, None, 1, 1, 1),
    (slice(5, 1), 0), np.int64(1), (np.int64(-1), slice(np.int64(1), None)), np.array(1),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices(index, same):
    x, fixed = ct.dtensor3("x"), ct.tensor("fixed", shape=A.shape)
    same(x[index], A[index], {x: A})
    same(fixed[index], A[index], {fixed: A})
    assert fixed[index].dims == A[index].shape


def test_symbolic_integers(same):
    x, i, j = ct.dtensor3("x"), ct.lscalar("i"), ct.lscalar("j")
    for a, b in [(0, 0), (1, 2), (-1, -3), (-2, 1)]:
        values = {x: A, i: a, j: b}
        same(x[i], A[a], values)
        same(x[i, j], A[a, b], values)
        same(x[:, j, i], A[:, b, a], values)
        same(x[i, ..., 1:][None], A[a, ..., 1:][None], values)
        same(x[i, j:], A[a, b:], values)
        same(x[x.shape[0] - 1, j], A[-1, b], values)


def test_windows_that_move(same):
    x, i = ct.dvector("x"), ct.lscalar("i")
    for k in range(-12, 12):
        same(x[i : i + 3], A.ravel()[:10][k : k + 3], {x: A.ravel()[:10], i: k})


@settings(max_examples=200, deadline=None)
@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    data=st.data(),
)
def test_any_basic_index(value, shape, data):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    bound = st.none() | st.integers(-6, 6)
    index = []
    for n in shape:
        choices = [st.builds(slice, bound, bound, st.none() | st.sampled_from([-3, -1, 1, 2]))]
        if n:
            choices.append(st.integers(-n, n - 1))
        index.append(data.draw(st.one_of(*choices)))
    for _ in range(data.draw(st.integers(0, 2))):
        index.insert(data.draw(st.integers(0, len(index))), None)
    x = ct.tensor("x", shape=(None,) * len(shape))
    out = x[tuple(index)]
    found = value(out, {x: array})
    np.testing.assert_array_equal(found, array[tuple(index)], strict=True)
    if isinstance(out.op, Slice):
        window = array.copy()
        window[tuple(index)] = -1.0
        np.testing.assert_array_equal(value(ct.set_subtensor(out, -1.0), {x: array}), window)


def test_an_index_is_one_node():
    x = ct.dmatrix("x")
    assert isinstance(x[0].op, Slice)
    assert isinstance(x[:].op, Slice)
    assert x[:] is not x
    assert x[None].args == (x,)
    assert x[:, None].args == (x,)


@pytest.mark.parametrize("index", [3, -4, (0, 2), (0, -3), np.int64(3)])
def test_out_of_bounds_when_the_length_is_known(index):
    x = ct.tensor("x", shape=(3, 2))
    with pytest.raises(IndexBoundsError, match=r"out of bounds(.|\n)*x: float64 \(3, 2\)"):
        x[index]
    with pytest.raises(IndexError):
        ct.tensor("y", shape=(0,))[0]


def test_out_of_bounds_at_the_call(value):
    x, i = ct.dvector("x"), ct.lscalar("i")
    for k in (3, -4, 100):
        with pytest.raises(IndexError):
            value(x[i], {x: np.ones(3), i: k})
        with pytest.raises(IndexError):
            value(x[k], {x: np.ones(3)})


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        ((0, 0, 0), IndexError, "too many indices: 3"),
        ((..., ...), IndexError, "at most once"),
        (1.5, TypeError, "index of"),
        ("a", TypeError, "index of str"),
        (slice(None, None, 0), ValueError, "cannot be 0"),
        (slice(1.5), TypeError, "bound of a slice"),
        (True, NotImplementedError, "truth value"),
        (slice(None, None, ct.lscalar("s")), NotImplementedError, "step"),
        (ct.dscalar("f"), TypeError, "astype"),
    ],
    ids=str,
)
def test_indices_that_are_refused(index, error, words):
    with pytest.raises(error, match=words):
        ct.dmatrix("x")[index]


# -- shapes -----------------------------------------------------------------------------------
def test_index_of_a_shape(value):
    x = ct.dtensor3("x")
    assert isinstance(x.shape[1].op, SizeNode)
    assert x.shape[-1].op.size == x.dims[2]
    assert isinstance(x.shape[:2].op, ShapeVector)
    assert value(x.shape[1:], {x: A}).tolist() == [3, 4]
    assert value(x.shape[::-1], {x: A}).tolist() == [4, 3, 2]
    i = ct.lscalar("i")
    assert value(x.shape[i], {x: A, i: -1}) == 4
    assert value(x.shape[:i], {x: A, i: -1}).tolist() == [2, 3]
    with pytest.raises(IndexError):
        x.shape[3]
    a, b, c = x.shape
    assert value(a + 10 * b + 100 * c, {x: A}) == 432


def test_entries_of_vectors_of_sizes_are_sizes():
    x, n = ct.dmatrix("x"), ct.lscalar("n")
    sizes = ct.concatenate([x.shape, ct.stack([n, 5]), [7]])
    rows, cols, steps, five, seven = (ct.zeros(size).dims[0] for size in sizes)
    assert (rows, cols) == x.dims
    assert steps == ct.zeros(n).dims[0]
    assert (five, seven) == (5, 7)


# -- updates ----------------------------------------------------------------------------------
UPDATES = [
    0, -1, (1, 2), (0, 1, 2), ..., slice(None), slice(1, None), (slice(None), 1),
    (slice(None), slice(None, None, -1)), (slice(None), slice(None, None, 2), slice(1, 3)),
    (0, slice(-2, None), -1), (slice(5, 9),), (1, slice(None, None, -2)),
]  # fmt: skip


@pytest.mark.parametrize("index", UPDATES, ids=str)
def test_updates(index, same):
    x = ct.dtensor3("x")
    window = A[index]
    for v in (7, 2.5, np.full(window.shape, 3.0), np.arange(float(window.size)).reshape(
        window.shape
    )):  # fmt: skip
        expected = A.copy()
        expected[index] = v
        same(ct.set_subtensor(x[index], v), expected, {x: A})
        expected = A.copy()
        expected[index] += v
        same(ct.inc_subtensor(x[index], v), expected, {x: A})


def test_updates_with_symbols(same):
    x, i, v = ct.dmatrix("x"), ct.lscalar("i"), ct.dvector("v")
    array, row = A[0], np.array([1.0, 2, 3, 4])
    for k in (0, 2, -1):
        expected = array.copy()
        expected[k] = row
        same(ct.set_subtensor(x[i], v), expected, {x: array, i: k, v: row})
    expected = array.copy()
    expected[1:] += row
    same(ct.inc_subtensor(x[1:], v), expected, {x: array, v: row})
    expected = array.copy()
    expected[:1] = 9
    same(ct.set_subtensor(x[:i], 9), expected, {x: array, i: 1})


def test_an_update_leaves_its_argument_alone(value):
    x = ct.dvector("x")
    array = np.ones(3)
    value(ct.set_subtensor(x[0], 5), {x: array})
    assert array.tolist() == [1, 1, 1]


def test_update_of_a_part_has_the_shape_of_the_part(same):
    x = ct.dvector("x")
    array = np.arange(5.0)
    same(ct.set_subtensor(x[1:][2], 9), np.array([1.0, 2, 9, 4]), {x: array})


@pytest.mark.parametrize(
    ("dtype", "v", "good"),
    [
        ("float64", 1, True), ("float64", True, True), ("float64", np.float32(1), True),
        ("float32", 1.5, True), ("float32", np.float64(1.5), True), ("int64", 1, True),
        ("int64", True, True), ("int64", 1.0, False), ("int64", np.float32(1), False),
        ("bool", True, True), ("bool", 1, False), ("bool", 0.5, False),
    ],
)  # fmt: skip
def test_update_dtypes(dtype, v, good, same):
    x = ct.vector("x", dtype=dtype)
    if good:
        expected = np.zeros(3, dtype)
        expected[1] = v
        same(ct.set_subtensor(x[1], v), expected, {x: np.zeros(3)})
        same(ct.inc_subtensor(x[1], v), expected, {x: np.zeros(3)})
    else:
        for function in (ct.set_subtensor, ct.inc_subtensor):
            with pytest.raises(DTypeError, match=f"does not fit into a tensor of {dtype}"):
                function(x[1], v)


def test_updates_that_are_refused():
    x, y = ct.dmatrix("x"), ct.tensor("y", shape=(3, 4))
    for first in (x, x + 1, ct.expand_dims(x, 0), ct.expand_dims(x[0], 0), 3.0, x.T):
        with pytest.raises(TypeError, match="index expression"):
            ct.set_subtensor(first, 1.0)
    for index, v in [(0, np.ones(3)), (0, np.ones((1, 4))), (slice(None), np.ones((2, 4)))]:
        with pytest.raises(ShapeError, match="cannot be stretched"):
            ct.set_subtensor(y[index], v)
