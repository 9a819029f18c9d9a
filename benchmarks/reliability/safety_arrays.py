"""Arguments nobody should pass: the right result, or an error of Python that says what was found.

Wrong dtypes, ranks, byte orders, strides (negative, zero, huge), read-only and overlapping memory,
subclasses, objects, records, text, sizes whose product overflows; as arguments and as `out`.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.children import ask, environment
from benchmarks.reliability.plan import Plan, Result

_CODE = "from benchmarks.reliability.safety_arrays import child; child()"
_ERRORS = (TypeError, ValueError, IndexError, MemoryError, OverflowError)
_NUMBERS = [0, 1, -1, 2, 3, 7, 2**16, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 3 * 2**30, 2**40,
            2**61, 2**62, 2**63 - 1, -(2**31), -(2**63), 2**63, 2**64, -(2**63) - 1]  # fmt: skip
_LIMIT = 3 << 30  # bytes that the process may have


def run(plan: Plan) -> Result:
    result = Result()
    calls = plan.count(600, 60_000)
    variables = environment(plan.folder / "cache")
    outcome = ask(_CODE, variables, str(plan.seed), str(calls))
    if outcome.code:
        result.fail(f"the process {outcome.summary}")
        return result
    found: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    result.add("calls", found["calls"])
    result.add("of them refused", found["refused"])
    result.expect(0 < found["refused"] < found["calls"], "all calls were refused, or none")
    for problem in found["wrong"]:
        result.mistake(problem)
    for problem in found["raised"]:
        result.fail(problem)
    return result


class _Own(np.ndarray[Any, Any]):
    """A subclass whose arithmetic is nobody's business."""

    def __array_finalize__(self, obj: Any) -> None:
        self.tag = getattr(obj, "tag", "own")


def _strange(rng: np.random.Generator) -> tuple[str, Any]:
    """Something to pass where a float64 matrix is expected."""
    n, m = int(rng.integers(0, 5)), int(rng.integers(0, 5))
    good = rng.integers(-4, 5, (n, m)).astype(float)
    memory = rng.normal(size=64)
    dtype = rng.choice(["?", "i1", "u8", "i8", ">f8", "<f4", ">i4", "f2", "g", "F", "D", "O", "S8",
                        "U4", "M8[s]", "m8[D]", "V8"])  # fmt: skip

    def strided() -> Any:
        strides = tuple(int(8 * s) for s in rng.integers(-3, 4, 2))
        return np.lib.stride_tricks.as_strided(memory[32:], (3, 4), strides)

    def of_dtype() -> Any:
        return good.astype("f4").astype(dtype) if dtype not in ("V8",) else np.zeros((n, m), "V8")

    def odd_address() -> Any:
        room = np.zeros(8 * n * m + 9, np.uint8)
        view = room[3 : 3 + 8 * n * m].view(np.float64).reshape(n, m)
        view[...] = good
        return view

    def read_only() -> Any:
        copy = good.copy()
        copy.flags.writeable = False
        return copy

    makers: dict[str, Callable[[], Any]] = {
        "plain": lambda: good,
        "rank": lambda: rng.normal(size=(2,) * int(rng.integers(0, 8))),
        f"dtype {dtype}": of_dtype,
        "strides": strided,
        "zero strides": lambda: np.broadcast_to(memory[:1], (n, m)),
        "huge and empty": lambda: np.empty((0, 2**58)),
        "huge": lambda: np.broadcast_to(np.float64(1.0), (2**30, 2**28)),
        "reversed": lambda: good[::-1, ::-1],
        "Fortran": lambda: np.asfortranarray(good),
        "odd address": odd_address,
        "read-only": read_only,
        "matrix": lambda: np.asmatrix(good),
        "masked": lambda: np.ma.masked_less(good, 0),
        "unmasked": lambda: np.ma.asarray(good),
        "subclass": lambda: good.view(_Own),
        "record": lambda: np.zeros((n, m), [("a", "f8"), ("b", "i4")]),
        "field": lambda: np.zeros((n, m), [("b", "i1"), ("a", "f8")])["a"],
        "objects": lambda: np.array([[object()]]),
        "numbers as objects": lambda: good.astype(object),
        "list": lambda: good.tolist(),
        "ragged": lambda: [[1.0], [1.0, 2.0]],
        "text": lambda: "1.0",
        "none": lambda: None,
        "dict": dict,
        "function": lambda: len,
        "iterator": lambda: iter([[1.0]]),
        "memory": lambda: memory[:4].reshape(2, 2).data,
        "scalar": lambda: np.float64(1.0),
        "type": lambda: np.float64,
        "symbol": lambda: ct.dmatrix("x"),
        "number": lambda: rng.choice([1.0, np.nan, np.inf]),
        "nested": lambda: [np.ones(2), np.ones(2)],
        "complex": lambda: [[1j]],
        "integers beyond 64 bits": lambda: [[2**70]],
    }
    name = str(rng.choice(list(makers)))
    return name, makers[name]()


