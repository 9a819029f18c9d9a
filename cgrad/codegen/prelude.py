"""The head of a generated file: includes, the ABI and the runtime functions it uses."""

from __future__ import annotations

import functools
import os
import re

_RUNTIME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtime")
_MARK = re.compile(r"^/\* cg: (\w+) \*/\n", re.MULTILINE)
_NAME = re.compile(r"\bcg_\w+\b")


@functools.cache
def abi() -> str:
    """The text of the kernel ABI."""
    return _read("cg_abi.h").strip()


def _read(name: str) -> str:
    with open(os.path.join(_RUNTIME, name), encoding="ascii") as file:
        return file.read()


@functools.cache
def _functions() -> dict[str, str]:
    """The runtime functions by name, in the order of the file."""
    parts = _MARK.split(_read("cg_math.h"))
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def prelude(text: str) -> str:
    """Everything that has to stand before `text`."""
    functions = _functions()
    wanted: set[str] = set()
    pending = [text]
    while pending:
        for name in _NAME.findall(pending.pop()):
            if name in functions and name not in wanted:
                wanted.add(name)
                pending.append(functions[name])
    used = [body for name, body in functions.items() if name in wanted]
    includes = "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>"
    return "\n\n".join([includes, abi(), *used])
