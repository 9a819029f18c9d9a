"""The C of the golden programs and of hard cases: no warning, no sanitizer report.

Kernels run in a process of their own with the address sanitizer, each array in its own block
(`sanitized_run.py`), at sizes 0, 1, 2 and 5.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.cache.toolchain import find_compiler, kernel_flags
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.pipeline import Program, generate

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER / "golden"))
from programs import PROGRAMS, SHAPES  # noqa: E402

COMPILER = find_compiler()
pytestmark = pytest.mark.skipif(
    COMPILER is None or sys.platform != "linux", reason="needs gcc's sanitizers"
)
STRICT = ["-Wall", "-Wextra", "-Wshadow", "-Werror", "-Wno-unknown-pragmas"]
SANITIZE = ["-std=c11", "-O1", "-g", "-fPIC", "-shared", "-fwrapv", "-fno-strict-aliasing",
            "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]  # fmt: skip
SIZES = (0, 1, 2, 5)
CG_EMPTY = 3


def compile_c(source: str, path: Path, flags: list[str]) -> None:
    assert COMPILER is not None
    path.with_suffix(".c").write_text(source)
    command = [*COMPILER.words, *flags, str(path.with_suffix(".c")), "-o", str(path), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{path.stem}: {' '.join(command)}\n{done.stderr}"


# -- hard cases beside the golden programs --------------------------------------------------------
def _neighbours(x: Node) -> list[Node]:
    value = ct.sum(x[1:] * x[:-1])
    gradient = cgrad.grad(value, x)
    return [value, gradient, cgrad.grad(ct.sum(gradient**2), x)]


def _windows(x: Node) -> list[Node]:
    parts = [x[::-1], x[-1:0:-2], x[3:], x[:-3], x[2:-2], x[-4:-1], x[1::3], x[7:2:-2], x[:0]]
    cost = sum(ct.sum(ct.sin(part)) for part in parts)
    return [*parts, cgrad.grad(cost, x)]


def _updates(x: Node) -> list[Node]:
    y = ct.set_subtensor(x[1:-1], x[:-2])
    y = ct.inc_subtensor(y[::-2], 2.0)
    y = ct.set_subtensor(y[3:], 0.0)
    return [y, cgrad.grad(ct.sum(y**2), x)]


def _loops(x: Node) -> list[Node]:
    h, _ = cgrad.scan(lambda s, h: ct.tanh(h) * s, x, ct.constant(0.5))
    rows, _ = cgrad.scan(lambda s, h: h * s + x, x, ct.zeros_like(x), go_backwards=True)
    return [h, rows, cgrad.grad(ct.sum(h) + ct.sum(rows[1:]), x)]


def _matrices(x: Node) -> list[Node]:
    """Products and factors in both widths; without a library they run as loops."""
    found: list[Node] = []
    for dtype in ("float64", "float32"):
        v = ct.cast(x, dtype)
        a = ct.outer(v, v) + 2 * ct.eye(v.shape[0], dtype=dtype)
        y = ct.linalg.solve(a, v)
        lower = ct.linalg.solve_triangular(ct.linalg.cholesky(a, on_error="raise"), v, lower=True)
        cost = ct.dot(v, y) + ct.linalg.slogdet(a)[1] + ct.sum(lower) + ct.linalg.det(a)
        found += [a @ a.T, a @ ct.exp(-a), ct.linalg.inv(a), cost, cgrad.grad(cost, x)]
    return found


def _truths(x: Node) -> list[Node]:
    a, b = x > 0.5, x < 1.0
    n = ct.cast(x * 4, "int64")
    flags = ct.cast(x, "bool")
    return [ct.xor(a, b), ct.eq(a, ct.xor(flags, b)), ct.logical_xor(n, x), ct.neq(a, flags),
            ct.or_(ct.and_(a, b), flags), ct.and_(a, ct.or_(b, flags)), (n & 3) | (n ^ 5),
            ct.eq(n & 1, 0), ct.switch(ct.eq(a, b), x, -x), ct.all(a), ct.any(ct.eq(a, b)),
            ct.invert(ct.lt(x, n)), ct.maximum(a, b) + (n < 2)]  # fmt: skip


def _complex(x: Node) -> list[Node]:
    """Arithmetic and functions of complex numbers in both widths, loops, derivatives."""
    z = ct.complex(x, x[::-1])
    found = [z / (z + 1j), z**3, z**z, ct.tanh(z), ct.exp(z) * ct.log(z), ct.sqrt(z), ct.cos(z)]
    total, _ = cgrad.scan(lambda s, h: h * s + ct.conj(h), z, ct.constant(1j))
    cost = ct.sum(abs(ct.outer(z, z) @ ct.tan(z)) ** 2) + ct.sum((total * z).imag)
    single = ct.sum(ct.cast(z, "complex64") ** 2 / 3, axis=0)
    found += [ct.fft.fft(z), ct.fft.ifft(z, 37), ct.fft.fft(z, 24)]
    return [*found, total, single, ct.set_subtensor(z[1:], 0)[::2], cost, cgrad.grad(cost, x)]


HARD = {
    "complex": _complex,
    "matrices": _matrices,
    "truths": _truths,
    "neighbours": _neighbours,
    "windows": _windows,
    "updates": _updates,
    "loops": _loops,
}


def graphs() -> dict[str, tuple[list[Node], list[Node], Any]]:
    found: dict[str, Any] = {}
    for name, build in PROGRAMS.items():
        found[name] = (*build(), SHAPES[name])
    for name, make in HARD.items():
        x = ct.dvector("x")
        found[name] = ([x], make(x), lambda n: [(n,)])
    return found


def sample(node: Node, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if node.dtype == "int64":
        return np.asarray(rng.integers(-3, 4, shape))
    return np.asarray(rng.uniform(0.2, 1.5, shape), node.dtype)


def expected(outputs: list[Node], given: dict[Node, Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return evaluate(outputs, given)
    except ValueError as error:
        assert "zero-size" in str(error) or "identity" in str(error)
        return CG_EMPTY


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return {
        name: generate(Program(inputs, outputs, name))
        for name, (inputs, outputs, _) in graphs().items()
    }


def test_no_warnings(sources: dict[str, str], tmp_path: Path) -> None:
    def build(item: tuple[str, str]) -> None:
        compile_c(
            item[1],
            tmp_path / f"{item[0]}.o",
            [*kernel_flags(find_compiler()), *STRICT, "-c"],
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, sources.items()))


def test_the_text_is_plain_ascii_without_tabs(sources: dict[str, str]) -> None:
    for name, text in sources.items():
        assert text.isascii() and "\t" not in text, name
        long = [line for line in text.splitlines() if len(line) > 100]
        assert not long, (name, long)
        assert not any(line != line.rstrip() for line in text.splitlines()), name


def _preload() -> str:
    assert COMPILER is not None
    done = subprocess.run([*COMPILER.words, "-print-file-name=libasan.so"],
                          capture_output=True, text=True)  # fmt: skip
    path = done.stdout.strip()
    if not os.path.isabs(path):
        pytest.skip("the compiler has no address sanitizer")
    return os.path.realpath(path)


def run_sanitized(plan: list[Any], tmp_path: Path) -> None:
    (tmp_path / "plan.pickle").write_bytes(pickle.dumps(plan))
    done = subprocess.run(
        [sys.executable, str(FOLDER / "sanitized_run.py"), str(tmp_path / "plan.pickle")],
        env={**os.environ, "LD_PRELOAD": _preload(),
             "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-6000:]}"
    assert "all clean" in done.stdout


def test_sanitizers(sources: dict[str, str], tmp_path: Path) -> None:
    def build(item: tuple[str, str]) -> None:
        compile_c(item[1], tmp_path / f"{item[0]}.so", SANITIZE)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, sources.items()))
    plan = []
    rng = np.random.default_rng(0)
    for name, (inputs, outputs, shapes) in graphs().items():
        for n in SIZES:
            arrays = [sample(x, s, rng) for x, s in zip(inputs, shapes(n), strict=True)]
            wanted = expected(outputs, dict(zip(inputs, arrays, strict=True)))
            forms = [(out.dtype, out.ndim) for out in outputs]
            plan.append((name, str(tmp_path / f"{name}.so"), arrays, forms, wanted))
    run_sanitized(plan, tmp_path)


def test_the_harness_sees_an_overrun(tmp_path: Path, sources: dict[str, str]) -> None:
    """A test of the test: one element too many must be reported."""
    bad = sources["square_gradient"].replace("*out0 = 2.0 * *x;", "out0[1] = 2.0 * x[0];")
    assert bad != sources["square_gradient"]
    compile_c(bad, tmp_path / "bad.so", SANITIZE)
    plan = [("bad", str(tmp_path / "bad.so"), [np.array(1.0)], [("float64", 0)], [np.array(2.0)])]
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        run_sanitized(plan, tmp_path)
