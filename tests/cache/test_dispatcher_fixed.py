"""Memory for results, and calls that are repeated with the same arrays: C and Python alike."""

import copy
import gc
import pickle
import sys
import threading
import weakref

import numpy as np
import pytest
from hand_written import F, bind_counter

from cgrad.cache.fallback import PythonDispatcher


def bind_pair(bind, cell, **options):
    """y = x and z = cell + x, both returned."""
    return bind(
        "count", [(F, 0), (F, 0)], [(F, 0), (F, 0)], hidden=[cell], returns="list", n_returned=2,
        n_sizes=0, **options,
    )  # fmt: skip


def refused(call):
    """The reason and the place of a refusal."""
    with pytest.raises(LookupError) as caught:
        call()
    return caught.value.args[:2]


# ---- out= -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 7, 100_000])
def test_a_result_is_written_to_the_array_given(bind, n):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    x, y = np.arange(float(n)), np.full(n, np.nan)
    for out in (y, [y], (y,)):
        y[...] = np.nan
        assert f(x, out=out) is y
        np.testing.assert_array_equal(y, x[::-1])
    assert bind.base is PythonDispatcher or f.converted == []
    assert f(x.tolist(), out=y) is y
    np.testing.assert_array_equal(y, x[::-1])
    assert f(x, out=[None]) is not y


def test_out_may_be_an_argument(bind):
    f = bind("shift", [(F, 1)], [(F, 1)], out_keyword=False)
    x, y = np.arange(3.0), np.zeros(3)
    f(x, out=y)
    assert f.converted == [((x,), {"out": y})]  # for _convert to tell


