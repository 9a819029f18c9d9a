"""Diagonals of what need not be computed in full: of products, and of what is made of them.

`diag(A @ B)` and `trace(A @ B)` take as many operations as A and B have elements.  A Jacobian that
is stored in full is such a product mostly, scaled by rows and columns.
"""

from __future__ import annotations

from typing import Any

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import permute_axes
from cgrad.ops.contract import Contract, Labels, contract
from cgrad.ops.diagonals import Diagonal, diagonal_of
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import Elementwise
from cgrad.ops.windows import Slice

DIAGONALS = RuleSet("diagonals")

# how deep elementwise functions are looked into for a product
_DEPTH = 6


def _product(a: Node, b: Node) -> Node:
    return contract(a, (0, 2), b, (2, 1), (0, 1))


@DIAGONALS.rule(
    Diagonal, exact=False,
    example=(
        lambda mat: diagonal_of(_product(mat, permute_axes(mat, (1, 0))), 0),
        lambda mat: diagonal_of(_product(mat, permute_axes(mat, (1, 0))), -1),
    ),
)  # fmt: skip
def diagonal_of_product(node: Node) -> Node | None:
    """diag(A @ B) -> sum(A * B.T, axis=1)"""
    op: Any = node.op
    (inner,) = node.args
    if not isinstance(inner.op, Contract):
        return None
    left, right, out = inner.op.left, inner.op.right, inner.op.out
    *batch, i, j = out
    if len(set(left)) < len(left) or len(set(right)) < len(right):
        return None
    (a, own), (b, others) = zip(inner.args, (left, right), strict=True)
    if j in own:
        (a, own), (b, others) = (b, others), (a, own)
    if i not in own or j in own or i in others or j not in others:
        return None
    a, b = (
        _cut(x, labels.index(label), start, node)
        for x, labels, label, start in ((a, own, i, max(-op.k, 0)), (b, others, j, max(op.k, 0)))
    )
    merged: Labels = tuple(i if label == j else label for label in others)
    return contract(a, own, b, merged, (*batch, i))


def _cut(x: Node, axis: int, start: int, node: Node) -> Node:
    """The elements of x along an axis that belong to a diagonal."""
    length = node.dims[-1]
    if start == 0 and x.dims[axis] == length:
        return x
    starts = tuple(start if k == axis else 0 for k in range(x.ndim))
    lengths = tuple(length if k == axis else n for k, n in enumerate(x.dims))
    op = Slice(x.dims, starts, lengths, (1,) * x.ndim, (False,) * x.ndim)
    return Node(op, (x,))


@DIAGONALS.rule(
    Diagonal,
    example=lambda mat: diagonal_of(apply("exp", _product(mat, permute_axes(mat, (1, 0)))), 0),
)
def diagonal_inside(node: Node) -> Node | None:
    """diag(f(A @ B, C)) -> f(diag(A @ B), diag(C)), f elementwise"""
    (inner,) = node.args
    if not isinstance(inner.op, Elementwise) or not _made_of_product(inner, _DEPTH):
        return None
    return Node(inner.op, tuple(Node(node.op, (arg,)) for arg in inner.args))


def _made_of_product(node: Node, depth: int) -> bool:
    if isinstance(node.op, Contract):
        return True
    return (
        depth > 0
        and isinstance(node.op, Elementwise)
        and any(_made_of_product(arg, depth - 1) for arg in node.args)
    )
