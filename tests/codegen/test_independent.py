"""Which loops are said to touch different elements in each iteration."""

from __future__ import annotations

import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.independent import is_independent
from cgrad.core import exprs, sizes
from cgrad.core.dtypes import FLOAT64, INT64
from cgrad.core.exprs import Buffer, Expr
from cgrad.core.loops import Accumulate, For, Let, Set, Stmt

i, j, v = (sizes.index(name) for name in "ijv")
a, b = Buffer("a", FLOAT64, (9, 9)), Buffer("b", FLOAT64, (9, 9))
x, out = Buffer("x", FLOAT64, (9, 9), "input"), Buffer("out", FLOAT64, (9, 9), "output")
one = exprs.lit(1.0, FLOAT64)
looked_up = exprs.dynamic_size(exprs.read(Buffer("at", INT64, (9,), "input"), (i,)))


def over(*body: Stmt, kind: str = "map") -> For:
    return For("i", 9, list(body), kind)


def plus(left: Expr, right: Expr) -> Expr:
    return exprs.call("{0} + {1}", left, right, dtype=FLOAT64)


@pytest.mark.parametrize(
    "loop",
    [
        over(Set(a, (j, i), exprs.read(b, (i, j)))),
        over(Set(a, (j, i), exprs.read(b, (looked_up, j)))),
        over(Set(a, (0, i), one), Accumulate("add", a, (1, i), one)),
        over(Set(a, (looked_up, i), exprs.read(a, (j, i)))),
        over(Set(out, (i + 1, j), exprs.read(out, (i + 1, i)))),
    ],
)
def test_different_elements(loop: For) -> None:
    assert is_independent(loop)


@pytest.mark.parametrize(
    "loop",
    [
        # another iteration's element
        over(Set(a, (j, i), exprs.read(a, (j, i + 1)))),
        over(Set(a, (i, 0), one), Set(a, (0, i), one)),
        # one element, and elements that are looked up
        over(Accumulate("add", a, (0, j), exprs.read(b, (i, j)))),
        over(Accumulate("add", a, (looked_up, j), exprs.read(b, (i, j)))),
        over(Let("v", exprs.size_value(i)), Set(a, (j, i + v), exprs.read(b, (i, j)))),
        # another view of the same elements
        over(Set(a, (j, i), exprs.read(a.view((81,)), (i,)))),
        # a function that reads on
        over(Set(a, (j, i), exprs.call("cg_sum(9, {0})", exprs.row(b, (0, i)), dtype=FLOAT64))),
        # an order, a loop inside
        over(Set(a, (j, i), exprs.read(b, (i, j))), kind="scan"),
        over(For("j", 9, [Set(a, (j, i), exprs.read(b, (i, j)))])),
        # arguments and results are apart anyway, and so is one element from itself
        over(Set(out, (j, i), plus(exprs.read(x, (j, i)), exprs.read(a, (i, j))))),
        over(Accumulate("add", a, (j, i), exprs.read(x, (i, j)))),
    ],
)
def test_elements_that_may_be_the_same(loop: For) -> None:
    assert not is_independent(loop)


def test_generated_loops() -> None:
    m = ct.dmatrix("m")
    masses, last = ct.dvector("masses"), ct.dvector("last")

    def step(state):  # type: ignore[no-untyped-def]
        return state[::-1] * masses

    states, _ = cgrad.scan(step, outputs_info=[last], n_steps=9)
    text = cgrad.function([masses, last], states[-1]).c_source
    assert "cg_independent for" in text and "GCC ivdep" in text
    assert "cg_independent" not in cgrad.function([m], ct.exp(m)).c_source
