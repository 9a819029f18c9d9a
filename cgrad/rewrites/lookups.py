"""Rules about indexing by integer arrays.

Responsible for: one position for each row.  Not responsible for: slices and windows (`windows`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import Broadcast
from cgrad.ops.constants import Arange
from cgrad.ops.lookup import Scatter, ScatterEach
from cgrad.rewrites.patterns import full

LOOKUPS = RuleSet("lookups")


def _counted_axis(array: Node, n: SizeLike) -> int | None:
    """The axis along which an index array counts 0, 1, ... n - 1, all of the axis looked up."""
    axis, counter = 0, array
    if isinstance(array.op, Broadcast) and len(array.op.axes) == 1:
        (axis,), (counter,) = array.op.axes, array.args
    if counter.dims == (1,) != (array.dims[axis],):
        return None  # a zero for each of many rows
    return axis if isinstance(counter.op, Arange) and counter.op.length == n else None


def _example(v: Node, mat: Node) -> Node:
    n, m = mat.dims
    k = full(1, "int64", (n,))
    return Node(Scatter((n, m)), (v, Node(Arange(n)), k))


@LOOKUPS.rule(Scatter, example=lambda mat: _example(full(2.5, "float64", mat.dims[:1]), mat))
def scatter_each(node: Node) -> Node | None:
    """zeros, v added at [0, 1, ...; k] -> v where the column is k(row), 0 elsewhere"""
    assert isinstance(node.op, Scatter)
    v, *arrays = node.args
    counted = [_counted_axis(a, n) for a, n in zip(arrays, node.op.shape, strict=True)]
    if counted.count(None) != 1 or len(arrays) != arrays[0].ndim + 1:
        return None
    axis = counted.index(None)
    if [k for k in counted if k is not None] != list(range(arrays[0].ndim)):
        return None
    return Node(ScatterEach(node.op.shape, axis), (v, arrays[axis]))
