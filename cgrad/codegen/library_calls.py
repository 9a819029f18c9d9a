"""Calls of CBLAS and LAPACK from a file that stands alone.

A kernel finds library functions in `cg_rt`, with integers of 64 bits (see runtime/cg_blas.h). A
standalone file is linked with a library instead, whose integers mostly have 32 bits: for each
routine it has a function of the type that the kernel expects, which converts. These functions are
written from the C types of the routines, so a new routine needs nothing here.

Responsible for: this text.  Not responsible for: which routines a file calls (`prelude`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cgrad.codegen.prelude import Routine, routine_type

__all__ = ["library_calls", "tables"]

_INTEGER = """\
/* integers of the library: int, or with CG_ILP64 64 bits */
#ifdef CG_ILP64
typedef int64_t cg_library_int;
#else
typedef int cg_library_int;
#endif"""
_EXPAND = """\
/* Spreads the integers that a library wrote over 64 bits each. */
static void cg_expand(int64_t count, int64_t *values)
{
    for (int64_t i = count - 1; i >= 0; --i) {
        cg_library_int value;
        memcpy(&value, (const char *)values + i * (int64_t)sizeof value, sizeof value);
        values[i] = value;
    }
}"""


def library_calls(routines: Sequence[Routine]) -> str:
    """Declarations of the library's functions, and for each one a function around it."""
    calls = [_call(routine) for routine in routines]
    expand = [_EXPAND] if any("cg_expand(" in text for text in calls) else []
    declared = [text.partition("\n\n")[0] for text in calls]
    block = "\n".join(
        [
            "#ifdef __cplusplus", 'extern "C" {', "#endif", *declared,
            "#ifdef __cplusplus", "}", "#endif",
        ]
    )  # fmt: skip
    return "\n\n".join([_INTEGER, *expand, block, *(text.partition("\n\n")[2] for text in calls)])


def tables(routines: Sequence[Routine]) -> tuple[str, str]:
    """The initialisers of the members `blas` and `lapack` of `cg_rt`."""
    return _table("blas", routines), _table("lapack", routines)


def _table(table: str, routines: Sequence[Routine]) -> str:
    filled = {
        r.slot: f"(cg_foreign)cg_{r.symbol.rstrip('_')}" for r in routines if r.table == table
    }
    cells = [filled.get(slot, "0") for slot in range(max(filled, default=0) + 1)]
    return f"{{{', '.join(cells)}}}"


def _call(routine: Routine) -> str:
    """The declaration of a routine and, after a blank line, the function around it."""
    symbol = routine.symbol
    parameters = _parameters(routine_type(symbol))
    foreign, before, arguments, after = [], [], [], []
    names = {name for _, name in parameters}
    for kind, name in parameters:
        if kind == "int64_t":
            foreign.append("cg_library_int")
            arguments.append(f"(cg_library_int){name}")
        elif kind == "const int64_t *":
            foreign.append("const cg_library_int *")
            before.append(f"const cg_library_int {name}_ = (cg_library_int)*{name};")
            arguments.append(f"&{name}_")
        elif kind == "int64_t *" and name == "info":
            foreign.append("cg_library_int *")
            before.append("cg_library_int info_ = 0;")
            arguments.append("&info_")
            after.append("*info = info_;")
        elif kind == "int64_t *":
            foreign.append("cg_library_int *")
            arguments.append(f"(cg_library_int *){name}")
            if name == "pivots":
                count = "*m < *n ? *m : *n" if "m" in names else "*n"
                after.append(f"cg_expand({count}, pivots);")
            elif not name.startswith("iwork"):
                raise NotImplementedError(
                    f"export: the integers that {symbol} writes to {name} cannot be converted yet; "
                    "keep to cgrad.function for this"
                )
        else:
            foreign.append(kind)
            arguments.append(name)
    declared = f"void {symbol}({', '.join(foreign)});"
    taken = ", ".join(
        f"{kind}{'' if kind.endswith('*') else ' '}{name}" for kind, name in parameters
    )
    body = [*before, f"{symbol}({', '.join(arguments)});", *after]
    lines = "\n".join(f"    {line}" for line in body)
    return (
        f"{_broken(declared)}\n\n"
        f"{_broken(f'static void cg_{symbol.rstrip(chr(95))}({taken})')}\n{{\n{lines}\n}}"
    )


def _broken(line: str) -> str:
    """A declaration on lines of at most 100 columns."""
    head = line.index("(") + 1
    rows, row = [], line[:head]
    for piece in re.findall(r"[^,]+(?:, |$)", line[head:]):
        if len(row) + len(piece.rstrip()) > 99:
            rows.append(row.rstrip())
            row = " " * min(head, 40)
        row += piece
    return "\n".join([*rows, row])


def _parameters(text: str) -> list[tuple[str, str]]:
    """(C type, name) of each parameter of a function type."""
    match = re.search(r"\(\*\w+\)\((.*?)\);", text, re.DOTALL)
    assert match is not None
    found = []
    for parameter in " ".join(match[1].split()).split(", "):
        kind, name = re.fullmatch(r"(.*?)(\w+)", parameter).groups()  # type: ignore[union-attr]
        found.append((kind.strip(), name))
    return found
