"""The stored elements of a Jacobian, from the terms that are pushed through the graph.

A reshape of wrt is a start of its own, and one at the end of the expression is left out: rows
and columns are counted in row-major order, so neither moves an element.

Responsible for: which graph is pushed through, and which way.  Not responsible for: the terms
(`cgrad.ops.terms`), or the order of the elements (`cgrad.sparse.runs`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.core.text import label
from cgrad.gradient.structured import elements, forward_terms, reverse_terms
from cgrad.ops.axes import Reshape
from cgrad.ops.terms import Term, Unstructured, thin
from cgrad.sparse.matrix import SparseMatrix, sparse_matrix
from cgrad.sparse.pieces import Piece, pieces


def sparse_jacobian(
    expression: Node, wrt: Node, fixed: Sequence[Node], lower: bool = False
) -> SparseMatrix:
    """The Jacobian of `expression`, a row for each element, a column for each of wrt's.

    `NotImplementedError` where the graph has an op through which no structure is known.
    """
    token = thin.set(True)
    try:
        found = _pieces(expression, wrt, fixed)
    except Unstructured as error:
        raise NotImplementedError(
            f"the sparse derivative of {label(expression)} with respect to {label(wrt)} goes "
            f"through {error}, of which it is not known which elements are zero. Fix: leave out "
            "sparse=True for a dense result, or write the expression with windows (x[1:], "
            "x[::2]) and elementwise functions"
        ) from None
    finally:
        thin.reset(token)
    return sparse_matrix(found, expression.dims, wrt.dims, wrt.dtype, lower)


def _pieces(expression: Node, wrt: Node, fixed: Sequence[Node]) -> list[Piece]:
    """The parts of the expression, for all the forms of wrt."""
    ends = list(_summands(expression))
    starts = [wrt]
    for node in toposort([expression]):
        if isinstance(node.op, Reshape) and node.args[0] in starts:
            starts.append(node)
    return [
        piece
        for start in starts
        for end in ends
        for piece in pieces(
            _terms(end, start, [*fixed, *(s for s in starts if s is not start)]), end.dims
        )
    ]


def _summands(node: Node) -> list[Node]:
    """Tensors whose elements, in row-major order, add up to those of the node."""
    if isinstance(node.op, Reshape):
        return _summands(node.args[0])
    if node.op.name == "add":
        parts = [part for arg in node.args for part in _summands(arg)]
        if any(part.dims != node.dims for part in parts):
            return parts
    return [node]


def _terms(expression: Node, wrt: Node, fixed: Sequence[Node]) -> list[Term]:
    """The terms of the way that computes fewer elements, forward where both do as many."""
    if expression is wrt:
        return forward_terms(expression, wrt, ())
    fewer = elements(expression.dims) < elements(wrt.dims)
    forward: list[Term] | None = None
    try:
        forward = forward_terms(expression, wrt, fixed)
        if not fewer:
            return forward
    except Unstructured as error:
        why = error
    try:
        (backward,) = reverse_terms(expression, [wrt], fixed)
    except Unstructured:
        if forward is None:
            raise why from None
        return forward
    if forward is None or _count(backward) < _count(forward):
        return backward
    return forward


def _count(terms: Sequence[Term]) -> int:
    return sum(elements(term.value.dims) for term in terms)
