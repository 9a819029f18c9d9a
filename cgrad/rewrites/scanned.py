"""Jacobians that the user wrote as a loop over rows, `scan(lambda i, y, x: grad(y[i], x), ...)`.

Step i computes a linear function of the unit vector e_i, the cotangent of y[i].  So the rows of the
loop are those of the matrix of that function, its transposed Jacobian, and everything that is known
of Jacobians applies: diagonals and bands, all rows as one batch, a mode of its own, products that
need no elements (`rewrites.jacobians`).

Responsible for: finding such loops.  Not responsible for: the Jacobian of the function
(`cgrad.gradient.structured`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.rewrite import RuleSet
from cgrad.gradient.structured import Chosen, structured
from cgrad.ops.axes import permute_axes
from cgrad.ops.constants import Arange, constant
from cgrad.ops.control import Scan, make_scan
from cgrad.ops.counts import elements
from cgrad.ops.elementwise import apply
from cgrad.ops.jacobian import SymmetricProduct, linear_in_wrt
from cgrad.ops.result import Get
from cgrad.ops.windows import Place
from cgrad.rewrites.linear import is_linear
from cgrad.rewrites.patterns import scalar

SCANNED = RuleSet("scanned")


def _loop_of_rows(x: Node, v: Node) -> Node:
    """2 * v * e_i for all i: for examples."""
    (n,) = v.dims
    i = make_input(TensorType("int64", ()))
    one = constant(np.ones((), v.dtype))
    unit = Node(Place((n,), (sizes.value(i),), (1,), (1,), (True,)), (one,))
    row = apply("mul", apply("mul", unit, v), x)
    return make_scan([], [], [Node(Arange(n))], [], [], [i], [], [row], n, False).y(0)


@SCANNED.rule(
    Get, exact=False,
    domain="zeros times what is not finite are left out",
    example=lambda vec, v: _loop_of_rows(vec, v),
)  # fmt: skip
def rows_of_jacobian(node: Node) -> Node | None:
    """scan(lambda i: L(e_i), arange(n)) -> jacobian(L, u).T, L linear: L(e_i) = grad(y[i], x)"""
    (loop,) = node.args
    op: Any = loop.op
    position = node.op.position  # type: ignore[attr-defined]
    if not isinstance(op, Scan) or op.carries or op.stops or position >= op.ys:
        return None
    consts, _, sequences = op.groups(loop.args)
    params, _, slices = op.groups(op.body.params)
    out = op.body.outputs[position]
    found = _unit(out, slices, sequences)
    if found is None:
        return None
    unit, i = found
    u = make_input(TensorType(unit.dtype, unit.dims))
    (row,) = substitute([out], {unit: u})
    if i in toposort([row]) or any(p in toposort([row]) for p in slices) or row.ndim == 0:
        return None
    if not is_linear(row, u):
        return None
    symmetric = isinstance(row.op, SymmetricProduct) and row.args[1] is u
    if symmetric:
        (row, _) = row.args
    (row,) = substitute([row], dict(zip(params, consts, strict=True)))
    chosen = _chosen(row, u, symmetric)
    if chosen is None or chosen.blocks[0] is None:
        return None
    jacobian = linear_in_wrt(chosen.blocks[0], row, u, symmetric, chosen.how)
    return jacobian if symmetric else permute_axes(jacobian, (row.ndim, *range(row.ndim)))


def _chosen(row: Node, u: Node, symmetric: bool) -> Chosen | None:
    """The Jacobian of a row by the cotangent u, in the mode that the rows themselves would have."""
    if not symmetric and elements(u.dims) >= elements(row.dims):
        # forward for the function whose cotangent u is
        forward = structured(row, [u], (), "reverse")
        if forward is not None:
            return forward._replace(how="forward (no fewer rows than columns)")
    return structured(row, [u], ())


def _unit(out: Node, slices: Any, sequences: Any) -> tuple[Node, Node] | None:
    """(e_i, i) where a row depends on the step by way of one unit vector of all its length."""
    found = [
        (node, i)
        for node in toposort([out])
        if isinstance(node.op, Place) and node.ndim == 1 and node.op.drops == (True,)
        for i, steps in zip(slices, sequences, strict=True)
        if i in node.deps and isinstance(steps.op, Arange) and _is_one(node.args[0])
        and steps.op.length == node.op.shape[0]
        and node.op.starts[0] in (sizes.value(i), sizes.wrap(sizes.value(i), node.op.shape[0]))
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _is_one(node: Node) -> bool:
    """Whether it is the seed of a scalar cost, `second(cost, 1)`."""
    while node.op.name in ("second", "cast"):
        node = node.args[-1]
    return bool(scalar(node) == 1)
