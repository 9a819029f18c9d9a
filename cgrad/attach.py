"""A dispatcher and the kernel that it calls.

Responsible for: what a dispatcher is told of a program.  Not responsible for: either of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node
from cgrad.ops.constants import storage
from cgrad.pipeline import Program

__all__ = ["attach"]


def attach(
    f: Any,
    kernel: Any,
    program: Program,
    *,
    returns: str | tuple[str, ...],
    n_returned: int,
    updates: Sequence[tuple[int, list[Any]]] = (),
    out_keyword: bool = True,
    further: Sequence[tuple[int, int]] = (),
) -> None:
    """Have the dispatcher `f` call a kernel of a program.

    `further` are outputs of the kernel that the program does not have: NumPy's numbers of their
    dtypes, and their ranks.
    """
    f._bind(
        entry=kernel.entry_address,
        sizes=kernel.sizes_address,
        work=kernel.work_address,
        n_sizes=sum(node.ndim + 1 for node in program.inputs),
        inputs=[_spec(node) for node in program.inputs],
        hidden=[storage(node) for node in program.hidden],
        outputs=[*(_spec(node) for node in program.outputs), *further],
        returns=returns,
        n_returned=n_returned,
        updates=updates,
        always_release_gil=any(
            node.op.name in ("scan", "branch", "dot") or getattr(node.op, "stores_arguments", False)
            for node in program.nodes
        ),
        interruptible=kernel.meta["interruptible"],
        owner=kernel,
        out_keyword=out_keyword,
    )


def _spec(node: Node) -> tuple[int, int]:
    return NUMPY[node.dtype].num, node.ndim
