"""Sums of exponentials: logarithms of them and shares in them, shifted by the largest exponent.

Responsible for: log-sum-exp, softmax and its logarithm, shares of two exponentials.
Not responsible for: products of logistic functions (`logistic`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, Sum, broadcast_axes, sum_axes, without
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme
from cgrad.ops.scalar import apply_row
from cgrad.rewrites.logistic import Factor, factors_of, join_pair, product
from cgrad.rewrites.patterns import is_op, like

EXPONENTIALS = RuleSet("exponentials")


def exponent(node: Node) -> Node | None:
    """u of exp(u), which may be stretched."""
    if is_op(node, "exp"):
        return node.args[0]
    if isinstance(node.op, Broadcast) and is_op(node.args[0], "exp"):
        return broadcast_axes(node.args[0].args[0], node.dims, node.op.axes)
    return None


def _share(f: Factor, g: Factor) -> Factor | None:
    if not g.inverse or not is_op(g.node, "add") or f.node not in g.node.args:
        return None
    first, second = g.node.args
    u, v = exponent(f.node), exponent(second if f.node is first else first)
    if u is None or v is None:
        return None
    return Factor(apply_row("sigmoid", apply_row("excess", u, v)))


@EXPONENTIALS.rule(
    "mul", "true_div", exact=False,
    domain="relative error |u - v| units in the last place, where the old side may overflow",
    example=(lambda x, y: apply("exp", x) / (apply("exp", x) + apply("exp", y)),
             lambda x, y, z: z / (apply("exp", x) + apply("exp", y)) * apply("exp", x),
             lambda s, vec: apply("exp", s) / (apply("exp", s) + apply("exp", vec))),
)  # fmt: skip
def share_of_exps(node: Node) -> Node | None:
    """exp(u) / (exp(u) + exp(v)) -> sigmoid(u - v)"""
    factors = join_pair(factors_of(node), _share, "exp", "broadcast")
    return None if factors is None else product(factors)


def _exp_sum(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """(x, axes) of sum(exp(x)), x not being shifted already."""
    if not isinstance(node.op, Sum) or not is_op(node.args[0], "exp"):
        return None
    x = node.args[0].args[0]
    return None if _is_shifted(x) else (x, node.op.axes)


def _exp_sum_by_hand(node: Node) -> tuple[Node, tuple[int, ...], bool] | None:
    """(x, axes, empty) of sum(exp(x - max(x))) that the user wrote, both over the same axes."""
    if not isinstance(node.op, Sum) or not is_op(node.args[0], "exp"):
        return None
    found = _unshifted(node.args[0].args[0])
    if found is None:
        return None
    x, m = found
    assert isinstance(m.op, Extreme)
    if m.op.held or m.op.axes != node.op.axes:
        return None
    return x, m.op.axes, m.op.empty


def _is_shifted(x: Node) -> bool:
    """Whether x is what `_shifted` makes, or has been shifted by its maximum by the user."""
    if is_op(x, "excess") or _unshifted(x) is not None:
        return True
    if not is_op(x, "sub") or not isinstance(x.args[1].op, Broadcast):
        return False
    shift = x.args[1].args[0]
    return is_op(shift, "switch") and is_op(shift.args[0], "isinf")


def _unshifted(x: Node) -> tuple[Node, Node] | None:
    """(u, m) of u - m that the user wrote, m the maximum of u over some axes."""
    if not is_op(x, "sub") or not isinstance(x.args[1].op, Broadcast):
        return None
    u, m = x.args[0], x.args[1].args[0]
    if not isinstance(m.op, Extreme) or m.op.which != "max" or m.args[0] is not u:
        return None
    kept = without(tuple(range(u.ndim)), m.op.axes)
    return (u, m) if x.args[1].op.axes == kept else None


def _shifted(x: Node, axes: tuple[int, ...], empty: bool = True) -> tuple[Node, Node]:
    """(x - m, m), m the maximum over `axes`, or 0 where that is infinite; it has no derivative."""
    top = Node(Extreme("max", axes, empty=empty, held=True), (x,))
    m = apply_row("switch", apply_row("isinf", top), like(top, 0), top)
    kept = without(tuple(range(x.ndim)), axes)
    return apply_row("sub", x, broadcast_axes(m, x.dims, kept)), m


def _log_sum_exp(x: Node, axes: tuple[int, ...], empty: bool = True) -> Node:
    gap, m = _shifted(x, axes, empty)
    return apply_row("add", m, apply_row("log", sum_axes(apply_row("exp", gap), axes)))


@EXPONENTIALS.rule(
    "log", exact=False,
    example=(lambda mat: apply("log", sum_axes(apply("exp", mat), (1,))),
             lambda vec: apply("log", sum_axes(apply("exp", vec), (0,)))),
)  # fmt: skip
def log_sum_exp(node: Node) -> Node | None:
    """log(sum(exp(x))) -> m + log(sum(exp(x - m))), m = max(x) where finite"""
    found = _exp_sum(node.args[0])
    if found is None:
        return None
    return _log_sum_exp(*found)


def _by_hand(mat: Node) -> tuple[Node, Node]:
    m = Node(Extreme("max", (1,)), (mat,))
    return apply("exp", mat - broadcast_axes(m, mat.dims, (0,))), m


@EXPONENTIALS.rule(
    "add", exact=False, domain="everywhere; where the maximum is infinite the old side is nan",
    example=lambda mat: _by_hand(mat)[1] + apply("log", sum_axes(_by_hand(mat)[0], (1,))),
)  # fmt: skip
def log_sum_exp_by_hand(node: Node) -> Node | None:
    """M + log(sum(exp(x - M))), M = max(x) -> m + log(sum(exp(x - m))), m = M where finite

    m has no derivative: those of the two sides are the same, but that of M cancels.
    """
    for m, log in (node.args, node.args[::-1]):
        found = _exp_sum_by_hand(log.args[0]) if is_op(log, "log") else None
        if found is not None and m.op.name == "max" and m.args[0] is found[0]:
            x, axes, empty = found
            if isinstance(m.op, Extreme) and m.op.axes == axes and not m.op.held:
                return _log_sum_exp(x, axes, empty)
    return None


def _softmax_example(x: Node) -> tuple[Node, Node]:
    e = apply("exp", x)
    return e, sum_axes(e, (x.ndim - 1,))


def _softmax_pair(f: Factor, g: Factor) -> Factor | None:
    if not isinstance(g.node.op, Broadcast):
        return None
    weight, total = None, g.node.args[0]
    if not g.inverse:
        if not is_op(total, "true_div", "reciprocal"):
            return None
        weight, total = total.args if is_op(total, "true_div") else (None, total.args[0])
    found = _exp_sum(total) or _exp_sum_by_hand(total)
    if found is None or total.args[0] is not f.node:
        return None
    x, axes, *empty = found
    kept = without(tuple(range(x.ndim)), axes)
    if g.node.op.axes != kept:
        return None
    e = apply_row("exp", _shifted(x, axes, *empty)[0])
    part = apply_row("true_div", e, broadcast_axes(sum_axes(e, axes), x.dims, kept))
    if weight is not None:
        part = apply_row("mul", broadcast_axes(weight, x.dims, kept), part)
    return Factor(part)


@EXPONENTIALS.rule(
    "mul", "true_div", exact=False, domain="relative error |x - m| units in the last place",
    example=(lambda mat: _softmax_example(mat)[0] / broadcast_axes(
                 _softmax_example(mat)[1], mat.dims, (0,)),
             lambda mat: broadcast_axes(1.5 / _softmax_example(mat)[1], mat.dims, (0,))
             * _softmax_example(mat)[0]),
)  # fmt: skip
def softmax(node: Node) -> Node | None:
    """exp(x) / sum(exp(x)) -> exp(x - m) / sum(exp(x - m)), m = max(x) where finite

    Also where the user has shifted x by its maximum, whose derivative cancels.
    """
    factors = join_pair(factors_of(node), _softmax_pair, "exp")
    return None if factors is None else product(factors)


@EXPONENTIALS.rule(
    Sum, exact=False,
    example=lambda mat: sum_axes(mat / broadcast_axes(_softmax_example(mat)[1], mat.dims, (0,)),
                                 (1,)),
)  # fmt: skip
def sum_over_exp_sum(node: Node) -> Node | None:
    """sum(a / broadcast(s)), s = sum(exp(x)) -> sum(a) / s"""
    (arg,) = node.args
    if not is_op(arg, "true_div") or not isinstance(arg.args[1].op, Broadcast):
        return None
    assert isinstance(node.op, Sum)
    total = arg.args[1].args[0]
    kept = without(tuple(range(arg.ndim)), node.op.axes)
    if _exp_sum(total) is None or arg.args[1].op.axes != kept or total.dims != node.dims:
        return None
    return apply_row("true_div", sum_axes(arg.args[0], node.op.axes), total)


@EXPONENTIALS.rule(
    "log", exact=False,
    example=lambda mat: apply("log", _softmax_example(mat)[0] / broadcast_axes(
        _softmax_example(mat)[1], mat.dims, (0,))),
)  # fmt: skip
def log_softmax(node: Node) -> Node | None:
    """log(exp(x - m) / s) -> (x - m) - log(s), s = sum(exp(x - m)), m = max(x) where finite"""
    (part,) = node.args
    if not is_op(part, "true_div") or not is_op(part.args[0], "exp"):
        return None
    # x - m <= 0 and log(s) >= 0, so nothing cancels
    e, total = part.args
    if not _is_shifted(e.args[0]) or not isinstance(total.op, Broadcast):
        return None
    s = total.args[0]
    if not isinstance(s.op, Sum) or s.args[0] is not e:
        return None
    return apply_row("sub", e.args[0], apply_row("log", total))
