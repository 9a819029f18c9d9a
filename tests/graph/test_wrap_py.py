"""`wrap_py`: Python functions in the middle of kernels, their derivatives, errors, threads."""

from __future__ import annotations

import pickle
import sys
import threading
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import DTypeError, ShapeError

CALLS: list[str] = []


@cgrad.wrap_py(
    [ct.dmatrix, ct.dscalar], ct.dmatrix, infer_shape=lambda x, s: (x[1], x[0] + 1),
    pullback=lambda xs, ys, cts: [
        xs[1] * 2.0 * xs[0] * cts[0][:, :-1].T, ct.sum(xs[0] ** 2 * cts[0][:, :-1].T),
    ],
)  # fmt: skip
def scaled(x: Any, s: Any) -> Any:
    """s x**2, transposed, and a column of ones."""
    CALLS.append("scaled")
    return np.concatenate([s * x.T**2, np.ones((x.shape[1], 1))], 1)


@cgrad.wrap_py(
    ct.dvector, [ct.dscalar, ct.dvector, ct.dmatrix],
    infer_shape=lambda v: [(), v, (v[0], 2)],
    pushforward=lambda xs, ys, ts: [
        ct.sum(ts[0]), ts[0] * ct.cos(xs[0]), ct.stack([ts[0], -ts[0]], axis=1)
    ],
)  # fmt: skip
def three(v: Any) -> Any:
    assert v.flags.writeable
    return v.sum(), np.sin(v), np.stack([v, -v], 1)


def test_values_and_derivatives() -> None:
    x, s, v, t = ct.dmatrix("x"), ct.dscalar("s"), ct.dvector("v"), ct.dvector("t")
    out = scaled(ct.sin(x), s * 2.0)
    cost = ct.sum(out**2)
    total, sines, both = three(v * 2.0)
    sum_of = total * ct.sum(sines**2) + ct.sum(both[:, 0])
    steps = cgrad.scan(lambda row, a: a + three(row * ct.ones((2,)))[0], v, np.float64(0.0),
                       return_updates=False)  # fmt: skip
    f = cgrad.function(
        [x, s, v, t],
        [out, *cgrad.grad(cost, [x, s]), total, sines, both, cgrad.grad(sum_of, v),
         cgrad.hessian_vector_product(sum_of, v, t), cgrad.Rop(sum_of, v, t), steps,
         cgrad.grad(steps[-1], v), cgrad.jacobian(sines, v)],
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x_, v_, t_ = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=3)
    CALLS.clear()
    value, gx, gs, n, m, b, g, h, r, st, gst, jac = f(x_, 0.7, v_, t_)
    assert CALLS == ["scaled"]
    sin, cos = np.sin(x_), np.cos(x_)
    np.testing.assert_allclose(value, np.c_[1.4 * sin.T**2, np.ones(3)])
    np.testing.assert_allclose(gx, 2 * 1.4 * sin**2 * 2.8 * sin * cos)
    np.testing.assert_allclose(gs, np.sum(2 * 1.4 * sin**2 * sin**2 * 2))
    np.testing.assert_allclose(n, 2 * v_.sum())
    np.testing.assert_allclose(m, np.sin(2 * v_))
    np.testing.assert_allclose(b, 2 * np.stack([v_, -v_], 1))

    def slope(v: Any) -> Any:
        return 2 * (np.sin(2 * v) ** 2).sum() + 2 * v.sum() * 2 * np.sin(4 * v) + 2

    np.testing.assert_allclose(g, slope(v_))
    np.testing.assert_allclose(
        h, (slope(v_ + 1e-6 * t_) - slope(v_ - 1e-6 * t_)) / 2e-6, rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(r, slope(v_) @ t_)
    np.testing.assert_allclose(st, 2 * np.cumsum(v_))
    np.testing.assert_allclose(gst, [2.0, 2.0, 2.0])
    np.testing.assert_allclose(jac, np.diag(2 * np.cos(2 * v_)))
    said = f.explain()
    assert "calls" in said and "scaled" in said and "three" in said
    assert "Python" not in cgrad.function([s], s * 2).explain()


@cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda v: v)
def checked(v: Any) -> Any:
    if v.size and v[0] < 0:
        raise LookupError("a negative number")
    if v.size == 2:
        return v[:1]
    return v.astype(complex) if v.size == 3 else v + 1


