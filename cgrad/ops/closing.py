"""How a body is closed over outer values: what does not move with it becomes a parameter.

Responsible for: the cut between what is computed inside and what is passed in.
Not responsible for: the ops that have bodies (`ops.control`, `ops.branch`, `ops.jacobian`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core import sizes
from cgrad.core.graphs import derived, toposort
from cgrad.core.node import Node, make_input
from cgrad.core.sizes import SizeLike
from cgrad.ops.constants import Arange, Constant, ShapeVector, SizeNode


def close(outputs: Sequence[Node], steps: Sequence[Node]) -> tuple[list[Node], list[Any]]:
    """The outputs with every maximal part that depends on no step variable made a parameter.

    Returns the new outputs and pairs (outer node, parameter).  Numbers and sizes stay inside, and
    so does stretching: what is stretched is passed in.
    """
    order = toposort(outputs, steps)
    moving = set(steps)
    cheap: set[Node] = set()
    for node in order:
        if node in moving:
            continue
        if any(arg in moving for arg in node.args) or any(dep in moving for dep in node.deps):
            moving.add(node)
        elif is_cheap(node) and all(arg in cheap for arg in node.args):
            cheap.add(node)
    for node in reversed(order):
        if node in moving:
            moving |= {a for a in node.args if a.op.name == "broadcast" and a not in cheap}
    return closed(order, outputs, moving, cheap, steps)


def closed(
    order: Sequence[Node],
    outputs: Sequence[Node],
    moving: set[Node],
    cheap: set[Node],
    steps: Sequence[Node],
) -> tuple[list[Node], list[Any]]:
    """The outputs over parameters in place of what is neither `moving` nor `cheap`.

    `order` has all of them that matter; of the moving ones, `steps` are parameters already.
    """
    replaced: dict[Node, Node] = {}

    def outside(node: Node) -> None:
        if node not in moving and node not in cheap and node not in replaced:
            replaced[node] = make_input(node.type, node.name)

    for node in order:
        if node in moving and node not in steps:
            for arg in node.args:
                outside(arg)
    for node in outputs:
        outside(node)
    # the parameters hold the outer sizes, so values are replaced but sizes stay as they are
    memo: dict[Node, Node] = dict(replaced)
    for node in order:
        if node in memo:
            continue
        if node not in moving or node in steps:
            memo[node] = node
            continue
        args = tuple(memo[arg] for arg in node.args)
        inner = {dep: memo[dep] for dep in node.deps if dep in moving}
        op = node.op.map_sizes(lambda size, inner=inner: _renamed(size, inner))  # type: ignore[misc]
        same = op is node.op and args == node.args
        memo[node] = node if same else derived(node, op, args)
    return [memo[out] for out in outputs], list(replaced.items())


def _renamed(size: SizeLike, memo: dict[Node, Node]) -> SizeLike:
    def replace(atom: sizes.Atom) -> SizeLike | None:
        if atom.kind == "value" and atom.args[0] in memo:
            return sizes.value(memo[atom.args[0]])
        return None

    return sizes.substitute(size, replace)


def is_cheap(node: Node) -> bool:
    """Whether recomputing the node costs no more than passing it in."""
    if not node.args:
        return isinstance(node.op, (Constant, SizeNode, ShapeVector, Arange))
    return node.op.name in ("broadcast", "cast")
