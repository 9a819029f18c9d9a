"""Second derivatives in parts: blocks for several tensors, the diagonal alone, its sum.

Responsible for: which part of which Jacobian.  Not responsible for: Jacobians and Hessians as a
whole (`cgrad.gradient.jacobian`), their terms (`cgrad.ops.terms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.derive import add, jvp
from cgrad.core.node import Node, Shape, TensorType, make_input
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.gradient.arguments import as_constants, as_nodes, like, require_real
from cgrad.gradient.jacobian import jacobian
from cgrad.gradient.reverse import grad, scalar_cost
from cgrad.gradient.structured import forward_terms
from cgrad.ops.axes import broadcast_axes, permute_axes, reshape_to, sum_axes
from cgrad.ops.constants import Arange, constant
from cgrad.ops.control import make_scan
from cgrad.ops.diagonals import diagonal_of
from cgrad.ops.overlay import assembled
from cgrad.ops.terms import Line, Term, Unstructured, summed, whole
from cgrad.ops.windows import Slice
from cgrad.rewrites.before_derivatives import stable_forms


def hessian_blocks(
    cost: Node,
    wrt: Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
) -> list[list[Node]]:
    """All second derivatives of a scalar by several tensors, the mixed ones too.

    cost   a scalar of real floating dtype
    wrt    a list or tuple of tensors of any rank; of one tensor, a list of one

    Block [i][j] is d^2 cost / d wrt[i] d wrt[j], of the shape `wrt[i].shape + wrt[j].shape`.  Of
    blocks that mirror each other one is computed.  (`hessian` of a list has the blocks [i][i].)
    Errors as in `cgrad.gradient.grad`.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, m = ct.dvector("x"), ct.dmatrix("m")
    >>> blocks = cgrad.gradient.hessian_blocks(ct.sum(x * (m @ x)), [x, m])
    >>> [block.ndim for row in blocks for block in row]
    [2, 3, 3, 4]
    """
    fixed, nodes, slopes = _slopes(cost, wrt, consider_constant, disconnected_inputs)
    blocks: list[list[Node]] = []
    for i, slope in enumerate(slopes):
        below = jacobian(slope, nodes[: i + 1], fixed, disconnected_inputs="ignore")
        for j in range(i):
            front, back = nodes[i].ndim, nodes[j].ndim
            order = (*range(front, front + back), *range(front))
            blocks[j].append(permute_axes(below[j], order))
        blocks.append(below)
    return blocks


def hessian_diag(
    cost: Node,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The diagonal of the Hessian of a scalar, d^2 cost / d wrt[i]^2, of the shape of wrt.

    wrt    a tensor of any rank, or a list or tuple of them

    Where the structure of the Hessian follows from the formula (diagonals and bands of elementwise
    and shifted terms, blocks) nothing but its diagonal is computed: for a sum of such terms the
    time is that of a gradient.  Else a loop goes over the elements, one product of the Hessian and
    a unit vector each; no matrix is stored.  Errors as in `cgrad.gradient.grad`.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> cost = ct.sum(x[1:] * x[:-1] ** 3)
    >>> cgrad.function([x], cgrad.gradient.hessian_diag(cost, x))([1.0, 2.0, 3.0])
    array([12., 36.,  0.])
    """
    fixed, nodes, slopes = _slopes(cost, wrt, consider_constant, disconnected_inputs)
    return like(
        [_diagonal(slope, node, fixed) for slope, node in zip(slopes, nodes, strict=True)], wrt
    )


def laplacian(
    cost: Node,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
) -> Node:
    """The sum of d^2 cost / d wrt[i]^2 over all elements, a scalar: the trace of the Hessian.

    For a list of wrt the sum over all of them, which have one dtype.  Computed as `hessian_diag`
    says.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> cgrad.function([x], cgrad.gradient.laplacian(ct.sum(x**3), x))([1.0, 2.0])
    array(18.)
    """
    nodes = as_nodes(wrt, "wrt")
    total: Node | None = None
    for part in hessian_diag(cost, nodes, consider_constant, disconnected_inputs):
        total = add(total, sum_axes(part, tuple(range(part.ndim))))
    if total is None:
        raise ValueError("laplacian: no tensor found in wrt, expected at least one")
    return total


