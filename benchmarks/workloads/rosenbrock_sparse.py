"""A sparse Hessian that is tri-diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Hessian of the Rosenbrock function, sparse"
CASES = {f"{n}": {"n": n} for n in (1_000, 10_000, 1_000_000)}
BOUND = True
SPARSE = True


def data(n: int) -> Data:
    return (np.random.default_rng(0).normal(size=n),)


def results(x: Array) -> list[tuple[int, ...]]:
    return [(3 * x.size - 2,)]


def places(x: Array) -> list[tuple[tuple[int, int], Array, Array]]:
    n = x.size
    rows = np.arange(n)
    counts = 3 - (rows == 0) - (rows == n - 1)
    columns = rows[:, None] + np.arange(-1, 2)
    return [((n, n), np.r_[0, np.cumsum(counts)], columns[(columns >= 0) & (columns < n)])]


def in_cgrad(lib: Any, t: Any, n: int) -> Any:
    x = t.dvector("x")
    cost = t.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return [x], [lib.gradient.hessian(cost, x, sparse=True)]


def in_casadi(ca: Any, n: int) -> Any:
    x = ca.MX.sym("x", n)
    cost = ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return [x], [ca.hessian(cost, x)[0]]


def in_jax(n: int) -> Any:
    import jax
    import jax.numpy as jnp
    import sparsejac
    from jax.experimental.sparse import BCOO

    (shape, indptr, indices) = places(np.empty(n))[0]
    rows = np.repeat(np.arange(n), np.diff(indptr))
    entries = jnp.ones(indices.size), jnp.asarray(np.stack([rows, indices], 1))
    cost = lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)  # noqa: E731
    return sparsejac.jacfwd(jax.grad(cost), BCOO(entries, shape=shape))
