"""A cache directory per test, a compiler that counts, child processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hand_written import F, kernel_text, load

from cgrad.cache.dispatcher import load_dispatcher
from cgrad.cache.fallback import PythonDispatcher
from cgrad.cache.load import Kernel

ROOT = Path(__file__).resolve().parents[2]


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
