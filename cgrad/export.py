"""A compiled function as C files that need neither Python nor cgrad.

Responsible for: what becomes a parameter and what a constant, golden values, writing the files.
Not responsible for: the C text (`codegen.standalone`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.codegen.library_files import cmake, pkg_config, self_test
from cgrad.codegen.names import identifier
from cgrad.codegen.standalone import BODY, Library, standalone
from cgrad.core.dtypes import NUMPY
from cgrad.errors import CgradError
from cgrad.ops.constants import Shared, storage
from cgrad.ops.python_call import Callback
from cgrad.pipeline import Program, lower
from cgrad.samples import sample

__all__ = ["export", "library"]

_LARGEST = 10_000_000  # elements of the constants of a source file


def library(f: Any, name: str) -> Library:
    """The texts of the library of a compiled function.

    Raises NotImplementedError for functions that call Python, ValueError for constants that are too
    large for a source file.
    """
    plan = f._plan
    if plan.conversion is not None:
        raise NotImplementedError(
            f"{f.name}: sparse results are not built for C; return the arrays of the matrix instead"
        )
    program = _program(f)
    called = [node.op.label for node in program.nodes if isinstance(node.op, Callback)]
    if called:
        raise NotImplementedError(
            f"{f.name}: a library in C cannot call the Python functions {', '.join(called)}; "
            "write them with cgrad.tensor or cgrad.c_op"
        )
    cells = [cell for _, cell in plan.updates]
    baked: dict[int, Any] = {}
    notes: dict[tuple[str, int], str] = {}
    n_own = len(program.inputs) - len(program.hidden)
    for k, node in enumerate(program.inputs[n_own:], n_own):
        if isinstance(node.op, Shared) and any(node.op.storage is cell for cell in cells):
            notes["array", k] = "the value before the call"
        else:
            baked[k] = storage(node)[0]
    total = sum(value.size for value in baked.values())
    if total > _LARGEST:
        raise ValueError(
            f"{f.name}: its constants have {total} elements, more than a source file should hold "
            f"({_LARGEST}); make them arguments of the function"
        )
    if isinstance(plan.returns, tuple):
        notes.update({("output", k): identifier(key) for k, key in enumerate(plan.returns)})
    targets = [*plan.targets, *[None] * len(plan.updates)]
    for (place, _), target in zip(plan.updates, targets, strict=False):
        of = f" of {identifier(target.name)}" if target is not None and target.name else ""
        notes["output", place] = f"the new value{of}"
    # libmvec is no part of a C library that stands alone
    math = None if program.math == "fast" else program.math
    return standalone(lower(program), name, baked, notes, math)


def _program(f: Any) -> Program:
    """The function's program again, for one thread and under the name that libraries have."""
    old = f._plan.program
    program = Program(old.inputs[: f._plan.n_inputs], old.outputs, BODY, old.math)
    program.threads = False
    return program


def export(
    f: Any,
    directory: str | os.PathLike[str],
    name: str | None = None,
    *,
    cmake_files: bool = False,
    example: Sequence[Any] | Mapping[str, Any] | None = None,
) -> list[str]:
    """Write the files of a compiled function; their paths. See `export` of a function."""
    made = library(f, f.name if name is None else name)
    arrays = _example(f, example)
    inputs, outputs, work = _golden(f, arrays)
    texts = {
        f"{made.name}.c": made.source,
        f"{made.name}.h": made.header,
        f"{made.name}_test.c": self_test(made, inputs, outputs, work),
    }
    if cmake_files:
        texts["CMakeLists.txt"] = cmake(made)
        texts[f"{made.name}.pc.in"] = pkg_config(made)
    os.makedirs(directory, exist_ok=True)
    paths = []
    for file, text in texts.items():
        paths.append(os.path.join(directory, file))
        with open(paths[-1], "w", encoding="ascii", newline="\n") as target:
            target.write(text)
    return paths


def _example(f: Any, example: Sequence[Any] | Mapping[str, Any] | None) -> tuple[Any, ...]:
    """The user's own arrays, as the kernel takes them: those given, or made up."""
    if isinstance(example, Mapping):
        return tuple(f._convert((), dict(example)))[: f._plan.n_inputs]
    if example is not None:
        return tuple(f._convert(tuple(example), {}))[: f._plan.n_inputs]
    attempts: list[Exception] = []
    for size in (None, 3, 4):
        arrays = sample(f._plan.program, size)
        try:
            f._measure(tuple(arrays))
            with _restored(f):
                f(*arrays)
        except CgradError as error:
            attempts.append(error)
        else:
            return tuple(arrays)
    raise ValueError(
        f"{f.name}: no arguments for the self-test could be made up ({attempts[-1]})\n"
        "  Fix: give some, example=[...] in the order of the inputs"
    ) from attempts[-1]


class _restored:
    """What a call updates has its old value afterwards."""

    def __init__(self, f: Any) -> None:
        self.cells = [cell for _, cell in f._plan.updates]

    def __enter__(self) -> None:
        self.values = [cell[0] for cell in self.cells]

    def __exit__(self, *exc: object) -> None:
        for cell, value in zip(self.cells, self.values, strict=True):
            cell[0] = value


def _golden(f: Any, arrays: tuple[Any, ...]) -> tuple[dict[int, Any], dict[int, Any], int]:
    """Arrays by the places of inputs and of outputs, and the bytes of workspace."""
    plan = f._plan
    inputs = dict(enumerate(arrays))
    for k, node in enumerate(plan.program.hidden, plan.n_inputs):
        inputs[k] = np.array(storage(node)[0])
    with _restored(f):
        found = f(*arrays)
        updated = {place: np.array(cell[0]) for place, cell in plan.updates}
    if plan.returns == "single":
        found = [found]
    elif isinstance(plan.returns, tuple):
        found = [found[key] for key in plan.returns]
    outputs = {
        k: np.asarray(value, NUMPY[plan.program.outputs[k].dtype]) for k, value in enumerate(found)
    }
    work, _ = f._measure(arrays)
    return inputs, {**outputs, **updated}, int(work)
