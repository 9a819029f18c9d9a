"""How a time is taken: repeated, with the garbage collector off; minimum and median are kept.

Uses the standard library only, so that a peer's process can use it without cgrad.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "CGRAD_NUM_THREADS",
)  # fmt: skip

Samples = list[float]


def one_thread() -> None:
    """Every library, in this process and its children, may use one thread. Call before NumPy."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))


def measure(call: Callable[[], Any], repeats: int = 30, seconds: float = 0.02) -> Samples:
    """Seconds a call, `repeats` times, each over as many calls as fill `seconds`."""
    call()
    number = 1
    while (taken := _loop(call, number)) < seconds:
        number = max(number + 1, int(1.2 * number * seconds / max(taken, 1e-9)))
    enabled = gc.isenabled()
    gc.disable()
    try:
        return [_loop(call, number) / number for _ in range(repeats)]
    finally:
        if enabled:
            gc.enable()


def _loop(call: Callable[[], Any], number: int) -> float:
    rounds = range(number)
    start = time.perf_counter()
    for _ in rounds:
        call()
    return time.perf_counter() - start


class Result:
    """Samples of one case of a workload, in seconds."""

    def __init__(self, case: str, samples: Sequence[float]) -> None:
        self.case = case
        self.samples = list(samples)

    @property
    def low(self) -> float:
        return min(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def as_dict(self) -> dict[str, Any]:
        return {
            "case": self.case,
            "min": self.low,
            "median": self.median,
            "samples": len(self.samples),
        }


def show(seconds: float) -> str:
    """A time with three digits and a fitting unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


@functools.cache
def _bytecode() -> str:
    folder = tempfile.mkdtemp(prefix="bench-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def python(code: str, executable: str = sys.executable, **environment: str) -> Any:
    """What `code` prints last, read as JSON, in a new Python process.

    Bytecode is kept in a directory of this run, so that a second process imports as an installed
    package does, whatever PYTHONDONTWRITEBYTECODE says here.
    """
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables["PYTHONPYCACHEPREFIX"] = _bytecode()
    process = subprocess.run(
        [executable, "-c", code], env=variables, cwd=ROOT, capture_output=True, text=True
    )
    if process.returncode:
        raise RuntimeError(f"{executable} failed:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])
