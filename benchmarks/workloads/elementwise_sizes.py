"""An elementwise gradient that memory limits, over sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "gradient of sum(x**3 - 2 x), beside a loop that copies"
CASES = {f"1e{digits}": {"size": 10**digits} for digits in range(2, 9)}
BOUND = True
START = False
C = {"c": "elementwise_sizes.c", "copy": "copy.c"}


def data(size: int) -> Data:
    return (np.random.default_rng(0).random(size),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [x.shape]


def symbolic(lib: Any, t: Any, size: int) -> Any:
    x = t.dvector("x")
    return [x], [lib.grad(t.sum(x**3 - 2 * x), x)]


def in_jax(size: int) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.grad(lambda x: jnp.sum(x**3 - 2 * x))


def in_torch(size: int) -> Any:
    import torch

    return torch.func.grad(lambda x: torch.sum(x**3 - 2 * x))


def in_numba(size: int) -> Any:
    import numba

    @numba.njit(cache=True)
    def gradient(x: Any) -> Any:
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = 3 * x[i] * x[i] - 2
        return out

    return gradient
