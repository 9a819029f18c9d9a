"""One tool in one process: `python -m benchmarks.worker WORKLOAD CASE TOOL`.

Answers lines of JSON on its standard output to lines of JSON on its standard input:

    (at once)                 phases until the first result, version; or why there is none
    {"ask": "results"}        writes the results to the file "path" (npz)
    {"ask": "samples"}        seconds a call, for one round

It ends when its input ends. What a tool prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any, TextIO

import numpy as np

from benchmarks import timing, tools
from benchmarks.workload import Case


def main() -> int:
    workload, name, tool = sys.argv[1:4]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    cores = os.environ.get("BENCH_CORES")
    if cores:
        timing.pin([int(core) for core in cores.split(",")])
    serve(Case(workload, name), tool, answers)
    return 0


def serve(case: Case, tool: str, answers: TextIO) -> None:
    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    data = case.data()
    adapter = tools.tool(tool)
    watch = tools.Watch()
    try:
        contender = adapter.prepare(tool, case, data, watch)
    except (ModuleNotFoundError, NotImplementedError, AttributeError) as error:
        answer(missing=f"{type(error).__name__}: {tools.first_line(str(error))}")
        return
    answer(phases=watch.phases, version=contender.version)
    number = 0
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "results":
            sparse = getattr(case.module, "SPARSE", False)
            np.savez(question["path"], *contender.results(sparse))
            answer(peak=_peak())
        else:
            number = number or timing.calibrate(contender.loop)
            start = time.perf_counter()
            found = timing.samples(contender.loop, number)
            answer(samples=found, calls=number, seconds=time.perf_counter() - start)


def _peak() -> int:
    """Bytes this process has had in memory at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
