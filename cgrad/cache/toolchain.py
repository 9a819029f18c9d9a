"""Which compiler, which flags, which CPU.

Responsible for: finding the compiler and telling it from another one without starting it, the
flags of every kind of build, and the level of the CPU's vector instructions. Not responsible
for running the compiler (``build``).
"""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import PathFinder

import numpy

from cgrad import config
from cgrad.errors import BuildError, NoCompilerError

__all__ = [
    "KERNEL_FLAGS",
    "Compiler",
    "compiler_setting",
    "cpu_level",
    "find_compiler",
    "has_openmp",
    "is_clang",
    "kernel_flags",
    "level_flags",
    "level_name",
    "link_flags",
    "missing_compiler",
    "numpy_tag",
    "openmp_flags",
    "order_flags",
    "own_flags",
    "python_include",
    "python_tag",
    "size_flags",
    "user_flags",
]

# No -ffast-math, neither here nor in linking: gcc 12 would then switch off denormal numbers
# for the whole process. -ffp-contract=off makes plain arithmetic equal to NumPy's bit for bit,
# -fwrapv defines signed overflow.
KERNEL_FLAGS = (
    "-std=c11",
    "-O2",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-fPIC",
)
# These keep gcc 12 from giving wrong numbers: its vectoriser loses conditions of loops that were
# unrolled completely or whose jumps were threaded (tests/cache/test_miscompiled.py holds one such
# program); loops are still vectorised. Sinking would move the call of a vector function under the
# condition that its result is used under, and a loop with such a call is scalar code. What is left
# of a loop after its vectors is not vectorised again with shorter ones: that was a quarter of the
# time that gcc took, and no workload ran longer. -O2 with loops vectorised and unswitched as
# -O3 does it took gcc between 0.63 and 0.98 of the time of -O3, 0.78 on average, and gives code as
# fast; a loop over very many rows that have no elements ends because it is unswitched. clang
# vectorises at -O2 and does not know these options.
GCC_FLAGS = (
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
    "-funswitch-loops",
    "-fno-thread-jumps",
    "--param=max-completely-peel-times=0",
    "-fno-tree-sink",
    "--param=vect-epilogues-nomask=0",
)
# Statements up to which instructions are ordered, see `order_flags`.
LARGE = 3000
# Statements that inlining may add to a kernel, see `size_flags`.
INLINED = 500
# What gcc is to order instructions by before it gives out registers, see `order_flags`.
ORDER_FLAGS = ("-fschedule-insns", "-fsched-pressure")
_INLINE = re.compile(r"^cg_(?:inline|function) \w+ (\w+)(?=\()", re.MULTILINE)
_BODY = re.compile(r"[^\n]*\}\n|.*?\n\}\n", re.DOTALL)
_CALLED = re.compile(r"\bcg_\w+(?=\()")
# The dispatcher and the glue handle Python objects: nothing in them is worth optimising.
EXTENSION_FLAGS = ("-std=gnu11", "-fwrapv", "-fno-strict-aliasing", "-fvisibility=hidden", "-fPIC")

# The x86-64 levels of the psABI, one above the other: the features that a CPU must have (as NumPy
# names them) and the options. These are what -march=x86-64-v2, -v3 and -v4 switch on; written out,
# compilers older than gcc 11 take them too.
_LEVELS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ()),
    (
        ("SSE3", "SSSE3", "SSE41", "SSE42", "POPCNT"),
        ("-msse4.2", "-mpopcnt", "-mcx16"),
    ),
    (
        ("AVX", "AVX2", "FMA3", "F16C"),
        ("-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mmovbe"),
    ),
    (
        ("AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512VL"),
        ("-mavx512f", "-mavx512cd", "-mavx512bw", "-mavx512dq", "-mavx512vl"),
    ),
)
_LEVEL_NAMES = ("baseline", "x86-64-v2", "x86-64-v3", "x86-64-v4")


class Compiler:
    """A C compiler: ``words`` is how its command line starts, ``identity`` tells it from others."""

    __slots__ = ("identity", "words")

    def __init__(self, words: tuple[str, ...], identity: str) -> None:
        self.words = words
        self.identity = identity


def compiler_setting() -> str:
    """What the user asked for: CGRAD_CC, else CC, else nothing."""
    return config.cc.get() or config.environment().get("CC", "")


