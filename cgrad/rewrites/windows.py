"""Rules about windows: slice, place, set_window, and about join.

An integer index is checked against its axis where the window is used, so no rule drops or merges
an integer index that is not known to be in bounds.

Responsible for: windows of windows.  Not responsible for: other shape ops (`shapes`).
"""

from __future__ import annotations

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import Broadcast, Sum, broadcast_axes, sum_axes, without
from cgrad.ops.coerce import stretch
from cgrad.ops.control import largest
from cgrad.ops.scalar import apply_row
from cgrad.ops.windows import Join, Place, Slice, Update, Window, join, part, place
from cgrad.rewrites.patterns import full

WINDOWS = RuleSet("windows", complex=True)


def _window(node: Node) -> Window:
    assert isinstance(node.op, Window)
    return node.op


def _in_bounds(window: Window) -> bool:
    """Whether every integer index is inside its axis whatever the sizes are."""
    return all(_is_below(start, n) for start, n, _ in window.bounds())


def _is_below(start: SizeLike, n: SizeLike) -> bool:
    low, room = sizes.bounds(start)[0], sizes.bounds(n - largest(start))[0]
    return low is not None and low >= 0 and room is not None and room > 0


def _same_window(a: Window, b: Window) -> bool:
    return (a.starts, a.lengths, a.steps, a.drops) == (b.starts, b.lengths, b.steps, b.drops)


def _is_full(window: Window) -> bool:
    return (
        not any(window.drops)
        and all(step == 1 for step in window.steps)
        and all(start == 0 for start in window.starts)
        and window.lengths == window.shape
    )


def _compose(outer: Window, inner: Window) -> Window | None:
    """The window of a tensor that is window `inner` of window `outer` of it."""
    if not _in_bounds(inner):
        return None
    starts, lengths, steps, drops = [], [], [], []
    k = 0
    for axis, dropped in enumerate(outer.drops):
        if dropped:
            starts.append(outer.starts[axis])
            lengths.append(outer.lengths[axis])
            steps.append(outer.steps[axis])
            drops.append(True)
            continue
        starts.append(outer.starts[axis] + inner.starts[k] * outer.steps[axis])
        lengths.append(inner.lengths[k])
        steps.append(outer.steps[axis] * inner.steps[k])
        drops.append(inner.drops[k])
        k += 1
    return Window(outer.shape, tuple(starts), tuple(lengths), tuple(steps), tuple(drops))


def _rows(v: Node, n: int = 4) -> Node:
    """n different rows made of a tensor."""
    rows = [apply_row("mul", full(k + 2, v.dtype, v.dims), v) for k in range(n)]
    return join([stretch(row, (1, *v.dims)) for row in rows], 0)


def _middle(v: Node) -> Window:
    """Of four rows like v, those numbered 1 and 3."""
    zeros = (0,) * v.ndim
    shape, lengths = (4, *v.dims), (2, *v.dims)
    return Window(shape, (1, *zeros), lengths, (2,) + (1,) * v.ndim, (False,) * (v.ndim + 1))


def _second(v: Node) -> Window:
    """Of four rows like v, the one numbered 1."""
    zeros = (0,) * v.ndim
    shape, drops = (4, *v.dims), (True,) + (False,) * v.ndim
    return Window(shape, (1, *zeros), (1, *v.dims), (1,) * (v.ndim + 1), drops)


def _cut(x: Node, window: Window) -> Node:
    return Node(window.same(Slice), (x,))


def _set(x: Node, v: Node, window: Window) -> Node:
    return Node(window.same(Update), (x, v))


# -- slice -----------------------------------------------------------------------------------
@WINDOWS.rule(Slice, example=lambda vec: part(vec, 0, 0, vec.dims))
def slice_nothing(node: Node) -> Node | None:
    """x[:] -> x"""
    return node.args[0] if _is_full(_window(node)) else None


