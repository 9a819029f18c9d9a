"""What the C functions of elementwise operations cost."""

from __future__ import annotations

import functools
import re

from cgrad.core.dtypes import COMPLEX, FLOAT32, FLOAT64
from cgrad.core.exprs import Call, Expr
from cgrad.ops.random import SAMPLERS
from cgrad.ops.scalar import TABLE

# cost (see `Row.cost`) from which it matters that a function is computed for vectors
EXPENSIVE = 15


def is_expensive(expr: Expr) -> bool:
    """Whether it is the call of a function that vectorises and costs something."""
    return isinstance(expr, Call) and cost(expr.template) >= EXPENSIVE


def cost(template: str) -> int:
    """The cost (see `Row.cost`) of the C function that an operation calls; 0 for an operator."""
    called = re.match(r"\w+\(", template)
    return _costs().get(called.group(0), 0) if called else 0


@functools.cache
def _costs() -> dict[str, int]:
    """The cost of each C function that a row of the table, or a random draw, is spelled with."""
    found: dict[str, int] = {}
    for row in TABLE.values():
        of_complex = COMPLEX if isinstance(row.complex, str) else ()
        without = row.c is None or (isinstance(row.c, dict) and FLOAT64 not in row.c)
        for dtype in (*of_complex, *(() if without else (FLOAT64, FLOAT32))):
            called = re.match(r"\w+\(", row.template(dtype))
            if called:
                found[called.group(0)] = row.cost
    found.update((f"{sampler.function}(", sampler.cost) for sampler in SAMPLERS.values())
    return found
