"""What a call of the smallest functions costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "a whole call from Python: gradient of x**2, and of sum(x**2) for 4 elements"
CASES = {"0-d": {"ndim": 0}, "4": {"ndim": 1}}


def data(ndim: int) -> Data:
    return (np.array(4.0) if ndim == 0 else np.array([1.0, 2.0, 3.0, 4.0]),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [x.shape]


def symbolic(lib: Any, t: Any, ndim: int) -> Any:
    x = t.dscalar("x") if ndim == 0 else t.dvector("x")
    return [x], lib.grad(t.sum(x**2), x)


def in_jax(ndim: int) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.grad(lambda x: jnp.sum(x**2))


def in_torch(ndim: int) -> Any:
    import torch

    return torch.func.grad(lambda x: torch.sum(x**2))


def in_numba(ndim: int) -> Any:
    import numba

    @numba.njit(cache=True)
    def gradient(x: Any) -> Any:
        return 2.0 * x

    return gradient
