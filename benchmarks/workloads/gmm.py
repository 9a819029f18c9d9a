"""A mixture of Gaussians with diagonal covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "Gaussian mixture, gradient of the log-likelihood, n = 1000, d = 32, K = 16"
LOG_2PI = float(np.log(2 * np.pi))


def data() -> Data:
    rng = np.random.default_rng(0)
    n, d, k = 1000, 32, 16
    means = rng.normal(size=(k, d))
    X = means[rng.integers(k, size=n)] + rng.normal(size=(n, d))
    return rng.normal(size=k), means + rng.normal(size=(k, d)) / 4, rng.normal(size=(k, d)) / 8, X


def results(logits: Array, means: Array, log_scales: Array, X: Array) -> list[tuple[int, ...]]:
    return [logits.shape, means.shape, log_scales.shape]


def symbolic(lib: Any, t: Any) -> Any:
    logits, means = t.dvector("logits"), t.dmatrix("means")
    log_scales, X = t.dmatrix("log_scales"), t.dmatrix("X")
    z = (X[:, None, :] - means) * t.exp(-log_scales)
    logp = (
        logits
        - t.logsumexp(logits)
        - t.sum(log_scales, axis=1)
        - 0.5 * t.sum(z**2, axis=2)
        - 0.5 * LOG_2PI * X.shape[1]
    )
    value = t.sum(t.logsumexp(logp, axis=1))
    return [logits, means, log_scales, X], lib.grad(value, [logits, means, log_scales])


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def value(logits: Any, means: Any, log_scales: Any, X: Any) -> Any:
        z = (X[:, None, :] - means) * jnp.exp(-log_scales)
        logp = jax.nn.log_softmax(logits) - jnp.sum(log_scales, 1) - 0.5 * jnp.sum(z**2, 2)
        return jnp.sum(jax.nn.logsumexp(logp, axis=1)) - 0.5 * LOG_2PI * X.size

    return jax.grad(value, argnums=(0, 1, 2))


def in_torch() -> Any:
    import torch

    def value(logits: Any, means: Any, log_scales: Any, X: Any) -> Any:
        z = (X[:, None, :] - means) * torch.exp(-log_scales)
        logp = torch.log_softmax(logits, 0) - torch.sum(log_scales, 1) - 0.5 * torch.sum(z**2, 2)
        return torch.sum(torch.logsumexp(logp, 1)) - 0.5 * LOG_2PI * X.numel()

    return torch.func.grad(value, argnums=(0, 1, 2))
