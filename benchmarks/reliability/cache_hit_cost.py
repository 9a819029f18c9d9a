"""What safety costs when a kernel is found: reading, checking and hashing it, beside dlopen.

A loader without checks would only call dlopen; all that comes before it must stay below 100
microseconds of processor time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import _cffi_backend

from benchmarks.reliability.children import ask, environment
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.plan import Plan, Result
from cgrad.cache.store import Store

_LIMIT = 100e-6
_BUILD = """
import cgrad, cgrad.tensor as ct
x = ct.dvector("x")
f = cgrad.function([x], [ct.exp(-x * x).sum(), cgrad.grad(ct.exp(-x * x).sum(), x)])
print(f._kernel.path)
"""


def run(plan: Plan) -> Result:
    result = Result()
    compiler = Compiler(plan.folder / "compiler", remembers=True)
    variables = environment(plan.folder / "cache", **compiler.environment())
    outcome = ask(_BUILD, variables)
    path = outcome.out.strip()
    if not path:
        result.fail(f"the kernel was not built: it {outcome.summary}")
        return result
    store = Store(str(plan.folder / "cache"), writable=True)
    key = os.path.basename(path).partition(".")[0]
    rounds = plan.count(50, 2000)

    def find() -> None:
        store.check()
        if store.find(key, ".so") is None:
            raise LookupError(f"{path} is not found")

    checked = _best(find, rounds)
    opened = _best_open(path, plan, rounds)
    result.add("hits", rounds)
    result.notes += [
        f"{checked * 1e6:.0f} us of checks for {os.path.getsize(path) / 1000:.0f} kB",
        f"{opened * 1e6:.0f} us of dlopen",
    ]
    if plan.full:
        result.expect(checked < _LIMIT, f"the checks took {checked * 1e6:.0f} us")
    return result


def _best(call: Callable[[], None], rounds: int) -> float:
    """The least processor time of a call."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time_ns()
        call()
        best = min(best, time.process_time_ns() - start)
    return best * 1e-9


def _best_open(path: str, plan: Plan, rounds: int) -> float:
    """The least processor time of opening a library that was not open before."""
    with open(path, "rb") as file:
        data = file.read()
    best = float("inf")
    for number in range(min(rounds, 200)):
        copy = plan.folder / f"copy{number}.so"
        copy.write_bytes(data)
        start = time.process_time_ns()
        _cffi_backend.load_library(str(copy), 0)
        best = min(best, time.process_time_ns() - start)
        copy.unlink()
    return best * 1e-9
