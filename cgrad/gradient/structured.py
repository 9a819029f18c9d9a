"""Jacobians by their structure: forward, in reverse, or both, whichever computes fewer elements.

Forward, the terms of the identity are pushed from wrt to the expression (`ops.terms`): diagonals
stay vectors, and what becomes full costs one batched operation.  In reverse the same walk goes
through the graph of the pulled back cotangent, from that cotangent to the gradient: its Jacobian
is the transpose.  Reverse is tried where forward has no rule, or where the expression has fewer
elements than wrt.  Where all of the expression goes through a tensor z of fewer elements than
either, its Jacobian is the product of that by z and of that of z, each in its own mode.  Then the
elements that each adds to the graph are counted, unknown sizes at `ops.counts.UNKNOWN`.  With equal
counts forward wins: for a Hessian that is forward over reverse.

Responsible for: choosing.  Not responsible for: the rules (each op has its own).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.derive import vjp
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.constants import constant
from cgrad.ops.contract import contract
from cgrad.ops.counts import UNKNOWN, added, added_size, elements
from cgrad.ops.jacobian import BySizes, identity
from cgrad.ops.overlay import assembled
from cgrad.ops.passthrough import GradScale
from cgrad.ops.terms import Term, Unstructured, push

MODES = ("auto", "forward", "reverse")

# so many times the elements of a Jacobian are computed on the way to a full one, at least
_FULL = 4
# lengths that only a call knows: what counts as many, and which ratio of costs as a difference
_MANY = 16 * UNKNOWN
_CLEAR = 1.5


class Chosen(NamedTuple):
    """The Jacobian for each wrt, None where it is zero; and in words how it is computed."""

    blocks: list[Node | None]
    how: str


def structured(
    expression: Node, wrt: Sequence[Node], fixed: Sequence[Node], mode: str = "auto"
) -> Chosen | None:
    """The Jacobian for each wrt in the mode asked for; None when no rule applies."""
    if mode == "forward":
        return _as_asked(mode, _forward(expression, wrt, fixed))
    if mode == "reverse":
        return _as_asked(mode, _reverse(expression, wrt, fixed))
    forward = _forward(expression, wrt, fixed)
    fewer = elements(expression.dims) < sum(elements(node.dims) for node in wrt)
    backward = _reverse(expression, wrt, fixed) if fewer or forward is None else None
    if forward is not None and (backward is None or len(wrt) > 1):
        both = _by_sizes(expression, wrt, forward, backward, fixed)
        if both is not None:
            return Chosen(both, "forward or reverse, by sizes: what takes fewer elements")
    middle = _bottleneck(expression, wrt, fixed)
    mixed = None if middle is None else _by_way_of(middle, expression, wrt[0], fixed)
    known = toposort([expression])
    ways = [
        (name, blocks)
        for name, blocks in (("forward", forward), ("reverse", backward), ("mixed", mixed))
        if blocks is not None
    ]
    if len(ways) < 2:
        why = "no fewer rows than columns" if forward is not None else "no rule forward"
        return Chosen(ways[0][1], f"{ways[0][0]} ({why})") if ways else None
    counted = [(added(blocks, known), name, blocks) for name, blocks in ways]
    count, name, blocks = min(counted, key=lambda way: way[0])
    others = ", ".join(f"{other} {n:,}" for n, other, _ in counted if other != name)
    return Chosen(blocks, f"{name} ({count:,} elements; {others})")


def _as_asked(mode: str, blocks: list[Node | None] | None) -> Chosen | None:
    return None if blocks is None else Chosen(blocks, f"{mode} (as asked)")


def _by_sizes(
    expression: Node,
    wrt: Sequence[Node],
    forward: Sequence[Node | None],
    backward: Sequence[Node | None] | None,
    fixed: Sequence[Node],
) -> list[Node | None] | None:
    """Both ways where it depends on lengths of the expression and of wrt which is the shorter.

    The blocks in reverse are made here where they are not given.  Only where tangents are
    multiplied by matrices on the way: two ways to the same diagonals differ little.
    """
    shown = [block for block in forward if block is not None]
    cols_size: SizeLike = sum((sizes.product(node.dims) for node in wrt), 0)
    if not shown or sizes.product(expression.dims) == cols_size:
        return None
    known = toposort([expression])
    if added(shown, known) <= _FULL * sum(elements(block.dims) for block in shown):
        return None
    same = _Same(expression)
    rows, cols = (
        {same.of(atom) for node in nodes for n in node.dims for atom in sizes.atoms(n)}
        for nodes in ([expression], wrt)
    )
    if not rows - cols or not cols - rows:
        return None
    if backward is None:
        backward = _reverse(expression, wrt, fixed)
    if backward is None or [b is None for b in backward] != [b is None for b in forward]:
        return None
    others = [block for block in backward if block is not None]
    costs = [added_size(blocks, known) for blocks in (shown, others)]

    def ratio(many: set[sizes.Atom]) -> float:
        """Forward to reverse where there are many of these."""
        ahead, back = (
            sizes.evaluate(cost, lambda atom: _MANY if same.of(atom) in many else UNKNOWN)
            for cost in costs
        )
        return ahead / max(back, 1)

    if ratio(rows - cols) * _CLEAR > 1 or ratio(cols - rows) < _CLEAR:
        return None
    which = iter(range(len(shown)))
    return [
        None if block is None else Node(BySizes(next(which)), (block, *shown, *others))
        for block in forward
    ]


class _Same:
    """Which lengths must be equal for the ops of a graph: the first of each group stands for it."""

    def __init__(self, expression: Node) -> None:
        self._first: dict[sizes.Atom, sizes.Atom] = {}
        for node in toposort([expression]):
            for a, b, _ in node.op.equalities(node):
                one, other = _atom(a), _atom(b)
                if one is not None and other is not None:
                    self._first[self.of(other)] = self.of(one)

    def of(self, atom: sizes.Atom) -> sizes.Atom:
        while (before := self._first.get(atom, atom)) is not atom:
            atom = before
        return atom


def _atom(size: SizeLike) -> sizes.Atom | None:
    found = list(sizes.atoms(size))
    return found[0] if len(found) == 1 and sizes.as_size(found[0]) == size else None


def _bottleneck(expression: Node, wrt: Sequence[Node], fixed: Sequence[Node]) -> Node | None:
    """The smallest tensor that all paths from wrt to the expression go through, if it is small."""
    if len(wrt) != 1 or fixed:
        return None
    moving = set(wrt)
    for node in toposort([expression]):
        if not moving.isdisjoint(node.args):
            moving.add(node)
    order = [node for node in toposort([expression]) if node in moving]
    last = {node: k for k, node in enumerate(order)}
    for k, node in enumerate(order):
        last.update((arg, k) for arg in node.args if arg in last)
    best = None
    least = min(elements(expression.dims), elements(wrt[0].dims))
    # the last reader of all the nodes before one: where it is that node, it cuts the graph
    reach = 0
    for k, node in enumerate(order):
        cuts = reach <= k and isinstance(node.type, TensorType) and dtypes.is_float(node.dtype)
        if cuts and node is not wrt[0] and node is not expression and elements(node.dims) < least:
            best, least = node, elements(node.dims)
        reach = max(reach, last[node])
    return best


def _by_way_of(
    middle: Node, expression: Node, wrt: Node, fixed: Sequence[Node]
) -> list[Node | None] | None:
    """d expression / d middle times d middle / d wrt."""
    outer = structured(expression, [middle], fixed)
    inner = structured(middle, [wrt], fixed)
    if outer is None or inner is None:
        return None
    (a,), (b,) = outer.blocks, inner.blocks
    if a is None or b is None or a.dtype != b.dtype:
        return None
    m, k, n = expression.ndim, middle.ndim, wrt.ndim
    rows, shared, cols = range(m), range(m, m + k), range(m + k, m + k + n)
    return [contract(a, (*rows, *shared), b, (*shared, *cols), (*rows, *cols))]


def _forward(
    expression: Node, wrt: Sequence[Node], fixed: Sequence[Node]
) -> list[Node | None] | None:
    try:
        found = [forward_terms(expression, node, fixed) for node in wrt]
    except Unstructured:
        return None
    return [
        assembled(terms, (*expression.dims, *node.dims)) if terms else None
        for terms, node in zip(found, wrt, strict=True)
    ]


def forward_terms(expression: Node, wrt: Node, fixed: Sequence[Node]) -> list[Term]:
    """The Jacobian as terms, pushed from wrt to the expression; `Unstructured` without a rule."""
    (terms,) = push([expression], {wrt: [identity(wrt)]}, fixed)
    return list(terms or ())


def _reverse(
    expression: Node, wrt: Sequence[Node], fixed: Sequence[Node]
) -> list[Node | None] | None:
    try:
        found = reverse_terms(expression, wrt, fixed)
    except Unstructured:
        return None
    return [
        assembled(terms, (*expression.dims, *node.dims)) if terms else None
        for terms, node in zip(found, wrt, strict=True)
    ]


def reverse_terms(expression: Node, wrt: Sequence[Node], fixed: Sequence[Node]) -> list[list[Term]]:
    """The terms for each wrt, pushed from a cotangent of the expression to the gradients.

    `Unstructured` without a rule.
    """
    if not pulls_linearly([expression]):
        raise Unstructured("a derivative rule that is not linear")
    seed = make_input(expression.type)
    pulled = vjp([expression], wrt, [seed], fixed)
    shown = [node for node in pulled if node is not None]
    pushed = iter(push(shown, {seed: [identity(seed)]}))
    found = [
        [] if slope is None else [Term(t.value, t.cols, t.rows, node.dims) for t in own or ()]
        for node, slope in zip(wrt, pulled, strict=True)
        for own in [None if slope is None else next(pushed)]
    ]
    # what was pulled back is linear in the seed, so its value is of no account; a loop may still
    # carry it along
    values = [term.value for terms in found for term in terms]
    used = iter(substitute(values, {seed: _zeros_like(seed)}))
    return [[term.having(next(used)) for term in terms] for terms in found]


def _zeros_like(node: Node) -> Node:
    return broadcast_axes(constant(np.zeros((), node.dtype)), node.dims, ())


def pulls_linearly(outputs: Sequence[Node]) -> bool:
    """Whether the cotangents of all that the outputs depend on are linear in theirs."""
    for node in toposort(outputs):
        bodies = node.op.bodies
        if not node.op.pulls_linearly or not all(pulls_linearly(b.outputs) for b in bodies):
            return False
    return True


def transposes(outputs: Sequence[Node]) -> bool:
    """Whether forward and reverse mode are known to give the same derivatives of the outputs.

    A limit on cotangents, or on how many steps of a loop they go back, is not one on tangents.
    """
    for node in toposort(outputs):
        cut: int = getattr(node.op, "truncate", -1)
        if cut >= 0 or not all(transposes(body.outputs) for body in node.op.bodies):
            return False
    return pulls_linearly(outputs)


def is_symmetric(cost: Node) -> bool:
    """Whether the second derivatives of the cost are known to be those of a function.

    Rules of the user's, and factors on derivatives, need not be.
    """
    nodes = toposort([cost])
    custom = any(getattr(node.op, "rules", None) is not None for node in nodes)
    return transposes([cost]) and not custom and not any(
        isinstance(node.op, GradScale) for node in nodes
    )  # fmt: skip
