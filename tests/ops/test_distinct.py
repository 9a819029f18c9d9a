"""Index arrays that name no position twice."""

from __future__ import annotations

from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.distinct import are_distinct
from cgrad.ops.lookup import Gather, Replace

X = np.arange(24.0).reshape(4, 6)


def arrays_of(x: Node) -> tuple[Node, ...]:
    (found,) = [node for node in toposort([x]) if isinstance(node.op, Gather)]
    return found.args[1:]


def test_what_is_known_of_positions() -> None:
    x, i, m = ct.dmatrix("x"), ct.lmatrix("i"), ct.tensor("m", dtype="bool", shape=(None,))
    rows = ct.arange(4)
    for known in (
        x[[2, 0, 3]], x[i[:1, :1]], x[m], x[ct.argsort(x[:, 0])], x[rows, i[0]], x[:, [1, 0]],
        x[rows[:, None], ct.argsort(x, axis=1)], x[rows[:, None], [[3, 1]]], x[:, rows],
    ):  # fmt: skip
        assert are_distinct(arrays_of(known)), known
    for unknown in (
        x[[2, 0, -2]], x[i[0]], x[rows[:, None], i], x[i, ct.arange(6)], x[ct.argsort(x, axis=1)],
        x[ct.argsort(i, axis=0), ct.argsort(i, axis=1)], x[ct.cast(rows, "int8")],
        x[ct.arange(1), i[0]], x[[2], i[0]], x[ct.arange(1), ct.arange(1) + i],
    ):  # fmt: skip
        assert not are_distinct(arrays_of(unknown)), unknown


def last_ones(index: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
    """1 for the elements of what is set that stay."""
    numbers = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    kept = np.zeros((4, 6))
    kept[index] = numbers
    return np.isin(numbers, kept).astype(float)


def test_what_did_not_stay_has_no_derivative() -> None:
    """Where a position repeats, both modes and the second order know only the last value."""
    x, i = ct.dmatrix("x"), ct.lmatrix("i")
    rows = np.array([[1, 3, 1], [-3, 0, 3]])
    for index, positions in (
        ((i,), (rows,)), ((i[0],), (rows[0],)), ((slice(None), i[0]), (slice(None), rows[0])),
        ((i, i[1]), (rows, rows[1])), ((i, slice(None, None, 2)), (rows, slice(None, None, 2))),
        ((ct.arange(1), i[0]), (np.arange(1), rows[0])), (([0, 3, 0],), ([0, 3, 0],)),
        (([2, -1], [5, 5]), ([2, -1], [5, 5])),
    ):  # fmt: skip
        shape = X[positions].shape
        v = ct.tensor("v", shape=shape)
        y = ct.set_subtensor(x[index], v)
        weight = np.cos(X)
        cost = ct.sum(weight * y**3)
        value = np.sin(np.arange(1.0, np.prod(shape) + 1)).reshape(shape)
        first = cgrad.grad(cost, v)
        second = cgrad.grad(ct.sum(first), v)
        forward = cgrad.pushforward(cost, [v], [value])
        got = evaluate([first, second, forward], {x: X, i: rows, v: value})
        want = last_ones(positions, shape) * weight[positions] * 3 * value**2
        np.testing.assert_allclose(got[0], want, atol=1e-15)
        factor = last_ones(positions, shape) * weight[positions] * 6 * value
        np.testing.assert_allclose(got[1], factor, atol=1e-15)
        np.testing.assert_allclose(got[2], np.sum(want * value))


def test_only_positions_that_may_repeat_are_compared() -> None:
    x, v, i = ct.dmatrix("x"), ct.dmatrix("v"), ct.lvector("i")
    for index, stores in ((i, 2), (ct.arange(2), 1)):
        gradient = cgrad.grad(ct.sum(ct.set_subtensor(x[index], v) ** 2), v)
        assert sum(isinstance(node.op, Replace) for node in toposort([gradient])) == stores
