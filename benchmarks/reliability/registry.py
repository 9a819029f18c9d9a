"""The tests there are: the modules of this package whose names say what they are about."""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import tempfile
import time
from pathlib import Path
from types import ModuleType

import benchmarks.reliability
from benchmarks.reliability.plan import Plan, Result

__all__ = ["PEERS", "load", "names", "peers_of", "run"]

PEERS = ("pytensor", "numba", "jax")
_SUBJECTS = ("cache_", "safety_")


def names() -> list[str]:
    """The names of all tests."""
    found = pkgutil.iter_modules(benchmarks.reliability.__path__)
    return sorted(module.name for module in found if module.name.startswith(_SUBJECTS))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.reliability.{name}")


def peers_of(name: str) -> tuple[str, ...]:
    """The peers that a test can be run on."""
    return getattr(load(name), "PEERS", ())


def run(name: str, tool: str = "cgrad", *, full: bool = False, seed: int = 0) -> Result:
    """Run one test of one tool in a directory of its own."""
    module = load(name)
    folder = Path(tempfile.mkdtemp(prefix="reliability-"))
    started = time.perf_counter()
    try:
        plan = Plan(full, folder, seed)
        result: Result = module.run(plan) if tool == "cgrad" else module.run_peer(plan, tool)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.name, result.tool = name, tool
    result.seconds = time.perf_counter() - started
    return result
