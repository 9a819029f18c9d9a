"""Values and tensors made to fit a declared type: `TensorType.filter`, `filter_variable`.

Responsible for: what converts to what.  Not responsible for: arguments of compiled functions
(`cgrad.parameters`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import register
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.coerce import as_node
from cgrad.ops.constants import is_weak
from cgrad.ops.scalar import cast
from cgrad.tensor.declared import specify_shape


def filter_value(
    type: TensorType, value: Any, strict: bool = False, allow_downcast: bool | None = None
) -> np.ndarray[Any, Any]:
    """`value` as a NumPy array of the dtype and shape of `type`.

    strict          take nothing but an array of that dtype
    allow_downcast  True: convert with a loss of digits too; None: only Python numbers and lists

    Raises TypeError (DTypeError, or ShapeError for another rank or length) for what does not fit.
    """
    wanted = dtypes.NUMPY[type.dtype]
    array = np.asarray(value)
    if strict and not (isinstance(value, np.ndarray) and value.dtype == wanted):
        raise DTypeError(f"filter: {value!r:.60} found, expected an array of {type.dtype}")
    known = isinstance(value, (np.ndarray, np.generic))
    loses = not np.can_cast(array.dtype, wanted, "safe")
    free = allow_downcast or (allow_downcast is None and not known)
    rule = "unsafe" if allow_downcast else "same_kind"
    if loses and not (free and np.can_cast(array.dtype, wanted, rule)):  # type: ignore[arg-type]
        raise DTypeError(
            f"filter: a value of {array.dtype} does not fit into {type.dtype} without loss; "
            f"convert it with .astype({type.dtype!r}), or pass allow_downcast=True"
        )
    fits = array.ndim == type.ndim and all(
        n == m for n, m in zip(type.shape, array.shape, strict=True) if isinstance(n, int)
    )
    if not fits:
        raise ShapeError(f"filter: a value of shape {array.shape} found, expected {type!r}")
    return array.astype(wanted, copy=False)


def filter_variable(type: TensorType, other: Any, allow_convert: bool = True) -> Node:
    """`other` as a tensor of `type`, its known lengths declared (and checked at the call).

    Raises DTypeError for another dtype, unless it is that of a Python number, and ShapeError for
    another rank or length, or a length that would have to be declared without `allow_convert`.
    """
    node = as_node(other)
    if is_weak(node):
        node = cast(node, type.dtype)
    if node.dtype != type.dtype:
        raise DTypeError(
            f"filter_variable: {node!r} found, expected {type!r}; convert it with "
            f".astype({type.dtype!r})"
        )
    static = [n if isinstance(n, int) else None for n in type.shape]
    if node.ndim == type.ndim and type.is_super(node.type):
        return node
    if not allow_convert:
        raise ShapeError(f"filter_variable: {node!r} found, expected {type!r}")
    return specify_shape(node, static)


register("filter", filter_value)
register("filter_variable", filter_variable)
