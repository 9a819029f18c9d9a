"""Axes, shapes and joins, against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import cgrad.tensor as ct
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.axes import Broadcast, Permute, Reshape, Squeeze

A = np.arange(24.0).reshape(2, 3, 4)
ONES = np.arange(3.0).reshape(1, 3, 1)


@pytest.fixture
def x():
    return ct.dtensor3("x")


@pytest.fixture
def one():
    return ct.tensor("one", shape=(1, None, 1))


# -- shape ------------------------------------------------------------------------------------
def test_shape_and_size(x, same, value):
    assert value(x.shape, {x: A}).tolist() == [2, 3, 4]
    assert value(ct.shape(x), {x: A}).tolist() == [2, 3, 4]
    same(x.size, np.asarray(24), {x: A})
    same(ct.size(x), np.asarray(24), {x: A})
    same(x.shape[1] * 2, np.asarray(6), {x: A})
    assert x.shape.dtype == "int64"
    assert x.shape.dims == (3,)


def test_known_sizes_are_numbers():
    y = ct.tensor("y", shape=(2, None))
    assert ct.zeros(y.shape[0]).dims == (2,)
    assert ct.zeros(y.shape[1]).dims == (y.dims[1],)
    assert (y.shape[0] * 3 + 1).op.size_value(y.shape[0] * 3 + 1) == 7


# -- order ------------------------------------------------------------------------------------
@pytest.mark.parametrize("axes", [None, *itertools.permutations(range(3)), (-1, 0, 1), [2, 0, 1]])
def test_transpose(axes, x, same):
    same(ct.transpose(x, axes), np.transpose(A, axes), {x: A})
    same(x.transpose(axes), np.transpose(A, axes), {x: A})
    if axes is not None:
        same(x.transpose(*axes), np.transpose(A, axes), {x: A})


def test_transpose_of_small_ranks(same):
    v, s, m = ct.dvector("v"), ct.dscalar("s"), ct.dmatrix("m")
    assert v.T is v
    assert s.T is s
    same(m.T, A[0].T, {m: A[0]})
    same(m.transpose(), A[0].T, {m: A[0]})
    assert isinstance(m.T.op, Permute)


@pytest.mark.parametrize("axes", [(0, 1), (0, 0, 1), (0, 1, 3), (0, 1, 2, 2), 0])
def test_transpose_refuses(axes, x):
    with pytest.raises(ValueError, match=r"ax[ei]s"):
        ct.transpose(x, axes)


def test_swapaxes_and_moveaxis(x, same):
    for a, b in itertools.product(range(-3, 3), repeat=2):
        same(ct.swapaxes(x, a, b), np.swapaxes(A, a, b), {x: A})
        same(ct.moveaxis(x, a, b), np.moveaxis(A, a, b), {x: A})
    for a, b in itertools.product(itertools.permutations(range(3), 2), repeat=2):
        same(ct.moveaxis(x, a, b), np.moveaxis(A, a, b), {x: A})
    for source, destination in [((0, 0), (1, 2)), ((0, 1), (2,)), ((0, 1), (1, 1))]:
        with pytest.raises(ValueError, match="moveaxis"):
            ct.moveaxis(x, source, destination)


@pytest.mark.parametrize(
    ("pattern", "index"),
    [
        ((0, 1, 2), (slice(None),) * 3),
        (("x", 0, 1, 2), (None,)),
        ((0, "x", 1, "x", 2), (slice(None), None, slice(None), None)),
        ((0, 1, 2, "x"), (..., None)),
    ],
)
def test_dimshuffle_adds_axes(pattern, index, x, same):
    same(ct.dimshuffle(x, *pattern), A[index], {x: A})
    same(x.dimshuffle(*pattern), A[index], {x: A})
    same(x.dimshuffle(pattern), A[index], {x: A})
    same(x.dimshuffle(list(pattern)), A[index], {x: A})


def test_dimshuffle(x, one, same):
    same(x.dimshuffle(2, "x", 0, 1), A.transpose(2, 0, 1)[:, None], {x: A})
    same(one.dimshuffle(1), ONES[0, :, 0], {one: ONES})
    same(one.dimshuffle(1, "x", 0), ONES[:, :, 0].T[:, None], {one: ONES})
    s, v = ct.dscalar("s"), ct.dvector("v")
    same(s.dimshuffle("x", "x"), np.full((1, 1), 2.0), {s: 2})
    same(v.dimshuffle("x", 0), np.ones((1, 3)), {v: np.ones(3)})
    same(v.dimshuffle(0), np.ones(3), {v: np.ones(3)})
    same(x.dimshuffle(1, 2), A[0], {x: A[:1]})
    for pattern in [(0, 0, 1, 2), (3, 1, 2), (0, 1, "y")]:
        with pytest.raises((ValueError, TypeError)):
            x.dimshuffle(*pattern)
    fixed = ct.tensor("fixed", shape=(2, 3))
    with pytest.raises(ShapeError, match=r"length 2, expected 1(.|\n)*fixed: float64 \(2, 3\)"):
        fixed.dimshuffle(1)


# -- axes of length 1 -------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [0, 1, 3, -1, -4, (0, 1), (0, -1), (1, 3)])
def test_expand_dims(axis, x, same):
    same(ct.expand_dims(x, axis), np.expand_dims(A, axis), {x: A})
    assert isinstance(ct.expand_dims(x, axis).op, Broadcast)


def test_expand_dims_refuses(x):
    for axis in (4, -5, (0, 0)):
        with pytest.raises(ValueError, match="axis"):
            ct.expand_dims(x, axis)


@pytest.mark.parametrize("axis", [None, 0, 2, -1, (0, 2), ()])
def test_squeeze(axis, one, same):
    same(ct.squeeze(one, axis), np.squeeze(ONES, axis), {one: ONES})
    same(one.squeeze(axis), np.squeeze(ONES, axis), {one: ONES})


def test_squeeze_of_an_unknown_length(x, same):
    assert ct.squeeze(x) is x
    out = ct.squeeze(x, 0)
    same(out, A[0], {x: A[:1]})
    assert isinstance(out.op, Squeeze)
    assert list(out.op.equalities(out)) == [(x.dims[0], 1, 0)]
    with pytest.raises(ShapeError, match="length 3"):
        ct.squeeze(ct.tensor("y", shape=(3, 1)), 0)
    with pytest.raises(ValueError, match="axis 5"):
        ct.squeeze(x, 5)


def test_atleast_and_padding(x, same):
    s, v = ct.dscalar("s"), ct.dvector("v")
    same(ct.atleast_1d(s), np.atleast_1d(2.0), {s: 2})
    same(ct.atleast_2d(s), np.atleast_2d(2.0), {s: 2})
    same(ct.atleast_2d(v), np.atleast_2d(A[0, 0]), {v: A[0, 0]})
    same(ct.atleast_3d(v), A[:1, :1], {v: A[0, 0]})
    assert ct.atleast_1d(v) is v
    assert ct.atleast_3d(x) is x
    same(ct.shape_padleft(v, 2), A[0, 0][None, None], {v: A[0, 0]})
    same(ct.shape_padright(v), A[0, 0][:, None], {v: A[0, 0]})


# -- reshape ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "shape", [(24,), (4, 6), (2, 3, 4), (1, 24, 1), -1, (-1, 6), (4, -1, 2), (2, 3, 4, -1)]
)
def test_reshape(shape, x, same):
    same(ct.reshape(x, shape), A.reshape(shape), {x: A})
    same(x.reshape(shape), A.reshape(shape), {x: A})
    fixed = ct.tensor("fixed", shape=A.shape)
    out = fixed.reshape(shape)
    same(out, A.reshape(shape), {fixed: A})
    assert out.dims == A.reshape(shape).shape


def test_reshape_with_symbolic_sizes(x, same):
    n, y, s = ct.lscalar("n"), ct.dmatrix("y"), ct.lvector("s")
    B = np.zeros((4, 6))
    given = {x: A, n: 4, y: B, s: [6, 4]}
    same(x.reshape((n, 6)), A.reshape(4, 6), given)
    same(x.reshape(n, -1), A.reshape(4, 6), given)
    same(x.reshape((-1, n)), A.reshape(6, 4), given)
    same(x.reshape(y.shape), A.reshape(4, 6), given)
    same(x.reshape((x.shape[0] * x.shape[1], x.shape[2])), A.reshape(6, 4), given)
    same(x.reshape((x.shape[0], -1)), A.reshape(2, -1), given)
    same(x.reshape(ct.concatenate([x.shape[:1], [-1]])), A.reshape(2, -1), given)
    same(ct.reshape(x, s, ndim=2), A.reshape(6, 4), given)
    same(x.reshape(x.size), A.ravel(), given)
    # the length that is left is found exactly
    assert x.reshape((x.shape[0], -1)).dims == (x.dims[0], x.dims[1] * x.dims[2])
    assert x.reshape(x.shape) is x
    assert isinstance(y.reshape((1, y.shape[0], y.shape[1])).op, Reshape)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((5, 5), "24 elements"),
        ((5, -1), "24 elements"),
        ((-1, -1), "at most one -1"),
        ((-2, 3), "0 or more"),
        ((0, -1), "24 elements"),
        ((), "24 elements"),
    ],
)
def test_reshape_refuses(shape, words):
    fixed = ct.tensor("fixed", shape=A.shape)
    with pytest.raises(ShapeError, match=words) as caught:
        fixed.reshape(shape)
    if "24" in words:
        assert "fixed: float64 (2, 3, 4)" in str(caught.value)


def test_reshape_refuses_what_is_no_shape(x):
    with pytest.raises(ShapeError, match="known only at the call"):
        x.reshape(ct.lvector("s"))
    with pytest.raises(TypeError, match="integer"):
        x.reshape((2.0, -1))
    with pytest.raises(TypeError, match="integer"):
        x.reshape(ct.dvector("s", shape=(2,)))
    with pytest.raises(ShapeError, match="ndim=3"):
        ct.reshape(x, (4, 6), ndim=3)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_flatten(ndim, x, same):
    expected = A.reshape(*A.shape[: ndim - 1], -1)
    same(ct.flatten(x, ndim), expected, {x: A})
    same(x.flatten(ndim), expected, {x: A})


def test_flatten_of_other_ranks(x, same):
    s, v = ct.dscalar("s"), ct.dvector("v")
    same(ct.flatten(s), np.array([2.0]), {s: 2})
    assert ct.flatten(v) is v
    same(x.ravel(), A.ravel(), {x: A})
    same(ct.ravel(x), A.ravel(), {x: A})
    for ndim in (0, 4):
        with pytest.raises(ShapeError, match=f"ndim={ndim}"):
            ct.flatten(x, ndim)


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 2, 3, 4), (1, 2, 3, 4)])
def test_broadcast_to(shape, x, one, same):
    same(ct.broadcast_to(x, shape), np.broadcast_to(A, shape), {x: A})
    same(ct.broadcast_to(one, shape), np.broadcast_to(ONES, shape), {one: ONES})


def test_broadcast_to_symbolic_sizes(one, x, same):
    n = ct.lscalar("n")
    given = {one: ONES, x: A, n: 5}
    same(ct.broadcast_to(one, x.shape), np.broadcast_to(ONES, A.shape), given)
    same(ct.broadcast_to(1.5, (n, 2)), np.full((5, 2), 1.5), given)
    same(ct.broadcast_to(one, (n, one.shape[1], 1)), np.broadcast_to(ONES, (5, 3, 1)), given)
    # a length known only at the call is compared, not stretched
    out = ct.broadcast_to(x, (2, 3, n))
    assert (x.dims[2], out.dims[2], 2) in list(out.op.equalities(out))


def test_broadcast_to_refuses(x):
    y = ct.tensor("y", shape=(2, 3))
    for shape in [(2, 4), (3,), (3, 3), ()]:
        with pytest.raises(ShapeError, match=r"y: float64 \(2, 3\)"):
            ct.broadcast_to(y, shape)
    with pytest.raises(ShapeError, match="-1"):
        ct.broadcast_to(y, (-1, 2, 3))


# -- joins ------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_concatenate(axis, x, same):
    y = ct.ltensor3("y")
    B = np.arange(24).reshape(2, 3, 4)
    for out in (ct.concatenate([x, y, x], axis), ct.join(axis, x, y, x), ct.join(axis, [x, y, x])):
        same(out, np.concatenate([A, B, A], axis), {x: A, y: B})
    same(ct.concatenate([x], axis), A, {x: A})


def test_concatenate_of_numbers_and_lengths(same):
    v, f = ct.dvector("v"), ct.fvector("f")
    same(ct.concatenate([v, [1, 2], np.zeros(0)]), np.array([5.0, 1, 2]), {v: [5]})
    assert ct.concatenate([f, f]).dtype == "float32"
    out = ct.concatenate([v, v[:-1]])
    assert out.dims[0] == v.dims[0] + v[:-1].dims[0]


def test_concatenate_refuses(x):
    v, s = ct.dvector("v"), ct.dscalar("s")
    for tensors, words in [([s, s], "ranks 0, 0"), ([v, x], "ranks 1, 3"), ([v, 1.0], "1, 0")]:
        with pytest.raises(ShapeError, match=words):
            ct.concatenate(tensors)
    a, b = ct.tensor("a", shape=(2, 3)), ct.tensor("b", shape=(2, 4))
    same_rows = ct.concatenate([a, b], axis=1)
    assert same_rows.dims == (2, 7)
    with pytest.raises(ShapeError, match=r"axis 1 has lengths \[3, 4\]"):
        ct.concatenate([a, b], axis=0)
    with pytest.raises(ValueError, match="no tensors"):
        ct.concatenate([])
    with pytest.raises(ValueError, match="axis 2"):
        ct.concatenate([a, a], axis=2)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
def test_stack(axis, x, same):
    same(ct.stack([x, 2 * x], axis), np.stack([A, 2 * A], axis), {x: A})
    same(ct.stack([x], axis), np.stack([A], axis), {x: A})


def test_stack_of_scalars_and_lists(same):
    a, b, n = ct.dscalar("a"), ct.dscalar("b"), ct.lscalar("n")
    given = {a: 2, b: 3, n: 4}
    same(ct.stack([a, 1, b]), np.array([2.0, 1, 3]), given)
    same(ct.stack([n, 1]), np.array([4, 1]), given)
    same(ct.stack([[a, b], [1, a]]), np.array([[2.0, 3], [1, 2]]), given)
    same(ct.as_tensor([[[a]]]), np.array([[[2.0]]]), given)
    same(ct.sum([a, b, 1]), np.float64(6), given)


def test_stack_refuses():
    v, s = ct.dvector("v"), ct.dscalar("s")
    with pytest.raises(ShapeError, match="ranks 1, 0"):
        ct.stack([v, s])
    with pytest.raises(ShapeError, match="lengths"):
        ct.stack([ct.dvector("a", shape=(2,)), ct.dvector("b", shape=(3,))])
    with pytest.raises(ValueError, match="no tensors"):
        ct.stack([])
    with pytest.raises(DTypeError):
        ct.stack([v, v]) & 1
