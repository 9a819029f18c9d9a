"""Linear algebra of complex matrices.

Systems, Cholesky factors, exponentials and Moore-Penrose inverses are those of the real matrix in
which [[x, -y], [y, x]] stands for x + iy: sums, products and inverses of such matrices are again of
this form, and so is the Cholesky factor, whose diagonal is real.  It has twice as many rows, so a
system takes twice the work of one in complex arithmetic.  Eigenvalues, QR and determinants have
functions of their own (`cgrad.ops.hermitian`).

Responsible for: complex matrices.  Not responsible for: what users may pass (`matrices`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops.axes import reshape_to
from cgrad.ops.complex import imag, make_complex, real
from cgrad.ops.diagonals import Triangle
from cgrad.ops.elementwise import apply
from cgrad.ops.hermitian import OfComplexDeterminant, adjoint, diagonal_part, hermitian, pivots
from cgrad.ops.linalg import LU, Cholesky, identity_like, lu_solve
from cgrad.tensor.indexing import getitem
from cgrad.tensor.linalg.matrices import alike
from cgrad.tensor.math import sum as sum_over
from cgrad.tensor.reductions import prod
from cgrad.tensor.shape import stack


def wide(z: Node) -> Node:
    """The real matrices, (..., n, m) -> (..., 2 n, 2 m)."""
    x, y = real(z), imag(z)
    upper = stack([x, apply("neg", y)], axis=-1)
    lower = stack([y, x], axis=-1)
    both = stack([upper, lower], axis=z.ndim - 1)
    return reshape_to(both, (*z.dims[:-2], 2 * z.dims[-2], 2 * z.dims[-1]))


def _tall(z: Node) -> Node:
    """Columns whose real and imaginary parts take turns, (..., n, k) -> (..., 2 n, k)."""
    both = stack([real(z), imag(z)], axis=z.ndim - 1)
    return reshape_to(both, (*z.dims[:-2], 2 * z.dims[-2], z.dims[-1]))


def _joined(x: Node) -> Node:
    """The complex columns of `_tall` ones."""
    return make_complex(
        getitem(x, (..., slice(0, None, 2), slice(None))),
        getitem(x, (..., slice(1, None, 2), slice(None))),
    )


def narrow(x: Node) -> Node:
    """The complex matrices for which `wide` ones stand."""
    return _joined(every_second(x))


def every_second(x: Node) -> Node:
    """Every second element along the last axis: what belongs to pairs of equal columns."""
    return getitem(x, (..., slice(0, None, 2)))


def solve_pairs(a: Node, b: Node) -> Node:
    """x with a x = b: (..., n, n), (..., n, k)."""
    real_a = wide(a)
    real_a, factors, tall = alike([real_a, Node(LU(), (real_a,)), _tall(b)], "solve")
    return _joined(lu_solve(real_a, factors, tall))


def inverse_of_pairs(a: Node) -> Node:
    """The inverse."""
    return solve_pairs(a, identity_like(a))


def cholesky_of_pairs(a: Node, checked: bool) -> Node:
    """The lower triangular L with a = L L^H, from the lower triangle and the real diagonal of a."""
    read = apply("add", Node(Triangle(-1, True), (a,)), diagonal_part(a))
    factor = Node(Cholesky(checked), (wide(read),))
    return narrow(factor)


def triangle(a: Node, lower: bool, unit: bool) -> Node:
    """The part of a matrix that a triangular system reads, with ones on the diagonal if `unit`."""
    if not unit:
        return Node(Triangle(0, lower), (a,))
    part = Node(Triangle(-1 if lower else 1, lower), (a,))
    return apply("add", part, identity_like(a))


def whole(a: Node, lower: bool) -> Node:
    """The Hermitian matrix with this triangle."""
    return hermitian(a if lower else adjoint(a))


def determinant(a: Node) -> Node:
    """The determinant."""
    return Node(OfComplexDeterminant("det"), (prod(pivots(a), axis=-1), a))


def sign_and_logarithm(a: Node) -> tuple[Node, Node]:
    """The determinant divided by its absolute value, and the logarithm of that."""
    numbers = pivots(a)
    sign = prod(apply("sign", numbers), axis=-1)
    logs = sum_over(apply("log", apply("abs", numbers)), axis=-1)
    return Node(OfComplexDeterminant("sign"), (sign, a)), Node(
        OfComplexDeterminant("log"), (logs, a)
    )
