"""Diagonals of matrices replaced: fill_diagonal, fill_diagonal_offset.

Responsible for: what users may pass.  Not responsible for: reading diagonals, or matrices made of
one (`cgrad.tensor.products`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike, as_node
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.tensor.creation import arange
from cgrad.tensor.lookup import fitted
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes


def fill_diagonal(a: Arraylike, val: Arraylike) -> Node:
    """A copy of a with the scalar `val` where all positions are equal: a[i, i, ...].

    a is a matrix of any shape, or has more axes of one length.
    """
    node = as_node(a)
    if node.ndim < 2:
        raise ShapeError(
            teach(f"fill_diagonal: {node.ndim} axes found, expected 2 or more",
                  "pass a matrix", [node])
        )  # fmt: skip
    if node.ndim > 2 and len({n for n in node.dims if isinstance(n, int)}) > 1:
        raise ShapeError(
            teach("fill_diagonal: with more than 2 axes all must have one length", "pass a matrix",
                  [node])
        )  # fmt: skip
    counters = [_counter(node, k) for k in range(node.ndim)]
    here = apply("eq", counters[0], counters[1])
    for counter in counters[2:]:
        here = apply("and_", here, apply("eq", counters[0], counter))
    return _filled(node, here, val, "fill_diagonal")


def fill_diagonal_offset(a: Arraylike, val: Arraylike, offset: Arraylike) -> Node:
    """A copy of the matrix a with the scalar `val` at (i, i + offset).

    `offset` is an int or an int64 scalar; a diagonal outside of the matrix changes nothing.
    """
    node = as_node(a)
    if node.ndim != 2:
        raise ShapeError(
            teach(f"fill_diagonal_offset: {node.ndim} axes found, expected a matrix",
                  "index it down to a matrix", [node])
        )  # fmt: skip
    here = apply("eq", apply("add", _counter(node, 0), offset), _counter(node, 1))
    return _filled(node, here, val, "fill_diagonal_offset")


def _counter(node: Node, axis: int) -> Node:
    """0, 1, ... along an axis, with length 1 along the others."""
    return insert_axes(
        arange(size_node(node.dims[axis])), [k for k in range(node.ndim) if k != axis]
    )


def _filled(node: Node, here: Node, val: Arraylike, what: str) -> Node:
    value = as_node(val)
    if value.ndim:
        raise ShapeError(
            teach(f"{what}: a value of {value.ndim} axes found, expected a scalar",
                  "use set_subtensor(a[i, i], values) with i = arange(n)", [value])
        )  # fmt: skip
    return apply("switch", here, fitted(value, node, what), node)
