"""The tests there are: the modules of this package whose names say what they are about."""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import pkgutil
import shutil
import tempfile
import time
from pathlib import Path
from types import ModuleType

import benchmarks.reliability
from benchmarks import process
from benchmarks.reliability.children import environment, start, wait
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.nursery import Nursery
from benchmarks.reliability.plan import Result
from benchmarks.tools import PEERS as TOOLS

__all__ = ["PEERS", "load", "names", "peers_of", "run"]

PEERS = ("pytensor", "numba", "jax")
_LIMIT = 4 * 3600.0  # seconds for one test
_SUBJECTS = ("cache_", "safety_")


@functools.cache
def _memory() -> str:
    """Where compilers that remember keep what they made, for all tests of this process."""
    folder = tempfile.mkdtemp(prefix="reliability-memory-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _compilers() -> dict[str, str]:
    """The environment of quick forms: no compiler makes twice what one of them asks for again."""
    folder = Path(_memory(), "bin")
    made = [Compiler(folder, remembers=True, name=name) for name in ("cc", "gcc")]
    return made[0].environment()


@functools.cache
def _nursery() -> Nursery:
    nursery = Nursery()
    atexit.register(nursery.close)
    return nursery


def names() -> list[str]:
    """The names of all tests."""
    found = pkgutil.iter_modules(benchmarks.reliability.__path__)
    return sorted(module.name for module in found if module.name.startswith(_SUBJECTS))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.reliability.{name}")


def peers_of(name: str) -> tuple[str, ...]:
    """The peers that a test can be run on."""
    return getattr(load(name), "PEERS", ())


def run(name: str, tool: str = "cgrad", *, part: float = 0.0, seed: int = 0) -> Result:
    """Run one test of one tool, in a process and a directory of its own.

    ``part`` of the full counts, or the quick form. A process that crashes is a failure.
    """
    folder = Path(tempfile.mkdtemp(prefix="reliability-"))
    words = [name, tool, str(part), str(seed), str(folder)]
    started = time.perf_counter()
    try:
        (folder / "tmp").mkdir()
        variables = environment(
            folder / "cache", TMPDIR=str(folder / "tmp"), RELIABILITY_MEMORY=_memory()
        )
        if part == 0 and tool == "cgrad":
            outcome = _nursery().ask(words, {**variables, **_compilers()})
        else:
            python = process.python("cgrad" if tool == "cgrad" else TOOLS[tool][0])
            command = [python, "-m", "benchmarks.reliability.one", *words]
            outcome = wait(start(command, variables), _LIMIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if outcome.code == 0:
        result = Result(**json.loads(outcome.out.splitlines()[-1]))
    else:
        result = Result()
        result.fail(f"the process of the test {outcome.summary}")
    result.name, result.tool = name, tool
    result.seconds = time.perf_counter() - started
    return result
