"""Kernels that were built for one level of vector instructions, and processors of a lower one.

For each pair of levels a process on the lower one must not take what was built for the higher
one, with a compiler and without, and what it takes has no instruction above its level.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Answer, fork
from benchmarks.reliability.plan import Plan, Result

# The least level with such registers; a third operand of xmm is AVX as well.
_REGISTERS = ((r"%zmm\d", 3), (r"%k[0-7]\b", 3), (r"%ymm\d", 2), (r"\bv[a-z0-9]+ .*%xmm\d", 2))


def run(plan: Plan) -> Result:
    subjects.prepare("cgrad")
    from cgrad.cache import toolchain

    result = Result()
    if shutil.which("objdump") is None:
        result.skipped = "objdump is not installed"
        return result
    compiler = Compiler(plan.folder / "compiler", remembers=True)
    here = toolchain.cpu_level()
    if here == 0:
        result.skipped = "this processor has no level above the baseline"
        return result
    for high in range(plan.size(here, 1), here + 1):
        for low in range(plan.size(high - 1, 0), high):
            shutil.rmtree(plan.folder / "cpu", ignore_errors=True)
            paths = []
            for level, path in ((high, "/usr/bin:/bin"), (low, "/usr/bin:/bin")):
                answer = _use(plan, compiler, level, path)
                if not answer.value:
                    result.fail(f"level {level}: a process {answer.summary}")
                    return result
                value, file, origin = answer.value
                paths.append(file)
                result.expect(origin == "built", f"level {level} took {file}")
                if value != subjects.expected(0) * 8:
                    result.mistake(f"level {level}: {value}")
                found = _level_of(file)
                result.expect(found <= level, f"level {level}: instructions of level {found}")
                result.add("kernels")
            result.expect(paths[0] != paths[1], "two levels share a file")
            shutil.rmtree(plan.folder / "cpu")
            _use(plan, compiler, high, "/usr/bin:/bin")
            answer = _use(plan, compiler, low, "/nowhere")
            told = "no C compiler was found" in answer.error
            result.expect(told, f"level {low} without a compiler: a process {answer.summary}")
            result.add("pairs of levels")
    return result


def _use(plan: Plan, compiler: Compiler, level: int, path: str) -> Answer:
    def before() -> None:
        from cgrad.cache import toolchain

        subjects.place_cache("cgrad", plan.folder / "cpu")
        toolchain.cpu_level = lambda: level  # as cpuid would say on such a processor

    def task() -> list[Any]:
        import cgrad
        import cgrad.tensor as ct

        x = ct.dvector("x")
        f = cgrad.function([x], (x * 2 + 0).sum())
        return [float(f([subjects.X] * 8)), f._kernel.path, f._kernel.origin]

    given = {
        "PATH": path,
        "CGRAD_INTERPRET": "never",
        **(compiler.environment() if path != "/nowhere" else {}),
    }
    return fork(plan.folder, task, given, before).wait()


def _level_of(file: str) -> int:
    """The lowest level that has all instructions of a library."""
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", file], capture_output=True, text=True, check=True
    ).stdout
    return max((level for pattern, level in _REGISTERS if re.search(pattern, text)), default=0)
