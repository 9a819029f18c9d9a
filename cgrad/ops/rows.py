"""How files besides `elementwise` add rows to the table.

Responsible for: a row and its place in the registry, numbers beside arguments.
Not responsible for: the rows.
"""

from __future__ import annotations

from typing import Any

from cgrad.core.dtypes import FLOAT32, FLOAT64
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import Row, define


def add_row(name: str, *args: Any, **kwargs: Any) -> None:
    """Add a row to the table, and a function of its name to the registry."""
    define(Row(name, *args, **kwargs))
    register(name, lambda *operands: apply(name, *operands))


def in_double(function: str, arity: int) -> dict[str, str]:
    """The C text of a function that is there in double only: float is rounded once, at the end."""
    call = f"{function}({', '.join(f'{{{k}}}' for k in range(arity))})"
    return {FLOAT64: call, FLOAT32: f"(float){call}"}


def like(x: Node, value: float) -> Node:
    """A number in the dtype of x, stretched where it is used."""
    return cast_to(as_node(value), x.dtype)
