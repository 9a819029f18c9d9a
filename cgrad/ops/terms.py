"""Jacobians with their structure: sums of terms, and the forward walk that pushes them.

A Jacobian d v / d x has the axes of v (rows) and then those of x (columns).  A *term* of it is a
tensor of coefficients and, for each row and column, a *line*: where along it the coefficient
with index k lies, `start + step * k[axis]`, or `start` when `axis` is None.  So

    the identity of a vector      ones (n,)     rows (k0)         columns (k0)
    a shift, v = x[1:]            ones (n - 1,) rows (k0)         columns (1 + k0)
    a full matrix                 (m, n)        rows (k0)         columns (k1)
    one element, v = x[3]         one ()        no rows           columns (3)

What no term covers is zero, and never computed with: an infinite coefficient makes no nan beside
itself.  Every index of the coefficients lies inside of rows and columns, and every axis of them
is in some line.  The rules are one per kind of op (`Op.push_terms`); they look at the graph only,
never at values.

Responsible for: the data and the walk.  Not responsible for: rules (each op has its own), or
storing a Jacobian (`cgrad.ops.overlay`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

from cgrad.core.derive import add
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, Shape
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike

# a Jacobian of more terms is looked at for terms that could be one
FEW = 4

# so many terms of one node are not kept apart: windows of windows multiply
MOST_APART = 48

# whether the terms are to be stored as they are: then none may be filled up with zeros
thin: ContextVar[bool] = ContextVar("thin", default=False)


class Unstructured(Exception):
    """A graph for which no rule is known: its Jacobian is computed row by row."""


class Filled(Exception):
    """A term would be filled up with zeros where `thin` forbids it."""


class Line(NamedTuple):
    """Positions start + step * k along one axis of rows or columns; k is an index of the values.

    axis   the axis of the values that k runs along, None for one position
    whole  whether the positions are those of all the axis, in order
    """

    start: SizeLike
    step: int = 1
    axis: int | None = None
    whole: bool = False


def whole(axis: int) -> Line:
    """All of an axis, in order."""
    return Line(0, 1, axis, True)


class Term:
    """Coefficients of a Jacobian and where they lie; `wrt` is the shape of the columns."""

    __slots__ = ("cols", "rows", "value", "wrt")

    def __init__(self, value: Node, rows: Sequence[Line], cols: Sequence[Line], wrt: Shape) -> None:
        self.value = value
        self.rows = tuple(rows)
        self.cols = tuple(cols)
        self.wrt = wrt

    @property
    def lines(self) -> tuple[Line, ...]:
        return self.rows + self.cols

    @property
    def place(self) -> tuple[Any, ...]:
        """Terms of the same place can be added up."""
        full = {line.axis for line in self.lines if line.whole}
        # lengths along the same whole axis are equal, even if they are not known to be
        dims = [None if axis in full else n for axis, n in enumerate(self.value.dims)]
        return self.rows, self.cols, *dims

    def having(self, value: Node) -> Term:
        """Other coefficients in the same place."""
        return Term(value, self.rows, self.cols, self.wrt)

    def at_rows(self, rows: Sequence[Line]) -> Term:
        """The same coefficients in other rows."""
        return Term(self.value, rows, self.cols, self.wrt)

    def mapped(self, value: Node, f: Any) -> Term:
        """Other coefficients, `f` applied to every line."""
        return Term(value, [f(line) for line in self.rows], [f(line) for line in self.cols],
                    self.wrt)  # fmt: skip

    def without(self, value: Node, axes: Sequence[int]) -> Term:
        """Other coefficients that lack `axes`; a line along one of those is left one position."""

        def moved(line: Line) -> Line:
            if line.axis is None or line.axis in axes:
                return Line(line.start)
            return line._replace(axis=line.axis - sum(axis < line.axis for axis in axes))

        return self.mapped(value, moved)

    def alone(self, line: Line) -> bool:
        """Whether no other line runs along the same axis."""
        return sum(other.axis == line.axis for other in self.lines) == 1


def dense(value: Node, rows: int, wrt: Shape) -> Term:
    """A full Jacobian whose first `rows` axes are the rows."""
    lines = [whole(k) for k in range(value.ndim)]
    return Term(value, lines[:rows], lines[rows:], wrt)


def ordered(term: Term, shape: Shape) -> Term:
    """The same term, the axes of its values in the order of rows and then columns.

    Lines that run along all of their axis of `shape`, rows and then columns, are marked as whole.
    """
    dims = term.value.dims
    lines = [
        whole(line.axis)
        if line.axis is not None and line.start == 0 and line.step == 1 and dims[line.axis] == n
        else line
        for line, n in zip(term.lines, shape, strict=True)
    ]
    count = len(term.rows)
    term = Term(term.value, lines[:count], lines[count:], term.wrt)
    order = tuple(dict.fromkeys(line.axis for line in term.lines if line.axis is not None))
    if order == tuple(range(len(order))):
        return term

    def moved(line: Line) -> Line:
        return line if line.axis is None else line._replace(axis=order.index(line.axis))

    return term.mapped(build("permute_axes", term.value, order), moved)


def summed(terms: Iterable[Term], rows: Shape) -> list[Term]:
    """The terms, ordered, with those of the same place added up; `rows` is the shape of rows."""
    found: dict[Any, Term] = {}
    for term in terms:
        term = ordered(term, (*rows, *term.wrt))
        held = found.get(term.place)
        total = None if held is None else add(held.value, term.value)
        found[term.place] = term if total is None else term.having(total)
    result = list(found.values())
    if len(result) > FEW:
        result = build("fewer_terms", result, rows)
    return result


def push(
    outputs: Sequence[Node],
    seeds: Mapping[Node, Any],
    consider_constant: Iterable[Node] = (),
    leaves: Iterable[Node] = (),
) -> list[Any]:
    """The terms of `outputs`, a list for each, when those of some nodes are given; None for zero.

    The walk does not go above `leaves`; nodes of `consider_constant` have no terms but given ones.
    `Unstructured` when an op has no rule.
    """
    found: dict[Node, Any] = dict(seeds)
    stop = set(consider_constant)
    for node in toposort(outputs, leaves):
        if not node.args or node in stop:
            continue
        terms = [found.get(arg) for arg in node.args]
        if all(t is None for t in terms):
            continue
        try:
            pushed = node.op.push_terms(node, terms)
        except Filled:
            raise Unstructured(node.op.name) from None
        if pushed is NotImplemented:
            raise Unstructured(node.op.name)
        if pushed is None:
            continue
        # a node of several results has a list of terms for each, taken apart by its readers
        several = not all(isinstance(term, Term) for term in pushed)
        found[node] = pushed if several else summed([*found.get(node, ()), *pushed], node.dims)
        if thin.get() and len(found[node]) > MOST_APART:
            raise Unstructured(node.op.name)
    return [found.get(out) for out in outputs]
