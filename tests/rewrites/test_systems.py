"""Inverses and determinants written out: what becomes of them, and that it is no worse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.linalg import SolveTriangular
from cgrad.rewrites import simplify
from cgrad.tensor import linalg as la

A, B, C = ct.dmatrix("A"), ct.dmatrix("B"), ct.dtensor3("C")
v = ct.dvector("v")
S = ct.dtensor3("S")
rng = np.random.default_rng(3)
GIVEN = {
    A: rng.normal(size=(4, 4)), B: rng.normal(size=(4, 4)), C: rng.normal(size=(2, 4, 4)),
    S: rng.normal(size=(2, 4, 4)), v: rng.normal(size=4),
}  # fmt: skip
inv = np.linalg.inv

# what a user writes, the same in NumPy
PRODUCTS: dict[str, tuple[Node, Callable[..., np.ndarray]]] = {
    "inv(A) @ v": (la.inv(A) @ v, lambda: inv(GIVEN[A]) @ GIVEN[v]),
    "v @ inv(A)": (v @ la.inv(A), lambda: GIVEN[v] @ inv(GIVEN[A])),
    "inv(A) @ B": (la.inv(A) @ B, lambda: inv(GIVEN[A]) @ GIVEN[B]),
    "B @ inv(A)": (B @ la.inv(A), lambda: GIVEN[B] @ inv(GIVEN[A])),
    "inv(A).T @ B": (la.inv(A).T @ B, lambda: inv(GIVEN[A]).T @ GIVEN[B]),
    "inv(S) @ C": (la.inv(S) @ C, lambda: inv(GIVEN[S]) @ GIVEN[C]),
    "C @ inv(S)": (C @ la.inv(S), lambda: GIVEN[C] @ inv(GIVEN[S])),
    "inv(A) over C": (ct.tensordot(C, la.inv(A), [[1], [1]]),
                      lambda: np.tensordot(GIVEN[C], inv(GIVEN[A]), [[1], [1]])),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_an_inverse_are_systems(name: str) -> None:
    node, reference = PRODUCTS[name]
    (plain,) = simplify([node])
    names = [n.op.name for n in toposort([plain])]
    assert "dot" not in names and "triangle" not in names and names.count("lu_solve") == 1
    value = cgrad.function(list(GIVEN), node, on_unused_input="ignore")(*GIVEN.values())
    np.testing.assert_allclose(value, reference(), rtol=1e-9, atol=1e-9)


def test_an_inverse_that_is_wanted_stays() -> None:
    for node in (la.inv(A), la.inv(A) * B, ct.trace(la.inv(A) @ la.inv(B))):
        (plain,) = simplify([node])
        assert "triangle" in [n.op.name for n in toposort([plain])]


def test_sums_of_an_inverse_are_not_systems() -> None:
    """Both axes of the inverse are summed, or neither is."""
    outputs = [ct.tensordot(la.inv(A), B, 2), ct.outer(la.inv(A), v)]
    got = cgrad.function([A, B, v], outputs)(GIVEN[A], GIVEN[B], GIVEN[v])
    np.testing.assert_allclose(got[0], np.sum(inv(GIVEN[A]) * GIVEN[B]), rtol=1e-10)
    np.testing.assert_allclose(got[1], np.outer(inv(GIVEN[A]), GIVEN[v]), rtol=1e-10)


def test_logarithms_of_determinants_do_not_overflow() -> None:
    f = cgrad.function([A], [ct.log(la.det(A)), ct.log(ct.abs(la.det(A)))])
    large, small = 1e9 * np.eye(50), 1e-9 * np.eye(50)
    for x in (large, small):
        want = np.linalg.slogdet(x)[1]
        np.testing.assert_allclose(f(x), [want, want], rtol=1e-14)
    flipped = large.copy()
    flipped[0, 0] *= -1
    plain, absolute = f(flipped)
    assert np.isnan(plain) and absolute == pytest.approx(np.linalg.slogdet(flipped)[1])
    assert [float(x) for x in f(np.zeros((2, 2)))] == [-np.inf, -np.inf]


def test_a_quadratic_form_takes_one_triangular_system() -> None:
    for lower in (False, True):
        node = ct.dot(v, la.solve(A, v, assume_a="pos", lower=lower))
        (plain,) = simplify([node])
        assert [n.op.name for n in toposort([plain])].count("solve_triangular") == 1
        x = GIVEN[A] @ GIVEN[A].T
        value, slope = cgrad.function([A, v], [node, cgrad.grad(node, v)])(x, GIVEN[v])
        np.testing.assert_allclose(value, GIVEN[v] @ np.linalg.solve(x, GIVEN[v]), rtol=1e-9)
        np.testing.assert_allclose(slope, 2 * np.linalg.solve(x, GIVEN[v]), rtol=1e-8)


def test_forms_of_two_vectors_are_no_squares() -> None:
    w = ct.dvector("w")
    node = ct.dot(w, la.solve(A, v, assume_a="pos"))
    (plain,) = simplify([node])
    assert [n.op.name for n in toposort([plain])].count("solve_triangular") == 2


@pytest.mark.parametrize("part", [slice(None, None, -1), slice(None)])
def test_the_solution_must_be_the_whole_column(part: slice) -> None:
    """dot(b, x[::-1]) was taken for dot(b, x)."""
    x = la.solve(A, v, assume_a="pos")[part]
    a = GIVEN[A] @ GIVEN[A].T + np.eye(4)
    before, after = [ct.dot(v, x)], simplify([ct.dot(v, x)])
    given = {A: a, v: GIVEN[v]}
    want = GIVEN[v] @ np.linalg.solve(a, GIVEN[v])[part]
    for outputs in (before, after):
        np.testing.assert_allclose(evaluate(outputs, given)[0], want, rtol=1e-10)
    systems = [node for node in toposort(after) if isinstance(node.op, SolveTriangular)]
    assert len(systems) == (1 if part.step is None else 2)
