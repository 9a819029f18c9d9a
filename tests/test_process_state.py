"""Kernels leave the process as it was: rounding, denormals, errno; Ctrl-C leaves a kernel."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layout of glibc's fenv_t")


def _mxcsr(libm: ctypes.CDLL) -> int:
    """The control bits of MXCSR: rounding, masks, denormals; the flags below them do change."""
    state = (ctypes.c_uint32 * 16)()
    assert libm.fegetenv(ctypes.byref(state)) == 0
    return state[7] & ~0x3F


def _tiny() -> float:
    """A denormal result, computed now."""
    return float(np.float64(2.0**-1000) * np.float64(2.0**-60))


@pytest.mark.parametrize("threads", ["1", "2"])
def test_rounding_denormals_and_errno(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    libm, libc = ctypes.CDLL("libm.so.6"), ctypes.CDLL(None)
    libc.__errno_location.restype = ctypes.POINTER(ctypes.c_int)
    before = _mxcsr(libm), libm.fegetround()
    monkeypatch.setenv("CGRAD_NUM_THREADS", threads)
    monkeypatch.setenv("CGRAD_CFLAGS", "-DCG_GRAIN=1.0")
    x = ct.dvector("x")
    f = cgrad.function([x], [ct.sum(ct.exp(x)), ct.log(x), x * 2.0**-60, ct.sqrt(x)])
    values = np.array([2.0**-1000, -1.0, 0.0, 1e308, np.inf, np.nan] * 500)
    with np.errstate(all="ignore"):
        libc.__errno_location()[0] = 77
        total, _, scaled, _ = f(values)
        errno = libc.__errno_location()[0]
    assert errno == 77
    assert (_mxcsr(libm), libm.fegetround()) == before
    assert np.isnan(total) and scaled[0] == _tiny() == 2.0**-1060
    f._set_num_threads(1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("what", ["numbers", "products", "calls Python"])
def test_ctrl_c_leaves_a_loop(what: str) -> None:
    """Loops of hours; one has a BLAS in it, one calls Python, which sees the signal itself."""
    n, x = ct.lscalar("n"), ct.dmatrix("x")
    same = cgrad.wrap_py(ct.dmatrix, ct.dmatrix, infer_shape=lambda shape: shape)(np.copy)
    step = {"numbers": ct.cos, "products": lambda h: ct.tanh(h @ h), "calls Python": same}[what]
    h, _ = cgrad.scan(step, outputs_info=[x], n_steps=n)
    f = cgrad.function([n, x], h[-1])
    start = np.full((8, 8), 0.1)
    want = f(50, start)
    for _ in range(3):
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        started = time.process_time()
        with pytest.raises(KeyboardInterrupt):
            f(10**11, start)
        timer.join()
        assert time.process_time() - started < 10
        assert np.array_equal(f(50, start), want)
