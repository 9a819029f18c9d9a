"""Matrices made of matrices: powers, the exponential, products and blocks."""

from __future__ import annotations

import functools
from typing import Any

from cgrad.core.dtypes import COMPLEX
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.errors import ShapeError
from cgrad.ops.axes import sum_axes
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import identity_like
from cgrad.ops.matrix_exponential import MatrixExponential
from cgrad.ops.reductions import Extreme
from cgrad.tensor.creation import arange, zeros
from cgrad.tensor.linalg.inverses import inv
from cgrad.tensor.linalg.matrices import matrix
from cgrad.tensor.linalg.pairs import narrow, wide
from cgrad.tensor.linalg.systems import solve
from cgrad.tensor.math import cast, switch
from cgrad.tensor.products import matmul
from cgrad.tensor.scan import foldl
from cgrad.tensor.shape import atleast_Nd, concatenate, insert_axes, reshape

# N. J. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005): the
# numerator of the approximant of degree 13, and the norm up to which it is exact to 2^-53
_PADE = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
         129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0,
         40840800.0, 960960.0, 16380.0, 182.0, 1.0)  # fmt: skip
_LARGEST_NORM = 5.371920351148152
_MOST_SQUARINGS = 1100  # 2^1024 is infinite


def expm(x: Arraylike) -> Node:
    """The exponential of matrices, I + x + x x / 2 + ...: (..., n, n).

    By scaling and squaring a Pade approximant of degree 13 (Higham, 2005).  A derivative takes the
    exponential of matrices twice as large, and so does a complex matrix.
    """
    node = matrix(x, "expm")
    if node.dtype in COMPLEX:
        return narrow(expm(wide(node)))
    return Node(MatrixExponential(), (_exponential(node), node))


def _exponential(node: Node) -> Node:
    rows = node.ndim - 2
    norms = sum_axes(apply("abs", node), (rows,))
    norm = Node(Extreme("max", (rows,), empty=True, held=True), (norms,))
    doublings = apply("ceil", apply("log2", apply("true_div", norm, _LARGEST_NORM)))
    large = apply("gt", norm, _LARGEST_NORM)
    squarings = switch(large, apply("minimum", doublings, _MOST_SQUARINGS), 0.0)
    scale = apply("exp2", apply("neg", squarings))
    a = apply("mul", node, insert_axes(scale, [rows, rows + 1]))

    def even(coefficients: tuple[float, ...], powers: list[Node]) -> Node:
        terms = [apply("mul", c, p) for c, p in zip(coefficients, powers, strict=True)]
        return functools.reduce(lambda left, right: apply("add", left, right), terms)

    a2 = matmul(a, a)
    a4 = matmul(a2, a2)
    powers = [identity_like(a), a2, a4, matmul(a4, a2)]
    odd_of = apply(
        "add", even(_PADE[1:9:2], powers), matmul(powers[3], even(_PADE[9::2], powers[1:]))
    )
    even_of = apply(
        "add", even(_PADE[0:8:2], powers), matmul(powers[3], even(_PADE[8:13:2], powers[1:]))
    )
    u = matmul(a, odd_of)
    first = solve(apply("sub", even_of, u), apply("add", even_of, u), b_ndim=2)

    def square(count: Node, power: Node, squarings: Node) -> Node:
        more = insert_axes(apply("lt", cast(count, node.dtype), squarings), [rows, rows + 1])
        return switch(more, matmul(power, power), power)

    most = Node(Extreme("max", tuple(range(rows)), empty=True, held=True), (squarings,))
    steps = cast(apply("maximum", most if rows else squarings, 0.0), "int64")
    result: Node = foldl(square, arange(steps), first, [squarings])[0]
    return result


register("expm", expm)


def matrix_dot(*matrices: Arraylike) -> Node:
    """The product of all, from left to right."""
    if not matrices:
        raise ValueError("matrix_dot: no matrices found, expected one or more")
    result = as_node(matrices[0])
    for other in matrices[1:]:
        result = matmul(result, other)
    return result


def matrix_power(M: Arraylike, n: int) -> Node:
    """M multiplied n times with itself, by squaring; the inverse is multiplied for n < 0."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"matrix_power: n={n!r} found, expected an int")
    node = matrix(M, "matrix_power")
    if n == 0:
        return identity_like(node)
    base, power = (inv(node), -n) if n < 0 else (node, n)
    result: Node | None = None
    while True:
        if power & 1:
            result = base if result is None else matmul(result, base)
        power >>= 1
        if not power:
            return result  # type: ignore[return-value]
        base = matmul(base, base)


def kron(a: Arraylike, b: Arraylike) -> Node:
    """The Kronecker product: each element of a times all of b.

    Where one has fewer axes it gets leading ones, as in NumPy.
    """
    left, right = as_node(a), as_node(b)
    ndim = max(left.ndim, right.ndim)
    left, right = (atleast_Nd(x, n=ndim) for x in (left, right))
    spread = insert_axes(left, [2 * k + 1 for k in range(left.ndim)])
    repeated = insert_axes(right, [2 * k for k in range(right.ndim)])
    product = apply("mul", spread, repeated)
    shape: Any = [left.shape[k] * right.shape[k] for k in range(left.ndim)]
    return reshape(product, shape)


def block_diag(*matrices: Arraylike) -> Node:
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    nodes = [matrix(x, "block_diag", square=False) for x in matrices]
    if not nodes or any(node.ndim != 2 for node in nodes):
        raise ShapeError("block_diag: expected one or more matrices of two axes")
    dtype = result_dtype(nodes)
    nodes = [cast_to(node, dtype) for node in nodes]
    rows = []
    for k, node in enumerate(nodes):
        height = node.shape[0]
        parts = [
            node if j == k else zeros((height, other.shape[1]), dtype)
            for j, other in enumerate(nodes)
        ]
        rows.append(concatenate(parts, axis=1) if len(parts) > 1 else node)
    return concatenate(rows, axis=0) if len(rows) > 1 else rows[0]
