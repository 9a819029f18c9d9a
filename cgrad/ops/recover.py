"""From the sums of columns that are computed together to the elements of a sparse matrix.

Places are worked out by cgrad from a colouring and not given by a user: they are not checked.

Responsible for: both ops.  Not responsible for: the places (`cgrad.sparse`, `cgrad.colouring`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, loops
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Op, TensorType
from cgrad.core.sizes import SizeLike
from cgrad.ops.kinds import Pull


class Recover(Op):
    """(places, sums, more sums): out[k] is element places[k] of all sums, one vector after another.

    Places are int64 and lie inside; there are one or two vectors of sums.
    """

    __slots__ = ()
    name = "recover"
    lowering = "pull"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[1].dtype, args[0].dims)

    def connects(self, position: int) -> bool:
        return position > 0

    def reference(self, places: Any, *sums: Any) -> Any:
        return np.concatenate(sums)[places]

    def value_at(self, node: Node, index: Index) -> Pull:
        places, sums, *more = node.args
        place = yield places, index
        first = yield sums, (exprs.dynamic_size(place),)
        if not more:
            return first
        n = exprs.size_value(sums.dims[0])
        behind = exprs.call("{0} - {1}", place, n, dtype=dtypes.INT64)
        second = yield more[0], (exprs.dynamic_size(behind),)
        return exprs.guard(exprs.call("{0} < {1}", place, n, dtype=dtypes.BOOL), first, second)


class Substitute(Op):
    """The sums with out[rest[k]] -= out[known[k]] for k = 0, 1, ..., one after the other."""

    __slots__ = ()
    name = "substitute"
    lowering = "emit"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def connects(self, position: int) -> bool:
        return position == 0

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield node.args[1].dims[0], node.args[2].dims[0], 0

    def reference(self, sums: Any, known: Any, rest: Any) -> Any:
        result = sums.copy()
        for k, r in zip(known, rest, strict=True):
            result[r] -= result[k]
        return result

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        sums, known, rest = node.args
        block.copy(sums, place, why)

        def body(index: Index) -> list[Any]:
            stmts: list[Any] = []
            where = []
            for name, array in (("known", known), ("rest", rest)):
                row = block.names.buffer(name, dtypes.INT64, ())
                stmts.append(loops.Set(row, (), block.pull(array, index)))
                where.append(place.index((exprs.scalar_size(row),)))
            value = exprs.call("-{0}", exprs.read(place.buffer, where[0]), dtype=node.dtype)
            stmts.append(loops.Accumulate("add", place.buffer, where[1], value))
            return stmts

        block.stmts += block.nest(known.dims, body, why)
