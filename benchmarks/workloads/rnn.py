"""Backpropagation through a recurrent network."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "RNN (tanh, 32 units, 100 steps), gradient with respect to W"


def data() -> Data:
    rng = np.random.default_rng(0)
    W = rng.normal(size=(32, 32)) / 32**0.5
    return W, rng.normal(size=(100, 32)), np.zeros(32)


def results(W: Array, X: Array, h0: Array) -> list[tuple[int, ...]]:
    return [W.shape]


def symbolic(lib: Any, t: Any) -> Any:
    W, X, h0 = t.dmatrix("W"), t.dmatrix("X"), t.dvector("h0")

    def step(x: Any, h: Any, W: Any) -> Any:
        return t.tanh(t.dot(W, h) + x)

    h, _ = lib.scan(step, sequences=[X], outputs_info=[h0], non_sequences=[W])
    return [W, X, h0], [lib.grad(t.sum(h[-1] ** 2), W)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def cost(W: Any, X: Any, h0: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return jnp.tanh(W @ h + x), None

        last, _ = jax.lax.scan(step, h0, X)
        return jnp.sum(last**2)

    return jax.grad(cost)


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def gradient(W: Any, X: Any, h0: Any) -> Any:
        steps, n = X.shape
        H = np.empty((steps + 1, n))
        H[0] = h0
        for k in range(steps):
            H[k + 1] = np.tanh(np.dot(W, H[k]) + X[k])
        Z = np.empty((steps, n))
        g = 2 * H[steps]
        for k in range(steps - 1, -1, -1):
            Z[k] = g * (1 - H[k + 1] * H[k + 1])
            g = np.dot(Z[k], W)
        return np.dot(Z.T, H[:-1])

    return gradient
