"""The sensitivity of an orbit to where it starts."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "three bodies in the plane, 100 Runge-Kutta steps, Jacobian 12 x 12 of the last state"
STEPS, DT, SOFTENING = 100, 0.01, 1e-3


def data() -> Data:
    masses = np.array([1.0, 0.8, 1.2])
    state = np.array([-1.0, 0.1, 1.0, 0.0, 0.1, 0.9, 0.1, -0.4, 0.0, 0.5, 0.3, 0.0])
    return masses, state  # positions of the three bodies, then their velocities


def results(masses: Array, state: Array) -> list[tuple[int, ...]]:
    return [(state.size, state.size)]


def runge_kutta(slope: Any, s: Any) -> Any:
    """One step of the classical method of fourth order."""
    a = slope(s)
    b = slope(s + DT / 2 * a)
    c = slope(s + DT / 2 * b)
    d = slope(s + DT * c)
    return s + DT / 6 * (a + 2 * b + 2 * c + d)


def symbolic(lib: Any, t: Any) -> Any:
    masses, first = t.dvector("masses"), t.dvector("first")

    def step(s: Any, masses: Any) -> Any:
        def slope(s: Any) -> Any:
            q = s[:6].reshape((3, 2))
            apart = q[None, :, :] - q[:, None, :]
            near = t.sum(apart**2, axis=2) + SOFTENING
            pull = t.sum((masses / near**1.5)[:, :, None] * apart, axis=1)
            return t.concatenate([s[6:], pull.reshape((6,))])

        return runge_kutta(slope, s)

    states, _ = lib.scan(step, outputs_info=[first], non_sequences=[masses], n_steps=STEPS)
    return [masses, first], [lib.gradient.jacobian(states[-1], first)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def last(masses: Any, first: Any) -> Any:
        def slope(s: Any) -> Any:
            q = s[:6].reshape((3, 2))
            apart = q[None, :, :] - q[:, None, :]
            near = jnp.sum(apart**2, axis=2) + SOFTENING
            pull = jnp.sum((masses / near**1.5)[:, :, None] * apart, axis=1)
            return jnp.concatenate([s[6:], pull.reshape(6)])

        def step(s: Any, _: Any) -> Any:
            return runge_kutta(slope, s), None

        return jax.lax.scan(step, first, length=STEPS)[0]

    return jax.jacfwd(last, argnums=1)
