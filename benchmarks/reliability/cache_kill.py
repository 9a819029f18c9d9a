"""Processes are killed with SIGKILL at random moments while they compile.

Three ways: the Python process alone, with all it started, or only its compiler. A new process
then gets every kernel right and without a warning, no file of the cache is damaged, and what the
dead left behind is removed once it is an hour old. One whose compiler was killed is told so.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import suppress

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import fork
from benchmarks.reliability.plan import Plan, Result

PEERS = ("pytensor", "numba", "jax")
_KERNELS = 2
_FRESH = 25  # trials with one cache, so that the first ones compile the dispatcher too
_TARGETS = ("process", "group", "compiler")


def run(plan: Plan) -> Result:
    subjects.prepare("cgrad")
    result = Result()
    compiler = Compiler(plan.folder / "compiler", remembers=not plan.full)
    rng = plan.random()
    typical = 1.0
    for trial in range(plan.count(3, 500)):
        if trial % _FRESH == 0:
            shutil.rmtree(plan.folder / "killed", ignore_errors=True)
        target = _TARGETS[trial % 3]
        typical = _kill("cgrad", plan, result, compiler, trial, target, rng, typical)
        _inspect(plan, result)
    return result


def run_peer(plan: Plan, peer: str) -> Result:
    subjects.prepare(peer)
    result = Result()
    compiler = Compiler(plan.folder / "compiler", language="c++")
    rng, typical = plan.random(), 2.0
    for trial in range(plan.count(2, 50)):
        shutil.rmtree(plan.folder / "killed", ignore_errors=True)
        typical = _kill(peer, plan, result, compiler, trial, _TARGETS[trial % 2], rng, typical)
    return result


def _kill(
    tool: str,
    plan: Plan,
    result: Result,
    compiler: Compiler,
    trial: int,
    target: str,
    rng: random.Random,
    typical: float,
) -> float:
    """One trial; how long a process that was not killed in time needed, or the time given."""
    numbers = range(trial * _KERNELS, (trial + 1) * _KERNELS)
    ready = plan.folder / f"ready{trial}"
    seen = len(compiler.pids())

    def settle() -> None:
        subjects.place_cache(tool, plan.folder / "killed", compiler.path)

    def before() -> None:
        settle()
        ready.touch()

    victim = fork(plan.folder, lambda: subjects.use(tool, numbers), compiler.environment(), before)
    while not ready.exists():
        time.sleep(0.001)
    started = time.monotonic()
    moment = started + rng.uniform(0, 1.1) * typical
    while time.monotonic() < moment and not victim.poll():
        time.sleep(0.0005)
    if victim.poll():
        typical = time.monotonic() - started  # it was done before its moment came
        result.add("that ended before")
    elif target != "compiler":
        os.kill(victim.pid, signal.SIGKILL)
    if target != "process":
        for pid in compiler.pids()[seen:]:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
    answer = victim.wait()
    result.add(f"kills of the {target}")
    if target == "compiler" and answer.error:
        told = "killed by signal 9" in answer.error
        result.expect(told, f"a process whose compiler was killed {answer.summary}")
    after = fork(
        plan.folder, lambda: subjects.use(tool, numbers), compiler.environment(), settle
    ).wait()
    result.add("runs afterwards")
    if not answer_is_right(after.value, numbers):
        if after.value and not after.error:
            result.mistake(f"after a kill of the {target}: {after.summary}")
        else:
            result.fail(f"after a kill of the {target} a process {after.summary}")
    elif after.warnings:
        result.fail(f"after a kill of the {target} a process {after.summary}")
    return max(typical, 0.05)


def answer_is_right(value: object, numbers: range) -> bool:
    return value == {str(number): subjects.expected(number) for number in numbers}


def _inspect(plan: Plan, result: Result) -> None:
    """Nothing is damaged; an hour later the litter is gone."""
    from cgrad.cache.contents import verify
    from cgrad.cache.evict import evict
    from cgrad.cache.store import Store

    store = Store(str(plan.folder / "killed"), writable=True)
    damaged = [what for _, what in verify(store) if "leads to" not in what]
    result.expect(not damaged, f"damaged files: {damaged}")
    litter = [
        os.path.join(store.path(kind), name)
        for kind in ("tmp", "lock")
        for name in os.listdir(store.make_folder(kind))
        if name != "evict"
    ]
    result.add("pieces of litter", len(litter))
    for path in litter:
        os.utime(path, (1, 1))
    evict(store, 1 << 40)
    left = [path for path in litter if os.path.exists(path)]
    result.expect(not left, f"litter stays: {left}")
