"""Sparse matrices among the results of a function: from what a kernel computes to arrays.

A kernel returns the stored elements of each matrix, and behind all results vectors of rows or
columns that were looked up, and as one more vector the sizes on which places depend.  The bytes of
these name a layout that is made once (`cgrad.sparse.pattern`).  A coloured matrix has its layout
before the call, because the kernel is given some arrays of it (`cgrad.coloured_results`).

Responsible for: these conversions, for calls and for bound calls.  Not responsible for: layouts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.coloured_results import Coloured, prepared
from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node
from cgrad.errors import CallError, ShapeError
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.constants import SizeNode
from cgrad.ops.windows import join
from cgrad.sparse.coloured import ColouredMatrix
from cgrad.sparse.matrix import SparseMatrix
from cgrad.sparse.pattern import Pattern

INT64_BYTES = NUMPY[dtypes.INT64].itemsize


class Conversion:
    """What is made of the arrays of a kernel.

    returns  as of `Plan`, for what the user sees
    count    of results
    parts    of the sparse ones: (place, pattern, bytes of its sizes, places of its maps)
    sized    whether a vector of sizes stands behind all
    coloured of the coloured ones: (place, `Coloured`)
    steady   whether places depend on the shapes of arguments only
    """

    __slots__ = ("coloured", "count", "parts", "returns", "sized", "steady")

    def __init__(
        self,
        returns: str | tuple[str, ...],
        count: int,
        parts: Sequence[tuple[int, Pattern, slice, slice]],
        sized: bool,
        coloured: Sequence[tuple[int, Coloured]] = (),
        steady: bool = False,
    ) -> None:
        self.returns = returns
        self.count = count
        self.parts = tuple(parts)
        self.sized = sized
        self.coloured = tuple(coloured)
        self.steady = steady

    def extra(self) -> int:
        """How many arguments the kernel is given behind those of the user."""
        return sum(len(part.roles) for _, part in self.coloured)

    def before(self, arrays: Sequence[Any]) -> list[Any]:
        """The layouts of the coloured matrices, for the user's arguments."""
        return [part.layout(arrays) for _, part in self.coloured]

    def idle(self, arrays: Sequence[Any]) -> list[Any]:
        """What the kernel is given behind the user's arguments so that it makes no pass."""
        return [array for _, part in self.coloured for array in part.idle(arrays)]

    def key(self, arrays: Sequence[Any]) -> Any:
        """What these layouts depend on."""
        return tuple(part.key(arrays) for _, part in self.coloured)

    def layouts(self, found: Sequence[Any], before: Sequence[Any]) -> dict[int, Any]:
        """The layout of each sparse result, by its place."""
        sizes = found[-1].tobytes() if self.sized else b""
        layouts = {
            k: pattern.layout(sizes[own], found[maps]) for k, pattern, own, maps in self.parts
        }
        layouts.update((k, layout) for (k, _), layout in zip(self.coloured, before, strict=True))
        return layouts

    def converted(self, found: list[Any], before: Sequence[Any] = ()) -> Any:
        """The results of a call."""
        for k, layout in self.layouts(found, before).items():
            found[k] = layout.of(found[k])
        del found[self.count :]
        return self.arranged(found)

    def kept(
        self, found: list[Any], later: list[tuple[Any, Any, Any]], before: Sequence[Any] = ()
    ) -> Any:
        """Results over the memory of the arrays; those that need memory of their own to `later`."""
        for k, layout in self.layouts(found, before).items():
            data = layout.data(found[k])
            if data is not found[k]:
                later.append((layout, found[k], data))
            found[k] = layout.matrix(data)
        return self.arranged(found[: self.count])

    def arranged(self, found: list[Any]) -> Any:
        """One object for each result, as the user sees them."""
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

    Attributes: `function`; `arguments`, the arrays that each call reads; `outputs`, which is None
    before the first call; `before`, the layouts of coloured results.
    """

    __slots__ = (
        "_conversion", "_in_place", "_inner", "_later", "_places", "_read", "arguments", "before",
        "function", "outputs",
    )  # fmt: skip

    def __init__(self, conversion: Conversion, f: Any, inner: Any) -> None:
        self.function = f
        self.outputs: Any = None
        given = inner.arguments
        self.arguments = given[: len(given) - conversion.extra()]
        self._conversion = conversion
        self._inner = inner
        self.before: Sequence[Any] = ()
        # sizes, rows and columns of the first call, which are those of all others
        self._places: list[Any] = []
        self._read = self._coloured_key()
        # (layout, what the kernel stores, elements in order) where these are two
        self._later: list[tuple[Any, Any, Any]] = []
        # whether a call of the kernel is all there is to do: known after the first one
        self._in_place = False

    def _coloured_key(self) -> Any:
        if not self._conversion.coloured:
            return None
        arrays = [a[0] if isinstance(a, list) else a for a in self.arguments]
        return self._conversion.key(arrays)

    def __call__(self) -> Any:
        if self._in_place:  # an array keeps its shape while somebody else has it
            self._inner()
            return self.outputs
        changed = self._coloured_key() != self._read
        found = self._inner()
        places = found[self._conversion.count :]
        if self.outputs is None and not changed:
            self._places = [array.copy() for array in places]
            self.outputs = self._conversion.kept(list(found), self._later, self.before)
            self._in_place = self._conversion.steady and not self._later
        elif changed or not all(map(np.array_equal, places, self._places)):
            raise ShapeError(
                f"{self.function.name}: sizes, or rows and columns that are looked up, of a bound "
                "call with sparse results have changed. Fix: bind again"
            )
        else:
            for layout, values, data in self._later:
                layout.data(values, data)
        return self.outputs


def expanded(
    outputs: Sequence[Node | SparseMatrix],
    returns: str | tuple[str, ...],
    given: Sequence[Node],
    replaced: Mapping[Node, Node],
) -> tuple[list[Node], list[Node], Conversion | None]:
    """What the kernel computes for the outputs, and what is made of it where some are sparse.

    given     the user's arguments; those that coloured matrices need besides are the second result
    replaced  the givens of the function
    """
    nodes: list[Node] = []
    atoms: list[Node] = []
    parts: list[tuple[int, Pattern, slice, slice]] = []
    maps: list[Node] = []
    more: list[Node] = []
    coloured: list[tuple[int, Coloured]] = []
    for k, out in enumerate(outputs):
        if isinstance(out, Node):
            nodes.append(out)
            continue
        if isinstance(out, ColouredMatrix):
            values, arguments, part = prepared(out, given, replaced)
            nodes.append(values)
            more += arguments
            coloured.append((k, part))
            continue
        nodes.append(out.values)
        size, place = len(atoms) * INT64_BYTES, len(outputs) + len(maps)
        atoms += out.atoms
        maps += out.maps
        own = slice(size, len(atoms) * INT64_BYTES)
        parts.append((k, out.pattern, own, slice(place, len(outputs) + len(maps))))
    if not parts and not coloured:
        return nodes, more, None
    nodes += maps
    if atoms:
        nodes.append(join([broadcast_axes(atom, (1,), ()) for atom in atoms], 0))
    steady = not maps and not coloured and all(_is_length(atom, given, replaced) for atom in atoms)
    return nodes, more, Conversion(returns, len(outputs), parts, bool(atoms), coloured, steady)


def _is_length(atom: Node, given: Sequence[Node], replaced: Mapping[Node, Node]) -> bool:
    """Whether a size is that of an axis of an argument of the user's."""
    if not isinstance(atom.op, SizeNode):
        return False
    found = list(sizes.atoms(atom.op.size))
    return all(
        one.kind == "dim" and one.args[0] in given and one.args[0] not in replaced for one in found
    )
