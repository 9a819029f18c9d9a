"""Where the stored elements of a sparse matrix lie, once its sizes are numbers.

Responsible for: rows, columns and order of the elements, kept for the sizes of the last calls.
Not responsible for: which elements there are (`cgrad.sparse.pieces`), or their values.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.core.sizes import Atom, SizeLike
from cgrad.sparse.pieces import Piece

Ints = np.ndarray[Any, np.dtype[np.int64]]
# a size without nodes: a number, or (kind, two of them), or a list of (factor, the parts of it)
Plain = Any

# how many layouts a pattern keeps
KEPT = 8
LARGEST_INT32 = 2**31 - 1


def plain(size: SizeLike, place: Mapping[Atom, int]) -> Plain:
    """A size with its basic atoms as places of a list of numbers; it can be pickled."""
    if isinstance(size, int):
        return size
    return [(c, [_plain_atom(atom, place) for atom in mono]) for mono, c in size.terms]


def _plain_atom(atom: Atom, place: Mapping[Atom, int]) -> Plain:
    if atom.kind in sizes.COMPOUND:
        return (atom.kind, *(plain(arg, place) for arg in atom.args))
    return place[atom]


def number(size: Plain, values: Sequence[int]) -> int:
    """The number that a plain size stands for."""
    if isinstance(size, int):
        return size
    total = 0
    for c, atoms in size:
        for atom in atoms:
            c *= values[atom] if isinstance(atom, int) else _compound(atom, values)
        total += c
    return total


def _compound(atom: Plain, values: Sequence[int]) -> int:
    kind, a, b = atom
    return sizes.combine(kind, number(a, values), number(b, values))


class Stored:
    """The places of the elements of a matrix of one size, shared by all results of this size.

    indptr, indices  as in `scipy.sparse.csr_array`; read-only
    """

    def __init__(self, shape: tuple[int, int], indptr: Ints, columns: Ints) -> None:
        self.shape = shape
        small = max(len(columns), *shape) <= LARGEST_INT32
        index = np.int32 if small else np.int64
        self.indptr = indptr.astype(index)
        self.indices = columns.astype(index)
        self.indptr.flags.writeable = self.indices.flags.writeable = False
        self._fields: dict[str, Any] | None = None

    def matrix(self, data: Any) -> Any:
        """A `scipy.sparse.csr_array`, or (data, indices, indptr) where there is no SciPy."""
        if self._fields is None:
            self._fields = self._like(data)
        if not self._fields:
            return data, self.indices, self.indptr
        # the checks of the constructor take longer than the elements of a small matrix
        result = object.__new__(_csr)
        fields = result.__dict__
        fields.update(self._fields)
        fields["data"] = data
        return result

    def _like(self, data: Any) -> dict[str, Any]:
        """The attributes of a matrix of this layout."""
        if scipy_csr() is None:
            return {}
        made = _csr((data, self.indices, self.indptr), shape=self.shape)
        made.indices, made.indptr = self.indices, self.indptr
        made.has_sorted_indices = made.has_canonical_format = True
        return dict(made.__dict__)


class Layout(Stored):
    """... and in which order a kernel computes them.

    take             which of the computed values come in that order, None where all do
    starts           where those begin that are added up to one element, None where none are
    """

    def __init__(
        self, shape: tuple[int, int], rows: Ints, cols: Ints, ordered: bool, lower: bool
    ) -> None:
        # pairs of a row and a column as one number, which fits for less than 3e9 rows and columns
        keys = rows * max(shape[1], 1) + cols
        take: Ints | None = None
        if lower:
            take = np.flatnonzero(cols <= rows)
            keys = keys[take]
        if np.any(keys[1:] < keys[:-1]):
            order = np.argsort(keys, kind="stable")
            keys = keys[order]
            take = order if take is None else take[order]
        first = np.ones(len(keys), bool)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        self.starts = None if first.all() else np.flatnonzero(first)
        # elements that the kernel stores in order need no other one
        self.take = None if ordered else take
        keys = keys if self.starts is None else keys[self.starts]
        found, columns = np.divmod(keys, max(shape[1], 1))
        counts = np.bincount(found, minlength=shape[0])
        super().__init__(shape, np.concatenate([[0], np.cumsum(counts)]), columns)
        self._in_order = self.take is None and self.starts is None

    def data(self, values: Any, out: Any = None) -> Any:
        """The stored elements, from what the kernel computes."""
        if self.take is not None:
            values = np.take(values, self.take, out=out if self.starts is None else None)
        if self.starts is not None:
            values = np.add.reduceat(values, self.starts, out=out)
        return values

    def of(self, values: Any) -> Any:
        """The matrix of what the kernel computes."""
        return self.matrix(values if self._in_order else self.data(values))


_csr: Any = None


def scipy_csr() -> Any:
    """The class `scipy.sparse.csr_array`, None where SciPy is not installed."""
    global _csr
    if _csr is None:
        try:
            _csr = importlib.import_module("scipy.sparse").csr_array
        except ImportError:
            return None
    return _csr


class Pattern:
    """The shape and the places of the elements of a matrix, over the values of some atoms.

    Pieces may be mapped: then the vectors of their maps belong to what the places depend on.

    ordered  whether the kernel stores elements in the order of compressed rows
    lower    whether elements above the diagonal are left out of what the kernel computes
    """

    __slots__ = ("_layouts", "lower", "maps", "ordered", "parts", "shape")

    def __init__(
        self,
        shape: Sequence[SizeLike],
        pieces: Iterable[Piece],
        place: Mapping[Atom, int],
        ordered: bool,
        lower: bool,
        maps: Sequence[Node] = (),
    ) -> None:
        pieces = list(pieces)
        # for each piece the places of its maps of rows and of columns
        self.maps = [
            tuple(None if m is None else maps.index(m) for m in (piece.row_map, piece.col_map))
            for piece in pieces
        ]
        self.shape = tuple(plain(n, place) for n in shape)
        self.parts = [
            tuple(
                [plain(n, place) for n in group]
                for group in (
                    piece.dims, [piece.row.start, piece.col.start],
                    piece.row.steps, piece.col.steps,
                )
            )
            for piece in pieces
        ]  # fmt: skip
        self.ordered = ordered
        self.lower = lower
        self._layouts: dict[bytes, Layout] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.shape, self.parts, self.ordered, self.lower, self.maps)

    def layout(self, sizes: bytes, maps: Sequence[Ints] = ()) -> Layout:
        """The layout where the atoms have the values whose bytes are `sizes`."""
        key = b"".join((sizes, *(m.tobytes() for m in maps))) if maps else sizes
        found = self._layouts.get(key)
        if found is None:
            found = self._made(np.frombuffer(sizes, np.int64).tolist(), maps)
            for old in list(self._layouts)[: max(0, len(self._layouts) - KEPT + 1)]:
                self._layouts.pop(old, None)
            self._layouts[key] = found
        return found

    def _made(self, values: Sequence[int], maps: Sequence[Ints]) -> Layout:
        places: tuple[list[Ints], list[Ints]] = ([np.zeros(0, np.int64)], [np.zeros(0, np.int64)])
        for part, mapped in zip(self.parts, self.maps, strict=True):
            dims, starts, *steps = ([number(n, values) for n in group] for group in part)
            for found, start, along, m in zip(places, starts, steps, mapped, strict=True):
                position = np.full(dims, start, np.int64)
                for axis, (n, step) in enumerate(zip(dims, along, strict=True)):
                    behind = (1,) * (len(dims) - axis - 1)
                    position += (np.arange(n) * step).reshape((n, *behind))
                found.append(position.ravel() if m is None else maps[m][position.ravel()])
        shape = (number(self.shape[0], values), number(self.shape[1], values))
        rows, cols = map(np.concatenate, places)
        return Layout(shape, rows, cols, self.ordered, self.lower)


def _restore(shape: Any, parts: Any, ordered: bool, lower: bool, maps: Any) -> Pattern:
    new = object.__new__(Pattern)
    new.shape, new.parts, new.ordered, new.lower, new.maps = shape, parts, ordered, lower, maps
    new._layouts = {}
    return new
