"""Products of matrices and powers at the edges of their rules, one at a time."""

from __future__ import annotations

import functools

import pytest
from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core.node import Node
from cgrad.ops.axes import broadcast_axes, permute_axes, reshape_to, squeeze_axes, sum_axes
from cgrad.ops.complex import imag, make_complex, real
from cgrad.ops.contract import Contract, MatrixProduct
from cgrad.ops.scalar import apply_row, cast
from cgrad.ops.windows import part
from cgrad.rewrites.matmul import MOST_THIN, MOST_UNROLLED
from cgrad.rewrites.powers import REACH, never_negative

A, B, V = tensor("a", None, None), tensor("b", None, None), tensor("v", None)
T, U = tensor("t", None, None, None), tensor("u", None, None, None)
K = tensor("k", None, None, dtype="int64")
C, D = (tensor(name, None, None, dtype="complex128") for name in "cd")
H = tensor("h", None, None, dtype="complex64")
X, Y = tensor("x"), tensor("y")
S, J = tensor("s", dtype="float32"), tensor("j", dtype="int64")

Labels = tuple[int, ...]


def dot(a: Node, left: Labels, b: Node, right: Labels, out: Labels) -> Node:
    return Node(Contract(left, right, out), (a, b))


def call(a: Node, left: Labels, b: Node, right: Labels, out: Labels) -> Node:
    return Node(MatrixProduct(left, right, out), (a, b))


def product(a: Node, b: Node) -> Node:
    return dot(a, (0, 1), b, (1, 2), (0, 2))


def static(m: int | None, k: int | None, n: int | None) -> Node:
    return product(tensor("p", m, k), tensor("q", k, n))


def stays(m: int | None, k: int | None, n: int | None) -> Case:
    return "matrix_product", lambda: static(m, k, n), None


def becomes(m: int | None, k: int | None, n: int | None) -> Case:
    p, q = tensor("p", m, k), tensor("q", k, n)
    return (
        "matrix_product",
        lambda: product(p, q),
        lambda: call(p, (0, 1), q, (1, 2), (0, 2)),
    )


