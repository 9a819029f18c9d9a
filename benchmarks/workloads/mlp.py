"""Cross-entropy of a network with one hidden layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Array, Data

TITLE = "MLP 64-128-10 (tanh), cross-entropy of a batch of 256, value and gradients"


def data() -> Data:
    rng = np.random.default_rng(0)
    d, hidden, classes, batch = 64, 128, 10, 256
    return (
        rng.normal(size=(d, hidden)) / d**0.5,
        rng.normal(size=hidden) / 4,
        rng.normal(size=(hidden, classes)) / hidden**0.5,
        rng.normal(size=classes) / 4,
        rng.normal(size=(batch, d)),
        rng.integers(classes, size=batch),
    )


def results(W: Array, b: Array, V: Array, c: Array, X: Array, y: Array) -> list[tuple[int, ...]]:
    return [(), W.shape, b.shape, V.shape, c.shape]


def symbolic(lib: Any, t: Any) -> Any:
    W, b, V, c = t.dmatrix("W"), t.dvector("b"), t.dmatrix("V"), t.dvector("c")
    X, y = t.dmatrix("X"), t.lvector("y")
    logits = t.dot(t.tanh(t.dot(X, W) + b), V) + c
    logp = logits - t.logsumexp(logits, axis=1, keepdims=True)
    value = -t.mean(logp[t.arange(y.shape[0]), y])
    return [W, b, V, c, X, y], [value, *lib.grad(value, [W, b, V, c])]


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp

    def value(W: Any, b: Any, V: Any, c: Any, X: Any, y: Any) -> Any:
        logp = jax.nn.log_softmax(jnp.tanh(X @ W + b) @ V + c, axis=1)
        return -jnp.mean(logp[jnp.arange(y.shape[0]), y])

    def flat(*args: Any) -> Any:
        cost, gradients = jax.value_and_grad(value, argnums=(0, 1, 2, 3))(*args)
        return (cost, *gradients)

    return flat


def in_torch() -> Any:
    import torch

    def value(W: Any, b: Any, V: Any, c: Any, X: Any, y: Any) -> Any:
        logits = torch.tanh(X @ W + b) @ V + c
        return torch.nn.functional.cross_entropy(logits, y)

    both = torch.func.grad_and_value(value, argnums=(0, 1, 2, 3))

    def flat(*args: Any) -> Any:
        gradients, cost = both(*args)
        return (cost, *gradients)

    return flat
