"""Linear algebra, `cgrad.tensor.linalg`: NumPy's, SciPy's and PyTensor's names.

Matrices are the last two axes; leading axes run along, and stretch where their length is known to
be 1.  Integers become float64.  The work is done by LAPACK (OpenBLAS), small matrices by loops.
Derivatives of both modes exist to any order.

Responsible for: what users may pass, promotion, stretching, vectors.
Not responsible for: the ops and their rules (`cgrad.ops.linalg`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike, as_node, broadcast_shape, cast_to, result_dtype, stretch
from cgrad.ops.diagonals import diagonal_of
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import (
    LU,
    Cholesky,
    Det,
    LogAbsDet,
    SolveTriangular,
    identity_like,
    lu_solve,
    turned,
)  # fmt: skip
from cgrad.ops.spectral import Eigenvalues, Eigh, Pinv, Qr, line, part, singular_values
from cgrad.tensor.creation import arange, zeros
from cgrad.tensor.indexing import getitem
from cgrad.tensor.math import cast, switch
from cgrad.tensor.math import sum as sum_over
from cgrad.tensor.messages import teach
from cgrad.tensor.norms import norm
from cgrad.tensor.products import matmul
from cgrad.tensor.reductions import prod
from cgrad.tensor.shape import concatenate, insert_axes, reshape

__all__ = [
    "block_diag", "cho_solve", "cholesky", "det", "eigh", "eigvalsh", "inv", "kron",
    "matrix_dot", "matrix_power", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular",
    "svd",
]  # fmt: skip


def _matrix(x: Arraylike, what: str, square: bool = True) -> Node:
    node = as_node(x)
    node = cast_to(node, dtypes.as_float(node.dtype))
    if node.ndim < 2:
        raise ShapeError(
            teach(f"{what}: {node.ndim} axes found, expected 2 or more", "pass a matrix", [node])
        )
    n, m = node.dims[-2:]
    if square and isinstance(n, int) and isinstance(m, int) and n != m:
        raise ShapeError(
            teach(f"{what}: a matrix of {n} rows and {m} columns found, expected a square one",
                  "check which axes are the matrix", [node])
        )  # fmt: skip
    return node


# -- factors -------------------------------------------------------------------------------------
def cholesky(x: Arraylike, lower: bool = True, on_error: str = "nan") -> Node:
    """The triangular L with x = L L^T, or where not `lower` U with x = U^T U: (..., n, n).

    Only the lower triangle of x is read (the upper one where not `lower`), and derivatives belong
    to that triangle.  Where x is not positive definite the result is nan, or with
    on_error="raise" the call raises BadValueError.  log det x is 2 sum(log(diagonal(L))).
    """
    node = _matrix(x, "cholesky")
    if on_error not in ("nan", "raise"):
        raise ValueError(f"cholesky: on_error={on_error!r} found, expected 'nan' or 'raise'")
    factor = Node(Cholesky(on_error == "raise"), (node if lower else turned(node),))
    return factor if lower else turned(factor)


# -- systems -------------------------------------------------------------------------------------
def _system(a: Arraylike, b: Arraylike, b_ndim: int | None, what: str) -> tuple[Node, Node, bool]:
    """The matrix, the right sides as columns, and whether they were a vector."""
    left, right = _matrix(a, what), as_node(b)
    if right.ndim == 0:
        raise ShapeError(
            teach(f"{what}: a scalar found, expected a vector or a matrix", "use b / a", [right])
        )
    ndim = min(right.ndim, 2) if b_ndim is None else b_ndim
    if ndim not in (1, 2) or right.ndim < ndim:
        raise ValueError(f"{what}: b_ndim={b_ndim} found, expected 1 or 2, as many as b has")
    dtype = dtypes.as_float(result_dtype([left, right]))
    left, right = cast_to(left, dtype), cast_to(right, dtype)
    if ndim == 1:
        right = insert_axes(right, [right.ndim])
    n, m = left.dims[-1], right.dims[-2]
    if isinstance(n, int) and isinstance(m, int) and n != m:
        raise ShapeError(
            teach(f"{what}: b has {m} rows, the matrix {n}; expected equal numbers",
                  "transpose b, or pass b_ndim", [left, right])
        )  # fmt: skip
    return left, right, ndim == 1


def _alike(matrices: Sequence[Node], what: str) -> list[Node]:
    """The nodes with equal leading axes."""
    batch = broadcast_shape([_Leading(node) for node in matrices], what)  # type: ignore[misc]
    return [stretch(node, (*batch, *node.dims[-2:])) for node in matrices]


class _Leading:
    """The leading axes of matrices, as far as their common shape is concerned."""

    __slots__ = ("dims", "name", "ndim", "type")

    def __init__(self, node: Node) -> None:
        self.dims = node.dims[:-2]
        self.ndim = node.ndim - 2
        self.name = node.name
        self.type = node.type


def _columns(x: Node, vector: bool) -> Node:
    return getitem(x, (..., 0)) if vector else x


def solve_triangular(
    a: Arraylike,
    b: Arraylike,
    trans: int | str | bool = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    b_ndim: int | None = None,
) -> Node:
    """x with a x = b for a triangular a: (..., n, n), (n) or (..., n, k) -> the shape of b.

    Only one triangle of a is read.  With `trans` (1 or "T") the system is a^T x = b; with
    `unit_diagonal` the diagonal counts as ones.  b is a vector if it has one axis, else columns;
    `b_ndim`=1 makes its last axis the vector.  A zero on the diagonal gives infinities or nan.
    """
    if trans not in (0, 1, "N", "T"):
        raise ValueError(f"solve_triangular: trans={trans!r} found, expected 0, 1, 'N' or 'T'")
    left, right, vector = _system(a, b, b_ndim, "solve_triangular")
    left, right = _alike([left, right], "solve_triangular")
    op = SolveTriangular(bool(lower), trans in (1, "T"), bool(unit_diagonal))
    return _columns(Node(op, (left, right)), vector)


def cho_solve(
    c_and_lower: tuple[Arraylike, bool] | Arraylike, b: Arraylike, b_ndim: int | None = None
) -> Node:
    """x with A x = b from the Cholesky factor c of A and whether it is lower: `(c, lower)`."""
    c, lower = c_and_lower if isinstance(c_and_lower, tuple) else (c_and_lower, True)
    first = solve_triangular(c, b, 0 if lower else 1, lower, b_ndim=b_ndim)
    return solve_triangular(c, first, 1 if lower else 0, lower, b_ndim=b_ndim)


def solve(
    a: Arraylike,
    b: Arraylike,
    lower: bool = False,
    assume_a: str = "gen",
    transposed: bool = False,
    b_ndim: int | None = None,
) -> Node:
    """x with a x = b: (..., n, n), (n) or (..., n, k) -> the shape of b.

    assume_a: "gen" (LU with row interchanges), "pos" (positive definite, by Cholesky; the triangle
    that is `lower` or not is read), "sym" (taken as "gen"), "lower triangular", "upper
    triangular" or "diagonal".  With `transposed` the system is a^T x = b.  For b see
    `solve_triangular`.  A singular matrix gives infinities or nan, one that is not positive
    definite nan.  Raises NotImplementedError for other values of assume_a.
    """
    if assume_a in ("lower triangular", "upper triangular"):
        return solve_triangular(a, b, int(transposed), assume_a.startswith("lower"), b_ndim=b_ndim)
    if assume_a == "pos":
        return cho_solve((cholesky(a, lower), lower), b, b_ndim)
    left, right, vector = _system(a, b, b_ndim, "solve")
    if assume_a == "diagonal":
        diagonal = diagonal_of(left, 0, square=True)
        left, right = _alike([insert_axes(diagonal, [diagonal.ndim]), right], "solve")
        return _columns(apply("true_div", right, left), vector)
    if assume_a not in ("gen", "sym"):
        raise NotImplementedError(
            f"solve: assume_a={assume_a!r} is not built; use 'gen', which solves every system"
        )
    left, factors, right = _alike([left, Node(LU(), (left,)), right], "solve")
    return _columns(lu_solve(left, factors, right, bool(transposed)), vector)


def inv(x: Arraylike) -> Node:
    """The inverse: (..., n, n).  `solve(a, b)` is faster and more accurate than `inv(a) @ b`."""
    node = _matrix(x, "inv")
    return lu_solve(node, Node(LU(), (node,)), identity_like(node))


# -- determinants --------------------------------------------------------------------------------
def _eliminated(x: Arraylike, what: str) -> tuple[Node, Node, Node, Node]:
    """The matrix, its factors, the diagonal of U and the sign of the interchanges."""
    node = _matrix(x, what)
    factors = Node(LU(), (node,))
    which = getitem(factors, (..., -1))
    stays = apply("eq", which, cast(arange(which.shape[-1]), node.dtype))
    sign = prod(cast(switch(stays, 1.0, -1.0), node.dtype), axis=-1)
    return node, factors, diagonal_of(factors, 0), sign


def det(x: Arraylike) -> Node:
    """The determinant: (..., n, n) -> (...).  Its derivative at a singular matrix is nan."""
    node, factors, diagonal, sign = _eliminated(x, "det")
    return Node(Det(), (apply("mul", sign, prod(diagonal, axis=-1)), node, factors))


def slogdet(x: Arraylike) -> tuple[Node, Node]:
    """The sign of the determinant and the logarithm of its absolute value: (..., n, n) -> (...).

    0 and -inf for a singular matrix; the sign has no derivative.
    """
    node, factors, diagonal, sign = _eliminated(x, "slogdet")
    signs = apply("mul", sign, prod(apply("sign", diagonal), axis=-1))
    logs = sum_over(apply("log", apply("abs", diagonal)), axis=-1)
    return signs, Node(LogAbsDet(), (logs, node, factors))


# -- eigenvalues, singular values, QR ------------------------------------------------------------
def eigh(x: Arraylike, lower: bool = True) -> tuple[Node, Node]:
    """Eigenvalues, ascending, and eigenvectors as columns, of a symmetric matrix.

    (..., n, n) -> (..., n), (..., n, n).  Only the lower triangle of x is read (the upper one where
    not `lower`), and derivatives belong to that triangle.  The vectors of equal eigenvalues have no
    derivative.  nan where the algorithm does not converge, as for elements that are not finite.
    """
    node = _matrix(x, "eigh")
    matrix = node if lower else turned(node)
    packed = Node(Eigh(), (matrix,))
    n = packed.dims[-2]
    values = Node(Eigenvalues(), (line(packed, -1, n), matrix, packed))
    return values, part(packed, -1, 0, n)


def eigvalsh(x: Arraylike, lower: bool = True) -> Node:
    """The eigenvalues of `eigh`: (..., n, n) -> (..., n)."""
    return eigh(x, lower)[0]


def svd(x: Arraylike, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """U, s and V^T with x = U diag(s) V^T, s descending: (..., m, n) -> (..., m, k), (..., k),
    (..., k, n) with k = min(m, n); only s unless `compute_uv`.

    The vectors of equal singular values have no derivative.  nan where the algorithm does not
    converge.  Raises NotImplementedError for `full_matrices`.
    """
    if full_matrices:
        raise NotImplementedError("svd: full_matrices=True is not built; pass full_matrices=False")
    node = _matrix(x, "svd", square=False)
    values = singular_values(node)
    if not compute_uv:
        return values
    packed = values.args[2]
    m, n = node.dims[-2:]
    return part(packed, -2, 0, m), values, turned(part(packed, -2, m, n))


def qr(x: Arraylike, mode: str = "reduced") -> Any:
    """Q and R with x = Q R, R upper triangular: (..., m, n) -> (..., m, k), (..., k, n) with
    k = min(m, n); only R for mode="r".

    Derivatives exist where the first k columns are linearly independent.  Raises
    NotImplementedError for other modes.
    """
    if mode not in ("reduced", "r"):
        raise NotImplementedError(f"qr: mode={mode!r} is not built; use 'reduced' or 'r'")
    node = _matrix(x, "qr", square=False)
    packed = Node(Qr(), (node,))
    m, n = node.dims[-2:]
    r = turned(part(packed, -2, m, n))
    return r if mode == "r" else (part(packed, -2, 0, m), r)


def pinv(x: Arraylike, rcond: float | None = None) -> Node:
    """The Moore-Penrose inverse: (..., m, n) -> (..., n, m).

    Singular values up to `rcond` times the largest count as 0; by default max(m, n) times the
    spacing of the dtype.  The derivative is that for a constant rank.
    """
    node = _matrix(x, "pinv", square=False)
    u, s, vt = svd(node)
    least: Any = rcond
    if rcond is None:
        m, n = node.shape[-2], node.shape[-1]
        largest = cast(switch(apply("gt", m, n), m, n), node.dtype)
        least = apply("mul", largest, np.finfo(node.dtype).eps)
    # the largest comes first; there may be none
    cutoff = apply("mul", getitem(s, (..., slice(0, 1))), least)
    cutoff = sum_over(cutoff, axis=-1, keepdims=True)
    kept = apply("gt", s, cutoff)
    inverse = switch(kept, apply("reciprocal", switch(kept, s, 1.0)), 0.0)
    value = matmul(turned(vt), apply("mul", insert_axes(inverse, [inverse.ndim]), turned(u)))
    return Node(Pinv(), (value, node))


# -- composed of products ------------------------------------------------------------------------
def matrix_dot(*matrices: Arraylike) -> Node:
    """The product of all, from left to right."""
    if not matrices:
        raise ValueError("matrix_dot: no matrices found, expected one or more")
    result = as_node(matrices[0])
    for other in matrices[1:]:
        result = matmul(result, other)
    return result


def matrix_power(x: Arraylike, n: int) -> Node:
    """x multiplied n times with itself, by squaring; the inverse is multiplied for n < 0."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"matrix_power: n={n!r} found, expected an int")
    node = _matrix(x, "matrix_power")
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
    """The Kronecker product of two matrices or vectors: each element of a times all of b."""
    left, right = as_node(a), as_node(b)
    if left.ndim != right.ndim or left.ndim not in (1, 2):
        raise ShapeError(
            teach(f"kron: {left.ndim} and {right.ndim} axes found, expected two matrices or two "
                  "vectors", "add axes with x[None, :]", [left, right])
        )  # fmt: skip
    spread = insert_axes(left, [2 * k + 1 for k in range(left.ndim)])
    repeated = insert_axes(right, [2 * k for k in range(right.ndim)])
    product = apply("mul", spread, repeated)
    shape: Any = [left.shape[k] * right.shape[k] for k in range(left.ndim)]
    return reshape(product, shape)


def block_diag(*matrices: Arraylike) -> Node:
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    nodes = [_matrix(x, "block_diag", square=False) for x in matrices]
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
