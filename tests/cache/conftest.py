"""Hand-written kernels, a cache directory per test, a compiler that counts, child processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cgrad.cache.dispatcher import load_dispatcher
from cgrad.cache.fallback import PythonDispatcher
from cgrad.cache.glue import ABI_HEADER
from cgrad.cache.load import Kernel, Source, load_kernel

ROOT = Path(__file__).resolve().parents[2]

_NO_WORK = "int64_t cg_work(const int64_t *size) { (void)size; return 0; }\n"
_NO_SIZES = (
    "int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)"
    "{ (void)in; (void)size; (void)out; (void)st; return CG_OK; }\n"
)
_SAME_SIZE = (
    "int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)"
    "{ (void)st; size[0] = in[0].shape[0]; out[0].shape[0] = size[0]; return CG_OK; }\n"
)
_ENTRY = (
    "int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,"
    "void *work, cg_status *st)"
    "{ (void)rt; (void)in; (void)out; (void)size; (void)work; (void)st;\n%s\nreturn CG_OK; }\n"
)
_SPIN = (
    "#include <time.h>\nstatic void spin(double seconds)"
    "{ clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC); while (clock() < end); }\n"
)
_X = "const double *x = in[0].data; double *y = out[0].data;"

# name -> everything after the header
KERNELS = {
    # y = 2 x, 0-d
    "double": _NO_SIZES + _NO_WORK + _ENTRY % f"{_X} y[0] = 2 * x[0];",
    # y = 3 x, 0-d
    "triple": _NO_SIZES + _NO_WORK + _ENTRY % f"{_X} y[0] = 3 * x[0];",
    # y = x + 1 for int64, 0-d
    "successor": _NO_SIZES
    + _NO_WORK
    + _ENTRY % "*(int64_t *)out[0].data = *(int64_t *)in[0].data + 1;",
    # y[i] = x[i] + 1
    "shift": _SAME_SIZE
    + _NO_WORK
    + _ENTRY % f"{_X} for (int64_t i = 0; i < size[0]; i++) y[i] = x[i] + 1;",
    # y = reversed x, by way of a workspace of 8 n bytes that must be 64-byte aligned
    "reverse": _SAME_SIZE
    + "int64_t cg_work(const int64_t *size) { return 8 * size[0]; }\n"
    + _ENTRY
    % (
        f"{_X} double *w = work; int64_t n = size[0]; if ((uintptr_t)work % 64) return CG_VALUE;"
        "for (int64_t i = 0; i < n; i++) w[i] = x[n - 1 - i];"
        "for (int64_t i = 0; i < n; i++) y[i] = w[i];"
    ),
    # the positive elements of x: at most as many as x has
    "positive": _SAME_SIZE
    + _NO_WORK
    + _ENTRY
    % (
        f"{_X} int64_t k = 0; for (int64_t i = 0; i < size[0]; i++) if (x[i] > 0) y[k++] = x[i];"
        "out[0].shape[0] = k;"
    ),
    # x and z must have one length
    "same_length": (
        "int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)"
        "{ size[0] = in[0].shape[0]; if (in[1].shape[0] != size[0]) {"
        "st->code = CG_SHAPE; st->tag = 7; st->axis = 0; st->found = in[1].shape[0];"
        "st->expected = size[0]; return CG_SHAPE; } out[0].shape[0] = size[0]; return CG_OK; }\n"
    )
    + _NO_WORK
    + _ENTRY
    % (
        f"{_X} const double *z = in[1].data;"
        "for (int64_t i = 0; i < size[0]; i++) y[i] = x[i] * z[i];"
    ),
    # fails while running if x is negative; else y = x, and the update is counter + x
    "count": _NO_SIZES
    + _NO_WORK
    + _ENTRY
    % (
        f"{_X} if (x[0] < 0) {{ st->code = CG_VALUE; st->tag = 3; return CG_VALUE; }} y[0] = x[0];"
        "*(double *)out[1].data = *(double *)in[1].data + x[0];"
    ),
    # more memory than there is
    "huge": _SAME_SIZE
    + "int64_t cg_work(const int64_t *size) { (void)size; return INT64_MAX; }\n"
    + _ENTRY % "",
    # runs until it is left, or for about ten seconds
    "endless": _NO_SIZES + _NO_WORK + _SPIN + _ENTRY % "spin(10);",
    # holds on for half a second, notes in its argument that it has, and runs for ten seconds
    "holding": _NO_SIZES
    + _NO_WORK
    + _SPIN
    + _ENTRY
    % (
        "double *noted = in[0].data; if (rt->hold) rt->hold(1); spin(0.5); *noted = 1;"
        "if (rt->hold) rt->hold(0); spin(10);"
    ),
    # y = x + 1, half a second later
    "late": _NO_SIZES + _NO_WORK + _SPIN + _ENTRY % f"{_X} *y = *x; spin(0.5); *y += 1;",
    # the number of threads it may use
    "threads": _NO_SIZES + _NO_WORK + _ENTRY % "*(int64_t *)out[0].data = rt->num_threads;",
}

HEADER = Path(ABI_HEADER).read_text()


def kernel_text(name: str) -> str:
    return HEADER + KERNELS[name]


def load(name: str, meta: dict[str, Any] | None = None) -> Kernel:
    return load_kernel([("graph", name)], lambda: Source(kernel_text(name), meta))


@pytest.fixture
def text() -> Callable[[str], str]:
    """The C text of a kernel, by name."""
    return kernel_text


@pytest.fixture
def kernel() -> Callable[..., Kernel]:
    """A loaded kernel, by name."""
    return load


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache directory that the settings point to."""
    root = tmp_path / "cache"
    for name in ("CGRAD_CC", "CC", "CGRAD_CFLAGS", "CGRAD_CACHE", "CGRAD_CACHE_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(root))
    return root


class CountingCompiler:
    """A script around the real compiler that notes what it was asked to compile."""

    def __init__(self, folder: Path, body: str) -> None:
        self.path = folder / "cc"
        self.log = folder / "cc.log"
        real = shutil.which("cc")
        self.path.write_text(f'#!/bin/sh\necho "$@" >> {self.log}\n{body.format(real=real)}\n')
        self.path.chmod(0o755)

    def calls(self, kind: str = "") -> int:
        """How often it ran, for kind.c if a kind is given."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return sum(f"{kind}.c" in line for line in lines)


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CountingCompiler]:
    """Use a counting compiler from now on; its body may do something else than compile."""

    def make(body: str = 'exec {real} "$@"') -> CountingCompiler:
        made = CountingCompiler(tmp_path, body)
        monkeypatch.setenv("CGRAD_CC", str(made.path))
        return made

    return make


# What every child process can use.
_PRELUDE = f"""
import os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
import numpy as np
"""


def start_child(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def child() -> Callable[..., subprocess.Popen[str]]:
    """A Python process that has started to run some code."""
    return start_child


@pytest.fixture
def run_child() -> Callable[..., str]:
    """What a Python process printed; it must succeed."""

    def run(code: str, **environment: str) -> str:
        process = start_child(code, **environment)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out.strip()

    return run


# ---- functions around kernels ----

F, I = np.dtype(np.float64).num, np.dtype(np.int64).num  # noqa: E741


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory):
    """One cache for all tests that only call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGRAD_CACHE_DIR", str(tmp_path_factory.mktemp("warm") / "cache"))
        yield


@pytest.fixture(params=["compiled", "python"])
def base(request, warm_cache):
    return PythonDispatcher if request.param == "python" else load_dispatcher()


@pytest.fixture
def bind(base):
    """A function around a kernel, whose conversion and failure are noted."""

    class Function(base):
        def __init__(self):
            self.converted = []

        def _convert(self, args, kwargs):
            self.converted.append((args, kwargs))
            values = [*args, *(value for name, value in kwargs.items() if name != "out")]
            arrays = [
                np.require(value, dtype, ["C", "A", "E"]).reshape(np.shape(value))
                for value, (dtype, _) in zip(values, self.specs, strict=True)
            ]
            out = kwargs.get("out", ())
            return (*arrays, *(out if isinstance(out, list | tuple) else [out]))

        def _fail(self, *status):
            raise ValueError(status)

        def _refuse(self, *reason):
            raise LookupError(*reason)

    def make(name, inputs, outputs, cls=Function, **kwargs):
        kernel = load(name)
        function = cls()
        hidden = kwargs.get("hidden", [])
        taken = inputs[: len(inputs) - len(hidden)]
        function.specs = [(np.float64 if number == F else np.int64, n) for number, n in taken]
        options = {
            "hidden": hidden,
            "returns": "single",
            "n_returned": 1,
            "updates": [],
            "always_release_gil": False,
            "interruptible": True,
            "owner": kernel,
            "out_keyword": True,
            "n_sizes": 1,
        }
        function._bind(
            entry=kernel.entry_address,
            sizes=kernel.sizes_address,
            work=kernel.work_address,
            inputs=inputs,
            outputs=outputs,
            **{**options, **kwargs},
        )
        return function

    make.base, make.Function = base, Function
    return make


def bind_counter(bind, cell):
    return bind(
        "count", [(F, 0), (F, 0)], [(F, 0), (F, 0)], hidden=[cell], updates=[(1, cell)], n_sizes=0
    )
