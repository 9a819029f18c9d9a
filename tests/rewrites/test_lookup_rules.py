"""Scatters of which each row has one position."""

from __future__ import annotations

import numpy as np
from rewrites.single import Case, check, parametrize, tensor

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.constants import Arange
from cgrad.ops.lookup import Scatter, ScatterEach
from cgrad.rewrites import expand, simplify

V, M, T = tensor("v", None), tensor("m", None, None), tensor("t", None, None, None)
K, L = tensor("k", None, dtype="int64"), tensor("l", None, None, dtype="int64")
n, m = M.dims
p, q, r = T.dims


def scatter(v: Node, shape: tuple[SizeLike, ...], *index: Node) -> Node:
    return Node(Scatter(shape), (v, *index))


def each(v: Node, shape: tuple[SizeLike, ...], axis: int, array: Node) -> Node:
    return Node(ScatterEach(shape, axis), (v, array))


def count(length: SizeLike, axis: int, *dims: SizeLike) -> Node:
    """0, 1, ... along an axis of a table."""
    return broadcast_axes(Node(Arange(length)), dims or (length,), (axis,))


CASES: list[Case] = [
    ("scatter_each", lambda: scatter(V, (n, m), count(n, 0), K), lambda: each(V, (n, m), 1, K)),
    ("scatter_each", lambda: scatter(V, (n, m), K, count(m, 0)), lambda: each(V, (n, m), 0, K)),
    ("scatter_each", lambda: scatter(V, (n, m), count(m, 0), K), None),
    ("scatter_each", lambda: scatter(V, (n, m), K, K), None),
    ("scatter_each", lambda: scatter(V, (n,), K), None),
    ("scatter_each", lambda: scatter(V, (n, m), count(n, 0), count(m, 0)), None),
    ("scatter_each", lambda: scatter(M, (p, q, r), count(p, 0, p, q), count(q, 1, p, q), L),
     lambda: each(M, (p, q, r), 2, L)),
    ("scatter_each", lambda: scatter(M, (p, q, r), count(p, 1, q, p), count(q, 0, q, p), L), None),
    ("scatter_each", lambda: scatter(M, (p, q), count(p, 0, p, q), L), None),
    ("scatter_each", lambda: scatter(V, (1, m), count(1, 0), K), lambda: each(V, (1, m), 1, K)),
    ("scatter_each", lambda: scatter(V, (1, m), count(1, 0, 4), K), None),
]  # fmt: skip


@parametrize(CASES)
def test_one_position_for_each_row(case: Case) -> None:
    check(case)


def test_rows_that_are_all_the_first_one_add_up() -> None:
    """arange(1), stretched, was taken for a count of the rows."""
    x, k, w = ct.tensor("x", shape=(1, None), dtype="float64"), ct.lvector("k"), ct.dvector("w")
    slope = cgrad.grad(ct.sum(x[ct.arange(1), k] * w), x)
    given = {x: np.ones((1, 5)), k: np.array([1, 3, 3, 0]), w: np.array([1.0, 2.0, 3.0, 4.0])}
    (got,) = evaluate(expand(simplify([slope])), given)
    assert got.tolist() == [[4.0, 1.0, 0.0, 5.0, 0.0]]
