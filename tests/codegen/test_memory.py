"""The workspace: what it takes, who shares it, and sizes that do not fit."""

from __future__ import annotations

from structure import kernel_of

import cgrad
import cgrad.tensor as ct
from cgrad.core import sizes
from cgrad.core.dtypes import BYTES


def bytes_at(n: int, inputs: list, outputs: list) -> int:
    """The workspace when every unknown length is n."""
    _, slots = kernel_of(inputs, outputs)
    return sum(
        (sizes.evaluate(slot.count, lambda atom: n) * slot.bytes + 63) // 64 * 64 for slot in slots
    )


def test_elementwise_needs_none() -> None:
    x = ct.dmatrix("x")
    y = ct.exp(ct.sin(x) * x) + ct.cos(x)
    assert bytes_at(100, [x], [y, ct.sum(y), cgrad.grad(ct.sum(y**2), x)]) == 0


def test_slots_are_shared_by_those_that_never_live_together() -> None:
    x = ct.dmatrix("x")
    y = x
    for _ in range(8):
        y = ct.dot(y, x)
    n = 10
    assert bytes_at(n, [x], [ct.sum(y)]) <= 3 * ((n * n * 8 + 63) // 64 * 64)


def test_a_gradient_of_a_loop_keeps_the_history_and_little_else() -> None:
    x, h0 = ct.dmatrix("x"), ct.dvector("h0")
    h, _ = cgrad.scan(lambda row, h: ct.tanh(h) + row, x, h0)
    n = 64
    # the carry before each step, its value after each step, and twice that
    most = 3 * n * n * 8 + 8 * n * 8
    assert bytes_at(n, [x, h0], [cgrad.grad(ct.sum(h**2), h0)]) <= most


def test_bytes_of_dtypes() -> None:
    assert {name: BYTES[name] for name in ("bool", "int8", "uint16", "float32", "float64")} == {
        "bool": 1, "int8": 1, "uint16": 2, "float32": 4, "float64": 8,
    }  # fmt: skip
