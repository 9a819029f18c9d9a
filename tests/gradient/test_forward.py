"""`Rop` and `pushforward`: what they accept, return and refuse."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import DisconnectedInputError, DTypeError, ShapeError
from cgrad.function import function
from cgrad.gradient import Rop, grad, hessian_vector_product, pushforward
from cgrad.ops.axes import sum_axes
from cgrad.ops.contract import contract
from cgrad.ops.elementwise import apply


def test_the_tutorials_r_operator(tensor, values):
    W, V, x = tensor("W", 2), tensor("V", 2), tensor("x", 1)
    y = contract(x, (0,), W, (0, 1), (1,))
    given = {W: np.ones((2, 2)), V: np.full((2, 2), 2.0), x: [0.0, 1.0]}
    assert values([Rop(y, W, V)], given)[0].tolist() == [2, 2]


def test_the_tutorials_hessian_times_vector(tensor, values):
    x, v = tensor("x", 1), tensor("v", 1)
    gy = grad(sum_axes(x**2, (0,)), x)
    assert values([Rop(gy, x, v)], {x: [4.0, 4.0], v: [2.0, 2.0]})[0].tolist() == [4, 4]


def test_the_container_follows_f(tensor, values):
    x, z = tensor("x"), tensor("z")
    f, g = x * z, apply("sin", x)
    assert not isinstance(Rop(f, [x, z], [1.0, 2.0]), (list, tuple))
    found = Rop((f, g), [x, z], [1.0, 2.0])
    assert isinstance(found, tuple)
    assert np.allclose(values(found, {x: 3.0, z: 5.0}), [5 + 6, np.cos(3)])
    assert isinstance(pushforward([f], x, 1.0), list)


def test_a_list_of_numbers_is_one_tangent(tensor, values):
    x = tensor("x", 1)
    given = {x: [1.0, 2.0, 3.0]}
    for tangent in ([1, 0, 2], [1.0, 0.0, 2.0], np.array([1, 0, 2]), [np.array([1, 0, 2])]):
        assert values([Rop(x * x, x, tangent)], given)[0].tolist() == [2, 0, 12]
    v = tensor("v", 1)
    found = values([Rop(x * x, x, [v]), Rop([x * x], [x], v)[0]], given | {v: [1.0, 0, 2]})
    assert [list(f) for f in found] == [[2, 0, 12]] * 2


def test_intermediate_wrt(tensor, values):
    x = tensor("x")
    h = apply("exp", x)
    assert values([Rop(h * h, h, 1.0)], {x: 0.0})[0] == 2
    # both move: the tangent of h is its own plus what comes through x
    assert values([Rop(h * h, [h, x], [1.0, 1.0])], {x: 0.0})[0] == 4


def test_tangents_must_look_like_wrt(tensor):
    x = tensor("x", (3,))
    y = sum_axes(x, (0,))
    for wrong in (1.0, np.ones(4), np.ones((3, 1)), tensor("v", (2,)), [1.0, 2.0]):
        with pytest.raises(ShapeError, match="eval_points"):
            Rop(y, x, wrong)
    with pytest.raises(ShapeError, match="found 2, expected 1"):
        Rop(y, [x], [np.ones(3), np.ones(3)])


def test_integers(tensor):
    k, x = tensor("k", 0, "int64"), tensor("x")
    with pytest.raises(DTypeError, match="wrt: k"):
        Rop(k * x, k, 1)
    with pytest.raises(DTypeError, match="f: k"):
        Rop(k, x, 1.0)


def test_disconnected_outputs(tensor, values):
    x, z = tensor("x", 1), tensor("z", 1)
    f, g = x * 2, z * z
    g.name = "g"
    with pytest.raises(DisconnectedInputError, match=r"g(.|\n)*does not depend on x(.|\n)*ignore"):
        Rop([f, g], x, np.ones(2))
    found = Rop([f, g], x, np.ones(2), disconnected_outputs="ignore")
    a, b = values(found, {x: [1.0, 1.0], z: [1.0, 2.0, 3.0]})
    assert (a.tolist(), b.tolist()) == ([2, 2], [0, 0, 0])
    found = Rop([f, g], x, np.ones(2), disconnected_outputs="ignore", return_disconnected="none")
    assert found[1] is None
    with pytest.raises(ValueError, match="disconnected_outputs"):
        Rop(f, x, np.ones(2), disconnected_outputs="maybe")


def test_zero_slopes_are_zeros(tensor, values):
    x = tensor("x", 1)
    assert values([Rop(apply("floor", x), x, [1.0, 1.0])], {x: [1.5, 2.5]})[0].tolist() == [0, 0]


def test_dtypes(tensor):
    x = tensor("x", 1, "float32")
    assert Rop(apply("sin", x), x, np.ones(3)).dtype == "float32"
    assert Rop(apply("sin", x), x, [1, 2]).dtype == "float32"


@pytest.mark.parametrize(
    "build",
    [lambda x, p: Rop(x[1:] * 2.0, x, p), lambda x, p: Rop(sum_axes(x, (0,)), x, p),
     lambda x, p: hessian_vector_product(sum_axes(x[:-1] ** 2, (0,)), x, p)],
)  # fmt: skip
def test_a_tangent_of_another_size_is_an_error_at_the_call(build, tensor):
    x, p = tensor("x", 1), tensor("p", 1)
    f = function([x, p], build(x, p))
    f(np.ones(6), np.ones(6))
    with pytest.raises(ShapeError, match="axis 0 has size 3, expected 6"):
        f(np.ones(6), np.ones(3))


def test_forward_through_two_reverse_walks() -> None:
    x, y, v, w = (ct.dvector(name) for name in "xyvw")
    fs = [ct.exp(x) * y, ct.cumsum(ct.sin(x))]
    ours = cgrad.gradient.pushforward_through_pullback(fs, [x, y], [v, w])
    known = cgrad.Rop(fs, [x, y], [v, w])
    assert isinstance(ours, list) and len(ours) == 2
    a = [np.linspace(0.1, 1.0, 3) + k for k in range(4)]
    found = cgrad.function([x, y, v, w], [*ours, *known])(*a)
    for one, other in zip(found[:2], found[2:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_results_in_a_container() -> None:
    pack = cgrad.gradient.as_list_or_tuple
    assert pack(True, False, 1) == [1]
    assert (pack(False, True, [1]), pack(False, False, [1])) == ((1,), 1)
