"""A dense Jacobian that is diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Jacobian of sin(x) x, n = 1000, dense"


def data() -> Data:
    return (np.random.default_rng(0).normal(size=1000),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [(x.size, x.size)]


def symbolic(lib: Any, t: Any) -> Any:
    x = t.dvector("x")
    return [x], [lib.gradient.jacobian(t.sin(x) * x, x)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.jacfwd(lambda x: jnp.sin(x) * x)


def in_casadi(ca: Any) -> Any:
    x = ca.MX.sym("x", 1000)
    return [x], [ca.densify(ca.jacobian(ca.sin(x) * x, x))]


def in_torch() -> Any:
    import torch

    return torch.func.jacfwd(lambda x: torch.sin(x) * x)


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def jacobian(x: Any) -> Any:
        J = np.zeros((x.size, x.size))
        for i in range(x.size):
            J[i, i] = np.cos(x[i]) * x[i] + np.sin(x[i])
        return J

    return jacobian
