"""Rules about axes: sum, permute, squeeze, reshape, and the axes of products.

Responsible for: shape algebra.  Not responsible for: broadcasts under elementwise functions
(`canonical`), windows (`windows`), or which product routine a contraction becomes.
"""

from __future__ import annotations

import math

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.rewrite import RuleSet
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import (
    Broadcast,
    Declare,
    Expect,
    Permute,
    Reshape,
    Squeeze,
    Sum,
    broadcast_axes,
    depends_on_value,
    expect_shape,
    permute_axes,
    reshape_to,
    squeeze_axes,
    sum_axes,
    without,
)
from cgrad.ops.coerce import stretch
from cgrad.ops.constants import size_node
from cgrad.ops.contract import Contract, contract
from cgrad.ops.scalar import apply_row, cast
from cgrad.ops.windows import Place
from cgrad.rewrites.patterns import full, is_op, scalar

SHAPES = RuleSet("shapes", complex=True)


def _stretched(node: Node) -> set[int]:
    """The axes of a broadcast along which its elements repeat."""
    op = node.op
    assert isinstance(op, Broadcast)
    kept = {
        axis
        for axis, n in zip(op.axes, node.args[0].dims, strict=True)
        if n != 1 or node.dims[axis] == 1
    }
    return set(range(node.ndim)) - kept


def _ones(v: Node, count: int) -> Node:
    """v behind leading axes of length 1 that come from no broadcast: for examples."""
    ones, zeros, rest = (1,) * count, (0,) * (count + v.ndim), (False,) * v.ndim
    shape = (*ones, *v.dims)
    return Node(Place(shape, zeros, shape, (1,) * len(zeros), (True,) * count + rest), (v,))


# -- sum -------------------------------------------------------------------------------------
@SHAPES.rule(Sum, exact=False, example=lambda x: Node(Sum(()), (x,)))
def sum_nothing(node: Node) -> Node | None:
    """sum(x) over no axes -> x"""
    assert isinstance(node.op, Sum)
    return node.args[0] if not node.op.axes else None


@SHAPES.rule(
    Sum, "dot", exact=False,
    example=(lambda mat: sum_axes(-mat, (0,)), lambda vec: build("dot", -vec, vec)),
)  # fmt: skip
def sum_neg(node: Node) -> Node | None:
    """sum(-x) -> -sum(x), dot(-a, b) -> -dot(a, b)"""
    negated = [is_op(arg, "neg") for arg in node.args]
    if not any(negated):
        return None
    args = (arg.args[0] if minus else arg for arg, minus in zip(node.args, negated, strict=True))
    new = Node(node.op, tuple(args))
    return new if sum(negated) == 2 else apply_row("neg", new)


@SHAPES.rule(
    Sum, exact=False,
    example=(lambda v: sum_axes(stretch(v, (4, *v.dims)), (0,)),
             lambda vec: sum_axes(stretch(vec, (4, *vec.dims)), (0, 1))),
    domain="the axis is not empty",
    complex=False,
)  # fmt: skip
def sum_broadcast(node: Node) -> Node | None:
    """sum(broadcast(x)) over axes of length n -> n * sum(x)"""
    (arg,) = node.args
    if not isinstance(arg.op, Broadcast) or node.dtype == dtypes.BOOL:
        return None
    assert isinstance(node.op, Sum)
    repeated = _stretched(arg) & set(node.op.axes)
    # n * x is nan for an infinite x and n = 0, where the sum is 0
    lengths = [n for axis in repeated if isinstance(n := arg.dims[axis], int) and n > 0]
    if not repeated or len(lengths) < len(repeated):
        return None
    count = math.prod(lengths)
    if dtypes.is_float(node.dtype) and int(dtypes.NUMPY[node.dtype].type(count)) != count:
        return None
    source = arg.args[0]
    inner = tuple(k for k, axis in enumerate(arg.op.axes) if axis in node.op.axes)
    left = [axis for axis in range(arg.ndim) if axis not in node.op.axes]
    places = tuple(left.index(axis) for axis in arg.op.axes if axis in left)
    total = sum_axes(source, tuple(k for k in inner if arg.op.axes[k] not in repeated))
    gone = [k for k in inner if arg.op.axes[k] in repeated]
    before = [k for k in range(source.ndim) if k not in inner or k in gone]
    total = squeeze_axes(total, tuple(before.index(k) for k in gone))
    scaled = apply_row("mul", full(count, node.dtype, total.dims), total)
    return broadcast_axes(scaled, node.dims, places)


