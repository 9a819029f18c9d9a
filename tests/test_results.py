"""Memory for results: `out=`, `bind`, the bytes that `explain` tells, calls from many threads."""

from __future__ import annotations

import pickle
import re
import threading
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import BoundCallError, CallError, ShapeError


def _pair() -> Any:
    x = ct.dvector("x")
    return cgrad.function([x], [ct.sum(x**2), 2 * x])


# -- out= -------------------------------------------------------------------------------------
def test_results_are_written_to_the_arrays_given() -> None:
    f = _pair()
    x, total, slope = np.arange(4.0), np.array(0.0), np.zeros(4)
    first, second = f(x, out=[total, slope])
    assert first is total and second is slope
    assert total == 14 and slope.tolist() == [0, 2, 4, 6]
    fresh, again = f([1, 2, 3, 4], out=[None, slope])  # a list is converted
    assert fresh is not total and again is slope and slope.tolist() == [2, 4, 6, 8]
    assert f(x=x, out=(total, None))[0] is total
    assert f(x, out=None)[1] is not slope


def test_a_dict_of_results_takes_a_dict() -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], {"total": ct.sum(x), "twice": 2 * x})
    y = np.zeros(2)
    result = f(np.ones(2), out={"twice": y})
    assert result["twice"] is y and y.tolist() == [2, 2] and result["total"] == 2
    with pytest.raises(CallError, match="'half', which is no result"):
        f(np.ones(2), out={"half": y})


@pytest.mark.parametrize(
    ("y", "error", "text"),
    [
        (np.zeros(3), ShapeError, r"out has shape \(3,\), but the result has shape \(4,\)"),
        (np.zeros(5), ShapeError, r"out has shape \(5,\).*numpy.empty\(\(4,\)\)"),
        (np.zeros((4, 1)), CallError, "has 2 axes"),
        (np.zeros(4, np.float32), CallError, "nothing is cast"),
        (np.zeros(4, ">f8"), CallError, "'>f8'"),
        (np.zeros(8)[::2], CallError, r"not C-contiguous.*y\[\.\.\.\] = f\(x\)"),
        (np.zeros(4).view(np.recarray), CallError, "recarray"),
        (np.broadcast_to(0.0, 4), CallError, "read-only"),
        ([0.0] * 4, CallError, "4 arrays for 1 results"),
        (1.0, CallError, "type float"),
        ({"y": 1}, CallError, "type dict"),
    ],
)
def test_memory_that_does_not_fit_is_refused(y: Any, error: type[Exception], text: str) -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], 2 * x)
    with pytest.raises(error, match=text):
        f(np.ones(4), out=y)
    with pytest.raises(error, match=text):
        f.bind(np.ones(4), out=y)


@pytest.mark.parametrize("name", ["cumulative", "shifted", "product"])
def test_a_result_may_be_an_argument(name: str) -> None:
    x = ct.dmatrix("x")
    made = {"cumulative": ct.cumsum(x, axis=0), "shifted": x[::-1], "product": ct.dot(x, x)}[name]
    f = cgrad.function([x], made)
    value = np.random.default_rng(1).normal(size=(9, 9))
    expected = f(value)
    assert f(value, out=value) is value
    np.testing.assert_array_equal(value, expected)


def test_a_strict_input_and_one_called_out() -> None:
    x, out = ct.dscalar("x"), ct.dscalar("out")
    f = cgrad.function([cgrad.In(x, strict=True)], 2 * x)
    y = np.array(0.0)
    assert f(np.array(3.0), out=y) is y and y == 6
    with pytest.raises(CallError, match="strict"):
        f(3.0, out=y)
    g = cgrad.function([x, out], x - out)
    assert g(3.0, out=1.0) == 2 and g.bind(3.0, out=1.0)() == 2


def test_results_whose_length_is_counted() -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], x[x > 0])
    y = np.zeros(2)
    assert f([1.0, -1.0, 3.0], out=y) is y and y.tolist() == [1, 3]
    with pytest.raises(ShapeError, match=r"result has shape \(2,\)"):
        f([1.0, -1.0, 3.0], out=np.zeros(3))
    with pytest.raises(CallError, match="depends on what is computed"):
        f.bind(np.ones(3))
    total = cgrad.function([x], ct.sum(x[x > 0]))  # counted inside only
    values = np.array([1.0, -1.0])
    call = total.bind(values)
    assert call() == 1
    values[:] = 2
    assert call() == 4


# -- bind -------------------------------------------------------------------------------------
def test_a_bound_call_descends() -> None:
    x, rate = ct.dvector("x"), ct.dscalar("rate")
    step = cgrad.function([x, rate], x - rate * ct.grad(ct.sum((x - 3) ** 2), x))
    value = np.zeros(5)
    call = step.bind(value, 0.25, out=value)
    for _ in range(60):
        assert call() is value
    np.testing.assert_allclose(value, 3)
    assert call.function is step and call.outputs == (value,)


def test_a_bound_call_allocates_its_results_once() -> None:
    call = _pair().bind(np.arange(3.0))
    first, second = call(), call()
    assert first[0] is second[0] and first[1] is second[1] and first == [*call.outputs]


def test_sizes_that_are_values_are_read_again() -> None:
    x, k = ct.dvector("x"), ct.lscalar("k")
    count = np.array(2)
    head = cgrad.function([x, k], x[:k]).bind(np.arange(5.0), count)
    assert head().tolist() == [0, 1]
    count[...] = 3
    with pytest.raises(ShapeError, match=r"result has shape \(3,\).*bind again"):
        head()
    total = cgrad.function([x, k], ct.sum(x[:k])).bind(np.arange(5.0), count)
    assert total() == 3
    count[...] = 5
    assert total() == 10


