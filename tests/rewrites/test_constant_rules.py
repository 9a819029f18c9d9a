"""Rules of constants, casts and broadcasts at the edges of their conditions, one at a time."""

from __future__ import annotations

import numpy as np
from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.ops.axes import Broadcast, broadcast_axes, sum_axes
from cgrad.ops.constants import INLINE_LIMIT, Constant, ShapeVector, constant, size_node
from cgrad.ops.passthrough import Again, GradScale, ZeroGrad
from cgrad.ops.reductions import Extreme
from cgrad.ops.scalar import apply_row, cast
from cgrad.ops.windows import Place, Slice, part

X, V, M = tensor("x"), tensor("v", None), tensor("m", None, None)
U, ROW = tensor("u", None), tensor("row", 1, None)
ONE, OTHER, TWO, PAIR = tensor("one", 1), tensor("other", 1), tensor("two", 2), tensor("pair", 2)
S, K = tensor("s", dtype="float32"), tensor("k", dtype="int64")
P, J = tensor("p", dtype="bool"), tensor("j", dtype="int32")
THREE = constant(np.array([1.0, 2.0, 4.0]))
n = V.dims[0]
a, c = M.dims


def op(name: str, *args: Node) -> Node:
    return apply_row(name, *args)


def counted(count: int) -> Node:
    return constant(np.arange(float(count)))


def wide(x: Node, *dims: object) -> Node:
    """x behind new axes."""
    return broadcast_axes(x, dims, tuple(range(len(dims) - x.ndim, len(dims))))


def entry(start: int) -> Node:
    return Node(Slice((3,), (start,), (1,), (1,), (True,)), (THREE,))


def maximum(values: np.ndarray) -> Node:
    return Node(Extreme("max", (0,), empty=True), (constant(values),))