assert (MOST_UNROLLED, MOST_THIN) == (8 * 8 * 8, 16)
t, u = T.dims, U.dims
MATRICES: list[Case] = [
    ("matrix_product", lambda: product(A, B), lambda: call(A, (0, 1), B, (1, 2), (0, 2))),
    ("matrix_product", lambda: dot(A, (1, 0), B, (2, 1), (2, 0)),
     lambda: call(A, (1, 0), B, (2, 1), (2, 0))),
    ("matrix_product", lambda: dot(T, (0, 1, 2), U, (0, 2, 3), (0, 1, 3)),
     lambda: call(T, (0, 1, 2), U, (0, 2, 3), (0, 1, 3))),
    ("matrix_product", lambda: call(A, (0, 1), B, (1, 2), (0, 2)), None),
    ("matrix_product", lambda: product(K, K), None),
    ("matrix_product", lambda: dot(A, (0, 1), V, (1,), (0,)), None),
    ("matrix_product", lambda: dot(V, (0,), A, (0, 1), (1,)), None),
    ("matrix_product", lambda: dot(V, (0,), V, (1,), (0, 1)), None),
    ("matrix_product", lambda: dot(T, (0, 0, 1), B, (1, 2), (0, 2)), None),
    ("matrix_product", lambda: dot(A, (0, 1), U, (1, 2, 2), (0, 2)), None),
    ("matrix_product", lambda: dot(A, (0, 1), B, (1, 2), (0, 2, 2)), None),
    ("matrix_product", lambda: dot(T, (0, 1, 3), B, (1, 2), (0, 2)), None),
    ("matrix_product", lambda: dot(A, (0, 1), U, (1, 2, 3), (0, 2)), None),
    # sizes that are known
    stays(8, 8, 8), becomes(9, 8, 8), becomes(8, 9, 8), stays(2, 8, 32),
    stays(None, 3, 5), stays(None, 4, 4), stays(4, None, 4), becomes(None, 3, 6),
    becomes(3, None, 6), stays(None, 1, None), stays(1, None, None), stays(None, None, 1),
    becomes(2, None, None), becomes(None, 2, None), becomes(None, 16, None), stays(0, None, None),
    # neighbouring axes become one
    ("matrix_product", lambda: dot(T, (0, 1, 2), B, (2, 3), (0, 1, 3)),
     lambda: reshape_to(
         dot(reshape_to(T, (t[0] * t[1], t[2])), (0, 2), B, (2, 3), (0, 3)),
         (t[0], t[1], B.dims[1]))),
    ("matrix_product", lambda: dot(A, (0, 1), U, (1, 2, 3), (0, 2, 3)),
     lambda: reshape_to(
         dot(A, (0, 1), reshape_to(U, (A.dims[1], u[1] * u[2])), (1, 2), (0, 2)),
         (A.dims[0], u[1], u[2]))),
    ("matrix_product", lambda: dot(T, (0, 1, 2), U, (1, 2, 3), (0, 3)),
     lambda: dot(reshape_to(T, (t[0], t[1] * t[2])), (0, 1),
                 reshape_to(U, (t[1] * t[2], u[2])), (1, 3), (0, 3))),
    ("matrix_product", lambda: dot(T, (1, 2, 0), U, (3, 1, 2), (0, 3)),
     lambda: dot(reshape_to(T, (t[0] * t[1], t[2])), (1, 0),
                 reshape_to(U, (u[0], t[0] * t[1])), (3, 1), (0, 3))),
    ("matrix_product", lambda: dot(T, (0, 1, 2), U, (2, 1, 3), (0, 3)), None),
    ("matrix_product", lambda: dot(T, (0, 1, 2), B, (2, 3), (1, 0, 3)),
     lambda: call(T, (0, 1, 2), B, (2, 3), (1, 0, 3))),
    ("matrix_product", lambda: dot(T, (0, 2, 1), B, (2, 3), (0, 1, 3)),
     lambda: call(T, (0, 2, 1), B, (2, 3), (0, 1, 3))),
    # complex ones by their parts
    ("complex_product", lambda: product(A, B), None),
    ("complex_product", lambda: dot(C, (0, 1), tensor("z", None, dtype="complex128"), (1,), (0,)),
     None),
    ("complex_product", lambda: dot(C, (0, 1), D, (1, 2), (0,)), None),
    ("complex_product", lambda: product(tensor("f", 4, 4, dtype="complex128"),
                                        tensor("g", 4, 4, dtype="complex128")), None),
    ("complex_product", lambda: product(C, D), lambda: product_of_parts(C, D)),
    ("complex_product", lambda: product(cast(A, "complex128"), D),
     lambda: make_complex(product(A, real(D)), product(A, imag(D)))),
    ("complex_product", lambda: product(C, cast(B, "complex128")),
     lambda: make_complex(product(real(C), B), product(imag(C), B))),
    ("complex_product", lambda: product(cast(K, "complex128"), D),
     lambda: make_complex(product(cast(K, "float64"), real(D)),
                          product(cast(K, "float64"), imag(D)))),
    ("complex_product", lambda: product(cast(A, "complex128"), cast(B, "complex128")),
     lambda: make_complex(product(A, B), number(0.0, A.dims[0], B.dims[1]))),
    ("complex_product", lambda: product(cast(H, "complex128"), D),
     lambda: product_of_parts(cast(H, "complex128"), D)),
]  # fmt: skip


def product_of_parts(a: Node, b: Node) -> Node:
    return make_complex(
        apply_row("sub", product(real(a), real(b)), product(imag(a), imag(b))),
        apply_row("add", product(real(a), imag(b)), product(imag(a), real(b))),
    )


@parametrize(MATRICES)
def test_products_of_matrices(case: Case) -> None:
    check(case)


def op(name: str, *args: Node) -> Node:
    return apply_row(name, *args)


