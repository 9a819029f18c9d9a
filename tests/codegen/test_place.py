"""Each value once, at the depth of the innermost index it uses; nothing out of its guard."""

from __future__ import annotations

import numpy as np
import pytest
from structure import c_of, calls, every_loop, kernel_of, statements

import cgrad
import cgrad.tensor as ct
from cgrad.core.exprs import Call, walk
from cgrad.core.loops import Accumulate, For, Let, Set


def _templates(loop: For) -> list[str]:
    return [
        e.template
        for s in statements(loop.body)
        if isinstance(s, (Set, Accumulate, Let))
        for e in walk(s.value)
        if isinstance(e, Call)
    ]


def test_invariant_values_are_computed_outside() -> None:
    x, s = ct.dvector("x"), ct.dscalar("s")
    kernel, _ = kernel_of([x, s], [x * ct.exp(s) + ct.sin(s)])
    loops = [stmt for stmt in kernel.body if isinstance(stmt, For)]
    assert len(loops) == 1
    inside = " ".join(_templates(loops[0]))
    assert "exp" not in inside and "sin" not in inside


def test_row_values_are_computed_once_a_row() -> None:
    x, c = ct.dmatrix("x"), ct.dcol("c")
    kernel, _ = kernel_of([x, c], [x * ct.exp(c)])
    (columns,) = (loop for loop in every_loop(kernel) if loop.index == "j")
    assert calls(kernel.body, "exp") == 1
    assert calls([columns], "exp") == 0


def test_step_invariants_leave_the_loop() -> None:
    x, W = ct.dvector("x"), ct.dscalar("W")
    h, _ = cgrad.scan(lambda s, h: h + ct.exp(W) * s, x, ct.constant(0.0))
    kernel, _ = kernel_of([x, W], [h])
    (loop,) = (stmt for stmt in kernel.body if isinstance(stmt, For))
    assert "exp" not in " ".join(_templates(loop))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_neighbours_are_read_under_their_guard(n: int) -> None:
    """The sanitizers run this too (`test_generated_c`)."""
    x = ct.dvector("x")
    value = ct.sum(x[1:] * x[:-1])
    f = cgrad.function([x], [value, cgrad.grad(value, x)])
    values = np.arange(1.0, n + 1)
    want = np.zeros(n)
    if n > 1:
        want[:-1] += values[1:]
        want[1:] += values[:-1]
    np.testing.assert_allclose(f(values)[1], want)


def test_a_carry_of_length_one_is_read_anew_in_every_step() -> None:
    """Pointers swap: an element is not the same after a step, though nothing is stored in it."""
    x = ct.tensor("x", dtype="float64", shape=(1,))
    w = ct.dvector("w")
    h, _ = cgrad.scan(lambda s, h: ct.cos(h) * s, w, x)
    got = cgrad.function([x, w], h)([0.5], [1.0, 2.0, 3.0])
    a = np.cos(0.5)
    b = 2 * np.cos(a)
    np.testing.assert_allclose(got, [[a], [b], [3 * np.cos(b)]])


def test_what_an_element_was_before_a_loop_is_forgotten_in_it() -> None:
    x = ct.tensor("x", dtype="float64", shape=(1, 1))
    start = ct.exp(x)
    h, _ = cgrad.scan(lambda h, c: ct.cos(h) * c, None, start, [start], n_steps=3)
    want, c = [], np.exp(0.25)
    value = c
    for _ in range(3):
        value = np.cos(value) * c
        want.append([[value]])
    np.testing.assert_allclose(cgrad.function([x], h)([[0.25]]), want)


def test_long_expressions_are_cut_into_named_parts() -> None:
    x = ct.dvector("x")
    y = x
    for k in range(30):
        y = y * (k + 0.5) + ct.sin(y)
    text = c_of([x], [y])
    assert max(map(len, text.splitlines())) <= 100


def test_variables_of_later_passes_have_names_of_their_own() -> None:
    x, v, s = ct.dmatrix("x"), ct.dvector("v"), ct.dscalar("s")
    # values called max in front of all loops, and totals over blocks that are made after them
    values = [v / ct.maximum(s, float(k)) for k in range(8)]
    outputs = [*values, *(ct.max(x + v * k) for k in range(8))]
    kernel, _ = kernel_of([x, v, s], outputs)
    named = {stmt.name for stmt in statements(kernel.body) if isinstance(stmt, Let)}
    stored = {s.buffer.name for s in statements(kernel.body) if isinstance(s, (Set, Accumulate))}
    assert "max3" in named | stored
    assert not named & stored
