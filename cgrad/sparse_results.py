"""Sparse matrices among the results of a function: from what a kernel computes to arrays.

A kernel returns the stored elements of each matrix, and behind all results vectors of rows or
columns that were looked up, and as one more vector the sizes on which places depend.  The bytes of
these name a layout that is made once (`cgrad.sparse.pattern`).

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
    count    of results
    parts    of the sparse ones: (place, pattern, bytes of its sizes, places of its maps)
    sized    whether a vector of sizes stands behind all
    """

    __slots__ = ("count", "parts", "returns", "sized")

    def __init__(
        self,
        returns: str | tuple[str, ...],
        count: int,
        parts: Sequence[tuple[int, Pattern, slice, slice]],
        sized: bool,
    ) -> None:
        self.returns = returns
        self.count = count
        self.parts = tuple(parts)
        self.sized = sized

    def converted(self, found: list[Any]) -> Any:
        """The results of a call."""
        sizes = found[-1].tobytes() if self.sized else b""
        for k, pattern, own, maps in self.parts:
            found[k] = pattern.layout(sizes[own], found[maps]).of(found[k])
        del found[self.count :]
        return self._arranged(found)

    def kept(self, found: list[Any], later: list[tuple[Any, Any, Any]]) -> Any:
        """Results over the memory of the arrays; those that need memory of their own to `later`."""
        sizes = found[-1].tobytes() if self.sized else b""
        for k, pattern, own, maps in self.parts:
            layout = pattern.layout(sizes[own], found[maps])
            data = layout.data(found[k])
            if data is not found[k]:
                later.append((layout, found[k], data))
            found[k] = layout.matrix(data)
        return self._arranged(found[: self.count])

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
        key = b"".join(m.tobytes() for m in found[self._conversion.count :])
        if self.outputs is None:
            self._key = key
            self.outputs = self._conversion.kept(list(found), self._later)
        elif key != self._key:
            raise ShapeError(
                f"{self.function.name}: sizes, or rows and columns that are looked up, of a bound "
                "call with sparse results have changed. Fix: bind again"
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
    parts: list[tuple[int, Pattern, slice, slice]] = []
    maps: list[Node] = []
    for k, out in enumerate(outputs):
        if isinstance(out, Node):
            nodes.append(out)
            continue
        nodes.append(out.values)
        size, place = len(atoms) * INT64_BYTES, len(outputs) + len(maps)
        atoms += out.atoms
        maps += out.maps
        own = slice(size, len(atoms) * INT64_BYTES)
        parts.append((k, out.pattern, own, slice(place, len(outputs) + len(maps))))
    if not parts:
        return nodes, None
    nodes += maps
    if atoms:
        nodes.append(join([broadcast_axes(atom, (1,), ()) for atom in atoms], 0))
    return nodes, Conversion(returns, len(outputs), parts, bool(atoms))
