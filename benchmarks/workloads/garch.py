"""GARCH(1,1): a recurrence of scalars."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "GARCH(1,1), likelihood and its gradient, 1000 steps"


def data() -> Data:
    return np.array([0.1, 0.1, 0.8]), np.random.default_rng(0).normal(size=1000)


def results(theta: Array, r: Array) -> list[tuple[int, ...]]:
    return [(), theta.shape]


def symbolic(lib: Any, t: Any) -> Any:
    theta, r = t.dvector("theta"), t.dvector("r")
    omega, alpha, beta = theta[0], theta[1], theta[2]

    def step(sq: Any, h: Any, omega: Any, alpha: Any, beta: Any) -> Any:
        return omega + alpha * sq + beta * h

    sq = r**2
    first = t.mean(sq)
    later, _ = lib.scan(
        step, sequences=[sq[:-1]], outputs_info=[first], non_sequences=[omega, alpha, beta]
    )
    value = 0.5 * (t.log(first) + sq[0] / first + t.sum(t.log(later) + sq[1:] / later))
    return [theta, r], [value, lib.grad(value, theta)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def value(theta: Any, r: Any) -> Any:
        omega, alpha, beta = theta

        def step(h: Any, sq: Any) -> Any:
            h = omega + alpha * sq + beta * h
            return h, h

        sq = r**2
        first = jnp.mean(sq)
        _, later = jax.lax.scan(step, first, sq[:-1])
        return 0.5 * (jnp.log(first) + sq[0] / first + jnp.sum(jnp.log(later) + sq[1:] / later))

    return jax.value_and_grad(value)


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def value_and_gradient(theta: Any, r: Any) -> Any:
        omega, alpha, beta = theta
        h = np.mean(r * r)
        value = np.log(h) + r[0] * r[0] / h
        d0 = d1 = d2 = g0 = g1 = g2 = 0.0
        for k in range(1, r.size):
            past, sq = r[k - 1] * r[k - 1], r[k] * r[k]
            d0, d1, d2 = 1 + beta * d0, past + beta * d1, h + beta * d2
            h = omega + alpha * past + beta * h
            value += np.log(h) + sq / h
            weight = (1 - sq / h) / h
            g0 += weight * d0
            g1 += weight * d1
            g2 += weight * d2
        return 0.5 * value, 0.5 * np.array([g0, g1, g2])

    return value_and_gradient
