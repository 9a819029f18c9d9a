"""Where the elements of a tensor go, or come from.

Responsible for: the arithmetic of positions, strides.  Not responsible for: choosing a buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cgrad.core import dtypes, exprs, sizes
from cgrad.core.exprs import Buffer, Expr, Index
from cgrad.core.sizes import Atom, SizeLike


class Place:
    """Where the elements of a tensor go: a buffer, leading indices and an offset per axis."""

    __slots__ = ("buffer", "offsets", "prefix")

    def __init__(self, buffer: Buffer, prefix: Index = (), offsets: Index | None = None) -> None:
        self.buffer = buffer
        self.prefix = prefix
        self.offsets = offsets

    def index(self, index: Index) -> Index:
        """The position in the buffer of the element at `index`."""
        if self.offsets is not None:
            index = tuple(i + o for i, o in zip(index, self.offsets, strict=True))
        return (*self.prefix, *index)

    def row(self, t: SizeLike) -> Place:
        """The place of row t."""
        first = t if self.offsets is None else self.offsets[0] + t
        rest = None if self.offsets is None else self.offsets[1:]
        return Place(self.buffer, (*self.prefix, first), rest)

    def shifted(self, axis: int, offset: SizeLike, ndim: int) -> Place:
        """The place of what begins at `offset` along `axis`."""
        offsets = list(self.offsets or (0,) * ndim)
        offsets[axis] = offsets[axis] + offset
        return Place(self.buffer, self.prefix, tuple(offsets))

    @property
    def whole(self) -> bool:
        """Whether the place is all of its buffer."""
        return not self.prefix and self.offsets is None

    def read(self, index: Index) -> Expr:
        if 0 in self.buffer.shape:
            # no element is ever read; but the text of a guarded read needs something that exists
            return exprs.lit(dtypes.zero(self.buffer.dtype), self.buffer.dtype)
        return exprs.read(self.buffer, self.index(index))


class Rows:
    """Elements of a buffer: the one at `index` is at `first` + sum of index * stride."""

    __slots__ = ("buffer", "first", "strides")

    def __init__(self, buffer: Buffer, first: Index, strides: Index) -> None:
        self.buffer = buffer
        self.first = first
        self.strides = strides

    def at(self, offsets: Sequence[SizeLike]) -> tuple[Buffer, Index]:
        """The buffer and the index of the element that lies that much further on each axis."""
        ahead: SizeLike = 0
        for offset, stride in zip(offsets, self.strides, strict=True):
            ahead = ahead + offset * stride
        return self.buffer, (*self.first[:-1], self.first[-1] + ahead)

    def same(self, other: Rows) -> bool:
        """Whether both begin at the same element."""
        return self.buffer.base is other.buffer.base and _offset(
            self.buffer, self.first
        ) == _offset(other.buffer, other.first)


def probes(ndim: int) -> Index:
    """An index that belongs to no loop, to ask where elements lie."""
    return tuple(sizes.index(f"?{axis}") for axis in range(ndim))


def rows_of(element: Expr, index: Index) -> Rows | None:
    """The strides of what is read at the probes `index`; None unless it is read from a buffer
    at a position that is linear in them."""
    if not isinstance(element, exprs.Read) or not element.buffer.shape:
        return None
    offset = _offset(element.buffer, element.index)
    names = exprs.index_names(index)
    strides: list[SizeLike] = []
    for probe in index:
        (name,) = exprs.index_names((probe,))
        stride = _stride(offset, name)
        if stride is None or not names.isdisjoint(exprs.index_names((stride,))):
            return None
        strides.append(stride)

    def zero(atom: Atom) -> SizeLike | None:
        return 0 if atom.kind == "index" and atom.args[0] in names else None

    first = tuple(sizes.substitute(i, zero) for i in element.index)
    return Rows(element.buffer, first, tuple(strides))


def _offset(buffer: Buffer, index: Index) -> SizeLike:
    offset: SizeLike = 0
    for i, n in zip(index, buffer.shape, strict=True):
        offset = offset * n + i
    return offset


def _stride(offset: SizeLike, name: str) -> SizeLike | None:
    """The factor of a loop index in a position; None if the position is not linear in it."""
    stride: SizeLike = 0
    for mono, count in () if isinstance(offset, int) else offset.terms:
        rest: SizeLike = count
        found = False
        for atom in mono:
            if name not in exprs.index_names((sizes.as_size(atom),)):
                rest = rest * sizes.as_size(atom)
            elif found or atom.kind != "index":
                return None
            else:
                found = True
        if found:
            stride = stride + rest
    return stride


# a node has its elements in a place, or a function gives the expression at an index
Source = Place | Callable[[Index], Expr]
