"""A few mutants of the derivative and rewrite rules; `python -m tests.mutants` has all of them."""

from __future__ import annotations

import sys

import pytest
from mutants.killers import KILLED, SURVIVED, nearest, survives
from mutants.make import Mutant, every
from mutants.same import EQUIVALENT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs os.fork")

# quick to kill, one of each kind of change
SOME = [
    "ops.elementwise tanh: 'dtanh' -> 'dsigmoid'",
    "ops.elementwise sub: (NEG,) -> ()",
    "ops.elementwise log: Over(x) -> x",
    "ops.elementwise arcsin: 'sqrt' -> 'sqr'",
    "ops.elementwise dtanh: -2.0 -> 2.0",
    "ops.elementwise hypot: (a, Over(_nonzero(y))) -> (a,)",
    "rewrites.simplify sub_neg: n + m -> n - m",
    "rewrites.stabilise log_sigmoid: softplus(-x) -> sigmoid(-x)",
    "rewrites.simplify collect: first + second -> first - second",
]


@pytest.fixture(scope="module")
def mutants() -> dict[str, Mutant]:
    return {mutant.name: mutant for mutant in every()}


def test_there_are_many(mutants: dict[str, Mutant]) -> None:
    assert len(mutants) > 1000
    assert not set(EQUIVALENT) - set(mutants), "these are no mutants any more"


@pytest.mark.parametrize("name", SOME)
def test_is_killed(name: str, mutants: dict[str, Mutant]) -> None:
    mutant = mutants[name]
    checks = list(nearest(mutant))
    assert checks
    assert survives(mutant, checks, put=lambda _: 1) == (SURVIVED, "")  # sound code
    outcome, by = survives(mutant, checks)
    assert outcome == KILLED and by in {check.name for check in checks}
