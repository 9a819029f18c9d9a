"""Convolutions, `cgrad.tensor.signal`: PyTensor's names, computed directly, not by transforms.

A convolution is a product of all runs of one operand with the other, reversed.

Responsible for: modes, boundaries, promotion.  Not responsible for: runs (`cgrad.ops.sliding`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.sizes import SizeLike
from cgrad.errors import ShapeError
from cgrad.ops.axes import sum_axes
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype
from cgrad.ops.constants import constant, size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.lines import placed
from cgrad.ops.sliding import sliding
from cgrad.ops.windows import run
from cgrad.tensor.creation import arange
from cgrad.tensor.indexing import getitem
from cgrad.tensor.lookup import take
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes

__all__ = ["convolve1d", "convolve2d"]
MODES = ("full", "valid", "same")


def convolve1d(in1: Arraylike, in2: Arraylike, mode: str = "full") -> Node:
    """out[k] = sum over j of in1[k - j] in2[j], along the last axis: (..., n), (..., m).

    mode  "full": all n + m - 1 sums; "valid": the max(n, m) - min(n, m) + 1 of whole overlap;
          "same": the n in the middle of the full ones

    Leading axes stretch.  The dtype is the promoted one, of bool int64; float32 is added up in
    float64.  n * m products.
    """
    return _convolved(*_operands(in1, in2, 1, "convolve1d"), 1, mode, "fill", 0, "convolve1d")


def convolve2d(
    in1: Arraylike,
    in2: Arraylike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: Any = 0,
    method: str = "auto",
) -> Node:
    """The convolution over the last two axes: (..., n, m), (..., p, q); modes as in `convolve1d`.

    boundary  what lies outside of in1: "fill" is `fillvalue` everywhere, "wrap" repeats in1,
              "symm" reflects it, with the elements at the edge
    method    changes nothing: the sum over the window is a loop of C
    """
    if boundary not in ("fill", "wrap", "symm"):
        raise ValueError(
            f"convolve2d: boundary={boundary!r} found, expected 'fill', 'wrap' or 'symm'"
        )
    a, b = _operands(in1, in2, 2, "convolve2d")
    if mode == "valid":  # nothing outside is seen; in2 may be the larger one
        boundary, fillvalue = "fill", 0
    return _convolved(a, b, 2, mode, boundary, fillvalue, "convolve2d")


def _operands(in1: Arraylike, in2: Arraylike, axes: int, what: str) -> tuple[Node, Node]:
    nodes = [as_node(in1), as_node(in2)]
    if any(node.ndim < axes for node in nodes):
        raise ShapeError(
            teach(f"{what}: ranks {[node.ndim for node in nodes]} found, expected {axes} or more",
                  "add axes of length 1 with x[None]", nodes)
        )  # fmt: skip
    dtype = result_dtype(nodes)
    dtype = dtypes.INT64 if dtype == dtypes.BOOL else dtype
    ndim = max(node.ndim for node in nodes)
    first, second = (insert_axes(cast_to(x, dtype), range(ndim - x.ndim)) for x in nodes)
    return first, second


def _convolved(
    a: Node, b: Node, axes: int, mode: str, boundary: str, fillvalue: Any, what: str
) -> Node:
    if mode not in MODES:
        raise ValueError(f"{what}: mode={mode!r} found, expected 'full', 'valid' or 'same'")
    lead = a.ndim - axes
    runs = a
    for axis in range(lead, a.ndim):
        width = b.dims[axis]
        runs = _surrounded(runs, axis, width - 1, boundary, fillvalue)
    for axis in range(lead, a.ndim):
        runs = sliding(runs, axis, b.dims[axis])
    back = (slice(None, None, -1),) * axes
    kernel = insert_axes(getitem(b, (..., *back)), range(lead, lead + axes))
    product = apply("mul", runs, kernel)
    last = tuple(range(product.ndim - axes, product.ndim))
    result = sum_axes(product, last)
    for axis in range(lead, a.ndim):
        n, m = a.dims[axis], b.dims[axis]
        if mode == "same":
            result = run(result, axis, sizes.floordiv(m - 1, 2), n)
        elif mode == "valid":
            few = sizes.minimum(n, m)
            result = run(result, axis, few - 1, sizes.maximum(n, m) - few + 1)
    return result


def _surrounded(x: Node, axis: int, by: SizeLike, boundary: str, fillvalue: Any) -> Node:
    """x with `by` more positions at both ends of an axis."""
    n = x.dims[axis]
    if boundary == "fill":
        zeros = placed(x, axis, by, n + 2 * by)
        value = as_node(fillvalue)
        if isinstance(fillvalue, (int, float)) and fillvalue == 0:
            return zeros
        ones = constant(np.ones((), x.dtype))
        inside = placed(apply("second", x, ones), axis, by, n + 2 * by)
        return apply("switch", apply("neq", inside, 0), zeros, cast_to(value, x.dtype))
    at = apply("sub", arange(size_node(n + 2 * by)), size_node(by))
    length = size_node(n)
    if boundary == "wrap":
        return take(x, apply("mod", at, length), axis)
    turn = apply("mod", at, apply("mul", 2, length))
    back = apply("sub", apply("mul", 2, length), apply("add", turn, 1))
    return take(x, apply("minimum", turn, back), axis)
