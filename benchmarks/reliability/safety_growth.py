"""Calls again and again: no growth in memory, whatever the way of the call.

Ordinary calls, converted arguments, memory for results, bound calls, refused calls, and functions
that are made and dropped.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.children import ask, environment
from benchmarks.reliability.plan import Plan, Result
from benchmarks.reliability.workloads import five

_CODE = "from benchmarks.reliability.safety_growth import child; child()"
_ALLOWED = 512 << 10  # bytes that the allocator may have kept


def run(plan: Plan) -> Result:
    result = Result()
    calls = plan.count(1_000, 100_000)
    variables = environment(plan.folder / "cache", MALLOC_ARENA_MAX="1")
    outcome = ask(_CODE, variables, str(calls))
    if outcome.code:
        result.fail(f"the process {outcome.summary}")
        return result
    found: dict[str, int] = json.loads(outcome.out)
    for name, growth in found.items():
        result.add("calls", calls)
        result.expect(growth <= _ALLOWED, f"{name}: {growth / 1024:.0f} kB more after the calls")
    largest = max(found, key=found.__getitem__)
    result.notes.append(f"most: {found[largest] / 1024:.0f} kB, {largest}")
    return result


def _memory() -> int:
    """Bytes of this process that are its own and in memory."""
    text = Path("/proc/self/statm").read_text()
    return (int(text.split()[1]) - int(text.split()[2])) * 4096


def child() -> None:
    """What the process does."""
    calls = int(sys.argv[1])
    found = {}
    for name, act in _actions().items():
        for _ in range(300):
            act()
        gc.collect()
        before = _memory()
        for _ in range(calls):
            act()
        gc.collect()
        found[name] = max(0, _memory() - before)
    print(json.dumps(found))


def _actions() -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {call.name: call.is_right for call in five()}
    x = ct.dvector("x")
    f = cgrad.function([x], ct.cumsum(ct.exp(x)))
    values, out = np.linspace(0.0, 1.0, 3000), np.empty(3000)
    bound = f.bind(values, out=out)

    def refused() -> None:
        try:
            f(values[None])
        except ValueError:
            return
        raise AssertionError("a matrix was taken for a vector")

    found |= {
        "converted": lambda: f(values[::-1]),
        "list": lambda: f([1.0, 2.0, 3.0]),
        "out": lambda: f(values, out=out),
        "overlapping out": lambda: f(out, out=out),
        "bound": bound,
        "refused": refused,
    }
    return found
