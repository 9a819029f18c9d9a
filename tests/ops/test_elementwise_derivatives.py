"""Derivatives of every row of the elementwise table against mpmath, to third order.

The list of functions is kept here and not taken from the table, so that a row that disappears or
has no derivative is seen.
"""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from benchmarks.special import SPECIAL
from cgrad.core.derive import jvp, vjp
from cgrad.core.registry import build
from cgrad.gradient import grad
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import TABLE

DIGITS = 400  # a difference quotient of so many digits is exact even where slopes are 1e-305
EPS = np.finfo(float).eps

ORDINARY = [-1.9, -1.0, -0.3, 0.0, 1e-8, 0.4, 1.0, 1.7]
POSITIVE = [1e-8, 0.1, 0.5, 1.0, 2.5, 30.0]
INSIDE = [-0.999999, -0.7, -1e-8, 0.0, 0.3, 0.9999999]
TAILS = [-700.0, -36.0, -20.0, 20.0, 36.0, 700.0]


def _sech2(x):
    return mp.sech(x) ** 2


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def _dsigmoid(x):
    return mp.exp(-x) / (1 + mp.exp(-x)) ** 2


def _softplus(x):
    return mp.log1p(mp.exp(x))


# name -> (mpmath, points)
SMOOTH = {
    "sqr": (lambda x: x * x, ORDINARY),
    "sqrt": (mp.sqrt, [*POSITIVE, 1e100]),
    "reciprocal": (lambda x: 1 / x, [-3.0, -1e-3, *POSITIVE]),
    "one_minus_sqr": (lambda x: 1 - x * x, INSIDE),
    "neg": (lambda x: -x, ORDINARY),
    "identity": (lambda x: x, ORDINARY),
    "exp": (mp.exp, [*ORDINARY, -700.0, 700.0]),
    "exp2": (lambda x: mp.power(2, x), [*ORDINARY, -900.0, 900.0]),
    "expm1": (mp.expm1, [*ORDINARY, -40.0, 700.0]),
    "log": (mp.log, [*POSITIVE, 1e300]),
    "log2": (lambda x: mp.log(x) / mp.log(2), [*POSITIVE, 1e307]),
    "log10": (mp.log10, [*POSITIVE, 1e308]),
    "log1p": (mp.log1p, [-1 + 1e-15, -0.5, *ORDINARY[2:], *TAILS[3:], 1e300]),
    "sin": (mp.sin, ORDINARY),
    "cos": (mp.cos, ORDINARY),
    "tan": (mp.tan, [-1.2, 0.0, 0.4, 1.5, 1.5707963]),
    "arcsin": (mp.asin, INSIDE),
    "arccos": (mp.acos, INSIDE),
    "arctan": (mp.atan, [*ORDINARY, -1e8, 1e8, 1e60]),
    "sinh": (mp.sinh, [*ORDINARY, *TAILS]),
    "cosh": (mp.cosh, [*ORDINARY, *TAILS]),
    "tanh": (mp.tanh, [*ORDINARY, *TAILS[1:5], -350.0, 350.0]),
    "dtanh": (_sech2, [*ORDINARY, *TAILS[1:5], -350.0, 350.0]),
    "arcsinh": (mp.asinh, [*ORDINARY, -1e8, 1e8]),
    "arccosh": (mp.acosh, [1 + 1e-9, 1.2, 4.0, 1e8]),
    "arctanh": (mp.atanh, INSIDE),
    "sigmoid": (_sigmoid, [*ORDINARY, *TAILS]),
    "dsigmoid": (_dsigmoid, [*ORDINARY, *TAILS]),
    "softplus": (_softplus, [*ORDINARY, *TAILS]),
    "erf": (mp.erf, [*ORDINARY, -6.0, 6.0]),
    "erfc": (mp.erfc, [*ORDINARY, -6.0, 6.0, 20.0]),
}
# name -> points (a, b)
PAIRS = {
    "add": (lambda a, b: a + b, [(0.3, -2.0)]),
    "sub": (lambda a, b: a - b, [(0.3, -2.0)]),
    "excess": (lambda a, b: a - b, [(0.3, -2.0), (1.0, 1.0)]),
    "mul": (lambda a, b: a * b, [(0.3, -2.0), (0.0, 0.0)]),
    "true_div": (lambda a, b: a / b, [(0.3, -2.0), (0.0, 4.0), (1e-9, 1e5)]),
    "pow": (mp.power, [(0.3, -2.0), (2.0, 0.5), (1.0, 3.0), (1.3, 0.0), (2.5, 1.0)]),
    "arctan2": (mp.atan2, [(0.3, -2.0), (1.0, 1.0), (-1e-9, 2.0), (1e100, 1e99), (1e-90, 1e-90)]),
    "hypot": (mp.hypot, [(0.3, -2.0), (3.0, 4.0), (1e100, 1e100), (-1e-90, 1e-90)]),
    "logaddexp": (
        lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
        [(0.3, -2.0), (1.0, 1.0), (0.0, 0.0), (-700.0, -720.0), (20.0, -16.0), (700.0, 700.0)],
    ),
}
FLAT = ["floor", "ceil", "trunc", "round", "sign"]
# rows that answer integers or booleans, or that are tested one by one below
OTHERS = [
    "floor_div", "mod", "abs", "maximum", "minimum", "switch", "second", "eq", "neq", "lt", "le",
    "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "and_", "or_", "xor",
    "invert", "isnan", "isinf", "isfinite",
]  # fmt: skip
# rows that tests/ops/test_gamma.py tests
GAMMA = [
    "gamma", "gammaln", "digamma", "polygamma", "gammainc", "gammaincc", "gammaincinv",
    "gammainccinv", "gamma_density", "gammainc_shape", "beta", "betaln", "betainc", "betaincinv",
    "beta_density", "betainc_shape",
]  # fmt: skip


