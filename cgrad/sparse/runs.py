"""Elements of a matrix in the order of compressed rows, written by the kernel itself.

Pieces of a matrix whose sizes are symbols become *runs*: one element in each of some consecutive
rows, or one row of consecutive columns.  Windows of one diagonal become one run.  Where the order
of the runs within every row follows from the sizes, so does the place of each element among the
stored ones: it is `sum of elements in rows before + elements to the left`.  For bands these are
affine functions of the row once the first and last rows are apart:

    first rows    0 .. top       some bands begin later
    body          top .. bottom  every band has an element, and no zero is added
    last rows     bottom .. n

Responsible for: that order.  Not responsible for: matrices whose order is known at a call only;
`compressed` answers None for them and the elements are sorted then (`cgrad.sparse.pattern`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from cgrad.core import sizes
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import Broadcast, broadcast_axes, reshape_to
from cgrad.ops.constants import constant
from cgrad.ops.lines import placed
from cgrad.ops.overlay import Interleave
from cgrad.ops.scalar import Cast, Elementwise
from cgrad.ops.windows import run as window
from cgrad.sparse.pieces import Affine, Piece

# what a size that is known only at the call counts for, where nothing but speed depends on it
TYPICAL = 256
# windows of so few elements, made by so few operations, are computed apart
SHORT, FEW_NODES = 4, 64


class Member(NamedTuple):
    """Values in rows first, first + 1, ..."""

    value: Node
    first: SizeLike

    @property
    def end(self) -> SizeLike:
        return self.first + self.value.dims[0]


class Run:
    """One element in each of the rows first .. first + count, in column offset + slope * row.

    With a `width`, one row of so many elements from column `offset` on.
    """

    def __init__(
        self,
        members: Sequence[Member],
        slope: int,
        offset: SizeLike,
        first: SizeLike,
        count: SizeLike,
        width: SizeLike | None = None,
    ) -> None:
        self.members = list(members)
        self.slope = slope
        self.offset = offset
        self.first = first
        self.count = count
        self.width: SizeLike = 1 if width is None else width
        self.wide = width is not None

    @property
    def end(self) -> SizeLike:
        return self.first + self.count

    def piece(self) -> Piece:
        """Where its elements lie."""
        if self.wide:
            return Piece(None, (self.width,), Affine(self.first, (0,)), Affine(self.offset, (1,)))
        col = Affine(self.offset + self.slope * self.first, (self.slope,))
        return Piece(None, (self.count,), Affine(self.first, (1,)), col)

    def values(self, first: SizeLike, count: SizeLike, steady: Sequence[Member] = ()) -> Node:
        """The elements in some rows.

        Where there are `steady` members, these have an element in each of the rows, and no other
        member has one there.
        """
        if self.wide:
            return self.members[0].value
        if len(self.members) == 1:
            steady = self.members
        if steady:
            return _total(_part(m.value, first - m.first, count) for m in steady)
        parts = []
        for m in self.members:
            low, high = upper_of(first, m.first), lower_of(first + count, m.end)
            length = upper_of(0, high - low)
            if length != 0:
                part = _part(m.value, low - m.first, length)
                parts.append(placed(part, 0, low - first, count))
        zero = constant(np.zeros((), self.members[0].value.dtype))
        return _total(parts) if parts else broadcast_axes(zero, (count,), ())


def _part(value: Node, first: SizeLike, count: SizeLike) -> Node:
    """A window of a vector; a short one is computed apart, so that nothing is stored for it."""
    nodes = [node for node in toposort([value]) if _elementwise(node)]
    if len(nodes) > FEW_NODES or typical(count) > SHORT or not _elementwise(value):
        return window(value, 0, first, count)
    made: dict[Node, Node] = {}
    for node in nodes:
        if node.dims == value.dims and node.ndim:
            made[node] = Node(node.op, tuple(_cut(made, a, first, count) for a in node.args))
    return made[value]


def _cut(made: dict[Node, Node], arg: Node, first: SizeLike, count: SizeLike) -> Node:
    if arg in made:
        return made[arg]
    if isinstance(arg.op, Broadcast) and not arg.args[0].ndim:
        return broadcast_axes(arg.args[0], (count,), ())
    return window(arg, 0, first, count)


def _elementwise(node: Node) -> bool:
    return isinstance(node.op, (Elementwise, Cast))


def _total(values: Iterable[Node]) -> Node:
    return functools.reduce(functools.partial(build, "add"), values)


# -- what is known of sizes -----------------------------------------------------------------------
def at_most(
    a: SizeLike, b: SizeLike, found: dict[tuple[SizeLike, SizeLike], bool] | None = None
) -> bool:
    """Whether a <= b is known; looks into minima and maxima, at each pair of parts once."""
    found = {} if found is None else found
    if (a, b) not in found:
        found[a, b] = _at_most(a, b, found)
    return found[a, b]


def _at_most(a: SizeLike, b: SizeLike, known: dict[tuple[SizeLike, SizeLike], bool]) -> bool:
    low = sizes.bounds(b - a)[0]
    if low is not None and low >= 0:
        return True
    for size, kinds in ((a, ("max", "min")), (b, ("min", "max"))):
        found = _choice(size)
        if found is None:
            continue
        kind, parts = found
        test = [at_most(p, b, known) if size is a else at_most(a, p, known) for p in parts]
        if all(test) if kind == kinds[0] else any(test):
            return True
    return False


def _choice(size: SizeLike) -> tuple[str, list[SizeLike]] | None:
    """A minimum or maximum plus something, with the something moved inside."""
    if isinstance(size, int):
        return None
    for mono, c in size.terms:
        if len(mono) == 1 and c == 1 and mono[0].kind in ("min", "max"):
            rest = size - sizes.as_size(mono[0])
            return mono[0].kind, [arg + rest for arg in mono[0].args]
    return None


def lower_of(a: SizeLike, b: SizeLike) -> SizeLike:
    return a if at_most(a, b) else b if at_most(b, a) else sizes.minimum(a, b)


def upper_of(a: SizeLike, b: SizeLike) -> SizeLike:
    return b if at_most(a, b) else a if at_most(b, a) else sizes.maximum(a, b)


def typical(size: SizeLike) -> int:
    """A size as a number, where nothing but speed depends on it."""
    return sizes.evaluate(size, lambda atom: TYPICAL)


# -- from pieces to runs --------------------------------------------------------------------------
def compressed(
    found: Sequence[Piece], rows: SizeLike, cols: SizeLike
) -> tuple[Node, list[Piece]] | None:
    """The stored elements in the order of rows and columns, and pieces that say where they lie.

    None where the order is not known before the call.
    """
    if any(piece.mapped for piece in found):
        return None
    alone = _alone(found)
    if alone is not None:
        return alone, list(found)
    runs = _runs(found, rows, cols)
    if runs is None:
        return None
    parts = _parts(runs)
    if not parts:
        return None
    total: SizeLike = 0
    for run in runs:
        total = total + run.width * run.count
    op = Interleave(
        (total,),
        tuple((start,) for _, start, _ in parts),
        tuple((step,) for *_, step in parts),
        tuple((0,) for _ in parts),
    )
    return Node(op, tuple(value for value, *_ in parts)), [run.piece() for run in runs]


def _alone(found: Sequence[Piece]) -> Node | None:
    """The values of one piece that has them in order already."""
    if len(found) != 1:
        return None
    value, dims, row, col = found[0][:4]
    if value is None:
        return None
    # rows rise along the first axes, and columns along the others
    down = [k for k, step in enumerate(row.steps) if step != 0]
    along = [k for k in range(len(dims)) if k not in down]
    if down != list(range(len(down))):
        return None
    for steps, axes in ((row.steps, down), (col.steps, along)):
        passed: SizeLike = 0
        for k in reversed(axes):
            if not at_most(passed + 1, steps[k]):
                return None
            passed = passed + steps[k] * (dims[k] - 1)
    return reshape_to(value, (sizes.product(dims),))


def _runs(found: Sequence[Piece], rows: SizeLike, cols: SizeLike) -> list[Run] | None:
    diagonals: dict[tuple[int, SizeLike], list[Member]] = {}
    single: list[Piece] = []
    result: list[Run] = []
    for piece in found:
        value, dims, row, col = piece[:4]
        assert value is not None
        if value.ndim == 0:
            single.append(piece)
        elif value.ndim != 1:
            return None
        elif row.steps[0] == 1 and isinstance(col.steps[0], int):
            slope = col.steps[0]
            key = (slope, col.start - slope * row.start)
            diagonals.setdefault(key, []).append(Member(value, row.start))
        elif row.steps[0] == 0 and col.steps[0] == 1:
            member = Member(value, row.start)
            result.append(Run([member], 0, col.start, row.start, 1, dims[0]))
        else:
            return None
    for value, _, row, col, *_ in single:
        assert value is not None
        member = Member(broadcast_axes(value, (1,), ()), row.start)
        on = (key for key in diagonals if key[1] + key[0] * row.start == col.start)
        diagonals.setdefault(next(on, (0, col.start)), []).append(member)
    for (slope, offset), members in diagonals.items():
        grouped = _grouped(members)
        if grouped is None:
            return None
        for group in grouped:
            run = _hull(group, slope, offset, rows, cols)
            if run is None:
                return None
            result.append(run)
    return result


def _grouped(members: Sequence[Member]) -> list[list[Member]] | None:
    """Members of one diagonal that overlap or meet; the groups share no row."""
    groups: list[list[Member]] = []
    for member in sorted(members, key=lambda m: typical(m.first)):
        if groups and typical(member.first) <= max(typical(m.end) for m in groups[-1]):
            groups[-1].append(member)
        else:
            groups.append([member])
    for a, b in itertools.combinations(groups, 2):
        if not all(_apart(m.first, m.end, o.first, o.end) for m in a for o in b):
            return None
    return groups


def _apart(first: SizeLike, end: SizeLike, other: SizeLike, other_end: SizeLike) -> bool:
    return at_most(end, other) or at_most(other_end, first)


def _hull(
    group: Sequence[Member], slope: int, offset: SizeLike, rows: SizeLike, cols: SizeLike
) -> Run | None:
    if len(group) == 1:
        return Run(group, slope, offset, group[0].first, group[0].value.dims[0])
    # an empty window may begin anywhere, so the hull is kept inside of the matrix
    low: SizeLike = 0
    high = rows
    if slope == 1:
        low, high = upper_of(0, -offset), lower_of(rows, cols - offset)
    elif slope == -1:
        low, high = upper_of(0, offset - cols + 1), lower_of(rows, offset + 1)
    elif slope != 0:
        return None
    first, end = group[0].first, group[0].end
    for member in group[1:]:
        first, end = lower_of(first, member.first), upper_of(end, member.end)
    first, end = upper_of(low, first), lower_of(high, end)
    return Run(group, slope, offset, first, upper_of(0, end - first))


# -- the places of the elements -------------------------------------------------------------------
def _parts(runs: Sequence[Run]) -> list[tuple[Node, SizeLike, int]] | None:
    """Values with the place of the first and the step from one to the next."""
    before = _order(runs)
    if before is None:
        return None
    top, bottom, inside = _body(runs)
    result = []
    for k, run in enumerate(runs):
        spans: list[tuple[SizeLike, SizeLike, Sequence[Member]]] = [(run.first, run.end, ())]
        if k in inside:
            spans = [
                (run.first, lower_of(run.end, top), ()),
                (top, bottom, inside[k]),
                (bottom, run.end, ()),
            ]
        for first, end, steady in spans:
            count = upper_of(0, end - first)
            if count == 0:
                continue
            place = _place(runs, k, before, first, end, inside if steady else ())
            if place is None:
                return None
            start, step = place
            result.append((run.values(first, count, steady), start, 1 if run.wide else step))
    return sorted(result, key=lambda part: typical(part[1]))


def _order(runs: Sequence[Run]) -> set[tuple[int, int]] | None:
    """Pairs of runs, the first in front of the second in every row that they share.

    None where that is not known for some pair.
    """
    before = set()
    for (a, x), (b, y) in itertools.combinations(enumerate(runs), 2):
        if _apart(x.first, x.end, y.first, y.end):
            continue
        if _in_front(x, y):
            before.add((a, b))
        elif _in_front(y, x):
            before.add((b, a))
        else:
            return None
    return before


def _in_front(a: Run, b: Run) -> bool:
    """Whether columns of a are smaller than those of b in the rows of both."""
    slope = b.slope - a.slope
    # the distance is smallest in the first or in the last of these rows
    rows = (a.first, b.first) if slope >= 0 else (a.end - 1, b.end - 1)
    gap = b.offset - a.offset - a.width
    return any(at_most(0, gap + slope * row) for row in (rows if slope else (0,)))


def _body(runs: Sequence[Run]) -> tuple[SizeLike, SizeLike, dict[int, list[Member]]]:
    """Rows (first, end) in which all long runs have an element, and short ones have none.

    With the long runs, and of each the members that are all there; the others are not.
    """
    most = max((typical(run.count) for run in runs if not run.wide), default=0)

    def is_long(count: SizeLike) -> bool:
        return 2 * typical(count) >= most

    inside: dict[int, list[Member]] = {}
    spans: list[tuple[SizeLike, SizeLike]] = []
    short: list[tuple[SizeLike, SizeLike]] = []
    for k, run in enumerate(runs):
        steady = [m for m in run.members if not run.wide and is_long(m.value.dims[0])]
        if not steady:
            short.append((run.first, run.end))
            continue
        inside[k] = steady
        spans += [(run.first, run.end), *((m.first, m.end) for m in steady)]
        short += [(m.first, m.end) for m in run.members if m not in steady]
    if not inside:
        return 0, 0, inside
    top, bottom = spans[0]
    for first, end in spans[1:]:
        top, bottom = upper_of(top, first), lower_of(bottom, end)
    for first, end in short:
        if at_most(end, top) or at_most(bottom, first):
            continue
        if typical(first) + typical(end) <= typical(top) + typical(bottom):
            top = upper_of(top, end)
        else:
            bottom = lower_of(bottom, first)
    return top, upper_of(top, bottom), inside


def _place(
    runs: Sequence[Run],
    k: int,
    before: set[tuple[int, int]],
    first: SizeLike,
    end: SizeLike,
    there: Iterable[int],
) -> tuple[SizeLike, int] | None:
    """Where the elements of run k in rows first .. end go: (place of the first, step).

    Runs of `there` have an element in each of these rows.
    """
    start: SizeLike = 0
    step = 0
    for h, run in enumerate(runs):
        # how many rows of the run are in front, this row included where it comes first
        low = first + ((h, k) in before)
        high = end - 1 + ((h, k) in before)
        if h in there or h == k or (at_most(run.first, low) and at_most(high, run.end)):
            if run.wide and h != k:
                return None
            if not run.wide:
                start, step = start + low - run.first, step + 1
        elif at_most(run.end, low):
            start = start + run.width * run.count
        elif not at_most(high, run.first):
            return None
    return start, step
