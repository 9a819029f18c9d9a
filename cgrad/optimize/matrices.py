"""Jacobians of several expressions with respect to several symbols, as one matrix.

Responsible for: the symbolic blocks, and one array of them.  Not responsible for: derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core.node import Node
from cgrad.errors import DTypeError
from cgrad.gradient.jacobian import jacobian
from cgrad.optimize.variables import Array, scipy
from cgrad.sparse.matrix import SparseMatrix
from cgrad.tensor.packing import pack
from cgrad.tensor.shape import concatenate, reshape


class Matrix:
    """The derivatives of the elements of expressions (rows) by those of symbols (columns).

    outputs   what a function is to compute
    array(r)  the float64 array, or `csr_array` if sparse, of what it returned for them
    """

    def __init__(
        self, expressions: Sequence[Node], wrt: Sequence[Node], sparse: bool, what: str
    ) -> None:
        self._columns = len(wrt)
        self._sparse = scipy("sparse", f"{what}: sparse=True") if sparse else None
        blocks = [
            jacobian(e, list(wrt), disconnected_inputs="ignore", sparse=sparse) for e in expressions
        ]
        self.outputs: list[Node | SparseMatrix]
        if sparse:
            self.outputs = [block for row in blocks for block in row]
            return
        rows = [
            [_matrix(block, e, w) for block, w in zip(row, wrt, strict=True)]
            for row, e in zip(blocks, expressions, strict=True)
        ]
        wide = [concatenate(row, 1) if len(row) > 1 else row[0] for row in rows]
        self.outputs = [concatenate(wide, 0) if len(wide) > 1 else wide[0]]

    def array(self, found: Sequence[Any]) -> Any:
        """A matrix of its own, which the caller may change."""
        if self._sparse is None:
            return np.array(found[0], np.float64)
        if len(found) == 1:
            return found[0].astype(np.float64, copy=True)
        k = self._columns
        rows = [list(found[i : i + k]) for i in range(0, len(found), k)]
        return self._sparse.block_array(rows, format="csr", dtype=np.float64)


def _matrix(block: Node, expression: Node, wrt: Node) -> Node:
    if expression.ndim == wrt.ndim == 1:
        return block
    return reshape(block, (expression.size, wrt.size))


def vector(expressions: Sequence[Node]) -> Node:
    """All elements of the expressions in one vector."""
    if len(expressions) == 1 and expressions[0].ndim == 1:
        return expressions[0]
    return pack(*expressions)[0]


def floats(expressions: Sequence[Node], what: str) -> None:
    """DTypeError for expressions that are not of a float dtype."""
    for e in expressions:
        if not e.dtype.startswith("float"):
            raise DTypeError(f"{what}: {e!r} has dtype {e.dtype}, expected float64 or float32")


def owned(found: Any) -> Array:
    """A copy as float64: results are kept for the next call, and callers may write to theirs."""
    return np.array(found, np.float64)
