"""Sparse derivatives of any graph: sums of columns, or rows, that have no element in common.

The terms of a Jacobian (`cgrad.ops.terms`) are known for bands and the like.  For other graphs the
derivative is computed `lanes` colours at a time: the seed of a pass has a one where the colour of
an element of wrt is that of the lane, and is pushed through the graph as any full term is.  Passes
are steps of a loop, in which only what depends on the seeds is computed; how many there are, the
colours and the places of the elements are arguments of the kernel, found once for given sizes
(`cgrad.colouring`).

Responsible for: the graph.  Not responsible for: colours, or calls (`cgrad.coloured_results`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.derive import jvp, vjp
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node, Shape, TensorType, make_input
from cgrad.core.registry import build
from cgrad.core.text import label
from cgrad.gradient.structured import pulls_linearly
from cgrad.ops.axes import broadcast_axes, reshape_to
from cgrad.ops.coerce import cast_to
from cgrad.ops.constants import Arange, constant
from cgrad.ops.control import make_scan
from cgrad.ops.overlay import assembled
from cgrad.ops.recover import Recover, Substitute
from cgrad.ops.terms import Term, Unstructured, push, whole
from cgrad.rewrites.before_derivatives import stable_forms
from cgrad.sparse.matrix import SparseMatrix

# ways to compress: what is summed up, and what sums have to tell apart
WAYS = ("column", "row", "bidirectional")
SYMMETRIC = ("star", "acyclic")
ORDERINGS = ("best", "natural", "largest_first", "smallest_last")


class ColouredMatrix(SparseMatrix):
    """A sparse matrix whose elements are recovered from sums of columns or rows.

    expression, wrt   of which it is the Jacobian; `fixed` nodes do not move
    colouring         one of `WAYS` or `SYMMETRIC`, None for what needs the fewest passes
    ordering          in which vertices are coloured, of `cgrad.colouring.columns`
    symmetric, lower  whether it is a Hessian, and whether only its lower triangle is wanted
    """

    __slots__ = (
        "colouring", "expression", "fixed", "lower", "ordering", "shape", "symmetric", "wrt",
    )  # fmt: skip

    def __init__(
        self,
        expression: Node,
        wrt: Node,
        fixed: Sequence[Node],
        symmetric: bool,
        lower: bool,
        colouring: str | None,
        ordering: str,
    ) -> None:
        self.expression = expression
        self.wrt = wrt
        self.fixed = tuple(fixed)
        self.symmetric = symmetric
        self.lower = lower
        self.colouring = colouring
        self.ordering = ordering
        self.shape = (sizes.product(expression.dims), sizes.product(wrt.dims))

    @property
    def dtype(self) -> str:
        """The dtype of the elements."""
        return self.wrt.dtype

    @property
    def reversible(self) -> bool:
        """Whether rows can be computed: cotangents are linear in those of the expression."""
        return pulls_linearly([self.expression])

    def stand_in(self) -> tuple[Node, Node]:
        """The expression over a variable of its own in place of wrt, and that variable.

        What does not move is cut off.
        """
        variable = make_input(TensorType(self.wrt.dtype, self.wrt.dims), self.wrt.name)
        held = {node: build("disconnected_grad", node) for node in self.fixed}
        (found,) = substitute([self.expression], {**held, self.wrt: variable})
        return found, variable


def coloured_matrix(
    expression: Node,
    wrt: Node,
    fixed: Sequence[Node],
    symmetric: bool,
    lower: bool,
    colouring: str | None,
    ordering: str,
) -> ColouredMatrix:
    """The Jacobian by colours; ValueError for an unknown colouring or ordering."""
    known = SYMMETRIC + WAYS[:1] if symmetric else WAYS
    if colouring not in (None, *known):
        raise ValueError(
            f"colouring is {colouring!r}, expected None or one of {', '.join(map(repr, known))}"
        )
    if ordering not in ORDERINGS:
        raise ValueError(
            f"ordering is {ordering!r}, expected one of {', '.join(map(repr, ORDERINGS))}"
        )
    found = ColouredMatrix(expression, wrt, fixed, symmetric, lower, colouring, ordering)
    if not found.reversible:
        names = [n.op.name for n in toposort([expression]) if not n.op.pulls_linearly]
        raise NotImplementedError(
            f"the sparse derivative of {label(expression)} with respect to {label(wrt)} goes "
            f"through {names[0] if names else 'a loop'}, whose cotangents are no linear function "
            "of each other. Fix: leave out sparse=True"
        )
    return found


class Compressed:
    """The stored elements as a node over arguments that a colouring fills in.

    values      the elements, in the order of compressed rows
    arguments   (role, node): "columns" and "rows", a colour for each; "column_passes" and
                "row_passes", the first colour of each pass; "places" of the elements among the
                sums; "known" and "rest" of a substitution
    lanes       colours in a pass, for columns and for rows
    """

    def __init__(
        self, matrix: ColouredMatrix, ways: Sequence[str], lanes: int, substituted: bool
    ) -> None:
        self.arguments: list[tuple[str, Node]] = []
        self.lanes = dict.fromkeys(("columns", "rows"), lanes)
        (expression,) = stable_forms([matrix.expression], (matrix.wrt, *matrix.fixed))
        sums = []
        if set(ways) - {"row"}:
            sums.append(self._passes("columns", matrix.wrt, _forward(matrix, expression)))
        if set(ways) & {"row", "bidirectional"}:
            sums.append(self._passes("rows", expression, _reverse(matrix, expression)))
        if substituted:
            pair = [self._argument(role) for role in ("known", "rest")]
            sums = [Node(Substitute(), (sums[0], *pair))]
        values = Node(Recover(), (self._argument("places"), *sums))
        self.values = cast_to(values, matrix.dtype)

    def _argument(self, role: str) -> Node:
        node = make_input(TensorType(dtypes.INT64, (None,)), role)
        self.arguments.append((role, node))
        return node

    def _passes(self, role: str, seeded: Node, through: Callable[[Node, int], Node | None]) -> Node:
        """All sums, a row of lanes for each element: (passes, elements, lanes), as a vector."""
        colours = self._argument(role)
        firsts = self._argument(f"{role[:-1]}_passes")
        first = make_input(TensorType(dtypes.INT64, ()), "first")
        try:
            total = through(_seed(seeded, colours, first, self.lanes[role]), self.lanes[role])
        except Unstructured:
            self.lanes[role] = 1
            total = through(_seed(seeded, colours, first, 1), 1)
        if total is None:
            return broadcast_axes(constant(np.zeros((), seeded.dtype)), (0,), ())
        results = make_scan([], [], [firsts], [], [], [first], [], [total], firsts.dims[0], False)
        rows = results.y(0)
        return reshape_to(rows, (sizes.product(rows.dims),))


def _seed(seeded: Node, colours: Node, first: Node, lanes: int) -> Node:
    """Ones where the colour of an element is that of the lane, `first` being that of lane 0."""
    shape: Shape = (*seeded.dims, lanes)
    own = broadcast_axes(reshape_to(colours, seeded.dims), shape, tuple(range(seeded.ndim)))
    number = build("add", broadcast_axes(first, (lanes,), ()), Node(Arange(lanes)))
    same = build("eq", own, broadcast_axes(number, shape, (seeded.ndim,)))
    return cast_to(same, seeded.dtype)


def _as_term(seed: Node, lanes: int) -> Term:
    rows = [whole(axis) for axis in range(seed.ndim - 1)]
    return Term(seed, rows, [whole(seed.ndim - 1)], (lanes,))


def _forward(matrix: ColouredMatrix, expression: Node) -> Callable[[Node, int], Node | None]:
    def through(seed: Node, lanes: int) -> Node | None:
        if lanes == 1:
            one = reshape_to(seed, matrix.wrt.dims)
            return jvp([expression], [matrix.wrt], [one], matrix.fixed)[0]
        (terms,) = push([expression], {matrix.wrt: [_as_term(seed, lanes)]}, matrix.fixed)
        return assembled(terms, (*expression.dims, lanes)) if terms else None

    return through


def _reverse(matrix: ColouredMatrix, expression: Node) -> Callable[[Node, int], Node | None]:
    ct = make_input(expression.type)
    (pulled,) = vjp([expression], [matrix.wrt], [ct], matrix.fixed)

    def through(seed: Node, lanes: int) -> Node | None:
        if pulled is None:
            return None
        if lanes == 1:
            return substitute([pulled], {ct: reshape_to(seed, expression.dims)})[0]
        (terms,) = push([pulled], {ct: [_as_term(seed, lanes)]})
        if not terms:
            return None
        total = assembled(terms, (*matrix.wrt.dims, lanes))
        # what is pulled back is linear in ct, so the value of ct is of no account
        zero = broadcast_axes(constant(np.zeros((), ct.dtype)), ct.dims, ())
        return substitute([total], {ct: zero})[0]

    return through
