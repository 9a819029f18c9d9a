"""Gradient of a sum of elementary functions of one vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "gradient of sum(tanh(x) exp(-x**2) + log1p(x**2)), n = 1e6"
THREADS = (1, 2)


def data() -> Data:
    return (np.random.default_rng(0).normal(size=10**6),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [x.shape]


def symbolic(lib: Any, t: Any) -> Any:
    x = t.dvector("x")
    return [x], [lib.grad(t.sum(t.tanh(x) * t.exp(-(x**2)) + t.log1p(x**2)), x)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.grad(lambda x: jnp.sum(jnp.tanh(x) * jnp.exp(-(x**2)) + jnp.log1p(x**2)))


def in_torch() -> Any:
    import torch

    return torch.func.grad(
        lambda x: torch.sum(torch.tanh(x) * torch.exp(-(x**2)) + torch.log1p(x**2))
    )


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def gradient(x: Any) -> Any:
        out = np.empty_like(x)
        for i in range(x.size):
            v = x[i]
            tanh, bell = np.tanh(v), np.exp(-v * v)
            out[i] = bell * ((1 - tanh * tanh) - 2 * v * tanh) + 2 * v / (1 + v * v)
        return out

    return gradient
