"""Elementwise functions that are a few others in a row: what NumPy and PyTensor have names for.

Responsible for: these functions.  Not responsible for: functions with C of their own (`math`).
"""

from __future__ import annotations

import functools

from cgrad.core import dtypes
from cgrad.core.node import NO_COMPLEX, Node
from cgrad.errors import DTypeError
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype
from cgrad.ops.elementwise import apply
from cgrad.ops.rows import like
from cgrad.tensor.math import all as all_true
from cgrad.tensor.math import cast, maximum, minimum


# -- rounding and quotients -------------------------------------------------------------------
def round(a: Arraylike, mode: str | None = None) -> Node:
    """The nearest integer, in the dtype of a (bool as int64).

    `mode` says what becomes of halves: "half_to_even" (the default, as in NumPy) or
    "half_away_from_zero".  The derivative is zero.
    """
    if mode in (None, "half_to_even"):
        return apply("round", a)
    if mode == "half_away_from_zero":
        return round_half_away_from_zero(a)
    raise ValueError(f"round: mode={mode!r}, expected 'half_to_even' or 'half_away_from_zero'")


def round_half_away_from_zero(x: Arraylike) -> Node:
    """The nearest integer, 2.5 becoming 3 and -2.5 becoming -3; the derivative is zero."""
    node = as_node(x)
    if not dtypes.is_float(node.dtype):
        return apply("round", node)
    # floor(|x| + 1/2) would round the largest number below 1/2 up
    size = apply("abs", node)
    whole = apply("floor", size)
    up = apply("ge", size - whole, 0.5)
    # x for infinities, whose distance from themselves is nan
    found = apply("sign", node) * (whole + cast_to(up, node.dtype))
    return apply("switch", apply("isfinite", node), found, node)


def iround(a: Arraylike, mode: str | None = None) -> Node:
    """`round(a, mode)` as int64."""
    return cast(round(a, mode), dtypes.INT64)


def ceil_intdiv(a: Arraylike, b: Arraylike) -> Node:
    """The quotient a / b rounded up, without a detour through floats; 0 for b = 0.

    Integers and bool, else a DTypeError.
    """
    for x in (as_node(a), as_node(b)):
        if dtypes.is_float(x.dtype):
            raise DTypeError(
                f"ceil_intdiv works on integers, found {x.dtype}; use ceil(a / b) for floats"
            )
    quotient = apply("floor_div", a, b)
    return quotient + cast_to(apply("neq", apply("mod", a, b), 0), quotient.dtype)


def divmod(x: Arraylike, y: Arraylike) -> tuple[Node, Node]:
    """(floor_div(x, y), mod(x, y))."""
    return apply("floor_div", x, y), apply("mod", x, y)


def largest(*xs: Arraylike) -> Node:
    """The largest of one or more tensors, element by element; see `maximum`."""
    if not xs:
        raise ValueError("largest: no arguments found, expected at least one")
    return functools.reduce(maximum, xs[1:], as_node(xs[0]))


def smallest(*xs: Arraylike) -> Node:
    """The smallest of one or more tensors, element by element; see `minimum`."""
    if not xs:
        raise ValueError("smallest: no arguments found, expected at least one")
    return functools.reduce(minimum, xs[1:], as_node(xs[0]))


# -- infinities, nan, tolerances --------------------------------------------------------------
def isposinf(x: Arraylike) -> Node:
    """Whether x is inf; bool."""
    _refuse_complex(x, "isposinf")
    return apply("eq", x, float("inf"))


def isneginf(x: Arraylike) -> Node:
    """Whether x is -inf; bool."""
    _refuse_complex(x, "isneginf")
    return apply("eq", x, float("-inf"))


def nan_to_num(
    x: Arraylike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Node:
    """x with numbers for nan and infinities; None for the largest float of its dtype.

    Integers are returned as they are.  Where x is finite the derivative is 1, elsewhere 0.
    """
    node = as_node(x)
    _refuse_complex(node, "nan_to_num")
    if not dtypes.is_float(node.dtype):
        return node
    top = _largest_float(node.dtype)
    found = apply("switch", apply("isnan", node), like(node, nan), node)
    high = like(node, top if posinf is None else posinf)
    low = like(node, -top if neginf is None else neginf)
    found = apply("switch", isposinf(node), high, found)
    return apply("switch", isneginf(node), low, found)


def _refuse_complex(x: Arraylike, what: str) -> None:
    if dtypes.is_complex(as_node(x).dtype):
        raise NotImplementedError(NO_COMPLEX.format(name=what, found=repr(x)))


def _largest_float(dtype: str) -> float:
    return (2 - 2.0**-52) * 2.0**1023 if dtype == dtypes.FLOAT64 else (2 - 2.0**-23) * 2.0**127


def isclose(
    a: Arraylike,
    b: Arraylike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Node:
    """Whether |a - b| <= atol + rtol |b|, as in NumPy; bool.

    Infinities are close to themselves, nan to nothing unless `equal_nan`.
    """
    first, second = as_node(a), as_node(b)
    dtype = dtypes.as_float(result_dtype([first, second]))
    first, second = cast_to(first, dtype), cast_to(second, dtype)
    gap, size = apply("abs", first - second), apply("abs", second)
    near = apply("le", gap, like(gap, atol) + like(size, rtol) * size)
    finite = apply("logical_and", apply("isfinite", first), apply("isfinite", second))
    found = apply("switch", finite, near, apply("eq", first, second))
    if equal_nan:
        both = apply("logical_and", apply("isnan", first), apply("isnan", second))
        found = apply("logical_or", found, both)
    return found


def allclose(
    a: Arraylike,
    b: Arraylike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Node:
    """Whether all elements are close, see `isclose`; a bool scalar."""
    return all_true(isclose(a, b, rtol, atol, equal_nan))
