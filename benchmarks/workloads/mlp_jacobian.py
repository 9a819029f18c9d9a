"""The dense Jacobian of a neural network by its input."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.workload import Data

TITLE = "Jacobian of a network of two hidden layers of 64 tanh by its input, dense"
CASES = {"wide": {"rows": 10, "cols": 1000}, "tall": {"rows": 1000, "cols": 10}}
BOUND = True
HIDDEN = 64


def data(rows: int, cols: int) -> Data:
    random = np.random.default_rng(0)
    sizes = (cols, HIDDEN, HIDDEN, rows)
    weights = [random.normal(size=(m, n)) / np.sqrt(n) for n, m in pairwise(sizes)]
    return random.normal(size=cols), *weights


def _network(dot: Any, tanh: Any, x: Any, W1: Any, W2: Any, W3: Any) -> Any:
    return tanh(dot(W3, tanh(dot(W2, tanh(dot(W1, x))))))


def symbolic(lib: Any, t: Any, rows: int, cols: int) -> Any:
    x = t.dvector("x")
    weights = [t.dmatrix(name) for name in ("W1", "W2", "W3")]
    return [x, *weights], [lib.gradient.jacobian(_network(t.dot, t.tanh, x, *weights), x)]


def in_casadi(ca: Any, rows: int, cols: int) -> Any:
    x = ca.MX.sym("x", cols)
    sizes = (cols, HIDDEN, HIDDEN, rows)
    # stored by columns: the transposes of the arrays that are given
    weights = [ca.MX.sym(f"W{k + 1}", sizes[k], sizes[k + 1]) for k in range(3)]
    found = _network(ca.mtimes, ca.tanh, x, *(weight.T for weight in weights))
    return [x, *weights], [ca.jacobian(found, x)]


def in_jax(rows: int, cols: int) -> Any:
    import jax
    import jax.numpy as jnp

    jacobian = jax.jacfwd if cols < rows else jax.jacrev
    return jacobian(lambda x, *weights: _network(jnp.dot, jnp.tanh, x, *weights))
