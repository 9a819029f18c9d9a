"""A dense Jacobian of a sum over pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Jacobian of the accelerations of n bodies by their places, n = 32, dense"
BOUND = True
N = 32


def data() -> Data:
    random = np.random.default_rng(0)
    return random.normal(size=(N, 3)), random.uniform(0.5, 2, N)


def results(q: Array, m: Array) -> list[tuple[int, ...]]:
    return [(*q.shape, *q.shape)]


def _accelerations(t: Any, q: Any, m: Any) -> Any:
    d = q[None, :, :] - q[:, None, :]
    square = t.sum(d * d, axis=2) + 0.01
    return t.sum((m[None, :] * square**-1.5)[:, :, None] * d, axis=1)


def in_cgrad(lib: Any, t: Any) -> Any:
    q, m = t.tensor("q", dtype="float64", shape=(None, 3)), t.dvector("m")
    return [q, m], [lib.gradient.jacobian(_accelerations(t, q, m), q)]


def in_pytensor(lib: Any, t: Any) -> Any:
    q, m = t.dmatrix("q"), t.dvector("m")
    flat = lib.gradient.jacobian(_accelerations(t, q, m).ravel(), q)
    return [q, m], [flat.reshape((N, 3, N, 3))]


def in_casadi(ca: Any) -> Any:
    q, m = ca.SX.sym("q", 3, N), ca.SX.sym("m", N)
    found = []
    for i in range(N):
        d = q - q[:, i]
        square = ca.sum1(d * d) + 0.01
        found.append(ca.mtimes(d, m / ca.power(square.T, 1.5)))
    return [q, m], [ca.densify(ca.jacobian(ca.vertcat(*found), ca.vec(q)))]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.jacfwd(lambda q, m: _accelerations(jnp, q, m))
