"""Second derivatives in parts, and third ones, against whole Hessians and differences."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.gradient import hessian_blocks, hessian_diag, jacobian, laplacian, pushforward

x, m = ct.dvector("x"), ct.dmatrix("m")
index = ct.lvector("index")
AT = {x: np.array([0.3, -0.4, 1.1]), m: np.arange(6.0).reshape(2, 3) / 5 - 0.4,
      index: np.array([2, 0, 2])}  # fmt: skip

COSTS = {
    "elementwise": ct.sum(ct.sin(x) * x),
    "shifted": ct.sum(ct.sin(x[1:]) * x[:-1] ** 2) + x[0] ** 3 * x[2] ** 2,
    "full": ct.sum(x) ** 3 + ct.sum((m @ x) ** 4),
    "rows and columns": ct.sum(ct.sum(m, axis=1) ** 3) + ct.sum(ct.exp(m[:, 1:] * m[:, :-1])),
    "reversed": ct.sum(x * ct.exp(x[::-1])),
    "looked up": ct.sum(ct.sin(x[index]) ** 2 * x),
    "a loop": cgrad.scan(lambda a, s: ct.sin(s) * a, [x], outputs_info=[1.0])[0][-1] + ct.sum(x),
    "linear": ct.sum(3.0 * x) + 2.0 * ct.sum(m),
}


@pytest.mark.parametrize("name", COSTS)
def test_the_diagonal_is_that_of_the_hessian(name: str) -> None:
    cost = COSTS[name] + 0.0 * ct.sum(x) + 0.0 * ct.sum(m)
    blocks = hessian_blocks(cost, [x, m])
    diagonals = hessian_diag(cost, [x, m])
    flat = [block for row in blocks for block in row]
    xx, xm, mx, mm, dx, dm, total = evaluate([*flat, *diagonals, laplacian(cost, [x, m])], AT)
    assert xm.shape == (3, 2, 3)
    np.testing.assert_allclose(np.moveaxis(mx, 2, 0), xm)
    np.testing.assert_allclose(dx, np.diagonal(xx), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(dm.ravel(), np.diagonal(mm.reshape(6, 6)), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(total, dx.sum() + dm.sum(), rtol=1e-13, atol=1e-13)
    # and these of differences of the gradient
    slopes = cgrad.grad(cost, [x, m])
    h = 1e-6
    ends = [evaluate(slopes, {**AT, m: AT[m] + sign * np.eye(2, 3) * h}) for sign in (1, -1)]
    for block, high, low in zip((xm, mm), *ends, strict=True):
        moved = block[..., 0, 0] + block[..., 1, 1]
        np.testing.assert_allclose(moved, (high - low) / (2 * h), rtol=1e-7, atol=1e-8)


def test_a_sum_of_neighbours_costs_what_a_gradient_does() -> None:
    """One pass: no loop in a loop, no Hessian, neither in the results nor in the workspace."""
    cost = ct.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    f = cgrad.function([x], [hessian_diag(cost, x), laplacian(cost, x)])
    assert "int64_t j" not in f.c_source
    at = np.linspace(-1.0, 1.0, 1000)
    workspace, _ = f._measure((at,))
    assert workspace < 10 * at.nbytes
    wanted = np.zeros(1000)
    wanted[:-1] = 1200 * at[:-1] ** 2 - 400 * at[1:] + 2
    wanted[1:] += 200
    found, total = f(at)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
    np.testing.assert_allclose(total, wanted.sum(), rtol=1e-12)


def test_third_derivatives() -> None:
    """d^3 / dx^3 of a product of all kinds, of a loop, by a matrix: whole and along a direction."""

    def third(cost: Node, by: Node) -> Node:
        return jacobian(jacobian(cgrad.grad(cost, by), by), by)

    h = 1e-4
    for cost, by in (
        (COSTS["full"] + ct.prod(x), x), (COSTS["a loop"], x), (COSTS["rows and columns"], m),
    ):  # fmt: skip
        direction = np.cos(np.arange(AT[by].size)).reshape(AT[by].shape)
        second = jacobian(cgrad.grad(cost, by), by)
        along = pushforward(second, by, direction)
        whole, moved = evaluate([third(cost, by), along], AT)
        assert whole.shape == AT[by].shape * 3
        ends = [evaluate([second], {**AT, by: AT[by] + s * h * direction})[0] for s in (1, -1)]
        np.testing.assert_allclose(moved, (ends[0] - ends[1]) / (2 * h), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.tensordot(whole, direction, direction.ndim), moved,
                                   rtol=1e-11, atol=1e-12)  # fmt: skip


def test_errors() -> None:
    with pytest.raises(cgrad.gradient.CostError):
        hessian_diag(x, x)
    with pytest.raises(cgrad.errors.DTypeError):
        hessian_blocks(ct.sum(x), [index])
    with pytest.raises(cgrad.errors.DisconnectedInputError):
        laplacian(ct.sum(x), m)
    with pytest.raises(ValueError, match="no tensor"):
        laplacian(ct.sum(x), [])
