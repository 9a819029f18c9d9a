"""One step of a long short-term memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "LSTM, one step of 64 units with 64 inputs, gradient with respect to W and b"


def data() -> Data:
    rng = np.random.default_rng(0)
    h = 64
    W = rng.normal(size=(4 * h, 2 * h)) / h**0.5
    x, state, cell = rng.normal(size=(3, h))
    return W, rng.normal(size=4 * h), x, np.tanh(state), cell


def results(W: Array, b: Array, x: Array, state: Array, cell: Array) -> list[tuple[int, ...]]:
    return [W.shape, b.shape]


def symbolic(lib: Any, t: Any) -> Any:
    W, b, x = t.dmatrix("W"), t.dvector("b"), t.dvector("x")
    state, cell = t.dvector("state"), t.dvector("cell")
    n = state.shape[0]
    gates = t.dot(W, t.concatenate([x, state])) + b
    i, f, o = t.sigmoid(gates[:n]), t.sigmoid(gates[n : 2 * n]), t.sigmoid(gates[2 * n : 3 * n])
    new = f * cell + i * t.tanh(gates[3 * n :])
    cost = t.sum((o * t.tanh(new)) ** 2)
    return [W, b, x, state, cell], lib.grad(cost, [W, b])


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def cost(W: Any, b: Any, x: Any, state: Any, cell: Any) -> Any:
        i, f, o, g = jnp.split(W @ jnp.concatenate([x, state]) + b, 4)
        new = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jnp.sum((jax.nn.sigmoid(o) * jnp.tanh(new)) ** 2)

    return jax.grad(cost, argnums=(0, 1))


def in_torch() -> Any:
    import torch

    def cost(W: Any, b: Any, x: Any, state: Any, cell: Any) -> Any:
        i, f, o, g = torch.chunk(W @ torch.cat([x, state]) + b, 4)
        new = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sum((torch.sigmoid(o) * torch.tanh(new)) ** 2)

    return torch.func.grad(cost, argnums=(0, 1))
