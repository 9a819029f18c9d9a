"""Ops that rearrange axes, each beside its transpose: broadcast/sum, permute, squeeze, reshape.

Responsible for: the ops and their constructors on nodes.  Not responsible for: what users may
write for axes and shapes (`cgrad.tensor.shape`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, sizes
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Shape, TensorType
from cgrad.core.registry import build, register
from cgrad.core.sizes import SizeLike
from cgrad.ops.kinds import Linear, Pull, Reduction
from cgrad.ops.lengths import not_negative
from cgrad.ops.terms import Line, Term, Unstructured, whole


class Broadcast(Linear):
    """Axis k of the argument becomes axis `axes[k]` of `shape`; an axis of length 1 repeats.

    Of an argument whose length is not known `shape` never says that it is 1 (`broadcast_axes`
    declares it first): two broadcasts one after the other are one.
    """

    __slots__ = ("axes", "shape")
    dependence = "selected"
    name = "broadcast"
    takes_complex = True
    moves = True
    size_slots = ("shape",)

    def __init__(self, shape: Shape, axes: tuple[int, ...]) -> None:
        self.shape = shape
        self.axes = axes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.shape)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for axis, found in zip(self.axes, node.args[0].dims, strict=True):
            if found != 1:
                yield found, self.shape[axis], axis
        yield from not_negative(self.shape)

    def reference(self, x: Any) -> Any:
        shape = [1] * len(self.shape)
        for k, axis in enumerate(self.axes):
            shape[axis] = x.shape[k]
        concrete: Any = self.shape
        return np.broadcast_to(np.reshape(x, shape), concrete)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        source = node.args[0].dims
        stretched = [
            axis
            for axis in range(len(self.shape))
            if axis not in self.axes
            or (source[self.axes.index(axis)] == 1 and self.shape[axis] != 1)
        ]
        gone = [a for a in stretched if self.shape[a] == 1]
        ct = sum_axes(ct, tuple(a for a in stretched if a not in gone))
        left = [a for a in range(len(self.shape)) if a not in stretched or a in gone]
        ct = squeeze_axes(ct, tuple(left.index(a) for a in gone))
        kept = tuple(k for k, axis in enumerate(self.axes) if axis not in stretched)
        return broadcast_axes(ct, source, kept)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        kept: dict[int, int] = {}
        for k, axis in enumerate(self.axes):
            if node.args[0].dims[k] == 1 and self.shape[axis] != 1:
                term = _one_row(term, k)
            else:
                kept[axis] = k
        new = [axis for axis in range(len(self.shape)) if axis not in kept]
        own = term.value.dims
        value = broadcast_axes(
            term.value, (*own, *(self.shape[axis] for axis in new)), tuple(range(len(own)))
        )
        rows = [
            term.rows[kept[axis]] if axis in kept else whole(len(own) + new.index(axis))
            for axis in range(len(self.shape))
        ]
        return [Term(value, rows, term.cols, term.wrt)]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        axes = (*range(len(lead)), *behind(lead, self.axes))
        return Node(Broadcast((*lead, *self.shape), axes), args)

    def value_at(self, node: Node, index: Index) -> Pull:
        (x,) = node.args
        source = tuple(
            0 if n == 1 else index[axis] for axis, n in zip(self.axes, x.dims, strict=True)
        )
        return (yield x, source)


class Sum(Linear):
    """The sum over `axes`; float32 is added up in float64."""

    __slots__ = ("axes",)
    dependence = "reduced"
    name = "sum"
    takes_complex = True
    lowering = "reduce"

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, without(x.dims, self.axes))

    def reference(self, x: Any) -> Any:
        wide = dtypes.total(x.dtype.name)
        return np.sum(x, axis=self.axes, dtype=wide).astype(x.dtype)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        dims = node.args[0].dims
        return broadcast_axes(ct, dims, without(tuple(range(len(dims))), self.axes))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        return [_fewer_rows(term, self.axes)]

    def value_range(self, node: Node) -> tuple[int | None, int | None]:
        # a number of true elements
        (x,) = node.args
        counts = x.op.name == "cast" and x.args[0].dtype == dtypes.BOOL
        return (0, None) if counts and node.dtype == dtypes.INT64 else self.value_bounds

    def reduction(self, node: Node) -> Reduction:
        dtype = dtypes.total(node.dtype)
        zero = exprs.lit(dtypes.zero(dtype), dtype)
        return Reduction(node.args[0].dims, self.axes, "add", zero, dtype)

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Sum(behind(lead, self.axes)), args)

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)


class Permute(Linear):
    """Axis k of the result is axis `axes[k]` of the argument."""

    __slots__ = ("axes",)
    dependence = "selected"
    name = "permute"
    takes_complex = True
    moves = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, tuple(x.dims[a] for a in self.axes))

    def reference(self, x: Any) -> Any:
        return np.transpose(x, self.axes)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return permute_axes(ct, self.inverse())

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        return [term.at_rows([term.rows[axis] for axis in self.axes])]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Permute((*range(len(lead)), *behind(lead, self.axes))), args)

    def inverse(self) -> tuple[int, ...]:
        return tuple(self.axes.index(k) for k in range(len(self.axes)))

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], tuple(index[k] for k in self.inverse()))


class Squeeze(Linear):
    """Without `axes`, each of length 1."""

    __slots__ = ("axes",)
    dependence = "selected"
    name = "squeeze"
    takes_complex = True
    moves = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (x,) = args
        return TensorType(x.dtype, without(x.dims, self.axes))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for axis in self.axes:
            yield node.args[0].dims[axis], 1, axis

    def reference(self, x: Any) -> Any:
        return np.squeeze(x, self.axes)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        dims = node.args[0].dims
        return broadcast_axes(ct, dims, without(tuple(range(len(dims))), self.axes))

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        return [_fewer_rows(term, self.axes)]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Squeeze(behind(lead, self.axes)), args)

    def value_at(self, node: Node, index: Index) -> Pull:
        (x,) = node.args
        rest = iter(index)
        return (yield x, tuple(0 if k in self.axes else next(rest) for k in range(x.ndim)))


class Reshape(Linear):
    """The same elements in row-major order in another shape."""

    __slots__ = ("shape",)
    dependence = "selected"
    name = "reshape"
    takes_complex = True
    lowering = "view"
    size_slots = ("shape",)

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.shape)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield sizes.product(self.shape), sizes.product(node.args[0].dims), -1
        # two negative sizes would multiply to a positive number of elements
        yield from not_negative(self.shape)

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str] | None:
        if axis >= 0:
            return None
        return (
            f"reshape: the new shape has {found} elements, the tensor {expected}",
            "make the sizes multiply to the same number; one of them may be -1",
        )

    def reference(self, x: Any) -> Any:
        return np.reshape(x, self.shape)

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(Reshape((*lead, *self.shape)), args)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return reshape_to(ct, node.args[0].dims)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        source = node.args[0].dims
        ones = tuple(axis for axis, n in enumerate(source) if n == 1)
        term = _fewer_rows(term, ones)
        source = without(source, ones)
        # from the last group on, so that the rows in front keep their places
        for old, new in reversed(list(_groups(source, tuple(n for n in self.shape if n != 1)))):
            if len(old) > 1 or len(new) > 1:
                for row in old:
                    term = build("untie", term, row, source[row])
                term = _regrouped(term, old, new)
        left = iter(term.rows)
        return [term.at_rows([Line(0) if n == 1 else next(left) for n in self.shape])]


def _groups(old: Shape, new: Shape) -> Iterator[tuple[list[int], Shape]]:
    """Runs of axes before and sizes after a reshape, as short as they are known to hold as many."""
    i = j = 0
    while i < len(old) and j < len(new):
        lengths = [
            (p, q)
            for total in range(2, len(old) - i + len(new) - j + 1)
            for p in range(max(1, total - len(new) + j), min(total - 1, len(old) - i) + 1)
            for q in [total - p]
            if sizes.product(old[i : i + p]) == sizes.product(new[j : j + q])
        ]
        p, q = lengths[0] if lengths else (len(old) - i, len(new) - j)
        yield list(range(i, i + p)), new[j : j + q]
        i, j = i + p, j + q
    if i < len(old) or j < len(new):
        raise Unstructured("reshape")


def _regrouped(term: Term, rows: list[int], shape: Shape) -> Term:
    """The term with neighbouring rows, each with an axis of its own, reshaped to `shape`."""
    own = [line.axis for line in (term.rows[row] for row in rows) if line.axis is not None]
    others = [axis for axis in range(term.value.ndim) if axis not in own]
    before = [axis for axis in others if axis < own[0]]
    behind = [axis for axis in others if axis > own[0]]
    moved = permute_axes(term.value, (*before, *own, *behind))
    first, last = len(before), len(before) + len(own)
    dims = (*moved.dims[:first], *shape, *moved.dims[last:])
    order = [*before, *(-1 for _ in shape), *behind]

    def renamed(line: Line) -> Line:
        if line.axis is None or line.axis in own:
            return line
        return line._replace(axis=order.index(line.axis))

    term = term.mapped(reshape_to(moved, dims), renamed)
    new = [whole(first + k) for k in range(len(shape))]
    return term.at_rows([*term.rows[: rows[0]], *new, *term.rows[rows[-1] + 1 :]])


def depends_on_value(size: SizeLike) -> bool:
    """Whether a value of the graph is part of the size, and not only lengths of tensors."""
    return any(atom.kind == "value" for atom in sizes.atoms(size))


class Shaped(Linear):
    """The argument, whose shape has to be `shape`; `what` and `fix` are for the message."""

    __slots__ = ("fix", "shape", "what")
    dependence = "selected"
    takes_complex = True
    moves = True
    size_slots = ("shape",)

    def __init__(self, shape: Shape, what: str, fix: str) -> None:
        self.shape = shape
        # who expects the shape, and what to do
        self.what = what
        self.fix = fix

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for axis, pair in enumerate(zip(node.args[0].dims, self.shape, strict=True)):
            yield (*pair, axis)

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str]:
        return f"{self.what}: axis {axis} has size {found}, expected {expected}", self.fix

    def reference(self, x: Any) -> Any:
        return x

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(type(self)((*lead, *self.shape), self.what, self.fix), args)

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)


class Expect(Shaped):
    """The argument, whose shape has to be `shape`; checked where those sizes are known.

    Lengths of arguments do not become dependencies: a seed of a derivative has the shape of a
    tensor that the derivative may not need otherwise.  What a value of the graph decides does: it
    has to be there for the check.
    """

    __slots__ = ()
    name = "expect_shape"

    def sizes(self) -> Iterator[SizeLike]:
        return (n for n in self.shape if depends_on_value(n))

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return args[0].type  # type: ignore[no-any-return]

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return ct

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        return [term]


class Declare(Shaped):
    """The argument, whose shape has to be `shape` and is taken to be that from here on."""

    __slots__ = ()
    name = "specify_shape"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, self.shape)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(Declare(node.args[0].dims, self.what, self.fix), (ct,))


def expect_shape(x: Node, shape: Shape, what: str, fix: str) -> Node:
    """x, checked to have `shape`; x itself when it is known to have it.

    `what` expects it and `fix` says what to do about another shape, in the message of the error.
    """
    return x if x.dims == shape else Node(Expect(shape, what, fix), (x,))


def behind(lead: Shape, axes: Iterable[int]) -> tuple[int, ...]:
    """The places of `axes` once the axes `lead` are in front of them."""
    return tuple(axis + len(lead) for axis in axes)


def with_leading(x: Node, lead: Shape, own: int = 0) -> Node:
    """x with its first `own` axes stretched to the leading axes `lead`."""
    first = len(lead) - own
    return broadcast_axes(x, (*lead, *x.dims[own:]), tuple(range(first, first + x.ndim)))


def all_leading(args: Iterable[Node], on: Iterable[bool], lead: Shape) -> tuple[Node, ...]:
    """Arguments of `batched`, each with the leading axes."""
    return tuple(x if has else with_leading(x, lead) for x, has in zip(args, on, strict=True))


def without(items: tuple[Any, ...], axes: Iterable[int]) -> tuple[Any, ...]:
    """`items` but for the positions in `axes`."""
    dropped = set(axes)
    return tuple(item for k, item in enumerate(items) if k not in dropped)


def _one_row(term: Term, row: int) -> Term:
    """The term with row line `row`, of an axis of length 1, left one position."""
    axis = term.rows[row].axis
    if axis is None:
        return term
    if term.value.dims[axis] != 1:
        raise Unstructured("broadcast")
    return term.without(squeeze_axes(term.value, (axis,)), (axis,))


def _fewer_rows(term: Term, rows: tuple[int, ...]) -> Term:
    """The sum of a term over `rows`: where a column holds the index, nothing is added up."""
    term = term.at_rows(without(term.rows, rows))
    used = {line.axis for line in term.lines}
    gone = tuple(axis for axis in range(term.value.ndim) if axis not in used)
    ones = tuple(axis for axis in gone if term.value.dims[axis] == 1)
    value = sum_axes(term.value, tuple(axis for axis in gone if axis not in ones))
    left = without(tuple(range(term.value.ndim)), tuple(set(gone) - set(ones)))
    return term.without(squeeze_axes(value, tuple(left.index(axis) for axis in ones)), gone)


def broadcast_axes(x: Node, shape: Shape, axes: tuple[int, ...]) -> Node:
    """x stretched to `shape`, its axis k becoming axis `axes[k]`; x itself if nothing changes."""
    target = tuple(shape[axis] for axis in axes)
    x = declare_ones(x, target, "broadcast", "an axis is repeated only if its length is 1")
    return x if x.dims == shape else Node(Broadcast(shape, axes), (x,))


def declare_ones(x: Node, like: Shape, what: str, fix: str) -> Node:
    """x, declared to have length 1 where that is known from `like` only."""
    dims = tuple(1 if m == 1 else n for n, m in zip(x.dims, like, strict=True))
    return x if x.dims == dims else Node(Declare(dims, what, fix), (x,))


def sum_axes(x: Node, axes: tuple[int, ...]) -> Node:
    """The sum of x over `axes`; x itself for no axes."""
    return Node(Sum(axes), (x,)) if axes else x


def permute_axes(x: Node, axes: tuple[int, ...]) -> Node:
    """The axes of x in the order `axes`; x itself when that is its own."""
    return x if axes == tuple(range(x.ndim)) else Node(Permute(axes), (x,))


def squeeze_axes(x: Node, axes: tuple[int, ...]) -> Node:
    """x without `axes`, each of length 1."""
    return Node(Squeeze(axes), (x,)) if axes else x


def reshape_to(x: Node, shape: Shape) -> Node:
    """x in another shape of the same number of elements; x itself when it has that shape."""
    return x if x.dims == shape else Node(Reshape(shape), (x,))


register("permute_axes", permute_axes)
register("declare_ones", declare_ones)
