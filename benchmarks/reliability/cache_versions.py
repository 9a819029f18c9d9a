"""Two versions of cgrad and two compilers share one cache, one after another and all at once.

Each process gets the kernel of its own version, made by its own compiler, also when it finds it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from subprocess import Popen

from benchmarks.reliability.children import ROOT, environment, python, wait
from benchmarks.reliability.plan import Plan, Result

_CODE = """
import cgrad, cgrad.tensor as ct
x = ct.dvector("x")
f = cgrad.function([x], [ct.exp(x).sum(), x * 3 + 1])
total, values = f([0.0, 0.0])
kernel = f._kernel
compiler = dict(kernel._entry.attributes["key"])["compiler"]
print(float(total), values.tolist(), kernel.origin, kernel.meta.get("version", "old"), compiler)
"""
# The other version marks all that it generates.
_CHANGE = """

_describe = Source.__init__


def _mark(self, text, meta=None):
    _describe(self, text, {**(meta or {}), "version": "new"})


Source.__init__ = _mark
"""


def run(plan: Plan) -> Result:
    result = Result()
    other = plan.folder / "other"
    shutil.copytree(ROOT / "cgrad", other / "cgrad")
    with (other / "cgrad" / "cache" / "obtain.py").open("a", encoding="utf-8") as file:
        file.write(_CHANGE)
    compilers = [path for path in map(shutil.which, ("gcc", "clang")) if path]
    cases = [
        (version, place, compiler)
        for version, place in (("old", ROOT), ("new", other))
        for compiler in compilers[: plan.size(1, 2)]
    ]
    cache = plan.folder / "shared"
    os.chdir(plan.folder)  # Python looks for modules here first
    for origin in ("built", "disk"):
        for case in cases[: plan.size(2 if origin == "built" else 1, 4)]:
            _check(_start(cache, case), case, origin, result)
    for _ in range(plan.count(0, 10)):
        shutil.rmtree(cache)
        started = [(_start(cache, case), case) for case in cases * 2]
        for process, case in started:
            _check(process, case, "", result)
    result.notes.append(f"{len(compilers[: plan.size(1, 2)])} compilers")
    return result


def _start(cache: Path, case: tuple[str, Path, str]) -> Popen[str]:
    _, place, compiler = case
    variables = {**environment(cache), "PYTHONPATH": str(place), "CGRAD_CC": compiler}
    return python(_CODE, variables)


def _check(process: Popen[str], case: tuple[str, Path, str], origin: str, result: Result) -> None:
    version, _, compiler = case
    outcome = wait(process)
    result.add("processes")
    if outcome.code or outcome.err:
        result.fail(f"{case}: a process {outcome.summary}")
        return
    total, first, second, found, stamp, identity = outcome.out.split(maxsplit=5)
    if (total, first, second) != ("2.0", "[1.0,", "1.0]"):
        result.mistake(f"{case}: {outcome.out}")
    result.expect(found == (origin or found), f"{case}: {found}, not {origin}")
    result.expect(stamp == version, f"{case} got the kernel of the {stamp} version")
    result.expect(
        os.path.realpath(compiler) in identity, f"{case} got the kernel of another compiler"
    )
