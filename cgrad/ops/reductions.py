"""Reductions that are not linear: product, largest and smallest element, any, all.

`sum` is in `ops.axes`, beside its transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, sizes
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Shape, TensorType, make_input
from cgrad.core.registry import build
from cgrad.ops.axes import behind, broadcast_axes, permute_axes, reshape_to, sum_axes, without
from cgrad.ops.constants import constant
from cgrad.ops.control import make_scan
from cgrad.ops.kinds import Opaque, Pull, Reduction
from cgrad.ops.scalar import apply_row, cast


class Prod(Opaque):
    """The product over `axes`; float32 is multiplied in float64.

    The derivative by an element is the product of all the others, which is not found by a
    division: it is exact with zeros, to any order.  Where `nonzero` promises that there are none,
    it is the product divided by the element.
    """

    __slots__ = ("axes", "nonzero")
    dependence = "reduced"
    name = "prod"
    takes_complex = True
    lowering = "reduce"

    def __init__(self, axes: tuple[int, ...], nonzero: bool = False) -> None:
        self.axes = axes
        self.nonzero = nonzero

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, without(x.dims, self.axes))

    def reference(self, x: Any) -> Any:
        wide = dtypes.total(x.dtype.name)
        return np.prod(x, axis=self.axes, dtype=wide).astype(x.dtype)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        (x,), (t,) = node.args, tangents
        if t is None or not dtypes.is_inexact(x.dtype):
            return None
        if self.nonzero:
            relative: Node = build("true_div", t, x)
            return apply_row("mul", node, sum_axes(relative, self.axes))
        return sum_axes(build("mul", t, others(x, self.axes)), self.axes)

    def reduction(self, node: Node) -> Reduction:
        dtype = dtypes.total(node.dtype)
        one = exprs.lit(dtypes.one(dtype), dtype)
        return Reduction(node.args[0].dims, self.axes, "mul", one, dtype)

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Prod(behind(lead, self.axes), self.nonzero), args)

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)


def others(x: Node, axes: tuple[int, ...]) -> Node:
    """For each element of x the product of all other elements over `axes`."""
    kept = without(tuple(range(x.ndim)), axes)
    order = (*axes, *kept)
    moved = permute_axes(x, order)
    rows = sizes.product(x.dims[axis] for axis in axes)
    flat = reshape_to(moved, (rows, *(x.dims[axis] for axis in kept)))
    result: Node = build("mul", products_before(flat, False), products_before(flat, True))
    inverse = tuple(order.index(axis) for axis in range(x.ndim))
    return permute_axes(reshape_to(result, moved.dims), inverse)


def products_before(x: Node, reverse: bool) -> Node:
    """For each row of x the product of the rows before it (after it, when `reverse`)."""
    row = TensorType(x.dtype, x.dims[1:])
    before, here = make_input(row, "before"), make_input(row, "row")
    one = broadcast_axes(constant(np.ones((), x.dtype)), row.shape, ())
    step: Node = build("mul", before, here)
    return make_scan(
        [], [one], [x], [], [before], [here], [step], [], x.dims[0], reverse
    ).history(0)  # fmt: skip


class Extreme(Opaque):
    """The largest (`max`) or smallest (`min`) element over `axes`; nan if one is nan.

    Elements that tie share the derivative evenly; `held` makes it zero, for a shift that cancels.
    Of no elements there is none, unless `empty` says that it is the infinity (for integers the
    last number) which every element replaces.
    """

    __slots__ = ("axes", "empty", "held", "which")
    dependence = "reduced"
    lowering = "reduce"

    def __init__(
        self, which: str, axes: tuple[int, ...], empty: bool = False, held: bool = False
    ) -> None:
        self.which = which
        self.axes = axes
        self.empty = empty
        self.held = held

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.which

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, without(x.dims, self.axes))

    def reference(self, x: Any) -> Any:
        f = np.max if self.which == "max" else np.min
        if self.empty:
            return f(x, axis=self.axes, initial=self._start(x.dtype.name))
        return f(x, axis=self.axes)

    def _start(self, dtype: str) -> Any:
        """The value that every element replaces."""
        if dtypes.is_float(dtype):
            return float("-inf" if self.which == "max" else "inf")
        low, high = dtypes.limits(dtype)
        return low if self.which == "max" else high

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        (x,), (t,) = node.args, tangents
        if t is None or self.held or not dtypes.is_float(x.dtype):
            return None
        kept = without(tuple(range(x.ndim)), self.axes)
        winner = apply_row("eq", x, broadcast_axes(node, x.dims, kept))
        mask = cast(winner, x.dtype, implicit=True)
        ties: Node = sum_axes(mask, self.axes)
        total: Node = build("true_div", sum_axes(build("mul", t, mask), self.axes), ties)
        return total

    def reduction(self, node: Node) -> Reduction:
        start = exprs.lit(self._start(node.dtype), node.dtype)
        domain = node.args[0].dims
        return Reduction(domain, self.axes, self.which, start, node.dtype, empty=self.empty)

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        op = Extreme(self.which, behind(lead, self.axes), self.empty, self.held)
        return Node(op, args)

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)


class Quantifier(Opaque):
    """Whether any (`any`) or all (`all`) elements over `axes` are true."""

    __slots__ = ("axes", "which")
    lowering = "reduce"

    def __init__(self, which: str, axes: tuple[int, ...]) -> None:
        self.which = which
        self.axes = axes

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.which

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(dtypes.BOOL, without(x.dims, self.axes))

    def reference(self, x: Any) -> Any:
        return (np.any if self.which == "any" else np.all)(x, axis=self.axes)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> None:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[None]:
        return [None]

    def reduction(self, node: Node) -> Reduction:
        found = self.which == "all"
        start = exprs.lit(found, dtypes.BOOL)
        op = "and" if found else "or"
        return Reduction(node.args[0].dims, self.axes, op, start, dtypes.BOOL)

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Quantifier(self.which, behind(lead, self.axes)), args)

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)
