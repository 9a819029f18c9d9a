"""valgrind finds nothing in kernels of random graphs: no use of memory nobody wrote, no leak.

They are compiled for a CPU without vector instructions that valgrind does not know, and run alone.
"""

from __future__ import annotations

import shutil

from benchmarks.reliability.kernels import (
    DRIVER,
    GCC,
    compile_c,
    own_flags,
    random_kernel,
    run_driver,
    write_plan,
)
from benchmarks.reliability.plan import Plan, Result

_MEMCHECK = ("--quiet", "--error-exitcode=9", "--track-origins=no", "--exit-on-first-error=no")


def run(plan: Plan) -> Result:
    result = Result()
    valgrind = shutil.which("valgrind")
    if GCC is None or valgrind is None:
        result.skipped = "needs gcc and valgrind"
        return result
    flags = [*own_flags(level=1), "-O1", "-DUNDEFINED", "-g"]
    driver = plan.folder / "driver.o"
    compile_c([GCC, *flags, "-c"], DRIVER.read_text(), driver)
    for number in range(plan.count(1, 25)):
        count = plan.count(2, 10)
        made = random_kernel(plan.seed * 100_000 + 50_000 + number * count, count)
        write_plan(made, plan.folder / "plan", runs=1)
        program = plan.folder / made.name
        found = compile_c([GCC, *flags, str(driver), "-lm"], made.text, program)
        found = found or run_driver([valgrind, *_MEMCHECK, program, plan.folder / "plan"])
        result.expect(not found, f"{made.name}: {found}")
        result.add("graphs", count)
        program.unlink(missing_ok=True)
    return result
