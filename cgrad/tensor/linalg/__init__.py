"""Linear algebra, `cgrad.tensor.linalg`: NumPy's, SciPy's and PyTensor's names.

Matrices are the last two axes; leading axes run along, and stretch where their length is known to
be 1.  Integers become float64.  The work is done by LAPACK (OpenBLAS), small matrices by loops.
Derivatives of both modes exist to any order.

Responsible for: what users may pass, promotion, stretching, vectors.
Not responsible for: the ops and their rules (`cgrad.ops.linalg`).
"""

from cgrad.tensor.linalg.absent import __getattr__  # noqa: F401 (what unknown names are)
from cgrad.tensor.linalg.equations import (
    solve_continuous_are,
    solve_continuous_lyapunov,
    solve_discrete_are,
    solve_discrete_lyapunov,
    solve_sylvester,
)
from cgrad.tensor.linalg.factors import (
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    lu,
    lu_factor,
    pivot_to_permutation,
    qr,
    schur,
    svd,
)
from cgrad.tensor.linalg.functions import block_diag, expm, kron, matrix_dot, matrix_power
from cgrad.tensor.linalg.inverses import det, inv, pinv, slogdet, tensorinv
from cgrad.tensor.linalg.systems import (
    cho_solve,
    lstsq,
    lu_solve,
    solve,
    solve_banded,
    solve_triangular,
    tensorsolve,
)
from cgrad.tensor.norms import norm
from cgrad.tensor.products import trace

matrix_inverse = inv  # PyTensor's other name

__all__ = [
    "block_diag", "cho_solve", "cholesky", "det", "eig", "eigh", "eigvals", "eigvalsh", "expm",
    "inv", "kron", "lstsq", "lu", "lu_factor", "lu_solve", "matrix_dot", "matrix_inverse",
    "matrix_power", "norm", "pinv", "pivot_to_permutation", "qr", "schur", "slogdet", "solve",
    "solve_banded", "solve_continuous_are", "solve_continuous_lyapunov", "solve_discrete_are",
    "solve_discrete_lyapunov", "solve_sylvester", "solve_triangular", "svd", "tensorinv",
    "tensorsolve", "trace",
]  # fmt: skip
