"""Files that somebody planted where cgrad looks: none is run, read as a pickle, or followed.

Libraries with a constructor under names of entries and of their parts, pickles, configuration
files, Python files, symbolic links: in the cache directory and in the current one.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from pathlib import Path

from benchmarks.reliability.children import ask, environment, python, start, wait
from benchmarks.reliability.kernels import GCC, compile_c
from benchmarks.reliability.plan import Plan, Result

_PROGRAM = """
import numpy as np, cgrad, cgrad.tensor as ct
x = ct.dvector("x")
f = cgrad.function([x], ct.exp(x) * 2.0)
assert np.array_equal(f([0.0, 0.0]), [2.0, 2.0])
print(f._kernel.path)
"""
_COMMANDS = (["cache", "list"], ["cache", "info"], ["cache", "verify"], ["doctor"])


class _Canary:
    """Leaves a file where a pickle of it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.path), "w")


def run(plan: Plan) -> Result:
    result = Result()
    if GCC is None:
        result.skipped = "needs gcc"
        return result
    cache, here, sung = plan.folder / "cache", plan.folder / "here", plan.folder / "sung"
    here.mkdir()
    variables = environment(cache)
    entry = Path(ask(_PROGRAM, variables).out.strip())
    library = plan.folder / "canary.so"
    code = f'__attribute__((constructor)) static void sing(void) {{ fopen("{sung}", "w"); }}\n'
    found = compile_c([GCC, "-shared", "-fPIC"], f"#include <stdio.h>\n{code}", library)
    result.expect(not found, found)
    planted = _plant(entry, cache, here, library, pickle.dumps(_Canary(sung)), sung)
    planted += _link_others(entry, library) if plan.full else 0
    result.add("planted files", planted)
    for number in range(plan.count(1, 3)):  # the second time what was damaged is healed
        outcome = wait(python(_PROGRAM, variables, cwd=here))
        result.expect(outcome.code == 0, f"run {number}: the process {outcome.summary}")
        result.add("runs")
    for command in _COMMANDS if plan.full else _COMMANDS[:1]:
        outcome = wait(start([sys.executable, "-P", "-m", "cgrad", *command], variables, cwd=here))
        result.expect(outcome.code in (0, 1), f"{command}: the process {outcome.summary}")
        result.add("commands")
    result.expect(not sung.exists(), "the canary sang")
    return result


def _plant(entry: Path, cache: Path, here: Path, library: Path, pickled: bytes, sung: Path) -> int:
    """Put them everywhere; how many there are."""
    python_code = f"open({os.fspath(sung)!r}, 'w')\n"
    shutil.copy(library, entry)  # in place of the kernel
    count = 1
    for folder in (entry.parent, cache, cache / "v1", here):
        for name in ("libm.so.6", "_cgrad_kernel.so", "glue.o", "kernel.so", "cc", "gcc", "as"):
            shutil.copy(library, folder / name)
            count += 1
        for name in ("index.pkl", "key.pkl", "kernel.nbi", "cache.json"):
            (folder / name).write_bytes(pickled)
            count += 1
        for name in ("cgrad.py", "cgrad.cfg", ".cgradrc", "setup.cfg", "pyproject.toml",
                     "subprocess.py", "math.h", "specs"):  # fmt: skip
            if folder != here or not name.endswith(".py"):  # Python itself runs those
                (folder / name).write_text(python_code)
                count += 1
    return count


def _link_others(entry: Path, library: Path) -> int:
    """Links in place of the other entries; how many there are."""
    count = 0
    for other in entry.parent.parent.glob("??/*"):
        if (
            other.suffix == ".so"
            and other != entry
            and not other.name.startswith(("lib", "k", "_"))
        ):
            other.unlink()
            other.symlink_to(library)
            count += 1
    return count
