"""Jacobians by their structure: forward, or in reverse, whichever computes fewer elements.

Forward, the terms of the identity are pushed from wrt to the expression (`ops.terms`): diagonals
stay vectors, and what becomes full costs one batched operation.  In reverse the same walk goes
through the graph of the pulled back cotangent, from that cotangent to the gradient: its Jacobian
is the transpose.  Reverse is tried where forward has no rule, or where the expression has fewer
elements than wrt; then the elements that either adds to the graph are counted, unknown sizes at
`UNKNOWN`.  With equal counts forward wins: for a Hessian that is forward over reverse.

Responsible for: choosing.  Not responsible for: the rules (each op has its own).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.derive import vjp
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node, Shape, make_input
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.constants import constant
from cgrad.ops.kinds import lowering
from cgrad.ops.overlay import assembled
from cgrad.ops.terms import Term, Unstructured, push, whole

# what a size that is known only at the call counts for, when two forms are compared
UNKNOWN = 256


def structured(
    expression: Node, wrt: Sequence[Node], fixed: Sequence[Node]
) -> list[Node | None] | None:
    """The Jacobian for each wrt, None where it is zero; None when no rule applies."""
    forward = _forward(expression, wrt, fixed)
    fewer = elements(expression.dims) < sum(elements(node.dims) for node in wrt)
    if forward is not None and not fewer:
        return forward
    backward = _reverse(expression, wrt, fixed)
    if forward is None or backward is None:
        return backward if forward is None else forward
    known = set(toposort([expression]))
    return backward if _added(backward, known) < _added(forward, known) else forward


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


def identity(node: Node) -> Term:
    """d node / d node: ones on the diagonal of each axis."""
    ones = broadcast_axes(constant(np.ones((), node.dtype)), node.dims, ())
    lines = [whole(axis) for axis in range(node.ndim)]
    return Term(ones, lines, lines, node.dims)


def elements(shape: Shape) -> int:
    return sizes.evaluate(sizes.product(shape), lambda atom: UNKNOWN)


def _added(results: Sequence[Node | None], known: set[Node]) -> int:
    """The elements computed by nodes that are not known; those of a sum before it is taken."""
    total = 0
    for node in toposort([node for node in results if node is not None], known):
        if node in known:
            continue
        total += _work(node)
    return total


def _work(node: Node) -> int:
    op: Any = node.op
    if lowering(node) == "reduce":
        return elements(op.reduction(node).domain)
    if lowering(node) == "scan":
        return elements((op.length,)) * sum(map(_work, op.body.order))
    if node.op.name in ("broadcast", "permute", "slice", "reshape", "get") or not node.args:
        return 0
    return elements(node.dims)
