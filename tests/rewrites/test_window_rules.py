"""Rules of windows at the edges of their conditions, one at a time."""

from __future__ import annotations

from typing import Any

from rewrites.single import Case, check, number, parametrize, tensor

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.ops.axes import broadcast_axes, sum_axes
from cgrad.ops.scalar import apply_row
from cgrad.ops.windows import Join, Place, Slice, Update, Window

X, V, M = tensor("x"), tensor("v", None), tensor("m", None, None)
U, W = tensor("u", None), tensor("w", None)
ROWS, FOUR = tensor("rows", 4, None), tensor("four", 4)
ONE, TWO = tensor("one", 1), tensor("two", 2)
T = tensor("t", 4, 5, 6)
n = V.dims[0]


def window(shape: Any, *axes: Any) -> Window:
    """For each axis an index, which drops it, or (start, length, step)."""
    starts, lengths, steps, drops = zip(
        *((*axis, False) if isinstance(axis, tuple) else (axis, 1, 1, True) for axis in axes),
        strict=True,
    )
    return Window(shape, starts, lengths, steps, drops)


def cut(x: Node, *axes: Any) -> Node:
    return Node(window(x.dims, *axes).same(Slice), (x,))


def put(x: Node, shape: Any, *axes: Any) -> Node:
    return Node(window(shape, *axes).same(Place), (x,))


def change(x: Node, v: Node, *axes: Any) -> Node:
    return Node(window(x.dims, *axes).same(Update), (x, v))


def at(start: Any, length: Any) -> Any:
    """An element put into zeros and taken out again, which needs an index in bounds."""
    return lambda: cut(put(X, (length,), start), start)


def op(name: str, *args: Node) -> Node:
    return apply_row(name, *args)


def wide(x: Node, *dims: Any) -> Node:
    """x behind new axes."""
    return broadcast_axes(x, dims, tuple(range(len(dims) - x.ndim, len(dims))))


