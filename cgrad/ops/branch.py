"""A choice of which only the chosen side is computed: `ifelse`.

`IfElse` is what users write: a condition and the values of both sides.  `Branch` is what it becomes
(`enclose`) when all of a graph is known, before derivatives are taken and before anything is
compiled: whatever only one side needs moves into the body of that side.  So the derivatives of a
branch are branches too, in which only the chosen side is differentiated.

Responsible for: both ops, their rules, `enclose`.
Not responsible for: what users may pass (`cgrad.graph.lazy`) or the C (`codegen.control`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cgrad.core import derive, sizes
from cgrad.core.graphs import Body, op_classes, over_bodies, rebuild, replace_nodes, toposort
from cgrad.core.node import Node, Op, Shape, TensorType, TupleType, make_input
from cgrad.core.registry import build, register
from cgrad.core.sizes import Label, SizeLike
from cgrad.ops.axes import with_leading
from cgrad.ops.closing import closed, is_cheap
from cgrad.ops.result import Get

Maybe = Node | None
Sides = tuple[Sequence[Node], Sequence[Node]]


class IfElse(Op):
    """(condition, values if it holds, values if not) -> `count` values; one type for both sides."""

    __slots__ = ("count",)
    dependence = "sides"
    name = "ifelse"
    takes_complex = True
    lowering = "ifelse"

    def __init__(self, count: int) -> None:
        self.count = count

    def sides(self, node: Node) -> Sides:
        return node.args[1 : 1 + self.count], node.args[1 + self.count :]

    def infer(self, args: tuple[Node, ...]) -> Any:
        yes, no = args[1 : 1 + self.count], args[1 + self.count :]
        types = []
        for a, b in zip(yes, no, strict=True):
            dims = [n if isinstance(n, int) else m for m, n in zip(a.dims, b.dims, strict=True)]
            types.append(TensorType(a.dtype, dims))
        return TupleType(types)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for a, b in zip(*self.sides(node), strict=True):
            for axis, pair in enumerate(zip(b.dims, a.dims, strict=True)):
                yield (*pair, axis)

    def reference(self, cond: Any, *values: Any) -> Any:
        return list(values[: self.count] if cond else values[self.count :])

    def connects(self, position: int) -> bool:
        return position > 0

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> list[Node]:
        cond, *values = args
        full = [x if has else with_leading(x, lead) for x, has in zip(values, on[1:], strict=True)]
        if not on[0]:
            node = Node(self, (cond, *full))
            return [Node(Get(k), (node,)) for k in range(self.count)]
        # both sides are needed by some element of the batch
        pairs = zip(full[: self.count], full[self.count :], strict=True)
        n = len(lead)
        shaped = build("reshape", cond, lead)
        return [
            build("switch", build("reshape", shaped, (*lead, *(1,) * (a.ndim - n))), a, b)
            for a, b in pairs
        ]

    # these serve where a side could not be enclosed, because a derivative stops at its value
    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> list[Maybe]:
        pairs = list(zip(tangents[1 : 1 + self.count], tangents[1 + self.count :], strict=True))
        return _chosen(node.args[0], pairs, node.args[1 : 1 + self.count])

    def vjp(self, node: Node, ct: Sequence[Maybe], needed: Sequence[bool]) -> list[Maybe]:
        none: list[Maybe] = [None] * self.count
        values = node.args[1 : 1 + self.count]
        yes = _chosen(node.args[0], list(zip(ct, none, strict=True)), values)
        no = _chosen(node.args[0], list(zip(none, ct, strict=True)), values)
        return [None, *yes, *no]


def _chosen(cond: Node, pairs: Sequence[tuple[Maybe, Maybe]], like: Sequence[Node]) -> list[Maybe]:
    """For each pair the side that is chosen; None stands for zero."""
    shown = [k for k, pair in enumerate(pairs) if pair != (None, None)]
    result: list[Maybe] = [None] * len(pairs)
    if shown:
        yes, no = (
            [_or_zero(pairs[k][side], like[k]) for k in shown] for side in (0, 1)
        )  # fmt: skip
        node = Node(IfElse(len(shown)), (cond, *yes, *no))
        for place, k in enumerate(shown):
            result[k] = Node(Get(place), (node,))
    return result


def _or_zero(x: Maybe, like: Node) -> Node:
    zero: Node = build("zeros_like", like) if x is None else x
    return zero


class Branch(Op):
    """(condition, captured values) -> the outputs of the first body if it holds, else the second's.

    Both bodies have one parameter for each captured value.
    """

    __slots__ = ("bodies",)
    dependence = "bodies"
    name = "branch"
    takes_complex = True
    lowering = "branch"

    def __init__(self, bodies: tuple[Body, Body]) -> None:
        self.bodies: tuple[Body, Body] = bodies

    @property
    def count(self) -> int:
        return len(self.bodies[0].outputs)

    def infer(self, args: tuple[Node, ...]) -> Any:
        types = []
        for a, b in zip(*(body.outputs for body in self.bodies), strict=True):
            dims = [n if isinstance(n, int) else m for m, n in zip(a.dims, b.dims, strict=True)]
            types.append(TensorType(a.dtype, dims))
        return TupleType(types)

    def key(self, label: Label) -> Any:
        return (self.name, *(body.key(label) for body in self.bodies))

    def sizes(self) -> Iterator[SizeLike]:
        for body in self.bodies:
            for atom in body.free:
                yield sizes.as_size(atom)

    def map_sizes(self, f: Callable[[SizeLike], SizeLike]) -> Op:
        return self.map_bodies(lambda body: body.map(f))

    def map_bodies(self, f: Callable[[Body], Body]) -> Op:
        yes, no = map(f, self.bodies)
        return self if (yes, no) == self.bodies else Branch((yes, no))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for body in self.bodies:
            for arg, param in zip(node.args[1:], body.params, strict=True):
                for axis, pair in enumerate(zip(arg.dims, param.dims, strict=True)):
                    yield (*pair, axis)
        for a, b in zip(*(body.outputs for body in self.bodies), strict=True):
            for axis, pair in enumerate(zip(b.dims, a.dims, strict=True)):
                yield (*pair, axis)

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str] | None:
        return (
            f"ifelse: axis {axis} has size {found} on one side, expected {expected}",
            "make the shapes of both sides equal",
        )

    def chosen(self, cond: Any) -> Body:
        """The body that is computed."""
        return self.bodies[0 if cond else 1]

    def connects(self, position: int) -> bool:
        return position > 0

    # -- derivatives --------------------------------------------------------------------------
    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> list[Maybe]:
        moving = [k for k, t in enumerate(tangents[1:]) if t is not None]
        sides = []
        for body in self.bodies:
            seeds = {k: make_input(body.params[k].type) for k in moving}
            pushed = derive.jvp(body.outputs, body.params,
                                [seeds.get(k) for k in range(len(body.params))])  # fmt: skip
            sides.append(((*body.params, *seeds.values()), pushed, body.outputs))
        given = [t for t in tangents[1:] if t is not None]
        return _branches(node.args[0], [*node.args[1:], *given], sides)

    def vjp(self, node: Node, ct: Sequence[Maybe], needed: Sequence[bool]) -> list[Maybe]:
        shown = [k for k, t in enumerate(ct) if t is not None]
        sides = []
        for body in self.bodies:
            seeds = {k: make_input(body.outputs[k].type) for k in shown}
            pulled = derive.vjp(body.outputs, body.params,
                                [seeds.get(k) for k in range(self.count)])  # fmt: skip
            kept = [t if wanted else None for t, wanted in zip(pulled, needed[1:], strict=True)]
            sides.append(((*body.params, *seeds.values()), kept, body.params))
        given = [t for t in ct if t is not None]
        return [None, *_branches(node.args[0], [*node.args[1:], *given], sides)]


def _branches(cond: Node, captured: Sequence[Node], sides: Sequence[Any]) -> list[Maybe]:
    """A branch over (parameters, outputs or None, what these are like), None where both are."""
    shown = [k for k in range(len(sides[0][1])) if any(outs[k] is not None for _, outs, _ in sides)]
    result: list[Maybe] = [None] * len(sides[0][1])
    if shown:
        filled = [
            (params, [_or_zero(outs[k], like[k]) for k in shown]) for params, outs, like in sides
        ]
        node = make_branch(cond, captured, filled)
        for place, k in enumerate(shown):
            result[k] = Node(Get(place), (node,))
    return result


def make_branch(
    cond: Node, captured: Sequence[Node], sides: Sequence[tuple[Sequence[Node], Sequence[Node]]]
) -> Node:
    """A branch over (parameters, outputs) of both sides; what neither side uses is left out."""
    used = [set(toposort(outs)) for _, outs in sides]
    kept = [
        k
        for k in range(len(captured))
        if any(params[k] in own for (params, _), own in zip(sides, used, strict=True))
    ]
    yes, no = (Body([params[k] for k in kept], outs) for params, outs in sides)
    return Node(Branch((yes, no)), (cond, *(captured[k] for k in kept)))


def inside_of_sides(nodes: Iterable[Node]) -> set[Node]:
    """The nodes in bodies of branches, at any depth."""
    found: set[Node] = set()
    stack = [body for node in nodes if isinstance(node.op, Branch) for body in node.op.bodies]
    while stack:
        for node in stack.pop().order:
            found.add(node)
            stack.extend(node.op.bodies)
    return found


# -- from values to bodies ----------------------------------------------------------------------
# where a node is needed: the sides of choices around it, from the outside; () everywhere
Path = tuple[tuple[Node, int], ...]
EVERYWHERE = frozenset([()])
# sides that exclude each other and get a copy each of what they need; what more need is outside
COPIES = 8


def enclose(outputs: Sequence[Node], keep: Iterable[Node] = ()) -> list[Node]:
    """The outputs with every `IfElse` made a `Branch`, in bodies too.

    What is needed on some sides only moves into each of them, since one of them runs at most; but
    the nodes of `keep` stay as they are, with all before them.
    """
    kept = set(keep)
    order = toposort(outputs, kept)
    if IfElse not in op_classes(order):
        return list(outputs)
    paths = _paths(outputs, order, kept)
    members: dict[Any, list[Node]] = {}
    for node in order:
        if node.args and paths[node] != EVERYWHERE:
            for side in {path[0] for path in paths[node]}:
                members.setdefault(side, []).append(node)
    memo: dict[Node, Node] = {}
    for node in order:
        if node in kept:
            memo[node] = node
        elif node.args and paths[node] != EVERYWHERE:
            continue  # part of a side
        elif isinstance(node.op, IfElse):
            memo[node] = _as_branch(node, members, memo)
        else:
            memo[node] = over_bodies(rebuild(node, memo), _enclose_body)
    return [memo[out] for out in outputs]


def _enclose_body(body: Body) -> Body:
    outputs = enclose(body.outputs, body.params)
    same = all(new is old for new, old in zip(outputs, body.outputs, strict=True))
    return body if same else Body(body.params, outputs)


def _paths(
    outputs: Sequence[Node], order: Sequence[Node], keep: set[Node]
) -> dict[Node, frozenset[Path]]:
    """Where each node is needed; paths of one node exclude each other."""
    found: dict[Node, set[Path]] = {node: {()} for node in (*outputs, *keep)}
    result: dict[Node, frozenset[Path]] = {}
    for node in reversed(order):
        paths = result[node] = _exclusive(found.pop(node, {()}))
        if node in keep:
            continue
        for dep in node.deps:
            found.setdefault(dep, set()).update(paths)
        if not isinstance(node.op, IfElse):
            for arg in node.args:
                found.setdefault(arg, set()).update(paths)
            continue
        found.setdefault(node.args[0], set()).update(paths)
        for side, values in enumerate(node.op.sides(node)):
            inside = [(*path, (node, side)) for path in paths]
            for value in values:
                found.setdefault(value, set()).update(inside)
                # the shape of the result is known outside
                for size in value.dims:
                    for mentioned in sizes.nodes(size):
                        found.setdefault(mentioned, set()).update(paths)
    # what several results are taken from cannot be handed in: they are taken where it is
    for node in order:
        if isinstance(node.op, Get) and node not in keep:
            result[node] = result[node.args[0]]
    return result


def _exclusive(paths: Iterable[Path]) -> frozenset[Path]:
    """The paths, put together where both sides of a choice need it or where two may be taken."""
    done: list[Path] = []
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        for k, other in enumerate(done):
            n = _common(path, other)
            ends = n == len(path) or n == len(other)
            if ends or path[n][0] is not other[n][0] or len(path) == len(other) == n + 1:
                del done[k]
                waiting.append(path[:n])
                break
        else:
            done.append(path)
            if len(done) > COPIES:
                others = (*done, *waiting)
                return frozenset([path[: min(_common(path, other) for other in others)]])
    return frozenset(done)


def _common(a: Path, b: Path) -> int:
    """How many sides two paths begin with alike."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def _as_branch(node: Node, members: dict[Any, list[Node]], memo: dict[Node, Node]) -> Node:
    """The branch of a choice that no other choice encloses."""
    op = node.op
    assert isinstance(op, IfElse)
    sides = []
    captured: dict[Node, None] = {}
    for side, values in enumerate(op.sides(node)):
        own = members.get((node, side), [])
        inside = set(own)
        border = [arg for n in own for arg in n.args if arg not in inside]
        border += [value for value in values if value not in inside]
        cheap = {n for n in border if _all_cheap(n)}
        outs, taken = closed([*dict.fromkeys(border), *own], values, inside, cheap, ())
        sides.append((outs, dict(taken)))
        captured.update((outer, None) for outer, _ in taken)
    made = []
    for outs, found in sides:
        params = [found[n] if n in found else make_input(n.type, n.name) for n in captured]
        made.append((params, enclose(outs, params)))
    new = make_branch(memo[node.args[0]], [memo[n] for n in captured], made)
    return Node(new.op.map_sizes(lambda size: replace_nodes(size, memo)), new.args)


def _all_cheap(node: Node) -> bool:
    return is_cheap(node) and all(map(_all_cheap, node.args))


register("enclose", enclose)
