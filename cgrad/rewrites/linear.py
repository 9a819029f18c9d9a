"""Whether a graph is linear in one of its nodes, by the kinds of its ops.

Sums, products with what does not depend on the node, sides of a choice that does not, ops of the
kind `Linear`, loops whose steps are linear.  A constant other than zero that is added makes it
affine, which is not linear.

Responsible for: the question.  Not responsible for: what follows from it (`rewrites.scanned`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from cgrad.core import dtypes
from cgrad.core.graphs import dependents, toposort
from cgrad.core.node import Node
from cgrad.ops.control import Scan
from cgrad.ops.jacobian import WithMap
from cgrad.ops.kinds import Linear
from cgrad.ops.passthrough import PassThrough, ZeroGrad
from cgrad.ops.result import Get
from cgrad.ops.scalar import Cast
from cgrad.rewrites.patterns import scalar

_SUMS = frozenset(("add", "sub", "neg"))


class _NotLinear(Exception):
    pass


def is_linear(out: Node, seed: Node) -> bool:
    """Whether `out` is a linear function of `seed`, which it depends on."""
    try:
        return out in _dependent([out], [seed])
    except _NotLinear:
        return False


def _dependent(outputs: Sequence[Node], seeds: Collection[Node]) -> dict[Node, Any]:
    """The nodes that depend on seeds, all linearly; for loops, the positions of such results."""
    found: dict[Node, Any] = dict.fromkeys(seeds, True)
    for node in toposort(outputs, seeds):
        if node in found:
            continue
        on = [arg in found for arg in node.args]
        if any(dep in found for dep in node.deps):
            raise _NotLinear
        if isinstance(node.op, Get):
            results = found.get(node.args[0], ())
            on = [node.op.position in results]
        if any(on):
            found[node] = _loop(node, on) if isinstance(node.op, Scan) else _step(node, on)
    return found


def _step(node: Node, on: Sequence[bool]) -> bool:
    op, args = node.op, node.args
    name = op.name
    values = [dtypes.is_inexact(arg.type.dtype) or arg.type.dtype == "tuple" for arg in args]
    if isinstance(op, Linear):
        joint = not op.multilinear
    elif name in _SUMS:
        joint = True
    elif name == "mul":
        joint = False
    elif name == "true_div":
        return _require(on == [True, False])
    elif name == "second":
        return _require(on[1] or _is_zero(args[1]))
    elif name == "switch":
        return _require(not on[0] and all(on[k] or _is_zero(args[k]) for k in (1, 2)))
    elif isinstance(op, Cast):
        return _require(dtypes.is_float(node.dtype))
    else:
        same = isinstance(op, (Get, WithMap)) or (
            isinstance(op, PassThrough) and not isinstance(op, ZeroGrad) and op.pulls_linearly
        )
        return _require(same and on[0])
    if joint:
        return _require(all(on[k] or _is_zero(arg) for k, arg in enumerate(args) if values[k]))
    return _require(sum(on) == 1)


def _loop(node: Node, on: Sequence[bool]) -> set[int]:
    """The results of a loop that depend on the seeds."""
    op: Any = node.op
    body, nk, ny, first = op.body, op.carries, op.ys, op.consts
    moving = {k for k, dependent in enumerate(on) if dependent}
    while True:
        reached = dependents(body.outputs, [body.params[k] for k in moving])
        live = {first + k for k in range(nk) if body.outputs[k] in reached}
        if live <= moving:
            break
        moving |= live
    found = _dependent(body.outputs, [body.params[k] for k in moving])
    if any(out in found for out in op.stop_outputs):
        raise _NotLinear
    carried = {k for k in range(nk) if first + k in moving}
    for k in carried:
        _require(on[first + k] or _is_zero(node.args[first + k]))
        _require(body.outputs[k] in found or _is_zero(body.outputs[k]))
    listed = {nk + k for k in range(ny) if body.outputs[nk + k] in found}
    return carried | listed | {nk + ny + k for k in carried}


def _require(holds: bool) -> bool:
    if not holds:
        raise _NotLinear
    return True


def _is_zero(node: Node) -> bool:
    """Whether it is zero as derivative rules write it, before any rewrite."""
    while node.op.name in ("second", "cast", "broadcast"):
        node = node.args[-1]
    value = scalar(node)
    return value is not None and not value
