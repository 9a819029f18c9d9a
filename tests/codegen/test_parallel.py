"""Loops in threads: the same bits for any number of threads, and for the plain loop."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structure import kernel_of, statements

import cgrad
import cgrad.tensor as ct
from cgrad.cache import toolchain
from cgrad.codegen import parallel
from cgrad.core.loops import Accumulate, For, Kernel, Parallel
from cgrad.core.node import Node
from cgrad.pipeline import Program, generate

pytestmark = pytest.mark.skipif(not toolchain.has_openmp(), reason="needs gcc on Linux")

x, y, X = ct.dvector("x"), ct.dvector("y"), ct.dmatrix("X")


def _scan() -> list[Node]:
    h, _ = cgrad.scan(lambda h: ct.tanh(h + x), outputs_info=[y], n_steps=3)
    return [h, ct.sum(h)]


PROGRAMS: dict[str, Callable[[], list[Node]]] = {
    "map": lambda: [ct.exp(x) * y, x - y],
    "sums": lambda: [ct.sum(ct.exp(x) * y), ct.sum(x), x @ y, ct.max(x / (1 + y * y)), ct.exp(x)],
    "softmax": lambda: [ct.softmax(X, axis=1), ct.logsumexp(X, axis=1)],
    "rows": lambda: [ct.sum(ct.softplus(X @ y[: X.shape[1]])), ct.sum(ct.exp(X) + y[: X.shape[1]])],
    "products": lambda: [
        X @ y[: X.shape[1]],
        ct.exp(X) @ y[: X.shape[1]] + ct.tanh(X @ ct.exp(y[: X.shape[1]])),
        ct.sum(ct.sin(X * x[: X.shape[0], None]) @ y[: X.shape[1]]),
    ],
    "nearest": lambda: [ct.sum(ct.min(ct.sum((X[:, None] - X[None, :3]) ** 2, axis=2), axis=1))],
    "integers": lambda: [ct.sum(ct.cast(x, "int64")), ct.all(x < 9), ct.prod(ct.cos(X), axis=1)],
    "row totals": lambda: [ct.sum(ct.exp(X), axis=0), X.T @ ct.exp(x[: X.shape[0]])],
    "scan": _scan,
    "sides": lambda: [cgrad.ifelse(x.shape[0] > 9, ct.exp(x) * y, ct.cos(x)), x - y],
}


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that are made use threads, however small their loops are."""
    monkeypatch.setenv("CGRAD_NUM_THREADS", "2")
    monkeypatch.setenv("CGRAD_CFLAGS", "-DCG_GRAIN=1.0")


