"""PyTorch: eager or `torch.compile`, whichever runs faster; tensors share the arrays' memory."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.timing import calibrate, loop_of, samples
from benchmarks.tools import Contender, Watch, first_line
from benchmarks.workload import Case, Data

MODULES = ("torch",)
FUNCTION = "in_torch"


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    import torch

    torch.set_num_threads(1)
    watch.lap("import")
    function = case.build(FUNCTION)
    arguments = [torch.from_numpy(array) for array in data]

    def eager() -> object:
        return function(*arguments)

    eager()
    watch.lap("graph")
    best, version = eager, f"{torch.__version__}, eager"
    try:
        compiled = torch.compile(function, dynamic=False)
        compiled(*arguments)
    except Exception as error:  # torch.compile may fail on anything; eager is left
        version += f" (torch.compile: {first_line(str(error))})"
    else:

        def call() -> object:
            return compiled(*arguments)

        slow, fast = loop_of(eager), loop_of(call)
        if min(samples(fast, calibrate(fast))) < min(samples(slow, calibrate(slow))):
            best, version = call, f"{torch.__version__}, compiled"
    watch.lap("compile")
    best()
    watch.lap("first call")
    return Contender(best, loop_of(best), version)


def environment(folder: Path) -> dict[str, str]:
    """The variables that put the tool's cache into a directory."""
    return {"TORCHINDUCTOR_CACHE_DIR": os.fspath(folder / "torch")}
