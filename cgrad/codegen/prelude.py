"""The head of a generated file: includes, the ABI and the runtime functions it uses."""

from __future__ import annotations

import functools
import re
from pathlib import Path

_RUNTIME = Path(__file__).parent / "runtime"
_MARK = re.compile(r"^/\* cg: (\w+) \*/\n", re.MULTILINE)
_NAME = re.compile(r"\bcg_\w+\b")


@functools.cache
def abi() -> str:
    """The text of the kernel ABI."""
    return (_RUNTIME / "cg_abi.h").read_text(encoding="ascii").strip()


@functools.cache
def _functions() -> dict[str, str]:
    """The runtime functions by name, in the order of the file."""
    parts = _MARK.split((_RUNTIME / "cg_math.h").read_text(encoding="ascii"))
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
    includes = "#include <math.h>\n#include <stdint.h>\n#include <string.h>"
    return "\n\n".join([includes, abi(), *used])
