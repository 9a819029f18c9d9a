"""Systems of linear equations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.errors import ShapeError
from cgrad.ops.axes import permute_axes, reshape_to
from cgrad.ops.banded import SolveBanded
from cgrad.ops.coerce import Arraylike, as_node, cast_to
from cgrad.ops.diagonals import diagonal_of
from cgrad.ops.elementwise import apply
from cgrad.ops.elimination import swap_rows
from cgrad.ops.hermitian import adjoint
from cgrad.ops.linalg import LU, SolveTriangular, turned
from cgrad.ops.linalg import lu_solve as solve_by
from cgrad.ops.lines import placed
from cgrad.ops.windows import join
from cgrad.tensor.linalg.factors import cholesky
from cgrad.tensor.linalg.inverses import pseudo_inverse
from cgrad.tensor.linalg.matrices import alike, columns, mirrored, system
from cgrad.tensor.linalg.pairs import solve_pairs, triangle, whole
from cgrad.tensor.math import cast
from cgrad.tensor.math import sum as sum_over
from cgrad.tensor.messages import teach
from cgrad.tensor.products import matmul
from cgrad.tensor.reductions import squared_size
from cgrad.tensor.shape import insert_axes


def solve_triangular(
    a: Arraylike,
    b: Arraylike,
    trans: int | str | bool = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    check_finite: bool = True,
    b_ndim: int | None = None,
) -> Node:
    """x with a x = b for a triangular a: (..., n, n), (n) or (..., n, k) -> the shape of b.

    Only one triangle of a is read.  With `trans` (1 or "T") the system is a^T x = b, with 2
    or "C" a^H x = b; with `unit_diagonal` the diagonal counts as ones.  b is a vector if it has
    one axis, else columns; `b_ndim`=1 makes its last axis the vector.  A zero on the diagonal gives
    infinities or nan.
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(
            f"solve_triangular: trans={trans!r} found, expected 0, 1, 2, 'N', 'T' or 'C'"
        )
    left, right, vector = system(a, b, b_ndim, "solve_triangular")
    if dtypes.is_complex(left.dtype):
        read = triangle(left, bool(lower), bool(unit_diagonal))
        turns = {0: read, "N": read, 1: turned(read), "T": turned(read)}
        return columns(solve_pairs(turns.get(trans, adjoint(read)), right), vector)
    left, right = alike([left, right], "solve_triangular")
    op = SolveTriangular(bool(lower), trans not in (0, "N"), bool(unit_diagonal))
    return columns(Node(op, (left, right)), vector)


def cho_solve(
    c_and_lower: tuple[Arraylike, bool] | Arraylike,
    b: Arraylike,
    b_ndim: int | None = None,
    check_finite: bool = True,
    overwrite_b: bool = False,
) -> Node:
    """x with A x = b from the Cholesky factor c of A and whether it is lower: `(c, lower)`."""
    c, lower = c_and_lower if isinstance(c_and_lower, tuple) else (c_and_lower, True)
    first = solve_triangular(c, b, 0 if lower else 2, lower, b_ndim=b_ndim)
    return solve_triangular(c, first, 2 if lower else 0, lower, b_ndim=b_ndim)


def lu_solve(
    LU_and_pivots: tuple[Arraylike, Arraylike],
    b: Arraylike,
    trans: bool = False,
    b_ndim: int | None = None,
    check_finite: bool = True,
    overwrite_b: bool = False,
) -> Node:
    """x with A x = b, or A^T x = b with `trans`, from what `lu_factor` returns.

    For b see `solve_triangular`.  Raises BadValueError, at the call, for a pivot that is no row.
    """
    factors, pivots = LU_and_pivots
    left, right, vector = system(factors, b, b_ndim, "lu_solve")
    swaps = cast_to(insert_axes(as_node(pivots), [as_node(pivots).ndim]), left.dtype)
    left, right, swaps = alike([left, right, swaps], "lu_solve")

    def factor(lower: bool, x: Node) -> Node:
        return Node(SolveTriangular(lower, bool(trans), lower), (left, x))

    if trans:
        solution = swap_rows(swaps, factor(True, factor(False, right)), backwards=True)
    else:
        solution = factor(False, factor(True, swap_rows(swaps, right)))
    return columns(solution, vector)


def solve_banded(
    l_and_u: tuple[int, int], ab: Arraylike, b: Arraylike, b_ndim: int | None = None
) -> Node:
    """x with A x = b for a banded matrix A, as SciPy's: (..., l + u + 1, n), (n) or (..., n, k).

    A has l diagonals below the main one and u above it, and element (i, j) is ab[u + i - j, j].
    For b see `solve_triangular`.  Work and memory grow with n, not with its square; in derivatives
    too.  nan where A is singular.
    """
    below, above = l_and_u
    if not all(type(k) is int and k >= 0 for k in (below, above)):
        raise ValueError(f"solve_banded: {l_and_u!r} found, expected two ints of 0 or more")
    left, right, vector = system(ab, b, b_ndim, "solve_banded", square=False)
    if isinstance(left.dims[-2], int) and left.dims[-2] != below + above + 1:
        raise ShapeError(
            teach(f"solve_banded: {left.dims[-2]} diagonals found, expected {below + above + 1}, "
                  f"{below} below the main one and {above} above it", "check l and u", [left])
        )  # fmt: skip
    left, right = alike([left, right], "solve_banded")
    return columns(Node(SolveBanded(below, above), (left, right)), vector)


