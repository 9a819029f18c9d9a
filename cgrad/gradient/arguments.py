"""What the user handed to a derivative macro, checked: containers, dtypes, shapes, connections.

Responsible for: the errors of `cgrad.gradient`.  Not responsible for: any derivative.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from cgrad.core import dtypes
from cgrad.core.derive import connected
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.sites import describe
from cgrad.core.text import label
from cgrad.errors import DisconnectedInputError, DTypeError, NullTypeGradError, ShapeError
from cgrad.ops.axes import expect_shape
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.control import Scan
from cgrad.ops.passthrough import (
    DisconnectedGrad,
    DisconnectedType,
    Jump,
    Undefined,
    ZeroGrad,
    undefined,
)

Some = Node | Sequence[Node]
WHEN_DISCONNECTED = ("raise", "warn", "ignore")


def as_nodes(x: Any, what: str) -> list[Node]:
    """The nodes of a node, a list or a tuple; `TypeError` for anything else."""
    items = [x] if isinstance(x, Node) else x
    if not isinstance(items, (list, tuple)):
        raise TypeError(
            f"{what} must be a symbolic tensor, or a list or tuple of them; "
            f"found {type(x).__name__}"
        )
    for item in items:
        if not isinstance(item, Node):
            raise TypeError(
                f"{what} must hold symbolic tensors only; found {type(item).__name__}: {item!r:.60}"
            )
    return list(items)


def as_list_or_tuple(use_list: bool, use_tuple: bool, outputs: Any) -> Any:
    """Results as a list or a tuple; the only one of them as it is when neither is wanted."""
    if use_list and use_tuple:
        raise ValueError("as_list_or_tuple: a list and a tuple at once")
    items = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if use_list or use_tuple:
        return items if use_list else tuple(items)
    return items[0] if len(items) == 1 else items


def like(results: Sequence[Any], container: Any) -> Any:
    """The results in the container that the user passed: one, a tuple or a list."""
    if isinstance(container, Node):
        return results[0]
    return tuple(results) if isinstance(container, tuple) else list(results)


def as_constants(nodes: Any) -> list[Node]:
    """`consider_constant` as a list; `TypeError` unless it is an iterable of nodes."""
    if nodes is None:
        return []
    if isinstance(nodes, Node) or not isinstance(nodes, Iterable):
        raise TypeError(
            "consider_constant must be an iterable of symbolic tensors, such as [x]; "
            f"found {nodes!r:.80}"
        )
    return as_nodes(list(nodes), "consider_constant")


def one_of(value: str, choices: Sequence[str], what: str) -> None:
    """`ValueError` unless `value` is among the choices."""
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{what} must be one of {known}; found {value!r}")


def lines(*parts: str) -> str:
    """A message of several lines without the empty ones."""
    return "\n".join(part for part in parts if part)


def require_real(nodes: Iterable[Node], what: str) -> None:
    """`DTypeError` naming the first node that is not of a real floating dtype."""
    nodes = list(nodes)
    require_float(nodes, what)
    for node in nodes:
        if dtypes.is_complex(node.dtype):
            raise DTypeError(
                lines(
                    f"{what}: {label(node)} is complex ({node.type!r}), expected a real tensor",
                    describe(node.site),
                    "  Fix: take z.real, z.imag, abs(z) or cgrad.tensor.angle(z) of it, or make it "
                    "of two real tensors with cgrad.tensor.complex(x, y).",
                )
            )


def require_float(nodes: Iterable[Node], what: str) -> None:
    """`DTypeError` naming the first node that is not of a floating or complex dtype."""
    for node in nodes:
        if not dtypes.is_inexact(node.dtype):
            remedy = (
                "declare it with a floating dtype, such as dscalar, dvector or "
                'tensor(..., dtype="float64")'
                if not node.args
                else 'convert it first: x.astype("float64")'
            )
            raise DTypeError(
                lines(
                    f"{what}: {label(node)} has dtype {node.dtype}; "
                    "derivatives exist for float64, float32 and complex dtypes only",
                    describe(node.site),
                    f"  Fix: {remedy}.",
                )
            )


def points(given: Any, wrt: Any, targets: Sequence[Node], what: str, fits: str) -> list[Node]:
    """Tangents or cotangents, one for each target, in its dtype and of its shape.

    given    what the user passed; numbers, arrays and lists of numbers become constants
    wrt      the container of the targets
    what     the name of the argument, `fits` what each point must look like
    """
    if isinstance(wrt, Node):
        items: list[Any] = [given]
        if isinstance(given, (list, tuple)) and len(given) == 1:
            inner = as_node(given[0])
            items = [inner if inner.ndim == wrt.ndim else given]
    elif isinstance(given, (list, tuple)):
        items = list(given)
    else:
        items = [given]
    if len(items) != len(targets):
        raise ShapeError(
            f"{what}: found {len(items)}, expected {len(targets)}: one for each tensor of {fits}"
        )
    return [
        _point(as_node(item), target, what, fits)
        for item, target in zip(items, targets, strict=True)
    ]


def _point(point: Node, target: Node, what: str, fits: str) -> Node:
    differs = point.ndim != target.ndim or any(
        isinstance(found, int) and isinstance(expected, int) and found != expected
        for found, expected in zip(point.dims, target.dims, strict=True)
    )
    if differs:
        raise ShapeError(
            lines(
                f"{what}: {label(point)} has type {point.type!r}, expected the shape of {fits} "
                f"{label(target)}, {target.type!r}",
                describe(target.site),
                f"  Fix: {what} must have as many axes as {fits}, each of the same size.",
            )
        )
    point = cast_to(point, target.dtype)
    # sizes that are known only at the call are checked then, by this op
    return expect_shape(point, target.dims, what, f"pass {what} of the shape of {fits}")


def report_disconnected(
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    constant: Sequence[Node],
    policy: str,
    what: str,
) -> set[Node]:
    """Those of `wrt` on which the outputs depend; the others are reported as `policy` says."""
    one_of(policy, WHEN_DISCONNECTED, "disconnected_inputs")
    reached = connected(outputs, wrt, constant)
    if policy == "ignore":
        return reached
    missing = [node for node in wrt if node not in reached]
    for node in dict.fromkeys(missing):
        message = lines(
            f"{what} does not depend on {label(node)} ({node.type!r}): "
            + _why(outputs, node, constant),
            describe(node.site),
            "  Fix: differentiate with respect to the tensor that the expression is made of, "
            "or pass disconnected_inputs='ignore' to get zeros.",
        )
        if policy == "raise":
            raise DisconnectedInputError(message)
        warnings.warn(message, UserWarning, stacklevel=4)
    return reached


def _why(outputs: Sequence[Node], node: Node, constant: Sequence[Node]) -> str:
    if constant and node in connected(outputs, [node]):
        return "every path to it passes through consider_constant"
    everything = toposort(outputs)
    if node in everything:
        if any(isinstance(other.op, DisconnectedGrad) for other in everything):
            return "every path to it passes through disconnected_grad, or uses only its shape"
        return "only its shape is used, and a shape has no derivative"
    if node.name and any(other.name == node.name and not other.args for other in everything):
        return f"the tensor called {node.name} in the expression is another one of the same name"
    return "it does not occur in the expression"


def without_undefined(
    results: Sequence[Node | None], wrt: Sequence[Node], null_gradients: str = "raise"
) -> list[Node | None]:
    """Derivatives, those that are made of undefined ones reported as `null_gradients` says."""
    if _undefined_part([node for node in results if node is not None]) is None:
        return list(results)
    shown: list[Node | None] = []
    for node, result in zip(wrt, results, strict=True):
        null = None if result is None else _undefined_part([result])
        if null is not None and null_gradients == "raise":
            raise NullTypeGradError(
                lines(
                    f"the derivative for {label(node)} ({node.type!r}) is undefined: {null.why}",
                    describe(node.site),
                    "  Fix: use zero_grad or disconnected_grad where the derivative does not "
                    "matter, or pass null_gradients='return'.",
                )
            )
        shown.append(result if null is None else undefined(node, null.why))
    return shown


def jumps_between(
    outputs: Sequence[Node], wrt: Sequence[Node], consider_constant: Iterable[Node] = ()
) -> list[str | None]:
    """For each wrt why its derivative is undefined, if outputs depend on it by drawn integers."""
    stop = set(consider_constant)
    sources = [arg for node in _reached(outputs, stop) for arg in _drawn_from(node)]
    before = _reached(sources, stop)
    return [Jump().why if node in before else None for node in wrt]


def _drawn_from(node: Node) -> list[Node]:
    """The arguments on which a draw of integers depends that the node is, or has in its loop."""
    op = node.op
    if isinstance(op, Jump):
        return list(node.args)
    if not isinstance(op, Scan):
        return []
    sources = [arg for inner in op.body.order for arg in _drawn_from(inner)]
    before: set[Node] = set()
    _, carries, _ = op.groups(op.body.params)
    # what a carry depended on in the steps before this one too
    while sources:
        before |= _reached(sources, set())
        ends = zip(carries, op.body.outputs, strict=False)
        sources = [end for carry, end in ends if carry in before and end not in before]
    return [arg for param, arg in zip(op.body.params, node.args, strict=True) if param in before]


def _reached(outputs: Iterable[Node], stop: set[Node]) -> set[Node]:
    """What outputs depend on with a derivative that is not declared to be zero."""
    stack = list(outputs)
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node not in stop and not isinstance(node.op, ZeroGrad):
                stack.extend(arg for k, arg in enumerate(node.args) if node.op.connects(k))
    return seen


def _undefined_part(results: Sequence[Node]) -> Undefined | None:
    """An undefined tensor that the results are made of."""
    stack = list(results)
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node.op, Undefined):
            return node.op
        stack.extend(node.args)
        for body in node.op.bodies:
            stack.extend(body.outputs)
    return None


def zero_for(node: Node, return_disconnected: str) -> Node | None:
    """What stands for a missing derivative: zeros like the node, None or a placeholder."""
    if return_disconnected == "none":
        return None
    if return_disconnected == "disconnected":
        return DisconnectedType()()
    zeros: Node = build("zeros_like", node)
    return zeros
