"""Children by fork, spawn and forkserver after a call that used OpenMP's threads.

Each child has the parent's results, bit for bit, and ends; so does one that only forks, and one
that forks while other threads call.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from multiprocessing.pool import Pool
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.children import ask, environment
from benchmarks.reliability.plan import Plan, Result

_CODE = "from benchmarks.reliability.safety_fork import child; child()"
_WAYS = ("fork", "spawn", "forkserver", "bare fork", "fork among threads")


def run(plan: Plan) -> Result:
    result = Result()
    variables = environment(
        plan.folder / "cache", CGRAD_NUM_THREADS="4", CGRAD_CFLAGS="-DCG_GRAIN=1.0"
    )
    for way in _WAYS:
        if not plan.full and way not in ("fork", "bare fork"):
            continue
        children = plan.count(2, 200)
        outcome = ask(_CODE, variables, way, str(children), seconds=60 + 2 * children)
        if outcome.code or outcome.out != "ended\n":
            result.fail(f"{way}: the process {outcome.summary}")
        result.add(f"children by {way}", children)
    return result


def _function() -> Any:
    x = ct.dvector("x")
    h, _ = cgrad.scan(lambda v, s: ct.tanh(v * s), x, ct.constant(0.3))
    return cgrad.function([x], [ct.sum(ct.exp(x)), cgrad.grad(ct.sum(ct.cos(x) * x), x), h])


_VALUES = np.linspace(0.0, 1.0, 20_000)


def answer(_: int = 0) -> bytes:
    """What every process computes."""
    return b"".join(np.asarray(result).tobytes() for result in _function()(_VALUES))


def child() -> None:
    """The parent of the children."""
    way, count = sys.argv[1], int(sys.argv[2])
    here = answer()
    assert len(os.listdir("/proc/self/task")) > 1, "no threads were used"
    if way == "bare fork":
        _fork(count, here)
    elif way == "fork among threads":
        stop = threading.Event()
        others = [threading.Thread(target=_call, args=(stop, here)) for _ in range(4)]
        for other in others:
            other.start()
        _fork(count, here)
        stop.set()
        for other in others:
            other.join()
    else:
        _pools(way, count, here)
    print("ended")


def _pools(way: str, count: int, here: bytes) -> None:
    """Pools of two until there were so many children."""
    context = multiprocessing.get_context(way)
    for _ in range(count // 2):
        pool: Pool
        with context.Pool(2) as pool:
            for there in pool.map(answer, range(4)):
                assert there == here, f"{way}: other bits in the child"


def _call(stop: threading.Event, here: bytes) -> None:
    while not stop.is_set():
        assert answer() == here


def _fork(count: int, here: bytes) -> None:
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = 0 if answer() == here else 2
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == 0, f"a child ended with {code}"
