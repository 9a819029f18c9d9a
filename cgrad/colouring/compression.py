"""How a sparse matrix is compressed: the colours of its columns and rows, and where elements are.

Responsible for: choosing a way, and the arguments of a kernel that follow from it.  Not responsible
for: the colourings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cgrad.colouring.bicolouring import bicolouring
from cgrad.colouring.colours import Colours
from cgrad.colouring.columns import colour_columns
from cgrad.colouring.library import Bools, Ints
from cgrad.colouring.places import Places
from cgrad.colouring.symmetric import (
    Graph,
    alone,
    colour_acyclic,
    colour_star,
    substitution,
    symmetrized,
)

NOTHING = Colours(np.zeros(0, np.int64), 0)


class Compression:
    """One way to compress a matrix.

    way             "column", "row", "bidirectional", "star" or "acyclic"
    columns, rows   colours, of which that of way "row" or "column" has none
    """

    def __init__(
        self,
        places: Places,
        way: str,
        columns: Colours,
        rows: Colours,
        by_row: Bools | None = None,
    ) -> None:
        self.places = places
        self.way = way
        self.columns = columns
        self.rows = rows
        self._by_row = by_row

    @property
    def colours(self) -> int:
        """How many colours there are in all."""
        return self.columns.count + self.rows.count

    def passes(self, lanes: Mapping[str, int]) -> int:
        """How many passes that takes, of so many lanes."""
        return -(-self.columns.count // lanes["columns"]) - (-self.rows.count // lanes["rows"])

    def arguments(self, lanes: Mapping[str, int], kept: Bools | None = None) -> dict[str, Ints]:
        """What each role of a kernel is given; `kept` says which elements are wanted."""
        m, n = self.places.shape
        row, col = self.places.rows, self.places.indices
        result = {
            "columns": _all(self.columns, n),
            "rows": _all(self.rows, m),
            "column_passes": np.arange(0, self.columns.count, lanes["columns"]),
            "row_passes": np.arange(0, self.rows.count, lanes["rows"]),
        }
        by_column = _at(row, result["columns"][col], m, lanes["columns"])
        if self.way in ("row", "bidirectional"):
            behind = len(result["column_passes"]) * m * lanes["columns"]
            by_row = behind + _at(col, result["rows"][row], n, lanes["rows"])
            places = np.where(self.in_rows(), by_row, by_column)
        elif self.way in ("star", "acyclic"):
            places, known, rest = self._mirrored(by_column)
            result["known"], result["rest"] = known, rest
        else:
            places = by_column
        result["places"] = places if kept is None else places[kept]
        return {role: np.ascontiguousarray(array, np.int64) for role, array in result.items()}

    def in_rows(self) -> Bools:
        """For each element whether it is read from a sum of rows."""
        if self._by_row is not None:
            return self._by_row
        return np.full(self.places.nnz, self.way == "row")

    def _mirrored(self, by_column: Ints) -> tuple[Ints, Ints, Ints]:
        """Places, an element or its mirror image, and what is substituted."""
        mirror = self.places.by_columns
        if self.way == "star":
            single = alone(self.places, self.columns)
            return np.where(single, by_column, by_column[mirror]), _NO_INTS, _NO_INTS
        graph = Graph.of(self.places)
        off = np.flatnonzero(self.places.rows != self.places.indices)
        known = off[substitution(graph, self.columns)]
        places = by_column.copy()
        places[mirror[known]] = by_column[known]
        return places, by_column[known], by_column[mirror[known]]


_NO_INTS = np.zeros(0, np.int64)


def _all(colours: Colours, n: int) -> Ints:
    return colours.of if len(colours.of) == n else np.full(n, -1)


def _at(row: Ints, colour: Ints, rows: int, lanes: int) -> Ints:
    """The place of the sum of a colour in a row among (passes, rows, lanes)."""
    found: Ints = (colour // lanes * rows + row) * lanes + colour % lanes
    return found


def compression(
    places: Places,
    ways: Sequence[str],
    lanes: Mapping[str, int],
    rows: Sequence[int] | None = None,
    columns: Sequence[int] | None = None,
    ordering: str = "best",
) -> Compression:
    """That of the ways with the fewest passes, then colours; the first of equal ones.

    rows, columns   the shapes of the tensors whose elements they are
    """
    best: Compression | None = None
    for way in ways:
        if best is not None and best.colours <= 1:
            break
        found = _compressed(places, way, rows, columns, ordering)
        if best is None or _cost(found, lanes) < _cost(best, lanes):
            best = found
    assert best is not None
    return best


def _cost(found: Compression, lanes: Mapping[str, int]) -> tuple[int, int]:
    return found.passes(lanes), found.colours


def _compressed(
    places: Places,
    way: str,
    rows: Sequence[int] | None,
    columns: Sequence[int] | None,
    ordering: str,
) -> Compression:
    if way == "column":
        return Compression(places, way, colour_columns(places, columns, ordering), NOTHING)
    if way == "row":
        found = colour_columns(places.transposed, rows, ordering)
        return Compression(places, way, NOTHING, found)
    if way == "bidirectional":
        both = bicolouring(places, rows, columns, ordering)
        return Compression(places, way, both.columns, both.rows, both.by_row)
    full = symmetrized(places)
    if way == "star":
        return Compression(full, way, colour_star(full, columns, ordering), NOTHING)
    return Compression(full, way, colour_acyclic(full, columns, ordering), NOTHING)
