"""Shared variables: values that live outside of functions, are read and updated by them.

Responsible for: making one, `get_value`, `set_value` and what they accept.
Not responsible for: updates (`cgrad.compiled`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from cgrad.core import dtypes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node, TensorType, make_input
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.constants import Shared

Array = np.ndarray[Any, Any]
NUMBERS = itertools.count()


class SharedVariable(Node):
    """A symbol with a value of its own, made by `shared`.

    The value is always an array in row-major order, aligned, in native byte order.  Functions that
    read a variable whose `default_update` is a tensor update it, as if that were among their
    `updates`.
    """

    __slots__ = ("default_update", "number")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default_update: Node | None = None
        self.number = next(NUMBERS)  # in the order in which they were made

    @property
    def storage(self) -> list[Array]:
        """The list whose one entry is the current array; compiled functions read it."""
        op: Shared = self.op  # type: ignore[assignment]
        return op.storage

    def get_value(self, borrow: bool = False) -> Array:
        """The current value: a copy, or with `borrow` the very array that functions read."""
        (value,) = self.storage
        return value if borrow else value.copy()

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Replace the value by a copy of `value`, or with `borrow` by the array itself if it fits.

        Rank and declared lengths must agree (ShapeError), other lengths may change.  A dtype
        whose values might not fit without loss is a DTypeError.
        """
        array = _fitting(value, self.dtype, borrow, False, f"set_value of {self!r}")
        _check_shape(array.shape, _static(self), f"set_value of {self!r}")
        self.storage[0] = array


def shared(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    shape: Sequence[int | None] | None = None,
    borrow: bool = False,
) -> SharedVariable:
    """A symbol with a value, which functions read when called and change through `updates`.

    The dtype is that of `value` (an int is int64, a float float64).  Lengths may change later,
    except those that `shape` declares.  `strict` refuses anything but a NumPy array or scalar.
    The value is copied unless `borrow`.  `allow_downcast` is there for PyTensor's sake: the
    dtype comes from the value, so nothing is ever cast down here.
    """
    if isinstance(value, Node):
        raise TypeError(
            f"shared: {value!r} is symbolic, expected a number or a NumPy array; "
            "compute its value first, with x.eval({...}) or a compiled function"
        )
    if strict and not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(
            f"shared: strict=True expects a NumPy array, found {type(value).__name__}; "
            "wrap it in numpy.asarray"
        )
    if isinstance(value, (np.random.Generator, np.random.RandomState)):
        raise TypeError(
            f"shared: a {type(value).__name__} of NumPy found, expected numbers; generators of "
            "cgrad are made of seeds: cgrad.tensor.random.shared_rng(seed), RandomStream(seed)"
        )
    found = np.asarray(value)
    if found.dtype.kind not in "biufc":
        raise DTypeError(
            f"shared: {type(value).__name__} of dtype {found.dtype} found, expected numbers"
        )
    dtype = as_dtype(found.dtype)
    array = _fitting(found, dtype, borrow and found is value, True, "shared")
    static = (None,) * array.ndim if shape is None else tuple(shape)
    _check_shape(array.shape, static, "shared")
    node = make_input(TensorType(dtype, static), name, Shared(array), SharedVariable)
    assert isinstance(node, SharedVariable)
    return node


def _fitting(value: Any, dtype: str, borrow: bool, known: bool, what: str) -> Array:
    """`value` as an array of `dtype` in the layout that functions read."""
    array = np.asarray(value)
    wanted = dtypes.NUMPY[dtype]
    # Python numbers and lists of them only have a kind; arrays have a dtype that must fit
    rule: Literal["safe", "same_kind"] = (
        "safe" if isinstance(value, (np.ndarray, np.generic)) else "same_kind"
    )
    if not known and not np.can_cast(array.dtype, wanted, rule):
        raise DTypeError(
            f"{what}: a {array.dtype} value does not fit into {dtype} without loss; convert it "
            f"with value.astype({dtype!r}), or make the shared variable of {array.dtype}"
        )
    if borrow:
        return np.require(array, wanted, ["C_CONTIGUOUS", "ALIGNED"])
    return np.array(array, wanted, order="C", copy=True)


def _static(node: Node) -> tuple[int | None, ...]:
    return tuple(n if isinstance(n, int) else None for n in node.dims)


def _check_shape(found: tuple[int, ...], declared: Sequence[int | None], what: str) -> None:
    fits = len(found) == len(declared) and all(
        m is None or n == m for n, m in zip(found, declared, strict=True)
    )
    if not fits:
        text = str(tuple(declared)).replace("None", "?")
        raise ShapeError(
            f"{what}: a value of shape {found} found, expected {text}; a shared variable keeps "
            "its rank and its declared lengths"
        )
