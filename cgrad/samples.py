"""Arguments that fit a function, made up: for self-tests, checks of derivatives and timings.

Responsible for: shapes that agree, and values inside the domain of most functions.  Not responsible
for: functions that want more (a caller may give shapes and values).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cgrad.codegen.unify import entry_source, unify
from cgrad.core import sizes
from cgrad.core.dtypes import BOOL, NUMPY, is_complex, is_float, real_part
from cgrad.core.node import Node
from cgrad.core.sizes import Atom
from cgrad.errors import CallError
from cgrad.ops.constants import Data, Shared
from cgrad.pipeline import Program

__all__ = ["sample"]

_LARGEST = 1 << 28  # elements of one made-up array


def sample(
    program: Program,
    size: int | None = None,
    given: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Any]:
    """An array for each of the user's inputs of a program.

    size   the length of axes that are not declared; by default 3, 4, 5 ..., equal where the graph
           says so
    given  arrays by the names of inputs, taken as they are; lengths follow from them

    Floats, and the parts of complex numbers, are between 0.3 and 0.9 (square matrices are made
    symmetric and positive definite), integers 2, in arrays 0 or 1.
    Raises CallError for names that no input has.
    """
    given = given or {}
    own = program.inputs[: len(program.inputs) - len(program.hidden)]
    names = {node.name for node in own}
    for name in given:
        if name not in names:
            known = ", ".join(str(n) for n in names if n) or "none has a name"
            raise CallError(f"no input is called {name!r}; there is: {known}")
    rng = np.random.default_rng(seed)
    fixed = {node: _fixed(node, given) for node in program.inputs}
    unified = unify(program.inputs, program.outputs, program.nodes)
    lengths: dict[Atom, int] = {}
    for node, one in zip(program.inputs, unified.inputs, strict=True):
        value = fixed[node]
        for axis, n in enumerate(one.dims):
            if value is not None and not isinstance(n, int) and len(list(sizes.atoms(n))) == 1:
                atom = next(iter(sizes.atoms(n)))
                if n == sizes.as_size(atom):
                    lengths.setdefault(atom, value.shape[axis])

    def length(atom: Atom) -> int:
        if atom.kind == "value":
            source = entry_source(atom.args[0])
            value = fixed.get(source)
            return 2 if value is None else int(value)
        if atom not in lengths:
            lengths[atom] = size if size is not None else 3 + len(lengths)
        return lengths[atom]

    arrays = []
    for node, one in zip(own, unified.inputs, strict=False):
        value = fixed[node]
        if value is None:
            shape = tuple(max(0, sizes.evaluate(n, length)) for n in one.dims)
            value = _values(rng, node.dtype, shape)
        arrays.append(value)
    return arrays


def _fixed(node: Node, given: Mapping[str, Any]) -> Any:
    """What an input is already: given by the user, or data of the function."""
    if isinstance(node.op, Shared):
        return node.op.storage[0]
    if isinstance(node.op, Data):
        return node.op.value
    if node.name is not None and node.name in given:
        return np.asarray(given[node.name], NUMPY[node.dtype])
    return None


def _values(rng: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    if int(np.prod(shape, dtype=object)) > _LARGEST:
        raise CallError(f"an array of shape {shape} is too large to be made up")
    if is_complex(dtype):
        parts = [_values(rng, real_part(dtype), shape) for _ in range(2)]
        return np.asarray(parts[0] + 1j * parts[1], NUMPY[dtype])
    if is_float(dtype):
        values = rng.uniform(0.3, 0.9, shape)
        if len(shape) > 1 and shape[-1] == shape[-2]:
            values = values + np.swapaxes(values, -1, -2) + shape[-1] * np.eye(shape[-1])
        return np.asarray(values, NUMPY[dtype])
    if dtype == BOOL:
        return np.asarray(rng.integers(0, 2, shape), bool)
    return np.asarray(rng.integers(0, 2, shape) if shape else 2, NUMPY[dtype])
