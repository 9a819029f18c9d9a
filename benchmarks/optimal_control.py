"""A pendulum swung up by trust-constr with derivatives of cgrad and of CasADi, in new processes.

The example `examples/optimal_control.py` is solved at full size.  What is timed is all from the
first symbol to the solution: CasADi by its interpreter (`casadi`) and, with --jit, compiled by gcc
(`casadi-jit`, which takes gcc minutes), cgrad with a cache that has no kernel (`cold`), and as in
every process after the first one (`warm`).  The problem is one and the same: the starting point,
SciPy's method and its options, one vector of constraints, sparse matrices.

    BENCH_PEER_PYTHON=.peers/bin/python python -m benchmarks.optimal_control [STEPS] [--jit]

Times are those that the process and its children had a core, compilers included.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.cgrad import PRIME

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
TOOLS = ("cgrad cold", "cgrad warm", "casadi")


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def by_cgrad(steps: int) -> Any:
    from examples import optimal_control as example

    return example.solve(steps)


def by_casadi(steps: int, jit: bool) -> Any:
    import casadi as ca
    import scipy.optimize

    from examples import optimal_control as example

    n, h = steps + 1, example.END / steps
    x, dual = ca.SX.sym("x", 3 * n), ca.SX.sym("dual", 2 * steps + 4)
    q, v, u = ca.vertsplit(x, n)
    effort = h / 2 * (ca.sumsqr(u[1:]) + ca.sumsqr(u[:-1]))
    motion = ca.vertcat(*example.collocated(q, v, u, h, ca.sin))
    shell = {"compiler": "gcc", "flags": ["-O1", "-march=native"], "cleanup": False}
    options = {"jit": True, "compiler": "shell", "jit_options": shell} if jit else {}

    def function(inputs: list[Any], outputs: list[Any]) -> Callable[..., list[Any]]:
        f = ca.Function("f", inputs, outputs, options)
        given = [np.zeros(node.numel()) for node in inputs]
        found = [np.zeros(f.nnz_out(k)) for k in range(len(outputs))]
        buffer, evaluate = f.buffer()
        for k, array in enumerate(given):
            buffer.set_arg(k, memoryview(array.data))
        for k, array in enumerate(found):
            buffer.set_res(k, memoryview(array.data))
        patterns = [
            None if f.sparsity_out(k).is_dense() else f.sparsity_out(k) for k in range(len(outputs))
        ]

        def call(*arrays: Any, kept: Any = buffer) -> list[Any]:
            for own, array in zip(given, arrays, strict=True):
                own[:] = array
            evaluate()
            return [
                values.copy()
                if own is None
                else scipy.sparse.csc_array(
                    (values.copy(), own.row(), own.colind()), shape=own.shape
                )
                for values, own in zip(found, patterns, strict=True)
            ]

        return call

    both = function([x], [effort, ca.gradient(effort, x)])
    curved = function([x], [ca.hessian(effort, x)[0]])
    values = function([x], [motion])
    slopes = function([x], [ca.jacobian(motion, x)])
    bent = function([x, dual], [ca.hessian(ca.dot(dual, motion), x)[0]])

    def cost(at: Any) -> Any:
        value, slope = both(at)
        return float(value[0]), slope

    return scipy.optimize.minimize(
        cost,
        np.concatenate(example.guess(steps)),
        jac=True,
        hess=lambda at: curved(at)[0],
        constraints=scipy.optimize.NonlinearConstraint(
            lambda at: values(at)[0],
            0.0,
            0.0,
            jac=lambda at: slopes(at)[0],
            hess=lambda at, own: bent(at, own)[0],
        ),
        **example.METHOD,
    )


def child(tool: str, steps: int) -> None:
    """Solve it in this process and print what it took as JSON."""
    # what everybody imports is no part of the time, and what SciPy loads at its first call neither
    import scipy.optimize
    import scipy.sparse

    scipy.optimize.minimize(
        lambda x: (float(x @ x), 2 * x), np.ones(2), jac=True, hess=lambda x: 2 * np.eye(2),
        method="trust-constr",
    )  # fmt: skip
    if tool.startswith("casadi"):
        import casadi  # noqa: F401
    else:
        import cgrad.optimize  # noqa: F401
    start = cpu_seconds()
    with tempfile.TemporaryDirectory(prefix="bench-control-") as folder, contextlib.chdir(folder):
        if tool.startswith("casadi"):
            result = by_casadi(steps, tool == "casadi-jit")
        else:
            result = by_cgrad(steps)
    seconds = cpu_seconds() - start
    answer = {
        "seconds": seconds, "effort": float(result.fun), "iterations": int(result.nit),
        "violation": float(result.constr_violation),
    }  # fmt: skip
    print(json.dumps(answer))


def measure(tool: str, steps: int, cache: str) -> dict[str, Any]:
    """A run of one tool in a process of its own."""
    if tool == "cgrad cold":
        variables = {**os.environ, "PYTHONPATH": os.fspath(ROOT), "CGRAD_CACHE_DIR": cache}
        subprocess.run([sys.executable, "-c", PRIME], cwd=ROOT, env=variables, check=True)
    own = os.environ.get("BENCH_PEER_PYTHON") if tool.startswith("casadi") else None
    variables = {**os.environ, "PYTHONPATH": os.fspath(ROOT), "CGRAD_CACHE_DIR": cache}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        variables[name] = "1"
    done = subprocess.run(
        [own or sys.executable, "-m", "benchmarks.optimal_control", "--tool", tool, str(steps)],
        cwd=ROOT, env=variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    if sys.argv[1:2] == ["--tool"]:
        child(sys.argv[2], int(sys.argv[3]))
        return
    words = [word for word in sys.argv[1:] if word != "--jit"]
    steps = int(words[0]) if words else 666
    names = TOOLS if os.environ.get("BENCH_PEER_PYTHON") else TOOLS[:2]
    if "--jit" in sys.argv:
        names = (*names, "casadi-jit")
    found: dict[str, list[dict[str, Any]]] = {tool: [] for tool in names}
    with tempfile.TemporaryDirectory(prefix="bench-control-") as warm:
        measure("cgrad warm", steps, warm)
        for _ in range(ROUNDS):
            for tool in names:
                with tempfile.TemporaryDirectory(prefix="bench-control-") as empty:
                    cache = warm if tool == "cgrad warm" else empty
                    found[tool].append(measure(tool, steps, cache))
    print(f"{3 * (steps + 1)} unknowns, medians of {ROUNDS} processes")
    for tool, runs in found.items():
        seconds = statistics.median(run["seconds"] for run in runs)
        last = runs[-1]
        print(
            f"{tool:12} {seconds:6.3f} s   {last['iterations']} iterations, "
            f"effort {last['effort']:.6f}, largest violation {last['violation']:.1e}"
        )


if __name__ == "__main__":
    main()
