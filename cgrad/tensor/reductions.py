"""Products, running totals and measures of spread over axes.

Responsible for: NumPy's and PyTensor's names, dtypes and argument checks.
Not responsible for: sum, mean and extremes (`cgrad.tensor.math`), the op of `prod`
(`cgrad.ops.reductions`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build, register
from cgrad.errors import DTypeError
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.coerce import Arraylike, as_node, cast_to, normal_axes
from cgrad.ops.constants import constant, size_node
from cgrad.ops.control import make_scan
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Prod
from cgrad.ops.windows import Slice
from cgrad.tensor.math import Axis, DType, accumulated, max, mean, min, sum, summand
from cgrad.tensor.shape import flatten, insert_axes, moveaxis, one_axis


def prod(
    input: Arraylike,
    axis: Axis = None,
    dtype: DType = None,
    keepdims: bool = False,
    acc_dtype: DType = None,
    no_zeros_in_input: bool = False,
) -> Node:
    """The product over `axis`: an int, a tuple of ints (an empty one changes nothing), None for
    all; 1 of no elements.

    Integers in NumPy's wide dtype (int64, uint64), bool as int64; float32 is multiplied in
    float64.  `dtype` casts before multiplying, `acc_dtype` is another dtype to multiply in, and
    the product is cast.  First and higher derivatives are exact where elements are 0; promise
    `no_zeros_in_input` for a cheaper one by division, which is nan there.
    """
    node = summand(as_node(input), dtype, "prod")
    axes = normal_axes(axis, node.ndim, "prod")
    factor = accumulated(node, acc_dtype, "prod")
    result = Node(Prod(axes, no_zeros_in_input), (factor,)) if axes else node
    result = cast_to(result, node.dtype)
    return insert_axes(result, axes) if keepdims else result


# -- running totals ---------------------------------------------------------------------------
def cumsum(x: Arraylike, axis: int | None = None, dtype: DType = None) -> Node:
    """The sums of the elements up to each one along `axis`; of the flattened x for None.

    The shape is that of x, or the number of its elements.  Dtypes as for `sum`, but float32 is
    added up in float32, from the first element to the last, as NumPy does.
    """
    # -0.0 is the number that changes no sum; 0.0 + -0.0 is 0.0
    return _running("add", -0.0, x, axis, dtype, "cumsum")


def cumprod(x: Arraylike, axis: int | None = None, dtype: DType = None) -> Node:
    """The products of the elements up to each one along `axis`; of the flattened x for None.

    The shape and dtypes are those of `cumsum`.  Derivatives are exact where elements are 0.
    """
    return _running("mul", 1.0, x, axis, dtype, "cumprod")


def _running(
    name: str, start: complex, x: Arraylike, axis: int | None, dtype: DType, what: str
) -> Node:
    node = summand(as_node(x), dtype, what)
    if axis is None:
        node, axis = flatten(node), 0
    k = one_axis(axis, node.ndim, what)
    rows = moveaxis(node, k, 0)
    row = TensorType(node.dtype, rows.dims[1:])
    total, here = make_input(row, what), make_input(row, "row")
    if dtypes.is_complex(node.dtype) and name == "add":
        start = complex(start, start)
    first = broadcast_axes(constant(np.asarray(start, node.dtype)), row.shape, ())
    step = apply(name, total, here)
    results = make_scan(
        [], [first], [rows], [], [total], [here], [step], [step], rows.dims[0], False
    )
    return moveaxis(results.y(0), 0, k)


def diff(x: Arraylike, n: int = 1, axis: int = -1) -> Node:
    """The differences of neighbours along `axis`, x[1:] - x[:-1], taken n times.

    The axis becomes n shorter (0 at the least).  Of bool: whether neighbours differ.
    """
    node = as_node(x)
    if n < 0:
        raise ValueError(f"diff: n={n} found, expected 0 or more")
    k = one_axis(axis, node.ndim, "diff")
    for _ in range(n):
        last, first = _but_one(node, k, 1), _but_one(node, k, 0)
        node = apply("neq" if node.dtype == dtypes.BOOL else "sub", last, first)
    return node


def _but_one(node: Node, axis: int, start: int) -> Node:
    """All positions of an axis from `start` on but one."""
    lengths = list(node.dims)
    lengths[axis] = sizes.maximum(0, lengths[axis] - 1)
    starts = tuple(start if k == axis else 0 for k in range(node.ndim))
    ones, drops = (1,) * node.ndim, (False,) * node.ndim
    return Node(Slice(node.dims, starts, tuple(lengths), ones, drops), (node,))


# -- spread -----------------------------------------------------------------------------------
def var(
    input: Arraylike,
    axis: Axis = None,
    ddof: int = 0,
    keepdims: bool = False,
    corrected: bool = False,
    *,
    dtype: DType = None,
) -> Node:
    """The mean of the squared distances from the mean over `axis`, sum(distance^2) / (n - ddof).

    `corrected` takes the rounding of the mean out again, sum(d^2) - sum(d)^2 / n.  nan when n is
    0 or ddof.  float32 stays float32 (added up in float64), integers and bool give float64,
    `dtype` chooses another float.  Of complex numbers the squares are those of |input - mean|.
    """
    node = as_node(input)
    wanted = dtypes.as_float(node.dtype) if dtype is None else as_dtype(dtype)
    if not dtypes.is_inexact(wanted):
        raise DTypeError(f"var: dtype={wanted} found, expected a floating or complex dtype")
    node = cast_to(node, wanted)
    axes = normal_axes(axis, node.ndim, "var")
    count = sizes.product(node.dims[k] for k in axes)
    away = apply("sub", node, mean(node, axes, keepdims=True))
    total = sum(squared_size(away), axes, keepdims=keepdims)
    wanted = total.dtype
    if corrected:
        drift = squared_size(sum(away, axes, keepdims=keepdims))
        total = apply("sub", total, apply("true_div", drift, _size(count, wanted)))
    # as in NumPy: never a negative divisor
    return apply("true_div", total, _size(sizes.maximum(count - ddof, 0), wanted))


def squared_size(x: Node) -> Node:
    """x^2, of complex numbers |x|^2."""
    if not dtypes.is_complex(x.dtype):
        return apply("sqr", x)
    parts = [apply("sqr", build(part, x)) for part in ("real", "imag")]
    return apply("add", *parts)


def _size(n: sizes.SizeLike, dtype: str) -> Any:
    return float(n) if isinstance(n, int) else cast_to(size_node(n), dtype)


def std(
    input: Arraylike,
    axis: Axis = None,
    ddof: int = 0,
    keepdims: bool = False,
    corrected: bool = False,
    *,
    dtype: DType = None,
) -> Node:
    """The square root of `var`, in the same dtypes; where it is 0 its derivative is 0."""
    return root(var(input, axis, ddof, keepdims, corrected, dtype=dtype))


def root(x: Node) -> Node:
    """The square root of something that is never negative, with derivative 0 at 0."""
    none = apply("eq", x, 0)
    return apply("switch", none, 0, apply("sqrt", apply("switch", none, 1, x)))


def ptp(a: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest minus the smallest element over `axis`, in the dtype of a; bool is refused."""
    return apply("sub", max(a, axis, keepdims), min(a, axis, keepdims))


_BUILDERS: dict[str, Callable[..., Any]] = {
    "prod": prod,
    "cumsum": cumsum,
    "cumprod": cumprod,
    "var": var,
    "std": std,
    "ptp": ptp,
}
for _name, _builder in _BUILDERS.items():
    register(_name, _builder)
