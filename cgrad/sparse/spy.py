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
# cells between the strips of colours and the matrix, and of the strips themselves, of 100
STRIP = 4


def spy(matrix: Any, size: int = 400) -> str:
    """The stored elements of a matrix as a picture, in SVG.

    matrix   what a function returns for a sparse derivative: a `scipy.sparse.csr_array`, or the
             tuple (data, indices, indptr), which is taken to have as many columns as it needs; or a
             `Sparsity`, what `f.sparsity(...)` returns
    size     of the longer side, in pixels

    Each stored element is a square; of more than 200 rows or columns, a square stands for a block
    that has some.  The text under the pointer says how many are stored.  With a `Sparsity` whose
    columns or rows have colours, strips above and beside the matrix show these, and an element has
    the colour of the sum that it is read from (of columns that star or acyclic colours belong to,
    its mirror image may be read instead); a block that of its first element.

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
            f"f.sparsity(...) returns; found {type(matrix).__name__}"
        )
    block = max(1, -(-max(rows, cols) // MOST_CELLS))
    height, width = -(-rows // block), -(-cols // block)
    row = np.repeat(np.arange(rows), np.diff(indptr)).astype(np.int64)
    places, first = np.unique(row // block * max(width, 1) + indices // block, return_index=True)
    colours = _colours(matrix, row) if isinstance(matrix, Sparsity) else None
    strip = max(1, max(height, width) * STRIP // 100)
    cells = [
        _cell("element", k % width, k // width, 1, 1, None if colours is None else colours[j])
        for k, j in zip(places.tolist(), first.tolist(), strict=True)
    ]
    left = top = 0
    if colours is not None:
        if matrix.column_colours is not None:
            top = 2 * strip
            cells += [
                _cell("column", k, -top, 1, strip, c)
                for k, c in enumerate(matrix.column_colours[::block].tolist())
            ]
        if matrix.row_colours is not None:
            left = 2 * strip
            first_hue = _count(matrix.column_colours)
            cells += [
                _cell("row", -left, k, strip, 1, first_hue + c if c >= 0 else c)
                for k, c in enumerate(matrix.row_colours[::block].tolist())
            ]
    scale = size / max(height + top, width + left, 1)
    stored = f"{len(indices)} of {rows * cols} elements are stored"
    if colours is not None:
        stored += f", {matrix.colours} colours"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{(width + left) * scale:g}" '
        f'height="{(height + top) * scale:g}" '
        f'viewBox="{-left} {-top} {width + left} {height + top}">\n'
        f"<title>{rows} x {cols}: {stored}</title>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n{"".join(cells)}</svg>\n'
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


def _cell(kind: str, x: int, y: int, width: int, height: int, colour: int | None) -> str:
    """A rectangle in a colour by its number: grey without one, black where there are none."""
    fill = ""
    if colour is not None:
        fill = f' fill="{_shade(colour)}"'
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"{fill}/>\n'


def _shade(colour: int) -> str:
    if colour < 0:
        return "#dddddd"
    parts = colorsys.hls_to_rgb(colour * GOLDEN % 360 / 360, 0.3 + 0.3 * (colour % 3) / 2, 0.75)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
