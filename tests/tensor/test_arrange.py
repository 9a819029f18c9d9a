"""split, tile, repeat, roll, flip, stacking and pad: compiled values against NumPy, derivatives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import DTypeError, ShapeError

RNG = np.random.default_rng(5)
DTYPES = ("float64", "float32", "int64", "int16", "uint8", "bool")


def data(dtype, shape):
    return RNG.integers(0, 2 if dtype == "bool" else 100, size=shape).astype(dtype)


def check(pairs, inputs, arrays):
    """Nothing is computed: equal to the last bit."""
    found = cgrad.function(inputs, [out for out, _ in pairs], on_unused_input="ignore")(*arrays)
    for got, (out, expected) in zip(found, pairs, strict=True):
        assert got.dtype == np.asarray(expected).dtype == np.dtype(out.dtype), out
        np.testing.assert_array_equal(got, expected, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values(dtype):
    a, v = data(dtype, (4, 6))[::-1, ::-1], data(dtype, (6,))
    x, w = ct.tensor("x", dtype=dtype, shape=(None,) * 2), ct.tensor("w", dtype=dtype, shape=(6,))
    pairs = []
    for reps in (2, 0, (1, 1), (2, 3), (2, 1, 3), (3,), [1, 2]):
        pairs += [(ct.tile(x, reps), np.tile(a, reps)), (ct.tile(w, reps), np.tile(v, reps))]
    for count, axis in itertools.product((0, 1, 3), (None, 0, 1, -1)):
        pairs.append((ct.repeat(x, count, axis), np.repeat(a, count, axis)))
    for shift, axis in itertools.product((0, 1, -1, 5, -13), (None, 0, 1, -1)):
        pairs.append((ct.roll(x, shift, axis), np.roll(a, shift, axis)))
        pairs.append((ct.roll(w, shift), np.roll(v, shift)))
    pairs.append((ct.roll(x, (1, -2), (0, 1)), np.roll(a, (1, -2), (0, 1))))
    pairs.append((ct.roll(x, 1, (0, 1)), np.roll(a, 1, (0, 1))))
    for axis in (None, 0, 1, -2, (0, 1), ()):
        pairs.append((ct.flip(x, axis), np.flip(a, axis)))
    pairs += [
        (ct.hstack([w, w]), np.hstack([v, v])), (ct.hstack([x, x]), np.hstack([a, a])),
        (ct.vstack([w, w]), np.vstack([v, v])), (ct.vstack([x, w]), np.vstack([a, v])),
        (x.repeat(2, axis=1), a.repeat(2, axis=1)), (x.swapaxes(0, 1), a.swapaxes(0, 1)),
    ]  # fmt: skip
    for n, axis in ((2, 0), (3, 1), (1, 0), (6, -1)):
        pairs += zip(ct.split(x, n, axis=axis), np.split(a, n, axis), strict=True)
    for cuts in ([2], [1, 3], [0, 9], [-1], [3, 1], []):
        pairs += zip(ct.split(x, indices=cuts, axis=1), np.split(a, cuts, 1), strict=True)
    pairs += zip(ct.split(x, [1, 0, 5], axis=1), np.split(a, [1, 1], 1), strict=True)
    pairs += zip(ct.split(w, [2, 4], 2), np.split(v, [2]), strict=True)
    check(pairs, [x, w], [a, v])


WIDTHS = (0, 1, 3, (2, 1), ((1, 0), (0, 2)), ((2,), (1,)), [[1, 2]])
MODES = ("constant", "edge", "wrap", "reflect", "symmetric")


@pytest.mark.parametrize("dtype", ["float64", "bool"])
def test_pad(dtype):
    a = data(dtype, (4, 6))[:, ::-1]
    x = ct.tensor("x", dtype=dtype, shape=(None,) * 2)
    s = ct.tensor("s", dtype=dtype, shape=(4, 6))
    pairs = []
    for width, mode in itertools.product(WIDTHS, MODES):
        pairs += [(ct.pad(z, width, mode), np.pad(a, width, mode)) for z in (x, s)]
    for mode in MODES[1:]:
        # wider than the axis: over and over again, when its length is known
        pairs.append((ct.pad(s, ((9, 14), (0, 20)), mode), np.pad(a, ((9, 14), (0, 20)), mode)))
    for width, values in ((2, 1), (1, (0, 1)), (((1, 2), (2, 1)), ((1, 0), (0, 1)))):
        how = {"constant_values": values}
        pairs.append((ct.pad(x, width, **how), np.pad(a, width, **how)))
    check(pairs, [x, s], [a, a])


@pytest.mark.parametrize("shape", [(0, 2), (1, 1), (1, 3)])
def test_empty_and_short_axes(shape):
    a, x = data("float64", shape), ct.matrix("x")
    s = ct.tensor("s", dtype="float64", shape=shape)
    pairs = [
        (ct.tile(x, (2, 3)), np.tile(a, (2, 3))), (ct.repeat(x, 2, 0), np.repeat(a, 2, 0)),
        (ct.flip(x), np.flip(a)), (ct.roll(x, 3), np.roll(a, 3)),
        (ct.roll(x, -1, 0), np.roll(a, -1, 0)), (ct.pad(x, 2), np.pad(a, 2)),
        (ct.split(x, 1)[0], a), (ct.split(x, indices=[1])[1], a[1:]),
    ]  # fmt: skip
    if shape[0]:
        pairs += [(ct.pad(s, 2, mode), np.pad(a, 2, mode)) for mode in MODES]
        pairs.append((ct.pad(x, 2, "edge"), np.pad(a, 2, "edge")))
    check(pairs, [x, s], [a, a])


def test_counts_that_are_known_at_the_call():
    x, n, lengths = ct.vector("x"), ct.lscalar("n"), ct.lvector("lengths")
    parts = ct.split(x, lengths, n_splits=2)
    outputs = [ct.roll(x, n), ct.split(x, [n, x.shape[0] - n])[1], *parts]
    f = cgrad.function([x, n, lengths], outputs)
    g = cgrad.function([x, n], [ct.tile(x, n), ct.repeat(x, n)])
    a = np.arange(5.0)
    for k in (0, 2, 5):
        rolled, rest, first, last = f(a, k, [1, 4])
        np.testing.assert_array_equal(rolled, np.roll(a, k))
        np.testing.assert_array_equal(rest, a[k:])
        np.testing.assert_array_equal(np.concatenate([first, last]), a)
        tiled, repeated = g(a, k)
        np.testing.assert_array_equal(tiled, np.tile(a, k))
        np.testing.assert_array_equal(repeated, np.repeat(a, k))
    with pytest.raises(ShapeError):
        f(a, 1, [1, 3])


def test_lengths_are_checked_at_the_call():
    x = ct.vector("x")
    for y, size in (
        (ct.split(x, 2)[0], 5), (ct.split(x, [2, 3])[1], 6), (ct.pad(x, 3, "wrap"), 2),
        (ct.pad(x, 3, "reflect"), 3), (ct.pad(x, 3, "symmetric"), 2), (ct.pad(x, 1, "edge"), 0),
    ):  # fmt: skip
        with pytest.raises(ShapeError):
            cgrad.function([x], y)(np.ones(size))


ERRORS = [
    (lambda x, s: ct.split(s, 4), ShapeError, "axis 0 has length 6"),
    (lambda x, s: ct.split(s, [2, 3]), ShapeError, "add up to 5"),
    (lambda x, s: ct.split(s, [7, -1]), ShapeError, "length -1"),
    (lambda x, s: ct.split(s, 0), ValueError, "1 or more"),
    (lambda x, s: ct.split(s), TypeError, "splits_size"),
    (lambda x, s: ct.split(s, 2, indices=[1]), TypeError, "either"),
    (lambda x, s: ct.split(s, [3, 3], 3), ValueError, "n_splits=3"),
    (lambda x, s: ct.repeat(s, [1, 2]), ShapeError, "2 numbers of repetitions"),
    (lambda x, s: ct.repeat(x, [1, -2]), ValueError, "-2 repetitions"),
    (lambda x, s: ct.repeat(x, [1.5]), DTypeError, "vector of integers"),
    (lambda x, s: ct.horizontal_stack(x, x), ShapeError, "expected matrices"),
    (lambda x, s: ct.concat_with_broadcast([x, x[None]]), ShapeError, "one rank"),
    (lambda x, s: ct.pad(x, 1, "mean", stat_length=0), ValueError, "1 or more"),
    (lambda x, s: ct.pad(x > 0, 1, "linear_ramp"), DTypeError, "ramp"),
    (lambda x, s: ct.repeat(x, -1), ValueError, "-1 repetitions"),
    (lambda x, s: ct.tile(x, 1.5), TypeError, "repetitions"),
    (lambda x, s: ct.roll(x, (1, 2), (0, 0, 0)), ValueError, "2 shifts for 3 axes"),
    (lambda x, s: ct.flip(x, 1), ValueError, "out of range"),
    (lambda x, s: ct.pad(x, -1), ValueError, "0 or more"),
    (lambda x, s: ct.pad(x, ((1, 2), (3, 4))), ValueError, "each of 1 axes"),
    (lambda x, s: ct.pad(x, 1, "median"), NotImplementedError, "constant, edge"),
    (lambda x, s: ct.pad(s.astype("int64"), 1, constant_values=0.5), DTypeError, "int64"),
    (lambda x, s: ct.pad(x, 1, constant_values=x), DTypeError, "scalar"),
    (lambda x, s: ct.pad(s[:0], 1, "edge"), ShapeError, "no elements"),
]


@pytest.mark.parametrize(("call", "error", "match"), ERRORS)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call(ct.vector("x"), ct.tensor("s", dtype="float64", shape=(6,)))


PROGRAMS = {
    "split": lambda x: ct.concatenate(ct.split(x, [1, 2, 1], axis=1)[::-1], axis=1),
    "split_cuts": lambda x: ct.split(x, indices=[1], axis=0)[1],
    "tile": lambda x: ct.tile(x, (2, 3)),
    "repeat": lambda x: ct.repeat(x, 3, axis=0),
    "roll": lambda x: ct.roll(x, 2, axis=1) * x,
    "roll_flat": lambda x: ct.roll(x, -3) * x,
    "flip": lambda x: ct.flip(x) * x,
    "pad": lambda x: ct.pad(x, ((1, 2), (0, 1)), constant_values=2.0),
    "pad_corners": lambda x: ct.pad(x, 1, constant_values=(1.0, 2.0)),
    "edge": lambda x: ct.pad(x, 2, "edge"),
    "wrap": lambda x: ct.pad(x, 2, "wrap"),
    "reflect": lambda x: ct.pad(x, 2, "reflect"),
    "symmetric": lambda x: ct.pad(x, 2, "symmetric"),
    "hstack": lambda x: ct.hstack([x, x * x]),
    "vstack": lambda x: ct.vstack([x, x[0]]),
}


def test_derivatives_of_both_modes_and_second_order():
    x, t = ct.matrix("x"), ct.matrix("t")
    outputs = []
    for f in PROGRAMS.values():
        y = ct.sin(f(x))
        weight = ct.reshape(1.0 + 0.25 * ct.arange(y.size), y.shape, ndim=2)
        (pulled,) = cgrad.Lop(y, [x], weight)
        slope = ct.sum(pulled * t)
        outputs += [ct.sum(weight * cgrad.Rop(y, x, t)), slope]
        outputs += [cgrad.grad(slope, x), cgrad.Rop(pulled, x, t), ct.sum(weight * y)]
    f = cgrad.function([x, t], outputs)
    a, b, h = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), 1e-6
    got, ahead, behind = f(a, b), f(a + h * b, b), f(a - h * b, b)
    for k, name in enumerate(PROGRAMS):
        row, up, down = (r[5 * k : 5 * k + 5] for r in (got, ahead, behind))
        np.testing.assert_allclose(row[0], row[1], rtol=1e-11, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(row[2], row[3], rtol=1e-11, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(row[0], (up[4] - down[4]) / (2 * h), rtol=1e-6, atol=1e-5)
        second = (up[1] - down[1]) / (2 * h)
        np.testing.assert_allclose(np.sum(row[3] * b), second, rtol=1e-5, atol=1e-5, err_msg=name)
