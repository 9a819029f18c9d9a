"""One graph gives one C source and one key, whatever the seed of Python's hashes.

The workloads of the benchmarks are generated in new processes with random seeds, each in another
working directory and locale.
"""

from __future__ import annotations

from collections import defaultdict

from benchmarks import workload
from benchmarks.reliability.children import environment, python, wait
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.plan import Plan, Result

_CODE = """
import sys
import cgrad, cgrad.tensor
from benchmarks import workload
from cgrad.hashing import digest
for name in workload.names():
    for case in workload.cases(name):
        if case.label not in sys.argv[1:]:
            continue
        f = cgrad.function(*case.build("symbolic", cgrad, cgrad.tensor))
        print(case.label, digest(f.c_source.encode()).hex(), f._kernel.key, f._kernel.origin)
"""


def run(plan: Plan) -> Result:
    result = Result()
    cases = [case for name in workload.names() for case in workload.cases(name)]
    labels = [case.label for case in cases if case.has("symbolic")]
    labels = labels[: plan.size(1, len(labels))]
    compiler = Compiler(plan.folder / "compiler", remembers=not plan.full)
    rng = plan.random()
    sources, keys = defaultdict(set), defaultdict(set)
    for _ in range(plan.count(2, 50)):
        variables = environment(
            plan.folder / "cache",
            **compiler.environment(),
            PYTHONHASHSEED=str(rng.randrange(2**32)),
            LC_ALL=rng.choice(["C", "C.UTF-8", "de_DE.UTF-8"]),
        )
        outcome = wait(python(_CODE, variables, *labels))
        result.add("processes")
        if outcome.code:
            result.fail(f"a process {outcome.summary}")
        for line in outcome.out.splitlines():
            label, source, key, origin = line.split()
            result.expect(origin == "disk" or label not in keys, f"{label}: built again")
            sources[label].add(source)
            keys[label].add(key)
    for what, found in (("sources", sources), ("keys", keys)):
        for label, values in found.items():
            result.expect(len(values) == 1, f"{label}: {len(values)} {what}")
    result.add("graphs", len(keys))
    result.expect(compiler.runs("kernel") <= len(keys), f"{compiler.runs('kernel')} compiles")
    return result
