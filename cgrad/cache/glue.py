"""The part of a kernel that cffi writes.

Kernels are compiled in cffi's API mode. Since their interface never changes, neither does what
cffi writes for it: it is made and compiled once to an object file, kept in the cache like a
kernel, and linked into each kernel (45 ms less per kernel than compiling it with Python.h each
time). Not responsible for loading (``load``).
"""

from __future__ import annotations

import os

import _cffi_backend

from cgrad.cache import toolchain
from cgrad.cache.entry import OBJECT
from cgrad.cache.obtain import Parts, Recipe, Source, start

__all__ = ["ABI_HEADER", "MODULE_NAME", "glue_object", "glue_text"]

MODULE_NAME = "_cgrad_kernel"
ABI_HEADER = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "codegen", "runtime", "cg_abi.h"
)

# The types stay opaque: what Python needs of a kernel are the addresses of its functions.
_DECLARATIONS = """
typedef struct { ...; } cg_array;
typedef struct { ...; } cg_status;
typedef struct { ...; } cg_rt;
int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st);
int64_t cg_work(const int64_t *size);
int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out,
                 const int64_t *size, void *work, cg_status *st);
"""


def glue_text() -> str:
    """The C text that the installed cffi writes for the kernel interface (50 ms)."""
    import io

    from cffi import FFI
    from cffi.recompiler import Recompiler

    with open(ABI_HEADER, encoding="utf-8") as file:
        header = file.read()
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    recompiler = Recompiler(ffi, MODULE_NAME)
    recompiler.collect_type_table()
    recompiler.collect_step_tables()
    text = io.StringIO()
    recompiler.write_source_to_f(text, header)
    return text.getvalue()


def glue_object() -> bytes | None:
    """The compiled glue, or None where Python's headers are not installed."""
    include = toolchain.python_include()
    if include is None:
        return None
    recipe = Recipe(
        "glue",
        ".o",
        ("-c", "-O1", *toolchain.EXTENSION_FLAGS),
        lambda: Parts(OBJECT, includes=(include,)),
    )
    fields = [("cffi", _cffi_backend.__version__), ("include", include)]
    return start(recipe, fields, lambda: Source(glue_text())).result().entry.payload
