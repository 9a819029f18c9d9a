"""What is known of a sparse result before its values: places and colours.

Responsible for: the record that `f.sparsity(...)` returns.  Not responsible for: finding it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.sparse.pattern import Ints, Stored


class Sparsity:
    """The places of the stored elements of a sparse result, and how they are computed.

    shape             rows and columns
    indptr, indices   as in `scipy.sparse.csr_array`; read-only
    way               "column", "row", "bidirectional", "star" or "acyclic" for a result by colours;
                      "terms" for one whose elements are computed one by one
    column_colours    int64, a colour 0, 1, ... for each column, -1 for a column that is in no pass;
    row_colours       likewise for rows; None where there are none
    by_row            bool for each element: whether it is read from the sum of rows, else columns

    A notebook shows it as a picture (`cgrad.spy`).
    """

    __slots__ = ("by_row", "column_colours", "indices", "indptr", "row_colours", "shape", "way")

    def __init__(self, layout: Stored) -> None:
        self.shape = layout.shape
        self.indptr, self.indices = layout.indptr, layout.indices
        self.way: str = getattr(layout, "way", "terms")
        self.column_colours: Ints | None = _of(getattr(layout, "columns", None))
        self.row_colours: Ints | None = _of(getattr(layout, "rows", None))
        by_row = getattr(layout, "by_row", None)
        self.by_row = np.zeros(len(self.indices), bool) if by_row is None else by_row

    @property
    def nnz(self) -> int:
        """The number of stored elements."""
        return len(self.indices)

    @property
    def colours(self) -> int:
        """How many colours there are: of columns and of rows together; 0 for "terms"."""
        found = (self.column_colours, self.row_colours)
        return sum(int(c.max(initial=-1)) + 1 for c in found if c is not None)

    def __repr__(self) -> str:
        m, n = self.shape
        how = "" if self.way == "terms" else f", {self.colours} colours"
        return f"<sparsity of {m} x {n}, {self.nnz} elements, {self.way}{how}>"


def _of(colours: Any) -> Ints | None:
    return None if colours is None or not colours.count else colours.of
