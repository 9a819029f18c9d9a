"""Loops over the history of another loop read what that one has computed."""

from __future__ import annotations

import numpy as np

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.control import Scan
from cgrad.rewrites import simplify


def loops_of(outputs: list[Node]) -> list[Node]:
    return [node for node in toposort(simplify(outputs)) if isinstance(node.op, Scan)]


def names(loop: Node) -> list[str]:
    return [node.op.name for node in loop.op.body.order]


def recurrent(cost_of):
    W, x, h0 = ct.dmatrix("W"), ct.dmatrix("x"), ct.dvector("h0")
    h, _ = cgrad.scan(lambda x, h, W: ct.tanh(W @ h + x), x, h0, [W])
    return [W, x, h0], cgrad.grad(cost_of(h), W)


def test_a_product_of_a_step_is_not_computed_twice() -> None:
    _, slope = recurrent(lambda h: ct.sum(h**2))
    first, later = loops_of([slope])
    assert names(first).count("dot") == 1
    # the transposed product of the cotangent and the outer product for W, nothing of the value
    assert names(later).count("dot") == 1


def test_what_is_cheap_is_computed_again() -> None:
    x, a = ct.dvector("x"), ct.dscalar("a")
    s, _ = cgrad.scan(lambda x, s, a: a * s * s + x, x, ct.constant(0.1), [a])
    first, _ = loops_of([cgrad.grad(ct.sum(s), a)])
    assert first.op.ys == 0


def test_a_cost_of_the_last_state_needs_no_rows_of_zeros() -> None:
    _, slope = recurrent(lambda h: ct.sum(h[-1] ** 2))
    assert "place" not in {node.op.name for node in toposort(simplify([slope]))}


def test_last_state_and_all_states_together() -> None:
    inputs, slope = recurrent(lambda h: ct.sum(h[-1] ** 2) + 0.5 * ct.sum(ct.sin(h)))
    f = cgrad.function(inputs, slope)
    rng = np.random.default_rng(1)
    W, x, h0 = rng.normal(size=(3, 3)), rng.normal(size=(4, 3)), rng.normal(size=3)

    def cost(W):
        h, total = h0.astype(complex), 0
        for row in x:
            h = np.tanh(W @ h + row)
            total = total + 0.5 * np.sum(np.sin(h))
        return total + np.sum(h**2)

    for i, j in np.ndindex(3, 3):
        step = np.zeros((3, 3), complex)
        step[i, j] = 1e-30j
        np.testing.assert_allclose(f(W, x, h0)[i, j], cost(W + step).imag / 1e-30, rtol=1e-12)


def test_a_backward_loop_hands_on_its_first_row() -> None:
    x, h0 = ct.dvector("x"), ct.dscalar("h0")
    h, _ = cgrad.scan(lambda x, h: ct.sin(h) * x, x, h0, go_backwards=True)
    f = cgrad.function([x, h0], cgrad.grad(h[-1] + h[0] ** 2, h0))
    a = np.array([0.9, 1.1, 0.7])

    def value(h):
        states = []
        for v in a[::-1]:
            h = np.sin(h) * v
            states.append(h)
        return states[-1] + states[0] ** 2

    np.testing.assert_allclose(f(a, 0.4), value(0.4 + 1e-30j).imag / 1e-30, rtol=1e-13)


def test_loops_inside_of_loops() -> None:
    A, v = ct.dmatrix("A"), ct.dvector("v")

    def step(row, state):
        inner, _ = cgrad.scan(lambda a, s: ct.exp(-s * a) + 0.1 * s, row, ct.sum(state))
        return state * inner[-1] + row

    states, _ = cgrad.scan(step, A, v)
    cost = ct.sum(states[-1] ** 2)
    f = cgrad.function([A, v], cgrad.grad(cost, v))
    rng = np.random.default_rng(2)
    M, w = rng.normal(size=(3, 2)), rng.normal(size=2)

    def value(v):
        for row in M:
            s = np.sum(v)
            for a in row:
                s = np.exp(-s * a) + 0.1 * s
            v = v * s + row
        return np.sum(v**2)

    for k in range(2):
        moved = w.astype(complex)
        moved[k] += 1e-30j
        np.testing.assert_allclose(f(M, w)[k], value(moved).imag / 1e-30, rtol=1e-12)


