"""Values with conditions that are checked where they are computed.

Responsible for: the op.  Not responsible for: what users may pass (`cgrad.graph.checks`), or the
statement (`codegen.lower`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core.exprs import Index
from cgrad.core.node import Node, Op, Shape, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import Label
from cgrad.ops.axes import with_leading
from cgrad.ops.kinds import Pull

Maybe = Node | None


class Checked(Op):
    """(x, conditions) -> x: the call ends with `error(message)` unless all conditions hold.

    The conditions are bool scalars.  Derivatives are those of x.
    """

    __slots__ = ("error", "message")
    dependence = "same"
    name = "check"
    takes_complex = True
    lowering = "pull"
    moves = True

    def __init__(self, error: type[BaseException], message: str) -> None:
        self.error = error
        self.message = message

    def key(self, label: Label) -> Any:
        return (self.name, self.error.__module__, self.error.__qualname__, self.message)

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def reference(self, x: Any, *conditions: Any) -> Any:
        if not all(conditions):
            raise self.error(self.message)
        return x

    def conditions(self, node: Node) -> tuple[Node, ...]:
        return node.args[1:]

    def exception(self, node: Node) -> BaseException:
        """What is raised when the kernel says that a condition does not hold."""
        return self.error(self.message)

    def connects(self, position: int) -> bool:
        return position == 0

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        return tangents[0]

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [ct, *(None for _ in node.args[1:])]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return terms[0]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        x = args[0] if on[0] else with_leading(args[0], lead)
        hold = [build("all", c) if moved else c for c, moved in zip(args[1:], on[1:], strict=True)]
        return Node(self, (x, *hold))

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)
