"""Linear algebra on matrices in the last two axes: factors, and solves with them.

A factorisation is a node of its own that has no derivative; what is computed with it takes the
matrix too, and its rules are about the matrix.  So a value and its derivatives share one
factorisation.  The rules are those of M. Giles, "Collected matrix derivative results for forward
and reverse mode algorithmic differentiation" (2008), and for `Cholesky` of I. Murray,
"Differentiation of the Cholesky decomposition" (2016).

Responsible for: the ops.  Not responsible for: promotion, stretching and vectors
(`cgrad.tensor.linalg`), or the algorithms (`runtime/cg_lapack.h`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, loops
from cgrad.core.derive import vjp_of_jvp
from cgrad.core.exprs import Index
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes, permute_axes, sum_axes
from cgrad.ops.constants import constant
from cgrad.ops.contract import in_rows
from cgrad.ops.diagonals import Triangle, diagonal_of
from cgrad.ops.kinds import Opaque, Pull
from cgrad.ops.solved import solved_terms

Maybe = Node | None


class Factor(Opaque):
    """What is computed by calls on rows in memory, one for each matrix."""

    __slots__ = ()
    dependence = "stacked"
    mixed_axes = 2
    lowering = "emit"
    keeps_leading = True
    stores_arguments = True
    fills_rows = True

    def call(
        self,
        node: Node,
        block: Any,
        place: Any,
        why: str,
        sizes: Sequence[SizeLike],
        reads: Sequence[Any],
        spare: Sequence[exprs.Buffer] = (),
        checked: int | None = None,
    ) -> None:
        """A call of the function `cg_` + name for each index of the leading axes.

        It is given rt, `sizes`, the first element of each matrix in `reads` and of the result, and
        buffers for its own use.
        """
        out = block.target(place, node.ndim)
        batch = node.dims[:-2]
        suffix = "f64" if node.dtype == dtypes.FLOAT64 else "f32"

        def body(index: Index) -> list[Any]:
            first = (*index, 0, 0)
            rows = tuple(rows.at(first) for rows in reads)
            written = (out.at(first), *((buffer, (0,) * len(buffer.shape)) for buffer in spare))
            call = loops.Invoke(f"cg_{self.name}_{suffix}", tuple(sizes), rows, written, ("rt",))
            call.checked = checked
            call.note = "" if batch else why
            return [call]

        block.stmts += block.nest(batch, body, why)


def _anywhere(rows: Any) -> bool:
    return True


def _flat(node: Node) -> Any:
    """The test whether matrices lie in rows, or in columns."""
    axes = tuple(range(node.ndim))
    return in_rows(axes, axes[-2:])


def _square(node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
    x = node.args[0]
    yield x.dims[-1], x.dims[-2], x.ndim - 1


def turned(x: Node) -> Node:
    """The transposes of the matrices."""
    axes = tuple(range(x.ndim))
    return permute_axes(x, (*axes[:-2], axes[-1], axes[-2]))


def _product(a: Node, b: Node) -> Node:
    product: Node = build("matmul", a, b)
    return product


def _triangle(x: Node, lower: bool, k: int = 0) -> Node:
    return Node(Triangle(k, lower), (x,))


def _half(x: Node) -> Node:
    """The lower triangle with half of the diagonal."""
    both: Node = build("add", _triangle(x, True), _triangle(x, True, -1))
    scaled: Node = build("mul", both, 0.5)
    return scaled


def identity_like(x: Node) -> Node:
    """Identity matrices in the shape of x."""
    one = broadcast_axes(constant(np.ones((), x.dtype)), x.dims, ())
    return _triangle(_triangle(one, True), False)


# -- Cholesky ------------------------------------------------------------------------------------
class Cholesky(Factor):
    """The lower triangular L with L L^T = A, of which the lower triangle is read.

    Filled with nan where A is not positive definite, or, if it `raises`, the status CG_VALUE.
    Derivatives are with respect to the lower triangle.
    """

    __slots__ = ("raises",)
    name = "cholesky"

    def __init__(self, raises: bool = False) -> None:
        self.raises = raises

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        return _square(node)

    def bad_value(self) -> tuple[str, str]:
        return (
            "cholesky: the matrix is not positive definite",
            "add a small multiple of the identity, or pass on_error='nan' and test the result",
        )

    def reference(self, a: Any) -> Any:
        result = np.full(a.shape, np.nan, a.dtype)
        for index in np.ndindex(a.shape[:-2]):
            lower = np.tril(a[index])
            try:
                result[index] = np.linalg.cholesky(lower + np.tril(lower, -1).T)
            except np.linalg.LinAlgError:
                if self.raises:
                    raise
        return result

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        (t,) = tangents
        if t is None:
            return None
        # dL = L half(L^-1 dA L^-T)
        whole = build("add", _triangle(t, True), turned(_triangle(t, True, -1)))
        inner = solve_lower(node, turned(solve_lower(node, whole)))
        return _product(node, _half(inner))

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        # L^-T half(L^T ct) L^-1, then from symmetric to lower triangle
        middle = _half(_product(turned(node), ct))
        left = solve_lower(node, middle, transposed=True)
        s = turned(solve_lower(node, turned(left), transposed=True))
        both = build("add", s, turned(s))
        return [_half(both)]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], _anywhere)
        ld = block.target(place, node.ndim).strides[-2]
        sizes = (block.resolve(node.dims[-1]), *a.strides[-2:], ld)
        tag = -1 if node.tag is None else node.tag
        self.call(node, block, place, why, sizes, [a], checked=tag if self.raises else None)


# -- triangular systems --------------------------------------------------------------------------
class SolveTriangular(Factor):
    """X with op(A) X = B: (..., n, n), (..., n, k) -> (..., n, k).

    op transposes where `transposed`; only the triangle of A that is `lower` or not is read, and
    with `unit` its diagonal counts as ones.  A zero on the diagonal gives infinities and nan.
    """

    __slots__ = ("lower", "transposed", "unit")
    name = "solve_triangular"

    def __init__(self, lower: bool, transposed: bool, unit: bool) -> None:
        self.lower = lower
        self.transposed = transposed
        self.unit = unit

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[1].dtype, args[1].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield from _square(node)
        yield from _fitting(node, node.args[0], node.args[1])

    def reference(self, a: Any, b: Any) -> Any:
        t = np.tril(a) if self.lower else np.triu(a)
        if self.unit:
            diagonal = np.arange(a.shape[-1])
            t[..., diagonal, diagonal] = 1
        return _reference_solve(np.swapaxes(t, -1, -2) if self.transposed else t, b)

    def _of(self, a: Node, b: Node, flip: bool = False) -> Node:
        return Node(SolveTriangular(self.lower, self.transposed != flip, self.unit), (a, b))

    def _part(self, x: Node) -> Node:
        """The part of a matrix that is read."""
        return _triangle(x, self.lower, (-1 if self.lower else 1) if self.unit else 0)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        a, _ = node.args
        t_a, t_b = tangents
        right = t_b
        if t_a is not None:
            part = self._part(t_a)
            moved = _product(turned(part) if self.transposed else part, node)
            right = build("neg", moved) if right is None else build("sub", right, moved)
        return None if right is None else self._of(a, right)

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return solved_terms(node, terms)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        a, _ = node.args
        back = self._of(a, ct, flip=True)
        outer = _product(node, turned(back)) if self.transposed else _product(back, turned(node))
        of_a = build("neg", self._part(outer)) if needed[0] else None
        return [of_a, back if needed[1] else None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], _flat(node.args[0]))
        b = block.rows(node.args[1], _anywhere)
        n, k = (block.resolve(size) for size in node.dims[-2:])
        in_columns = a.strides[-1] != 1
        lda = a.strides[-1] if in_columns else a.strides[-2]
        flags = (int(self.lower != in_columns), int(self.transposed != in_columns), int(self.unit))
        ldx = block.target(place, node.ndim).strides[-2]
        self.call(node, block, place, why, (n, k, *flags, lda, *b.strides[-2:], ldx), [a, b])


def solve_lower(factor: Node, b: Node, transposed: bool = False) -> Node:
    """L^-1 b, or L^-T b, for a lower triangular L."""
    return Node(SolveTriangular(True, transposed, False), (factor, b))


def _fitting(node: Node, a: Node, b: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
    """The rows of b are those of a, and so are the leading axes."""
    yield b.dims[-2], a.dims[-1], b.ndim - 2
    for axis, (found, expected) in enumerate(zip(b.dims[:-2], a.dims[:-2], strict=True)):
        yield found, expected, axis


def _reference_solve(a: Any, b: Any) -> Any:
    result = np.full(b.shape, np.nan, b.dtype)
    for index in np.ndindex(a.shape[:-2]):
        try:
            result[index] = np.linalg.solve(a[index], b[index])
        except np.linalg.LinAlgError:
            continue  # singular: filled with nan
    return result


# -- general systems -----------------------------------------------------------------------------
class LU(Factor):
    """The factors of A and its interchanges, (..., n, n) -> (..., n, n + 1); see `cg_lu_f64`.

    Without a derivative: what is computed from it takes A as well.
    """

    __slots__ = ()
    name = "lu"
    fills_rows = False

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a,) = args
        return TensorType(a.dtype, (*a.dims[:-1], a.dims[-1] + 1))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        return _square(node)

    def connects(self, position: int) -> bool:
        return False

    def reference(self, a: Any) -> Any:
        n = a.shape[-1]
        result = np.zeros((*a.shape[:-1], n + 1), a.dtype)
        for index in np.ndindex(a.shape[:-2]):
            result[index] = reference_lu(a[index])
        return result

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> None:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], _anywhere)
        n = block.resolve(node.dims[-2])
        pivots = block.names.buffer("pivots", dtypes.INT64, (n,))
        self.call(node, block, place, why, (n, *a.strides[-2:]), [a], [pivots])


def reference_lu(a: Any) -> Any:
    """Elimination by columns, interchanging columns: A = U^T L^T P^T."""
    n = len(a)
    f = np.zeros((n, n + 1), a.dtype)
    f[:, :n] = a
    for i in range(n):
        best = i + int(np.argmax(np.abs(f[i, i:n])))
        f[i, n] = best
        f[:, [i, best]] = f[:, [best, i]]
        if f[i, i] != 0:
            f[i, i + 1 : n] /= f[i, i]
        f[i + 1 :, i + 1 : n] -= np.outer(f[i + 1 :, i], f[i, i + 1 : n])
    return f


class LUSolve(Factor):
    """X with op(A) X = B, from A, its `LU` and B: (..., n, n), ..., (..., n, k) -> (..., n, k).

    A singular matrix gives infinities and nan.
    """

    __slots__ = ("transposed",)
    name = "lu_solve"

    def __init__(self, transposed: bool) -> None:
        self.transposed = transposed

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[2].dtype, args[2].dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield from _fitting(node, node.args[0], node.args[2])

    def connects(self, position: int) -> bool:
        return position != 1

    def reference(self, a: Any, factors: Any, b: Any) -> Any:
        return _reference_solve(np.swapaxes(a, -1, -2) if self.transposed else a, b)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        a, factors, _ = node.args
        t_a, _, right = tangents
        if t_a is not None:
            moved = _product(turned(t_a) if self.transposed else t_a, node)
            right = build("neg", moved) if right is None else build("sub", right, moved)
        return None if right is None else Node(self, (a, factors, right))

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return solved_terms(node, terms)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        a, factors, _ = node.args
        back = Node(LUSolve(not self.transposed), (a, factors, ct))
        outer = _product(node, turned(back)) if self.transposed else _product(back, turned(node))
        return [build("neg", outer) if needed[0] else None, None, back if needed[2] else None]

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        _, factors, b = node.args
        f = block.rows(factors, _flat(factors))
        right = block.rows(b, _anywhere)
        n, k = (block.resolve(size) for size in node.dims[-2:])
        ldx = block.target(place, node.ndim).strides[-2]
        sizes = (n, k, int(self.transposed), *right.strides[-2:], ldx)
        self.call(node, block, place, why, sizes, [f, right])


def lu_solve(a: Node, factors: Node, b: Node, transposed: bool = False) -> Node:
    """A^-1 b, or A^-T b, with the factors of A."""
    return Node(LUSolve(transposed), (a, factors, b))


# -- determinants --------------------------------------------------------------------------------
class Valued(Opaque):
    """The first argument, a function of the second, a matrix, with a rule of its own for that.

    What the value was computed from has no derivative; further arguments serve the rule, the
    tangent of the matrix to that of the value, `forward`.
    """

    __slots__ = ()
    dependence = "stacked"
    mixed_axes = 2
    keeps_leading = True
    moves = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def connects(self, position: int) -> bool:
        return position == 1

    def reference(self, value: Any, *args: Any) -> Any:
        return value

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)

    def forward(self, node: Node, t: Node) -> Node:
        """The tangent of the value."""
        raise NotImplementedError(f"{self.name}: forward")

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        return None if tangents[1] is None else self.forward(node, tangents[1])

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        only = [position == 1 and wanted for position, wanted in enumerate(needed)]
        return list(vjp_of_jvp(node, ct, only))


class OfDeterminant(Valued):
    """A function of the determinant of A; arguments are its value, A and the `LU` of A."""

    __slots__ = ()

    def factor(self, node: Node) -> Maybe:
        """What multiplies the trace of A^-1 dA; None for 1."""
        return None

    def forward(self, node: Node, t: Node) -> Node:
        _, a, factors = node.args
        slope = diagonal_of(lu_solve(a, factors, t), 0, square=True)
        total = sum_axes(slope, (slope.ndim - 1,))
        factor = self.factor(node)
        result: Node = total if factor is None else build("mul", factor, total)
        return result

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        _, a, factors = node.args
        factor = self.factor(node)
        scale = ct if factor is None else build("mul", ct, factor)
        scales = broadcast_axes(scale, a.dims, tuple(range(scale.ndim)))
        inverse = lu_solve(a, factors, identity_like(a), transposed=True)
        return [None, build("mul", scales, inverse), None]


class LogAbsDet(OfDeterminant):
    """log |det A|: d = tr(A^-1 dA)."""

    __slots__ = ()
    name = "logabsdet"


class Det(OfDeterminant):
    """det A: d = det A tr(A^-1 dA), nan where A is singular."""

    __slots__ = ()
    name = "det"

    def factor(self, node: Node) -> Maybe:
        return node
