"""The loops of patterns and colourings, in C: compiled once and kept in the cache.

Responsible for: building, and calls with NumPy arrays.  Not responsible for: what the functions do
(`colouring.c` and `dependence.c` say it).
"""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

import numpy as np

from cgrad.cache.load import Source, load_plain, publish_plain
from cgrad.errors import NoCompilerError

Ints = np.ndarray[Any, np.dtype[np.int64]]
Array = np.ndarray[Any, Any]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

_NAMES = (
    "cg_transpose", "cg_colour_columns", "cg_is_column_colouring", "cg_column_degrees",
    "cg_smallest_last", "cg_colour_star", "cg_colour_acyclic", "cg_alone", "cg_substitution",
    "cg_select_rows", "cg_unite_rows", "cg_collect_rows",
)  # fmt: skip
_FIELDS = [("library", "colouring")]
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_FILES = ("colouring.c", "dependence.c")
_VISIBLE = "#pragma GCC visibility push(default)\n{}\n#pragma GCC visibility pop\n"


@functools.cache
def _functions() -> dict[str, Any]:
    try:
        addresses = load_plain(_FIELDS, _NAMES, _source)
    except NoCompilerError as error:
        raise NoCompilerError(
            "sparse results by colours need loops in C, also where NumPy computes the rest\n"
            f"  {error}\n"
            "  Fix: install a compiler, compile where there is one (cgrad compile -o DIR, then "
            "CGRAD_CACHE_BASE=DIR), or ask for a dense result (sparse=False)"
        ) from error
    return dict(zip(_NAMES, addresses, strict=True))


def _source() -> Source:
    texts = []
    for name in _FILES:
        with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
            texts.append(file.read())
    return Source(_VISIBLE.format("\n".join(texts)))


def prepare() -> None:
    """Have the library: found in the cache, or compiled now."""
    _functions()


def publish() -> None:
    """Have it in the present cache, also if this process loaded it from another one."""
    publish_plain(_FIELDS, _source)


def call(name: str, *args: int | Array | None) -> int:
    """Call a function, None for a null pointer; its result, which means nothing if it has none."""
    kinds = [ctypes.c_int64 if isinstance(arg, int) else ctypes.c_void_p for arg in args]
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(_functions()[name])
    return int(function(*(arg if isinstance(arg, int) else _address(arg) for arg in args)))


def _address(array: Array | None) -> int | None:
    if array is None:
        return None
    assert array.flags.c_contiguous and array.dtype in (np.int64, np.uint8)
    return array.ctypes.data


def empty(n: int) -> Ints:
    """Memory for n numbers."""
    return np.empty(n, np.int64)
