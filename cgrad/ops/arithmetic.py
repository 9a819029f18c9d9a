"""Sums, products and parts of numbers in loops, spelled in C as their dtype wants it.

Responsible for: expressions that ops and passes make themselves.
Not responsible for: functions of the table, whose rows have their C text.
"""

from __future__ import annotations

from cgrad.core.dtypes import COMPLEX, COMPLEX64, COMPLEX128, FLOAT32, real_part
from cgrad.core.exprs import Expr, call


def plus(a: Expr, b: Expr) -> Expr:
    """The sum of two numbers of one dtype."""
    return call(combined("add", a.dtype), a, b, dtype=a.dtype)


def times(a: Expr, b: Expr) -> Expr:
    """The product of two numbers of one dtype."""
    return call(combined("mul", a.dtype), a, b, dtype=a.dtype)


def combined(op: str, dtype: str) -> str:
    """The C text of a sum (`add`) or product (`mul`) of two numbers of a dtype."""
    if dtype in COMPLEX:
        return f"cg_c{op}{'f' if dtype == COMPLEX64 else ''}({{0}}, {{1}})"
    return "{0} + {1}" if op == "add" else "{0} * {1}"


def parts_of(x: Expr) -> tuple[Expr, Expr]:
    """The real and the imaginary part of a complex number."""
    suffix = "f" if x.dtype == COMPLEX64 else ""
    real, imag = (
        call(f"cg_{part}{suffix}({{0}})", x, dtype=real_part(x.dtype)) for part in ("real", "imag")
    )
    return real, imag


def complex_from(real: Expr, imag: Expr) -> Expr:
    """The complex number of two parts, both float64 or both float32."""
    single = real.dtype == FLOAT32
    text = f"cg_complex{'f' if single else ''}({{0}}, {{1}})"
    return call(text, real, imag, dtype=COMPLEX64 if single else COMPLEX128)
