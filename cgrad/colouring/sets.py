"""Sets of numbers, one for each element of a tensor: what the element depends on.

Responsible for: choosing, uniting and collecting sets.  Not responsible for: what ops do
(`cgrad.colouring.dependence`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from cgrad.colouring.library import Ints, call, empty
from cgrad.errors import CallError, ShapeError

# more members are refused: their places alone would take tens of gigabytes
MOST_MEMBERS = 2_000_000_000


class Sets(NamedTuple):
    """Set k has the members indices[indptr[k]:indptr[k + 1]], in rising order."""

    indptr: Ints
    indices: Ints

    @property
    def length(self) -> int:
        """The number of sets."""
        return len(self.indptr) - 1


def none_of(n: int) -> Sets:
    """n empty sets."""
    return Sets(np.zeros(n + 1, np.int64), empty(0))


def identity(n: int) -> Sets:
    """Set k has the member k."""
    return Sets(np.arange(n + 1), np.arange(n))


def select(sets: Sets, source: Ints) -> Sets:
    """Set k is set source[k], empty where that is negative."""
    source = np.ascontiguousarray(source.ravel(), np.int64)
    if source.max(initial=-1) >= sets.length:
        _refuse(int(source.max()) + 1, sets.length)
    if len(source) == sets.length and np.array_equal(source, np.arange(len(source))):
        return sets
    counts = np.append(np.diff(sets.indptr), 0)[source]
    total = int(counts.sum())
    require_possible(total)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = empty(total)
    call("cg_select_rows", len(source), source, sets.indptr, sets.indices, indptr, indices)
    return Sets(indptr, indices)


def unite(parts: Sequence[Sets | None]) -> Sets | None:
    """Set k has the members of set k of all parts; None stands for empty ones."""
    total: Sets | None = None
    for part in parts:
        if part is None or part is total:
            continue
        total = part if total is None else _united(total, part)
    return total


def _refuse(found: int, expected: int) -> NoReturn:
    raise ShapeError(
        f"a sparse derivative: tensors of {found} and of {expected} elements, expected as many. "
        "Fix: pass arrays whose sizes fit"
    )


def _united(a: Sets, b: Sets) -> Sets:
    if a.length != b.length:
        _refuse(b.length, a.length)
    if np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices):
        return a
    indptr, indices = empty(a.length + 1), empty(len(a.indices) + len(b.indices))
    found = call("cg_unite_rows", a.length, *a, *b, indptr, indices)
    return Sets(indptr, indices[:found].copy())


def stack(parts: Sequence[Sets]) -> Sets:
    """The sets of one part after those of another."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([[0], *(np.diff(part.indptr) for part in parts)])
    return Sets(np.cumsum(counts), np.concatenate([empty(0), *(part.indices for part in parts)]))


def collect(sets: Sets, to: Ints, count: int) -> Sets:
    """Set j of `count` has the members of all sets k with to[k] = j; negative ones go nowhere."""
    to = np.ascontiguousarray(to.ravel(), np.int64)
    if len(to) != sets.length:
        _refuse(sets.length, len(to))
    own = np.flatnonzero(to >= 0)
    order = own[np.argsort(to[own], kind="stable")]
    groups = np.concatenate([[0], np.cumsum(np.bincount(to[own], minlength=count))])
    n = int(sets.indices.max(initial=-1)) + 1
    indptr, mark = empty(count + 1), empty(n)
    args = (count, n, groups, order, *sets, indptr)
    total = call("cg_collect_rows", *args, None, mark)
    require_possible(total)
    indices = empty(total)
    call("cg_collect_rows", *args, indices, mark)
    # transposed twice, members are in rising order
    ptr, idx, spare = empty(n + 1), empty(total), empty(total)
    call("cg_transpose", count, n, indptr, indices, ptr, idx, spare)
    call("cg_transpose", n, count, ptr, idx, indptr, indices, spare)
    return Sets(indptr, indices)


def require_possible(members: Any) -> None:
    """CallError for more members than `MOST_MEMBERS`."""
    if members > MOST_MEMBERS:
        raise CallError(
            f"a sparse derivative would have {members} elements, expected at most {MOST_MEMBERS}: "
            "it is nearly dense. Fix: leave out sparse=True, or use Rop, Lop or "
            "hessian_vector_product for products with vectors"
        )
