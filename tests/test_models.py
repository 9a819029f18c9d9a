"""Three models as a user writes them, each against autograd: values, gradients, and the loops."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from codegen.structure import every_loop, kernel_of
from one_call import assert_no_python

import cgrad
import cgrad.tensor as ct

RTOL = 1e-10


def close(found: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=RTOL * np.abs(expected).max())


# -- varying intercepts ----------------------------------------------------------------------
GROUPS = 7


def hierarchical() -> tuple[list[Any], list[Any]]:
    """log p(y, a, mu, log tau, beta, log sigma) of y_i ~ N(a[group_i] + x_i beta, sigma)."""
    x, y, group = ct.dmatrix("x"), ct.dvector("y"), ct.lvector("group")
    a, beta = ct.dvector("a"), ct.dvector("beta")
    mu, log_tau, log_sigma = ct.dscalars("mu", "log_tau", "log_sigma")
    residual = (y - a[group] - ct.dot(x, beta)) / ct.exp(log_sigma)
    spread = (a - mu) / ct.exp(log_tau)
    logp = (
        -0.5 * ct.sum(residual**2)
        - y.shape[0] * log_sigma
        - 0.5 * ct.sum(spread**2)
        - a.shape[0] * log_tau
        - 0.5 * (mu**2 + ct.sum(beta**2))
        - 0.5 * log_tau**2
        - 0.5 * log_sigma**2
    )
    parameters = [a, beta, mu, log_tau, log_sigma]
    return [x, y, group, *parameters], [logp, *cgrad.grad(logp, parameters)]


def hierarchical_reference(x: Any, y: Any, group: Any, a: Any, beta: Any, mu: Any, lt: Any,
                           ls: Any) -> Any:  # fmt: skip
    residual = (y - a[group] - anp.dot(x, beta)) / anp.exp(ls)
    spread = (a - mu) / anp.exp(lt)
    prior = anp.sum(spread**2) + mu**2 + anp.sum(beta**2) + lt**2 + ls**2
    return -0.5 * (anp.sum(residual**2) + prior) - len(y) * ls - len(a) * lt


def test_hierarchical_regression() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(101, 3)), rng.normal(size=101)
    given = [x, y, rng.integers(0, GROUPS, 101), rng.normal(size=GROUPS), rng.normal(size=3),
             np.float64(0.3), np.float64(-0.4), np.float64(0.2)]  # fmt: skip
    inputs, outputs = hierarchical()
    f = cgrad.function(inputs, outputs)
    found = f(*given)
    close(found[0], hierarchical_reference(*given))
    for position, gradient in zip(range(3, 8), found[1:], strict=True):
        close(gradient, autograd.grad(hierarchical_reference, position)(*given))
    assert_no_python(f, given)


def test_hierarchical_regression_is_one_pass_over_the_data() -> None:
    inputs, outputs = hierarchical()
    kernel, slots = kernel_of(inputs, outputs)
    (n, _) = kernel.inputs[0].shape
    over_data = [loop for loop in kernel.body if getattr(loop, "extent", None) == n]
    # positions are checked before any of them is used
    assert len(over_data) <= 2, [loop.notes for loop in over_data]
    # nothing as long as the data is stored
    assert all(n not in buffer.shape for slot in slots for buffer in slot.buffers)


# -- GARCH(1, 1) -----------------------------------------------------------------------------
def garch() -> tuple[list[Any], list[Any]]:
    """-log likelihood of r_t ~ N(0, h_t), h_t = omega + alpha r_{t-1}^2 + beta h_{t-1}."""
    returns, theta = ct.dvector("returns"), ct.dvector("theta")
    omega, alpha, beta = theta[0], theta[1], theta[2]

    def step(r: Any, h: Any, total: Any) -> list[Any]:
        return [omega + alpha * r**2 + beta * h, total + 0.5 * (ct.log(h) + r**2 / h)]

    first = ct.mean(returns**2)
    (_, totals), _ = cgrad.scan(step, sequences=returns, outputs_info=[first, ct.as_tensor(0.0)])
    loss = totals[-1]
    return [returns, theta], [loss, cgrad.grad(loss, theta), cgrad.gradient.hessian(loss, theta)]


def garch_reference(theta: Any, returns: Any) -> Any:
    h, total = anp.mean(returns**2), 0.0
    for r in returns:
        total = total + 0.5 * (anp.log(h) + r**2 / h)
        h = theta[0] + theta[1] * r**2 + theta[2] * h
    return total


def simulated_returns(n: int) -> Any:
    rng = np.random.default_rng(2)
    returns, h = np.empty(n), 0.5
    for t in range(n):
        returns[t] = np.sqrt(h) * rng.normal()
        h = 0.05 + 0.1 * returns[t] ** 2 + 0.85 * h
    return returns


def test_garch() -> None:
    returns, theta = simulated_returns(300), np.array([0.06, 0.12, 0.8])
    f = cgrad.function(*garch())
    loss, gradient, hessian = f(returns, theta)
    close(loss, garch_reference(theta, returns))
    close(gradient, autograd.grad(garch_reference)(theta, returns))
    columns = np.empty((3, 3))
    for k in range(3):  # autograd has no faster Hessian of a loop of 300 steps
        slope = autograd.grad(lambda t, r, k=k: autograd.grad(garch_reference)(t, r)[k])
        columns[k] = slope(theta, returns[:60])
    close(f(returns[:60], theta)[2], columns)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-9)
    assert_no_python(f, [returns, theta])


def test_garch_gradient_is_two_loops_and_one_history() -> None:
    inputs, (loss, gradient, _) = garch()
    kernel, slots = kernel_of(inputs, [loss, gradient])
    assert len(every_loop(kernel, "scan")) == 2
    assert len(slots) <= 2
    assert all(len(buffer.shape) <= 1 for slot in slots for buffer in slot.buffers)


# -- two layers ------------------------------------------------------------------------------
def network() -> tuple[list[Any], list[Any]]:
    """Mean cross-entropy of softmax(tanh(x w + b) v + c), labels as rows of 0 and one 1."""
    x, labels, w, v = ct.dmatrices("x", "labels", "w", "v")
    b, c = ct.dvectors("b", "c")
    logits = ct.dot(ct.tanh(ct.dot(x, w) + b), v) + c
    log_p = logits - ct.log(ct.sum(ct.exp(logits), axis=1, keepdims=True))
    loss = -ct.mean(ct.sum(labels * log_p, axis=1))
    weights = [w, b, v, c]
    return [x, labels, *weights], [loss, *cgrad.grad(loss, weights)]


def network_reference(x: Any, labels: Any, w: Any, b: Any, v: Any, c: Any) -> Any:
    logits = anp.dot(anp.tanh(anp.dot(x, w) + b), v) + c
    log_p = logits - anp.log(anp.sum(anp.exp(logits), axis=1, keepdims=True))
    return -anp.mean(anp.sum(labels * log_p, axis=1))


def test_network() -> None:
    rng = np.random.default_rng(3)
    labels = np.eye(5)[rng.integers(0, 5, 64)]
    given = [rng.normal(size=(64, 10)), labels, rng.normal(size=(10, 20)), rng.normal(size=20),
             rng.normal(size=(20, 5)), rng.normal(size=5)]  # fmt: skip
    f = cgrad.function(*network())
    found = f(*given)
    close(found[0], network_reference(*given))
    for position, gradient in zip(range(2, 6), found[1:], strict=True):
        close(gradient, autograd.grad(network_reference, position)(*given))
    assert_no_python(f, given)


def test_a_network_keeps_no_product_of_the_data_with_itself() -> None:
    kernel, slots = kernel_of(*network())
    n = kernel.inputs[0].shape[0]
    for slot in slots:
        for buffer in slot.buffers:
            assert len(buffer.shape) <= 2
            assert buffer.shape.count(n) <= 1
