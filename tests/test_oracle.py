"""Random graphs against 50-digit numbers: a small share of what `python -m tests.fuzz` runs."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from fuzz.graphs import INTERPRETED, Graph, compiled, complex_step_errors, errors
from fuzz.scalars import FUNCTIONS
from fuzz.tape import DIGITS, Ambiguous, Tape, mp

from cgrad.ops.scalar import TABLE

# in units of the bound; a complex step stays below half of one
GATE = 16.0
SEEDS = range(20_000, 20_040)
IN_KERNEL = 12


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    found = []
    for seed in SEEDS:
        graph = Graph(seed)
        try:
            found.append((graph, *graph.oracle()))
        except Ambiguous:
            continue
    assert len(found) > 0.9 * len(SEEDS)
    return found


@pytest.mark.parametrize("way", INTERPRETED)
def test_interpreted(way: str, cases: list[Any]) -> None:
    floats = 0
    for graph, run, want, _ in cases:
        found = errors(graph, run, want, INTERPRETED[way](graph))
        assert not found.wrong
        assert found.worst <= GATE, graph.seed
        floats += sum(map(len, found.units.values()))
    assert floats > 700


@pytest.mark.parametrize("plain", [False, True])
def test_compiled(plain: bool, cases: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRAD_CFLAGS", "-O1")
    some = cases[-IN_KERNEL:] if plain else cases[:IN_KERNEL]
    results = compiled([case[0] for case in some], plain=plain)
    for (graph, run, want, _), got in zip(some, results, strict=True):
        found = errors(graph, run, want, got)
        assert not found.wrong
        assert found.worst <= GATE, graph.seed


def test_axes_longer_than_a_vector() -> None:
    """A small share of `python -m tests.fuzz --wide`."""
    longest = 0
    for seed in range(30_000, 30_005):
        graph = Graph(seed, wide=True)
        run, want, _ = graph.oracle()
        found = errors(graph, run, want, INTERPRETED["rewritten"](graph))
        assert not found.wrong
        assert found.worst <= GATE, seed
        longest = max([longest, *(n for array in graph.arrays for n in array.shape)])
    assert longest > 32


def test_a_complex_step_keeps_the_gate(cases: list[Any]) -> None:
    worst = [max(complex_step_errors(*case), default=0.0) for case in cases]
    assert 0 < max(worst) <= GATE / 2


def test_the_oracle_sees_a_wrong_sign(cases: list[Any]) -> None:
    """An error of one part in 1e9 in one element is far beyond the gate."""
    seen = 0
    for graph, run, want, _ in cases:
        got = [np.array(a) for a in INTERPRETED["as written"](graph)]
        for array in got:
            if array.dtype == np.float64 and array.size and np.all(np.abs(array) > 1e-3):
                array.flat[0] *= 1 + 1e-9
                seen += errors(graph, run, want, got).worst > GATE
                break
    assert seen > 20


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) & set(TABLE)))
def test_the_oracles_own_derivatives(name: str) -> None:
    """Its table against differences of 50-digit numbers, first and second order."""
    f = FUNCTIONS[name]
    arity = TABLE[name].arity
    for at in ((0.75, 0.5), (0.3, 0.8)):
        args = [mp.mpf(v) + (1 if name == "arccosh" else 0) for v in at[:arity]]
        tape = Tape()
        with mp.workdps(DIGITS), np.errstate(all="ignore"):
            ids = [tape.number(v, "float64") for v in args]
            y = tape(name, *ids, dtype="float64")
            first = tape.pull({y: tape.number(1, "float64")}, ids)
            for k in range(arity):
                order = [int(j == k) for j in range(arity)]
                true = mp.diff(f.value, tuple(args), tuple(order))
                assert abs(tape.values[first[k]] - true) < 1e-14 * (1 + abs(true)), (name, k)
                assert abs(f.slope(k, tape.floats[y], [float(v) for v in args])
                           - float(abs(true))) < 1e-6 * (1 + float(abs(true)))  # fmt: skip
                second = tape.pull({first[k]: tape.number(1, "float64")}, ids)
                for j in range(arity):
                    both = [a + int(i == j) for i, a in enumerate(order)]
                    true = mp.diff(f.value, tuple(args), tuple(both))
                    got = tape.values[second[j]]
                    assert abs(got - true) < 1e-13 * (1 + abs(true)), (name, k, j)


def test_bounds_hold_and_are_not_wide() -> None:
    """1 - t * t for t = tanh(20) has no digits left, and the bound says so."""
    tape = Tape()
    with mp.workdps(DIGITS):
        x = tape.number(20, "float64")
        t = tape("tanh", x, dtype="float64")
        square = tape("mul", t, t, dtype="float64")
        bad = tape("sub", tape.number(1, "float64"), square, dtype="float64")
        good = tape("dtanh", x, dtype="float64")
        assert mpmath.almosteq(tape.values[bad], tape.values[good], 1e-30)
    assert tape.bounds[bad] > 10 * tape.values[good]
    assert tape.bounds[good] < 1e-15 * tape.values[good]


def test_at_a_minimum_the_second_order_counts() -> None:
    """The variance of equal numbers is 0, but their mean is rounded."""
    tape = Tape()
    with mp.workdps(DIGITS):
        x = tape.number(1.1, "float64")
        gap = tape("sub", x, tape("mul", x, tape.number(1, "float64"), dtype="float64"),
                   dtype="float64")  # fmt: skip
        for square in (tape("sqr", gap, dtype="float64"), tape("mul", gap, gap, dtype="float64")):
            assert tape.values[square] == 0
            assert tape.bounds[gap] ** 2 <= tape.bounds[square] <= 4 * tape.bounds[gap] ** 2


def test_rounding_that_decides_is_refused() -> None:
    tape = Tape()
    with mp.workdps(DIGITS):
        third = tape("true_div", *(tape.number(n, "float64") for n in (1, 3)), dtype="float64")
        whole = tape("mul", third, tape.number(3, "float64"), dtype="float64")
        with pytest.raises(Ambiguous):
            tape.order(whole, tape.number(1, "float64"))
        assert tape.order(third, whole) < 0
