"""Functions of intermediate nodes, whose shape the graph below may mention by way of the inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node


@pytest.mark.parametrize(
    "hidden",
    [lambda x: ct.tanh(x), lambda x: ct.tanh(x)[1:], lambda x: ct.tanh(x)[:-1],
     lambda x: ct.concatenate([x, x[:1]]),
     lambda x: x.reshape((-1, 1)), lambda x: x[::-1] * 2.0],
)  # fmt: skip
def test_gradients_need_no_more_than_the_node(hidden: Callable[[Node], Node]) -> None:
    h = hidden(ct.dvector("x"))
    cost = ct.sum(h**2) + ct.mean(ct.sin(h))
    f = cgrad.function([h], [cost, cgrad.grad(cost, h)])
    at = np.linspace(0.5, 2.0, 4).reshape((4, 1) if h.ndim == 2 else (4,))
    value, slope = f(at)
    np.testing.assert_allclose(value, np.sum(at**2) + np.mean(np.sin(at)))
    np.testing.assert_allclose(slope, 2 * at + np.cos(at) / 4)


def test_layers_of_a_network() -> None:
    x, w, v = ct.dmatrix("x"), ct.dmatrix("w"), ct.dmatrix("v")
    h = ct.tanh(ct.dot(x, w))
    cost = ct.sum(ct.dot(h, v) ** 2)
    f = cgrad.function([h, v], cgrad.grad(cost, [h, v]))
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 2))
    of_h, of_v = f(a, b)
    np.testing.assert_allclose(of_h, 2 * a @ b @ b.T)
    np.testing.assert_allclose(of_v, 2 * a.T @ a @ b)


def test_two_nodes_of_one_input() -> None:
    x = ct.dmatrix("x")
    rows, joined = ct.sum(x, axis=1), ct.sum(x, axis=0)
    cost = ct.sum(rows) * ct.sum(joined) + x.shape[0] * x.shape[1]
    f = cgrad.function([rows, joined], [cost, *cgrad.grad(cost, [rows, joined])])
    value, *slopes = f([1.0, 2.0], [1.0, 2.0, 4.0])
    assert value == 3 * 7 + 2 * 3
    assert [s.tolist() for s in slopes] == [[7, 7], [3, 3, 3]]


def test_what_is_needed_is_named() -> None:
    x, k = ct.dvector("x"), ct.dvector("k")
    h = ct.tanh(x)
    with pytest.raises(TypeError, match=r"depend on <x: float64 .*not among the inputs"):
        cgrad.function([h], ct.sum(h * x))
    with pytest.raises(TypeError, match=r"depend on the shape of <k: float64 .*not among"):
        cgrad.function([h], ct.sum(h) * k.shape[0])
    with pytest.raises(TypeError, match=r"depend on <x: float64 .*not among the inputs"):
        cgrad.function([h], x)
    # the length of a sum over pairs does not say how many elements there were
    half = ct.sum(x.reshape((-1, 2)), axis=1)
    with pytest.raises(TypeError, match="depend on the shape of"):
        cgrad.function([half], ct.sum(half) * x.shape[0])
    assert cgrad.function([h, x], ct.sum(h * x))([1.0, 2.0], [3.0, 4.0]) == 11
