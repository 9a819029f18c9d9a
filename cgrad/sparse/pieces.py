"""Terms of a Jacobian as pieces of a matrix: rows and columns of any rank as one axis each.

The element with index k of a piece lies in row `row.start + sum of row.steps * k`, and likewise
for its column; starts and steps are sizes.

Responsible for: from terms to pieces, and pieces of the lower triangle.  Not responsible for: the
order in which elements are stored (`cgrad.sparse.runs`, `cgrad.sparse.pattern`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cgrad.core import sizes
from cgrad.core.node import Node, Shape
from cgrad.core.sizes import SizeLike
from cgrad.ops.constants import size_node
from cgrad.ops.terms import Line, Term
from cgrad.ops.windows import run


class Affine(NamedTuple):
    """Positions start + steps[0] * k[0] + steps[1] * k[1] + ..."""

    start: SizeLike
    steps: tuple[SizeLike, ...]


class Piece(NamedTuple):
    """Values, or how many there are along each axis, and where they lie in a matrix.

    row_map, col_map   vectors of integers: what is given as row or column is a place in them, and
                       the row or column is what stands there
    """

    value: Node | None
    dims: Shape
    row: Affine
    col: Affine
    row_map: Node | None = None
    col_map: Node | None = None

    @property
    def mapped(self) -> bool:
        """Whether its place depends on values of the graph."""
        return self.row_map is not None or self.col_map is not None


def pieces(terms: Iterable[Term], rows: Shape) -> list[Piece]:
    """The pieces of a Jacobian whose rows have the shape `rows`, each along rising rows."""
    return [
        _rising(Piece(
            term.value,
            term.value.dims,
            _raveled(term.rows, rows, term.value.ndim),
            _raveled(term.cols, term.wrt, term.value.ndim),
        ))
        for term in terms
    ]  # fmt: skip


def _raveled(lines: Sequence[Line], shape: Shape, ndim: int) -> Affine:
    """The lines of axes of `shape` as positions in row-major order."""
    start: SizeLike = 0
    steps: list[SizeLike] = [0] * ndim
    for axis, line in enumerate(lines):
        stride = sizes.product(shape[axis + 1 :])
        start = start + stride * line.start
        if line.axis is not None:
            steps[line.axis] = steps[line.axis] + stride * line.step
    return Affine(start, tuple(steps))


def _rising(piece: Piece) -> Piece:
    """The piece with each axis reversed along which rows fall, or columns where rows stay."""
    value, dims, row, col = piece[:4]
    assert value is not None
    for axis, n in enumerate(dims):
        step = row.steps[axis] if row.steps[axis] != 0 else col.steps[axis]
        high = sizes.bounds(step)[1]
        if high is None or high >= 0:
            continue
        value = run(value, axis, n - 1, n, -1)
        row, col = (
            Affine(
                line.start + line.steps[axis] * (n - 1),
                tuple(-s if k == axis else s for k, s in enumerate(line.steps)),
            )
            for line in (row, col)
        )
    return Piece(value, dims, row, col)


def lower_pieces(found: Iterable[Piece]) -> tuple[list[Piece], bool]:
    """The pieces without those above the diagonal; whether what is left is all below or on it."""
    kept = []
    clean = True
    for piece in found:
        if piece.mapped:
            kept.append(piece)
            clean = False
            continue
        above = [_sign(piece, 1), _sign(piece, -1)]
        if above[0]:
            continue
        kept.append(piece)
        clean = clean and above[1]
    return kept, clean


def _sign(piece: Piece, sign: int) -> bool:
    """Whether columns are known to be behind rows (1), or not behind them (-1), everywhere."""
    gap = sign * (piece.col.start - piece.row.start)
    low = sizes.bounds(gap)[0]
    if low is None or low < (1 if sign > 0 else 0):
        return False
    for a, b in zip(piece.col.steps, piece.row.steps, strict=True):
        slope = sizes.bounds(sign * (a - b))[0]
        if slope is None or slope < 0:
            return False
    return True


def atoms_of(found: Iterable[SizeLike]) -> list[sizes.Atom]:
    """The atoms that sizes are made of, each once; those inside other atoms only where basic."""
    basic = (
        atom for size in found for atom in sizes.atoms(size) if atom.kind not in sizes.COMPOUND
    )
    return list(dict.fromkeys(basic))


def atom_node(atom: sizes.Atom) -> Node:
    """The value of an atom as an int64 scalar of the graph."""
    return size_node(sizes.as_size(atom))
