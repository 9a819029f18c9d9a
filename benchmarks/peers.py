"""The same workloads in PyTensor, compiled through its C virtual machine.

Each entry of `CODE` is run in a process of the peer's own Python and prints samples as JSON.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any

from benchmarks.timing import python

_PRELUDE = """
import json, time
import numpy as np
from benchmarks.timing import measure, one_thread
one_thread()
import pytensor, pytensor.tensor as pt
MODE = pytensor.compile.mode.Mode(linker="cvm", optimizer="fast_run")
x = pt.dscalar("x")
square = lambda: pytensor.function([x], pytensor.grad(x ** 2, x), mode=MODE)
"""

CODE = {
    "call": """
f, array = square(), np.array(4.0)
found = {"0-d array": measure(lambda: f(array)), "Python float": measure(lambda: f(4.0))}
f.trust_input = True  # no checks of the argument
found["0-d array, trust_input"] = measure(lambda: f(array))
print(json.dumps(found))
""",
    "start": """
start = time.perf_counter()
assert square()(4.0) == 8.0
print(json.dumps(time.perf_counter() - start))
""",
    "logistic": """
n = 1000
rng = np.random.default_rng(0)
data, labels = rng.normal(size=(n, n)) / n**0.5, rng.integers(0, 2, n).astype(float)
point = rng.normal(size=n)
w, X, y = pt.dvector("w"), pt.dmatrix("X"), pt.dvector("y")
z = X @ w
cost = pt.sum(pt.softplus(z) - y * z)
f = pytensor.function([w, X, y], [cost, pytensor.grad(cost, w)], mode=MODE)
print(json.dumps(measure(lambda: f(point, data, labels))))
""",
}


def peer_python() -> str:
    """The Python that has PyTensor: $BENCH_PEER_PYTHON, else this one."""
    return os.environ.get("BENCH_PEER_PYTHON", sys.executable)


def pytensor(name: str, compiledir: str | None = None) -> Any:
    """What the workload prints. `compiledir` is PyTensor's cache; by default a fresh one."""
    folder = compiledir or tempfile.mkdtemp(prefix="bench-pytensor-")
    try:
        flags = f"base_compiledir={folder}"
        return python(_PRELUDE + CODE[name], peer_python(), PYTENSOR_FLAGS=flags)
    finally:
        if compiledir is None:
            shutil.rmtree(folder, ignore_errors=True)
