"""A sparse matrix without its values.

Responsible for: the places of elements, by rows and by columns.  Not responsible for: colours.
"""

from __future__ import annotations

import functools

import numpy as np

from cgrad.colouring.library import Bools, Ints, call, empty


class Places:
    """Where the elements of a matrix are, in compressed rows with sorted columns, none twice."""

    def __init__(self, shape: tuple[int, int], indptr: Ints, indices: Ints) -> None:
        self.shape = shape
        self.indptr = np.ascontiguousarray(indptr, np.int64)
        self.indices = np.ascontiguousarray(indices, np.int64)

    @classmethod
    def of_pairs(cls, shape: tuple[int, int], rows: Ints, cols: Ints) -> Places:
        """Of pairs of a row and a column, in any order and any number of times."""
        width = max(shape[1], 1)
        keys = np.unique(rows.astype(np.int64) * width + cols)
        found, columns = np.divmod(keys, width)
        counts = np.bincount(found, minlength=shape[0])
        return cls(shape, np.concatenate([[0], np.cumsum(counts)]), columns)

    @property
    def nnz(self) -> int:
        """The number of elements."""
        return len(self.indices)

    @functools.cached_property
    def counts(self) -> Ints:
        """The number of elements of each row."""
        return np.diff(self.indptr)

    @functools.cached_property
    def rows(self) -> Ints:
        """The row of each element."""
        return np.repeat(np.arange(self.shape[0]), self.counts)

    @functools.cached_property
    def _by_columns(self) -> tuple[Places, Ints]:
        m, n = self.shape
        ptr, idx, place = empty(n + 1), empty(self.nnz), empty(self.nnz)
        call("cg_transpose", m, n, self.indptr, self.indices, ptr, idx, place)
        return Places((n, m), ptr, idx), place

    @property
    def transposed(self) -> Places:
        """The places of the transposed matrix."""
        return self._by_columns[0]

    @property
    def by_columns(self) -> Ints:
        """For each element in the order of columns its number in the order of rows."""
        return self._by_columns[1]

    def of_rows(self, kept: Bools) -> Places:
        """The same without the elements of the rows that are not kept; no row is taken out."""
        mask = kept[self.rows]
        counts = np.where(kept, self.counts, 0)
        return Places(self.shape, np.concatenate([[0], np.cumsum(counts)]), self.indices[mask])

    @property
    def work(self) -> int:
        """How many pairs of elements of one row there are: the steps of a greedy colouring."""
        return int(np.sum(self.counts**2))
