"""Colourings of regular grids: the colour of the element with index (i, j, ...) is

    (a i + b j + ...) mod p

For stencils the best of these is often perfect: every colour occurs once in each neighbourhood,
as in (i + 2 j) mod 5 for a point and its four neighbours.

Responsible for: trying them.  Not responsible for: other colourings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from cgrad.colouring.colours import Colours, is_column_colouring
from cgrad.colouring.places import Places

# so many candidates are tried, on so many rows first
MOST_TRIED = 2000
SAMPLE = 64


def lattice_colouring(
    places: Places,
    shape: Sequence[int],
    low: int,
    below: int,
    valid: Callable[[Colours], bool] | None = None,
) -> Colours | None:
    """The first that is a colouring of the columns, of low <= p < below colours, if any.

    valid   what it has to be instead
    """
    axes = [k for k, n in enumerate(shape) if n > 1]
    if math.prod(shape) != places.shape[1] or not axes:
        return None
    index = np.unravel_index(np.arange(places.shape[1]), tuple(shape))
    grid = np.array([index[k] for k in axes])
    fullest = np.argsort(-places.counts, kind="stable")[:SAMPLE]
    rows = [grid[:, places.indices[places.indptr[r] : places.indptr[r + 1]]] for r in fullest]
    tried = 0
    for p in range(max(low, 1), below):
        for slopes in itertools.product(range(1, max(p, 2)), repeat=len(axes) - 1):
            tried += 1
            if tried > MOST_TRIED:
                return None
            factors = np.array([*slopes, 1])
            if valid is None and any(
                len(set((factors @ row % p).tolist())) < row.shape[1] for row in rows
            ):
                continue
            found = Colours(factors @ grid % p, p)
            if is_column_colouring(places, found) if valid is None else valid(found):
                return found
    return None
