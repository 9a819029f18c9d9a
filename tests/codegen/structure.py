"""What the tests of the code generator ask of a kernel: its loops, its workspace, its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cgrad.codegen.memory import Slot
from cgrad.core.exprs import Call, Expr, walk
from cgrad.core.loops import Accumulate, For, Kernel, Let, Set, Stmt
from cgrad.core.node import Node
from cgrad.pipeline import Program, generate, lower


def kernel_of(inputs: Sequence[Node], outputs: Sequence[Node]) -> tuple[Kernel, list[Slot]]:
    kernel, slots = lower(Program(list(inputs), list(outputs), "f"))[:2]
    return kernel, slots


def c_of(inputs: Sequence[Node], outputs: Sequence[Node], name: str = "f") -> str:
    """The function a person reads."""
    text = generate(Program(list(inputs), list(outputs), name))
    start = text.index("static int64_t " + re.sub(r"\W", "_", name) + "(")
    return text[start : text.index("int64_t cg_sizes(", start)]


def statements(stmts: Sequence[Stmt]) -> list[Stmt]:
    """All statements, those of loops too."""
    found: list[Stmt] = []
    for stmt in stmts:
        found.append(stmt)
        if isinstance(stmt, For):
            found += statements(stmt.body)
    return found


def nests(kernel: Kernel, kind: str | None = None) -> list[For]:
    """The outermost loops."""
    return [s for s in kernel.body if isinstance(s, For) and kind in (None, s.kind)]


def every_loop(kernel: Kernel, kind: str | None = None) -> list[For]:
    return [s for s in statements(kernel.body) if isinstance(s, For) and kind in (None, s.kind)]


def operations(stmts: Sequence[Stmt]) -> int:
    """Calls in the text of the statements, each expression as often as it is written."""
    total = 0

    def count(expr: Expr) -> int:
        return sum(count(part) for part in expr.parts) + isinstance(expr, Call)

    for stmt in statements(stmts):
        if isinstance(stmt, (Set, Accumulate, Let)):
            total += count(stmt.value)
    return total


def calls(stmts: Sequence[Stmt], name: str) -> int:
    """How often a C function is called in the text, libm's or our own in its place."""
    found: Any = 0
    for stmt in statements(stmts):
        if isinstance(stmt, (Set, Accumulate, Let)):
            found += sum(
                isinstance(e, Call) and e.template.removeprefix("cg_").startswith(f"{name}(")
                for e in walk(stmt.value)
            )
    return int(found)