def test_the_derivative_of_tanh_is_found_where_tanh_is() -> None:
    _, slope = recurrent(lambda h: ct.sum(h**2))
    first, later = loops_of([slope])
    assert {"tanh", "dtanh"} <= set(names(first))
    assert not {"tanh", "dtanh"} & set(names(later))
    # its row takes the place of that of its argument
    assert len(later.op.groups(later.args)[2]) == len({"dtanh", "cotangent"})


def test_gates_hand_on_their_derivatives() -> None:
    x, h0, a = ct.dvector("x"), ct.dscalar("h0"), ct.dscalar("a")

    def step(x, h, a):
        gate = ct.sigmoid(a * h)
        return gate * h + (1 - gate) * ct.tanh(x - h)

    h, _ = cgrad.scan(step, x, h0, [a])
    cost = ct.sum(h**2)
    inputs, grads = [x, h0, a], cgrad.grad(cost, [a, h0])
    first, later = loops_of(grads)
    expensive = {"sigmoid", "dsigmoid", "tanh", "dtanh"}
    assert expensive <= set(names(first))
    assert not expensive & set(names(later))
    f = cgrad.function(inputs, grads)
    rng = np.random.default_rng(3)
    xs = rng.normal(size=7)

    def value(a, h):
        total = 0
        for v in xs:
            gate = 1 / (1 + np.exp(-a * h))
            h = gate * h + (1 - gate) * np.tanh(v - h)
            total = total + h**2
        return total

    step_a, step_h = value(0.7 + 1e-30j, 0.3).imag, value(0.7, 0.3 + 1e-30j).imag
    np.testing.assert_allclose(f(xs, 0.3, 0.7), [step_a / 1e-30, step_h / 1e-30], rtol=1e-12)


def test_a_function_stays_where_its_argument_is_needed_anyway() -> None:
    W, h0 = ct.dmatrix("W"), ct.dvector("h0")

    def step(h, W):
        v = W @ h
        return v * v + ct.sin(v)

    h, _ = cgrad.scan(step, outputs_info=[h0], non_sequences=[W], n_steps=4)
    first, later = loops_of([cgrad.grad(ct.sum(h[-1]), W)])
    assert "cos" not in names(first)
    assert "cos" in names(later)


def test_steps_with_several_products_and_functions() -> None:
    W, V, h0 = ct.dmatrix("W"), ct.dmatrix("V"), ct.dvector("h0")

    def step(h, W, V):
        u, v = W @ h, V @ h
        return ct.exp(u) * ct.sin(u + v) + v

    h, _ = cgrad.scan(step, outputs_info=[h0], non_sequences=[W, V], n_steps=4)
    inputs, grads = [W, V, h0], cgrad.grad(ct.sum(h[-1]), [W, V])
    f = cgrad.function(inputs, grads)
    rng = np.random.default_rng(4)
    a, b, start = 0.1 * rng.normal(size=(3, 3)), 0.1 * rng.normal(size=(3, 3)), rng.normal(size=3)

    def value(a, b):
        h = start
        for _ in range(4):
            h = np.exp(a @ h) * np.sin(a @ h + b @ h) + b @ h
        return np.sum(h)

    for position, (i, j) in [(0, (1, 2)), (1, (2, 0))]:
        step_of = np.zeros((3, 3), complex)
        step_of[i, j] = 1e-30j
        moved = value(a + step_of, b) if position == 0 else value(a, b + step_of)
        found = f(a, b, start)[position][i, j]
        np.testing.assert_allclose(found, moved.imag / 1e-30, rtol=1e-12)
