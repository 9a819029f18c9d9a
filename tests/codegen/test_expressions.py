"""Literals read back bit for bit; C text means what the expression means."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.expressions import Printer, literal
from cgrad.core import exprs
from cgrad.core.node import Node
from cgrad.pipeline import Program, generate

FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    1 / 3,
    np.pi,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    np.inf,
    -np.inf,
    np.nan,
    2.0**53 + 2,
    1e22,
    1e23,
    123456789012345680.0,
    4.35,
    1e-7,
    9007199254740993.0,
    0.30000000000000004,
]
FLOAT32 = [
    0.0,
    -0.0,
    0.1,
    1 / 3,
    1e-45,
    1.1754944e-38,
    3.4028235e38,
    np.inf,
    -np.inf,
    np.nan,
    16777217.0,
    1e10,
    0.3,
    7.038531e-26,
]
INTEGERS = [0, 1, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 + 1, 2**62, 2**63 - 1,
            -(2**63), -(2**63) + 1]  # fmt: skip


def _bits(value: np.ndarray) -> bytes:
    return value.tobytes()


@pytest.mark.parametrize(
    "values, dtype",
    [(FLOATS, "float64"), (FLOAT32, "float32"), (INTEGERS, "int64"), ([True, False], "bool")],
)
def test_constants_come_back_bit_for_bit(values: list[float], dtype: str) -> None:
    array = np.array(values, dtype)
    zero = ct.scalar("zero", dtype="int64")
    scalars = [ct.constant(array[k]) for k in range(len(array))]
    # one by one, and as an array read at an index
    f = cgrad.function([zero], [*scalars, ct.constant(array), ct.constant(array)[zero:]])
    *ones, whole, part = f(0)
    for got, want in zip(ones, array, strict=True):
        same = _bits(got) == _bits(np.asarray(want))
        assert same or (got != got and want != want), (want, got)
    for got in (whole, part):
        defined = array == array
        assert _bits(got[defined]) == _bits(array[defined])
        assert np.all(got[~defined] != got[~defined])


@pytest.mark.parametrize("value", FLOATS)
def test_literals_are_parsed_back_to_the_same_double(value: float) -> None:
    text = literal(value, "float64")
    known = {"NAN": np.nan, "INFINITY": np.inf, "-INFINITY": -np.inf}
    back = known[text] if text in known else float(text)
    assert struct.pack("d", back) == struct.pack("d", value) or back != back


def test_operators_bind_as_in_the_graph() -> None:
    a, b, c = ct.dvectors("abc")
    p, q, r = (ct.tensor(n, dtype="int64", shape=(None,)) for n in "pqr")
    build = [
        lambda a, b, c: a - (b - c), lambda a, b, c: a - b - c, lambda a, b, c: a / (b / c),
        lambda a, b, c: a / b / c, lambda a, b, c: a * (b + c), lambda a, b, c: -(a + b),
        lambda a, b, c: -(-a),  # noqa: B002
        lambda a, b, c: a - (-b), lambda a, b, c: (a + b) * (a - c) / (b * c),
        lambda a, b, c: a + (b + c), lambda a, b, c: (a + b) + c, lambda a, b, c: a * (b / c),
    ]  # fmt: skip
    integer = [
        lambda p, q, r: (p & q) | r, lambda p, q, r: p & (q | r), lambda p, q, r: ~(p ^ q) & r,
        lambda p, q, r: (p + q) & r, lambda p, q, r: p + (q & r), lambda p, q, r: p - (q - r),
        lambda p, q, r: p // (q // r), lambda p, q, r: -(p % q) * r,
    ]  # fmt: skip
    f = cgrad.function([a, b, c], [g(a, b, c) for g in build])
    h = cgrad.function([p, q, r], [g(p, q, r) for g in integer])
    x = [np.array([0.1, -3.7, 1e16]), np.array([0.3, 2.5, 1.0]), np.array([0.7, -1.1, -1e16])]
    for g, got in zip(build, f(*x), strict=True):
        np.testing.assert_array_equal(got, g(*x))
    y = [np.array([13, -7, 5]), np.array([6, 11, -3]), np.array([5, 2, -1])]
    for g, got in zip(integer, h(*y), strict=True):
        np.testing.assert_array_equal(got, g(*y))


def test_comparisons_and_logic_bind_as_in_the_graph() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")

    def every(a: Node, b: Node) -> list[Node]:
        x, y, z = a < b, a * 2 >= b, ct.eq(a, b)
        return [
            ct.or_(ct.and_(x, y), z),
            ct.and_(x, ct.or_(y, z)),
            ct.logical_not(ct.and_(x, y)),
            ct.xor(x, ct.or_(y, z)),
            ct.eq(x, y),
            ct.switch(x, a, ct.switch(y, b, a + b)),
            ct.switch(ct.and_(x, y), a + 1, b) * 2,
            x * a + y * b,
            ct.maximum(x, y),
        ]

    outputs = every(a, b)
    rng = np.random.default_rng(0)
    values = [rng.integers(-2, 3, 40).astype(float) for _ in range(2)]
    p, q = values
    x, y, z = p < q, p * 2 >= q, p == q
    want = [x & y | z, x & (y | z), ~(x & y), x ^ (y | z), x == y,
            np.where(x, p, np.where(y, q, p + q)),
            np.where(x & y, p + 1, q) * 2, x * p + y * q, x | y]  # fmt: skip
    for got, expected in zip(cgrad.function([a, b], outputs)(*values), want, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_two_signs_in_a_row_are_not_a_decrement() -> None:
    negative = exprs.call("-{0}", exprs.lit(-0.375, "float64"), dtype="float64")
    twice = exprs.call("-{0}", exprs.call("-{0}", exprs.var("x", "float64"), dtype="float64"),
                       dtype="float64")  # fmt: skip
    assert [Printer({})(expr) for expr in (negative, twice)] == ["-(-0.375)", "-(-x)"]
    # what stands between the signs in the graph vanishes where it is read
    x = ct.tensor("x", dtype="float64", shape=(1,))
    f = cgrad.function([x], [-ct.sum(-x), -ct.sum(-x * 1.0, axis=0)])
    assert [float(out) for out in f([2.5])] == [2.5, 2.5]


def test_conditions_with_calls_say_that_both_sides_are_evaluated() -> None:
    """clang asks whether && was meant where the right side of & calls a function."""
    a, b = (exprs.read(exprs.Buffer(name, "int64", (9,)), (0,)) for name in "ab")
    least = exprs.call("cg_min_i64({0}, {1})", a, b, dtype="int64")
    low = exprs.call("{0} < {1}", a, b, dtype="bool")
    high = exprs.call("{0} < {1}", b, least, dtype="bool")
    text = Printer({})(exprs.both(low, high))
    assert text == "(int)(a[0] < b[0]) & (b[0] < cg_min_i64(a[0], b[0]))"
    assert Printer({})(exprs.both(high, low)) == "(b[0] < cg_min_i64(a[0], b[0])) & (a[0] < b[0])"


def test_an_integer_compared_with_itself() -> None:
    """clang warns of such comparisons; a float may be nan."""
    for dtype, decided in (("int64", True), ("uint16", True), ("bool", True), ("float64", False)):
        x = ct.tensor("x", dtype=dtype, shape=(None, 1))
        # equal only when both are elements of x
        same = x[:, 0] >= ct.broadcast_to(x, x.shape)[:, 0]
        text = generate(Program([x], [same], "f"))
        assert (">= x" in text) != decided, text
