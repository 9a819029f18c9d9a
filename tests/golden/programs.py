"""Small programs whose C is kept beside this file: what a user writes first, and each kind of code.

PROGRAMS: name -> function that returns (inputs, outputs).
SHAPES: name -> the shapes of the inputs at size n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node

Graph = tuple[list[Node], list[Node]]
PROGRAMS: dict[str, Callable[[], Graph]] = {}
SHAPES: dict[str, Callable[[int], list[tuple[int, ...]]]] = {}


def program(shapes: Callable[[int], list[tuple[int, ...]]]) -> Any:
    def register(build: Callable[[], Graph]) -> Callable[[], Graph]:
        PROGRAMS[build.__name__] = build
        SHAPES[build.__name__] = shapes
        return build

    return register


@program(lambda n: [()])
def square_gradient() -> Graph:
    x = ct.dscalar("x")
    return [x], [cgrad.grad(x**2, x)]


@program(lambda n: [(n, n + 1)])
def logistic_gradient() -> Graph:
    x = ct.dmatrix("x")
    s = ct.sum(1 / (1 + ct.exp(-x)))
    return [x], [cgrad.grad(s, x)]


@program(lambda n: [(n, n + 1)])
def logistic_value_gradient() -> Graph:
    x = ct.dmatrix("x")
    s = ct.sum(1 / (1 + ct.exp(-x)))
    return [x], [s, cgrad.grad(s, x)]


@program(lambda n: [(n,)])
def scan_jacobian() -> Graph:
    x = ct.dvector("x")
    y = x**2
    jacobian, _ = cgrad.scan(
        lambda i, y, x: cgrad.grad(y[i], x), sequences=ct.arange(y.shape[0]), non_sequences=[y, x]
    )
    return [x], [jacobian]


@program(lambda n: [(n,)])
def scan_hessian() -> Graph:
    x = ct.dvector("x")
    gradient = cgrad.grad(ct.sum(x**2 * ct.sin(x)), x)
    hessian, _ = cgrad.scan(
        lambda i, g, x: cgrad.grad(g[i], x),
        sequences=ct.arange(gradient.shape[0]), non_sequences=[gradient, x],
    )  # fmt: skip
    return [x], [hessian]


@program(lambda n: [(n, n + 1)])
def softmax() -> Graph:
    x = ct.dmatrix("x")
    e = ct.exp(x - ct.max(x, axis=1, keepdims=True))
    return [x], [e / ct.sum(e, axis=1, keepdims=True)]


@program(lambda n: [(n + 1,)])
def log_sum_exp() -> Graph:
    x = ct.dvector("x")
    top = ct.max(x)
    value = top + ct.log(ct.sum(ct.exp(x - top)))
    return [x], [value, cgrad.grad(value, x)]


def _regression() -> tuple[list[Node], Node]:
    X, y, w, penalty = ct.dmatrix("X"), ct.dvector("y"), ct.dvector("w"), ct.dscalar("penalty")
    z = ct.dot(X, w)
    loss = ct.sum(ct.softplus(z) - y * z) + 0.5 * penalty * ct.dot(w, w)
    return [X, y, w, penalty], loss


@program(lambda n: [(n, n + 1), (n,), (n + 1,), ()])
def logistic_regression() -> Graph:
    inputs, loss = _regression()
    return inputs, [loss, cgrad.grad(loss, inputs[2])]


@program(lambda n: [(n, n + 1), (n,), (n + 1,), (), (n + 1,)])
def logistic_regression_hvp() -> Graph:
    inputs, loss = _regression()
    v = ct.dvector("v")
    return [*inputs, v], [cgrad.hessian_vector_product(loss, inputs[2], v)]


def _rnn() -> tuple[list[Node], Node]:
    W, U, x, h0 = ct.dmatrix("W"), ct.dmatrix("U"), ct.dmatrix("x"), ct.dvector("h0")
    hidden, _ = cgrad.scan(
        lambda row, h, W, U: ct.tanh(ct.dot(W, h) + ct.dot(U, row)), x, h0, [W, U]
    )
    return [W, U, x, h0], ct.sum(hidden**2)


@program(lambda n: [(n + 1, n + 1), (n + 1, 2), (n, 2), (n + 1,)])
def rnn_value() -> Graph:
    inputs, loss = _rnn()
    return inputs, [loss]


@program(lambda n: [(n + 1, n + 1), (n + 1, 2), (n, 2), (n + 1,)])
def rnn_gradient() -> Graph:
    inputs, loss = _rnn()
    return inputs, cgrad.grad(loss, inputs[:2])


@program(lambda n: [(n, n + 1), (n + 1, 3), (3,)])
def layer_gradient() -> Graph:
    x, w, b = ct.dmatrix("x"), ct.dmatrix("w"), ct.dvector("b")
    loss = ct.mean(ct.tanh(ct.dot(x, w) + b) ** 2)
    return [x, w, b], [loss, *cgrad.grad(loss, [w, b])]


@program(lambda n: [(n,), ()])
def scan_backwards() -> Graph:
    x, start = ct.dvector("x"), ct.dscalar("start")
    sums, _ = cgrad.scan(lambda s, total: 0.9 * total + s, x, start, go_backwards=True)
    return [x, start], [sums, cgrad.grad(ct.sum(sums), x)]


@program(lambda n: [(n + 1,)])
def rosenbrock() -> Graph:
    x = ct.dvector("x")
    value = ct.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    return [x], [value, cgrad.grad(value, x)]


@program(lambda n: [(n, 2), (n + 1, 2), (2,)])
def joined() -> Graph:
    a, b, c = ct.dmatrix("a"), ct.dmatrix("b"), ct.dvector("c")
    both = ct.concatenate([ct.exp(a), 2 * b], axis=0) * c
    return [a, b, c], [both, *cgrad.grad(ct.sum(both**2), [a, b])]


@program(lambda n: [(n, n + 1, 2)])
def rearranged() -> Graph:
    x = ct.dtensor3("x")
    y = ct.reshape(x.transpose(2, 0, 1), (x.shape[2] * x.shape[0], x.shape[1]))
    return [x], [y.T, ct.sum(y, axis=0)]


@program(lambda n: [(n, n + 1), (n + 1,)])
def single_precision() -> Graph:
    x, w = ct.fmatrix("x"), ct.fvector("w")
    y = ct.tanh(ct.dot(x, w) * 0.1)
    return [x, w], [ct.mean(y), cgrad.grad(ct.sum(y), w)]


@program(lambda n: [(n,), (n,)])
def integer_arithmetic() -> Graph:
    a, b = ct.lvector("a"), ct.lvector("b")
    return [a, b], [a // b, a % b, abs(a) + 3 * b - (a & b), ct.eq(a, b)]


@program(lambda n: [(n,), (n,)])
def choices() -> Graph:
    x, y = ct.dvector("x"), ct.dvector("y")
    z = ct.where(ct.and_(x > 0, y < 1), ct.sqrt(ct.abs(x)), ct.clip(y, -1, 1))
    return [x, y], [z, *cgrad.grad(ct.sum(z), [x, y])]


@program(lambda n: [(n,), ()])
def from_sizes() -> Graph:
    x, k = ct.dvector("x"), ct.lscalar("k")
    n = x.shape[0]
    return [x, k], [ct.arange(n) * x, ct.eye(n, n + 1, k=1), ct.arange(k), ct.full((2, n), 0.5)]


@program(lambda n: [(n,)])
def strided() -> Graph:
    x = ct.dvector("x")
    y = x[1:] * x[:-1] + x[::-1][1:]
    z = ct.sum(y[::2]) + ct.sum(x[-1:0:-3] ** 2)
    return [x], [z, cgrad.grad(z, x)]


@program(lambda n: [(n + 1, n), (n,)])
def updated() -> Graph:
    x, v = ct.dmatrix("x"), ct.dvector("v")
    y = ct.set_subtensor(x[0], v)
    y = ct.inc_subtensor(y[:, ::2], 1.0)
    return [x, v], [y, *cgrad.grad(ct.sum(y**2), [x, v])]


@program(lambda n: [(n + 1, n), (1, n), (n + 1, 1)])
def stretched() -> Graph:
    x = ct.dmatrix("x")
    row, column = ct.drow("row"), ct.dcol("column")
    y = (x - row) / column
    value = ct.mean(y**2)
    return [x, row, column], [value, *cgrad.grad(value, [row, column])]


@program(lambda n: [(), (), (n,), (n,)])
def impedance_gradient() -> Graph:
    r, c, omega = ct.dscalar("r"), ct.dscalar("c"), ct.dvector("omega")
    measured = ct.zvector("measured")
    z = r / (1 + 1j * omega * r * c)
    cost = ct.sum(abs(z - measured) ** 2)
    return [r, c, omega, measured], [cost, *cgrad.grad(cost, [r, c])]