def child() -> None:
    """What the process does."""
    resource.setrlimit(resource.RLIMIT_AS, (_LIMIT, _LIMIT))
    warnings.simplefilter("ignore")
    rng, total = np.random.default_rng(int(sys.argv[1])), int(sys.argv[2])
    x, n, m = ct.dmatrix("x"), ct.lscalar("n"), ct.lscalar("m")
    doubled = cgrad.function([x], ct.concatenate([x * 2.0, x + 1.0], axis=1))
    sized: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
        "zeros": (lambda n, m: ct.zeros((n, m)) + 1.0, lambda n, m: np.ones((n, m))),
        "arange": (lambda n, m: ct.arange(n, m), lambda n, m: np.arange(n, m)),
        "eye": (lambda n, m: ct.eye(n, m), lambda n, m: np.eye(n, m)),
        "outer": (lambda n, m: ct.outer(ct.arange(n), ct.arange(m)),
                  lambda n, m: np.outer(np.arange(n), np.arange(m))),
        "tile": (lambda n, m: ct.tile(ct.arange(3), n) + m,
                 lambda n, m: np.tile(np.arange(3), n) + m),
        "linspace": (lambda n, m: ct.linspace(0.0, 1.0, n) * m,
                     lambda n, m: np.linspace(0.0, 1.0, n) * m),
        "reshape": (lambda n, m: ct.arange(6).reshape((n, m)),
                    lambda n, m: np.arange(6).reshape((n, m))),
    }  # fmt: skip
    compiled: dict[str, tuple[Any, Any]] = {}
    for name, (make, want) in sized.items():
        compiled[name] = cgrad.function([n, m], make(n, m), on_unused_input="ignore"), want
    counts = {"calls": 0, "refused": 0}
    wrong: list[str] = []
    raised: list[str] = []

    def attempt(what: str, call: Callable[[], Any], want: Callable[[], Any]) -> None:
        counts["calls"] += 1
        try:
            got = np.asarray(call())
        except _ERRORS as error:
            counts["refused"] += 1
            if not isinstance(error, MemoryError) and len(str(error)) < 10:
                raised.append(f"{what}: says only {error!r}")
            return
        except BaseException as error:
            raised.append(f"{what}: {type(error).__name__}: {error}"[:300])
            return
        try:
            expected = np.asarray(want())
        except MemoryError:  # NumPy has temporary arrays
            return
        except (*_ERRORS, AttributeError) as error:
            wrong.append(f"{what}: a result of shape {got.shape} where NumPy says {error!r}"[:300])
            return
        if got.shape != expected.shape or not np.array_equal(got, expected, equal_nan=True):
            wrong.append(f"{what}: {got.shape} {got.ravel()[:4]}, {expected.ravel()[:4]}")

    while counts["calls"] < total:
        kind, value = _strange(rng)

        def plainly(value: Any = value) -> Any:
            array = np.asarray(value, dtype=np.float64)
            return np.concatenate([array * 2.0, array + 1.0], axis=1)

        attempt(kind, lambda value=value: doubled(value), plainly)  # type: ignore[misc]
        kind, value = _strange(rng)
        x_ = rng.normal(size=(2, 2))
        sure = np.concatenate([x_ * 2.0, x_ + 1.0], axis=1)
        attempt(
            f"out {kind}",
            lambda value=value, x_=x_: doubled(x_, out=value),  # type: ignore[misc]
            lambda sure=sure: sure,  # type: ignore[misc]
        )
        name = str(rng.choice(list(compiled)))
        f, numpys = compiled[name]
        a, b = (_NUMBERS[int(k)] for k in rng.integers(0, len(_NUMBERS), 2))
        attempt(f"{name}({a}, {b})", lambda f=f, a=a, b=b: f(a, b),  # type: ignore[misc]
                lambda numpys=numpys, a=a, b=b: numpys(a, b))  # type: ignore[misc]  # fmt: skip
    print(json.dumps({**counts, "wrong": wrong[:60], "raised": raised[:60]}))