@SHAPES.rule(
    Sum, exact=False,
    example=(lambda mat: sum_axes(stretch(mat, (3, *mat.dims)), (1,)),
             lambda vec: sum_axes(broadcast_axes(vec, (*vec.dims, 4), (0,)), (0,))),
)  # fmt: skip
def sum_beside_broadcast(node: Node) -> Node | None:
    """sum(broadcast(x)) over other axes than x repeats along -> broadcast(sum(x))"""
    (arg,) = node.args
    if not isinstance(arg.op, Broadcast):
        return None
    assert isinstance(node.op, Sum)
    repeated = _stretched(arg)
    if not repeated or repeated & set(node.op.axes):
        return None
    axes = arg.op.axes
    left = [axis for axis in range(arg.ndim) if axis not in node.op.axes]
    total = sum_axes(arg.args[0], tuple(k for k, axis in enumerate(axes) if axis not in left))
    return broadcast_axes(
        total, node.dims, tuple(left.index(axis) for axis in axes if axis in left)
    )


@SHAPES.rule(
    Sum, exact=False, domain="0 <= c, finite", example=lambda vec: sum_axes(vec.fill(1.0), (0,)),
    complex=False,
)  # fmt: skip
def sum_constant(node: Node) -> Node | None:
    """sum(broadcast(c)) over axes of length n -> n * c"""
    (arg,) = node.args
    value = scalar(arg)
    if value is None or node.dtype == dtypes.BOOL or not np.isfinite(value) or value < 0:
        return None
    assert isinstance(node.op, Sum)
    if np.signbit(value) or not node.op.axes:
        return None
    size = sizes.product(arg.dims[axis] for axis in node.op.axes)
    count = _size_as(size, node.dtype)
    scaled = count if value == 1 else apply_row("mul", full(value, node.dtype, ()), count)
    return broadcast_axes(scaled, node.dims, ())


def _size_as(size: SizeLike, dtype: str) -> Node:
    if isinstance(size, int):
        return full(size, dtype, ())
    return cast(size_node(size), dtype, implicit=True)


# -- permute, squeeze, reshape ---------------------------------------------------------------
@SHAPES.rule(Expect, example=lambda mat: expect_shape(mat, (2, mat.dims[1]), "", ""))
def expected_shape(node: Node) -> Node | None:
    """expect_shape(x) -> x, the check having been collected from the graph as written

    One that can be made only inside of the call, where a size is computed, stays.
    """
    pairs = node.op.equalities(node)
    inside = any(depends_on_value(n) for found, wanted, _ in pairs for n in (found, wanted))
    return None if inside else node.args[0]


@SHAPES.rule(Declare, example=lambda mat: Node(Declare(mat.dims, "", ""), (mat,)))
def declare_nothing(node: Node) -> Node | None:
    """specify_shape(x) of the shape of x -> x"""
    (x,) = node.args
    return x if x.dims == node.dims else None


@SHAPES.rule(Permute, example=lambda mat: permute_axes(permute_axes(mat, (1, 0)), (1, 0)))
def permute_permute(node: Node) -> Node | None:
    """permute(permute(x)) -> permute(x)"""
    (inner,) = node.args
    if not isinstance(inner.op, Permute):
        return None
    assert isinstance(node.op, Permute)
    return permute_axes(inner.args[0], tuple(inner.op.axes[k] for k in node.op.axes))


@SHAPES.rule(Permute, example=lambda mat: Node(Permute((0, 1)), (mat,)))
def permute_nothing(node: Node) -> Node | None:
    """permute(x) to its own order -> x"""
    assert isinstance(node.op, Permute)
    return node.args[0] if node.op.axes == tuple(range(node.ndim)) else None


@SHAPES.rule(Permute, example=lambda vec: permute_axes(stretch(vec, (2, *vec.dims)), (1, 0)))
def permute_broadcast(node: Node) -> Node | None:
    """permute(broadcast(x)) -> broadcast(permute(x))"""
    (inner,) = node.args
    if not isinstance(inner.op, Broadcast):
        return None
    assert isinstance(node.op, Permute)
    places = [node.op.axes.index(axis) for axis in inner.op.axes]
    order = tuple(sorted(range(len(places)), key=places.__getitem__))
    return broadcast_axes(permute_axes(inner.args[0], order), node.dims, tuple(sorted(places)))


@SHAPES.rule(
    Permute, example=lambda mat: permute_axes(contract(mat, (0, 1), mat, (0, 2), (1, 2)), (1, 0))
)
def permute_dot(node: Node) -> Node | None:
    """transpose(dot(a, b)) -> dot(a, b) with its result axes in another order"""
    (inner,) = node.args
    if not isinstance(inner.op, Contract):
        return None
    assert isinstance(node.op, Permute)
    out = tuple(inner.op.out[k] for k in node.op.axes)
    return Node(Contract(inner.op.left, inner.op.right, out), inner.args)


