"""Factors of complex matrices: eigenvalues, QR, determinants.

A factorisation takes the real and the imaginary parts and answers one packed real matrix, without a
derivative.  What is cut out of it is a complex function of the matrix with a rule of its own
(`Valued`), in terms of the parts, so the reverse mode and higher orders follow.

Responsible for: the ops.  Not responsible for: the algorithms (`runtime/cg_hermitian.h`), or
systems and Cholesky factors, which are those of real matrices (`cgrad.tensor.linalg.pairs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import sum_axes
from cgrad.ops.complex import conj, imag, make_complex, real
from cgrad.ops.diagonals import Triangle, diagonal_of
from cgrad.ops.linalg import Factor, Valued, identity_like, reference_lu, turned
from cgrad.ops.spectral import as_columns, as_rows, gaps, line, part, product_of

Maybe = Node | None


def adjoint(x: Node) -> Node:
    """The conjugate transposes of the matrices."""
    return turned(conj(x))


def diagonal_part(x: Node, of: Any = real) -> Node:
    """The matrices with the real (or the imaginary) part of the diagonal of x, and zeros."""
    lower = Node(Triangle(0, True), (of(x),))
    return Node(Triangle(0, False), (lower,))


def hermitian(x: Node) -> Node:
    """The Hermitian matrices with the lower triangle of x."""
    below = Node(Triangle(-1, True), (x,))
    whole: Node = build("add", build("add", below, adjoint(below)), diagonal_part(x))
    return whole


class OfParts(Factor):
    """What is computed of the real and the imaginary parts, without a derivative."""

    __slots__ = ()

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        re, im = node.args
        for axis, (found, expected) in enumerate(zip(im.dims, re.dims, strict=True)):
            yield found, expected, axis

    def connects(self, position: int) -> bool:
        return False

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> None:
        return None

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [None, None]

    def _called(
        self, node: Node, block: Any, place: Any, why: str, lengths: Sequence[SizeLike],
        works: Sequence[SizeLike], spare: Sequence[tuple[str, tuple[SizeLike, ...]]],
    ) -> None:  # fmt: skip
        """`lengths`, the strides of both parts and of the result, and `works` are the sizes."""
        parts = [block.rows(arg, lambda rows: True) for arg in node.args]
        ld = block.target(place, node.ndim).strides[-2]
        strides = [stride for rows in parts for stride in rows.strides[-2:]]
        buffers = [block.names.buffer("spare", dtype, shape) for dtype, shape in spare]
        self.call(node, block, place, why, (*lengths, *strides, ld, *works), parts, buffers)


class _Square(OfParts):
    __slots__ = ()

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        re = node.args[0]
        yield re.dims[-1], re.dims[-2], re.ndim - 1
        yield from super().equalities(node)


class Pivots(_Square):
    """(..., n, n) twice -> (..., n, 2): numbers whose product is the determinant."""

    __slots__ = ()
    name = "pivots"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, (*args[0].dims[:-1], 2))

    def reference(self, re: Any, im: Any) -> Any:
        n = re.shape[-1]
        each = np.ones((*re.shape[:-1], 2), re.dtype)
        for index in np.ndindex(re.shape[:-2]):
            f = reference_lu(re[index] + 1j * im[index])
            value = np.where(f[:, n].real == np.arange(n), 1, -1) * np.diagonal(f[:, :n])
            each[index] = np.stack([value.real, value.imag], axis=-1)
        return each

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        n = block.resolve(node.dims[-2])
        self._called(node, block, place, why, (n,), (), [(node.dtype, (2 * n, n))])


class HermitianEigh(_Square):
    """(..., n, n) twice -> (..., n, 2 n + 1): real and imaginary parts of vectors, and values."""

    __slots__ = ()
    name = "hermitian_eigh"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a, _) = args
        return TensorType(a.dtype, (*a.dims[:-1], 2 * a.dims[-1] + 1))

    def reference(self, re: Any, im: Any) -> Any:
        w, v = np.linalg.eigh(re + 1j * im)
        return np.concatenate([v.real, v.imag, w[..., None]], axis=-1)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        n = block.resolve(node.dims[-2])
        works = (2 * n + n * n, 1 + 5 * n + 2 * n * n, 3 + 5 * n)
        spare = [(node.dtype, (2 * n, n)), (node.dtype, (n,)), (node.dtype, (2 * works[0],)),
                 (node.dtype, (works[1],)), (dtypes.INT64, (works[2],))]  # fmt: skip
        self._called(node, block, place, why, (n,), works, spare)


class ComplexQr(OfParts):
    """(..., m, n) twice -> (..., 2 m + 2 n, k): the parts of Q, below them those of R^T."""

    __slots__ = ()
    name = "complex_qr"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        a = args[0]
        m, n = a.dims[-2:]
        return TensorType(a.dtype, (*a.dims[:-2], 2 * m + 2 * n, sizes.minimum(m, n)))

    def reference(self, re: Any, im: Any) -> Any:
        q, r = np.linalg.qr(re + 1j * im)
        rt = np.swapaxes(r, -1, -2)
        return np.concatenate([q.real, q.imag, rt.real, rt.imag], axis=-2)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        m, n, k = (block.resolve(size) for size in (*node.args[0].dims[-2:], node.dims[-1]))
        lwork = 32 * (n + 1)
        spare = [(node.dtype, shape) for shape in ((2 * n, m), (2 * k,), (2 * lwork,))]
        self._called(node, block, place, why, (m, n, k), (lwork,), spare)


class Eig(_Square):
    """(..., n, n) twice -> (..., n, 2 n + 2): the parts of eigenvectors, and of eigenvalues."""

    __slots__ = ()
    name = "eig"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (a, _) = args
        return TensorType(a.dtype, (*a.dims[:-1], 2 * a.dims[-1] + 2))

    def reference(self, re: Any, im: Any) -> Any:
        w, v = np.linalg.eig(re + 1j * im)
        return np.concatenate([v.real, v.imag, w.real[..., None], w.imag[..., None]], axis=-1)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        n = block.resolve(node.dims[-2])
        lwork = 34 * n + 1
        spare = [(node.dtype, shape) for shape in ((2 * n, n), (2 * n, n), (2 * n,), (2 * lwork,),
                                                   (2 * n,))]  # fmt: skip
        self._called(node, block, place, why, (n,), (lwork,), spare)


# -- functions of the matrix ---------------------------------------------------------------------
class OfComplexMatrix(Valued):
    """The first argument, a function of the second, a complex matrix."""

    __slots__ = ()
    takes_complex = True


class HermitianValues(OfComplexMatrix):
    """Eigenvalues; arguments are the values, A and the vectors."""

    __slots__ = ()
    name = "hermitian_values"

    def forward(self, node: Node, t: Node) -> Node:
        _, a, v = node.args
        vectors = Node(HermitianVectors(), (v, a, node.args[0]))
        return real(
            diagonal_of(product_of(adjoint(vectors), hermitian(t), vectors), 0, square=True)
        )


class HermitianVectors(OfComplexMatrix):
    """Eigenvectors as columns, of which v^H dv is real; arguments are they, A and the values."""

    __slots__ = ()
    name = "hermitian_vectors"

    def forward(self, node: Node, t: Node) -> Node:
        v, a, w = node.args
        values = Node(HermitianValues(), (w, a, v))
        inner = product_of(adjoint(node), hermitian(t), node)
        return product_of(node, build("mul", gaps(values, real(inner)), inner))


class ValuesOf(OfComplexMatrix):
    """Eigenvalues of any matrix; arguments are the values, A and the vectors."""

    __slots__ = ()
    name = "values_of"

    def forward(self, node: Node, t: Node) -> Node:
        _, a, v = node.args
        vectors = Node(VectorsOf(), (v, a, node.args[0]))
        inner = build("solve", vectors, product_of(t, vectors))
        return diagonal_of(inner, 0, square=True)


class VectorsOf(OfComplexMatrix):
    """Their vectors, of length 1, of which v^H dv is 0; arguments are they, A and the values."""

    __slots__ = ()
    name = "vectors_of"

    def forward(self, node: Node, t: Node) -> Node:
        v, a, w = node.args
        values = Node(ValuesOf(), (w, a, v))
        inner = build("solve", node, product_of(t, node))
        own = build("gt", identity_like(real(inner)), 0.5)
        difference = build("sub", as_rows(values, inner), as_columns(values, inner))
        safe = build("switch", own, build("ones_like", difference), difference)
        share = build("switch", own, build("zeros_like", inner), build("true_div", inner, safe))
        moved = product_of(node, share)
        along = sum_axes(build("mul", conj(node), moved), (node.ndim - 2,))
        result: Node = build("sub", moved, build("mul", node, as_rows(along, node)))
        return result


class QOf(OfComplexMatrix):
    """Q; arguments are Q, A and R."""

    __slots__ = ()
    name = "q_of"

    def forward(self, node: Node, t: Node) -> Node:
        q, a, r = node.args
        x, twist, inner = _turning(node, Node(ROf(), (r, a, q)), t)
        moved: Node = build("add", product_of(node, build("sub", twist, inner)), x)
        return moved


class ROf(OfComplexMatrix):
    """R; arguments are R, A and Q."""

    __slots__ = ()
    name = "r_of"

    def forward(self, node: Node, t: Node) -> Node:
        r, a, q = node.args
        vectors = Node(QOf(), (q, a, r))
        _, twist, _ = _turning(vectors, node, t)
        moved = build("sub", product_of(adjoint(vectors), t), product_of(twist, node))
        return Node(Triangle(0, False), (moved,))


def _turning(q: Node, r: Node, t: Node) -> tuple[Node, Node, Node]:
    """X = dA R^-1 of the first k columns, Q^H dQ, and Q^H X.

    Q^H dQ is skew-Hermitian and dR R^-1 upper triangular with a real diagonal, and their sum is
    Q^H X.
    """
    k = q.dims[-1]
    first, square = part(t, -1, 0, k), part(r, -1, 0, k)
    x = turned(build("solve", turned(square), turned(first)))
    inner = product_of(adjoint(q), x)
    below = Node(Triangle(-1, True), (inner,))
    phase = diagonal_part(inner, imag)
    twist = build("sub", below, adjoint(below))
    twist = build("add", twist, make_complex(build("zeros_like", phase), phase))
    return x, twist, inner


class OfComplexDeterminant(OfComplexMatrix):
    """A function of the determinant; arguments are its value and A.

    kind: "det"; "log", log |det A|; "sign", det A / |det A|.
    """

    __slots__ = ("kind",)
    name = "of_complex_determinant"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def forward(self, node: Node, t: Node) -> Node:
        slope = diagonal_of(build("solve", node.args[1], t), 0, square=True)
        trace = sum_axes(slope, (slope.ndim - 1,))
        if self.kind == "log":
            return real(trace)
        if self.kind == "sign":
            turn = imag(trace)
            trace = make_complex(build("zeros_like", turn), turn)
        result: Node = build("mul", node, trace)
        return result


# -- the factors, as users get them --------------------------------------------------------------
def hermitian_eigh(a: Node) -> tuple[Node, Node]:
    """Eigenvalues and eigenvectors of a Hermitian matrix."""
    packed = Node(HermitianEigh(), (real(a), imag(a)))
    n = packed.dims[-2]
    w = line(packed, -1, 2 * n)
    v = make_complex(part(packed, -1, 0, n), part(packed, -1, n, n))
    return Node(HermitianValues(), (w, a, v)), Node(HermitianVectors(), (v, a, w))


def general_eig(a: Node) -> tuple[Node, Node]:
    """Eigenvalues and eigenvectors of a complex matrix."""
    packed = Node(Eig(), (real(a), imag(a)))
    n = packed.dims[-2]
    w = make_complex(line(packed, -1, 2 * n), line(packed, -1, 2 * n + 1))
    v = make_complex(part(packed, -1, 0, n), part(packed, -1, n, n))
    return Node(ValuesOf(), (w, a, v)), Node(VectorsOf(), (v, a, w))


def complex_qr(a: Node) -> tuple[Node, Node]:
    """Q and R."""
    packed = Node(ComplexQr(), (real(a), imag(a)))
    m, n = a.dims[-2:]
    q = make_complex(part(packed, -2, 0, m), part(packed, -2, m, m))
    rt = make_complex(part(packed, -2, 2 * m, n), part(packed, -2, 2 * m + n, n))
    r = turned(rt)
    return Node(QOf(), (q, a, r)), Node(ROf(), (r, a, q))


def pivots(a: Node) -> Node:
    """Complex numbers whose product is the determinant, (..., n, n) -> (..., n)."""
    packed = Node(Pivots(), (real(a), imag(a)))
    return make_complex(line(packed, -1, 0), line(packed, -1, 1))
