"""Temporaries are as small as their loops allow."""

from __future__ import annotations

import numpy as np
from structure import c_of, kernel_of, nests

import cgrad
import cgrad.tensor as ct


def test_elementwise_graphs_with_reductions_need_no_memory() -> None:
    x, y = ct.dmatrix("x"), ct.drow("y")
    z = ct.sin(x) * y
    value = ct.sum(z * ct.exp(-(z**2)))
    kernel, slots = kernel_of([x, y], [value, cgrad.grad(value, x)])
    assert not slots
    assert len(nests(kernel)) == 1


def test_row_totals_are_registers() -> None:
    x = ct.dmatrix("x")
    mean = ct.mean(x, axis=1, keepdims=True)
    kernel, slots = kernel_of([x], [ct.sum((x - mean) ** 2, axis=1)])
    assert len(nests(kernel)) == 1 and not slots


def test_stores_that_nobody_reads_vanish() -> None:
    x = ct.dvector("x")
    h, _ = cgrad.scan(lambda s, h: h + s, x, ct.constant(0.0))
    text = c_of([x], [h[-1]])
    assert text.count("for (") == 1


def test_a_total_is_not_copied_into_another_variable() -> None:
    x = ct.dvector("x")
    text = c_of([x], [ct.exp(ct.sum(x))])
    assert "sum2" not in text and "*out0 = cg_exp(sum);" in text


def test_a_result_read_by_another_result_is_right() -> None:
    x = ct.dvector("x")
    s = ct.sum(x)
    got = cgrad.function([x], [s, 0.0 + s, s * 2])([1.0, 2.0])
    assert [float(v) for v in got] == [3.0, 3.0, 6.0]


def test_views_of_a_temporary_keep_their_axes() -> None:
    x = ct.dmatrix("x")
    y = ct.reshape(ct.exp(x), (x.shape[1], x.shape[0]))
    values = np.arange(6.0).reshape(2, 3) / 6
    got = cgrad.function([x], [ct.sum(y, axis=0), ct.sum(ct.exp(x), axis=0)])(values)
    np.testing.assert_allclose(got[0], np.exp(values).reshape(3, 2).sum(axis=0))
    np.testing.assert_allclose(got[1], np.exp(values).sum(axis=0))


def test_a_temporary_without_elements_is_read_through_a_view_only() -> None:
    """Its loop runs over a known length of 0 and is gone; the lengths of its reader are symbols."""
    x = ct.dmatrix("x")
    z = ct.tensor("z", dtype="float64", shape=(3, 0))
    y = ct.reshape(ct.sin(z) * 2, (x.shape[0], 1, x.shape[1]))
    f = cgrad.function([x, z], ct.sum(y + ct.cos(y), axis=1))
    assert f(np.zeros((3, 0)), np.zeros((3, 0))).shape == (3, 0)


def test_what_nothing_stores_to_stays_an_array() -> None:
    """A join without elements, read by a loop whose length only the call knows."""
    z, m = ct.tensor("z", shape=(2,)), ct.tensor("m", dtype="bool", shape=(2,))
    none = (z * 2)[:0]
    part = none[none > 1]
    added = ct.inc_subtensor(z[ct.nonzero(m)[0]], ct.concatenate([part, part]))
    f = cgrad.function([z, m], added)
    np.testing.assert_array_equal(f([1.0, 2.0], [False, False]), [1.0, 2.0])
