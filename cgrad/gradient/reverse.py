"""Reverse mode: `grad` of a scalar, `Lop` / `pullback` of anything.

Responsible for: the meaning of their arguments.  Not responsible for: the walk
(`cgrad.core.derive.vjp`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cgrad.core.derive import vjp
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.sites import describe
from cgrad.core.text import label
from cgrad.errors import CostError
from cgrad.gradient.arguments import (
    as_constants,
    as_nodes,
    like,
    lines,
    one_of,
    points,
    report_disconnected,
    require_float,
    zero_for,
)
from cgrad.ops.coerce import as_node, cast_to

RETURN_DISCONNECTED = ("zero", "none")


def grad(
    cost: Node,
    wrt: Node | Sequence[Node],
    consider_constant: Iterable[Node] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Node, Node] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """The gradient of a scalar: d cost / d wrt, of the shape and dtype of `wrt`.

    cost                 a 0-d tensor of floating dtype
    wrt                  a tensor of the graph (an input, a shared variable or any intermediate
                         result), or a list or tuple of them; the result mirrors it
    consider_constant    tensors through which no derivative passes; one that is itself in
                         `wrt` still gets its gradient
    disconnected_inputs  what to do when the cost does not depend on a wrt: "raise", "warn" or
                         "ignore".  floor(x) depends on x, with a derivative of zero; x.shape
                         does not
    add_names            call the results `(d<cost>/d<wrt>)` when both have names
    return_disconnected  "zero" for zeros in place of a missing gradient, "none" for None

    Errors: `CostError` for a cost that is no scalar, `DTypeError` for integers, booleans,
    `DisconnectedInputError`, `TypeError` for what is no symbolic tensor.
    """
    if known_grads is not None:
        raise NotImplementedError("known_grads is not built yet; Lop(f, wrt, cotangents) is")
    one_of(null_gradients, ("raise", "return"), "null_gradients")
    if null_gradients == "return":
        raise NotImplementedError("null_gradients='return' is not built yet")
    if cost is None:
        raise ValueError("grad needs a cost (it may be None only together with known_grads)")
    if not isinstance(cost, Node):
        raise TypeError(f"cost must be a symbolic tensor; found {type(cost).__name__}")
    nodes = as_nodes(wrt, "wrt")
    scalar_cost(cost, "cost", "cgrad.gradient.jacobian for all of its elements")
    require_float([cost], "cost")
    seed: Node = build("fill", cost, cast_to(as_node(1.0), cost.dtype))
    results = _pulled(
        [cost], nodes, [seed], consider_constant, disconnected_inputs, return_disconnected,
        f"the cost {label(cost)}",
    )  # fmt: skip
    if add_names and cost.name:
        _name(cost.name, nodes, results, seed)
    return like(results, wrt)


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

    f           a tensor or a list of them, of floating dtype and any rank
    cotangents  one for each f, of its shape; lists and arrays of numbers are taken as constants

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
) -> list[Node | None]:
    one_of(return_disconnected, RETURN_DISCONNECTED, "return_disconnected")
    require_float(wrt, "wrt")
    constant = as_constants(consider_constant)
    reached = report_disconnected(outputs, wrt, constant, disconnected_inputs, what)
    pulled = vjp(outputs, wrt, cotangents, constant)
    # a derivative that is zero everywhere (floor) is an array of zeros in either case
    return [
        zero_for(node, "zero" if node in reached else return_disconnected)
        if ct is None
        else cast_to(ct, node.dtype)
        for node, ct in zip(wrt, pulled, strict=True)
    ]
