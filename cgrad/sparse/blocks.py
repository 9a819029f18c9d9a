"""Pieces that lie over one another, or side by side, as one block for each index of the long axes.

The residuals of one observation depend on a few parameters: all pieces of such a Jacobian run along
the same long axes, and along short ones whose lengths and steps are numbers.  Where in the block of
one index each element lies is known then.  So what several pieces have for one element is added up
by the kernel, and a block without holes is stored in the order of the matrix.

Responsible for: pieces of one block.  Not responsible for: elements of different blocks, or the
order of pieces (`cgrad.sparse.runs`, `cgrad.sparse.pattern`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cgrad.core.node import Node, Shape
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import permute_axes
from cgrad.ops.overlay import assembled
from cgrad.ops.terms import Line, Term, whole
from cgrad.ops.windows import Slice
from cgrad.sparse.pieces import Affine, Piece

# so many elements has a block at most: larger ones take less time piece by piece
LARGEST = 64


class _Part(NamedTuple):
    """What a piece has in a block: the long axes of the values come first, then the short ones.

    dims      of the short axes
    row, col  lines along the short axes, inside of the block
    """

    value: Node
    dims: tuple[int, ...]
    row: Line
    col: Line

    def positions(self, line: Line) -> Any:
        """Where the elements of one block lie along a line."""
        found: Any = np.full(self.dims, line.start)
        if line.axis is not None:
            index: Any = np.indices(self.dims)
            found += line.step * index[line.axis]
        return found


def merged(found: Sequence[Piece]) -> list[Piece]:
    """The pieces, those of one block as one where elements meet or all of the block is there."""
    groups: dict[Any, list[tuple[Piece, _Part]]] = {}
    result = []
    for piece in found:
        own = _part(piece)
        if own is None:
            result.append(piece)
        else:
            groups.setdefault(own[0], []).append((piece, own[1]))
    for key, members in groups.items():
        block = _blocks(key, [part for _, part in members]) if len(members) > 1 else None
        result += [piece for piece, _ in members] if block is None else block
    return result


def _constant(size: SizeLike) -> int:
    """The number among the parts of a size."""
    if isinstance(size, int):
        return size
    return sum(c for atoms, c in size.terms if not atoms)


def _part(piece: Piece) -> tuple[Any, _Part] | None:
    """What the pieces of one block have in common, and what this one has in it.

    None where the rows or the columns run along several short axes, or the piece is too large.
    """
    value, dims, row, col = piece[:4]
    assert value is not None
    short = [
        k for k, n in enumerate(dims)
        if isinstance(n, int) and n > 0
        and all(isinstance(line.steps[k], int) for line in (row, col))
    ]  # fmt: skip
    sizes = tuple(int(dims[k]) for k in short)  # type: ignore[arg-type]
    if math.prod(sizes) > LARGEST:
        return None
    long = [k for k in range(len(dims)) if k not in short]
    lines = []
    for line in (row, col):
        axes = [n for n, k in enumerate(short) if line.steps[k] != 0]
        if len(axes) > 1:
            return None
        step = int(line.steps[short[axes[0]]]) if axes else 1  # type: ignore[arg-type]
        lines.append(Line(_constant(line.start), step, axes[0] if axes else None))
    key = (
        tuple(dims[k] for k in long),
        tuple(
            Affine(line.start - _constant(line.start), tuple(line.steps[k] for k in long))
            for line in (row, col)
        ),
        (piece.row_map, piece.col_map),
    )
    return key, _Part(permute_axes(value, (*long, *short)), sizes, *lines)


def _blocks(key: Any, parts: Sequence[_Part]) -> list[Piece] | None:
    """The pieces that take the place of the parts; None where these are as good."""
    dims, (row, col), maps = key
    rows = [part.positions(part.row) for part in parts]
    cols = [part.positions(part.col) for part in parts]
    (top, down, height), (left, along, width) = _frame(rows), _frame(cols)
    if height * width > LARGEST:
        return None
    counts = np.zeros((height, width), int)
    for r, c in zip(rows, cols, strict=True):
        np.add.at(counts, ((r - top) // down, (c - left) // along), 1)
    if counts.max() == 1 and not counts.all():
        return None
    long = [whole(k) for k in range(len(dims))]
    terms = [
        Term(
            part.value,
            [*long, _inside(part.row, top, down, len(dims))],
            [_inside(part.col, left, along, len(dims))],
            (width,),
        )
        for part in parts
    ]
    block = assembled(terms, (*dims, height, width))

    def piece(value: Node, r: int, c: int, steps: Sequence[tuple[int, int]]) -> Piece:
        """Values that begin at row r and column c of the block."""
        down_steps, along_steps = zip(*steps, strict=True)
        return Piece(
            value,
            value.dims,
            Affine(row.start + top + down * r, (*row.steps, *down_steps)),
            Affine(col.start + left + along * c, (*col.steps, *along_steps)),
            *maps,
        )

    if counts.all():
        return [piece(block, 0, 0, [(down, 0), (0, along)])]
    found = []
    for r in range(height):
        filled = np.flatnonzero(counts[r])
        for run in np.split(filled, np.flatnonzero(np.diff(filled) > 1) + 1):
            if len(run):
                c = int(run[0])
                found.append(piece(_window(block, dims, r, c, len(run)), r, c, [(0, along)]))
    return found


def _frame(positions: Sequence[Any]) -> tuple[int, int, int]:
    """(first, step, length) of a line that all these positions are on."""
    every = np.unique(np.concatenate([p.ravel() for p in positions]))
    first = int(every[0])
    step = math.gcd(*(every - first).tolist()) or 1
    return first, step, int(every[-1] - first) // step + 1


def _inside(line: Line, first: int, step: int, axes: int) -> Line:
    """The line along an axis of the block, where `axes` axes of the values come before its own."""
    start = (int(line.start) - first) // step  # type: ignore[arg-type]
    if line.axis is None:
        return Line(start)
    return Line(start, line.step // step, axes + line.axis)


def _window(block: Node, dims: Shape, row: int, col: int, width: int) -> Node:
    """The elements of one row of every block, `width` from column `col` on."""
    op = Slice(
        block.dims,
        (*(0 for _ in dims), row, col),
        (*dims, 1, width),
        (1,) * block.ndim,
        (*(False for _ in dims), True, False),
    )
    return Node(op, (block,))
