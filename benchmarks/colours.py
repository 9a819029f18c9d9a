"""`python -m benchmarks.colours`: how many colours patterns take, beside the optimum and CasADi's.

BENCH_PEER_PYTHON names a Python that has CasADi; without it its columns are left out.  A row is a
pattern: colours of columns, of rows and columns together, and, of symmetric patterns, star and
acyclic colours.  The optimum is in brackets where it is known: that of columns is the number of
elements of the fullest row where that is reached, others are from the literature on grids.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import numpy as np
import scipy.sparse as sp

from cgrad.colouring.bicolouring import bicolouring
from cgrad.colouring.columns import colour_columns
from cgrad.colouring.places import Places
from cgrad.colouring.symmetric import colour_acyclic, colour_star

_PEER = """
import json, sys
import casadi as ca
result = []
for m, n, colind, row, symmetric in json.load(sys.stdin):
    s = ca.Sparsity(m, n, colind, row)
    star = min(s.star_coloring(0).size2(), s.star_coloring(1).size2(),
               s.star_coloring2(0).size2(), s.star_coloring2(1).size2()) if symmetric else None
    result.append([s.uni_coloring().size2(), s.T.uni_coloring().size2(), star])
print(json.dumps(result))
"""

Row = tuple[str, sp.csr_array, tuple[int, ...] | None, dict[str, int]]


def band(n: int, width: int) -> sp.sparray:
    return sum(sp.eye_array(n, k=k) for k in range(-width, width + 1))


def kron(*parts: sp.sparray) -> sp.sparray:
    total = parts[0]
    for part in parts[1:]:
        total = sp.kron(total, part)
    return total


def grid(*shape: int) -> sp.sparray:
    """A point and its neighbours along each axis."""
    total = 0
    for axis, n in enumerate(shape):
        total += kron(*(band(n, 1) if k == axis else sp.eye_array(m) for k, m in enumerate(shape)))
    return total


def arrow(n: int) -> sp.sparray:
    matrix = sp.lil_array(sp.eye_array(n))
    matrix[0, :] = 1
    matrix[:, 0] = 1
    return matrix


def scattered(m: int, n: int, count: int) -> sp.sparray:
    """Some elements in each row, anywhere."""
    rng = np.random.default_rng(m + n + count)
    rows = np.repeat(np.arange(m), count)
    return sp.csr_array((np.ones(m * count), (rows, rng.integers(0, n, m * count))), shape=(m, n))


def mesh(n: int) -> sp.sparray:
    """The nearest six of random points of a plane."""
    points = np.random.default_rng(n).uniform(size=(n, 2))
    squares = np.sum((points[:, None] - points[None]) ** 2, axis=2)
    near = np.argsort(squares, axis=1)[:, :7]
    return sp.csr_array((np.ones(7 * n), (np.repeat(np.arange(n), 7), near.ravel())), shape=(n, n))


def patterns() -> list[Row]:
    """(name, matrix, shape of the columns, known optima)."""
    both: dict[str, tuple[Any, tuple[int, ...] | None, dict[str, int]]]
    both = {"tri-diagonal, 1000": (band(1000, 1), (1000,), {"columns": 3, "star": 3, "acyclic": 2}),
            "7 diagonals, 1000": (band(1000, 3), (1000,), {"columns": 7, "star": 7}),
            "arrow, 500": (arrow(500), (500,),
                           {"columns": 500, "both": 3, "star": 2, "acyclic": 2}),
            "5-point grid, 40 x 50": (grid(40, 50), (40, 50),
                                      {"columns": 5, "star": 5, "acyclic": 3}),
            "9-point grid, 40 x 50": (kron(band(40, 1), band(50, 1)), (40, 50), {"columns": 9}),
            "7-point grid, 10 x 12 x 14": (grid(10, 12, 14), (10, 12, 14),
                                           {"columns": 7, "acyclic": 4}),
            "blocks of 6, 600": (kron(sp.eye_array(100), np.ones((6, 6))), (100, 6),
                                 {"columns": 6, "star": 6, "acyclic": 6})}  # fmt: skip
    for count in (2, 4, 8):
        matrix = scattered(1000, 1000, count)
        both[f"random, {count} a row, symmetrized"] = (
            matrix + matrix.T + sp.eye_array(1000), None, {},
        )  # fmt: skip
    points = mesh(1000)
    both["6 nearest of 1000 points"] = (points + points.T, None, {})
    rows: list[Row] = [(name, sp.csr_array(m), *rest) for name, (m, *rest) in both.items()]
    rows += [
        (f"random, {m} x {n}, {count} a row", sp.csr_array(scattered(m, n, count)), None, {})
        for m, n, count in ((1000, 1000, 4), (2000, 500, 5), (500, 2000, 8))
    ]
    return rows


def peers(rows: list[Row]) -> list[list[int | None]] | None:
    """CasADi's colours of columns, rows, and star colours; None where there is no CasADi."""
    python = os.environ.get("BENCH_PEER_PYTHON")
    if not python:
        return None
    given = []
    for _, matrix, _, _ in rows:
        csc = sp.csc_array(matrix)
        csc.sort_indices()
        ends = [csc.indptr.tolist(), csc.indices.tolist()]
        given.append([*map(int, csc.shape), *ends, _is_symmetric(matrix)])
    done = subprocess.run(
        [python, "-c", _PEER], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    found: list[list[int | None]] = json.loads(done.stdout)
    return found


def _is_symmetric(matrix: sp.csr_array) -> bool:
    return bool(matrix.shape[0] == matrix.shape[1] and abs(matrix - matrix.T).nnz == 0)


def main() -> None:
    rows = patterns()
    others = peers(rows)
    print("| pattern | columns | CasADi | both | star | CasADi | acyclic |")
    print("|---|---|---|---|---|---|---|")
    for k, (name, matrix, shape, known) in enumerate(rows):
        matrix.data[:] = 1
        matrix.sum_duplicates()
        places = Places(matrix.shape, matrix.indptr, matrix.indices)
        square = shape if matrix.shape[0] == matrix.shape[1] else None
        symmetric = _is_symmetric(matrix)
        low = int(places.counts.max())
        found: dict[str, int | None] = {
            "columns": colour_columns(places, shape).count,
            "both": bicolouring(places, square, shape).count,
            "star": colour_star(places, shape).count if symmetric else None,
            "acyclic": colour_acyclic(places, shape).count if symmetric else None,
        }
        known = {"columns": low, **known} if found["columns"] == low else known
        other = others[k] if others else [None, None, None]
        cells = [
            _cell(found["columns"], known.get("columns")), _cell(other[0]),
            _cell(found["both"], known.get("both")), _cell(found["star"], known.get("star")),
            _cell(other[2]), _cell(found["acyclic"], known.get("acyclic")),
        ]  # fmt: skip
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _cell(count: int | None, known: int | None = None) -> str:
    return "" if count is None else str(count) if known is None else f"{count} ({known})"


if __name__ == "__main__":
    main()
