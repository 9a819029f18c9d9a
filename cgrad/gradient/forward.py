"""Forward mode: `Rop` / `pushforward`, the Jacobian times a vector.

Responsible for: the meaning of their arguments.  Not responsible for: the walk
(`cgrad.core.derive.jvp`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core.derive import connected, jvp, vjp
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.sites import describe
from cgrad.core.text import label
from cgrad.errors import DisconnectedInputError
from cgrad.gradient.arguments import (
    as_nodes,
    jumps_between,
    like,
    lines,
    one_of,
    points,
    require_float,
    without_undefined,
    zero_for,
)
from cgrad.gradient.reverse import RETURN_DISCONNECTED
from cgrad.ops.coerce import cast_to
from cgrad.ops.passthrough import undefined
from cgrad.rewrites.before_derivatives import stable_forms


def pushforward(
    f: Node | Sequence[Node],
    wrt: Node | Sequence[Node],
    tangents: Any,
    disconnected_outputs: str = "raise",
    return_disconnected: str = "zero",
    use_op_pushforward: bool = True,
) -> Any:
    """The Jacobian times a vector, (df / dwrt) * v, by one forward walk, without forming it.

    f         a tensor or a list of them, of floating or complex dtype and any rank
    tangents  one for each wrt, of its shape; lists and arrays of numbers are taken as constants
    disconnected_outputs  what to do with an f that depends on no wrt: "raise" or "ignore"
    use_op_pushforward    accepted for PyTensor's sake: the walk is always a forward one

    Along a complex tangent dz the tangent of f is linear in the real and imaginary parts of dz.

    Returns one tensor of the shape and dtype of each f, summed over all wrt, in the container of
    `f`.  Errors: `ShapeError` for a tangent that does not look like its wrt, `DTypeError` for
    integers and booleans, `DisconnectedInputError`, `TypeError` for what is no symbolic tensor.
    """
    one_of(disconnected_outputs, ("raise", "ignore"), "disconnected_outputs")
    one_of(return_disconnected, RETURN_DISCONNECTED, "return_disconnected")
    outputs = as_nodes(f, "f")
    nodes = as_nodes(wrt, "wrt")
    require_float(outputs, "f")
    require_float(nodes, "wrt")
    ts = points(tangents, wrt, nodes, "eval_points", "wrt")
    joined = [bool(connected([out], nodes)) for out in outputs]
    for out, depends in zip(outputs, joined, strict=True):
        if not depends and disconnected_outputs == "raise":
            names = ", ".join(label(node) for node in nodes)
            raise DisconnectedInputError(
                lines(
                    f"f = {label(out)} ({out.type!r}) does not depend on {names}",
                    describe(out.site),
                    "  Fix: pass the tensors that f is made of, or disconnected_outputs='ignore' "
                    "to get zeros.",
                )
            )
    pushed = jvp(stable_forms(outputs, nodes), nodes, ts)
    for k, out in enumerate(outputs):
        for why in jumps_between([out], nodes):
            pushed[k] = pushed[k] if why is None else undefined(out, why)
    pushed = without_undefined(pushed, outputs)
    results = [
        zero_for(out, "zero" if depends else return_disconnected)
        if t is None
        else cast_to(t, out.dtype)
        for out, t, depends in zip(outputs, pushed, joined, strict=True)
    ]
    return like(results, f)


def pushforward_through_pullback(
    f: Node | Sequence[Node], wrt: Node | Sequence[Node], tangents: Any
) -> Any:
    """`pushforward`, found from the reverse walk alone, which is linear in its cotangents.

    The cotangent of that walk is a tensor of its own, u; the transpose of u -> J^T u is v -> J v.
    """
    outputs, nodes = as_nodes(f, "f"), as_nodes(wrt, "wrt")
    require_float(outputs, "f")
    require_float(nodes, "wrt")
    ts = points(tangents, wrt, nodes, "tangents", "wrt")
    seeds: list[Node] = [build("zeros_like", out) for out in outputs]
    pulled = without_undefined(vjp(stable_forms(outputs, nodes), nodes, seeds), nodes)
    pairs = [(p, t) for p, t in zip(pulled, ts, strict=True) if p is not None]
    pushed = vjp([p for p, _ in pairs], seeds, [t for _, t in pairs])
    return like(
        [
            zero_for(out, "zero") if t is None else cast_to(t, out.dtype)
            for out, t in zip(outputs, pushed, strict=True)
        ],
        f,
    )


def Rop(
    f: Node | Sequence[Node],
    wrt: Node | Sequence[Node],
    eval_points: Any,
    disconnected_outputs: str = "raise",
    return_disconnected: str = "zero",
    use_op_rop_implementation: bool = True,
) -> Any:
    """The R-operator: `pushforward` by its older name."""
    return pushforward(
        f, wrt, eval_points, disconnected_outputs, return_disconnected, use_op_rop_implementation
    )
