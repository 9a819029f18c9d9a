"""Identities that change a derivative: `zero_grad`, `disconnected_grad`, `grad_clip`, ...

Responsible for: what users may pass to them.  Not responsible for: the rules
(`cgrad.ops.passthrough`).
"""

from __future__ import annotations

import math
from typing import Any

from cgrad.core import dtypes
from cgrad.core.node import Node, TensorType
from cgrad.core.text import label
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.constants import is_weak
from cgrad.ops.passthrough import (
    DisconnectedGrad,
    DisconnectedType,
    GradClip,
    GradScale,
    NullType,
    UndefinedGrad,
    ZeroGrad,
    undefined,
)

null_type = NullType()
disconnected_type = DisconnectedType()


def _tensor(x: Any, what: str) -> Node:
    node = as_node(x)
    if not isinstance(node.type, TensorType):
        raise TypeError(f"{what}: {node!r} is no tensor")
    return cast_to(node, dtypes.as_float(node.dtype)) if is_weak(node) else node


def zero_grad(x: Any) -> Node:
    """x, whose derivative counts as zero: a result that depends on x only through this has a
    gradient of zeros."""
    return Node(ZeroGrad(), (_tensor(x, "zero_grad"),))


def disconnected_grad(x: Any) -> Node:
    """x, as a constant to derivatives: a result that depends on x only through this is
    disconnected from x."""
    return Node(DisconnectedGrad(), (_tensor(x, "disconnected_grad"),))


def undefined_grad(x: Any) -> Node:
    """x, whose derivative is undefined: a gradient through this raises `NullTypeGradError`."""
    node = _tensor(x, "undefined_grad")
    return Node(UndefinedGrad(f"it passes through undefined_grad({label(node)})"), (node,))


def grad_clip(x: Any, lower_bound: float, upper_bound: float) -> Node:
    """x; the cotangent that comes back is limited to [lower_bound, upper_bound], elementwise.

    Tangents (forward mode) pass unchanged.  `ValueError` unless lower_bound <= upper_bound.
    """
    low, high = float(lower_bound), float(upper_bound)
    if not low <= high:
        raise ValueError(f"grad_clip: the lower bound {low} is not below the upper bound {high}")
    return Node(GradClip(low, high), (_tensor(x, "grad_clip"),))


def grad_scale(x: Any, multiplier: float) -> Node:
    """x; derivatives that pass are multiplied by `multiplier`, a number."""
    factor = float(multiplier)
    if math.isnan(factor):
        raise ValueError("grad_scale: the multiplier is nan")
    return Node(GradScale(factor), (_tensor(x, "grad_scale"),))


def grad_not_implemented(op: Any, x_pos: int, x: Node, comment: str = "") -> Node:
    """The derivative of `op` in its argument `x_pos`, x, that nobody has written yet.

    A tensor of `NullType` with the dtype and shape of x, to be returned by `Op.vjp`.
    """
    return undefined(
        x, _reason(f"the derivative of {op} in argument {x_pos} is not implemented", comment)
    )


def grad_undefined(op: Any, x_pos: int, x: Node, comment: str = "") -> Node:
    """The derivative of `op` in its argument `x_pos`, x, that does not exist in mathematics."""
    return undefined(x, _reason(f"{op} has no derivative in argument {x_pos}", comment))


def _reason(text: str, comment: str) -> str:
    return f"{text}: {comment}" if comment else text
