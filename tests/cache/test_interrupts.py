"""Ctrl-C during a kernel of the compiled dispatcher: it is left at once, and nothing is broken."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from hand_written import F

from cgrad.cache.dispatcher import load_dispatcher
from cgrad.cache.fallback import PythonDispatcher

pytestmark = pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="no signals")


@pytest.fixture
def base(warm_cache):
    found = load_dispatcher()
    if found is PythonDispatcher:
        pytest.skip("kernels of the fallback are not left")
    return found


@pytest.fixture
def press():
    """press(seconds): Ctrl-C after so long, from another thread."""
    timers = []

    def later(seconds):
        timers.append(threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)))
        timers[-1].start()

    yield later
    for timer in timers:
        timer.join()


def test_a_kernel_is_left(bind, press):
    f = bind("endless", [], [(F, 0)], always_release_gil=True)
    for _ in range(3):
        press(0.1)
        start = time.process_time()
        with pytest.raises(KeyboardInterrupt):
            f()
        assert time.process_time() - start < 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_bound_call_is_left_and_may_be_made_again(bind, press):
    f = bind("late", [(F, 0)], [(F, 0)], always_release_gil=True)
    out = np.zeros(())
    bound = f._fix((3.0,), (out,))
    press(0.1)
    with pytest.raises(KeyboardInterrupt):
        bound()
    assert bound() is out and out == 4.0


def test_a_kernel_that_calls_others_is_not_left(bind, press):
    f = bind("late", [(F, 0)], [(F, 0)], always_release_gil=True, interruptible=False)
    seen = []
    press(0.1)
    with pytest.raises(KeyboardInterrupt):
        seen.append(f(3.0))
        time.sleep(9)  # Python notices as soon as the kernel has ended
    assert seen in ([], [4.0])


def test_what_is_held_on_to_is_done_first(bind, press):
    f = bind("holding", [(F, 0)], [(F, 0)], always_release_gil=True)
    noted = np.zeros(())
    press(0.1)
    start = time.process_time()
    with pytest.raises(KeyboardInterrupt):
        f(noted)
    assert noted == 1.0 and time.process_time() - start < 5


def test_a_handler_that_does_not_raise_gets_the_result(bind, press):
    f = bind("late", [(F, 0)], [(F, 0)], always_release_gil=True)
    came = []
    old = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        press(0.1)
        assert f(3.0) == 4.0
        assert came == [signal.SIGINT]
        assert f(4.0) == 5.0
    finally:
        signal.signal(signal.SIGINT, old)


def test_other_threads_go_on(bind, press):
    f = bind("late", [(F, 0)], [(F, 0)], always_release_gil=True)
    results = []
    thread = threading.Thread(target=lambda: results.append(f(3.0)))
    thread.start()
    press(0.1)
    with pytest.raises(KeyboardInterrupt):
        f(1.0)
    thread.join()
    assert results == [4.0]


def test_a_child_forked_meanwhile_has_pythons_handler(bind, press, capfd):
    """The thread that forks is the main one of the child; the kernel's place is not there."""
    f = bind("endless", [], [(F, 0)], always_release_gil=True)
    children = []

    def fork():
        pid = os.fork()
        if pid == 0:
            try:
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(5)
                except KeyboardInterrupt:
                    os._exit(7)
            finally:
                os._exit(1)
        children.append(pid)

    timer = threading.Timer(0.1, fork)
    timer.start()
    press(0.4)
    with pytest.raises(KeyboardInterrupt):
        f()
    timer.join()
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) in (7, 1)


def test_a_call_inside_of_a_call(bind, press):
    """A kernel called while another one is left alone: the handler never calls itself."""
    inner = bind("reverse", [(F, 1)], [(F, 1)], always_release_gil=True)

    class Outer(bind.Function):
        def _convert(self, args, kwargs):
            return (inner(np.arange(1000.0)),)

    g = bind("reverse", [(F, 1)], [(F, 1)], Outer, always_release_gil=True)
    np.testing.assert_array_equal(g("x"), np.arange(1000.0))
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
