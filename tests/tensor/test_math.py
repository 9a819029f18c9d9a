"""Elementwise functions under all their names, reductions and products, against NumPy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import cgrad.tensor as ct
from cgrad.errors import DTypeError, ShapeError

X = np.array([-2.0, -1.0, -0.5, -0.0, 0.25, 1.0, 2.0, 50.0])
SPECIAL = np.array([np.nan, np.inf, -np.inf, 1e300, -1e-300])
INTS = np.array([-3, -1, 0, 1, 2, 7])
BOOLS = np.array([True, False, True, True])


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


_erf = np.vectorize(math.erf, otypes=["d"])
_erfc = np.vectorize(math.erfc, otypes=["d"])

# every name a user may call, and what NumPy calls it; kept by hand, not read off the table
UNARY = {
    "neg": np.negative, "negative": np.negative, "abs": np.abs, "absolute": np.abs,
    "sign": np.sign, "sgn": np.sign, "sqr": np.square, "square": np.square, "sqrt": np.sqrt,
    "reciprocal": lambda x: np.reciprocal(x * 1.0) if x.dtype.kind in "ib" else np.reciprocal(x),
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.round,
    "round_half_to_even": np.round, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsinh": np.arcsinh,
    "arccosh": np.arccosh, "arctanh": np.arctanh, "sigmoid": _sigmoid, "expit": _sigmoid,
    "softplus": lambda x: np.logaddexp(x, 0), "log1pexp": lambda x: np.logaddexp(x, 0),
    "erf": _erf, "erfc": _erfc, "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
    "identity": lambda x: x, "deg2rad": np.deg2rad, "rad2deg": np.rad2deg,
    "logical_not": np.logical_not,
}  # fmt: skip
BINARY = {
    "add": np.add, "sub": np.subtract, "subtract": np.subtract, "mul": np.multiply,
    "multiply": np.multiply, "true_div": np.divide, "divide": np.divide, "true_divide": np.divide,
    "floor_div": np.floor_divide, "int_div": np.floor_divide, "floor_divide": np.floor_divide,
    "mod": np.mod, "remainder": np.mod, "pow": np.power, "power": np.power,
    "arctan2": np.arctan2, "hypot": np.hypot, "logaddexp": np.logaddexp, "maximum": np.maximum,
    "minimum": np.minimum, "eq": np.equal, "equal": np.equal, "neq": np.not_equal,
    "not_equal": np.not_equal, "lt": np.less, "less": np.less, "le": np.less_equal,
    "less_equal": np.less_equal, "gt": np.greater, "greater": np.greater, "ge": np.greater_equal,
    "greater_equal": np.greater_equal, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip
BITS = {
    "and_": np.bitwise_and, "bitwise_and": np.bitwise_and, "or_": np.bitwise_or,
    "bitwise_or": np.bitwise_or, "xor": np.bitwise_xor, "bitwise_xor": np.bitwise_xor,
}  # fmt: skip
NOT = ("invert", "bitwise_not", "bitwise_invert")
# NumPy, too, rounds these correctly: equal to the last bit; the others differ with the C library
EXACT = {
    "neg", "negative", "abs", "absolute", "sign", "sgn", "sqr", "square", "sqrt", "reciprocal",
    "floor", "ceil", "trunc", "round", "round_half_to_even", "isnan", "isinf", "isfinite",
    "identity", "logical_not",
}  # fmt: skip
CLOSE = {"pow", "power", "arctan2", "hypot", "logaddexp"}
NO_BOOL = {"neg", "negative", "sub", "subtract"}


def test_every_function_has_its_name_and_a_docstring():
    named = {*UNARY, *BINARY, *BITS, *NOT, "switch", "second"}
    for name in named:
        function = getattr(ct, name)
        assert len(function.__doc__) > 20
        assert name in ct.__all__
    assert ct.exp.__name__ == "exp"
    assert "float64" in ct.exp.__doc__
    assert "derivative is zero" in ct.floor.__doc__


@pytest.mark.parametrize("name", UNARY)
def test_unary(name, same):
    function, tolerance = UNARY[name], 0 if name in EXACT else 1e-15
    with np.errstate(all="ignore"):
        for array in (X, SPECIAL, X.reshape(2, 4), np.float64(0.5), X[:0]):
            x = ct.tensor("x", shape=(None,) * np.ndim(array))
            same(getattr(ct, name)(x), function(array), {x: array}, tolerance)
        n = ct.lvector("n")
        expected = function(INTS)
        if expected.dtype.kind not in "bf":
            expected = expected.astype("int64")
        same(getattr(ct, name)(n), expected, {n: INTS}, tolerance)
        x = ct.fvector("x")
        expected = function(X.astype("f"))
        expected = expected if expected.dtype == bool else expected.astype("f")
        same(getattr(ct, name)(x), expected, {x: X}, 3e-7 if tolerance else 0)


def test_names_are_methods_too(same):
    x = ct.dvector("x")
    array = np.abs(X) + 0.1
    for name in ("exp", "log", "sqrt", "sin", "tanh", "floor", "ceil", "round", "trunc", "sign",
                 "sqr", "exp2", "expm1", "log2", "log10", "log1p", "cos", "tan", "arctan",
                 "sinh", "cosh", "arcsinh"):  # fmt: skip
        same(getattr(x, name)(), UNARY[name](array), {x: array}, 1e-15)
    half = array / 100
    for name in ("arcsin", "arccos", "arctanh"):
        same(getattr(x, name)(), UNARY[name](half), {x: half}, 1e-15)
    same(x.arccosh(), np.arccosh(array + 1), {x: array + 1}, 1e-15)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name, same):
    function, tolerance = BINARY[name], 1e-15 if name in CLOSE else 0
    a, b = X, np.array([2.0, -1.0, 3.0, 0.5, 0.25, -2.0, 1.0, 1.5])
    x, y = ct.dvector("x"), ct.dvector("y")
    with np.errstate(all="ignore"):
        same(getattr(ct, name)(x, y), function(a, b), {x: a, y: b}, tolerance)
        specials = np.array(list(itertools.product([*SPECIAL, 0.0, -0.0, 1.0], repeat=2))).T
        given = dict(zip((x, y), specials, strict=True))
        same(getattr(ct, name)(x, y), function(*specials), given, tolerance)
        n, m = ct.lvector("n"), ct.lvector("m")
        p, q = INTS, np.array([2, 3, 1, 0, 5, 2])
        same(getattr(ct, name)(n, m), function(p, q), {n: p, m: q}, tolerance)
        if name not in {"true_div", "divide", "true_divide", "arctan2", "hypot", "logaddexp"}:
            z = ct.fvector("z")
            same(
                getattr(ct, name)(z, 2.0),
                function(X.astype("f"), np.float32(2)),
                {z: X},
                4e8 * tolerance,
            )


@pytest.mark.parametrize("name", BITS)
def test_bits(name, same):
    n, m = ct.lvector("n"), ct.lvector("m")
    same(getattr(ct, name)(n, m), BITS[name](INTS, INTS[::-1]), {n: INTS, m: INTS[::-1]})
    p, q = (ct.vector(s, dtype="bool") for s in "pq")
    other = ~BOOLS
    same(getattr(ct, name)(p, q), BITS[name](BOOLS, other), {p: BOOLS, q: other})
    with pytest.raises(DTypeError, match="float64"):
        getattr(ct, name)(ct.dvector("x"), n)


@pytest.mark.parametrize("name", NOT)
def test_not(name, same):
    n, p = ct.lvector("n"), ct.vector("p", dtype="bool")
    same(getattr(ct, name)(n), ~INTS, {n: INTS})
    same(getattr(ct, name)(p), ~BOOLS, {p: BOOLS})


@pytest.mark.parametrize("name", sorted(NO_BOOL))
def test_differences_of_booleans_are_refused(name):
    p = ct.vector("p", dtype="bool")
    with pytest.raises(DTypeError, match="bool"):
        getattr(ct, name)(*([p] if name.startswith("neg") else [p, p]))


def test_operators(same):
    x, y = ct.dvector("x"), ct.dvector("y")
    a, b = np.array([1.5, -2.0, 3.0]), np.array([2.0, 0.5, -1.0])
    given = {x: a, y: b}
    with np.errstate(all="ignore"):
        for ours, theirs in [
            (x + y, a + b), (x - y, a - b), (x * y, a * b), (x / y, a / b), (x // y, a // b),
            (x % y, a % b), (x**y, a**b), (x @ y, np.asarray(a @ b)), (-x, -a), (+x, +a),
            (abs(x), abs(a)), (x < y, a < b), (x <= y, a <= b), (x > y, a > b), (x >= y, a >= b),
            (2 + x, 2 + a), (2 - x, 2 - a), (2 * x, 2 * a), (2 / x, 2 / a), (2 // x, 2 // a),
            (2 % x, 2 % a), (2**x, 2**a), (divmod(x, y)[0], a // b), (divmod(x, y)[1], a % b),
            (2 < x, 2 < a), (2 >= x, 2 >= a),  # noqa: SIM300 (they are reflected)
            (b.tolist() + x, b.tolist() + a),
        ]:  # fmt: skip
            same(ours, theirs, given)
    n, m = ct.lvector("n"), ct.lvector("m")
    given = {n: INTS, m: INTS[::-1]}
    for ours, theirs in [
        (n & m, INTS & INTS[::-1]), (n | m, INTS | INTS[::-1]), (n ^ m, INTS ^ INTS[::-1]),
        (~n, ~INTS), (5 & n, 5 & INTS), (5 | n, 5 | INTS), (5 ^ n, 5 ^ INTS),
    ]:  # fmt: skip
        same(ours, theirs, given)


def test_comparison_by_equality_is_identity():
    x, y = ct.dscalar("x"), ct.dscalar("y")
    assert x == x
    assert x != y
    assert len({x, y, x}) == 2


DTYPES = ("bool", "int64", "float32", "float64")


@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("right", [*DTYPES, True, 1, 1.5])
def test_promotion_is_numpys(left, right):
    a = ct.vector("a", dtype=left)
    b = ct.vector("b", dtype=right) if isinstance(right, str) else right
    x = np.ones(2, left)
    y = np.ones(2, right) if isinstance(right, str) else right
    for name in ("add", "mul", "true_div", "maximum", "arctan2"):
        theirs = BINARY[name](x, y).dtype
        if name == "arctan2" and theirs == np.float16:
            theirs = np.dtype("float64")
        assert getattr(ct, name)(a, b).dtype == theirs, name
    assert ct.switch(a, a, b).dtype == np.where(x > 0, x, y).dtype


def test_broadcasting(same):
    x, y = ct.dcol("x"), ct.drow("y")
    a, b = np.arange(3.0)[:, None], np.arange(4.0)[None]
    same(x * y, a * b, {x: a, y: b})
    s = ct.dscalar("s")
    same(x + s, a + 2, {x: a, s: 2})
    v = ct.dvector("v")
    z = ct.dmatrix("z")
    same(z + v, np.ones((2, 3)) + np.arange(3), {z: np.ones((2, 3)), v: np.arange(3)})
    fixed = ct.tensor("f", shape=(2, 3))
    with pytest.raises(ShapeError) as caught:
        fixed * ct.tensor("g", shape=(2, 4))
    for word in ("f: float64 (2, 3)", "g: float64 (2, 4)", "axis 1", "Fix", "fixed * ct"):
        assert word in str(caught.value)


def test_switch_and_where(same):
    c, x, y = ct.dvector("c"), ct.dvector("x"), ct.lvector("y")
    given = {c: [0, 1, np.nan], x: [1, 2, 3], y: [4, 5, 6]}
    expected = np.where([0, 1, np.nan], [1.0, 2, 3], [4, 5, 6])
    same(ct.switch(c, x, y), expected, given)
    same(ct.where(c, x, y), expected, given)
    same(ct.where(x > 1, x, 0), np.array([0.0, 2, 3]), given)
    same(ct.where(c)[0], np.array([1, 2]), given)
    with pytest.raises(TypeError, match="ift and iff"):
        ct.where(c, x)


def test_clip(same):
    x = ct.dvector("x")
    array = np.array([-2.0, 0.5, 3.0, np.nan])
    same(ct.clip(x, 0, 1), np.clip(array, 0, 1), {x: array})
    same(x.clip(-1, 2), np.clip(array, -1, 2), {x: array})
    same(ct.clip(x, None, 1), np.clip(array, None, 1), {x: array})
    same(ct.clip(x, 2, 1), np.clip(array, 2, 1), {x: array})
    assert ct.clip(ct.lvector("n"), 0, 1).dtype == "int64"


def test_cast(same):
    x = ct.dvector("x")
    array = np.array([-1.7, 0.0, 2.5])
    for dtype in DTYPES:
        same(ct.cast(x, dtype), array.astype(dtype), {x: array})
        same(x.astype(dtype), array.astype(dtype), {x: array})
    assert ct.cast(x, "float64") is x
    assert (ct.fvector("f") + ct.cast(2.0, "float64")).dtype == "float64"
    with pytest.raises(NotImplementedError, match="float16"):
        x.astype("float16")


def test_second(same):
    x = ct.fvector("x")
    same(ct.second(x, 2.0), np.full(3, 2.0), {x: np.ones(3)})
    same(ct.fill(x, ct.constant(np.float32(2))), np.full(3, 2, "f"), {x: np.ones(3)})


def test_wrong_number_of_arguments_names_the_function():
    with pytest.raises(TypeError, match=r"exp\(\) takes 1"):
        ct.exp(1, 2)
    with pytest.raises(TypeError, match=r"sub\(\) missing 1"):
        ct.sub(1)


# -- ufuncs and refusals ----------------------------------------------------------------------
UFUNCS = [
    np.negative, np.absolute, np.fabs, np.sign, np.square, np.sqrt, np.reciprocal, np.floor,
    np.ceil, np.trunc, np.rint, np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p,
    np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh,
    np.arcsinh, np.arccosh, np.arctanh, np.isnan, np.isinf, np.isfinite, np.logical_not,
    np.positive, np.deg2rad, np.radians, np.rad2deg, np.degrees,
]  # fmt: skip
BINARY_UFUNCS = [
    np.add, np.subtract, np.multiply, np.divide, np.true_divide, np.floor_divide, np.remainder,
    np.mod, np.power, np.float_power, np.arctan2, np.hypot, np.logaddexp, np.maximum, np.minimum,
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_xor, np.matmul,
]  # fmt: skip


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_ufuncs(ufunc, same):
    x = ct.dvector("x")
    with np.errstate(all="ignore"):
        same(ufunc(x), ufunc(X), {x: X}, 1e-15)


@pytest.mark.parametrize("ufunc", BINARY_UFUNCS, ids=lambda f: f.__name__)
def test_binary_ufuncs(ufunc, same):
    x, y = ct.dvector("x"), ct.dvector("y")
    b = np.linspace(0.5, 3, len(X))
    with np.errstate(all="ignore"):
        same(ufunc(x, y), ufunc(X, b), {x: X, y: b}, 1e-15)
        same(ufunc(x, b), ufunc(X, b), {x: X}, 1e-15)
        same(ufunc(b, x), ufunc(b, X), {x: X}, 1e-15)


@pytest.mark.parametrize("ufunc", [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert])
def test_bit_ufuncs(ufunc, same):
    n = ct.lvector("n")
    args = (INTS,) if ufunc is np.invert else (INTS, INTS[::-1])
    same(ufunc(n, *args[1:]), ufunc(*args), {n: INTS})


def test_arrays_on_the_left_make_one_node(same):
    x = ct.dvector("x")
    ones = np.arange(3.0)
    for out, expected in [
        (ones * x, ones * 2), (ones + x, ones + 2), (ones - x, ones - 2), (ones / x, ones / 2),
        (ones**x, ones**2), (ones // x, ones // 2), (ones % x, ones % 2), (ones < x, ones < 2),
        (ones @ x, np.asarray(ones @ np.full(3, 2.0))), (np.float64(3) * x, np.full(3, 6.0)),
        (np.float32(3) - x, np.full(3, 1.0)),
    ]:  # fmt: skip
        assert isinstance(out, ct.Node)
        same(out, expected, {x: np.full(3, 2.0)})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: bool(x), "switch"),
        (lambda x: float(x), "eval"),
        (lambda x: int(x), "eval"),
        (lambda x: complex(x), "eval"),
        (lambda x: [1, 2][x], "eval"),
        (lambda x: len(x), "shape"),
        (lambda x: np.asarray(x), "eval"),
        (lambda x: np.array([x, x]), "eval"),
        (lambda x: list(ct.dvector("v")), "scan"),
        (lambda x: ct.dvector("v").__setitem__(0, 1.0), "set_subtensor"),
        (lambda x: np.add.reduce(x), "cgrad.tensor"),
        (lambda x: np.add(x, 1, where=False), "cgrad.tensor"),
        (lambda x: np.cbrt(x), "cgrad.tensor"),
        (lambda x: x + None, "NoneType"),
        (lambda x: x + "text", "numbers only"),
    ],
)
def test_symbols_refuse(call, words):
    with pytest.raises(TypeError, match=words):
        call(ct.lscalar("x"))


def test_iteration_over_a_known_length(same):
    x = ct.dvector("x", shape=(3,))
    a, b, c = x
    same(a + 10 * b + 100 * c, np.float64(321), {x: [1, 2, 3]})


# -- reductions -------------------------------------------------------------------------------
DATA = {
    "float64": np.arange(24.0).reshape(2, 3, 4) - 7,
    "float32": (np.arange(24.0).reshape(2, 3, 4) / 3).astype("float32"),
    "int64": np.arange(24).reshape(2, 3, 4) - 7,
    "bool": (np.arange(24) % 5 > 0).reshape(2, 3, 4),
}
AXES = [None, 0, 1, -1, (0, 2), (-1, -2), (0, 1, 2), (), [0, 1]]


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "any", "all"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(name, dtype, axis, keepdims, same):
    array = DATA[dtype]
    x = ct.tensor3("x", dtype=dtype)
    theirs = tuple(axis) if isinstance(axis, list) else axis
    expected = getattr(np, name)(array, axis=theirs, keepdims=keepdims)
    tolerance = 3e-7 if dtype == "float32" else 1e-15
    same(getattr(ct, name)(x, axis=axis, keepdims=keepdims), expected, {x: array}, tolerance)
    same(getattr(x, name)(axis=axis, keepdims=keepdims), expected, {x: array}, tolerance)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "any", "all"])
def test_reductions_of_scalars_and_lists(name, same):
    x = ct.dscalar("x")
    same(getattr(ct, name)(x), np.asarray(getattr(np, name)(3.5)), {x: 3.5})
    same(getattr(ct, name)([[1.0, 2.0], [3.0, 0.0]], 0), getattr(np, name)([[1.0, 2], [3, 0]], 0))


def test_reductions_of_nothing(same, value):
    x = ct.dmatrix("x")
    empty = np.ones((0, 3))
    same(ct.sum(x, 0), empty.sum(0), {x: empty})
    same(ct.any(x, 0), empty.any(0), {x: empty})
    same(ct.all(x), np.asarray(True), {x: empty})
    assert np.isnan(value(ct.mean(x), {x: empty}))
    with pytest.raises(ShapeError, match="no elements"):
        ct.max(ct.tensor("x", shape=(0, 3)), axis=0)
    y = ct.tensor("y", shape=(0, 3))
    same(ct.max(y, axis=1), empty.max(1), {y: empty})


def test_extremes_of_nan(value):
    x = ct.dvector("x")
    assert np.isnan(value(ct.max(x), {x: [1, np.nan, 3]}))
    assert np.isnan(value(ct.min(x), {x: [1, np.nan, 3]}))


def test_reduction_dtypes(same):
    n, f = ct.lvector("n"), ct.fvector("f")
    same(ct.sum(n, dtype="float64"), np.sum([1, 2], dtype="float64"), {n: [1, 2]})
    same(ct.sum(f, dtype="float64"), np.sum(np.float32([0.1, 0.2]), dtype="float64"),
         {f: [0.1, 0.2]})  # fmt: skip
    same(ct.mean(n, dtype="float32"), np.float32(1.5), {n: [1, 2]})
    same(n.sum(0, "float32"), np.float32(3), {n: [1, 2]})
    with pytest.raises(DTypeError, match="lose"):
        ct.sum(f, dtype="int64")
    with pytest.raises(DTypeError, match="int64"):
        ct.mean(n, dtype="int64")
    # float32 is added up in float64: 2**24 + 1 + 1 is exact, in float32 it is not
    same(ct.sum(f), np.float32(2**24 + 2), {f: [2.0**24, 1, 1]})


@pytest.mark.parametrize("axis", [2, -3, (0, 0), (0, -2)])
def test_axes_out_of_range_or_named_twice(axis):
    with pytest.raises(ValueError, match="axis"):
        ct.sum(ct.dmatrix("x"), axis=axis)


# -- products ---------------------------------------------------------------------------------
PRODUCTS = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((0, 3), (3, 4)),
            ((2, 0), (0, 4)), ((0,), (0,))]  # fmt: skip


@pytest.mark.parametrize("shapes", PRODUCTS, ids=str)
@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("right", DTYPES)
def test_products(shapes, left, right, same):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, shapes[0]).astype(left)
    b = rng.integers(0, 4, shapes[1]).astype(right)
    x = ct.tensor("x", dtype=left, shape=(None,) * a.ndim)
    y = ct.tensor("y", dtype=right, shape=(None,) * b.ndim)
    expected = np.asarray(np.dot(a, b))
    for out in (ct.dot(x, y), x.dot(y), ct.matmul(x, y), x @ y):
        same(out, expected, {x: a, y: b})


def test_dot_with_scalars(same):
    x, s = ct.dmatrix("x"), ct.dscalar("s")
    a = np.ones((2, 2))
    same(ct.dot(x, s), a * 3, {x: a, s: 3})
    same(ct.dot(2, x), a * 2, {x: a})
    with pytest.raises(ShapeError, match=r"use a \* b"):
        ct.matmul(x, s)
    with pytest.raises(ShapeError, match=r"use a \* b"):
        x @ 2


def test_products_that_do_not_fit():
    a, b = ct.tensor("a", shape=(2, 3)), ct.tensor("b", shape=(2, 4))
    with pytest.raises(ShapeError) as caught:
        ct.dot(a, b)
    for word in ("a: float64 (2, 3)", "length 3", "2;", "transpose", "ct.dot(a, b)"):
        assert word in str(caught.value)
    with pytest.raises(ShapeError):
        ct.dot(ct.tensor("a", shape=(1,)), ct.tensor("b", shape=(3,)))
    for function in (ct.dot, ct.matmul):
        with pytest.raises(ShapeError, match="last axis of the first has length 4"):
            function(ct.tensor("t", shape=(5, 2, 4)), a)


def test_outer(same):
    x, y = ct.dvector("x"), ct.dvector("y")
    a, b = np.arange(3.0), np.arange(4.0)
    same(ct.outer(x, y), np.outer(a, b), {x: a, y: b})
    m = ct.dmatrix("m")
    same(ct.outer(m, y), np.outer(np.ones((2, 2)), b), {m: np.ones((2, 2)), y: b})