CONSTANTS: list[Case] = [
    ("pass_through", lambda: Node(GradScale(2.0), (V,)), lambda: V),
    ("pass_through", lambda: Node(ZeroGrad(), (V,)), lambda: V),
    ("pass_through", lambda: Node(Again(), (V,)), None),
    ("weak_constant", lambda: Node(Constant(np.array(2.0), weak=True)),
     lambda: Node(Constant(np.array(2.0), weak=False))),
    ("weak_constant", lambda: Node(Constant(np.array(2.0), weak=False)), None),
    ("uniform_constant", lambda: constant(np.full((2, 3), 1.5)), lambda: number(1.5, 2, 3)),
    ("uniform_constant", lambda: constant(np.array([1.5])), lambda: number(1.5, 1)),
    ("uniform_constant", lambda: constant(np.array([0.0, -0.0])), None),
    ("uniform_constant", lambda: constant(np.array(1.5)), None),
    ("uniform_constant", lambda: constant(np.zeros((0, 2))), None),
    ("known_size", lambda: size_node(3), lambda: number(3, dtype="int64")),
    ("known_size", lambda: size_node(sizes.value(K)), lambda: K),
    ("known_size", lambda: size_node(sizes.value(K) + 1), None),
    ("known_size", lambda: size_node(2 * sizes.value(K)), None),
    ("known_size", lambda: size_node(n), None),
    ("known_size", lambda: size_node(n + sizes.value(K)), None),
    ("known_shape", lambda: Node(ShapeVector((2, 3))), lambda: constant(np.array([2, 3]))),
    ("known_shape", lambda: Node(ShapeVector((2, n))), None),
    ("known_shape", lambda: Node(ShapeVector((2,) * INLINE_LIMIT)),
     lambda: constant(np.full(INLINE_LIMIT, 2))),
    ("known_shape", lambda: Node(ShapeVector((2,) * (INLINE_LIMIT + 1))), None),
    # what can be computed now
    ("fold_scalar", lambda: op("add", number(1.0), number(2.0)), lambda: number(3.0)),
    ("fold_scalar", lambda: op("sqr", number(3.0, n)), lambda: number(9.0, n)),
    ("fold_scalar", lambda: op("add", number(1.0), X), None),
    ("fold_scalar", lambda: op("add", X, number(1.0)), None),
    ("fold_scalar", lambda: op("j0", number(1.0)), None),
    ("fold_scalar", lambda: cast(number(2.5), "int64"), lambda: number(2, dtype="int64")),
    ("fold_array", lambda: op("add", THREE, number(1.0, 3)),
     lambda: constant(np.array([2.0, 3.0, 5.0]))),
    ("fold_array", lambda: sum_axes(THREE, (0,)), lambda: number(7.0)),
    ("fold_array", lambda: cast(THREE, "float32"),
     lambda: constant(np.array([1.0, 2.0, 4.0], np.float32))),
    ("fold_array", lambda: op("add", tensor("w", 3), THREE), None),
    ("fold_array", lambda: op("add", number(1.0), number(2.0)), None),
    ("fold_array", lambda: op("add", number(1.0, 2), number(2.0, 2)),
     lambda: constant(np.array([3.0, 3.0]))),
    ("fold_array", lambda: Node(Place((INLINE_LIMIT + 1,), (0,), (3,), (1,), (False,)), (THREE,)),
     None),
    ("fold_array", lambda: wide(THREE, 2, 3), None),
    ("fold_array", lambda: op("j0", THREE), None),
    ("fold_array", lambda: op("sqr", counted(INLINE_LIMIT)),
     lambda: constant(np.arange(float(INLINE_LIMIT)) ** 2)),
    ("fold_array", lambda: op("sqr", counted(INLINE_LIMIT + 1)), None),
    ("fold_array", lambda: sum_axes(counted(INLINE_LIMIT + 1), (0,)),
     None),
    ("fold_array", lambda: sum_axes(number(2.0, INLINE_LIMIT + 1), (0,)), None),
    ("fold_array", lambda: op("add", THREE, number(1.0, n)), None),
    ("fold_array", lambda: part(THREE, 0, sizes.value(K), (2,)), None),
    ("fold_array", lambda: entry(0), lambda: number(1.0)),
    ("fold_array", lambda: entry(2), lambda: number(4.0)),
    ("fold_array", lambda: entry(3), None),
    ("fold_array", lambda: entry(-1), None),
    ("fold_array", lambda: maximum(np.array([1.0, 3.0])), lambda: number(3.0)),
    ("fold_array", lambda: maximum(np.zeros(0)), None),
    ("fold_array", lambda: sum_axes(constant(np.zeros(0)), (0,)), lambda: number(0.0)),
    ("fold_array", lambda: op("add", counted(2), counted(3)), None),
    # casts
    ("cast_nothing", lambda: Node(type(cast(K, "float64").op)("float64"), (X,)), lambda: X),
    ("cast_nothing", lambda: cast(X, "float32"), None),
    ("cast_cast", lambda: cast(X, "float32"), None),
    ("cast_cast", lambda: cast(cast(S, "float64"), "float32"), lambda: cast(S, "float32")),
    ("cast_cast", lambda: cast(cast(X, "float32"), "float64"), None),
    ("cast_cast", lambda: cast(cast(K, "float64"), "int64"), None),
    ("cast_cast", lambda: cast(cast(J, "float32"), "float64"), None),
    ("cast_cast", lambda: cast(cast(P, "int64"), "float32"), lambda: cast(P, "float32")),
    ("cast_cast", lambda: cast(op("sqr", S), "float64"), None),
    ("identity", lambda: op("identity", V), lambda: V),
    ("fill", lambda: op("second", V, U), lambda: U),
]  # fmt: skip
BROADCASTS: list[Case] = [
    ("broadcast_broadcast", lambda: wide(V, 2, n), None),
    ("broadcast_broadcast", lambda: broadcast_axes(wide(V, 2, n), (n, 3, 2), (2, 0)),
     lambda: broadcast_axes(V, (n, 3, 2), (0,))),
    ("broadcast_nothing", lambda: Node(Broadcast((n,), (0,)), (V,)), lambda: V),
    ("broadcast_nothing", lambda: Node(Broadcast((1,), (0,)), (ONE,)), lambda: ONE),
    ("broadcast_nothing", lambda: Node(Broadcast((2,), (0,)), (TWO,)), lambda: TWO),
    ("broadcast_nothing", lambda: wide(V, 2, n), None),
    ("broadcast_nothing", lambda: broadcast_axes(ONE, (n,), (0,)), None),
    ("broadcast_nothing", lambda: broadcast_axes(ROW, (a, ROW.dims[1]), (0, 1)), None),
    # functions of stretched arguments
    ("broadcast_last", lambda: op("add", V, wide(X, n)), None),
    ("broadcast_last", lambda: op("add", wide(X, n), V), None),
    ("broadcast_last", lambda: op("add", number(1.0, n), number(2.0, n)), None),
    ("broadcast_last", lambda: op("sqr", wide(V, 2, n)), lambda: wide(op("sqr", V), 2, n)),
    ("broadcast_last", lambda: op("mul", number(3.0, 2, n), wide(V, 2, n)),
     lambda: wide(op("mul", number(3.0, n), V), 2, n)),
    ("broadcast_last", lambda: op("add", wide(V, 2, n), wide(U, 2, n)),
     lambda: wide(op("add", V, U), 2, n)),
    ("broadcast_last", lambda: op("add", wide(X, 2, n), wide(V, 2, n)),
     lambda: wide(op("add", wide(X, n), V), 2, n)),
    ("broadcast_last", lambda: op("add", wide(V, 2, n), wide(X, 2, n)),
     lambda: wide(op("add", V, wide(X, n)), 2, n)),
    ("broadcast_last", lambda: op("add", broadcast_axes(V, (n, n), (0,)), wide(V, n, n)), None),
    ("broadcast_last", lambda: op("add", wide(M, 4, a, c), wide(V, 4, a, n)),
     lambda: wide(op("add", M, wide(V, a, n)), 4, a, c)),
    ("broadcast_last", lambda: op("add", wide(TWO, 4, a, 2), wide(M, 4, a, c)),
     lambda: wide(op("add", wide(TWO, a, 2), M), 4, a, 2)),
    ("broadcast_last", lambda: op("add", wide(M, 4, a, c), wide(ONE, 4, a, c)),
     lambda: wide(op("add", M, broadcast_axes(ONE, (a, c), (1,))), 4, a, c)),
    # sources of length 1
    ("broadcast_last", lambda: op("add", wide(V, 4, n), wide(ONE, 4, n)),
     lambda: wide(op("add", V, broadcast_axes(ONE, (n,), (0,))), 4, n)),
    ("broadcast_last", lambda: op("add", wide(ONE, 4, n), wide(V, 4, n)), None),
    ("broadcast_last", lambda: op("add", wide(ONE, 4, n), wide(OTHER, 4, n)),
     lambda: wide(op("add", ONE, OTHER), 4, n)),
    ("broadcast_last", lambda: op("add", wide(TWO, 4, 2), wide(PAIR, 4, 2)),
     lambda: wide(op("add", TWO, PAIR), 4, 2)),
    ("broadcast_last", lambda: op("add", wide(ROW, 4, *ROW.dims), wide(ONE, 4, *ROW.dims)),
     lambda: wide(op("add", ROW, broadcast_axes(ONE, ROW.dims, (1,))), 4, *ROW.dims)),
]  # fmt: skip


@parametrize(CONSTANTS)
def test_constant_rule(case: Case) -> None:
    check(case)


@parametrize(BROADCASTS)
def test_broadcast_rule(case: Case) -> None:
    check(case)
