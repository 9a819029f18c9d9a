"""Elementwise functions and reductions.

The elementwise functions are made from THE TABLE (`cgrad.ops.elementwise`), one line a name.

Responsible for: NumPy's and PyTensor's names, dtypes and argument checks.
Not responsible for: what a function computes (its row) or the ops of reductions.
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node
from cgrad.core.registry import build, register
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.axes import sum_axes
from cgrad.ops.coerce import Arraylike, as_node, cast_to, normal_axes
from cgrad.ops.constants import is_weak, size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme, Quantifier
from cgrad.ops.scalar import TABLE, Cast, Row
from cgrad.ops.scalar import cast as cast_node
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes

Axis = int | Sequence[int] | None
DType = Any


# -- elementwise ------------------------------------------------------------------------------
class Unary(Protocol):
    """An elementwise function of one argument."""

    def __call__(self, x: Arraylike) -> Node: ...


class Binary(Protocol):
    """An elementwise function of two arguments."""

    def __call__(self, x: Arraylike, y: Arraylike) -> Node: ...


class Folded(Protocol):
    """An elementwise function of two arguments that takes any number of them."""

    def __call__(self, *xs: Arraylike) -> Node: ...


_TAKES = {
    "float": "floats as they are, integers and bool as float64",
    "number": "floats and integers; bool as int64",
    "any": "any dtype",
    "signed": "floats and integers; bool is a DTypeError",
    "logical": "any dtype, not 0 meaning true",
    "bits": "integers and bool; a float is a DTypeError",
}


def _doc(row: Row) -> str:
    """What a row says about its function, for the user."""
    given = f"Takes {_TAKES[row.takes]}"
    gives = "." if row.gives == "same" else f"; gives {row.gives}."
    flat = builtins.all(partial is None for partial in row.partials)
    slope = " Its derivative is zero." if flat and row.gives == "same" else ""
    stretch = "\n\nArguments are promoted and stretched as in NumPy." if row.arity > 1 else ""
    return f"{row.doc}\n\n{given}{gives}{slope}{stretch}"


def _named(function: Any, row: Row) -> None:
    function.__name__ = function.__qualname__ = row.name
    function.__doc__ = _doc(row)


def _unary(name: str) -> Unary:
    def function(x: Arraylike) -> Node:
        return apply(name, x)

    _named(function, TABLE[name])
    return function


def _binary(name: str) -> Binary:
    def function(x: Arraylike, y: Arraylike) -> Node:
        return apply(name, x, y)

    _named(function, TABLE[name])
    return function


def _folded(name: str) -> Folded:
    def function(*xs: Arraylike) -> Node:
        if not xs:
            raise TypeError(f"{name}: no arguments found, expected at least one")
        return functools.reduce(lambda total, x: apply(name, total, x), xs[1:], as_node(xs[0]))

    _named(function, TABLE[name])
    function.__doc__ = f"{function.__doc__}  Of more than two from left to right."
    return function


add = _folded("add")
sub = subtract = _binary("sub")
mul = multiply = _folded("mul")
true_div = divide = true_divide = _binary("true_div")
floor_div = int_div = floor_divide = _binary("floor_div")
mod = remainder = _binary("mod")
pow = power = _binary("pow")
arctan2 = _binary("arctan2")
hypot = _binary("hypot")
logaddexp = _folded("logaddexp")
maximum = _binary("maximum")
minimum = _binary("minimum")
second = fill = _binary("second")

eq = equal = _binary("eq")
neq = not_equal = _binary("neq")
lt = less = _binary("lt")
le = less_equal = _binary("le")
gt = greater = _binary("gt")
ge = greater_equal = _binary("ge")

logical_and = _binary("logical_and")
logical_or = _binary("logical_or")
logical_xor = _binary("logical_xor")
logical_not = _unary("logical_not")
and_ = bitwise_and = _folded("and_")
or_ = bitwise_or = _folded("or_")
xor = bitwise_xor = _folded("xor")
invert = bitwise_not = bitwise_invert = _unary("invert")

neg = negative = _unary("neg")
abs = absolute = _unary("abs")
sign = sgn = _unary("sign")
sqr = square = _unary("sqr")
sqrt = _unary("sqrt")
reciprocal = _unary("reciprocal")
floor = _unary("floor")
ceil = _unary("ceil")
trunc = _unary("trunc")
round_half_to_even = _unary("round")

exp = _unary("exp")
exp2 = _unary("exp2")
expm1 = _unary("expm1")
log = _unary("log")
log2 = _unary("log2")
log10 = _unary("log10")
log1p = _unary("log1p")

sin = _unary("sin")
cos = _unary("cos")
tan = _unary("tan")
arcsin = _unary("arcsin")
arccos = _unary("arccos")
arctan = _unary("arctan")
sinh = _unary("sinh")
cosh = _unary("cosh")
tanh = _unary("tanh")
arcsinh = _unary("arcsinh")
arccosh = _unary("arccosh")
arctanh = _unary("arctanh")

sigmoid = expit = _unary("sigmoid")
softplus = log1pexp = _unary("softplus")
erf = _unary("erf")
erfc = _unary("erfc")
erfcx = _unary("erfcx")
erfinv = _unary("erfinv")
erfcinv = _unary("erfcinv")
log_ndtr = _unary("log_ndtr")
ndtri_exp = _unary("ndtri_exp")
log1mexp = _unary("log1mexp")
logit = _unary("logit")
xlogx = _unary("xlogx")
xlogy = xlogy0 = _binary("xlogy")
xlog1py = _binary("xlog1py")

isnan = _unary("isnan")
isinf = _unary("isinf")
isfinite = _unary("isfinite")
identity = _unary("identity")


def deg2rad(x: Arraylike) -> Node:
    """Degrees as radians: x times pi / 180."""
    return apply("mul", as_node(x), math.pi / 180.0)


def rad2deg(x: Arraylike) -> Node:
    """Radians as degrees: x times 180 / pi."""
    return apply("mul", as_node(x), 180.0 / math.pi)


def switch(cond: Arraylike, ift: Arraylike, iff: Arraylike) -> Node:
    """ift where cond is true (not 0), iff elsewhere; both are computed.

    ift and iff are promoted, all three stretched as in NumPy.
    """
    return apply("switch", cond, ift, iff)


def where(cond: Arraylike, ift: Arraylike | None = None, iff: Arraylike | None = None) -> Any:
    """`switch(cond, ift, iff)`; with cond alone the positions of its true elements,
    `nonzero(cond)`."""
    if ift is None and iff is None:
        return build("nonzero", cond)
    if ift is None or iff is None:
        raise TypeError("where takes cond, or cond, ift and iff; one of the last two is missing")
    return apply("switch", cond, ift, iff)


def clip(x: Arraylike, min: Arraylike | None, max: Arraylike | None) -> Node:
    """x limited to [min, max], `minimum(maximum(x, min), max)`; None for no limit.

    nan stays nan.  At a limit the derivative is 1/2.
    """
    result = as_node(x)
    if min is not None:
        result = maximum(result, min)
    if max is not None:
        result = minimum(result, max)
    return result


def cast(x: Arraylike, dtype: DType) -> Node:
    """x in another dtype; x itself when it has that dtype.

    Floats lose their fraction in integer dtypes (towards 0); whatever is not 0 is true.
    """
    node, wanted = as_node(x), as_dtype(dtype)
    # a Python number is weak; after a cast it keeps its dtype
    return Node(Cast(wanted), (node,)) if is_weak(node) else cast_node(node, wanted)


# -- reductions -------------------------------------------------------------------------------
def _axes(node: Node, axis: Axis, what: str) -> tuple[int, ...]:
    return normal_axes(axis, node.ndim, what)


def _restored(result: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return insert_axes(result, axes) if keepdims else result


def sum(
    input: Arraylike,
    axis: Axis = None,
    dtype: DType = None,
    keepdims: bool = False,
    acc_dtype: DType = None,
) -> Node:
    """The sum over `axis`: an int, a tuple of ints (an empty one sums nothing), None for all.

    Floats keep their dtype, float32 being added up in float64; signed integers and bool give
    int64, unsigned ones uint64, as in NumPy.  `dtype` casts before adding.  `acc_dtype` adds up
    in another dtype that holds all values, and casts the sum.  `keepdims` leaves axes of length 1.
    """
    node = summand(as_node(input), dtype, "sum")
    axes = _axes(node, axis, "sum")
    total = sum_axes(accumulated(node, acc_dtype, "sum"), axes)
    return _restored(cast_to(total, node.dtype), axes, keepdims)


def accumulated(node: Node, acc_dtype: DType, what: str) -> Node:
    """The node in the dtype in which it is to be added up or multiplied."""
    wanted = node.dtype if acc_dtype is None else as_dtype(acc_dtype)
    if not np.can_cast(node.dtype, wanted, "safe"):
        raise DTypeError(
            teach(
                f"{what}: acc_dtype={wanted} would lose values of {node.dtype}",
                "choose a dtype that holds them, or leave acc_dtype out",
                [node],
            )
        )
    return cast_to(node, wanted)


def summand(node: Node, dtype: DType, what: str) -> Node:
    """The node in the dtype of its sum or product."""
    if dtype is None:
        return cast_to(node, dtypes.wide(node.dtype))
    wanted = as_dtype(dtype)
    if wanted == dtypes.BOOL or (dtypes.is_inexact(node.dtype) and not dtypes.is_inexact(wanted)):
        raise DTypeError(
            teach(
                f"{what}: dtype={wanted} would lose values of {node.dtype}",
                f"cast explicitly, x.astype({wanted!r}), or use any() for booleans",
                [node],
            )
        )
    return cast_to(node, wanted)


def mean(
    input: Arraylike,
    axis: Axis = None,
    dtype: DType = None,
    keepdims: bool = False,
    acc_dtype: DType = None,
) -> Node:
    """The arithmetic mean over `axis`; nan when there are no elements.

    float32 stays float32, integers and bool give float64, `dtype` chooses another float;
    `acc_dtype` is the float to add up in (float32 is added up in float64 anyhow).
    """
    node = as_node(input)
    wanted = dtypes.as_float(node.dtype) if dtype is None else as_dtype(dtype)
    if not dtypes.is_inexact(wanted):
        raise DTypeError(f"mean: dtype={wanted} found, expected a floating or complex dtype")
    axes = _axes(node, axis, "mean")
    if not axes:
        return cast_to(node, wanted)
    total = cast_to(sum_axes(accumulated(cast_to(node, wanted), acc_dtype, "mean"), axes), wanted)
    count = sizes.product(node.dims[axis] for axis in axes)
    number = float(count) if isinstance(count, int) else cast_to(size_node(count), wanted)
    return _restored(apply("true_div", total, number), axes, keepdims)


def max(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest element over `axis`; nan if one is nan.  Ties share the derivative evenly.

    An axis without elements is a ShapeError, now when its length is known, else at the call.
    """
    return _extreme("max", x, axis, keepdims)


