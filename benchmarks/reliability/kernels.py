"""Generated C outside of Python: random programs, and a program in C that runs a kernel alone.

Responsible for: what is generated, compiling it with other flags than cgrad's, and running it.
Not responsible for: what that shows (`safety_fuzz`, `safety_valgrind`, `safety_races`).
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.reliability.children import ROOT
from cgrad.cache.toolchain import Compiler, cpu_level, kernel_flags, level_flags
from cgrad.core.node import Node
from cgrad.pipeline import Program, generate

__all__ = ["DRIVER", "GCC", "Kernel", "compile_c", "kernel", "own_flags", "random_kernel",
           "run_driver", "write_plan"]  # fmt: skip

DRIVER = Path(__file__).with_name("driver.c")
_RUNTIME = ROOT / "cgrad" / "codegen" / "runtime"
GCC = shutil.which("gcc")


class Kernel(NamedTuple):
    """A C file, the arguments of a call, and the forms of its results."""

    name: str
    text: str
    arrays: list[np.ndarray]
    outputs: list[tuple[str, int]]
    n_sizes: int


def kernel(
    name: str, inputs: Sequence[Node], outputs: Sequence[Node], arrays: Sequence[Any]
) -> Kernel:
    """The C of a function, as `cgrad.function` would have it, with arguments to call it with."""
    program = Program(inputs, outputs, name)
    stored = []
    for node in program.hidden:
        op: Any = node.op
        stored.append(op.storage[0] if hasattr(op, "storage") else op.value)
    given = [np.ascontiguousarray(array).reshape(np.shape(array)) for array in (*arrays, *stored)]
    n_sizes = sum(node.ndim + 1 for node in program.inputs)
    forms = [(node.dtype, node.ndim) for node in outputs]
    return Kernel(name, generate(program), given, forms, n_sizes)


def random_kernel(first: int, count: int) -> Kernel:
    """One kernel of random graphs with their derivatives, those of `tests/fuzz`."""
    folder = os.fspath(ROOT / "tests")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    make: Any = importlib.import_module("fuzz.graphs").Graph  # of the checkout

    made = [make(seed) for seed in range(first, first + count)]
    inputs = [x for graph in made for x in graph.inputs]
    outputs = [out for graph in made for out in graph.outputs]
    arrays = [array for graph in made for array in graph.arrays]
    return kernel(f"graphs{first}", inputs, outputs, arrays)


def own_flags(level: int | None = None) -> list[str]:
    """cgrad's own options for gcc, for this CPU or for one of a lower level."""
    compiler = Compiler(("gcc",), "")
    return [*kernel_flags(compiler), *level_flags(cpu_level() if level is None else level)]


def compile_c(command: Sequence[str], text: str, path: Path) -> str:
    """Compile a C text to `path`; the errors and warnings, empty if there were none."""
    source = path.with_suffix(".c")
    source.write_text(text)
    done = subprocess.run(
        [*command[:1], f"-I{_RUNTIME}", os.fspath(source), "-o", os.fspath(path), *command[1:]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    problem = done.stderr.strip()
    return problem or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def write_plan(made: Kernel, path: Path, runs: int = 2, threads: int = 1) -> None:
    """The file that tells the driver how to call a kernel."""
    numbers: list[int] = [runs, len(made.arrays)]
    pieces = [np.array(numbers, np.int64).tobytes()]
    for array in made.arrays:
        head = [array.ndim, *array.shape, array.nbytes]
        data = array.tobytes()
        pieces += [np.array(head, np.int64).tobytes(), data, bytes(-len(data) % 8)]
    tail = [len(made.outputs)]
    for dtype, rank in made.outputs:
        tail += [rank, np.dtype(dtype).itemsize]
    tail += [made.n_sizes, threads]
    pieces.append(np.array(tail, np.int64).tobytes())
    path.write_bytes(b"".join(pieces))


def run_driver(command: Sequence[str | Path], seconds: float = 300.0, **variables: str) -> str:
    """Run a driver; what was wrong, empty if it ended well."""
    try:
        done = subprocess.run(
            [os.fspath(word) for word in command], env={**os.environ, **variables},
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "did not end in time"
    if done.returncode == 0 and not done.stderr.strip():
        return ""
    return f"exit code {done.returncode}: {done.stderr.strip()[:2000]}"
