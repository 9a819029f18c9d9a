"""Colourings of symmetric matrices: an element may be found in place of its mirror image.

    star      neighbours have different colours, and so have some three of any path of four: each
              element is alone in the sum of the columns of its colour, or its mirror image is
    acyclic   neighbours have different colours, and so have some three of any cycle: elements
              follow from one another, from the leaves of a tree to its root.  It needs fewer
              colours; but an error of one element goes into those behind it

A. H. Gebremedhin, A. Tarafdar, F. Manne, A. Pothen, New acyclic and star coloring algorithms with
application to computing Hessians, SIAM J. Sci. Comput. 29 (2007), 1042-1072.

Responsible for: these colourings and how elements are found by them.  Not responsible for: the
loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cgrad.colouring.colours import Colours, better
from cgrad.colouring.lattice import lattice_colouring
from cgrad.colouring.library import Bools, Ints, call, empty
from cgrad.colouring.places import Places

ORDERS = ("natural", "largest_first", "smallest_last")
# vertices with the most neighbours get colours of their own until so many steps are left
MOST_WORK = 1_000_000_000


class Graph(NamedTuple):
    """The elements off the diagonal as a graph; mirror[e] is the place of the mirror image of e."""

    places: Places
    mirror: Ints

    @classmethod
    def of(cls, places: Places) -> Graph:
        off = places.rows != places.indices
        counts = np.bincount(places.rows[off], minlength=places.shape[0])
        indptr = np.concatenate([[0], np.cumsum(counts)])
        left = Places(places.shape, indptr, places.indices[off])
        return cls(left, left.by_columns)


def symmetrized(places: Places) -> Places:
    """The places and their mirror images."""
    other = places.transposed
    if np.array_equal(other.indptr, places.indptr) and np.array_equal(
        other.indices, places.indices
    ):
        return places
    rows = np.concatenate([places.rows, places.indices])
    cols = np.concatenate([places.indices, places.rows])
    return Places.of_pairs(places.shape, rows, cols)


def colour_star(places: Places, shape: Sequence[int] | None = None, order: str = "best") -> Colours:
    """A star colouring of a matrix whose places are symmetric; arguments as of `colour_columns`."""
    low = int(places.counts.max(initial=0))

    def by_distance(found: Colours) -> Colours | None:
        # columns without a common row are a star colouring too
        return None if shape is None else lattice_colouring(places, shape, low, found.count)

    return _best(Graph.of(places), (_star, _star_ahead), order, by_distance)


def colour_acyclic(
    places: Places, shape: Sequence[int] | None = None, order: str = "best"
) -> Colours:
    """An acyclic colouring of a matrix whose places are symmetric; the arguments as above."""
    graph = Graph.of(places)

    def lattice(found: Colours) -> Colours | None:
        if shape is None:
            return None
        return lattice_colouring(places, shape, 2, found.count, lambda c: _is_acyclic(graph, c))

    return _best(graph, (_acyclic,), order, lattice)


def _is_acyclic(graph: Graph, colours: Colours) -> bool:
    places = graph.places
    if np.any(colours.of[places.rows] == colours.of[places.indices]):
        return False
    return 2 * len(_leaves(graph, colours)) == places.nnz


def _best(
    graph: Graph,
    methods: Sequence[Callable[[Graph, Ints], Colours]],
    order: str,
    more: Callable[[Colours], Colours | None],
) -> Colours:
    if order not in (*ORDERS, "best"):
        raise ValueError(f'order is {order!r}, expected "best" or one of {", ".join(ORDERS)}')
    rest, alone = _without_hubs(graph)
    found: Colours | None = None
    for name in ORDERS if order == "best" else (order,):
        for method in methods:
            new = method(rest, order_of(rest.places, name))
            found = new if found is None or new.count < found.count else found
    assert found is not None
    colours = found.of.copy()
    colours[alone] = found.count + np.arange(len(alone))
    found = Colours(colours, found.count + len(alone))
    return better(found, more(found)) if order == "best" else found


def _without_hubs(graph: Graph) -> tuple[Graph, Ints]:
    """The graph without the vertices of so many neighbours that the loops would take too long."""
    counts = graph.places.counts
    by_count = np.argsort(-counts, kind="stable")
    left = graph.places.work - np.cumsum(counts[by_count] ** 2)
    alone = by_count[: int(np.count_nonzero(left + counts[by_count] ** 2 > MOST_WORK))]
    if not len(alone):
        return graph, alone
    kept = np.ones(len(counts), bool)
    kept[alone] = False
    edges = kept[graph.places.rows] & kept[graph.places.indices]
    rows, cols = graph.places.rows[edges], graph.places.indices[edges]
    return Graph.of(Places.of_pairs(graph.places.shape, rows, cols)), alone


def order_of(places: Places, order: str) -> Ints:
    """The vertices in an order by how many neighbours they have."""
    n = places.shape[0]
    if order == "natural":
        return np.arange(n)
    if order == "largest_first":
        return np.argsort(-places.counts, kind="stable")
    found = empty(n)
    rows = (places.indptr, places.indices)
    call(
        "cg_smallest_last", n, 1, *rows, *rows, places.counts.copy(), found,
        *(empty(n) for _ in range(4)),
    )  # fmt: skip
    return found


def _star_ahead(graph: Graph, order: Ints) -> Colours:
    return _star(graph, order, ahead=True)


def _star(graph: Graph, order: Ints, ahead: bool = False) -> Colours:
    places = graph.places
    n = places.shape[0]
    colours = np.full(n, -1)
    count = call(
        "cg_colour_star", n, int(ahead), places.indptr, places.indices, graph.mirror, order,
        colours, *(empty(n + 1) for _ in range(4)), *(empty(places.nnz) for _ in range(2)),
    )  # fmt: skip
    return Colours(colours, count)


def _acyclic(graph: Graph, order: Ints) -> Colours:
    places = graph.places
    n = places.shape[0]
    colours = np.full(n, -1)
    count = call(
        "cg_colour_acyclic", n, places.indptr, places.indices, graph.mirror, order, colours,
        *(empty(n + 1) for _ in range(3)), *(empty(places.nnz) for _ in range(4)),
    )  # fmt: skip
    return Colours(colours, count)


def alone(places: Places, colours: Colours) -> Bools:
    """For each element whether it is the only one of its column's colour in its row."""
    found = np.zeros(places.nnz, np.uint8)
    call(
        "cg_alone", places.shape[0], places.indptr, places.indices, colours.of, colours.count,
        found, empty(colours.count),
    )  # fmt: skip
    return found.astype(bool)


def substitution(graph: Graph, colours: Colours) -> Ints:
    """Elements off the diagonal, one of each pair, in the order in which they are found.

    Each is what is left of the sum of its colour in its row; it is then taken out of the sum that
    its mirror image belongs to.
    """
    found = _leaves(graph, colours)
    assert 2 * len(found) == graph.places.nnz, "the colouring is not acyclic"
    return found


def _leaves(graph: Graph, colours: Colours) -> Ints:
    """... as far as there are leaves left."""
    places = graph.places
    found = [empty(places.nnz) for _ in range(5)]
    count = call(
        "cg_substitution", places.shape[0], places.indptr, places.indices, graph.mirror,
        colours.of, colours.count, *found, empty(colours.count),
    )  # fmt: skip
    return found[0][:count]