def test_a_result_may_share_memory_with_an_argument(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    x = np.arange(5.0)
    assert f(x, out=x) is x and x.tolist() == [4, 3, 2, 1, 0]
    g = bind("shift", [(F, 1)], [(F, 1)])
    memory = np.zeros(6)
    assert g(memory[:5], out=memory[1:]).tolist() == [1] * 5  # never a running sum
    assert memory.tolist() == [0, 1, 1, 1, 1, 1]


def test_a_result_may_share_memory_with_a_stored_value(bind):
    cell = [np.array(10.0)]
    f = bind_pair(bind, cell)
    first, second = f(2.0, out=[cell[0], None])
    assert first is cell[0] and first == 2.0 and second == 12.0


def test_results_may_not_share_memory(bind):
    f = bind_pair(bind, [np.array(10.0)])
    y, z = np.array(0.0), np.array(0.0)
    assert refused(lambda: f(2.0, out=[y, y])) == ("overlap", 1)
    first, second = f(2.0, out=[y, z])
    assert first is y and second is z and (y, z) == (2.0, 12.0)


def _unusable():
    read_only = np.zeros(3)
    read_only.flags.writeable = False
    return {
        "read-only": read_only,
        "strided": np.zeros(6)[::2],
        "rank": np.zeros((3, 1)),
        "dtype": np.zeros(3, np.int64),
        "byte-swapped": np.zeros(3, ">f8"),
        "subclass": np.zeros(3).view(np.recarray).view(type("Sub", (np.ndarray,), {})),
        "misaligned": np.zeros(25, np.uint8)[1:].view(np.float64),
    }


@pytest.mark.parametrize("kind", _unusable())
def test_memory_that_cannot_be_written_is_refused(bind, kind):
    f = bind("shift", [(F, 1)], [(F, 1)])
    y = _unusable()[kind]
    before = y.tobytes()
    assert refused(lambda: f(np.ones(3), out=y)) == ("array", 0)
    assert y.tobytes() == before


@pytest.mark.parametrize("n", [0, 2, 4])
def test_another_shape_is_refused(bind, n):
    f = bind("shift", [(F, 1)], [(F, 1)])
    y = np.zeros(n)
    with pytest.raises(LookupError) as caught:
        f(np.ones(3), out=y)
    assert caught.value.args[:2] == ("shape", 0) and caught.value.args[2] is y
    assert caught.value.args[3] == (3,) and not y.any()


@pytest.mark.parametrize("out", [3.0, "text", object(), np.float64(1)])
def test_what_is_no_array_is_refused(bind, out):
    f = bind("double", [(F, 0)], [(F, 0)])
    with pytest.raises((LookupError, RuntimeError)):
        f(1.0, out=out)


def test_a_length_that_is_counted_must_turn_out_right(bind):
    f = bind("positive", [(F, 1)], [(F, 1)])
    x = np.array([1.0, -1.0, 3.0])
    y = np.zeros(2)
    assert f(x, out=y) is y and y.tolist() == [1, 3]
    for n in (0, 1, 3):
        assert refused(lambda n=n: f(x, out=np.zeros(n))) == ("shape", 0)


def test_a_refused_call_updates_nothing(bind):
    cell = [np.array(10.0)]
    f = bind_counter(bind, cell)
    read_only = np.array(0.0)
    read_only.flags.writeable = False
    assert refused(lambda: f(2.0, out=read_only)) == ("array", 0)
    assert cell[0] == 10.0


# ---- calls that are repeated ------------------------------------------------------------------


def test_a_fixed_call_follows_its_arrays(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    x, y = np.arange(2000.0), np.zeros(2000)
    call = f._fix((x,), (y,))
    for factor in (1.0, 2.0):
        x *= factor
        assert call() is y
        np.testing.assert_array_equal(y, x[::-1])
    assert call.function is f and call.arguments == (x,) and call.outputs == (y,)
    assert f.converted == []


def test_numbers_keep_their_value_and_cells_are_read(bind):
    f = bind("double", [(F, 0)], [(F, 0)])
    y = np.array(0.0)
    assert f._fix((1.5,), (y,))() == 3.0
    cell = [np.array(1.0)]
    call = f._fix((cell,), (y,))
    assert call() == 2.0
    cell[0] = np.array(4.0)
    assert call() == 8.0
    for bad in (np.ones(2), None, 1.0):
        cell[0] = bad
        with pytest.raises(RuntimeError, match="stored value"):
            call()
    cell.clear()
    with pytest.raises(IndexError):
        call()


@pytest.mark.parametrize(
    ("returns", "expected"), [("single", 2.0), ("list", [2.0]), (("y",), {"y": 2.0})]
)
def test_what_a_fixed_call_returns(bind, returns, expected):
    f = bind("double", [(F, 0)], [(F, 0)], returns=returns)
    assert f._fix((1.0,), (np.array(0.0),))() == expected


def test_stored_values_are_read_and_updated_at_each_call(bind):
    cell = [np.array(10.0)]
    call = bind_counter(bind, cell)._fix((2.0,), (np.array(0.0),))
    before = cell[0]
    assert call() == 2.0 and cell[0] == 12.0 and before == 10.0
    cell[0] = np.array(100.0)
    call()
    assert cell[0] == 102.0


def test_changes_in_place_are_seen_or_refused(bind):
    f = bind("shift", [(F, 1)], [(F, 1)])
    x, y = np.zeros(4), np.zeros(4)
    call = f._fix((x,), (y,))
    with pytest.raises(ValueError, match="resize"):
        x.resize(1_000_000)  # the call refers to it
    x.resize(100_000, refcheck=False)
    assert refused(call) == ("shape", 0)
    x.resize(4, refcheck=False)
    assert call().tolist() == [1] * 4
    y.flags.writeable = False
    assert refused(call) == ("array", 0)
    y.flags.writeable = True
    x.resize((2, 2), refcheck=False)
    assert refused(call) == ("input", 0)
    x.resize(4, refcheck=False)
    y.resize(0, refcheck=False)
    assert refused(call) == ("shape", 0)


def test_a_workspace_grows_when_it_must(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    cell = [np.arange(600.0)]
    call = f._fix((cell,), (np.zeros(600),))
    call()
    cell[0] = np.arange(70_000.0)
    assert refused(call) == ("shape", 0)
    big = f._fix((cell,), (None,))
    for n in (70_000, 10, 5_000_000, 600):
        cell[0] = np.arange(float(n))
        np.testing.assert_array_equal(big(), cell[0][::-1])


def test_arguments_are_refused(bind):
    call = bind("double", [(F, 0)], [(F, 0)])._fix((1.0,), (np.array(0.0),))
    assert refused(lambda: call(1.0)) == ("arguments", 0)
    assert refused(lambda: call(x=1.0)) == ("arguments", 0)
    assert call() == 2.0


def test_a_call_inside_itself_is_refused(bind):
    class Nested(bind.Function):
        def _fail(self, *status):
            assert refused(self.call) == ("busy", 0)
            raise KeyError("outer")

    f = bind("same_length", [(F, 1), (F, 1)], [(F, 1)], Nested)
    z = np.ones(4)
    f.call = f._fix((np.ones(3), z), (np.zeros(3),))
    for _ in range(2):
        with pytest.raises(KeyError, match="outer"):
            f.call()
    z.resize(3, refcheck=False)
    assert f.call().tolist() == [1, 1, 1]


def test_from_two_threads_a_fixed_call_is_right_or_refused(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)], always_release_gil=True)
    x = np.arange(50_000.0)
    call = f._fix((x,), (np.zeros(x.size),))
    reasons, wrong = set(), []

    def work():
        for _ in range(50):
            try:
                if not np.array_equal(call(), x[::-1]):
                    wrong.append(1)
            except LookupError as error:
                reasons.add(error.args[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and reasons <= {"busy"}
    np.testing.assert_array_equal(call(), x[::-1])  # not left busy


def test_a_fixed_call_keeps_what_it_needs(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    call = f._fix((np.arange(1000.0),), (np.zeros(1000),))
    del f
    gc.collect()
    assert call()[0] == 999.0


def test_fixed_calls_are_collected(bind):
    f = bind("double", [(F, 0)], [(F, 0)])
    cell = [np.array(1.0)]
    f.call = f._fix((cell,), (np.array(0.0),))
    f.call()
    cell.append(f.call)
    seen = weakref.ref(f), weakref.ref(f.call)
    del f, cell
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_references_are_stable(bind):
    x, y, cell = np.arange(1000.0), np.zeros(1000), [np.array(1.0)]
    f = bind("reverse", [(F, 1)], [(F, 1)])
    call = f._fix((x,), (y,))
    counter = bind_counter(bind, cell)._fix((2.0,), (np.array(0.0),))
    small = np.zeros(2)

    def work():
        call()
        f(x, out=y)
        f(x, out=x)
        counter()
        refused(lambda: f(x, out=small))
        f._measure((x,))
        f._fix((x,), (y,))()
        f.converted.clear()

    work()
    gc.collect()
    items = (f, x, y, small, cell, call)
    before = [sys.getrefcount(item) for item in items]
    for _ in range(200):
        work()
    gc.collect()
    assert [sys.getrefcount(item) for item in items] == before


def test_a_fixed_call_is_made_of_what_belongs_together(bind):
    f = bind("double", [(F, 0)], [(F, 0)])
    y = np.array(0.0)
    for args, given in [((), (y,)), ((1.0,), ()), ((1.0, 2.0), (y,))]:
        with pytest.raises(ValueError, match="_fix"):
            f._fix(args, given)
    with pytest.raises(TypeError, match="list of one"):
        f._fix(([],), (y,))
    with pytest.raises(RuntimeError, match="not bound"):
        bind.Function()._fix((1.0,), (y,))
    for bad in ("text", None, np.ones(2), object()):
        assert refused(f._fix((bad,), (y,))) == ("input", 0)
    for bad in ("text", 1.0, np.ones(2), object()):
        assert refused(f._fix((1.0,), (bad,)))[0] == "array"
    call = f._fix((1.0,), (y,))
    for forbidden in (lambda: pickle.dumps(call), lambda: copy.copy(call), lambda: type(call)()):
        with pytest.raises(TypeError):
            forbidden()


# ---- measuring --------------------------------------------------------------------------------


def test_a_call_is_measured_without_running(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)])
    assert f._measure((np.ones(1000),)) == (8000, ((1000,),))
    assert f._measure(([np.ones(3)],)) == (24, ((3,),))
    assert bind("count", [(F, 0)] * 2, [(F, 0)], n_sizes=0)._measure((-1.0, 2.0)) == (0, ((),))
    with pytest.raises(MemoryError):
        bind("huge", [(F, 1)], [(F, 1)])._measure((np.ones(2),))
    with pytest.raises(ValueError) as caught:
        bind("same_length", [(F, 1)] * 2, [(F, 1)])._measure((np.ones(2), np.ones(3)))
    assert caught.value.args[0][0] == 1
    for bad in ((), [np.ones(2)], None):
        with pytest.raises(ValueError, match="_measure"):
            f._measure(bad)
    assert refused(lambda: f._measure(("x",))) == ("input", 0)
    with pytest.raises(RuntimeError, match="not bound"):
        bind.Function()._measure(())
