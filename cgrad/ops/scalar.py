"""Elementwise ops: what a row of the table holds and all that follows from it.

From a row follow dtypes, both derivative modes, lowering, the NumPy reference, the printed form
and the generated tests.  The rows themselves are in `cgrad.ops.elementwise`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs, sizes
from cgrad.core.derive import add
from cgrad.core.dtypes import NUMPY
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Op, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError
from cgrad.ops.choices import Choice, parted
from cgrad.ops.kinds import Linear, Pull
from cgrad.ops.lines import at_rows, untie
from cgrad.ops.terms import Term


class Over:
    """A factor 1 / node: the cotangent is divided by the node."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


class _Negative:
    """A factor -1."""


NEG = _Negative()
Factor = Node | Over | Choice | _Negative
# the derivative with respect to one argument, from the output and the arguments: factors that
# multiply the cotangent from left to right (none at all: the derivative is one)
Partial = Callable[..., tuple[Factor, ...]]


class Row:
    """One scalar function.

    name      the name users call
    c         C text, `{0}` the first argument: one for all dtypes or one for each dtype;
              a bare function name stands for a call, with an `f` appended for float32
    numpy     the reference; None where NumPy has no such function, so that only C computes it
    partials  one for each argument, None where the derivative is zero
    takes     float (integers become float64), number (bool becomes int64), any, signed (no bool),
              logical (to bool) or bits (no floats)
    gives     the result dtype: "same" or a dtype
    cost      rough number of additions it costs
    infix     how `pp` writes it, `{0}` the first argument; a call by default
    expand    the function in terms of cheaper ones, used instead of `c` when lowering
    beside    functions beside which, for the same arguments, it costs next to nothing
    domain    an interval in which tests sample
    complex   the function of complex numbers: the name of its C function (with an `f` appended for
              complex64), "same" where `c` is right for every dtype, a function that makes it of
              other nodes, or None where there is none
    doc       a sentence for the user
    """

    __slots__ = (
        "beside", "c", "complex", "cost", "doc", "domain", "expand", "gives", "infix", "name",
        "numpy", "partials", "takes",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        c: str | dict[str, str] | None,
        numpy: Callable[..., Any] | None,
        partials: Sequence[Partial | None],
        doc: str,
        *,
        takes: str = "float",
        gives: str = "same",
        cost: int = 1,
        infix: str | None = None,
        expand: Callable[..., Node] | None = None,
        beside: tuple[str, ...] = (),
        domain: tuple[float, float] = (-2.0, 2.0),
        complex: str | Callable[..., Node] | None = None,
    ) -> None:
        self.name = name
        self.c = c
        self.numpy = numpy
        self.partials = tuple(partials)
        self.doc = doc
        self.takes = takes
        self.gives = gives
        self.cost = cost
        self.infix = infix
        self.expand = expand
        self.beside = beside
        self.domain = domain
        self.complex = complex

    @property
    def arity(self) -> int:
        return len(self.partials)

    def template(self, dtype: str) -> str:
        """The C text for arguments of `dtype`."""
        if dtypes.is_complex(dtype) and self.complex != "same":
            return self._called(str(self.complex), dtype == dtypes.COMPLEX64)
        if self.c is None:
            raise TypeError(f"{self.name} is lowered through its expansion, it has no C text")
        text = self.c if isinstance(self.c, str) else self.c[self._column(dtype)]
        if "{" in text:
            return text
        return self._called(text, dtype == dtypes.FLOAT32)

    def _called(self, function: str, single: bool) -> str:
        suffix = "f" if single else ""
        return f"{function}{suffix}({', '.join(f'{{{k}}}' for k in range(self.arity))})"

    def _column(self, dtype: str) -> str:
        """The key of `c` for a dtype: int64 and uint64 stand for the shorter integers too."""
        assert isinstance(self.c, dict)
        if dtype in self.c:
            return dtype
        unsigned = dtype in dtypes.UNSIGNED and dtypes.UINT64 in self.c
        return dtypes.UINT64 if unsigned else dtypes.INT64


TABLE: dict[str, Row] = {}
_OPS: dict[str, Elementwise] = {}


