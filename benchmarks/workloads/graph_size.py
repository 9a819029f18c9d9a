"""How compiling grows with the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Data

TITLE = "compiling an elementwise graph of 100 to 10 000 nodes"
CASES = {str(nodes): {"nodes": nodes} for nodes in (100, 1000, 10_000)}


def data(nodes: int) -> Data:
    return np.random.default_rng(0).normal(size=(2, 100))[0], np.full(100, 0.3)


def chain(sin: Any, x: Any, y: Any, nodes: int) -> Any:
    """Products, sines and sums, a node each, none of them equal to another."""
    for _ in range(nodes // 3):
        x = sin(x * y) + x
    return x


def symbolic(lib: Any, t: Any, nodes: int) -> Any:
    x, y = t.dvector("x"), t.dvector("y")
    return [x, y], [chain(t.sin, x, y, nodes)]


def in_jax(nodes: int) -> Any:
    import jax.numpy as jnp

    return lambda x, y: chain(jnp.sin, x, y, nodes)