def find_compiler() -> Compiler | None:
    """The compiler to use, or None if there is none; no process is started.

    Its identity is the path, time and size of the program file. A relative directory in PATH is
    never searched: what it holds depends on where the user happens to be.
    """
    setting = compiler_setting()
    if setting:
        words = _split_setting(setting)
        path = _resolve(words[0])
        return None if path is None else _describe(path, words[1:])
    for name in ("cc", "gcc", "clang"):
        path = _resolve(name)
        if path is not None:
            return _describe(path, ())
    zig = _packaged_zig()
    return None if zig is None else _describe(zig, ("cc",))


def _packaged_zig() -> str | None:
    """The zig program of the Python package `ziglang`, whose `zig cc` is clang."""
    spec = PathFinder.find_spec("ziglang")
    if spec is None or spec.origin is None:
        return None
    path = os.path.join(os.path.dirname(spec.origin), "zig")
    return path if _is_program(path) else None


def _split_setting(setting: str) -> tuple[str, ...]:
    if setting.isalnum() or setting.replace("/", "").replace("-", "").replace(".", "").isalnum():
        return (setting,)
    import shlex  # a slow import, needed only for unusual values such as "ccache gcc"

    try:
        words = tuple(shlex.split(setting))
    except ValueError as error:
        raise BuildError(f"the compiler setting {setting!r} cannot be read: {error}") from error
    if not words:
        raise BuildError("the compiler setting (CGRAD_CC or CC) is blank")
    return words


def _resolve(name: str) -> str | None:
    if os.sep in name:
        return name if os.path.isabs(name) and _is_program(name) else None
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if os.path.isabs(folder) and _is_program(path):
            return path
    return None


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _describe(path: str, arguments: tuple[str, ...]) -> Compiler:
    info = os.stat(path)
    real = os.path.realpath(path)
    identity = repr((real, info.st_mtime_ns, info.st_size, *arguments))
    return Compiler((path, *arguments), identity)


def missing_compiler() -> NoCompilerError:
    """The error that says what was looked for and how to get it."""
    setting = compiler_setting()
    if os.sep in setting:
        looked = f"{setting!r} (CGRAD_CC or CC) is not the absolute path of a program"
    else:
        names = f"{setting!r} (CGRAD_CC or CC)" if setting else "cc, gcc and clang"
        looked = f"looked for {names} in the absolute directories of PATH"
    hint = (
        "xcode-select --install"
        if sys.platform == "darwin"
        else "apt install gcc, dnf install gcc, or conda install gcc"
    )
    return NoCompilerError(
        f"no C compiler was found: {looked}.\n"
        f"Install one ({hint}), or zig's (pip install ziglang), or set CGRAD_CC to the absolute "
        "path of one."
    )


def cpu_level() -> int:
    """The highest level of vector instructions that this CPU has, 0 (none known) to 3."""
    features = _cpu_features()
    level = 0
    while level + 1 < len(_LEVELS) and all(features.get(name) for name in _LEVELS[level + 1][0]):
        level += 1
    return level


def _cpu_features() -> dict[str, bool]:
    """What cpuid says, as NumPy has already asked it at import; empty where that is unknown."""
    features: dict[str, bool] = getattr(numpy_core(), "__cpu_features__", {})
    return features


def numpy_core() -> object:
    """NumPy's compiled module; a private name that may move, so None is possible."""
    return sys.modules.get("numpy._core._multiarray_umath")


def numpy_tag() -> str:
    """Tells binary-incompatible NumPys apart."""
    version = getattr(numpy_core(), "_get_ndarray_c_version", None)
    return numpy.__version__.partition(".")[0] if version is None else f"{version():#x}"


def level_name(level: int) -> str:
    return _LEVEL_NAMES[level]


def level_flags(level: int) -> tuple[str, ...]:
    """The options for a level; those of the lower levels are included."""
    flags = [flag for _, options in _LEVELS[: level + 1] for flag in options]
    if level == 3:
        flags.append("-mprefer-vector-width=512")  # measured faster than the default of 256
    return tuple(flags)


