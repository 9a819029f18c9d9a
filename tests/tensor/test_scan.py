"""Loops: argument order, initial values, lengths, results and refusals, as in PyTensor."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad.tensor as ct
from cgrad.core.derive import vjp
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.control import Scan

V = np.array([1.0, 2.0, 3.0, 4.0])
M = np.arange(12.0).reshape(4, 3)


def slope(cost, x):
    """d cost / d x of a scalar cost."""
    return vjp([cost], [x], [ct.ones_like(cost)])[0]


# -- values -----------------------------------------------------------------------------------
def test_map_like(same):
    x = ct.dvector("x")
    ys, updates = ct.scan(lambda row: row**2, sequences=x)
    same(ys, V**2, {x: V})
    assert updates == {}
    assert ys.dims == x.dims
    same(ct.map(lambda row: row**2, x)[0], V**2, {x: V})
    same(ct.scan(lambda row: row**2, sequences=x, return_updates=False), V**2, {x: V})


def test_rows_of_a_matrix(same):
    x, w = ct.dmatrix("x"), ct.dvector("w")
    ys, _ = ct.scan(lambda row, w: row * w, sequences=[x], non_sequences=[w])
    same(ys, M * [1, 2, 3], {x: M, w: [1, 2, 3]})
    total, _ = ct.scan(lambda row, acc: acc + row, sequences=x, outputs_info=ct.zeros(3))
    same(total, np.cumsum(M, 0), {x: M})
    start = ct.zeros_like(x[0])
    total, _ = ct.scan(lambda row, acc: acc + row, sequences=x, outputs_info=start)
    same(total, np.cumsum(M, 0), {x: M})


def test_order_of_arguments():
    a, b, c = ct.dvector("a"), ct.lvector("b"), ct.dscalar("c")
    seen = []

    def step(*args):
        seen.append(args)
        return args[2] + 1.0, args[0], args[3]

    ct.scan(step, sequences=[a, b], outputs_info=[ct.dscalar("u"), None, ct.dscalar("v")],
            non_sequences=[c, a, 5])  # fmt: skip
    (args,) = seen
    assert [node.dtype for node in args[:2]] == ["float64", "int64"]
    assert [node.name for node in args] == ["a[t]", "b[t]", "u[t-1]", "v[t-1]", "c", "a", None]
    # the outer tensors themselves, so that the step can differentiate with respect to them
    assert args[4] is c
    assert args[5] is a


def test_power_by_a_loop(same):
    a, k = ct.dvector("a"), ct.lscalar("k")
    powers, _ = ct.scan(
        lambda prior, a: prior * a, outputs_info=ct.ones_like(a), non_sequences=a, n_steps=k
    )
    given = {a: np.arange(4.0), k: 3}
    same(powers, np.arange(4.0) ** np.array([[1], [2], [3]]), given)
    same(powers[-1], np.arange(4.0) ** 3, given)
    same(powers, np.ones((0, 4)), {a: np.arange(4.0), k: 0})


def test_several_outputs_in_every_form(same):
    x = ct.dvector("x")
    given = {x: V}

    def step(row, a, b):
        return [a + row, row * 10, b * row]

    for wrap in (list, tuple, lambda outs: (outs, {}), lambda outs: (tuple(outs), {})):
        outs, _ = ct.scan(lambda *args, w=wrap: w(step(*args)), sequences=x,
                          outputs_info=[0.0, None, 1.0])  # fmt: skip
        assert isinstance(outs, list)
        for out, expected in zip(outs, (np.cumsum(V), V * 10, np.cumprod(V)), strict=True):
            same(out, expected, given)
    for returned in ([x.sum()], (x.sum(), {})):
        out, _ = ct.scan(lambda row, r=returned: r, sequences=x)
        same(out, np.full(4, 10.0), given)
    outs, _ = ct.scan(lambda row: row, sequences=x, return_list=True)
    same(outs[0], V, given)


def test_initial_values_in_every_form(same):
    x = ct.dvector("x")
    start = ct.dscalar("start")
    for initial, number in [
        (start, 5.0), (5.0, 5.0), (5, 5.0), (np.float64(5), 5.0), (np.array(5.0), 5.0),
        ({"initial": start}, 5.0), ({"initial": 5, "taps": [-1]}, 5.0), ([start], 5.0),
        (True, 1.0),
    ]:  # fmt: skip
        out, _ = ct.scan(lambda row, acc: acc + row, sequences=x, outputs_info=initial)
        same(out, number + np.cumsum(V), {x: V, start: 5.0})


@pytest.mark.parametrize(
    ("dtype", "initial", "step", "expected"),
    [
        ("float32", 0, lambda r, acc: acc + r, "float32"),
        ("float32", 0.5, lambda r, acc: acc + r, "float32"),
        ("int64", 0, lambda r, acc: acc + r, "int64"),
        ("int64", 0, lambda r, acc: acc + 0.5 * r, "float64"),
        ("int64", 0.5, lambda r, acc: acc + r, "float64"),
        ("float32", 1, lambda r, acc: acc * 2, "int64"),
        ("float32", 1.0, lambda r, acc: acc * 2, "float64"),
        ("float32", 1, lambda r, acc: acc / 2, "float64"),
        ("bool", False, lambda r, acc: acc | r, "bool"),
        ("float64", 0, lambda r, acc: 1, "int64"),
        ("float64", False, lambda r, acc: r > 0, "bool"),
    ],
)
def test_numbers_take_the_dtype_of_the_step(dtype, initial, step, expected, value):
    x = ct.vector("x", dtype=dtype)
    out, _ = ct.scan(step, sequences=x, outputs_info=initial)
    assert out.dtype == expected
    assert value(out, {x: [1, 1, 1]}).dtype == expected


def test_sequences_and_lengths(same, value):
    x, y, k = ct.dvector("x"), ct.dvector("y"), ct.lscalar("k")

    def add(a, b):
        return a + b

    # the shortest decides
    out, _ = ct.scan(add, sequences=[x, y])
    same(out, V[:3] + 1, {x: V, y: np.ones(3)})
    same(out, V + 1, {x: V, y: np.ones(6)})
    # n_steps cuts longer ones
    for steps in (2, k):
        out, _ = ct.scan(add, sequences=[x, y], n_steps=steps)
        same(out, V[:2] + 1, {x: V, y: np.ones(6), k: 2})
    out, _ = ct.scan(lambda i: i * 2, sequences=ct.arange(k))
    same(out, np.arange(5) * 2, {k: 5})
    same(out, np.zeros(0, int), {k: 0})
    out, _ = ct.scan(lambda a: a, sequences={"input": x, "taps": [0]})
    same(out, V, {x: V})
    out, _ = ct.scan(lambda a: a, sequences=[[1.0, 2.0]])
    same(out, np.array([1.0, 2.0]))
    # equal lengths stay one size
    out, _ = ct.scan(add, sequences=[x[1:], x[:-1]])
    assert out.dims == x[1:].dims
    assert value(out, {x: V}).tolist() == [3, 5, 7]
    fixed = ct.dvector("f", shape=(5,))
    assert ct.scan(lambda a: a, sequences=fixed, n_steps=3)[0].dims == (3,)


def test_a_sequence_shorter_than_n_steps_is_an_error_at_the_call():
    x, k = ct.dvector("x"), ct.lscalar("k")
    out, _ = ct.scan(lambda a: a, sequences=x, n_steps=k)
    (loop,) = out.args
    assert isinstance(loop.op, Scan)
    pairs = [(found, expected) for found, expected, _ in loop.op.equalities(loop)]
    assert any(found != expected and expected == loop.op.length for found, expected in pairs)


def test_backwards(same):
    x = ct.dvector("x")
    out, _ = ct.scan(lambda a, acc: acc + a, sequences=x, outputs_info=0, go_backwards=True)
    same(out, np.cumsum(V[::-1]), {x: V})
    out, _ = ct.scan(lambda a: a, sequences=x, n_steps=2, go_backwards=True)
    same(out, V[::-1][:2], {x: V})


def test_captured_tensors(same):
    x, w, n = ct.dvector("x"), ct.dscalar("w"), ct.lscalar("n")
    out, _ = ct.scan(lambda a: a * w + ct.exp(w) * n, sequences=x)
    same(out, V * 2 + np.exp(2.0) * 3, {x: V, w: 2.0, n: 3}, 1e-15)
    out, _ = ct.scan(lambda i: x[i] + x[-1 - i], sequences=ct.arange(x.shape[0]))
    same(out, V + V[::-1], {x: V})
    out, _ = ct.scan(lambda i: x[: i + 1].sum(), sequences=ct.arange(x.shape[0]))
    same(out, np.cumsum(V), {x: V})


def test_loops_in_loops(same):
    x = ct.dmatrix("x")

    def row_sum(row):
        return ct.reduce(lambda a, acc: acc + a, row, 0)[0]

    same(ct.scan(row_sum, sequences=x)[0], M.sum(1), {x: M})


def test_reduce_and_folds(same):
    x = ct.dvector("x")
    same(ct.reduce(lambda a, acc: acc + a, x, 0)[0], np.float64(10), {x: V})
    same(ct.reduce(lambda a, acc: acc + a, x, 0.5)[0], np.float64(0.5), {x: V[:0]})
    same(ct.foldl(lambda a, acc: acc * 10 + a, x, 0)[0], np.float64(1234), {x: V})
    same(ct.foldr(lambda a, acc: acc * 10 + a, x, 0)[0], np.float64(4321), {x: V})
    (total, last), _ = ct.reduce(lambda a, acc: [acc + a, a * 2], x, [0, None])
    same(total, np.float64(10), {x: V})
    same(last, np.float64(8), {x: V})
    assert ct.reduce(lambda a, acc: acc + a, x, 0, return_updates=False).ndim == 0


# -- derivatives in and of loops --------------------------------------------------------------
def test_the_tutorials_jacobian_and_hessian(same):
    x = ct.dvector("x")
    y = x**2
    J, _ = ct.scan(lambda i, y, x: slope(y[i], x), sequences=ct.arange(y.shape[0]),
                   non_sequences=[y, x])  # fmt: skip
    same(J, np.diag(2 * V), {x: V})
    gy = slope((x**3).sum(), x)
    H, _ = ct.scan(lambda i, gy, x: slope(gy[i], x), sequences=ct.arange(gy.shape[0]),
                   non_sequences=[gy, x])  # fmt: skip
    same(H, np.diag(6 * V), {x: V})


def test_derivative_through_a_loop(same):
    x, w = ct.dvector("x"), ct.dscalar("w")
    out, _ = ct.scan(lambda a, acc, w: acc * w + a, sequences=x, outputs_info=0, non_sequences=w)
    given = {x: V, w: 0.5}
    same(slope(out[-1], x), 0.5 ** np.arange(3, -1, -1.0), given)
    same(slope(out[-1], w), np.float64(3 * 0.25 + 2 * 2 * 0.5 + 3), given)
    same(slope(slope(out[-1], w), w), np.float64(6 * 0.5 + 4), given)


# -- refusals ---------------------------------------------------------------------------------
x = ct.dvector("x")
REFUSED = [
    (lambda: ct.scan(lambda: 1), ValueError, "neither sequences nor n_steps"),
    (lambda: ct.scan(lambda a: a, sequences=ct.dscalar("s")), ShapeError, "found a scalar"),
    (lambda: ct.scan(lambda a: None, sequences=x), ValueError, "return statement"),
    (lambda: ct.scan(lambda a: [None, a], sequences=x), TypeError, "NoneType"),
    (lambda: ct.scan(lambda a, acc: a > acc, sequences=x, outputs_info=0), DTypeError,
     "starts as int64 and is bool"),
    (lambda: ct.scan(lambda a: [], sequences=x), ValueError, "return statement"),
    (lambda: ct.scan(lambda a: {}, sequences=x), ValueError, "return statement"),
    (lambda: ct.scan(lambda a: [a, a], sequences=x, outputs_info=[None]), ValueError,
     "2 outputs, outputs_info has 1"),
    (lambda: ct.scan(lambda a, b: [a], sequences=x, outputs_info=[1.0, None]), ValueError,
     "1 outputs, outputs_info has 2"),
    (lambda: ct.scan(lambda a: a, sequences=x, n_steps=-1), ValueError, "n_steps=-1"),
    (lambda: ct.scan(lambda a: a, sequences=x, n_steps=2.0), TypeError, "n_steps"),
    (lambda: ct.scan(lambda a: a, sequences=ct.dvector("y", shape=(3,)), n_steps=4), ShapeError,
     "3 rows, n_steps is 4"),
    (lambda: ct.scan(lambda a, acc: acc + a, sequences=x, outputs_info=ct.lscalar("n")),
     DTypeError, "starts as int64 and is float64"),
    (lambda: ct.scan(lambda a, acc: acc + a, sequences=x, outputs_info=np.int64(0)),
     DTypeError, r"astype\('float64'\)"),
    (lambda: ct.scan(lambda a, acc: acc + a, sequences=x, outputs_info=ct.fscalar("f")),
     DTypeError, "starts as float32 and is float64"),
    (lambda: ct.scan(lambda a, acc: acc + x, sequences=x, outputs_info=0.0), ShapeError,
     "changes its shape"),
    (lambda: ct.scan(lambda acc: ct.concatenate([acc, acc]), outputs_info=ct.zeros(2), n_steps=3),
     ShapeError, "changes its shape"),
    (lambda: ct.scan(lambda a: a, sequences={"input": x, "taps": [0.5]}), TypeError, "taps"),
    (lambda: ct.scan(lambda a: a, outputs_info={"initial": x, "taps": [0]}, n_steps=3),
     ValueError, "below 0"),
    (lambda: ct.scan(lambda a, b: a, outputs_info={"initial": x, "taps": [-1, -1]}, n_steps=3),
     ValueError, "different"),
    (lambda: ct.scan(lambda a: a, outputs_info={"initial": ct.zeros(2), "taps": [-3]}, n_steps=3),
     ShapeError, "3 values before the first step"),
    (lambda: ct.scan(lambda a: (ct.until(a > 1), a), sequences=x), ValueError, "comes last"),
    (lambda: ct.scan(lambda a: (a, ct.until(x > 1)), sequences=x), ShapeError, "scalar"),
    (lambda: ct.scan(lambda a: a, sequences=x, truncate_gradient=0), ValueError,
     "truncate_gradient=0"),
    (lambda: ct.scan(lambda a: ({ct.shared(1.0): a}, a), sequences=x), ValueError,
     "updates come after"),
    (lambda: ct.scan(lambda a: (a, {x: a}), sequences=x), TypeError, "shared variable"),
    (lambda: ct.scan(lambda a: (a, {ct.shared(1): a}), sequences=x), DTypeError, "int64 is float"),
    (lambda: ct.scan(lambda a: (a, {ct.shared(np.ones(2)): a}), sequences=x), ShapeError, "axes"),
    (lambda: ct.scan(lambda a: (a, {ct.shared(1.0): a}), sequences=x, return_updates=False),
     ValueError, "return_updates"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_an_impossible_initial_value_shows_both():
    with pytest.raises(DTypeError) as caught:
        ct.scan(lambda a, acc: acc + a, sequences=x, outputs_info=ct.lscalar("n0"))
    for word in ("n0: int64 ()", "float64", "Fix", "output 0", "test_scan.py"):
        assert word in str(caught.value)


def test_strict_names_a_shared_variable_that_is_not_passed(same):
    s = ct.shared(2.0, "s")
    with pytest.raises(ValueError, match=r"s: float64(.|\n)*non_sequences"):
        ct.scan(lambda a: a * s, sequences=x, strict=True)
    out, _ = ct.scan(lambda a, s: a * s, sequences=x, non_sequences=s, strict=True)
    same(out, V * 2, {x: V})
    out, _ = ct.scan(lambda a: a * s, sequences=x)
    same(out, V * 2, {x: V})
