"""Sums over short axes: rows in the lanes of vectors, one sum for each of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from structure import calls, every_loop, kernel_of, nests, statements

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.strip import BLOCK
from cgrad.core.loops import For, If, Local
from cgrad.core.node import Node

X, C, x = ct.dmatrix("X"), ct.dmatrix("C"), ct.dvector("x")


def distances(points: Any = X, centres: Any = C) -> Any:
    return ct.sum((points[:, None, :] - centres[None]) ** 2, axis=2)


def blocks(outputs: list[Node], inputs: list[Node] | None = None) -> list[For]:
    kernel, _ = kernel_of(inputs or [X, C], outputs)
    return [nest for nest in nests(kernel) if nest.step == BLOCK]


def test_rows_are_the_innermost_loop() -> None:
    Y, D = ct.tensor("Y", shape=(None, 8)), ct.tensor("D", shape=(None, 8))
    (block,) = blocks([ct.min(distances(Y, D), axis=1)], [Y, D])
    deepest = [s for s in statements([block]) if isinstance(s, For) and s.index == "i"]
    assert len(deepest) > 3
    # the copy reads along a row
    copy, *rest = deepest
    assert [type(s) for s in copy.body] == [For]
    assert not any(isinstance(s, For) for loop in rest for s in loop.body)
    assert calls([block], "sum_block") == 0 == calls([block], "sum")
    assert any(isinstance(s, Local) for s in block.body)


def test_loops_where_nothing_is_read_twice_stay() -> None:
    T = ct.dtensor3("T")
    v = ct.dvector("v")
    # rows of one array; an array read once; few rows
    assert not blocks([ct.sum(X**2, axis=1)], [X])
    assert not blocks([ct.min(ct.sum(ct.sqr(T - v), axis=2), axis=1)], [T, v])
    few = ct.tensor("few", shape=(4, None))
    assert not blocks([ct.min(distances(few), axis=1)], [few, C])


def test_inner_loops_take_their_rows_from_a_copy_of_all() -> None:
    kernel, slots = kernel_of([X, C], [ct.exp(-distances()), ct.sum(distances(), axis=1)])
    asked, outer = nests(kernel)
    (copy,) = asked.body
    assert len(slots) == 1 and outer.step == 1
    assert isinstance(asked, If) and isinstance(copy, For) and copy.index == "j"
    assert next(loop.step for loop in statements(outer.body) if isinstance(loop, For)) == BLOCK
    # exponentials in a loop without loops, and rows that are stored one after the other
    rows = [s for s in statements(outer.body) if isinstance(s, For) and s.index == "j"]
    (exponentials,) = (row for row in rows if calls([row], "exp"))
    assert not any(isinstance(s, For) for s in exponentials.body)
    # a transposed array is read as it is
    kernel, slots = kernel_of([X, C], [distances(X, C.T)])
    assert not slots and BLOCK in {loop.step for loop in every_loop(kernel)}


def test_long_sums_go_along_rows() -> None:
    """Either form, by the length of the axis; one where it is known."""
    (nest,) = blocks([ct.min(distances(), axis=1)])
    sides = [s for s in statements([nest]) if isinstance(s, If)]
    copy, short, long = sides
    assert (copy.wanted, short.wanted, long.wanted) == (True, True, False)
    assert calls([short], "sum_block") == 0 and calls([long], "sum_block") == 1
    known = {8: (0, False), 64: (0, False), 65: (1, True), 300: (1, True)}
    for length, (sums, strips) in known.items():
        Y, D = (ct.tensor(name, shape=(None, length)) for name in "YD")
        kernel, _ = kernel_of([Y, D], [ct.min(distances(Y, D), axis=1)])
        found = every_loop(kernel)
        assert not any(isinstance(loop, If) for loop in found)
        assert calls(kernel.body, "sum_block") == sums
        assert (256 in {loop.step for loop in found}) == (strips and length > 256)


def test_what_a_long_sum_does_not_read_is_not_copied() -> None:
    near = ct.min(distances(), axis=1)
    (nest,) = blocks([near])
    assert any(isinstance(s, If) for s in nest.body)
    # the derivative reads the copy, too
    (nest,) = blocks([cgrad.grad(ct.sum(near), C)])
    assert not any(isinstance(s, If) for s in nest.body)


def mixture(points: Any = X, centres: Any = C) -> Any:
    """The logarithm of a density, and what uses it."""
    return ct.logsumexp(-distances(points, centres), axis=1)


@pytest.fixture(scope="module")
def compiled() -> Any:
    near = ct.min(distances(), axis=1)
    value, density = ct.sum(near * x), mixture()
    slope = cgrad.grad(value, [X, C])
    results = [near, value, *slope, density, cgrad.grad(ct.sum(density * x), C)]
    results += [ct.sqrt(distances()), distances(C, X)]
    return cgrad.function([X, C, x], results)


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 70])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 2), (5, 0), (2, 7), (4, 64), (4, 65), (4, 300)])
def test_values(compiled: Any, n: int, k: int, d: int) -> None:
    rng = np.random.default_rng(n + d)
    points, centres, weights = rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.normal(size=n)
    apart = points[:, None] - centres
    square = np.sum(apart**2, axis=2)
    near = square.min(axis=1)
    hit = (square == near[:, None]).astype(float)
    share = hit / hit.sum(axis=1, keepdims=True) * weights[:, None]
    pull = 2 * apart * share[:, :, None]
    e = np.exp(near[:, None] - square)
    density = np.log(e.sum(axis=1)) - near
    part = e / e.sum(axis=1, keepdims=True) * weights[:, None]
    want = [
        near,
        np.sum(near * weights),
        pull.sum(axis=1),
        -pull.sum(axis=0),
        density,
        np.sum(2 * apart * part[:, :, None], axis=0),
        np.sqrt(square),
        square.T,
    ]
    for a, b in zip(compiled(points, centres, weights), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_the_bits_of_a_row_do_not_depend_on_its_place(compiled: Any) -> None:
    rng = np.random.default_rng(0)
    for length in (64, 65, 301):
        row, centres = rng.normal(size=(1, length)), rng.normal(size=(3, length))
        alone = compiled(row, centres, np.ones(1))
        many = compiled(np.tile(row, (77, 1)), centres, np.ones(77))
        for k in (0, 4):
            assert set(many[k].tolist()) == {float(alone[k][0])}
        assert len({v.tobytes() for v in many[2]}) == 1


def test_the_error_of_a_long_sum_does_not_grow_with_it(compiled: Any) -> None:
    rng = np.random.default_rng(1)
    points, centres = rng.normal(size=(3, 40_000)), np.zeros((1, 40_000))
    near = compiled(points, centres, np.ones(3))[0]
    for got, row in zip(near, points, strict=True):
        assert abs(got / math.fsum(row * row) - 1) < 5e-15
    # all errors in one direction
    points[:] = 0.1
    (got, *_) = compiled(points, centres, np.ones(3))[0]
    assert abs(got / math.fsum(points[0] * points[0]) - 1) < 300 * 2**-53


def test_a_nest_with_positions_that_are_looked_up_stays() -> None:
    rows = ct.lvector("rows")
    assert not blocks([ct.min(distances(X[rows]), axis=1)], [X, rows, C])


def test_float32_and_values_of_the_row() -> None:
    Z, D = ct.fmatrix("Z"), ct.fmatrix("D")
    near = ct.min(distances(Z, D) / (1 + ct.sum(ct.sqr(Z), axis=1))[:, None], axis=1)
    f = cgrad.function([Z, D], [near, cgrad.grad(ct.sum(near), D)])
    rng = np.random.default_rng(2)
    points, centres = (rng.normal(size=(n, 5)).astype("float32") for n in (45, 3))
    square = np.sum((points[:, None] - centres).astype("float64") ** 2, axis=2)
    want = (square / (1 + np.sum(points.astype("float64") ** 2, axis=1))[:, None]).min(axis=1)
    got, slope = f(points, centres)
    np.testing.assert_allclose(got, want, rtol=3e-6)
    assert got.dtype == slope.dtype == np.float32 and np.isfinite(slope).all()


def test_sums_beside_each_other_over_axes_of_different_length() -> None:
    Y, D = ct.dmatrix("Y"), ct.dmatrix("D")
    f = cgrad.function([X, C, Y, D], ct.min(distances() + distances(Y, D), axis=1))
    rng = np.random.default_rng(3)
    for d, e in ((1, 5), (7, 2)):
        a, b, y, z = (rng.normal(size=shape) for shape in ((35, d), (3, d), (35, e), (3, e)))
        want = [np.sum((p[:, None] - q) ** 2, axis=2) for p, q in ((a, b), (y, z))]
        np.testing.assert_allclose(f(a, b, y, z), np.min(sum(want), axis=1), rtol=1e-13)
