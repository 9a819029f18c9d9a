"""Loops shared out among threads: the thread sanitizer sees no two touch the same memory.

gcc makes of `#pragma omp parallel for` three calls of libgomp, whose waiting the sanitizer cannot
see. Here threads of POSIX stand for libgomp's, so that each report is one of a kernel.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from unittest import mock

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.kernels import (
    DRIVER,
    GCC,
    compile_c,
    kernel,
    run_driver,
    write_plan,
)
from benchmarks.reliability.plan import Plan, Result
from cgrad.core.node import Node

_FLAGS = ["-std=c11", "-O1", "-g", "-fwrapv", "-fno-strict-aliasing", "-fsanitize=thread",
          "-fopenmp", "-DCG_GRAIN=1.0", "-DTHREADS", "-w"]  # fmt: skip

x, y, X = ct.dvector("x"), ct.dvector("y"), ct.dmatrix("X")


def _loop() -> list[Node]:
    h, _ = cgrad.scan(lambda h: ct.tanh(h + x), outputs_info=[y], n_steps=3)
    return [h, ct.sum(h), cgrad.grad(ct.sum(h[-1]), y)]


PROGRAMS: dict[str, Callable[[], list[Node]]] = {
    "sums": lambda: [ct.sum(ct.exp(x) * y), x @ y, ct.max(x / (1 + y * y)), ct.exp(x)],
    "softmax": lambda: [ct.softmax(X, axis=1), ct.logsumexp(X, axis=1)],
    "rows": lambda: [ct.sum(ct.softplus(X @ y[: X.shape[1]])), cgrad.grad(ct.sum(ct.exp(X)), X)],
    "nearest": lambda: [ct.sum(ct.min(ct.sum((X[:, None] - X[None, :3]) ** 2, axis=2), axis=1))],
    "integers": lambda: [ct.sum(ct.cast(x, "int64")), ct.all(x < 9), ct.prod(ct.cos(X), axis=1)],
    "totals": lambda: [ct.sum(ct.exp(X), axis=0), X.T @ ct.exp(x[: X.shape[0]])],
    "loop": _loop,
    "sides": lambda: [cgrad.ifelse(x.shape[0] > 9, ct.exp(x) * y, ct.cos(x)), x - y],
    "gradients": lambda: cgrad.grad(ct.sum(ct.tanh(x) * y) + ct.sum(X * ct.sum(X, axis=0)), [x, X]),
}


def run(plan: Plan) -> Result:
    result = Result()
    if GCC is None:
        result.skipped = "needs gcc"
        return result
    names = list(PROGRAMS) if plan.full else ["sums", "rows"]
    for name in names:
        _check(name, plan, result)
    found = _racing(plan)
    result.expect("data race" in found, f"a race that was put there was not found: {found}")
    return result


def _check(name: str, plan: Plan, result: Result) -> None:
    rng = np.random.default_rng(plan.seed)
    text = ""
    for n in (9, 300, 2000) if plan.full else (700,):
        arrays = [rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, 7))]
        with mock.patch.dict(os.environ, CGRAD_NUM_THREADS="8"):
            made = kernel(name, [x, y, X], PROGRAMS[name](), arrays)
        if made.text != text:
            text = made.text
            result.expect("#pragma omp" in text, f"{name}: no loop is shared out")
            found = compile_c([str(GCC), *_FLAGS, "-c"], text, plan.folder / "kernel.o")
            link = [str(GCC), *_FLAGS, str(plan.folder / "kernel.o"), "-lm"]
            found = found or compile_c(link, DRIVER.read_text(), plan.folder / "program")
            result.expect(not found, f"{name}: {found}")
        for threads in (2, 5, 16) if plan.full else (3,):
            write_plan(made, plan.folder / "plan", threads=threads)
            found = run_driver([plan.folder / "program", plan.folder / "plan"])
            result.expect(not found, f"{name}, {n} rows, {threads} threads: {found}")
            result.add("runs")
    result.add("kernels")


def _racing(plan: Plan) -> str:
    """What is said of a kernel whose threads all write to one place."""
    with mock.patch.dict(os.environ, CGRAD_NUM_THREADS="8"):
        made = kernel("racing", [x], [ct.exp(x)], [np.ones(700)])
    text = made.text.replace("out0[i] =", "out0[i / 2] =")
    if text == made.text:
        return "the kernel looks unlike what it was"
    found = compile_c([str(GCC), *_FLAGS, "-c"], text, plan.folder / "racing.o")
    link = [str(GCC), *_FLAGS, str(plan.folder / "racing.o"), "-lm"]
    found = found or compile_c(link, DRIVER.read_text(), plan.folder / "racing")
    write_plan(made, plan.folder / "plan", runs=1, threads=3)
    return found or run_driver([plan.folder / "racing", plan.folder / "plan"])
