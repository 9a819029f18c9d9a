"""Loops over consecutive elements are one loop; others keep their rows."""

from __future__ import annotations

import numpy as np
import pytest
from structure import every_loop, kernel_of

import cgrad
import cgrad.tensor as ct
from cgrad.core.loops import For, Kernel


def whole_loops(kernel: Kernel) -> list[For]:
    """The loops, strips of a sum apart."""
    return [loop for loop in every_loop(kernel) if loop.start == 0]


def test_whole_tensors_are_one_loop() -> None:
    x, y = ct.dtensor3("x"), ct.dtensor3("y")
    kernel, _ = kernel_of([x, y], [ct.exp(x) * y, ct.sum(x * y)])
    (loop,) = whole_loops(kernel)
    n, m, p = kernel.inputs[0].shape
    assert loop.extent == n * m * p


@pytest.mark.parametrize("other", ["row", "transposed", "window", "position"])
def test_what_needs_the_row_keeps_it(other: str) -> None:
    x, v = ct.dmatrix("x"), ct.dvector("v")
    y = {
        "row": x + v,
        "transposed": x * x.T,
        "window": x[:, 1:] * 2.0,
        "position": x + ct.arange(x.shape[1]),
    }[other]
    kernel, _ = kernel_of([x, v], [y])
    assert len(every_loop(kernel)) == 2


def test_totals_of_rows_keep_their_loop() -> None:
    x = ct.dmatrix("x")
    kernel, _ = kernel_of([x], [ct.sum(x, axis=1), ct.exp(x)])
    assert len(whole_loops(kernel)) == 2


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (2, 3)])
def test_values(shape: tuple[int, int]) -> None:
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    a = ct.dmatrix("a")
    f = cgrad.function([a], [2.0 * a + 1.0, ct.sum(a)])
    np.testing.assert_array_equal(f(x)[0], 2.0 * x + 1.0)
    assert f(x)[1] == x.sum()