def size_flags(text: str) -> tuple[str, ...]:
    """What keeps the compiler's time in proportion to that of everything else.

    The functions of a kernel are of bounded length (`codegen.split`), and none is compiled with
    less than -O2: with -O1 and vectorised loops gcc 12 read wrong columns in a large kernel.
    In a loop over arrays, 33 hyperbolic tangents that are inlined took 0.5 s and 300 took 6 s; as
    functions for vectors they took 0.07 and 0.14 s and ran as long, five ran 5 % longer. So a file
    into which more than `INLINED` statements would be inlined calls them.
    """
    return ("-DCG_NO_INLINE",) if _inlined(text) > INLINED else ()


def order_flags(compiler: Compiler, text: str) -> tuple[str, ...]:
    """What has gcc order the instructions of elementary functions by what waits for what.

    A CPU looks some 60 instructions ahead. The polynomials of a function that is inlined, one after
    the other as they are written, are a longer chain: a loop over exp, tanh and tanh' took 5.0 ns
    an element on a Zen 3 and in this order 4.3. Products of four rows at a time, which keep their
    sums in registers, are left alone: they were a sixth slower.
    """
    if is_clang(compiler) or "cg_four_rows(" in text or text.count(";\n") > LARGE:
        return ()
    return ORDER_FLAGS if _inlined(text) else ()


def _inlined(text: str) -> int:
    """The statements that inlining adds to the functions of a C file that are not inlined."""
    weights: dict[str, int] = {}

    def called(part: str) -> int:
        return sum(weights.get(name, 0) for name in _CALLED.findall(part))

    _, *functions = _INLINE.split(text)
    total = 0
    for name, rest in zip(functions[::2], functions[1::2], strict=True):
        body = _BODY.match(rest)
        end = body.end() if body else len(rest)
        weights[name] = rest[:end].count(";") + called(rest[:end])
        total += called(rest[end:])
    return total


def user_flags() -> tuple[str, ...]:
    """CGRAD_CFLAGS; with -O1 nothing is vectorised, see `size_flags`."""
    flags = config.cflags.get()
    levels = [flag for flag in flags if flag.startswith("-O")]
    return (
        (*flags, "-fno-tree-vectorize") if levels and levels[-1] in ("-O", "-O1", "-Og") else flags
    )


def own_flags(compiler: Compiler) -> tuple[str, ...]:
    """The options for kernels that only this compiler takes."""
    return () if is_clang(compiler) else GCC_FLAGS


def kernel_flags(compiler: Compiler) -> tuple[str, ...]:
    """The options for kernels on every CPU."""
    return (*KERNEL_FLAGS, *own_flags(compiler))


def is_clang(compiler: Compiler) -> bool:
    """Whether the compiler is clang, by the name of its program; zig is, on macOS also `cc`."""
    name = os.path.basename(os.path.realpath(compiler.words[0]))
    if "clang" in name or name == "zig":
        return True
    return sys.platform == "darwin" and not re.match(r"gcc-\d", name)


def has_openmp() -> bool:
    """Whether kernels can share loops out among threads: with gcc, which brings libgomp.

    clang needs a library that is not part of it, and Apple's has no OpenMP at all.
    """
    compiler = find_compiler()
    if compiler is None:
        return True  # nothing is compiled; what the cache has may be used
    return not is_clang(compiler)


def openmp_flags(text: str) -> tuple[str, ...]:
    """What a C file needs to run loops in threads; only such a kernel is linked with libgomp."""
    return ("-fopenmp",) if "\n#pragma omp parallel" in text else ()


def link_flags() -> tuple[str, ...]:
    """How a shared library is linked on this platform; libraries are named by the caller."""
    if sys.platform == "darwin":
        return ("-bundle", "-undefined", "dynamic_lookup")
    return ("-shared", "-Wl,-z,now,-z,relro,-z,noexecstack")


def python_tag() -> str:
    """Tells binary-incompatible Pythons apart: for example cpython-311 Linux 64."""
    implementation = sys.implementation
    flags = getattr(sys, "abiflags", "")
    return f"{implementation.cache_tag}{flags} {sys.platform} {sys.maxsize.bit_length() + 1}"


def python_include() -> str | None:
    """The directory with Python.h, or None where Python's headers are not installed."""
    import sysconfig  # a slow import, needed only for building

    for name in ("include", "platinclude"):
        folder = sysconfig.get_path(name)
        if folder and os.path.isfile(os.path.join(folder, "Python.h")):
            return folder
    return None
