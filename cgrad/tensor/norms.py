"""Norms of vectors and of matrices, of every order that NumPy has.

Responsible for: what users may write for `ord` and `axis`.
Not responsible for: singular values (`cgrad.ops.spectral`).
"""

from __future__ import annotations

import math
from typing import Any

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike, as_node, cast_to, normal_axes
from cgrad.ops.elementwise import apply
from cgrad.ops.spectral import singular_values
from cgrad.tensor.math import Axis
from cgrad.tensor.math import max as largest
from cgrad.tensor.math import min as smallest
from cgrad.tensor.math import sum as total
from cgrad.tensor.messages import teach
from cgrad.tensor.reductions import root, squared_size
from cgrad.tensor.shape import insert_axes, moveaxis, one_axis

Pair = tuple[int, int]


def norm(x: Arraylike, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Node:
    """The norm over `axis`: one axis of vectors, two of matrices, None for all axes of x.

    ord         of vectors                   of matrices
    None        sqrt(sum(x^2)), for any number of axes
    "fro"       -                            sqrt(sum(x^2))
    "nuc"       -                            the sum of the singular values
    inf, -inf   the largest, smallest |x|    the largest, smallest sum(|x|) of a row
    0           how many are not 0           -
    1, -1       sum(|x|), 1 / sum(1 / |x|)   the largest, smallest sum(|x|) of a column
    2, -2       sqrt(sum(x^2)), ...          the largest, smallest singular value
    other p     sum(|x|^p)^(1/p)             -

    Where a Euclidean, Frobenius or p-norm is 0 its derivative is 0; elements that tie for the
    largest share it.  Integers give float64, complex numbers the norm of their absolute values;
    float32 is added up in float64.  ValueError for an `ord` that is not in the table, ShapeError
    for more than two axes with an `ord`.
    """
    node = as_node(x)
    node = cast_to(node, dtypes.as_float(node.dtype))
    axes = normal_axes(axis, node.ndim, "norm")
    if ord is None:
        return root(total(squared_size(node), axis=axes, keepdims=keepdims))
    if len(axes) == 1:
        result = _of_vectors(node, ord, axes[0])
    elif len(axes) == 2:
        given = axis if isinstance(axis, (tuple, list)) else axes
        row, column = (one_axis(a, node.ndim, "norm") for a in given)
        result = _of_matrices(node, ord, (row, column))
    else:
        raise ShapeError(
            teach(f"norm: ord={ord!r} over {len(axes)} axes found, expected 1 or 2 axes",
                  "name them with axis=, or leave ord out", [node])
        )  # fmt: skip
    return insert_axes(result, axes) if keepdims else result


def _of_vectors(x: Node, ord: Any, axis: int) -> Node:
    size = apply("abs", x)
    if ord == math.inf:
        return largest(size, axis=axis)
    if ord == -math.inf:
        return smallest(size, axis=axis)
    if ord == 0:
        return total(cast_to(apply("neq", x, 0), dtypes.real_part(x.dtype)), axis=axis)
    if ord == 1:
        return total(size, axis=axis)
    if ord == 2:
        return root(total(squared_size(x), axis=axis))
    if isinstance(ord, (str, Node)):
        raise ValueError(f"norm: ord={ord!r} of vectors found, expected a number")
    power = total(apply("pow", size, float(ord)), axis=axis)
    none = apply("eq", power, 0)
    return apply("switch", none, 0, apply("pow", apply("switch", none, 1, power), 1.0 / float(ord)))


def _of_matrices(x: Node, ord: Any, axes: Pair) -> Node:
    if ord == "fro":
        return root(total(squared_size(x), axis=axes))
    if ord in ("nuc", 2, -2):
        values = singular_values(moveaxis(x, axes, (-2, -1)))
        if ord == "nuc":
            return total(values, axis=-1)
        return largest(values, axis=-1) if ord == 2 else smallest(values, axis=-1)
    if ord not in (1, -1, math.inf, -math.inf):
        raise ValueError(
            f"norm: ord={ord!r} of matrices found, expected None, 'fro', 'nuc', 1, -1, 2, -2, inf "
            "or -inf"
        )
    row, column = axes
    added, kept = (row, column) if abs(ord) == 1 else (column, row)
    sums = total(apply("abs", x), axis=added)
    return (largest if ord > 0 else smallest)(sums, axis=kept - (kept > added))


register("norm", norm)
