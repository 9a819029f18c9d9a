"""The oracle's own table of scalar functions: value, derivative, rounding.

A row is `_row(name, value, double, partials, ulp)`: the value of mpmath numbers, the same of NumPy
numbers (complex ones too, or `_dual`), a partial derivative for each argument as an expression of
other rows, and the rounding of one evaluation in ULP.  It shares nothing with `cgrad.ops`; a new
elementwise function that random graphs use needs a row here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

mp = mpmath.mp
FUNCTIONS: dict[str, Function] = {}


class Function:
    """One function; `partials` None: as many arguments as there are, all with partial `every`."""

    def __init__(self, name: str, value: Any, double: Any, partials: Sequence[Any] | None,
                 ulp: Any, exact: bool, every: Any) -> None:  # fmt: skip
        self.name = name
        self.value = value
        self.double = double
        self.partials = partials
        self.ulp = ulp
        self.exact = exact
        self.every = every

    def rounding(self, size: float, args: Sequence[float]) -> float:
        """The rounding of one evaluation, in eps."""
        return float(self.ulp(size, *args)) if callable(self.ulp) else self.ulp * size

    def slope(self, position: int, y: float, args: Sequence[float]) -> float:
        """A partial derivative, roughly."""
        partial = self._partial(position, len(args))
        if partial is None:
            return 0.0
        try:
            with np.errstate(all="ignore"):
                found = float(abs(partial(_plain, np.float64(y), *map(np.float64, args))))
        except (ZeroDivisionError, OverflowError):
            return math.inf
        return math.inf if found != found else found

    def times_partial(self, tape: Any, ct: int, position: int, k: int, args: tuple[int, ...],
                      dtype: str) -> int | None:  # fmt: skip
        """The cotangent of an argument, appended to the tape."""
        partial = self._partial(position, len(args))
        if partial is None:
            return None

        def call(name: str, *operands: Any) -> On:
            return On(
                tape, tape(name, *(_at(tape, x, dtype) for x in operands), dtype=dtype), dtype
            )

        p = partial(call, On(tape, k, dtype), *(On(tape, a, dtype) for a in args))
        if isinstance(p, On):
            return int(tape("mul", ct, p.at, dtype=dtype))
        if p == 1:
            return ct
        if p == -1:
            return int(tape("neg", ct, dtype=dtype))
        return None if p == 0 else int(tape("mul", ct, tape.number(p, dtype), dtype=dtype))

    def _partial(self, position: int, count: int) -> Any:
        if self.partials is None:
            return self.every(count)
        return self.partials[position]


class On:
    """A scalar of a tape with arithmetic, for the expressions of partials."""

    def __init__(self, tape: Any, at: int, dtype: str) -> None:
        self.tape = tape
        self.at = at
        self.dtype = dtype

    def _two(self, name: str, a: Any, b: Any) -> On:
        args = (_at(self.tape, x, self.dtype) for x in (a, b))
        return On(self.tape, self.tape(name, *args, dtype=self.dtype), self.dtype)

    def __add__(self, other: Any) -> On:
        return self._two("add", self, other)

    def __sub__(self, other: Any) -> On:
        return self._two("sub", self, other)

    def __mul__(self, other: Any) -> On:
        return self._two("mul", self, other)

    def __truediv__(self, other: Any) -> On:
        return self._two("true_div", self, other)

    def __rtruediv__(self, other: Any) -> On:
        return self._two("true_div", other, self)

    def __neg__(self) -> On:
        return On(self.tape, self.tape("neg", self.at, dtype=self.dtype), self.dtype)

    __radd__, __rmul__ = __add__, __mul__

    def __float__(self) -> float:
        return float(self.tape.floats[self.at])


def _at(tape: Any, x: Any, dtype: str) -> int:
    return x.at if isinstance(x, On) else int(tape.number(x, dtype))


def _plain(name: str, *args: Any) -> Any:
    return FUNCTIONS[name].double(*args)


def _row(name: str, value: Any, double: Any, partials: Sequence[Any] | None, ulp: Any = 1.0,
         exact: bool = False, every: Any = None) -> None:  # fmt: skip
    FUNCTIONS[name] = Function(name, value, double, partials, ulp, exact, every)


def _dual(real: Callable[..., Any], name: str) -> Any:
    """A function of real numbers at x + i h, for a small h."""

    def at(*args: Any) -> Any:
        if not any(np.iscomplexobj(a) for a in args):
            return real(*args)
        parts = np.broadcast_arrays(*args)
        values = [np.real(a) for a in parts]
        y = real(*values)
        total = 0.0
        for partial, a in zip(FUNCTIONS[name].partials or (), parts, strict=True):
            if np.any(np.imag(a)):
                total = total + np.vectorize(
                    lambda y, *v, partial=partial: float(partial(_plain, y, *v))
                )(y, *values) * np.imag(a)
        return y + 1j * np.asarray(total)

    return at


def _mean(*args: Any) -> Any:
    return sum(args[1:], args[0]) / len(args)


# -- what the tape itself uses --------------------------------------------------------------------
_row("number", None, None, [], 0.0)
_row("cast", lambda x: x, lambda x: x, [lambda F, y, x: 1], 0.5, True)
_row("sum", lambda *x: mp.fsum(x), lambda *x: sum(x), None,
     lambda size, *args: 0.5 * size + sum(args), True, lambda n: lambda F, y, *x: 1)  # fmt: skip
_row("share", lambda *x: x[0], _mean, None, 0.0, True, lambda n: lambda F, y, *x: 1 / n)
_row("hold", lambda x: x, np.real, [None], 0.0, True)

# -- arithmetic -----------------------------------------------------------------------------------
_row("add", lambda a, b: a + b, np.add, [lambda F, y, a, b: 1] * 2, 0.5, True)
_row(
    "sub", lambda a, b: a - b, np.subtract, [lambda F, y, a, b: 1, lambda F, y, a, b: -1], 0.5, True
)
_row("excess", lambda a, b: a - b, np.subtract,
     [lambda F, y, a, b: 1, lambda F, y, a, b: -1], 0.5, True)  # fmt: skip
_row("mul", lambda a, b: a * b, np.multiply,
     [lambda F, y, a, b: b, lambda F, y, a, b: a], 0.5, True)  # fmt: skip
_row("true_div", lambda a, b: a / b, np.true_divide,
     [lambda F, y, a, b: 1 / b, lambda F, y, a, b: -(y / b)], 0.5, True)  # fmt: skip
_row("neg", lambda x: -x, np.negative, [lambda F, y, x: -1], 0.0, True)
_row("sqr", lambda x: x * x, np.square, [lambda F, y, x: 2 * x], 0.5, True)
_row("sqrt", mp.sqrt, np.sqrt, [lambda F, y, x: 0.5 / y], 0.5, True)
_row("reciprocal", lambda x: 1 / x, lambda x: 1 / x, [lambda F, y, x: -(y / x)], 0.5, True)


def _power_slope(a: Any, b: Any) -> Any:
    return b * a ** (b - 1) if b not in (0, 1) else b


def _numpy_slope(a: Any, b: Any) -> Any:
    return b * np.power(a, np.where((b == 0) | (b == 1), 0, b - 1))


_row("pow", lambda a, b: a**b, _dual(np.power, "pow"),
     [lambda F, y, a, b: F("pow_slope", a, b), lambda F, y, a, b: y * F("log", a)],
     exact=True)  # fmt: skip
_row("pow_slope", _power_slope, _dual(_numpy_slope, "pow_slope"),
     [lambda F, y, a, b: 0 if float(b) in (0, 1) else b * F("pow_slope", a, b - 1),
      lambda F, y, a, b: F("pow", a, b - 1) * (1 + b * F("log", a))], 2.0)  # fmt: skip

# -- elementary functions -------------------------------------------------------------------------
_LN2, _LN10 = math.log(2.0), math.log(10.0)
_row("exp", mp.exp, np.exp, [lambda F, y, x: y])
_row("exp2", lambda x: mp.mpf(2) ** x, np.exp2, [lambda F, y, x: y * _LN2])
_row("expm1", mp.expm1, np.expm1, [lambda F, y, x: F("exp", x)])
_row("log", mp.log, np.log, [lambda F, y, x: 1 / x])
_row("log2", lambda x: mp.log(x, 2), np.log2, [lambda F, y, x: (1 / _LN2) / x])
_row("log10", mp.log10, np.log10, [lambda F, y, x: (1 / _LN10) / x])
_row("log1p", mp.log1p, np.log1p, [lambda F, y, x: 1 / (1 + x)])
_row("sin", mp.sin, np.sin, [lambda F, y, x: F("cos", x)])
_row("cos", mp.cos, np.cos, [lambda F, y, x: -F("sin", x)])
_row("tan", mp.tan, np.tan, [lambda F, y, x: 1 + F("sqr", y)])
_row("one_minus_sqr", lambda x: (1 - x) * (1 + x), lambda x: (1 - x) * (1 + x),
     [lambda F, y, x: -2 * x], 1.5)  # fmt: skip
_row("arcsin", mp.asin, np.arcsin, [lambda F, y, x: 1 / F("sqrt", F("one_minus_sqr", x))])
_row("arccos", mp.acos, np.arccos, [lambda F, y, x: -1 / F("sqrt", F("one_minus_sqr", x))])
_row("arctan", mp.atan, np.arctan, [lambda F, y, x: 1 / (1 + F("sqr", x))])
_row("sinh", mp.sinh, np.sinh, [lambda F, y, x: F("cosh", x)])
_row("cosh", mp.cosh, np.cosh, [lambda F, y, x: F("sinh", x)])
_row("tanh", mp.tanh, np.tanh, [lambda F, y, x: F("dtanh", x)])
_row("dtanh", lambda x: mp.sech(x) ** 2, lambda x: 1 / np.cosh(x) ** 2,
     [lambda F, y, x: -2 * y * F("tanh", x)], 2.0)  # fmt: skip
_row("arcsinh", mp.asinh, np.arcsinh, [lambda F, y, x: 1 / F("sqrt", 1 + F("sqr", x))])
_row("arccosh", mp.acosh, np.arccosh,
     [lambda F, y, x: 1 / (F("sqrt", x - 1) * F("sqrt", x + 1))])  # fmt: skip
_row("arctanh", mp.atanh, np.arctanh, [lambda F, y, x: 1 / F("one_minus_sqr", x)])

# -- logistic and error functions -----------------------------------------------------------------


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: Any) -> Any:
    return np.maximum(np.real(x), 0) + np.log1p(np.exp(-np.abs(x)))


_row("sigmoid", _sigmoid, lambda x: 1 / (1 + np.exp(-x)), [lambda F, y, x: F("dsigmoid", x)], 2.0)
_row("dsigmoid", lambda x: _sigmoid(x) * _sigmoid(-x), lambda x: 0.25 / np.cosh(x / 2) ** 2,
     [lambda F, y, x: -(y * F("tanh", x * 0.5))], 3.0)  # fmt: skip
_row("softplus", lambda x: mp.log1p(mp.exp(x)), _dual(_softplus, "softplus"),
     [lambda F, y, x: F("sigmoid", x)], 2.0)  # fmt: skip
_row("logaddexp", lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), _dual(np.logaddexp, "logaddexp"),
     [lambda F, y, a, b: F("sigmoid", a - b), lambda F, y, a, b: F("sigmoid", b - a)],
     # the larger of two and the logarithm of a sum
     lambda size, a, b: size + max(a, b))  # fmt: skip
_row("gauss", lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
     lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x), [lambda F, y, x: -2 * x * y],
     lambda size, x: size * (2 + x * x))  # fmt: skip
_row("erf", mp.erf, _dual(np.vectorize(math.erf), "erf"), [lambda F, y, x: F("gauss", x)])
_row("erfc", mp.erfc, _dual(np.vectorize(math.erfc), "erfc"), [lambda F, y, x: -F("gauss", x)])


def _angle(F: Any, y: Any, a: Any, b: Any) -> Any:
    return b / (F("sqr", a) + F("sqr", b))


_row("arctan2", mp.atan2, _dual(np.arctan2, "arctan2"),
     [_angle, lambda F, y, a, b: -_angle(F, y, b, a)])  # fmt: skip
_row(
    "hypot",
    mp.hypot,
    _dual(np.hypot, "hypot"),
    [lambda F, y, a, b: a / y if float(y) else 0, lambda F, y, a, b: b / y if float(y) else 0],
)

COMPARISONS: dict[str, Callable[[int], bool]] = {
    "eq": lambda order: order == 0, "neq": lambda order: order != 0,
    "lt": lambda order: order < 0, "le": lambda order: order <= 0,
    "gt": lambda order: order > 0, "ge": lambda order: order >= 0,
}  # fmt: skip
