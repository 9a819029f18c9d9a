"""Factors of matrices: Cholesky, LU, QR, eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype, stretch
from cgrad.ops.constants import constant
from cgrad.ops.diagonals import Triangle
from cgrad.ops.elimination import LowerUpper, pivots_of, swap_rows, unit_lower
from cgrad.ops.hermitian import adjoint, complex_qr, general_eig, hermitian_eigh
from cgrad.ops.linalg import LU, Cholesky, identity_like, solve_lower, turned
from cgrad.ops.passthrough import UndefinedGrad
from cgrad.ops.schur import Schur
from cgrad.ops.spectral import Eigenvalues, Eigh, Qr, line, part, singular_values
from cgrad.ops.windows import join
from cgrad.tensor.creation import arange
from cgrad.tensor.indexing import getitem
from cgrad.tensor.linalg.matrices import alike, matrix, mirrored
from cgrad.tensor.linalg.pairs import cholesky_of_pairs, solve_pairs, whole
from cgrad.tensor.math import cast
from cgrad.tensor.shape import insert_axes


def cholesky(
    x: Arraylike,
    lower: bool = True,
    check_finite: bool = True,
    overwrite_a: bool = False,
    on_error: str = "nan",
) -> Node:
    """The triangular L with x = L L^T, or where not `lower` U with x = U^T U: (..., n, n).

    Of a complex Hermitian matrix x = L L^H; of its diagonal only the real part is read.

    Only the lower triangle of x is read (the upper one where not `lower`), and derivatives belong
    to that triangle.  Where x is not positive definite the result is nan, or with
    on_error="raise" the call raises BadValueError.  log det x is 2 sum(log(diagonal(L))).
    `check_finite` and `overwrite_a`, here and elsewhere, change nothing.
    """
    node = matrix(x, "cholesky")
    if on_error not in ("nan", "raise"):
        raise ValueError(f"cholesky: on_error={on_error!r} found, expected 'nan' or 'raise'")
    if dtypes.is_complex(node.dtype):
        factor = cholesky_of_pairs(node if lower else adjoint(node), on_error == "raise")
        return factor if lower else adjoint(factor)
    factor = Node(Cholesky(on_error == "raise"), (node if lower else turned(node),))
    return factor if lower else turned(factor)


def lu(
    a: Arraylike,
    permute_l: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
    overwrite_a: bool = False,
) -> Any:
    """P, L and U with a = P L U: (..., n, n) three times.

    P is a permutation, L lower triangular with ones on its diagonal, U upper triangular; rows are
    interchanged so that no element of L exceeds 1.  With `permute_l` only P L and U; with
    `p_indices` instead of P the integers p, (..., n), with a = L[p] U.  The derivative is that for
    a fixed P, and nan or infinite where a is singular.
    """
    node = matrix(a, "lu")
    packed, pivots = _eliminated(node)
    lower, upper = unit_lower(packed), Node(Triangle(0, False), (packed,))
    if permute_l:
        return swap_rows(pivots, lower, backwards=True), upper
    if p_indices:
        return _order(pivots), lower, upper
    return swap_rows(pivots, identity_like(node), backwards=True), lower, upper


def lu_factor(
    a: Arraylike, check_finite: bool = True, overwrite_a: bool = False
) -> tuple[Node, Node]:
    """The factors of `lu` in one matrix and the pivots: (..., n, n), (..., n).

    L is below the diagonal.  Row i was interchanged with row pivots[i], one after the
    other; they are int32 and count from 0.
    For `lu_solve`.
    """
    packed, pivots = _eliminated(matrix(a, "lu_factor"))
    return packed, cast(getitem(pivots, (..., 0)), "int32")


def pivot_to_permutation(p: Arraylike, inverse: bool = False) -> Node:
    """The permutation, int64, that the interchanges p of `lu_factor` make: (..., n) -> (..., n).

    x[permutation] is x with its rows interchanged if `inverse`; without it that is undone.
    """
    pivots = cast(as_node(p), "float64")
    return _order(insert_axes(pivots, [pivots.ndim]), backwards=not inverse)


def _eliminated(node: Node) -> tuple[Node, Node]:
    """The factors of `lu_factor`, and its pivots as a column in the dtype of the matrix."""
    factors = Node(LU(), (turned(node),))  # whose columns are the rows here
    pivots = pivots_of(factors)
    value = turned(part(factors, -1, 0, factors.dims[-2]))
    return Node(LowerUpper(), (value, node, pivots)), pivots


def _order(pivots: Node, backwards: bool = True) -> Node:
    """The numbers of the rows, interchanged."""
    numbers = cast(arange(pivots.shape[-2]), pivots.dtype)
    column = stretch(insert_axes(numbers, [1]), pivots.dims)
    return cast(getitem(swap_rows(pivots, column, backwards), (..., 0)), "int64")


def eigh(
    a: Arraylike,
    b: Arraylike | None = None,
    lower: bool = True,
    UPLO: str | None = None,
    driver: str = "evr",
) -> tuple[Node, Node]:
    """Eigenvalues w, ascending, and eigenvectors v as columns, of a symmetric matrix: a v = w v.

    Of a complex matrix, a Hermitian one; w is real.  A vector is determined up to a factor of
    absolute value 1, and the derivative is that for which v^H dv is real.
    With a positive definite b those of a v = w b v, whose vectors have v^H b v = 1.
    (..., n, n) -> (..., n), (..., n, n).  Only the lower triangle of a is read (the upper one where
    not `lower`), and derivatives belong to that triangle.  The vectors of equal eigenvalues have no
    derivative.  nan where the algorithm does not converge, as for elements that are not finite.
    `UPLO`, "L" or "U", is another way to say `lower`; `driver` changes nothing.
    """
    if UPLO is not None:
        if UPLO not in ("L", "U"):
            raise ValueError(f"eigh: UPLO={UPLO!r} found, expected 'L' or 'U'")
        lower = UPLO == "L"
    node = matrix(a, "eigh")
    if dtypes.is_complex(node.dtype):
        if b is not None:
            return _general_hermitian_eigh(node, b, lower)
        return hermitian_eigh(node if lower else adjoint(node))
    read = node if lower else turned(node)
    if b is not None:
        return _general_eigh(read, b, lower)
    packed = Node(Eigh(), (read,))
    n = packed.dims[-2]
    values = Node(Eigenvalues(), (line(packed, -1, n), read, packed))
    return values, part(packed, -1, 0, n)


def _general_eigh(x: Node, b: Arraylike, lower: bool) -> tuple[Node, Node]:
    """L^-1 x L^-T y = w y and v = L^-T y with b = L L^T, from the lower triangle of x."""
    right = matrix(b, "eigh")
    dtype = result_dtype([x, right])
    x, right = alike([cast_to(x, dtype), cast_to(right, dtype)], "eigh")
    factor = cholesky(right, lower)
    factor = factor if lower else turned(factor)
    half = solve_lower(factor, mirrored(x, True))
    values, vectors = eigh(solve_lower(factor, turned(half)))
    return values, solve_lower(factor, vectors, transposed=True)


def _general_hermitian_eigh(x: Node, b: Arraylike, lower: bool) -> tuple[Node, Node]:
    """The same with L^-1 x L^-H y = w y and v = L^-H y, b = L L^H."""
    right = cast_to(as_node(b), x.dtype)
    factor = cholesky(right if lower else adjoint(right))
    half = solve_pairs(factor, whole(x, lower))
    values, vectors = hermitian_eigh(solve_pairs(factor, adjoint(half)))
    return values, solve_pairs(adjoint(factor), vectors)


def eig(x: Arraylike) -> tuple[Node, Node]:
    """Eigenvalues w and eigenvectors v of any square matrix, as columns: x v = w v.

    (..., n, n) -> (..., n), (..., n, n), complex, in LAPACK's order.  A vector has length 1, is
    determined up to a factor of absolute value 1, and its derivative is that for which v^H dv = 0.
    Derivatives exist where the eigenvalues differ.  nan where the algorithm does not converge.  For
    symmetric and Hermitian matrices `eigh` is faster and more accurate.
    """
    node = matrix(x, "eig")
    return general_eig(cast_to(node, dtypes.complex_of(dtypes.real_part(node.dtype))))


def eigvals(x: Arraylike) -> Node:
    """The eigenvalues of `eig`: (..., n, n) -> (..., n)."""
    return eig(x)[0]


def eigvalsh(a: Arraylike, b: Arraylike | None = None, lower: bool = True) -> Node:
    """The eigenvalues of `eigh`: (..., n, n) -> (..., n)."""
    return eigh(a, b, lower)[0]


def schur(A: Arraylike, output: str = "real", sort: None = None) -> tuple[Node, Node]:
    """T and Z with A = Z T Z^T, Z orthogonal: (..., n, n) twice.

    The real Schur form: T is upper triangular, but for 2 x 2 blocks that stand for pairs of complex
    eigenvalues.  nan where the algorithm does not converge.  There is no derivative: asking for it
    raises NotImplementedError, as do `output`="complex" and `sort`.
    """
    if output not in ("real", "complex"):
        raise ValueError(f"schur: output={output!r} found, expected 'real'")
    if output == "complex" or sort is not None:
        what = f"sort={sort!r}" if sort is not None else "output='complex'"
        raise NotImplementedError(
            f"schur: {what} is not built; leave it out, or use eig for the eigenvalues"
        )
    packed = Node(Schur(), (matrix(A, "schur"),))
    n = packed.dims[-2]
    return part(packed, -1, 0, n), part(packed, -1, n, n)


def svd(a: Arraylike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, s and V^T with a = U diag(s) V^T, s descending: (..., m, n) -> (..., m, m), (..., k),
    (..., n, n) with k = min(m, n); only s unless `compute_uv`.

    Of the vectors beyond the k-th only the space is determined, and they have no derivative
    (`NullTypeGradError`).  Without `full_matrices` U is (..., m, k) and V^T (..., k, n), which is
    faster and has derivatives, but for the vectors of equal singular values.  nan where the
    algorithm does not converge.
    """
    node = matrix(a, "svd", square=False)
    values = singular_values(node)
    if not compute_uv:
        return values
    packed = values.args[2]
    m, n = node.dims[-2:]
    u, v = part(packed, -2, 0, m), part(packed, -2, m, n)
    if full_matrices:
        u, v = (_completed(q) for q in (u, v))
    return u, values, turned(v)


