"""Calls: the compiled dispatcher and the one in Python do the same."""

import numpy as np
import pytest
from hand_written import F, I, bind_counter

# ---- arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.5, 3, -(2**53), np.float64(2.5), np.array(4.0), np.inf])
def test_numbers_are_taken_as_they_are(bind, value):
    f = bind("double", [(F, 0)], [(F, 0)])
    result = f(value)
    assert type(result) is np.ndarray and result.shape == () and result.dtype == np.float64
    assert result == 2.0 * float(value)
    assert f.converted == []


@pytest.mark.parametrize("value", [5, -(2**63), np.int64(7), np.array(3)])
def test_integers_are_taken_as_they_are(bind, value):
    f = bind("successor", [(I, 0)], [(I, 0)])
    assert f(value) == int(value) + 1 and f.converted == []


@pytest.mark.parametrize(
    "value",
    [
        True,
        2**53 + 1,
        np.float32(2),
        "2",
        np.array(2),
        np.int64(2),
    ],
)
def test_everything_else_is_converted(bind, value):
    f = bind("double", [(F, 0)], [(F, 0)])
    assert f(value) == 2 * float(value)
    assert f.converted == [((value,), {})]


def _arrays():
    x = np.arange(12.0)
    return {
        "strided": x[::2],
        "reversed": x[::-1],
        "byte-swapped": x.astype(">f8"),
        "misaligned": np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float64),
        "float32": x.astype(np.float32),
        "list": x.tolist(),
        "subclass": x.view(np.recarray).view(type("Sub", (np.ndarray,), {})),
    }


@pytest.mark.parametrize("kind", _arrays())
def test_arrays_that_do_not_fit_are_converted(bind, kind):
    f = bind("shift", [(F, 1)], [(F, 1)])
    value = _arrays()[kind]
    np.testing.assert_array_equal(f(value), np.asarray(value) + 1)
    assert len(f.converted) == 1


@pytest.mark.parametrize("n", [0, 1, 7, 100_000])
def test_arrays_that_fit_are_used_in_place(bind, n):
    f = bind("shift", [(F, 1)], [(F, 1)])
    x = np.arange(float(n))
    x.flags.writeable = False
    y = f(x)
    np.testing.assert_array_equal(y, x + 1)
    assert f.converted == [] and y.flags.owndata and y.flags.writeable
    np.testing.assert_array_equal(x, np.arange(float(n)))


def test_equivalent_dtypes_fit(bind):
    f = bind("successor", [(I, 0)], [(I, 0)])
    assert f(np.array(3, np.longlong)) == 4 and f.converted == []


def test_keywords_and_wrong_counts_go_to_python(bind):
    f = bind("double", [(F, 0)], [(F, 0)])
    assert f(x=4.0) == 8.0
    assert f.converted == [((), {"x": 4.0})]
    for args in ((), (1.0, 2.0)):
        with pytest.raises(ValueError):
            f(*args)
    assert f(*[3.0]) == 6.0


@pytest.mark.parametrize(
    "answer", [(1.0,), (), [np.array(1.0)], None, (np.array(1.0),) * 3, (np.ones(1),)]
)
def test_a_conversion_that_does_not_fit_is_an_error(bind, answer):
    class Bad(bind.base):
        def _convert(self, args, kwargs):
            return answer

    f = bind("double", [(F, 0)], [(F, 0)], Bad)
    if type(answer) is tuple and [type(value) for value in answer] == [float]:
        assert f("1") == 2.0  # a number fits
    else:
        with pytest.raises(RuntimeError, match="_convert"):
            f("1")


def test_errors_of_the_conversion_are_passed_on(bind):
    class Bad(bind.base):
        def _convert(self, args, kwargs):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        bind("double", [(F, 0)], [(F, 0)], Bad)("x")


# ---- outputs, failures, state -----------------------------------------------------------------


def test_outputs_shrink_to_their_true_shape(bind):
    f = bind("positive", [(F, 1)], [(F, 1)])
    y = f(np.array([1.0, -1.0, 3.0]))
    assert y.tolist() == [1.0, 3.0] and y.base is None and y.flags.owndata
    assert f(-np.ones(3)).shape == (0,)
    assert f(np.ones(3)).shape == (3,)


