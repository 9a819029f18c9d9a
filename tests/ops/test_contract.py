"""Products of matrices, however their operands lie in memory."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.loops import Invoke, statements
from cgrad.core.node import Node
from cgrad.pipeline import Program, lower

rng = np.random.default_rng(0)
# on both sides of the size at which the library is called, and of that of the symmetric product
SIZES = [(0, 3, 2), (2, 0, 3), (1, 1, 1), (3, 2, 4), (7, 12, 9), (60, 50, 70)]


def invocations(inputs: list[Node], outputs: list[Node]) -> tuple[list[Invoke], int]:
    """The calls of a kernel and the bytes of its workspace slots."""
    kernel, slots, _ = lower(Program(inputs, outputs, "f"))
    found = [s for stmt in kernel.body for s in statements(stmt) if isinstance(s, Invoke)]
    return found, len(slots)


def close(got: Any, want: Any, length: int) -> None:
    assert got.dtype == want.dtype and got.shape == want.shape
    eps = np.finfo(got.dtype).eps
    np.testing.assert_allclose(got, want, rtol=0, atol=20 * eps * (length + 1))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_transposes_are_flags(dtype: str) -> None:
    x, y = ct.matrix("x", dtype=dtype), ct.matrix("y", dtype=dtype)
    ways = list(itertools.product([False, True], repeat=3))

    def turned(a: Any, flip: bool) -> Any:
        return a.T if flip else a

    outputs = [turned(turned(x, p) @ turned(y, q), r) for p, q, r in ways]
    for (p, q, _), out in zip(ways, outputs, strict=True):
        inputs = [x, y]
        calls, slots = invocations(inputs, [out])
        assert (len(calls), slots) == (1, 0), (p, q)
    for p, q in itertools.product([False, True], repeat=2):
        chosen = [k for k, way in enumerate(ways) if way[:2] == (p, q)]
        f = cgrad.function([x, y], [outputs[k] for k in chosen])
        for m, k, n in SIZES:
            a = rng.uniform(-1, 1, (k, m) if p else (m, k)).astype(dtype)
            b = rng.uniform(-1, 1, (n, k) if q else (k, n)).astype(dtype)
            want = (turned(a, p).astype("f8") @ turned(b, q).astype("f8")).astype(dtype)
            for position, got in zip(chosen, f(a, b), strict=True):
                close(got, turned(want, ways[position][2]), k)


def test_windows_are_read_where_they_are() -> None:
    x, y = ct.dmatrix("x"), ct.dmatrix("y")
    product = x[1:, 2:] @ y[:, 1:-1]
    calls, slots = invocations([x, y], [product])
    assert (len(calls), slots) == (1, 0)
    f = cgrad.function([x, y], product)
    a, b = rng.uniform(-1, 1, (12, 11)), rng.uniform(-1, 1, (9, 14))
    close(f(a, b), a[1:, 2:] @ b[:, 1:-1], 9)


def test_what_does_not_lie_in_rows_is_copied() -> None:
    x, y = ct.dmatrix("x"), ct.dmatrix("y")
    a, b = rng.uniform(-1, 1, (8, 10)), rng.uniform(-1, 1, (5, 7))
    f = cgrad.function([x, y], [x[:, ::2] @ y, x[::-1, :5] @ y, ct.flip(x, 1)[:, 5:] @ y[:, ::-1]])
    for got, want in zip(
        f(a, b), [a[:, ::2] @ b, a[::-1, :5] @ b, a[:, ::-1][:, 5:] @ b[:, ::-1]], strict=True
    ):
        close(got, want, 5)


def test_a_constant_and_a_stretched_operand() -> None:
    x, row = ct.dmatrix("x"), ct.dvector("row")
    c = rng.uniform(-1, 1, (6, 5))
    stretched = ct.broadcast_to(row, (x.shape[1], row.shape[0]))
    f = cgrad.function([x, row], [x @ ct.constant(c), x @ stretched])
    a, r = rng.uniform(-1, 1, (9, 6)), rng.uniform(-1, 1, 4)
    got = f(a, r)
    close(got[0], a @ c, 6)
    close(got[1], a @ np.broadcast_to(r, (6, 4)), 6)


def test_operands_are_computed_once() -> None:
    x, y = ct.dmatrix("x"), ct.dmatrix("y")
    calls, slots = invocations([x, y], [ct.exp(x) @ ct.sin(y.T)])
    assert (len(calls), slots) == (1, 2)


def test_a_product_with_its_own_transpose_is_symmetric() -> None:
    x = ct.dmatrix("x")
    calls, _ = invocations([x], [x @ x.T, x.T @ x])
    assert [call.function for call in calls] == ["cg_syrk_f64"] * 2
    f = cgrad.function([x], [x @ x.T, x.T @ x])
    for shape in [(3, 4), (70, 20), (49, 60), (0, 5), (60, 0)]:
        a = rng.uniform(-1, 1, shape)
        for got, want in zip(f(a), [a @ a.T, a.T @ a], strict=True):
            close(got, want, 70)
            assert np.array_equal(got, got.T)
    # the same rows of one matrix, but not the same number of them
    other, _ = invocations([x], [x[:3] @ x.T])
    assert [call.function for call in other] == ["cg_gemm_f64"]


@pytest.mark.parametrize("text", ["bij,bjk->bik", "bij,bkj->bki", "ibj,jbk->bik", "bij,jk->bik",
                                  "ij,bjk->bik", "bcij,bcjk->bcik", "ij,bkj->bik"])  # fmt: skip
def test_batches(text: str) -> None:
    sizes = {"b": 3, "c": 2, "i": 6, "j": 5, "k": 7}
    left, right = text.partition("->")[0].split(",")
    arrays = [rng.uniform(-1, 1, [sizes[label] for label in labels]) for labels in (left, right)]
    inputs = [ct.tensor(shape=(None,) * a.ndim, dtype="float64") for a in arrays]
    product = ct.einsum(text, *inputs)
    calls, slots = invocations(inputs, [product])
    assert len(calls) == 1 and slots == 0
    f = cgrad.function(inputs, product)
    close(f(*arrays), np.einsum(text, *arrays), 5)


def test_a_product_in_a_loop_writes_its_row() -> None:
    xs, w, h0 = ct.dtensor3("xs"), ct.dmatrix("w"), ct.dmatrix("h0")
    states, _ = cgrad.scan(lambda x, h, w: ct.tanh(x + h @ w), xs, h0, [w])
    products, _ = cgrad.scan(lambda x, w: x @ w, xs, non_sequences=[w])
    calls, slots = invocations([xs, w], [products])
    assert len(calls) == 1 and slots == 0
    cost = ct.sum(states**2)
    f = cgrad.function([xs, w, h0], [products, cost, *cgrad.grad(cost, [w, h0])])
    x, u, h = rng.uniform(-1, 1, (4, 6, 5)), rng.uniform(-1, 1, (5, 5)), rng.uniform(-1, 1, (6, 5))
    got = f(x, u, h)
    close(got[0], x @ u, 5)
    step = 1e-6
    for k, (i, j) in ((0, (1, 2)), (1, (3, 4))):
        at = [u, h]
        sides = []
        for sign in (1, -1):
            moved = [a.copy() for a in at]
            moved[k][i, j] += sign * step
            sides.append(float(f(x, *moved)[1]))
        assert abs((sides[0] - sides[1]) / (2 * step) - got[2 + k][i, j]) < 1e-7


def test_what_is_not_a_number_spreads_as_in_numpy() -> None:
    x, y = ct.dmatrix("x"), ct.dmatrix("y")
    f = cgrad.function([x, y], x @ y)
    for n in (3, 20):
        a, b = np.zeros((n, n)), np.ones((n, n))
        b[0, 0], b[1, 1] = np.inf, np.nan
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(np.isnan(f(a, b)), np.isnan(a @ b))


def test_second_derivatives() -> None:
    cgrad.gradient.verify_grad(
        lambda x, y: cgrad.grad(ct.sum(ct.sin(x @ y) ** 2), x),
        [rng.uniform(-1, 1, (4, 7)), rng.uniform(-1, 1, (7, 6))],
    )
