"""Which nodes get a buffer."""

from __future__ import annotations

import numpy as np
from structure import kernel_of, nests, statements

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.choose import DEEPEST
from cgrad.core import exprs, loops


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


def stored(kernel: loops.Kernel) -> list[str]:
    """The names of the buffers with axes that a kernel stores into, results aside."""
    buffers = {s.buffer.base for s in statements(kernel.body) if isinstance(s, loops.Set)}
    return sorted(b.name for b in buffers if b.role == "temp" and b.shape)


def test_what_a_stored_value_leads_to_is_computed_again() -> None:
    """Of two rows that both loops over a row read, the one that is half of the other is not."""
    x = ct.dmatrix("x")
    e = ct.exp(x)
    half = 0.5 * e
    total = ct.sum(ct.sqr(half) + ct.sin(half) + e, axis=1, keepdims=True)
    kernel, _ = kernel_of([x], [half * total + e])
    assert len(rows := stored(kernel)) == 1 and rows[0].startswith("exp")


def test_what_leads_to_a_value_must_be_in_memory_anyway() -> None:
    """Nothing is won where the value is dropped and what it is computed from kept for it."""
    x = ct.dtensor3("x")
    squares = 0.5 + ct.sum(x, axis=2)
    root = ct.sqrt(squares)
    cube = squares * root
    total = ct.sum(root + ct.sin(cube), axis=1, keepdims=True)
    kernel, _ = kernel_of([x], [root / total + cube])
    assert not [name for name in stored(kernel) if name.startswith("sum")]
    assert len(stored(kernel)) == 2


def test_a_function_and_its_derivative_share_a_loop() -> None:
    """Where tanh is stored for a product, its derivative is stored beside it for later."""
    x, w = ct.dmatrix("x"), ct.dmatrix("w")
    cost = ct.sum(ct.sqr(ct.tanh(x) @ w))
    kernel, _ = kernel_of([x, w], cgrad.grad(cost, [x, w]))
    shared = [
        nest
        for nest in nests(kernel)
        if {"cg_tanh({0})", "cg_dtanh({0})"}
        <= {
            part.template
            for stmt in statements([nest])
            for value in loops.values(stmt)
            for part in exprs.walk(value)
            if isinstance(part, exprs.Call)
        }
    ]
    assert len(shared) == 1
