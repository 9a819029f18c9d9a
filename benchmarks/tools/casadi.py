"""CasADi: C of its own, compiled by gcc, over buffers that are given once: no copy, no new array.

Integers among the arguments are part of its graphs.  Matrices of CasADi are stored by columns.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import loop_of
from benchmarks.tools import Contender, Watch
from benchmarks.workload import Case, Data

MODULES = ("casadi",)
FUNCTION = "in_casadi"


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    import casadi

    watch.lap("import")
    inputs, outputs = case.build(FUNCTION, casadi)
    watch.lap("graph")
    # the compiler leaves its files where the process is
    with tempfile.TemporaryDirectory(prefix="bench-casadi-") as folder, contextlib.chdir(folder):
        # a graph of scalars becomes one long block, for which -O3 takes minutes and gains nothing
        scalars = isinstance(outputs[0], casadi.SX)
        flags = ["-O2" if scalars else "-O3", "-march=native"]
        shell = {"compiler": "gcc", "flags": flags, "cleanup": False}
        options = {"jit": True, "compiler": "shell", "jit_options": shell}
        function = casadi.Function("f", inputs, outputs, options)
    watch.lap("compile")
    buffer, evaluate = function.buffer()
    given = [np.ravel(array) for array in data if array.dtype == np.float64]
    for k, array in enumerate(given):
        buffer.set_arg(k, memoryview(array.data))
    found = [np.zeros(function.nnz_out(k)) for k in range(len(outputs))]
    for k, array in enumerate(found):
        buffer.set_res(k, memoryview(array.data))

    def call(kept: Any = (buffer, given, found)) -> None:  # whose memory CasADi only points to
        evaluate()

    call()
    watch.lap("first call")
    patterns = [function.sparsity_out(k) for k in range(len(outputs))]
    # its matrices have two axes: dense ones get those of the other tools
    shapes = case.module.results(*data) if case.has("results") else [None] * len(outputs)

    def results() -> list[Any]:
        call()
        return [_matrix(*parts) for parts in zip(found, patterns, shapes, strict=True)]

    return Contender(results, loop_of(call), casadi.__version__)


def _matrix(values: Any, pattern: Any, wanted: Any) -> Any:
    """An array of a shape, or a sparse matrix of SciPy's."""
    shape = pattern.shape
    if pattern.is_dense():
        array = values.reshape(shape[::-1]).T
        return array if wanted is None else array.reshape(wanted)
    import scipy.sparse

    return scipy.sparse.csc_array((values, pattern.row(), pattern.colind()), shape=shape)


def environment(folder: Path) -> dict[str, str]:
    """Nothing of it is cached."""
    return {}
