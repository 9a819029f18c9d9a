"""Linear functions of tensors that are zero but on lines: of Jacobians, and of `diag(x)`.

Such a function only needs the coefficients.  So a product of a Jacobian or Hessian with a vector,
its sums, its diagonal and its trace cost what those cost that are computed from the start for
this: `dot(jacobian(f, x), v)` what `Rop(f, x, v)` costs.

Responsible for: finding them.  Not responsible for: how lines go through an op (each op has its
rule), or which lines a Jacobian has (`cgrad.gradient.structured`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Permute, Sum, permute_axes, sum_axes
from cgrad.ops.contract import Contract, contract
from cgrad.ops.diagonals import Diagonal, OnDiagonal, diagonal_of, on_diagonal
from cgrad.ops.kinds import Linear
from cgrad.ops.overlay import Overlay, assembled
from cgrad.ops.terms import Filled, Term, Unstructured, dense, ordered, summed, thin
from cgrad.rewrites.patterns import like

STRUCTURED = RuleSet("structured")


def _square(v: Node) -> Node:
    """A matrix with the elements of v on its diagonal, and other ones below: for examples."""
    n = v.dims[0]
    op = Overlay((n + 1, n), ((0, 0), (1, 0)), ((1, 1), (1, 1)), ((0, 0), (0, 0)))
    return Node(op, (v, -v))


@STRUCTURED.rule(
    Contract, Sum, Diagonal, Permute, exact=False,
    domain="zeros times what is not finite are left out",
    example=(
        lambda vec: contract(_square(vec), (0, 1), vec, (1,), (0,)),
        lambda vec: contract(on_diagonal(vec, 0), (0, 1), vec, (0,), (1,)),
        lambda vec: sum_axes(_square(vec), (0,)),
        lambda vec: diagonal_of(on_diagonal(vec, 0), 0),
        lambda vec: permute_axes(_square(vec), (1, 0)),
    ),
)  # fmt: skip
def linear_of_lines(node: Node) -> Node | None:
    """f(overlay(x, ...)) -> overlay(f(x), ...), f linear: dot, sum, diagonal, transpose"""
    for position, arg in enumerate(node.args):
        if isinstance(arg.op, (Overlay, OnDiagonal)):
            found = _through(node, position)
            if found is not None:
                return found
    return None


def _through(node: Node, position: int) -> Node | None:
    """`node` of the coefficients of its argument `position`; None where that needs zeros stored."""
    op: Any = node.op
    assert isinstance(op, Linear)
    token = thin.set(True)
    try:
        found = _terms(node.args[position])
        terms = summed((new for t in found for new in op.push(node, position, t)), node.dims)
    except (Filled, Unstructured):
        return None
    finally:
        thin.reset(token)
    return assembled(terms, node.dims) if terms else like(node, 0)


def _terms(node: Node) -> list[Term]:
    """A tensor of lines as terms, all its axes rows."""
    op: Any = node.op
    return [
        ordered(new, node.dims)
        for position, arg in enumerate(node.args)
        for new in op.push(node, position, dense(arg, arg.ndim, ()))
    ]
