"""Many processes want the same kernels of one empty cache in the same instant.

Every value is right, nobody fails, and each kernel is compiled once a repeat: the lock saves the
double work. Without the lock everything is still right. Half of the repeats have all processes
ask in one order, half in rotated orders. A last process finds everything compiled.

What is repeated with peers is smaller; numba's kernels are closures of one function.
"""

from __future__ import annotations

import shutil
import time

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Child, fork
from benchmarks.reliability.plan import Plan, Result

PEERS = ("pytensor", "numba", "jax")


def run(plan: Plan) -> Result:
    result = Result()
    subjects.prepare("cgrad")
    compiler = Compiler(plan.folder / "compiler", remembers=not plan.full)
    processes, kernels = plan.size(3, 16), plan.size(2, 32)
    for repeat in range(plan.count(2, 40)):
        before = compiler.runs()
        _stampede("cgrad", plan, result, processes, kernels, repeat % 2 == 1, compiler)
        compiled = compiler.runs() - before
        result.add("compiles", compiled)
        result.expect(compiled == kernels, f"{compiled} compiles of {kernels} kernels")
    result.notes.append(f"{kernels} kernels a repeat")
    for repeat in range(plan.count(1, 8)):
        _stampede(
            "cgrad", plan, result, processes, min(kernels, 8), repeat % 2 == 1, compiler,
            what="calls without the lock", locked=False,
        )  # fmt: skip
    return result


def run_peer(plan: Plan, peer: str) -> Result:
    result = Result()
    subjects.prepare(peer)
    compiler = Compiler(plan.folder / "compiler", language="c++")
    processes, kernels = plan.size(2, 8), plan.size(2, 8)
    for repeat in range(plan.count(2, 8)):
        compiled = _stampede(peer, plan, result, processes, kernels, repeat % 2 == 1, compiler)
        if compiled is not None:
            result.add("compiles", compiled)
    if peer == "pytensor":
        result.add("compiles", compiler.runs(""))
    result.notes.append(f"{kernels} kernels a repeat")
    return result


def _stampede(
    tool: str,
    plan: Plan,
    result: Result,
    processes: int,
    kernels: int,
    rotated: bool,
    compiler: Compiler,
    *,
    what: str = "calls",
    locked: bool = True,
) -> int | None:
    """One repeat; how many kernels the processes say they compiled, where they know."""
    cache, start = plan.folder / "stampede", plan.folder / "go"
    start.unlink(missing_ok=True)

    def settle() -> None:
        subjects.place_cache(tool, cache, compiler.path)

    children: list[Child] = []
    for number in range(processes):
        order = [(place + number * rotated) % kernels for place in range(kernels)]

        def task(order: list[int] = order) -> list[object]:
            return [subjects.use(tool, order), subjects.compile_count(tool)]

        def before() -> None:
            settle()
            if not locked:
                _unlock()
            elif tool == "cgrad":
                _be_patient()
            while not start.exists():
                time.sleep(0.001)

        children.append(fork(plan.folder, task, compiler.environment(), before))
    start.touch()
    counts = [_check(child, kernels, what, result) for child in children]
    last = fork(
        plan.folder,
        lambda: [subjects.use(tool, range(kernels)), 0],
        compiler.environment(),
        settle,
    )
    _check(last, kernels, "calls afterwards", result)
    result.add("repeats")
    shutil.rmtree(cache, ignore_errors=True)
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _check(child: Child, kernels: int, what: str, result: Result) -> int | None:
    answer = child.wait()
    result.add(what, kernels)
    if not answer.value or answer.error:
        result.fail(f"a process {answer.summary}")
        return None
    values, compiled = answer.value
    wrong = [i for i, value in values.items() if value != subjects.expected(int(i))]
    if wrong:
        result.wrong += len(wrong) - 1
        result.mistake(f"kernels {', '.join(wrong)} gave those of others: {values}")
    result.expect(not answer.warnings, f"a process warned: {answer.warnings}")
    return compiled  # type: ignore[no-any-return]


def _be_patient() -> None:
    """Where the machine is so busy that a compile takes a minute, the lock is waited for still."""
    from cgrad.cache import obtain

    obtain._LOCK_PATIENCE = 3600.0


def _unlock() -> None:
    from cgrad.cache.obtain import _Build

    _Build._acquire = lambda self, store: None  # type: ignore[method-assign]
