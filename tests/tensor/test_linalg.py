"""Linear algebra against NumPy: values, shapes, dtypes, stretching, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.tensor import linalg

# around the sizes at which the library takes over, empty and 1 x 1
SIZES = [(0, 2), (1, 1), (3, 0), (3, 2), (8, 1), (9, 6), (40, 30)]


def positive(rng: np.random.Generator, *shape: int, dtype: str = "float64") -> np.ndarray:
    x = rng.normal(size=shape)
    n = shape[-1]
    return (x @ np.swapaxes(x, -1, -2) / max(n, 1) + np.eye(n)).astype(dtype)


def test_linalg_is_a_name_of_tensor() -> None:
    assert ct.linalg is linalg and set(linalg.__all__) <= set(dir(linalg))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values(dtype: str) -> None:
    a, b = ct.matrix("a", dtype=dtype), ct.matrix("b", dtype=dtype)
    outputs = [
        linalg.cholesky(a), linalg.cholesky(a, lower=False), linalg.solve(a, b), linalg.inv(a),
        linalg.det(a), *linalg.slogdet(a), linalg.solve(a, b, transposed=True),
        linalg.solve(a, b, assume_a="pos"), linalg.solve(a, b, assume_a="diagonal"),
        linalg.cho_solve((linalg.cholesky(a), True), b),
        linalg.cho_solve((linalg.cholesky(a, lower=False), False), b),
        *(linalg.solve_triangular(a, b, trans, lower, unit)
          for trans in (0, "T") for lower in (False, True) for unit in (False, True)),
    ]  # fmt: skip
    f = cgrad.function([a, b], outputs)
    rng = np.random.default_rng(0)
    eps = np.finfo(dtype).eps
    for n, k in SIZES:
        x, y = positive(rng, n, n, dtype=dtype), rng.normal(size=(n, k)).astype(dtype)
        x[np.tril_indices(n, -1)] = np.swapaxes(x, -1, -2)[np.tril_indices(n, -1)]
        w, v = x.astype("f8"), y.astype("f8")
        factor = np.linalg.cholesky(w)
        wanted: list[Any] = [factor, factor.T, np.linalg.solve(w, v), np.linalg.inv(w),
                             np.linalg.det(w), *np.linalg.slogdet(w), np.linalg.solve(w.T, v),
                             np.linalg.solve(w, v), v / np.diag(w)[:, None],
                             np.linalg.solve(w, v), np.linalg.solve(w, v)]  # fmt: skip
        for trans in (False, True):
            for lower in (False, True):
                for unit in (False, True):
                    t = np.tril(w) if lower else np.triu(w)
                    if unit:
                        np.fill_diagonal(t, 1)
                    wanted.append(np.linalg.solve(t.T if trans else t, v))
        for position, (got, want) in enumerate(zip(f(x, y), wanted, strict=True)):
            assert got.dtype == dtype and got.shape == np.shape(want), position
            scale = np.max(np.abs(want), initial=1.0)
            assert np.max(np.abs(got - want), initial=0) <= 400 * eps * (n + 1) * scale, position


def test_general_matrices_need_interchanges() -> None:
    a, b = ct.dmatrix("a"), ct.dvector("b")
    f = cgrad.function([a, b], [linalg.solve(a, b), linalg.det(a), *linalg.slogdet(a),
                                linalg.solve(a, b, transposed=True)])  # fmt: skip
    rng = np.random.default_rng(1)
    for n in (2, 3, 5, 8, 9, 20):
        for _ in range(5):
            x, y = rng.normal(size=(n, n)), rng.normal(size=n)
            x[0, 0] = 0.0
            got = f(x, y)
            want = [np.linalg.solve(x, y), np.linalg.det(x), *np.linalg.slogdet(x),
                    np.linalg.solve(x.T, y)]  # fmt: skip
            for g, w in zip(got, want, strict=True):
                np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-9)


def test_batches_stretch() -> None:
    rng = np.random.default_rng(2)
    a, b, one = ct.dtensor3("a"), ct.dtensor3("b"), ct.dmatrix("one")
    v = ct.dmatrix("v")
    f = cgrad.function(
        [a, b, one, v],
        [linalg.solve(a, b), linalg.solve(one, b), linalg.cholesky(a), linalg.det(a),
         linalg.solve(a, v, b_ndim=1), linalg.solve_triangular(one, b, lower=True),
         linalg.inv(a), linalg.slogdet(a)[1]],
    )  # fmt: skip
    for n in (3, 12):
        x, y = positive(rng, 4, n, n), rng.normal(size=(4, n, 2))
        single, vectors = positive(rng, n, n), rng.normal(size=(4, n))
        want = [np.linalg.solve(x, y), np.linalg.solve(single, y), np.linalg.cholesky(x),
                np.linalg.det(x), np.linalg.solve(x, vectors[..., None])[..., 0],
                np.linalg.solve(np.tril(single), y), np.linalg.inv(x),
                np.linalg.slogdet(x)[1]]  # fmt: skip
        for got, wanted in zip(f(x, y, single, vectors), want, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)


def test_operands_lie_anywhere() -> None:
    a, b = ct.dmatrix("a"), ct.dmatrix("b")
    part, right = a[1:, 2:].T, b[::-1, ::2]
    f = cgrad.function([a, b], [linalg.solve(part, right), linalg.cholesky(a[1:, 2:].T),
                                linalg.solve_triangular(part, right, lower=True)])  # fmt: skip
    rng = np.random.default_rng(3)
    for n in (4, 13):
        x, y = np.zeros((n + 1, n + 2)), rng.normal(size=(n, 7))
        x[1:, 2:] = positive(rng, n, n)
        want = [np.linalg.solve(x[1:, 2:].T, y[::-1, ::2]), np.linalg.cholesky(x[1:, 2:]),
                np.linalg.solve(np.tril(x[1:, 2:].T), y[::-1, ::2])]  # fmt: skip
        for got, wanted in zip(f(x, y), want, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def test_what_is_not_positive_definite() -> None:
    a = ct.dmatrix("a")
    f = cgrad.function([a], linalg.cholesky(a))
    g = cgrad.function([a], linalg.cholesky(a, on_error="raise"))
    for n in (1, 2, 8, 9, 30):
        x = np.eye(n)
        np.testing.assert_array_equal(g(x), x)
        x[n // 2, n // 2] = -1
        assert np.all(np.isnan(f(x)))
        with pytest.raises(cgrad.BadValueError, match="not positive definite") as error:
            g(x)
        assert "test_linalg.py" in str(error.value)
        x[n // 2, n // 2] = np.nan
        assert np.all(np.isnan(f(x)))


def test_singular_matrices_do_not_crash() -> None:
    a, b = ct.dmatrix("a"), ct.dvector("b")
    f = cgrad.function([a, b], [linalg.solve(a, b), linalg.det(a), *linalg.slogdet(a)])
    for n in (1, 2, 8, 9, 30):
        for x in (np.zeros((n, n)), np.full((n, n), np.nan), np.full((n, n), np.inf)):
            solution, det, sign, log = f(x, np.ones(n))
            assert solution.shape == (n,)
            if not np.any(np.isinf(x)):
                assert not np.any(np.isfinite(solution))
            if not x.any():
                assert det == 0 and sign == 0 and log == -np.inf


def test_one_factorisation_for_value_and_derivative() -> None:
    a, b = ct.dmatrix("a"), ct.dvector("b")
    cost = linalg.slogdet(a)[1] + ct.dot(b, linalg.solve(a, b))
    f = cgrad.function([a, b], [cost, *cgrad.grad(cost, [a, b])])
    body = f.c_source[f.c_source.index("static int64_t f(") :]
    assert body.count("cg_lu_f64(") == 1


def test_composed() -> None:
    a, b, v = ct.dmatrix("a"), ct.dmatrix("b"), ct.dvector("v")
    f = cgrad.function(
        [a, b, v],
        [linalg.kron(a, b), linalg.kron(v, v), linalg.block_diag(a, b), linalg.matrix_power(a, 5),
         linalg.matrix_power(a, 0), linalg.matrix_power(a, -2), linalg.matrix_dot(a, a, a)],
    )  # fmt: skip
    rng = np.random.default_rng(4)
    x, y, z = positive(rng, 3, 3), rng.normal(size=(2, 4)), rng.normal(size=3)
    blocks = np.zeros((5, 7))
    blocks[:3, :3], blocks[3:, 3:] = x, y
    want = [np.kron(x, y), np.kron(z, z), blocks, np.linalg.matrix_power(x, 5), np.eye(3),
            np.linalg.matrix_power(x, -2), x @ x @ x]  # fmt: skip
    for got, wanted in zip(f(x, y, z), want, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


def test_integers_become_floats() -> None:
    n = ct.lmatrix("n")
    f = cgrad.function([n], [linalg.inv(n), linalg.det(n)])
    got = f(np.array([[2, 1], [1, 1]]))
    np.testing.assert_allclose(got[0], [[1, -1], [-1, 2]], rtol=1e-14)
    assert got[0].dtype == np.float64 and got[1] == 1.0


def test_what_is_refused() -> None:
    a, b, v = ct.dmatrix("a"), ct.dmatrix("b"), ct.dvector("v")
    fixed = ct.tensor("fixed", shape=(2, 3), dtype="float64")
    with pytest.raises(cgrad.ShapeError, match="2 or more"):
        linalg.cholesky(v)
    with pytest.raises(cgrad.ShapeError, match="square"):
        linalg.inv(fixed)
    with pytest.raises(cgrad.ShapeError, match="rows"):
        linalg.solve(fixed.T @ fixed, ct.tensor(shape=(2, 1), dtype="float64"))
    with pytest.raises(ValueError, match="on_error"):
        linalg.cholesky(a, on_error="ignore")
    with pytest.raises(ValueError, match="trans"):
        linalg.solve_triangular(a, b, trans=2)
    with pytest.raises(NotImplementedError, match="gen"):
        linalg.solve(a, b, assume_a="tridiagonal")
    with pytest.raises(TypeError, match="an int"):
        linalg.matrix_power(a, 1.5)  # type: ignore[arg-type]
    f = cgrad.function([a, b], linalg.solve(a, b))
    with pytest.raises(cgrad.ShapeError):
        f(np.ones((2, 3)), np.ones((2, 1)))
    with pytest.raises(cgrad.ShapeError):
        f(np.ones((2, 2)), np.ones((3, 1)))


def test_graphs_stay_small() -> None:
    """A triangular solve is one node, its gradient a handful."""
    a, b = ct.dmatrix("a"), ct.dvector("b")
    cost = ct.sum(linalg.solve_triangular(a, b, lower=True))
    count: list[Node] = toposort(cgrad.grad(cost, [a, b]))
    assert sum(node.op.name == "solve_triangular" for node in count) == 2
