"""Which nodes get a buffer."""

from __future__ import annotations

import numpy as np
from structure import kernel_of, nests, statements

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.choose import DEEPEST
from cgrad.core import loops


def test_expressions_stay_small_however_long_the_chain_is() -> None:
    """What a pass does with an expression grows with it: a sum of n totals reads n of them."""
    x = ct.dvector("x")
    y, total = x, ct.sum(x)
    for k in range(40):
        y = y * 0.5 + k
        total = total + ct.sum(y)
    kernel, slots = kernel_of([x], [total, y])
    values = [value for stmt in kernel.body for value in loops.values(stmt)]
    assert max(len(value.reads) for value in values) <= DEEPEST + 1
    assert len(nests(kernel)) == 1 and not slots  # each cut ends in a variable


def test_short_chains_are_not_cut() -> None:
    x = ct.dscalar("x")
    y = x
    for k in range(DEEPEST // 2):
        y = ct.maximum(y, x - k)
    kernel, _ = kernel_of([x], [y])
    sets = [stmt for stmt in statements(kernel.body) if isinstance(stmt, loops.Set)]
    assert len(sets) == 1


def test_a_cut_chain_computes_the_same() -> None:
    x = ct.dvector("x")
    y = x
    for _ in range(3 * DEEPEST):
        y = ct.minimum(1.5 - y, x * y)
    f = cgrad.function([x], [y, ct.sum(y)])
    at = np.linspace(-1.0, 1.0, 9)
    expected = at
    for _ in range(3 * DEEPEST):
        expected = np.minimum(1.5 - expected, at * expected)
    found, total = f(at)
    assert found.tobytes() == expected.tobytes()
    assert np.isclose(total, expected.sum(), rtol=1e-14)
