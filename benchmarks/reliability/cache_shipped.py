"""Kernels compiled by `cgrad compile` into a directory serve a machine without a compiler.

Statistical models (the densities of `tests/test_densities.py` with all slopes) and the workloads
of the benchmarks are compiled into a directory. A new process, whose PATH has no compiler and whose
own cache is empty, runs them all: it compiles nothing, builds nothing, warns of nothing, and has
the bits of a process that has a compiler.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks import workload
from benchmarks.reliability.children import ROOT, environment, python, start, wait
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.plan import Plan, Result

_MODULE = """
import cgrad
from benchmarks.reliability.cache_shipped import made

@cgrad.precompile
def everything():
    return {{name: f for name, f, _ in made({models}, {workloads})}}
"""
_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from benchmarks.reliability.cache_shipped import child
child(*map(int, sys.argv[2:]))
"""


def run(plan: Plan) -> Result:
    result = Result()
    if plan.full and (why := _missing()) is not None:
        result.skipped = why
        return result
    models = len(_densities().CASES) if plan.full else 0
    workloads = plan.size(1, len(_workloads()))
    source, kernels = plan.folder / "source", plan.folder / "kernels"
    source.mkdir()
    (source / "shipped.py").write_text(_MODULE.format(models=models, workloads=workloads))
    compiler = Compiler(plan.folder / "compiler", remembers=not plan.full)
    here = environment(plan.folder / "cache", **compiler.environment())
    command = [sys.executable, "-m", "cgrad", "compile", "shipped", "-j", "1", "--json", "-o"]
    outcome = wait(start([*command, kernels], here, cwd=source))
    if outcome.code:
        result.fail(f"cgrad compile {outcome.summary}: {outcome.out[-1000:]}")
        return result
    result.add("kernels compiled", len(json.loads(outcome.out.splitlines()[-1])["kernels"]))
    result.add("models", models)
    result.add("workloads", workloads)
    before = compiler.runs("")
    arguments = [os.fspath(source), str(models), str(workloads)]
    wanted = wait(python(_CODE, {**here, "CGRAD_CACHE_DIR": os.fspath(kernels)}, *arguments))
    result.expect(compiler.runs("") == before, "a compiler ran where all was compiled")
    empty = plan.folder / "empty"
    empty.mkdir()
    there = {**environment(plan.folder / "own", CGRAD_CACHE_BASE=os.fspath(kernels),
                           PYTHONWARNINGS="error::cgrad.errors.CgradWarning"),
             "PATH": os.fspath(empty)}  # fmt: skip
    found = wait(python(_CODE, there, *arguments))
    for name, outcome in (("with a compiler", wanted), ("without", found)):
        result.expect(outcome.code == 0, f"the process {name} {outcome.summary}: {outcome.err}")
    if wanted.code or found.code:
        return result
    right, answers = json.loads(wanted.out), json.loads(found.out)
    for name, (bits, origin) in answers.items():
        result.add("functions run without a compiler")
        result.expect(origin == "disk", f"{name} was {origin}")
        if bits != right[name][0]:
            result.mistake(f"{name}: other bits without a compiler")
    result.expect(len(answers) == models + workloads, f"{len(answers)} functions ran")
    result.expect(not list((plan.folder / "own").rglob("*.so")), "something was built")
    result.add("compiler runs", compiler.runs("") - before)
    return result


def _missing() -> str | None:
    for name in ("scipy", "pytest"):
        if importlib.util.find_spec(name) is None:
            return f"the models need {name}"
    return None


def _densities() -> Any:
    folder = os.fspath(ROOT / "tests")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("test_densities")  # of the checkout


def _workloads() -> list[workload.Case]:
    """The workloads that are run and written for any tool, the quickest to compile first."""
    cases = [case for name in workload.names() for case in workload.cases(name)]
    cases = [c for c in cases if getattr(c.module, "RUN", True) and c.has("symbolic")]
    return sorted(cases, key=lambda case: case.workload != "tanh_grad")


def made(models: int, workloads: int) -> list[tuple[str, Any, Any]]:
    """The name, the function and the arguments of the first models and workloads."""
    found: list[tuple[str, Any, Any]] = []
    if models:
        densities = _densities()
        for name in list(densities.CASES)[:models]:
            f, given = densities.compiled(name)
            found.append((name, f, given))
    for case in _workloads()[:workloads]:
        f = cgrad.function(*case.build("symbolic", cgrad, ct))
        found.append((f"workload {case.label}", f, case.data))
    return found


def child(models: int, workloads: int) -> None:
    """Run everything, and print the bits of the results and where each kernel came from."""
    answers = {}
    for name, f, given in made(models, workloads):
        results = f(*(given() if callable(given) else given))
        digest = hashlib.sha256()
        for array in results if isinstance(results, list) else [results]:
            digest.update(np.ascontiguousarray(array).tobytes())
        answers[name] = digest.hexdigest(), f._kernel.origin
    print(json.dumps(answers))
