"""numba: derivatives written by hand in Python, compiled by it."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.timing import loop_of
from benchmarks.tools import Contender, Watch
from benchmarks.workload import Case, Data

MODULES = ("numba",)
FUNCTION = "in_numba"


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    import numba

    watch.lap("import")
    f = case.build(FUNCTION)
    watch.lap("graph")
    f(*data)  # compiles
    watch.lap("compile")

    def call() -> object:
        return f(*data)

    call()
    watch.lap("first call")
    return Contender(call, loop_of(call), numba.__version__)


def environment(folder: Path) -> dict[str, str]:
    """The variables that put the tool's cache into a directory."""
    return {"NUMBA_CACHE_DIR": os.fspath(folder / "numba")}
