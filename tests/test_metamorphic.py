"""What must hold between results, whatever they are: permutations, powers of two, linearity."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cgrad
import cgrad.tensor as ct

SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = st.integers(1, 70)


def each(x: Any) -> Any:
    """Something of every element by itself."""
    return ct.tanh(x) * ct.exp(-x * x) + ct.log1p(ct.abs(x)) / (1 + ct.sqr(x))


@functools.cache
def program() -> Any:
    x, y, c = ct.dvector("x"), ct.dvector("y"), ct.dscalar("c")
    m = ct.outer(x, y)
    f, g = ct.sum(each(x) * y), ct.sum(ct.sin(x) * ct.sqr(y))
    both = cgrad.grad(c * f + g, [x, y])
    results = {
        "each": each(x), "slope": cgrad.grad(ct.sum(each(x)), x), "max": x.max(),
        "sorted": ct.sort(x), "sum": x.sum(), "dot": ct.dot(x, y), "norm2": ct.sum(ct.sqr(x)),
        "cumsum": ct.cumsum(x), "one": x * 1, "again": m.T.T, "m": m, "back": x[::-1][::-1],
        "product": ct.dot(m, y), "product T": ct.dot(y, m.T), "both x": both[0], "both y": both[1],
        "f x": cgrad.grad(f, x), "g x": cgrad.grad(g, x), "f y": cgrad.grad(f, y),
        "g y": cgrad.grad(g, y), "joined": ct.concatenate([x, y])[: x.shape[0]],
    }  # fmt: skip
    return cgrad.function([x, y, c], results)


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n) * 2, rng.normal(size=n)


@settings(max_examples=50)
@given(LENGTHS, SEEDS)
def test_what_permutations_keep(n: int, seed: int) -> None:
    x, y = sample(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    plain, moved = program()(x, y, 1.0), program()(x[order], y[order], 1.0)
    for name in ("each", "slope", "one", "back", "both x", "both y"):
        assert np.array_equal(plain[name][order], moved[name]), name
    for name in ("max", "sorted"):
        assert np.array_equal(plain[name], moved[name]), name
    assert np.array_equal(plain["m"][np.ix_(order, order)], moved["m"])
    scale = np.sum(np.abs(x)) * n * 2.0**-52
    assert abs(plain["sum"] - moved["sum"]) <= scale


@settings(max_examples=50)
@given(LENGTHS, SEEDS, st.integers(-300, 300))
def test_powers_of_two_pass_through(n: int, seed: int, power: int) -> None:
    x, y = sample(n, seed)
    plain, scaled = program()(x, y, 1.0), program()(np.ldexp(x, power), y, 1.0)
    for name in ("sum", "dot", "max", "cumsum", "sorted", "m", "product", "again"):
        assert np.array_equal(np.ldexp(plain[name], power), scaled[name]), name
    assert np.ldexp(plain["norm2"], 2 * power) == scaled["norm2"]


@settings(max_examples=50)
@given(LENGTHS, SEEDS, st.integers(-20, 20))
def test_derivatives_are_linear(n: int, seed: int, power: int) -> None:
    x, y = sample(n, seed)
    c = float(np.ldexp(1.0, power))
    found = program()(x, y, c)
    for name in "xy":
        parts = c * found[f"f {name}"], found[f"g {name}"]
        scale = np.abs(parts[0]) + np.abs(parts[1])
        # each term is rounded where it is made: the parts of a slope cancel no more than the whole
        bound = 16 * 2.0**-52 * (scale + c + 1)
        assert np.all(np.abs(found[f"both {name}"] - sum(parts)) <= bound), name


@settings(max_examples=50)
@given(LENGTHS, SEEDS)
def test_identities(n: int, seed: int) -> None:
    x, y = sample(n, seed)
    found = program()(x, y, 2.0)
    for name in ("one", "back", "joined"):
        assert np.array_equal(found[name], x), name
    assert np.array_equal(found["again"], found["m"])
    assert np.array_equal(found["product"], found["product T"])
    assert found["cumsum"][-1] == np.cumsum(x)[-1]


@settings(max_examples=30)
@given(LENGTHS, SEEDS)
def test_a_sum_is_that_of_its_parts(n: int, seed: int) -> None:
    x, y = sample(n, seed)
    k = seed % n
    whole = program()(x, y, 1.0)
    parts = [program()(x[s], y[s], 1.0) for s in (slice(0, k), slice(k, n)) if s.start != s.stop]
    for name, terms in (("sum", x), ("dot", x * y), ("norm2", x * x)):
        scale = np.sum(np.abs(terms)) * n * 2.0**-52
        assert abs(sum(part[name] for part in parts) - whole[name]) <= scale, name
    assert max(part["max"] for part in parts) == whole["max"]
    for name in ("each", "slope"):
        assert np.array_equal(np.concatenate([part[name] for part in parts]), whole[name])
