"""Methods of a symbolic tensor, each a call of the op registry.

Responsible for: the surface `x.sum(axis=0)`, `x.T`, `x.exp()`.
Not responsible for: what an operation does; `cgrad.core.registry.build` finds that by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgrad.core.registry import build

if TYPE_CHECKING:
    from cgrad.core.node import Node

Axis = int | tuple[int, ...] | None


def node_of(name: str, *args: Any, **kwargs: Any) -> Node:
    result: Node = build(name, *args, **kwargs)
    return result


def _unpack(args: tuple[Any, ...]) -> Any:
    """`f(a, b)` and `f((a, b))` mean the same."""
    return args[0] if len(args) == 1 and not isinstance(args[0], (int, str)) else args


class Methods:
    """Mixed into `Node` by way of `Operators`."""

    __slots__ = ()

    # -- shape --------------------------------------------------------------------------
    @property
    def shape(self) -> Node:
        """The sizes of the axes: an int64 vector of the graph (`x.shape[0]` is a scalar)."""
        return node_of("shape", self)

    @property
    def size(self) -> Node:
        """The number of elements, an int64 scalar."""
        return node_of("size", self)

    @property
    def T(self) -> Node:
        """The axes in reverse order."""
        return node_of("transpose", self)

    @property
    def mT(self) -> Node:
        """The last two axes exchanged."""
        return node_of("swapaxes", self, -1, -2)

    def dimshuffle(self, *pattern: Any) -> Node:
        """Axes in the order of `pattern`; `"x"` makes a new axis of length 1."""
        return node_of("dimshuffle", self, _unpack(pattern))

    def transpose(self, *axes: Any) -> Node:
        """Axes permuted; reversed without arguments."""
        return node_of("transpose", self, _unpack(axes) or None)

    def reshape(self, *shape: Any) -> Node:
        """The same elements in row-major order in another shape; one entry may be -1."""
        return node_of("reshape", self, _unpack(shape))

    def flatten(self, ndim: int = 1) -> Node:
        """The last axes joined so that `ndim` remain."""
        return node_of("flatten", self, ndim)

    def ravel(self) -> Node:
        """The elements in row-major order as a vector."""
        return node_of("flatten", self, 1)

    def squeeze(self, axis: Axis = None) -> Node:
        """Without its axes of length 1 (those of `axis` only, when given)."""
        return node_of("squeeze", self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Node:
        """Two axes exchanged."""
        return node_of("swapaxes", self, axis1, axis2)

    def repeat(self, repeats: Any, axis: int | None = None) -> Node:
        """Each element `repeats` times in a row."""
        return node_of("repeat", self, repeats, axis)

    # -- reductions ---------------------------------------------------------------------
    def sum(self, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Node:
        """Sum over `axis` (all axes by default)."""
        return node_of("sum", self, axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(self, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Node:
        """Arithmetic mean over `axis`."""
        return node_of("mean", self, axis=axis, dtype=dtype, keepdims=keepdims)

    def prod(self, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Node:
        """Product over `axis`."""
        return node_of("prod", self, axis=axis, dtype=dtype, keepdims=keepdims)

    def var(self, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Node:
        """Mean squared distance from the mean over `axis`."""
        return node_of("var", self, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Node:
        """Square root of `var`."""
        return node_of("std", self, axis=axis, ddof=ddof, keepdims=keepdims)

    def ptp(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Largest minus smallest element over `axis`."""
        return node_of("ptp", self, axis=axis, keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Node:
        """Sums up to each element along `axis`."""
        return node_of("cumsum", self, axis)

    def cumprod(self, axis: int | None = None) -> Node:
        """Products up to each element along `axis`."""
        return node_of("cumprod", self, axis)

    def norm(self, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Node:
        """Euclidean norm over `axis`."""
        return node_of("norm", self, ord=ord, axis=axis, keepdims=keepdims)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        """The elements (i, i + offset) over two axes."""
        return node_of("diagonal", self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        """The sum over a diagonal."""
        return node_of("trace", self, offset, axis1, axis2)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Largest element over `axis`; nan if one is nan."""
        return node_of("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Smallest element over `axis`; nan if one is nan."""
        return node_of("min", self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Whether some element over `axis` is true."""
        return node_of("any", self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axis = None, keepdims: bool = False) -> Node:
        """Whether every element over `axis` is true."""
        return node_of("all", self, axis=axis, keepdims=keepdims)

    def eval(self, values: Any = None) -> Any:
        """The value when free variables, or those of these names, have `values`: a dict."""
        return build("eval", self, values)

    def dot(self, other: Any) -> Node:
        """Product of vectors and matrices."""
        return node_of("dot", self, other)

    # -- elementwise --------------------------------------------------------------------
    def astype(self, dtype: Any) -> Node:
        """The elements converted to `dtype`."""
        return node_of("cast", self, dtype)

    def clip(self, low: Any, high: Any) -> Node:
        """The elements limited to [low, high]."""
        return node_of("clip", self, low, high)

    def fill(self, value: Any) -> Node:
        """`value` in the shape of this tensor."""
        return node_of("second", self, value)

    def zeros_like(self) -> Node:
        """Zeros in the shape and dtype of this tensor."""
        return node_of("zeros_like", self)

    def ones_like(self) -> Node:
        """Ones in the shape and dtype of this tensor."""
        return node_of("ones_like", self)

    def exp(self) -> Node:
        """Elementwise; see `cgrad.tensor.exp`."""
        return node_of("exp", self)

    def exp2(self) -> Node:
        """Elementwise; see `cgrad.tensor.exp2`."""
        return node_of("exp2", self)

    def expm1(self) -> Node:
        """Elementwise; see `cgrad.tensor.expm1`."""
        return node_of("expm1", self)

    def log(self) -> Node:
        """Elementwise; see `cgrad.tensor.log`."""
        return node_of("log", self)

    def log2(self) -> Node:
        """Elementwise; see `cgrad.tensor.log2`."""
        return node_of("log2", self)

    def log10(self) -> Node:
        """Elementwise; see `cgrad.tensor.log10`."""
        return node_of("log10", self)

    def log1p(self) -> Node:
        """Elementwise; see `cgrad.tensor.log1p`."""
        return node_of("log1p", self)

    def sqrt(self) -> Node:
        """Elementwise; see `cgrad.tensor.sqrt`."""
        return node_of("sqrt", self)

    def sqr(self) -> Node:
        """Elementwise; see `cgrad.tensor.sqr`."""
        return node_of("sqr", self)

    def sin(self) -> Node:
        """Elementwise; see `cgrad.tensor.sin`."""
        return node_of("sin", self)

    def cos(self) -> Node:
        """Elementwise; see `cgrad.tensor.cos`."""
        return node_of("cos", self)

    def tan(self) -> Node:
        """Elementwise; see `cgrad.tensor.tan`."""
        return node_of("tan", self)

    def arcsin(self) -> Node:
        """Elementwise; see `cgrad.tensor.arcsin`."""
        return node_of("arcsin", self)

    def arccos(self) -> Node:
        """Elementwise; see `cgrad.tensor.arccos`."""
        return node_of("arccos", self)

    def arctan(self) -> Node:
        """Elementwise; see `cgrad.tensor.arctan`."""
        return node_of("arctan", self)

    def sinh(self) -> Node:
        """Elementwise; see `cgrad.tensor.sinh`."""
        return node_of("sinh", self)

    def cosh(self) -> Node:
        """Elementwise; see `cgrad.tensor.cosh`."""
        return node_of("cosh", self)

    def tanh(self) -> Node:
        """Elementwise; see `cgrad.tensor.tanh`."""
        return node_of("tanh", self)

    def arcsinh(self) -> Node:
        """Elementwise; see `cgrad.tensor.arcsinh`."""
        return node_of("arcsinh", self)

    def arccosh(self) -> Node:
        """Elementwise; see `cgrad.tensor.arccosh`."""
        return node_of("arccosh", self)

    def arctanh(self) -> Node:
        """Elementwise; see `cgrad.tensor.arctanh`."""
        return node_of("arctanh", self)

    def floor(self) -> Node:
        """Elementwise; see `cgrad.tensor.floor`."""
        return node_of("floor", self)

    def ceil(self) -> Node:
        """Elementwise; see `cgrad.tensor.ceil`."""
        return node_of("ceil", self)

    def round(self) -> Node:
        """Elementwise; see `cgrad.tensor.round`."""
        return node_of("round", self)

    def trunc(self) -> Node:
        """Elementwise; see `cgrad.tensor.trunc`."""
        return node_of("trunc", self)

    def sign(self) -> Node:
        """Elementwise; see `cgrad.tensor.sign`."""
        return node_of("sign", self)
