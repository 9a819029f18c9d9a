"""OpenBLAS of the package scipy-openblas64, for the kernels that call it.

The library is opened once in a process, when the first function that needs it is made; importing
cgrad does not.  It works with one thread: its results depend on the number of its threads, those
of cgrad must not.

Responsible for: finding the library, the addresses of its functions, handing them to kernels.
Not responsible for: which functions a kernel calls (`codegen.prelude`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from importlib.machinery import PathFinder
from typing import Any

import _cffi_backend

from cgrad.cache.store import warn_once
from cgrad.errors import BuildError

PACKAGE = "scipy_openblas64"
# the wheel renames what it exports, and its integers have 64 bits
_PREFIX, _SUFFIX = "scipy_", "64_"


def provide(dispatcher: Any, routines: Iterable[tuple[str, int, str, bool]]) -> None:
    """Fill the slots (table, slot, symbol, needed) that a kernel uses before its first call.

    Without the library loops do the work, which is said once.  Raises BuildError if a kernel
    cannot do without.
    """
    for table, slot, symbol, needed in routines:
        address = _address(symbol)
        if address:
            (dispatcher._set_blas if table == "blas" else dispatcher._set_lapack)(slot, address)
        elif not needed:
            warn_once(
                "scipy-openblas64 is not installed, so matrices are multiplied by plain loops "
                "(pip install scipy-openblas64 makes large ones ten times faster)"
            )
        else:
            raise BuildError(
                f"this function needs {symbol} of LAPACK, and scipy-openblas64 is not installed\n"
                "  Fix: pip install scipy-openblas64"
            )


def _address(symbol: str) -> int:
    """The address of a BLAS or LAPACK function, 0 without the library."""
    library = _library()
    if library is None:
        return 0
    void = _cffi_backend.new_void_type()
    function = _cffi_backend.new_function_type((), void, False)
    integer = _cffi_backend.new_primitive_type("intptr_t")
    found = library.load_function(function, f"{_PREFIX}{symbol}{_SUFFIX}")
    return int(_cffi_backend.cast(integer, found))


@functools.cache
def _library() -> Any:
    """The library, limited to one thread; None if it is not installed."""
    path = library_path()
    if path is None:
        return None
    library = _cffi_backend.load_library(path, 0)
    integer = _cffi_backend.new_primitive_type("int")
    setter = _cffi_backend.new_function_type((integer,), _cffi_backend.new_void_type(), False)
    library.load_function(setter, f"{_PREFIX}openblas_set_num_threads{_SUFFIX}")(1)
    return library


def library_path() -> str | None:
    """The file of the library, None if it is not installed."""
    # importing the package would open the library too, and import ctypes
    spec = PathFinder.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = os.path.join(os.path.dirname(spec.origin), "lib")
    for name in sorted(os.listdir(folder)):
        if name.startswith(f"lib{PACKAGE}_") and name.endswith((".so", ".dylib")):
            return os.path.join(folder, name)
    return None
