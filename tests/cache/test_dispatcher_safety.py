"""Threads, signals, memory and the type: the compiled dispatcher and the one in Python."""

import gc
import os
import signal
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest
from hand_written import F, I, bind_counter

from cgrad.cache import dispatcher as module
from cgrad.cache import toolchain
from cgrad.cache.dispatcher import load_dispatcher, start_dispatcher
from cgrad.cache.fallback import PythonDispatcher
from cgrad.errors import CgradWarning

# ---- threads, signals, memory -----------------------------------------------------------------


def test_many_threads_may_call_one_function(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)], always_release_gil=True)
    wrong = []

    def work(seed):
        for i in range(200):
            x = np.arange(float(seed * 37 + i * 11 % 3000))
            if not np.array_equal(f(x), x[::-1]):
                wrong.append((seed, i))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_gil_is_released(warm_cache, bind):
    f = bind("endless", [], [(F, 0)], always_release_gil=True)
    if bind.base is PythonDispatcher:
        pytest.skip("cannot be interrupted")
    ticks = []
    timer = threading.Timer(0.3, lambda: (ticks.append(1), signal.raise_signal(signal.SIGINT)))
    timer.start()
    start = time.process_time()
    with pytest.raises(KeyboardInterrupt):
        f()
    assert ticks == [1] and time.process_time() - start < 5