@WINDOWS.rule(Slice, example=lambda v: part(part(_rows(v), 0, 1, (3,)), 0, 1, (2,)))
def slice_slice(node: Node) -> Node | None:
    """x[a:][b:] -> x[a + b:]"""
    (inner,) = node.args
    if not isinstance(inner.op, Slice):
        return None
    window = _compose(inner.op, _window(node))
    return None if window is None else Node(window.same(Slice), inner.args)


@WINDOWS.rule(Slice, example=lambda v: part(stretch(v, (4, *v.dims)), 0, 1, (2,)))
def slice_broadcast(node: Node) -> Node | None:
    """broadcast(x)[a:b] along a stretched axis -> broadcast(x)"""
    (inner,) = node.args
    op = _window(node)
    if not isinstance(inner.op, Broadcast) or not _in_bounds(op):
        return None
    x = inner.args[0]
    whole = [
        (start, n, step, drop) == (0, size, 1, False)
        for start, n, step, drop, size in zip(
            op.starts, op.lengths, op.steps, op.drops, inner.dims, strict=True
        )
    ]
    moving = {axis for axis, n in zip(inner.op.axes, x.dims, strict=True) if n != 1}
    if not all(whole[axis] for axis in inner.op.axes if axis in moving or op.drops[axis]):
        return None
    left = without(tuple(range(inner.ndim)), [a for a, drop in enumerate(op.drops) if drop])
    return broadcast_axes(x, node.dims, tuple(left.index(axis) for axis in inner.op.axes))


@WINDOWS.rule(
    Slice, example=(lambda v: _cut(place(_rows(v, 2), _middle(v)), _middle(v)),
                    lambda v: _cut(place(v, _second(v)), _second(v))),
)  # fmt: skip
def slice_place(node: Node) -> Node | None:
    """place(x)[the same window] -> x"""
    (inner,) = node.args
    op = _window(node)
    if not isinstance(inner.op, Place) or not _same_window(inner.op, op) or not _in_bounds(op):
        return None
    return inner.args[0]


@WINDOWS.rule(Slice, example=lambda v: _cut(_set(_rows(v), _rows(v, 2), _middle(v)), _middle(v)))
def slice_set(node: Node) -> Node | None:
    """set(x[window], v)[the same window] -> v"""
    (inner,) = node.args
    op = _window(node)
    if not isinstance(inner.op, Update) or not _same_window(inner.op, op) or not _in_bounds(op):
        return None
    return inner.args[1]


# -- place, set_window -----------------------------------------------------------------------
@WINDOWS.rule(Place, example=lambda v: Node(Place(v.dims, (0,) * v.ndim, v.dims, (1,) * v.ndim,
                                                  (False,) * v.ndim), (v,)))  # fmt: skip
def place_whole(node: Node) -> Node | None:
    """place(x) in a window that is everything -> x"""
    return node.args[0] if _is_full(_window(node)) else None


@WINDOWS.rule(Place, example=lambda v: place(place(v, Window(
    (2, *v.dims), (1,) + (0,) * v.ndim, (1, *v.dims), (1,) * (v.ndim + 1),
    (True,) + (False,) * v.ndim)), _middle(v)))  # fmt: skip
def place_place(node: Node) -> Node | None:
    """place(place(x)) -> place(x)"""
    (inner,) = node.args
    if not isinstance(inner.op, Place):
        return None
    window = _compose(_window(node), inner.op)
    return None if window is None else place(inner.args[0], window)


@WINDOWS.rule(
    "add", example=lambda v, w: apply_row("add", place(v, _second(v)), place(w, _second(v)))
)
def add_places(node: Node) -> Node | None:
    """place(x) + place(y) in the same window -> place(x + y)"""
    a, b = node.args
    if not (isinstance(a.op, Place) and isinstance(b.op, Place) and _same_window(a.op, b.op)):
        return None
    if a.dims != b.dims or [n == 1 for n in a.args[0].dims] != [n == 1 for n in b.args[0].dims]:
        return None
    return place(apply_row("add", a.args[0], b.args[0]), a.op)