def test_shared_variables_and_defaults_are_read_at_each_call() -> None:
    x = ct.dvector("x")
    state = cgrad.shared(np.zeros(2), "state")
    f = cgrad.function([x], state * 2, updates=[(state, state + x)])
    call = f.bind(np.ones(2))
    assert call().tolist() == [0, 0] and call().tolist() == [2, 2]
    state.set_value(np.full(2, 10.0))
    assert call().tolist() == [20, 20] and state.get_value().tolist() == [11, 11]
    state.set_value(np.zeros(3))
    with pytest.raises(ShapeError):
        call()
    n = ct.dscalar("n")
    counter = cgrad.function([cgrad.In(n, value=0.0, update=n + 1)], n).bind()
    assert [float(counter()) for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1.0, 2.0], "is a list"),
        (np.ones(2, np.float32), "would have to be copied"),
        (np.ones(4)[::2], "would have to be copied"),
        (np.ones((2, 2)), "2 axes"),
        ("text", "dtype"),
        (None, "dtype"),
    ],
)
def test_what_would_be_copied_is_not_bound(value: Any, text: str) -> None:
    with pytest.raises(CallError, match=text):
        _pair().bind(value)


def test_bind_checks_its_arguments() -> None:
    f = _pair()
    with pytest.raises(CallError, match="missing: x"):
        f.bind()
    with pytest.raises(CallError, match="no argument called 'z'"):
        f.bind(np.ones(2), z=1)
    y = np.zeros(2)
    x, z = ct.dvectors("x", "z")
    both = cgrad.function([x, z], [x + z, x * z])
    with pytest.raises(ShapeError, match="size 3, expected 2"):
        both.bind(np.ones(2), np.ones(3))
    for call in (both, both.bind):
        with pytest.raises(CallError, match=r"out\[1\] shares memory with an earlier result"):
            call(np.ones(2), np.ones(2), out=[y, y])
    view = np.ones(2).view(np.recarray)  # memory that fits, of another class
    call = f.bind(view)
    view[:] = 5
    assert call()[0] == 50


def test_a_bound_call_explains_what_it_refuses() -> None:
    x = np.arange(4.0)
    call = _pair().bind(x)
    with pytest.raises(CallError, match="takes no arguments"):
        call(x)
    with pytest.raises(ValueError, match="resize"):
        x.resize(9)
    x.resize((2, 2), refcheck=False)
    with pytest.raises(CallError, match="argument x of this bound call was changed in place"):
        call()
    x.resize(4, refcheck=False)
    call.outputs[1].flags.writeable = False
    with pytest.raises(CallError, match=r"out\[1\] cannot be written to any more"):
        call()
    with pytest.raises(TypeError):
        pickle.dumps(call)


def test_a_bound_call_that_runs_is_refused() -> None:
    f = _pair()
    with pytest.raises(BoundCallError, match="once for each thread"):
        f._refuse("busy", 0, None, ())


def test_empty_arrays_are_bound() -> None:
    x = np.zeros(0)
    total, slope = _pair().bind(x, out=[None, x])()
    assert total == 0 and slope is x


# -- threads ----------------------------------------------------------------------------------
def test_eight_threads_call_one_function() -> None:
    """Workspaces, products by a BLAS and loops, with and without the GIL, each right."""
    x, w = ct.dmatrix("x"), ct.dmatrix("w")

    def step(row: Any, state: Any, weights: Any) -> Any:
        return ct.tanh(ct.dot(weights, state) + row)

    states = cgrad.scan(
        step, sequences=[x], outputs_info=[ct.zeros(w.shape[0])], non_sequences=[w],
        return_updates=False,
    )  # fmt: skip
    f = cgrad.function([x, w], ct.grad(ct.sum(states**2), w) + ct.dot(x.T, x))
    cases = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        n = 3 + 5 * seed
        case = rng.normal(size=(4 + 9 * seed, n)), rng.normal(size=(n, n)) / n
        cases.append((case, f(*case)))
    wrong: list[int] = []

    def work(k: int) -> None:
        (case, expected), memory = cases[k], np.empty_like(cases[k][1])
        call = f.bind(*case)
        for _ in range(40):
            for result in (f(*case), f(*case, out=memory), call()):
                if not np.array_equal(result, expected):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- explain ----------------------------------------------------------------------------------
def test_explain_tells_the_bytes() -> None:
    x = ct.dmatrix("x")
    c = cgrad.shared(np.ones(7))
    f = cgrad.function([x], [ct.cumsum(ct.sort(x, axis=1) + c, axis=0), ct.sum(x)])
    formula = re.search(r"workspace of (.*?) bytes", f.explain())
    assert formula is not None
    n, m = 5, 7
    slots = f._kernel.meta["slots"]
    lower = eval(formula[1], {"n": n, "m": m, "max": max, "min": min})
    text = f.explain(np.ones((n, m)))
    numbers = re.search(r"inputs (\d+), outputs (\d+), workspace (\d+), in all (\d+) bytes", text)
    assert numbers is not None
    inputs, outputs, workspace, total = map(int, numbers.groups())
    assert inputs == 8 * (n * m + m) and outputs == 8 * (n * m + 1)
    assert 0 < lower <= workspace < lower + 64 * slots
    assert total == inputs + outputs + workspace
    with pytest.raises(CallError):
        f.explain(np.ones(3))
    y = ct.dvector("y")
    assert "no workspace" in cgrad.function([y], y + 1).explain()
