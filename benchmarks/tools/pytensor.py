"""PyTensor, through its C virtual machine or through numba; a call takes and gives NumPy arrays."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.timing import loop_of
from benchmarks.tools import Contender, Watch
from benchmarks.workload import Case, Data

MODULES = ("pytensor",)
FUNCTION = "symbolic"


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    import pytensor
    import pytensor.gradient
    import pytensor.tensor

    watch.lap("import")
    function = "in_pytensor" if case.has("in_pytensor") else FUNCTION
    inputs, outputs = case.build(function, pytensor, pytensor.tensor)
    watch.lap("graph")
    if name == "pytensor-c":
        mode = pytensor.compile.mode.Mode(linker="cvm", optimizer="fast_run")
    else:
        mode = "NUMBA"
    f = pytensor.function(inputs, outputs, mode=mode)
    f.trust_input = True  # arguments have the right type, as those of the other tools
    watch.lap("compile")

    def call() -> object:
        return f(*data)

    call()
    watch.lap("first call")
    return Contender(call, loop_of(call), pytensor.__version__)


def environment(folder: Path) -> dict[str, str]:
    """The variables that put the tool's caches into a directory."""
    flags = [os.environ.get("PYTENSOR_FLAGS", ""), f"base_compiledir={folder / 'pytensor'}"]
    return {
        "PYTENSOR_FLAGS": ",".join(flag for flag in flags if flag),
        "NUMBA_CACHE_DIR": os.fspath(folder / "numba"),
    }
