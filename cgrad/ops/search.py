"""Binary search in a sorted vector.

Responsible for: the op.  Not responsible for: what users may write (`cgrad.tensor.selection`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, loops
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Op, TensorType


class Search(Op):
    """How many elements of the sorted vector x stand before each element of v: int64.

    Elements equal to that of v are counted with `after`; nan is the largest of all.
    """

    __slots__ = ("after",)
    name = "search"
    lowering = "emit"

    def __init__(self, after: bool) -> None:
        self.after = after

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.INT64, args[1].dims)

    def connects(self, position: int) -> bool:
        return False

    def reference(self, x: Any, v: Any) -> Any:
        return np.searchsorted(x, v, "right" if self.after else "left").astype(np.int64)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> None:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[None]:
        return [None, None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        x, v = node.args
        wide = dtypes.FLOAT64 if dtypes.is_float(x.dtype) else dtypes.wide(x.dtype)
        suffix = {"float64": "f64", "int64": "i64", "uint64": "u64"}[wide]
        n = block.resolve(x.dims[0])
        keys = block.names.buffer("keys", wide, (n,))

        def key(index: Index) -> list[Any]:
            return [loops.Set(keys, index, exprs.cast(block.pull(x, index), wide))]

        block.stmts += block.nest((n,), key, why)
        wanted = block.names.buffer("wanted", wide, (1,))

        def search(index: Index) -> list[Any]:
            return [
                loops.Set(wanted, (0,), exprs.cast(block.pull(v, index), wide)),
                loops.Invoke(
                    f"cg_search_{suffix}",
                    (n, int(self.after)),
                    ((keys, (0,)), (wanted, (0,))),
                    ((place.buffer, place.index(index)),),
                ),
            ]

        block.stmts += block.nest(v.dims, search, why)


def search(x: Node, v: Node, after: bool) -> Node:
    """`Search` in operands of one dtype."""
    return Node(Search(after), (x, v))
