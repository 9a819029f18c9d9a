"""Eigenvalues, singular values and QR of matrices in the last two axes.

Each op answers one packed matrix, whose parts `cgrad.tensor.linalg` cuts out.  The rules are
forward ones and in terms of the parts, so the reverse mode and higher orders follow.  Where values
coincide the vectors have no derivative, and it is infinite or nan.

Responsible for: the ops.  Not responsible for: the algorithms (`runtime/cg_lapack.h`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.diagonals import Triangle, diagonal_of
from cgrad.ops.linalg import Factor, SolveTriangular, Valued, identity_like, turned
from cgrad.ops.windows import Slice, join

Maybe = Node | None


def part(x: Node, axis: int, start: SizeLike, length: SizeLike) -> Node:
    """`length` elements of x from `start` on along one of the last two axes, -2 or -1."""
    at = x.ndim + axis
    starts = tuple(start if k == at else 0 for k in range(x.ndim))
    lengths = tuple(length if k == at else n for k, n in enumerate(x.dims))
    return Node(Slice(x.dims, starts, lengths, (1,) * x.ndim, (False,) * x.ndim), (x,))


def line(x: Node, axis: int, at: SizeLike) -> Node:
    """The row or the column `at`, without its axis."""
    which = x.ndim + axis
    starts = tuple(at if k == which else 0 for k in range(x.ndim))
    drops = tuple(k == which for k in range(x.ndim))
    return Node(Slice(x.dims, starts, tuple(x.dims), (1,) * x.ndim, drops), (x,))


def product_of(*factors: Node) -> Node:
    """The matrix product, from left to right."""
    result = factors[0]
    for factor in factors[1:]:
        result = build("matmul", result, factor)
    return result


def as_rows(v: Node, like: Node) -> Node:
    """A matrix whose rows are all v."""
    return broadcast_axes(v, like.dims, (*range(v.ndim - 1), v.ndim))


def as_columns(v: Node, like: Node) -> Node:
    """A matrix whose columns are all v."""
    return broadcast_axes(v, like.dims, tuple(range(v.ndim)))


def _whole(t: Node) -> Node:
    """The symmetric matrix of a lower triangle."""
    lower, below = (Node(Triangle(k, True), (t,)) for k in (0, -1))
    whole: Node = build("add", lower, turned(below))
    return whole


def gaps(values: Node, like: Node) -> Node:
    """1 / (v_j - v_i), and 0 on the diagonal."""
    difference = build("sub", as_rows(values, like), as_columns(values, like))
    own = build("gt", identity_like(difference), 0.5)
    # no derivative of the branch that is not taken comes near a division by 0
    safe = build("switch", own, build("ones_like", difference), difference)
    result: Node = build("switch", own, build("zeros_like", safe), build("reciprocal", safe))
    return result


class Eigh(Factor):
    """(..., n, n) -> (..., n, n + 1): eigenvectors as columns, eigenvalues as the last column.

    Of a symmetric matrix, of which the lower triangle is read; eigenvalues ascend.  Derivatives are
    with respect to the lower triangle.  nan where the algorithm does not converge.
    """

    __slots__ = ()
    name = "eigh"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a,) = args
        return TensorType(a.dtype, (*a.dims[:-1], a.dims[-1] + 1))

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        x = node.args[0]
        yield x.dims[-1], x.dims[-2], x.ndim - 1

    def reference(self, a: Any) -> Any:
        w, v = np.linalg.eigh(a)
        return np.concatenate([v, w[..., None]], axis=-1)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        (t,) = tangents
        if t is None:
            return None
        n = node.dims[-2]
        v, w = part(node, -1, 0, n), line(node, -1, n)
        inner = product_of(turned(v), _whole(t), v)
        moved = product_of(v, build("mul", gaps(w, inner), inner))
        values = diagonal_of(inner, 0, square=True)
        column = broadcast_axes(values, (*values.dims, 1), tuple(range(values.ndim)))
        return join([moved, column], node.ndim - 1)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], lambda rows: True)
        n = block.resolve(node.dims[-2])
        ld = block.target(place, node.ndim).strides[-2]
        lwork, liwork = 1 + 6 * n + 2 * n * n, 3 + 5 * n
        shapes = [(node.dtype, (n, n)), (node.dtype, (n,)), (node.dtype, (lwork,)),
                  (dtypes.INT64, (liwork,))]  # fmt: skip
        spare = [block.names.buffer("spare", dtype, shape) for dtype, shape in shapes]
        self.call(node, block, place, why, (n, *a.strides[-2:], ld, lwork, liwork), [a], spare)


class Svd(Factor):
    """(..., m, n) -> (..., m + n + 1, k): U, below it V, and the singular values as the last row.

    A = U S V^T with k = min(m, n); singular values descend.  nan where the algorithm does not
    converge.
    """

    __slots__ = ()
    name = "svd"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a,) = args
        m, n = a.dims[-2:]
        return TensorType(a.dtype, (*a.dims[:-2], m + n + 1, sizes.minimum(m, n)))

    def reference(self, a: Any) -> Any:
        u, s, vt = np.linalg.svd(a, full_matrices=False)
        return np.concatenate([u, np.swapaxes(vt, -1, -2), s[..., None, :]], axis=-2)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        (t,) = tangents
        if t is None:
            return None
        # J. Townsend, "Differentiating the singular value decomposition" (2016)
        m, n = node.args[0].dims[-2:]
        u, v, s = part(node, -2, 0, m), part(node, -2, m, n), line(node, -2, m + n)
        inner = product_of(turned(u), t, v)
        apart = gaps(build("sqr", s), inner)
        left, right = as_rows(s, inner), as_columns(s, inner)
        both = turned(inner)

        def moved(
            own: Node, other: Node, tangent: Node, first: tuple[Node, Node], last: tuple[Node, Node]
        ) -> Node:
            mixed = build("add", build("mul", *first), build("mul", *last))
            inside = product_of(own, build("mul", apart, mixed))
            image = product_of(tangent, other)
            outside = build("sub", image, product_of(own, turned(own), image))
            result: Node = build("add", inside, build("true_div", outside, as_rows(s, outside)))
            return result

        d_u = moved(u, v, t, (inner, left), (both, right))
        d_v = moved(v, u, turned(t), (inner, right), (both, left))
        values = diagonal_of(inner, 0, square=True)
        row = broadcast_axes(
            values, (*values.dims[:-1], 1, values.dims[-1]), (*range(values.ndim - 1), values.ndim)
        )
        return join([d_u, d_v, row], node.ndim - 2)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], lambda rows: True)
        m, n, k = (block.resolve(size) for size in (*node.args[0].dims[-2:], node.dims[-1]))
        ld = block.target(place, node.ndim).strides[-2]
        lwork = 4 * k * k + 7 * k + 64 * (m + n) + 64
        shapes = [(node.dtype, (m, n)), (node.dtype, (m, k)), (node.dtype, (n, k)),
                  (node.dtype, (lwork,)), (dtypes.INT64, (8 * k + 1,))]  # fmt: skip
        spare = [block.names.buffer("spare", dtype, shape) for dtype, shape in shapes]
        self.call(node, block, place, why, (m, n, k, *a.strides[-2:], ld, lwork), [a], spare)


class Qr(Factor):
    """(..., m, n) -> (..., m + n, k): Q, and below it R^T, with k = min(m, n)."""

    __slots__ = ()
    name = "qr"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a,) = args
        m, n = a.dims[-2:]
        return TensorType(a.dtype, (*a.dims[:-2], m + n, sizes.minimum(m, n)))

    def reference(self, a: Any) -> Any:
        q, r = np.linalg.qr(a)
        return np.concatenate([q, np.swapaxes(r, -1, -2)], axis=-2)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        (t,) = tangents
        if t is None:
            return None
        # the first k columns of A fix Q: X = dA R^-1, dQ = Q (W - Q^T X) + X, dR = Q^T dA - W R
        # with W the antisymmetric matrix that has the lower triangle of Q^T X
        m, n = node.args[0].dims[-2:]
        k = node.dims[-1]
        q, rt = part(node, -2, 0, m), part(node, -2, m, n)
        first = part(t, -1, 0, k)
        square = part(rt, -2, 0, k)
        x = turned(Node(SolveTriangular(True, False, False), (square, turned(first))))
        inner = product_of(turned(q), x)
        below = Node(Triangle(-1, True), (inner,))
        twist = build("sub", below, turned(below))
        d_q = build("add", product_of(q, build("sub", twist, inner)), x)
        d_rt = build("sub", product_of(turned(t), q), product_of(rt, turned(twist)))
        return join([d_q, Node(Triangle(0, True), (d_rt,))], node.ndim - 2)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        a = block.rows(node.args[0], lambda rows: True)
        m, n, k = (block.resolve(size) for size in (*node.args[0].dims[-2:], node.dims[-1]))
        ld = block.target(place, node.ndim).strides[-2]
        lwork = 32 * (n + 1)
        shapes = [(n, m), (k,), (lwork,)]
        spare = [block.names.buffer("spare", node.dtype, shape) for shape in shapes]
        self.call(node, block, place, why, (m, n, k, *a.strides[-2:], ld, lwork), [a], spare)


class Eigenvalues(Valued):
    """Eigenvalues of a symmetric A, with their own derivative, which exists where some are equal.

    Arguments are the values, A and its `Eigh`.
    """

    __slots__ = ()
    name = "eigenvalues"

    def forward(self, node: Node, t: Node) -> Node:
        v = part(node.args[2], -1, 0, node.dims[-1])
        return diagonal_of(product_of(turned(v), _whole(t), v), 0, square=True)


class SingularValues(Valued):
    """Singular values of A in the same way; arguments are the values, A and its `Svd`."""

    __slots__ = ()
    name = "singular_values"

    def forward(self, node: Node, t: Node) -> Node:
        _, a, packed = node.args
        m, n = a.dims[-2:]
        u, v = part(packed, -2, 0, m), part(packed, -2, m, n)
        return diagonal_of(product_of(turned(u), t, v), 0, square=True)


def singular_values(a: Node) -> Node:
    """The singular values of A, largest first; the last argument of the node is the `Svd`."""
    packed = Node(Svd(), (a,))
    m, n = a.dims[-2:]
    return Node(SingularValues(), (line(packed, -2, m + n), a, packed))


class Pinv(Valued):
    """The Moore-Penrose inverse of A, with its derivative where the rank is constant.

    G. Golub and V. Pereyra, "The differentiation of pseudo-inverses" (1973).
    """

    __slots__ = ()
    name = "pinv"

    def forward(self, node: Node, t: Node) -> Node:
        # -P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P
        p, a = node, node.args[1]
        pt, back = turned(node), turned(t)
        left = product_of(p, pt, back)
        right = product_of(back, pt, p)
        total = build("sub", left, product_of(p, t, p))
        total = build("sub", total, product_of(left, a, p))
        total = build("add", total, right)
        result: Node = build("sub", total, product_of(p, a, right))
        return result
