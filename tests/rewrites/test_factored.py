"""What is computed with a Cholesky factor is differentiated as a function of the matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node
from cgrad.rewrites import simplify
from cgrad.tensor import linalg as la

K, y, B = ct.dmatrix("K"), ct.dvector("y"), ct.dmatrix("B")
L = la.cholesky(K)
U = la.cholesky(K, lower=False)
z = la.solve_triangular(L, y, lower=True)
Z = la.solve_triangular(L, B, lower=True)

rng = np.random.default_rng(11)
root = rng.normal(size=(40, 40))
AT = {K: root @ root.T / 40 + np.eye(40), y: rng.normal(size=40), B: rng.normal(size=(40, 3))}
inverse = np.linalg.inv(AT[K])


def lower(slope: np.ndarray) -> np.ndarray:
    """The derivative by the lower triangle, from that by all elements of a symmetric matrix."""
    return np.tril(slope) + np.tril(slope, -1)


log_det = lower(inverse / 2)
by_vector = -lower(np.outer(inverse @ AT[y], inverse @ AT[y]))
by_columns = -lower(inverse @ AT[B] @ AT[B].T @ inverse)

# what a user writes, and its derivative by K
FORMS: dict[str, tuple[Node, np.ndarray]] = {
    "sum(log(diagonal(L)))": (ct.sum(ct.log(ct.diagonal(L))), log_det),
    "sum(log(diagonal(U)))": (ct.sum(ct.log(ct.diagonal(U))), log_det.T),
    "sum(log(diag(L)))": (ct.sum(ct.log(ct.diag(L))), log_det),
    "sum(z**2)": (ct.sum(z**2), by_vector),
    "sum(z * z)": (ct.sum(z * z), by_vector),
    "sum(sqr(z))": (ct.sum(ct.sqr(z)), by_vector),
    "dot(z, z)": (ct.dot(z, z), by_vector),
    "z.T @ z": (z.T @ z, by_vector),
    "sum(Z**2)": (ct.sum(Z**2), by_columns),
    "sum(sum(Z**2, 0))": (ct.sum(ct.sum(Z**2, 0)), by_columns),
    "of U": (ct.sum(la.solve_triangular(U, y, trans=1) ** 2), by_vector.T),
    "of U.T": (ct.sum(la.solve_triangular(U.T, y, lower=True) ** 2), by_vector.T),
    "y @ solve(K, y)": (y @ la.solve(K, y, assume_a="pos", lower=True), by_vector),
    "y @ cho_solve(L, y)": (y @ la.cho_solve((L, True), y), by_vector),
}


@pytest.mark.parametrize("name", FORMS)
def test_no_product_of_matrices_is_left(name: str) -> None:
    value, expected = FORMS[name]
    gradient = cgrad.grad(value, K)
    names = [(n.op.name, n.ndim) for n in toposort(simplify([gradient]))]
    inverses = names.count(("positive_inverse", 2))
    assert inverses == name.startswith("sum(log")
    solves = [n for n in toposort(simplify([gradient])) if n.op.name == "solve_triangular"]
    assert all(n.dims[-1] != n.dims[-2] for n in solves)
    got = cgrad.function(list(AT), gradient, on_unused_input="ignore")(*AT.values())
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_a_likelihood_shares_one_factor_and_its_solves() -> None:
    value = 0.5 * ct.sum(z**2) + ct.sum(ct.log(ct.diagonal(L)))
    order = toposort(simplify([value, *cgrad.grad(value, [K, y])]))
    names = [node.op.name for node in order]
    assert names.count("cholesky") == names.count("positive_inverse") == 1
    assert names.count("solve_triangular") == 2


@pytest.mark.parametrize(
    ("cost", "wrt"),
    [
        (ct.sum(ct.log(ct.diagonal(L))), L),
        (ct.sum(z**2), z),
        (ct.sum(z**2), L),
        (ct.sum(Z**2), Z),
        (ct.sum(la.cho_solve((L, True), B) ** 2), L),
    ],
)
def test_a_part_that_is_differentiated_by_stays(cost: Node, wrt: Node) -> None:
    """The derivative by the factor, or by what was computed with it, is not that by the matrix."""
    part = ct.tensor("part", shape=(None,) * wrt.ndim, dtype="float64")
    # the same graph with that part as an argument has the same derivative
    (other,) = substitute([cost], {wrt: part})
    f = cgrad.function([*AT, part], cgrad.grad(other, part), on_unused_input="ignore")
    g = cgrad.function(list(AT), [cgrad.grad(cost, wrt), wrt], on_unused_input="ignore")
    gradient, at = g(*AT.values())
    np.testing.assert_allclose(gradient, f(*AT.values(), at), rtol=1e-12, atol=1e-12)


def one_column() -> Node:
    b = ct.tensor("b", shape=(None, 1), dtype="float64")
    return la.solve_triangular(L, b, lower=True)


SIMILAR: dict[str, Callable[[], Node]] = {
    "of a constant factor": lambda: ct.sum(ct.log(ct.diagonal(ct.dmatrix("M")))),
    "the upper triangle of L": lambda: ct.sum(la.solve_triangular(L, y) ** 2),
    "ones on the diagonal": lambda: ct.sum(
        la.solve_triangular(L, y, lower=True, unit_diagonal=True) ** 2
    ),
    "the transposed factor": lambda: ct.sum(la.solve_triangular(L, y, trans=1, lower=True) ** 2),
    "another diagonal": lambda: ct.sum(ct.log(ct.diagonal(L, -1))),
    "rows": lambda: ct.sum(ct.sum(Z**2, 1)[1:]),
    "a solution turned round": lambda: ct.sum(
        y * la.solve_triangular(L, one_column()[::-1, 0], trans=1, lower=True)
    ),
}


@pytest.mark.parametrize("name", SIMILAR)
def test_what_only_looks_similar_stays(name: str) -> None:
    gradients = cgrad.grad(SIMILAR[name](), [K], disconnected_inputs="ignore")
    names = {node.op.name for node in toposort(gradients)}
    assert not names & {"positive_inverse", "squared_norm", "positive_solve"}


def test_a_matrix_that_is_not_positive_definite() -> None:
    """nan, as through the factor; or the error, if the factor raises one."""
    value = ct.sum(z**2) + ct.sum(ct.log(ct.diagonal(L)))
    f = cgrad.function([K, y], cgrad.grad(value, K))
    gradient = f(-AT[K], AT[y])
    assert np.isnan(gradient[np.tril_indices(40)]).all()
    strict = la.cholesky(K, on_error="raise")
    g = cgrad.function([K], cgrad.grad(ct.sum(ct.log(ct.diagonal(strict))), K))
    with pytest.raises(cgrad.BadValueError):
        g(-AT[K])


def test_float32_and_no_rows() -> None:
    a = ct.fmatrix("a")
    f = cgrad.function([a], cgrad.grad(ct.sum(ct.log(ct.diagonal(la.cholesky(a)))), a))
    gradient = f(AT[K].astype("float32"))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, log_det, rtol=1e-3, atol=1e-3)
    assert f(np.ones((0, 0), "float32")).shape == (0, 0)