def _slopes(
    cost: Node, wrt: Any, consider_constant: Any, disconnected_inputs: str
) -> tuple[list[Node], list[Node], list[Node]]:
    """What is constant, the nodes of wrt, and the gradients."""
    if not isinstance(cost, Node):
        raise TypeError(f"cost must be a symbolic tensor; found {type(cost).__name__}")
    scalar_cost(cost, "cost", "the sum over its elements")
    nodes = as_nodes(wrt, "wrt")
    require_real([cost], "cost")
    require_real(nodes, "wrt")
    fixed = as_constants(consider_constant)
    return fixed, nodes, grad(cost, nodes, fixed, disconnected_inputs, add_names=False)


class _Unsure(Exception):
    """Whether an element lies on the diagonal depends on sizes."""


def _diagonal(slope: Node, x: Node, fixed: list[Node]) -> Node:
    """d slope[i] / d x[i]."""
    (stable,) = stable_forms([slope], (x, *fixed))
    try:
        terms = forward_terms(stable, x, fixed)
        own = [found for term in terms for found in _on_diagonal(term)]
    except (Unstructured, _Unsure):
        return _one_by_one(stable, x, fixed)
    if not own:
        return broadcast_axes(constant(np.zeros((), x.dtype)), x.dims, ())
    return assembled(summed(own, x.dims), x.dims)


def _on_diagonal(term: Term) -> list[Term]:
    """What a term has where rows and columns are equal, as a term of rows only."""
    term = Term(term.value, term.rows, term.cols, ())
    for axis in range(len(term.rows)):
        row, col = term.rows[axis], term.cols[axis]
        if row.axis == col.axis and row.step == col.step:
            # two positions, or two parallel lines: the same or apart
            if not _same(row.start, col.start):
                return []
        elif row.whole and col.whole and term.alone(row) and term.alone(col):
            term = _joined(term, axis)
        else:
            raise _Unsure
    return [Term(term.value, term.rows, (), ())]


def _same(a: SizeLike, b: SizeLike) -> bool:
    if a == b:
        return True
    low, high = sizes.bounds(a - b)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return False
    raise _Unsure


def _joined(term: Term, axis: int) -> Term:
    """The term with the axes of row and column `axis` made one, its diagonal."""
    row, col = term.rows[axis].axis, term.cols[axis].axis
    assert row is not None and col is not None
    kept = [k for k in range(term.value.ndim) if k not in (row, col)]
    value = diagonal_of(permute_axes(term.value, (*kept, row, col)), 0, square=True)
    place = {old: new for new, old in enumerate(kept)}
    last = len(kept)

    def moved(line: Line) -> Line:
        if line.axis in (row, col):
            return whole(last)
        return line if line.axis is None else line._replace(axis=place[line.axis])

    return term.mapped(value, moved)


def _one_by_one(slope: Node, x: Node, fixed: list[Node]) -> Node:
    """The diagonal by a loop over the elements: the gradient moves along one of them."""
    length = sizes.product(x.dims)
    i = make_input(TensorType(dtypes.INT64, ()))
    indices = Node(Arange(length))
    unit = reshape_to(build("cast", build("eq", indices, i), x.dtype), x.dims)
    (moved,) = jvp([slope], [x], [unit], fixed)
    if moved is None:
        return broadcast_axes(constant(np.zeros((), x.dtype)), x.dims, ())
    flat = reshape_to(moved, (length,))
    element = Node(Slice((length,), (sizes.value(i),), (1,), (1,), (True,)), (flat,))
    results = make_scan([], [], [indices], [], [], [i], [], [element], length, reverse=False)
    shape: Shape = x.dims
    return reshape_to(results.y(0), shape)
