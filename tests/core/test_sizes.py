"""Sizes against plain integers: normal form, bounds, upper bounds, substitution, text."""

from __future__ import annotations

import operator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cgrad.core import sizes
from cgrad.core.node import TensorType, make_input
from cgrad.core.text import size_text

x = make_input(TensorType("float64", (None, None)), "x")
k = make_input(TensorType("int64", ()), "k")
m = make_input(TensorType("int64", ()), "m")
ATOMS = {
    "n": sizes.dim(x, 0), "p": sizes.dim(x, 1), "k": sizes.value(k), "m": sizes.value(m),
    "i": sizes.index("i"),
}  # fmt: skip


def wrap(i, n):
    return i + n if i < 0 else i


# name -> (on sizes, on integers)
OPS = {
    "+": (operator.add, operator.add),
    "-": (operator.sub, operator.sub),
    "*": (operator.mul, operator.mul),
    "//": (sizes.floordiv, operator.floordiv),
    "min": (sizes.minimum, min),
    "max": (sizes.maximum, max),
    "wrap": (sizes.wrap, wrap),
}

leaves = st.one_of(st.integers(-4, 4), st.sampled_from(sorted(ATOMS)))
trees = st.recursive(
    leaves, lambda inner: st.tuples(st.sampled_from(sorted(OPS)), inner, inner), max_leaves=8
)
natural = st.integers(0, 7)
whole = st.integers(-7, 7)
points = st.fixed_dictionaries({"n": natural, "p": natural, "k": whole, "m": whole, "i": natural})


def number(tree, point):
    """The value of a tree by plain integers; a divisor below 1 is not allowed."""
    if isinstance(tree, int):
        return tree
    if isinstance(tree, str):
        return point[tree]
    name, a, b = tree
    a, b = number(a, point), number(b, point)
    assume(name != "//" or b > 0)
    return OPS[name][1](a, b)


def symbol(tree):
    if isinstance(tree, int):
        return tree
    if isinstance(tree, str):
        return ATOMS[tree]
    name, a, b = tree
    return OPS[name][0](symbol(a), symbol(b))


def divisors_are_positive(tree):
    """Whether every divisor is positive for all values, so that the tree means something."""
    if not isinstance(tree, tuple):
        return True
    name, a, b = tree
    if name == "//":
        low, _ = sizes.bounds(symbol(b)) if divisors_are_positive(b) else (None, None)
        if low is None or low < 1:
            return False
    return divisors_are_positive(a) and divisors_are_positive(b)


def at(point):
    names = {
        ("dim", x, 0): "n", ("dim", x, 1): "p", ("value", k): "k", ("value", m): "m",
        ("index", "i"): "i",
    }  # fmt: skip
    return lambda atom: point[names[(atom.kind, *atom.args)]]


@settings(max_examples=600)
@given(trees, points)
def test_the_normal_form_has_the_same_value(tree, point):
    expected = number(tree, point)
    assert sizes.evaluate(symbol(tree), at(point)) == expected


@settings(max_examples=600)
@given(trees.filter(divisors_are_positive), points)
def test_bounds_hold(tree, point):
    low, high = sizes.bounds(symbol(tree))
    found = number(tree, point)
    assert low is None or low <= found
    assert high is None or found <= high


@settings(max_examples=1000)
@given(trees.filter(divisors_are_positive), points, st.sets(st.sampled_from("npkmi")))
def test_upper_bounds_hold_and_use_known_atoms_only(tree, point, known):
    names = {("dim", x, 0): "n", ("dim", x, 1): "p", ("value", k): "k", ("value", m): "m"}

    def is_known(atom):
        return names.get((atom.kind, *atom.args), "i") in known

    bound = sizes.upper(symbol(tree), is_known)
    if bound is None:
        return
    assert number(tree, point) <= sizes.evaluate(bound, at(point))
    simple = [a for a in sizes.atoms(bound) if a.kind in ("dim", "value", "index")]
    assert all(is_known(atom) for atom in simple)


