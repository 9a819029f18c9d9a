"""Terms of a Jacobian through solutions of systems, which are linear in the right side.

The leading axes of stacked systems stay what they are in the term, so the Jacobian of a stack of
solutions has a block for each, and a system is solved for its own columns only.

Responsible for: the rule.  Not responsible for: the ops, whose forward rule it goes through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core import sizes
from cgrad.core.node import Node, make_input
from cgrad.ops.axes import permute_axes, reshape_to
from cgrad.ops.lines import untie
from cgrad.ops.terms import Line, Term, push, thin


def solved_terms(node: Node, terms: Sequence[Any]) -> Any:
    """The terms of a solution X of A X = B, whose forward rule is the op of another right side.

    `node` has B as its last argument, of shape (..., n, k) as X.
    """
    tangents = [
        None if own is None else make_input(arg.type)
        for own, arg in zip(terms, node.args, strict=True)
    ]
    moved = node.op.jvp(node, tangents)
    if moved is None:
        return None
    seeds = {t: own for t, own in zip(tangents, terms, strict=True) if t is not None}
    (right,) = push([moved.args[-1]], seeds, leaves=[node, *node.args])
    return None if right is None else [_solved(moved, term) for term in right]


def _solved(moved: Node, term: Term) -> Term:
    """The solution for the coefficients of a term as right side; `moved` says of which system."""
    front = moved.ndim - 2
    # a solution has all rows, whatever the right side lacks: nothing is filled up with zeros
    token = thin.set(False)
    try:
        term = untie(term, front, moved.dims[front])
    finally:
        thin.reset(token)
    for row in range(front):
        own = [line.axis for line in term.rows[:row]]
        if not term.rows[row].whole or term.rows[row].axis in own:
            term = untie(term, row, moved.dims[row])
    first = [line.axis for line in term.rows[: front + 1] if line.axis is not None]
    rest = [axis for axis in range(term.value.ndim) if axis not in first]
    value = permute_axes(term.value, (*first, *rest))
    behind = value.dims[front + 1 :]
    system = moved.args[:-1]
    columns = reshape_to(value, (*value.dims[: front + 1], sizes.product(behind)))
    found = reshape_to(Node(moved.op, (*system, columns)), value.dims)
    order = [*first, *rest]

    def at(line: Line) -> Line:
        return line if line.axis is None else line._replace(axis=order.index(line.axis))

    return term.mapped(found, at)
