"""Gradients of gradients: forward over reverse where the user wrote reverse over reverse.

Second derivatives are symmetric, so the cotangents that `grad(sum(g * v), x)` asks for, g being the
gradient of a cost by x, are a tangent: that of the gradient when x moves along v.  The forward walk
through g stores nothing on its way, and it is the one of `Rop(g, x, v)` and of
`dot(hessian(cost, x), v)`, so all three become one kernel.

Responsible for: finding gradients in what is differentiated.  Not responsible for: the walks
(`cgrad.core.derive`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cgrad.core.derive import add, jvp, vjp
from cgrad.core.dtypes import is_complex
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.gradient.structured import is_symmetric
from cgrad.ops.jacobian import SymmetricProduct
from cgrad.rewrites.before_derivatives import stable_forms

Maybe = Node | None


def is_gradient_of(gradient: Node, cost: Node, wrt: Node) -> None:
    """Remember that the node is the gradient of a cost by a free variable."""
    if gradient.args and not wrt.args:
        gradient._gradient_of = (cost, wrt)


def pulled(
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    cotangents: Sequence[Maybe],
    consider_constant: Iterable[Node],
    known: Mapping[Node, Maybe],
) -> list[Maybe]:
    """What `cgrad.core.derive.vjp` gives, through gradients by a forward walk."""
    fixed = list(consider_constant)
    plain = not fixed and not known and not any(node.args for node in wrt)
    gradients = _outermost(outputs) if plain else []
    if not gradients:
        return vjp(outputs, wrt, cotangents, fixed, known)
    found = vjp(outputs, [*wrt, *gradients], cotangents, gradients)
    totals = found[: len(wrt)]
    for gradient, v in zip(gradients, found[len(wrt) :], strict=True):
        if v is not None:
            moved = _moved(gradient, v, wrt)
            totals = [add(a, b) for a, b in zip(totals, moved, strict=True)]
    return totals


def _outermost(outputs: Sequence[Node]) -> list[Node]:
    """The gradients that the outputs depend on, but for those below others."""
    order = toposort(outputs)
    found = [node for node in order if getattr(node, "_gradient_of", None) is not None]
    if not found:
        return []
    below = {node for one in found for node in toposort(one.args)}
    kept = [node for node in found if node not in below]
    return kept if all(_is_plain(node._gradient_of[0]) for node in kept) else []


def _is_plain(cost: Node) -> bool:
    real = not any(is_complex(node.type.dtype) for node in toposort([cost]))
    return real and is_symmetric(cost)


def _moved(gradient: Node, v: Node, wrt: Sequence[Node]) -> list[Maybe]:
    """How the gradients of a cost by each of wrt move when the variable of one moves along v."""
    cost, variable = gradient._gradient_of
    others = [node for node in wrt if node is not variable]
    (stable,) = stable_forms([cost], wrt)
    slopes = iter(vjp([stable], others, [build("ones_like", stable)]))
    result: list[Maybe] = []
    for node in wrt:
        slope = gradient if node is variable else next(slopes)
        shown = [] if slope is None else stable_forms([slope], (*wrt, variable))
        t = jvp(shown, [variable], [v])[0] if shown else None
        if t is not None and node is variable:
            t = Node(SymmetricProduct(), (t, v))
        result.append(t)
    return result
