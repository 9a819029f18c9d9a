"""What a graph costs, roughly: the elements that its nodes compute.

A guide for choices between graphs of equal results; sizes that only a call knows count alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cgrad.core import sizes
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, Shape
from cgrad.ops.kinds import lowering

# what a size that is known only at the call counts for, when two forms are compared
UNKNOWN = 256
_FREE = frozenset(("broadcast", "permute", "slice", "reshape", "get", "jacobian"))


def elements(shape: Shape) -> int:
    """The number of elements of a tensor."""
    return sizes.evaluate(sizes.product(shape), lambda atom: UNKNOWN)


def added(results: Sequence[Node | None], known: Iterable[Node]) -> int:
    """The elements computed by nodes that are not known; those of a sum before it is taken."""
    held = set(known)
    nodes = toposort([node for node in results if node is not None], held)
    return sum(work(node) for node in nodes if node not in held)


def work(node: Node) -> int:
    """The elements that one node computes."""
    op: Any = node.op
    if lowering(node) == "reduce":
        return elements(op.reduction(node).domain)
    if lowering(node) == "scan":
        return elements((op.length,)) * sum(map(work, op.body.order))
    if node.op.name in _FREE or not node.args:
        return 0
    return elements(node.dims)
