"""Products with a sum over shared axes: `dot` of vectors and matrices and their derivatives.

Responsible for: the op `Contract`, closed under transposition; the same as a product of matrices.
Not responsible for: when it becomes one (`cgrad.rewrites.matmul`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Shape, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.arithmetic import times
from cgrad.ops.axes import broadcast_axes, permute_axes
from cgrad.ops.kinds import Linear, Pull, Reduction
from cgrad.ops.lines import window_of
from cgrad.ops.terms import Line, Term, Unstructured, whole

Labels = tuple[int, ...]

# loop orders are compared for this many labels: 720 orders
MAX_ORDERED = 6


class Contract(Linear):
    """sum over the labels of `left` and `right` that are not in `out` of left * right.

    Each axis carries a label; axes with the same label run together, as in `numpy.einsum`.
    float32 is added up in float64.
    """

    __slots__ = ("left", "out", "right")
    dependence = "contracted"
    name = "dot"
    takes_complex = True
    lowering = "reduce"
    multilinear = True

    def __init__(self, left: Labels, right: Labels, out: Labels) -> None:
        self.left = left
        self.right = right
        self.out = out

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        dims = self.dims(args)
        return TensorType(args[0].dtype, tuple(dims[label] for label in self.out))

    def dims(self, args: tuple[Node, ...]) -> dict[int, SizeLike]:
        """The size of each label."""
        found = dict(zip(self.left, args[0].dims, strict=True))
        for label, size in zip(self.right, args[1].dims, strict=True):
            if label not in found or isinstance(size, int):
                found[label] = size
        return found

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        dims = self.dims(node.args)
        for labels, arg in ((self.left, node.args[0]), (self.right, node.args[1])):
            for axis, (label, found) in enumerate(zip(labels, arg.dims, strict=True)):
                if found != dims[label]:
                    yield found, dims[label], axis

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        first = 1 + max((*self.left, *self.right, *self.out), default=-1)
        new = tuple(range(first, first + len(lead)))
        left, right = (
            new * has + own for has, own in zip(on, (self.left, self.right), strict=True)
        )
        return Node(Contract(left, right, new + self.out), args)

    def reference(self, a: Any, b: Any) -> Any:
        wide = dtypes.total(a.dtype.name)
        product = np.einsum(a.astype(wide), self.left, b.astype(wide), self.right, self.out)
        return np.asarray(product).astype(a.dtype)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        other = node.args[1 - position]
        own, labels = (self.left, self.right) if position == 0 else (self.right, self.left)
        if dtypes.is_complex(other.dtype):
            other = build("conj", other)
        return contract(ct, self.out, other, labels, own)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        other = node.args[1 - position]
        own, labels = (self.left, self.right) if position == 0 else (self.right, self.left)
        if len(set(own)) < len(own) or len(set(labels)) < len(labels):
            raise Unstructured(self.name)
        # rows that share an index may do so, unless `other` had to be read along a diagonal
        rows_read = [row for row, label in enumerate(own) if label in labels]
        for k, row in enumerate(rows_read):
            axis = term.rows[row].axis
            if axis is not None and axis in [term.rows[r].axis for r in rows_read[:k]]:
                term = build("untie", term, row, node.args[position].dims[row])
        lines = dict(zip(own, term.rows, strict=True))
        # the axes of the values are labelled by their positions, those of `other` alone follow
        ids = {label: term.value.ndim + k for k, label in enumerate(labels) if label not in lines}
        there = [lines.get(label, whole(ids.get(label, -1))) for label in labels]
        window = window_of(other.dims, there, term.value.dims)
        other = other if window is None else Node(window, (other,))
        right = tuple(line.axis for line in there if line.axis is not None)
        rows = [lines[label] if label in lines else whole(ids[label]) for label in self.out]
        result = Term(term.value, rows, term.cols, term.wrt)
        out = tuple(dict.fromkeys(line.axis for line in result.lines if line.axis is not None))
        value = contract(term.value, tuple(range(term.value.ndim)), other, right, out)

        def renamed(line: Line) -> Line:
            return line if line.axis is None else line._replace(axis=out.index(line.axis))

        return [result.mapped(value, renamed)]

    def order(self) -> Labels:
        """The labels from the outermost loop to the innermost."""
        return _loop_order(self.left, self.right, self.out)

    def reduction(self, node: Node) -> Reduction:
        dims = self.dims(node.args)
        order = self.order()
        axes = tuple(k for k, label in enumerate(order) if label not in self.out)
        dtype = dtypes.total(node.dtype)
        zero = exprs.lit(dtypes.zero(dtype), dtype)
        domain = tuple(dims[label] for label in order)
        result = tuple(order.index(label) for label in self.out)
        return Reduction(domain, axes, "add", zero, dtype, result=result)

    def value_at(self, node: Node, index: Index) -> Pull:
        at = dict(zip(self.order(), index, strict=True))
        wide = dtypes.total(node.dtype)
        a = yield node.args[0], tuple(at[label] for label in self.left)
        b = yield node.args[1], tuple(at[label] for label in self.right)
        return times(exprs.cast(a, wide), exprs.cast(b, wide))


class MatrixProduct(Contract):
    """A contraction that is a product of matrices for each index of its other labels.

    It is made where `matrix_of` finds the matrices.  The sums are those of the BLAS, in the dtype
    of the operands; see `runtime/cg_blas.h`.
    """

    __slots__ = ()
    name = "matmul"
    lowering = "emit"
    stores_arguments = True
    fills_rows = True

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        operands = [(self.left, node.args[0]), (self.right, node.args[1])]
        found = matrix_of(self.left, self.right, self.out)
        assert found is not None
        m, n, k = found
        if self.out[-1] != n:
            # the transpose of the product is the product of the transposes in reverse
            m, n = n, m
            operands.reverse()
        dims = {label: block.resolve(size) for label, size in self.dims(node.args).items()}
        (on_a, a), (on_b, b) = (
            (labels, block.rows(arg, in_rows(labels, {m, n, k}))) for labels, arg in operands
        )
        c = block.target(place, node.ndim)
        transposed_a, lda = _leading(on_a, a.strides, k, m)
        transposed_b, ldb = _leading(on_b, b.strides, n, k)
        ldc = c.strides[self.out.index(m)]
        outer = [label for label in self.out if label not in (m, n)]
        suffix = "f64" if node.dtype == dtypes.FLOAT64 else "f32"
        mirrored = a.same(b) and lda == ldb and transposed_a != transposed_b
        symmetric = not outer and mirrored and dims[m] == dims[n]

        def product(index: Index) -> list[Any]:
            at = dict.fromkeys((m, n, k), 0) | dict(zip(outer, index, strict=True))
            first_a, first_b, first_c = (
                rows.at([at[label] for label in labels])
                for labels, rows in ((on_a, a), (on_b, b), (self.out, c))
            )
            if symmetric:
                shape: Index = (dims[m], dims[k], transposed_a, lda, ldc)
                call = loops.Invoke(f"cg_syrk_{suffix}", shape, (first_a,), (first_c,), ("rt",))
            else:
                shape = (dims[m], dims[n], dims[k], transposed_a, lda, transposed_b, ldb, ldc)
                reads = (first_a, first_b)
                call = loops.Invoke(f"cg_gemm_{suffix}", shape, reads, (first_c,), ("rt",))
            call.note = "" if outer else why
            return [call]

        block.stmts += block.nest([dims[label] for label in outer], product, why)


def matrix_labels(left: Labels, right: Labels, out: Labels) -> tuple[Labels, Labels, Labels]:
    """The labels of the rows and of the columns of the result, and those that are summed over.

    The labels of both operands and the result, if any, are in none of the three.
    """
    rows = tuple(label for label in left if label in out and label not in right)
    columns = tuple(label for label in right if label in out and label not in left)
    summed = tuple(label for label in left if label in right and label not in out)
    return rows, columns, summed


def matrix_of(left: Labels, right: Labels, out: Labels) -> tuple[int, int, int] | None:
    """The labels of the matrices to multiply: rows, columns, and what is summed over.

    All others are of a loop around the product.  None unless each operand ends in one of its own
    two, so that rows are contiguous.
    """
    rows, columns, summed = matrix_labels(left, right, out)
    if not rows or not columns or len(summed) != 1:
        return None
    m, n = (
        out[-1] if out[-1] in labels else max(labels, key=axes.index)
        for labels, axes in ((rows, left), (columns, right))
    )
    k = summed[0]
    plain = left[-1] in (m, k) and right[-1] in (n, k) and out[-1] in (m, n)
    return (m, n, k) if plain else None


def in_rows(labels: Labels, matrix: Collection[int]) -> Callable[[Any], bool]:
    """Whether the rows of a matrix are contiguous and lie one after the other."""

    def fits(rows: Any) -> bool:
        strides = [s for label, s in zip(labels, rows.strides, strict=True) if label in matrix]
        low, _ = sizes.bounds(sum(strides))
        return strides.count(1) == 1 and 0 not in strides and low is not None and low >= 0

    return fits


def _leading(labels: Labels, strides: Index, inner: int, outer: int) -> tuple[int, SizeLike]:
    """Whether a matrix of axes (outer, inner) is stored as its transpose; the distance of rows."""
    by_label = dict(zip(labels, strides, strict=True))
    if by_label[inner] == 1:
        return 0, by_label[outer]
    return 1, by_label[inner]


@functools.lru_cache(maxsize=256)
def _loop_order(left: Labels, right: Labels, out: Labels) -> Labels:
    """The labels from the outermost loop to the innermost.

    The innermost runs along contiguous axes, and few results are kept open at a time.
    """
    labels = sorted({*left, *right})
    # all orders of many labels are too many to try: the first of the result stay outside
    first = [*out, *(label for label in labels if label not in out)]
    fixed = tuple(first[: max(len(labels) - MAX_ORDERED, 0)])
    free = [label for label in labels if label not in fixed]
    operands = [left, right, out]

    def cost(order: Labels) -> tuple[int, int, Labels]:
        strided = sum(order[-1] in axes and axes[-1] != order[-1] for axes in operands)
        summed = [k for k, label in enumerate(order) if label not in out]
        inside = sum(label in out for label in order[min(summed, default=0) :])
        return strided, inside, tuple(out.index(x) if x in out else -1 for x in order)

    return min(((*fixed, *rest) for rest in itertools.permutations(free)), key=cost)


def contract(a: Node, left: Labels, b: Node, right: Labels, out: Labels) -> Node:
    """The contraction; a product of stretched tensors when nothing is summed."""
    if set(out) == {*left, *right}:
        dims = dict(zip(left, a.dims, strict=True)) | dict(zip(right, b.dims, strict=True))
        shape = tuple(dims[label] for label in out)
        product: Node = build("mul", _aligned(a, left, shape, out), _aligned(b, right, shape, out))
        return product
    return Node(Contract(left, right, out), (a, b))


def _aligned(x: Node, labels: Labels, shape: tuple[SizeLike, ...], out: Labels) -> Node:
    """x permuted and stretched so that each of its axes lies where `out` has its label."""
    places = [out.index(label) for label in labels]
    order = tuple(sorted(range(len(places)), key=places.__getitem__))
    return broadcast_axes(permute_axes(x, order), shape, tuple(sorted(places)))
