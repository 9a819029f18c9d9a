"""What data assimilation needs: second derivatives through a solver of differential equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Data
from benchmarks.workloads.three_body import runge_kutta

TITLE = "Lorenz-96, 40 variables, 200 steps of Runge-Kutta, gradient and Hessian times vector"
STEPS = 200
FORCE = 8.0


def data() -> Data:
    rng = np.random.default_rng(0)
    return FORCE + rng.normal(size=40), rng.normal(size=40)


def _slope(roll: Any) -> Any:
    return lambda x: (roll(x, -1) - roll(x, 2)) * roll(x, 1) - x + FORCE


def symbolic(lib: Any, t: Any) -> Any:
    first, v = t.dvector("first"), t.dvector("v")
    slope = _slope(t.roll)
    states, _ = lib.scan(lambda x: runge_kutta(slope, x), outputs_info=[first], n_steps=STEPS)
    gradient = lib.grad(t.sum(states[-1] ** 2), first)
    return [first, v], [gradient, lib.grad(t.sum(gradient * v), first)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    slope = _slope(jnp.roll)

    def cost(first: Any) -> Any:
        last = jax.lax.scan(lambda x, _: (runge_kutta(slope, x), None), first, length=STEPS)[0]
        return jnp.sum(last**2)

    return lambda first, v: jax.jvp(jax.grad(cost), (first,), (v,))
