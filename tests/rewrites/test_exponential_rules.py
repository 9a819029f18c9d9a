"""Rules of sums of exponentials at the edges of their conditions, one at a time."""

from __future__ import annotations

from typing import Any

from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core.node import Node
from cgrad.ops.axes import broadcast_axes, sum_axes
from cgrad.ops.reductions import Extreme
from cgrad.ops.scalar import apply_row, cast

X, Y, Z = tensor("x"), tensor("y"), tensor("z")
V, W, M, N = tensor("v", 3), tensor("w", 3), tensor("m", 3, 3), tensor("n", 3, 3)
T = tensor("t", 2, 3, 4)


def op(name: str, *args: Node) -> Node:
    return apply_row(name, *args)


def add(a: Node, b: Node) -> Node:
    return op("add", a, b)


def sub(a: Node, b: Node) -> Node:
    return op("sub", a, b)


def mul(a: Node, b: Node) -> Node:
    return op("mul", a, b)


def div(a: Node, b: Node) -> Node:
    return op("true_div", a, b)


def exp(x: Node) -> Node:
    return op("exp", x)


def log(x: Node) -> Node:
    return op("log", x)


def wide(x: Node, *axes: int, like: Node = M) -> Node:
    """x stretched, its axes becoming `axes`."""
    return broadcast_axes(x, like.dims, axes)


def beside(x: Node, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis for axis in range(x.ndim) if axis not in axes)


def top(x: Node, *axes: int, which: str = "max", held: bool = False, empty: bool = False) -> Node:
    return Node(Extreme(which, axes, empty=empty, held=held), (x,))


def total(x: Node, *axes: int) -> Node:
    return sum_axes(exp(x), axes)


def by_hand(x: Node, *axes: int, **how: Any) -> Node:
    """x without its maximum, as people write it."""
    return sub(x, wide(top(x, *axes, **how), *beside(x, axes), like=x))


def shift(x: Node, *axes: int, empty: bool = True) -> Node:
    m = top(x, *axes, held=True, empty=empty)
    return op("switch", op("isinf", m), number(0.0, *m.dims), m)


def shifted(x: Node, *axes: int, empty: bool = True) -> Node:
    """x without its maximum where that is finite, as the rules write it."""
    return sub(x, wide(shift(x, *axes, empty=empty), *beside(x, axes), like=x))


def stable(x: Node, *axes: int, empty: bool = True) -> Node:
    return add(shift(x, *axes, empty=empty), log(total(shifted(x, *axes, empty=empty), *axes)))


def share(x: Node, *axes: int, empty: bool = True) -> Node:
    e = exp(shifted(x, *axes, empty=empty))
    return div(e, wide(sum_axes(e, axes), *beside(x, axes), like=x))


def softmax(x: Node, *axes: int) -> Node:
    return div(exp(x), wide(total(x, *axes), *beside(x, axes), like=x))


def excess(a: Node, b: Node) -> Node:
    return op("sigmoid", op("excess", a, b))


def turned(x: Node) -> Node:
    """x without its maximum along the other axis: not what people mean."""
    return sub(x, wide(top(x, 1), 1))


