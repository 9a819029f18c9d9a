"""Constants, casts and broadcasts in one normal form.

After these rules a number is a strong constant, alone or stretched once; what can be computed now
is; a cast stands directly on what it converts; and work is done before values are stretched.

Responsible for: rules about constants, dtypes and broadcasts.
Not responsible for: other shape ops (`shapes`) or arithmetic (`simplify`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node, Op, Shape
from cgrad.core.registry import build
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, broadcast_axes, sum_axes
from cgrad.ops.coerce import as_node, stretch
from cgrad.ops.constants import INLINE_LIMIT, Constant, ShapeVector, SizeNode, constant, size_node
from cgrad.ops.foreign import CFunction
from cgrad.ops.kinds import Linear
from cgrad.ops.passthrough import Again, GradScale, PassThrough, ZeroGrad
from cgrad.ops.reductions import Extreme, Prod, Quantifier
from cgrad.ops.scalar import Cast, Elementwise, cast
from cgrad.ops.windows import Window, part
from cgrad.rewrites.patterns import full, like, scalar

CONSTANTS = RuleSet("constants", complex=True)


# -- identities ------------------------------------------------------------------------------
@CONSTANTS.rule(
    PassThrough, example=(lambda x: Node(ZeroGrad(), (x,)), lambda x: Node(GradScale(2.0), (x,)))
)
def pass_through(node: Node) -> Node | None:
    """zero_grad(x) -> x"""
    return None if isinstance(node.op, Again) else node.args[0]


# -- constants -------------------------------------------------------------------------------
@CONSTANTS.rule("constant", example=lambda x: x * 2)
def weak_constant(node: Node) -> Node | None:
    """c weak -> c"""
    op = node.op
    assert isinstance(op, Constant)
    return Node(Constant(op.value, weak=False)) if op.weak else None


@CONSTANTS.rule("constant", example=lambda s: s * np.full(3, 2.5))
def uniform_constant(node: Node) -> Node | None:
    """[c, c, c] -> broadcast(c)"""
    value = node.op.reference()
    if not value.ndim or not value.size:
        return None
    first = value.ravel()[:1]
    return full(first[0], node.dtype, node.dims) if _same_bits(value, first) else None


def _same_bits(value: np.ndarray[Any, Any], first: np.ndarray[Any, Any]) -> bool:
    return value.tobytes() == first.tobytes() * value.size


@CONSTANTS.rule(
    "size", example=(lambda i: i + size_node(3),
                     lambda i: size_node(sizes.value(sum_axes(i, tuple(range(i.ndim)))))),
)  # fmt: skip
def known_size(node: Node) -> Node | None:
    """size(3) -> 3, size(value(k)) -> k"""
    op = node.op
    assert isinstance(op, SizeNode)
    if isinstance(op.size, int):
        return like(node, op.size)
    for atom in sizes.atoms(op.size):
        if atom.kind == "value" and sizes.as_size(atom) == op.size:
            found: Node = atom.args[0]
            return found
    return None


@CONSTANTS.rule("shape", example=lambda: Node(ShapeVector((2, 3))))
def known_shape(node: Node) -> Node | None:
    """shape(2, 3) -> [2, 3]"""
    op = node.op
    assert isinstance(op, ShapeVector)
    if len(op.shape) > INLINE_LIMIT or not all(isinstance(n, int) for n in op.shape):
        return None
    return constant(np.asarray(op.shape, np.int64))


@CONSTANTS.rule(
    Elementwise, Cast,
    example=(lambda x: x * (build("exp", 1.5) + 2), lambda x: x + as_node(2.5).astype("int64")),
)  # fmt: skip
def fold_scalar(node: Node) -> Node | None:
    """f(c1, c2) -> c"""
    if not _is_computable(node.op):
        return None
    values = []
    for arg in node.args:
        value = scalar(arg)
        if value is None:
            return None
        values.append(value)
    return full(_computed(node.op, [np.asarray(v) for v in values]), node.dtype, node.dims)


@CONSTANTS.rule(
    Linear, Elementwise, Extreme, Prod, Quantifier,
    example=(
        lambda x: x * sum_axes(constant([1.0, 2.0, 4.0]), (0,)),
        lambda s: s * (constant([1.0, 2.0, 4.0]) - 1),
        lambda s: s + part(constant([1.0, 2.0, 4.0]), 0, 1, (2,)),
        lambda x: x + Node(Extreme("max", (0,)), (constant([1.0, 2.0, 4.0]),)),
    ),
)  # fmt: skip
def fold_array(node: Node) -> Node | None:
    """f([c1, c2], c3) -> [c4, c5]"""
    op = node.op
    if isinstance(op, Broadcast) or not _is_small(node.dims) or not _sizes_known(op):
        return None
    if not _is_computable(op):
        return None
    values = [_small_value(arg) for arg in node.args]
    known = [v for v in values if v is not None]
    if len(known) < len(values) or not any(v.ndim for v in known):
        return None
    if isinstance(op, Extreme) and not known[0].size:
        return None
    if any(found != expected for found, expected, _ in op.equalities(node)):
        return None  # the user's mistake, which is reported where it can be explained
    return constant(_computed(op, known).astype(dtypes.NUMPY[node.dtype]))


def _is_computable(op: Op) -> bool:
    """Whether NumPy can compute it; some elementwise functions are there in C only."""
    if isinstance(op, Elementwise):
        return op.row.numpy is not None
    return not isinstance(op, CFunction)


def _computed(op: Op, values: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        return np.asarray(op.reference(*values))


def _is_small(dims: Shape) -> bool:
    known = [n for n in dims if isinstance(n, int)]
    return len(known) == len(dims) and math.prod(known) <= INLINE_LIMIT


def _sizes_known(op: Op) -> bool:
    """Whether no parameter of the op waits for the call, and no index is out of bounds."""
    if not all(isinstance(size, int) for size in op.sizes()):
        return False
    if not isinstance(op, Window):
        return True
    return all(0 <= start < n for start, n, _ in op.bounds())  # type: ignore[operator]


def _small_value(node: Node) -> np.ndarray[Any, Any] | None:
    if isinstance(node.op, Constant):
        return node.op.value
    value = scalar(node)
    if value is None or not _is_small(node.dims):
        return None
    return np.full([int(n) for n in node.dims if isinstance(n, int)], value)


# -- casts -----------------------------------------------------------------------------------
def _is_exact(source: str, target: str) -> bool:
    """Whether a cast loses nothing."""
    return source in (target, dtypes.BOOL) or (source, target) == (dtypes.FLOAT32, dtypes.FLOAT64)


@CONSTANTS.rule(Cast, example=lambda x: Node(Cast(x.dtype), (x,)))
def cast_nothing(node: Node) -> Node | None:
    """cast(x, dtype of x) -> x"""
    (x,) = node.args
    return x if x.dtype == node.dtype else None


@CONSTANTS.rule(
    Cast, example=(lambda p: p.astype("float32").astype("float64"),
                   lambda p: p.astype("float64").astype("bool")),
    domain="the inner cast loses nothing",
)  # fmt: skip
def cast_cast(node: Node) -> Node | None:
    """cast(cast(x, A), B) -> cast(x, B)"""
    (inner,) = node.args
    if not isinstance(inner.op, Cast) or not _is_exact(inner.args[0].dtype, inner.dtype):
        return None
    assert isinstance(node.op, Cast)
    return cast(inner.args[0], node.dtype, node.op.implicit)


# -- fill and broadcast ----------------------------------------------------------------------
@CONSTANTS.rule("identity", example=lambda a: +a)
def identity(node: Node) -> Node | None:
    """identity(x) -> x"""
    return node.args[0]


@CONSTANTS.rule("second", example=(lambda x, y: x.fill(y), lambda x: x.fill(1.0)))
def fill(node: Node) -> Node | None:
    """fill(a, b) -> b"""
    return node.args[1]


@CONSTANTS.rule(
    Broadcast,
    example=lambda vec: broadcast_axes(stretch(vec, (1, *vec.dims)), (2, *vec.dims), (0, 1)),
)
def broadcast_broadcast(node: Node) -> Node | None:
    """broadcast(broadcast(x)) -> broadcast(x)"""
    (inner,) = node.args
    if not isinstance(inner.op, Broadcast):
        return None
    assert isinstance(node.op, Broadcast)
    axes = tuple(node.op.axes[axis] for axis in inner.op.axes)
    return Node(Broadcast(node.dims, axes), inner.args)


@CONSTANTS.rule(Broadcast, example=lambda x: Node(Broadcast(x.dims, tuple(range(x.ndim))), (x,)))
def broadcast_nothing(node: Node) -> Node | None:
    """broadcast(x) to the shape of x -> x"""
    (x,) = node.args
    if x.ndim != node.ndim:
        return None
    plain = all((n == 1) == (m == 1) for n, m in zip(x.dims, node.dims, strict=True))
    return x if plain else None


@CONSTANTS.rule(
    Elementwise, Cast,
    example=(lambda v: build("exp", stretch(v, (2, *v.dims))),
             lambda v: stretch(v, (2, *v.dims)) * 2.0,
             lambda v: stretch(v, (2, *v.dims)) * stretch(v, (2, *v.dims)),
             lambda v, s: stretch(v, (2, *v.dims)) + stretch(s, (2, *v.dims))),
)  # fmt: skip
def broadcast_last(node: Node) -> Node | None:
    """f(broadcast(x), broadcast(y)) -> broadcast(f(x, y))"""
    stretched = [arg for arg in node.args if scalar(arg) is None]
    if not stretched or not all(isinstance(arg.op, Broadcast) for arg in stretched):
        return None
    widest = max(stretched, key=lambda arg: arg.args[0].ndim)
    axes, dims = _axes(widest), widest.args[0].dims
    inner = []
    for arg in node.args:
        value = scalar(arg)
        part = full(value, arg.dtype, dims) if value is not None else _onto(arg, axes, dims)
        if part is None:
            return None
        inner.append(part)
    return Node(Broadcast(node.dims, axes), (Node(node.op, tuple(inner)),))


def _axes(node: Node) -> tuple[int, ...]:
    assert isinstance(node.op, Broadcast)
    return node.op.axes


def _onto(arg: Node, axes: tuple[int, ...], dims: Shape) -> Node | None:
    """The source of a broadcast stretched only to axes that another source has, if it can be."""
    (source,) = arg.args
    places = []
    for axis, n in zip(_axes(arg), source.dims, strict=True):
        if axis not in axes or (n != 1 and dims[axes.index(axis)] == 1):
            return None
        places.append(axes.index(axis))
    if len(places) == len(dims):
        ones = all((n == 1) == (m == 1) for n, m in zip(source.dims, dims, strict=True))
        return source if ones else broadcast_axes(source, dims, tuple(places))
    shape = list(dims)
    for place, n in zip(places, source.dims, strict=True):
        shape[place] = dims[place] if n == 1 else n
    return broadcast_axes(source, tuple(shape), tuple(places))