def power(x: Node, k: float) -> Node:
    return op("pow", x, number(k, *x.dims, dtype=x.dtype))


def over(x: Node) -> Node:
    return op("true_div", number(1.0, *x.dims, dtype=x.dtype), x)


def by_product(old: Node, new: Node | None) -> Case:
    return "power_by_products", lambda: old, (lambda: new) if new is not None else None


def sqr(x: Node) -> Node:
    return op("sqr", x)


E = op("exp", X)
POWERS: list[Case] = [
    by_product(power(X, 2.0), sqr(X)),
    by_product(power(X, 3.0), op("mul", X, sqr(X))),
    by_product(power(X, 4.0), sqr(sqr(X))),
    by_product(power(X, -2.0), over(sqr(X))),
    by_product(power(X, -3.0), over(op("mul", X, sqr(X)))),
    by_product(power(V, -4.0), over(sqr(sqr(V)))),
    by_product(power(S, 3.0), op("mul", S, sqr(S))),
    by_product(power(E, 0.5), op("sqrt", E)),
    by_product(power(E, 1.5), op("mul", E, op("sqrt", E))),
    by_product(power(E, 2.5), op("mul", sqr(E), op("sqrt", E))),
    by_product(power(E, -0.5), over(op("sqrt", E))),
    by_product(power(E, 3.0), op("mul", E, sqr(E))),
    by_product(power(X, 0.5), None),
    by_product(power(X, 5.0), None),
    by_product(power(E, 5.0), None),
    by_product(power(E, 3.5), None),
    by_product(power(E, float("nan")), None),
    by_product(power(E, float("inf")), None),
    by_product(op("pow", X, Y), None),
    by_product(power(J, 3), None),
]


@parametrize(POWERS)
def test_powers(case: Case) -> None:
    check(case)


def chain(squares: int) -> Node:
    """A sum of so many squares and one more."""
    parts = [sqr(tensor(f"x{k}")) for k in range(squares + 1)]
    return functools.reduce(lambda a, b: op("add", a, b), parts)


EVEN = (REACH - 2) // 2
NEVER = [
    sqr(X), E, op("abs", X), op("exp2", X), op("sigmoid", X), op("dsigmoid", X), op("dtanh", X),
    op("softplus", X), op("cosh", X), op("hypot", X, Y), op("mul", X, X), number(0.0), number(2.0),
    number(1.0, 3), op("add", sqr(X), E), op("mul", sqr(X), E), op("maximum", sqr(X), E),
    op("minimum", sqr(X), E), op("true_div", sqr(X), E), op("sqrt", sqr(X)),
    op("add", number(1.0), sqr(X)), broadcast_axes(sqr(X), (3,), ()), sum_axes(sqr(V), (0,)),
    permute_axes(sqr(A), (1, 0)), reshape_to(sqr(V), (1, V.dims[0])), part(sqr(V), 0, 1, (2,)),
    squeeze_axes(sqr(tensor("one", 1)), (0,)), op("add", E, E), chain(EVEN),
    op("sqrt", chain(EVEN)),
]  # fmt: skip
PERHAPS = [
    X, op("neg", sqr(X)), op("sub", sqr(X), E), op("mul", X, Y), op("mul", X, E), op("add", E, X),
    op("add", X, E), op("sqrt", X), op("expm1", sqr(X)), number(-0.0), number(-1.0),
    number(float("nan")), op("add", sqr(X), number(-0.0)), broadcast_axes(X, (3,), ()),
    sum_axes(V, (0,)), op("sqrt", op("sqrt", chain(EVEN))), chain(EVEN + 1),
    op("sqrt", op("sub", X, X)), op("maximum", X, E),
]  # fmt: skip


@pytest.mark.parametrize("node", NEVER)
def test_never_negative(node: Node) -> None:
    assert never_negative(node)


@pytest.mark.parametrize("node", PERHAPS)
def test_perhaps_negative(node: Node) -> None:
    assert not never_negative(node)
