"""Colours of the vertices of a matrix, and whether they may be.

Responsible for: what a colouring is.  Not responsible for: finding one.
"""

from __future__ import annotations

import numpy as np

from cgrad.colouring.library import Ints, call, empty
from cgrad.colouring.places import Places


class Colours:
    """A colour `of` each vertex, 0 .. count - 1; -1 for those that need none."""

    __slots__ = ("count", "of")

    def __init__(self, of: Ints, count: int) -> None:
        self.of = of
        self.count = count


def better(a: Colours, b: Colours | None) -> Colours:
    """That of fewer colours; of equal ones the second, so that repetitions move on."""
    return a if b is None or a.count < b.count else b


def is_column_colouring(places: Places, colours: Colours) -> bool:
    """Whether no row has two elements of one colour; colour -1 is in nobody's way."""
    found = call(
        "cg_is_column_colouring", places.shape[0], places.indptr, places.indices,
        np.ascontiguousarray(colours.of), colours.count, empty(colours.count),
    )  # fmt: skip
    return bool(found)
