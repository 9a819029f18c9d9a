"""Rules and the engine that applies them until none fires.

A rule is a function of one node whose arguments are in normal form already; it answers an equal
node, or None.  The engine goes through a graph bottom-up with an explicit stack, makes equal nodes
one node, normalises whatever a rule builds, and rewrites the bodies of loops as graphs of their
own.  In the result no rule fires on any node, so rewriting twice changes nothing.

Responsible for: `Rule`, `RuleSet`, `rewrite`, and the `Walk` behind it.
Not responsible for: any rule, nor for how patterns look (`cgrad.rewrites`).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from cgrad import config
from cgrad.core.dtypes import COMPLEX
from cgrad.core.graphs import Body, Interner, over_bodies, rebuild, toposort
from cgrad.core.node import Node, Op
from cgrad.core.registry import build
from cgrad.errors import RewriteError

Apply = Callable[[Node], Node | None]
# what is told about each firing: the rule, the node it fired on, the replacement
Trace = Callable[["Rule", Node, Node], None]

# firings allowed for each node of a graph, and on top of that
BUDGET_PER_NODE, BUDGET_EXTRA = 20, 1000
SHOWN_FIRINGS = 8


class Rule:
    """A named rewrite.

    name      unique in its set
    ops       names of the ops it looks at, or classes of ops
    apply     the function
    equation  what it does, `log(1 + x) -> log1p(x)`
    exact     True when both sides agree bit for bit; otherwise the new side is at least as
              accurate, and may differ in the last digits and in the sign of a zero
    domain    where the equation holds, for people
    examples  functions of fresh inputs whose graph the rule fires on; the tests are made of them
    complex   whether the equation holds for complex numbers too; if not, no such node is looked at
    admits    says of the names of the ops of a node's first three arguments whether to look at it
    """

    __slots__ = (
        "admits", "apply", "complex", "domain", "equation", "exact", "examples", "name", "ops",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        ops: Sequence[str | type[Op]],
        apply: Apply,
        equation: str,
        examples: Sequence[Callable[..., Any]] = (),
        exact: bool = True,
        domain: str = "everywhere",
        complex: bool = False,
        admits: Callable[[Sequence[str]], bool] | None = None,
    ) -> None:
        self.name = name
        self.ops = tuple(ops)
        self.apply = apply
        self.equation = equation
        self.examples = tuple(examples)
        self.exact = exact
        self.domain = domain
        self.complex = complex
        self.admits = admits

    def __repr__(self) -> str:
        return f"{self.name}: {self.equation}"


class RuleSet:
    """Rules by the op they look at; those declared first are tried first.

    `complex` says what its rules say by default: see `Rule`.
    """

    def __init__(self, name: str, rules: Iterable[Rule] = (), complex: bool = False) -> None:
        self.name = name
        self.complex = complex
        self.rules: list[Rule] = []
        self._of: dict[Hashable, tuple[Rule, ...]] = {}
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        if any(known.name == rule.name for known in self.rules):
            raise ValueError(f"the rule set {self.name} has a rule called {rule.name} already")
        self.rules.append(rule)
        self._of.clear()

    def rule(
        self,
        *ops: str | type[Op],
        example: Callable[..., Any] | Sequence[Callable[..., Any]],
        exact: bool = True,
        domain: str = "everywhere",
        complex: bool | None = None,
    ) -> Callable[[Apply], Apply]:
        """Decorator: add a function as a rule; its docstring is the equation."""

        def decorate(apply: Apply) -> Apply:
            examples = (example,) if callable(example) else example
            name = getattr(apply, "__name__", "rule")
            equation = (apply.__doc__ or name).split("\n")[0].rstrip(".")
            holds = self.complex if complex is None else complex
            self.add(Rule(name, ops, apply, equation, examples, exact, domain, holds))
            return apply

        return decorate

    def __or__(self, other: RuleSet) -> RuleSet:
        return RuleSet(f"{self.name}|{other.name}", [*self.rules, *other.rules])

    def of(self, node: Node) -> tuple[Rule, ...]:
        """The rules that look at `node`, in order."""
        op, names = node.op, [arg.op.name for arg in node.args[:3]]
        of_complex = _is_complex(node)
        key = type(op), of_complex, op.name, *names
        if key not in self._of:
            self._of[key] = tuple(
                rule
                for rule in self.rules
                if any(o == op.name if isinstance(o, str) else isinstance(op, o) for o in rule.ops)
                and (rule.complex or not of_complex)
                and (rule.admits is None or rule.admits(names))
            )
        return self._of[key]


def rewrite(
    outputs: Sequence[Node],
    rules: RuleSet,
    table: Interner | None = None,
    trace: Trace | None = None,
) -> list[Node]:
    """`outputs` in the normal form of `rules`; equal nodes of the result are one node.

    `trace` is told of each firing.  Raises RewriteError when a rule changes a dtype or a rank, or
    when the rules do not come to an end; errors of a rule pass through.
    """
    if trace is None and config.debug.get() >= 3:
        trace = _print_firing
    return Walk(rules, table or Interner(), trace).run(outputs)


def _print_firing(rule: Rule, old: Node, new: Node) -> None:
    print(f"cgrad rewrite [{old.tag}] {rule!r}: {old!r} -> {new!r}", file=sys.stderr)


class Walk:
    """One graph on its way to normal form.

    `normal` holds the normal form of every node met; `outer` are nodes that sizes of a body
    mention but that belong to the graph around it, which are left alone.
    """

    def __init__(
        self,
        rules: RuleSet,
        table: Interner,
        trace: Trace | None,
        outer: frozenset[Node] = frozenset(),
    ) -> None:
        self.rules = rules
        self.table = table
        self.trace = trace
        self.outer = outer
        self.normal: dict[Node, Node] = {}
        self.firings = 0
        self.last: deque[tuple[Rule, Node, Node]] = deque(maxlen=SHOWN_FIRINGS)

    def run(self, outputs: Sequence[Node]) -> list[Node]:
        self.budget = BUDGET_EXTRA + BUDGET_PER_NODE * len(toposort(outputs, self.outer))
        normal, outer = self.normal, self.outer
        # a pair (node, other) says: the normal form of node is that of other, found by then
        stack: list[tuple[Node, Node | None]] = [(out, None) for out in reversed(outputs)]
        while stack:
            node, other = stack.pop()
            if node in normal:
                continue
            if other is not None:
                normal[node] = normal[other]
                continue
            missing = [
                dep for dep in (*node.args, *node.deps) if dep not in normal and dep not in outer
            ]
            if missing:
                stack.append((node, None))
                stack.extend((dep, None) for dep in reversed(missing))
                continue
            known = self.rebuilt(node)
            if known is not node:
                if known in normal:
                    normal[node] = normal[known]
                    continue
                stack.append((node, known))
            new = self._fire(known)
            if new is None:
                normal[known] = known
            else:
                stack.append((known, new))
                stack.append((new, None))
        return [normal[out] for out in outputs]

    def rebuilt(self, node: Node) -> Node:
        """The one node equal to `node` over normal arguments, its bodies in normal form."""
        return self.table.add(over_bodies(rebuild(node, self.normal), self._rewrite_body))

    def _rewrite_body(self, body: Body) -> Body:
        outer = frozenset(atom.args[0] for atom in body.free)
        outputs = Walk(self.rules, Interner(), self.trace, outer).run(body.outputs)
        same = all(new is old for new, old in zip(outputs, body.outputs, strict=True))
        return body if same else Body(body.params, outputs)

    def _fire(self, node: Node) -> Node | None:
        for rule in self.rules.of(node):
            try:
                new = rule.apply(node)
            except Exception as error:
                error.add_note(f"while the rewrite rule {rule!r} looked at {node!r}")
                raise
            if new is None or new is node:
                continue
            new = _checked(rule, node, new)
            self._inherit(node, new)
            self.last.append((rule, node, new))
            if self.trace is not None:
                self.trace(rule, node, new)
            self.firings += 1
            if self.firings > self.budget:
                raise RewriteError(self._endless())
            return new
        return None

    def _inherit(self, old: Node, new: Node) -> None:
        """Give the nodes a rule has built the tag, the site and, to the outermost, the name."""
        if new not in self.normal and new.args and new.name is None:
            new.name = old.name
        stack = [new]
        while stack:
            node = stack.pop()
            if node is old or node in self.normal or node in self.outer:
                continue
            if node.tag is None:
                node.tag = old.tag
                node.site = old.site
            stack.extend(node.args)

    def _endless(self) -> str:
        lines = [
            f"the rewrite rules of {self.rules.name} do not come to an end: "
            f"{self.firings} firings on a graph for which {self.budget} are allowed. The last:"
        ]
        for rule, old, new in self.last:
            lines.append(f"  {rule.name}: {_show(old)} -> {_show(new)}   ({rule.equation})")
        return "\n".join(lines)


def _is_complex(node: Node) -> bool:
    """Whether the node or one of its arguments is complex."""
    return node.type.dtype in COMPLEX or any(arg.type.dtype in COMPLEX for arg in node.args)


def _show(node: Node) -> str:
    """The node and its arguments, one level deep."""
    if not node.args:
        return node.name or node.op.name
    return f"{node.op.name}({', '.join(arg.name or arg.op.name for arg in node.args)})"


def _checked(rule: Rule, old: Node, new: Node) -> Node:
    """`new`, which must have the dtype, the rank and the known lengths of `old`.

    Where only `old` knows that a length is 1, `new` is declared to have it.
    """
    if old.dims == new.dims and old.dtype == new.dtype:
        return new
    pairs = zip(old.dims, new.dims, strict=False)
    lengths = all(n == m for n, m in pairs if isinstance(n, int) and isinstance(m, int))
    if old.dtype != new.dtype or old.ndim != new.ndim or not lengths:
        raise RewriteError(
            f"the rewrite rule {rule!r} made {new.type!r} of {old.type!r}: "
            "a replacement must have the same dtype and rank, and lengths that agree"
        )
    declared: Node = build("declare_ones", new, old.dims, rule.name, "make the sizes equal")
    return declared