# measured in test_special_functions.py
SPECIAL_ROWS = [
    *SPECIAL, "erfcx_slope", "erfc_hazard", "erfc_hazard_slope", "erfcinv_slope", "xlogx", "xlogy",
    "xlog1py", "jv", "j0", "j1", "i0", "i1", "ive_slope", "kve_slope", "hyp2f1_a",
    "hyp2f1_b", "hyp2f1_c",
]  # fmt: skip


def test_the_whole_table_is_covered():
    expected = [*SMOOTH, *PAIRS, *FLAT, *OTHERS, *GAMMA, *SPECIAL_ROWS]
    assert sorted(TABLE) == sorted(expected)


def _chain(x, y, order):
    """y and its derivatives by x, reverse over reverse."""
    result = [y]
    for _ in range(order):
        result.append(grad(result[-1], x, disconnected_inputs="ignore"))
    return result


def _forward(x, y, order):
    result = [y]
    for _ in range(order):
        (t,) = jvp([result[-1]], [x], [build("ones_like", x)])
        result.append(build("zeros_like", x) if t is None else t)
    return result


def _close(found, exact, scale, what):
    """Equal to some rounding units of the true value, or of what it is a small difference of."""
    size = max(abs(float(exact)), scale)
    if not math.isfinite(size):
        assert found == float(exact), what
        return
    assert abs(found - float(exact)) <= 60 * EPS * size + 1e-307, (what, found, float(exact))


def _amplification(name, at):
    """How much a rounding of the argument of exp(-x^2) shows."""
    return max(1.0, at * at / 8) if name in ("erf", "erfc") else 1.0


@pytest.mark.parametrize("mode", [_chain, _forward])
@pytest.mark.parametrize("name", SMOOTH)
def test_unary(name, mode, tensor, values):
    oracle, points = SMOOTH[name]
    x = tensor("x")
    nodes = mode(x, apply(name, x), 3)
    with np.errstate(all="ignore"):
        for at in points:
            found = values(nodes, {x: at})
            with mp.workdps(DIGITS):
                exact = [mp.diff(oracle, mp.mpf(at), order) for order in range(4)]
            for order in range(1, 4):
                scale = abs(float(exact[order])) * _amplification(name, at)
                _close(float(found[order]), exact[order], scale, (name, at, order))


