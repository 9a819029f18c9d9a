"""Random graphs of up to 40 operations against the oracle of `fuzz.tape`.

Of each graph: some values, the gradient of a weighted sum of them, and the gradient of a weighted
sum of that gradient.  Computed by the NumPy interpreter from the graph as written, after the
rewrites and after the expansions, and by compiled C with the rewrites and without.

Responsible for: graphs, the ways to compute them, errors in units of the bound.
Not responsible for: how many, and what is printed (`python -m tests.fuzz`, `tests/test_oracle.py`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from unittest import mock

import fuzz.basic
import fuzz.language
import fuzz.loops
import fuzz.sides  # noqa: F401 (each fills the list of operations)
import numpy as np
from fuzz.pool import WIDE_ELEMENTS, Generator, Skip, Value
from fuzz.tape import DIGITS, Ambiguous, Run, mp

import cgrad
import cgrad.tensor as ct
from cgrad import rewrites
from cgrad.codegen import parallel
from cgrad.core import graphs
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.core.rewrite import rewrite
from cgrad.rewrites.expand import ROWS

OPERATIONS = 40
# more scalars than this are not worth the oracle's time
ELEMENTS, SCALARS = 300, 20_000
# for axes of up to 70 elements: fewer operations
WIDE_OPERATIONS = 12


class Graph:
    """One random graph: its outputs, and the node of each oracle result."""

    def __init__(self, seed: int, wide: bool = False) -> None:
        self.seed = seed
        self._simple: list[Node] | None = None
        g = Generator(seed, wide)
        self.g = g
        for _ in range(g.rng.randint(1, WIDE_OPERATIONS if wide else OPERATIONS)):
            try:
                g.grow()
            except Skip:
                break
        made = [
            v
            for v in g.pool
            if v not in g.inputs and v.array.size <= (WIDE_ELEMENTS if wide else ELEMENTS)
        ]
        floats = [v for v in made if v.floating]
        self.values: list[Value] = floats[-2:]
        rest = [v for v in made if v not in self.values]
        self.values += g.rng.sample(rest, min(len(rest), 2))
        self.weights: list[tuple[Value, np.ndarray]] = []
        self.wrt: list[Node] = []
        self.directions: list[np.ndarray] = []
        self.outputs: list[Node] = [v.node for v in self.values]
        self._derivatives()
        self.arrays = [_layout(g, g.given[v.node]) for v in g.inputs]
        self.inputs = [v.node for v in g.inputs]

    def simple(self) -> list[Node]:
        """The outputs after the rewrites."""
        if self._simple is None:
            self._simple = rewrites.simplify(self.outputs)
        return self._simple

    def _numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self.g.data.integers(-8, 9, shape) / 8)

    def _derivatives(self) -> None:
        floats = [v for v in self.values if v.floating]
        reached = set(graphs.toposort([v.node for v in floats]))
        self.wrt = [v.node for v in self.g.inputs if v.floating and v.node in reached]
        if not self.wrt:
            return
        self.weights = [(v, self._numbers(v.array.shape)) for v in floats]
        self.directions = [self._numbers(self.g.given[x].shape) for x in self.wrt]
        cost = _total((ct.cast(v.node, "float64"), w) for v, w in self.weights)
        self.gradient = cgrad.grad(cost, self.wrt, disconnected_inputs="ignore")
        again = _total(
            (ct.cast(a, "float64"), u)
            for a, u in zip(self.gradient, self.directions, strict=True)
        )  # fmt: skip
        self.outputs += self.gradient
        self.outputs += cgrad.grad(again, self.wrt, disconnected_inputs="ignore")

    def oracle(self) -> tuple[Run, list[Any], list[np.ndarray]]:
        """The tape, the exact outputs, and for each of `wrt` the gradient by a complex step.

        Raises Ambiguous for a graph whose result is decided by rounding.
        """
        with mp.workdps(DIGITS), np.errstate(all="ignore"):
            run = Run(self.g.given)
            tape = run.tape
            found = run.evaluate([v.node for v in self.values])
            if len(tape.values) > SCALARS:
                raise Ambiguous
            if not self.wrt:
                return run, found, []
            at = dict(zip((v.node for v in self.values), found, strict=True))
            pairs = [(at[v.node], w) for v, w in self.weights]
            wrt = [int(k) for x in self.wrt for k in run.at[x].ravel()]
            cost = self._cost(tape, pairs)
            end = len(tape.values)
            single = any(d == "float32" for d in tape.dtypes)
            steps = [] if single or not wrt else [tape.complex_step(end, cost, wrt)]
            first = tape.pull({cost: tape.number(1, "float64")}, wrt)
            shaped = self._shaped(run, first)
            second = tape.pull(
                {self._cost(tape, zip(shaped, self.directions, strict=True)):
                 tape.number(1, "float64")}, wrt,
            )  # fmt: skip
            return run, [*found, *shaped, *self._shaped(run, second)], steps

    def _cost(self, tape: Any, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> int:
        terms = [
            tape("mul", int(k), tape.number(float(c), "float64"), dtype="float64")
            for ids, weight in pairs
            for k, c in zip(ids.ravel(), weight.ravel(), strict=True)
        ]
        return int(tape("sum", *terms, dtype="float64"))

    def _shaped(self, run: Run, flat: Sequence[int]) -> list[np.ndarray]:
        rest = list(flat)
        result = []
        for x in self.wrt:
            shape = run.at[x].shape
            n = run.at[x].size
            result.append(np.array(rest[:n], np.int64).reshape(shape))
            rest = rest[n:]
        return result


def _total(pairs: Iterable[tuple[Node, np.ndarray]]) -> Node:
    return sum((ct.sum(node * ct.constant(w)) for node, w in pairs), ct.constant(0.0))


def _layout(g: Generator, array: np.ndarray) -> np.ndarray:
    """The same elements in another order of memory."""
    kind = g.rng.choice(["C", "C", "F", "backwards", "spread"])
    if array.ndim == 0 or kind == "C":
        return array.copy()
    if kind == "F":
        return np.asfortranarray(array)
    if kind == "backwards":
        return array[::-1].copy()[::-1]
    return np.repeat(array, 2, axis=-1)[..., ::2]


# -- ways to compute ------------------------------------------------------------------------------
def as_written(graph: Graph) -> list[np.ndarray]:
    return evaluate(graph.outputs, graph.g.given)


def simplified(graph: Graph) -> list[np.ndarray]:
    return evaluate(graph.simple(), graph.g.given)


def expanded(graph: Graph) -> list[np.ndarray]:
    return evaluate(rewrites.expand(graph.simple()), graph.g.given)


INTERPRETED: dict[str, Callable[[Graph], list[np.ndarray]]] = {
    "as written": as_written, "rewritten": simplified, "expanded": expanded,
}  # fmt: skip


def compiled(
    batch: Sequence[Graph], plain: bool = False, threads: int = 1
) -> list[list[np.ndarray]]:
    """One kernel for several graphs.

    plain    without the rewrites
    threads  above 1, every loop that can be shared out is, however short
    """
    inputs = [x for graph in batch for x in graph.inputs]
    outputs = [out for graph in batch for out in graph.outputs]
    with contextlib.ExitStack() as changed:
        if plain:
            as_written = mock.patch.object(
                rewrites, "simplify", lambda outs, trace=None: list(outs)
            )
            changed.enter_context(as_written)
            rows = mock.patch.object(rewrites, "expand", lambda out: rewrite(out, ROWS))
            changed.enter_context(rows)
        if threads > 1:
            flags = f"{os.environ.get('CGRAD_CFLAGS', '')} -DCG_GRAIN=1.0"
            changed.enter_context(mock.patch.object(parallel, "GRAIN", 1))
            setting = {"CGRAD_CFLAGS": flags, "CGRAD_NUM_THREADS": str(threads)}
            changed.enter_context(mock.patch.dict(os.environ, setting))
        name = "plain" if plain else "graphs"
        f = cgrad.function(inputs, outputs, on_unused_input="ignore", name=name)
    rest = f(*(array for graph in batch for array in graph.arrays))
    result = []
    for graph in batch:
        result.append(rest[: len(graph.outputs)])
        rest = rest[len(graph.outputs) :]
    return result


# -- errors ---------------------------------------------------------------------------------------
KINDS = ("value", "gradient", "second")


class Errors(NamedTuple):
    """wrong: what has another dtype, shape or integers; units and ULP: of every float, by kind."""

    wrong: list[str]
    units: dict[str, list[float]]
    ulps: dict[str, list[float]]
    undefined: int

    @property
    def worst(self) -> float:
        return max((max(found) for found in self.units.values() if found), default=0.0)


def errors(graph: Graph, run: Run, want: Sequence[Any], got: Sequence[np.ndarray]) -> Errors:
    """How far results are from those of the oracle; what has no value is counted apart."""
    result = Errors([], {kind: [] for kind in KINDS}, {kind: [] for kind in KINDS}, 0)
    undefined = 0
    assert len(got) == len(want) == len(graph.outputs)
    for k, (node, exact, array) in enumerate(zip(graph.outputs, want, got, strict=True)):
        kind = KINDS[0 if k < len(graph.values) else 1 + (k - len(graph.values)) // len(graph.wrt)]
        what = f"seed {graph.seed}, output {k} ({kind})"
        if array.dtype != node.dtype or array.shape != exact.shape:
            result.wrong.append(
                f"{what}: {array.dtype} {array.shape}, not {node.dtype} {exact.shape}"
            )
        elif array.dtype.kind != "f":
            if not np.array_equal(array, exact):
                result.wrong.append(f"{what}: {array.tolist()}, not {exact.tolist()}")
        else:
            for at, value in zip(exact.ravel(), array.ravel(), strict=True):
                pair = _error(run.tape, int(at), value)
                if pair is None:
                    undefined += 1
                else:
                    result.units[kind].append(pair[0])
                    result.ulps[kind].append(pair[1])
    return result._replace(undefined=undefined)


def complex_step_errors(graph: Graph, run: Run, want: Sequence[Any], steps: Any) -> list[float]:
    """The gradient by a complex step in units of the same bounds."""
    if not len(steps):
        return []
    first = len(graph.values)
    ids = [int(k) for array in want[first : first + len(graph.wrt)] for k in array.ravel()]
    pairs = (_error(run.tape, at, value) for at, value in zip(ids, steps[0], strict=True))
    return [pair[0] for pair in pairs if pair is not None]


def _error(tape: Any, at: int, value: Any) -> tuple[float, float] | None:
    true, bound = tape.values[at], tape.bounds[at]
    if not mp.isfinite(true) or not np.isfinite(bound):
        return None
    if not np.isfinite(value):
        return np.inf, np.inf
    with mp.workdps(DIGITS):
        error = float(abs(mp.mpf(float(value)) - true))
    if error == 0:
        return 0.0, 0.0
    with np.errstate(over="ignore"):
        spacing = float(np.spacing(abs(value.dtype.type(float(true)))))
    return error / bound if bound else np.inf, error / spacing
