"""Products that a loop only adds up are one product after the loop."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.control import Scan
from cgrad.rewrites import simplify


def carried(outputs: list[Node]) -> list[int]:
    """The ranks of what the loops carry from step to step."""
    loops = [node for node in toposort(simplify(outputs)) if isinstance(node.op, Scan)]
    return [c.ndim for loop in loops for c in loop.op.groups(loop.op.body.params)[1]]


def test_the_gradient_of_a_weight_matrix_is_one_product() -> None:
    W, x, h0 = ct.dmatrix("W"), ct.dmatrix("x"), ct.dvector("h0")
    h, _ = cgrad.scan(lambda x, h, W: ct.tanh(W @ h + x), x, h0, [W])
    assert carried([cgrad.grad(ct.sum(h), W)]) == [1, 1]


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_sums_of_outer_products(steps: int) -> None:
    a, b, start = ct.dmatrix("a"), ct.dmatrix("b"), ct.dmatrix("start")
    total, _ = cgrad.scan(
        lambda a, b, s: s + ct.exp(a)[:, None] * b[None, :], [a, b], [start], n_steps=a.shape[0]
    )
    last = ct.concatenate([start[None], total])[-1]
    f = cgrad.function([a, b, start], last)
    rng = np.random.default_rng(steps)
    x, y, s = rng.normal(size=(steps, 3)), rng.normal(size=(steps, 2)), rng.normal(size=(3, 2))
    np.testing.assert_allclose(f(x, y, s), s + np.exp(x).T @ y, rtol=1e-13, atol=1e-15)


def test_sums_of_products_of_matrices() -> None:
    A, B = ct.dtensor3("A"), ct.dtensor3("B")
    total, _ = cgrad.scan(lambda a, b, s: s + a.T @ b, [A, B], [ct.zeros((2, 4))])
    last = total[-1]
    assert carried([last]) == []
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5, 4))
    expected = np.einsum("tij,tik->jk", x, y)
    np.testing.assert_allclose(cgrad.function([A, B], last)(x, y), expected, rtol=1e-13)


def test_a_sum_that_a_step_reads_stays() -> None:
    a, start = ct.dmatrix("a"), ct.dmatrix("start")
    total, _ = cgrad.scan(lambda a, s: s + a[:, None] * ct.sum(s, axis=0)[None, :], a, [start])
    assert carried([total[-1]]) == [2]
    rows, _ = cgrad.scan(lambda a, s: s + a[:, None] * a[None, :], a, [start])
    assert carried([rows]) == [2]


@pytest.mark.parametrize("dtype", ["bool", "int8"])
def test_sums_of_products_that_wrap_or_are_logical(dtype: str) -> None:
    a, b, start = (ct.tensor(name, dtype=dtype, shape=(None, None)) for name in "abs")
    total, _ = cgrad.scan(lambda a, b, s: s + a[:, None] * b[None, :], [a, b], [start])
    rng = np.random.default_rng(0)
    x, y, s = (rng.integers(-100, 100, shape) for shape in ((5, 3), (5, 2), (3, 2)))
    x, y, s = ((v % 3 == 0 if dtype == "bool" else v).astype(dtype) for v in (x, y, s))
    expected = s
    for row, column in zip(x, y, strict=True):
        expected = expected + row[:, None] * column[None, :]
    np.testing.assert_array_equal(cgrad.function([a, b, start], total[-1])(x, y, s), expected)


def test_a_factor_that_is_carried_itself() -> None:
    x, h0 = ct.dmatrix("x"), ct.dvector("h0")
    (_, total), _ = cgrad.scan(
        lambda x, h, s: (ct.sin(h) + x, s + h[:, None] * x[None, :]), x, [h0, ct.zeros((2, 2))]
    )
    assert carried([total[-1]]) == [1]
    rng = np.random.default_rng(1)
    rows, h = rng.normal(size=(4, 2)), rng.normal(size=2)
    found, expected = cgrad.function([x, h0], total[-1])(rows, h), np.zeros((2, 2))
    for row in rows:
        expected, h = expected + h[:, None] * row[None, :], np.sin(h) + row
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
