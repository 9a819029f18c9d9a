"""Evenly spaced numbers, coordinate grids and triangles of matrices.

Responsible for: NumPy's functions of these names on symbols.
Not responsible for: `arange`, `eye` and arrays of one value (`cgrad.tensor.creation`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.ops.coerce import Arraylike, as_node, broadcast, cast_to
from cgrad.ops.constants import Arange, constant, size_node
from cgrad.ops.elementwise import apply
from cgrad.tensor.creation import DType, arange
from cgrad.tensor.lookup import coordinates
from cgrad.tensor.shape import insert_axes, moveaxis, whole_shape


def linspace(
    start: Arraylike,
    stop: Arraylike,
    num: Arraylike = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DType = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`, along a new axis.

    `num` is an int or an int64 scalar; the last number is `stop` exactly, or one step before it
    without `endpoint`.  float64 unless both ends are float32 or `dtype` says otherwise (an integer
    dtype takes the floor, as in NumPy).  With `retstep` the pair of them and the distance of two.
    """
    first, last = _ends(start, stop)
    position, last_position, share = _positions(num, endpoint, first)
    value = apply("add", first, apply("mul", position, apply("true_div", last - first, share)))
    if endpoint:
        value = apply("switch", _is_last(position, last_position), last, value)
    if dtype is not None and dtypes.is_integer(as_dtype(dtype)):
        value = apply("floor", value)
    value = _placed(value, dtype, axis)
    return (value, apply("true_div", last - first, share)) if retstep else value


def logspace(
    start: Arraylike,
    stop: Arraylike,
    num: Arraylike = 50,
    *,
    base: Arraylike = 10.0,
    endpoint: bool = True,
    dtype: DType = None,
    axis: int = 0,
) -> Node:
    """`base` to the powers `linspace(start, stop, num)`.

    By keyword after num, since NumPy and PyTensor order the rest differently.
    """
    return _placed(apply("pow", base, linspace(start, stop, num, endpoint)), dtype, axis)


