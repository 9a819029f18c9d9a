"""Sizes that only the call knows are compared, also when a rule drops the operand they are of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node
from cgrad.errors import ShapeError

FIVE, MASK = np.arange(5), np.array([1, 0, 1, 1, 0], bool)
SHORTER: dict[str, Callable[[Node, Node], Node]] = {
    "fill": lambda k, v: k.fill(v),
    "filled": lambda k, v: v.fill(k),
    "product with 0": lambda k, v: 0 * (k + v),
    "difference": lambda k, v: (k + v) - (k + v),
    "choice": lambda k, v: ct.switch(ct.constant(True), k, v),
    "power 0": lambda k, v: (k * 1.5 + v) ** 0,
    "logic": lambda k, v: ct.and_(False, ct.lt(k, v)),
    "sum": lambda k, v: ct.sum(0 * (k + v)),
}


@pytest.mark.parametrize("name", SHORTER)
def test_dropped_operands_are_compared(name: str) -> None:
    k, mask = ct.lvector("k"), ct.tensor("mask", dtype="bool", shape=(None,))
    f = cgrad.function([k, mask], SHORTER[name](k, ct.nonzero(mask)[0]))
    with pytest.raises(ShapeError, match=r"axis 0 (of k )?has size"):
        f(FIVE, MASK)
    assert f(FIVE, np.ones(5, bool)).shape in ((5,), ())


def test_what_is_compared_in_place_is_compared_once() -> None:
    x, mask = ct.dvector("x"), ct.tensor("mask", dtype="bool", shape=(None,))
    f = cgrad.function([x, mask], 2 * (3 * (x + x[mask])))
    assert len(re.findall(r"cg_fail\(st, CG_SHAPE, \d+, 0, cg_min", f.c_source)) == 1


# -- lengths that are 1 only at the call ----------------------------------------------------------
@pytest.mark.parametrize(
    "build",
    [
        lambda v: ct.broadcast_to(ct.broadcast_to(v, (1,)), (4,)),
        lambda v: ct.broadcast_to(2 * (3 * ct.specify_shape(v, (1,))), (4,)) / 6,
        lambda v: ct.broadcast_to(ct.broadcast_to(v, (1,)).reshape((1, 1)), (1, 4))[0],
    ],
)
def test_a_length_of_1_stretches_or_is_refused(build: Callable[[Node], Any]) -> None:
    x, mask = ct.dvector("x"), ct.tensor("mask", dtype="bool", shape=(None,))
    inside = cgrad.function([x, mask], build(x[mask]))
    at_entry = cgrad.function([x], build(x))
    np.testing.assert_array_equal(inside(FIVE, FIVE == 3), np.full(4, 3.0))
    np.testing.assert_array_equal(at_entry([3.0]), np.full(4, 3.0))
    # 4 elements would fill the result: they are no less wrong than 3
    for wrong in (FIVE > 1, FIVE > 0):
        with pytest.raises(ShapeError, match="expected 1"):
            inside(FIVE, wrong)
        with pytest.raises(ShapeError, match="expected 1"):
            at_entry(FIVE[wrong])
