"""Walks over graphs: order, substitution, hash-consing, numbering, structure.

Every walk uses an explicit stack, so chains of any length work.

Responsible for: visiting and rebuilding nodes.  Not responsible for: simplifying (`core.rewrite`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from cgrad.core import flat, sizes
from cgrad.core.node import Node, Op
from cgrad.core.sizes import Atom, Label, SizeLike


class Body:
    """The graph inside a loop or branch: `outputs` as functions of `params`.

    Tensors reach a body through its parameters only; sizes may mention nodes outside of it.
    `order` lists the inner nodes, arguments first; `free` the parts of sizes that belong to
    outer nodes.
    """

    __slots__ = ("free", "order", "outputs", "params")

    def __init__(self, params: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.params = tuple(params)
        self.outputs = tuple(outputs)
        order = toposort(self.outputs)
        by_args = _reach_by_args(self.outputs, _depending(order, self.params))
        by_args.difference_update(self.params)
        self.order = tuple([node for node in order if node in by_args])
        own = {*self.order, *self.params}
        mentioned: dict[Atom, None] = {}
        for node in self.order:
            for size in node.op.sizes():
                mentioned.update(dict.fromkeys(sizes.atoms(size)))
        for param in self.params:
            for size in (*param.dims, *param.op.sizes()):
                mentioned.update(dict.fromkeys(sizes.atoms(size)))
        self.free = tuple(
            atom for atom in mentioned if atom.kind in ("dim", "value") and atom.args[0] not in own
        )

    def __reduce__(self) -> tuple[Any, ...]:
        params, outputs = (tuple(map(flat.row, nodes)) for nodes in (self.params, self.outputs))
        return Body, (params, outputs)

    def key(self, label: Label) -> Hashable:
        """A hashable form, the same for bodies that differ only in the identity of nodes."""
        if label is sizes.itself:
            return _BodyKey(self)
        return self.structure(label)

    def structure(self, label: Label) -> tuple[Any, ...]:
        """What the body computes as plain values; `label` is that of the nodes around it."""
        return structure(self.params, self.outputs, self.order, lambda node: ("outer", label(node)))

    def map(self, f: Callable[[SizeLike], SizeLike]) -> Body:
        """The body with `f` applied to the sizes of outer nodes; itself if nothing changes."""
        if all(f(sizes.as_size(atom)) == sizes.as_size(atom) for atom in self.free):
            return self
        memo: dict[Node, Node] = {}
        params = []
        for param in self.params:
            dims = tuple(f(size) for size in param.dims)
            op = param.op.map_sizes(f)
            new = param
            if dims != param.dims or op is not param.op:
                new = Node(op, (), type(param.type)(param.dtype, dims), param.name)
            memo[param] = new
            params.append(new)

        def inner(size: SizeLike) -> SizeLike:
            return f(replace_nodes(size, memo))

        for node in self.order:
            memo[node] = _over(node, node.op.map_sizes(inner), tuple(memo[a] for a in node.args))
        return Body(params, [memo[out] for out in self.outputs])


class _BodyKey:
    """Equal for equal bodies.  Most are compared with no other, so only then all of it is read."""

    __slots__ = ("_hash", "_whole", "body")

    def __init__(self, body: Body) -> None:
        self.body = body
        self._hash = hash((len(body.params), len(body.outputs), *[n.op.name for n in body.order]))
        self._whole: tuple[Any, ...] | None = None

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _BodyKey) or self._hash != other._hash:
            return False
        return self.body is other.body or self.whole == other.whole

    @property
    def whole(self) -> tuple[Any, ...]:
        if self._whole is None:
            self._whole = self.body.structure(sizes.itself)
        return self._whole


def _reach_by_args(outputs: Iterable[Node], inside: set[Node]) -> set[Node]:
    """Nodes reached over arguments from outputs, or from size values that are inside."""
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
            stack.extend(dep for dep in node.deps if dep in inside)
    return seen


def toposort(outputs: Iterable[Node], stop: Iterable[Node] = ()) -> list[Node]:
    """The ancestors of `outputs`, each after its arguments; `stop` nodes have none.

    The order depends only on the graph: depth first, arguments left to right.
    """
    order: list[Node] = []
    done: set[Node] = set()
    leaves = set(stop)
    stack: list[Node | None] = list(reversed(list(outputs)))
    # nodes whose arguments are being visited; a None on the stack ends those of the last one
    waiting: list[Node] = []
    while stack:
        node = stack.pop()
        if node is None:
            order.append(waiting.pop())
        elif node not in done:
            done.add(node)
            if node in leaves or not (before := node.args + node.deps):
                order.append(node)
                continue
            waiting.append(node)
            stack.append(None)
            for other in before[::-1]:
                if other not in done:
                    stack.append(other)
    return order


def dependents(outputs: Iterable[Node], roots: Iterable[Node]) -> set[Node]:
    """The ancestors of `outputs` that are among `roots` or depend on one of them."""
    return _depending(toposort(outputs), roots)


def _depending(order: Iterable[Node], roots: Iterable[Node]) -> set[Node]:
    """`roots` and what depends on them, of nodes that come after their arguments."""
    found = set(roots)
    for node in order:
        if not found.isdisjoint(node.args) or not found.isdisjoint(node.deps):
            found.add(node)
    return found


def node_size(node: Node) -> SizeLike:
    """An int64 scalar of the graph as a size."""
    simple = node.op.size_value(node)
    return sizes.value(node) if simple is None else simple


def replace_nodes(size: SizeLike, memo: Mapping[Node, Node]) -> SizeLike:
    """The size with the nodes it mentions replaced as `memo` says."""

    def replace(atom: Atom) -> SizeLike | None:
        if atom.kind not in ("dim", "value"):
            return None
        new = memo.get(atom.args[0])
        if new is None or new is atom.args[0]:
            return None
        if atom.kind == "value":
            return node_size(new)
        axis: int = atom.args[1]
        return new.dims[axis]

    return sizes.substitute(size, replace)


def rebuild(node: Node, memo: Mapping[Node, Node]) -> Node:
    """`node` over the replaced arguments; the node itself when nothing it uses has changed."""
    op, args = node.op, node.args
    for arg in args:
        if memo[arg] is not arg:
            args = tuple([memo[arg] for arg in args])
            break
    # an op may keep sizes that are no dependencies of it
    if type(op).sizes is not Op.sizes or any(memo.get(dep, dep) is not dep for dep in node.deps):
        op = op.map_sizes(lambda size: replace_nodes(size, memo))
    return _over(node, op, args)


def _over(node: Node, op: Op, args: tuple[Node, ...]) -> Node:
    return node if op is node.op and args == node.args else derived(node, op, args)


def derived(node: Node, op: Op, args: tuple[Node, ...]) -> Node:
    """A node that stands for `node` in a rebuilt graph: same name, site and tag."""
    new = Node(op, args, name=node.name, site=node.site)
    new.tag = node.tag
    return new


def substitute(outputs: Sequence[Node], replacements: Mapping[Node, Node]) -> list[Node]:
    """`outputs` with nodes replaced, in values and in sizes; untouched parts are shared."""
    memo = dict(replacements)
    for node in toposort(outputs, replacements):
        if node not in memo:
            memo[node] = rebuild(node, memo)
    return [memo[out] for out in outputs]


class Interner:
    """Makes equal nodes one node.  Free variables stay themselves."""

    def __init__(self) -> None:
        self._table: dict[Hashable, Node] = {}

    def add(self, node: Node) -> Node:
        """The one node equal to `node`, whose arguments must have been added before."""
        if node.op.impure:
            return node
        key = (node.op.key(sizes.itself), node.args, node.type.dtype)
        return self._table.setdefault(key, node)

    def rebuild(self, node: Node, memo: Mapping[Node, Node]) -> Node:
        """The one node equal to `node` over the replaced arguments."""
        new = rebuild(node, memo)
        return self.add(over_bodies(new, intern_body) if new.op.bodies else new)


def over_bodies(node: Node, change: Callable[[Body], Body]) -> Node:
    """The node with its bodies, if it has any, changed."""
    if not node.op.bodies:
        return node
    op = node.op.map_bodies(change)
    return node if op is node.op else derived(node, op, node.args)


def intern_body(body: Body) -> Body:
    """The body with equal inner nodes made one."""
    table = Interner()
    memo: dict[Node, Node] = {param: param for param in body.params}
    for node in body.order:
        memo[node] = table.rebuild(node, memo)
    if all(memo[node] is node for node in body.order):
        return body
    return Body(body.params, [memo[out] for out in body.outputs])


def intern(outputs: Sequence[Node], order: Sequence[Node] | None = None) -> list[Node]:
    """`outputs` with equal nodes made one node: common subexpressions are shared from here on.

    `order` is that of `toposort`, where it is known.
    """
    table = Interner()
    memo: dict[Node, Node] = {}
    for node in toposort(outputs) if order is None else order:
        memo[node] = table.rebuild(node, memo)
    return [memo[out] for out in outputs]


def op_classes(order: Iterable[Node]) -> set[type[Op]]:
    """The classes of the ops of nodes, those in bodies too."""
    found = {node.op for node in order}
    new = [op for op in found if op.bodies]
    while new:
        inner = {node.op for op in new for body in op.bodies for node in body.order} - found
        found |= inner
        new = [op for op in inner if op.bodies]
    return set(map(type, found))


def number(order: Sequence[Node]) -> list[Node]:
    """The nodes of `order`, those of bodies after the node they belong to; sets tags."""
    everything: list[Node] = []
    stack = list(reversed(order))
    while stack:
        node = stack.pop()
        node.tag = len(everything)
        everything.append(node)
        for body in node.op.bodies:
            stack.extend(reversed(body.order))
    return everything


def structure(
    params: Sequence[Node],
    outputs: Sequence[Node],
    order: Iterable[Node],
    outer: Label,
) -> tuple[Any, ...]:
    """A nested tuple of plain values that says what the graph computes, and nothing else."""
    numbers: dict[Node, int] = {}
    rows: list[Hashable] = []

    def label(node: Node) -> Hashable:
        k = numbers.get(node)
        return outer(node) if k is None else k

    for param in params:
        numbers[param] = len(numbers)
    for param in params:
        dims = tuple(sizes.key(size, label) for size in param.dims)
        rows.append((param.op.key(label), param.name, param.dtype, dims))
    for node in order:
        if node in numbers:
            continue
        if node.op.impure:
            numbers[node] = len(numbers)
            dims = tuple(sizes.key(size, label) for size in node.dims)
            args = tuple([numbers[arg] for arg in node.args])
            rows.append((node.op.key(label), args, node.name, node.dtype, dims))
            continue
        rows.append((node.op.key(label), tuple([numbers[arg] for arg in node.args]), node.name))
        numbers[node] = len(numbers)
    return (len(params), tuple(rows), tuple(numbers[out] for out in outputs))