def shared_loops(kernel: Kernel) -> list[Parallel]:
    return [stmt for stmt in statements(kernel.body) if isinstance(stmt, Parallel)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_bits_do_not_depend_on_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Any:
        return cgrad.function([x, y, X], PROGRAMS[name](), on_unused_input="ignore")

    plain = make()
    monkeypatch.setenv("CGRAD_NUM_THREADS", "2")
    monkeypatch.setenv("CGRAD_CFLAGS", "-DCG_GRAIN=1.0")
    f = make()
    rng = np.random.default_rng(0)
    try:
        for n in (0, 1, 2, 3, 7, 8, 9, 31, 33, 64, 70, 255, 257, 1000):
            offset = n % 3
            a, b = rng.normal(size=(2, n + offset))[:, offset:]
            A = rng.normal(size=(n, min(n, 7)))
            want = [np.asarray(v).tobytes() for v in plain(a, b, A)] if n else None
            for count in (1, 2, 8):
                f._set_num_threads(count)
                try:
                    got = [np.asarray(v).tobytes() for v in f(a, b, A)]
                except ValueError:  # the largest element of none
                    assert n == 0
                    continue
                want = want or got
                assert got == want, (n, count)
    finally:
        f._set_num_threads(1)


def test_one_loop_of_a_nest_is_shared_out(threads: None) -> None:
    kernel, slots = kernel_of([X], [ct.exp(X) + X.T])
    (outer,) = kernel.body
    assert isinstance(outer, Parallel) and outer.step == 1 and not slots
    (inner,) = outer.body
    assert isinstance(inner, For) and not isinstance(inner, Parallel)


def test_totals_take_one_number_a_strip(threads: None) -> None:
    kernel, slots = kernel_of([x, y], [ct.sum(ct.exp(x - y)), ct.sum(ct.cos(x + y))])
    (shared,) = shared_loops(kernel)
    assert shared.step == 256
    assert [slot.count for slot in slots] == [shared.count] * 2
    # they are combined in the order of the plain loop, by one thread
    (combine,) = [s for s in kernel.body if isinstance(s, For) and s is not shared]
    assert combine.extent == shared.count and not isinstance(combine, Parallel)


def test_a_row_of_its_own_is_kept_for_each_thread(threads: None) -> None:
    kernel, slots = kernel_of([X], [ct.softmax(X, axis=1)])
    (shared,) = shared_loops(kernel)
    (row,) = shared.private
    (slot,) = slots
    assert slot.buffers == [row.base] and row.base.shape[1:] == row.shape


def test_totals_of_rows_stay_with_one_thread(threads: None) -> None:
    kernel, _ = kernel_of([X], [ct.sum(ct.exp(X), axis=0)])
    assert any(isinstance(stmt, Accumulate) for stmt in statements(kernel.body))
    inside = [stmt for loop in shared_loops(kernel) for stmt in statements(loop.body)]
    assert not any(isinstance(stmt, Accumulate) for stmt in inside)


@pytest.mark.parametrize("case", ["scan", "short", "check"])
def test_what_stays_with_one_thread(case: str, threads: None) -> None:
    s = ct.tensor("s", shape=(50,))
    k = ct.lvector("k")
    inputs, outputs = {
        "scan": ([x], [ct.cumsum(x)]),
        "short": ([s], [ct.exp(s)]),
        "check": ([k], [ct.sum(x[k])]),
    }[case]
    kernel, _ = kernel_of([*inputs, x] if case == "check" else inputs, outputs)
    shared = shared_loops(kernel)
    assert len(shared) == (1 if case == "check" else 0)
    if case == "check":
        # the positions are checked by one thread, before
        first = next(stmt for stmt in kernel.body if isinstance(stmt, For))
        assert first not in shared


def test_a_part_is_given_the_arrays_of_the_kernel(
    threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short one, declared in the kernel's function and not in the workspace."""
    monkeypatch.setattr(parallel, "GRAIN", 1)
    a, b = ct.tensor("a", shape=(70,)), ct.tensor("b", shape=(70,))
    text = generate(Program([a, b], [a @ (2 * b), a + 2 * b], "f"))
    assert "double dot_terms[70];" in text and "double *restrict dot_terms)" in text


def test_one_thread_needs_nothing_of_it() -> None:
    text = generate(Program([x], [ct.exp(x)], "f"))
    assert "#pragma omp" not in text and "threads" not in text[text.index("int64_t f(") :]
    assert toolchain.openmp_flags(text) == ()


def test_only_kernels_with_shared_loops_link_openmp(threads: None) -> None:
    f = cgrad.function([x], ct.exp(x) * 3.0)
    g = cgrad.function([x], ct.cumsum(x))
    linked = [b"libgomp.so" in Path(h._kernel.path).read_bytes() for h in (f, g)]
    assert linked == [True, False]


def test_calls_from_many_python_threads(threads: None) -> None:
    f = cgrad.function([x], [ct.sum(ct.exp(x)), ct.exp(x)])
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=n) for n in range(500, 3000, 311)]
    want = [(np.exp(v).sum(), np.exp(v)) for v in inputs]
    f._set_num_threads(2)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(5):
                for (total, each), (sure, exact) in zip(pool.map(f, inputs), want, strict=True):
                    np.testing.assert_allclose(total, sure, rtol=1e-13)
                    np.testing.assert_allclose(each, exact, rtol=1e-14)
    finally:
        f._set_num_threads(1)


def test_a_forked_child_uses_one_thread_and_ends(tmp_path: Path) -> None:
    script = """
        import multiprocessing, os, numpy as np, cgrad, cgrad.tensor as ct
        x = ct.dvector("x")
        f = cgrad.function([x], ct.sum(ct.exp(x)))
        v = np.linspace(0, 1, 10_000)
        def work(_):
            return float(f(v)), len(os.listdir("/proc/self/task"))
        here = float(f(v))
        assert len(os.listdir("/proc/self/task")) > 1
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for there, tasks in pool.map(work, range(4)):
                assert there == here and tasks == 1, (there, here, tasks)
        print("ended")
    """
    env = {"CGRAD_NUM_THREADS": "4", "CGRAD_CFLAGS": "-DCG_GRAIN=1.0",
           "CGRAD_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin",
           "PYTHONPATH": str(Path(cgrad.__file__).parents[1])}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout == "ended\n", done.stderr
