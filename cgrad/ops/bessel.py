"""Rows: Bessel functions of real order.

Slopes by x are recurrences between orders (DLMF 10.6.1, 10.29.1), for the scaled functions rows of
their own, whose terms do not cancel for large x.

Responsible for: these rows.  Not responsible for: the C functions (`codegen/runtime/cg_bessel.h`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops.elementwise import apply
from cgrad.ops.passthrough import undefined
from cgrad.ops.rows import add_row, in_double, like
from cgrad.ops.scalar import NEG, Factor

_NO_SLOPE = (
    "the derivative of {} with respect to the order is not built; pass the order as an integer or "
    "through disconnected_grad, or use kv, which has one"
)


def _order(name: str, v: Node) -> tuple[Factor, ...]:
    return (undefined(v, _NO_SLOPE.format(name)),)


def _half(total: Node) -> Node:
    return like(total, 0.5) * total


def _fixed(order: str, function: str) -> dict[str, str]:
    """The C text of a function of one argument: the order is a number."""
    both = in_double(function, 2)
    return {dtype: text.replace("{0}", order).replace("{1}", "{0}") for dtype, text in both.items()}


add_row(
    "jv", in_double("cg_jv", 2), None,
    [lambda y, v, x: _order("jv", v),
     lambda y, v, x: (_half(apply("jv", v - 1, x) - apply("jv", v + 1, x)),)],
    "Bessel function of the first kind of the order v; nan for x < 0 unless v is whole.", cost=800,
    domain=(0.2, 3.0),
)  # fmt: skip
add_row(
    "j0", _fixed("0.0", "cg_jv"), None, [lambda y, x: (NEG, apply("j1", x))],
    "Bessel function of the first kind of order 0.", cost=800,
)  # fmt: skip
add_row(
    "j1", _fixed("1.0", "cg_jv"), None,
    [lambda y, x: (_half(apply("j0", x) - apply("jv", 2, x)),)],
    "Bessel function of the first kind of order 1.", cost=800,
)  # fmt: skip
add_row(
    "iv", in_double("cg_iv", 2), None,
    [lambda y, v, x: _order("iv", v),
     lambda y, v, x: (_half(apply("iv", v - 1, x) + apply("iv", v + 1, x)),)],
    "Modified Bessel function of the first kind of the order v; nan for x < 0 unless v is whole.",
    cost=800, domain=(0.2, 3.0),
)  # fmt: skip
add_row(
    "i0", _fixed("0.0", "cg_iv"), None, [lambda y, x: (apply("i1", x),)],
    "Modified Bessel function of the first kind of order 0.", cost=800,
)  # fmt: skip
add_row(
    "i1", _fixed("1.0", "cg_iv"), None,
    [lambda y, x: (_half(apply("i0", x) + apply("iv", 2, x)),)],
    "Modified Bessel function of the first kind of order 1.", cost=800,
)  # fmt: skip
add_row(
    "ive", in_double("cg_ive", 2), None,
    [lambda y, v, x: _order("ive", v), lambda y, v, x: (apply("ive_slope", v, x, 1),)],
    "exp(-|x|) iv(v, x), which does not overflow.", cost=800, domain=(0.2, 3.0),
)  # fmt: skip
add_row(
    "ive_slope", in_double("cg_ive_slope", 3), None,
    [lambda y, v, x, n: _order("ive", v), lambda y, v, x, n: (apply("ive_slope", v, x, n + 1),),
     None],
    "The derivative of order n of `ive` by x; 0 at 0 where it has two values.", cost=2000,
    domain=(0.2, 3.0),
)  # fmt: skip
add_row(
    "kv", in_double("cg_kv", 2), None,
    [lambda y, v, x: (apply("exp", -x), apply("kve_slope", v, x, 1, 0)),
     lambda y, v, x: (_half(-apply("kv", v - 1, x) - apply("kv", v + 1, x)),)],
    "Modified Bessel function of the second kind of the order v; inf at 0, nan below.", cost=800,
    domain=(0.2, 3.0),
)  # fmt: skip
add_row(
    "kve", in_double("cg_kve", 2), None,
    [lambda y, v, x: (apply("kve_slope", v, x, 1, 0),),
     lambda y, v, x: (apply("kve_slope", v, x, 0, 1),)],
    "exp(x) kv(v, x), which does not vanish.", cost=800, domain=(0.2, 3.0),
)  # fmt: skip
add_row(
    "kve_slope", in_double("cg_kve_slope", 4), None,
    [lambda y, v, x, m, n: (apply("kve_slope", v, x, m + 1, n),),
     lambda y, v, x, m, n: (apply("kve_slope", v, x, m, n + 1),), None, None],
    "The derivative of `kve` of order m by v and n by x.", cost=2000, domain=(0.2, 3.0),
)  # fmt: skip
