"""Short rows go four at a time where they add to the same elements."""

from __future__ import annotations

import numpy as np
from structure import every_loop, kernel_of, operations

import cgrad
import cgrad.tensor as ct
from cgrad.codegen import jam
from cgrad.core.loops import For


def test_rows_share_what_they_add_to() -> None:
    A, v = ct.dmatrix("A"), ct.dvector("v")
    kernel, _ = kernel_of([A, v], [v @ A])
    (four,) = [loop for loop in every_loop(kernel) if loop.step == jam.ROWS]
    (inner,) = [stmt for stmt in four.body if isinstance(stmt, For)]
    (total,) = inner.body
    assert operations([total]) == 2 * jam.ROWS - 1


def test_rows_that_share_nothing_go_one_at_a_time() -> None:
    A, B = ct.dmatrix("A"), ct.dmatrix("B")
    kernel, _ = kernel_of([A, B], [ct.sum(A * B, axis=1), A.T * B])
    assert jam.ROWS not in {loop.step for loop in every_loop(kernel)}


def test_a_whole_number_of_fours_leaves_nothing_over() -> None:
    A, v = ct.tensor("A", shape=(8, 8)), ct.tensor("v", shape=(8,))
    kernel, _ = kernel_of([A, v], [v @ A])
    assert [loop.extent for loop in every_loop(kernel) if loop.step == jam.ROWS] == [8]
    assert 8 not in [loop.start for loop in every_loop(kernel)]


def test_any_number_of_rows() -> None:
    A, v = ct.dmatrix("A"), ct.dvector("v")
    f = cgrad.function([A, v], [v @ A, ct.sum(A, axis=0), v @ A])
    for rows in range(10):
        M = np.arange(7.0 * rows).reshape(rows, 7)
        w = np.arange(1.0, rows + 1)
        # small integers: exact in every order
        for found, expected in zip(f(M, w), [w @ M, M.sum(axis=0), w @ M], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_names_of_the_four_do_not_hide_values_from_outside() -> None:
    X, p = ct.dmatrix("X"), ct.dvector("p")
    f = cgrad.function([X, p], ct.sum(ct.minimum(ct.sqr(X + 1), p[0] + p[1] * p[2]), axis=0))
    A = np.linspace(-1, 1, 45).reshape(9, 5)
    want = np.minimum((A + 1) ** 2, 0.65).sum(axis=0)
    np.testing.assert_allclose(f(A, [0.3, 0.5, 0.7]), want, rtol=1e-14)


def test_positions_that_are_looked_up_move_with_the_row() -> None:
    """Elements of a diagonal matrix are told by comparing positions, which are looked up here."""
    X, v = ct.dmatrix("X"), ct.dvector("v")
    order = ct.argsort(X, axis=1)
    f = cgrad.function([X, v], ct.sum(ct.take_along_axis(ct.diag(v), order, axis=1), axis=0))
    x, w = np.random.default_rng(0).normal(size=(9, 9)), np.arange(9.0)
    expected = np.take_along_axis(np.diag(w), np.argsort(x, axis=1), axis=1).sum(0)
    np.testing.assert_array_equal(f(x, w), expected)
