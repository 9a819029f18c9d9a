"""Log-sum-exp of rows and its gradient, the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "sum of the log-sum-exp of each row, value and gradient, 1000 x 1000"


def data() -> Data:
    return (np.random.default_rng(0).normal(size=(1000, 1000)),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [(), x.shape]


def symbolic(lib: Any, t: Any) -> Any:
    x = t.dmatrix("x")
    value = t.sum(t.logsumexp(x, axis=1))
    return [x], [value, lib.grad(value, x)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.value_and_grad(lambda x: jnp.sum(jax.nn.logsumexp(x, axis=1)))


def in_torch() -> Any:
    import torch

    both = torch.func.grad_and_value(lambda x: torch.sum(torch.logsumexp(x, 1)))

    def value_and_gradient(x: Any) -> Any:
        gradient, value = both(x)
        return value, gradient

    return value_and_gradient


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def value_and_gradient(x: Any) -> Any:
        out = np.empty_like(x)
        value = 0.0
        for i in range(x.shape[0]):
            top = np.max(x[i])
            total = 0.0
            for j in range(x.shape[1]):
                out[i, j] = np.exp(x[i, j] - top)
                total += out[i, j]
            value += top + np.log(total)
            for j in range(x.shape[1]):
                out[i, j] /= total
        return value, out

    return value_and_gradient
