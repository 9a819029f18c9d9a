"""C by hand: a file of `c/`, built with cgrad's compiler and flags, called through ctypes.

It is timed by a loop in C (`c/reference.h`), so its times have no call from Python and no
allocation of results in them. A file that defines a Python module itself (`PyInit_`) is imported
and timed like the others.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks.timing import CPU_TIME, loop_of
from benchmarks.tools import Contender, Watch
from benchmarks.workload import Array, Case, Data

MODULES = ("cgrad",)
FUNCTION = "results"
FOLDER = Path(__file__).resolve().parent.parent / "c"
# libmvec has glibc's vector functions on x86-64; elsewhere the references call those of libm.
MATHS = (
    ("-lmvec", "-lm") if sys.platform == "linux" and platform.machine() == "x86_64" else ("-lm",)
)


def prepare(name: str, case: Case, data: Data, watch: Watch) -> Contender:
    watch.lap("import")
    source = FOLDER / case.references[name]
    with tempfile.TemporaryDirectory(prefix="bench-c-") as folder:
        if "PyInit_" in source.read_text(encoding="utf-8"):
            contender = _extension(source, Path(folder), data)
        else:
            contender = _reference(source, Path(folder), case, data)
    watch.lap("compile")
    contender.call()
    watch.lap("first call")
    return contender


def _reference(source: Path, folder: Path, case: Case, data: Data) -> Contender:
    output = folder / "reference.so"
    _build(source, output, _flags(), _blas(source))
    library: Any = ctypes.CDLL(os.fspath(output))
    sizes = [size for array in data for size in array.shape] or [0]
    n = (ctypes.c_int64 * len(sizes))(*sizes)
    results = [np.empty(shape) for shape in case.module.results(*data)]
    library.reference_scratch.restype = ctypes.c_int64
    scratch = np.empty(library.reference_scratch(n) + 8)
    work = ctypes.c_void_p(-(-scratch.ctypes.data // 64) * 64)  # aligned, as a workspace is
    library.reference_seconds.restype = ctypes.c_double
    ins, outs = _pointers(data), _pointers(results)

    def loop(number: int) -> float:
        count = ctypes.c_int64(number)
        return float(library.reference_seconds(int(CPU_TIME), count, n, ins, outs, work))

    places = case.module.places(*data) if case.has("places") else None

    def call() -> list[Any]:
        loop(1)
        if places is not None:
            return [
                scipy.sparse.csr_array((values, indices, indptr), shape=shape)
                for values, (shape, indptr, indices) in zip(results, places, strict=True)
            ]
        return results if scratch.size else []  # the closure keeps the scratch alive

    return Contender(call, loop, version())


def _extension(source: Path, folder: Path, data: Data) -> Contender:
    from cgrad.cache import toolchain

    output = folder / f"{source.stem}.so"
    include = toolchain.python_include()
    if include is None:
        raise NotImplementedError("Python's headers are not installed")
    flags = (*toolchain.EXTENSION_FLAGS, "-O2", f"-I{include}", f"-I{np.get_include()}")
    _build(source, output, flags, ())
    spec = importlib.util.spec_from_file_location(source.stem, output)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call() -> object:
        return module.call(*data)

    return Contender(call, loop_of(call), version())


def _pointers(arrays: Data | list[Array]) -> ctypes.Array[ctypes.c_void_p]:
    for array in arrays:
        assert array.flags.c_contiguous
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def _flags() -> tuple[str, ...]:
    from cgrad.cache import toolchain

    compiler = toolchain.find_compiler()
    if compiler is None:
        raise toolchain.missing_compiler()
    level = toolchain.level_flags(toolchain.cpu_level())
    flags = (*toolchain.kernel_flags(compiler), "-O3", *level)
    # A kernel fixes the order of its sums, a programmer leaves it to the compiler. A reference
    # whose pragmas are ignored would be slow without a word, hence -Werror.
    return (*flags, "-fopenmp-simd", "-Wall", "-Wextra", "-Werror")


def _blas(source: Path) -> tuple[str, ...]:
    """How a file that uses BLAS or LAPACK is linked with the library that cgrad depends on."""
    if '"blas.h"' not in source.read_text(encoding="utf-8"):
        return ()
    import scipy_openblas64

    folder, name = scipy_openblas64.get_lib_dir(), scipy_openblas64.get_library()
    return (f"-L{folder}", f"-l{name}", f"-Wl,-rpath,{folder}")


def _build(source: Path, output: Path, flags: tuple[str, ...], libraries: tuple[str, ...]) -> None:
    from cgrad.cache import toolchain

    compiler = toolchain.find_compiler()
    if compiler is None:
        raise toolchain.missing_compiler()
    command = (*compiler.words, *flags, *toolchain.link_flags(), os.fspath(source))
    subprocess.run([*command, "-o", os.fspath(output), *libraries, *MATHS], check=True)


def version() -> str:
    """The compiler, in its own words."""
    from cgrad.cache import toolchain

    compiler = toolchain.find_compiler()
    if compiler is None:
        raise toolchain.missing_compiler()
    command = [*compiler.words, "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.splitlines()[0]


def environment(folder: Path) -> dict[str, str]:
    """Nothing of it is cached."""
    return {}
