"""Equations whose unknown is a matrix: Sylvester's, Lyapunov's and Riccati's.

The linear ones are systems of n m ordinary equations: with rows one behind the other, vec(A X B) is
(A kron B^T) vec(X). So they cost O(n^3 m^3) operations and n^2 m^2 elements of memory, which suits
matrices of up to some tens of rows, and have derivatives of any order.

Riccati's are solved by doubling (E. K.-W. Chu, H.-Y. Fan, W.-W. Lin, "A structure-preserving
doubling algorithm for continuous-time algebraic Riccati equations", 2005), and their derivative is
the solution of Lyapunov's equation (`cgrad.ops.riccati`).

Responsible for: the equations.  Not responsible for: solving systems (`systems`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.errors import ShapeError
from cgrad.ops.coerce import Arraylike, cast_to, result_dtype
from cgrad.ops.elementwise import apply
from cgrad.ops.linalg import identity_like
from cgrad.ops.riccati import ContinuousRiccati, DiscreteRiccati
from cgrad.tensor.creation import eye
from cgrad.tensor.linalg.functions import kron
from cgrad.tensor.linalg.inverses import inv
from cgrad.tensor.linalg.matrices import matrix
from cgrad.tensor.linalg.systems import solve
from cgrad.tensor.math import sum as sum_over
from cgrad.tensor.messages import teach
from cgrad.tensor.products import matmul
from cgrad.tensor.scan import scan, until
from cgrad.tensor.shape import concatenate, reshape, transpose

_DOUBLINGS = 60  # 2^60 steps of the regulator


def solve_sylvester(A: Arraylike, B: Arraylike, Q: Arraylike) -> Node:
    """X with A X + X B = Q: (n, n), (m, m), (n, m) -> (n, m).

    By a system of n m equations (R. H. Bartels, G. W. Stewart, "Algorithm 432", 1972, have a
    cheaper way; this one has derivatives of any order). There is one solution unless an eigenvalue
    of A is one of -B; then the result is infinite or nan.  Raises ShapeError for leading axes.
    """
    left, right, given = (_plain(x, "solve_sylvester", k < 2) for k, x in enumerate((A, B, Q)))
    n, m = given.shape[0], given.shape[1]
    system = apply("add", kron(left, eye(m)), kron(eye(n), transpose(right)))
    return reshape(solve(system, reshape(given, (n * m,))), (n, m))


def solve_continuous_lyapunov(A: Arraylike, Q: Arraylike) -> Node:
    """X with A X + X A^T = Q: (n, n), (n, n) -> (n, n).  See `solve_sylvester`."""
    node = _plain(A, "solve_continuous_lyapunov")
    return solve_sylvester(node, transpose(node), _plain(Q, "solve_continuous_lyapunov"))


def solve_discrete_lyapunov(A: Arraylike, Q: Arraylike, method: str = "direct") -> Node:
    """X with A X A^T - X + Q = 0: (n, n), (n, n) -> (n, n).

    The covariance of a stationary process x' = A x + noise of covariance Q.  By a system of n^2
    equations. There is one solution unless the product of two eigenvalues of A is 1.  Raises
    ShapeError for leading axes.  `method` may be "direct" or "bilinear", and both mean this one.
    """
    if method not in ("direct", "bilinear"):
        raise ValueError(
            f"solve_discrete_lyapunov: method={method!r} found, expected 'direct' or 'bilinear'"
        )
    left, given = (_plain(x, "solve_discrete_lyapunov") for x in (A, Q))
    n = given.shape[0]
    system = apply("sub", eye(n * n), kron(left, left))
    return reshape(solve(system, reshape(given, (n * n,))), (n, n))


def solve_discrete_are(
    A: Arraylike, B: Arraylike, Q: Arraylike, R: Arraylike, enforce_Q_symmetric: bool = False
) -> Node:
    """X with A^T X A - X - A^T X B (R + B^T X B)^-1 B^T X A + Q = 0.

    (n, n), (n, m), (n, n), (m, m) -> (n, n).  The cost to go of a discrete linear-quadratic
    regulator: the solution for which A - B (R + B^T X B)^-1 B^T X A has eigenvalues of absolute
    value below 1.  Q and R are symmetric, R is not singular; with `enforce_Q_symmetric` Q is
    (Q + Q^T) / 2.  Derivatives of any order, each by a system of n^2 equations.  nan where doubling
    finds no solution.
    """
    A, B, Q, R = _regulator(A, B, Q, R, "solve_discrete_are", enforce_Q_symmetric)
    value = _doubled(A, matmul(B, solve(R, transpose(B))), Q)
    return Node(DiscreteRiccati(), (value, A, B, Q, R))


def solve_continuous_are(a: Arraylike, b: Arraylike, q: Arraylike, r: Arraylike) -> Node:
    """X with a^T X + X a - X b r^-1 b^T X + q = 0: (n, n), (n, m), (n, n), (m, m) -> (n, n).

    The cost to go of a continuous linear-quadratic regulator: the solution for which
    a - b r^-1 b^T X has eigenvalues with negative real parts.  Otherwise as `solve_discrete_are`.
    """
    a, b, q, r = _regulator(a, b, q, r, "solve_continuous_are", False)
    # Cayley's transformation, with a shift beyond every eigenvalue of a
    g = matmul(b, solve(r, transpose(b)))
    rows = sum_over(apply("abs", a), axis=1)
    shift = apply("add", sum_over(rows), 1.0)
    one = identity_like(a)
    moved = apply("sub", a, apply("mul", shift, one))
    twice = apply("mul", 2.0, shift)
    # W = moved^T + q moved^-1 g
    w = apply("add", transpose(moved), matmul(q, solve(moved, g)))
    inverse = inv(w)
    first = apply("add", one, apply("mul", twice, transpose(inverse)))
    g0 = apply("mul", twice, matmul(solve(moved, g), inverse))
    h0 = apply("mul", twice, matmul(inverse, matmul(q, inv(moved))))
    return Node(ContinuousRiccati(), (_doubled(first, g0, h0), a, b, q, r))


def _doubled(a: Node, g: Node, h: Node) -> Node:
    """The limit of h under a -> a W a, g -> g + a W g a^T, h -> h + a^T h W a with
    W = (I + g h)^-1, in which a becomes 0 quadratically."""

    def step(a: Node, g: Node, h: Node) -> Any:
        both = solve(apply("add", identity_like(a), matmul(g, h)), concatenate([a, g], axis=1))
        n = a.shape[0]
        left, right = both[:, :n], both[:, n:]
        new = (
            matmul(a, left),
            apply("add", g, matmul(a, matmul(right, transpose(a)))),
            apply("add", h, matmul(transpose(a), matmul(h, left))),
        )
        change = sum_over(apply("abs", apply("sub", new[2], h)))
        done = apply("le", change, apply("mul", 1e-16, sum_over(apply("abs", h))))
        return new, until(apply("logical_or", done, apply("isnan", change)))

    (_, _, found), _ = scan(step, outputs_info=[a, g, h], n_steps=_DOUBLINGS)
    last = found[-1]
    return apply("mul", 0.5, apply("add", last, transpose(last)))


def _regulator(
    a: Arraylike, b: Arraylike, q: Arraylike, r: Arraylike, what: str, symmetric: bool
) -> list[Node]:
    nodes = [_plain(x, what, k != 1) for k, x in enumerate((a, b, q, r))]
    dtype = result_dtype(nodes)
    nodes = [cast_to(node, dtype) for node in nodes]
    if symmetric:
        nodes[2] = apply("mul", 0.5, apply("add", nodes[2], transpose(nodes[2])))
    return nodes


def _plain(x: Arraylike, what: str, square: bool = True) -> Node:
    node = matrix(x, what, square)
    if node.ndim != 2:
        raise ShapeError(
            teach(f"{what}: {node.ndim} axes found, expected 2", "solve one equation at a time, "
                  "or use cgrad.vectorize", [node])
        )  # fmt: skip
    return node


register("solve_discrete_lyapunov", solve_discrete_lyapunov)
register("solve_continuous_lyapunov", solve_continuous_lyapunov)
