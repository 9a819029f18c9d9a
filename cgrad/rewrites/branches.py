"""Choices with one condition are one choice, so that a value and its derivatives share work.

    branch(c, f), branch(c, g)  ->  branch(c, f and g), where neither needs the other

Numbers that a choice is handed stand in its sides, where the other rules see them; other values
that it is handed are not computed again there.

Responsible for: which branches are joined.  Not responsible for: the op (`cgrad.ops.branch`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cgrad.core import sizes
from cgrad.core.graphs import Body, intern_body, over_bodies, rebuild, substitute, toposort
from cgrad.core.node import Node, make_input
from cgrad.core.rewrite import RuleSet
from cgrad.ops.branch import Branch
from cgrad.ops.constants import Constant
from cgrad.ops.result import Get

BRANCHES = RuleSet("branches")


@BRANCHES.rule(Branch, example=())
def number_in_sides(node: Node) -> Node | None:
    """branch(c, f, 2) -> branch(c, f with 2 in place of its parameter)"""
    op = node.op
    assert isinstance(op, Branch)
    cond, *captured = node.args
    moved = [isinstance(arg.op, Constant) and not arg.ndim for arg in captured]
    if not any(moved):
        return None
    kept = [arg for arg, goes in zip(captured, moved, strict=True) if not goes]
    sides = []
    for body in op.bodies:
        pairs = list(zip(body.params, captured, moved, strict=True))
        own = {param: arg for param, arg, goes in pairs if goes}
        params = [param for param, _, goes in pairs if not goes]
        sides.append(intern_body(Body(params, substitute(body.outputs, own))))
    return Node(Branch((sides[0], sides[1])), (cond, *kept), name=node.name, site=node.site)


@BRANCHES.rule(Branch, example=())
def handed_in(node: Node) -> Node | None:
    """branch(c, f, x, g(x)), where f computes g of its x too, -> f with what it is handed"""
    op = node.op
    assert isinstance(op, Branch)
    given = [(k, arg) for k, arg in enumerate(node.args[1:]) if arg.args]
    sides = []
    for body in op.bodies:
        same = _Same(dict(zip(body.params, node.args[1:], strict=True)))
        of_name: dict[str, list[Node]] = {}
        for inner in body.order:
            if inner.args:
                of_name.setdefault(inner.op.name, []).append(inner)
        found = {
            inner: body.params[k]
            for k, arg in given
            for inner in of_name.get(arg.op.name, ())
            if same(inner, arg)
        }
        outputs = substitute(body.outputs, found) if found else body.outputs
        sides.append(intern_body(Body(body.params, outputs)) if found else body)
    if all(new is old for new, old in zip(sides, op.bodies, strict=True)):
        return None
    return Node(Branch((sides[0], sides[1])), node.args, name=node.name, site=node.site)


class _Same:
    """Whether a node of a body computes what one outside does, given what parameters stand for."""

    def __init__(self, outer: dict[Node, Node]) -> None:
        self.outer = outer
        self.known: dict[tuple[Node, Node], bool] = {}

    def __call__(self, inner: Node, outer: Node) -> bool:
        if inner in self.outer or inner is outer:
            return inner is outer or self.outer[inner] is outer
        known = self.known.get((inner, outer))
        if known is None:
            known = self.known[inner, outer] = (
                len(inner.args) == len(outer.args) > 0
                and not inner.op.impure
                and inner.op.key(sizes.itself) == outer.op.key(sizes.itself)
                and all(map(self, inner.args, outer.args))
            )
        return known


@BRANCHES.rule(Get, example=())
def result_of_both_sides(node: Node) -> Node | None:
    """A result that is, on both sides, what was handed in, or another result of the choice."""
    (choice,) = node.args
    if not isinstance(choice.op, Branch):
        return None
    sides = [body.outputs for body in choice.op.bodies]
    (yes, no), k = sides, node.op.position  # type: ignore[attr-defined]
    params = [body.params for body in choice.op.bodies]
    for j, arg in enumerate(choice.args[1:]):
        if params[0][j] is yes[k] and params[1][j] is no[k]:
            return arg
    for j in range(k):
        if yes[j] is yes[k] and no[j] is no[k]:
            return Node(Get(j), (choice,), name=node.name, site=node.site)
    return None


def merge_branches(outputs: Sequence[Node]) -> list[Node]:
    """`outputs`, interned, with branches of equal conditions joined, in bodies too."""
    result = list(outputs)
    while (pair := _pair(result)) is not None:
        result = _joined(result, *pair)
    return in_bodies(result, merge_branches)


def in_bodies(
    outputs: Sequence[Node], change: Callable[[Sequence[Node]], list[Node]]
) -> list[Node]:
    """`outputs` with the results of their bodies changed, where these have bodies in them."""

    def inside(body: Body) -> Body:
        if not any(node.op.bodies for node in body.order):
            return body
        changed = change(body.outputs)
        same = all(new is old for new, old in zip(changed, body.outputs, strict=True))
        return body if same else Body(body.params, changed)

    memo: dict[Node, Node] = {}
    for node in toposort(outputs):
        memo[node] = over_bodies(rebuild(node, memo), inside)
    return [memo[out] for out in outputs]


def _pair(outputs: Sequence[Node]) -> tuple[Node, Node] | None:
    """Two branches that may be joined, the first of them the earlier one."""
    of_condition: dict[Node, list[Node]] = {}
    for node in toposort(outputs):
        if isinstance(node.op, Branch):
            of_condition.setdefault(node.args[0], []).append(node)
    for group in of_condition.values():
        for k, later in enumerate(group):
            before = set(toposort([later])) if k else set()
            for earlier in group[:k]:
                if earlier not in before:
                    return earlier, later
    return None


def _joined(outputs: Sequence[Node], a: Node, b: Node) -> list[Node]:
    """The outputs with one branch in place of two."""
    assert isinstance(a.op, Branch) and isinstance(b.op, Branch)
    captured = list(dict.fromkeys([*a.args[1:], *b.args[1:]]))
    bodies = []
    for side in (0, 1):
        params = {arg: make_input(arg.type, arg.name) for arg in captured}
        found: list[Node] = []
        for node in (a, b):
            assert isinstance(node.op, Branch)
            body = node.op.bodies[side]
            own = {p: params[arg] for p, arg in zip(body.params, node.args[1:], strict=True)}
            found += substitute(body.outputs, own)
        bodies.append(intern_body(Body(list(params.values()), found)))
    new = Node(Branch((bodies[0], bodies[1])), (a.args[0], *captured), name=a.name, site=a.site)
    new.tag = a.tag
    moved: dict[Node, Node] = {}
    for get in toposort(outputs):
        if isinstance(get.op, Get) and get.args[0] in (a, b):
            first = 0 if get.args[0] is a else a.op.count
            moved[get] = Node(Get(first + get.op.position), (new,), name=get.name, site=get.site)
            moved[get].tag = get.tag
    return substitute(outputs, moved)
