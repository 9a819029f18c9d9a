"""Sparse matrices among the results of a function: from what a kernel computes to arrays.

A kernel returns the stored elements of each matrix, and behind all results, as one vector, the
sizes on which their places depend.  The bytes of that vector name a layout that is made once
(`cgrad.sparse.pattern`).

Responsible for: these conversions, for calls and for bound calls.  Not responsible for: layouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node
from cgrad.errors import CallError, ShapeError
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.windows import join
from cgrad.sparse.matrix import SparseMatrix
from cgrad.sparse.pattern import Pattern

INT64_BYTES = NUMPY[dtypes.INT64].itemsize


class Conversion:
    """What is made of the arrays of a kernel.

    returns  as of `Plan`, for what the user sees
    parts    for each result None, or its pattern with the bytes of the sizes that are its own
    sized    whether a vector of sizes stands behind the results
    """

    __slots__ = ("parts", "returns", "sized")

    def __init__(
        self,
        returns: str | tuple[str, ...],
        parts: Sequence[tuple[Pattern, slice] | None],
        sized: bool,
    ) -> None:
        self.returns = returns
        self.parts = tuple(parts)
        self.sized = sized

    def converted(self, found: list[Any], datas: Sequence[Any] = ()) -> Any:
        """The results of a call; `datas` may hold memory for stored elements."""
        key = found.pop().tobytes() if self.sized else b""
        for k, part in enumerate(self.parts):
            if part is not None:
                layout = part[0].layout(key[part[1]])
                found[k] = layout.matrix(layout.data(found[k]))
        return self._arranged(found)

    def _arranged(self, found: list[Any]) -> Any:
        if self.returns == "single":
            return found[0]
        return found if self.returns == "list" else dict(zip(self.returns, found, strict=True))

    def refuse_memory(self, name: str, out: Any) -> None:
        """CallError where memory is given for results that are sparse."""
        if out is not None:
            raise CallError(
                f"{name}: out= is for dense results only. Fix: leave it out; f.bind(...) has "
                "memory of its own that every call writes to"
            )

    def bound(self, f: Any, inner: Any) -> BoundSparse:
        """A bound call that returns sparse matrices."""
        return BoundSparse(self, f, inner)


class BoundSparse:
    """A bound call of a function with sparse results: each call returns the same objects.

    Attributes: `function`, `arguments`, `outputs`.
    """

    __slots__ = ("_conversion", "_copies", "_inner", "_key", "_sizes", "function", "outputs")

    def __init__(self, conversion: Conversion, f: Any, inner: Any) -> None:
        self.function = f
        self._conversion = conversion
        self._inner = inner
        found = list(inner())
        self._sizes = found.pop() if conversion.sized else np.zeros(0, np.int64)
        self._key = self._sizes.tobytes()
        self._copies: list[Any] = []
        for k, part in enumerate(conversion.parts):
            if part is not None:
                layout = part[0].layout(self._key[part[1]])
                data = layout.data(found[k])
                if data is not found[k]:
                    self._copies.append((layout, found[k], data))
                found[k] = layout.matrix(data)
        self.outputs = conversion._arranged(found)

    @property
    def arguments(self) -> Any:
        """The arrays that each call reads."""
        return self._inner.arguments

    def __call__(self) -> Any:
        self._inner()
        if self._sizes.tobytes() != self._key:
            raise ShapeError(
                f"{self.function.name}: sizes of a bound call with sparse results have changed. "
                "Fix: bind again"
            )
        for layout, values, data in self._copies:
            layout.data(values, data)
        return self.outputs


def expanded(
    outputs: Sequence[Node | SparseMatrix], returns: str | tuple[str, ...]
) -> tuple[list[Node], Conversion | None]:
    """What the kernel computes for the outputs, and what is made of it where some are sparse."""
    nodes: list[Node] = []
    atoms: list[Node] = []
    parts: list[tuple[Pattern, slice] | None] = []
    for out in outputs:
        if isinstance(out, Node):
            nodes.append(out)
            parts.append(None)
            continue
        nodes.append(out.values)
        first = len(atoms) * INT64_BYTES
        atoms += out.atoms
        parts.append((out.pattern, slice(first, len(atoms) * INT64_BYTES)))
    if not any(parts):
        return nodes, None
    if atoms:
        nodes.append(join([broadcast_axes(atom, (1,), ()) for atom in atoms], 0))
    return nodes, Conversion(returns, parts, bool(atoms))
