"""cgrad: a call takes NumPy arrays and gives new ones, a bound one writes to the same ones."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.timing import loop_of
from benchmarks.tools import Contender, Watch
from benchmarks.workload import Case, Data

MODULES = ("cgrad",)
FUNCTION = "symbolic"


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    import cgrad
    import cgrad.tensor

    watch.lap("import")
    function = "in_cgrad" if case.has("in_cgrad") else FUNCTION
    inputs, outputs = case.build(function, cgrad, cgrad.tensor)
    watch.lap("graph")
    f = cgrad.function(inputs, outputs)
    watch.lap("compile")

    def fresh() -> object:
        return f(*data)

    call = f.bind(*data) if name == "cgrad-bound" else fresh
    call()
    watch.lap("first call")
    return Contender(call, loop_of(call), cgrad.__version__)


def environment(folder: Path) -> dict[str, str]:
    """The variables that put the tool's cache into a directory."""
    return {"CGRAD_CACHE_DIR": os.fspath(folder / "cgrad")}


# Leaves in an empty cache what every function shares, and no kernel of a workload.
PRIME = "import cgrad, cgrad.tensor as t; x = t.dscalar(); cgrad.function([x], 3 * x)"
