"""What a graph costs, roughly: the elements that its nodes compute.

A guide for choices between graphs of equal results; sizes that only a call knows count alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cgrad.core import sizes
from cgrad.core.node import Node, Shape
from cgrad.core.sizes import SizeLike
from cgrad.ops.kinds import lowering

# what a size that is known only at the call counts for, when two forms are compared
UNKNOWN = 256
_FREE = frozenset(("broadcast", "permute", "slice", "reshape", "get", "jacobian", "by_sizes"))


def elements(shape: Shape) -> int:
    """The number of elements of a tensor."""
    return _guessed(sizes.product(shape))


def _guessed(size: SizeLike) -> int:
    return sizes.evaluate(size, lambda atom: UNKNOWN)


def added(results: Sequence[Node | None], known: Iterable[Node]) -> int:
    """The elements computed by nodes that are not known; those of a sum before it is taken."""
    return _guessed(added_size(results, known))


def added_size(results: Sequence[Node | None], known: Iterable[Node]) -> SizeLike:
    """The same as a size; of two ways that sizes choose between (`by_sizes`) the first."""
    held = set(known)
    stack = [node for node in results if node is not None]
    total: SizeLike = 0
    while stack:
        node = stack.pop()
        if node in held:
            continue
        held.add(node)
        total = total + work_size(node)
        stack += node.args[:1] if node.op.name == "by_sizes" else node.args
    return total


def work(node: Node) -> int:
    """The elements that one node computes."""
    return _guessed(work_size(node))


def work_size(node: Node) -> SizeLike:
    """The same as a size."""
    op: Any = node.op
    if lowering(node) == "reduce":
        return sizes.product(op.reduction(node).domain)
    if lowering(node) == "scan":
        each: SizeLike = 0
        for inner in op.body.order:
            each = each + work_size(inner)
        return sizes.product((op.length, each))
    if node.op.name in _FREE or not node.args:
        return 0
    return sizes.product(node.dims)
