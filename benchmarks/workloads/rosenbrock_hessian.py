"""A dense Hessian that is tri-diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Hessian of the Rosenbrock function, n = 1000, dense"


def data() -> Data:
    return (np.random.default_rng(0).normal(size=1000),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [(x.size, x.size)]


def symbolic(lib: Any, t: Any) -> Any:
    x = t.dvector("x")
    cost = t.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return [x], [lib.gradient.hessian(cost, x)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.hessian(lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def in_casadi(ca: Any) -> Any:
    x = ca.MX.sym("x", 1000)
    cost = ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return [x], [ca.densify(ca.hessian(cost, x)[0])]


def in_torch() -> Any:
    import torch

    return torch.func.hessian(
        lambda x: torch.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    )


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def hessian(x: Any) -> Any:
        n = x.size
        H = np.zeros((n, n))
        for i in range(n - 1):
            H[i, i] += 1200 * x[i] * x[i] - 400 * x[i + 1] + 2
            H[i + 1, i + 1] += 200
            H[i, i + 1] = H[i + 1, i] = -400 * x[i]
        return H

    return hessian
