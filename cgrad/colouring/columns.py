"""Columns that are computed together: no two of one colour have a row in common.

The sum of the columns of one colour then holds each of their elements alone.  A greedy colouring
takes columns in some order and gives each the first colour that it may have (Coleman and Moré,
Estimation of sparse Jacobian matrices and graph coloring problems, SIAM J. Numer. Anal. 20 (1983),
187-209).  No colouring has fewer colours than the fullest row has elements.

Responsible for: orders, and the best colouring of a few.  Not responsible for: the loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from cgrad.colouring.colours import Colours, better
from cgrad.colouring.lattice import lattice_colouring
from cgrad.colouring.library import Ints, call, empty
from cgrad.colouring.places import Places

ORDERS = ("natural", "largest_first", "smallest_last")
# greedy colourings of so many steps are not begun, and others not repeated beyond as many
MOST_WORK = 4_000_000_000
REPEATED_WORK = 100_000_000
ROUNDS = 24


def colour_columns(
    places: Places, shape: Sequence[int] | None = None, order: str = "best"
) -> Colours:
    """Colours of the columns.

    shape   of the tensor whose raveled elements the columns are: regular grids are tried
    order   "natural", "largest_first", "smallest_last", or "best": the best of these and of
            repeated ones
    """
    n = places.shape[1]
    if order not in (*ORDERS, "best"):
        raise ValueError(f'order is {order!r}, expected "best" or one of {", ".join(ORDERS)}')
    if places.work > MOST_WORK:
        # a colour each is not much worse: some row has thousands of elements
        return Colours(np.arange(n), n)
    if order != "best":
        return greedy(places, order_of(places, order))
    low = int(places.counts.max(initial=0))
    found = greedy(places, np.arange(n))
    if found.count > low and shape is not None:
        found = better(found, lattice_colouring(places, shape, low, found.count))
    for more in ORDERS[1:]:
        if found.count > low:
            found = better(found, greedy(places, order_of(places, more)))
    rounds = min(ROUNDS, REPEATED_WORK // max(places.work, 1))
    for again in _repeated(found, rounds):
        if found.count <= low:
            break
        found = better(found, greedy(places, again(found)))
    return found


def _repeated(found: Colours, rounds: int) -> Iterator[Callable[[Colours], Ints]]:
    """Orders in which the vertices of one colour come together: no more colours are needed then.

    J. Culberson, Iterated greedy graph coloring and the difficulty landscape (1992).
    """
    ways = (_last_colour_first, _largest_colour_first, _smallest_colour_first)
    for k in range(rounds):
        yield ways[0 if k % 2 == 0 else 1 + k // 2 % 2]


def _last_colour_first(found: Colours) -> Ints:
    return np.argsort(-found.of, kind="stable")


def _largest_colour_first(found: Colours) -> Ints:
    return _by_size(found, -1)


def _smallest_colour_first(found: Colours) -> Ints:
    return _by_size(found, 1)


def _by_size(found: Colours, sign: int) -> Ints:
    sizes = np.bincount(found.of, minlength=found.count)
    rank = np.argsort(np.argsort(sign * sizes, kind="stable"), kind="stable")
    return np.argsort(rank[found.of], kind="stable")


def greedy(places: Places, order: Ints) -> Colours:
    """Each column, in this order, gets the first colour that it may have."""
    n = places.shape[1]
    by_columns = places.transposed
    colours = np.full(n, -1)
    count = call(
        "cg_colour_columns", n, places.indptr, places.indices, by_columns.indptr,
        by_columns.indices, np.ascontiguousarray(order), colours, empty(n + 1),
    )  # fmt: skip
    return Colours(colours, count)


def order_of(places: Places, order: str) -> Ints:
    """The columns in an order by how many others they share a row with."""
    n = places.shape[1]
    if order == "natural":
        return np.arange(n)
    by_columns = places.transposed
    rows = (places.indptr, places.indices, by_columns.indptr, by_columns.indices)
    degree = empty(n)
    call("cg_column_degrees", n, *rows, degree, empty(n))
    if order == "largest_first":
        return np.argsort(-degree, kind="stable")
    found = empty(n)
    call("cg_smallest_last", n, 2, *rows, degree, found, *(empty(n) for _ in range(4)))
    return found
