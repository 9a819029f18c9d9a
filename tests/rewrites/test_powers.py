"""When a power of one half is a square root."""

from __future__ import annotations

from typing import Any

import pytest

import cgrad.tensor as ct
from cgrad.rewrites import expand, simplify
from cgrad.rewrites.powers import never_negative

X = ct.dvector("x")


@pytest.mark.parametrize(
    ("build", "expected"),
    [(lambda x: ct.sqr(x) + 1, True), (lambda x: ct.sqr(x) * 0.5, True), (lambda x: x, False),
     (lambda x: ct.sqr(x) * -2, False), (lambda x: ct.sqr(x) - 1, False),
     (lambda x: ct.sqr(x) * -0.0, False), (lambda x: ct.exp(x) + ct.abs(x), True),
     (lambda x: ct.maximum(x, 1), False), (lambda x: ct.sqrt(ct.sqr(x)), True)],
)  # fmt: skip
def test_never_negative(build: Any, expected: bool) -> None:
    assert never_negative(simplify([build(X)])[0]) is expected


def test_the_power_of_what_may_be_minus_zero_stays() -> None:
    """(-0.0) ** 0.5 is 0.0, the square root of -0.0 is -0.0."""
    for base, name in ((ct.sqr(X) * -2, "pow"), (ct.sqr(X) * 2, "sqrt")):
        assert expand(simplify([base**0.5]))[0].op.name == name
