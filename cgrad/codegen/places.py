"""Where the elements of a tensor go, or come from.

Responsible for: the arithmetic of positions.  Not responsible for: choosing a buffer.
"""

from __future__ import annotations

from collections.abc import Callable

from cgrad.core import dtypes, loops
from cgrad.core.loops import Buffer, Expr, Index
from cgrad.core.sizes import SizeLike


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
            zero: float | bool = dtypes.NUMPY[self.buffer.dtype].type(0).item()
            return loops.lit(zero, self.buffer.dtype)
        return loops.read(self.buffer, self.index(index))


# a node has its elements in a place, or a function gives the expression at an index
Source = Place | Callable[[Index], Expr]
