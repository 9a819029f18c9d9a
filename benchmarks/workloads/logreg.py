"""Logistic regression: negative log-likelihood and gradient in one function."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "logistic regression, value and gradient, 2000 x 20"


def data() -> Data:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 20))
    w = rng.normal(size=20) / 4
    y = (rng.random(2000) < 1 / (1 + np.exp(-X @ w))).astype(float)
    return w, X, y


def results(w: Array, X: Array, y: Array) -> list[tuple[int, ...]]:
    return [(), w.shape]


def cost(t: Any, w: Any, X: Any, y: Any) -> Any:
    z = t.dot(X, w)
    return t.sum(t.softplus(z) - y * z)


def symbolic(lib: Any, t: Any) -> Any:
    w, X, y = t.dvector("w"), t.dmatrix("X"), t.dvector("y")
    value = cost(t, w, X, y)
    return [w, X, y], [value, lib.grad(value, w)]


def jax_cost(w: Any, X: Any, y: Any) -> Any:
    import jax
    import jax.numpy as jnp

    z = X @ w
    return jnp.sum(jax.nn.softplus(z) - y * z)


def in_jax() -> Any:
    import jax

    return jax.value_and_grad(jax_cost)


def torch_cost(w: Any, X: Any, y: Any) -> Any:
    import torch

    z = X @ w
    # torch's own softplus is linear from 20 on, which is off by 2e-9
    return torch.sum(torch.logaddexp(z, torch.zeros_like(z)) - y * z)


def in_torch() -> Any:
    import torch

    both = torch.func.grad_and_value(torch_cost)

    def value_and_gradient(w: Any, X: Any, y: Any) -> Any:
        gradient, value = both(w, X, y)
        return value, gradient

    return value_and_gradient


def in_numba() -> Any:
    import numba

    @numba.njit(cache=True)
    def value_and_gradient(w: Any, X: Any, y: Any) -> Any:
        z = X @ w
        value = 0.0
        for i in range(z.size):
            v = z[i]
            e = np.exp(-np.abs(v))
            value += max(v, 0.0) + np.log1p(e) - y[i] * v
            z[i] = (1.0 if v >= 0 else e) / (1 + e) - y[i]
        return value, z @ X

    return value_and_gradient
