"""Checks of sizes that a simplification has dropped with the operand they are about.

A size that is known when the kernel is entered is checked there, from the graph as written
(`codegen.unify`).  One that is computed inside, such as the count of a mask, is checked in place
where a node needs it; `fill(a, b) -> b` leaves no node that needs both.  So these sizes are
rewritten beside the outputs, and those that nothing checks any more are compared at the end.

Responsible for: which checks are left over, and their statements.
Not responsible for: checks at entry (`codegen.unify`) and in place (`codegen.lower`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cgrad.codegen.lower import Block, checks_of
from cgrad.codegen.places import Place
from cgrad.codegen.unify import is_entry_size
from cgrad.core import dtypes, exprs, sizes
from cgrad.core.loops import Check
from cgrad.core.node import Node
from cgrad.core.sizes import Atom, SizeLike
from cgrad.ops.axes import depends_on_value
from cgrad.ops.constants import size_node


class Inside:
    """Equalities of sizes that are computed inside; `nodes` holds two scalars for each."""

    __slots__ = ("checks", "nodes")

    def __init__(self, checks: Sequence[Check], nodes: Sequence[Node]) -> None:
        self.checks = checks
        self.nodes = nodes

    def kept(self, nodes: Sequence[Node], order: Iterable[Node]) -> Inside:
        """Those of which no node of `order` makes sure; `nodes` are those of self, rewritten."""
        classes: dict[SizeLike, SizeLike] = {}

        def find(size: SizeLike) -> SizeLike:
            while size in classes:
                size = classes[size]
            return size

        for node in order:
            for check in _shapes(node):
                a, b = find(check.found), find(check.expected)
                if a != b:
                    classes[a] = b
        checks: list[Check] = []
        left: list[Node] = []
        for check, *pair in zip(self.checks, nodes[::2], nodes[1::2], strict=True):
            a, b = (find(_size(node)) for node in pair)
            if a != b:
                classes[a] = b
                checks.append(check)
                left += pair
        return Inside(checks, left)

    def places(self, block: Block) -> list[tuple[Node, Place]]:
        """A variable for each of the scalars."""
        return [(node, Place(block.names.buffer("size", dtypes.INT64, ()))) for node in self.nodes]

    def statements(self, places: Sequence[tuple[Node, Place]]) -> list[Check]:
        """The checks, once the variables have their values."""
        made = []
        held = [exprs.scalar_size(place.buffer) for _, place in places]
        for check, found, expected in zip(self.checks, held[::2], held[1::2], strict=True):
            cond = exprs.compare("==", found, expected)
            made.append(Check(cond, check.code, check.tag, check.axis, found, expected))
        return made


def inside(order: Iterable[Node], inputs: Sequence[Node]) -> Inside:
    """What has to be equal in a graph and is not known from its inputs."""

    def late(atom: Atom) -> bool:
        return atom.kind == "value" and not is_entry_size(atom, inputs)

    found: dict[tuple[SizeLike, SizeLike], Check] = {}
    for node in order:
        for check in _shapes(node):
            both = (check.found, check.expected)
            if any(late(atom) for size in both for atom in sizes.atoms(size)):
                found.setdefault(both, check)
    nodes = [size_node(size) for both in found for size in both]
    return Inside(list(found.values()), nodes)


def _shapes(node: Node) -> list[Check]:
    return [
        check
        for check in checks_of(node)
        if check.code == "CG_SHAPE"
        and (depends_on_value(check.found) or depends_on_value(check.expected))
    ]


def _size(node: Node) -> SizeLike:
    known = node.op.size_value(node)
    return sizes.value(node) if known is None else known
