"""Value and gradient of a logistic likelihood, 1000 rows of 1000 features, against NumPy."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks import peers as others
from benchmarks.timing import Result, measure

TITLE = "value and gradient of a logistic likelihood, 1000 x 1000"
N = 1000

Array = np.ndarray[Any, np.dtype[np.float64]]


def by_hand(w: Array, X: Array, y: Array) -> tuple[float, Array]:
    """The same with NumPy; the two products are BLAS calls."""
    z = X @ w
    value = float(np.sum(np.logaddexp(0, z) - y * z))
    return value, (1 / (1 + np.exp(-z)) - y) @ X


def run(peers: Collection[str]) -> list[Result]:
    rng = np.random.default_rng(0)
    data, labels = rng.normal(size=(N, N)) / N**0.5, rng.integers(0, 2, N).astype(float)
    point = rng.normal(size=N)
    w, X, y = ct.dvector("w"), ct.dmatrix("X"), ct.dvector("y")
    z = X @ w
    cost = ct.sum(ct.softplus(z) - y * z)
    f = cgrad.function([w, X, y], [cost, ct.grad(cost, w)])
    value, gradient = f(point, data, labels)
    expected, slope = by_hand(point, data, labels)
    np.testing.assert_allclose(value, expected, rtol=1e-9)
    np.testing.assert_allclose(gradient, slope, rtol=1e-9)
    results = [
        Result("cgrad", measure(lambda: f(point, data, labels))),
        Result("NumPy", measure(lambda: by_hand(point, data, labels))),
    ]
    if "pytensor" in peers:
        results.append(Result("PyTensor (C VM)", others.pytensor("logistic")))
    return results
