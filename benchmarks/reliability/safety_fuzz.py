"""The C of random graphs, their derivatives included: no warning, and no stray access to memory.

Each kernel is compiled with gcc's and clang's warnings as errors. With cgrad's own flags it runs
between pages that must not be touched, arguments on read-only pages; with the address and the
undefined-behaviour sanitizer it runs on blocks of malloc. It runs twice on different rubbish in the
memory that it has to fill, and must give the same bits.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import cgrad.tensor as ct
from benchmarks.reliability.kernels import (
    DRIVER,
    GCC,
    Kernel,
    compile_c,
    kernel,
    own_flags,
    random_kernel,
    run_driver,
    write_plan,
)
from benchmarks.reliability.plan import Plan, Result

PER_KERNEL = 10
STRICT = ["-Wall", "-Wextra", "-Wshadow", "-Werror", "-Wno-unknown-pragmas"]
SANITIZE = ["-std=c11", "-O1", "-fwrapv", "-fno-strict-aliasing", "-DCG_NO_INLINE",
            "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]  # fmt: skip


def run(plan: Plan) -> Result:
    result = Result()
    if GCC is None:
        result.skipped = "needs gcc"
        return result
    for number in range(plan.count(1, 200)):
        first = plan.seed * 100_000 + number * PER_KERNEL
        count = PER_KERNEL if plan.full else 2
        _check(random_kernel(first, count), plan, result)
        result.add("graphs", count)
    _look_for_mistakes(plan, result)
    return result


def _check(made: Kernel, plan: Plan, result: Result) -> None:
    """One kernel, in every way."""
    folder = plan.folder / made.name
    folder.mkdir()
    write_plan(made, folder / "plan")
    builds = {
        "between guard pages": [*own_flags(), *STRICT, "-DGUARDED"],
        "with sanitizers": SANITIZE,
    }
    for how, flags in builds.items():
        program = folder / how.split()[-1]
        found = _build([str(GCC), *flags], made, program)
        result.expect(not found, f"{made.name}, {how}: {found}")
        if not found:
            found = run_driver([program, folder / "plan"], ASAN_OPTIONS="detect_leaks=0")
            result.expect(not found, f"{made.name}, {how}: {found}")
        result.add(f"runs {how}", 2)
    clang = shutil.which("clang")
    if clang is not None:
        command = [clang, "-std=c11", "-fsyntax-only", *STRICT]
        found = compile_c(command, made.text, folder / "clang.o")
        result.expect(not found, f"{made.name}, clang: {found}")
        result.add("files for clang")
    shutil.rmtree(folder)


def _look_for_mistakes(plan: Plan, result: Result) -> None:
    """That what looks for mistakes finds them: one element too far, an argument written to."""
    x = ct.dvector("x")
    good = kernel("mistakes", [x], [x * 2.0 + 1.0], [np.linspace(0.0, 1.0, 7)])
    write_plan(good, plan.folder / "plan")
    store = re.search(r"out0\[i\] = .*;", good.text)
    if store is None:
        result.fail("the kernel to put mistakes into looks unlike what it was")
        return
    broken = {
        "": store[0],
        "after": store[0].replace("out0[i]", "out0[i + 1]"),
        "before": store[0].replace("x[i]", "x[i - 1]"),
        "argument": f"{store[0]} ((double *)(uintptr_t)x)[i] = 0.0;",
        "unwritten": f"if (i != 3) {store[0]}",
    }
    for name, text in broken.items():
        made = good._replace(text=good.text.replace(store[0], text))
        program = plan.folder / f"mistake{name}"
        found = _build([str(GCC), "-O1", "-w", "-DGUARDED"], made, program)
        found = found or run_driver([program, plan.folder / "plan"])
        result.expect(bool(found) == bool(name), f"mistake {name!r}: {found or 'not found'}")


def _build(command: Sequence[str], made: Kernel, program: Path) -> str:
    """Compile a kernel with these options, and the driver to a program; what was wrong."""
    found = compile_c([*command, "-c"], made.text, program.with_suffix(".o"))
    if found:
        return found
    link = [word for word in command if not word.startswith("-W")]
    return compile_c([*link, str(program.with_suffix(".o")), "-lm"], DRIVER.read_text(), program)
