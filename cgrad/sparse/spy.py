"""Pictures of the places of a sparse matrix, as SVG text.

Responsible for: the text.  Not responsible for: showing it.
"""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np

from cgrad.sparse.sparsity import Sparsity

# a matrix of more rows or columns is drawn as blocks of some
MOST_CELLS = 200
# degrees between the hues of one colour and the next: far apart for any number of them
GOLDEN = 137.508
# width of the strips of colours, and of what is between them and the matrix: a part of the longer
# side, and cells at least
STRIP, LEAST_STRIP = 0.04, 0.5
# squares of so many pixels have a gap between them, a part of their side
SPACED, GAP = 5, 0.1


def spy(matrix: Any, size: int = 400) -> str:
    """The stored elements of a matrix as a picture, in SVG.

    matrix   what a function returns for a sparse derivative: a `scipy.sparse.csr_array`, or the
             tuple (data, indices, indptr), which is taken to have as many columns as it needs; or a
             `Sparsity`, what `f.sparsity(...)` returns
    size     of the longer side, in pixels

    Each stored element is a square, in a frame around all of the matrix; of more than 200 rows or
    columns, a square stands for a block that has some.  The text under the pointer says how many
    are stored.  With a `Sparsity` whose columns or rows have colours, strips above and beside the
    matrix show these, and an element has the colour of the sum that it is read from (of columns
    that star or acyclic colours belong to, its mirror image may be read instead); a block that of
    its first element.

    `TypeError` for anything else.
    """
    if isinstance(matrix, tuple) and len(matrix) == 3:
        _, indices, indptr = matrix
        rows, cols = len(indptr) - 1, int(indices.max(initial=-1)) + 1
    elif isinstance(matrix, Sparsity) or getattr(matrix, "format", None) == "csr":
        indices, indptr = matrix.indices, matrix.indptr
        rows, cols = matrix.shape
    else:
        raise TypeError(
            "spy draws a scipy.sparse.csr_array, a tuple (data, indices, indptr) or what "
            f"f.sparsity(...) returns, found {type(matrix).__name__}; a symbolic matrix has to be "
            "compiled first"
        )
    block = max(1, -(-max(rows, cols) // MOST_CELLS))
    height, width = -(-rows // block), -(-cols // block)
    row = np.repeat(np.arange(rows), np.diff(indptr)).astype(np.int64)
    places, first = np.unique(row // block * max(width, 1) + indices // block, return_index=True)
    colours = _colours(matrix, row) if isinstance(matrix, Sparsity) else None
    strip = max(LEAST_STRIP, max(height, width) * STRIP)
    left = top = 0.0
    if colours is not None and isinstance(matrix, Sparsity):
        top = 0.0 if matrix.column_colours is None else 2 * strip
        left = 0.0 if matrix.row_colours is None else 2 * strip
    scale = (size - 2) / max(height + top, width + left, 1)
    gap = GAP if scale >= SPACED else 0.0
    side = 1 - gap
    cells = [
        _cell("element", k % width, k // width, side, side, None if colours is None else colours[j])
        for k, j in zip(places.tolist(), first.tolist(), strict=True)
    ]
    if top:
        cells += [
            _cell("column", k, -top, side, strip, c)
            for k, c in enumerate(matrix.column_colours[::block].tolist())
        ]
    if left:
        first_hue = _count(matrix.column_colours)
        cells += [
            _cell("row", -left, k, strip, side, first_hue + c if c >= 0 else c)
            for k, c in enumerate(matrix.row_colours[::block].tolist())
        ]
    stored = f"{len(indices)} of {rows * cols} elements are stored"
    if colours is not None:
        stored += f", {matrix.colours} colours"
    # a pixel for the frame on each side; squares are in the middle of their places
    pixel, shift = 1 / scale, gap / 2
    across, down = width + left + 2 * pixel, height + top + 2 * pixel
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across * scale:g}" '
        f'height="{down * scale:g}" viewBox="{-left - shift - pixel:g} {-top - shift - pixel:g} '
        f'{across:g} {down:g}" shape-rendering="crispEdges">\n'
        f"<title>{rows} x {cols}: {stored}</title>\n"
        f'<rect x="{-shift:g}" y="{-shift:g}" width="{width}" height="{height}" fill="white" '
        f'stroke="#999999" stroke-width="{pixel:g}"/>\n{"".join(cells)}</svg>\n'
    )


def _count(colours: Any) -> int:
    return 0 if colours is None else int(colours.max(initial=-1)) + 1


def _colours(matrix: Sparsity, row: Any) -> list[int] | None:
    """The colour of each element, those of rows behind those of columns; None without colours."""
    columns, rows = matrix.column_colours, matrix.row_colours
    if columns is None and rows is None:
        return None
    found = np.full(len(row), -1) if columns is None else columns[matrix.indices]
    if rows is not None:
        found = np.where(matrix.by_row, _count(columns) + rows[row], found)
    result: list[int] = found.tolist()
    return result


def _cell(kind: str, x: float, y: float, width: float, height: float, colour: int | None) -> str:
    """A rectangle in a colour by its number: grey without one, black where there are none."""
    fill = ""
    if colour is not None:
        fill = f' fill="{_shade(colour)}"'
    at = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<rect class="{kind}" {at}{fill}/>\n'


def _shade(colour: int) -> str:
    if colour < 0:
        return "#dddddd"
    parts = colorsys.hls_to_rgb(colour * GOLDEN % 360 / 360, 0.3 + 0.3 * (colour % 3) / 2, 0.75)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
