"""What it takes until a function can be called, in new processes: with an empty cache, and warm.

Each start is a process with the phases that `worker` reports: importing the tool (NumPy is there),
building the graph, compiling, the first call. Processes are not pinned: a compiler may use all
cores, as it would for a user.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import process, tools
from benchmarks.process import Process, ToolFailedError
from benchmarks.runner import contenders
from benchmarks.workload import Case

PHASES = ("import", "graph", "compile", "first call", "seconds")


class Starts:
    """Starts of one tool: by kind (cold, new, warm) the phases of each process, in seconds."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.found: dict[str, list[dict[str, float]]] = {}
        self.missing = ""

    def add(self, kind: str, first: dict[str, Any]) -> None:
        self.missing = first.get("missing", "")
        if not self.missing:
            self.found.setdefault(kind, []).append({**first["phases"], "seconds": first["seconds"]})

    def low(self, kind: str, phase: str) -> float:
        return min(start[phase] for start in self.found[kind])

    def median(self, kind: str, phase: str) -> float:
        return statistics.median(start[phase] for start in self.found[kind])

    def as_dict(self) -> dict[str, Any]:
        kinds = {
            kind: {
                phase: {"min": self.low(kind, phase), "median": self.median(kind, phase)}
                for phase in PHASES
            }
            for kind in self.found
        }
        return {"tool": self.tool, "missing": self.missing, "starts": kinds}


def measure(
    case: Case, peers: Sequence[str], repeats: int, folder: Path, timeout: float
) -> list[Starts]:
    """`repeats` cold and warm starts of every tool that compiles, tools taken in turn.

    cold    nothing is in the cache
    new     (cgrad) another function has been compiled before
    warm    this function has been compiled by another process
    """
    listed = [
        Starts(tool)
        for _, tool, threads in contenders(case, peers)
        if threads == 1
        and tools.FILES[tool] != "c"
        and tool != "cgrad-bound"
        and not process.missing(tool)
    ]
    for _ in range(repeats):
        for starts in listed:
            if starts.missing:
                continue
            cache = Path(tempfile.mkdtemp(prefix="start-", dir=folder))
            try:
                for kind in ("cold", "new", "warm"):
                    if kind == "new" and not _prime(starts.tool, cache):
                        continue
                    started = Process(case, starts.tool, cache, timeout=timeout)
                    started.close()
                    starts.add(kind, started.first)
            except ToolFailedError as error:
                starts.missing = str(error)
            finally:
                shutil.rmtree(cache, ignore_errors=True)
    return listed


def _prime(tool: str, cache: Path) -> bool:
    """Leave in an empty cache what another function of the tool would; False if it has no such."""
    code = getattr(tools.tool(tool), "PRIME", None)
    if code is None:
        return False
    shutil.rmtree(cache)
    cache.mkdir()
    variables = process.environment(tool, cache)
    subprocess.run([process.python(tool), "-c", code], cwd=process.ROOT, env=variables, check=True)
    return True
