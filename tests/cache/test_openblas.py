"""OpenBLAS is opened when a kernel needs it, and in any process and thread."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.cache import openblas

ROOT = Path(__file__).resolve().parents[2]
SETUP = """
import os, sys
import numpy as np
import cgrad, cgrad.tensor as ct

def opened():
    # NumPy has a copy of its own
    with open("/proc/self/maps") as maps:
        return any("scipy_openblas64/lib/" in line for line in maps)

x, y = ct.dmatrix("x"), ct.dmatrix("y")
a, b = np.arange(1200.0).reshape(30, 40), np.ones((40, 20))
"""
linux = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="asks Linux what is open")


def run(text: str) -> str:
    done = subprocess.run([sys.executable, "-c", SETUP + textwrap.dedent(text)], cwd=ROOT,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@linux
def test_only_kernels_that_call_it_open_it() -> None:
    run("""
        assert not opened()
        f = cgrad.function([x], [ct.exp(x), x @ x[0], ct.dot(x[0], x[1])])
        f(a[:, :30])
        assert not opened()
        g = cgrad.function([x, y], x @ y)
        assert opened()
        assert np.array_equal(g(a, b), a @ b)
        assert not any(name.partition(".")[0] == "scipy_openblas64" for name in sys.modules)
    """)


def test_from_the_cache_in_a_new_process() -> None:
    text = """
        f = cgrad.function([x, y], x @ y + 1)
        assert np.array_equal(f(a, b), a @ b + 1)
        print(f._kernel.origin, f._kernel.routines)
    """
    run(text)
    assert run(text).startswith("disk [('blas', 0, 'cblas_dgemm', False)]")


def test_threads_and_a_fork() -> None:
    run("""
        from concurrent.futures import ThreadPoolExecutor
        f = cgrad.function([x, y], [x @ y, x.T @ x])
        def call(k):
            p, q = f(a + k, b)
            return np.array_equal(p, (a + k) @ b) and np.allclose(q, (a + k).T @ (a + k))
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(call, range(200)))
        child = os.fork()
        if child == 0:
            os._exit(0 if call(3) else 1)
        assert os.waitpid(child, 0)[1] == 0 and call(4)
    """)


def test_many_threads_at_once() -> None:
    x = ct.dmatrix("x")
    f = cgrad.function([x], x @ x.T @ x)
    arrays = [np.random.default_rng(k).normal(size=(64 + k, 64)) for k in range(4)]
    wanted = [f(a) for a in arrays]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for got, want in zip(pool.map(f, arrays), wanted, strict=True):
                np.testing.assert_array_equal(got, want)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slots:
        given: list[tuple[int, int]] = []  # noqa: RUF012

        def _set_blas(self, slot: int, address: int) -> None:
            self.given.append((slot, address))

    monkeypatch.setattr(openblas, "_library", lambda: None)
    with pytest.warns(UserWarning, match="pip install scipy-openblas64"):
        openblas.provide(Slots(), [("blas", 0, "cblas_dgemm", False)])
    assert Slots.given == []
    with pytest.raises(cgrad.BuildError, match="pip install scipy-openblas64"):
        openblas.provide(Slots(), [("lapack", 4, "dsyevd_", True)])