def geomspace(
    start: Arraylike,
    stop: Arraylike,
    num: Arraylike = 50,
    *,
    endpoint: bool = True,
    dtype: DType = None,
    axis: int = 0,
) -> Node:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before.

    The ends have the same sign and are not 0; both are met exactly.  nan otherwise.
    """
    first, last = _ends(start, stop)
    position, last_position, share = _positions(num, endpoint, first)
    ratio = apply("pow", apply("true_div", last, first), apply("true_div", position, share))
    value = apply("mul", first, ratio)
    if endpoint:
        value = apply("switch", _is_last(position, last_position), last, value)
    return _placed(value, dtype, axis)


def _placed(value: Node, dtype: DType, axis: int) -> Node:
    """The numbers in the dtype asked for, and their axis, the first one, in its place."""
    cast = value if dtype is None else cast_to(value, as_dtype(dtype))
    return moveaxis(cast, 0, axis) if axis else cast


def _ends(start: Arraylike, end: Arraylike) -> tuple[Node, Node]:
    first, last = broadcast([as_node(start), as_node(end)], "linspace")
    dtype = dtypes.as_float(dtypes.promote(first.dtype, last.dtype))
    return cast_to(first, dtype), cast_to(last, dtype)


def _positions(num: Arraylike, endpoint: bool, like: Node) -> tuple[Node, Node, Node]:
    """0, 1, ... along a new first axis, the last of them, and the number of steps (1 at least)."""
    count = as_node(num)
    (length,) = whole_shape((num,), "linspace")
    position = insert_axes(cast_to(Node(Arange(length)), like.dtype), range(1, like.ndim + 1))
    last = cast_to(count - 1, like.dtype)
    steps = last if endpoint else cast_to(count, like.dtype)
    return position, last, apply("maximum", steps, 1)


def _is_last(position: Node, last: Node) -> Node:
    # a single number is the first one, as in NumPy
    return apply("and_", apply("eq", position, last), apply("gt", position, 0))


def bartlett(M: Arraylike) -> Node:
    """M numbers that rise from 0 to 1 and fall again: a triangular window, (M) of float64.

    M is an int or an int64 scalar; 1 gives a single one.  As `numpy.bartlett`.
    """
    position = cast_to(arange(M), dtypes.FLOAT64)
    last = apply("sub", cast_to(as_node(M), dtypes.FLOAT64), 1.0)
    single = apply("eq", last, 0)
    share = apply("true_div", apply("mul", 2.0, position), apply("switch", single, 1, last))
    fall = apply("sub", 2.0, share)
    return apply("switch", single, 1.0, apply("minimum", share, fall))


# -- triangles --------------------------------------------------------------------------------
def tri(
    N: Arraylike, M: Arraylike | None = None, k: Arraylike = 0, dtype: DType = "float64"
) -> Node:
    """(N, M): one at and below diagonal k, zero above it."""
    below = _below(as_node(N), as_node(N if M is None else M), k)
    return cast_to(below, as_dtype(dtype))


def _below(n: Node, m: Node, k: Arraylike) -> Node:
    row, column = insert_axes(arange(n), [1]), insert_axes(arange(m), [0])
    return apply("ge", apply("add", row, k), column)


def tril(m: Arraylike, k: Arraylike = 0) -> Node:
    """The matrices in the last two axes with zeros above diagonal k."""
    node = _matrix(m, "tril")
    below = _below(size_node(node.dims[-2]), size_node(node.dims[-1]), k)
    return apply("switch", below, node, constant(np.zeros((), node.dtype)))


def triu(m: Arraylike, k: Arraylike = 0) -> Node:
    """The matrices in the last two axes with zeros below diagonal k."""
    node = _matrix(m, "triu")
    below = _below(size_node(node.dims[-2]), size_node(node.dims[-1]), apply("sub", k, 1))
    return apply("switch", below, constant(np.zeros((), node.dtype)), node)


def _matrix(m: Arraylike, what: str) -> Node:
    node = as_node(m)
    if node.ndim < 2:
        raise ValueError(f"{what}: {node.ndim} axes found, expected a matrix")
    return node


def tril_indices(n: Arraylike, k: Arraylike = 0, m: Arraylike | None = None) -> tuple[Node, ...]:
    """The rows and columns at and below diagonal k of an (n, m) matrix, in row-major order."""
    return coordinates(_below(as_node(n), as_node(n if m is None else m), k))


def triu_indices(n: Arraylike, k: Arraylike = 0, m: Arraylike | None = None) -> tuple[Node, ...]:
    """The rows and columns at and above diagonal k of an (n, m) matrix, in row-major order."""
    below = _below(as_node(n), as_node(n if m is None else m), apply("sub", k, 1))
    return coordinates(apply("logical_not", below))


def tril_indices_from(a: Arraylike, k: Arraylike = 0) -> tuple[Node, ...]:
    """`tril_indices` of the shape of the matrix a."""
    node = _matrix(a, "tril_indices_from")
    return tril_indices(size_node(node.dims[0]), k, size_node(node.dims[1]))


def triu_indices_from(a: Arraylike, k: Arraylike = 0) -> tuple[Node, ...]:
    """`triu_indices` of the shape of the matrix a."""
    node = _matrix(a, "triu_indices_from")
    return triu_indices(size_node(node.dims[0]), k, size_node(node.dims[1]))


# -- grids ------------------------------------------------------------------------------------
class Grid:
    """`mgrid[0:n, 0:m:2]`: the coordinates of a grid, full or each along its own axis."""

    __slots__ = ("_full",)

    def __init__(self, full: bool) -> None:
        self._full = full

    def __getitem__(self, key: Any) -> Any:
        """The coordinates over slices start:stop:step of ints or int64 scalars.

        One slice: a vector.  Several: one tensor a slice, stacked along a new first axis by `mgrid`
        and with length 1 along all axes but their own from `ogrid`.
        """
        parts = key if isinstance(key, tuple) else (key,)
        axes = []
        for part in parts:
            if not isinstance(part, slice) or part.stop is None:
                raise TypeError(f"mgrid: {part!r} found, expected slices with an end, as in 0:n")
            start = 0 if part.start is None else part.start
            axes.append(arange(start, part.stop, 1 if part.step is None else part.step))
        if not isinstance(key, tuple):
            return axes[0]
        spread = [
            insert_axes(axis, [k for k in range(len(axes)) if k != at])
            for at, axis in enumerate(axes)
        ]
        return build("stack", broadcast(spread, "mgrid")) if self._full else spread


mgrid, ogrid = Grid(True), Grid(False)
