"""Loading and calling kernels leaves the process as it was: rounding, denormals, errno."""

from __future__ import annotations

import ctypes
import sys

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
