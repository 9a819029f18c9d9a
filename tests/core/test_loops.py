"""Expressions that need no operation are not made."""

from cgrad.core import loops
from cgrad.core.dtypes import BOOL, FLOAT64, INT64

N, X = loops.var("n", INT64), loops.var("x", FLOAT64)


def test_the_larger_of_two_equal_values_is_the_value():
    assert loops.call("{0} > {1} ? {0} : {1}", N, N, dtype=INT64) is N
    assert loops.call("{0} - {1}", N, N, dtype=INT64) is not N


def test_an_integer_equals_itself_but_a_float_may_be_nan():
    assert loops.call("{0} == {1}", N, N, dtype=BOOL) is loops.lit(True, BOOL)
    assert loops.call("{0} < {1}", N, N, dtype=BOOL) is loops.lit(False, BOOL)
    assert isinstance(loops.call("{0} == {1}", X, X, dtype=BOOL), loops.Call)


def test_equal_values_are_seen_when_they_come_later():
    same = loops.call("{0} == {1}", N, loops.var("m", INT64), dtype=BOOL)
    assert loops.with_parts(same, (N, N)) is loops.lit(True, BOOL)


def test_a_known_condition_chooses():
    one, two = loops.lit(1, INT64), loops.lit(2, INT64)
    assert loops.select(loops.lit(True, BOOL), one, two) is one
    assert loops.select(loops.lit(False, BOOL), one, two) is two
