"""Reverse mode: `grad` of a scalar, `Lop` / `pullback` of anything.

Responsible for: the meaning of their arguments.  Not responsible for: the walk
(`cgrad.core.derive.vjp`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.sites import describe
from cgrad.core.text import label
from cgrad.errors import CostError
from cgrad.gradient.arguments import (
    as_constants,
    as_nodes,
    jumps_between,
    like,
    lines,
    one_of,
    points,
    report_disconnected,
    require_float,
    require_real,
    without_undefined,
    zero_for,
)
from cgrad.gradient.symmetric import is_gradient_of
from cgrad.gradient.symmetric import pulled as through_gradients
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.passthrough import DisconnectedType, NullType, undefined
from cgrad.ops.scalar import seed
from cgrad.rewrites.before_derivatives import stable_forms

RETURN_DISCONNECTED = ("zero", "none", "disconnected")
NULL_GRADIENTS = ("raise", "return")


def grad(
    cost: Node | None,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Node, Node] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """The gradient of a scalar: d cost / d wrt, of the shape and dtype of `wrt`.

    cost                 a 0-d tensor of real floating dtype; None if there are known_grads
    wrt                  a tensor of the graph (an input, a shared variable or any intermediate
                         result), or a list or tuple of them; the result mirrors it
    consider_constant    tensors through which no derivative passes; one that is itself in
                         `wrt` still gets its gradient
    disconnected_inputs  what to do when the cost does not depend on a wrt: "raise", "warn" or
                         "ignore".  floor(x) depends on x, with a derivative of zero; x.shape
                         does not
    add_names            call the results `(d<cost>/d<wrt>)` when both have names
    known_grads          a dict from tensors to their gradients, which count as outputs of the
                         expression; inside the graph of the cost, such a gradient replaces what
                         would have been added up
    return_disconnected  in place of a missing gradient "zero" gives zeros, "none" None and
                         "disconnected" a variable of `DisconnectedType`
    null_gradients       "raise" `NullTypeGradError` for an undefined gradient, or "return" a
                         variable of `NullType`

    With respect to a complex tensor z = x + iy the gradient is dC/dx + i dC/dy, the direction in
    which the cost C grows fastest: dC = Re(sum(conj(g) dz)).  (JAX returns the conjugate.)

    Errors: `CostError` for a cost that is no scalar, `DTypeError` for integers, booleans and for a
    complex cost, `DisconnectedInputError`, `TypeError` for what is no symbolic tensor.
    """
    one_of(null_gradients, NULL_GRADIENTS, "null_gradients")
    known = known_cotangents(known_grads)
    nodes = as_nodes(wrt, "wrt")
    if cost is None:
        if not known:
            raise ValueError("grad needs a cost (it may be None only together with known_grads)")
        outputs, seeds, what = [], [], "the expression of known_grads"
    else:
        if not isinstance(cost, Node):
            raise TypeError(f"cost must be a symbolic tensor; found {type(cost).__name__}")
        if isinstance(cost.type, NullType):
            raise ValueError(f"the cost is undefined: {cost.type.why_null}")
        scalar_cost(cost, "cost", "cgrad.gradient.jacobian for all of its elements")
        require_real([cost], "cost")
        outputs, what = [cost], f"the cost {label(cost)}"
        seeds = [seed(build("fill", cost, cast_to(as_node(1.0), cost.dtype)))]
    results = _pulled(
        outputs, nodes, seeds, consider_constant, disconnected_inputs, return_disconnected,
        what, known, null_gradients,
    )  # fmt: skip
    if cost is not None and not known and not consider_constant:
        for node, result in zip(nodes, results, strict=True):
            if result is not None and result.serial >= seeds[0].serial:
                is_gradient_of(result, cost, node)
    if add_names and cost is not None and cost.name:
        _name(cost.name, nodes, results, seeds[0])
    return like(results, wrt)


def known_cotangents(known_grads: Any) -> dict[Node, Node | None]:
    """`known_grads` checked; None where a gradient is disconnected."""
    if known_grads is None:
        return {}
    if not isinstance(known_grads, Mapping):
        raise TypeError(
            "known_grads must be a dict from tensors to their gradients; "
            f"found {type(known_grads).__name__}"
        )
    keys = as_nodes(list(known_grads), "the keys of known_grads")
    require_float(keys, "known_grads")
    found: dict[Node, Node | None] = {}
    for key, value in known_grads.items():
        if not isinstance(value, Node):
            raise TypeError(
                f"known_grads: the gradient of {label(key)} is {type(value).__name__}, expected a "
                "symbolic tensor; make a constant with cgrad.tensor.constant"
            )
        if isinstance(value.type, DisconnectedType):
            found[key] = None
        elif isinstance(value.type, NullType):
            found[key] = undefined(key, value.type.why_null)
        else:
            require_float([value], "known_grads")
            found[key] = points(value, key, [key], "known_grads", "the tensor")[0]
    return found


def scalar_cost(cost: Node, what: str, instead: str) -> None:
    """`CostError` unless the cost is 0-d."""
    if cost.ndim:
        raise CostError(
            lines(
                f"{what} must be a scalar (0-d); {label(cost)} has type {cost.type!r}",
                describe(cost.site),
                f"  Fix: use cost.sum() or cost.mean(), or {instead}.",
            )
        )


def _name(cost: str, wrt: Sequence[Node], results: Sequence[Node | None], seed: Node) -> None:
    """Name the results that this call made and that belong to one wrt only."""
    for node, result in zip(wrt, results, strict=True):
        if result is None or result.name or not node.name or not result.args:
            continue
        if result.serial >= seed.serial and sum(other is result for other in results) == 1:
            result.name = f"(d{cost}/d{node.name})"


def pullback(
    f: Node | Sequence[Node],
    wrt: Node | Sequence[Node],
    cotangents: Any,
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """The product of a row vector and the Jacobian, v * (df / dwrt), without forming the latter.

    f           a tensor or a list of them, of floating or complex dtype and any rank
    cotangents  one for each f, of its shape; lists and arrays of numbers are taken as constants

    Of complex tensors it is the transpose of `pushforward` for the product Re(sum(conj(u) v)).

    Returns one tensor of the shape and dtype of each wrt, summed over all f, in the container of
    `wrt`.  Errors as in `grad`; `ShapeError` for a cotangent that does not look like its f.
    """
    outputs = as_nodes(f, "f")
    nodes = as_nodes(wrt, "wrt")
    require_float(outputs, "f")
    cts = points(cotangents, f, outputs, "cotangents", "f")
    names = ", ".join(label(out) for out in outputs)
    results = _pulled(
        outputs, nodes, cts, consider_constant, disconnected_inputs, return_disconnected,
        f"f = {names}",
    )  # fmt: skip
    return like(results, wrt)


def Lop(
    f: Node | Sequence[Node],
    wrt: Node | Sequence[Node],
    eval_points: Any,
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """The L-operator: `pullback` by its older name."""
    return pullback(
        f, wrt, eval_points, consider_constant, disconnected_inputs, return_disconnected
    )


def _pulled(
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    cotangents: Sequence[Node],
    consider_constant: Iterable[Node] | None,
    disconnected_inputs: str,
    return_disconnected: str,
    what: str,
    known: Mapping[Node, Node | None] | None = None,
    null_gradients: str = "raise",
) -> list[Node | None]:
    one_of(return_disconnected, RETURN_DISCONNECTED, "return_disconnected")
    require_float(wrt, "wrt")
    constant = as_constants(consider_constant)
    # a tensor whose gradient is known to be disconnected leads nowhere
    known = known or {}
    off = [node for node, ct in known.items() if ct is None]
    roots = [*outputs, *(node for node, ct in known.items() if ct is not None)]
    reached = report_disconnected(roots, wrt, [*constant, *off], disconnected_inputs, what)
    stable = stable_forms(outputs, (*wrt, *constant, *known))
    pulled = through_gradients(stable, wrt, cotangents, constant, known)
    pulled = [
        ct if why is None else undefined(node, why)
        for ct, node, why in zip(
            pulled, wrt, jumps_between(roots, wrt, [*constant, *off]), strict=True
        )
    ]
    pulled = without_undefined(pulled, wrt, null_gradients)
    # a derivative that is zero everywhere (floor) is an array of zeros in either case
    return [
        zero_for(node, "zero" if node in reached else return_disconnected)
        if ct is None
        else cast_to(ct, node.dtype)
        for node, ct in zip(wrt, pulled, strict=True)
    ]


def subgraph_grad(
    wrt: Sequence[Node],
    end: Sequence[Node],
    start: Mapping[Node, Node] | None = None,
    cost: Node | None = None,
    details: bool = False,
) -> Any:
    """Gradients through a part of a graph, from `start` and `cost` to `wrt` and `end`.

    wrt    tensors inside of the part (weights) whose gradients are wanted
    end    where the part ends: the derivative does not pass through these
    start  a dict from tensors to the gradients that arrive there, as `known_grads` of `grad`
    cost   a scalar whose gradient is added

    Returns (gradients of wrt, gradients of end); with `details` also those of wrt and then end
    from `start` alone and from `cost` alone, each None when there is none of it.  To go through a
    graph in pieces, let `end` and its gradients be the `start` of the next piece.
    """
    for name, given in (("wrt", wrt), ("end", end)):
        if not isinstance(given, list):
            raise TypeError(f"{name} must be a list of tensors; found {type(given).__name__}")
    if start is not None and not isinstance(start, Mapping):
        raise TypeError(f"start must be a dict; found {type(start).__name__}")
    if start is None and cost is None:
        raise ValueError("subgraph_grad needs start, cost or both")
    params = list(dict.fromkeys([*wrt, *end]))
    parts: list[list[Node] | None] = [None, None]
    if start is not None:
        parts[0] = grad(None, params, end, "ignore", known_grads=start)
    if cost is not None:
        parts[1] = grad(cost, params, end, "ignore")
    both = [part for part in parts if part is not None]
    totals = both[0] if len(both) == 1 else [a + b for a, b in zip(*both, strict=True)]
    found = dict(zip(params, totals, strict=True))
    results = ([found[node] for node in wrt], [found[node] for node in end])
    return (*results, *parts) if details else results