@SHAPES.rule(
    Contract,
    example=lambda mat: contract(permute_axes(mat, (1, 0)), (0, 1), mat, (1, 2), (0, 2)),
    exact=False,
)
def dot_permute(node: Node) -> Node | None:
    """dot(transpose(a), b) -> dot(a, b) over other axes"""
    op = node.op
    assert isinstance(op, Contract)
    if not any(isinstance(arg.op, Permute) for arg in node.args):
        return None
    labels, args = [op.left, op.right], list(node.args)
    for k, arg in enumerate(node.args):
        if isinstance(arg.op, Permute):
            labels[k] = tuple(labels[k][axis] for axis in arg.op.inverse())
            args[k] = arg.args[0]
    return Node(Contract(labels[0], labels[1], op.out), tuple(args))


@SHAPES.rule(Contract, exact=False, example=lambda vec: contract(vec, (5,), vec, (5,), ()))
def dot_labels(node: Node) -> Node | None:
    """dot(a, b) -> dot(a, b) with labels counted from 0 in the order they appear"""
    op = node.op
    assert isinstance(op, Contract)
    names = {label: k for k, label in enumerate(dict.fromkeys((*op.left, *op.right)))}
    left, right, out = (tuple(names[x] for x in axes) for axes in (op.left, op.right, op.out))
    same = (left, right, out) == (op.left, op.right, op.out)
    return None if same else Node(Contract(left, right, out), node.args)


@SHAPES.rule(Squeeze, example=lambda v: squeeze_axes(squeeze_axes(_ones(v, 2), (0,)), (0,)))
def squeeze_squeeze(node: Node) -> Node | None:
    """squeeze(squeeze(x)) -> squeeze(x)"""
    (inner,) = node.args
    if not isinstance(inner.op, Squeeze):
        return None
    assert isinstance(node.op, Squeeze)
    x = inner.args[0]
    left = without(tuple(range(x.ndim)), inner.op.axes)
    return squeeze_axes(x, tuple(sorted((*inner.op.axes, *(left[k] for k in node.op.axes)))))


@SHAPES.rule(Squeeze, example=lambda v: squeeze_axes(stretch(v, (1, *v.dims)), (0,)))
def squeeze_broadcast(node: Node) -> Node | None:
    """squeeze(broadcast(x)) -> broadcast(x)"""
    (inner,) = node.args
    if not isinstance(inner.op, Broadcast):
        return None
    assert isinstance(node.op, Squeeze)
    gone = node.op.axes
    if any(inner.dims[axis] != 1 for axis in gone):
        return None
    x = inner.args[0]
    x = squeeze_axes(x, tuple(k for k, axis in enumerate(inner.op.axes) if axis in gone))
    left = without(tuple(range(inner.ndim)), gone)
    places = tuple(left.index(axis) for axis in inner.op.axes if axis not in gone)
    return broadcast_axes(x, node.dims, places)


@SHAPES.rule(Broadcast, example=lambda v: stretch(squeeze_axes(_ones(v, 1), (0,)), (1, *v.dims)))
def broadcast_squeeze(node: Node) -> Node | None:
    """broadcast(squeeze(x)) to the shape of x -> x"""
    (inner,) = node.args
    if not isinstance(inner.op, Squeeze) or inner.args[0].dims != node.dims:
        return None
    assert isinstance(node.op, Broadcast)
    kept = without(tuple(range(node.ndim)), inner.op.axes)
    return inner.args[0] if node.op.axes == kept else None


@SHAPES.rule(
    Reshape, example=lambda mat: reshape_to(
        reshape_to(mat, (mat.dims[0] * mat.dims[1],)), (mat.dims[1], mat.dims[0])),
)  # fmt: skip
def reshape_reshape(node: Node) -> Node | None:
    """reshape(reshape(x)) -> reshape(x)"""
    (inner,) = node.args
    return reshape_to(inner.args[0], node.dims) if isinstance(inner.op, Reshape) else None


@SHAPES.rule(
    Reshape,
    example=(lambda v: reshape_to(v, (1, *v.dims, 1)),
             lambda v: reshape_to(stretch(v, (1, *v.dims)), v.dims)),
)  # fmt: skip
def reshape_ones(node: Node) -> Node | None:
    """reshape(x) that only adds and removes axes of length 1 -> broadcast(squeeze(x))"""
    (x,) = node.args
    kept = tuple(axis for axis, n in enumerate(x.dims) if n != 1)
    places = tuple(axis for axis, n in enumerate(node.dims) if n != 1)
    if tuple(x.dims[a] for a in kept) != tuple(node.dims[a] for a in places):
        return None
    return broadcast_axes(squeeze_axes(x, without(tuple(range(x.ndim)), kept)), node.dims, places)


@SHAPES.rule(Reshape, example=lambda mat: reshape_to(mat.fill(2.0), (mat.dims[1], mat.dims[0])))
def reshape_number(node: Node) -> Node | None:
    """reshape(broadcast(x)), x a scalar -> broadcast(x)"""
    (inner,) = node.args
    if not isinstance(inner.op, Broadcast) or inner.args[0].ndim:
        return None
    return broadcast_axes(inner.args[0], node.dims, ())
