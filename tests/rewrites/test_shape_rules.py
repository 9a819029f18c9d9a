"""Rules of axes at the edges of their conditions, one at a time."""

from __future__ import annotations

from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.ops.axes import (
    Broadcast,
    Declare,
    Expect,
    Permute,
    Reshape,
    Squeeze,
    Sum,
    broadcast_axes,
    permute_axes,
    squeeze_axes,
    sum_axes,
)
from cgrad.ops.constants import size_node
from cgrad.ops.contract import Contract
from cgrad.ops.scalar import apply_row, cast
from cgrad.ops.windows import join

X, V, M = tensor("x"), tensor("v", None), tensor("m", None, None)
U, T = tensor("u", None), tensor("t", None, None, None)
ONE, TWO = tensor("one", 1), tensor("two", 2)
ONES = tensor("ones", 1, 1, None, 1)
ROW, COLUMN = tensor("row", 1, None), tensor("column", None, 1)
SLAB, LAYER = tensor("slab", 1, None, None), tensor("layer", None, 1, None)
N, S = tensor("n", None, dtype="int64"), tensor("s", None, dtype="float32")
P, B = tensor("p", None, dtype="bool"), tensor("b", None, dtype="uint8")
K = tensor("k", dtype="int64")
n = V.dims[0]
a, c = M.dims


def op(name: str, *args: Node) -> Node:
    return apply_row(name, *args)


def times(count: float, x: Node) -> Node:
    return op("mul", number(count, *x.dims, dtype=x.dtype), x)


def wide(x: Node, *dims: object) -> Node:
    """x behind new axes."""
    return broadcast_axes(x, dims, tuple(range(len(dims) - x.ndim, len(dims))))


def dot(x: Node, left: tuple[int, ...], y: Node, right: tuple[int, ...], *out: int) -> Node:
    return Node(Contract(left, right, out), (x, y))


def squeezed(x: Node, *axes: int) -> Node:
    return Node(Squeeze(axes), (x,))


