"""The sparse Jacobian of a differential equation by finite differences: three diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Jacobian of u'' - u u' + exp(u) by central differences, n = 1 000 000, sparse"
BOUND = True
SPARSE = True
N = 1_000_000


def data() -> Data:
    return (np.random.default_rng(0).normal(size=N),)


def results(u: Array) -> list[tuple[int, ...]]:
    return [(3 * (u.size - 2),)]


def places(u: Array) -> list[tuple[tuple[int, int], Array, Array]]:
    m = u.size - 2
    columns = np.arange(m)[:, None] + np.arange(3)
    return [((m, u.size), np.arange(0, 3 * m + 1, 3), np.ravel(columns))]


def _residual(t: Any, u: Any, n: int) -> Any:
    left, here, right = u[:-2], u[1:-1], u[2:]
    h = 1.0 / n
    return (right - 2 * here + left) / h**2 - here * (right - left) / (2 * h) + t.exp(here)


def in_cgrad(lib: Any, t: Any) -> Any:
    u = t.dvector("u")
    return [u], [lib.gradient.jacobian(_residual(t, u, N), u, sparse=True)]


def in_casadi(ca: Any) -> Any:
    u = ca.MX.sym("u", N)
    return [u], [ca.jacobian(_residual(ca, u, N), u)]


def in_jax() -> Any:
    import jax.numpy as jnp
    import sparsejac
    from jax.experimental.sparse import BCOO

    (shape, indptr, indices) = places(np.empty(N))[0]
    rows = np.repeat(np.arange(shape[0]), np.diff(indptr))
    entries = jnp.ones(indices.size), jnp.asarray(np.stack([rows, indices], 1))
    return sparsejac.jacfwd(lambda u: _residual(jnp, u, N), BCOO(entries, shape=shape))
