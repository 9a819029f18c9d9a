"""A choice does not compute again what is there: outside, or in a choice of the same condition.

The derivative of a choice in the middle of a function is a second choice, whose sides compute the
primal values once more.  Loops and products among them are handed on by the first choice instead;
what is cheap is computed again, as are functions of elements, which need no array there.

    y = h(x); z = branch(c, f, x)               ->  f, which computes h of its x too, reads y
    y = branch(c, f); z = branch(c, g over y)   ->  g reads an inner value of f

A side without such a value gives zeros in its place, which nobody reads.

Responsible for: which values are handed on.  Not responsible for: choices that become one
(`branches`) or loops (`remember`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cgrad.core import sizes
from cgrad.core.dtypes import NUMPY
from cgrad.core.graphs import (
    Body,
    Interner,
    rebuild,
    replace_nodes,
    substitute,
    toposort,
)
from cgrad.core.node import Node, TensorType, make_input
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.branch import Branch, make_branch
from cgrad.ops.constants import constant
from cgrad.ops.kinds import lowering
from cgrad.ops.result import Get
from cgrad.rewrites.branches import in_bodies
from cgrad.rewrites.remember import is_expensive

# what is in a body of a choice -> what is equal to it outside, or in a body of an earlier choice
Shared = dict[Node, Node]


def remember_sides(outputs: Sequence[Node]) -> list[Node]:
    """`outputs`, interned, with choices that read what is computed before them, in bodies too."""
    result = _with_outer_values(outputs)
    while (found := _found(toposort(result))) is not None:
        result = _replaced(result, *found)
    return in_bodies(result, remember_sides)


def _with_outer_values(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with choices that are handed what is computed outside of them."""
    result = list(outputs)
    while (found := _outside(toposort(result))) is not None:
        choice, handed = found
        added = list(dict.fromkeys(value for shared in handed for value in shared.values()))
        rows, types = [(value, value) for value in added], [value.type for value in added]
        reading = _reading(choice.op.bodies, handed, rows, types)
        result = _with_choice(result, choice, reading, added, {})
    return result


def _outside(order: Sequence[Node]) -> tuple[Node, list[Shared]] | None:
    """A choice of which a side computes what is computed outside, too."""
    choices = [node for node in order if isinstance(node.op, Branch)]
    table = Interner()
    own = {table.add(node) for node in order} if choices else set()
    for choice in choices:
        handed = [
            _equal(body, dict(zip(body.params, choice.args[1:], strict=True)), table, own)
            for body in choice.op.bodies
        ]
        if any(handed):
            return choice, handed
    return None


def _found(order: Sequence[Node]) -> tuple[Node, Node, list[Shared]] | None:
    """Two choices of which the second one computes again what the first one has."""
    for first, later in _pairs(order):
        shared = [_shared(first, later, side) for side in (0, 1)]
        if any(shared):
            return first, later, shared
    return None


def _pairs(order: Sequence[Node]) -> Iterator[tuple[Node, Node]]:
    """Choices of one condition, the earlier one first."""
    of_condition: dict[Node, list[Node]] = {}
    for node in order:
        if isinstance(node.op, Branch):
            earlier = of_condition.setdefault(node.args[0], [])
            for first in earlier:
                yield first, node
            earlier.append(node)


def _shared(first: Node, later: Node, side: int) -> Shared:
    """Costly values in a side of `later` that are equal to values in that of `first`."""
    one, two = (node.op.bodies[side] for node in (first, later))
    of_outer = dict(zip(first.args[1:], one.params, strict=True))
    memo: dict[Node, Node] = {}
    for param, arg in zip(two.params, later.args[1:], strict=True):
        if arg in of_outer:
            memo[param] = of_outer[arg]
        elif isinstance(arg.op, Get) and arg.args[0] is first:
            memo[param] = one.outputs[arg.op.position]
    table = Interner()
    own = {table.add(node) for node in one.order}
    found = _equal(two, memo, table, own)
    # nobody outside knows how long something is whose length is a value of the side
    return {
        node: value
        for node, value in found.items()
        if not any(inner in own for size in value.dims for inner in sizes.nodes(size))
    }