@pytest.mark.parametrize(
    ("returns", "expected"), [("single", 2.0), ("list", [2.0]), (("y",), {"y": 2.0})]
)
def test_what_a_call_returns(bind, returns, expected):
    assert bind("double", [(F, 0)], [(F, 0)], returns=returns)(1.0) == expected


def test_failures_carry_the_status_and_the_arrays(bind):
    f = bind("same_length", [(F, 1), (F, 1)], [(F, 1)])
    x, z = np.ones(3), np.ones(4)
    with pytest.raises(ValueError) as caught:
        f(x, z)
    (code, tag, axis, found, expected, arrays) = caught.value.args[0]
    assert (code, tag, axis, found, expected) == (1, 7, 0, 4, 3)
    assert arrays[0] is x and arrays[1] is z


def test_a_failure_that_nobody_explains_is_still_an_error(bind):
    class Silent(bind.Function):
        def _fail(self, *status):
            return None

    f = bind("same_length", [(F, 1), (F, 1)], [(F, 1)], Silent)
    with pytest.raises(RuntimeError, match="code 1"):
        f(np.ones(3), np.ones(4))


def test_updates_happen_only_on_success(bind):
    cell = [np.array(10.0)]
    f = bind_counter(bind, cell)
    before = cell[0]
    assert f(2.0) == 2.0 and cell[0] == 12.0
    assert before == 10.0 and cell[0] is not before  # swapped, not written
    after = cell[0]
    with pytest.raises(ValueError) as caught:
        f(-1.0)
    assert cell[0] is after
    assert caught.value.args[0][5][1] is after


@pytest.mark.parametrize("value", [1.0, np.ones(2), np.array(1), None])
def test_stored_values_are_checked(bind, value):
    cell = [np.array(1.0)]
    f = bind_counter(bind, cell)
    cell[0] = value
    with pytest.raises(RuntimeError, match="stored value 0"):
        f(1.0)


def test_too_much_memory(bind):
    f = bind("huge", [(F, 1)], [(F, 1)])
    with pytest.raises(MemoryError):
        f(np.ones(2))


@pytest.mark.parametrize("n", [1, 512, 513, 3000, 200_000, 600_000, 10, 9_000_000])
def test_workspaces_of_any_size(bind, n):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    x = np.arange(float(n))
    for _ in range(2):
        np.testing.assert_array_equal(f(x), x[::-1])


def test_binding_is_checked(bind):
    good = {"inputs": [(F, 0)], "outputs": [(F, 0)]}
    for bad, error in [
        ({"returns": "both"}, ValueError),
        ({"returns": ("a", "b")}, ValueError),
        ({"n_returned": 2}, ValueError),
        ({"hidden": [[1], [2]]}, ValueError),
        ({"hidden": [()]}, TypeError),
        ({"updates": [(0, [1])]}, ValueError),
        ({"updates": [(5, [1])]}, ValueError),
    ]:
        with pytest.raises(error):
            bind("double", **{**good, **bad})
    f = bind("double", **good)
    with pytest.raises(RuntimeError, match="already bound"):
        f._bind(
            entry=1, sizes=1, work=1, n_sizes=0, hidden=[], returns="single", n_returned=1,
            updates=[], always_release_gil=False, interruptible=True, owner=f, out_keyword=False,
            **good,
        )  # fmt: skip
    with pytest.raises(RuntimeError, match="not bound"):
        bind.Function()(1.0)


def test_settings_of_the_runtime(bind):
    f = bind("threads", [], [(I, 0)])
    base = bind.base
    try:
        base._set_num_threads(3)
        assert f() == 3
    finally:
        base._set_num_threads(1)
    with pytest.raises(ValueError):
        base._set_num_threads(0)
    base._set_blas(0, 0)
    base._set_lapack(63, 0)
    with pytest.raises(IndexError):
        base._set_blas(32, 0)
