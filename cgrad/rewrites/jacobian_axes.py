"""Jacobians reshaped by rows and by columns, or added up along some of their axes, stay Jacobians.

So what is found for products with Jacobians (`cgrad.rewrites.jacobians`) is found behind `reshape`,
`ravel` and `sum` too.  The Jacobian of a sum along an axis of wrt takes one tangent for all that is
added up.
"""

from __future__ import annotations

from typing import Any

from cgrad.core import sizes
from cgrad.core.derive import jvp
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, Shape, TensorType, make_input
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Reshape, Sum, broadcast_axes, reshape_to, sum_axes
from cgrad.ops.counts import added
from cgrad.ops.diagonals import on_diagonal
from cgrad.ops.elementwise import apply
from cgrad.ops.jacobian import Jacobian, linear_in_wrt
from cgrad.rewrites.patterns import like

AXES = RuleSet("jacobian axes")


def _of_doubled(x: Node) -> Node:
    """The Jacobian of x -> 2 * x, x a matrix: for examples."""
    t = make_input(x.type)
    (tangent,) = jvp([apply("mul", like(x, 2), x)], [x], [t])
    n = sizes.product(x.dims)
    flat = on_diagonal(reshape_to(like(x, 2), (n,)), 0)
    return linear_in_wrt(reshape_to(flat, (*x.dims, *x.dims)), tangent, t)


@AXES.rule(
    Reshape,
    example=(
        lambda mat: reshape_to(_of_doubled(mat), (sizes.product(mat.dims),) * 2),
        lambda mat: reshape_to(_of_doubled(mat), (sizes.product(mat.dims), *mat.dims)),
    ),
)
def reshape_of_jacobian(node: Node) -> Node | None:
    """jacobian(f, x).reshape(m, n) -> jacobian(f.reshape(m), x), columns reshaped to n likewise"""
    (inner,) = node.args
    if not isinstance(inner.op, Jacobian):
        return None
    op = inner.op
    old_rows, old_cols = inner.dims[: op.rows], inner.dims[op.rows :]
    at = _border(node.dims, old_rows, old_cols)
    if at is None:
        return None
    rows, cols = node.dims[:at], node.dims[at:]
    t = make_input(TensorType(node.dtype, cols))
    image = reshape_to(op.image_of(reshape_to(t, old_cols)), rows)
    elements = Node(node.op, (inner.args[0],))
    return op.changed(inner, t, image, elements, op.symmetric and rows == cols)


def _border(shape: Shape, rows: Shape, cols: Shape) -> int | None:
    """How many axes of a shape are rows, None where it has axes that are rows and columns."""
    m, n = sizes.product(rows), sizes.product(cols)
    for at in range(1, len(shape)):
        if sizes.product(shape[:at]) == m and sizes.product(shape[at:]) == n:
            return at
    return None


@AXES.rule(
    Sum, exact=False,
    domain="zeros of the Jacobian next to what is not finite are left out",
    example=(
        lambda mat: sum_axes(_of_doubled(mat), (2,)),
        lambda mat: sum_axes(_of_doubled(mat), (1, 3)),
    ),
)  # fmt: skip
def sum_along_some_axes(node: Node) -> Node | None:
    """sum(jacobian(f, x), axis) -> the Jacobian of f summed, or by what x is a stretched form of"""
    op: Any = node.op
    (inner,) = node.args
    if not isinstance(inner.op, Jacobian):
        return None
    jacobian = inner.op
    rows = jacobian.rows
    left = [axis for axis in range(inner.ndim) if axis not in op.axes]
    kept = tuple(axis - rows for axis in left if axis >= rows)
    if not kept or left[0] >= rows:
        return None  # all columns or all rows are added up: a product with ones
    cols = inner.dims[rows:]
    t = make_input(TensorType(node.dtype, tuple(cols[axis] for axis in kept)))
    seed = t if len(kept) == len(cols) else broadcast_axes(t, cols, kept)
    image = jacobian.image_of(seed)
    along = tuple(axis for axis in op.axes if axis < rows)
    if along:
        image = sum_axes(image, along)
    summed = Node(op, (inner.args[0],))
    elements = jacobian.elements_of(inner, t, image)
    known = toposort(inner.args[1:])
    if elements is None or added([elements], known) > added([summed], known):
        elements = summed
    return jacobian.changed(inner, t, image, elements, False)