def test_upper_bounds_that_allocation_needs():
    n, p, v = ATOMS["n"], ATOMS["p"], ATOMS["k"]

    def entry(atom):
        return atom.kind == "dim"

    assert sizes.upper(n + 1, entry) == n + 1
    assert sizes.upper(sizes.minimum(v, n), entry) == n
    assert sizes.upper(n - sizes.maximum(0, v), entry) == n
    assert sizes.upper(sizes.maximum(0, sizes.minimum(v, n) - 1), entry) == sizes.maximum(0, n - 1)
    assert sizes.upper(sizes.floordiv(sizes.minimum(v, n) + 1, 2), entry) == (n + 1) // 2
    assert sizes.upper(v, entry) is None
    # a number that may be negative, between lengths that are not
    assert sizes.upper(sizes.minimum(v, n) * p, entry) == n * p
    assert sizes.upper(sizes.minimum(v, n - 3) * p, entry) == sizes.maximum(0, n - 3) * p
    assert sizes.upper(sizes.minimum(v, n) * sizes.minimum(v, p), entry) is None
    assert sizes.upper(3, entry) == 3


def test_upper_bounds_do_not_trust_signs():
    """Products with a factor that may be negative, squares of what may be negative."""
    n, v = ATOMS["n"], ATOMS["k"]

    def entry(atom):
        return atom.kind == "dim"

    capped = sizes.minimum(v, 5)
    for size in (capped * capped, capped * sizes.minimum(n, -3), -capped * sizes.maximum(v, 1)):
        bound = sizes.upper(size, entry)
        for value in range(-9, 9):
            for length in range(6):
                point = {"n": length, "k": value}
                if bound is not None:
                    found = sizes.evaluate(size, at(point))
                    assert found <= sizes.evaluate(bound, at(point)), (size, point)


@settings(max_examples=300)
@given(trees, trees, trees, points)
def test_the_same_sum_or_product_is_the_same_size(a, b, c, point):
    for tree in (a, b, c):
        number(tree, point)  # the divisors are positive
    a, b, c = symbol(a), symbol(b), symbol(c)
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert (a + b) - b == a
    assert sizes.minimum(a, b) == sizes.minimum(b, a)
    assert sizes.maximum(a, b) == sizes.maximum(b, a)
    for left, right in ((a + b, b + a), (a * b, b * a)):
        assert hash(left) == hash(right)


@settings(max_examples=300)
@given(trees, points, st.dictionaries(st.sampled_from("npkmi"), trees, max_size=3))
def test_substitution(tree, point, replaced):
    inner = {name: number(t, point) for name, t in replaced.items()}
    assume(all(inner.get(name, 0) >= 0 for name in "npi"))
    moved = {**point, **inner}
    expected = number(tree, moved)
    keys = {("dim", x, 0): "n", ("dim", x, 1): "p", ("value", k): "k", ("value", m): "m",
            ("index", "i"): "i"}  # fmt: skip

    def replace(atom):
        name = keys.get((atom.kind, *atom.args)) if atom.kind in ("dim", "value", "index") else None
        return symbol(replaced[name]) if name in replaced else None

    assert sizes.evaluate(sizes.substitute(symbol(tree), replace), at(point)) == expected


@settings(max_examples=300)
@given(trees, points)
def test_the_text_means_the_same(tree, point):
    number(tree, point)
    scope = {"min": min, "max": max, "wrap": wrap, **{name: point[name] for name in "ikm"}}

    class Shaped:
        shape = (point["n"], point["p"])

    text = size_text(symbol(tree))
    assert eval(text, {"x": Shaped, **scope}) == sizes.evaluate(symbol(tree), at(point))


def test_keys_do_not_depend_on_the_order_of_making():
    n, v = ATOMS["n"], ATOMS["k"]
    labels = {x: "arg 0", k: "arg 1"}
    first = sizes.key(n * 2 + sizes.minimum(n, v), labels.__getitem__)
    other_x = make_input(TensorType("float64", (None,)), "y")
    other_k = make_input(TensorType("int64", ()), "j")
    labels = {other_x: "arg 0", other_k: "arg 1"}
    n, v = sizes.dim(other_x, 0), sizes.value(other_k)
    assert sizes.key(sizes.minimum(v, n) + n * 2, labels.__getitem__) == first
    assert sizes.key(sizes.minimum(v, n) + n * 3, labels.__getitem__) != first


