"""Which index arrays name no position twice.

Responsible for: what is known of them without their values.  Not responsible for: the ops that
store at positions (`cgrad.ops.lookup`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.ops.axes import Broadcast
from cgrad.ops.constants import Constant, Data


def are_distinct(arrays: Sequence[Node]) -> bool:
    """Whether index arrays of one shape, one for each axis, are known not to repeat a position.

    Positions differ along an axis of an array if no number repeats there, as in the results of ops
    that say that they are `distinct`: positions from 0 on, none of them twice along the last axis.
    Arrays that tell the other axes apart have to be there as well.
    """
    longest = [sizes.bounds(n)[1] for n in arrays[0].dims]
    apart = {axis for axis, n in enumerate(longest) if n is not None and n <= 1}
    if len(apart) == arrays[0].ndim or 0 in longest:
        return True
    waiting = [_distinct_axis(array) for array in arrays]
    while True:
        ready = [found for found in waiting if found is not None and found[1] <= apart]
        if all(axis in apart for axis, _ in ready):
            return len(apart) == arrays[0].ndim
        apart |= {axis for axis, _ in ready}


def _distinct_axis(array: Node) -> tuple[int, set[int]] | None:
    """(the axis along which the numbers differ, the others that they depend on)."""
    axes, dims = tuple(range(array.ndim)), array.dims
    while array.op.name in ("broadcast", "cast"):
        if isinstance(array.op, Broadcast):
            axes = tuple(axes[axis] for axis in array.op.axes)
        elif not np.can_cast(array.args[0].dtype, array.dtype):
            return None
        array = array.args[0]
    if isinstance(array.op, (Constant, Data)):
        values = np.asarray(array.op.value)
        found = values.shape[-1:] == (values.size,) and values.min(initial=0) >= 0
        if not found or len(np.unique(values)) < values.size:
            return None
    elif not getattr(array.op, "distinct", False):
        return None
    if array.dims[-1] == 1 and dims[axes[-1]] != 1:
        return None  # one number, repeated
    return axes[-1], {axis for axis, n in zip(axes, array.dims[:-1], strict=False) if n != 1}
