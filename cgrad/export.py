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
from cgrad.codegen.standalone import BODY, Library, Places, standalone
from cgrad.core.dtypes import NUMPY
from cgrad.errors import CgradError
from cgrad.ops.constants import Shared, storage
from cgrad.ops.python_call import Callback
from cgrad.pipeline import Program, lower
from cgrad.samples import sample
from cgrad.sparse_export import elements

__all__ = ["export", "library"]

_LARGEST = 10_000_000  # elements of the constants of a source file


def library(f: Any, name: str) -> Library:
    """The texts of the library of a compiled function.

    Raises NotImplementedError for functions that call Python, ValueError for constants that are too
    large for a source file.
    """
    plan = f._plan
    program, places = _program(f)
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
    keys = _keys(plan)
    targets = [*plan.targets, *[None] * len(plan.updates)]
    for (place, _), target in zip(_updates(plan), targets, strict=False):
        of = f" of {identifier(target.name)}" if target is not None and target.name else ""
        notes["output", place] = f"the new value{of}"
    # libmvec is no part of a C library that stands alone
    math = None if program.math == "fast" else program.math
    return standalone(lower(program), name, baked, notes, math, keys, places)


def _program(f: Any) -> tuple[Program, dict[int, Places]]:
    """The function's program again, for one thread and under the name that libraries have.

    Sparse results are vectors of their elements; the second answer has their places.
    """
    old = f._plan.program
    inputs, outputs = old.inputs[: f._plan.n_inputs], old.outputs
    places: dict[int, Places] = {}
    if f._plan.conversion is not None:
        inputs, outputs, places = elements(f)
    program = Program(inputs, outputs, BODY, old.math)
    program.threads = False
    return program, places


def _keys(plan: Any) -> tuple[str, ...]:
    """The names of results, of those that have some."""
    returns = plan.returns if plan.conversion is None else plan.conversion.returns
    return returns if isinstance(returns, tuple) else ()


def _updates(plan: Any) -> list[tuple[int, list[Any]]]:
    """As `Plan.updates`, among the outputs of `_program`."""
    behind = 0 if plan.conversion is None else plan.n_returned - plan.conversion.count
    return [(place - behind, cell) for place, cell in plan.updates]


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
    inputs, outputs, work = _golden(f, arrays, made)
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
    n_own = f._plan.n_inputs
    if f._plan.conversion is not None:
        n_own -= f._plan.conversion.extra()
    if isinstance(example, Mapping):
        return tuple(f._convert((), dict(example)))[:n_own]
    if example is not None:
        return tuple(f._convert(tuple(example), {}))[:n_own]
    attempts: list[Exception] = []
    for size in (None, 3, 4):
        arrays = sample(f._plan.program, size)[:n_own]
        try:
            f._measure(f._convert(tuple(arrays), {}))
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


def _golden(
    f: Any, arrays: tuple[Any, ...], made: Library
) -> tuple[dict[int, Any], dict[int, Any], int]:
    """Arrays by the places of inputs and of outputs, and the bytes of workspace."""
    plan, conversion = f._plan, f._plan.conversion
    inputs = dict(enumerate(arrays))
    for k, node in enumerate(plan.program.hidden, len(arrays)):
        inputs[k] = np.array(storage(node)[0])
    with _restored(f):
        found = f(*arrays)
        updated = {place: np.array(cell[0]) for place, cell in _updates(plan)}
    returns = plan.returns if conversion is None else conversion.returns
    if returns == "single":
        found = [found]
    elif isinstance(returns, tuple):
        found = [found[key] for key in returns]
    outputs = {
        k: np.asarray(_plain(value), NUMPY[plan.program.outputs[k].dtype])
        for k, value in enumerate(found)
    }
    work = made.work_bytes if conversion is not None else None
    if work is None:
        work, _ = f._measure(f._convert(arrays, {}))
    return inputs, {**outputs, **updated}, int(work)


def _plain(result: Any) -> Any:
    """The elements of a sparse result; any other as it is."""
    if isinstance(result, tuple):
        return result[0]
    return result if isinstance(result, np.ndarray) else getattr(result, "data", result)