SUMS: list[Case] = [
    ("sum_nothing", lambda: Node(Sum(()), (V,)), lambda: V),
    ("sum_nothing", lambda: sum_axes(V, (0,)), None),
    ("sum_neg", lambda: sum_axes(V, (0,)), None),
    ("sum_neg", lambda: sum_axes(op("neg", M), (1,)), lambda: op("neg", sum_axes(M, (1,)))),
    ("sum_neg", lambda: dot(V, (0,), V, (0,)), None),
    ("sum_neg", lambda: dot(op("neg", V), (0,), U, (0,)), lambda: op("neg", dot(V, (0,), U, (0,)))),
    ("sum_neg", lambda: dot(V, (0,), op("neg", U), (0,)), lambda: op("neg", dot(V, (0,), U, (0,)))),
    ("sum_neg", lambda: dot(op("neg", V), (0,), op("neg", U), (0,)), lambda: dot(V, (0,), U, (0,))),
    # along an axis that repeats: new ones, and those of length 1
    ("sum_broadcast", lambda: sum_axes(V, (0,)), None),
    ("sum_broadcast", lambda: sum_axes(wide(V, 4, n), (0,)), lambda: times(4, V)),
    ("sum_broadcast", lambda: sum_axes(wide(V, 1, n), (0,)), lambda: times(1, V)),
    ("sum_broadcast", lambda: sum_axes(wide(V, 4, n), (1,)), None),
    ("sum_broadcast", lambda: sum_axes(wide(V, 0, n), (0,)), None),
    ("sum_broadcast", lambda: sum_axes(wide(V, n, n), (0,)), None),
    ("sum_broadcast", lambda: sum_axes(wide(X, 4, n), (0, 1)), None),
    ("sum_broadcast", lambda: sum_axes(wide(X, 4, 3), (0, 1)), lambda: times(12, X)),
    ("sum_broadcast", lambda: sum_axes(wide(X, 4, n), (0,)), lambda: wide(times(4, X), n)),
    ("sum_broadcast", lambda: sum_axes(broadcast_axes(ONE, (2,), (0,)), (0,)),
     lambda: times(2, squeeze_axes(ONE, (0,)))),
    ("sum_broadcast", lambda: sum_axes(wide(ONE, 3, 1), (1,)), None),
    ("sum_broadcast", lambda: sum_axes(wide(TWO, 3, 2), (1,)), None),
    ("sum_broadcast", lambda: sum_axes(broadcast_axes(ROW, (4, ROW.dims[1]), (0, 1)), (0,)),
     lambda: times(4, squeeze_axes(ROW, (0,)))),
    ("sum_broadcast", lambda: sum_axes(broadcast_axes(M, (3, a, 2, c), (1, 3)), (0, 1)),
     lambda: broadcast_axes(times(3, sum_axes(M, (0,))), (2, c), (1,))),
    ("sum_broadcast", lambda: sum_axes(broadcast_axes(M, (3, a, 2, c), (1, 3)), (2, 3)),
     lambda: broadcast_axes(times(2, sum_axes(M, (1,))), (3, a), (1,))),
    ("sum_broadcast",
     lambda: sum_axes(broadcast_axes(SLAB, (4, *SLAB.dims[1:]), (0, 1, 2)), (0, 1)),
     lambda: times(4, squeeze_axes(sum_axes(SLAB, (1,)), (0,)))),
    ("sum_broadcast",
     lambda: sum_axes(broadcast_axes(LAYER, (LAYER.dims[0], 4, LAYER.dims[2]), (0, 1, 2)), (0, 1)),
     lambda: times(4, squeeze_axes(sum_axes(LAYER, (0,)), (0,)))),
    ("sum_broadcast",
     lambda: sum_axes(broadcast_axes(LAYER, (LAYER.dims[0], 4, LAYER.dims[2]), (0, 1, 2)), (1,)),
     lambda: times(4, squeeze_axes(LAYER, (1,)))),
    # the number of elements in the dtype of the sum
    ("sum_broadcast", lambda: sum_axes(wide(P, 4, *P.dims), (0,)), None),
    ("sum_broadcast", lambda: sum_axes(wide(N, 4, *N.dims), (0,)), lambda: times(4, N)),
    ("sum_broadcast", lambda: sum_axes(wide(B, 300, *B.dims), (0,)), lambda: times(44, B)),
    ("sum_broadcast", lambda: sum_axes(wide(S, 2**24, *S.dims), (0,)), lambda: times(2**24, S)),
    ("sum_broadcast", lambda: sum_axes(wide(S, 2**24 + 1, *S.dims), (0,)), None),
    # along axes beside those that repeat
    ("sum_beside_broadcast", lambda: sum_axes(M, (0,)), None),
    ("sum_beside_broadcast", lambda: sum_axes(wide(M, 3, a, c), (1,)),
     lambda: wide(sum_axes(M, (0,)), 3, c)),
    ("sum_beside_broadcast", lambda: sum_axes(wide(M, 3, a, c), (2,)),
     lambda: wide(sum_axes(M, (1,)), 3, a)),
    ("sum_beside_broadcast", lambda: sum_axes(broadcast_axes(M, (a, 3, c), (0, 2)), (0,)),
     lambda: wide(sum_axes(M, (0,)), 3, c)),
    ("sum_beside_broadcast", lambda: sum_axes(wide(M, 3, a, c), (0, 1)), None),
    ("sum_beside_broadcast", lambda: sum_axes(Node(Broadcast((n,), (0,)), (V,)), (0,)), None),
    ("sum_beside_broadcast", lambda: sum_axes(wide(TWO, 3, 2), (1,)),
     lambda: wide(sum_axes(TWO, (0,)), 3)),
    # of a number
    ("sum_constant", lambda: sum_axes(V, (0,)), None),
    ("sum_constant", lambda: sum_axes(wide(X, 4), (0,)), None),
    ("sum_constant", lambda: sum_axes(number(2.0, n), (0,)),
     lambda: op("mul", number(2.0), cast(size_node(n), "float64", implicit=True))),
    ("sum_constant", lambda: sum_axes(number(1.0, n), (0,)),
     lambda: cast(size_node(n), "float64", implicit=True)),
    ("sum_constant", lambda: sum_axes(number(1, n, dtype="int64"), (0,)), lambda: size_node(n)),
    ("sum_constant", lambda: sum_axes(number(3.0, 4, n, 5), (0, 2)),
     lambda: wide(op("mul", number(3.0), number(20.0)), n)),
    ("sum_constant", lambda: sum_axes(number(0.0, 4), (0,)),
     lambda: op("mul", number(0.0), number(4.0))),
    ("sum_constant", lambda: sum_axes(number(-0.0, n), (0,)), None),
    ("sum_constant", lambda: sum_axes(number(-2.0, n), (0,)), None),
    ("sum_constant", lambda: sum_axes(number(float("inf"), n), (0,)), None),
    ("sum_constant", lambda: sum_axes(number(float("nan"), n), (0,)), None),
    ("sum_constant", lambda: sum_axes(number(True, n, dtype="bool"), (0,)), None),
    ("sum_constant", lambda: Node(Sum(()), (number(2.0, n),)), None),
]  # fmt: skip
AXES: list[Case] = [
    ("expected_shape", lambda: Node(Expect((n,), "", ""), (V,)), lambda: V),
    ("expected_shape", lambda: Node(Expect((sizes.value(K),), "", ""), (V,)), None),
    ("declare_nothing", lambda: Node(Declare((n,), "", ""), (V,)), lambda: V),
    ("declare_nothing", lambda: Node(Declare((1,), "", ""), (V,)), None),
    ("permute_permute", lambda: permute_axes(T, (1, 2, 0)), None),
    ("permute_permute", lambda: permute_axes(permute_axes(T, (1, 2, 0)), (1, 2, 0)),
     lambda: permute_axes(T, (2, 0, 1))),
    ("permute_permute", lambda: permute_axes(permute_axes(T, (1, 2, 0)), (0, 2, 1)),
     lambda: permute_axes(T, (1, 0, 2))),
    ("permute_nothing", lambda: Node(Permute((0, 1)), (M,)), lambda: M),
    ("permute_nothing", lambda: permute_axes(M, (1, 0)), None),
    ("permute_broadcast", lambda: permute_axes(M, (1, 0)), None),
    ("permute_broadcast", lambda: permute_axes(broadcast_axes(M, (a, 4, c), (0, 2)), (2, 0, 1)),
     lambda: broadcast_axes(permute_axes(M, (1, 0)), (c, a, 4), (0, 1))),
    ("permute_broadcast", lambda: permute_axes(broadcast_axes(M, (a, 4, c), (0, 2)), (1, 0, 2)),
     lambda: broadcast_axes(M, (4, a, c), (1, 2))),
    ("permute_dot", lambda: permute_axes(M, (1, 0)), None),
    ("permute_dot", lambda: permute_axes(dot(T, (0, 1, 2), M, (2, 3), 0, 1, 3), (1, 2, 0)),
     lambda: dot(T, (0, 1, 2), M, (2, 3), 1, 3, 0)),
    ("dot_permute", lambda: dot(M, (0, 1), V, (1,), 0), None),
    ("dot_permute", lambda: dot(permute_axes(T, (1, 2, 0)), (0, 1, 2), M, (2, 3), 0, 1, 3),
     lambda: dot(T, (2, 0, 1), M, (2, 3), 0, 1, 3)),
    ("dot_permute", lambda: dot(M, (2, 3), permute_axes(T, (1, 2, 0)), (0, 1, 2), 0, 1, 3),
     lambda: dot(M, (2, 3), T, (2, 0, 1), 0, 1, 3)),
    ("dot_labels", lambda: dot(M, (0, 1), V, (1,), 0), None),
    ("dot_labels", lambda: dot(M, (3, 5), V, (5,), 3), lambda: dot(M, (0, 1), V, (1,), 0)),
    ("dot_labels", lambda: dot(M, (1, 0), M, (0, 2), 1, 2),
     lambda: dot(M, (0, 1), M, (1, 2), 0, 2)),
    ("dot_labels", lambda: dot(M, (0, 1), M, (1, 4), 0, 4),
     lambda: dot(M, (0, 1), M, (1, 2), 0, 2)),
    ("squeeze_squeeze", lambda: squeezed(ROW, 0), None),
    ("squeeze_squeeze", lambda: squeezed(squeezed(ONES, 1), 0, 2),
     lambda: squeezed(ONES, 0, 1, 3)),
    ("squeeze_broadcast", lambda: squeezed(ROW, 0), None),
    ("squeeze_broadcast", lambda: squeezed(wide(V, 1, n), 0), lambda: V),
    ("squeeze_broadcast", lambda: squeezed(wide(V, a, n), 0), None),
    ("squeeze_broadcast", lambda: squeezed(broadcast_axes(V, (1, n, 4), (1,)), 0),
     lambda: broadcast_axes(V, (n, 4), (0,))),
    ("squeeze_broadcast", lambda: squeezed(broadcast_axes(COLUMN, (3, n, 1), (1, 2)), 2),
     lambda: wide(squeeze_axes(COLUMN, (1,)), 3, n)),
    ("broadcast_squeeze", lambda: wide(V, 1, n), None),
    ("broadcast_squeeze", lambda: broadcast_axes(squeezed(COLUMN, 1), COLUMN.dims, (0,)),
     lambda: COLUMN),
    ("broadcast_squeeze", lambda: broadcast_axes(squeezed(COLUMN, 1), (COLUMN.dims[0], 4), (0,)),
     None),
    ("broadcast_squeeze", lambda: broadcast_axes(squeezed(tensor("o", 1, 1), 0), (1, 1), (0,)),
     None),
    ("reshape_reshape", lambda: Node(Reshape((a * c,)), (M,)), None),
    ("reshape_reshape", lambda: Node(Reshape((c, a)), (Node(Reshape((a * c,)), (M,)),)),
     lambda: Node(Reshape((c, a)), (M,))),
    ("reshape_reshape", lambda: Node(Reshape((a, c)), (Node(Reshape((a * c,)), (M,)),)), lambda: M),
    ("reshape_ones", lambda: Node(Reshape((a * c,)), (M,)), None),
    ("reshape_ones", lambda: Node(Reshape((c, a)), (M,)), None),
    ("reshape_ones", lambda: Node(Reshape((1, 2)), (TWO,)), lambda: wide(TWO, 1, 2)),
    ("reshape_ones", lambda: Node(Reshape((LAYER.dims[0], LAYER.dims[2], 1)), (LAYER,)),
     lambda: broadcast_axes(squeezed(LAYER, 1), (LAYER.dims[0], LAYER.dims[2], 1), (0, 1))),
    ("reshape_number", lambda: Node(Reshape((2,)), (wide(X, 1, 2),)), lambda: wide(X, 2)),
    ("reshape_number", lambda: Node(Reshape((n * 2,)), (wide(V, 2, n),)), None),
    ("reshape_number", lambda: Node(Reshape((a * c,)), (M,)), None),
    ("reshape_number", lambda: Node(Reshape((1,)), (op("exp", X),)), None),
    ("reshape_number", lambda: Node(Reshape((n, 1)), (join([V], 0),)), None),
]  # fmt: skip


@parametrize(SUMS)
def test_sum_rule(case: Case) -> None:
    check(case)


@parametrize(AXES)
def test_axis_rule(case: Case) -> None:
    check(case)
