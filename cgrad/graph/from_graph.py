"""`OpFromGraph`: a graph as an operation, with derivative rules of its own.

Responsible for: what users may pass.  Not responsible for: the node (`cgrad.ops.custom`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cgrad.core import derive, graphs
from cgrad.core.node import Input, Node
from cgrad.graph.replace import replacements
from cgrad.graph.rules import checked, fitting
from cgrad.graph.traversal import as_list, graph_inputs
from cgrad.ops.constants import Shared
from cgrad.ops.custom import Custom, Rule, Rules
from cgrad.ops.result import Get

Overrides = Rule | Sequence[Callable[..., Any] | str | None] | None


class OpFromGraph:
    """`outputs` as functions of `inputs`, called like an op: `op(x, y)`.

    inputs       free variables; whatever `outputs` depend on has to be among them, shared
                 variables too
    outputs      a node or a list; a call returns as many, a single node bare
    pullback     the reverse derivative: a function of (inputs, outputs, cotangents), three lists,
                 that returns a list with one cotangent for each input, None for zero; or a list
                 with, for each input, a function that returns its cotangent, or None (or
                 "default") where the derivative of the graph is right
    pushforward  the forward derivative: a function of (inputs, outputs, tangents) that returns
                 one tangent for each output, None for zero; or a list with a function, or None,
                 for each input: what it contributes to the tangents, a list
    inline       accepted for PyTensor's sake: the graph is always compiled with what is around it
    name         shown by `dprint`

    Rules are written with symbols, so derivatives of any order go through them.  If only one of
    pullback and pushforward is given, the other is its transpose.  The rules are believed.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dscalar("x")
    >>> def slope(inputs, outputs, cotangents):
    ...     return [cotangents[0] * 10.0]
    >>> op = cgrad.OpFromGraph([x], [x**2], pullback=slope)
    >>> y = ct.dscalar("y")
    >>> f = cgrad.function([y], [op(y), ct.grad(op(y), y)])
    >>> f(3.0)
    [array(9.), array(10.)]

    Raises ValueError for outputs that depend on something else, or rules of another number than
    the inputs; TypeError, DTypeError or ShapeError for a result of a rule that does not fit.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Node | Sequence[Node],
        inline: bool = False,
        pullback: Overrides = None,
        pushforward: Overrides = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        unknown = set(options) - {"strict", "destroy_map", "connection_pattern", "on_unused_input"}
        if unknown:
            raise TypeError(f"OpFromGraph takes no option {sorted(unknown)[0]!r}")
        self.inputs = as_list(inputs, "OpFromGraph")
        self.single = isinstance(outputs, Node)
        self.outputs = as_list(outputs, "OpFromGraph")
        self.name = name or "OpFromGraph"
        for node in self.inputs:
            if not isinstance(node.op, (Input, Shared)):
                raise TypeError(f"{self.name}: {node!r} is no free variable; inputs have to be")
        known = set(self.inputs)
        for node in graph_inputs(self.outputs):
            if isinstance(node.op, (Input, Shared)) and node not in known:
                raise ValueError(
                    f"{self.name}: the outputs depend on {node!r}, which is not among the inputs; "
                    "derivatives would not see it. Add it to the inputs"
                )
        self.rules = None
        if pullback not in (None, "default") or pushforward not in (None, "default"):
            self.rules = Rules(
                self._rule(pullback, "pullback"), self._rule(pushforward, "pushforward")
            )

    def __call__(self, *args: Any) -> Any:
        """The outputs for these arguments, which have the dtypes and ranks of the inputs."""
        if len(args) != len(self.inputs):
            raise TypeError(f"{self.name}: {len(args)} arguments, expected {len(self.inputs)}")
        replaced = replacements(zip(self.inputs, args, strict=True), f"{self.name}: arguments")
        results = graphs.substitute(self.outputs, replaced)
        op = Custom(self.name, len(results), self.rules)
        node = Node(op, (*results, *(replaced[x] for x in self.inputs)))
        found = [Node(Get(k), (node,)) for k in range(len(results))]
        return found[0] if len(found) == 1 else found

    # -- rules --------------------------------------------------------------------------------
    def _rule(self, given: Any, kind: str) -> Rule | None:
        """What the user wrote as one checked function."""
        if given is None or given == "default":
            return None
        if callable(given):
            whole: Rule = given
        elif isinstance(given, (list, tuple)):
            if len(given) != len(self.inputs):
                raise ValueError(
                    f"{self.name}: {kind} has {len(given)} rules, expected one for each of "
                    f"{len(self.inputs)} inputs"
                )
            for one in given:
                if not (one is None or one == "default" or callable(one)):
                    raise TypeError(f"{self.name}: {kind} holds {one!r:.60}, expected a function")
            parts = [one if callable(one) else None for one in given]
            whole = self._pull_by_input(parts) if kind == "pullback" else self._push_by_input(parts)
        else:
            raise TypeError(f"{self.name}: {kind} is {given!r:.60}, expected a function or a list")

        return checked(self.name, whole, kind)

    def _pull_by_input(self, parts: Sequence[Any]) -> Rule:
        def pull(args: list[Node], results: list[Node], cts: list[Node]) -> list[Node | None]:
            found: list[Node | None] = []
            for k, part in enumerate(parts):
                if part is not None:
                    found.append(part(args, results, cts))
                    continue
                seeds = [out.type() for out in self.outputs]
                (own,) = derive.vjp(self.outputs, [self.inputs[k]], seeds)
                found.append(self._here(own, args, seeds, cts))
            return found

        return pull

    def _push_by_input(self, parts: Sequence[Any]) -> Rule:
        def push(args: list[Node], results: list[Node], ts: list[Node]) -> list[Node | None]:
            total: list[Node | None] = [None] * len(self.outputs)
            for k, part in enumerate(parts):
                if part is not None:
                    own = fitting(self.name, part(args, results, ts), results, "pushforward")
                else:
                    seed = self.inputs[k].type()
                    pushed = derive.jvp(self.outputs, [self.inputs[k]], [seed])
                    own = [self._here(t, args, [seed], [ts[k]]) for t in pushed]
                total = [derive.add(a, b) for a, b in zip(total, own, strict=True)]
            return total

        return push

    def _here(
        self, made: Node | None, args: list[Node], seeds: list[Node], given: list[Node]
    ) -> Node | None:
        """A derivative of the graph at the arguments of a call."""
        if made is None:
            return None
        replaced = dict(zip((*self.inputs, *seeds), (*args, *given), strict=True))
        return graphs.substitute([made], replaced)[0]

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.inputs)} inputs, {len(self.outputs)} outputs>"