def min(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """The smallest element over `axis`; see `max`."""
    return _extreme("min", x, axis, keepdims)


def _extreme(which: str, x: Arraylike, axis: Axis, keepdims: bool) -> Node:
    node = as_node(x)
    axes = _axes(node, axis, which)
    for k in axes:
        if node.dims[k] == 0:
            raise ShapeError(
                teach(
                    f"{which}: axis {k} has no elements, expected at least one",
                    "reduce over other axes, or add an element that never wins",
                    [node],
                )
            )
    return _restored(Node(Extreme(which, axes), (node,)) if axes else node, axes, keepdims)


def any(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """Whether some element over `axis` is true (not 0), as bool; false for no elements."""
    return _quantified("any", x, axis, keepdims)


def all(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """Whether every element over `axis` is true (not 0), as bool; true for no elements."""
    return _quantified("all", x, axis, keepdims)


def _quantified(which: str, x: Arraylike, axis: Axis, keepdims: bool) -> Node:
    node = cast_to(as_node(x), dtypes.BOOL)
    axes = _axes(node, axis, which)
    return _restored(Node(Quantifier(which, axes), (node,)) if axes else node, axes, keepdims)


_BUILDERS: dict[str, Callable[..., Any]] = {
    "sum": sum,
    "mean": mean,
    "max": max,
    "min": min,
    "any": any,
    "all": all,
    "clip": clip,
    "cast": cast,
    "deg2rad": deg2rad,
    "rad2deg": rad2deg,
}
for _name, _builder in _BUILDERS.items():
    register(_name, _builder)
