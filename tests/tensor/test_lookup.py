"""Integer-array and mask indexing, positions, sorting: compiled values, both modes, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Input, Node
from cgrad.errors import ShapeError

RNG = np.random.default_rng(7)
X = RNG.normal(size=(4, 3, 5))
GIVEN: dict[str, Any] = {
    "i": np.array([2, 0, -1, 2]), "j": np.array([[0, -1, 2], [1, 1, 0]]), "k": np.int64(1),
    "m": np.array([True, False, True, True]), "m2": RNG.random((4, 3)) > 0.4,
    "none": np.zeros(0, np.int64), "each": np.array([[4, 0, -2], [1, 1, 3], [2, -5, 0], [0, 0, 4]]),
}  # fmt: skip
INDEX: dict[str, Any] = {
    "rows": lambda x, g: x[g["i"]],
    "columns": lambda x, g: x[:, g["j"]],
    "between slices": lambda x, g: x[1:, g["j"], ::2],
    "apart": lambda x, g: x[g["i"], :, g["i"]],
    "scalar and array": lambda x, g: x[g["k"], :, g["i"]],
    "list": lambda x, g: x[:, [0, 2, 1, 1], g["i"]],
    "mask": lambda x, g: x[g["m"]],
    "mask of two axes": lambda x, g: x[g["m2"]],
    "mask and int": lambda x, g: x[g["m"], 1],
    "new axes": lambda x, g: x[None, g["i"], None],
    "dots": lambda x, g: x[..., g["j"]],
    "empty list": lambda x, g: x[[]],
    "empty array": lambda x, g: x[g["none"], 1:],
    "broadcasting": lambda x, g: x[g["i"][:, None, None], g["j"]],
    "everything": lambda x, g: x[g["i"], [0, 1, 2, 0], [1, 1, -1, 4]],
    "one of each row": lambda x, g: x[np.arange(4), g["i"]],
    "one of each column": lambda x, g: x[g["j"][0], np.arange(3), 1:],
    "one of each of two axes": lambda x, g: x[np.arange(4)[:, None], [0, 1, 2], g["each"]],
    "counting": lambda x, g: x[[0, 1, 2]],
    "mask later": lambda x, g: x[1:3, g["m2"][0]],
}


@pytest.fixture(scope="module")
def symbols() -> tuple[Node, dict[str, Node]]:
    x = ct.tensor3("x")
    given = {
        name: ct.tensor(name, dtype=value.dtype.name, shape=(None,) * np.ndim(value))
        for name, value in GIVEN.items()
    }
    return x, given


def call(symbols: Any, outputs: list[Node], extra: dict[Node, Any] | None = None) -> list[Any]:
    x, given = symbols
    values = {x: X, **{given[name]: value for name, value in GIVEN.items()}, **(extra or {})}
    f = cgrad.function(list(values), outputs, on_unused_input="ignore")
    found = f(*values.values())
    for got, want in zip(found, evaluate(outputs, values), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13)
        assert got.shape == np.shape(want)
    return found


def test_values(symbols: Any) -> None:
    x, given = symbols
    found = call(symbols, [index(x, given) for index in INDEX.values()])
    for name, got, index in zip(INDEX, found, INDEX.values(), strict=True):
        want = index(X, GIVEN)
        assert got.shape == want.shape, name
        np.testing.assert_array_equal(got, want, err_msg=name)


def test_reverse_mode_adds_up_where_positions_repeat(symbols: Any) -> None:
    x, given = symbols
    found = call(symbols, [ct.grad(ct.sin(ix(x, given)).sum(), x) for ix in INDEX.values()])
    flat = np.arange(X.size).reshape(X.shape)
    for name, got, index in zip(INDEX, found, INDEX.values(), strict=True):
        chosen = index(flat, GIVEN).ravel()
        want = np.zeros(X.size)
        np.add.at(want, chosen, np.cos(X.ravel()[chosen]))
        np.testing.assert_allclose(got, want.reshape(X.shape), rtol=1e-14, err_msg=name)


def test_modes_agree_to_second_order(symbols: Any) -> None:
    x, given = symbols
    t = ct.tensor3("t")
    outputs = []
    for index in INDEX.values():
        y = ct.exp(index(x, given) * 0.3)
        cost = (y * y).sum()
        slope = ct.grad(cost, x)
        outputs += [(slope * t).sum(), cgrad.Rop(cost, x, t)]
        outputs += [cgrad.Rop(slope, x, t), ct.grad((slope * t).sum(), x)]
    found = call(symbols, outputs, {t: RNG.normal(size=X.shape)})
    for k, name in enumerate(INDEX):
        first, second, forward, reverse = found[4 * k : 4 * k + 4]
        np.testing.assert_allclose(first, second, rtol=1e-11, err_msg=name)
        np.testing.assert_allclose(forward, reverse, rtol=1e-11, atol=1e-13, err_msg=name)


CHANGED = ["rows", "columns", "between slices", "apart", "mask", "mask of two axes", "mask and int"]


@pytest.mark.parametrize("name", CHANGED)
def test_set_and_inc(symbols: Any, name: str) -> None:
    x, given = symbols
    part = INDEX[name](x, given)
    found = call(symbols, [ct.set_subtensor(part, 9.0), ct.inc_subtensor(part, 2.0)])
    chosen = INDEX[name](np.arange(X.size).reshape(X.shape), GIVEN).ravel()
    put, added = X.copy().ravel(), X.copy().ravel()
    put[chosen] = 9.0
    np.add.at(added, chosen, 2.0)
    np.testing.assert_array_equal(found[0].ravel(), put)
    np.testing.assert_allclose(found[1].ravel(), added, rtol=1e-15)


def test_changes_of_an_index_expression_of_another_one() -> None:
    """Each expression of a chain is of one tensor, wherever in the source the others are."""

    def part(x: Any, index: Any) -> Any:
        return x[index]

    x = ct.dmatrix("x")
    a, rows = np.arange(12.0).reshape(3, 4), np.array([1, 0])
    inner = [(slice(1, None),), (slice(None), slice(None, None, 2)), (rows,), (slice(None), rows)]
    outer = [rows, (slice(None), rows), (rows, slice(1, None))]
    for first in inner:
        for second in outer:
            y = part(part(x, first), second)
            # creation sites are not kept in pickles
            for target in (y, pickle.loads(pickle.dumps(y))):
                (source,) = [n for n in toposort([target]) if isinstance(n.op, Input)]
                want = [a[first].copy(), a[first].copy()]
                want[0][second] = 100.0
                want[1][second] += 100.0
                outputs = [ct.set_subtensor(target, 100.0), ct.inc_subtensor(target, 100.0)]
                for got, expected in zip(evaluate(outputs, {source: a}), want, strict=True):
                    np.testing.assert_array_equal(got, expected, err_msg=f"{first} {second}")


def test_axes_moved_by_the_user_are_no_part_of_the_index() -> None:
    x = ct.dmatrix("x")
    a, rows = np.arange(12.0).reshape(3, 4), np.array([1, 0])
    target = pickle.loads(pickle.dumps(x.T[rows]))
    (source,) = [n for n in toposort([target]) if isinstance(n.op, Input)]
    want = a.T.copy()
    want[rows] = 9.0
    np.testing.assert_array_equal(ct.set_subtensor(target, 9.0).eval({source: a}), want)
    for refused in (x[rows].T, ct.transpose(x[:, rows])):
        with pytest.raises(TypeError, match="index expression"):
            ct.set_subtensor(refused, 0.0)


def test_set_is_differentiable_in_both(symbols: Any) -> None:
    x, v, i = ct.dvector("x"), ct.dvector("v"), ct.lvector("i")
    y = (ct.set_subtensor(x[i], v) ** 2).sum()
    f = cgrad.function([x, v, i], ct.grad(y, [x, v]))
    gx, gv = f([1.0, 2.0, 3.0, 4.0], [5.0, 6.0], [2, 0])
    assert gx.tolist() == [0.0, 4.0, 0.0, 8.0]
    assert gv.tolist() == [10.0, 12.0]


def test_new_axes_in_the_index_of_what_is_set() -> None:
    x, v, w = ct.dmatrix("x"), ct.dvector("v"), ct.tensor("w", shape=(None, 1, None))
    rows = np.array([1, 0])
    outputs = [ct.set_subtensor(x[rows, None], w), ct.inc_subtensor(x[None, 1:, rows], 1.0),
               ct.set_subtensor(x[None, 1:], v), ct.inc_subtensor(x[:, None, 0], 2.0),
               ct.set_subtensor(x[None], v), ct.set_subtensor(x[1:][None, rows], v)]  # fmt: skip
    f = cgrad.function([x, v, w], [*outputs, cgrad.grad(ct.sum(outputs[0] ** 2), w)])
    a, b, c = np.arange(12.0).reshape(3, 4), np.arange(4.0), np.arange(8.0).reshape(2, 1, 4)
    want = [a.copy() for _ in range(5)] + [a[1:].copy()]
    want[0][rows, None] = c
    want[1][None, 1:, rows] += 1.0
    want[2][None, 1:] = b
    want[3][:, None, 0] += 2.0
    want[4][None] = b
    want[5][None, rows] = b
    for got, expected in zip(f(a, b, c), [*want, 2 * c], strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("bad", [[4], [-5], [0, 2**62], [-(2**63)]])
def test_positions_outside_are_an_error_at_the_call(bad: list[int]) -> None:
    x, i = ct.dvector("x"), ct.lvector("i")
    f = cgrad.function([x, i], [x[i], ct.grad(x[i].sum(), x), ct.set_subtensor(x[i], 0.0)])
    with pytest.raises(IndexError, match=r"out of bounds for axis 0 with size 4"):
        f(np.ones(4), bad)
    assert f(np.ones(4), [3, -4])[0].tolist() == [1.0, 1.0]


def test_errors_when_building() -> None:
    x = ct.tensor("x", dtype="float64", shape=(3, None))
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 0 with size 3"):
        x[[0, 3]]
    with pytest.raises(IndexError, match="too many indices"):
        x[[0], [0], [0]]
    with pytest.raises(TypeError, match="float64"):
        x[np.array([0.5])]
    with pytest.raises(ValueError, match="axis 0"):
        x[[0, 1], [0, 1, 2]]


def test_a_mask_of_another_length_is_an_error() -> None:
    x, m = ct.dvector("x"), ct.tensor("m", dtype="bool", shape=(None,))
    f = cgrad.function([x, m], x[m])
    assert f(np.arange(3.0), [True, False, True]).tolist() == [0.0, 2.0]
    assert f(np.arange(3.0), [False] * 3).shape == (0,)
    with pytest.raises(ValueError, match="size 2, expected 3"):
        f(np.arange(3.0), [True, False])


def test_a_mask_of_selected_elements_is_checked_where_their_number_is_known() -> None:
    x, few = ct.dvector("x"), ct.vector("few", dtype="bool")
    mask = ct.vector("mask", dtype="bool")
    selected = x[mask][few]
    looped, _ = ct.scan(lambda row: row * ct.sum(x[x > row][few]), x)
    f = cgrad.function([x, mask, few], [selected, cgrad.grad(ct.sum(selected**2), x)])
    g = cgrad.function([x, few], looped)
    values, which = np.arange(4.0), np.array([True, False, True, True])
    np.testing.assert_array_equal(f(values, which, [True, False, True])[0], [0.0, 3.0])
    np.testing.assert_array_equal(f(values, which, [True, False, True])[1], [0.0, 0.0, 0.0, 6.0])
    with pytest.raises(ShapeError, match="mask: axis 0 has size 4, expected 3"):
        f(values, which, which)
    with pytest.raises(ShapeError, match="mask: axis 0 has size 3, expected 2"):
        g(values, [True, False, True])


def test_a_mask_of_an_axis_without_elements() -> None:
    masks = [ct.tensor("m", dtype="bool", shape=shape) for shape in ((0, 3), (None, 0), (0,))]
    f = cgrad.function(masks, [rows * 2 for mask in masks for rows in ct.nonzero(mask)])
    assert all(not len(rows) for rows in f(*(np.ones(s, bool) for s in ((0, 3), (2, 0), (0,)))))
    # a length of 0 that is found only when sizes become one
    mask, x = ct.vector("mask", dtype="bool"), ct.tensor("x", dtype="float64", shape=(0,))
    found, _ = cgrad.function([mask, x], [ct.nonzero(mask)[0] + 1, ct.where(mask, x, 1.0)])(
        np.ones(0, bool), np.ones(0)
    )
    assert not len(found)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "uint64", "bool"])
def test_sort_and_argsort(dtype: str) -> None:
    x = ct.tensor("x", dtype=dtype, shape=(None, None))
    f = cgrad.function([x], [ct.argsort(x), ct.sort(x, axis=0), ct.sort(x, axis=None)])
    for shape in [(4, 5), (3, 100), (2, 1), (0, 3), (3, 0), (5, 17)]:
        value = RNG.integers(0, 9, size=shape).astype(dtype)
        if dtype.startswith("float") and value.size > 4:
            value.reshape(-1)[::7] = np.nan
            value.reshape(-1)[1::9] = -np.inf
        order, rows, flat = f(value)
        np.testing.assert_array_equal(order, np.argsort(value, kind="stable"))
        np.testing.assert_array_equal(rows, np.sort(value, axis=0))
        np.testing.assert_array_equal(flat, np.sort(value, axis=None))


def test_the_derivative_of_sort_follows_the_elements() -> None:
    x, w = ct.dmatrix("x"), ct.dmatrix("w")
    f = cgrad.function([x, w], ct.grad((ct.sort(x, axis=1) * w).sum(), x))
    value, weight = RNG.normal(size=(3, 7)), RNG.normal(size=(3, 7))
    want = np.zeros((3, 7))
    np.put_along_axis(want, np.argsort(value, 1), weight, 1)
    np.testing.assert_array_equal(f(value, weight), want)


def test_positions_and_take() -> None:
    a = ct.dmatrix("a")
    value = RNG.normal(size=(4, 5))
    value[1, 2] = np.nan
    best = ct.argmax(a, axis=1, keepdims=True)
    outputs = [
        ct.argmax(a, axis=1), ct.argmin(a, axis=0), ct.argmax(a), best,
        ct.take(a, [1, 0], axis=1), ct.take(a, [7, -30], mode="clip"),
        ct.take(a, [21, -30], mode="wrap"), ct.take_along_axis(a, best, 1),
        ct.compress([True, False, True, False], a, axis=0), ct.flatnonzero(a > 0),
        *ct.nonzero(a > 0),
    ]  # fmt: skip
    expected = [
        value.argmax(1), value.argmin(0), value.argmax(), value.argmax(1, keepdims=True),
        value.take([1, 0], 1), value.take([7, -30], mode="clip"),
        value.take([21, -30], mode="wrap"),
        np.take_along_axis(value, value.argmax(1, keepdims=True), 1),
        value[[0, 2]], np.flatnonzero(value > 0), *np.nonzero(value > 0),
    ]  # fmt: skip
    for got, want in zip(cgrad.function([a], outputs)(value), expected, strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype


def test_one_of_each_row_is_added_where_the_gradient_is_used() -> None:
    x, k = ct.dmatrix("x"), ct.lvector("k")
    picked = x[ct.arange(x.shape[0]), k]
    f = cgrad.function([x, k], cgrad.grad(ct.sum(picked**2) + ct.sum(ct.exp(x)), x))
    a, rows = np.arange(6.0).reshape(3, 2), np.array([1, -1, 0])
    want = np.exp(a)
    want[np.arange(3), rows] += 2 * a[np.arange(3), rows]
    np.testing.assert_allclose(f(a, rows), want, rtol=1e-15)
    assert f._measure((a, rows))[0] == 0
    only = cgrad.function([x, k], cgrad.grad(ct.sum(picked), x))
    with pytest.raises(IndexError, match="axis 1"):
        only(a, np.array([1, 2, 0]))
    with pytest.raises(ShapeError):
        only(a, np.array([1, 1]))
