"""How a time is taken: many short samples with the garbage collector off.

Responsible for: the samples of one round in one process. Not responsible for taking turns
(`runner`). Uses the standard library only, so that any tool's process can use it.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Any

# What limits the threads of the libraries that somebody may have below.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS", "CGRAD_NUM_THREADS",
)  # fmt: skip
# A sample is long enough for the clock, and short enough that some samples meet no interruption.
SAMPLE_SECONDS = 0.002
ROUND_SECONDS = 0.2
MIN_SAMPLES = 3

# On a busy machine the time that a process had the core says more than the time that passed; it
# counts all threads of the process.
CPU_TIME = os.environ.get("BENCH_CLOCK") == "cpu"
clock = time.process_time if CPU_TIME else time.perf_counter

# Seconds that so many calls take.
Loop = Callable[[int], float]


def loop_of(call: Callable[[], Any]) -> Loop:
    """Calls in a Python loop, timed as a whole; what one iteration of the loop costs is in it."""

    def loop(number: int) -> float:
        rounds = range(number)
        start = clock()
        for _ in rounds:
            call()
        return clock() - start

    return loop


def calibrate(loop: Loop) -> int:
    """Calls that take about `SAMPLE_SECONDS`, after a first one that warms up."""
    loop(1)
    number = 1
    while (taken := loop(number)) < SAMPLE_SECONDS:
        number = max(
            number + 1, min(20 * number, int(1.2 * number * SAMPLE_SECONDS / max(taken, 1e-9)))
        )
    return number


def samples(loop: Loop, number: int) -> list[float]:
    """Seconds a call, each sample over `number` calls, for about `ROUND_SECONDS`."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        loop(number)  # the caches belonged to another process
        found = [loop(number) / number]
        end = time.perf_counter() + ROUND_SECONDS
        while len(found) < MIN_SAMPLES or time.perf_counter() < end:
            found.append(loop(number) / number)
        return found
    finally:
        if enabled:
            gc.enable()


def thread_environment(threads: int) -> dict[str, str]:
    """The variables of a process whose libraries may use so many threads."""
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    eigen = "false" if threads == 1 else "true"
    variables["XLA_FLAGS"] = " ".join(
        [os.environ.get("XLA_FLAGS", ""), f"--xla_cpu_multi_thread_eigen={eigen}"]
    ).strip()
    return variables


def pin(cores: list[int]) -> None:
    """Keep this process on these cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def usable_cores() -> list[int]:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
