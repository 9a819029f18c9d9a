"""Sizes that must be equal become one size, and the checks that this holds at entry.

Collected from the graph as the user wrote it, so that simplifying `x + y` away never drops its
check.  Where an equality gives the size of an argument in terms of others, that size is replaced
everywhere: loops over `n` and loops over what equals `n` are then loops over the same extent.

Responsible for: equalities and bounds known when the kernel is entered.
Not responsible for: those that are known only inside (`codegen.lower` checks them in place).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cgrad.codegen.lower import checks_of, condition
from cgrad.core import dtypes, exprs, sizes
from cgrad.core.exprs import Lit
from cgrad.core.graphs import substitute
from cgrad.core.loops import Check
from cgrad.core.node import Node, TensorType
from cgrad.core.sizes import Atom, SizeLike
from cgrad.ops.branch import inside_of_sides
from cgrad.ops.scalar import Cast


class Unified:
    """The graph over fewer sizes: inputs, outputs, and the checks to make at entry."""

    __slots__ = ("checks", "inputs", "outputs")

    def __init__(self, inputs: list[Node], outputs: list[Node], checks: list[Check]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.checks = checks


def is_entry_size(atom: Atom, inputs: Iterable[Node]) -> bool:
    """Whether the size is known when the kernel is entered."""
    if atom.kind == "value":
        return entry_source(atom.args[0]) in inputs
    return atom.kind == "dim" and atom.args[0] in inputs


def entry_source(node: Node) -> Node:
    """The node an integer scalar is read from: itself, or the shorter integer it was cast from."""
    while isinstance(node.op, Cast) and dtypes.is_integer(node.args[0].dtype):
        node = node.args[0]
    return node


def unify(inputs: Sequence[Node], outputs: Sequence[Node], everything: Sequence[Node]) -> Unified:
    """The graph with equal sizes made one; `everything` are its nodes, those of bodies too."""
    position = {node: k for k, node in enumerate(inputs)}
    replaced: dict[Atom, SizeLike] = {}

    def settled(size: SizeLike) -> SizeLike:
        while True:
            new = sizes.substitute(size, replaced.get)
            if new == size:
                return size
            size = new

    checks: list[Check] = []
    made: set[tuple[str, SizeLike, SizeLike]] = set()
    found_in = [(node, check) for node in everything for check in checks_of(node)]
    sides = inside_of_sides(everything)
    # a position that only one side of a choice uses is checked there
    own = [c for node, c in found_in if c.code == "CG_SHAPE" or node not in sides]
    for check in [*_declared(inputs), *own]:
        both = (check.found, check.expected)
        if not all(_known(size, position) for size in both):
            continue
        found, expected = (settled(size) for size in both)
        check.cond = condition(check.code, found, expected)
        if isinstance(check.cond, Lit) and check.cond.value:
            continue
        same = (check.code, found, expected)
        if same in made:
            continue
        made.add(same)
        checks.append(check)
        if check.code == "CG_SHAPE":
            _merge(found, expected, position, replaced)
    new_inputs = [_resized(node, tuple(settled(n) for n in node.dims)) for node in inputs]
    memo = dict(zip(inputs, new_inputs, strict=True))
    return Unified(new_inputs, substitute(outputs, memo), checks)


def _declared(inputs: Sequence[Node]) -> Iterable[Check]:
    """Axes that were declared with a length must have it."""
    true = exprs.TRUE
    for node in inputs:
        tag = -1 if node.tag is None else node.tag
        for axis, n in enumerate(node.dims):
            if isinstance(n, int):
                yield Check(true, "CG_SHAPE", tag, axis, sizes.dim(node, axis), n)


def _known(size: SizeLike, position: dict[Node, int]) -> bool:
    return all(
        is_entry_size(atom, position) or atom.kind in sizes.COMPOUND for atom in sizes.atoms(size)
    )


def _merge(
    found: SizeLike, expected: SizeLike, position: dict[Node, int], replaced: dict[Atom, SizeLike]
) -> None:
    """Replace the size of an argument by what it must be equal to."""
    candidates = []
    for size, other in ((found, expected), (expected, found)):
        atom = _single(size)
        if atom is not None and atom not in set(sizes.atoms(other)):
            candidates.append((_rank(atom, position), atom, other))
    if candidates:
        _, atom, other = max(candidates, key=lambda candidate: candidate[0])
        replaced[atom] = other


def _single(size: SizeLike) -> Atom | None:
    """The atom that a size consists of, when it is the length of an argument's axis."""
    if isinstance(size, int) or len(size.terms) != 1:
        return None
    mono, c = size.terms[0]
    return mono[0] if c == 1 and len(mono) == 1 and mono[0].kind == "dim" else None


def _rank(atom: Atom, position: dict[Node, int]) -> tuple[int, int]:
    return position[atom.args[0]], atom.args[1]


def _resized(node: Node, dims: tuple[SizeLike, ...]) -> Node:
    if dims == node.dims:
        return node
    new = Node(node.op, (), TensorType(node.dtype, dims), node.name, node.site)
    new.tag = node.tag
    return new