def _equal(body: Body, known: dict[Node, Node], table: Interner, own: set[Node]) -> Shared:
    """Costly values of a body that are among the nodes `own`, which `table` has.

    `known` says what its parameters stand for there.
    """
    memo = dict(known)
    given = set(body.params)
    for node in body.order:
        if node not in given and all(arg in memo for arg in node.args):
            equal = table.rebuild(node, memo)
            # any result of a loop that is there can be had
            if equal in own or isinstance(node.op, Get):
                memo[node] = equal
    used = {arg for node in body.order if node not in memo for arg in node.args}
    used.update(body.outputs)
    return {
        node: memo[node]
        for node in body.order
        if node in used and node in memo and node not in given and _is_costly(node)
    }


def _is_costly(node: Node) -> bool:
    """Whether a value of a body is handed to it rather than computed."""
    if not isinstance(node.type, TensorType) or not node.args:
        return False
    if not node.ndim:
        return is_expensive(node)
    return any(lowering(one) in ("reduce", "emit", "scan", "get") for one in toposort([node]))


def _replaced(
    outputs: Sequence[Node], first: Node, later: Node, shared: Sequence[Shared]
) -> list[Node]:
    """`outputs` with the two choices replaced."""
    kept = [list(dict.fromkeys(values.values())) for values in shared]
    # one result serves both sides where the types are the same
    rows: list[list[Node | None]] = [[value, None] for value in kept[0]]
    for value in kept[1]:
        for row in rows:
            if row[1] is None and row[0] is not None and row[0].type == value.type:
                row[1] = value
                break
        else:
            rows.append([None, value])
    types = [next(value.type for value in row if value is not None) for row in rows]
    one, two = first.op, later.op
    assert isinstance(one, Branch) and isinstance(two, Branch)
    filled: list[tuple[Sequence[Node], Sequence[Node]]] = []
    for side, body in enumerate(one.bodies):
        added = [_or_zeros(row[side], type) for row, type in zip(rows, types, strict=True)]
        filled.append((body.params, [*body.outputs, *added]))
    earlier = _like(first, make_branch(first.args[0], first.args[1:], filled))
    read = [Node(Get(one.count + k), (earlier,)) for k in range(len(rows))]
    reading = _reading(two.bodies, shared, rows, types)
    return _with_choice(outputs, later, reading, read, {first: earlier})


def _reading(
    bodies: Sequence[Body],
    shared: Sequence[Shared],
    rows: Sequence[Sequence[Node | None]],
    types: Sequence[TensorType],
) -> list[tuple[Sequence[Node], Sequence[Node]]]:
    """(parameters, outputs) of bodies that are handed rows: of each, what each side reads."""
    sides: list[tuple[Sequence[Node], Sequence[Node]]] = []
    for side, body in enumerate(bodies):
        params = [make_input(type) for type in types]
        of_value = {row[side]: param for row, param in zip(rows, params, strict=True)}
        known = {node: of_value[value] for node, value in shared[side].items()}
        sides.append(([*body.params, *params], substitute(body.outputs, known)))
    return sides


def _with_choice(
    outputs: Sequence[Node],
    choice: Node,
    sides: Sequence[tuple[Sequence[Node], Sequence[Node]]],
    added: Sequence[Node],
    replaced: dict[Node, Node],
) -> list[Node]:
    """The outputs with a choice that has other sides, and is handed more; others `replaced`."""
    new = make_branch(choice.args[0], [*choice.args[1:], *added], sides)
    memo = dict(replaced)
    for node in toposort([*added, *outputs]):
        if node is choice:
            op = new.op.map_sizes(lambda size: replace_nodes(size, memo))
            memo[node] = _like(choice, Node(op, tuple(memo[arg] for arg in new.args)))
        elif node not in memo:
            memo[node] = rebuild(node, memo)
    return [memo[out] for out in outputs]


def _like(old: Node, new: Node) -> Node:
    """A new node with the name, the place and the tag of the one it stands for."""
    named = Node(new.op, new.args, name=old.name, site=old.site)
    named.tag = old.tag
    return named


def _or_zeros(value: Node | None, type: TensorType) -> Node:
    if value is not None:
        return value
    return broadcast_axes(constant(np.zeros((), NUMPY[type.dtype])), type.shape, ())
