"""How often elements occur, and which there are: bincount, unique.

Their lengths are known only once the elements are.

Responsible for: what users may pass.  Not responsible for: sorting, sizes found at the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.coerce import Arraylike, as_node, broadcast, cast_to
from cgrad.ops.constants import constant, size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme
from cgrad.tensor.creation import arange
from cgrad.tensor.indexing import getitem, inc_subtensor, set_subtensor
from cgrad.tensor.lookup import argsort, flatnonzero, take
from cgrad.tensor.math import switch
from cgrad.tensor.messages import teach
from cgrad.tensor.reductions import cumsum
from cgrad.tensor.shape import concatenate, flatten, reshape


def bincount(
    x: Arraylike,
    weights: Arraylike | None = None,
    minlength: Arraylike | None = None,
    assert_nonneg: bool = False,
    *,
    length: Arraylike | None = None,
) -> Node:
    """How often each of 0, 1, ... occurs in the integer vector x; with `weights` their sums.

    The length is max(x) + 1, and at least `minlength`.  Both are known only where x is, and memory
    cannot be found for that in a compiled function: give the `length` instead, an int or an int64
    scalar.  int64, or float64 with weights (float32 ones stay float32).  A negative element, or one
    that is not below `length`, is an IndexBoundsError at the call, with or without `assert_nonneg`.
    """
    node = as_node(x)
    if node.ndim != 1 or not dtypes.is_integer(node.dtype):
        raise (ShapeError if node.ndim != 1 else DTypeError)(
            teach(f"bincount: {node.type!r} found, expected a vector of integers",
                  "flatten it, or cast it with .astype('int64')", [node])
        )  # fmt: skip
    node = cast_to(node, dtypes.INT64)
    if length is None:
        top = Node(Extreme("max", (0,), empty=True), (node,))
        length = apply("maximum", apply("add", top, 1), 0 if minlength is None else minlength)
    elif minlength is not None:
        length = apply("maximum", length, minlength)
    values = constant(np.ones((), np.int64)) if weights is None else as_node(weights)
    if weights is not None:
        values = cast_to(values, dtypes.as_float(values.dtype))
    values = broadcast([values, node], "bincount")[0]
    zeros = cast_to(apply("mul", arange(length), 0), values.dtype)
    at = switch(apply("lt", node, 0), length, node)
    return inc_subtensor(getitem(zeros, at), values)


def unique(
    ar: Arraylike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """The different elements of the flattened tensor, sorted: a vector, as `numpy.unique`.

    return_index    also the position of the first occurrence of each
    return_inverse  also the position among them of each element, in the shape of `ar`
    return_counts   also how often each occurs

    The number of elements is known only at the call; positions and counts are int64.  All nan count
    as one, the last.  The derivative of an element goes to its first occurrence.
    """
    if axis is not None:
        raise NotImplementedError(
            f"unique: axis={axis} is not built; flatten the tensor, or number its rows first"
        )
    node = as_node(ar)
    flat = flatten(node)
    order = argsort(flat)
    ranked = take(flat, order)
    counter = arange(size_node(flat.dims[0]))
    before = take(ranked, apply("maximum", apply("sub", counter, 1), 0))
    same = apply("eq", ranked, before)
    if dtypes.is_float(flat.dtype):
        same = apply("or_", same, apply("and_", apply("isnan", ranked), apply("isnan", before)))
    new = apply("or_", apply("eq", counter, 0), apply("logical_not", same))
    starts = flatnonzero(new)
    results = [take(ranked, starts)]
    if return_index:
        results.append(take(order, starts))
    if return_inverse:
        rank = apply("sub", cumsum(cast_to(new, dtypes.INT64)), 1)
        zeros = apply("mul", counter, 0)
        placed = set_subtensor(getitem(zeros, order), rank)
        results.append(reshape(placed, node.shape, node.ndim))
    if return_counts:
        total = apply("mul", getitem(counter, slice(0, 1)), 0)
        ends = concatenate([getitem(starts, slice(1, None)), apply("add", total, flat.size)])
        results.append(apply("sub", ends, starts))
    return results[0] if len(results) == 1 else tuple(results)
