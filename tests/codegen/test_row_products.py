"""Products of rows with one vector are one call for many rows; the bits of a row are its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from structure import c_of, calls, every_loop, kernel_of, statements

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.row_products import BLOCK, RowProducts
from cgrad.core.loops import Kernel, Local
from cgrad.core.node import Node

A, B, v, w = ct.dmatrix("A"), ct.dmatrix("B"), ct.dvector("v"), ct.dvector("w")


def products(kernel: Kernel) -> list[RowProducts]:
    return [stmt for stmt in statements(kernel.body) if isinstance(stmt, RowProducts)]


def test_a_product_with_a_vector_is_one_call() -> None:
    kernel, slots = kernel_of([A, v], [A @ v])
    assert len(kernel.body) == 1 and len(products(kernel)) == 1 and not slots
    assert "/* dot [n2] */\n    cg_dot_rows(n, m, m, A, v, out0);" in c_of([A, v], [A @ v])


def test_functions_of_products_are_in_a_loop_over_a_block_of_rows() -> None:
    kernel, slots = kernel_of([A, v, w], [A @ v - w])
    (blocks, inner) = every_loop(kernel)
    assert blocks.step == BLOCK and calls([inner], "dot") == 0 and not slots
    assert len(products(kernel)) == 1
    assert [s.buffer.shape for s in statements(kernel.body) if isinstance(s, Local)] == [(BLOCK,)]


def test_two_products_of_an_iteration() -> None:
    kernel, _ = kernel_of([A, B, v, w], [A @ v - B @ w])
    assert len(products(kernel)) == 2 and len(every_loop(kernel)) == 2


def test_two_layers_of_few_rows_have_arrays_of_their_own() -> None:
    """Both are declared in the body of the function."""
    first, second = ct.tensor("first", shape=(12, None)), ct.tensor("second", shape=(12, 12))
    z = first @ v - w
    kernel, _ = kernel_of([first, second, v, w], [z, second @ z - w])
    arrays = [s.buffer.name for s in kernel.body if isinstance(s, Local)]
    assert len(set(arrays)) == len(arrays) == 2


def test_rows_of_both_factors_stay_in_the_loop() -> None:
    kernel, _ = kernel_of([A, B], [ct.sum(A * B, axis=1)])
    assert not products(kernel) and len(every_loop(kernel)) == 1


def test_few_rows_stay_in_the_loop() -> None:
    short = ct.tensor("short", shape=(3, None))
    kernel, _ = kernel_of([short, v], [short @ v])
    assert not products(kernel)


STEPS: dict[str, Callable[..., Node]] = {
    "map": lambda a, x, y: a @ x - y,
    "stored": lambda a, x, y: a @ x,
    "wide": lambda a, x, y: ct.exp(-(a @ x)) * (a @ ct.sin(x)),
    "exchanged": lambda a, x, y: x @ a.T + y,
    "part": lambda a, x, y: a[1:, 1:] @ x[1:] + y[1:],
    "backwards": lambda a, x, y: a[::-1] @ x[::-1] - y,
    "of a product": lambda a, x, y: a @ (a.T @ (a @ x) - x),
    "loop": lambda a, x, y: cgrad.scan(
        lambda s, a: ct.tanh(a.T @ (a @ s)), outputs_info=[x], non_sequences=[a], n_steps=3
    )[0][-1],
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("columns", [None, 40])
def test_any_number_of_rows_and_columns(name: str, columns: int | None) -> None:
    a = ct.tensor("a", shape=(None, columns))
    f = cgrad.function([a, v, w], STEPS[name](a, v, w), on_unused_input="ignore")
    rng = np.random.default_rng(0)

    def check(n: int, m: int) -> None:
        M, x, y = rng.normal(size=(n, m)) / 4, rng.normal(size=m), rng.normal(size=n)
        want = {
            "map": lambda: M @ x - y,
            "stored": lambda: M @ x,
            "wide": lambda: np.exp(-(M @ x)) * (M @ np.sin(x)),
            "exchanged": lambda: M @ x + y,
            "part": lambda: M[1:, 1:] @ x[1:] + y[1:],
            "backwards": lambda: M[::-1] @ x[::-1] - y,
            "of a product": lambda: M @ (M.T @ (M @ x) - x),
            "loop": lambda: _three_steps(M, x),
        }[name]()
        np.testing.assert_allclose(f(M, x, y), want, rtol=1e-10, atol=1e-12)

    for n in (1, 3, 4, 5, BLOCK - 1, BLOCK, BLOCK + 6, 3 * BLOCK + 1):
        for m in (1, 2, 7, 8, 13, 300) if columns is None else (columns,):
            check(n, m)


def _three_steps(M: np.ndarray, s: np.ndarray) -> np.ndarray:
    for _ in range(3):
        s = np.tanh(M.T @ (M @ s))
    return s


def test_a_row_has_the_same_bits_at_every_place() -> None:
    f = cgrad.function([A, v, w], [A @ v, A @ v + w])
    rng = np.random.default_rng(1)
    for m in (1, 5, 8, 31, 70, 300):
        row, x = rng.normal(size=m), rng.normal(size=m)
        found = set()
        for n in (1, 2, 3, 4, 7, 33, 70):
            for result in f(np.tile(row, (n, 1)), x, np.zeros(n)):
                found |= {float(value) for value in result}
        assert len(found) == 1, m
