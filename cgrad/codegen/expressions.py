"""Expressions and sizes as C text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import C_TYPE
from cgrad.core.exprs import Buffer, Call, Cast, Expr, Index, Lit, Read, Row, Select, SizeValue, Var
from cgrad.core.sizes import Atom, SizeLike

_SLOT = re.compile(r"\{(\d)\}")
_CALLED = re.compile(r"\w\(")
_INFIX = re.compile(r"^\{0\} (\S+) \{1\}$")
# binding strength of the outermost operator of a text, C's own order
_BINDING = {"*": 8, "/": 8, "+": 7, "-": 7, "<": 6, "<=": 6, ">": 6, ">=": 6, "==": 5, "!=": 5,
            "&": 4, "^": 4, "|": 4, "&&": 3, "||": 2}  # fmt: skip
_ATOMIC, _UNARY, _TERNARY = 10, 9, 1


class Printer:
    """Spells expressions; `size_names` are the named sizes of the kernel.

    With `fresh`, minima, maxima and the like over named sizes get a name of their own, once, from
    `depth` levels of them on; `local_sizes` holds them, (name, text), in the order in which they
    can be defined.
    """

    def __init__(
        self,
        size_names: Mapping[Atom, str],
        fresh: Callable[[str], str] | None = None,
        depth: int = 1,
    ) -> None:
        self.size_names = dict(size_names)
        self.fresh = fresh
        self.depth = depth
        self.local_sizes: list[tuple[str, str]] = []

    # -- sizes --------------------------------------------------------------------------------
    def size(self, size: SizeLike) -> str:
        """A size as a C expression of type int64_t."""
        return sizes.render(size, self.atom)

    def atom(self, atom: Atom) -> str:
        if atom in self.size_names:
            return self.size_names[atom]
        if atom.kind == "index":
            return str(atom.args[0])
        if atom.kind == "dynamic":
            return self._operand(atom.args[0], _ATOMIC)
        if atom.kind == "scalar":
            buffer: Buffer = atom.args[0]
            return self.element(buffer, ())
        if atom.kind not in sizes.COMPOUND:
            raise TypeError(f"the size {atom!r} has no name in the kernel: codegen.lower missed it")
        text = self._compound(atom)
        if (
            self.fresh is None
            or atom.depth < self.depth
            or not all(
                inner in self.size_names or inner.kind in sizes.COMPOUND
                for arg in atom.args
                for inner in sizes.atoms(arg)
            )
        ):
            return text
        name = self.size_names[atom] = self.fresh("n1")
        self.local_sizes.append((name, text))
        return name

    def _compound(self, atom: Atom) -> str:
        a, b = (self.size(arg) for arg in atom.args)
        if atom.kind == "quotient":
            return f"({_in_parens(a)} / {_in_parens(b)})"
        if atom.kind == "floordiv":
            (low, _), (least, _) = sizes.bounds(atom.args[0]), sizes.bounds(atom.args[1])
            if low is not None and low >= 0 and least is not None and least > 0:
                return f"({_in_parens(a)} / {_in_parens(b)})"
            return f"cg_floor_div_i64({a}, {b})"
        if atom.kind == "wrap":
            return f"cg_wrap({a}, {b})"
        return f"cg_{atom.kind}_i64({a}, {b})"

    def bounded(self, size: SizeLike) -> str:
        """A size that becomes INT64_MAX instead of overflowing."""
        if isinstance(size, int) or len(size.terms) > 1 or len(size.terms[0][0]) <= 1:
            return self.size(size)
        mono, c = size.terms[0]
        text = self.atom(mono[0]) if c == 1 else f"cg_times({c}, {self.atom(mono[0])})"
        for atom in mono[1:]:
            text = f"cg_times({text}, {self.atom(atom)})"
        return text

    # -- expressions --------------------------------------------------------------------------
    def element(self, buffer: Buffer, index: Index) -> str:
        """The element of a buffer at an index."""
        if not buffer.shape:
            if not index and buffer.base.shape == () and buffer.role == "temp":
                return buffer.name
            position = "0" if not index else self.size(index[0])
            return f"*{buffer.base.name}" if position == "0" else f"{buffer.base.name}[{position}]"
        offset: SizeLike = 0
        for i, n in zip(index, buffer.shape, strict=True):
            offset = offset * n + i
        return f"{buffer.base.name}[{bare(self.size(offset))}]"

    def address(self, buffer: Buffer, index: Index) -> str:
        """The address of an element of a buffer."""
        element = self.element(buffer, index)
        return element.removesuffix("[0]") if element.endswith("[0]") else f"&{element}"

    def __call__(self, expr: Expr) -> str:
        return self._text(expr)[0]

    def _text(self, expr: Expr) -> tuple[str, int]:
        """The C text and how strongly its outermost operator binds."""
        if isinstance(expr, Var):
            return expr.name, _ATOMIC
        if isinstance(expr, Lit):
            text = literal(expr.value, expr.dtype)
            return text, _UNARY if text.startswith("-") else _ATOMIC
        if isinstance(expr, SizeValue):
            text = self.size(expr.size)
            return text, _ATOMIC if re.fullmatch(r"\w+", text) else 7
        if isinstance(expr, Row):
            return self.address(expr.buffer, expr.index), _UNARY
        if isinstance(expr, Read):
            text = self.element(expr.buffer, expr.index)
            return text, _UNARY if text.startswith("*") else _ATOMIC
        if isinstance(expr, Select):
            cond, binding = self._text(expr.parts[0])
            if binding in (_TERNARY, _BINDING["&"]):  # clang wants them around bit operators
                cond = f"({cond})"
            a, b = (self._operand(part, _TERNARY + 1) for part in expr.parts[1:])
            return f"{cond} ? {a} : {b}", _TERNARY
        if isinstance(expr, Cast):
            return self._cast(expr)
        assert isinstance(expr, Call)
        return self._call(expr)

    def _operand(self, expr: Expr, least: int) -> str:
        text, binding = self._text(expr)
        return text if binding >= least else f"({text})"

    def _cast(self, expr: Cast) -> tuple[str, int]:
        (x,) = expr.parts
        if dtypes.is_complex(expr.dtype) or dtypes.is_complex(x.dtype):
            return self._complex_cast(expr.dtype, x), _ATOMIC
        if expr.dtype == dtypes.BOOL:
            return f"{self._operand(x, 6)} != 0", _BINDING["!="]
        if dtypes.is_integer(expr.dtype) and dtypes.is_float(x.dtype):
            return self._float_to_integer(expr.dtype, self(x))
        return f"({C_TYPE[expr.dtype]}){self._operand(x, _UNARY)}", _UNARY

    def _complex_cast(self, dtype: str, x: Expr) -> str:
        if dtype == dtypes.BOOL:
            return f"cg_cnonzero{_suffix(x.dtype)}({self(x)})"
        if dtypes.is_complex(x.dtype):
            return f"cg_{'cnarrow' if dtype == dtypes.COMPLEX64 else 'cwiden'}({self(x)})"
        real = self(x)
        if x.dtype != dtypes.real_part(dtype):
            real = f"({C_TYPE[dtypes.real_part(dtype)]}){self._operand(x, _UNARY)}"
        return f"cg_complex{_suffix(dtype)}({real}, {literal(0.0, dtypes.real_part(dtype))})"

    def _float_to_integer(self, dtype: str, x: str) -> tuple[str, int]:
        if dtype in (dtypes.INT64, dtypes.UINT64):
            return f"cg_to_{'u' if dtype == dtypes.UINT64 else 'i'}64({x})", _ATOMIC
        low, high = (literal(end, dtypes.INT64) for end in dtypes.limits(dtype))
        clipped = f"cg_max_i64({low}, cg_min_i64({high}, cg_to_i64({x})))"
        return f"({C_TYPE[dtype]}){clipped}", _UNARY

    def _call(self, expr: Call) -> tuple[str, int]:
        text, binding = self._operation(expr)
        # C computes on short integers as int, and the 64-bit helpers as 64 bits
        wider = expr.dtype in dtypes.NARROW or (
            expr.dtype in ("int32", "uint32") and "64(" in expr.template
        )
        return (f"({C_TYPE[expr.dtype]})({text})", _UNARY) if wider else (text, binding)

    def _operation(self, expr: Call) -> tuple[str, int]:
        infix = _INFIX.match(expr.template)
        if infix:
            own = _BINDING[infix.group(1)]
            # `a - (b + c)` keeps its parentheses: floating-point sums are not associative;
            # mixing && with || or bit operators without them is an error of -Wall, and so is a
            # comparison of comparisons
            least = {3: 3, 5: 7, 6: 7}.get(own, _UNARY if own <= 4 else own)
            left = self._operand(expr.parts[0], least)
            right = self._operand(expr.parts[1], max(least, own + 1))
            if infix[1] in "&|" and expr.dtype == dtypes.BOOL and _CALLED.search(right):
                left = f"(int){left}"  # clang asks whether && was meant, and not to call
            return f"{left} {infix.group(1)} {right}", own
        alone = re.fullmatch(r"\w+\(.*\)", expr.template) is not None
        least = _TERNARY if alone else _UNARY
        texts = [self._operand(part, least) for part in expr.parts]
        if expr.template == "-{0}" and texts[0].startswith("-"):
            texts = [f"({texts[0]})"]  # two signs in a row are one operator of C
        text = _SLOT.sub(lambda slot: texts[int(slot.group(1))], expr.template)
        if alone:
            return text, _ATOMIC
        square = re.fullmatch(r"\{0\} ([*/]) \{0\}|1 / \{0\}", expr.template)
        if square:
            return text, _BINDING["*"]
        return text, _UNARY if re.fullmatch(r"[-!~]\{0\}", expr.template) else _TERNARY


def _suffix(dtype: str) -> str:
    """What follows the name of a C function of complex numbers."""
    return "f" if dtype == dtypes.COMPLEX64 else ""


def _in_parens(text: str) -> str:
    return text if re.fullmatch(r"\w+", text) else f"({text})"


def bare(text: str) -> str:
    """A text without the parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if k == len(text) - 1 else text
    return text


