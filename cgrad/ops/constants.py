"""Values that are there when a kernel starts: constants, data, shared variables, sizes, ranges.

Responsible for: leaves of the graph other than function arguments.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, sizes
from cgrad.core.exprs import Index
from cgrad.core.graphs import node_size
from cgrad.core.node import Node, Op, Shape, TensorType, make_input
from cgrad.core.registry import register
from cgrad.core.sizes import SizeLike
from cgrad.ops.kinds import Leaf, Pull
from cgrad.ops.lengths import FARTHEST, not_far, not_negative

# constants with more elements than this are passed to the kernel, not written into its text
INLINE_LIMIT = 64


class Constant(Leaf):
    """A small array written into the C text; a weak one came from a Python number."""

    __slots__ = ("data", "dtype", "shape", "weak")
    name = "constant"
    lowering = "pull"

    def __init__(self, value: np.ndarray[Any, Any], weak: bool) -> None:
        self.data = value.tobytes()
        self.dtype = value.dtype.name
        self.shape = value.shape
        self.weak = weak

    @property
    def value(self) -> np.ndarray[Any, Any]:
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def title(self) -> str:
        """What `repr` calls such a node."""
        value = self.value
        if not value.ndim:
            return f"constant {value[()]}"
        text = np.array2string(value, separator=", ", threshold=6, edgeitems=2)
        return f"constant {' '.join(text.split())}"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(self.dtype, self.shape)

    def reference(self) -> np.ndarray[Any, Any]:
        return self.value

    def size_value(self, node: Node) -> SizeLike | None:
        return int(self.value) if self.dtype == dtypes.INT64 and not self.shape else None

    def value_at(self, node: Node, index: Index) -> Pull:
        flat = self.value.reshape(-1)
        pairs = zip(index, self.shape, strict=True)
        if not flat.size or any(isinstance(i, int) and not 0 <= i < n for i, n in pairs):
            # never asked for, but loops of no iterations and sides not taken need a body
            return exprs.lit(np.zeros((), self.dtype).item(), self.dtype)
        if flat.size == 1:
            return exprs.lit(flat[0].item(), self.dtype)
        offset: SizeLike = 0
        for i, n in zip(index, self.shape, strict=True):
            offset = offset * n + i
        if not isinstance(offset, int):
            raise TypeError("an element at a run-time index is read from a table (codegen.lower)")
        return exprs.lit(flat[offset].item(), self.dtype)


class Data(Leaf):
    """A large array passed to the kernel as a hidden argument."""

    __slots__ = ("value",)
    name = "data"
    impure = True

    def __init__(self, value: np.ndarray[Any, Any]) -> None:
        self.value = value

    def key(self, label: sizes.Label) -> tuple[str]:
        return (self.name,)

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(self.value.dtype.name, self.value.shape)

    def reference(self) -> np.ndarray[Any, Any]:
        return self.value


class Shared(Leaf):
    """A value that functions share and update; `storage` is a list with the one array."""

    __slots__ = ("storage",)
    name = "shared"
    impure = True
    infers = False

    def __init__(self, value: np.ndarray[Any, Any]) -> None:
        self.storage = [value]

    def key(self, label: sizes.Label) -> tuple[str]:
        return (self.name,)

    def reference(self) -> np.ndarray[Any, Any]:
        return self.storage[0]


class SizeNode(Leaf):
    """A size as an int64 scalar of the graph: `x.shape[0]`."""

    __slots__ = ("size",)
    name = "size"
    lowering = "pull"
    size_slots = ("size",)

    def __init__(self, size: SizeLike) -> None:
        self.size = size

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.INT64, ())

    def reference(self) -> np.ndarray[Any, Any]:
        return np.asarray(self.size, dtypes.INT64)

    def size_value(self, node: Node) -> SizeLike:
        return self.size

    def value_at(self, node: Node, index: Index) -> Pull:
        return exprs.size_value(self.size)


class ShapeVector(Leaf):
    """The sizes of a tensor as an int64 vector: `x.shape`."""

    __slots__ = ("shape",)
    name = "shape"
    lowering = "pull"
    size_slots = ("shape",)

    def __init__(self, shape: tuple[SizeLike, ...]) -> None:
        self.shape = shape

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.INT64, (len(self.shape),))

    def reference(self) -> np.ndarray[Any, Any]:
        return np.asarray(self.shape, dtypes.INT64)

    def value_at(self, node: Node, index: Index) -> Pull:
        (i,) = index
        if isinstance(i, int):
            return exprs.size_value(self.shape[i])
        result = exprs.size_value(self.shape[-1])
        for k in range(len(self.shape) - 2, -1, -1):
            here = exprs.compare("==", i, k)
            result = exprs.select(here, exprs.size_value(self.shape[k]), result)
        return result


class Arange(Leaf):
    """0, 1, ..., length - 1 as an int64 vector.

    `ends` are those of the user's range where what is between might not be counted in 64 bits.
    """

    __slots__ = ("ends", "length")
    name = "arange"
    distinct = True
    lowering = "pull"
    size_slots = ("length", "ends")

    def __init__(self, length: SizeLike, ends: Shape = ()) -> None:
        self.length = length
        self.ends = ends

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.INT64, (self.length,))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield from not_negative((self.length,))
        yield from not_far(self.ends, 0)

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str] | None:
        return (
            f"arange: one end is {found}, too far away to count what is between",
            f"use ends from {-FARTHEST} to {FARTHEST}",
        )

    def reference(self) -> np.ndarray[Any, Any]:
        length: Any = self.length
        return np.arange(length)

    def value_at(self, node: Node, index: Index) -> Pull:
        return exprs.size_value(index[0])


def constant(x: Any, weak: bool = False, name: str | None = None) -> Node:
    """A constant of the graph, a copy of `x` in row-major order."""
    value = np.array(x, order="C", copy=True)
    if value.dtype == object:
        raise TypeError(
            f"cannot make a constant of {type(x).__name__}: found a Python object where a number "
            "or a NumPy array was expected"
        )
    if value.dtype.kind in "SUMmV":
        raise TypeError(f"cannot make a constant of dtype {value.dtype}: numbers only")
    value = value.astype(dtypes.as_dtype(value.dtype), copy=False)
    value.flags.writeable = False
    op: Op = Constant(value, weak) if value.size <= INLINE_LIMIT else Data(value)
    return Node(op, (), name=name)


def shared_node(value: np.ndarray[Any, Any], name: str | None, static: Any) -> Node:
    """A node for a shared value; sizes are unknown but for those `static` declares."""
    shape = (None,) * value.ndim if static is None else tuple(static)
    return make_input(TensorType(value.dtype.name, shape), name, Shared(value))


def is_weak(node: Node) -> bool:
    """Whether the node came from a Python number and takes the dtype of its neighbours."""
    return isinstance(node.op, Constant) and node.op.weak


def constant_value(node: Node) -> Any:
    """The one number that every element of the node is, or None."""
    while node.op.name in ("broadcast", "cast"):
        node = node.args[0]
    if not isinstance(node.op, Constant):
        return None
    value = node.op.value
    return value.reshape(-1)[0] if value.size == 1 else None


def storage(node: Node) -> list[Any]:
    """The list with the one array of a shared variable or of data."""
    op: Any = node.op
    return op.storage if hasattr(op, "storage") else [op.value]


def size_node(size: SizeLike) -> Node:
    """A size as an int64 scalar of the graph."""
    return Node(SizeNode(size))


def shape(x: Node) -> Node:
    """The sizes of the axes of x as an int64 vector."""
    return Node(ShapeVector(x.dims))


def size(x: Node) -> Node:
    """The number of elements of x, an int64 scalar."""
    return Node(SizeNode(sizes.product(x.dims)))


register("shape", shape)
register("size", size)
register("size_node", size_node)
register("node_size", node_size)