class Elementwise(Op):
    """The op of a row; arguments have equal shapes and the dtypes the row asks for."""

    __slots__ = ("row_name",)
    dependence = "same"
    lowering = "pull"
    keeps_leading = True

    def __init__(self, row: Row) -> None:
        self.row_name = row.name

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.row_name

    @property
    def row(self) -> Row:
        return TABLE[self.row_name]

    @property
    def cost(self) -> int:
        """See `Row`."""
        return self.row.cost

    @property
    def takes_complex(self) -> bool:  # type: ignore[override]
        return isinstance(self.row.complex, str)

    def key(self, label: sizes.Label) -> tuple[str, str]:
        return (self.row_name, self.row_name)

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        dims = list(args[0].dims)
        for arg in args[1:]:
            dims = [b if isinstance(b, int) else a for a, b in zip(dims, arg.dims, strict=True)]
        gives = self.row.gives
        return TensorType(args[-1].dtype if gives == "same" else gives, dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        dims = node.dims
        for arg in node.args:
            if arg.dims != dims:  # a shortcut
                for axis, (found, expected) in enumerate(zip(arg.dims, dims, strict=True)):
                    if found != expected:
                        yield found, expected, axis

    def reference(self, *args: Any) -> Any:
        if self.row.numpy is None:
            raise NotImplementedError(
                f"{self.row_name} has no NumPy form, only compiled code computes it: "
                "use cgrad.function or .eval()"
            )
        with np.errstate(all="ignore"):
            return self.row.numpy(*args)

    def size_value(self, node: Node) -> SizeLike | None:
        if node.ndim or node.dtype != dtypes.INT64:
            return None
        simple = _ON_SIZES.get(self.row_name)
        args = [arg.op.size_value(arg) for arg in node.args]
        values = [sizes.value(x) if s is None else s for x, s in zip(node.args, args, strict=True)]
        return None if simple is None else simple(*values)

    # -- derivatives ------------------------------------------------------------------------
    def connects(self, position: int) -> bool:
        # `second` uses the shape of its first argument only
        return not (self.row_name == "second" and position == 0)

    def _scaled(
        self, node: Node, position: int, t: Node, at: Callable[[Node], Node] = lambda x: x
    ) -> Node | None:
        """t times the derivative with respect to argument `position`.

        `at` gives of a factor what multiplies t: the elements that belong to those of t.
        """
        partial = self.row.partials[position]
        if partial is None or not dtypes.is_inexact(node.args[position].dtype):
            return None
        choice, t = parted(t)
        for factor in partial(node, *node.args):
            if isinstance(factor, Over):
                t = build("true_div", t, at(factor.node))
            elif isinstance(factor, Choice):
                here = Choice(at(factor.cond), factor.wanted)
                choice = here if choice is None else choice.also(here)
            elif isinstance(factor, Node):
                t = build("mul", t, at(factor))
            else:
                t = build("neg", t)
        return t if choice is None else choice.of(t)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        total: Node | None = None
        for position, t in enumerate(tangents):
            if t is not None:
                total = add(total, self._scaled(node, position, t))
        return total

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        return [
            self._scaled(node, position, ct, _conjugate) if wanted else None
            for position, wanted in enumerate(needed)
        ]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> list[Term]:
        result = []
        for position, own in enumerate(terms):
            for term in own or ():
                for row in range(node.ndim):
                    if not term.alone(term.rows[row]) and term.rows[row] in term.rows[:row]:
                        term = untie(term, row, node.dims[row])
                value = self._scaled(node, position, term.value, functools.partial(at_rows, term))
                if value is not None:
                    result.append(term.having(value))
        return result

    # -- lowering ---------------------------------------------------------------------------
    def value_at(self, node: Node, index: Index) -> Pull:
        parts = []
        for arg in node.args:
            parts.append((yield arg, index))
        if self.row_name == "switch":
            return exprs.select(*parts)
        if self.row_name == "second":
            return parts[1]
        template = self.row.template(node.args[-1].dtype)
        return exprs.call(template, *parts, dtype=node.dtype)


def _conjugate(x: Node) -> Node:
    """The conjugate of a complex factor: that of f'(z) is the transpose of dz -> f'(z) dz."""
    if not dtypes.is_complex(x.dtype):
        return x
    result: Node = build("conj", x)
    return result


def _quotient(a: SizeLike, b: SizeLike) -> SizeLike | None:
    low, _ = sizes.bounds(b)
    return sizes.floordiv(a, b) if low is not None and low > 0 else None


_ON_SIZES: dict[str, Callable[..., SizeLike | None]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "floor_div": _quotient,
    "minimum": sizes.minimum,
    "maximum": sizes.maximum,
}


class Cast(Linear):
    """The elements in another dtype, with NumPy's meaning.

    A float beyond the range of an integer dtype becomes the nearest end of it, nan the lower end.
    """

    __slots__ = ("dtype", "implicit")
    dependence = "same"
    name = "cast"
    keeps_leading = True
    takes_complex = True

    def __init__(self, dtype: str, implicit: bool = False) -> None:
        self.dtype = dtype
        self.implicit = implicit

    def value_range(self, node: Node) -> tuple[int | None, int | None]:
        return (0, 1) if node.args[0].dtype == dtypes.BOOL else self.value_bounds

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        source = args[0].dtype
        kept = dtypes.is_complex(self.dtype) or self.dtype == dtypes.BOOL
        if dtypes.is_complex(source) and not kept:
            raise DTypeError(
                f"cast: {args[0]!r} is complex and {self.dtype} is not: the imaginary part would "
                "be lost\n  Fix: take x.real, x.imag, abs(x) or cgrad.tensor.angle(x)."
            )
        return TensorType(self.dtype, args[0].dims)

    def key(self, label: sizes.Label) -> tuple[str, str]:
        return (self.name, self.dtype)

    def reference(self, x: Any) -> Any:
        x = np.asarray(x)
        if dtypes.is_integer(self.dtype) and x.dtype.kind == "f":
            low, high = dtypes.limits(self.dtype)
            whole = np.trunc(x)
            # as floats the ends may lie just outside
            inside = (whole >= float(low)) & (whole < float(high) + (high < 2**53))
            exact = np.where(inside, whole, 0).astype(self.dtype)
            ends = np.where(x > 0, NUMPY[self.dtype].type(high), NUMPY[self.dtype].type(low))
            return np.where(inside, exact, ends)
        return x.astype(self.dtype)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        if not dtypes.is_inexact(self.dtype):
            return None
        return super().jvp(node, tangents)

    def transpose(self, node: Node, position: int, ct: Node) -> Node | None:
        source = node.args[0].dtype
        if not (dtypes.is_inexact(self.dtype) and dtypes.is_inexact(source)):
            return None
        if dtypes.is_complex(self.dtype) and not dtypes.is_complex(source):
            ct = build("real", ct)
        return cast(ct, source, self.implicit)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        if not (dtypes.is_inexact(self.dtype) and dtypes.is_inexact(node.args[0].dtype)):
            return []
        return [term.having(cast(term.value, self.dtype, self.implicit))]

    def value_at(self, node: Node, index: Index) -> Pull:
        return exprs.cast((yield node.args[0], index), self.dtype)


def cast(x: Node, dtype: str, implicit: bool = False) -> Node:
    """x in another dtype; x itself when it has that dtype."""
    return x if x.dtype == dtype else Node(Cast(dtype, implicit), (x,))


def apply_row(name: str, *args: Node) -> Node:
    """The row's op on arguments of equal shapes and fitting dtypes."""
    return Node(_OPS[name], args)


def define(row: Row) -> None:
    """Add a row to the table."""
    TABLE[row.name] = row
    _OPS[row.name] = Elementwise(row)


class Seed(Elementwise):
    """`second(cost, 1)`, where the reverse walk begins: the row's op, but connected to the cost.

    So a gradient that is constant has the derivative 0 with respect to what the cost depends on.
    """

    __slots__ = ()

    def connects(self, position: int) -> bool:
        return True


def seed(filled: Node) -> Node:
    """`second(cost, 1)` as a seed."""
    return Node(Seed(TABLE["second"]), filled.args)