def _cut_placed(x: Node, window: Window) -> Node:
    """The window of x; a number that fills x needs no window, nor the check of its index."""
    if isinstance(x.op, Broadcast) and x.args[0].ndim == 0:
        return broadcast_axes(x.args[0], window.window_shape(), ())
    return Node(window.same(Slice), (x,))


# A window's surroundings are zeros by structure, not by arithmetic: nothing multiplies them.
@WINDOWS.rule(
    "mul", "true_div", exact=False, domain="the factor is finite outside of the window",
    example=(lambda v: apply_row("mul", place(v, _second(v)), _rows(v)),
             lambda v: apply_row("true_div", place(v, _second(v)), _rows(v))),
)  # fmt: skip
def factor_into_place(node: Node) -> Node | None:
    """place(x) * y -> place(x * y[window]), and / likewise"""
    for k, arg in enumerate(node.args if node.op.name == "mul" else node.args[:1]):
        if isinstance(arg.op, Place):
            other = _cut_placed(node.args[1 - k], arg.op)
            pair = (arg.args[0], other) if k == 0 else (other, arg.args[0])
            if [n == 1 for n in pair[0].dims] != [n == 1 for n in pair[1].dims]:
                return None
            return place(apply_row(node.op.name, *pair), arg.op)
    return None


@WINDOWS.rule("neg", exact=False, domain="the sign of a zero apart",
              example=lambda v: apply_row("neg", place(v, _second(v))))  # fmt: skip
def neg_into_place(node: Node) -> Node | None:
    """-place(x) -> place(-x)"""
    (arg,) = node.args
    if not isinstance(arg.op, Place):
        return None
    return place(apply_row("neg", arg.args[0]), arg.op)


@WINDOWS.rule(Sum, example=lambda v: sum_axes(place(v, _second(v)), tuple(range(v.ndim + 1))))
def sum_place(node: Node) -> Node | None:
    """sum(place(x)) over all axes -> sum(x)"""
    (arg,) = node.args
    if not isinstance(arg.op, Place) or node.ndim or not _in_bounds(arg.op):
        return None
    return sum_axes(arg.args[0], tuple(range(arg.args[0].ndim)))


@WINDOWS.rule(
    Update, example=lambda v, w: Node(Update(v.dims, (0,) * v.ndim, v.dims, (1,) * v.ndim,
                                             (False,) * v.ndim), (v, w))
)  # fmt: skip
def set_whole(node: Node) -> Node | None:
    """set(x[:], v) -> v"""
    return node.args[1] if _is_full(_window(node)) else None


@WINDOWS.rule(Update, example=lambda v, w: _set(_set(_rows(v), v, _second(v)), w, _second(v)))
def set_set(node: Node) -> Node | None:
    """set(set(x[window], u)[the same window], v) -> set(x[window], v)"""
    x, v = node.args
    if not isinstance(x.op, Update) or not _same_window(x.op, _window(node)):
        return None
    return Node(node.op, (x.args[0], v))


# -- join ------------------------------------------------------------------------------------
@WINDOWS.rule(Join, example=lambda vec: Node(Join(0), (vec,)))
def join_one(node: Node) -> Node | None:
    """join(x) -> x"""
    return node.args[0] if len(node.args) == 1 else None


@WINDOWS.rule(Join, example=lambda vec: join([vec, join([vec, vec], 0)], 0))
def join_join(node: Node) -> Node | None:
    """join(x, join(y, z)) along the same axis -> join(x, y, z)"""
    assert isinstance(node.op, Join)
    axis = node.op.axis
    if not any(isinstance(arg.op, Join) and arg.op.axis == axis for arg in node.args):
        return None
    parts: list[Node] = []
    for arg in node.args:
        inner = isinstance(arg.op, Join) and arg.op.axis == axis
        parts += arg.args if inner else (arg,)
    return Node(node.op, tuple(parts))
