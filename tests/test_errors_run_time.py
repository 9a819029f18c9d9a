"""Mistakes of each kind: the right exception, a message that teaches, arguments left as they were.

Messages name the argument, what was found and expected, the user's own line with a caret, and
the way out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad import BuildError, CallError, DTypeError, IndexBoundsError, RankError, ShapeError

ROOT = Path(__file__).parent.parent


def fails(exception: type[BaseException], call: Any, *parts: str) -> str:
    """The message of what `call` raises, which must hold every one of `parts`."""
    with pytest.raises(exception) as caught:
        call()
    message = str(caught.value)
    missing = [part for part in parts if part not in message]
    assert not missing, f"{missing} not in:\n{message}"
    return message


@pytest.fixture(scope="module")
def total() -> Any:
    x, k = ct.dmatrix("x"), ct.lvector("k")
    return cgrad.function([x, k], [x.sum(), k.sum()], name="total")


GOOD = (np.ones((2, 3)), np.array([1, 2]))


# -- what is passed -------------------------------------------------------------------------------
def test_wrong_rank(total: Any) -> None:
    fails(RankError, lambda: total(np.ones(3), GOOD[1]),
          "total", "argument x", "1 axis", "(3,)", "expected 2", "Fix")  # fmt: skip
    fails(RankError, lambda: total(1.0, GOOD[1]), "argument x", "0 axes")
    fails(TypeError, lambda: total(np.ones((2, 2, 2)), GOOD[1]), "3 axes")
    fails(ValueError, lambda: total(np.ones((2, 2, 2)), GOOD[1]), "3 axes")


@pytest.mark.parametrize("value, dtype", [
    (np.array([1.5, 2.0]), "float64"), (np.array([1, 2], np.float32), "float32"),
    (np.array([1, 2], np.uint64), "uint64"), (np.array([1j]), "complex128"),
    (np.array(["a"]), "<U1"), (np.array([None]), "object"),
    (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
])  # fmt: skip
def test_lossy_dtype(total: Any, value: Any, dtype: str) -> None:
    message = fails(CallError, lambda: total(GOOD[0], value), "argument k", dtype, "int64", "Fix")
    # what is proposed can be done
    assert ("declare" in message) == (dtype in ("float64", "float32", "uint64", "complex128"))


@pytest.mark.parametrize("value", [[1.5, 2.0], ["a"], [None], [1j], [2**70], {"a": 1}, "text"])
def test_lossy_python_values(total: Any, value: Any) -> None:
    fails(CallError, lambda: total(GOOD[0], value), "argument k")


def test_ragged_list(total: Any) -> None:
    fails(CallError, lambda: total([[1.0], [1.0, 2.0]], GOOD[1]), "argument x")


def test_what_loses_nothing_is_taken(total: Any) -> None:
    for k in ([1, 2], np.array([1, 2], np.int8), np.array([True, True]), (1, 2), np.array([], int)):
        assert total(GOOD[0], k)[1] == np.sum(k)
    for x in (
        [[1, 2]],
        np.ones((2, 2), np.float32),
        np.ones((2, 2), np.int64),
        np.ones((2, 2), bool),
        np.ones((2, 2), ">f8"),
        np.ones((4, 4))[::2, ::-2],
        np.asfortranarray(np.ones((3, 2))),
    ):
        assert total(x, GOOD[1])[0] == np.sum(x)


def test_arguments_missing_unknown_too_many(total: Any) -> None:
    fails(CallError, lambda: total(), "total(x, k)", "missing: x, k")
    fails(CallError, lambda: total(GOOD[0]), "takes 2 arguments", "missing: k")
    fails(CallError, lambda: total(*GOOD, 3), "takes 2 arguments", "found 3")
    fails(CallError, lambda: total(*GOOD, z=3), "'z'")
    fails(CallError, lambda: total(GOOD[0], x=GOOD[0]), "two values", "'x'")
    assert total(k=GOOD[1], x=GOOD[0])[0] == 6.0


def test_masked_arrays(total: Any) -> None:
    masked = np.ma.masked_array(np.ones((2, 2)), [[True, False], [False, False]])
    fails(CallError, lambda: total(masked, GOOD[1]), "argument x", "masked")
    assert total(np.ma.masked_array(np.ones((2, 2))), GOOD[1])[0] == 4.0


def test_symbolic_arguments(total: Any) -> None:
    fails(CallError, lambda: total(ct.dmatrix("y"), GOOD[1]), "argument x", "symbolic")


def test_inputs_are_not_changed_by_an_error(total: Any) -> None:
    x, k = np.arange(6.0).reshape(2, 3), np.array([1.5, 2])
    before = x.copy(), k.copy()
    with pytest.raises(CallError):
        total(x, k)
    assert np.array_equal(x, before[0]) and np.array_equal(k, before[1])
    assert total(x, [1, 2])[0] == 15.0


# -- shapes ---------------------------------------------------------------------------------------
def test_sizes_that_differ_at_build() -> None:
    a, b = ct.vector("a", shape=(3,)), ct.vector("b", shape=(4,))
    fails(ShapeError, lambda: a + b,
          "axis 0", "4", "expected 3", "a: float64 (3,)", "b: float64 (4,)", "lambda: a + b", "^",
          "Fix")  # fmt: skip
    x = ct.matrix("x", shape=(2, 3))
    fails(ShapeError, lambda: ct.dot(x, b), "dot", "3", "4", "x", "b", "^", "Fix")
    fails(ShapeError, lambda: ct.concatenate([x, ct.matrix("y", shape=(2, 4))]), "axis 1")
    fails(ShapeError, lambda: ct.reshape(x, (4, 2)), "6", "(4, 2)")
    fails(IndexBoundsError, lambda: x[5], "index 5", "axis 0", "size 2", "Fix")


def test_sizes_that_differ_at_the_call() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    y = a * 2 + b  # the line that is shown
    f = cgrad.function([a, b], y.sum(), name="added")
    fails(ShapeError, lambda: f(np.ones(3), np.ones(4)),
          "added", "axis 0 of b has size 4, expected 3", "a: float64 (3,)", "b: float64 (4,)",
          "y = a * 2 + b", "^", "Fix")  # fmt: skip
    # a length of 1 at the call does not stretch
    message = fails(ShapeError, lambda: f(np.ones(3), np.ones(1)), "size 1, expected 3")
    assert "declared as 1" in message
    assert f(np.ones(3), np.ones(3)) == 9.0
    m, k = ct.dmatrix("m"), ct.lvector("k")
    scaled = cgrad.function([m, k], ct.exp(m) * k)  # k is stretched and cast
    fails(ShapeError, lambda: scaled(np.ones((2, 3)), [1, 2]), "mul: axis 0 of k has size 2",
          "expected 3", "operand 1: exp(m), float64 (m.shape[0]",
          "operand 2: k, int64 (k.shape[0],)")  # fmt: skip


def test_product_of_lengths_that_differ() -> None:
    x, v = ct.dmatrix("x"), ct.dvector("v")
    z = ct.dot(x, v)
    f = cgrad.function([x, v], z)
    fails(
        ShapeError,
        lambda: f(np.ones((4, 3)), np.ones(2)),
        "dot",
        "axis 0 of v has size 2, expected 3",
        "x: float64 (4, 3)",
        "v: float64 (2,)",
        "z = ct.dot(x, v)",
        "^",
    )


def test_a_check_survives_simplification() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    f = cgrad.function([a, b], (a + b) - b + 0 * b[:0].sum())
    fails(ShapeError, lambda: f(np.ones(3), np.ones(4)), "size")
    g = cgrad.function([a, b], ct.zeros_like(a + b))
    fails(ShapeError, lambda: g(np.ones(3), np.ones(4)), "size")


def test_declared_lengths_are_checked() -> None:
    x = ct.matrix("x", shape=(2, None))
    f = cgrad.function([x], x.sum())
    fails(ShapeError, lambda: f(np.ones((3, 2))), "argument x", "axis 0", "3, expected 2")


def test_reshape_at_the_call() -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], x.reshape((-1, 3)))
    fails(
        ShapeError,
        lambda: f(np.ones(7)),
        "reshape",
        "6 elements, the tensor 7",
        "may be -1",
        "x.reshape((-1, 3))",
        "^",
    )
    assert f(np.ones(6)).shape == (2, 3)


def test_concatenate_and_update_at_the_call() -> None:
    x, y = ct.dmatrix("x"), ct.dmatrix("y")
    f = cgrad.function([x, y], ct.concatenate([x, y]))
    fails(ShapeError, lambda: f(np.ones((2, 3)), np.ones((2, 4))), "axis 1", "4", "3")
    v, w = ct.dvector("v"), ct.dvector("w")
    g = cgrad.function([v, w], ct.set_subtensor(v[1:], w))
    fails(ShapeError, lambda: g(np.ones(3), np.ones(3)), "axis 0")


def test_index_out_of_bounds() -> None:
    x, k = ct.dvector("x"), ct.lscalar("k")
    element = x[k]
    f = cgrad.function([x, k], element, name="pick")
    for bad in (3, -4, 2**62, -(2**63)):
        fails(
            IndexBoundsError,
            lambda bad=bad: f(np.ones(3), bad),
            "pick",
            "out of bounds",
            "axis 0",
            "size 3",
            "element = x[k]",
            "^",
            "Fix",
        )
    message = fails(IndexError, lambda: f(np.ones(3), 7), "index 7")
    assert "from -3 to 2" in message
    assert f(np.arange(3.0), -3) == 0.0
    message = fails(IndexBoundsError, lambda: f(np.ones(0), 0), "size 0")
    assert "at least one element" in message
    g = cgrad.function([x], x[2])
    fails(IndexBoundsError, lambda: g(np.ones(2)), "index 2", "size 2")
    h = cgrad.function([x, k], cgrad.grad(x[k] ** 2, x))
    fails(IndexBoundsError, lambda: h(np.ones(3), 5), "index 5")


def test_negative_index_is_reported_as_written() -> None:
    x, k = ct.dvector("x"), ct.lscalar("k")
    f = cgrad.function([x, k], x[k])
    fails(IndexBoundsError, lambda: f(np.ones(3), -4), "index -4")


def test_index_out_of_bounds_inside_a_scan() -> None:
    x, at = ct.dvector("x"), ct.lvector("at")
    picked, _ = cgrad.scan(lambda i, x: x[i], sequences=at, non_sequences=x)
    f = cgrad.function([x, at], picked)
    np.testing.assert_array_equal(f(np.arange(4.0), [3, -1, 0]), [3.0, 3.0, 0.0])
    fails(IndexBoundsError, lambda: f(np.ones(4), [0, 4]), "index 4", "size 4", "x[i]", "^")
    fails(IndexBoundsError, lambda: f(np.ones(0), [0]), "size 0")
    assert f(np.ones(0), np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize("name", ["max", "min"])
def test_extreme_of_nothing(name: str) -> None:
    x = ct.dmatrix("x")
    f = cgrad.function([x], getattr(ct, name)(x, axis=1))
    fails(
        ShapeError, lambda: f(np.ones((2, 0))), name, "axis 1", "empty", "getattr(ct, name)", "Fix"
    )
    assert f(np.ones((0, 2))).shape == (0,)
    fails(ShapeError, lambda: getattr(ct, name)(ct.vector("v", shape=(0,))), name, "no elements")


def test_too_few_rows_for_n_steps() -> None:
    x = ct.dvector("x")
    rows, _ = cgrad.scan(lambda s: s * 2, x, n_steps=3)
    f = cgrad.function([x], rows)
    assert f(np.ones(5)).shape == (3,)
    fails(ShapeError, lambda: f(np.ones(2)), "2", "3")
    fails(ShapeError,
          lambda: cgrad.scan(lambda s: s, ct.vector("y", shape=(2,)), n_steps=3))  # fmt: skip


def test_more_steps_than_rows_and_negative_counts_are_named() -> None:
    x, k, c = ct.dvector("x"), ct.lscalar("k"), ct.dscalar("c")
    rows, _ = ct.scan(lambda row, state: state + row * 2, x, c, n_steps=k)
    taps, _ = ct.scan(lambda a, b: a * b, {"input": x, "taps": [-1, 0]}, n_steps=k)
    f = cgrad.function([x, k, cgrad.In(c, value=0.0)], rows)
    g = cgrad.function([x, k], taps)
    np.testing.assert_array_equal(f(np.arange(3.0), 2), [0.0, 2.0])
    fails(ShapeError, lambda: f(np.ones(3), 5), "f: scan: 5 steps wanted",
          "sequence x has rows for 3", "n_steps=k", "^", "at most 3 steps")  # fmt: skip
    fails(ShapeError, lambda: g(np.ones(3), 3), "3 steps wanted", "x has rows for 2")
    fails(ShapeError, lambda: f(np.ones(3), -1), "the length k = -1", "expected 0 or more")
    for make in (ct.eye, ct.zeros, lambda n: ct.tile(x, n), lambda n: ct.full((2, n), 1.0)):
        made = cgrad.function([x, k], make(k), on_unused_input="ignore")
        fails(ShapeError, lambda made=made: made(np.ones(3), -3), "has the length k = -3",
              "expected 0 or more", "pass values for which k is not negative")  # fmt: skip
    more = cgrad.function([k], ct.zeros(k - 1))
    fails(ShapeError, lambda: more(0), "the length k - 1 = -1")


def test_lengths_that_are_known_only_inside_are_checked() -> None:
    x, v = ct.dvector("x"), ct.dvector("v")
    mask = ct.vector("mask", dtype="bool")
    few = x[mask]
    f = cgrad.function([x, mask], ct.pad(few, 2, "reflect"))
    halves = cgrad.function([x, mask], ct.split(few, 2))
    pulled = cgrad.function([x, mask, v], cgrad.Lop(few**2, x, v))
    values, two = np.arange(1.0, 5.0), np.array([True, False, False, True])
    three = np.array([True, False, True, True])
    np.testing.assert_array_equal(f(values, three), [4, 3, 1, 3, 4, 3, 1])
    fails(ShapeError, lambda: f(values, two), "pad with mode='reflect' needs 3 elements",
          "axis 0 has size 2", "narrower widths")  # fmt: skip
    assert [list(half) for half in halves(values, two)] == [[1.0], [4.0]]
    fails(ShapeError, lambda: halves(values, three), "split: axis 0 has size 3", "add up")
    np.testing.assert_array_equal(pulled(values, two, [1.0, 2.0]), [2.0, 0.0, 0.0, 16.0])
    fails(ShapeError, lambda: pulled(values, two, np.ones(3)), "cotangents: axis 0 has size 3",
          "expected 2", "pass cotangents of the shape of f")  # fmt: skip


def test_a_failing_call_changes_no_shared_variable() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    count = cgrad.shared(np.zeros(()), "count")
    f = cgrad.function([a, b], (a + b).sum(), updates=[(count, count + 1)])
    f(np.ones(2), np.ones(2))
    with pytest.raises(ShapeError):
        f(np.ones(2), np.ones(3))
    assert count.get_value() == 1.0


# -- build time -----------------------------------------------------------------------------------
def test_wrong_dtypes_at_build() -> None:
    x, flag = ct.dvector("x"), ct.tensor("flag", dtype="bool", shape=(None,))
    fails(DTypeError, lambda: -flag, "neg", "boolean")
    fails(DTypeError, lambda: x & x, "bool and integers")
    fails(DTypeError, lambda: x[x], "float64")
    fails(NotImplementedError, lambda: ct.vector("z", dtype="float16"), "float16")
    fails(ValueError, lambda: ct.sum(x, axis=1), "axis 1", "out of range", "1 axis", "-1 to 0")
    fails(TypeError, lambda: ct.zeros(2.5), "zeros: a length", "found 2.5")
    fails(TypeError, lambda: ct.zeros((x, 2)), "zeros: a length", "<x: float64")
    fails(RankError, lambda: cgrad.ifelse(flag.any(), x, x[0]), "float64 (x.shape[0],)", "x[None]")
    fails(AttributeError, lambda: ct.sofmax(x), "sofmax")
    with pytest.raises(AttributeError) as caught:
        ct.linalg.choleski(x)
    assert (caught.value.name, caught.value.obj) == ("choleski", ct.linalg)


def test_function_mistakes() -> None:
    x, y = ct.dscalar("x"), ct.dscalar("y")
    fails(TypeError, lambda: cgrad.function([x], x + y), "y", "not among the inputs", "Fix", "^")
    fails(TypeError, lambda: cgrad.function(x, x), "list")
    fails(ValueError, lambda: cgrad.function([x, x], x), "twice")
    fails(NotImplementedError, lambda: cgrad.function([x], x, profile=True), "f.profile(")
    shared = cgrad.shared(1.0, "w")
    fails(TypeError, lambda: cgrad.function([x], x, updates=[shared]), "updates: <w", "(old, new)")
    fails(TypeError, lambda: cgrad.function([x], x, givens=[x]), "givens: <x", "pairs")
    fails(TypeError, lambda: cgrad.function([x], 3.0), "constant")
    fails(ValueError, lambda: cgrad.function([x, y], x, on_unused_input="raise"), "y")
    with pytest.warns(UserWarning, match="y"):
        cgrad.function([x, y], x)


# -- the interpreter lives ------------------------------------------------------------------------
def run_python(text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def test_integer_arithmetic_does_not_kill_the_process() -> None:
    done = run_python(
        """
        import numpy as np, cgrad, cgrad.tensor as ct
        a, b, x = ct.lvector("a"), ct.lvector("b"), ct.dvector("x")
        low = -2**63
        f = cgrad.function([a, b, x], [a // b, a % b, abs(a), -a, a ** b, a * b, x.astype("int64"),
                                       ct.sum(a // b), ct.cast(x, "int64") // b, a / b])
        A = np.array([low, low, 7, 0, low, 2]); B = np.array([-1, 0, 0, 0, 1, low])
        out = f(A, B, [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.5])
        print([o.tolist() for o in out[:4]])
        g = cgrad.function([a], cgrad.map(lambda i: 5 // i, a)[0])
        print(g(np.array([0, low, -1])).tolist())
        """
    )
    assert done.returncode == 0, done.stderr
    low = -(2**63)
    assert f"[{low}, 0, 0, 0, {low}, -1]" in done.stdout
    assert f"[0, 0, 0, 0, 0, {low + 2}]" in done.stdout
    assert f"[{low}, {low}, 7, 0, {low}, 2]" in done.stdout
    assert "[0, -1, -5]" in done.stdout


@pytest.mark.parametrize("build, argument", [
    ("ct.arange(k)", 2**62), ("ct.zeros((k, k))", 2**33), ("ct.zeros((k, k, k))", 2**21),
    ("ct.arange(k)[:5]", 2**62), ("ct.eye(k)", 2**40), ("ct.sum(ct.zeros((k,)))", 2**10),
    ("ct.arange(k)", -5), ("ct.zeros((k,))", -1),
    ("ct.ones((2, k)).reshape((k, 2)).sum(axis=0)", 0),
    ("cgrad.scan(lambda h: h + 1, None, ct.constant(0.0), n_steps=k)[0]", 2**62),
    ("cgrad.scan(lambda h: h + 1, None, ct.constant(0.0), n_steps=k)[0]", -3),
    ("ct.sqr(ct.arange(k).reshape((k // 2, 2)).sum(axis=0))", 2**62),
])  # fmt: skip
def test_huge_and_negative_sizes(build: str, argument: int) -> None:
    done = run_python(
        f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        import numpy as np, cgrad, cgrad.tensor as ct
        k = ct.lscalar("k")
        f = cgrad.function([k], {build})
        try:
            print("shape", f({argument}).shape)
        except (MemoryError, ValueError) as error:
            print("clean", type(error).__name__, error)
        """
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    assert done.stdout.startswith(("shape", "clean")), done.stdout
    if argument >= 2**30 and "[:5]" not in build:
        assert done.stdout.startswith("clean"), done.stdout


# -- compilers ------------------------------------------------------------------------------------
PROGRAM = """
    import cgrad, cgrad.tensor as ct
    x = ct.dscalar("x")
    f = cgrad.function([x], x * 3)
    print(float(f(2.0)))
"""


def test_missing_compiler(tmp_path: Path) -> None:
    done = run_python(PROGRAM, CGRAD_CC="/nonexistent/cc", CGRAD_CACHE_DIR=str(tmp_path))
    assert done.returncode == 1
    for part in ("NoCompilerError", "no C compiler", "/nonexistent/cc", "install gcc", "CGRAD_CC"):
        assert part in done.stderr, done.stderr


def test_a_warm_cache_needs_no_compiler(tmp_path: Path) -> None:
    assert run_python(PROGRAM, CGRAD_CACHE_DIR=str(tmp_path)).stdout == "6.0\n"
    done = run_python(PROGRAM, PATH="/nonexistent", CGRAD_CACHE_DIR=str(tmp_path))
    assert done.stdout == "6.0\n", done.stderr
    assert not done.stderr


def test_failing_compiler(tmp_path: Path) -> None:
    wrapper = tmp_path / "cc"
    wrapper.write_text("#!/bin/sh\necho 'kernel.c:3:1: error: it rains' >&2\nexit 1\n")
    wrapper.chmod(0o755)
    done = run_python(PROGRAM, CGRAD_CC=str(wrapper), CGRAD_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 1
    for part in ("BuildError", "exit code 1", str(wrapper), "it rains"):
        assert part in done.stderr, done.stderr


def test_build_error_holds_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = tmp_path / "cc"
    wrapper.write_text("#!/bin/sh\nexit 3\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("CGRAD_CC", str(wrapper))
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    x = ct.dscalar("x")
    with pytest.raises(BuildError) as caught:
        cgrad.function([x], x * 3.25 + 1)
    assert caught.value.command and caught.value.command[0] == str(wrapper)
