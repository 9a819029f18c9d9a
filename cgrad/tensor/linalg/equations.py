"""Linear equations whose unknown is a matrix: Sylvester's and Lyapunov's.

They are systems of n m ordinary equations: with rows one behind the other, vec(A X B) is
(A kron B^T) vec(X). So they cost O(n^3 m^3) operations and n^2 m^2 elements of memory, which suits
matrices of up to some tens of rows, and have derivatives of any order.

Responsible for: the equations.  Not responsible for: solving systems (`systems`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike
from cgrad.ops.elementwise import apply
from cgrad.tensor.creation import eye
from cgrad.tensor.linalg.functions import kron
from cgrad.tensor.linalg.matrices import matrix
from cgrad.tensor.linalg.systems import solve
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import reshape, transpose


def solve_sylvester(a: Arraylike, b: Arraylike, q: Arraylike) -> Node:
    """X with a X + X b = q: (n, n), (m, m), (n, m) -> (n, m).

    By a system of n m equations (R. H. Bartels, G. W. Stewart, "Algorithm 432", 1972, have a
    cheaper way; this one has derivatives of any order). There is one solution unless an eigenvalue
    of a is one of -b; then the result is infinite or nan.  Raises ShapeError for leading axes.
    """
    left, right, given = (_plain(x, "solve_sylvester", k < 2) for k, x in enumerate((a, b, q)))
    n, m = given.shape[0], given.shape[1]
    system = apply("add", kron(left, eye(m)), kron(eye(n), transpose(right)))
    return reshape(solve(system, reshape(given, (n * m,))), (n, m))


def solve_continuous_lyapunov(a: Arraylike, q: Arraylike) -> Node:
    """X with a X + X a^T = q: (n, n), (n, n) -> (n, n).  See `solve_sylvester`."""
    node = _plain(a, "solve_continuous_lyapunov")
    return solve_sylvester(node, transpose(node), _plain(q, "solve_continuous_lyapunov"))


def solve_discrete_lyapunov(a: Arraylike, q: Arraylike) -> Node:
    """X with a X a^T - X + q = 0: (n, n), (n, n) -> (n, n).

    The covariance of a stationary process x' = a x + noise of covariance q.  By a system of n^2
    equations. There is one solution unless the product of two eigenvalues of a is 1.  Raises
    ShapeError for leading axes.
    """
    left, given = (_plain(x, "solve_discrete_lyapunov") for x in (a, q))
    n = given.shape[0]
    system = apply("sub", eye(n * n), kron(left, left))
    return reshape(solve(system, reshape(given, (n * n,))), (n, n))


def _plain(x: Arraylike, what: str, square: bool = True) -> Node:
    node = matrix(x, what, square)
    if node.ndim != 2:
        raise ShapeError(
            teach(f"{what}: {node.ndim} axes found, expected 2", "solve one equation at a time, "
                  "or use cgrad.vectorize", [node])
        )  # fmt: skip
    return node