SHARES: list[Case] = [
    ("share_of_exps", lambda: div(exp(X), add(exp(X), exp(Y))), lambda: excess(X, Y)),
    ("share_of_exps", lambda: div(exp(Y), add(exp(X), exp(Y))), lambda: excess(Y, X)),
    ("share_of_exps", lambda: mul(div(Z, add(exp(X), exp(Y))), exp(Y)),
     lambda: mul(Z, excess(Y, X))),
    ("share_of_exps", lambda: div(wide(exp(X), like=V), add(wide(exp(X), like=V), exp(V))),
     lambda: excess(wide(X, like=V), V)),
    ("share_of_exps", lambda: div(exp(V), add(wide(exp(X), like=V), exp(V))),
     lambda: excess(V, wide(X, like=V))),
    ("share_of_exps", lambda: div(wide(X, like=V), add(wide(X, like=V), exp(V))), None),
    ("share_of_exps", lambda: mul(exp(X), add(exp(X), exp(Y))), None),
    ("share_of_exps", lambda: div(exp(X), sub(exp(X), exp(Y))), None),
    ("share_of_exps", lambda: div(exp(X), add(exp(Z), exp(Y))), None),
    ("share_of_exps", lambda: div(exp(X), add(exp(X), Y)), None),
    ("share_of_exps", lambda: div(exp(X), add(exp(X), op("sqr", Y))), None),
    ("share_of_exps", lambda: div(op("cosh", X), add(op("cosh", X), exp(Y))), None),
    ("share_of_exps", lambda: div(exp(X), op("hypot", exp(X), exp(Y))), None),
    ("share_of_exps", lambda: div(exp(V), add(exp(V), wide(op("sqr", X), like=V))), None),
]  # fmt: skip
LOGARITHMS: list[Case] = [
    ("log_sum_exp", lambda: log(total(V, 0)), lambda: stable(V, 0)),
    ("log_sum_exp", lambda: log(total(M, 0)), lambda: stable(M, 0)),
    ("log_sum_exp", lambda: log(total(T, 0, 2)), lambda: stable(T, 0, 2)),
    ("log_sum_exp", lambda: log(sum_axes(M, (0,))), None),
    ("log_sum_exp", lambda: log(sum_axes(op("sqr", M), (0,))), None),
    ("log_sum_exp", lambda: log(exp(M)), None),
    ("log_sum_exp", lambda: log(top(exp(M), 0)), None),
    # what has been shifted already, and what looks like it
    ("log_sum_exp", lambda: log(total(op("excess", M, N), 1)), None),
    ("log_sum_exp", lambda: log(total(shifted(M, 1), 1)), None),
    ("log_sum_exp", lambda: log(total(by_hand(M, 1), 1)), None),
    ("log_sum_exp", lambda: log(total(by_hand(M, 0), 0)), None),
    *(("log_sum_exp", lambda x=x: log(total(x, 1)), lambda x=x: stable(x, 1))
      for x in (sub(M, N), sub(M, op("exp", N)), sub(M, wide(V, 0)), add(M, wide(top(M, 1), 0)),
                sub(M, wide(cast(op("isinf", V), "float64"), 0)),
                sub(M, wide(op("switch", op("isnan", V), V, W), 0)),
                sub(M, wide(top(N, 1), 0)), turned(M), by_hand(M, 1, which="min"))),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(total(by_hand(M, 1), 1))),
     lambda: stable(M, 1, empty=False)),
    ("log_sum_exp_by_hand", lambda: add(log(total(by_hand(M, 0), 0)), top(M, 0)),
     lambda: stable(M, 0, empty=False)),
    ("log_sum_exp_by_hand",
     lambda: add(top(M, 1, empty=True), log(total(by_hand(M, 1, empty=True), 1))),
     lambda: stable(M, 1)),
    ("log_sum_exp_by_hand", lambda: add(V, W), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(V)), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(sum_axes(by_hand(M, 1), (1,)))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(top(exp(by_hand(M, 1)), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(total(M, 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), op("log1p", total(by_hand(M, 1), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(V, log(total(by_hand(M, 1), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(op("sqr", V), log(total(by_hand(M, 1), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(N, 1), log(total(by_hand(M, 1), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 0), log(total(by_hand(M, 1), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(total(by_hand(M, 1), 0))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(total(turned(M), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1, which="min"), log(total(by_hand(M, 1), 1))),
     None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1, held=True), log(total(by_hand(M, 1), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(top(M, 1), log(total(by_hand(M, 1, held=True), 1))), None),
    ("log_sum_exp_by_hand", lambda: add(sum_axes(M, (1,)), log(total(by_hand(M, 1), 1))), None),
    ("log_softmax", lambda: log(share(M, 1)),
     lambda: sub(shifted(M, 1), log(wide(total(shifted(M, 1), 1), 0)))),
]  # fmt: skip
WHOLE: list[Case] = [
    ("softmax", lambda: softmax(M, 1), lambda: share(M, 1)),
    ("softmax", lambda: softmax(M, 0), lambda: share(M, 0)),
    ("softmax", lambda: softmax(T, 0, 2), lambda: share(T, 0, 2)),
    ("softmax", lambda: div(exp(by_hand(M, 1)), wide(total(by_hand(M, 1), 1), 0)),
     lambda: share(M, 1, empty=False)),
    ("softmax", lambda: mul(wide(div(V, total(M, 1)), 0), exp(M)),
     lambda: mul(wide(V, 0), share(M, 1))),
    ("softmax", lambda: mul(wide(op("reciprocal", total(M, 0)), 1), exp(M)), lambda: share(M, 0)),
    ("softmax", lambda: mul(div(N, wide(total(M, 1), 0)), exp(M)), lambda: mul(N, share(M, 1))),
    ("softmax", lambda: div(exp(M), N), None),
    ("softmax", lambda: div(exp(M), op("sqr", N)), None),
    ("softmax", lambda: mul(exp(M), wide(total(M, 1), 0)), None),
    ("softmax", lambda: mul(exp(M), wide(mul(V, total(M, 1)), 0)), None),
    ("softmax", lambda: mul(exp(M), wide(op("sqr", total(M, 1)), 0)), None),
    ("softmax", lambda: mul(exp(M), wide(V, 0)), None),
    ("softmax", lambda: div(exp(M), wide(div(V, total(M, 1)), 0)), None),
    ("softmax", lambda: div(exp(M), wide(V, 0)), None),
    ("softmax", lambda: div(exp(N), wide(total(M, 1), 0)), None),
    ("softmax", lambda: div(exp(M), wide(total(M, 1), 1)), None),
    ("softmax", lambda: div(exp(M), wide(sum_axes(M, (1,)), 0)), None),
    ("softmax", lambda: softmax(shifted(M, 1), 1), None),
    ("softmax", lambda: div(exp(by_hand(M, 1)), wide(total(by_hand(M, 1), 0), 1)), None),
    ("softmax", lambda: div(op("cosh", M), wide(total(M, 1), 0)), None),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, wide(total(M, 1), 0)), (1,)),
     lambda: div(sum_axes(N, (1,)), total(M, 1))),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, wide(total(M, 0), 1)), (0,)),
     lambda: div(sum_axes(N, (0,)), total(M, 0))),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, wide(total(M, 1), 0)), (0,)), None),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, wide(total(M, 1), 0)), (0, 1)), None),
    ("sum_over_exp_sum", lambda: sum_axes(mul(N, wide(total(M, 1), 0)), (1,)), None),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, M), (1,)), None),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, op("sqr", M)), (1,)), None),
    ("sum_over_exp_sum", lambda: sum_axes(div(N, wide(V, 0)), (1,)), None),
    ("sum_over_exp_sum", lambda: sum_axes(N, (1,)), None),
    ("log_softmax", lambda: log(M), None),
    ("log_softmax", lambda: log(mul(exp(shifted(M, 1)), wide(total(shifted(M, 1), 1), 0))), None),
    ("log_softmax", lambda: log(div(M, wide(total(M, 1), 0))), None),
    ("log_softmax", lambda: log(softmax(M, 1)), None),
    ("log_softmax", lambda: log(div(exp(shifted(M, 1)), N)), None),
    ("log_softmax", lambda: log(div(exp(shifted(M, 1)), op("sqr", N))), None),
    ("log_softmax", lambda: log(div(exp(shifted(M, 1)), wide(V, 0))), None),
    ("log_softmax", lambda: log(div(exp(shifted(M, 1)), wide(total(shifted(N, 1), 1), 0))), None),
    ("log_softmax",
     lambda: log(div(exp(shifted(M, 1)), wide(top(exp(shifted(M, 1)), 1), 0))), None),
]  # fmt: skip


@parametrize(SHARES)
def test_shares(case: Case) -> None:
    check(case)


@parametrize(LOGARITHMS)
def test_logarithms(case: Case) -> None:
    check(case)


@parametrize(WHOLE)
def test_softmax(case: Case) -> None:
    check(case)
