"""One case by all its contenders: what they compute is compared, then they are timed in turn.

Responsible for: who takes part, correctness, the order of rounds. Not responsible for how one
sample is taken (`timing`) or what is printed (`report`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import timing, tools
from benchmarks.process import Process, ToolFailedError, missing
from benchmarks.workload import Array, Case

# Relative to the largest element of a result: all tools compute in float64, in other orders.
TOLERANCE = 1e-8


@dataclass(slots=True)
class Timed:
    """A contender of a case, with its rounds in seconds a call; or why it has none."""

    tool: str
    version: str = ""
    minima: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    calls: int = 0
    phases: dict[str, float] = field(default_factory=dict)
    peak: int = 0
    missing: str = ""
    deviation: float = 0.0

    @property
    def low(self) -> float:
        return min(self.minima)

    @property
    def median(self) -> float:
        return statistics.median(self.medians)

    def as_dict(self) -> dict[str, Any]:
        if self.missing:
            return {"tool": self.tool, "missing": self.missing}
        rounds = zip(self.minima, self.medians, strict=True)
        return {
            "tool": self.tool, "version": self.version, "min": self.low, "median": self.median,
            "rounds": [{"min": low, "median": median} for low, median in rounds],
            "calls a sample": self.calls, "phases": self.phases, "peak bytes": self.peak,
            "deviation": self.deviation,
        }  # fmt: skip


def ratio(timed: Timed, base: Timed) -> float:
    """The median over the rounds of the quotient of both medians of a round."""
    pairs = zip(timed.medians, base.medians, strict=True)
    return statistics.median(a / b for a, b in pairs)


def contenders(case: Case, peers: Sequence[str]) -> list[tuple[str, str, int]]:
    """Label, tool and number of threads of everybody who has something for this case."""
    found = []
    if case.has("symbolic") or case.has("in_cgrad"):
        for threads in getattr(case.module, "THREADS", (1,)):
            found.append(
                ("cgrad" if threads == 1 else f"cgrad, {threads} threads", "cgrad", threads)
            )
        if getattr(case.module, "BOUND", False):
            found.append(("cgrad-bound", "cgrad-bound", 1))
    if case.has("results"):
        found += [(name, name, 1) for name in case.references]
    for peer in peers:
        for tool in tools.PEERS[peer]:
            functions = {tools.tool(tool).FUNCTION, f"in_{peer}"}
            if any(case.has(function) for function in functions):
                found.append((tool, tool, 1))
    return found


def run(case: Case, peers: Sequence[str], rounds: int, folder: Path, timeout: float) -> list[Timed]:
    """All contenders of a case; `folder` has their caches and files."""
    cores = timing.usable_cores()
    found: list[Timed] = []
    with ExitStack() as stack:
        running: list[tuple[Timed, Process]] = []
        for label, tool, threads in contenders(case, peers):
            timed = Timed(label)
            found.append(timed)
            if missing(tool):
                timed.missing = missing(tool)
                continue
            mine = cores[-threads:]
            if len(mine) < threads:
                timed.missing = f"needs {threads} cores"
                continue
            try:
                process = Process(case, tool, folder, cores=mine, threads=threads, timeout=timeout)
            except ToolFailedError as error:
                timed.missing = str(error)
                continue
            stack.callback(process.close)
            timed.missing = process.first.get("missing", "")
            if not timed.missing:
                timed.version, timed.phases = process.first["version"], process.first["phases"]
                running.append((timed, process))
        running = _compare(running, folder)
        for _ in range(rounds):
            for timed, process in list(running):
                try:
                    answer = process.ask("samples")
                except ToolFailedError as error:
                    timed.missing = str(error)
                    running = [pair for pair in running if pair[0] is not timed]
                    continue
                timed.minima.append(min(answer["samples"]))
                timed.medians.append(statistics.median(answer["samples"]))
                timed.calls = answer["calls"]
    return found


def _compare(running: list[tuple[Timed, Process]], folder: Path) -> list[tuple[Timed, Process]]:
    """Those whose results agree with each other; what is left out is told so.

    Those with whom most agree are right, the reference among equals.
    """
    results: dict[str, list[Array]] = {}
    for timed, process in running:
        path = folder / f"{len(results)}.npz"
        timed.peak = process.ask("results", path=str(path))["peak"]
        if timed.tool != "copy":  # which moves the same bytes and computes nothing
            with np.load(path) as file:
                results[timed.tool] = [file[key] for key in file.files]
        path.unlink()

    def agreeing(tool: str) -> tuple[int, bool]:
        near = [deviation(found, results[tool]) <= TOLERANCE for found in results.values()]
        return sum(near), tool == "c"

    if results:
        base = max(results, key=agreeing)
        for timed, _ in running:
            if timed.tool in results:
                timed.deviation = deviation(results[timed.tool], results[base])
                if not timed.deviation <= TOLERANCE:
                    timed.missing = f"wrong: {timed.deviation:.1e} of the largest from {base}"
    return [pair for pair in running if not pair[0].missing]


def deviation(found: Sequence[Array], base: Sequence[Array]) -> float:
    """The largest difference in relation to the largest element of each result; inf if unlike."""
    if len(found) != len(base):
        return float("inf")
    worst = 0.0
    for a, b in zip(found, base, strict=True):
        if a.shape != b.shape or not np.all(np.isfinite(a) == np.isfinite(b)):
            return float("inf")
        if a.size:
            scale = float(np.max(np.abs(b), initial=np.finfo(float).tiny))
            worst = max(worst, float(np.max(np.abs(a - b))) / scale)
    return worst
