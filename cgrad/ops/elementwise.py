"""THE TABLE of elementwise functions: one row is all there is to one.

`y` is the output, `x` (and `a`, `b`) the arguments of a partial derivative.  A partial uses the
output only where that is well conditioned: 1 - y*y for tanh loses every digit in the tails.

Responsible for: the rows and `apply`, the one function operators and the API go through.
Not responsible for: what follows from a row (`cgrad.ops.scalar`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.dtypes import BOOL, FLOAT32, FLOAT64, INT64, UINT64
from cgrad.core.node import NO_COMPLEX, Node
from cgrad.core.registry import build, register
from cgrad.errors import DTypeError
from cgrad.ops.choices import Choice
from cgrad.ops.coerce import as_node, broadcast, cast_to, result_dtype
from cgrad.ops.constants import constant_value
from cgrad.ops.scalar import NEG, TABLE, Cast, Factor, Over, Row, apply_row, cast, define


def apply(name: str, *operands: Any) -> Node:
    """The elementwise function called `name`, with promotion and broadcasting."""
    row = TABLE[name]
    nodes = [as_node(x) for x in operands]
    data = nodes[1:] if name == "switch" else nodes
    dtype = nodes[1].dtype if name == "second" else argument_dtype(row, data)
    if dtypes.is_complex(dtype) and not isinstance(row.complex, str):
        return _made_of_others(row, dtype, data)
    casted = [cast_to(node, dtype) for node in data]
    if name == "second":
        casted[0] = data[0]
    if name == "switch":
        casted = [cast_to(nodes[0], BOOL), *casted]
    return apply_row(name, *broadcast(casted, name))


def _made_of_others(row: Row, dtype: str, nodes: list[Node]) -> Node:
    """The function of complex numbers in terms of others."""
    if row.complex is None:
        found = ", ".join(f"{node.name or node.op.name} of {node.dtype}" for node in nodes)
        if row.name in ("lt", "le", "gt", "ge", "maximum", "minimum"):
            raise DTypeError(
                f"{row.name}: complex numbers have no order; found {found}\n"
                "  Fix: compare z.real, z.imag or abs(z)."
            )
        raise NotImplementedError(NO_COMPLEX.format(name=row.name, found=found))
    assert not isinstance(row.complex, str)
    return row.complex(*(cast_to(node, dtype) for node in nodes))


def argument_dtype(row: Row, nodes: list[Node]) -> str:
    """The dtype in which the row computes on these arguments."""
    dtype = result_dtype(nodes)
    if row.takes == "float":
        return dtypes.as_float(dtype)
    if row.takes == "logical":
        return BOOL
    if row.takes == "bits" and dtypes.is_inexact(dtype):
        raise DTypeError(
            f"{row.name} works on bool and integers, found {' and '.join(n.dtype for n in nodes)}; "
            "use logical_and, logical_or, logical_not for truth values of floats"
        )
    if row.takes == "number" and dtype == BOOL:
        return INT64
    if row.takes == "signed" and dtype == BOOL:
        raise DTypeError(
            f"{row.name} of booleans is not defined; use xor or logical_not, or cast to int64"
        )
    return dtype


def _register(name: str) -> None:
    register(name, lambda *operands: apply(name, *operands))


def _row(name: str, *args: Any, **kwargs: Any) -> None:
    define(Row(name, *args, **kwargs))
    _register(name)


def _switch(cond: Node, a: Any, b: Any) -> Node:
    return apply("switch", cond, a, b)


# -- arithmetic -------------------------------------------------------------------------------
def _by_type(numeric: str, boolean: str) -> dict[str, str]:
    return {FLOAT64: numeric, FLOAT32: numeric, INT64: numeric, BOOL: boolean}


_row(
    "add", _by_type("{0} + {1}", "{0} | {1}"), np.add,
    [lambda y, a, b: (), lambda y, a, b: ()],
    "Sum; `or` of booleans.", takes="any", infix="({0} + {1})", complex="cg_cadd",
)  # fmt: skip
_row(
    "sub", "{0} - {1}", np.subtract,
    [lambda y, a, b: (), lambda y, a, b: (NEG,)],
    "Difference.", takes="signed", infix="({0} - {1})", complex="cg_csub",
)  # fmt: skip
_row(
    "mul", _by_type("{0} * {1}", "{0} & {1}"), np.multiply,
    [lambda y, a, b: (b,), lambda y, a, b: (a,)],
    "Product; `and` of booleans.", takes="any", infix="({0} * {1})", complex="cg_cmul",
)  # fmt: skip
_row(
    "true_div", "{0} / {1}", np.true_divide,
    [lambda y, a, b: (Over(b),), lambda y, a, b: (NEG, y, Over(b))],
    "Quotient; of integers as float64.", cost=4, infix="({0} / {1})", complex="cg_cdiv",
)  # fmt: skip
_row(
    "floor_div",
    {FLOAT64: "cg_floor_div({0}, {1})", FLOAT32: "cg_floor_divf({0}, {1})",
     INT64: "cg_floor_div_i64({0}, {1})", UINT64: "cg_floor_div_u64({0}, {1})"},
    np.floor_divide, [None, None],
    "Quotient rounded down; an integer divided by 0 gives 0.",
    takes="number", cost=8, infix="({0} // {1})",
)  # fmt: skip
_row(
    "mod",
    {FLOAT64: "cg_mod({0}, {1})", FLOAT32: "cg_modf({0}, {1})", INT64: "cg_mod_i64({0}, {1})",
     UINT64: "cg_mod_u64({0}, {1})"},
    np.mod,
    [lambda y, a, b: (), lambda y, a, b: (NEG, apply("floor_div", a, b))],
    "Remainder of `floor_div`, with the sign of the divisor; an integer modulo 0 gives 0.",
    takes="number", cost=8, infix="({0} % {1})",
)  # fmt: skip
_row(
    # the shift of log-sum-exp: inf - inf would be nan
    "excess", None, lambda a, b: np.where(a == b, np.zeros_like(a), a - b),
    [lambda y, a, b: (), lambda y, a, b: (NEG,)],
    "a - b, 0 where they are equal, even if infinite.", cost=2,
    expand=lambda a, b: _switch(apply("eq", a, b), 0, apply("sub", a, b)),
)  # fmt: skip
_row("neg", "-{0}", np.negative, [lambda y, x: (NEG,)], "Negative.", takes="signed",
     infix="(-{0})", complex="cg_cneg")  # fmt: skip


def _power_base(y: Node, a: Node, b: Node) -> tuple[Factor, ...]:
    exponent = _number(b)
    if exponent is None:
        # 0 ** (0 - 1) is infinite, and 0 * inf is nan; elsewhere the exponent must stay b, or the
        # mixed second derivative at b = 0 is lost
        both = apply("logical_and", apply("eq", a, 0), apply("eq", b, 0))
        safe = _switch(both, 1, b)
        return b, a ** (safe - 1)
    # 0 * 0 ** (0 - 1) would be nan
    return (b,) if exponent in (0, 1) else (b, a ** (_exponent(b) - 1))


def _number(node: Node) -> Any:
    """The number a constant exponent is, also after differentiation: 3, 3 - 1, (3 - 1) - 1."""
    node = _exponent(node)
    if node.op.name != "sub":
        return constant_value(node)
    first, second = (_number(arg) for arg in node.args)
    return None if first is None or second is None else first - second


def _exponent(b: Node) -> Node:
    """A constant exponent before it was stretched to the shape of the base."""
    while b.op.name == "broadcast":
        b = b.args[0]
    return b


def _power_exponent(y: Node, a: Node, b: Node) -> tuple[Factor, ...]:
    # x ** y -> 0 for x -> 0 wherever the derivative exists, while log x is infinite
    return y, apply("log", _switch(apply("eq", a, 0), 1, a))


def _numpy_pow(a: Any, b: Any) -> Any:
    if np.asarray(a).dtype.kind in "fc":
        return np.power(a, b)
    # NumPy refuses negative powers of integers: 1 and -1 have some, all others round to 0
    positive = np.power(a, np.maximum(b, 0))
    odd = np.where(np.abs(a) == 1, np.power(a, np.abs(b) % 2), 0)
    return np.where(b < 0, odd, positive)


_row(
    "pow",
    {FLOAT64: "cg_pow({0}, {1})", FLOAT32: "cg_powf({0}, {1})", INT64: "cg_pow_i64({0}, {1})",
     UINT64: "cg_pow_u64({0}, {1})"},
    _numpy_pow, [_power_base, _power_exponent],
    "Power. An integer to a negative integer power is rounded towards 0.",
    takes="number", cost=40, infix="({0} ** {1})", domain=(0.2, 2.0), complex="cg_cpow",
)  # fmt: skip
_row("sqr", "{0} * {0}", np.square, [lambda y, x: (2 * x,)], "Square.", takes="number",
     complex="cg_csqr")  # fmt: skip
_row("sqrt", "sqrt", np.sqrt, [lambda y, x: (Over(2 * y),)],
     "Square root; nan below 0.", cost=6, domain=(0.2, 3.0), complex="cg_csqrt")  # fmt: skip
_row("reciprocal", "1 / {0}", np.reciprocal, [lambda y, x: (NEG, y, Over(x))],
     "1 / x.", cost=4, domain=(0.3, 3.0), complex="cg_creciprocal")  # fmt: skip
_row(
    "abs",
    {FLOAT64: "fabs({0})", FLOAT32: "fabsf({0})", INT64: "cg_abs_i64({0})", UINT64: "{0}",
     BOOL: "{0}"},
    np.abs, [lambda y, x: (apply("sign", x),)],
    "Absolute value; derivative 0 at 0.", takes="any",
    complex=lambda z: apply("hypot", *_parts(z)),
)  # fmt: skip
_row(
    "sign",
    {FLOAT64: "cg_sign({0})", FLOAT32: "cg_signf({0})", INT64: "({0} > 0) - ({0} < 0)",
     UINT64: "{0} > 0"},
    np.sign, [None],
    "-1, 0 or 1; nan of nan. Of complex numbers z / |z|.", takes="number", cost=2,
    complex=lambda z: build("complex", *_direction(*_parts(z))),
)  # fmt: skip


def _direction(x: Node, y: Node) -> tuple[Node, Node]:
    """(x, y) divided by its length; along an axis where one of them alone is infinite."""
    length = _nonzero(apply("hypot", x, y))
    both = apply("logical_and", apply("isinf", x), apply("isinf", y))
    ends = (_switch(apply("isinf", part), apply("sign", part), 0) for part in (x, y))
    parts = zip(ends, (x, y), strict=True)
    along, up = (_switch(apply("isinf", length), end, part / length) for end, part in parts)
    return _switch(both, math.nan, along), _switch(both, math.nan, up)


def _rounding(c: str) -> dict[str, str]:
    return {FLOAT64: f"{c}({{0}})", FLOAT32: f"{c}f({{0}})", INT64: "{0}"}


_row("floor", _rounding("floor"), np.floor, [None], "Largest integer not above x.", takes="number")
_row("ceil", _rounding("ceil"), np.ceil, [None], "Smallest integer not below x.", takes="number")
_row("trunc", _rounding("trunc"), np.trunc, [None], "x without its fraction.", takes="number")
_row("round", _rounding("rint"), np.round, [None],
     "Nearest integer, halves to the even one.", takes="number")  # fmt: skip

# -- exponentials and logarithms --------------------------------------------------------------
_LN2, _LN10 = math.log(2.0), math.log(10.0)
_row("exp", "cg_exp", np.exp, [lambda y, x: (y,)], "e to the power x.", cost=20,
     complex="cg_cexp")  # fmt: skip
_row("exp2", "cg_exp2", np.exp2, [lambda y, x: (y, _like(x, _LN2))], "2 to the power x.", cost=20,
     complex=lambda z: apply("exp", _by_parts(z, _LN2)))  # fmt: skip


def _complex_expm1(z: Node) -> Node:
    x, y = _parts(z)
    half = apply("sin", y * 0.5)
    re = apply("expm1", x) * apply("cos", y) - 2 * apply("sqr", half)
    return build("complex", re, apply("exp", x) * apply("sin", y))  # type: ignore[no-any-return]


_row("expm1", "cg_expm1", np.expm1, [lambda y, x: (apply("exp", x),)],
     "exp(x) - 1, exact near 0.", cost=25, complex=_complex_expm1)  # fmt: skip
_row("log", "cg_log", np.log, [lambda y, x: (Over(x),)],
     "Natural logarithm; nan below 0.", cost=20, domain=(0.2, 3.0), complex="cg_clog")  # fmt: skip
_row("log2", "cg_log2", np.log2, [lambda y, x: (_like(x, 1 / _LN2), Over(x))],
     "Logarithm to base 2.", cost=20, domain=(0.2, 3.0),
     complex=lambda z: _by_parts(apply("log", z), 1 / _LN2))  # fmt: skip
_row("log10", "cg_log10", np.log10, [lambda y, x: (_like(x, 1 / _LN10), Over(x))],
     "Logarithm to base 10.", cost=20, domain=(0.2, 3.0),
     complex=lambda z: _by_parts(apply("log", z), 1 / _LN10))  # fmt: skip


def _complex_log1p(z: Node) -> Node:
    # |1 + z|^2 = 1 + (2 + x) x + y^2, which keeps the digits of a small z
    x, y = _parts(z)
    near = 0.5 * apply("log1p", x * (2 + x) + apply("sqr", y))
    one = _parts(1 + z)
    size = apply("hypot", *one)
    re = _switch(apply("logical_and", size > 0.5, size < 2.0), near, apply("log", size))
    return build("complex", re, apply("arctan2", y, one[0]))  # type: ignore[no-any-return]


_row("log1p", "cg_log1p", np.log1p, [lambda y, x: (Over(1 + x),)],
     "log(1 + x), exact near 0.", cost=25, domain=(-0.5, 3.0), complex=_complex_log1p)  # fmt: skip


def _parts(z: Node) -> tuple[Node, Node]:
    """The real and the imaginary part."""
    return build("real", z), build("imag", z)


def _by_parts(z: Node, factor: Any) -> Node:
    """z times a real number: a product of complex ones makes nan of infinite parts."""
    re, im = (part * factor for part in _parts(z))
    return build("complex", re, im)  # type: ignore[no-any-return]


def _like(x: Node, value: float) -> Node:
    """A number in the dtype of x, stretched where it is used."""
    return cast_to(as_node(value), x.dtype)


# -- trigonometric ----------------------------------------------------------------------------
_row("sin", "cg_sin", np.sin, [lambda y, x: (apply("cos", x),)], "Sine.", cost=25,
     complex="cg_csin")  # fmt: skip
_row("cos", "cg_cos", np.cos, [lambda y, x: (NEG, apply("sin", x))], "Cosine.", cost=25,
     complex="cg_ccos")  # fmt: skip
_row("tan", "cg_tan", np.tan, [lambda y, x: (1 + apply("sqr", y),)],
     "Tangent.", cost=30, domain=(-1.2, 1.2), complex="cg_ctan")  # fmt: skip


_row(
    # keeps its digits near +-1, where 1 - x*x cancels; a row of its own, because the product rule
    # would cancel near 0
    "one_minus_sqr", "(1 - {0}) * (1 + {0})", lambda x: (1 - x) * (1 + x),
    [lambda y, x: (_like(x, -2.0), x)], "1 - x*x, exact near 1 and -1.", cost=3,
)  # fmt: skip


_row("arcsin", "cg_asin", np.arcsin,
     [lambda y, x: (Over(apply("sqrt", apply("one_minus_sqr", x))),)],
     "Inverse sine, nan outside [-1, 1].", cost=30, domain=(-0.9, 0.9))  # fmt: skip
_row("arccos", "cg_acos", np.arccos,
     [lambda y, x: (NEG, Over(apply("sqrt", apply("one_minus_sqr", x))))],
     "Inverse cosine, nan outside [-1, 1].", cost=30, domain=(-0.9, 0.9))  # fmt: skip
_row("arctan", "cg_atan", np.arctan, [lambda y, x: (Over(1 + apply("sqr", x)),)],
     "Inverse tangent.", cost=30)  # fmt: skip


def _over_twice(x: Node) -> tuple[Factor, ...]:
    return Over(x), Over(x)


_row(
    "arctan2", "cg_atan2", np.arctan2,
    # a*a + b*b overflows at 1e155 and vanishes at 1e-163
    [lambda y, a, b: (b, *_over_twice(apply("hypot", a, b))),
     lambda y, a, b: (NEG, a, *_over_twice(apply("hypot", a, b)))],
    "Angle of the point (b, a).", cost=35, domain=(0.2, 2.0),
)  # fmt: skip


def _nonzero(y: Node) -> Node:
    """y, with 1 for 0: the derivative of a norm at the origin is taken to be 0."""
    return _switch(apply("eq", y, 0), 1, y)


_row(
    "hypot", "cg_hypot", np.hypot,
    [lambda y, a, b: (a, Over(_nonzero(y))), lambda y, a, b: (b, Over(_nonzero(y)))],
    "sqrt(a*a + b*b) without overflow; derivative 0 at the origin.", cost=15,
    domain=(0.2, 2.0),
)  # fmt: skip

# -- hyperbolic -------------------------------------------------------------------------------
_row("sinh", "cg_sinh", np.sinh, [lambda y, x: (apply("cosh", x),)], "Hyperbolic sine.", cost=30,
     complex="cg_csinh")  # fmt: skip
_row("cosh", "cg_cosh", np.cosh, [lambda y, x: (apply("sinh", x),)], "Hyperbolic cosine.", cost=30,
     complex="cg_ccosh")  # fmt: skip


def _numpy_dtanh(x: Any) -> Any:
    e = np.exp(-2 * np.abs(x))
    return 4 * e / np.square(1 + e)


_row("tanh", "cg_tanh", np.tanh, [lambda y, x: (apply("dtanh", x),)],
     "Hyperbolic tangent.", cost=30, complex="cg_ctanh")  # fmt: skip


def _complex_dtanh(z: Node) -> Node:
    e = apply("exp", -2 * _switch(build("real", z) < 0, -z, z))
    return 4 * e / apply("sqr", 1 + e)


_row(
    # a row of its own: differentiating its expansion would take |x| to be flat at 0
    "dtanh", "cg_dtanh", _numpy_dtanh, [lambda y, x: (_like(x, -2.0), y, apply("tanh", x))],
    "Derivative of the hyperbolic tangent, 1 / cosh(x)^2; 0 below 2^-1019.", cost=30,
    beside=("tanh",),
    complex=_complex_dtanh,
)  # fmt: skip
_row("arcsinh", "cg_asinh", np.arcsinh, [lambda y, x: (Over(apply("hypot", 1, x)),)],
     "Inverse hyperbolic sine.", cost=35)  # fmt: skip
_row("arccosh", "cg_acosh", np.arccosh,
     [lambda y, x: (Over(apply("sqrt", x - 1) * apply("sqrt", x + 1)),)],
     "Inverse hyperbolic cosine, nan below 1.", cost=35, domain=(1.2, 4.0))  # fmt: skip
_row("arctanh", "cg_atanh", np.arctanh, [lambda y, x: (Over(apply("one_minus_sqr", x)),)],
     "Inverse hyperbolic tangent, nan outside [-1, 1].", cost=35,
     domain=(-0.9, 0.9))  # fmt: skip

# -- logistic and error functions -------------------------------------------------------------


def _decay(x: Node) -> Node:
    """exp(-|x|): never overflows, shared by the logistic function and all that derives from it."""
    return apply("exp", -apply("abs", x))


def _expand_sigmoid(x: Node) -> Node:
    e = _decay(x)
    return _switch(apply("ge", x, 0), 1, e) / (1 + e)


def _expand_dsigmoid(x: Node) -> Node:
    e = _decay(x)
    return e / apply("sqr", 1 + e)


def _numpy_sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return (np.where(x >= 0, 1, e) / (1 + e)).astype(x.dtype)


def _numpy_dsigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return e / np.square(1 + e)


_row(
    "sigmoid", None, _numpy_sigmoid, [lambda y, x: (apply("dsigmoid", x),)],
    "Logistic function 1 / (1 + exp(-x)).", cost=25, expand=_expand_sigmoid,
    beside=("softplus", "dsigmoid"),
)  # fmt: skip
_row(
    # s'(x) = e / (1 + e)^2, e = exp(-|x|); s''(x) = s'(x) (1 - 2 s(x)) and 1 - 2 s = -tanh(x/2)
    "dsigmoid", None, _numpy_dsigmoid,
    [lambda y, x: (NEG, y, apply("tanh", x * 0.5))],
    "Derivative of the logistic function.", cost=25, expand=_expand_dsigmoid,
    beside=("sigmoid",),
)  # fmt: skip
_row(
    "softplus", None, lambda x: np.logaddexp(x, x.dtype.type(0)),
    [lambda y, x: (apply("sigmoid", x),)],
    "log(1 + exp(x)) without overflow.", cost=45,
    expand=lambda x: apply("maximum", x, 0) + apply("log1p", _decay(x)),
)  # fmt: skip


def _gap(a: Node, b: Node) -> Node:
    # inf - inf is nan; finite equal arguments must stay a - b, or the second derivative is lost
    same = apply("logical_and", apply("eq", a, b), apply("isinf", a))
    return _switch(same, 0, a - b)


def _expand_logaddexp(a: Node, b: Node) -> Node:
    return apply("maximum", a, b) + apply("log1p", _decay(_gap(a, b)))


_row(
    "logaddexp", None, np.logaddexp,
    [lambda y, a, b: (apply("sigmoid", _gap(a, b)),),
     lambda y, a, b: (apply("sigmoid", _gap(b, a)),)],
    "log(exp(a) + exp(b)) without overflow.", cost=45, expand=_expand_logaddexp,
)  # fmt: skip


def _erf_slope(y: Node, x: Node) -> tuple[Factor, ...]:
    return _like(x, 2.0 / math.sqrt(math.pi)), apply("exp", -apply("sqr", x))


def _elementwise_libm(f: Any) -> Any:
    """A function of the standard library over arrays."""

    def reference(x: Any) -> Any:
        x = np.asarray(x)
        return np.vectorize(f, otypes=[x.dtype])(x)

    return reference


_row("erf", "cg_erf", _elementwise_libm(math.erf), [_erf_slope], "Error function.", cost=30)
_row("erfc", "cg_erfc", _elementwise_libm(math.erfc), [lambda y, x: (NEG, *_erf_slope(y, x))],
     "1 - erf(x), exact in the upper tail.", cost=35)  # fmt: skip

# -- comparisons and logic --------------------------------------------------------------------
_function: Any
_complex: Any
for _name, _sign, _function, _complex, _doc in [
    ("eq", "==", np.equal, "cg_cequal", "Whether a equals b."),
    ("neq", "!=", np.not_equal, "cg_cunequal", "Whether a differs from b."),
    ("lt", "<", np.less, None, "Whether a is below b."),
    ("le", "<=", np.less_equal, None, "Whether a is at most b."),
    ("gt", ">", np.greater, None, "Whether a is above b."),
    ("ge", ">=", np.greater_equal, None, "Whether a is at least b."),
]:
    _row(_name, f"{{0}} {_sign} {{1}}", _function, [None, None], _doc,
         takes="any", gives=BOOL, infix=f"({{0}} {_sign} {{1}})", complex=_complex)  # fmt: skip

# & and not &&: booleans are 0 or 1 and both sides are there already, so nothing branches; and gcc
# 12.2 at -O3 -mavx2 computes wrong values for `o[k] = a[k] - b[k] > b[k] && c[k] != 0`
for _name, _c, _function, _doc in [
    ("logical_and", "{0} & {1}", np.logical_and, "Whether both are true (not 0)."),
    ("logical_or", "{0} | {1}", np.logical_or, "Whether one is true (not 0)."),
    ("logical_xor", "{0} != {1}", np.logical_xor, "Whether exactly one is true (not 0)."),
]:
    _row(_name, _c, _function, [None, None], _doc, takes="logical", gives=BOOL)
_row("logical_not", "!{0}", np.logical_not, [None], "Whether x is false (0).",
     takes="logical", gives=BOOL)  # fmt: skip

for _name, _sign, _logical, _function, _doc in [
    ("and_", "&", "&", np.bitwise_and, "`and` of booleans, bit by bit of integers."),
    ("or_", "|", "|", np.bitwise_or, "`or` of booleans, bit by bit of integers."),
    ("xor", "^", "!=", np.bitwise_xor, "Exclusive `or` of booleans, bit by bit of integers."),
]:
    _row(_name, {INT64: f"{{0}} {_sign} {{1}}", BOOL: f"{{0}} {_logical} {{1}}"}, _function,
         [None, None], _doc, takes="bits", infix=f"({{0}} {_sign} {{1}})")  # fmt: skip
_row("invert", {INT64: "~{0}", BOOL: "!{0}"}, np.invert, [None],
     "`not` of booleans, bit by bit of integers.", takes="bits", infix="(~{0})")  # fmt: skip


def _of_parts(name: str, how: str) -> Any:
    return lambda z: apply(how, *(apply(name, part) for part in _parts(z)))


for _name, _how, _function, _doc in [
    ("isnan", "logical_or", np.isnan, "Whether x is nan."),
    ("isinf", "logical_or", np.isinf, "Whether x is infinite."),
    ("isfinite", "logical_and", np.isfinite, "Whether x is neither infinite nor nan."),
]:
    _row(_name, f"{_name}({{0}}) != 0", _function, [None], _doc, gives=BOOL,
         complex=_of_parts(_name, _how))  # fmt: skip

# -- choices ----------------------------------------------------------------------------------
_row(
    "switch", "{0} ? {1} : {2}", np.where,
    [None, lambda y, c, a, b: (Choice(c, True),), lambda y, c, a, b: (Choice(c, False),)],
    "a where cond is true, b elsewhere.", takes="any", infix="switch({0}, {1}, {2})",
    complex="same",
)  # fmt: skip


def _share(chosen: Node, ties: Node, x: Node) -> tuple[Factor, ...]:
    """1 where this argument is chosen, 1/2 at a tie."""
    return Choice(chosen, True), cast_to(_switch(ties, 0.5, 1.0), x.dtype)


_row(
    "maximum",
    {FLOAT64: "cg_max({0}, {1})", FLOAT32: "cg_maxf({0}, {1})",
     INT64: "{0} > {1} ? {0} : {1}", BOOL: "{0} | {1}"},
    np.maximum,
    [lambda y, a, b: _share(a >= b, apply("eq", a, b), a),
     lambda y, a, b: _share(b >= a, apply("eq", a, b), b)],
    "Larger of two; nan if one is nan. At a tie each has half the derivative.", takes="any",
)  # fmt: skip
_row(
    "minimum",
    {FLOAT64: "cg_min({0}, {1})", FLOAT32: "cg_minf({0}, {1})",
     INT64: "{0} < {1} ? {0} : {1}", BOOL: "{0} & {1}"},
    np.minimum,
    [lambda y, a, b: _share(a <= b, apply("eq", a, b), a),
     lambda y, a, b: _share(b <= a, apply("eq", a, b), b)],
    "Smaller of two; nan if one is nan. At a tie each has half the derivative.", takes="any",
)  # fmt: skip
_row(
    "second", "{1}", lambda a, b: np.broadcast_to(b, np.shape(a)).copy(),
    [None, lambda y, a, b: ()],
    "b in the shape of a.", takes="any", infix="fill({0}, {1})", complex="same",
)  # fmt: skip
_row("identity", "{0}", lambda x: x, [lambda y, x: ()], "x itself.", takes="any",
     complex="same")  # fmt: skip

register("implicit_cast", lambda x, dtype: cast(x, dtype, implicit=True))
register("cast", lambda x, dtype: Node(Cast(dtypes.as_dtype(dtype)), (as_node(x),)))
register("fill", lambda a, b: apply("second", a, b))


def zeros_like(x: Any) -> Node:
    """Zeros in the shape and dtype of x."""
    node = as_node(x)
    return build("second", node, cast_to(as_node(0), node.dtype))  # type: ignore[no-any-return]


def ones_like(x: Any) -> Node:
    """Ones in the shape and dtype of x."""
    node = as_node(x)
    return build("second", node, cast_to(as_node(1), node.dtype))  # type: ignore[no-any-return]


register("zeros_like", zeros_like)
register("ones_like", ones_like)
