"""`Get`: one result of a node that has several.

Responsible for: the op and its rules, which ask the node that makes the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core.node import Node, Op, TensorType

Maybe = Node | None


class Get(Op):
    """One result of a node that has several."""

    __slots__ = ("position",)
    dependence = "result"
    name = "get"
    lowering = "get"

    def __init__(self, position: int) -> None:
        self.position = position

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        found: TensorType = args[0].type.types[self.position]
        return found

    def reference(self, results: Sequence[Any]) -> Any:
        return results[self.position]

    def jvp(self, node: Node, tangents: Sequence[Any]) -> Maybe:
        found: Maybe = None if tangents[0] is None else tangents[0][self.position]
        return found

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Any]:
        cts: list[Maybe] = [None] * len(node.args[0].type.types)
        cts[self.position] = ct
        return [cts]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return terms[0][self.position]
