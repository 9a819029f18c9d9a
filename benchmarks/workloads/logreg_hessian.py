"""The Hessian of a logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data
from benchmarks.workloads import logreg

TITLE = "Hessian of a logistic regression, 20 x 20 from 2000 rows"


def data() -> Data:
    return logreg.data()


def results(w: Array, X: Array, y: Array) -> list[tuple[int, ...]]:
    return [(w.size, w.size)]


def symbolic(lib: Any, t: Any) -> Any:
    w, X, y = t.dvector("w"), t.dmatrix("X"), t.dvector("y")
    return [w, X, y], [lib.gradient.hessian(logreg.cost(t, w, X, y), w)]


def in_jax() -> Any:
    import jax

    return jax.hessian(logreg.jax_cost)


def in_torch() -> Any:
    import torch

    return torch.func.hessian(logreg.torch_cost)


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def hessian(w: Any, X: Any, y: Any) -> Any:
        z = X @ w
        e = np.exp(-np.abs(z))
        s = e / ((1 + e) * (1 + e))
        return (X * s.reshape(-1, 1)).T @ X

    return hessian
