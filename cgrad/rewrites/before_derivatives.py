"""Stable forms put into an expression that is about to be differentiated.

A derivative built from `log(1 / (1 + exp(-x)))` as written holds quotients that overflow, and the
second one products of these that no rule recognises.  So the rules look at the expression first.
Only nodes where a stabilising rule fires are replaced; every other node stays the object it is
(over replaced arguments it is made anew), because users may ask for derivatives with respect to
it later.

Responsible for: which nodes are replaced, and by what.  Not responsible for: the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cgrad.core import dtypes
from cgrad.core.graphs import Body, Interner, over_bodies, rebuild, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.rewrite import Rule, RuleSet, Walk
from cgrad.ops.axes import Broadcast, Sum
from cgrad.ops.foreign import CFunction
from cgrad.ops.jacobian import Jacobian
from cgrad.ops.linalg import Det
from cgrad.ops.reductions import Extreme
from cgrad.ops.scalar import Cast, Elementwise
from cgrad.rewrites.canonical import CONSTANTS
from cgrad.rewrites.factored import by_the_matrix
from cgrad.rewrites.jacobians import by_products
from cgrad.rewrites.patterns import scalar
from cgrad.rewrites.shapes import SHAPES
from cgrad.rewrites.simplify import ALGEBRA
from cgrad.rewrites.stabilise import STABILISE
from cgrad.rewrites.systems import SYSTEMS

# Digits are lost, and numbers overflow, from one of these on, through the others.
_SOURCES = frozenset({
    "exp", "expm1", "sigmoid", "softplus", "dsigmoid", "tanh", "erf", "erfc", "det",
})  # fmt: skip
_BOUNDED = frozenset({"sigmoid", "dsigmoid", "tanh", "erf", "erfc"})
_CARRIERS = frozenset({
    "add", "sub", "neg", "mul", "true_div", "reciprocal", "sqr", "pow", "abs", "log", "log1p",
    "sum", "broadcast", "cast",
})  # fmt: skip
# How far below these the rules look, at signs, coefficients and maxima; stretching counts not.
_DEPTH = 3
# Both sides have derivatives that keep as many digits; what they lead to counts by itself.
_HARMLESS = frozenset({
    "log1p", "log1p_minus", "expm1", "expm1_minus", "times_reciprocal", "erf", "erfc",
    "multiple_of_erfc",
})  # fmt: skip
_DETERMINANTS = RuleSet("determinants", [rule for rule in SYSTEMS.rules if "log" in rule.ops])
_RULES = CONSTANTS | SHAPES | ALGEBRA | STABILISE | _DETERMINANTS
_STABLE = frozenset(r.name for r in (*STABILISE.rules, *_DETERMINANTS.rules)) - _HARMLESS
_SEEN_THROUGH = (Elementwise, Cast, Broadcast, Sum, Extreme, Det)


def stable_forms(outputs: Sequence[Node], keep: Iterable[Node] = ()) -> list[Node]:
    """`outputs` with stable forms in place of those that overflow, down to the nodes of `keep`.

    The nodes of `keep` and what is below them stay the objects they are.
    """
    kept = frozenset(keep)
    outputs = by_the_matrix(outputs, kept)
    order = toposort(outputs, kept)
    if any(isinstance(node.op, Jacobian) for node in order if node not in kept):
        outputs = by_products(outputs, kept)
        order = toposort(outputs, kept)
    risky = _risky(order, kept)
    if not risky and not any(node.op.bodies for node in order):
        return list(outputs)
    return _Replacing(order, kept, risky).run(outputs)


def _risky(order: Sequence[Node], kept: frozenset[Node]) -> set[Node]:
    """The nodes on the way from a source to a place where a rule may help; none without such."""
    # whether a bounded function is among the sources
    found: dict[Node, bool] = {}
    place = False
    for node in order:
        if node in kept or not node.args or not dtypes.is_float(node.dtype):
            continue
        name = node.op.name
        carried = [arg for arg in node.args if arg in found]
        if carried and name in _CARRIERS:
            found[node] = any(found[arg] for arg in carried)
            place = place or _may_help(node, found)
        elif name in _SOURCES:
            found[node] = name in _BOUNDED
    return set(found) if place else set()


def _may_help(node: Node, found: Mapping[Node, bool]) -> bool:
    """Whether a rule may start at the node, an argument of which leads to a source."""
    name = node.op.name
    if name == "sub":
        return found[node]
    if name == "pow":
        exponent = node.args[1]
        while isinstance(exponent.op, (Broadcast, Cast)):
            (exponent,) = exponent.args
        value = scalar(exponent)
        return value is None or bool(value < 0)
    if name in ("mul", "true_div"):
        return node.args[1] in found and (name == "true_div" or node.args[0] in found)
    return name in ("log", "log1p", "reciprocal")


class _Replacing:
    """One expression: `new` has what stands for each of its nodes, and for each normal form."""

    def __init__(self, order: Sequence[Node], kept: frozenset[Node], risky: set[Node]) -> None:
        self.order = order
        self.kept = kept
        self.new: dict[Node, Node] = {node: node for node in kept}
        self.fired: dict[Node, tuple[Rule, Node]] = {}
        self.walk = Walk(_RULES, Interner(), self._note)
        self.risky = risky
        # what the rules need not look into is an input to them
        depth = dict.fromkeys(risky, _DEPTH)
        for node in reversed(order):
            below = depth.get(node, 0) - (not isinstance(node.op, Broadcast))
            for arg in node.args:
                depth[arg] = max(depth.get(arg, 0), below)
        self.opaque = {
            node
            for node in order
            if node.args and (node in kept or not depth.get(node) or not _seen_through(node))
        }
        for node in self.opaque:
            if isinstance(node.type, TensorType):
                self.walk.normal[node] = make_input(TensorType(node.dtype, node.dims))

    def _note(self, rule: Rule, old: Node, new: Node) -> None:
        self.fired[old] = rule, new

    def run(self, outputs: Sequence[Node]) -> list[Node]:
        self.walk.run([node for node in self.order if node in self.risky])
        helped = any(rule.name in _STABLE for rule, _ in self.fired.values())
        for node in self.order:
            if node in self.opaque:
                if node not in self.kept:
                    self.new[node] = over_bodies(rebuild(node, self.new), _stable_body)
                self.new[self.walk.normal.get(node, node)] = self.new[node]
            elif node not in self.new:
                normal = self.walk.normal.get(node, node)
                if helped and normal is not node and self._is_helped(node):
                    self.new[node] = self._build(normal)
                else:
                    self.new[node] = rebuild(node, self.new)
                    self.new.setdefault(normal, self.new[node])
        return [self.new[out] for out in outputs]

    def _is_helped(self, node: Node) -> bool:
        """Whether a stabilising rule fired on the node, or on what a rule has put in its place."""
        stack, seen = [node], set()
        while stack:
            known = self.walk.rebuilt(stack.pop())
            if known in seen:
                continue
            seen.add(known)
            firing = self.fired.get(known)
            if firing is not None:
                rule, built = firing
                if rule.name in _STABLE:
                    return True
                stack.extend(part for part in (built, *built.args) if part not in self.new)
            if known is not node and known not in self.new:
                stack.extend(arg for arg in known.args if arg not in self.new)
        return False

    def _build(self, normal: Node) -> Node:
        """What stands for a normal form: earlier nodes where they have one that it is made of."""
        stack = [normal]
        while stack:
            node = stack[-1]
            if node in self.new:
                stack.pop()
                continue
            missing = [dep for dep in (*node.args, *node.deps) if dep not in self.new]
            stack.extend(missing)
            if not missing:
                self.new[node] = rebuild(node, self.new)
                stack.pop()
        return self.new[normal]


def _seen_through(node: Node) -> bool:
    return (
        isinstance(node.op, _SEEN_THROUGH)
        and dtypes.is_float(node.dtype)
        and not isinstance(node.op, CFunction)
    )


def _stable_body(body: Body) -> Body:
    outputs = stable_forms(body.outputs, [atom.args[0] for atom in body.free])
    same = all(new is old for new, old in zip(outputs, body.outputs, strict=True))
    return body if same else Body(body.params, outputs)
