"""Short loops around loops are written out, and what is inside of them becomes one loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from structure import every_loop, kernel_of, nests

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node


def program(short: int | None) -> tuple[list[Node], list[Node]]:
    """Lengths of vectors whose components are the second axis, and the vectors divided by them."""
    A, B = (ct.tensor(name, shape=(None, short, None)) for name in "AB")
    length = ct.sqrt(ct.sum(A * B, axis=1))
    return [A, B], [A / (1 + length)[:, None, :]]


def test_what_waits_for_a_short_sum_joins_it() -> None:
    kernel, slots = kernel_of(*program(3))
    (rows,) = nests(kernel)
    assert len(rows.body) == 1 and [loop.index for loop in every_loop(kernel)] == ["i", "j"]
    # the sum and the length are variables
    assert not slots


@pytest.mark.parametrize("short", [5, None])
def test_longer_loops_stay(short: int | None) -> None:
    kernel, slots = kernel_of(*program(short))
    assert len(every_loop(kernel)) > 4 and slots


def test_short_loops_that_add_nothing_up_stay() -> None:
    A = ct.tensor("A", shape=(None, 2, None))
    kernel, _ = kernel_of([A], [ct.exp(A[:, :, 1:]) * 2])
    assert [loop.index for loop in every_loop(kernel)] == ["i", "j", "k"]


@pytest.fixture(scope="module")
def compiled() -> tuple[Any, Any, Any]:
    (ins, outs), (more, long) = program(3), program(None)
    pull = cgrad.grad(ct.sum(ct.sin(outs[0])), ins[0])
    # indices as values, positions that move with them, and the other order of axes
    A = ins[0]
    ranks = A * ct.arange(3)[None, :, None] + ct.arange(A.shape[2])
    total = ct.sum(ranks[:, ::-1, 1:], axis=1)
    mixed = [total, ct.sum(A * total[:, 0][:, None, None], axis=1) + ct.sum(ct.sqr(A), axis=1)]
    return (
        cgrad.function(ins, [*outs, pull]),
        cgrad.function(more, [*long, cgrad.grad(ct.sum(ct.sin(long[0])), more[0])]),
        cgrad.function([A], mixed),
    )


@pytest.mark.parametrize("shape", [(0, 3, 4), (1, 3, 1), (4, 3, 0), (5, 3, 17)])
def test_values(compiled: tuple[Any, Any, Any], shape: tuple[int, ...]) -> None:
    short, plain, mixed = compiled
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.5, 2, size=(2, *shape))
    for got, want in zip(short(a, b), plain(a, b), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
    if shape[2] == 0:
        return
    ranks = a * np.arange(3)[:, None] + np.arange(shape[2])
    total = ranks[:, :, 1:].sum(axis=1)
    if shape[2] > 1:
        second = (a * total[:, :1, None]).sum(axis=1) + (a**2).sum(axis=1)
        for got, want in zip(mixed(a), [total, second], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-13)


def test_elements_that_are_looked_up_move_along() -> None:
    A, rows = ct.tensor("A", shape=(None, 2, None)), ct.lvector("rows")
    B = ct.tensor("B", shape=(None, 2, None))
    picked = A[rows][:, :, ::-1] * B
    f = cgrad.function(
        [A, B, rows], [ct.sum(picked, axis=1), picked / ct.sum(ct.sqr(B), axis=1)[:, None]]
    )
    a, b = np.arange(42.0).reshape(3, 2, 7), np.arange(1.0, 57).reshape(4, 2, 7)
    k = np.array([2, 0, -1, 1])
    want = a[k][:, :, ::-1] * b
    got = f(a, b, k)
    np.testing.assert_array_equal(got[0], want.sum(axis=1))
    np.testing.assert_allclose(got[1], want / (b * b).sum(axis=1)[:, None], rtol=1e-15)
