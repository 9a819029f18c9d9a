"""Inverses and determinants that users write out, as the systems and factors they stand for.

Responsible for: the rules.  Not responsible for: solving (`cgrad.ops.linalg`).
"""

from __future__ import annotations

import math

from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, permute_axes, reshape_to
from cgrad.ops.contract import Contract, contract
from cgrad.ops.diagonals import Triangle
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import Det, LUSolve, SolveTriangular, Valued, lu_solve
from cgrad.ops.windows import Slice
from cgrad.rewrites.patterns import is_number, is_op

SYSTEMS = RuleSet("systems")
# when no derivative is taken any more
VALUES = RuleSet("values")


@VALUES.rule(Valued, example=lambda mat: build("det", mat))
def value_alone(node: Node) -> Node | None:
    """f(value, A, ...) -> value"""
    return node.args[0]


# -- inverses ------------------------------------------------------------------------------------
@SYSTEMS.rule(
    Contract, exact=False,
    example=(lambda mat, vec: contract(build("inv", mat), (0, 1), vec, (1,), (0,)),
             lambda mat: contract(mat, (0, 1), build("inv", mat), (1, 2), (0, 2))),
)  # fmt: skip
def inverse_times(node: Node) -> Node | None:
    """dot(inv(A), b) -> solve(A, b)"""
    op = node.op
    assert isinstance(op, Contract)
    sides = (op.left, op.right)
    for k in (0, 1):
        if _is_inverse(node.args[k]):
            found = _solved(node, node.args[k], sides[k], node.args[1 - k], sides[1 - k])
            if found is not None:
                return found
    return None


def _is_inverse(node: Node) -> bool:
    return isinstance(node.op, LUSolve) and _is_identity(node.args[2])


def _is_identity(node: Node) -> bool:
    """Whether these are ones cut to a lower and to an upper triangle."""
    kept = set()
    while isinstance(node.op, Triangle) and node.op.k == 0:
        kept.add(node.op.lower)
        node = node.args[0]
    return kept == {True, False} and is_number(node, 1.0)


def _solved(
    node: Node, inverse: Node, own: tuple[int, ...], b: Node, other: tuple[int, ...]
) -> Node | None:
    """The sum over one axis of inverse matrices and of b, as a solution for columns of b."""
    op = node.op
    assert isinstance(op, Contract)
    assert isinstance(inverse.op, LUSolve)
    *batch, i, j = own
    summed = [label for label in (i, j) if label not in op.out]
    distinct = len(set(own)) == len(own) and len(set(other)) == len(other)
    if len(summed) != 1 or not distinct or not {*batch, *summed} <= {*other}:
        return None
    (along,) = summed
    free = [label for label in other if label not in (*batch, along)]
    if not {*batch, *free} <= {*op.out} or {i, j} & {*free}:
        return None
    order = (*batch, along, *free)
    columns = permute_axes(b, tuple(other.index(label) for label in order))
    shape = columns.dims
    flat = reshape_to(columns, (*shape[: len(batch) + 1], math.prod(shape[len(batch) + 1 :])))
    transposed = inverse.op.transposed != (along == i)
    a, factors, _ = inverse.args
    solution = reshape_to(lu_solve(a, factors, flat, transposed), shape)
    result = (*batch, j if along == i else i, *free)
    return permute_axes(solution, tuple(result.index(label) for label in op.out))


# -- determinants --------------------------------------------------------------------------------
@SYSTEMS.rule("log", exact=False, example=lambda mat: (abs(build("det", mat))).log())
def log_abs_det(node: Node) -> Node | None:
    """log(|det(A)|) -> slogdet(A)[1]"""
    (x,) = node.args
    if not is_op(x, "abs") or not isinstance(x.args[0].op, Det):
        return None
    _, value = build("slogdet", x.args[0].args[1])
    found: Node = value
    return found


@SYSTEMS.rule("log", exact=False, example=lambda mat: build("det", mat).log())
def log_det(node: Node) -> Node | None:
    """log(det(A)) -> slogdet(A)[1] where slogdet(A)[0] is positive"""
    (x,) = node.args
    if not isinstance(x.op, Det):
        return None
    sign, value = build("slogdet", x.args[1])
    return apply("switch", sign > 0, value, sign.log())


# -- quadratic forms -----------------------------------------------------------------------------
@SYSTEMS.rule(
    Contract, exact=False,
    example=lambda mat, vec: contract(
        vec, (0,), build("solve", mat, vec, assume_a="pos"), (0,), ()
    ),
)  # fmt: skip
def quadratic_form(node: Node) -> Node | None:
    """dot(b, cho_solve(L, b)) -> dot(z, z) with z = solve_triangular(L, b)"""
    op = node.op
    assert isinstance(op, Contract)
    if (op.left, op.right, op.out) != ((0,), (0,), ()):
        return None
    for b, x in (node.args, node.args[::-1]):
        outer = _system(x)
        inner = None if outer is None else _system(outer[1])
        if outer is None or inner is None or inner[1] is not b or outer[0] is not inner[0]:
            continue
        last, first = _of_column(x).op, _of_column(outer[1]).op
        assert isinstance(last, SolveTriangular)
        assert isinstance(first, SolveTriangular)
        same = last.lower == first.lower and last.unit == first.unit
        if same and last.transposed != first.transposed:
            z = outer[1]
            return contract(z, (0,), z, (0,), ())
    return None


def _of_column(x: Node) -> Node:
    """What x is the only column of."""
    return x.args[0]


def _system(x: Node) -> tuple[Node, Node] | None:
    """The matrix and the vector b if x is the solution of a triangular system for the vector b."""
    if not isinstance(x.op, Slice) or x.args[0].ndim != 2:
        return None
    solution = x.args[0]
    whole = (x.op.starts[0], x.op.lengths[0], x.op.steps[0]) == (0, solution.dims[0], 1)
    if not whole or x.op.drops != (False, True):
        return None
    if not isinstance(solution.op, SolveTriangular) or solution.dims[1] != 1:
        return None
    matrix, column = solution.args
    if not isinstance(column.op, Broadcast) or column.op.axes != (0,):
        return None
    return matrix, column.args[0]