def _tridiagonal(a: Node) -> Node:
    """The three diagonals of a matrix, as `solve_banded` takes them."""
    n = a.dims[-1]
    rows = [
        placed(diagonal_of(a, k), a.ndim - 2, sizes.minimum(n, max(k, 0)), n) for k in (1, 0, -1)
    ]
    return join([insert_axes(row, [row.ndim - 1]) for row in rows], a.ndim - 2)


_SHORT_NAMES = {
    "general": "gen", "symmetric": "sym", "hermitian": "her", "positive definite": "pos",
    "upper": "upper triangular", "lower": "lower triangular",
}  # fmt: skip


def solve(
    a: Arraylike,
    b: Arraylike,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str = "gen",
    transposed: bool = False,
    b_ndim: int | None = None,
) -> Node:
    """x with a x = b: (..., n, n), (n) or (..., n, k) -> the shape of b.

    assume_a: "gen" (LU with row interchanges), "pos" (positive definite, by Cholesky; the triangle
    that is `lower` or not is read), "sym" and "her" (the triangle that is `lower` or not is read),
    "lower triangular", "upper triangular", "tridiagonal" or "diagonal".  With `transposed` the
    system is a^T x = b.  For b see `solve_triangular`.  A singular matrix gives infinities or nan,
    one that is not positive definite nan.  SciPy's longer names of assume_a are known too.  Raises
    NotImplementedError for other values of it.
    """
    assume_a = _SHORT_NAMES.get(assume_a, assume_a)
    if assume_a in ("lower triangular", "upper triangular"):
        return solve_triangular(a, b, int(transposed), assume_a.startswith("lower"), b_ndim=b_ndim)
    if assume_a == "pos":
        return cho_solve((cholesky(a, lower), lower), b, b_ndim)
    left, right, vector = system(a, b, b_ndim, "solve")
    if assume_a == "diagonal":
        diagonal = diagonal_of(left, 0, square=True)
        left, right = alike([insert_axes(diagonal, [diagonal.ndim]), right], "solve")
        return columns(apply("true_div", right, left), vector)
    if assume_a == "tridiagonal":
        diagonals = _tridiagonal(turned(left) if transposed else left)
        return columns(Node(SolveBanded(1, 1), tuple(alike([diagonals, right], "solve"))), vector)
    if assume_a == "her" and dtypes.is_complex(left.dtype):
        left = whole(left, lower)
    elif assume_a in ("sym", "her"):
        left = mirrored(left, lower)
    elif assume_a != "gen":
        raise NotImplementedError(
            f"solve: assume_a={assume_a!r} is not built; use 'gen', which solves every system"
        )
    if dtypes.is_complex(left.dtype):
        return columns(solve_pairs(turned(left) if transposed else left, right), vector)
    left, factors, right = alike([left, Node(LU(), (left,)), right], "solve")
    return columns(solve_by(left, factors, right, bool(transposed)), vector)


def lstsq(a: Arraylike, b: Arraylike, rcond: float | None = None) -> tuple[Node, Node, Node, Node]:
    """The shortest x that makes |a x - b| smallest: (m, n), (m) or (m, k) -> (n) or (n, k).

    Returns x, the sums of squared residuals of each column, the rank of a (int64) and its singular
    values; those up to `rcond` times the largest count as 0, as in `pinv`.  The derivative is that
    for a constant rank; the singular values of a complex matrix have a first one only, and further
    ones are nan.  NumPy leaves the residuals out where the rank is less than n or m is n.
    """
    left, right, vector = system(a, b, None, "lstsq", square=False, rows=-2)
    inverse, values, kept = pseudo_inverse(left, rcond)
    x = matmul(inverse, right)
    residuals = sum_over(squared_size(apply("sub", matmul(left, x), right)), axis=-2)
    rank = sum_over(cast(kept, "int64"), axis=-1)
    return columns(x, vector), columns(residuals, vector), rank, values


def tensorsolve(a: Arraylike, b: Arraylike, axes: Sequence[int] | None = None) -> Node:
    """x with tensordot(a, x, x.ndim) = b, as NumPy's; `axes` of a are moved to its end first.

    a has the shape of b followed by that of x, and their sizes are equal.
    """
    left, right = as_node(a), as_node(b)
    if axes is not None:
        last = [axis % left.ndim for axis in axes]
        left = permute_axes(left, (*(k for k in range(left.ndim) if k not in last), *last))
    wanted = left.dims[right.ndim :]
    flat = reshape_to(left, (math.prod(left.dims[: right.ndim]), math.prod(wanted)))
    return reshape_to(solve(flat, reshape_to(right, (math.prod(right.dims),))), wanted)


register("solve", solve)
