"""`trace_nan` names the operation, the element, the step and the line."""

from __future__ import annotations

import numpy as np

import cgrad
import cgrad.tensor as ct

x = ct.dvector("x")


def test_the_first_of_each_kind() -> None:
    cost = ct.sum(ct.log(x - 1) * ct.sqrt(x))
    f = cgrad.function([x], cost, name="f")
    assert not f.trace_nan([2.0, 3.0])
    assert str(f.trace_nan([2.0, 3.0])) == "f: every number is finite"
    trace = f.trace_nan([2.0, 3.0, 1.0, 0.5])
    assert trace and trace.nan.node.op.name == trace.inf.node.op.name == "log"
    assert (trace.nan.index, trace.nan.count, trace.nan.size) == ((3,), 1, 4)
    assert trace.inf.index == (2,)
    text = str(trace)
    assert "NaN: log at [3], 1 of 4\n  operand 1: (x - 1.0), -0.5\n" in text
    assert "cost = ct.sum(ct.log(x - 1) * ct.sqrt(x))" in text and "test_trace.py" in text


def test_what_was_given() -> None:
    b = cgrad.shared(np.array([1.0, np.inf]), "b")
    f = cgrad.function([x], x * b)
    trace = f.trace_nan([np.nan, 1.0])
    assert trace.nan.node.name == "x" and trace.inf.node.name == "b"
    assert f.trace_nan([1.0, 1.0]).nan is None


def test_the_step_of_a_loop() -> None:
    start = ct.dscalar("start")
    ys, _ = cgrad.scan(lambda y: ct.sqrt(y) - 0.1 * y - 0.3, outputs_info=[start], n_steps=50)
    f = cgrad.function([start], ys)
    values = f(0.5)
    trace = f.trace_nan(0.5)
    assert trace.nan.steps == (int(np.isnan(values).argmax()),)
    assert trace.nan.node.op.name == "sqrt" and "in step 6 of the loop" in str(trace)


def test_nothing_is_updated() -> None:
    state = cgrad.shared(0.0)
    f = cgrad.function([x], x / 0.0, updates=[(state, state + 1)])
    assert f.trace_nan([1.0]).inf is not None
    assert state.get_value() == 0


def test_what_numpy_does_not_have() -> None:
    """Such operations are computed by kernels of their own, in loops too."""
    half = cgrad.c_op("half", "static double half(double x) { return x / 2.0; }")
    steps = cgrad.scan(lambda s: ct.log(half(ct.erfinv(s))), outputs_info=[x], n_steps=2,
                       return_updates=False)  # fmt: skip
    trace = cgrad.function([x], steps).trace_nan([0.999999999, -0.5])
    assert trace.nan.node.op.name == "log" and trace.nan.index == (1,)
    assert trace.nan.steps == (0,)
    f = cgrad.function([x], ct.linalg.schur(ct.diag(x) / ct.sum(x))[0])
    assert f.trace_nan([1.0, -1.0]).nan.node.op.name == "true_div" and not f.trace_nan([1.0, 2.0])