def literal(value: Any, dtype: str) -> str:
    """A number as C text that reads back as the same bits (nan: as a quiet nan)."""
    if dtype == dtypes.BOOL:
        return "1" if value else "0"
    if dtypes.is_integer(dtype):
        number = int(value)
        if number == -(2**63):
            return "INT64_MIN"
        if dtype in ("uint32", dtypes.UINT64):
            return f"{number}u" if number < 2**31 else f"U{dtype[1:].upper()}_C({number})"
        return str(number) if abs(number) < 2**31 else f"INT64_C({number})"
    if dtypes.is_complex(dtype):
        parts = ", ".join(_parts(value, dtype))
        return f"cg_complex{_suffix(dtype)}({parts})"
    real = float(value)
    sign = "-" if math.copysign(1.0, real) < 0 else ""
    if math.isnan(real):
        return "NAN"
    if math.isinf(real):
        return f"{sign}INFINITY"
    if dtype == dtypes.FLOAT32:
        text = repr(float(str(np.float32(real))))
        return f"{text}f"
    return repr(real)


def entry(value: Any, dtype: str) -> str:
    """A number as an element of a constant array."""
    if dtypes.is_complex(dtype):
        return f"{{{', '.join(_parts(value, dtype))}}}"
    return literal(value, dtype)


def _parts(value: Any, dtype: str) -> tuple[str, str]:
    number, of = complex(value), dtypes.real_part(dtype)
    return literal(number.real, of), literal(number.imag, of)
