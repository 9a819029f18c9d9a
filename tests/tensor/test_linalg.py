"""Linear algebra against NumPy: values, shapes, dtypes, stretching, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
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


def test_factors_and_systems_against_scipy() -> None:
    a, b, ab = ct.dmatrix("a"), ct.dmatrix("b"), ct.dmatrix("ab")
    packed, pivots = linalg.lu_factor(a)
    f = cgrad.function([a, b, ab], {
        "P": linalg.lu(a)[0], "L": linalg.lu(a)[1], "U": linalg.lu(a)[2],
        "PL": linalg.lu(a, permute_l=True)[0], "p": linalg.lu(a, p_indices=True)[0],
        "packed": packed, "pivots": pivots,
        "order": linalg.pivot_to_permutation(pivots),
        "inverse": linalg.pivot_to_permutation(pivots, inverse=True),
        "x": linalg.lu_solve((packed, pivots), b),
        "turned": linalg.lu_solve((packed, pivots), b, trans=True),
        "expm": linalg.expm(a), "T": linalg.schur(a)[0], "Z": linalg.schur(a)[1],
        "least": linalg.lstsq(a[:, :2], b)[0], "residuals": linalg.lstsq(a[:, :2], b)[1],
        "rank": linalg.lstsq(a[:, :2], b)[2], "values": linalg.lstsq(a[:, :2], b)[3],
        "sym": linalg.solve(a, b, assume_a="sym"),
        "three": linalg.solve(a, b, assume_a="tridiagonal"),
        "three turned": linalg.solve(a, b, assume_a="tridiagonal", transposed=True),
        "banded": linalg.solve_banded((1, 2), ab, b),
    })  # fmt: skip
    rng = np.random.default_rng(7)
    for n in (3, 5, 12, 30):
        x, y, band = rng.normal(size=(n, n)), rng.normal(size=(n, 3)), rng.normal(size=(4, n))
        got = f(x, y, band)
        p, lower, upper = scipy.linalg.lu(x)
        least, residuals, rank, values = np.linalg.lstsq(x[:, :2], y, rcond=None)
        three = np.triu(np.tril(x, 1), -1)
        want = {
            "P": p, "L": lower, "U": upper, "PL": p @ lower, "p": np.argmax(p, axis=1),
            "packed": scipy.linalg.lu_factor(x)[0], "pivots": scipy.linalg.lu_factor(x)[1],
            "order": np.argmax(p, axis=1), "inverse": np.argmax(p, axis=0),
            "x": np.linalg.solve(x, y), "turned": np.linalg.solve(x.T, y),
            "expm": scipy.linalg.expm(x), "least": least, "residuals": residuals, "rank": rank,
            "values": values, "sym": np.linalg.solve(np.triu(x) + np.triu(x, 1).T, y),
            "three": np.linalg.solve(three, y), "three turned": np.linalg.solve(three.T, y),
            "banded": scipy.linalg.solve_banded((1, 2), band, y),
        }  # fmt: skip
        for name, value in want.items():
            scale = np.max(np.abs(value))
            np.testing.assert_allclose(got[name], value, atol=1e-10 * scale, err_msg=name)
        np.testing.assert_allclose(got["Z"] @ got["T"] @ got["Z"].T, x, atol=1e-12)
        np.testing.assert_allclose(got["Z"].T @ got["Z"], np.eye(n), atol=1e-13)
        assert got["pivots"].dtype == "int32" and got["p"].dtype == got["order"].dtype == "int64"


def test_exponentials_in_batches_and_at_the_ends() -> None:
    a = ct.dtensor3("a")
    f = cgrad.function([a], linalg.expm(a))
    rng = np.random.default_rng(8)
    scales = np.array([0.0, 1e-300, 1e-3, 1.0, 30.0])[:, None, None]
    x = scales * rng.normal(size=(5, 4, 4))
    want = scipy.linalg.expm(x)
    for got, value in zip(f(x), want, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-12, atol=1e-13 * np.max(np.abs(value)))
    assert f(np.zeros((0, 3, 3))).shape == (0, 3, 3) and f(np.zeros((2, 0, 0))).shape == (2, 0, 0)
    assert np.isnan(f(np.full((1, 2, 2), np.nan))).all()
    assert not np.isfinite(f(np.full((1, 2, 2), np.inf))).any()
    assert not np.isfinite(f(np.full((1, 2, 2), 1e300))).any()


def test_a_pivot_that_is_no_row_is_refused() -> None:
    factors, pivots, b = ct.dmatrix("factors"), ct.ivector("pivots"), ct.dvector("b")
    f = cgrad.function([factors, pivots, b], linalg.lu_solve((factors, pivots), b))
    assert f(np.eye(2), np.array([1, 1], "int32"), [1.0, 2.0]).tolist() == [2.0, 1.0]
    for bad in (-1, 2, 2**31 - 1):
        with pytest.raises(cgrad.errors.BadValueError, match="pivot"):
            f(np.eye(2), np.array([0, bad], "int32"), [1.0, 2.0])


def test_singular_bands_are_nan() -> None:
    ab, b = ct.dmatrix("ab"), ct.dvector("b")
    f = cgrad.function([ab, b], linalg.solve_banded((1, 1), ab, b))
    assert np.isnan(f(np.zeros((3, 4)), np.ones(4))).all()
    assert f(np.ones((3, 0)), []).shape == (0,)
    with pytest.raises(ValueError, match=r"\(1, -1\)"):
        linalg.solve_banded((1, -1), ab, b)
    with pytest.raises(cgrad.errors.ShapeError, match="3 diagonals"):
        linalg.solve_banded((2, 2), ct.tensor(dtype="float64", shape=(3, None)), b)


def test_schur_has_no_derivative() -> None:
    a = ct.dmatrix("a")
    with pytest.raises(NotImplementedError, match="schur"):
        cgrad.grad(ct.sum(linalg.schur(a)[0]), a)


def test_tensor_equations() -> None:
    a, b, c = ct.dtensor4("a"), ct.dmatrix("b"), ct.dtensor3("c")
    f = cgrad.function([a, b, c], [linalg.tensorinv(a), linalg.tensorsolve(c, b),
                                   linalg.tensorsolve(a, b, axes=(0, 1))])  # fmt: skip
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(2, 3, 3, 2)), rng.normal(size=(3, 2))
    z = rng.normal(size=(3, 2, 6))
    got = f(x, y, z)
    want = [np.linalg.tensorinv(x), np.linalg.tensorsolve(z, y),
            np.linalg.tensorsolve(x, y, axes=(0, 1))]  # fmt: skip
    for value, expected in zip(got, want, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-9)


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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_decompositions(dtype: str) -> None:
    a = ct.matrix("a", dtype=dtype)
    f = cgrad.function([a], [*linalg.svd(a, full_matrices=False), *linalg.qr(a), linalg.pinv(a)])
    g = cgrad.function([a], [*linalg.eigh(a), linalg.eigh(a, lower=False)[0]])
    rng = np.random.default_rng(5)
    for m, n in [(0, 3), (3, 0), (1, 1), (4, 2), (2, 4), (30, 9), (9, 30)]:
        x = rng.normal(size=(m, n)).astype(dtype)
        k = min(m, n)
        u, s, vt, q, r, p = f(x)
        close = {"atol": 300 * np.finfo(dtype).eps * (m + n), "rtol": 0}
        np.testing.assert_allclose(s, np.linalg.svd(x, compute_uv=False), **close)
        np.testing.assert_allclose(u * s @ vt, x, **close)
        np.testing.assert_allclose(q @ r, x, **close)
        for orthogonal in (u, vt.T, q):
            np.testing.assert_allclose(orthogonal.T @ orthogonal, np.eye(k), **close)
        assert np.array_equal(r, np.triu(r)) and p.dtype == dtype and p.shape == (n, m)
        np.testing.assert_allclose(x @ p @ x, x, **close)
        np.testing.assert_allclose(p @ x @ p, p, **close)
        square = rng.normal(size=(m, m)).astype(dtype)
        w, v, w_upper = g(square)
        lower, upper = np.tril(square), np.triu(square)
        whole = lower + np.tril(square, -1).T
        np.testing.assert_allclose(whole @ v, v * w, **close)
        np.testing.assert_allclose(w, np.sort(w), **close)
        upper_values = np.linalg.eigvalsh(upper + np.triu(square, 1).T)
        np.testing.assert_allclose(w_upper, upper_values, **close)


def test_decompositions_of_batches_and_of_what_is_not_a_number() -> None:
    a = ct.dtensor3("a")
    f = cgrad.function(
        [a], [*linalg.eigh(a), *linalg.svd(a, full_matrices=False), *linalg.qr(a), linalg.pinv(a)]
    )
    rng = np.random.default_rng(6)
    x = positive(rng, 3, 4, 4)
    w, v, u, s, vt, q, r, p = f(x)
    np.testing.assert_allclose(v * w[:, None, :] @ np.swapaxes(v, -1, -2), x, atol=1e-12)
    np.testing.assert_allclose(u * s[:, None, :] @ vt, x, atol=1e-12)
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    np.testing.assert_allclose(p, np.linalg.inv(x), atol=1e-11)
    for wild in (np.nan, np.inf):
        x[1, 2, 2] = wild
        w, v, u, s, vt, *_ = f(x)
        assert all(np.all(np.isnan(part[1])) for part in (w, v, u, s, vt))
        assert all(np.all(np.isfinite(part[0])) for part in (w, v, u, s, vt))


def test_the_rank_that_pinv_sees() -> None:
    a = ct.dmatrix("a")
    f = cgrad.function([a], [linalg.pinv(a), linalg.pinv(a, rcond=0.5)])
    x = np.diag([4.0, 1.0, 0.0])
    got = f(x)
    np.testing.assert_allclose(got[0], np.diag([0.25, 1.0, 0.0]), atol=1e-15)
    np.testing.assert_allclose(got[1], np.diag([0.25, 0.0, 0.0]), atol=1e-15)


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


@pytest.mark.parametrize("shape", [(2, 4, 2), (1, 2, 3), (1, 2, 2), (1, 2, 0)])
def test_square_factors(shape: tuple[int, ...]) -> None:
    """`svd` and `qr` whose vectors span the whole space."""
    x = ct.tensor("x", shape=(None, None, None))
    at = np.random.default_rng(2).normal(size=shape)
    at[0] = np.eye(*shape[1:])
    outs = [*linalg.svd(x, full_matrices=True), *linalg.qr(x, mode="complete")]
    u, s, vt, q, r = evaluate(outs, {x: at})
    m, n = shape[1:]
    middle = np.zeros(shape)
    middle[:, np.arange(min(m, n)), np.arange(min(m, n))] = s
    pairs = [
        (u @ middle @ vt, at),
        (q @ r, at),
        (u.swapaxes(1, 2) @ u, np.eye(m)),
        (vt @ vt.swapaxes(1, 2), np.eye(n)),
        (q.swapaxes(1, 2) @ q, np.eye(m)),
    ]
    for found, want in pairs:
        np.testing.assert_allclose(found, np.broadcast_to(want, found.shape), atol=1e-13)
    (slope,) = evaluate([cgrad.grad(ct.sum(outs[1]), x)], {x: at})
    assert np.isfinite(slope).all()
    with pytest.raises(cgrad.NullTypeGradError, match="only the space"):
        cgrad.grad(ct.sum(outs[0]), x)


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
        linalg.solve_triangular(a, b, trans=3)
    with pytest.raises(NotImplementedError, match="gen"):
        linalg.solve(a, b, assume_a="banded")
    with pytest.raises(NotImplementedError, match="reduced"):
        linalg.qr(a, mode="raw")
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
