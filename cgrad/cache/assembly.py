"""The assembly that the compiler makes of a kernel, for people to read."""

from __future__ import annotations

import re

from cgrad.cache import toolchain
from cgrad.cache.build import Compilation
from cgrad.cache.store import private_store, remove_tree

__all__ = ["assembly"]


def assembly(text: str) -> str:
    """Assembly for a C text with the options of kernels; names of debugging are left out.

    Raises NoCompilerError without a compiler, BuildError if it fails.
    """
    compiler = toolchain.find_compiler()
    if compiler is None:
        raise toolchain.missing_compiler()
    flags = (
        *toolchain.kernel_flags(compiler),
        *toolchain.level_flags(toolchain.cpu_level()),
        *toolchain.size_flags(text),
        *toolchain.order_flags(compiler, text),
        *toolchain.openmp_flags(text),
        *toolchain.user_flags(),
    )
    workdir = private_store().make_workdir()
    try:
        command = [*compiler.words, *flags, "-S", "-o", "output", "kernel.c"]
        made = Compilation(command, "kernel.c", text, workdir).finish().decode()
    finally:
        remove_tree(workdir)
    return re.sub(r"^\t\.(cfi_\w+|ident|file|loc)\b.*\n", "", made, flags=re.MULTILINE)
