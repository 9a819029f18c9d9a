"""Operators and methods of a symbolic tensor, each a call of the op registry.

Responsible for: the surface `x + y`, `x.sum(axis=0)`, `np.exp(x)`.
Not responsible for: what an operation does; `cgrad.core.registry.build` finds that by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgrad.core.registry import build, known

if TYPE_CHECKING:
    import numpy as np

    from cgrad.core.node import Node

Axis = int | tuple[int, ...] | None


def _node(name: str, *args: Any, **kwargs: Any) -> Node:
    result: Node = build(name, *args, **kwargs)
    return result


def _unpack(args: tuple[Any, ...]) -> Any:
    """`f(a, b)` and `f((a, b))` mean the same."""
    return args[0] if len(args) == 1 and not isinstance(args[0], (int, str)) else args


# NumPy's name of a ufunc where ours differs
UFUNC_NAMES = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "true_div",
    "true_divide": "true_div",
    "floor_divide": "floor_div",
    "remainder": "mod",
    "power": "pow",
    "float_power": "pow",
    "negative": "neg",
    "absolute": "abs",
    "fabs": "abs",
    "square": "sqr",
    "rint": "round",
    "positive": "identity",
    "degrees": "rad2deg",
    "radians": "deg2rad",
    "equal": "eq",
    "not_equal": "neq",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "matmul": "matmul",
    "bitwise_and": "and_",
    "logical_and": "logical_and",
    "bitwise_or": "or_",
    "logical_or": "logical_or",
    "bitwise_xor": "xor",
    "logical_xor": "logical_xor",
    "invert": "invert",
    "logical_not": "logical_not",
}


class Operators:
    """Mixed into `Node`; `other` is a symbol, a NumPy array, a Python number or a list."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Node:
        name = UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__)
        if method != "__call__" or kwargs or not known(name):
            call = f"numpy.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            given = f" with {', '.join(kwargs)}" if kwargs else ""
            raise TypeError(
                f"{call}{given} does not work on a symbolic tensor; "
                "use the function of the same purpose in cgrad.tensor"
            )
        return _node(name, *inputs)

    def __add__(self, other: Any) -> Node:
        return _node("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return _node("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return _node("sub", self, other)

    def __rsub__(self, other: Any) -> Node:
        return _node("sub", other, self)

    def __mul__(self, other: Any) -> Node:
        return _node("mul", self, other)

    def __rmul__(self, other: Any) -> Node:
        return _node("mul", other, self)

    def __truediv__(self, other: Any) -> Node:
        return _node("true_div", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return _node("true_div", other, self)

    def __floordiv__(self, other: Any) -> Node:
        return _node("floor_div", self, other)

    def __rfloordiv__(self, other: Any) -> Node:
        return _node("floor_div", other, self)

    def __mod__(self, other: Any) -> Node:
        return _node("mod", self, other)

    def __rmod__(self, other: Any) -> Node:
        return _node("mod", other, self)

    def __pow__(self, other: Any) -> Node:
        return _node("pow", self, other)

    def __rpow__(self, other: Any) -> Node:
        return _node("pow", other, self)

    def __matmul__(self, other: Any) -> Node:
        return _node("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Node:
        return _node("matmul", other, self)

    def __and__(self, other: Any) -> Node:
        return _node("and_", self, other)

    def __rand__(self, other: Any) -> Node:
        return _node("and_", other, self)

    def __or__(self, other: Any) -> Node:
        return _node("or_", self, other)

    def __ror__(self, other: Any) -> Node:
        return _node("or_", other, self)

    def __xor__(self, other: Any) -> Node:
        return _node("xor", self, other)

    def __rxor__(self, other: Any) -> Node:
        return _node("xor", other, self)

    def __neg__(self) -> Node:
        return _node("neg", self)

    def __abs__(self) -> Node:
        return _node("abs", self)

    def __invert__(self) -> Node:
        return _node("invert", self)

    def __pos__(self) -> Node:
        return _node("identity", self)

    def __divmod__(self, other: Any) -> tuple[Node, Node]:
        return _node("floor_div", self, other), _node("mod", self, other)

    def __lt__(self, other: Any) -> Node:
        return _node("lt", self, other)

    def __le__(self, other: Any) -> Node:
        return _node("le", self, other)

    def __gt__(self, other: Any) -> Node:
        return _node("gt", self, other)

    def __ge__(self, other: Any) -> Node:
        return _node("ge", self, other)

    def __getitem__(self, index: Any) -> Node:
        return _node("getitem", self, index)

    # -- shape --------------------------------------------------------------------------
    @property
    def shape(self) -> Node:
        """The sizes of the axes: an int64 vector of the graph (`x.shape[0]` is a scalar)."""
        return _node("shape", self)

    @property
    def size(self) -> Node:
        """The number of elements, an int64 scalar."""
        return _node("size", self)

    @property
    def T(self) -> Node:
        """The axes in reverse order."""
        return _node("transpose", self)

    def dimshuffle(self, *pattern: Any) -> Node:
        """Axes in the order of `pattern`; `"x"` makes a new axis of length 1."""
        return _node("dimshuffle", self, _unpack(pattern))

    def transpose(self, *axes: Any) -> Node:
        """Axes permuted; reversed without arguments."""
        return _node("transpose", self, _unpack(axes) or None)

    def reshape(self, *shape: Any) -> Node:
        """The same elements in row-major order in another shape; one entry may be -1."""
        return _node("reshape", self, _unpack(shape))

    def flatten(self, ndim: int = 1) -> Node:
        """The last axes joined so that `ndim` remain."""
        return _node("flatten", self, ndim)

    def ravel(self) -> Node:
        """The elements in row-major order as a vector."""
        return _node("flatten", self, 1)

    def squeeze(self, axis: Axis = None) -> Node:
        """Without its axes of length 1 (those of `axis` only, when given)."""
        return _node("squeeze", self, axis)

    # -- reductions ---------------------------------------------------------------------
    def sum(self, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Node:
        """Sum over `axis` (all axes by default)."""
        return _node("sum", self, axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(self, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Node:
        """Arithmetic mean over `axis`."""
        return _node("mean", self, axis=axis, dtype=dtype, keepdims=keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Largest element over `axis`; nan if one is nan."""
        return _node("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Smallest element over `axis`; nan if one is nan."""
        return _node("min", self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Whether some element over `axis` is true."""
        return _node("any", self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Whether every element over `axis` is true."""
        return _node("all", self, axis=axis, keepdims=keepdims)

    def dot(self, other: Any) -> Node:
        """Product of vectors and matrices."""
        return _node("dot", self, other)

    # -- elementwise --------------------------------------------------------------------
    def astype(self, dtype: Any) -> Node:
        """The elements converted to `dtype`."""
        return _node("cast", self, dtype)

    def clip(self, low: Any, high: Any) -> Node:
        """The elements limited to [low, high]."""
        return _node("clip", self, low, high)

    def fill(self, value: Any) -> Node:
        """`value` in the shape of this tensor."""
        return _node("second", self, value)

    def zeros_like(self) -> Node:
        """Zeros in the shape and dtype of this tensor."""
        return _node("zeros_like", self)

    def ones_like(self) -> Node:
        """Ones in the shape and dtype of this tensor."""
        return _node("ones_like", self)

    def exp(self) -> Node:
        """Elementwise; see `cgrad.tensor.exp`."""
        return _node("exp", self)

    def exp2(self) -> Node:
        """Elementwise; see `cgrad.tensor.exp2`."""
        return _node("exp2", self)

    def expm1(self) -> Node:
        """Elementwise; see `cgrad.tensor.expm1`."""
        return _node("expm1", self)

    def log(self) -> Node:
        """Elementwise; see `cgrad.tensor.log`."""
        return _node("log", self)

    def log2(self) -> Node:
        """Elementwise; see `cgrad.tensor.log2`."""
        return _node("log2", self)

    def log10(self) -> Node:
        """Elementwise; see `cgrad.tensor.log10`."""
        return _node("log10", self)

    def log1p(self) -> Node:
        """Elementwise; see `cgrad.tensor.log1p`."""
        return _node("log1p", self)

    def sqrt(self) -> Node:
        """Elementwise; see `cgrad.tensor.sqrt`."""
        return _node("sqrt", self)

    def sqr(self) -> Node:
        """Elementwise; see `cgrad.tensor.sqr`."""
        return _node("sqr", self)

    def sin(self) -> Node:
        """Elementwise; see `cgrad.tensor.sin`."""
        return _node("sin", self)

    def cos(self) -> Node:
        """Elementwise; see `cgrad.tensor.cos`."""
        return _node("cos", self)

    def tan(self) -> Node:
        """Elementwise; see `cgrad.tensor.tan`."""
        return _node("tan", self)

    def arcsin(self) -> Node:
        """Elementwise; see `cgrad.tensor.arcsin`."""
        return _node("arcsin", self)

    def arccos(self) -> Node:
        """Elementwise; see `cgrad.tensor.arccos`."""
        return _node("arccos", self)

    def arctan(self) -> Node:
        """Elementwise; see `cgrad.tensor.arctan`."""
        return _node("arctan", self)

    def sinh(self) -> Node:
        """Elementwise; see `cgrad.tensor.sinh`."""
        return _node("sinh", self)

    def cosh(self) -> Node:
        """Elementwise; see `cgrad.tensor.cosh`."""
        return _node("cosh", self)

    def tanh(self) -> Node:
        """Elementwise; see `cgrad.tensor.tanh`."""
        return _node("tanh", self)

    def arcsinh(self) -> Node:
        """Elementwise; see `cgrad.tensor.arcsinh`."""
        return _node("arcsinh", self)

    def arccosh(self) -> Node:
        """Elementwise; see `cgrad.tensor.arccosh`."""
        return _node("arccosh", self)

    def arctanh(self) -> Node:
        """Elementwise; see `cgrad.tensor.arctanh`."""
        return _node("arctanh", self)

    def floor(self) -> Node:
        """Elementwise; see `cgrad.tensor.floor`."""
        return _node("floor", self)

    def ceil(self) -> Node:
        """Elementwise; see `cgrad.tensor.ceil`."""
        return _node("ceil", self)

    def round(self) -> Node:
        """Elementwise; see `cgrad.tensor.round`."""
        return _node("round", self)

    def trunc(self) -> Node:
        """Elementwise; see `cgrad.tensor.trunc`."""
        return _node("trunc", self)

    def sign(self) -> Node:
        """Elementwise; see `cgrad.tensor.sign`."""
        return _node("sign", self)