MIDDLE = (1, 2, 1)
CASES: list[Case] = [
    # indices that are in bounds whatever the sizes are, and others
    ("slice_place", at(0, 4), lambda: X),
    ("slice_place", at(3, 4), lambda: X),
    ("slice_place", at(n, n + 1), lambda: X),
    ("slice_place", at(4, 4), None),
    ("slice_place", at(-1, 4), None),
    ("slice_place", at(0, n), None),
    ("slice_place", at(n - 5, n), None),
    ("slice_place", at(0, sizes.minimum(n, 3)), None),
    # windows of windows
    ("slice_nothing", lambda: cut(FOUR, (0, 4, 1)), lambda: FOUR),
    ("slice_nothing", lambda: cut(FOUR, (3, 4, -1)), None),
    ("slice_nothing", lambda: cut(FOUR, MIDDLE), None),
    ("slice_nothing", lambda: cut(ONE, 0), None),
    ("slice_slice", lambda: cut(FOUR, MIDDLE), None),
    ("slice_slice", lambda: cut(cut(V, (1, n - 1, 1)), 0), None),
    ("slice_slice", lambda: cut(cut(T, 2, (1, 3, 2), (5, 4, -1)), (1, 2, 1), (0, 2, 3)),
     lambda: cut(T, 2, (3, 2, 2), (5, 2, -3))),
    ("slice_slice", lambda: cut(cut(T, (1, 3, 1), (1, 2, 2), 4), 2, (1, 1, 2)),
     lambda: cut(T, 3, (3, 1, 4), 4)),
    ("slice_place", lambda: cut(FOUR, MIDDLE), None),
    ("slice_place", lambda: cut(put(V, (4,), MIDDLE), MIDDLE), lambda: V),
    ("slice_place", lambda: cut(put(V, (4,), MIDDLE), (0, 2, 1)), None),
    ("slice_place", lambda: cut(put(V, (4,), MIDDLE), (1, 1, 1)), None),
    ("slice_place", lambda: cut(put(V, (4,), MIDDLE), (1, 2, 2)), None),
    ("slice_place", lambda: cut(put(ONE, (4,), (1, 1, 1)), 1), None),
    ("slice_place", lambda: cut(change(FOUR, V, MIDDLE), MIDDLE), None),
    ("slice_set", lambda: cut(change(FOUR, V, MIDDLE), MIDDLE), lambda: V),
    ("slice_set", lambda: cut(FOUR, MIDDLE), None),
    ("slice_set", lambda: cut(change(FOUR, V, MIDDLE), (0, 2, 1)), None),
    ("slice_set", lambda: cut(change(V, X, 0), 0), None),
    ("slice_set", lambda: cut(op("add", FOUR, FOUR), MIDDLE), None),
    ("slice_set", lambda: cut(put(V, (4,), MIDDLE), MIDDLE), None),
    ("set_whole", lambda: change(FOUR, V, (0, 4, 1)), lambda: V),
    ("set_whole", lambda: change(FOUR, V, MIDDLE), None),
    ("set_set", lambda: change(change(FOUR, V, MIDDLE), U, MIDDLE),
     lambda: change(FOUR, U, MIDDLE)),
    ("set_set", lambda: change(change(FOUR, V, MIDDLE), U, (0, 2, 1)), None),
    ("set_set", lambda: change(FOUR, U, MIDDLE), None),
    ("set_set", lambda: change(put(V, (4,), MIDDLE), U, MIDDLE), None),
    ("place_whole", lambda: put(FOUR, (4,), (0, 4, 1)), lambda: FOUR),
    ("place_whole", lambda: put(TWO, (4,), MIDDLE), None),
    ("place_place", lambda: put(TWO, (4,), MIDDLE), None),
    ("place_place", lambda: put(put(V, (3, 4), 1, (2, 2, 1)), (4, 5, 6), (1, 3, 1), 4, (0, 4, 1)),
     lambda: put(V, (4, 5, 6), 2, 4, (2, 2, 1))),
    ("place_place", lambda: put(put(X, (n,), 0), (n, 4), (0, n, 1), 2), None),
    # windows of a broadcast
    ("slice_broadcast", lambda: cut(FOUR, MIDDLE), None),
    ("slice_broadcast", lambda: cut(wide(V, 4, n), MIDDLE, (0, n, 1)), lambda: wide(V, 2, n)),
    ("slice_broadcast", lambda: cut(wide(V, 4, n), MIDDLE, (1, n - 1, 1)), None),
    ("slice_broadcast", lambda: cut(wide(V, 4, n), 3, (0, n, 1)), lambda: V),
    ("slice_broadcast", lambda: cut(wide(V, n, n), 0, (0, n, 1)), None),
    ("slice_broadcast", lambda: cut(wide(FOUR, 3, 4), (0, 3, 1), 2), None),
    ("slice_broadcast", lambda: cut(wide(TWO, 3, 2), (0, 2, 1), (0, 1, 1)), None),
    ("slice_broadcast", lambda: cut(wide(TWO, 3, 2), (0, 2, 1), (0, 2, 1)),
     lambda: wide(TWO, 2, 2)),
    ("slice_broadcast", lambda: cut(broadcast_axes(ONE, (5,), (0,)), MIDDLE),
     lambda: broadcast_axes(ONE, (2,), (0,))),
    ("slice_broadcast", lambda: cut(broadcast_axes(ONE, (5,), (0,)), 2), None),
    # arithmetic inside of a window
    ("add_places", lambda: op("add", put(V, (4,), MIDDLE), put(U, (4,), MIDDLE)),
     lambda: put(op("add", V, U), (4,), MIDDLE)),
    ("add_places", lambda: op("add", put(V, (4,), MIDDLE), put(U, (4,), (0, 2, 1))), None),
    ("add_places", lambda: op("add", put(V, (4,), MIDDLE), FOUR), None),
    ("add_places", lambda: op("add", FOUR, put(V, (4,), MIDDLE)), None),
    ("add_places", lambda: op("add", put(V, (4,), MIDDLE), change(FOUR, U, MIDDLE)), None),
    ("add_places", lambda: op("add", change(FOUR, U, MIDDLE), put(V, (4,), MIDDLE)), None),
    ("add_places", lambda: op("add", put(V, U.dims, MIDDLE), put(U, W.dims, MIDDLE)), None),
    ("add_places", lambda: op("add", put(ONE, (4,), (1, 1, 1)), put(ONE, (4,), (1, 1, 1))),
     lambda: put(op("add", ONE, ONE), (4,), (1, 1, 1))),
    ("add_places", lambda: op("add", put(ONE, (4,), (1, 1, 1)), put(U, (4,), (1, 1, 1))), None),
    ("add_places", lambda: op("add", put(U, (4,), (1, 1, 1)), put(ONE, (4,), (1, 1, 1))), None),
    ("factor_into_place", lambda: op("mul", put(V, (4,), MIDDLE), FOUR),
     lambda: put(op("mul", V, cut(FOUR, MIDDLE)), (4,), MIDDLE)),
    ("factor_into_place", lambda: op("mul", FOUR, put(V, (4,), MIDDLE)),
     lambda: put(op("mul", cut(FOUR, MIDDLE), V), (4,), MIDDLE)),
    ("factor_into_place", lambda: op("true_div", put(V, (4,), MIDDLE), FOUR),
     lambda: put(op("true_div", V, cut(FOUR, MIDDLE)), (4,), MIDDLE)),
    ("factor_into_place", lambda: op("true_div", FOUR, put(V, (4,), MIDDLE)), None),
    ("factor_into_place", lambda: op("mul", FOUR, FOUR), None),
    ("factor_into_place", lambda: op("mul", number(2.0, n), put(X, (n,), 0)),
     lambda: put(op("mul", number(2.0), X), (n,), 0)),
    ("factor_into_place", lambda: op("mul", broadcast_axes(X, (4,), ()), put(V, (4,), MIDDLE)),
     lambda: put(op("mul", broadcast_axes(X, (2,), ()), V), (4,), MIDDLE)),
    ("factor_into_place", lambda: op("mul", wide(FOUR, 3, 4), put(X, (3, 4), 1, 2)),
     lambda: put(op("mul", cut(wide(FOUR, 3, 4), 1, 2), X), (3, 4), 1, 2)),
    ("factor_into_place", lambda: op("mul", op("exp", FOUR), put(V, (4,), MIDDLE)),
     lambda: put(op("mul", cut(op("exp", FOUR), MIDDLE), V), (4,), MIDDLE)),
    ("factor_into_place", lambda: op("mul", put(ONE, (4,), (1, 1, 1)), FOUR),
     lambda: put(op("mul", ONE, cut(FOUR, (1, 1, 1))), (4,), (1, 1, 1))),
    ("factor_into_place", lambda: op("mul", put(U, (4,), (1, 1, 1)), FOUR), None),
    ("factor_into_place", lambda: op("mul", FOUR, put(U, (4,), (1, 1, 1))), None),
    ("factor_into_place", lambda: op("mul", put(ONE, (4,), (1, n, 1)), FOUR), None),
    ("neg_into_place", lambda: op("neg", put(V, (4,), MIDDLE)),
     lambda: put(op("neg", V), (4,), MIDDLE)),
    ("neg_into_place", lambda: op("neg", cut(FOUR, MIDDLE)), None),
    ("sum_place", lambda: sum_axes(put(V, (3, 4), 1, MIDDLE), (0, 1)), lambda: sum_axes(V, (0,))),
    ("sum_place", lambda: sum_axes(put(V, (3, 4), 1, MIDDLE), (1,)), None),
    ("sum_place", lambda: sum_axes(put(V, (3, 4), 3, MIDDLE), (0, 1)), None),
    ("sum_place", lambda: sum_axes(cut(FOUR, MIDDLE), (0,)), None),
    # joins
    ("join_one", lambda: Node(Join(0), (V,)), lambda: V),
    ("join_one", lambda: Node(Join(0), (V, U)), None),
    ("join_join", lambda: Node(Join(0), (V, U)), None),
    ("join_join", lambda: Node(Join(0), (V, Node(Join(0), (U, W)))),
     lambda: Node(Join(0), (V, U, W))),
    ("join_join", lambda: Node(Join(0), (M, Node(Join(1), (M, M)))), None),
    ("join_join", lambda: Node(Join(0), (Node(Join(1), (M, M)), Node(Join(0), (M, M)))),
     lambda: Node(Join(0), (Node(Join(1), (M, M)), M, M))),
]  # fmt: skip


@parametrize(CASES)
def test_window_rule(case: Case) -> None:
    check(case)
