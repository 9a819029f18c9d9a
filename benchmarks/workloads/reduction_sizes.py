"""A sum, over sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "sum of squares"
CASES = {f"1e{digits}": {"size": 10**digits} for digits in range(2, 9)}
BOUND = True
START = False


def data(size: int) -> Data:
    return (np.random.default_rng(0).random(size),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [()]


def symbolic(lib: Any, t: Any, size: int) -> Any:
    x = t.dvector("x")
    return [x], [t.sum(x**2)]


def in_jax(size: int) -> Any:
    import jax.numpy as jnp

    return lambda x: jnp.sum(x**2)


def in_torch(size: int) -> Any:
    return lambda x: (x**2).sum()


def in_numba(size: int) -> Any:
    import numba

    @numba.njit(cache=True)
    def total(x: Any) -> Any:
        found = 0.0
        for i in range(x.size):
            found += x[i] * x[i]
        return found

    return total
