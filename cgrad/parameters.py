"""Parameters and results of a function: `In`, `Out`, and arrays made of what a call is given.

Responsible for: what an argument may be and how it is converted.  Not responsible for: the graph
(`cgrad.function`) or calling (`cgrad.compiled`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core.dtypes import NUMPY, is_complex
from cgrad.core.node import Node, render_shape
from cgrad.errors import CallError, RankError
from cgrad.ops.constants import Shared

Array = np.ndarray[Any, Any]
# kinds of dtypes of numbers, each of which holds those before it
KINDS = "biufc"


class In:
    """An input of a function and how its argument is taken.

    variable        the symbol
    name            what the argument is called in a call by keyword; the symbol's own by default
    value           taken when the argument is left out: a number, an array or a shared variable
                    (whose value at the time of the call it then is)
    update          an expression whose value becomes the new `value` after each call
    borrow,mutable  whether results may share memory with the argument, and whether it may be
                    overwritten; accepted, and made no use of: arguments never change and results
                    are fresh.  `mutable` needs `borrow`
    strict          take only arrays of the very dtype and rank: nothing is converted
    allow_downcast  True: convert from any dtype; False: only where nothing is lost; None: also
                    Python floats to float32.  By default as the function says
    """

    __slots__ = (
        "allow_downcast", "borrow", "mutable", "name", "strict", "update", "value", "variable",
    )  # fmt: skip

    def __init__(
        self,
        variable: Node,
        name: str | None = None,
        value: Any = None,
        borrow: bool | None = None,
        mutable: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
        update: Any = None,
    ) -> None:
        if mutable and borrow is False:
            raise ValueError("In: mutable=True overwrites the argument, so borrow cannot be False")
        if isinstance(value, Node) and not isinstance(value.op, Shared):
            raise TypeError(
                f"In: the value {value!r} is symbolic, expected a number, an array or a "
                "cgrad.shared variable"
            )
        if update is not None and value is None:
            raise ValueError("In: an update needs a value to begin with")
        self.variable = variable
        self.name = name
        self.value = value
        self.borrow = mutable if borrow is None else borrow
        self.mutable = mutable
        self.strict = strict
        self.allow_downcast = allow_downcast
        self.update = update

    def __repr__(self) -> str:
        return f"In({self.variable!r})"


class Out:
    """An output of a function.  `borrow` is accepted: results are fresh arrays, or those given."""

    __slots__ = ("borrow", "variable")

    def __init__(self, variable: Node, borrow: bool = False) -> None:
        self.variable = variable
        self.borrow = borrow

    def __repr__(self) -> str:
        return f"Out({self.variable!r})"


class Parameter:
    """How one argument is taken: its name, the value it has when left out, conversions.

    `default` is None, or the storage (a list of one array) of the value.  `own` says that the
    storage belongs to the function, not to a shared variable.
    """

    __slots__ = ("default", "downcast", "name", "own", "strict")

    def __init__(
        self,
        name: str | None,
        default: list[Any] | None = None,
        own: bool = True,
        downcast: bool | None = None,
        strict: bool = False,
    ) -> None:
        self.name = name
        self.default = default
        self.own = own
        self.downcast = downcast
        self.strict = strict

    def copy(self) -> Parameter:
        """The same, with a default of its own."""
        own = self.own and self.default is not None
        default = [self.default[0].copy()] if own and self.default else self.default
        return Parameter(self.name, default, self.own, self.downcast, self.strict)


def label(parameter: Parameter, k: int) -> str:
    """How a message calls argument k."""
    return parameter.name or str(k + 1)


def bind(
    name: str, wanted: Sequence[Parameter], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[int, Any]:
    """The arguments that were given by position; CallError for a wrong number or name."""
    labels = [label(parameter, k) for k, parameter in enumerate(wanted)]
    signature = f"{name}({', '.join(labels)})"
    if len(args) > len(wanted):
        raise CallError(f"{signature} takes {_arguments(len(wanted))}, found {len(args)}")
    values: dict[int, Any] = dict(enumerate(args))
    places = {parameter.name: k for k, parameter in enumerate(wanted) if parameter.name}
    for key, value in kwargs.items():
        if key not in places:
            raise CallError(f"{signature} has no argument called {key!r}")
        if places[key] in values:
            raise CallError(f"{signature} got two values for argument {key!r}")
        values[places[key]] = value
    missing = [
        text
        for k, (text, parameter) in enumerate(zip(labels, wanted, strict=True))
        if k not in values and parameter.default is None
    ]
    if missing:
        raise CallError(
            f"{signature} takes {_arguments(len(wanted))}, found {len(values)}; "
            f"missing: {', '.join(missing)}"
        )
    return values


def as_array(value: Any, node: Node, what: str, downcast: bool | None, strict: bool) -> Array:
    """A row-major, aligned array of the node's dtype and rank; loses no more than is allowed."""
    target = NUMPY[node.dtype]
    if isinstance(value, Node):
        raise CallError(
            f"{what} is symbolic ({value!r}); a compiled function takes numbers and arrays"
        )
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise CallError(f"{what} has masked elements, which would be lost; fill them first")
    if strict:
        require_exact(value, node, what)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise CallError(f"{what}: cannot make an array of it: {error}") from None
    typed = isinstance(value, (np.ndarray, np.generic))
    if not _fits(array, target, typed, downcast):
        raise CallError(_misfit(what, node, array))
    if array.ndim != node.ndim:
        raise RankError(
            f"{what} has {_axes(array.ndim)} (shape {array.shape}), expected {node.ndim} "
            f"(shape {render_shape(node.dims)}). Fix: reshape it, or declare the input with "
            f"{_axes(array.ndim)}"
        )
    made = np.array(array, dtype=target, order="C", copy=None, subok=False)
    # a view of bytes at an odd address stays one, whatever order is asked for
    return made if made.flags.aligned else made.copy()


