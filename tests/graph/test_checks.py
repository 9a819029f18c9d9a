"""`Assert`, `CheckAndRaise` and `Print`: what they check or print, derivatives, inside of loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct


class OwnError(Exception):
    """An exception of the user's."""


def test_checks_run_in_c_and_are_the_identity_for_derivatives() -> None:
    x, t, k = ct.dvector("x"), ct.dvector("t"), ct.lscalar("k")
    safe = cgrad.Assert("x is not positive")(x, x > 0, ct.isfinite(x))
    own = cgrad.CheckAndRaise(OwnError, "k is zero")(k, k)
    cost = ct.sum(ct.log(safe)) * own
    f = cgrad.function(
        [x, t, k],
        [cost, cgrad.grad(cost, x), cgrad.Rop(cost, x, t), cgrad.hessian_vector_product(cost, x, t),
         cgrad.jacobian(ct.log(safe), x)],
    )  # fmt: skip
    x_, t_ = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    value, g, r, h, jac = f(x_, t_, 2)
    np.testing.assert_allclose(value, 2 * np.log(x_).sum())
    np.testing.assert_allclose(g, 2 / x_)
    np.testing.assert_allclose(r, (2 / x_) @ t_)
    np.testing.assert_allclose(h, -2 / x_**2 * t_)
    np.testing.assert_allclose(jac, np.diag(1 / x_))
    for bad in (-1.0, np.inf, np.nan):
        with pytest.raises(AssertionError, match="x is not positive") as caught:
            f([1.0, bad], t_, 2)
        assert str(caught.value) == "x is not positive"
        assert "test_checks.py" in caught.value.__notes__[0]
    with pytest.raises(OwnError, match="k is zero"):
        f(x_, t_, 0)
    assert "Python" not in f.explain()


def test_in_loops_and_batches() -> None:
    v, m = ct.dvector("v"), ct.dmatrix("m")
    rows = cgrad.map(lambda row: cgrad.assert_op(row, row < 3.0) * 2, v, return_updates=False)
    batch = cgrad.graph.vectorize_graph(ct.sum(cgrad.assert_op(v, v > 0)), {v: m})
    f = cgrad.function([v, m], [rows, cgrad.grad(ct.sum(rows), v), batch])
    found = f([1.0, 2.0], [[1.0], [2.0]])
    for one, expected in zip(found, ([2, 4], [2, 2], [1, 2]), strict=True):
        np.testing.assert_array_equal(one, expected)
    with pytest.raises(AssertionError, match="Assertion failed!"):
        f([1.0, 3.0], [[1.0], [2.0]])
    with pytest.raises(AssertionError):
        f([1.0, 2.0], [[1.0], [-2.0]])


def test_two_messages_stay_apart_and_unused_checks_do_not_run() -> None:
    x = ct.dscalar("x")
    low = cgrad.Assert("too low")(x, x > 0)
    high = cgrad.Assert("too high")(x, x < 9)
    f = cgrad.function([x], [low + high, x])
    assert [out.item() for out in f(2.0)] == [4.0, 2.0]
    for value, text in ((-1.0, "too low"), (10.0, "too high")):
        with pytest.raises(AssertionError, match=text):
            f(value)
    assert cgrad.function([x], cgrad.grad(low, x))(-1.0) == 1.0
    assert cgrad.assert_op(x) is x
    with pytest.raises(AssertionError):
        cgrad.function([x], cgrad.assert_op(x, False))(1.0)


def test_print(capsys: Any) -> None:
    x = ct.dvector("x")
    shown = cgrad.Print("value:")(x * 2)
    f = cgrad.function([x], [shown.sum(), cgrad.grad(ct.sum(shown**2), x)])
    total, slope = f([1.0, 2.0])
    assert capsys.readouterr().out == "value: __str__ = [2. 4.]\n"
    np.testing.assert_array_equal(total, 6.0)
    np.testing.assert_array_equal(slope, [8.0, 16.0])
    assert "Print" in f.explain()


def test_messages() -> None:
    with pytest.raises(ValueError, match="is no class of exceptions"):
        cgrad.CheckAndRaise("ValueError", "x")  # type: ignore[arg-type]
