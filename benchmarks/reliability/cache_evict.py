"""Writers that fill a cache far beyond its cap at the same time.

All the while the entries together never exceed the cap, every call is right (also of functions
whose files are gone), and nobody is warned.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import fork
from benchmarks.reliability.plan import Plan, Result

_CAPS = 150_000, 250_000  # bytes, in the quick form and in the full one


def run(plan: Plan) -> Result:
    subjects.prepare("cgrad")
    result = Result()
    compiler = Compiler(plan.folder / "compiler")
    cache = plan.folder / "evicted"
    cap = plan.size(*_CAPS)
    writers, kernels = plan.size(2, 8), plan.count(4, 100)

    def before() -> None:
        from cgrad.cache import evict

        subjects.place_cache("cgrad", cache)
        evict._PATIENCE = (
            3600.0  # a writer that waits for seconds on a busy machine goes on waiting
        )

    def write(writer: int) -> list[list[float]]:
        made, values = [], []
        for number in range(writer * kernels, (writer + 1) * kernels):
            made.append(subjects.make("cgrad", number))
            values.append([float(f(subjects.X)) for f in made])
        return values

    given = {**compiler.environment(), "CGRAD_CACHE_SIZE": str(cap)}
    children = [
        fork(plan.folder, partial(write, writer), given, before) for writer in range(writers)
    ]
    most = 0
    while not all(child.poll() for child in children):
        most = max(most, _total(cache))
        result.add("looks at the size")
        time.sleep(0.0005)
    for writer, child in enumerate(children):
        answer = child.wait()
        right = [subjects.expected(i) for i in range(writer * kernels, (writer + 1) * kernels)]
        result.add("kernels", kernels)
        if answer.error or answer.value is None or answer.warnings:
            result.fail(f"a writer {answer.summary}")
        elif answer.value != [right[: n + 1] for n in range(kernels)]:
            result.mistake(f"a writer got {answer.value}")
        else:
            result.add("calls", kernels * (kernels + 1) // 2)
    result.expect(most <= cap, f"{most} bytes, {cap} are allowed")
    written = _total(cache) < most or most > cap // 2
    result.expect(written, "the cache was never nearly full, so nothing was tested")
    result.notes.append(f"at most {most:,} of {cap:,} bytes".replace(",", " "))
    return result


def _total(cache: Path) -> int:
    """The bytes of all entries."""
    total = 0
    with suppress(FileNotFoundError):
        for folder in os.scandir(cache / "v1"):
            if len(folder.name) == 2:
                with suppress(FileNotFoundError):
                    for file in os.scandir(folder):
                        with suppress(FileNotFoundError):
                            total += file.stat(follow_symlinks=False).st_size
    return total
