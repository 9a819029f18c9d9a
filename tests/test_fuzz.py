"""Random graphs: compiled C against NumPy on the graph as it was written.

A batch is one kernel of several graphs over shared inputs; for each graph its value, the gradient
of a weighted sum of it, the identity <ct, J t> == <J^T ct, t>, and for some the product of the
Hessian with a vector, forward over reverse and reverse over reverse.  `CGRAD_FUZZ=n` runs n graphs,
`CGRAD_FUZZ_SEED=k` starts at batch k; a failure prints the seed of its batch.

Discontinuous functions are applied only to values that arithmetic computes exactly (dyadic
rationals of few digits), so that rounding never decides which side of a step is taken.
"""

from __future__ import annotations

import os

import fuzz.basic
import fuzz.language
import fuzz.loops  # noqa: F401 (each fills the list of operations)
import numpy as np
import pytest
from fuzz.pool import TOLERANCE, Generator, Skip, Value

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node

GRAPHS = int(os.environ.get("CGRAD_FUZZ", "160"))
FIRST = int(os.environ.get("CGRAD_FUZZ_SEED", "0"))
PER_KERNEL = 8


# -- the check ----------------------------------------------------------------------------------
class Case:
    """A graph of the batch: outputs to compile, each with its tolerance."""

    def __init__(self, g: Generator, value: Value, tag: str) -> None:
        self.tag = tag
        self.value = value
        self.outputs: list[Node] = [value.node]
        self.pairs: list[tuple[int, int]] = []
        if value.floating:
            self._derivatives(g, value)

    def _derivatives(self, g: Generator, value: Value) -> None:
        reached = set(toposort([value.node]))
        wrt = [v.node for v in g.inputs if v.floating and v.node in reached]
        if not wrt:
            return
        weights = g.data.integers(-8, 9, value.array.shape) / 8
        weight = ct.constant(weights.astype(value.node.dtype))
        tangents = [
            ct.constant((g.data.integers(-8, 9, g.given[x].shape) / 8).astype(x.dtype)) for x in wrt
        ]
        cost = ct.sum(value.node * weight)
        pulled = cgrad.grad(cost, wrt, disconnected_inputs="ignore")
        pushed = cgrad.Rop(value.node, wrt, tangents, disconnected_outputs="ignore")
        self.outputs += pulled
        forward = ct.sum(pushed * weight)
        reverse = sum(
            (ct.sum(ct.cast(a, "float64") * t) for a, t in zip(pulled, tangents, strict=True)),
            ct.constant(0.0),
        )
        self.pairs.append((len(self.outputs), len(self.outputs) + 1))
        self.outputs += [forward, reverse]
        if g.rng.random() < 0.25:
            self._second(wrt, pulled, tangents)

    def _second(self, wrt: list[Node], pulled: list[Node], tangents: list[Node]) -> None:
        """The Hessian product, forward over reverse and reverse over reverse."""
        inner = sum(
            (ct.sum(ct.cast(a, "float64") * t) for a, t in zip(pulled, tangents, strict=True)),
            ct.constant(0.0),
        )
        moved = cgrad.Rop(list(pulled), wrt, tangents, disconnected_outputs="ignore")
        again = cgrad.grad(inner, wrt, disconnected_inputs="ignore")
        for a, b in zip(moved, again, strict=True):
            self.pairs.append((len(self.outputs), len(self.outputs) + 1))
            self.outputs += [a, b]


def batch(seed: int) -> tuple[Generator, list[Case]]:
    g = Generator(seed)
    cases = []
    for k in range(PER_KERNEL):
        value = None
        for _ in range(g.rng.randint(1, 4)):
            try:
                value = g.grow()
            except Skip:
                break
        if value is not None:
            cases.append(Case(g, value, f"seed {seed} graph {k}"))
    return g, cases


def check(g: Generator, cases: list[Case]) -> None:
    outputs = [out for case in cases for out in case.outputs]
    f = cgrad.function([v.node for v in g.inputs], outputs, on_unused_input="ignore")
    arrays = [g.given[v.node].copy() for v in g.inputs]
    got = f(*arrays)
    for v, array in zip(g.inputs, arrays, strict=True):
        assert np.array_equal(array, g.given[v.node]), "an argument was changed"
    start = 0
    with np.errstate(all="ignore"):
        for case in cases:
            compare(g, case, got[start : start + len(case.outputs)])
            start += len(case.outputs)


def compare(g: Generator, case: Case, got: list[np.ndarray]) -> None:
    order = [n for n in toposort(case.outputs) if n.dtype != "tuple"]
    every = evaluate([*case.outputs, *order], g.given)
    want = every[: len(case.outputs)]
    floats = [a for a in every if a.dtype.kind == "f" and a.size]
    scale = max([1.0, *(float(np.nanmax(np.abs(a))) for a in floats)])
    narrow = any(a.dtype == np.float32 for a in every)
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        where = f"{case.tag}, output {k} of {cgrad.pp(case.outputs[k])[:300]}"
        assert a.shape == b.shape, f"{where}: shape {a.shape}, expected {b.shape}"
        assert a.dtype == b.dtype, f"{where}: dtype {a.dtype}, expected {b.dtype}"
        if a.dtype.kind != "f":
            assert np.array_equal(a, b), f"{where}:\n{a}\nexpected\n{b}"
            continue
        bound = TOLERANCE["float32" if narrow else "float64"] * scale
        bad = ~((np.abs(a - b) <= bound) | ((a != a) & (b != b)) | (a == b))
        assert not bad.any(), f"{where}:\n{a}\nexpected\n{b}\nscale {scale}"
    for p, q in case.pairs:
        bound = TOLERANCE["float32" if narrow else "float64"] * scale * 50
        a, b = got[p], got[q]
        same = (np.abs(a - b) <= bound) | ((a != a) & (b != b)) | (a == b)
        assert np.all(same), f"{case.tag}: outputs {p} and {q}: {a}, {b}"


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(1, GRAPHS // PER_KERNEL)))
def test_random_graphs(seed: int) -> None:
    g, cases = batch(seed)
    check(g, cases)
