"""Operators of a symbolic tensor, each a call of the op registry.

Responsible for: the surface `x + y`, `x[i]`, `np.exp(x)`.  Methods are in `cgrad.core.methods`.
Not responsible for: what an operation does; `cgrad.core.registry.build` finds that by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgrad.core.methods import Methods, node_of
from cgrad.core.registry import build, known

if TYPE_CHECKING:
    import numpy as np

    from cgrad.core.node import Node

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
    "conjugate": "conj",
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


class Operators(Methods):
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
        return node_of(name, *inputs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return build("numpy_function", function, args, kwargs)

    def __add__(self, other: Any) -> Node:
        return node_of("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return node_of("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return node_of("sub", self, other)

    def __rsub__(self, other: Any) -> Node:
        return node_of("sub", other, self)

    def __mul__(self, other: Any) -> Node:
        return node_of("mul", self, other)

    def __rmul__(self, other: Any) -> Node:
        return node_of("mul", other, self)

    def __truediv__(self, other: Any) -> Node:
        return node_of("true_div", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return node_of("true_div", other, self)

    def __floordiv__(self, other: Any) -> Node:
        return node_of("floor_div", self, other)

    def __rfloordiv__(self, other: Any) -> Node:
        return node_of("floor_div", other, self)

    def __mod__(self, other: Any) -> Node:
        return node_of("mod", self, other)

    def __rmod__(self, other: Any) -> Node:
        return node_of("mod", other, self)

    def __pow__(self, other: Any) -> Node:
        return node_of("pow", self, other)

    def __rpow__(self, other: Any) -> Node:
        return node_of("pow", other, self)

    def __matmul__(self, other: Any) -> Node:
        return node_of("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Node:
        return node_of("matmul", other, self)

    def __and__(self, other: Any) -> Node:
        return node_of("and_", self, other)

    def __rand__(self, other: Any) -> Node:
        return node_of("and_", other, self)

    def __or__(self, other: Any) -> Node:
        return node_of("or_", self, other)

    def __ror__(self, other: Any) -> Node:
        return node_of("or_", other, self)

    def __xor__(self, other: Any) -> Node:
        return node_of("xor", self, other)

    def __rxor__(self, other: Any) -> Node:
        return node_of("xor", other, self)

    def __neg__(self) -> Node:
        return node_of("neg", self)

    def __abs__(self) -> Node:
        return node_of("abs", self)

    def __invert__(self) -> Node:
        return node_of("invert", self)

    def __pos__(self) -> Node:
        return node_of("identity", self)

    def __divmod__(self, other: Any) -> tuple[Node, Node]:
        return node_of("floor_div", self, other), node_of("mod", self, other)

    def __lt__(self, other: Any) -> Node:
        return node_of("lt", self, other)

    def __le__(self, other: Any) -> Node:
        return node_of("le", self, other)

    def __gt__(self, other: Any) -> Node:
        return node_of("gt", self, other)

    def __ge__(self, other: Any) -> Node:
        return node_of("ge", self, other)

    def __getitem__(self, index: Any) -> Node:
        return node_of("getitem", self, index)
