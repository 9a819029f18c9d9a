"""Colourings: valid on random patterns, and the known optimum on those that have a structure."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cgrad.colouring.bicolouring import bicolouring
from cgrad.colouring.colours import is_column_colouring
from cgrad.colouring.columns import ORDERS, colour_columns
from cgrad.colouring.compression import compression
from cgrad.colouring.places import Places
from cgrad.colouring.symmetric import Graph, alone, colour_acyclic, colour_star, substitution


def places(matrix):
    matrix = sp.csr_array(matrix)
    matrix.sum_duplicates()
    return Places(matrix.shape, matrix.indptr, matrix.indices)


def band(n, width):
    return sum(sp.eye_array(n, k=k) for k in range(-width, width + 1))


def grid(*shape):
    """A point and its neighbours along each axis."""
    total = 0
    for axis, n in enumerate(shape):
        parts = [sp.eye_array(k) for k in shape]
        parts[axis] = band(n, 1)
        one = parts[0]
        for part in parts[1:]:
            one = sp.kron(one, part)
        total = total + one
    return total


def arrow(n):
    matrix = sp.lil_array(sp.eye_array(n))
    matrix[0, :] = 1
    matrix[:, 0] = 1
    return matrix


def scattered(m, n, count, seed):
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(m), count)
    return sp.csr_array((np.ones(m * count), (rows, rng.integers(0, n, m * count))), shape=(m, n))


def symmetric(matrix):
    return matrix + matrix.T + sp.eye_array(matrix.shape[0])


def is_star(found, colours):
    """Neighbours differ, and each element or its mirror image is alone; not by the same loops."""
    dense = np.zeros(found.shape, bool)
    dense[found.rows, found.indices] = True
    single = np.zeros(found.shape, bool)
    for i in range(found.shape[0]):
        own = np.flatnonzero(dense[i])
        count = np.bincount(colours.of[own], minlength=colours.count)
        single[i, own] = count[colours.of[own]] == 1
    off = dense & ~np.eye(len(dense), dtype=bool)
    i, j = np.nonzero(off)
    return bool(np.all(colours.of[i] != colours.of[j]) and np.all((single | single.T)[off]))


def is_acyclic(found, colours):
    """No two colours have a cycle in common: as many edges as vertices less trees."""
    i, j = found.rows, found.indices
    off = i < j
    i, j = i[off], j[off]
    if np.any(colours.of[i] == colours.of[j]):
        return False
    low, high = np.sort([colours.of[i], colours.of[j]], axis=0)
    for pair in set(zip(low.tolist(), high.tolist(), strict=True)):
        own = (low == pair[0]) & (high == pair[1])
        graph = sp.csr_array((np.ones(own.sum()), (i[own], j[own])), shape=found.shape)
        trees = sp.csgraph.connected_components(graph, directed=False)[0]
        if own.sum() != found.shape[0] - trees:
            return False
    return True


KNOWN = [
    # matrix, shape of its columns, and colours: columns, star, acyclic
    (band(50, 1), (50,), 3, 3, 2),
    (band(50, 3), (50,), 7, 7, 4),
    (grid(11, 13), (11, 13), 5, 5, 3),
    (sp.kron(band(11, 1), band(13, 1)), (11, 13), 9, 9, 5),
    (grid(6, 7, 8), (6, 7, 8), 7, 7, 4),
    (arrow(30), (30,), 30, 2, 2),
    (sp.kron(sp.eye_array(9), np.ones((4, 4))), (9, 4), 4, 4, 4),
]


@pytest.mark.parametrize(("matrix", "shape", "columns", "star", "acyclic"), KNOWN)
def test_known_numbers_of_colours(matrix, shape, columns, star, acyclic):
    found = places(matrix)
    assert colour_columns(found, shape).count == columns
    assert colour_star(found, shape).count == star
    assert colour_acyclic(found, shape).count == acyclic


def test_a_full_row_and_column_take_three_passes():
    found = bicolouring(places(arrow(100)))
    assert (found.rows.count, found.columns.count) == (1, 2)
    both = sp.lil_array(band(60, 1))
    both[[7, 30], :] = 1
    assert bicolouring(places(both)).count <= 6


@pytest.mark.parametrize("order", [*ORDERS, "best"])
@pytest.mark.parametrize("seed", range(4))
def test_random_patterns(seed, order):
    found = places(scattered(70, 40, 1 + seed, seed))
    for part in (found, found.transposed):
        colours = colour_columns(part, order=order)
        assert is_column_colouring(part, colours)
        assert set(colours.of) == set(range(colours.count))
        assert colours.count >= part.counts.max()
    both = places(symmetric(scattered(50, 50, 1 + seed, seed)))
    star, acyclic = colour_star(both, order=order), colour_acyclic(both, order=order)
    assert is_star(both, star)
    assert is_acyclic(both, acyclic)
    assert acyclic.count <= star.count


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", ["column", "row", "bidirectional", "star", "acyclic"])
def test_elements_are_recovered(way, seed):
    """From the sums of a matrix of random numbers, which is what passes compute."""
    m, n = (40, 40) if way in ("star", "acyclic") else (40, 25)
    matrix = scattered(m, n, 2 + seed, seed)
    matrix[3, :] = 1
    matrix = symmetric(matrix) if m == n else sp.csr_array(matrix)
    rng = np.random.default_rng(seed)
    found = places(matrix)
    dense = np.zeros(found.shape)
    dense[found.rows, found.indices] = rng.uniform(1, 2, found.nnz)
    if m == n:
        dense = dense + dense.T
    lanes = {"columns": 3, "rows": 2}
    made = compression(found, [way], lanes)
    given = made.arguments(lanes)
    sums = []
    for role, passes, full in (
        ("columns", "column_passes", dense),
        ("rows", "row_passes", dense.T),
    ):
        for first in given[passes]:
            seeds = given[role][:, None] == first + np.arange(lanes[role])
            sums.append((full @ seeds).ravel())
    flat = np.concatenate(sums)
    for known, rest in zip(given.get("known", ()), given.get("rest", ()), strict=True):
        flat[rest] -= flat[known]
    np.testing.assert_allclose(flat[given["places"]], dense[found.rows, found.indices], rtol=1e-9)


def test_hubs_get_colours_of_their_own(monkeypatch):
    monkeypatch.setattr("cgrad.colouring.symmetric.MOST_WORK", 300)
    matrix = arrow(60)
    matrix[5, 10:20] = 1
    matrix[10:20, 5] = 1
    found = places(matrix)
    colours = colour_star(found)
    assert is_star(found, colours)
    assert np.count_nonzero(colours.of == colours.of[0]) == 1


def test_no_vertices():
    nothing = Places((0, 0), np.zeros(1), np.zeros(0))
    assert colour_columns(nothing).count == colour_star(nothing).count == 0
    assert colour_acyclic(nothing).count == bicolouring(nothing).count == 0
    assert len(substitution(Graph.of(nothing), colour_acyclic(nothing))) == 0
    assert len(alone(nothing, colour_star(nothing))) == 0
