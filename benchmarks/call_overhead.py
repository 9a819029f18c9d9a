"""One call of the smallest function, `grad(x**2, x)`, with a 0-d array and with a Python float."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks import peers as others
from benchmarks.timing import Result, measure

TITLE = "a call of f = function([x], grad(x**2, x))"


def run(peers: Collection[str]) -> list[Result]:
    x = ct.dscalar("x")
    f = cgrad.function([x], ct.grad(x**2, x))
    array = np.array(4.0)
    results = [
        Result("cgrad, 0-d array", measure(lambda: f(array))),
        Result("cgrad, Python float", measure(lambda: f(4.0))),
        Result("2.0 * array, NumPy", measure(lambda: 2.0 * array)),
    ]
    if "pytensor" in peers:
        for case, samples in others.pytensor("call").items():
            results.append(Result(f"PyTensor (C VM), {case}", samples))
    return results
