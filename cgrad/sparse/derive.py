"""The stored elements of a Jacobian, from the terms that are pushed through the graph.

Elements of wrt that are moved, by a reshape or looked up by arrays of integers (`wrt[i]`), are a
start of their own, whose columns are those of the elements; rows that the expression adds up at
places that are looked up are an end of their own.  So the walk begins behind the look-ups of an
energy over the edges of a graph, and ends in front of those of its gradient.

Responsible for: which graph is pushed through, and which way.  Not responsible for: the terms
(`cgrad.ops.terms`), or the order of the elements (`cgrad.sparse.runs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cgrad.core import sizes
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, Shape
from cgrad.gradient.structured import forward_terms, reverse_terms
from cgrad.ops.axes import Reshape, reshape_to
from cgrad.ops.constants import Arange
from cgrad.ops.counts import elements
from cgrad.ops.lookup import Gather, Scatter
from cgrad.ops.terms import Term, Unstructured, thin
from cgrad.sparse.coloured import coloured_matrix
from cgrad.sparse.matrix import SparseMatrix, sparse_matrix
from cgrad.sparse.pieces import Piece, pieces
from cgrad.sparse.runs import typical

# so many pieces are stored as they are, however they lie
MANY = 12


def sparse_jacobian(
    expression: Node,
    wrt: Node,
    fixed: Sequence[Node],
    *,
    symmetric: bool = False,
    lower: bool = False,
    colouring: str | None = None,
    ordering: str = "best",
) -> SparseMatrix:
    """The Jacobian of `expression`, a row for each element, a column for each of wrt's.

    By its terms where they are known, else by colours; by colours alone if a colouring is asked
    for.  `NotImplementedError` where neither is possible.
    """
    if colouring is None:
        token = thin.set(True)
        try:
            found = _pieces(expression, wrt, fixed)
            if not _scattered(found):
                return sparse_matrix(found, expression.dims, wrt.dims, wrt.dtype, lower)
        except Unstructured:
            pass
        finally:
            thin.reset(token)
    return coloured_matrix(expression, wrt, fixed, symmetric, lower, colouring, ordering)


def _scattered(found: Sequence[Piece]) -> bool:
    """Whether there are many pieces of few diagonals: windows of windows, as steps of a stencil
    have, of which each would be computed apart."""
    diagonals = {
        (piece.row.steps, piece.col.steps, typical(piece.col.start - piece.row.start))
        for piece in found
    }
    return len(found) > MANY and len(found) > 2 * len(diagonals)


class Moved(NamedTuple):
    """A tensor whose raveled elements are those of wrt, or are added to rows, at `places`.

    places   a vector of integers, None where element k has place k
    """

    node: Node
    places: Node | None = None


def _pieces(expression: Node, wrt: Node, fixed: Sequence[Node]) -> list[Piece]:
    """The parts of the expression, for all the forms of wrt."""
    ends = _ends(Moved(expression))
    starts = _starts(expression, wrt, fixed)
    found = []
    for start in starts:
        others = [*fixed, *(other.node for other in starts if other is not start)]
        for end in ends:
            found += [
                piece._replace(row_map=end.places, col_map=start.places)
                for piece in pieces(_terms(end.node, start.node, others), end.node.dims)
            ]
    return found


def _starts(expression: Node, wrt: Node, fixed: Sequence[Node]) -> list[Moved]:
    starts = {wrt: Moved(wrt)}
    for node in toposort([expression]):
        if isinstance(node.op, (Reshape, Gather)) and node.args[0] in starts and node not in fixed:
            places = starts[node.args[0]].places
            if isinstance(node.op, Gather):
                places = _looked_up(node.op, node.args[0].dims, node.args[1:], places)
            starts[node] = Moved(node, places)
    return list(starts.values())


def _ends(end: Moved) -> list[Moved]:
    """Tensors whose elements, at their places, add up to those of the end."""
    node, places = end
    if isinstance(node.op, Reshape):
        return _ends(Moved(node.args[0], places))
    if isinstance(node.op, Scatter):
        places = _looked_up(Gather(node.op.shape), node.dims, node.args[1:], places)
        return _ends(Moved(node.args[0], places))
    if node.op.name == "add":
        parts = [part for arg in node.args for part in _ends(Moved(arg, places))]
        if any(part.node not in node.args for part in parts):
            return parts
    return [end]


def _looked_up(op: Gather, dims: Shape, index: Sequence[Node], places: Node | None) -> Node:
    """The places of elements that are looked up in a tensor of shape `dims`."""
    if places is None:
        places = Node(Arange(sizes.product(dims)))
    found = Node(op, (reshape_to(places, dims), *index))
    return reshape_to(found, (sizes.product(found.dims),))


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
