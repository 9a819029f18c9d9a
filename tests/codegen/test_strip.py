"""Rows in blocks: functions of a row stand in loops of their own, which vectorise."""

from __future__ import annotations

import numpy as np
import pytest
from structure import calls, every_loop, kernel_of, nests, statements

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.row_products import RowProducts
from cgrad.codegen.strip import BLOCK
from cgrad.core.loops import For, Invoke, Local, Set
from cgrad.core.node import Node


def logistic(columns: int | None = None) -> tuple[list[Node], list[Node]]:
    X = ct.tensor("X", shape=(None, columns))
    y, w = ct.dvector("y"), ct.dvector("w")
    z = X @ w
    value = ct.sum(ct.softplus(z) - y * z)
    return [X, y, w], [value, cgrad.grad(value, w)]


def test_the_functions_of_a_row_stand_in_a_loop_without_loops() -> None:
    kernel, slots = kernel_of(*logistic())
    (blocks,) = [nest for nest in nests(kernel) if nest.step == BLOCK]
    stages = [stmt for stmt in blocks.body if isinstance(stmt, For)]
    # the products are one call; then functions, and the sum over rows: four at a time and what is
    # left over
    assert [any(isinstance(s, For) for s in stage.body) for stage in stages] == [0, 1, 1]
    assert [type(s) for s in blocks.body if isinstance(s, Invoke)] == [RowProducts]
    assert calls([stages[0]], "exp") == 1 and calls(stages[1:], "exp") == 0
    # one value of a row goes from each stage to the next; no array grows with the data
    arrays = [stmt.buffer.name for stmt in blocks.body if isinstance(stmt, Local)]
    assert len([name for name in arrays if name.endswith("_rows")]) == 2
    assert not slots


def test_loops_whose_functions_vectorise_already_stay() -> None:
    x = ct.dmatrix("x")
    kernel, _ = kernel_of([x], [ct.sum(ct.exp(x), axis=1)])
    assert BLOCK not in {loop.step for loop in every_loop(kernel)}


def test_a_short_loop_is_one_block() -> None:
    W, h = ct.tensor("W", shape=(5, 5)), ct.tensor("h", shape=(5,))
    kernel, _ = kernel_of([W, h], [ct.tanh(W @ h)])
    assert [nest.extent for nest in nests(kernel)] == [5, 5]
    assert [s.buffer.shape for s in statements(kernel.body) if isinstance(s, Local)] == [(5,)]


def test_a_row_that_the_next_row_needs_is_not_cut() -> None:
    # the cumulative sum feeds the exponential of the row, and the loop over columns the sum
    A, v = ct.dmatrix("A"), ct.dvector("v")
    state, _ = cgrad.scan(
        lambda row, s: ct.exp(-(s + row @ v)), sequences=[A], outputs_info=[ct.constant(0.5)]
    )
    kernel, _ = kernel_of([A, v], [state])
    assert {loop.step for loop in every_loop(kernel)} == {1}


@pytest.mark.parametrize("rows", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_any_number_of_rows(rows: int) -> None:
    rng = np.random.default_rng(rows)
    X, y, w = rng.normal(size=(rows, 3)), rng.normal(size=rows), rng.normal(size=3)
    value, slope = FITTED(X, y, w)
    z = X @ w
    np.testing.assert_allclose(value, np.sum(np.logaddexp(0, z) - y * z), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(slope, (1 / (1 + np.exp(-z)) - y) @ X, rtol=1e-12, atol=1e-14)


FITTED = cgrad.function(*logistic())


def test_what_a_stage_overwrites_is_kept_for_the_later_ones() -> None:
    # an element is read, replaced by a function of the row, and its old value used after that
    x, A = ct.dvector("x"), ct.dmatrix("A")
    new = ct.exp(x + ct.sum(A * x[None, :], axis=1))
    out = A * (new - x)[:, None]
    f = cgrad.function([x, A], [new, out])
    rng = np.random.default_rng(0)
    a, M = rng.normal(size=40), rng.normal(size=(40, 40)) / 40
    e = np.exp(a + M @ a)
    np.testing.assert_allclose(f(a, M)[0], e, rtol=1e-13)
    np.testing.assert_allclose(f(a, M)[1], M * (e - a)[:, None], rtol=1e-12, atol=1e-14)


def test_a_store_has_one_place() -> None:
    kernel, _ = kernel_of(*logistic(20))
    every = statements(kernel.body)
    stored = [s.buffer.name for s in every if isinstance(s, Set)]
    stored += [b.name for s in every if isinstance(s, RowProducts) for b, _ in s.writes]
    assert len([name for name in stored if name.endswith("_rows")]) == 2


def test_an_element_that_every_iteration_overwrites_is_kept_for_each() -> None:
    """The largest of a row stands in an array of one element: the next row overwrites it."""
    x, rows = ct.dmatrix("x"), ct.lvector("rows")
    f = cgrad.function([x, rows], ct.logsumexp((x + 1)[rows[:, None]], axis=2))
    given = np.linspace(-2.0, 2.0, 12).reshape(3, 4) ** 3
    want = np.log(np.exp(given + 1).sum(1))[[2, 0, 1]]
    np.testing.assert_allclose(f(given, [2, 0, 1])[:, 0], want, rtol=1e-14)


def test_arrays_of_a_row_are_declared_in_the_stage_that_uses_them() -> None:
    A, w = ct.tensor("A", shape=(None, 4, None)), ct.dvector("w")
    e = ct.exp(ct.sum(ct.sqr(A), axis=2))
    f = cgrad.function([A, w], [e, ct.sum(e * ct.exp(w)[:, None], axis=0)])
    a, v = np.linspace(-1, 1, 420).reshape(35, 4, 3), np.linspace(-1, 1, 35)
    want = np.exp(np.sum(a * a, axis=2))
    for got, expected in zip(f(a, v), (want, np.exp(v) @ want), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
