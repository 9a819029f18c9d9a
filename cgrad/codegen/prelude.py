"""The head of a generated file: includes, the ABI and the runtime functions it uses.

Responsible for: which functions of `runtime/` a text needs, and what libm calls them.  Not
responsible for: the functions; each header says where its methods come from.
"""

from __future__ import annotations

import functools
import os
import re
from typing import NamedTuple

_RUNTIME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtime")
# in the order in which they may use each other
HEADERS = ("cg_math.h", "cg_bits.h", "cg_exp.h", "cg_log.h")
_MARK = re.compile(r"^/\* cg: (\w+)(?: = (\w+))? \*/\n", re.MULTILINE)
_NAME = re.compile(r"\bcg_\w+\b")


class _Function(NamedTuple):
    """The text of a function, or of a table, and the function of libm that computes the same."""

    text: str
    libm: str | None


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
        parts = _MARK.split(_read(header))
        for name, libm, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            found[name] = _Function(text.strip(), libm)
    return found


def with_libm(text: str) -> str:
    """`text` with the functions of libm in place of those of `runtime/` that stand for them."""
    functions = _functions()

    def spelled(match: re.Match[str]) -> str:
        function = functions.get(match.group())
        return function.libm if function and function.libm else match.group()

    return _NAME.sub(spelled, text)


def prelude(text: str) -> str:
    """Everything that has to stand before `text`."""
    functions = _functions()
    wanted: set[str] = set()
    pending = [text]
    while pending:
        for name in _NAME.findall(pending.pop()):
            if name in functions and name not in wanted:
                wanted.add(name)
                pending.append(functions[name].text)
    used = [function.text for name, function in functions.items() if name in wanted]
    includes = "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>"
    return "\n\n".join([includes, abi(), *used])
