"""What users compute with a Cholesky factor and differentiate, as functions of the matrix.

The density of a normal distribution and the marginal likelihood of a Gaussian process are written
with `sum(log(diagonal(L)))` and `sum(solve_triangular(L, b)**2)`, posterior means with
`cho_solve((L, True), b)`.  Their values stay what they are; for derivatives they become ops of
`cgrad.ops.positive`, whose rules do not go through the factorisation.

Responsible for: finding these forms.  Not responsible for: their derivatives.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cgrad.core.graphs import rebuild, toposort
from cgrad.core.node import Node
from cgrad.ops.axes import Broadcast, Sum, squeeze_axes, sum_axes
from cgrad.ops.contract import Contract
from cgrad.ops.diagonals import Diagonal
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import Cholesky, SolveTriangular
from cgrad.ops.positive import PositiveSolve, log_root, squared_norm
from cgrad.ops.scalar import Cast
from cgrad.ops.windows import Slice
from cgrad.rewrites.patterns import is_op, scalar


def by_the_matrix(outputs: Sequence[Node], kept: Collection[Node]) -> list[Node]:
    """`outputs` with these forms replaced, but for those that lie on or above nodes of `kept`."""
    order = toposort(outputs, kept)
    if not any(isinstance(node.op, Cholesky) and node not in kept for node in order):
        return list(outputs)
    new: dict[Node, Node] = {}
    for node in order:
        same = node if node in kept else rebuild(node, new)
        found = None if node in kept else _found(same, kept)
        if found is not None and found.site is None:
            found.site = node.site
        new[node] = same if found is None else found
    return [new[out] for out in outputs]


def _found(node: Node, kept: Collection[Node]) -> Node | None:
    """What stands for the node, if it has one of the forms."""
    if isinstance(node.op, Sum):
        (x,) = node.args
        axes = node.op.axes
        if is_op(x, "log") and not {x, x.args[0]} & {*kept}:
            return _log_root(x, axes, kept)
        base = _squared(x)
        return None if base is None or x in kept else _norm(base, axes, kept)
    if isinstance(node.op, Contract) and node.args[0] is node.args[1]:
        op = node.op
        axes = tuple(k for k, label in enumerate(op.left) if label not in op.out)
        rest = tuple(label for label in op.left if label in op.out)
        alike = op.left == op.right and rest == op.out and len({*op.left}) == len(op.left)
        return _norm(node.args[0], axes, kept) if alike else None
    if isinstance(node.op, SolveTriangular):
        return _solution(node, kept)
    return None


def _factor(a: Node, lower: bool, kept: Collection[Node]) -> tuple[Node, bool] | None:
    """The Cholesky factor, and whether it is transposed, of which `a` is the `lower` triangle."""
    turn = not lower
    if turn:
        last = a.ndim - 1
        swapped = (*range(last - 1), last, last - 1)
        if a in kept or not is_op(a, "permute") or a.op.axes != swapped:  # type: ignore[attr-defined]
            return None
        (a,) = a.args
    return (a, turn) if isinstance(a.op, Cholesky) and a not in kept else None


def _half_solved(node: Node, kept: Collection[Node]) -> tuple[Node, Node, bool] | None:
    """(L, b, transposed) of L^-1 b or L^-T b with a Cholesky factor L."""
    op = node.op
    if not isinstance(op, SolveTriangular) or op.unit or node in kept:
        return None
    factor = _factor(node.args[0], op.lower, kept)
    return None if factor is None else (factor[0], node.args[1], op.transposed != factor[1])


def _log_root(logs: Node, axes: tuple[int, ...], kept: Collection[Node]) -> Node | None:
    """The sum over `axes` of the logarithms of a diagonal."""
    (diagonal,) = logs.args
    op = diagonal.op
    last = logs.ndim - 1
    if not isinstance(op, Diagonal) or op.k != 0 or last not in axes:
        return None
    (a,) = diagonal.args
    factor = _factor(a, True, kept) or _factor(a, False, kept)
    if factor is None:
        return None
    value = log_root(sum_axes(logs, (last,)), factor[0])
    return sum_axes(value, tuple(axis for axis in axes if axis != last))


def _squared(x: Node) -> Node | None:
    """What x is the square of."""
    if is_op(x, "sqr"):
        return x.args[0]
    if is_op(x, "mul"):
        return x.args[0] if x.args[0] is x.args[1] else None
    if is_op(x, "pow"):
        exponent = x.args[1]
        while isinstance(exponent.op, (Broadcast, Cast)):
            (exponent,) = exponent.args
        return x.args[0] if scalar(exponent) == 2 else None
    return None


def _norm(base: Node, axes: tuple[int, ...], kept: Collection[Node]) -> Node | None:
    """The sum over `axes` of the squares of L^-1 b, or of its only column."""
    z = base if base in kept else _only_column(base)
    solved = _half_solved(z, kept)
    row = z.ndim - 2
    if solved is None or solved[2] or row not in axes:
        return None
    factor, b, _ = solved
    z = z if z.args[0] is factor else Node(SolveTriangular(True, False, False), (factor, b))
    value = squared_norm(sum_axes(apply("sqr", z), (row,)), z)
    if base.ndim < z.ndim:
        value = squeeze_axes(value, (value.ndim - 1,))
    return sum_axes(value, tuple(axis - (axis > row) for axis in axes if axis != row))


def _only_column(x: Node) -> Node:
    """The matrix of one column that the vector x is; else x."""
    if not isinstance(x.op, Slice):
        return x
    (whole,) = x.args
    op = x.op
    plain = all(start == 0 for start in op.starts) and all(step == 1 for step in op.steps)
    one = x.ndim == whole.ndim - 1 and whole.dims == (*x.dims, 1)
    return whole if one and plain and op.drops[-1] else x


def _solution(node: Node, kept: Collection[Node]) -> Node | None:
    """L^-T (L^-1 b)"""
    outer = _half_solved(node, kept)
    if outer is None or not outer[2]:
        return None
    factor, z, _ = outer
    if isinstance(z.op, Broadcast) and z not in kept and z.op.axes == tuple(range(z.ndim - 1)):
        column = _only_column(z.args[0]) if z.args[0] not in kept else z
        z = column if column.dims == z.dims else z
    inner = _half_solved(z, kept)
    if inner is None or inner[2] or inner[0] is not factor:
        return None
    return Node(PositiveSolve(), (node, factor.args[0], inner[1], factor))
