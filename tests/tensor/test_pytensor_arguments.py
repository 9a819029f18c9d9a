"""Arguments that PyTensor's functions take, by PyTensor's names and in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.tensor import linalg as la

rng = np.random.default_rng(3)
V, W, M, N = rng.normal(size=3), rng.normal(size=3), rng.normal(size=(3, 3)), np.eye(3) + 0.5
T, R = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3))
SPD = M @ M.T + np.eye(3)
K, B = np.array([2, 0, 1]), np.array([True, False, True])
v, w, m, n = ct.dvector("v"), ct.dvector("w"), ct.dmatrix("m"), ct.dmatrix("n")
t, r, spd = ct.dtensor3("t"), ct.dmatrix("r"), ct.dmatrix("spd")
k, b = ct.lvector("k"), ct.tensor("b", dtype="bool", shape=(None,))
GIVEN = {v: V, w: W, m: M, n: N, t: T, r: R, spd: SPD, k: K, b: B}

ELEMENTWISE = [
    (ct.add(v, w, 1.0), V + W + 1.0), (ct.add(v), V), (ct.mul(v, w, v), V * W * V),
    (ct.and_(b, b, False), B & False), (ct.or_(k, 4, 8), K | 12), (ct.xor(k, 1, 2), K ^ 3),
    (ct.logaddexp(v, w, v), np.logaddexp(np.logaddexp(V, W), V)), (ct.power(x=k, y=2), K**2),
    (ct.where(cond=b, ift=v, iff=w), np.where(B, V, W)), (v.clip(a_min=0, a_max=1), V.clip(0, 1)),
    (ct.round(a=v, mode="half_to_even"), np.round(V)), (ct.divmod(x=v, y=2)[1], V % 2),
    (v.conjugate(), V), (ct.conjugate(v), V), (v.ones_like(dtype="int32"), np.ones(3, "i4")),
    (v.zeros_like("bool"), np.zeros(3, bool)), (ct.full_like(a=v, fill_value=3), np.full(3, 3.0)),
]  # fmt: skip
SHAPES = [
    (ct.atleast_2d(v, left=False), V[:, None]), (ct.atleast_Nd(v, n=3), V[None, None]),
    (ct.atleast_1d(v, v.sum())[1], [V.sum()]), (ct.concatenate(tensor_list=[v, w]), [*V, *W]),
    (ct.join(1, [m, n]), np.hstack([M, N])), (ct.matrix_transpose(t), T.transpose(0, 2, 1)),
    (ct.moveaxis(a=t, source=0, destination=-1), np.moveaxis(T, 0, -1)),
    (ct.swapaxes(y=t, axis1=0, axis2=1), T.swapaxes(0, 1)), (ct.flip(arr=v), V[::-1]),
    (ct.expand_dims(a=v, axis=1), V[:, None]), (ct.tile(A=v, reps=2), np.tile(V, 2)),
    (ct.repeat(a=v, repeats=2), V.repeat(2)), (m.reshape((9,), ndim=1), M.ravel()),
    (ct.specify_shape(m, 3, None), M), (ct.shape_padleft(t=v), V[None]), (ct.diag(v=v), np.diag(V)),
    (ct.extract_diag(m, offset=1), M.diagonal(1)), (ct.trace(a=m), M.trace()),
    (ct.zeros(), np.zeros(())), (ct.pad(v, 1, mode="reflect", reflect_type="even"),
                                 np.pad(V, 1, mode="reflect")),
]  # fmt: skip
REDUCTIONS = [
    (ct.sum(input=m, axis=0), M.sum(0)), (ct.mean(input=m), M.mean()), (ct.ptp(a=v), np.ptp(V)),
    (ct.prod(input=m, axis=1), M.prod(1)), (ct.std(input=m, ddof=1), M.std(ddof=1)),
    (m.var(axis=0, ddof=1, keepdims=True, corrected=True), M.var(0, ddof=1, keepdims=True)),
    (ct.argsort(a=v, stable=True), V.argsort()),
    (ct.sort(v, kind="stable", order=None), np.sort(V)),
    (ct.max_and_argmax(a=m, axis=1)[1], M.argmax(1)), (ct.flatnonzero(a=b), np.flatnonzero(B)),
    (ct.take_along_axis(arr=m, indices=k[None]), np.take_along_axis(M, K[None], 0)),
]  # fmt: skip
RANGES = [
    (ct.linspace(start=v, stop=w, num=4, axis=-1), np.linspace(V, W, 4, axis=-1)),
    (ct.linspace(0, 10, 4, dtype="int64"), np.linspace(0, 10, 4, dtype="i8")),
    (ct.linspace(-5, 5, 4, dtype="int64"), np.linspace(-5, 5, 4, dtype="i8")),
    (ct.linspace(0.0, 1.0, 5, retstep=True)[1], 0.25),
    (ct.linspace(0.0, 1.0, 5, endpoint=False, retstep=True)[1], 0.2),
    (ct.logspace(start=0, stop=2, num=3, base=2.0), [1.0, 2.0, 4.0]),
    (ct.geomspace(start=1.0, stop=8.0, num=4), [1.0, 2.0, 4.0, 8.0]),
]  # fmt: skip
WINDOWS = [
    (ct.inc_subtensor(v[:2], 1.0, inplace=True), V + np.array([1, 1, 0])),
    (ct.inc_subtensor(v[:2], w[:2], set_instead_of_inc=True), [*W[:2], V[2]]),
    (ct.set_subtensor(v[0], 5.0, inplace=True, tolerate_inplace_aliasing=True), [5.0, *V[1:]]),
    (v[1:].set(y=0.0, inplace=False), [V[0], 0.0, 0.0]),
    (v[[0, 0]].inc(1.0, ignore_duplicates=True), V + np.array([1, 0, 0])),
]
PRODUCTS = [
    (ct.matmul(x1=m, x2=n, dtype="float32"), (M @ N).astype("f4")),
    (ct.matvec(t, t[0, 0]), T @ T[0, 0]),
    (ct.vecmat(v, m), V @ M), (ct.vecmat(r, t), np.einsum("bi,bij->bj", R, T)),
    (ct.vecdot(t, t), (T * T).sum(-1)), (ct.vecdot(v, m), M @ V),
    (ct.vecdot(1j * v, 2.0 * v), -2j * (V @ V)), (ct.vecmat(1j * v, m), -1j * (V @ M)),
    (ct.batched_dot(t, t.mT), T @ T.transpose(0, 2, 1)), (ct.batched_dot(r, t)[1], R[1] @ T[1]),
    (ct.batched_dot(r, r), (R * R).sum(1)), (ct.einsum("ij,j", m, v, optimize="optimal"), M @ V),
    (ct.outer(x=v, y=w), np.outer(V, W)), (la.kron(v, m), np.kron(V, M)), (la.trace(m), M.trace()),
]  # fmt: skip
LINEAR = [
    (la.cholesky(spd, True, False, True, "raise"), np.linalg.cholesky(SPD)),
    (la.solve(n, v, check_finite=False, assume_a="general"), np.linalg.solve(N, V)),
    (la.solve(spd, v, assume_a="positive definite", lower=True), np.linalg.solve(SPD, V)),
    (la.solve(spd, v, assume_a="symmetric"), np.linalg.solve(SPD, V)),
    (la.lu_solve(la.lu_factor(n, check_finite=False), v, overwrite_b=True), np.linalg.solve(N, V)),
    (la.eigh(spd, UPLO="U")[0], np.linalg.eigvalsh(SPD)), (la.matrix_power(M=n, n=3), N @ N @ N),
    (la.pinv(spd, hermitian=True), np.linalg.pinv(SPD)),
    (la.svd(r)[2].shape[0], 3), (la.svd(r, full_matrices=False)[2].shape[0], 2),
    (la.qr(r.T, mode="economic")[0].shape[1], 2), (la.qr(r.T, mode="full")[0].shape[1], 3),
    (la.solve_discrete_lyapunov(A=n / 5, Q=spd, method="bilinear"),
     la.solve_discrete_lyapunov(n / 5, spd)),
    (la.solve_sylvester(A=n, B=n, Q=spd), la.solve_sylvester(n, n, spd)),
]  # fmt: skip


@pytest.mark.parametrize(
    "rows", [ELEMENTWISE, SHAPES, REDUCTIONS, RANGES, WINDOWS, PRODUCTS, LINEAR]
)
def test_arguments(rows: list[tuple[Any, Any]], values: Callable[..., list[Any]]) -> None:
    found = values([node for node, _ in rows], GIVEN)
    for (node, expected), value in zip(rows, found, strict=True):
        if isinstance(expected, ct.Node):
            (expected,) = values([expected], GIVEN)
        assert np.shape(value) == np.shape(expected), node
        assert np.asarray(value).dtype == node.dtype
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14, err_msg=repr(node))


def test_what_is_not_built_says_so() -> None:
    for call in (
        lambda: la.qr(m, pivoting=True), lambda: ct.sort(v, order="x"),
        lambda: la.schur(m, output="complex"), lambda: la.schur(m, sort="lhp"),
        lambda: ct.pad(v, 1, mode="reflect", reflect_type="odd"),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError):
            call()
    with pytest.raises(ValueError, match="UPLO"):
        la.eigh(m, UPLO="X")
    with pytest.raises(TypeError, match="no arguments"):
        ct.add()
    with pytest.raises(TypeError):
        ct.logspace(0, 2, 3, 2.0)  # NumPy's endpoint, PyTensor's base


def test_a_copy_has_its_name() -> None:
    other = v.copy(name="other")
    assert other is not v and other.name == "other" and v.name == "v"


def test_all_vectors_of_a_square_matrix_have_derivatives() -> None:
    x = ct.tensor("x", shape=(3, 3))
    u, _, _ = la.svd(x)
    cgrad.grad(ct.sum(u**2), x)
    with pytest.raises(cgrad.NullTypeGradError, match="full_matrices=False"):
        cgrad.grad(ct.sum(la.svd(r)[2] ** 2), r)


def test_a_generator_may_be_given_by_name(values: Callable[..., list[Any]]) -> None:
    key = ct.random.key(3)
    pairs = [
        (ct.random.normal(v, 2.0, rng=key), ct.random.normal(key, v, 2.0)),
        (ct.random.integers(0, 9, size=4, rng=key), ct.random.integers(key, 0, 9, size=4)),
        (ct.random.gamma(2.0, scale=3.0, rng=key), ct.random.gamma(key, 2.0, scale=3.0)),
        (ct.random.permutation(k, rng=key), ct.random.permutation(key, k)),
    ]
    for one, other in pairs:
        np.testing.assert_array_equal(*values([one, other], GIVEN))
    with pytest.raises(TypeError, match="rng=key"):
        ct.random.normal(0.0, 1.0, size=(3,))


def test_arguments_of_functions_and_printers() -> None:
    assert cgrad.pprint(2.0 * v) == cgrad.pp(2.0 * v)
    assert cgrad.rewrite_graph(v * 1.0, clone=True) is v
    shown = cgrad.dprint(2.0 * v, file="str", print_shape=True, print_inner_graphs=True)
    assert shown == cgrad.dprint(2.0 * v, file="str")
    with pytest.raises(TypeError, match="print_nothing"):
        cgrad.dprint(v, print_nothing=True)
    with pytest.raises(ValueError, match="dtype='int64'"):
        ct.tensor("int64", shape=(None,))
    with pytest.raises(cgrad.DTypeError, match="out_type"):
        cgrad.verify_grad(lambda x: x, [np.ones(2)], out_type="float32", no_debug_ref=False)


def test_the_graph_of_a_function_can_be_looked_at() -> None:
    f = cgrad.function([v], ct.sum(ct.exp(v)), trust_input=True)
    graph = f.maker.fgraph
    assert [node.op.name for node in graph.toposort()] == ["exp", "sum"]
    assert graph.apply_nodes == set(graph.toposort()) and set(graph.inputs) <= graph.variables
    assert f.copy(profile=None)(np.zeros(2)) == 2.0
