"""Which products become calls of a BLAS, and which stay loops that fuse."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.contract import contract
from cgrad.rewrites import expand, simplify

A, B, v = ct.dmatrix("A"), ct.dmatrix("B"), ct.dvector("v")
T, U = ct.dtensor3("T"), ct.dtensor3("U")
N = ct.lmatrix("N")


def matrix(rows: int | None, columns: int | None) -> Node:
    return ct.tensor("x", shape=(rows, columns), dtype="float64")


def names(*outputs: Node) -> list[str]:
    return [node.op.name for node in toposort(expand(simplify(outputs)))]


CALLS: dict[str, Callable[[], Node]] = {
    "product": lambda: A @ B,
    "transposed": lambda: A.T @ B.T,
    "batched": lambda: ct.matmul(T, U),
    "of computed operands": lambda: ct.exp(A) @ ct.sin(B),
    "over two axes": lambda: ct.tensordot(T, U, axes=([1, 2], [0, 1])),
    "of a batch and a matrix": lambda: ct.tensordot(T, B, axes=([2], [0])),
    "gradient": lambda: cgrad.grad(ct.sum(ct.tanh(A @ B)), A),
    "one static size": lambda: matrix(None, 3) @ B,
    "static and large": lambda: matrix(9, 8) @ matrix(8, 8),
    "static, thin and long": lambda: matrix(None, 3) @ matrix(3, 6),
}
LOOPS: dict[str, Callable[[], Node]] = {
    "vector": lambda: A @ v,
    "row": lambda: v @ A,
    "inner": lambda: ct.dot(v, v),
    "outer": lambda: ct.outer(v, v),
    "integers": lambda: N @ N,
    "all of both": lambda: ct.tensordot(A, B, axes=2),
    "one column": lambda: A @ matrix(None, 1),
    "static and small": lambda: matrix(8, 8) @ matrix(8, 8),
    "points turned": lambda: matrix(None, 3) @ matrix(3, 3),
    "vectors in a batch": lambda: ct.einsum("bij,bj->bi", T, B),
}


@pytest.mark.parametrize("name", CALLS)
def test_becomes_a_call(name: str) -> None:
    found = names(CALLS[name]())
    assert "matmul" in found and "dot" not in found


@pytest.mark.parametrize("name", LOOPS)
def test_stays_a_loop(name: str) -> None:
    assert "matmul" not in names(LOOPS[name]())


def test_neighbouring_axes_become_one() -> None:
    (out,) = expand(simplify([ct.tensordot(T, B, axes=([2], [0]))]))
    product = next(node for node in toposort([out]) if node.op.name == "matmul")
    assert [arg.ndim for arg in product.args] == [2, 2] and out.ndim == 3


def test_axes_in_another_order_stay_apart() -> None:
    """No reshape can join axes that the other operand has the other way round."""
    found: Any = names(ct.tensordot(T, U, axes=([1, 2], [1, 0])))
    assert "matmul" not in found


@pytest.mark.parametrize(
    ("a", "left", "out"), [(T, (0, 0, 1), (0, 2)), (T, (0, 1, 3), (0, 2))],
    ids=["a diagonal", "summed over one alone"],
)  # fmt: skip
def test_what_is_no_product_of_matrices_stays(a: Node, left: Any, out: Any) -> None:
    assert "matmul" not in names(contract(a, left, B, (1, 2), out))


def test_sums_over_pairs_of_axes_in_every_order_keep_their_value() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 3, 3, 3))
    pairs = list(itertools.permutations(range(3), 2))
    axes = list(itertools.product(pairs, pairs))
    outputs = expand(simplify([ct.tensordot(T, U, axes=pair) for pair in axes]))
    for pair, got in zip(axes, evaluate(outputs, {T: a, U: b}), strict=True):
        np.testing.assert_allclose(got, np.tensordot(a, b, pair), rtol=1e-12, atol=1e-13)
