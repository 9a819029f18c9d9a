"""Inverses and determinants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.ops.axes import reshape_to
from cgrad.ops.coerce import Arraylike, as_node
from cgrad.ops.diagonals import diagonal_of
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import LU, Det, LogAbsDet, identity_like, lu_solve, turned
from cgrad.ops.spectral import Pinv
from cgrad.tensor.creation import arange
from cgrad.tensor.indexing import getitem
from cgrad.tensor.linalg.factors import svd
from cgrad.tensor.linalg.matrices import matrix
from cgrad.tensor.linalg.pairs import (
    determinant,
    every_second,
    inverse_of_pairs,
    narrow,
    sign_and_logarithm,
    wide,
)
from cgrad.tensor.math import cast, switch
from cgrad.tensor.math import sum as sum_over
from cgrad.tensor.products import matmul
from cgrad.tensor.reductions import prod
from cgrad.tensor.shape import insert_axes


def inv(x: Arraylike) -> Node:
    """The inverse: (..., n, n).  `solve(a, b)` is faster and more accurate than `inv(a) @ b`."""
    node = matrix(x, "inv")
    if dtypes.is_complex(node.dtype):
        return inverse_of_pairs(node)
    return lu_solve(node, Node(LU(), (node,)), identity_like(node))


def _eliminated(x: Arraylike, what: str) -> tuple[Node, Node, Node, Node]:
    """The matrix, its factors, the diagonal of U and the sign of the interchanges."""
    node = matrix(x, what)
    factors = Node(LU(), (node,))
    which = getitem(factors, (..., -1))
    stays = apply("eq", which, cast(arange(which.shape[-1]), node.dtype))
    sign = prod(cast(switch(stays, 1.0, -1.0), node.dtype), axis=-1)
    return node, factors, diagonal_of(factors, 0), sign


def det(x: Arraylike) -> Node:
    """The determinant: (..., n, n) -> (...).  Its derivative at a singular matrix is nan."""
    if dtypes.is_complex(matrix(x, "det").dtype):
        return determinant(matrix(x, "det"))
    node, factors, diagonal, sign = _eliminated(x, "det")
    return Node(Det(), (apply("mul", sign, prod(diagonal, axis=-1)), node, factors))


def slogdet(x: Arraylike) -> tuple[Node, Node]:
    """The sign of the determinant and the logarithm of its absolute value: (..., n, n) -> (...).

    0 and -inf for a singular matrix; the sign of a real one has no derivative.  That of a complex
    matrix is det x / |det x|.
    """
    if dtypes.is_complex(matrix(x, "slogdet").dtype):
        return sign_and_logarithm(matrix(x, "slogdet"))
    node, factors, diagonal, sign = _eliminated(x, "slogdet")
    signs = apply("mul", sign, prod(apply("sign", diagonal), axis=-1))
    logs = sum_over(apply("log", apply("abs", diagonal)), axis=-1)
    return signs, Node(LogAbsDet(), (logs, node, factors))


def pinv(x: Arraylike, hermitian: bool = False, *, rcond: float | None = None) -> Node:
    """The Moore-Penrose inverse: (..., m, n) -> (..., n, m).

    Singular values up to `rcond` times the largest count as 0; by default max(m, n) times the
    spacing of the dtype.  The derivative is that for a constant rank.  `hermitian` promises a
    matrix that is its own adjoint and changes nothing.
    """
    return pseudo_inverse(matrix(x, "pinv", square=False), rcond)[0]


def pseudo_inverse(node: Node, rcond: float | None) -> tuple[Node, Node, Node]:
    """`pinv`, the singular values, and which of them count."""
    if dtypes.is_complex(node.dtype):
        inverse, s, kept = _pseudo_inverse(wide(node), rcond, node)
        return narrow(inverse), every_second(s), every_second(kept)
    return _pseudo_inverse(node, rcond, node)


def _pseudo_inverse(node: Node, rcond: float | None, given: Node) -> tuple[Node, Node, Node]:
    u, s, vt = svd(node, full_matrices=False)
    least: Any = rcond
    if rcond is None:
        m, n = given.shape[-2], given.shape[-1]
        largest = cast(switch(apply("gt", m, n), m, n), node.dtype)
        least = apply("mul", largest, np.finfo(node.dtype).eps)
    # the largest comes first; there may be none
    cutoff = apply("mul", getitem(s, (..., slice(0, 1))), least)
    cutoff = sum_over(cutoff, axis=-1, keepdims=True)
    kept = apply("gt", s, cutoff)
    inverse = switch(kept, apply("reciprocal", switch(kept, s, 1.0)), 0.0)
    value = matmul(turned(vt), apply("mul", insert_axes(inverse, [inverse.ndim]), turned(u)))
    return Node(Pinv(), (value, node)), s, kept


def tensorinv(a: Arraylike, ind: int = 2) -> Node:
    """The inverse of a -> tensordot(a, x, x.ndim), as NumPy's; the first `ind` axes are the rows.

    The result has the other axes of a, followed by the first `ind`.
    """
    node = as_node(a)
    if not 0 < ind < node.ndim:
        raise ValueError(f"tensorinv: ind={ind} found, expected one of 1 to {node.ndim - 1}")
    dims = node.dims
    flat = reshape_to(node, (math.prod(dims[:ind]), math.prod(dims[ind:])))
    return reshape_to(inv(flat), (*dims[ind:], *dims[:ind]))


register("inv", inv)
register("det", det)
register("slogdet", slogdet)
