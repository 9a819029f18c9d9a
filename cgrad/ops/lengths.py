"""What must hold of the lengths that an op is given, as equalities of sizes.

Responsible for: lengths below 0, and ends of ranges too far apart to count what is between.
Not responsible for: making checks of them (`codegen.lower.checks_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cgrad.core import sizes
from cgrad.core.node import Shape
from cgrad.core.sizes import SizeLike

# the difference of two numbers within it, and a step more, have 64 bits
FARTHEST = 2**61


def not_negative(shape: Shape) -> Iterator[tuple[SizeLike, SizeLike, int]]:
    """The equalities n = max(0, n) of those sizes that could be below 0: `zeros(k)`."""
    for axis, n in enumerate(shape):
        low, _ = sizes.bounds(n)
        if low is None or low < 0:
            yield n, sizes.maximum(0, n), axis


def not_far(ends: Iterable[SizeLike], axis: int) -> Iterator[tuple[SizeLike, SizeLike, int]]:
    """The equalities that keep sizes which are values within `FARTHEST` of 0."""
    for end in ends:
        yield end, sizes.minimum(sizes.maximum(end, -FARTHEST), FARTHEST), axis
