"""Powers with small constant exponents by products and square roots.

`pow` is an exponential of a logarithm in more than double precision; x * x * x and sqrt(x) are one
or two operations. Written out last, since sums and products of powers are easier to simplify.

Responsible for: the exponents, and which tensors cannot be negative.
"""

from __future__ import annotations

from collections.abc import Callable

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, Permute, Reshape, Squeeze, Sum
from cgrad.ops.scalar import apply_row
from cgrad.ops.windows import Slice
from cgrad.rewrites.patterns import like, scalar

POWERS = RuleSet("powers")

# nodes that are looked at to find out about a sign
REACH = 64

_NEVER_NEGATIVE = frozenset("sqr abs exp exp2 sigmoid dsigmoid dtanh softplus cosh hypot".split())
_KEEP_SIGN = frozenset("add mul maximum minimum true_div sqrt".split())
_VIEWS = (Broadcast, Permute, Reshape, Squeeze, Slice, Sum)


def never_negative(node: Node) -> bool:
    """Whether every element is nan or at least +0.0, by how the node is built."""
    stack, seen = [node], {node}
    while stack:
        current = stack.pop()
        square = current.op.name == "mul" and current.args[0] is current.args[1]
        if square or current.op.name in _NEVER_NEGATIVE:
            continue
        value = scalar(current)
        if value is not None:
            # -0.0 has a sign
            if not value >= 0 or (value == 0 and str(value).startswith("-")):
                return False
            continue
        if current.op.name not in _KEEP_SIGN and not isinstance(current.op, _VIEWS):
            return False
        for arg in current.args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
        if len(seen) > REACH:
            return False
    return True


def _sqr(x: Node) -> Node:
    return apply_row("sqr", x)


def _times(x: Node, y: Node) -> Node:
    return apply_row("mul", x, y)


_WHOLE: dict[float, Callable[[Node], Node]] = {
    2.0: _sqr,
    3.0: lambda x: _times(x, _sqr(x)),
    4.0: lambda x: _sqr(_sqr(x)),
}
_HALVES: dict[float, Callable[[Node], Node]] = {
    0.5: lambda x: apply_row("sqrt", x),
    1.5: lambda x: _times(x, apply_row("sqrt", x)),
    2.5: lambda x: _times(_sqr(x), apply_row("sqrt", x)),
}


@POWERS.rule(
    "pow", exact=False, domain="half powers: x is a square, a sum of squares, an exponential, ...",
    example=(lambda x: x**3.0, lambda x: x**4.0, lambda x: x**-2.0, lambda x: x**-3.0,
             lambda x: abs(x) ** 0.5, lambda x: (x * x + 1.0) ** 1.5,
             lambda x: abs(x) ** -0.5, lambda x: abs(x) ** -1.5, lambda x: abs(x) ** 2.5),
)  # fmt: skip
def power_by_products(node: Node) -> Node | None:
    """x ** 3 -> x * sqr(x), x ** 1.5 -> x * sqrt(x), x ** -2 -> 1 / sqr(x), and a few more"""
    x, exponent = node.args
    value = scalar(exponent)
    if value is None or value.dtype.kind != "f" or x.dtype != exponent.dtype:
        return None
    size = abs(float(value))
    made = _WHOLE.get(size)
    if made is None and size in _HALVES and never_negative(x):
        made = _HALVES[size]
    if made is None:
        return None
    power = made(x)
    if value < 0:
        power = apply_row("true_div", like(power, 1.0), power)
    return power
