"""The marginal likelihood of a Gaussian process."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Gaussian process (Matern 5/2), gradient of the marginal likelihood, n = 200"


def data() -> Data:
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 4, size=(200, 3))
    y = np.sin(X[:, 0]) * X[:, 1] + rng.normal(size=200) / 10
    return np.array([0.1, 0.2, -1.0]), X, y  # logarithms of length, scale and noise


def results(theta: Array, X: Array, y: Array) -> list[tuple[int, ...]]:
    return [theta.shape]


def symbolic(lib: Any, t: Any) -> Any:
    theta, X, y = t.dvector("theta"), t.dmatrix("X"), t.dvector("y")
    distance = t.sqrt(t.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2))
    u = 5**0.5 * distance * t.exp(-theta[0])
    kernel = t.exp(2 * theta[1]) * (1 + u + u**2 / 3) * t.exp(-u)
    K = kernel + t.exp(2 * theta[2]) * t.eye(X.shape[0])
    L = t.linalg.cholesky(K)
    z = t.linalg.solve_triangular(L, y, lower=True)
    value = 0.5 * t.sum(z**2) + t.sum(t.log(t.diagonal(L)))
    return [theta, X, y], [lib.grad(value, theta)]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def value(theta: Any, X: Any, y: Any) -> Any:
        distance = jnp.sqrt(jnp.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2))
        u = 5**0.5 * distance * jnp.exp(-theta[0])
        kernel = jnp.exp(2 * theta[1]) * (1 + u + u**2 / 3) * jnp.exp(-u)
        L = jnp.linalg.cholesky(kernel + jnp.exp(2 * theta[2]) * jnp.eye(X.shape[0]))
        z = jax.scipy.linalg.solve_triangular(L, y, lower=True)
        return 0.5 * jnp.sum(z**2) + jnp.sum(jnp.log(jnp.diagonal(L)))

    return jax.grad(value)


def in_torch() -> Any:
    import torch

    def value(theta: Any, X: Any, y: Any) -> Any:
        distance = torch.sqrt(torch.sum((X[:, None, :] - X[None, :, :]) ** 2, 2))
        u = 5**0.5 * distance * torch.exp(-theta[0])
        kernel = torch.exp(2 * theta[1]) * (1 + u + u**2 / 3) * torch.exp(-u)
        eye = torch.eye(X.shape[0], dtype=X.dtype)
        L = torch.linalg.cholesky(kernel + torch.exp(2 * theta[2]) * eye)
        z = torch.linalg.solve_triangular(L, y[:, None], upper=False)
        return 0.5 * torch.sum(z**2) + torch.sum(torch.log(torch.diagonal(L)))

    return torch.func.grad(value)
