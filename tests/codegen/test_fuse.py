"""Number of loop nests: what runs over the same data runs in one pass."""

from __future__ import annotations

import numpy as np
import pytest
from structure import calls, every_loop, kernel_of, nests, operations

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node


def test_a_map_and_its_reductions_are_one_nest() -> None:
    x = ct.dmatrix("x")
    e = ct.exp(x)
    kernel, slots = kernel_of([x], [ct.sum(e), ct.max(e), ct.sum(e, axis=1), e])
    assert len(nests(kernel)) == 1
    assert not slots
    assert calls(kernel.body, "exp") == 1


def test_value_and_gradient_share_one_pass() -> None:
    x = ct.dmatrix("x")
    s = ct.sum(1 / (1 + ct.exp(-x)))
    kernel, slots = kernel_of([x], [s, cgrad.grad(s, x)])
    assert len(nests(kernel)) == 1 and not slots
    assert calls(kernel.body, "exp") == 1


def test_softmax_is_one_nest_with_at_most_a_row_of_workspace() -> None:
    x = ct.dmatrix("x")
    e = ct.exp(x - ct.max(x, axis=1, keepdims=True))
    kernel, slots = kernel_of([x], [e / ct.sum(e, axis=1, keepdims=True)])
    assert len(nests(kernel)) == 1
    assert len(slots) <= 1
    assert calls(kernel.body, "exp") == 1
    for slot in slots:
        assert slot.count == x.dims[1]


def test_logistic_regression_reads_the_data_once() -> None:
    X, y, w = ct.dmatrix("X"), ct.dvector("y"), ct.dvector("w")
    z = ct.dot(X, w)
    loss = ct.sum(ct.softplus(z) - y * z)
    kernel, slots = kernel_of([X, y, w], [loss, cgrad.grad(loss, w)])
    over_rows = [loop for loop in nests(kernel) if loop.extent == X.dims[0]]
    assert len(over_rows) == 1
    assert calls(kernel.body, "exp") == 1
    assert all(slot.count != X.dims[0] for slot in slots), "a temporary as long as the data"


def test_the_hessian_vector_product_reads_the_data_once() -> None:
    X, w, v = ct.dmatrix("X"), ct.dvector("w"), ct.dvector("v")
    loss = ct.sum(ct.softplus(ct.dot(X, w)))
    kernel, _ = kernel_of([X, w, v], [cgrad.hessian_vector_product(loss, w, v)])
    assert sum(loop.extent == X.dims[0] for loop in nests(kernel)) == 1


def test_a_chain_does_not_repeat_work() -> None:
    """Twice the depth is twice the operations, not its square."""

    def count(depth: int) -> int:
        x = ct.dvector("x")
        y = x
        for _ in range(depth):
            y = ct.tanh(y) * y
        kernel, _ = kernel_of([x], [cgrad.grad(ct.sum(y), x)])
        return operations(kernel.body)

    counts = [count(depth) for depth in (4, 8, 16)]
    assert counts[1] <= 2.6 * counts[0] and counts[2] <= 2.6 * counts[1], counts


def test_higher_derivatives_do_not_explode() -> None:
    x = ct.dvector("x")
    y = ct.sum(ct.sigmoid(x) ** 2)
    counts = []
    for _ in range(3):
        y = ct.sum(cgrad.grad(y, x) ** 2)
        counts.append(operations(kernel_of([x], [y])[0].body))
    assert counts[2] < 12 * counts[0], counts


def test_two_maps_over_different_lengths_stay_apart() -> None:
    x, y = ct.dvector("x"), ct.dvector("y")
    assert len(nests(kernel_of([x, y], [ct.exp(x), ct.exp(y)])[0])) == 2


