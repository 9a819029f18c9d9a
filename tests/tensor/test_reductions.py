"""prod, running totals, spread and differences: compiled values against NumPy, derivatives."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import DTypeError

RNG = np.random.default_rng(7)
DTYPES = ("float64", "float32", "int64", "int8", "uint8", "bool")


def data(dtype, shape):
    if dtype == "bool":
        return RNG.random(shape) > 0.3
    if dtype.startswith("float"):
        return np.round(RNG.normal(size=shape), 2).astype(dtype)
    return RNG.integers(0 if dtype.startswith("u") else -3, 4, size=shape).astype(dtype)


def check(pairs, inputs, arrays, rtol=1e-13):
    """The outputs of one kernel against NumPy: value, shape and dtype."""
    found = cgrad.function(inputs, [out for out, _ in pairs], on_unused_input="ignore")(*arrays)
    for got, (out, expected) in zip(found, pairs, strict=True):
        expected = np.asarray(expected)
        assert got.dtype == expected.dtype == np.dtype(out.dtype), (out, expected.dtype)
        tol = 1e-5 if expected.dtype == np.float32 else rtol
        np.testing.assert_allclose(got, expected, rtol=tol, atol=tol, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_over_axes(dtype):
    a = data(dtype, (3, 4, 2))[:, ::-1]
    x = ct.tensor("x", dtype=dtype, shape=(None,) * 3)
    pairs = []
    for axis in (None, 0, 1, -1, (0, 2), (-1, 0), (), (0, 1, 2)):
        for keep in (False, True):
            how = {"axis": axis, "keepdims": keep}
            pairs.append((ct.prod(x, **how), np.prod(a, **how)))
            if axis != ():
                wide = a.astype("float64") if dtype == "float32" else a
                as_x = dtype if dtype.startswith("float") else "float64"
                pairs.append((ct.var(x, **how), np.var(wide, **how).astype(as_x)))
                pairs.append((ct.std(x, ddof=1, **how), np.std(wide, ddof=1, **how).astype(as_x)))
                if dtype != "bool":
                    pairs.append((ct.ptp(x, **how), np.ptp(a, **how)))
    for axis in (None, 0, 1, -1):
        pairs.append((ct.cumsum(x, axis), np.cumsum(a, axis)))
        pairs.append((ct.cumprod(x, axis), np.cumprod(a, axis)))
    for n, axis in itertools.product((0, 1, 2), (0, -2, -1)):
        pairs.append((ct.diff(x, n, axis), np.diff(a, n, axis)))
    check(pairs, [x], [a])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 3), (3, 1), (1, 1)])
def test_empty_and_short_axes(shape):
    a = data("float64", shape)
    x = ct.matrix("x")
    pairs = []
    for axis in (None, 0, 1):
        pairs.append((ct.prod(x, axis), np.prod(a, axis)))
        pairs.append((ct.cumsum(x, axis), np.cumsum(a, axis)))
        pairs.append((ct.cumprod(x, axis), np.cumprod(a, axis)))
        pairs.append((ct.var(x, axis, ddof=1), _var(a, axis)))
    for n in (1, 2, 4):
        pairs.append((ct.diff(x, n, 0), np.diff(a, n, 0)))
        pairs.append((ct.diff(x, n), np.diff(a, n)))
    check(pairs, [x], [a])


def _var(a, axis):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.var(a, axis, ddof=1)


def test_dtype_argument_and_corrected():
    a = data("int8", (5, 4))
    f = data("float32", (5, 4))
    x, y = ct.tensor("x", dtype="int8", shape=(None, None)), ct.fmatrix("y")
    check(
        [
            (ct.prod(x, 0, dtype="int8"), np.prod(a, 0, dtype="int8")),
            (ct.prod(x, 0, dtype="float64"), np.prod(a, 0, dtype="float64")),
            (ct.cumsum(x, 0, dtype="int8"), np.cumsum(a, 0, dtype="int8")),
            (ct.cumprod(y, 1, dtype="float64"), np.cumprod(f, 1, dtype="float64")),
            (ct.var(y, 1, corrected=True), np.var(f.astype("d"), 1).astype("float32")),
            (ct.std(y, 1, dtype="float64"), np.std(f, 1, dtype="float64")),
            (ct.var(y, (0, 1), 3, True), np.var(f.astype("d"), ddof=3, keepdims=True).astype("f")),
        ],
        [x, y],
        [a, f],
        rtol=1e-6,
    )


def test_cumsum_keeps_negative_zero_and_float32_order():
    a = RNG.normal(size=200).astype("float32")
    a[0] = -0.0
    x = ct.fvector("x")
    found = cgrad.function([x], ct.cumsum(x))(a)
    np.testing.assert_array_equal(found, np.cumsum(a))
    assert np.signbit(found[0])


def test_methods():
    a = data("float64", (3, 4))
    x = ct.matrix("x")
    check(
        [
            (x.prod(axis=0), a.prod(axis=0)),
            (x.var(axis=1, ddof=1, keepdims=True), a.var(axis=1, ddof=1, keepdims=True)),
            (x.std(), a.std()),
            (x.ptp(axis=1), np.ptp(a, axis=1)),
            (x.cumsum(axis=0), a.cumsum(axis=0)),
            (x.cumprod(), a.cumprod()),
        ],
        [x],
        [a],
    )


def test_errors():
    x, b = ct.vector("x"), ct.vector("b", dtype="bool")
    with pytest.raises(DTypeError, match="dtype=int64"):
        ct.prod(x, dtype="int64")
    with pytest.raises(DTypeError, match="bool"):
        ct.cumsum(b, dtype="bool")
    with pytest.raises(DTypeError, match="expected a floating or complex dtype"):
        ct.var(x, dtype="int64")
    with pytest.raises(DTypeError):
        ct.ptp(b)
    with pytest.raises(ValueError, match="n=-1"):
        ct.diff(x, -1)
    for f in (ct.prod, ct.cumsum, ct.var, ct.ptp, ct.diff):
        with pytest.raises(np.exceptions.AxisError):
            f(x, axis=1)


# -- derivatives ------------------------------------------------------------------------------
PROGRAMS = {
    "prod": lambda x: ct.prod(x),
    "prod_rows": lambda x: ct.prod(x, axis=1),
    "prod_columns": lambda x: ct.prod(x, axis=0, keepdims=True),
    "cumsum": lambda x: ct.cumsum(x, axis=1),
    "cumprod": lambda x: ct.cumprod(x, axis=0),
    "cumprod_flat": lambda x: ct.cumprod(x),
    "var": lambda x: ct.var(x, axis=0, ddof=1),
    "var_corrected": lambda x: ct.var(x, axis=1, corrected=True),
    "std": lambda x: ct.std(x, axis=1),
    "ptp": lambda x: ct.ptp(x, axis=1),
    "diff": lambda x: ct.diff(x, 2, axis=1),
}


def derivative_outputs(program, x, t, wave=ct.sin):
    """(<w, J t>, <J^T w, t>, grad of grad.t, Rop of grad), and the slope of the value."""
    y = wave(program(x))
    weight = ct.reshape(1.0 + 0.25 * ct.arange(y.size), y.shape, ndim=y.ndim)
    pushed = cgrad.Rop(y, x, t)
    (pulled,) = cgrad.Lop(y, [x], weight)
    slope = ct.sum(pulled * t)
    return [
        ct.sum(weight * pushed), slope, cgrad.grad(slope, x), cgrad.Rop(pulled, x, t),
        ct.sum(weight * y),
    ]  # fmt: skip


def check_derivatives(programs, x, t, points):
    outputs = [out for f in programs.values() for out in derivative_outputs(f, x, t)]
    f = cgrad.function([x, t], outputs)
    for a, b in points:
        got, h = f(a, b), 1e-6
        ahead, behind = f(a + h * b, b), f(a - h * b, b)
        for k, name in enumerate(programs):
            forward, reverse, again, moved, _ = got[5 * k : 5 * k + 5]
            np.testing.assert_allclose(forward, reverse, rtol=1e-11, atol=1e-11, err_msg=name)
            np.testing.assert_allclose(again, moved, rtol=1e-10, atol=1e-10, err_msg=name)
            step = (ahead[5 * k + 4] - behind[5 * k + 4]) / (2 * h)
            np.testing.assert_allclose(forward, step, rtol=1e-5, atol=1e-6, err_msg=name)
            second = (ahead[5 * k + 1] - behind[5 * k + 1]) / (2 * h)
            np.testing.assert_allclose(
                np.sum(moved * b), second, rtol=1e-4, atol=1e-5, err_msg=name
            )


def test_derivatives_of_both_modes_and_second_order():
    x, t = ct.matrix("x"), ct.matrix("t")
    points = [(RNG.uniform(0.5, 1.5, s), RNG.normal(size=s)) for s in ((3, 4), (2, 3))]
    zeros = points[0][0].copy()
    zeros[1, 2] = zeros[0, 0] = zeros[2, 2] = 0.0  # one a row: ptp has no ties
    check_derivatives(PROGRAMS, x, t, [*points, (zeros, points[0][1])])


@pytest.mark.parametrize("zeros", [(), (1,), (1, 3), (0, 1, 3)])
def test_prod_has_exact_derivatives_with_zeros(zeros):
    a = np.array([2.0, 3.0, -1.5, 4.0])
    a[list(zeros)] = 0.0
    x = ct.vector("x")
    p = ct.prod(x)
    total = ct.cumprod(x)[-1]
    slopes = [cgrad.grad(p, x), cgrad.grad(total, x)]
    outputs = [*slopes, *(cgrad.jacobian(s, x) for s in slopes)]
    third = cgrad.grad(cgrad.grad(slopes[0][0], x)[1], x)
    found = cgrad.function([x], [*outputs, third])(a)
    n = range(4)
    grad = [np.prod(np.delete(a, i)) for i in n]
    hess = [[0.0 if i == j else np.prod(np.delete(a, [i, j])) for j in n] for i in n]
    for got, expected in zip(found, [grad, grad, hess, hess, [0, 0, a[3], a[2]]], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-15, atol=0)


def test_std_and_norm_of_a_constant_have_slope_zero():
    x = ct.matrix("x")
    outputs = [cgrad.grad(ct.sum(ct.std(x, axis=1)), x), cgrad.grad(ct.norm(x), x)]
    outputs += [cgrad.Rop(out, x, x.ones_like()) for out in outputs]
    for got in cgrad.function([x], outputs)(np.zeros((2, 3))):
        np.testing.assert_array_equal(got, np.zeros((2, 3)))
