"""Values with derivative rules of the user's: the node behind `OpFromGraph`.

The node has both the values that a graph computes and the arguments of that graph as its own
arguments.  It is the identity on the values; derivatives go to the arguments, by the rules.  Before
anything is compiled it is dropped (`unwrap`), so that no pass ever sees it.

Responsible for: the node, its derivatives, dropping it.
Not responsible for: what users may pass (`cgrad.graph.from_graph`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cgrad.core import derive
from cgrad.core.graphs import Body, op_classes, over_bodies, rebuild, toposort
from cgrad.core.node import Node, Op, TupleType
from cgrad.core.registry import build
from cgrad.core.sizes import Label
from cgrad.ops.result import Get

Maybe = Node | None
# (arguments, results, tangents or cotangents) -> those of the results or of the arguments
Rule = Callable[[list[Node], list[Node], list[Node]], Sequence[Maybe]]


class Rules:
    """Derivatives as functions; one that is missing is the transpose of the other."""

    __slots__ = ("pull", "push")

    def __init__(self, pull: Rule | None, push: Rule | None) -> None:
        self.pull = pull
        self.push = push

    def pulled(
        self, args: list[Node], results: list[Node], cts: Sequence[Maybe], needed: Sequence[bool]
    ) -> list[Maybe]:
        """The cotangents of the arguments that are needed."""
        if self.pull is not None:
            found = self.pull(args, results, _full(cts, results))
            return [ct if wanted else None for ct, wanted in zip(found, needed, strict=True)]
        assert self.push is not None
        seeds = _full([None] * len(args), args)
        pushed = self.push(args, results, seeds)
        wrt = [seed for seed, wanted in zip(seeds, needed, strict=True) if wanted]
        back = iter(_transposed(pushed, wrt, cts))
        return [next(back) if wanted else None for wanted in needed]

    def pushed(
        self, args: list[Node], results: list[Node], tangents: Sequence[Maybe]
    ) -> list[Maybe]:
        """The tangents of the results."""
        if self.push is not None:
            return list(self.push(args, results, _full(tangents, args)))
        assert self.pull is not None
        seeds = _full([None] * len(results), results)
        return _transposed(self.pull(args, results, seeds), seeds, tangents)


def _full(values: Sequence[Maybe], like: Sequence[Node]) -> list[Node]:
    return [build("zeros_like", x) if t is None else t for t, x in zip(values, like, strict=True)]


def _transposed(
    images: Sequence[Maybe], seeds: Sequence[Node], given: Sequence[Maybe]
) -> list[Maybe]:
    """`given` through the transpose of the linear map from `seeds` to `images`."""
    pairs = [(y, t) for y, t in zip(images, given, strict=True) if y is not None and t is not None]
    if not pairs:
        return [None] * len(seeds)
    return derive.vjp([y for y, _ in pairs], seeds, [t for _, t in pairs])


class Custom(Op):
    """(results, arguments) -> results: `count` values of which `rules` know the derivatives.

    Without rules the derivatives are those of the values.
    """

    __slots__ = ("count", "label", "rules")
    dependence = "results"
    takes_complex = True
    lowering = "custom"

    def __init__(self, label: str, count: int, rules: Rules | None) -> None:
        self.label = label
        self.count = count
        self.rules = rules

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.label

    def key(self, label: Label) -> Any:
        return (self.label, self.count, self.rules)

    def infer(self, args: tuple[Node, ...]) -> Any:
        return TupleType([arg.type for arg in args[: self.count]])

    def reference(self, *args: Any) -> Any:
        return list(args[: self.count])

    def connects(self, position: int) -> bool:
        return (position < self.count) == (self.rules is None)

    def _groups(self, node: Node) -> tuple[list[Node], list[Node]]:
        results = [Node(Get(k), (node,)) for k in range(self.count)]
        return list(node.args[self.count :]), results

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> list[Maybe]:
        if self.rules is None:
            return list(tangents[: self.count])
        return self.rules.pushed(*self._groups(node), tangents[self.count :])

    def vjp(self, node: Node, ct: Sequence[Maybe], needed: Sequence[bool]) -> list[Maybe]:
        if self.rules is None:
            return [*ct, *(None for _ in node.args[self.count :])]
        none: list[Maybe] = [None] * self.count
        return none + self.rules.pulled(*self._groups(node), ct, needed[self.count :])


def unwrap(outputs: Sequence[Node]) -> list[Node]:
    """The outputs without `Custom` nodes, in bodies too: what they compute."""
    order = toposort(outputs)
    if Custom not in op_classes(order):
        return list(outputs)
    memo: dict[Node, Any] = {}
    for node in order:
        if isinstance(node.op, Custom):
            memo[node] = [memo[arg] for arg in node.args[: node.op.count]]
        elif isinstance(node.op, Get) and isinstance(memo[node.args[0]], list):
            memo[node] = memo[node.args[0]][node.op.position]
        else:
            memo[node] = over_bodies(rebuild(node, memo), _unwrap_body)
    return [memo[out] for out in outputs]


def _unwrap_body(body: Body) -> Body:
    outputs = unwrap(body.outputs)
    same = all(new is old for new, old in zip(outputs, body.outputs, strict=True))
    return body if same else Body(body.params, outputs)