def test_errors_in_the_function_are_raised_by_the_call() -> None:
    v = ct.dvector("v")
    f = cgrad.function([v], ct.exp(checked(v)).sum())
    with pytest.raises(LookupError, match="a negative number") as caught:
        f([-1.0])
    assert "in f" in caught.value.__notes__[0]
    with pytest.raises(ShapeError, match=r"shape \(1,\), expected \(2,\)"):
        f([1.0, 2.0])
    with pytest.raises(DTypeError, match="complex128, expected float64"):
        f([1.0, 2.0, 3.0])
    # and then it works again
    np.testing.assert_allclose(f([1.0]), np.exp(2.0))
    np.testing.assert_allclose(f([]), 0.0)
    with pytest.raises(NotImplementedError, match="Python function checked is not known"):
        cgrad.grad(ct.sum(checked(v)), v)


def test_exceptions_stay_with_their_thread() -> None:
    v = ct.dvector("v")
    f = cgrad.function([v], checked(v))
    found: list[str] = []

    def run(sign: float) -> None:
        for _ in range(50):
            try:
                f([sign])
                found.append("value")
            except LookupError:
                found.append("error")

    threads = [threading.Thread(target=run, args=(sign,)) for sign in (1.0, -1.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count("value") == found.count("error") == 50


def test_pickle_and_compiled_functions_in_functions() -> None:
    v = ct.dvector("v")
    inner = cgrad.function([v], v * 2)
    op = cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda v: v)(inner)
    np.testing.assert_array_equal(cgrad.function([v], op(v) + 1)([1.0]), [3.0])
    again = pickle.loads(pickle.dumps(cgrad.function([v], plus(v))))
    np.testing.assert_array_equal(again([1.0]), [2.0])


def _plus(v: Any) -> Any:
    return v + 1


plus = cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda v: v)(_plus)


def test_types_and_messages() -> None:
    v = ct.dvector("v")
    fixed = cgrad.wrap_py(ct.dvector, ct.TensorType("int64", (2,)))(lambda v: np.array([1, 2]))
    np.testing.assert_array_equal(cgrad.function([v], fixed(v), on_unused_input="ignore")([0.0]),
                                  [1, 2])  # fmt: skip
    with pytest.raises(TypeError, match="pass infer_shape"):
        cgrad.wrap_py(ct.dvector, ct.dvector)(_plus)(v)
    with pytest.raises(ValueError, match="returned shapes of"):
        cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda v: ())(_plus)(v)
    with pytest.raises(TypeError, match="is no type"):
        cgrad.wrap_py(ct.dvector, "float64")
    with pytest.raises(TypeError, match=r"is no type; write wrap_py\(itypes, otypes\)\(function\)"):
        cgrad.wrap_py(lambda v: v, ct.dvector)
    with pytest.raises(NotImplementedError, match="several dtypes"):
        cgrad.wrap_py(ct.dvector, [ct.dscalar, ct.lscalar])
    with pytest.raises(DTypeError, match="argument 1 has dtype float32"):
        plus(ct.fvector("f"))
    with pytest.raises(TypeError, match="2 arguments, expected 1"):
        plus(v, v)


def test_an_exception_in_a_loop() -> None:
    """Where the callback is a parameter of the body."""
    n, x = ct.lscalar("n"), ct.dvector("x")
    calls = []

    @cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda shape: shape)
    def third_fails(v: Any) -> Any:
        calls.append(v)
        if len(calls) == 3:
            raise KeyError("the third")
        return v + 1

    steps = cgrad.scan(third_fails, outputs_info=[x], n_steps=n, return_updates=False)
    f = cgrad.function([n, x], steps[-1])
    with pytest.raises(KeyError, match="the third"):
        f(5, np.zeros(2))
    assert len(calls) == 3
    assert np.array_equal(f(5, np.zeros(2)), np.full(2, 5.0))
    with pytest.raises(NotImplementedError, match="derivative of the Python function"):
        cgrad.grad(ct.sum(steps[-1]), x)


def test_a_signal_before_the_function_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop ends; ctypes can only report what is raised so early."""
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: reported.append(what.exc_type))
    h, n = ct.dvector("h"), ct.lscalar("n")
    same = cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda shape: shape)(np.copy)
    f = cgrad.function([h, n], cgrad.scan(same, None, h, n_steps=n, return_updates=False)[-1])
    assert np.array_equal(f(np.ones(2), 4), np.ones(2))
    calls = 0

    def press(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        if frame.f_code.co_name == "_call" and "python_call" in frame.f_code.co_filename:
            calls += 1
            if calls == 2:
                raise KeyboardInterrupt

    before = sys.gettrace()
    with pytest.raises(KeyboardInterrupt):
        try:
            sys.settrace(press)
            f(np.ones(2), 4)
        finally:
            sys.settrace(before)
    assert calls == 2 and reported == [KeyboardInterrupt]
    assert np.array_equal(f(np.ones(2), 4), np.ones(2))
