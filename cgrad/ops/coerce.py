"""From whatever the user wrote to nodes of one dtype and one shape.

Everything that operators and functions are given passes through here: Python numbers are weak
(they take the dtype of the other operand), NumPy arrays keep theirs, and every cast and every
broadcast becomes a node, so no op and no derivative rule ever sees unequal shapes or dtypes.

Responsible for: `as_node`, promotion, broadcasting.  Not responsible for: what is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node, Shape, render_shape
from cgrad.core.registry import build
from cgrad.core.sites import creation_site, describe
from cgrad.core.sizes import SizeLike
from cgrad.errors import ShapeError
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.constants import constant, constant_value, is_weak

Arraylike = Any


def as_node(x: Arraylike) -> Node:
    """A symbol as it is; a Python number as a weak constant; a list that holds symbols stacked."""
    if isinstance(x, Node):
        return x
    # a NumPy scalar keeps its dtype; numpy.float64 is a subclass of float, hence the second test
    if isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic):
        return constant(x, weak=True)
    if isinstance(x, (list, tuple)) and _holds_symbol(x):
        stacked: Node = build("stack", x)
        return stacked
    return constant(x)


def _holds_symbol(items: Sequence[Any]) -> bool:
    return any(
        isinstance(x, Node) or (isinstance(x, (list, tuple)) and _holds_symbol(x)) for x in items
    )


def result_dtype(nodes: Sequence[Node]) -> str:
    """NumPy's promotion, in which weak constants only choose the kind."""
    strong = [node.dtype for node in nodes if not is_weak(node)]
    weak = [node.dtype for node in nodes if is_weak(node)]
    if not strong:
        return dtypes.promote(*weak)
    result = dtypes.promote(*strong)
    highest = max(weak, key=_kind, default=result)
    if _kind(highest) <= _kind(result):
        return result
    return dtypes.complex_of(result) if dtypes.is_complex(highest) else highest


def _kind(dtype: str) -> int:
    if dtypes.is_complex(dtype):
        return 3
    return 2 if dtypes.is_float(dtype) else int(dtypes.is_integer(dtype))


def cast_to(node: Node, dtype: str) -> Node:
    """The node in another dtype, by a cast that `pp` does not show."""
    if node.dtype == dtype:
        return node
    if is_weak(node) and dtypes.is_integer(dtype):
        low, high = dtypes.limits(dtype)
        value = constant_value(node)
        if not low <= value <= high:
            raise OverflowError(
                f"the Python integer {value} is out of bounds for {dtype} ({low} to {high}); "
                "cast the other operand to a wider dtype first"
            )
    result: Node = build("implicit_cast", node, dtype)
    return result


def broadcast_shape(nodes: Sequence[Node], what: str) -> Shape:
    """The common shape.  Only axes known to have length 1 stretch; sizes that are known only at
    the call are taken to be equal and checked then."""
    ndim = max(node.ndim for node in nodes)
    result: list[SizeLike] = []
    for axis in range(-ndim, 0):
        found: SizeLike = 1
        for node in nodes:
            size = node.dims[axis] if -axis <= node.ndim else 1
            if size == 1 or size == found:
                continue
            if found == 1:
                found = size
            elif isinstance(size, int):
                if isinstance(found, int):
                    raise ShapeError(mismatch(nodes, what, axis + ndim, size, found))
                found = size
        result.append(found)
    return tuple(result)


def mismatch(
    nodes: Sequence[Node], what: str, axis: int, found: SizeLike, expected: SizeLike
) -> str:
    """The message for shapes that do not fit."""
    lines = [f"{what}: axis {axis} has size {found}, expected {expected}"]
    for position, node in enumerate(nodes):
        lines.append(f"  {node.name or f'argument {position + 1}'}: {node.type!r}")
    lines.append(describe(creation_site()))
    lines.append(
        "  Fix: make the sizes equal. An axis stretches only when its length is declared as 1: "
        'tensor("b", shape=(1, None)), or x[None, :].'
    )
    return "\n".join(line for line in lines if line)


def broadcast(nodes: Sequence[Node], what: str) -> list[Node]:
    """The nodes stretched to one shape."""
    shape = broadcast_shape(nodes, what)
    return [stretch(node, shape) for node in nodes]


def stretch(node: Node, shape: Shape) -> Node:
    """The node with new leading axes and with axes of length 1 repeated to fill `shape`.

    An axis that is there keeps its own size: whether it equals that of `shape` is checked by
    the op that needs it.
    """
    offset = len(shape) - node.ndim
    own = tuple(
        size if axis < offset or node.dims[axis - offset] == 1 else node.dims[axis - offset]
        for axis, size in enumerate(shape)
    )
    if own == node.dims:
        return node
    return broadcast_axes(node, own, tuple(range(offset, len(shape))))


def static_shape(node: Node) -> tuple[int | None, ...]:
    """The sizes known before the call, None for the others."""
    return tuple(size if isinstance(size, int) else None for size in node.dims)


def as_size(x: Arraylike, what: str) -> SizeLike:
    """An int or an int64 scalar of the graph as a size."""
    if isinstance(x, (int, np.integer)) and not isinstance(x, bool):
        return int(x)
    if isinstance(x, sizes.Size):
        return x
    node = as_node(x)
    if node.ndim or not dtypes.is_integer(node.dtype):
        found = repr(x) if isinstance(x, (Node, int, float)) else f"{x!r:.60}"
        raise TypeError(f"{what} must be an integer or an integer scalar, found {found}")
    size: SizeLike = build("node_size", cast_to(node, dtypes.INT64))
    return size


def as_shape(shape: Arraylike, what: str) -> Shape:
    """A shape given as an int, a sequence of ints and scalars, or an int64 vector."""
    what = what if ": " in what else f"{what}: a length"
    if isinstance(shape, Node) and shape.ndim == 1:
        shape = list(shape)
    if isinstance(shape, (list, tuple)) or (isinstance(shape, np.ndarray) and shape.ndim):
        return tuple(as_size(size, what) for size in shape)
    return (as_size(shape, what),)


def normal_axes(axis: Any, ndim: int, what: str) -> tuple[int, ...]:
    """Axes as sorted non-negative numbers; None stands for all."""
    if axis is None:
        return tuple(range(ndim))
    axes = [int(a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    for a in axes:
        if not -ndim <= a < ndim:
            axes_text = "1 axis" if ndim == 1 else f"{ndim} axes"
            known = f"from {-ndim} to {ndim - 1}" if ndim else "no axis: it is a scalar"
            raise np.exceptions.AxisError(
                f"{what}: axis {a} is out of range for a tensor with {axes_text}; expected {known}"
            )
    result = tuple(sorted(a % ndim for a in axes))
    if len(set(result)) != len(result):
        raise ValueError(f"{what}: axis {axis} names an axis twice")
    return result


def describe_shape(node: Node) -> str:
    return render_shape(node.dims)
