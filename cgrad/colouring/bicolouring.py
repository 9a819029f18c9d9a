"""Some rows computed as rows, together, and the rest of a matrix by columns.

A full row needs a colour for every column.  Taken out, with rows as full as it, it is computed in
reverse: rows of one colour have no column in common.  So a matrix of a full row, a full column and
a diagonal takes three colours (Coleman and Verma, The efficient computation of sparse Jacobian
matrices using automatic differentiation, SIAM J. Sci. Comput. 19 (1998), 1210-1233; here the
fullest rows, or the fullest columns, are taken out).

Responsible for: which rows.  Not responsible for: the colourings of the two parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgrad.colouring.colours import Colours
from cgrad.colouring.columns import colour_columns
from cgrad.colouring.library import Bools
from cgrad.colouring.places import Places


class Bicolouring:
    """Colours of rows and of columns, -1 for those that are in no pass of theirs.

    by_row   for each element, in the order of rows, whether the pass of its row has it alone
    """

    __slots__ = ("by_row", "columns", "rows")

    def __init__(self, rows: Colours, columns: Colours, by_row: Bools) -> None:
        self.rows = rows
        self.columns = columns
        self.by_row = by_row

    @property
    def count(self) -> int:
        """Colours in all."""
        return self.rows.count + self.columns.count


def bicolouring(
    places: Places,
    rows: Sequence[int] | None = None,
    columns: Sequence[int] | None = None,
    order: str = "best",
) -> Bicolouring:
    """Colours of rows for some rows and of columns for the rest, or the same transposed.

    rows, columns   shapes of the tensors whose elements these are; `order` as of `colour_columns`
    """
    a = _rows_out(places, rows, columns, order)
    b = _rows_out(places.transposed, columns, rows, order)
    if a.count <= b.count:
        return a
    by_row = np.empty(places.nnz, bool)
    by_row[places.by_columns] = ~b.by_row
    return Bicolouring(b.columns, b.rows, by_row)


def _rows_out(
    places: Places,
    rows: Sequence[int] | None,
    columns: Sequence[int] | None,
    order: str,
) -> Bicolouring:
    out = _fullest(places)
    own, rest = places.of_rows(out), places.of_rows(~out)
    by_columns = _only(colour_columns(rest, columns, order), rest.transposed.counts > 0)
    by_rows = _only(colour_columns(own.transposed, rows, order), out & (places.counts > 0))
    return Bicolouring(by_rows, by_columns, out[places.rows])


def _only(colours: Colours, needed: Bools) -> Colours:
    """The colouring of those vertices that have an element at all."""
    of = np.where(needed, colours.of, -1)
    return Colours(of, int(of.max(initial=-1)) + 1)


def _fullest(places: Places) -> Bools:
    """Whether a row is taken out: as many as make the fullest row and column left the smallest."""
    m, n = places.shape
    by_count = np.argsort(-places.counts, kind="stable")
    # the fullest column of the rows taken out, as one after the other is
    position = np.empty(m, np.int64)
    position[by_count] = np.arange(m)
    when = position[places.rows[places.by_columns]]
    column = np.repeat(np.arange(n), places.transposed.counts)
    order = np.lexsort((when, column))
    rank = np.arange(len(order)) - np.repeat(places.transposed.indptr[:-1],
                                             places.transposed.counts) + 1  # fmt: skip
    reached = np.zeros(m + 1, np.int64)
    np.maximum.at(reached, when[order] + 1, rank)
    fullest_column = np.maximum.accumulate(reached)
    fullest_row = np.append(places.counts[by_count], 0)
    taken = int(np.argmin(fullest_row + fullest_column))
    out = np.zeros(m, bool)
    out[by_count[:taken]] = True
    return out
