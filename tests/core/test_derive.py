"""The two derivative walks: what they accumulate, skip and connect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgrad.core.derive import connected, jvp, jvp_of_vjp, vjp, vjp_of_jvp
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.kinds import Opaque


class Cube(Opaque):
    """x**3 with one rule or the other."""

    __slots__ = ()
    name = "cube"

    def infer(self, args):
        return args[0].type

    def reference(self, x):
        return x**3


class CubeForward(Cube):
    __slots__ = ()

    def jvp(self, node, tangents):
        (x,), (t,) = node.args, tangents
        return t * (3 * x * x)


class CubeReverse(Cube):
    __slots__ = ()

    def vjp(self, node, ct, needed):
        (x,) = node.args
        return [ct * (3 * x * x)]


def ones(x):
    return build("ones_like", x)


@pytest.mark.parametrize("op", [CubeForward, CubeReverse])
def test_one_rule_gives_the_other(op, tensor, values):
    x = tensor("x", 1)
    y = Node(op(), (x,))
    at = np.array([1.0, -2.0, 0.5])
    (t,) = jvp([y], [x], [ones(x)])
    (ct,) = vjp([y], [x], [ones(y)])
    (second,) = vjp([ct], [x], [ones(ct)])
    (mixed,) = jvp([ct], [x], [ones(x)])
    found = values([t, ct, second, mixed], {x: at})
    for value, expected in zip(found, [3 * at**2, 3 * at**2, 6 * at, 6 * at], strict=True):
        assert np.allclose(value, expected)


def test_derived_rules_without_a_derivative(tensor):
    x = tensor("x", 1)

    class Flat(Cube):
        __slots__ = ()

        def jvp(self, node, tangents):
            return None

        def vjp(self, node, ct, needed):
            return [None]

    y = Node(Flat(), (x,))
    assert vjp_of_jvp(y, ones(y), [True]) == [None]
    assert jvp_of_vjp(y, [ones(x)]) is None


def test_missing_tangents_stay_missing(tensor):
    x, z = tensor("x"), tensor("z")
    y = x * z
    assert jvp([y, z], [x], [None]) == [None, None]
    pushed = jvp([y, z], [x], [ones(x)])
    assert pushed[1] is None
    # one product, no term for z
    assert len([node for node in toposort([pushed[0]]) if node.op.name == "mul"]) == 1
    assert vjp([y], [x, z], [None]) == [None, None]


def test_seeds_of_one_node_add_up(tensor, values):
    x = tensor("x")
    y = x * x
    assert values(jvp([y], [x, x], [ones(x), ones(x)]), {x: 3.0}) == [12]
    assert values(vjp([y, y], [x], [ones(y), ones(y)]), {x: 3.0}) == [12]


def test_wrt_never_cuts_a_walk(tensor, values):
    x = tensor("x")
    a = apply("sin", x)
    b = apply("exp", a)
    c = apply("sin", b)
    y = c * c
    alone = [vjp([y], [n], [ones(y)])[0] for n in (x, a, b, c)]
    together = vjp([y], [x, a, b, c], [ones(y)])
    backwards = vjp([y], [c, b, a, x], [ones(y)])[::-1]
    given = {x: 0.4}
    assert values(alone, given) == values(together, given) == values(backwards, given)


def test_consider_constant_cuts_both_walks(tensor, values):
    x = tensor("x")
    h = x * x
    y = h * x
    given = {x: 3.0}
    assert values(vjp([y], [x, h], [ones(y)], [h]), given) == [9, 3]
    assert values(jvp([y], [x], [ones(x)], [h]), given) == [9]
    # a constant that is in wrt moves as its own tangent says
    assert values(jvp([y], [x, h], [ones(x), ones(h)], [h]), given) == [12]


def test_connected(tensor):
    x, z = tensor("x", 1), tensor("z", 1)
    shape_only = [size_node(x.dims[0]), build("zeros_like", x)]
    for y in shape_only:
        assert connected([y], [x]) == set()
    h = apply("floor", x)
    assert connected([h * z], [x, z]) == {x, z}
    assert connected([h * z], [x, z, h], [h]) == {z, h}
    assert connected([x], [x]) == {x}
    assert connected([], [x]) == set()


# -- random graphs ----------------------------------------------------------------------------
UNARY = ["sin", "tanh", "exp", "neg", "sqr", "sigmoid", "softplus", "arctan", "abs"]
BINARY = ["add", "sub", "mul", "maximum", "logaddexp", "hypot"]
steps = st.lists(
    st.tuples(st.sampled_from(UNARY + BINARY), st.integers(0, 30), st.integers(0, 30)),
    min_size=2, max_size=14,
)  # fmt: skip


def _graph(steps):
    x = make_input(TensorType("float64", (None,)), "x")
    z = make_input(TensorType("float64", (None,)), "z")
    nodes = [x, z]
    for name, i, j in steps:
        a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append(apply("tanh", apply(name, a, b) if name in BINARY else apply(name, a)))
    return x, z, nodes


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(0, 2**32 - 1))
def test_forward_and_reverse_agree_on_random_graphs(values, steps, seed):
    x, z, nodes = _graph(steps)
    rng = np.random.default_rng(seed)
    outputs = nodes[-2:]
    t = [make_input(n.type) for n in (x, z)]
    ct = [make_input(n.type) for n in outputs]
    pushed = jvp(outputs, [x, z], t)
    pulled = vjp(outputs, [x, z], ct)
    given = {n: rng.uniform(-2, 2, 4) for n in (x, z, *t, *ct)}
    zero = np.zeros(4)
    forward = [zero if n is None else values([n], given)[0] for n in pushed]
    reverse = [zero if n is None else values([n], given)[0] for n in pulled]
    left = sum(np.dot(given[c], v) for c, v in zip(ct, forward, strict=True))
    right = sum(np.dot(v, given[s]) for s, v in zip(t, reverse, strict=True))
    assert np.isclose(left, right, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(0, 2**32 - 1))
def test_second_derivatives_are_symmetric_on_random_graphs(values, steps, seed):
    x, z, nodes = _graph(steps)
    y = nodes[-1]
    slopes = [build("zeros_like", n) if s is None else s
              for n, s in zip((x, z), vjp([y], [x, z], [ones(y)]), strict=True)]  # fmt: skip
    p, q = ([make_input(n.type) for n in (x, z)] for _ in range(2))
    rng = np.random.default_rng(seed)
    given = {n: rng.uniform(-1.5, 1.5, 3) for n in (x, z, *p, *q)}

    def product(a, b):
        pushed = jvp(slopes, [x, z], a)
        found = [np.zeros(3) if n is None else values([n], given)[0] for n in pushed]
        return sum(given[d] * v for d, v in zip(b, found, strict=True))

    assert np.allclose(product(p, q), product(q, p), rtol=1e-8, atol=1e-8)


def test_a_cotangent_has_the_lengths_of_its_node() -> None:
    # the product makes a cotangent of (1, m - 1); only x itself says that m - 1 is 1
    x = make_input(TensorType("float64", (1, 1)), "x")
    b = make_input(TensorType("float64", (None, None)), "b")
    y = build("set_subtensor", x[0:0, 0:0], build("exp", x))
    cost = build("sum", build("matmul", build("sin", y), b[1:]))
    one = make_input(cost.type)
    (slope,) = vjp([cost], [x], [one])
    (again,) = vjp([build("sum", slope * slope)], [x], [one])
    assert slope.dims == again.dims == (1, 1)
    found = evaluate([slope, again], {x: np.array([[0.5]]), b: np.ones((2, 3)), one: 1.0})
    assert found[0] == pytest.approx(3 * np.cos(0.5))
    assert found[1] == pytest.approx(-18 * np.cos(0.5) * np.sin(0.5))
