"""What `import cgrad` costs beyond `import numpy`, in CPU time of a new process."""

from __future__ import annotations

import sys
from collections.abc import Collection

from benchmarks import peers as others
from benchmarks.timing import Result, python

TITLE = "CPU time of an import beyond `import numpy`, in a new process"
REPEATS = 15

_IMPORT = """
import json, time
import numpy
start = time.process_time()
import {module}
print(json.dumps(time.process_time() - start))
"""


def run(peers: Collection[str]) -> list[Result]:
    def samples(module: str, executable: str, repeats: int) -> list[float]:
        code = _IMPORT.format(module=module)
        python(code, executable)  # compiles the bytecode
        return [python(code, executable) for _ in range(repeats)]

    results = [Result("cgrad", samples("cgrad, cgrad.tensor", sys.executable, REPEATS))]
    if "pytensor" in peers:
        found = samples("pytensor, pytensor.tensor", others.peer_python(), 5)
        results.append(Result("PyTensor", found))
    return results
