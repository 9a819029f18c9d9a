"""Cotangents that are zero where a choice went the other way.

Of `where(x > 0, sqrt(x), 0)` the cotangent of the square root is zero at 0 and its slope infinite.
What multiplies such a cotangent goes inside the choice, so that nothing the user did not choose
reaches the gradient, whatever its value.

Responsible for: telling such a cotangent, making one.  Not responsible for: derivatives.
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.ops.axes import Broadcast
from cgrad.ops.constants import Constant


class Choice:
    """Zero but where `cond` is `wanted`."""

    __slots__ = ("cond", "wanted")

    def __init__(self, cond: Node, wanted: bool) -> None:
        self.cond = cond
        self.wanted = wanted

    def also(self, other: Choice) -> Choice:
        """Where both hold."""
        if other.cond is self.cond and other.wanted == self.wanted:
            return self
        return Choice(build("logical_and", self._holds(), other._holds()), True)

    def _holds(self) -> Node:
        holds: Node = self.cond if self.wanted else build("logical_not", self.cond)
        return holds

    def of(self, t: Node) -> Node:
        """t where the choice holds, 0 elsewhere."""
        chosen: Node = build("switch", self.cond, *((t, 0) if self.wanted else (0, t)))
        return chosen


def parted(t: Node) -> tuple[Choice | None, Node]:
    """The choice that t is made with and what is chosen; no choice and t if there is none.

    One that is stretched stays outside: chosen once for a row, it costs nothing in the row.
    """
    if t.op.name == "switch":
        cond, a, b = t.args
        if _is_zero(b):
            return Choice(cond, True), a
        if _is_zero(a):
            return Choice(cond, False), b
    return None, t


def _is_zero(x: Node) -> bool:
    while isinstance(x.op, Broadcast) or x.op.name == "cast":
        (x,) = x.args
    return isinstance(x.op, Constant) and not x.op.shape and bool(x.op.value[()] == 0)
