"""The head of a generated file: includes, the ABI and the runtime functions it uses.

Responsible for: which functions of `runtime/` a text needs, what libm calls them, and which
functions of a library they call.  Not responsible for: the functions; each header says where its
methods come from.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

_RUNTIME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtime")
# in the order in which they may use each other
HEADERS = (
    "cg_math.h",
    "cg_sum.h",
    "cg_bits.h",
    "cg_call.h",
    "cg_twofold.h",
    "cg_exp.h",
    "cg_log.h",
    "cg_hyperbolic.h",
    "cg_pow.h",
    "cg_trig.h",
    "cg_arc.h",
    "cg_complex.h",
    "cg_complex_exp.h",
    "cg_fft.h",
    "cg_erf.h",
    "cg_gamma.h",
    "cg_gammainc.h",
    "cg_beta.h",
    "cg_random.h",
    "cg_gauss.h",
    "cg_normal.h",
    "cg_samplers.h",
    "cg_bessel.h",
    "cg_hyper.h",
    "cg_blas.h",
    "cg_lapack.h",
    "cg_hermitian.h",
    "cg_python.h",
    "cg_banded.h",
)
# those whose functions in double are spelled in float too
BOTH_WIDTHS = ("cg_blas.h", "cg_lapack.h", "cg_hermitian.h", "cg_banded.h")
_MARK = re.compile(
    r"^/\* cg: (\w+)(?: = (\w+)| (is|needs) (\w+)\[(\d+)\] (\w+))? \*/\n", re.MULTILINE
)
_NAME = re.compile(r"\bcg_\w+\b")
# functions of libm that glibc has for vectors too, to 4 ULP, and that are faster so than those of
# `runtime/` (acosh, atanh, tanh and sinh are not)
_VECTORS = frozenset(
    "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 erf erfc pow asinh "
    "cosh exp2f expm1f logf log2f log10f log1pf sinf cosf tanf asinf acosf atanf atan2f erff erfcf "
    "powf tanhf sinhf coshf asinhf atanhf".split()
)
_OF_TWO = frozenset(["atan2", "pow", "atan2f", "powf"])
_SIMD = """\
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && \\
    (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)
#define CG_VECTORS __attribute__((simd("notinbranch")))
#else
#define CG_VECTORS
#endif"""


class Routine(NamedTuple):
    """A function of a library and its place in `cg_rt`: `table`[`slot`] holds `symbol`.

    Where it is not `needed`, loops do the work without it.
    """

    table: str
    slot: int
    symbol: str
    needed: bool


class _Function(NamedTuple):
    """The text of a function, of a table or of a type, and the function of libm that computes the
    same, or the library's function that has this type."""

    text: str
    libm: str | None
    routine: Routine | None = None

    def single(self) -> _Function:
        """The same in float: its routine is in the next slot, s in its name for d."""
        text = re.sub(r"\bdouble\b", "float", self.text).replace("_f64", "_f32")
        text = re.sub(r"\b(fabs|sqrt)\(", r"\1f(", text)
        text = re.sub(r"->(\w+)\[(\d+)\]", lambda m: f"->{m[1]}[{int(m[2]) + 1}]", text)
        if self.routine is None:
            return _Function(text, None)
        table, slot, symbol, needed = self.routine
        other = re.sub(r"^(cblas_|)([dz])", lambda m: m[1] + {"d": "s", "z": "c"}[m[2]], symbol)
        return _Function(text.replace(symbol, other), None, Routine(table, slot + 1, other, needed))


@functools.cache
def abi() -> str:
    """The text of the kernel ABI."""
    return _read("cg_abi.h").strip()


def _read(name: str) -> str:
    with open(os.path.join(_RUNTIME, name), encoding="ascii") as file:
        return file.read()


@functools.cache
def _functions() -> dict[str, _Function]:
    """The runtime functions by name, in the order of the files."""
    found: dict[str, _Function] = {}
    for header in HEADERS:
        for name, function in _parts(header):
            found[name] = function
            if header in BOTH_WIDTHS and "_f64" in name:
                found[name.replace("_f64", "_f32")] = function.single()
    return found


def _parts(header: str) -> Iterator[tuple[str, _Function]]:
    pieces = iter(_MARK.split(_read(header))[1:])
    for name, libm, how, table, slot, symbol, text in zip(*[pieces] * 7, strict=True):
        routine = Routine(table, int(slot), symbol, how == "needs") if table else None
        yield name, _Function(text.strip(), libm, routine)


def with_libm(text: str, math: str) -> str:
    """`text` with functions of libm in place of those of `runtime/` that stand for them.

    All that there are for "exact"; for "fast" those of which glibc has a form for vectors.
    """
    functions = _functions()

    def spelled(match: re.Match[str]) -> str:
        function = functions.get(match.group())
        libm = function.libm if function else None
        return libm if libm and (math == "exact" or libm in _VECTORS) else match.group()

    return _NAME.sub(spelled, text)


def _vector_functions(text: str) -> str:
    """What tells gcc that functions of libm which a text calls have a form for vectors."""
    lines = [_SIMD]
    for name in sorted(_VECTORS.intersection(re.findall(r"\b(\w+)\(", text))):
        real = "float" if name.endswith("f") and name != "erf" else "double"
        arguments = ", ".join([real] * (1 + (name in _OF_TWO)))
        lines.append(f"CG_VECTORS {real} {name}({arguments});")
    return "\n".join(lines)


def _used(text: str) -> list[_Function]:
    """The functions that a text calls, and those that they call."""
    functions = _functions()
    wanted: set[str] = set()
    pending = [text]
    while pending:
        for name in _NAME.findall(pending.pop()):
            if name in functions and name not in wanted:
                wanted.add(name)
                pending.append(functions[name].text)
    return [function for name, function in functions.items() if name in wanted]


def routine_type(symbol: str) -> str:
    """The C type of a library function: the text of its declaration."""
    return next(f.text for f in _functions().values() if f.routine and f.routine.symbol == symbol)


def _types() -> str:
    """Of the kernel ABI the types and numbers, without the functions."""
    text = abi()
    return text[text.index("/* A C-contiguous") : text.index("/* Fills size")].strip()


def prelude(text: str, math: str | None = None, standalone: bool = False) -> str:
    """Everything that has to stand before `text`; `standalone` without the functions of the ABI."""
    includes = "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>"
    pieces = [
        includes,
        _types() if standalone else abi(),
        *(function.text for function in _used(text)),
    ]
    if math == "fast":
        pieces.insert(1, _vector_functions(text))
    return "\n\n".join(pieces)


def routines(text: str) -> list[Routine]:
    """The library functions that a generated file may call through `cg_rt`."""
    return [function.routine for function in _used(text) if function.routine is not None]
