"""Methods of a symbolic tensor, each a call of the op registry.

Responsible for: the surface `x.sum(axis=0)`, `x.T`, `x.exp()`.
Not responsible for: what an operation does; `cgrad.core.registry.build` finds that by name.
"""

from __future__ import annotations

from collections.abc import Callable
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


def _method(name: str) -> Callable[..., Node]:
    """The function `name` of `cgrad.tensor` as a method, with the same arguments."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Node:
        return node_of(name, self, *args, **kwargs)

    method.__name__, method.__doc__ = name, f"See `cgrad.tensor.{name}`."
    return method


class Methods:
    """Mixed into `Node` by way of `Operators`."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """What notebooks show: the expression, its type, and to be opened a drawing."""
        return str(build("html", self))

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

    @property
    def real(self) -> Node:
        """The real part; of a real tensor the tensor."""
        return node_of("real", self)

    @property
    def imag(self) -> Node:
        """The imaginary part; of a real tensor zeros."""
        return node_of("imag", self)

    def dimshuffle(self, *pattern: Any) -> Node:
        """Axes in the order of `pattern`; `"x"` makes a new axis of length 1."""
        return node_of("dimshuffle", self, _unpack(pattern))

    def transpose(self, *axes: Any) -> Node:
        """Axes permuted; reversed without arguments."""
        return node_of("transpose", self, _unpack(axes) or None)

    def reshape(self, *shape: Any, ndim: int | None = None) -> Node:
        """The same elements in row-major order in another shape; one entry may be -1."""
        return node_of("reshape", self, _unpack(shape), ndim)

    def flatten(self, ndim: int = 1) -> Node:
        """The last axes joined so that `ndim` remain."""
        return node_of("flatten", self, ndim)

    def ravel(self) -> Node:
        """The elements in row-major order as a vector."""
        return node_of("flatten", self, 1)

    squeeze = _method("squeeze")
    swapaxes = _method("swapaxes")
    repeat = _method("repeat")

    # -- reductions ---------------------------------------------------------------------
    def sum(
        self, axis: Axis = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Node:
        """Sum over `axis` (all axes by default)."""
        return node_of("sum", self, axis, dtype, keepdims, acc_dtype)

    mean = _method("mean")
    prod = _method("prod")

    var = _method("var")
    std = _method("std")

    ptp = _method("ptp")
    cumsum = _method("cumsum")
    cumprod = _method("cumprod")
    norm = _method("norm")
    diagonal = _method("diagonal")
    trace = _method("trace")

    max = _method("max")
    min = _method("min")
    any = _method("any")
    all = _method("all")

    def set(self, y: Any, **hints: Any) -> Node:
        """`x[i].set(v)`: a copy of x with v in that place, as `set_subtensor(x[i], v)`."""
        return node_of("set_subtensor", self, y, **hints)

    def inc(self, y: Any, **options: Any) -> Node:
        """`x[i].inc(v)`: a copy of x with v added in that place, as `inc_subtensor(x[i], v)`."""
        return node_of("inc_subtensor", self, y, **options)

    def compress(self, condition: Any, axis: int | None = None) -> Node:
        """The slices along `axis` where `condition` is true."""
        return node_of("compress", condition, self, axis)

    choose = _method("choose")
    take = _method("take")
    nonzero = _method("nonzero")
    searchsorted = _method("searchsorted")
    sort = _method("sort")
    argsort = _method("argsort")
    argmax = _method("argmax")
    argmin = _method("argmin")

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

    def clip(self, a_min: Any, a_max: Any) -> Node:
        """The elements limited to [a_min, a_max]."""
        return node_of("clip", self, a_min, a_max)

    def fill(self, value: Any) -> Node:
        """`value` in the shape of this tensor."""
        return node_of("second", self, value)

    def zeros_like(self, dtype: Any = None) -> Node:
        """Zeros in this shape and, unless another is given, this dtype."""
        zero = node_of("zeros_like", self)
        return zero if dtype is None else node_of("cast", zero, dtype)

    def ones_like(self, dtype: Any = None) -> Node:
        """Ones in this shape and, unless another is given, this dtype."""
        one = node_of("ones_like", self)
        return one if dtype is None else node_of("cast", one, dtype)

    def copy(self, name: str | None = None) -> Node:
        """A node of its own with the same value, and with this name."""
        result = node_of("identity", self)
        result.name = name
        return result

    conj = conjugate = _method("conj")
    round = _method("round")
    exp = _method("exp")
    exp2 = _method("exp2")
    expm1 = _method("expm1")
    log = _method("log")
    log2 = _method("log2")
    log10 = _method("log10")
    log1p = _method("log1p")
    sqrt = _method("sqrt")
    sqr = _method("sqr")
    sin = _method("sin")
    cos = _method("cos")
    tan = _method("tan")
    arcsin = _method("arcsin")
    arccos = _method("arccos")
    arctan = _method("arctan")
    sinh = _method("sinh")
    cosh = _method("cosh")
    tanh = _method("tanh")
    arcsinh = _method("arcsinh")
    arccosh = _method("arccosh")
    arctanh = _method("arctanh")
    floor = _method("floor")
    ceil = _method("ceil")
    trunc = _method("trunc")
    sign = _method("sign")
    deg2rad = _method("deg2rad")
    rad2deg = _method("rad2deg")