@pytest.mark.parametrize("name", PAIRS)
def test_binary(name, tensor, values):
    oracle, points = PAIRS[name]
    a, b = tensor("a"), tensor("b")
    y = apply(name, a, b)
    first = grad(y, [a, b])
    second = [grad(g, [a, b], disconnected_inputs="ignore") for g in first]
    for at in points:
        flat = values([*first, *second[0], *second[1]], {a: at[0], b: at[1]})
        orders = [(1, 0), (0, 1), (2, 0), (1, 1), (1, 1), (0, 2)]
        for found, order in zip(flat, orders, strict=True):
            with mp.workdps(DIGITS):
                true = mp.diff(oracle, tuple(map(mp.mpf, at)), order)
            # a - b cancels in second derivatives of homogeneous functions: relative to the terms
            size = min(abs(v) for v in at if v) if any(at) else 1.0
            scale = abs(float(flat[0 if order[0] else 1])) / size if sum(order) > 1 else 0.0
            _close(float(found), true, scale, (name, at, order))


@pytest.mark.parametrize("name", FLAT)
def test_flat(name, tensor, values):
    x = tensor("x")
    y = apply(name, x)
    # connected, with a derivative of zero
    assert values([grad(y, x)], {x: 1.5})[0] == 0
    assert values([grad(x * y, x)], {x: 1.7})[0] == values([y], {x: 1.7})[0]


def test_abs(tensor, values):
    x = tensor("x", 1)
    (slope,) = vjp([apply("abs", x)], [x], [build("ones_like", x)])
    assert values([slope], {x: [-2.0, 0.0, -0.0, 3.0]})[0].tolist() == [-1, 0, 0, 1]


def test_mod_counts_whole_divisors_as_the_remainder_does(tensor, values):
    a, b = tensor("a"), tensor("b")
    slopes = grad(apply("mod", a, b), [a, b])
    for at in [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (math.nextafter(0.3, 0.0), 0.1),
               (np.nextafter(5.0, 0.0) * 0.7, 0.7)]:  # fmt: skip
        quotient = (mp.mpf(at[0]) - mp.mpf(float(np.mod(*at)))) / mp.mpf(at[1])
        found = [float(v) for v in values(slopes, {a: at[0], b: at[1]})]
        assert found == [1.0, -float(mp.nint(quotient))], at
    assert values(grad(apply("floor_div", a, b), [a, b]), {a: 7.0, b: 2.0}) == [0, 0]


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_ties_share_evenly(name, tensor, values):
    a, b = tensor("a", 1), tensor("b", 1)
    y = apply(name, a, b)
    slopes = vjp([y], [a, b], [build("ones_like", y)])
    found = values(slopes, {a: [1.0, 2.0, 3.0, 0.0], b: [3.0, 2.0, 1.0, -0.0]})
    expected = np.array([[0, 0.5, 1, 0.5], [1, 0.5, 0, 0.5]])
    assert np.array_equal(found, expected if name == "maximum" else expected[::-1])


def test_switch_keeps_infinite_cotangents_apart(tensor, values):
    x = tensor("x", 1)
    a, b = tensor("a", 1), tensor("b", 1)
    ct = tensor("ct", 1)
    y = apply("switch", x > 0, a, b)
    slopes = vjp([y], [a, b], [ct])
    given = {x: [1.0, -1.0, 1.0], a: [1, 2, 3], b: [4, 5, 6], ct: [np.inf, np.nan, 2.0]}
    found = values(slopes, given)
    assert np.array_equal(found[0], [np.inf, 0, 2])
    assert np.array_equal(found[1], [0, np.nan, 0], equal_nan=True)


@pytest.mark.parametrize("name", [*SMOOTH, *PAIRS, "maximum", "minimum", "switch", "abs", "mod"])
def test_float32_stays_float32(name, tensor):
    arity = TABLE[name].arity
    args = [tensor("abc"[k], 1, "float32") for k in range(arity)]
    y = apply(name, *args)
    wrt = args[1:] if name == "switch" else args
    for g in vjp([y], wrt, [build("ones_like", y)]):
        assert g.dtype == "float32"
    (t,) = jvp([y], wrt, [build("ones_like", x) for x in wrt])
    assert t.dtype == "float32"


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.0, 2.0])
def test_constant_powers_at_zero_and_below(exponent, tensor, values):
    x = tensor("x")
    nodes = _chain(x, x**exponent, 3)
    for at in (0.0, -0.0, -2.0, 3.0):
        found = [float(v) for v in values(nodes, {x: at})]
        n = exponent
        expected = [at**n, n * at ** (n - 1) if n else 0.0,
                    n * (n - 1) * at ** (n - 2) if n > 1 else 0.0,
                    n * (n - 1) * (n - 2) * at ** (n - 3) if n > 2 else 0.0]  # fmt: skip
        assert found == pytest.approx(expected), (exponent, at)


