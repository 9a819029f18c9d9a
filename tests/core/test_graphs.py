"""Walks over graphs: order, substitution, hash-consing, structure; their cost on long chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from work import count_calls

import cgrad
import cgrad.tensor as ct
from cgrad.core import sizes
from cgrad.core.derive import connected, jvp, vjp
from cgrad.core.graphs import Body, dependents, intern, number, structure, substitute, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.ops.axes import broadcast_axes, expect_shape, sum_axes
from cgrad.ops.constants import Arange, constant, size_node
from cgrad.ops.control import make_scan
from cgrad.ops.elementwise import apply

LONG = 6_000


def plain(outputs, inputs):
    """The structure of a graph over its inputs."""
    outputs = intern(outputs)
    return structure(inputs, outputs, toposort(outputs), lambda node: "elsewhere")


def test_a_length_that_is_only_expected_is_replaced_too() -> None:
    x, other = (make_input(TensorType("float64", (None,))) for _ in range(2))
    checked = expect_shape(x, other.dims, "x", "")
    four = make_input(TensorType("float64", (4,)))
    (found,) = substitute([checked], {other: four})
    assert found.op.shape == (4,) and found.args == (x,)


def test_toposort_is_depth_first_and_left_to_right(tensor):
    x, z = tensor("x"), tensor("z")
    a = apply("sin", x)
    b = z * a
    c = a + b
    assert toposort([c]) == [x, a, z, b, c]
    assert toposort([a, c]) == [x, a, z, b, c]
    assert toposort([c], stop=[a]) == [a, z, b, c]
    assert toposort([c, c]) == toposort([c])
    assert toposort([]) == []


def test_toposort_sees_what_sizes_mention(tensor):
    x, k = tensor("x", 1), tensor("k", 0, "int64")
    grown = Node(Arange(sizes.value(k) + x.dims[0]))
    assert set(toposort([grown])) == {x, k, grown}
    assert toposort([grown])[-1] is grown


def test_lengths_that_are_only_expected_are_replaced_too(tensor):
    x, y, k = tensor("x", 1), tensor("y", 1), tensor("k", 0, "int64")
    part = Node(Arange(sizes.minimum(x.dims[0], sizes.value(k))))
    out = expect_shape(part, y.dims, "test", "fix")
    assert y not in toposort([out])  # it is no dependency
    (new,) = substitute([out], {x: tensor("x", (3,)), y: tensor("y", (3,)), k: k})
    assert new.op.shape == (3,)


def test_dependents(tensor):
    x, z = tensor("x"), tensor("z")
    a = apply("sin", x)
    b = apply("exp", a)
    c = z * b
    assert dependents([c], [a]) == {a, b, c}
    assert dependents([c], [b, x]) == {x, a, b, c}
    assert dependents([c], [z]) == {z, c}
    # a root that nothing depends on is there, and nothing else
    assert dependents([a], [z]) == {z}


def test_substitute_in_values_and_sizes(tensor, values):
    x, z, other = tensor("x", 1), tensor("z", 1), tensor("w", 1)
    ones = broadcast_axes(constant(1.0), x.dims, ())
    kept = apply("sin", other)
    y = x * ones + size_node(x.dims[0])
    new, same = substitute([y, kept], {x: z})
    assert same is kept
    assert x not in toposort([new])
    assert new.dims == z.dims
    assert values([new], {z: [1.0, 2.0, 3.0]})[0].tolist() == [4, 5, 6]
    # the old graph is untouched
    assert values([y], {x: [1.0]})[0].tolist() == [2]


def test_substitute_an_intermediate_keeps_names(tensor):
    x = tensor("x")
    a, b = x + 1, x + 1
    y = a * b
    y.name = "y"
    (new,) = substitute([y], {a: x})
    assert new.args == (x, b)
    assert new.name == "y"
    assert new.site == y.site


def test_intern_shares_equal_nodes(tensor):
    x = tensor("x")
    first, second = apply("sin", x) * 2, apply("sin", x) * 2
    a, b = intern([first, second])
    assert a is b
    c, d = intern([apply("sin", x), apply("cos", x)])
    assert c is not d


def test_intern_keeps_free_variables_and_data_apart(tensor):
    x, z = tensor("x"), tensor("x")
    a, b = intern([apply("sin", x), apply("sin", z)])
    assert a is not b
    large = np.zeros(100)
    p, q = intern([constant(large), constant(large)])
    assert p is not q


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (2, 2, True), (2, 2.0, False), (0.0, -0.0, False), (1, True, False),
        (float("nan"), float("nan"), True), (np.float64(2), np.float64(2), True),
        (np.float64(2), np.float32(2), False), (np.zeros(2), np.zeros((1, 2)), False),
        (np.array([0.0, 1.0]), np.array([-0.0, 1.0]), False),
    ],
)  # fmt: skip
def test_constants_are_told_apart_by_dtype_and_bits(first, second, equal, tensor):
    x = tensor("x")
    a, b = intern([constant(first), constant(second)])
    assert (a is b) == equal
    one, two = constant(first), constant(second)
    assert (plain([one], [x]) == plain([two], [x])) == equal


def test_a_weak_constant_is_not_a_strong_one(tensor):
    a, b = intern([constant(2.0, weak=True), constant(2.0)])
    assert a is not b


def _program(tensor, power=2, scale=1.5, names=("x", "z")):
    x, z = tensor(names[0], 2), tensor(names[1], 1)
    total = sum_axes(apply("exp", x**power), (0,)) * scale
    return [total * z, size_node(x.dims[1])], [x, z]


def test_structure_is_equal_for_rebuilt_graphs(tensor):
    first, second = _program(tensor), _program(tensor)
    assert plain(*first) == plain(*second)
    assert hash(plain(*first)) == hash(plain(*second))


@pytest.mark.parametrize("changed", [{"power": 3}, {"power": 2.0}, {"scale": -1.5},
                                     {"names": ("z", "x")}])  # fmt: skip
def test_structure_differs_for_other_graphs(changed, tensor):
    assert plain(*_program(tensor)) != plain(*_program(tensor, **changed))


def test_structure_sees_shared_parts(tensor):
    x = tensor("x")
    a = apply("sin", x)
    shared, apart = a * a, apply("sin", x) * apply("sin", x)
    # interned graphs are compared: from then on common subexpressions are shared
    assert plain([shared], [x]) == plain([apart], [x])
    assert len(plain([apart], [x])[1]) == 3


def _loop(tensor, name="s", first="sin", extra=False):
    """cumulative first(carry + slice) with an inner node made twice."""
    s, x0 = tensor(name, 1), tensor("x0")
    carry, item = tensor(), tensor()
    after = apply(first, carry + item) + (apply("cos", carry) if extra else 0.0)
    found = make_scan(
        [], [x0], [s], [], [carry], [item], [after], [after * after], s.dims[0], False
    )
    return [found.y(0), found.final(0)], [s, x0]


def test_structure_looks_into_loops(tensor):
    assert plain(*_loop(tensor)) == plain(*_loop(tensor))
    assert plain(*_loop(tensor)) != plain(*_loop(tensor, first="cos"))
    assert plain(*_loop(tensor)) != plain(*_loop(tensor, extra=True))


def test_intern_makes_equal_loops_one_and_shares_inside(tensor):
    s, x0 = tensor("s", 1), tensor("x0")

    def loop():
        carry, item = tensor(), tensor()
        after = apply("sin", carry) + apply("sin", carry) + item
        return make_scan([], [x0], [s], [], [carry], [item], [after], [], s.dims[0], False).final(0)

    a, b = intern([loop(), loop()])
    assert a is b
    body = a.args[0].op.body
    assert sum(node.op.name == "sin" for node in body.order) == 1


def test_substitute_reaches_the_sizes_of_loops(tensor, values):
    outputs, (s, x0) = _loop(tensor)
    z = tensor("z", 1)
    new = substitute(outputs, {s: z})
    assert s not in toposort(new)
    given = [0.1, 0.2, 0.3]
    found, expected = values(new, {z: given, x0: 1.0}), values(outputs, {s: given, x0: 1.0})
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_bodies_order_their_nodes(tensor):
    x = tensor("x")
    a = apply("sin", x)
    b = apply("exp", a)
    body = Body([x], [b, x])
    assert body.order == (a, b)
    assert body.free == ()


def test_numbering_covers_bodies(tensor):
    outputs, _ = _loop(tensor)
    everything = number(toposort(outputs))
    assert [node.tag for node in everything] == list(range(len(everything)))
    assert any(node.op.name == "sin" for node in everything)


# -- long chains ------------------------------------------------------------------------------
def chain(n, x):
    for _ in range(n):
        x = apply("sin", x)
    return x


def _structure(x, y):
    return structure([x], [y], toposort([y]), id)


WALKS = {
    "toposort": lambda x, y: toposort([y]),
    "dependents": lambda x, y: dependents([y], [x]),
    "connected": lambda x, y: connected([y], [x]),
    "substitute": lambda x, y: substitute([y], {x: make_input(x.type, "z")}),
    "intern": lambda x, y: intern([y]),
    "number": lambda x, y: number(toposort([y])),
    "structure": _structure,
    "jvp": lambda x, y: jvp([y], [x], [build("ones_like", x)]),
    "vjp": lambda x, y: vjp([y], [x], [build("ones_like", y)]),
    "body": lambda x, y: Body([x], [y]),
}


@pytest.fixture(scope="module")
def chains():
    x = make_input(TensorType("float64", (None,)), "x")
    return x, chain(LONG // 4, x), chain(LONG, x)


@pytest.mark.parametrize("walk", WALKS)
def test_long_chains(walk, chains):
    """No recursion error, and four times the nodes take about four times the calls."""
    x, short, long = chains
    assert WALKS[walk](x, short) is not None
    few, many = (count_calls(lambda y=y: WALKS[walk](x, y)) for y in (short, long))
    assert many <= 4.5 * few + 100, (few, many)


def test_wide_shared_graphs_are_walked_once(tensor):
    """2**60 paths, 120 nodes."""
    x = tensor("x")
    y = x
    for _ in range(60):
        y = y + y
    assert len(toposort([y])) == 61
    (slope,) = vjp([y], [x], [build("ones_like", y)])
    assert len(toposort([slope])) < 400
    (fresh,) = substitute([y], {x: tensor("z")})
    assert len(toposort([fresh])) == 61


def test_bodies_are_read_only_when_they_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    x = ct.dvector("x")
    read: list[Body] = []
    original = Body.structure

    def structure(body: Body, label: Any) -> Any:
        read.append(body)
        return original(body, label)

    monkeypatch.setattr(Body, "structure", structure)
    one = cgrad.scan(lambda s: ct.sin(s), outputs_info=[x], n_steps=3)[0]
    other = cgrad.scan(lambda s: ct.sin(s), outputs_info=[x], n_steps=3)[0]
    third = cgrad.scan(lambda s: ct.cos(s), outputs_info=[x], n_steps=3)[0]
    intern([one])
    intern([one, third])
    assert not read
    a, b = intern([one, other])
    assert a is b and read
