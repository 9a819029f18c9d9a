"""Values between given points: interp, interpolate1d.

Responsible for: NumPy's and PyTensor's names and arguments.
Not responsible for: searching (`cgrad.ops.search`).
"""

from __future__ import annotations

from collections.abc import Callable

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.tensor.indexing import getitem
from cgrad.tensor.lookup import argsort, take
from cgrad.tensor.math import clip
from cgrad.tensor.messages import teach
from cgrad.tensor.selection import searchsorted
from cgrad.tensor.shape import concatenate

METHODS = ("linear", "nearest", "first", "last", "mean")


def _points(x: Arraylike, y: Arraylike, what: str) -> tuple[Node, Node]:
    """The given points, as floats of one dtype."""
    nodes = [as_node(x), as_node(y)]
    if any(node.ndim != 1 for node in nodes):
        raise ShapeError(
            teach(f"{what}: points of ranks {[node.ndim for node in nodes]} found, expected two "
                  "vectors", "flatten them", nodes)
        )  # fmt: skip
    dtype = dtypes.as_float(result_dtype(nodes))
    first, second = (cast_to(node, dtype) for node in nodes)
    return first, second


def _line(x: Node, at: tuple[Node, Node], values: tuple[Node, Node]) -> Node:
    """The line through two points, at x; the first value where both points are one."""
    gap = apply("sub", at[1], at[0])
    gap = apply("switch", apply("eq", gap, 0), 1, gap)
    slope = apply("true_div", apply("sub", values[1], values[0]), gap)
    return apply("add", apply("mul", slope, apply("sub", x, at[0])), values[0])


def interp(
    x: Arraylike,
    xp: Arraylike,
    fp: Arraylike,
    left: Arraylike | None = None,
    right: Arraylike | None = None,
    period: Arraylike | None = None,
) -> Node:
    """The piecewise linear function through the points (xp, fp), at x, as `numpy.interp`.

    xp, fp       vectors of one length, xp increasing (not checked)
    left, right  the value for x < xp[0], x > xp[-1]; by default fp[0], fp[-1]
    period       a number: points and x are taken modulo it, xp in any order

    The shape is that of x.  At a point the derivative is that of the piece to its right; outside
    of the points it is 0.
    """
    at, values = _points(xp, fp, "interp")
    node = as_node(x)
    dtype = dtypes.as_float(result_dtype([node, at]))
    node, at, values = (cast_to(a, dtype) for a in (node, at, values))
    if period is not None:
        length = apply("abs", as_node(period))
        node, at = apply("mod", node, length), apply("mod", at, length)
        order = argsort(at)
        at, values = take(at, order), take(values, order)
        first, end = getitem(at, slice(0, 1)), getitem(at, slice(-1, None))
        at = concatenate([apply("sub", end, length), at, apply("add", first, length)])
        first, end = getitem(values, slice(0, 1)), getitem(values, slice(-1, None))
        values = concatenate([end, values, first])
    last = size_node(at.dims[0]) - 1
    low = clip(apply("sub", searchsorted(at, node, "right"), 1), 0, apply("maximum", last - 1, 0))
    high = apply("minimum", apply("add", low, 1), last)
    inside = _line(node, (take(at, low), take(at, high)), (take(values, low), take(values, high)))
    if period is not None:
        return inside
    first, end = getitem(values, 0), getitem(values, -1)
    before, after = (
        edge if given is None else cast_to(as_node(given), dtype)
        for edge, given in ((first, left), (end, right))
    )
    result = apply("switch", apply("eq", node, getitem(at, -1)), end, inside)
    result = apply("switch", apply("lt", node, getitem(at, 0)), before, result)
    return apply("switch", apply("gt", node, getitem(at, -1)), after, result)


def interpolate1d(
    x: Arraylike,
    y: Arraylike,
    method: str = "linear",
    left_pad: Arraylike | None = None,
    right_pad: Arraylike | None = None,
    extrapolate: bool = True,
) -> Callable[[Arraylike], Node]:
    """A function that interpolates the points (x, y), two vectors of one length, in any order.

    method  "linear", "nearest" (the right one of two that are equally near), "first" (the value of
            the point to the left), "last" (of the one to the right) or "mean" (of both)
    extrapolate          continue outside of the points, by the outermost piece
    left_pad, right_pad  without `extrapolate` the values there; by default those of the outermost
                         points

    The function takes a tensor of any shape.
    """
    if method not in METHODS:
        raise NotImplementedError(
            f"interpolate1d: method={method!r} is not built; use {', '.join(METHODS)}"
        )
    at, values = _points(x, y, "interpolate1d")
    order = argsort(at)
    at, values = take(at, order), take(values, order)
    last = size_node(at.dims[0]) - 1

    def interpolated(x_hat: Arraylike) -> Node:
        node = cast_to(as_node(x_hat), at.dtype)
        index = searchsorted(at, node)
        high = clip(index, apply("minimum", 1, last), last)
        low = apply("maximum", apply("sub", high, 1), 0)
        points = take(at, low), take(at, high)
        pair = take(values, low), take(values, high)
        if method == "linear":
            result = _line(node, points, pair)
        elif method == "nearest":
            nearer = apply("lt", apply("sub", node, points[0]), apply("sub", points[1], node))
            result = apply("switch", nearer, *pair)
        elif method == "mean":
            result = apply("mul", apply("add", *pair), 0.5)
        else:
            step = apply("sub", index, 1) if method == "first" else index
            result = take(values, clip(step, 0, last))
        if extrapolate:
            return result
        for given, end, beyond in ((left_pad, 0, "lt"), (right_pad, -1, "gt")):
            value = getitem(values, end) if given is None else cast_to(as_node(given), at.dtype)
            result = apply("switch", apply(beyond, node, getitem(at, end)), value, result)
        return result

    return interpolated


register("interp", interp)
