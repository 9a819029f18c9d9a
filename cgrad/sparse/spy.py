"""Pictures of the places of a sparse matrix, as SVG text.

Responsible for: the text.  Not responsible for: showing it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# a matrix of more rows or columns is drawn as blocks of some
MOST_CELLS = 200


def spy(matrix: Any, size: int = 400) -> str:
    """The stored elements of a matrix as a picture, in SVG.

    matrix   what a function returns for a sparse derivative: a `scipy.sparse.csr_array`, or the
             tuple (data, indices, indptr), which is taken to have as many columns as it needs
    size     of the longer side, in pixels

    Each stored element is a square; of more than 200 rows or columns, a square stands for a block
    that has some.  The text under the pointer says how many are stored.

    `TypeError` for anything else.
    """
    if isinstance(matrix, tuple) and len(matrix) == 3:
        _, indices, indptr = matrix
        rows, cols = len(indptr) - 1, int(indices.max(initial=-1)) + 1
    elif getattr(matrix, "format", None) == "csr":
        indices, indptr = matrix.indices, matrix.indptr
        rows, cols = matrix.shape
    else:
        raise TypeError(
            "spy draws a scipy.sparse.csr_array or a tuple (data, indices, indptr); "
            f"found {type(matrix).__name__}"
        )
    block = max(1, -(-max(rows, cols) // MOST_CELLS))
    height, width = -(-rows // block), -(-cols // block)
    row = np.repeat(np.arange(rows), np.diff(indptr)) // block
    places = np.unique(row.astype(np.int64) * max(width, 1) + indices // block)
    scale = size / max(height, width, 1)
    cells = "".join(
        f'<rect class="element" x="{k % width}" y="{k // width}" width="1" height="1"/>\n'
        for k in places.tolist()
    )
    stored = f"{len(indices)} of {rows * cols} elements are stored"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:g}" '
        f'height="{height * scale:g}" viewBox="0 0 {width} {height}">\n'
        f"<title>{rows} x {cols}: {stored}</title>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n{cells}</svg>\n'
    )