def test_keys_do_not_depend_on_how_many_nodes_there_were_before():
    found = set()
    for _ in range(1100):
        a, b = (make_input(TensorType("float64", (None,))) for _ in range(2))
        size = sizes.minimum(sizes.dim(a, 0), sizes.dim(b, 0))
        swapped = sizes.minimum(sizes.dim(b, 0), sizes.dim(a, 0))
        assert size == swapped
        found.add(sizes.key(size, {a: "arg 0", b: "arg 1"}.__getitem__))
        found.add(sizes.key(size, {a: "arg 1", b: "arg 0"}.__getitem__))
        assert [atom.args[0] for atom in size.terms[0][0][0].args[0].terms[0][0]] == [a]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (lambda n, p: n, "x.shape[0]"),
        (lambda n, p: n + 1, "x.shape[0] + 1"),
        (lambda n, p: 2 * n * p - 3, "2 * x.shape[0] * x.shape[1] - 3"),
        (lambda n, p: -n, "-x.shape[0]"),
        (lambda n, p: n // 2, "(x.shape[0] // 2)"),
        (lambda n, p: (n + 1) // 2, "((x.shape[0] + 1) // 2)"),
        (lambda n, p: (n + 1) // (2 * p + 2), "((x.shape[0] + 1) // (2 * x.shape[1] + 2))"),
        (lambda n, p: sizes.minimum(n, 3), "min(x.shape[0], 3)"),
    ],
)
def test_text(size, text):
    found = size_text(size(ATOMS["n"], ATOMS["p"]))
    assert found == text or found == "min(3, x.shape[0])"


def test_a_size_with_many_paths_to_the_same_part_is_walked_once():
    """Of x joined with two of its elements, thirty times: 2^30 paths, some hundred atoms."""
    n = ATOMS["n"]
    size, plain = n, 5
    for _ in range(30):
        size = sizes.maximum(0, sizes.minimum(2, size - 1)) + size
        plain = max(0, min(2, plain - 1)) + plain
    seen = []

    def count(atom):
        seen.append(atom)

    assert len(list(sizes.atoms(size))) < 100
    assert sizes.substitute(size, count) == size
    assert len(seen) == len(set(seen)) < 100
    assert sizes.evaluate(size, lambda atom: 5) == plain
    assert sizes.substitute(size, lambda atom: n + 1 if atom.kind == "dim" else None) != size
    assert sizes.upper(size, lambda atom: atom.kind == "dim") == size
    assert sizes.upper(size, lambda atom: False) is None
    assert sizes.bounds(size) == (0, None)
    assert len(size_text(size)) < 10_000
    keys = {sizes.key(size + c, {x: "arg 0"}.__getitem__) for c in (0, 0, 1)}
    assert len(keys) == 2
    assert len(repr(keys)) < 40_000


def test_a_minimum_of_a_minimum():
    n, p = ATOMS["n"], ATOMS["p"]
    assert sizes.minimum(1, sizes.minimum(1, n) + n) == sizes.minimum(1, 2 * n)
    assert sizes.minimum(sizes.minimum(n, p), n) == sizes.minimum(n, p)
    for size in (n - 1, n + sizes.minimum(2, p) - 1):
        value = sizes.minimum(2, 2 * sizes.minimum(2, size) + p)
        for a in range(5):
            for b in range(5):
                at = {ATOMS["n"]: a, ATOMS["p"]: b}
                given = sizes.evaluate(size, lambda atom, at=at: at[sizes.as_size(atom)])
                found = sizes.evaluate(value, lambda atom, at=at: at[sizes.as_size(atom)])
                assert found == min(2, 2 * min(2, given) + b)
