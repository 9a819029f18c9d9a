"""Jacobians and Hessians, and the product of a Hessian and a vector.

Responsible for: composing the walks, and a loop over elements for graphs without a rule.
Not responsible for: the structure of a Jacobian (`cgrad.gradient.structured`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.derive import jvp, vjp
from cgrad.core.node import Node, Shape, TensorType, make_input
from cgrad.core.sites import describe
from cgrad.core.text import label
from cgrad.errors import ShapeError
from cgrad.gradient.arguments import (
    as_constants,
    as_nodes,
    jumps_between,
    like,
    lines,
    one_of,
    points,
    report_disconnected,
    require_real,
    without_undefined,
    zero_for,
)
from cgrad.gradient.reverse import grad, scalar_cost
from cgrad.gradient.structured import MODES, Chosen, is_symmetric, structured, transposes
from cgrad.ops.axes import broadcast_axes, permute_axes, reshape_to
from cgrad.ops.coerce import cast_to
from cgrad.ops.constants import Arange, constant
from cgrad.ops.control import make_scan
from cgrad.ops.counts import elements
from cgrad.ops.jacobian import linear_in_wrt
from cgrad.ops.passthrough import undefined
from cgrad.ops.windows import Place, Slice
from cgrad.rewrites.before_derivatives import stable_forms
from cgrad.sparse.derive import sparse_jacobian


def jacobian(
    expression: Node,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    vectorize: bool = False,
    *,
    mode: str = "auto",
    sparse: bool = False,
    colouring: str | None = None,
    ordering: str = "best",
) -> Any:
    """All first derivatives of `expression`: element [i, j] is d expression[i] / d wrt[j].

    The shape is `expression.shape + wrt.shape` for any rank of both; the dtype that of wrt.  A
    list or tuple of wrt gives a list or tuple.  `vectorize` is accepted for PyTensor's sake and
    changes nothing.

    Diagonals and bands are found and stored as such in zeros, also where their neighbours would
    be nan; what becomes full costs batched products, forward or in reverse.  Where some op has no
    rule for that (grad_clip, grad_scale), one loop over the elements of the expression.

    A product with it is not computed from its elements: `dot(jacobian(f, x), v)` becomes the
    product of `Rop`, `dot(u, jacobian(f, x))` that of `Lop`, sums and matrices likewise.

    mode        "forward" (a batch of tangents, one for each element of wrt), "reverse" (one of
                cotangents, for each of the expression) or "auto": what takes fewer elements, which
                may also be a product of Jacobians, one in each mode.  `f.explain()` says which.
                The elements are the same but for rounding

    With `sparse` a `SparseMatrix`, one row for each element of the expression and one column for
    each of wrt, both in row-major order: only what may be other than zero is computed, and a
    function returns a `scipy.sparse.csr_array`.  What is no sum of diagonals, bands and the like
    (scans, elements that are looked up inside) is computed by colours: sums of columns, or of rows,
    that have no element in common.

    colouring   "column", "row" or "bidirectional" (some rows, and the rest by columns): by colours,
                in this way; None for what needs the fewest passes, and none where bands are known
    ordering    in which columns are coloured: "natural", "largest_first", "smallest_last", or
                "best" for the best of these and of some repetitions

    Errors as in `cgrad.gradient.grad`; a 0-d expression is allowed and gives its gradient.
    `DTypeError` for a complex expression or wrt; what lies between them may be complex.
    """
    if not isinstance(expression, Node):
        raise TypeError(
            f"expression must be one symbolic tensor; found {type(expression).__name__}. "
            "For several, call jacobian for each"
        )
    nodes = as_nodes(wrt, "wrt")
    require_real([expression], "expression")
    require_real(nodes, "wrt")
    fixed = as_constants(consider_constant)
    report_disconnected(
        [expression], nodes, fixed, disconnected_inputs, f"the expression {label(expression)}"
    )
    one_of(mode, MODES, "mode")
    if sparse:
        if mode != "auto":
            raise ValueError(
                'jacobian: mode is for sparse=False; there, colouring="column" or "row"'
            )
        _require_defined(expression, nodes, fixed)
        return like(
            [
                sparse_jacobian(expression, node, fixed, colouring=colouring, ordering=ordering)
                for node in nodes
            ],
            wrt,
        )
    if colouring is not None or ordering != "best":
        raise ValueError("jacobian: colouring and ordering are for sparse=True only")
    found = _jacobian(expression, nodes, fixed, mode, symmetric=False)
    return like(found, wrt)


def _jacobian(
    expression: Node, nodes: Sequence[Node], fixed: Sequence[Node], mode: str, symmetric: bool
) -> list[Node]:
    """The Jacobian for each node, which may be known to be symmetric."""
    (stable,) = stable_forms([expression], (*nodes, *fixed))
    # the gradient of a scalar is one product in reverse, unless it is asked for otherwise
    scalar = expression.ndim == 0 and mode != "forward"
    chosen = None if scalar else structured(stable, nodes, fixed, mode)
    if chosen is None:
        chosen = _one_by_one(stable, nodes, fixed, mode)
    found = [
        block if why is None else undefined(node, why)
        for block, node, why in zip(
            chosen.blocks, nodes, jumps_between([expression], nodes, fixed), strict=True
        )
    ]
    found = without_undefined(found, nodes)
    return [
        _zeros(node.dtype, (*expression.dims, *node.dims))
        if block is None
        else _with_map(
            cast_to(reshape_to(block, (*expression.dims, *node.dims)), node.dtype),
            stable, node, fixed, symmetric, chosen.how,
        )
        for node, block in zip(nodes, found, strict=True)
    ]  # fmt: skip


def _with_map(
    elements: Node, expression: Node, wrt: Node, fixed: Sequence[Node], symmetric: bool, how: str
) -> Node:
    """The elements of a Jacobian with what multiplies tangents by it, for `rewrites.jacobians`."""
    if not expression.ndim or not wrt.ndim or not transposes([expression]):
        return elements
    t = make_input(TensorType(wrt.dtype, wrt.dims))
    (tangent,) = jvp([expression], [wrt], [t], fixed)
    return linear_in_wrt(elements, tangent, t, symmetric, how)


def _require_defined(expression: Node, nodes: Sequence[Node], fixed: Sequence[Node]) -> None:
    reasons = jumps_between([expression], nodes, fixed)
    without_undefined(
        [
            None if why is None else undefined(node, why)
            for node, why in zip(nodes, reasons, strict=True)
        ],
        nodes,
    )


def _one_by_one(expression: Node, wrt: Sequence[Node], fixed: Sequence[Node], mode: str) -> Chosen:
    """One product after the other: rows in reverse, or columns forward where asked or fewer."""
    rows, cols = elements(expression.dims), sum(elements(node.dims) for node in wrt)
    may = transposes([expression])
    if mode == "forward" and not may:
        raise NotImplementedError(
            f"jacobian: {label(expression)} has a derivative in reverse mode only "
            "(a limit on cotangents or on the steps they go back)\n"
            '  Fix: use mode="auto" or mode="reverse".'
        )
    if may and (mode == "forward" or (mode == "auto" and cols < rows)):
        blocks = [_columns(expression, node, fixed) for node in wrt]
        return Chosen(blocks, "forward, column by column (no rule for all at once)")
    return Chosen(_rows(expression, wrt, fixed), "reverse, row by row (no rule for all at once)")


def _rows(expression: Node, wrt: Sequence[Node], fixed: Sequence[Node]) -> list[Node | None]:
    """For each wrt the derivatives of the raveled expression, one row an element; None for zero."""
    one = constant(np.ones((), expression.dtype))
    if expression.ndim == 0:
        return vjp([expression], wrt, [one], fixed)
    length = sizes.product(expression.dims)
    flat = reshape_to(expression, (length,))
    i = make_input(TensorType(dtypes.INT64, ()))
    element = Node(Slice((length,), (sizes.value(i),), (1,), (1,), (True,)), (flat,))
    pulled = vjp([element], wrt, [one], fixed)
    shown = [row for row in pulled if row is not None]
    if not shown:
        return pulled
    indices = Node(Arange(length))
    results = make_scan([], [], [indices], [], [], [i], [], shown, length, reverse=False)
    place = iter(range(len(shown)))
    return [None if row is None else results.y(next(place)) for row in pulled]


def _columns(expression: Node, wrt: Node, fixed: Sequence[Node]) -> Node | None:
    """The derivatives by wrt, one element of it a step, the columns last; None for zero."""
    length = sizes.product(wrt.dims)
    j = make_input(TensorType(dtypes.INT64, ()))
    one = constant(np.ones((), wrt.dtype))
    flat = Node(Place((length,), (sizes.value(j),), (1,), (1,), (True,)), (one,))
    (pushed,) = jvp([expression], [wrt], [reshape_to(flat, wrt.dims)], fixed)
    if pushed is None:
        return None
    indices = Node(Arange(length))
    results = make_scan([], [], [indices], [], [], [j], [], [pushed], length, reverse=False)
    steps = results.y(0)
    turned = permute_axes(steps, (*range(1, steps.ndim), 0))
    return reshape_to(turned, (*expression.dims, *wrt.dims))


def _zeros(dtype: str, shape: Shape) -> Node:
    return broadcast_axes(constant(np.zeros((), dtype)), shape, ())


def hessian(
    cost: Node,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    *,
    mode: str = "auto",
    sparse: bool = False,
    lower: bool = False,
    colouring: str | None = None,
    ordering: str = "best",
) -> Any:
    """All second derivatives of a scalar with respect to a vector: a matrix (n, n).

    For a list or tuple of vectors, the blocks on the diagonal, one for each, as in PyTensor;
    `hessian_blocks` has those off it too.  A cost that is linear in wrt gives zeros.

    mode     of the Jacobian of the gradient, as for `jacobian`: forward over reverse, or reverse
             over reverse
    sparse   a `SparseMatrix` of what may be other than zero, as for `jacobian`; wrt may have any
             rank
    lower    of a sparse one only the lower triangle, the diagonal included
    colouring  "star": an element is read from a sum of columns, or its mirror image is; "acyclic":
             elements follow from one another by subtractions, which takes fewer colours and loses
             digits; "column": as for `jacobian`; None for "star" where no bands are known
    ordering  as for `jacobian`

    Errors as in `cgrad.gradient.grad`; `ShapeError` for a wrt that is no vector.
    """
    if not isinstance(cost, Node):
        raise TypeError(f"cost must be a symbolic tensor; found {type(cost).__name__}")
    scalar_cost(cost, "cost", "jacobian(grad(...), x) for another one")
    nodes = as_nodes(wrt, "wrt")
    require_real([cost], "cost")
    require_real(nodes, "hessian: wrt")
    one_of(mode, MODES, "mode")
    if sparse and mode != "auto":
        raise ValueError("hessian: mode is for sparse=False only")
    if lower and not sparse:
        raise ValueError("hessian: lower=True is for sparse=True only")
    if not sparse and (colouring is not None or ordering != "best"):
        raise ValueError("hessian: colouring and ordering are for sparse=True only")
    for node in nodes:
        if node.ndim != 1 and not sparse:
            raise ShapeError(
                lines(
                    f"hessian: {label(node)} has type {node.type!r}, expected a vector (1-d)",
                    describe(node.site),
                    "  Fix: jacobian(grad(cost, x), x) gives the second derivatives for any rank, "
                    "of shape x.shape + x.shape; or use one vector and reshape it.",
                )
            )
    fixed = as_constants(consider_constant)
    slopes = grad(cost, nodes, fixed, disconnected_inputs, add_names=False)
    if sparse:
        return like(
            [
                sparse_jacobian(
                    slope,
                    node,
                    fixed,
                    symmetric=True,
                    lower=lower,
                    colouring=colouring,
                    ordering=ordering,
                )
                for slope, node in zip(slopes, nodes, strict=True)
            ],
            wrt,
        )
    blocks = []
    for slope, node in zip(slopes, nodes, strict=True):
        blocks += _jacobian(slope, [node], fixed, mode, is_symmetric(cost))
    return like(blocks, wrt)


def value_grad_hessian(
    cost: Node,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    *,
    mode: str = "auto",
    sparse: bool = False,
    lower: bool = False,
    colouring: str | None = None,
    ordering: str = "best",
) -> tuple[Node, Any, Any]:
    """(cost, its gradient, its Hessian), what a step of Newton's method takes.

    A function with these three as outputs is one kernel that computes what they share once.  The
    arguments, the errors and, for a list of wrt, the lists are those of `grad` and `hessian`.
    """
    fixed = as_constants(consider_constant)
    matrix = hessian(
        cost, wrt, fixed, disconnected_inputs,
        mode=mode, sparse=sparse, lower=lower, colouring=colouring, ordering=ordering,
    )  # fmt: skip
    return cost, grad(cost, wrt, fixed, "ignore", add_names=False), matrix


def hessian_vector_product(
    cost: Node, wrt: Node | Sequence[Node], p: Any, **grad_kwargs: Any
) -> Any:
    """The Hessian of a scalar times `p`, of the shape of wrt, without forming the Hessian.

    Forward over reverse: the gradient moves along p.  For a list of wrt, `p` is a list of the
    same length and the result holds the rows of the full Hessian, all blocks included.  A cost
    that is linear in wrt gives zeros.  `grad_kwargs` go to `cgrad.gradient.grad`.

    Errors as in `cgrad.gradient.grad`; `ShapeError` for a p that does not look like its wrt.
    """
    nodes = as_nodes(wrt, "wrt")
    grad_kwargs = {"add_names": False, **grad_kwargs, "return_disconnected": "zero"}
    slopes = grad(cost, nodes, **grad_kwargs)
    ts = points(p, wrt, nodes, "p", "wrt")
    fixed = as_constants(grad_kwargs.get("consider_constant"))
    pushed = jvp(stable_forms(slopes, (*nodes, *fixed)), nodes, ts, fixed)
    return like(
        [
            zero_for(node, "zero") if t is None else cast_to(t, node.dtype)
            for node, t in zip(nodes, pushed, strict=True)
        ],
        wrt,
    )
