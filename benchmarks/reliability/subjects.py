"""The kernels that tests have tools compile: kernel number i is x * (i + 2) + i.

For small integers x the right value has no rounding, so a wrong one is certain. The functions
of a tool differ in two constants only, as those of one closure do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["X", "compile_count", "expected", "make", "place_cache", "prepare", "use"]

X = 3.0
_JAX_SETTINGS = {
    "jax_enable_x64": True,
    "jax_platforms": "cpu",
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}

_misses = 0


def expected(number: int) -> float:
    return X * (number + 2) + number


def prepare(tool: str) -> None:
    """Import a tool and what its first function imports; make nothing."""
    if tool == "cgrad":
        import json  # noqa: F401
        import shlex  # noqa: F401
        import shutil  # noqa: F401
        import subprocess  # noqa: F401
        import tempfile  # noqa: F401

        import cffi.recompiler  # noqa: F401

        import cgrad
        import cgrad.tensor  # noqa: F401
    elif tool == "pytensor":
        import numpy  # noqa: F401  # PyTensor itself reads its settings when imported
    elif tool == "numba":
        import numba  # noqa: F401
    else:
        import jax
        import jax.monitoring

        for name, value in _JAX_SETTINGS.items():
            jax.config.update(name, value)
        jax.monitoring.register_event_listener(_listen)


def _listen(event: str, **_: Any) -> None:
    global _misses
    _misses += event == "/jax/compilation_cache/cache_misses"


def make(tool: str, number: int) -> Callable[[float], Any]:
    """A kernel, compiled or found."""
    if tool == "cgrad":
        import cgrad
        import cgrad.tensor as ct

        x = ct.dscalar("x")
        made: Callable[[float], Any] = cgrad.function([x], x * (number + 2) + number)
        return made
    if tool == "pytensor":
        import pytensor
        import pytensor.tensor as pt

        x = pt.dscalar("x")
        mode = pytensor.compile.mode.Mode(linker="cvm", optimizer="fast_run")
        return pytensor.function([x], x * (number + 2) + number, mode=mode)  # type: ignore[no-any-return]
    if tool == "numba":
        return _numba_kernel(number)
    import jax

    return jax.jit(lambda x: x * (number + 2) + number)  # type: ignore[no-any-return]


_numba_made: list[Any] = []


def _numba_kernel(number: int) -> Callable[[float], float]:
    import numba

    factor, summand = float(number + 2), float(number)

    @numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
    def kernel(x: float) -> float:
        return x * factor + summand

    _numba_made.append(kernel)
    return kernel  # type: ignore[no-any-return]


def use(tool: str, numbers: Iterable[int]) -> dict[str, float]:
    """The value of each kernel at X, by number."""
    return {str(number): float(make(tool, number)(X)) for number in numbers}


def compile_count(tool: str) -> int | None:
    """How many kernels this process has compiled, where only the tool knows."""
    if tool == "numba":
        return sum(sum(kernel.stats.cache_misses.values()) for kernel in _numba_made)
    return _misses if tool == "jax" else None


def place_cache(tool: str, cache: Path, cxx: Path | None = None) -> None:
    """In a child: put a tool's cache into a directory, and import what `prepare` could not.

    ``cxx`` is PyTensor's compiler.
    """
    if tool == "cgrad":
        os.environ["CGRAD_CACHE_DIR"] = os.fspath(cache)
    elif tool == "pytensor":
        compiler = f",cxx={cxx}" if cxx else ""
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={cache}{compiler}"
        import pytensor
        import pytensor.tensor  # noqa: F401
    elif tool == "numba":
        import numba

        numba.config.CACHE_DIR = os.fspath(cache)
    else:
        import jax

        jax.config.update("jax_compilation_cache_dir", os.fspath(cache))
