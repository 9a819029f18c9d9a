"""One file per tool: how it compiles a workload, and how its result is called and timed.

Each has `MODULES`, what must be importable, and `prepare(case, data, watch)`, which answers with a
`Contender`. A file imports its tool inside `prepare`: the import is one of the phases.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.timing import Loop
from benchmarks.workload import Array

# The names under which contenders appear, and the file of each.
FILES = {
    "cgrad": "cgrad",
    "cgrad-bound": "cgrad",
    "c": "c",
    "copy": "c",
    "jax": "jax",
    "pytensor-c": "pytensor",
    "pytensor-numba": "pytensor",
    "torch": "torch",
    "numba": "numba",
    "casadi": "casadi",
}
# What `--peers` takes, and the contenders behind each.
PEERS = {
    "jax": ("jax",),
    "pytensor": ("pytensor-c", "pytensor-numba"),
    "torch": ("torch",),
    "numba": ("numba",),
    "casadi": ("casadi",),
}


@dataclass(slots=True)
class Contender:
    """A workload compiled by a tool. `call` answers with whatever the tool calls a result."""

    call: Callable[[], Any]
    loop: Loop
    version: str

    def results(self, sparse: bool = False) -> list[Array]:
        """What one call computes, as arrays of float64; of a matrix that some tools store sparse,
        each in an order of its own, products with random vectors from both sides.
        """
        found = self.call()
        if not isinstance(found, (list, tuple)):
            found = [found]
        if not sparse:
            return [np.array(value, dtype=np.float64) for value in found]
        return [product for value in found for product in _products(value)]


def _products(matrix: Any) -> list[Array]:
    random = np.random.default_rng(1)
    rows, cols = matrix.shape
    return [matrix @ random.normal(size=cols), matrix.T @ random.normal(size=rows)]


class Watch:
    """Seconds of the phases from a new process to a first result."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """The time since the last lap belongs to this phase."""
        now = time.perf_counter()
        self.phases[phase] = now - self._last
        self._last = now


def tool(name: str) -> ModuleType:
    """The file of the tool behind a contender."""
    return importlib.import_module(f"benchmarks.tools.{FILES[name]}")


def is_peer(name: str) -> bool:
    return any(name in found for found in PEERS.values())


def first_line(text: str, width: int = 160) -> str:
    lines: Sequence[str] = text.strip().splitlines() or [""]
    return lines[0][:width]
