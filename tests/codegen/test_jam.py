"""Short rows go four at a time where they share loads, with the same bits as one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from structure import every_loop, kernel_of

import cgrad
import cgrad.tensor as ct
from cgrad import pipeline
from cgrad.codegen import jam
from cgrad.core.loops import Accumulate


def test_rows_share_what_they_read_and_add_to() -> None:
    A, v = ct.dmatrix("A"), ct.dvector("v")
    kernel, _ = kernel_of([A, v], [A @ v, ct.tanh(v) @ A])
    four = [loop for loop in every_loop(kernel) if loop.step == jam.ROWS]
    assert len(four) == 2
    for loop in four:
        (inner,) = [loop for loop in loop.body if hasattr(loop, "body")]
        assert sum(isinstance(stmt, Accumulate) for stmt in inner.body) == jam.ROWS


def test_rows_that_share_nothing_go_one_at_a_time() -> None:
    A, B = ct.dmatrix("A"), ct.dmatrix("B")
    kernel, _ = kernel_of([A, B], [ct.sum(A * B, axis=1)])
    assert {loop.step for loop in every_loop(kernel)} == {1}


def test_a_whole_number_of_fours_leaves_nothing_over() -> None:
    A, v = ct.tensor("A", shape=(8, 8)), ct.tensor("v", shape=(8,))
    kernel, _ = kernel_of([A, v], [A @ v])
    assert [loop.extent for loop in every_loop(kernel)] == [8, 8]


def test_the_same_bits_as_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    A, B, v, w = ct.dmatrix("A"), ct.dmatrix("B"), ct.dvector("v"), ct.dvector("w")
    outputs = [A @ v, w @ A, A @ B, ct.sum(A, axis=0)]
    four = cgrad.function([A, B, v, w], outputs, name="four")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "jam", lambda stmts, names: stmts)
        one = cgrad.function([A, B, v, w], outputs, name="one_at_a_time")
    for rows in range(10):
        rng = np.random.default_rng(rows)
        shapes = (rows, 7), (7, 5), (7,), (rows,)
        values = [rng.normal(size=shape) for shape in shapes]
        for a, b in zip(four(*values), one(*values), strict=True):
            assert a.tobytes() == b.tobytes()
