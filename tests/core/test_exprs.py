"""Expressions that need no operation are not made."""

from cgrad.core import exprs
from cgrad.core.dtypes import BOOL, FLOAT64, INT64

N, X = exprs.var("n", INT64), exprs.var("x", FLOAT64)


def test_the_larger_of_two_equal_values_is_the_value():
    assert exprs.call("{0} > {1} ? {0} : {1}", N, N, dtype=INT64) is N
    assert exprs.call("{0} - {1}", N, N, dtype=INT64) is not N


def test_an_integer_equals_itself_but_a_float_may_be_nan():
    assert exprs.call("{0} == {1}", N, N, dtype=BOOL) is exprs.lit(True, BOOL)
    assert exprs.call("{0} < {1}", N, N, dtype=BOOL) is exprs.lit(False, BOOL)
    assert isinstance(exprs.call("{0} == {1}", X, X, dtype=BOOL), exprs.Call)


def test_equal_values_are_seen_when_they_come_later():
    same = exprs.call("{0} == {1}", N, exprs.var("m", INT64), dtype=BOOL)
    assert exprs.with_parts(same, (N, N)) is exprs.lit(True, BOOL)


def test_a_known_condition_chooses():
    one, two = exprs.lit(1, INT64), exprs.lit(2, INT64)
    assert exprs.select(exprs.lit(True, BOOL), one, two) is one
    assert exprs.select(exprs.lit(False, BOOL), one, two) is two