def test_lengths_that_must_be_equal_are_one_loop() -> None:
    x, y = ct.dvector("x"), ct.dvector("y")
    assert len(nests(kernel_of([x, y], [x + y, ct.exp(x), ct.sin(y)])[0])) == 1


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_reduction_that_is_read_waits_for_its_loop(n: int) -> None:
    x = ct.dvector("x")
    total = ct.sum(x)
    f = cgrad.function([x], [total, x - total, ct.sum((x - total) ** 2)])
    values = np.arange(float(n))
    got = f(values)
    np.testing.assert_allclose(got[1], values - values.sum())
    np.testing.assert_allclose(got[2], ((values - values.sum()) ** 2).sum())


def test_scans_are_one_loop_each() -> None:
    x, h0 = ct.dvector("x"), ct.dscalar("h0")
    h, _ = cgrad.scan(lambda s, h: ct.tanh(h) + s, x, h0)
    assert len(every_loop(kernel_of([x, h0], [h])[0], "scan")) == 1
    gradient = cgrad.grad(ct.sum(h**2), x)
    loops = every_loop(kernel_of([x, h0], [gradient])[0], "scan")
    assert [loop.reverse for loop in loops] == [False, True]


def test_the_size_of_the_code_does_not_grow_with_the_number_of_steps() -> None:
    def size(steps: int) -> int:
        x = ct.dvector("x")
        h, _ = cgrad.scan(lambda h: ct.sin(h), None, x, n_steps=steps)
        return operations(kernel_of([x], [cgrad.grad(ct.sum(h), x)])[0].body)

    assert size(5) == size(500)


def test_a_scan_jacobian_is_one_nest() -> None:
    x = ct.dvector("x")
    y = x**2
    rows, _ = cgrad.scan(lambda i, y, x: cgrad.grad(y[i], x), ct.arange(y.shape[0]),
                         non_sequences=[y, x])  # fmt: skip
    kernel, slots = kernel_of([x], [rows])
    assert len(nests(kernel)) == 1 and not slots
    assert len(every_loop(kernel)) == 2


def test_a_scan_without_feedback_stores_only_what_is_read() -> None:
    x = ct.dvector("x")
    last = cgrad.reduce(lambda s, h: h * 0.5 + s, x, ct.constant(0.0))[0]
    _, slots = kernel_of([x], [last])
    assert not slots


def mixture() -> tuple[list[Node], list[Node]]:
    """A Gaussian mixture's log-likelihood and its derivatives."""
    x, mu, s, w = ct.dmatrix("x"), ct.dmatrix("mu"), ct.dmatrix("s"), ct.dvector("w")
    z = (x[:, None, :] - mu[None, :, :]) * ct.exp(-s)[None, :, :]
    parts = -0.5 * ct.sum(z**2, axis=2) - ct.sum(s, axis=1) + w - ct.logsumexp(w)
    value = ct.sum(ct.logsumexp(parts, axis=1))
    return [x, mu, s, w], [value, *cgrad.grad(value, [mu, s, w])]


def test_a_mixture_goes_through_the_data_once() -> None:
    # the first values of totals must not keep the loop that adds to them from joining one before
    kernel, _ = kernel_of(*mixture())
    (rows,) = [nest for nest in nests(kernel) if nest.extent == kernel.inputs[0].shape[0]]
    assert calls([rows], "exp") == 1


def test_what_a_position_is_computed_from_comes_before_it() -> None:
    k, M = ct.tensor("k", dtype="int64", shape=(3,)), ct.tensor("M", dtype="float64", shape=(3, 3))
    total = ct.sum(k)
    row = M[ct.clip(total, 0, 2)] + 1
    kernel, _ = kernel_of([k, M], [total, row])
    assert len(nests(kernel)) == 2
    f = cgrad.function([k, M], [total, row])
    values = np.arange(9.0).reshape(3, 3)
    for position in range(3):
        found = f([position, 0, 0], values)
        assert found[0] == position
        np.testing.assert_array_equal(found[1], values[position] + 1)


def test_what_only_moves_elements_gets_no_buffer() -> None:
    kernel, slots = kernel_of(*mixture())
    assert not any(buffer.name.startswith("broadcast") for slot in slots for buffer in slot.buffers)
    assert calls(kernel.body, "exp") == 3  # of s once, of w and of parts for their log-sum-exp
