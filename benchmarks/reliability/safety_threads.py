"""Threads call functions of their own and shared ones, while another compiles and one evicts.

No wrong bit, no exception, and the process lives.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from typing import Any

from benchmarks.reliability.children import ask, environment
from benchmarks.reliability.plan import Plan, Result
from benchmarks.reliability.workloads import another, five
from cgrad.cache.contents import prune
from cgrad.cache.store import current_stores

_CODE = "from benchmarks.reliability.safety_threads import child; child()"
_THREADS = 16


def run(plan: Plan) -> Result:
    result = Result()
    calls = plan.count(200, 1_000_000)
    result.add("threads", _THREADS)
    outcome = ask(
        _CODE, environment(plan.folder / "cache", CGRAD_CACHE_SIZE="100K"),
        str(calls), "50" if plan.full else "2", "0.05" if plan.full else "0.5", seconds=4 * 3600,
    )  # fmt: skip
    if outcome.code:
        result.fail(f"the process {outcome.summary}")
        return result
    found: dict[str, Any] = json.loads(outcome.out)
    result.add("calls", found["calls"])
    result.add("compiles meanwhile", found["compiled"])
    result.add("evictions", found["evicted"])
    for problem in found["wrong"]:
        result.mistake(problem)
    for problem in found["raised"]:
        result.fail(problem)
    return result


def child() -> None:
    """What the process does: calls for each thread, and at least so many compiles meanwhile."""
    calls, least, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    wrong: list[str] = []
    raised: list[str] = []
    done = [0] * _THREADS
    compiled = evicted = 0
    working = _THREADS
    shared = five()

    def work(number: int) -> None:
        nonlocal working
        rng = random.Random(number)
        try:
            mine = [*shared, *five(10 + number, "vector", "shared")]
            for _ in range(calls):
                call = rng.choice(mine)
                if not call.is_right():
                    wrong.append(f"thread {number}: {call.name}")
                done[number] += 1
        except BaseException as error:
            raised.append(f"thread {number}: {error!r}")
        finally:
            working -= 1

    def compile_more() -> None:
        nonlocal compiled
        try:
            while working > 0 or compiled < least:
                if not another(compiled):
                    wrong.append(f"the function compiled {compiled} others later")
                compiled += 1
                time.sleep(0.02)
        except BaseException as error:
            raised.append(f"the one that compiles: {error!r}")

    def evict_all() -> None:
        nonlocal evicted
        try:
            while working > 0:
                store = current_stores().main
                if store is not None and os.path.isdir(store.base):
                    evicted += prune(store, 0) >= 0
                time.sleep(pause)
        except BaseException as error:
            raised.append(f"the one that evicts: {error!r}")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(_THREADS)]
    threads += [threading.Thread(target=compile_more), threading.Thread(target=evict_all)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"calls": sum(done), "compiled": compiled, "evicted": evicted,
                      "wrong": wrong, "raised": raised}))  # fmt: skip