def test_powers_with_a_number_less_a_variable(tensor, values):
    x, n = tensor("x"), tensor("n")
    for exponent, slope in ((2 - n, 0.5 * 3.0**-0.5), (n - 1, 0.5 * 3.0**-0.5)):
        (found,) = values([grad(x**exponent, x)], {x: 3.0, n: 1.5})
        assert float(found) == pytest.approx(slope, rel=4 * EPS)


def test_powers_with_variable_exponent_at_zero(tensor, values):
    a, b = tensor("a"), tensor("b")
    slopes = grad(a**b, [a, b])
    second = grad(slopes[0], a)
    for exponent, expected in {0.0: (0, 0, 0), 1.0: (1, 0, 0), 2.0: (0, 0, 2)}.items():
        found = values([*slopes, second], {a: 0.0, b: exponent})
        assert [float(v) for v in found] == list(expected), exponent


def test_logaddexp_at_infinity(tensor, values):
    a, b = tensor("a"), tensor("b")
    slopes = grad(apply("logaddexp", a, b), [a, b])
    inf = math.inf
    for at, expected in {
        (inf, inf): (0.5, 0.5), (-inf, -inf): (0.5, 0.5), (inf, 0.0): (1, 0), (-inf, 0.0): (0, 1),
        (inf, -inf): (1, 0),
    }.items():  # fmt: skip
        with np.errstate(all="ignore"):
            assert [float(v) for v in values(slopes, {a: at[0], b: at[1]})] == list(expected), at


@pytest.mark.parametrize("x", [20.0, 36.0, 350.0])
def test_slopes_keep_their_digits_in_the_tails(x, tensor, values):
    """1 - tanh(x)^2 and s (1 - s) are zero to working precision there."""
    v = tensor("v")
    for name, oracle in [("tanh", _sech2), ("sigmoid", _dsigmoid)]:
        slope = grad(apply(name, v), v)
        for at in (x, -x):
            found = float(values([slope], {v: at})[0])
            assert found == pytest.approx(float(oracle(mp.mpf(at))), rel=4 * EPS), (name, at)


def test_expansions_agree_with_their_rows(tensor, values):
    for row in TABLE.values():
        if row.expand is None or row.name in SPECIAL_ROWS:
            continue
        args = [tensor("ab"[k], 1) for k in range(row.arity)]
        points = np.array([-700, -36, -1.0, -1e-9, 0, 1e-9, 0.3, 36, 700])
        given = {args[0]: points}
        if row.arity == 2:
            given = {args[0]: np.repeat(points, 9), args[1]: np.tile(points, 9)}
        direct, expanded = values([apply(row.name, *args), row.expand(*args)], given)
        assert np.allclose(direct, expanded, rtol=8 * EPS, atol=1e-300), row.name


def test_integers_have_no_derivative(tensor):
    k = tensor("k", 1, "int64")
    x = tensor("x", 1)
    y = k * x
    assert vjp([y], [k], [build("ones_like", y)]) == [None]


def test_integer_powers(tensor, values):
    a, b = tensor("a", 1, "int64"), tensor("b", 1, "int64")
    given = {a: [2, 2, 1, -1, -1, 0, 3], b: [3, -1, -5, -3, -2, 0, 0]}
    assert values([a**b], given)[0].tolist() == [8, 0, 1, -1, 1, 1, 1]


def test_filling_uses_only_the_shape(tensor):
    x, v = tensor("x", 1), tensor("v")
    node = apply("second", x, v)
    assert not node.op.connects(0)
    assert node.op.connects(1)
