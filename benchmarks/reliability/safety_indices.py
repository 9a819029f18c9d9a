"""Random indices, also far outside of their axis: NumPy's elements, or IndexError.

Look-ups, replacements and additions by arrays of indices, by numbers and by slices. They run in a
process of their own, so that a crash is one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.children import ask, environment
from benchmarks.reliability.plan import Plan, Result

_CODE = "from benchmarks.reliability.safety_indices import child; child()"
_EXTREME = [-(2**63), -(2**63) + 1, -(2**32), -(2**31), 2**31, 2**32, 2**62, 2**63 - 1]
_PER_CALL = 100


def run(plan: Plan) -> Result:
    result = Result()
    indices = plan.count(4_000, 1_000_000)
    variables = environment(plan.folder / "cache")
    outcome = ask(_CODE, variables, str(plan.seed), str(indices), seconds=3 * 3600)
    if outcome.code:
        result.fail(f"the process {outcome.summary}")
        return result
    found: dict[str, Any] = json.loads(outcome.out)
    result.add("indices", found["indices"])
    result.add("calls", found["calls"])
    result.add("of them refused", found["refused"])
    result.expect(0 < found["refused"] < found["calls"], "all calls were refused, or none")
    for problem in found["wrong"]:
        result.mistake(problem)
    return result


def _programs() -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    """Compiled functions of (vector, matrix, indices, number) and NumPy's of the same."""
    v, m, k, n = ct.dvector("v"), ct.dmatrix("m"), ct.lvector("k"), ct.lscalar("n")
    weights = ct.cast(ct.arange(_PER_CALL), "float64")

    def added(v: Any, m: Any, k: Any, n: Any) -> Any:
        result = np.zeros_like(v)
        np.add.at(result, k, np.arange(float(_PER_CALL)))
        return result

    def stored(v: Any, m: Any, k: Any, n: Any) -> Any:
        result = m.copy()
        result[k[:5], k[5:10]] = 7.0
        return result

    def row(v: Any, m: Any, k: Any, n: Any) -> Any:
        return np.concatenate([m[n], m[:, n]])

    programs: dict[str, tuple[Any, Callable[..., Any]]] = {
        "vector": (v[k], lambda v, m, k, n: v[k]),
        "rows": (m[k], lambda v, m, k, n: m[k]),
        "pairs": (m[k, k[::-1]], lambda v, m, k, n: m[k, k[::-1]]),
        "gradient": (cgrad.grad(ct.sum(v[k] * weights), v), added),
        "stored": (ct.set_subtensor(m[k[:5], k[5:10]], 7.0), stored),
        "number": (ct.concatenate([m[n], m[:, n]]), row),
        "slice": (v[n:][::-1], lambda v, m, k, n: v[n:][::-1]),
        "stop": (v[:n], lambda v, m, k, n: v[:n]),
    }
    return {
        name: (cgrad.function([v, m, k, n], out, on_unused_input="ignore"), want)
        for name, (out, want) in programs.items()
    }


def child() -> None:
    """What the process does."""
    rng, total = np.random.default_rng(int(sys.argv[1])), int(sys.argv[2])
    programs = _programs()
    indices = calls = refused = 0
    wrong: list[str] = []
    while indices < total:
        length = int(rng.integers(0, 8))
        v, m = rng.normal(size=length), rng.normal(size=(length, length))
        low, high = (-length, max(length, 1)) if rng.random() < 0.7 else (-length - 2, length + 3)
        k = rng.integers(low, high, _PER_CALL)
        if rng.random() < 0.2:
            k[rng.integers(_PER_CALL)] = rng.choice(_EXTREME)
        n = int(k[0]) if rng.random() < 0.7 else int(rng.choice(_EXTREME))
        for name, (f, want) in programs.items():
            calls += 1
            indices += _PER_CALL
            try:
                expected = want(v, m, k, n)
            except IndexError:
                expected = None
            try:
                got = f(v, m, k, n)
            except IndexError:
                got = None
                refused += 1
            same = (got is None) == (expected is None)
            if not same or (got is not None and got.tobytes() != expected.tobytes()):
                wrong.append(f"{name}: length {length}, number {n}, indices {k.tolist()[:12]}")
    print(json.dumps({"indices": indices, "calls": calls, "refused": refused,
                      "wrong": wrong[:50]}))  # fmt: skip