def _completed(q: Node) -> Node:
    """Square matrices whose first columns are those of q, and all are orthonormal."""
    m, k = q.dims[-2:]
    if m == k:
        return q
    one = broadcast_axes(constant(np.ones((), q.dtype)), (*q.dims[:-1], m), ())
    square = join([q, Node(Triangle(0, False), (Node(Triangle(0, True), (one,)),))], q.ndim - 1)
    found = qr(square)[0]
    why = (
        "only the space of the vectors beyond the first ones is determined, not the vectors; "
        "use full_matrices=False (svd), mode='reduced' (qr)"
    )
    rest = Node(UndefinedGrad(why), (part(found, -1, k, m - k),))
    return join([q, rest], q.ndim - 1)


def _complete_qr(node: Node) -> tuple[Node, Node]:
    q, r = qr(node)
    m, k = q.dims[-2:]
    below = broadcast_axes(constant(np.zeros((), r.dtype)), (*r.dims[:-2], m - k, r.dims[-1]), ())
    return _completed(q), join([r, below], r.ndim - 2)


def qr(
    A: Arraylike,
    mode: str = "reduced",
    overwrite_a: bool = False,
    pivoting: bool = False,
    lwork: int | None = None,
) -> Any:
    """Q and R with A = Q R, R upper triangular: (..., m, n) -> (..., m, k), (..., k, n) with
    k = min(m, n); only R for mode="r"; (..., m, m), (..., m, n) for mode="complete".

    Derivatives exist where the first k columns are linearly independent; the columns of Q beyond
    the k-th have none (`NullTypeGradError`).  "economic" and "full" are SciPy's names for "reduced"
    and "complete".  Raises NotImplementedError for other modes and for `pivoting`.
    """
    mode = {"economic": "reduced", "full": "complete"}.get(mode, mode)
    if mode not in ("reduced", "r", "complete"):
        raise NotImplementedError(
            f"qr: mode={mode!r} is not built; use 'reduced', 'complete' or 'r'"
        )
    if pivoting:
        raise NotImplementedError("qr: pivoting is not built; use svd to find the rank")
    node = matrix(A, "qr", square=False)
    if mode == "complete":
        return _complete_qr(node)
    if dtypes.is_complex(node.dtype):
        both = complex_qr(node)
        return both[1] if mode == "r" else both
    packed = Node(Qr(), (node,))
    m, n = node.dims[-2:]
    r = turned(part(packed, -2, m, n))
    return r if mode == "r" else (part(packed, -2, 0, m), r)
