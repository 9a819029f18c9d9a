"""Measures of samples: median, covariance.

Responsible for: NumPy's names and arguments.
Not responsible for: `mean`, `var`, `std` (`cgrad.tensor.math`, `cgrad.tensor.reductions`).
"""

from __future__ import annotations

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.axes import permute_axes, reshape_to
from cgrad.ops.coerce import Arraylike, as_node, cast_to, normal_axes, result_dtype
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.tensor.lookup import sort, take
from cgrad.tensor.math import Axis, mean
from cgrad.tensor.math import any as some
from cgrad.tensor.math import sum as total
from cgrad.tensor.messages import teach
from cgrad.tensor.products import matmul
from cgrad.tensor.shape import concatenate, insert_axes, squeeze, transpose


def median(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """The middle element over `axis` (an int, a tuple of ints, None for all), as `numpy.median`.

    Of an even number the mean of both in the middle; nan where one is nan.  float32 stays float32,
    integers and bool give float64.  An axis without elements is an IndexBoundsError at the call.
    The derivative goes to the elements in the middle.
    """
    node = as_node(x)
    node = cast_to(node, dtypes.as_float(node.dtype))
    axes = normal_axes(axis, node.ndim, "median")
    if not axes:
        return node
    kept = tuple(k for k in range(node.ndim) if k not in axes)
    count = sizes.product(node.dims[k] for k in axes)
    rows = reshape_to(permute_axes(node, (*kept, *axes)), (*(node.dims[k] for k in kept), count))
    ranked = sort(rows)
    low, high = (
        take(ranked, size_node(sizes.floordiv(at, 2)), axis=-1) for at in (count - 1, count)
    )
    middle = apply("mul", apply("add", low, high), 0.5)
    # equal ones as they are: their sum could overflow
    middle = apply("switch", apply("eq", low, high), low, middle)
    unknown = some(apply("isnan", rows), axis=-1)
    result = apply("switch", unknown, float("nan"), middle)
    return insert_axes(result, axes) if keepdims else result


def cov(
    m: Arraylike,
    y: Arraylike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Arraylike | None = None,
    aweights: Arraylike | None = None,
) -> Node:
    """The covariances of variables, as `numpy.cov`: (k, n) -> (k, k), of a vector a scalar.

    m         a row for each variable, a column for each observation (with `rowvar` false the
              other way round); `y` holds further variables
    ddof      the divisor is n - ddof; by default n - 1, or with `bias` n
    fweights  how often each observation counts, a vector of integers
    aweights  the weight of each observation, a vector

    float32 stays float32, integers give float64.  The result is a scalar where it is known that
    there is one variable: of a vector, or of a matrix declared to have one row.
    """
    x = _variables(m, rowvar)
    if y is not None:
        other = _variables(y, rowvar)
        dtype = result_dtype([x, other])
        x = concatenate([cast_to(x, dtype), cast_to(other, dtype)])
    less = (0 if bias else 1) if ddof is None else ddof
    weight: Node | None = None
    for given, what in ((fweights, "fweights"), (aweights, "aweights")):
        if given is None:
            continue
        one = as_node(given)
        if one.ndim != 1:
            raise ShapeError(
                teach(f"cov: {what} has {one.ndim} axes, expected a vector", "flatten it", [one])
            )
        if what == "fweights" and not dtypes.is_integer(one.dtype):
            raise DTypeError(
                teach(f"cov: fweights of {one.dtype} found, expected integers",
                      "pass aweights for weights that are no counts", [one])
            )  # fmt: skip
        one = cast_to(one, x.dtype)
        weight = one if weight is None else apply("mul", weight, one)
    if weight is None:
        n = cast_to(size_node(x.dims[1]), x.dtype)
        away = apply("sub", x, mean(x, axis=1, keepdims=True))
        scaled = away
        divisor = apply("sub", n, less)
    else:
        whole = total(weight)
        centre = apply("true_div", total(apply("mul", x, weight), axis=1, keepdims=True), whole)
        away = apply("sub", x, centre)
        scaled = apply("mul", away, weight)
        divisor = whole
        if less and aweights is None:
            divisor = apply("sub", whole, less)
        elif less:
            squares = total(apply("mul", weight, cast_to(as_node(aweights), x.dtype)))
            divisor = apply("sub", whole, apply("true_div", apply("mul", less, squares), whole))
    result = apply("true_div", matmul(away, transpose(scaled)), apply("maximum", divisor, 0))
    return squeeze(result) if x.dims[0] == 1 else result


def _variables(m: Arraylike, rowvar: bool) -> Node:
    node = as_node(m)
    if node.ndim > 2:
        raise ShapeError(
            teach(f"cov: {node.ndim} axes found, expected a matrix or a vector", "flatten it",
                  [node])
        )  # fmt: skip
    if dtypes.is_complex(node.dtype):
        raise NotImplementedError(
            "cov is not built for complex numbers\n  Fix: d = x - mean(x, axis=1, keepdims=True); "
            "d @ conj(d).T / (n - 1)."
        )
    node = cast_to(node, dtypes.as_float(node.dtype))
    if node.ndim < 2:
        return insert_axes(node, range(2 - node.ndim))
    return node if rowvar or node.dims[0] == 1 else transpose(node)
