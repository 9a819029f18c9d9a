"""Sparse matrices among the results of a function: from what a kernel computes to arrays.

A kernel returns the stored elements of each matrix, and behind all results, as one vector, the
sizes on which their places depend.  The bytes of that vector name a layout that is made once
(`cgrad.sparse.pattern`).

Responsible for: these conversions, for calls and for bound calls.  Not responsible for: layouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    parts    the places of sparse results, with pattern and the bytes of the sizes that are its own
    sized    whether a vector of sizes stands behind the results
    """

    __slots__ = ("parts", "returns", "sized")

    def __init__(
        self,
        returns: str | tuple[str, ...],
        parts: Sequence[tuple[int, Pattern, slice]],
        sized: bool,
    ) -> None:
        self.returns = returns
        self.parts = tuple(parts)
        self.sized = sized

    def converted(self, found: list[Any]) -> Any:
        """The results of a call."""
        key = found.pop().tobytes() if self.sized else b""
        for k, pattern, own in self.parts:
            found[k] = pattern.layout(key[own]).of(found[k])
        return self._arranged(found)

    def _arranged(self, found: list[Any]) -> Any:
        if self.returns == "single":
            return found[0]
        return found if self.returns == "list" else dict(zip(self.returns, found, strict=True))

    def kept(self, found: list[Any], key: bytes, later: list[tuple[Any, Any, Any]]) -> Any:
        """Results over the memory of the arrays; those that need memory of their own to `later`."""
        if self.sized:
            found.pop()
        for k, pattern, own in self.parts:
            layout = pattern.layout(key[own])
            data = layout.data(found[k])
            if data is not found[k]:
                later.append((layout, found[k], data))
            found[k] = layout.matrix(data)
        return self._arranged(found)

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

    Attributes: `function`, `arguments`; `outputs`, which is None before the first call.
    """

    __slots__ = ("_conversion", "_inner", "_key", "_later", "function", "outputs")

    def __init__(self, conversion: Conversion, f: Any, inner: Any) -> None:
        self.function = f
        self.outputs: Any = None
        self._conversion = conversion
        self._inner = inner
        self._key = b""
        # (layout, what the kernel stores, elements in order) where these are two
        self._later: list[tuple[Any, Any, Any]] = []

    @property
    def arguments(self) -> Any:
        """The arrays that each call reads."""
        return self._inner.arguments

    def __call__(self) -> Any:
        found = self._inner()
        key = found[-1].tobytes() if self._conversion.sized else b""
        if self.outputs is None:
            self._key = key
            self.outputs = self._conversion.kept(list(found), key, self._later)
        elif key != self._key:
            raise ShapeError(
                f"{self.function.name}: sizes of a bound call with sparse results have changed. "
                "Fix: bind again"
            )
        else:
            for layout, values, data in self._later:
                layout.data(values, data)
        return self.outputs


def expanded(
    outputs: Sequence[Node | SparseMatrix], returns: str | tuple[str, ...]
) -> tuple[list[Node], Conversion | None]:
    """What the kernel computes for the outputs, and what is made of it where some are sparse."""
    nodes: list[Node] = []
    atoms: list[Node] = []
    parts: list[tuple[int, Pattern, slice]] = []
    for k, out in enumerate(outputs):
        if isinstance(out, Node):
            nodes.append(out)
            continue
        nodes.append(out.values)
        first = len(atoms) * INT64_BYTES
        atoms += out.atoms
        parts.append((k, out.pattern, slice(first, len(atoms) * INT64_BYTES)))
    if not parts:
        return nodes, None
    if atoms:
        nodes.append(join([broadcast_axes(atom, (1,), ()) for atom in atoms], 0))
    return nodes, Conversion(returns, parts, bool(atoms))
