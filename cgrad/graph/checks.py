"""Conditions and prints inside of a graph: `Assert`, `CheckAndRaise`, `assert_op`, `Print`.

Responsible for: what users may pass.  Not responsible for: the ops (`cgrad.ops.checks`,
`cgrad.ops.python_call`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core import dtypes
from cgrad.core.node import Node, TensorType
from cgrad.core.registry import build
from cgrad.graph.foreign import wrap_py
from cgrad.ops.checks import Checked
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.constants import is_weak


class CheckAndRaise:
    """`CheckAndRaise(exc_type, msg)(x, *conditions)` is x; unless all conditions hold, the call of
    the compiled function ends with `exc_type(msg)`.

    A condition is a bool tensor (or one of numbers: all have to differ from 0), all of whose
    elements have to hold.  The check runs in C, before x is used, and only where the value of x is
    needed; derivatives are those of x, and are not checked for themselves.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> positive = cgrad.CheckAndRaise(ValueError, "x must be positive")
    >>> f = cgrad.function([x], ct.log(positive(x, x > 0)))
    >>> f([-1.0])
    Traceback (most recent call last):
        ...
    ValueError: x must be positive
    in f
    ...
    """

    def __init__(self, exc_type: type[BaseException], msg: str = "") -> None:
        if not (isinstance(exc_type, type) and issubclass(exc_type, Exception)):
            raise ValueError(f"CheckAndRaise: {exc_type!r} is no class of exceptions")
        self.exc_type = exc_type
        self.msg = msg

    def __call__(self, value: Any, *conds: Any) -> Node:
        node = as_node(value)
        if is_weak(node):
            node = cast_to(node, node.dtype)
        held = []
        for cond in conds:
            one = as_node(cond)
            if not isinstance(one.type, TensorType):
                raise TypeError(f"{self!r}: the condition {one!r} is no tensor")
            one = build("all", one) if one.ndim else one
            held.append(cast_to(one, dtypes.BOOL))
        return Node(Checked(self.exc_type, self.msg), (node, *held)) if held else node

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.exc_type.__name__}, {self.msg!r})"


class Assert(CheckAndRaise):
    """`Assert(msg)(x, *conditions)`: `CheckAndRaise` with AssertionError."""

    def __init__(self, msg: str = "Assertion failed!") -> None:
        super().__init__(AssertionError, msg)


def assert_op(value: Any, *conds: Any) -> Node:
    """`Assert()(value, *conds)`."""
    return Assert()(value, *conds)


class Print:
    """`Print(message)(x)` is x; when its value is computed, it is printed.

    message  stands in front
    attrs    what is printed: attributes of the array; of methods, what they return

    Prints "message __str__ = [1. 2.]" with Python's print, so the kernel calls Python each time:
    `wrap_py` says what that costs.  Derivatives are those of x.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> f = cgrad.function([x], ct.sum(cgrad.Print("x is", attrs=["shape", "__str__"])(x * 2)))
    >>> f([1.0, 2.0])
    x is shape = (2,)
    x is __str__ = [2. 4.]
    array(6.)
    """

    def __init__(self, message: str = "", attrs: Sequence[str] = ("__str__",)) -> None:
        self.message = message
        self.attrs = tuple(attrs)

    def __call__(self, value: Any) -> Node:
        node = as_node(value)
        kind = TensorType(node.dtype, (None,) * node.ndim)
        wrap = wrap_py(
            kind, kind, infer_shape=lambda *shapes: shapes[0],
            pullback=lambda xs, ys, cts: cts, pushforward=lambda xs, ys, ts: ts,
        )  # fmt: skip
        printed: Node = wrap(_Printer(self.message, self.attrs))(node)
        return printed


class _Printer:
    """The function that the kernel calls; an object, so that compiled functions can be pickled."""

    __name__ = "Print"

    def __init__(self, message: str, attrs: tuple[str, ...]) -> None:
        self.message = message
        self.attrs = attrs

    def __call__(self, value: Any) -> Any:
        for attr in self.attrs:
            found = getattr(value, attr)
            print(self.message, attr, "=", found() if callable(found) else found)
        return value