def test_ctrl_c_reaches_a_long_kernel(warm_cache, child):
    if sys.platform not in ("linux", "darwin"):
        pytest.skip("no signals")
    process = child(
        "import hand_written\n"
        "from cgrad.cache.dispatcher import load_dispatcher\n"
        "class F(load_dispatcher()): pass\n"
        "k, f = hand_written.load('endless'), F()\n"
        "f._bind(entry=k.entry_address, sizes=k.sizes_address, work=k.work_address, n_sizes=0,\n"
        "  inputs=[], hidden=[], outputs=[(hand_written.F, 0)], returns='single', n_returned=1,\n"
        "  updates=[],\n"
        "  always_release_gil=True, interruptible=True, owner=k, out_keyword=True)\n"
        "print('ready', flush=True)\n"
        "import time\n"
        "try:\n    f()\n"
        "except KeyboardInterrupt:\n    print('interrupted', time.process_time() < 8)\n"
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert out == "interrupted True\n", err


def test_a_forked_child_runs_serial(warm_cache, bind):
    f = bind("threads", [], [(I, 0)])
    set_threads = bind.base._set_num_threads
    set_threads(4)
    try:
        for now in (4, 1):  # OpenMP keeps its threads when fewer are asked for
            set_threads(now)
            pid = os.fork()
            if pid == 0:
                first = int(f())
                set_threads(4)
                os._exit(10 * first + int(f()))
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 11
            assert f() == now
    finally:
        set_threads(1)


def test_references_and_memory_are_stable(bind):
    cell = [np.array(0.0)]
    functions = {
        "double": (bind("double", [(F, 0)], [(F, 0)]), (np.array(1.0),)),
        "number": (bind("double", [(F, 0)], [(F, 0)]), (1.5,)),
        "dict": (bind("double", [(F, 0)], [(F, 0)], returns=("y",)), (2.5,)),
        "list": (bind("double", [(F, 0)], [(F, 0)], returns="list"), (2.5,)),
        "count": (bind_counter(bind, cell), (1.0,)),
        "positive": (bind("positive", [(F, 1)], [(F, 1)]), (np.array([1.0, -2.0]),)),
        "reverse": (bind("reverse", [(F, 1)], [(F, 1)]), (np.ones(1000),)),
        "failing": (bind("same_length", [(F, 1)] * 2, [(F, 1)]), (np.ones(2), np.ones(3))),
        "converted": (bind("shift", [(F, 1)], [(F, 1)]), (np.ones(6)[::2],)),
    }

    def call(f, args):
        try:
            f(*args)
        except ValueError:
            return
        finally:
            f.converted.clear()

    for f, args in functions.values():
        for _ in range(100):
            call(f, args)
    gc.collect()
    counts = [sys.getrefcount(item) for f, args in functions.values() for item in (f, *args)]
    dtype_count = sys.getrefcount(np.dtype(np.float64))
    tracemalloc.start()
    try:
        for f, args in functions.values():
            for _ in range(10_000 if bind.base is not PythonDispatcher else 300):
                call(f, args)
        gc.collect()
        blocks = len(tracemalloc.take_snapshot().traces)
    finally:
        tracemalloc.stop()
    assert [sys.getrefcount(i) for f, args in functions.values() for i in (f, *args)] == counts
    assert abs(sys.getrefcount(np.dtype(np.float64)) - dtype_count) < 20
    assert blocks < 300  # that are left of 90 000 calls


def test_functions_are_collected(bind):
    f = bind("double", [(F, 0)], [(F, 0)])
    f.itself = f
    seen = weakref.ref(f)
    del f
    gc.collect()
    assert seen() is None


def test_a_cycle_through_a_stored_value_is_collected(bind):
    cell = [np.array(1.0)]
    f = bind_counter(bind, cell)
    cell[0] = f  # not a value; only to make a cycle through C
    seen = weakref.ref(f)
    del f, cell
    gc.collect()
    assert seen() is None


# ---- the type ---------------------------------------------------------------------------------


def test_a_subclass_keeps_vectorcall(warm_cache, bind):
    if bind.base is PythonDispatcher:
        pytest.skip("a matter of the compiled type")
    assert bind.Function.__flags__ & (1 << 11)  # Py_TPFLAGS_HAVE_VECTORCALL


def test_a_subclass_may_have_its_own_call(bind):
    class Doubling(bind.Function):
        def __call__(self, *args, **kwargs):
            return 10 * super().__call__(*args, **kwargs)

    f = bind("double", [(F, 0)], [(F, 0)], Doubling)
    assert f(1.0) == 20.0 and f(x=1.0) == 20.0

    class Later(bind.Function):
        pass

    g = bind("double", [(F, 0)], [(F, 0)], Later)
    assert g(1.0) == 2.0
    Later.__call__ = lambda self, *args, **kwargs: ("mine", args, kwargs)
    assert g(1.0) == ("mine", (1.0,), {}) and g(x=2) == ("mine", (), {"x": 2})
    del Later.__call__
    assert g(1.0) == 2.0


def test_calls_may_nest(bind):
    f = bind("reverse", [(F, 1)], [(F, 1)])

    class Outer(bind.Function):
        def _convert(self, args, kwargs):
            return (f(np.arange(1000.0)),)

    g = bind("reverse", [(F, 1)], [(F, 1)], Outer)
    np.testing.assert_array_equal(g("x"), np.arange(1000.0))


def test_the_dispatcher_is_built_once_and_beside_a_kernel(cache, compiler, run_child):
    made = compiler()
    code = (
        "from hand_written import load\n"
        "from cgrad.cache.dispatcher import start_dispatcher\n"
        "with start_dispatcher() as pending:\n    load('double')\n    kind = pending.result()\n"
        "print(kind.__module__)\n"
    )
    assert run_child(code) == "cgrad.cache.dispatcher"
    assert run_child(code) == "cgrad.cache.dispatcher"
    log = made.log.read_text()
    assert log.count("dispatcher.c") == 1
    assert log.index("dispatcher.c") < log.index("kernel.c")


def test_a_dispatcher_given_up_leaves_nothing(cache, monkeypatch, compiler):
    compiler("sleep 33")
    monkeypatch.setattr(module, "_loaded", None)
    with pytest.raises(KeyError), start_dispatcher():
        raise KeyError
    assert os.listdir(cache / "v1" / "tmp") == []


def test_without_a_compiler_python_calls(cache, monkeypatch):
    monkeypatch.setattr(module, "_loaded", None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.warns(CgradWarning, match="no C compiler"):
        assert load_dispatcher() is PythonDispatcher


def test_without_headers_python_calls(cache, monkeypatch):
    monkeypatch.setattr(module, "_loaded", None)
    monkeypatch.setattr(toolchain, "python_include", lambda: None)
    assert load_dispatcher() is PythonDispatcher
