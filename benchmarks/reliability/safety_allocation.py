"""Each allocation of a call fails in turn: MemoryError, and the next call is right.

A preloaded library lets the k-th allocation fail, for every k until a call makes no more of them.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.children import environment, python, wait
from benchmarks.reliability.kernels import GCC, compile_c
from benchmarks.reliability.plan import Plan, Result
from benchmarks.reliability.workloads import five

_CODE = "from benchmarks.reliability.safety_allocation import child; child()"
_SOURCE = Path(__file__).with_name("failing_malloc.c")
_MOST = 3000  # allocations of one call


def run(plan: Plan) -> Result:
    result = Result()
    if GCC is None:
        result.skipped = "needs gcc"
        return result
    library = plan.folder / "failing.so"
    found = compile_c([GCC, "-O1", "-shared", "-fPIC"], _SOURCE.read_text(), library)
    if found:
        result.skipped = f"needs glibc: {found.splitlines()[0]}"
        return result
    variables = environment(plan.folder / "cache", PYTHONMALLOC="malloc")
    outcome = wait(python(_CODE.replace("child()", f"child({plan.full})"),
                          {**variables, "LD_PRELOAD": str(library)}))  # fmt: skip
    if outcome.code:
        result.fail(f"the process {outcome.summary}")
        return result
    answer: dict[str, Any] = json.loads(outcome.out)
    result.add("failed allocations", answer["failed"])
    result.expect(answer["failed"] > 5, "hardly an allocation failed")
    for problem in answer["problems"]:
        result.fail(problem)
    return result


def child(everything: bool) -> None:
    """What the process does."""
    library = ctypes.CDLL(None)
    arm = library.fail_allocation
    arm.argtypes = [ctypes.c_long, ctypes.c_size_t]
    problems: list[str] = []
    total = 0
    for name, (act, right) in _actions().items():
        for least in (1, 2048) if everything else (1,):
            for k in range(_MOST):
                error: BaseException | None = None
                try:
                    arm(k, least)
                    act()
                except BaseException as caught:
                    error = caught
                came = _stop(library)
                if error is not None and not isinstance(error, MemoryError):
                    problems.append(f"{name}, allocation {k}: {error!r}")
                error = None
                if not right():
                    problems.append(f"{name}, allocation {k}: the next call is wrong")
                if not came:
                    break
                total += 1
    print(json.dumps({"failed": total, "problems": problems[:20]}))


def _stop(library: ctypes.CDLL) -> bool:
    """Let allocations succeed again; whether one had failed. This may be the one that fails."""
    while True:
        try:
            return bool(library.stop_failing())
        except MemoryError:
            continue


def _actions() -> dict[str, tuple[Callable[[], Any], Callable[[], bool]]]:
    """What is called, and whether a later call is right."""
    found: dict[str, tuple[Callable[[], Any], Callable[[], bool]]] = {}
    for call in five(60):
        found[call.name] = (
            lambda call=call: call.function(*call.arguments), call.is_right,  # type: ignore[misc]
        )  # fmt: skip
    x = ct.dvector("x")
    total = cgrad.shared(np.zeros(600), name="total")
    f = cgrad.function([x], ct.cumsum(x)[::-1] + total, updates=[(total, total + x)])
    values, zeros, out = np.ones(600), np.zeros(600), np.empty(600)

    def stored() -> bool:
        before = total.get_value()
        return np.array_equal(f(zeros), before) and np.array_equal(total.get_value(), before)

    found["update"] = (lambda: f(values), stored)
    found["converted"] = (lambda: f(values[::-1]), stored)
    found["out"] = (lambda: f(values, out=out), stored)
    bound = f.bind(zeros, out=out)
    found["bound"] = (bound, lambda: np.array_equal(bound(), total.get_value()))
    return found
