"""`verify_grad` and `numeric_grad`: they pass what is right and find what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from cgrad.core import registry
from cgrad.errors import DTypeError, GradientError
from cgrad.gradient import numeric_grad, verify_grad
from cgrad.ops.contract import contract
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import TABLE, Row, define


@pytest.fixture(autouse=True)
def hook(monkeypatch, values):
    """A compile hook where the pipeline has not filled it."""
    if registry.known("compile"):
        return

    def compile_(inputs, outputs):
        nodes = outputs if isinstance(outputs, list) else [outputs]

        def call(*arrays):
            found = values(nodes, dict(zip(inputs, arrays, strict=True)))
            return found if isinstance(outputs, list) else found[0]

        return call

    monkeypatch.setitem(registry._BUILDERS, "compile", compile_)


@pytest.fixture
def wrong_row():
    """sin with a slope that is wrong by a thousandth."""
    row = Row("wrong", "sin", np.sin, [lambda y, x: (apply("cos", x) * 1.001,)], "Wrong.")
    define(row)
    yield "wrong"
    del TABLE["wrong"]


def test_right_derivatives_pass():
    rng = np.random.default_rng(1)
    verify_grad(lambda x: apply("sin", x) * x, [rng.normal(size=(2, 3))])
    verify_grad(lambda a, b: contract(a, (0, 1), b, (1,), (0,)), [np.ones((2, 3)), np.arange(3.0)])
    verify_grad(lambda x: x * 2.0, [np.float64(3.0)], n_tests=1, rng=np.random.RandomState(0))
    verify_grad(lambda x: apply("sqr", x), [np.ones(3, "float32")], cast_to_output_type=True)


def test_an_unused_argument_has_a_zero_gradient():
    verify_grad(lambda a, b: a * 2, [np.ones(2), np.ones(3)])


def test_wrong_derivatives_are_found(wrong_row):
    with pytest.raises(GradientError) as caught:
        verify_grad(lambda a, x: apply(wrong_row, x) * a, [np.ones(2), np.array([1.5, 0.2])])
    message = str(caught.value)
    for part in ("argument 1", "(1,)", "absolute error", "relative error", "0.0001"):
        assert part in message, part
    # within the tolerances it passes, and one of the two is enough
    verify_grad(lambda x: apply(wrong_row, x), [np.array([0.2])], rel_tol=0.01)
    verify_grad(lambda x: apply(wrong_row, x), [np.array([0.2])], abs_tol=0.01)


def test_nan_is_found():
    with pytest.raises(GradientError), np.errstate(all="ignore"):
        verify_grad(lambda x: apply("arctan2", x, x), [np.zeros(1)])


def test_refusals():
    with pytest.raises(DTypeError, match=r"pt\[1\] has dtype int64"):
        verify_grad(lambda a, b: a * b, [1.0, np.array([1, 2])])
    with pytest.raises(TypeError, match="one symbolic tensor"):
        verify_grad(lambda x: [x, x], [np.ones(2)])
    with pytest.raises(NotImplementedError, match="mode"):
        verify_grad(lambda x: x, [np.ones(2)], mode="FAST_RUN")


def test_points_are_not_changed():
    x = np.array([1.0, 2.0])
    verify_grad(lambda v: v * v, [x])
    numeric_grad(lambda v: float((v * v).sum()), x)
    assert x.tolist() == [1, 2]


def test_numeric_grad():
    pt = [np.array([1.0, 2.0]), np.array(3.0)]
    found = numeric_grad(lambda a, b: float((a * a * b).sum()), pt)
    assert np.allclose(found.gf[0], [6, 12])
    assert np.allclose(found.gf[1], 5)
    right = [np.array([6.0, 12.0]), np.array(5.0)]
    assert found.max_err(right, 1e-4, 1e-4)[2] < 1e-6
    wrong = [np.array([6.0, 12.5]), np.array(5.0)]
    assert found.max_err(wrong, 1e-4, 1e-4)[:2] == (0, 1)
    with pytest.raises(ValueError, match="found 1"):
        found.abs_rel_errors([1.0])
    assert np.allclose(numeric_grad(np.sin, np.array(0.5), eps=1e-6).gf, np.cos(0.5))