def require_exact(value: Any, node: Node, what: str) -> None:
    """CallError unless the value is an array of the very dtype and rank (`In(strict=True)`)."""
    if isinstance(value, np.ndarray) and (value.dtype, value.ndim) == (
        NUMPY[node.dtype],
        node.ndim,
    ):
        return
    kind = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
    raise CallError(
        f"{what} is strict: found a {kind}, expected an array of dtype {node.dtype} with "
        f"{_axes(node.ndim)}. Fix: convert it, or leave out strict=True"
    )


def _arguments(n: int) -> str:
    return f"{n} argument" if n == 1 else f"{n} arguments"


def _axes(n: int) -> str:
    return f"{n} axis" if n == 1 else f"{n} axes"


def _misfit(what: str, node: Node, array: np.ndarray[Any, Any]) -> str:
    """The message for a dtype that does not fit."""
    found, wanted = array.dtype, node.dtype
    if found.kind == "c" and not is_complex(wanted):
        name = node.name or "it"
        return (
            f"{what} has dtype {found}, expected {wanted}: its imaginary part would be lost. Fix: "
            f"pass numpy.asarray({name}).real if that is meant, or declare the input with "
            f"dtype={found.name!r}"
        )
    if found.kind not in KINDS:
        return (
            f"{what} has dtype {found}, expected {wanted}: numbers that {wanted} can hold. "
            "Fix: look at what was passed; text, None and integers beyond 64 bits have no place in "
            "it"
        )
    declare = f", or declare the input with dtype={found.name!r}" if found.name in NUMPY else ""
    return (
        f"{what} has dtype {found}, expected {wanted}; the conversion could lose information. "
        f"Fix: pass numpy.asarray({node.name or 'it'}).astype({wanted!r}) if that is meant{declare}"
    )


def _fits(array: Array, target: np.dtype[Any], typed: bool, downcast: bool | None) -> bool:
    """Whether a conversion loses nothing; untyped Python numbers count by kind and value.

    With `downcast` anything numeric fits; where it is False Python numbers must keep their value.
    """
    if array.dtype.kind not in KINDS:
        return array.size == 0 and not typed
    if array.dtype.kind == "c" and target.kind != "c":
        return False
    if downcast:
        return True
    if typed:
        return bool(np.can_cast(array.dtype, target, "safe"))
    if downcast is False and target.kind in "fc":
        with np.errstate(over="ignore"):
            return bool(np.array_equal(array.astype(target), array, equal_nan=True))
    if array.size == 0:
        return True
    if target.kind in "fc":
        if array.dtype.kind in "iu" and target in (np.float64, np.complex128):
            return bool(np.all(np.abs(array.astype(np.float64)) <= 2.0**53))
        return True
    if target.kind in "iu" and array.dtype.kind in "biu":
        ends = np.iinfo(target)
        return bool(np.min(array) >= ends.min and np.max(array) <= ends.max)
    return KINDS.index(array.dtype.kind) <= KINDS.index(target.kind)
