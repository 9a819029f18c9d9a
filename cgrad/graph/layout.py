"""Places of boxes and the lines between them, in rows (Sugiyama, Tagawa and Toda 1981).

A box is one row below its lowest argument; a box without arguments is one row above the first
that uses it. What is used further down goes there in a lane: a place of its own in every row
between, so that no line runs behind a box. Rows are ordered by the mean place of neighbours, and
places in a row are as near to the neighbours as the order allows (isotonic regression).

Responsible for: numbers. Not responsible for: what the boxes are, and SVG (`graph.drawing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["Layout", "layout"]

_GAP, _LANE, _SWEEPS = 18, 8, 4  # between boxes; the width of a lane; passes over all rows


class Layout:
    """Rows and middles of boxes, and lines from box to box.

    rows     of each box, 0 is the highest
    middles  of each box
    paths    for each arrow the places (row, middle) that its line goes through, both ends too
    width    of the whole
    """

    __slots__ = ("middles", "paths", "rows", "width")

    def __init__(
        self,
        rows: list[int],
        middles: list[int],
        paths: list[list[tuple[int, int]]],
        width: int,
    ) -> None:
        self.rows = rows
        self.middles = middles
        self.paths = paths
        self.width = width


def layout(widths: Sequence[int], arrows: Sequence[tuple[int, int]]) -> Layout:
    """Places for boxes of these widths; arrows go from lower numbers to higher ones."""
    level = _levels(len(widths), arrows)
    wide, row_of = list(widths), list(level)
    last: dict[int, int] = {}  # of each box, the row that its lane ends in
    for a, b in arrows:
        last[a] = max(last.get(a, 0), level[b] - 1)
    lanes: dict[int, list[int]] = {}  # of each box, itself and its places in the rows below
    for a in range(len(widths)):
        lanes[a] = [a]
        for row in range(level[a] + 1, last.get(a, 0) + 1):
            lanes[a].append(len(wide))
            wide.append(_LANE)
            row_of.append(row)
    above: list[list[int]] = [[] for _ in wide]
    below: list[list[int]] = [[] for _ in wide]

    def join(upper: int, lower: int) -> None:
        above[lower].append(upper)
        below[upper].append(lower)

    for lane in lanes.values():
        for upper, lower in pairwise(lane):
            join(upper, lower)
    for a, b in arrows:
        join(lanes[a][level[b] - 1 - level[a]], b)
    rows: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    for k, row in enumerate(row_of):
        rows[row].append(k)
    middle = _middles(rows, wide, above, below)
    least = min((middle[k] - wide[k] / 2 for k in range(len(wide))), default=0.0) - _GAP
    most = max((middle[k] + wide[k] / 2 for k in range(len(wide))), default=0.0) + _GAP
    at = [round(m - least) for m in middle]
    paths = []
    for a, b in arrows:
        lane = lanes[a][: level[b] - level[a]]
        paths.append([(row_of[k], at[k]) for k in [*lane, b]])
    return Layout(level, at[: len(widths)], paths, round(most - least))


def _levels(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    level = [0] * count
    fed = [False] * count
    used: list[int | None] = [None] * count
    for a, b in sorted(arrows, key=lambda arrow: arrow[1]):
        level[b] = max(level[b], level[a] + 1)
        fed[b] = True
    for a, b in arrows:
        first = used[a]
        used[a] = level[b] if first is None else min(first, level[b])
    for k, first in enumerate(used):
        if not fed[k] and first is not None:
            level[k] = first - 1
    return level


def _middles(
    rows: list[list[int]], wide: list[int], above: list[list[int]], below: list[list[int]]
) -> list[float]:
    middle = [0.0] * len(wide)
    for row in rows:
        _spread(row, [0.0] * len(row), wide, middle)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for row in rows if down else reversed(rows):
            wish = {k: _mean([middle[n] for n in near[k]], middle[k]) for k in row}
            row.sort(key=wish.__getitem__)
            _spread(row, [wish[k] for k in row], wide, middle)
    for row in rows:  # the order stays
        both = [_mean([middle[n] for n in above[k] + below[k]], middle[k]) for k in row]
        _spread(row, both, wide, middle)
    return middle


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _spread(row: list[int], wish: list[float], wide: list[int], middle: list[float]) -> None:
    """Set the middles of a row: in its order, apart, the squares of the ways least."""
    offsets, x = [], 0.0
    for k in row:
        offsets.append(x + wide[k] / 2)
        x += wide[k] + _GAP
    blocks: list[tuple[float, int]] = []  # of boxes that touch: the mean shift, how many
    for offset, place in zip(offsets, wish, strict=True):
        shift, count = place - offset, 1
        while blocks and blocks[-1][0] >= shift:
            other, more = blocks.pop()
            shift, count = (shift * count + other * more) / (count + more), count + more
        blocks.append((shift, count))
    shifts = [shift for shift, count in blocks for _ in range(count)]
    for k, offset, shift in zip(row, offsets, shifts, strict=True):
        middle[k] = offset + shift
