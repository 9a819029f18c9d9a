"""Gradient of a sum of logistic functions: nothing but elementwise work."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "gradient of sum(1 / (1 + exp(-x))), 1000 x 1000"
THREADS = (1, 2)


def data() -> Data:
    return (np.random.default_rng(0).normal(size=(1000, 1000)),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [x.shape]


def symbolic(lib: Any, t: Any) -> Any:
    x = t.dmatrix("x")
    return [x], [lib.grad(t.sum(1 / (1 + t.exp(-x))), x)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.grad(lambda x: jnp.sum(1 / (1 + jnp.exp(-x))))


def in_torch() -> Any:
    import torch

    return torch.func.grad(lambda x: torch.sum(1 / (1 + torch.exp(-x))))


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def gradient(x: Any) -> Any:
        out = np.empty_like(x)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                e = np.exp(-np.abs(x[i, j]))
                out[i, j] = e / ((1 + e) * (1 + e))
        return out

    return gradient
