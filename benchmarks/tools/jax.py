"""JAX: `jit` in 64 bits; arguments lie on the device, and a call waits for its results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import loop_of
from benchmarks.tools import Contender, Watch
from benchmarks.workload import Array, Case, Data

MODULES = ("jax",)
FUNCTION = "in_jax"


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    import jax

    jax.config.update("jax_enable_x64", True)
    watch.lap("import")
    function = case.build(FUNCTION)
    arguments = [jax.numpy.asarray(array) for array in data]
    watch.lap("graph")
    compiled = jax.jit(function)
    jax.block_until_ready(compiled(*arguments))  # traces, compiles and runs
    watch.lap("compile")

    def call() -> object:
        return jax.block_until_ready(compiled(*arguments))

    call()
    watch.lap("first call")
    return _Contender(call, loop_of(call), jax.__version__)


class _Contender(Contender):
    """One whose sparse results are those of JAX."""

    def results(self, sparse: bool = False) -> list[Array]:
        found = self.call()
        parts = found if isinstance(found, (list, tuple)) else [found]
        return Contender(lambda: [_matrix(part) for part in parts], self.loop, "").results(sparse)


def _matrix(value: Any) -> Any:
    """A sparse array as one of SciPy's; others as they are."""
    if not hasattr(value, "indices"):
        return value
    import scipy.sparse

    entries = np.asarray(value.data), tuple(np.asarray(value.indices).T)
    return scipy.sparse.coo_array(entries, shape=value.shape)


def environment(folder: Path) -> dict[str, str]:
    """The variables that put the tool's cache into a directory, and everything into it."""
    return {
        "JAX_COMPILATION_CACHE_DIR": os.fspath(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_PLATFORMS": "cpu",
    }
