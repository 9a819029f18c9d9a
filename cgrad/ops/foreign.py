"""Functions written elsewhere: a scalar function in C, applied to elements.

The text of the function stands in the kernel's file once, below a declaration that makes it
`static` and checks its type; so the compiler may inline it, and the file is named by what it holds.

Responsible for: the op.  Not responsible for: what users may pass (`cgrad.graph.foreign`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core.dtypes import C_TYPE
from cgrad.core.node import Node, TensorType
from cgrad.core.sizes import Label
from cgrad.ops.custom import Rules
from cgrad.ops.kinds import Opaque
from cgrad.ops.scalar import Elementwise, Row

Maybe = Node | None
# what a call is taken to cost, in additions: much, so that no element is computed twice
CALL_COST = 50


class CFunction(Elementwise):
    """A function in C of scalars of the dtypes `takes`, element by element."""

    __slots__ = ("evaluate", "function", "gives", "rules", "source", "takes")

    def __init__(
        self,
        function: str,
        source: str,
        takes: tuple[str, ...],
        gives: str,
        evaluate: Callable[..., Any] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.function = function
        self.source = source
        self.takes = takes
        self.gives = gives
        self.evaluate = evaluate
        self.rules = rules
        # no name of an op of the table, whose rewrites would take it for that op
        self.row_name = f"c_{function}"

    @property
    def row(self) -> Row:
        holes = ", ".join(f"{{{k}}}" for k in range(len(self.takes)))
        none = [None] * len(self.takes)
        text = f"{self.function}({holes})"
        return Row(self.row_name, text, self.reference, none, "", gives=self.gives, cost=CALL_COST)

    def key(self, label: Label) -> Any:
        return (self.row_name, self.function, self.source, self.takes, self.gives)

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(self.gives, super().infer(args).shape)

    @property
    def declaration(self) -> str:
        """The line of C that says what type the function has."""
        takes = ", ".join(C_TYPE[dtype] if dtype != "bool" else "bool" for dtype in self.takes)
        gives = C_TYPE[self.gives] if self.gives != "bool" else "bool"
        return f"static {gives} {self.function}({takes});"

    def reference(self, *args: Any) -> Any:
        if self.evaluate is None:
            raise NotImplementedError(
                f"{self.function}: there is no evaluation by NumPy; pass numpy=... to c_op"
            )
        with np.errstate(all="ignore"):
            return self.evaluate(*args)

    # -- derivatives --------------------------------------------------------------------------
    def _rules(self) -> Rules:
        if self.rules is None:
            raise NotImplementedError(
                f"the derivative of the C function {self.function} is not known; "
                "pass pullback=... or pushforward=... to c_op"
            )
        return self.rules

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        return self._rules().pushed(list(node.args), [node], tangents)[0]

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return self._rules().pulled(list(node.args), [node], [ct], needed)

    push_terms = Opaque.push_terms


def foreign_text(nodes: Iterable[Node]) -> str:
    """The C functions that nodes call, each once; ValueError when two have one name."""
    found: dict[str, CFunction] = {}
    for node in nodes:
        op = node.op
        if isinstance(op, CFunction):
            other = found.setdefault(op.function, op)
            if (other.source, other.declaration) != (op.source, op.declaration):
                raise ValueError(
                    f"two C functions of one program are called {op.function}; rename one"
                )
    pieces = [f"{op.declaration}\n{op.source.strip()}" for op in found.values()]
    return "\n\n".join(pieces)


def foreign_names(nodes: Iterable[Node]) -> set[str]:
    """The names of the C functions that nodes call."""
    return {node.op.function for node in nodes if isinstance(node.op, CFunction)}
