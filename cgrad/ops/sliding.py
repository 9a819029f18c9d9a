"""All runs of neighbours along an axis, and the transpose, which adds overlapping runs up.

Responsible for: the ops.  Not responsible for: convolutions (`cgrad.tensor.signal`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, sizes
from cgrad.core.exprs import Index
from cgrad.core.node import Node, TensorType
from cgrad.core.sizes import SizeLike
from cgrad.ops.kinds import Linear, Pull, Reduction


class Runs(Linear):
    """What both ops share: the axis, its length n, and the number of elements of a run."""

    __slots__ = ("axis", "length", "width")
    takes_complex = True
    size_slots = ("length", "width")

    def __init__(self, axis: int, length: SizeLike, width: SizeLike) -> None:
        self.axis = axis
        self.length = length
        self.width = width

    @property
    def count(self) -> SizeLike:
        """The number of runs, n - width + 1."""
        return sizes.maximum(0, self.length - self.width + 1)


class Sliding(Runs):
    """out[..., i, ..., j] = x[..., i + j, ...]: run i of the axis, along a last axis."""

    __slots__ = ()
    dependence = "selected"
    name = "sliding"
    moves = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        k = self.axis
        return TensorType(x.dtype, (*x.dims[:k], self.count, *x.dims[k + 1 :], self.width))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield node.args[0].dims[self.axis], self.length, self.axis

    def reference(self, x: Any) -> Any:
        width: Any = self.width
        if x.shape[self.axis] < width:
            dims = list(x.shape)
            dims[self.axis] = 0
            return np.zeros((*dims, width), x.dtype)
        return np.lib.stride_tricks.sliding_window_view(x, width, self.axis)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(Overlap(self.axis, self.length, self.width), (ct,))

    def value_at(self, node: Node, index: Index) -> Pull:
        k = self.axis
        return (yield node.args[0], (*index[:k], index[k] + index[-1], *index[k + 1 : -1]))


class Overlap(Runs):
    """out[..., t, ...] = sum over j of x[..., t - j, ..., j], the transpose of `Sliding`.

    float32 is added up in float64.
    """

    __slots__ = ()
    dependence = "added"
    name = "overlap"
    lowering = "reduce"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        k = self.axis
        return TensorType(x.dtype, (*x.dims[:k], self.length, *x.dims[k + 1 : -1]))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        (x,) = node.args
        yield x.dims[self.axis], self.count, self.axis
        yield x.dims[-1], self.width, x.ndim - 1

    def reference(self, x: Any) -> Any:
        k = self.axis
        shape: Any = (*x.shape[:k], self.length, *x.shape[k + 1 : -1])
        result = np.zeros(shape, dtypes.total(x.dtype.name))
        runs = np.moveaxis(result, k, 0)
        for j in range(x.shape[-1]):
            runs[j : j + x.shape[k]] += np.moveaxis(x[..., j], k, 0)
        return result.astype(x.dtype)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(Sliding(self.axis, self.length, self.width), (ct,))

    def reduction(self, node: Node) -> Reduction:
        dtype = dtypes.total(node.dtype)
        zero = exprs.lit(dtypes.zero(dtype), dtype)
        domain = (*node.dims, self.width)
        return Reduction(domain, (node.ndim,), "add", zero, dtype)

    def value_at(self, node: Node, index: Index) -> Pull:
        k, t, j = self.axis, index[self.axis], index[-1]
        inside = exprs.both(exprs.compare("<=", j, t), exprs.compare("<", t, j + self.count))
        value = yield node.args[0], (*index[:k], t - j, *index[k + 1 : -1], j)
        return exprs.guard(inside, value, exprs.lit(dtypes.zero(node.dtype), node.dtype))


def sliding(x: Node, axis: int, width: SizeLike) -> Node:
    """The runs of `width` neighbours along `axis`, with their elements along a new last axis."""
    return Node(Sliding(axis, x.dims[axis], width), (x,))
