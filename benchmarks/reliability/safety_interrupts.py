"""Ctrl-C at random moments of kernels, of compiles and of waits for another process's compile.

Each time KeyboardInterrupt comes, the process goes on with right results, and in the end no
compiler runs and the cache holds no rubbish. How long it took is printed beside what a loop in
Python takes, because a busy machine delays both.
"""

from __future__ import annotations

import itertools
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.children import environment, python
from benchmarks.reliability.plan import Plan, Result
from benchmarks.reliability.workloads import another, five

_CODE = "from benchmarks.reliability.safety_interrupts import child; child()"
_SLOW = '#!/bin/sh\ngrep -qs 77777 kernel.c && sleep 600\nexec cc "$@"\n'
_WAITED_FOR = 77777
_PATIENCE = 60.0  # seconds; after that it was lost
_LONGEST = 0.25  # seconds from the start of a call to the signal


def run(plan: Plan) -> Result:
    result = Result()
    times: dict[str, list[float]] = {}
    for what, quick, full in (("python", 0, 60), ("loop", 2, 60), ("vectors", 0, 40),
                              ("products", 0, 40), ("compile", 2, 80),
                              ("wait", 0, 40)):  # fmt: skip
        count = plan.count(quick, full)
        if count:
            times[what] = _press(what, count, plan, result)
            result.add(f"interrupts of {what}", count)
    for what, found in times.items():
        if found:
            late = sum(t > 0.1 for t in found)
            middle, largest = np.median(found), max(found)
            result.notes.append(
                f"{what}: median {middle * 1e3:.0f} ms, largest {largest * 1e3:.0f}, "
                f"{late} above 100"
            )
    return result


def _press(what: str, count: int, plan: Plan, result: Result) -> list[float]:
    """Press Ctrl-C so often in one process; the seconds it took each time."""
    folder, rng = plan.folder / what, plan.random()
    folder.mkdir()
    cache = folder.parent / "cache"
    variables = environment(cache)
    holder = None
    if what == "wait":
        compiler = folder / "cc"
        compiler.write_text(_SLOW)
        compiler.chmod(0o700)
        variables["CGRAD_CC"] = os.fspath(compiler)
        python(_CODE, variables, "warm").communicate()
        holder = python(_CODE, variables, "hold")
        while not list(cache.glob("v1/lock/??*")) or not _inside(cache):
            if holder.poll() is not None:
                result.fail(f"{what}: the process that compiles ended")
                return []
            time.sleep(0.01)
    process = python(_CODE, variables, what)
    lines = _Lines(process)
    found = []
    try:
        for number in range(count):
            if (line := lines.next()) != "go":
                result.fail(f"{what}: before interrupt {number} came {line!r}")
                break
            time.sleep(rng.random() * _LONGEST)
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            answer = lines.next()
            if not answer.startswith("caught"):
                result.fail(f"{what}: interrupt {number} was answered by {answer!r}")
                break
            found.append(float(answer.split()[1]) - pressed)
    finally:
        process.kill()
        _, err = process.communicate()
        for one in [] if holder is None else _inside(cache):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        if holder is not None:
            holder.kill()
            holder.communicate()
    if err.strip():
        result.fail(f"{what}: {err.strip()[-500:]}")
    if what != "wait":
        _look_around(what, cache, result)
    return found


class _Lines:
    """The lines that a process prints, waited for no longer than `_PATIENCE`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.file = process.stdout.fileno()
        self.rest = b""

    def next(self) -> str:
        """The next line, or a word about what came instead."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.file], [], [], _PATIENCE)
            if not ready:
                return "silence"
            read = os.read(self.file, 4096)
            if not read:
                return "the end of the process"
            self.rest += read
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()


def _inside(cache: Path) -> list[int]:
    """The processes that work in the cache directory: compilers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(folder / "cwd").startswith(os.fspath(cache)):
                found.append(int(folder.name))
    return found


def _look_around(what: str, cache: Path, result: Result) -> None:
    """Nothing may be left behind, but for what the last, killed call was doing."""
    deadline = time.monotonic() + 10
    while _inside(cache) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = _inside(cache)
    result.expect(not left, f"{what}: {len(left)} compilers are left")
    for one in left:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    rubbish = list(cache.glob("v1/tmp/*"))
    result.expect(len(rubbish) <= 2, f"{what}: {len(rubbish)} directories are left")


# -- the process that is interrupted ---------------------------------------------------------------
def child() -> None:
    """Do one thing again and again, and tell when Ctrl-C came."""
    what = sys.argv[1]
    if what == "hold":
        another(_WAITED_FOR)
        return
    calls = five(24, "number", "vector")
    if what == "warm":
        return
    act = _action(what)
    while True:
        try:
            print("go", flush=True)
            act()
        except KeyboardInterrupt:
            print("caught", time.monotonic(), flush=True)
        wrong = [call.name for call in calls if not call.is_right()]
        if wrong:
            print("wrong", wrong, flush=True)


def _action(what: str) -> Callable[[], object]:
    """Something that takes for ever."""
    n, x, a = ct.lscalar("n"), ct.dvector("x"), ct.dmatrix("a")
    if what == "loop":
        h, _ = cgrad.scan(ct.cos, outputs_info=[ct.constant(0.5)], n_steps=n)
        f = cgrad.function([n], h[-1])
        return lambda: f(10**13)
    if what == "vectors":
        long = cgrad.function([x], ct.sum(ct.exp(x[:, None] * x[None, :]) ** x[:, None]))
        values = np.linspace(0.0, 1.0, 1_000_000)
        return lambda: long(values)
    if what == "products":
        h, _ = cgrad.scan(lambda s: ct.tanh(s @ s), outputs_info=[a], n_steps=n)
        products = cgrad.function([n, a], h[-1])
        matrix = np.full((50, 50), 0.01)
        return lambda: products(10**12, matrix)
    if what == "compile":
        numbers = itertools.count(1)
        return lambda: [another(number) for number in numbers]
    if what == "wait":
        return lambda: another(_WAITED_FOR)

    def spin() -> None:
        while True:
            pass

    return spin
