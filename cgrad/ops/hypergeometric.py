"""Rows: Gauss's hypergeometric function and its slopes by its three parameters.

Responsible for: these rows.  Not responsible for: the C functions (`codegen/runtime/cg_hyper.h`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops.elementwise import apply
from cgrad.ops.passthrough import undefined
from cgrad.ops.rows import add_row, in_double
from cgrad.ops.scalar import Factor, Partial

_PARAMETERS = "abc"
_NO_SECOND = (
    "second derivatives of hyp2f1 with respect to a, b and c are not built; the first ones, and "
    "those with respect to z of any order, are"
)


def _next(name: str, a: Node, b: Node, c: Node, z: Node) -> Node:
    """The function whose multiple a b / c is the slope by z (DLMF 15.5.1)."""
    return apply(name, a + 1, b + 1, c + 1, z)


def _second(position: int) -> Partial:
    return lambda y, *args: (undefined(args[position], _NO_SECOND),)


def _mixed(k: int) -> Partial:
    """d/dz of the slope by the parameter at position k."""

    def partial(y: Node, a: Node, b: Node, c: Node, z: Node) -> tuple[Factor, ...]:
        scale = (b / c, a / c, -a * b / (c * c))[k]
        rest = _next(f"hyp2f1_{_PARAMETERS[k]}", a, b, c, z)
        return (scale * _next("hyp2f1", a, b, c, z) + a * b / c * rest,)

    return partial


def _by_parameter(k: int) -> Partial:
    return lambda y, *args: (apply(f"hyp2f1_{_PARAMETERS[k]}", *args),)


add_row(
    "hyp2f1", in_double("cg_hyp2f1", 4), None,
    [*(_by_parameter(k) for k in range(3)),
     lambda y, a, b, c, z: (a * b / c * _next("hyp2f1", a, b, c, z),)],
    "Gauss's hypergeometric function F(a, b; c; z) for z <= 1; nan above, unless a polynomial.",
    cost=3000, domain=(0.2, 0.8),
)  # fmt: skip
for _k, _name in enumerate(_PARAMETERS):
    add_row(
        f"hyp2f1_{_name}", in_double(f"cg_hyp2f1_{_name}", 4), None,
        [*(_second(position) for position in range(3)), _mixed(_k)],
        f"The derivative of `hyp2f1` with respect to {_name}.", cost=3000, domain=(0.2, 0.8),
    )  # fmt: skip
