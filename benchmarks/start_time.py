"""From `function(...)` to the first result, in new processes: empty cache, dispatcher, warm.

The clock starts after the imports; `import_time` has those.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from benchmarks import peers as others
from benchmarks.timing import Result, python

TITLE = "from function([x], grad(x**2, x)) to its first result, in a new process"
REPEATS = 7
PEER_REPEATS = 3  # a cold start of PyTensor takes seconds

_FIRST = """
import json, time
import cgrad, cgrad.tensor as ct
x = ct.dscalar("x")
start = time.perf_counter()
f = cgrad.function([x], ct.grad(x ** {power}, x))
f(4.0)
print(json.dumps(time.perf_counter() - start))
"""


def run(peers: Collection[str]) -> list[Result]:
    cold, ready, warm = [], [], []
    python("import cgrad.tensor, json; print(0)")  # compiles the bytecode
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory(prefix="bench-cgrad-") as folder:
            empty = str(Path(folder) / "empty")
            cold.append(python(_FIRST.format(power=2), CGRAD_CACHE_DIR=empty))
            # another function leaves the dispatcher and cffi's glue behind, not this kernel
            used = str(Path(folder) / "used")
            python(_FIRST.format(power=3), CGRAD_CACHE_DIR=used)
            ready.append(python(_FIRST.format(power=2), CGRAD_CACHE_DIR=used))
            warm.append(python(_FIRST.format(power=2), CGRAD_CACHE_DIR=used))
    results = [
        Result("cgrad, empty cache", cold),
        Result("cgrad, new function, dispatcher in the cache", ready),
        Result("cgrad, warm", warm),
    ]
    if "pytensor" in peers:
        cold, warm = [], []
        for _ in range(PEER_REPEATS):
            with tempfile.TemporaryDirectory(prefix="bench-pytensor-") as folder:
                cold.append(others.pytensor("start", folder))
                warm.append(others.pytensor("start", folder))
        results += [
            Result("PyTensor (C VM), empty cache", cold),
            Result("PyTensor (C VM), warm", warm),
        ]
    return results
