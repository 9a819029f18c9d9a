"""Every result is stored, whatever kind of node it is; sizes are known or bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from structure import kernel_of, statements

import cgrad
import cgrad.tensor as ct
from cgrad.core.loops import Accumulate


def test_results_that_are_numbers_or_sizes_are_stored() -> None:
    x = ct.dvector("x")
    f = cgrad.function(
        [x], [ct.constant(2.0), x.shape[0], ct.constant(7), x.size, ct.constant(True)]
    )
    got = f([1.0, 2.0, 3.0])
    assert [v.item() for v in got] == [2.0, 3, 7, 3, True]
    assert float(cgrad.function([x], ct.sum(ct.constant([1.0, 2.0])) * 3)([])) == 9.0


def test_the_same_result_twice_and_an_input_as_result() -> None:
    x = ct.dvector("x")
    y = ct.exp(x)
    values = np.array([0.5, 1.5])
    a, b, c, d = cgrad.function([x], [y, y, x, x])(values)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(c, values)
    assert not any(np.shares_memory(c, other) for other in (d, values, a, b))


def test_empty_constants() -> None:
    x = ct.dvector("x")
    empty = ct.constant(np.zeros((0,)))
    f = cgrad.function([x], [ct.concatenate([x, empty]), ct.sum(empty * 2), empty + 1])
    got = f([1.0, 2.0])
    np.testing.assert_array_equal(got[0], [1.0, 2.0])
    assert float(got[1]) == 0.0 and got[2].shape == (0,)


def test_a_guarded_read_of_a_tensor_without_elements() -> None:
    x, k = ct.dmatrix("x"), ct.lscalar("k")
    part = ct.hypot(x[:k], ct.sqr(x[:k]) + 0.5)
    cost = ct.sum(part * ct.constant(np.zeros((0, 2))))
    f = cgrad.function([x, k], [cost, cgrad.grad(cost, x)])
    got = f(np.ones((3, 2)), 0)
    assert float(got[0]) == 0.0
    np.testing.assert_array_equal(got[1], np.zeros((3, 2)))
    with pytest.raises(cgrad.ShapeError):
        f(np.ones((3, 2)), 1)


INDICES = [
    slice(None, None, -1), slice(None, None, 2), slice(1, None, 2), slice(-1, 0, -2),
    slice(5, 1, -3), slice(-3, -1), slice(2, 100), slice(-100, 2), slice(100, None),
    slice(None, -100, -1), slice(3, 1), slice(0, 0), slice(None, None, -7), slice(-2, None, -2),
]  # fmt: skip


def test_slices_at_every_length() -> None:
    x = ct.dvector("x")
    parts = [x[index] for index in INDICES]
    cost = sum(ct.sum(part**2) for part in parts)
    f = cgrad.function([x], [*parts, cgrad.grad(cost, x)])
    for n in range(9):
        values = np.arange(1.0, n + 1)
        *got, gradient = f(values)
        want = np.zeros(n)
        for index, part in zip(INDICES, got, strict=True):
            np.testing.assert_array_equal(part, values[index], err_msg=f"{index} of {n}")
            want[index] += 2 * values[index]
        np.testing.assert_array_equal(gradient, want)


def test_bounds_known_at_the_call() -> None:
    x, k, j = ct.dvector("x"), ct.lscalar("k"), ct.lscalar("j")
    makers: list[Any] = [
        lambda x, k, j: x[:k], lambda x, k, j: x[k:], lambda x, k, j: x[j:k],
        lambda x, k, j: x[k:j:-1], lambda x, k, j: x[j:k:2], lambda x, k, j: x[k::-3],
    ]  # fmt: skip
    outputs = [make(x, k, j) for make in makers]
    gradient = cgrad.grad(sum(ct.sum(out**2) for out in outputs), x)
    f = cgrad.function([x, k, j], [*outputs, gradient])
    values = np.arange(1.0, 6.0)
    bounds = [*range(-7, 8), 2**40, -(2**40), 2**63 - 1, -(2**63)]
    for kk in bounds:
        for jj in (0, 2, -1, -9, 9, 2**63 - 1, -(2**63)):
            *got, slope = f(values, kk, jj)
            want = np.zeros(5)
            for make, part in zip(makers, got, strict=True):
                np.testing.assert_array_equal(part, make(values, kk, jj), err_msg=f"{kk} {jj}")
            for index in (np.s_[:kk], np.s_[kk:], np.s_[jj:kk], np.s_[kk:jj:-1], np.s_[jj:kk:2],
                          np.s_[kk::-3]):  # fmt: skip
                want[index] += 2 * values[index]
            np.testing.assert_array_equal(slope, want, err_msg=f"{kk} {jj}")


def test_ranges_known_at_the_call() -> None:
    k = ct.lscalar("k")
    f = cgrad.function([k], [ct.arange(k), ct.arange(2, k, 3), ct.arange(k, 0, -2)])
    for value in (-3, 0, 1, 2, 7):
        got = f(value)
        np.testing.assert_array_equal(got[0], np.arange(value))
        np.testing.assert_array_equal(got[1], np.arange(2, value, 3))
        np.testing.assert_array_equal(got[2], np.arange(value, 0, -2))
    g = cgrad.function([k], ct.eye(k))
    assert g(2).tolist() == [[1.0, 0.0], [0.0, 1.0]] and g(0).shape == (0, 0)
    with pytest.raises(ValueError, match="-3"):
        g(-3)


def test_a_size_that_depends_on_data_but_is_bounded() -> None:
    x = ct.dvector("x")
    count = ct.sum(x > 0)
    f = cgrad.function([x], [x[:count], ct.sum(x[:count])])
    for values in ([1.0, -1.0, 2.0, -5.0], [-1.0], [], [3.0, 4.0]):
        array = np.array(values)
        want = array[: int((array > 0).sum())]
        part, total = f(array)
        np.testing.assert_array_equal(part, want)
        assert float(total) == want.sum()


def test_a_size_that_nothing_bounds_is_refused_with_a_way_out() -> None:
    x = ct.dvector("x")
    with pytest.raises(NotImplementedError, match="argument"):
        cgrad.function([x], ct.zeros((ct.sum(x > 0) * ct.sum(x < 0),)))


@pytest.mark.parametrize("axis", [0, 1])
def test_reduced_axes_of_length_one(axis: int) -> None:
    x, v = (
        ct.tensor("x", dtype="float64", shape=(None, 1)),
        ct.tensor("v", dtype="float64", shape=(1,)),
    )
    y = ct.dot(x, v)
    value = ct.sum(ct.log(0.5 + ct.sum(x, axis=1) ** 2) + y + ct.sum(x * 2, axis=axis).sum())
    f = cgrad.function([x, v], [value, *cgrad.grad(value, [x, v])])
    got = f([[1.0], [2.0]], [3.0])
    h = 1e-6
    up, down = (f([[1.0 + s * h], [2.0]], [3.0])[0] for s in (1, -1))
    np.testing.assert_allclose(got[1][0, 0], (up - down) / (2 * h), rtol=1e-7)


def test_joins_are_written_in_place() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    _, slots = kernel_of([a, b], [ct.concatenate([ct.exp(a), 2 * b])])
    assert not slots


def test_scan_rows_are_written_in_place() -> None:
    x = ct.dmatrix("x")
    h, _ = cgrad.scan(lambda row: ct.exp(row), x)
    assert not kernel_of([x], [h])[1]


def test_a_constant_is_not_read_where_a_choice_keeps_it_from_being() -> None:
    x = ct.dvector("x")
    none = x[ct.constant([2, -2])][7:7]
    found = cgrad.function([x], ct.diag(none, 1))(np.arange(5.0))
    np.testing.assert_array_equal(found, [[0.0]])


def test_a_total_of_one_element_is_stored_as_it_is() -> None:
    column, row = ct.tensor("column", shape=(None, 1)), ct.tensor("row", shape=(1, None))
    kernel, _ = kernel_of([column, row], [ct.exp(ct.sum(column[:, None] * row.T, axis=2))])
    assert not any(isinstance(stmt, Accumulate) for stmt in statements(kernel.body))


def test_products_of_rows_counted_in_the_call() -> None:
    """The distance of a result's rows is a number of rows that only the call finds."""
    x = ct.dmatrix("x")
    (h, _), _ = ct.scan(
        lambda s, h, k: ([h + s, k + 1], ct.until(ct.gt(k, 1.5))), x,
        [ct.zeros_like(x[0]), ct.constant(np.int64(0))],
    )  # fmt: skip
    chosen = x[ct.gt(x[:, 0], 0)]
    square = h @ h.T + ct.eye(h.shape[0])
    f = cgrad.function([x], [h @ h.T, chosen @ chosen.T, ct.linalg.cholesky(square)])
    data = np.random.default_rng(0).normal(size=(20, 12))
    rows, kept = np.cumsum(data, axis=0)[:3], data[data[:, 0] > 0]
    want = [rows @ rows.T, kept @ kept.T, np.linalg.cholesky(rows @ rows.T + np.eye(3))]
    for got, value in zip(f(data), want, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-12)


def test_products_of_counts_are_bounded() -> None:
    # counts of true elements and of steps done are not negative, in the variables of C too
    x = ct.dvector("x")
    some = x[x > 0]
    outer = ct.outer(some, some)
    running, _ = cgrad.scan(
        lambda t, s: (s + t, ct.until(s + t > 3)), sequences=[x], outputs_info=[ct.constant(0.0)]
    )
    product = ct.outer(running, running)
    f = cgrad.function([x], [outer.ravel(), outer[outer > 1], product.ravel()])
    for values in ([1.0, -2, 2, 3, -1], [-1.0, -2], []):
        given = np.array(values)
        want = np.outer(given[given > 0], given[given > 0])
        total = np.cumsum(given)
        total = total[: np.argmax(total > 3) + 1] if (total > 3).any() else total
        got = f(given)
        np.testing.assert_array_equal(got[0], want.ravel())
        np.testing.assert_array_equal(got[1], want[want > 1])
        np.testing.assert_array_equal(got[2], np.outer(total, total).ravel())
