"""Fitting a state-space model: a filter whose steps solve and factor small matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Data

TITLE = "Kalman filter, 4 states, 200 observations of 2, value and gradient of the log-likelihood"
NOISE = 0.1


def data() -> Data:
    rng = np.random.default_rng(0)
    A = 0.9 * np.eye(4) + 0.05 * rng.normal(size=(4, 4))
    return A, rng.normal(size=(200, 2))


def symbolic(lib: Any, t: Any) -> Any:
    A, ys = t.dmatrix("A"), t.dmatrix("ys")

    def step(y: Any, m: Any, P: Any, total: Any, A: Any) -> Any:
        m, P = t.dot(A, m), t.dot(t.dot(A, P), A.T) + t.eye(4)
        S = P[:2, :2] + NOISE * t.eye(2)
        error = y - m[:2]
        gain = t.linalg.solve(S, P[:2, :]).T
        _, log_det = t.linalg.slogdet(S)
        fit = t.sum(error * t.linalg.solve(S, error)) + log_det
        return m + t.dot(gain, error), P - t.dot(gain, P[:2, :]), total - 0.5 * fit

    first = [t.zeros((4,)), t.eye(4), t.zeros(())]
    (_, _, totals), _ = lib.scan(step, sequences=[ys], outputs_info=first, non_sequences=[A])
    return [A, ys], [totals[-1], lib.grad(totals[-1], A)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def cost(A: Any, ys: Any) -> Any:
        def step(carry: Any, y: Any) -> Any:
            m, P, total = carry
            m, P = A @ m, A @ P @ A.T + jnp.eye(4)
            S = P[:2, :2] + NOISE * jnp.eye(2)
            error = y - m[:2]
            gain = jnp.linalg.solve(S, P[:2, :]).T
            fit = jnp.sum(error * jnp.linalg.solve(S, error)) + jnp.linalg.slogdet(S)[1]
            return (m + gain @ error, P - gain @ P[:2, :], total - 0.5 * fit), None

        first = jnp.zeros(4), jnp.eye(4), 0.0
        return jax.lax.scan(step, first, ys)[0][2]

    return jax.value_and_grad(cost)
