"""Gradient and Hessian diagonal of the k-means objective."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "k-means, gradient and diagonal of the Hessian, n = 2000, d = 8, k = 10"


def data() -> Data:
    rng = np.random.default_rng(0)
    return rng.normal(size=(10, 8)), rng.normal(size=(2000, 8))


def results(centres: Array, X: Array) -> list[tuple[int, ...]]:
    return [centres.shape, centres.shape]


def symbolic(lib: Any, t: Any) -> Any:
    centres, X = t.dmatrix("centres"), t.dmatrix("X")
    distances = t.sum((X[:, None, :] - centres) ** 2, axis=2)
    gradient = lib.grad(t.sum(t.min(distances, axis=1)), centres)
    # the Hessian is diagonal, so the sums of its rows are its diagonal
    return [centres, X], [gradient, lib.grad(t.sum(gradient), centres)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def cost(centres: Any, X: Any) -> Any:
        return jnp.sum(jnp.min(jnp.sum((X[:, None, :] - centres) ** 2, axis=2), axis=1))

    def both(centres: Any, X: Any) -> Any:
        return jax.jvp(lambda c: jax.grad(cost)(c, X), (centres,), (jnp.ones_like(centres),))

    return both


def in_torch() -> Any:
    import torch

    def cost(centres: Any, X: Any) -> Any:
        return torch.sum(torch.amin(torch.sum((X[:, None, :] - centres) ** 2, 2), 1))

    def both(centres: Any, X: Any) -> Any:
        ones = torch.ones_like(centres)
        return torch.func.jvp(lambda c: torch.func.grad(cost)(c, X), (centres,), (ones,))

    return both


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def both(centres: Any, X: Any) -> Any:
        k, d = centres.shape
        sums, counts = np.zeros((k, d)), np.zeros(k)
        for i in range(X.shape[0]):
            best, nearest = np.inf, 0
            for a in range(k):
                s = 0.0
                for j in range(d):
                    s += (X[i, j] - centres[a, j]) ** 2
                if s < best:
                    best, nearest = s, a
            counts[nearest] += 1
            for j in range(d):
                sums[nearest, j] += X[i, j]
        counts = counts.reshape(-1, 1)
        return 2 * (counts * centres - sums), 2 * counts + np.zeros_like(centres)

    return both
