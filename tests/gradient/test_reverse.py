"""`grad`, `Lop` and `pullback`: what they accept, return and refuse."""

from __future__ import annotations

import numpy as np
import pytest

from cgrad.core.graphs import toposort
from cgrad.core.registry import build
from cgrad.core.text import pp
from cgrad.errors import CostError, DisconnectedInputError, DTypeError, GradientError, ShapeError
from cgrad.gradient import Lop, grad, pullback, pushforward
from cgrad.ops.axes import broadcast_axes, sum_axes
from cgrad.ops.constants import size_node
from cgrad.ops.contract import contract
from cgrad.ops.elementwise import apply


def total(x):
    return sum_axes(x, tuple(range(x.ndim)))


def test_the_tutorials_first_gradient(tensor, values):
    x = tensor("x")
    gy = grad(x**2, x)
    assert pp(gy) == (
        "((fill((x ** TensorConstant{2}), TensorConstant{1.0}) * TensorConstant{2}) "
        "* (x ** (TensorConstant{2} - TensorConstant{1})))"
    )
    assert values([gy], {x: 4.0})[0] == 8
    assert np.allclose(values([gy], {x: 94.2})[0], 188.4)


def test_the_tutorials_logistic(tensor, values):
    x = tensor("x", 2)
    gs = grad(total(1 / (1 + apply("exp", -x))), x)
    found = values([gs], {x: [[0, 1], [-1, -2]]})[0]
    assert np.allclose(found, [[0.25, 0.19661193], [0.19661193, 0.10499359]], atol=5e-9, rtol=0)


def test_the_tutorials_l_operator(tensor, values):
    W, v, x = tensor("W", 2), tensor("v", 1), tensor("x", 1)
    y = contract(x, (0,), W, (0, 1), (1,))
    found = values([Lop(y, W, v)], {v: [2.0, 2.0], x: [0.0, 1.0], W: np.ones((2, 2))})[0]
    assert found.tolist() == [[0, 0], [2, 2]]


def test_the_container_follows_wrt(tensor):
    x, z = tensor("x"), tensor("z")
    y = x * z
    assert not isinstance(grad(y, x), (list, tuple))
    assert isinstance(grad(y, [x]), list)
    assert isinstance(grad(y, (x, z)), tuple)
    assert len(grad(y, [x, z, x])) == 3


def test_intermediate_results_and_the_cost_itself(tensor, values):
    x = tensor("x")
    h = apply("exp", x)
    inner = apply("sin", h)
    y = inner * inner
    given = {x: 0.3}
    d_inner, d_h, d_x, one = grad(y, [inner, h, x, y])
    e = np.exp(0.3)
    expected = [2 * np.sin(e), np.sin(2 * e), np.sin(2 * e) * e, 1]
    assert np.allclose(values([d_inner, d_h, d_x, one], given), expected)


def test_an_intermediate_wrt_does_not_cut_the_walk_to_others(tensor, values):
    x = tensor("x")
    chain = [x]
    for _ in range(4):
        chain.append(apply("sin", chain[-1]))
    together = grad(chain[-1], [chain[2], x])
    apart = [grad(chain[-1], chain[2]), grad(chain[-1], x)]
    assert values(together, {x: 0.7}) == values(apart, {x: 0.7})


def test_equal_expressions_are_different_variables(tensor, values):
    x = tensor("x")
    a, b = x + 1, x + 1
    assert values([grad(a * b, a)], {x: 2.0})[0] == 3
    assert values([grad(a * a, a)], {x: 2.0})[0] == 6


def test_consider_constant(tensor, values):
    x = tensor("x")
    h = x * x
    y = h * x
    assert values([grad(y, x, consider_constant=[h])], {x: 3.0})[0] == 9
    assert values(grad(y, [x, h], consider_constant={h}), {x: 3.0}) == [9, 3]
    assert values(grad(y, [x, h], consider_constant=iter([h])), {x: 3.0}) == [9, 3]
    with pytest.raises(DisconnectedInputError, match="consider_constant"):
        grad(h + 1, x, consider_constant=[h])
    for wrong in (h, 3, [[h]], [3]):
        with pytest.raises(TypeError, match="consider_constant"):
            grad(y, x, consider_constant=wrong)


def test_a_cost_that_is_no_scalar(tensor):
    x = tensor("x", 1)
    cost = x * 2
    cost.name = "loss"
    with pytest.raises(CostError) as caught:
        grad(cost, x)
    assert isinstance(caught.value, (GradientError, TypeError))
    message = str(caught.value)
    for part in ("loss", "(x.shape[0],)", "cost.sum()", "cost.mean()", "jacobian",
                 "test_reverse.py", "cost = x * 2", "^"):  # fmt: skip
        assert part in message, part
    one = tensor("v", (1,))
    with pytest.raises(CostError):
        grad(one * 2, one)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_integers_and_booleans(dtype, tensor):
    k, x = tensor("k", 0, dtype), tensor("x")
    with pytest.raises(DTypeError, match=rf"wrt: k has dtype {dtype}(.|\n)*dscalar"):
        grad(k * x, k)
    with pytest.raises(DTypeError, match=rf"cost: k has dtype {dtype}"):
        grad(k, x)
    with pytest.raises(DTypeError, match=r"astype"):
        grad(k & k, x)
    with pytest.raises(TypeError):
        Lop(k, x, 1.0)


@pytest.mark.parametrize("wrong", [None, 3, "x", np.ones(2), {1: 2}, [3], ["x"]])
def test_a_wrt_that_is_no_symbol(wrong, tensor):
    x = tensor("x")
    with pytest.raises(TypeError, match="wrt"):
        grad(x * x, wrong)


@pytest.mark.parametrize("wrong", [3, 2.0, "x", np.ones(())])
def test_a_cost_that_is_no_symbol(wrong, tensor):
    with pytest.raises(TypeError, match="cost"):
        grad(wrong, tensor("x"))


def test_options_are_checked(tensor):
    x = tensor("x")
    y = x * x
    for keyword in ("disconnected_inputs", "return_disconnected", "null_gradients"):
        with pytest.raises(ValueError, match=keyword):
            grad(y, x, **{keyword: "perhaps"})
    with pytest.raises(ValueError, match="cost"):
        grad(None, x)


def test_disconnected_inputs(tensor, values):
    x, z = tensor("x"), tensor("z", 1)
    y = x * x
    with pytest.raises(DisconnectedInputError) as caught:
        grad(y, [x, z])
    message = str(caught.value)
    for part in ("z", "does not occur", "disconnected_inputs='ignore'", "(z.shape[0],)"):
        assert part in message, part
    assert isinstance(caught.value, ValueError)
    with pytest.warns(UserWarning, match="does not depend on z") as seen:
        zeros = grad(y, z, disconnected_inputs="warn")
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert values([zeros], {z: [1.0, 2.0]})[0].tolist() == [0, 0]
    zeros = grad(y, z, disconnected_inputs="ignore")
    assert values([zeros], {z: [1.0, 2.0]})[0].tolist() == [0, 0]
    dx, dz = grad(y, [x, z], disconnected_inputs="ignore", return_disconnected="none")
    assert dz is None
    assert values([dx], {x: 3.0})[0] == 6


def test_another_variable_of_the_same_name(tensor):
    x, other = tensor("x"), tensor("x")
    with pytest.raises(DisconnectedInputError, match="another one of the same name"):
        grad(x * x, other)


def test_zero_slopes_are_connected_and_shapes_are_not(tensor, values):
    x, k = tensor("x"), tensor("v", 1)
    for y in (apply("floor", x), apply("sign", x), build("cast", x > 0, "float64")):
        assert values([grad(y, x)], {x: 1.5})[0] == 0
        assert values([grad(y, x, return_disconnected="none")], {x: 1.5})[0] == 0
    for y in (build("cast", size_node(k.dims[0]), "float64"), total(build("zeros_like", k))):
        with pytest.raises(DisconnectedInputError, match="only its shape"):
            grad(y, k)


def test_a_constant_gradient_has_the_derivative_zero(tensor, values):
    x, z = tensor("x"), tensor("z")
    for y in (3 * x, apply("log", 3 * apply("exp", x) / 7), x + z * z):
        g = grad(y, x)
        found = values([g, grad(g, x), pushforward(g, x, 1.0)], {x: 2.0, z: 1.0})
        assert [float(a) for a in found] == [3.0 if y.op.name == "mul" else 1.0, 0, 0]
    assert values([grad(grad(x + z * z, x), z)], {x: 2.0, z: 1.0})[0] == 0
    with pytest.raises(DisconnectedInputError):
        grad(grad(3 * x, x), z)


def test_names(tensor):
    x, z = tensor("x"), tensor("z")
    cost = apply("sin", x) * z
    assert grad(cost, x).name is None
    cost.name = "f"
    assert [g.name for g in grad(cost, [x, z])] == ["(df/dx)", "(df/dz)"]
    assert grad(cost, x, add_names=False).name is None
    # one result for two variables has no single name
    both = x + z
    both.name = "s"
    assert {g.name for g in grad(both, [x, z])} == {None}
    # results that the user made are not renamed
    h = apply("exp", x)
    lop = Lop(h * 1.0, h, h)
    assert h.name is None
    assert lop.name is None


def test_printing_a_gradient_with_names(tensor):
    x = tensor("x")
    cost = x * x
    cost.name = "f"
    assert pp(grad(cost, x)).startswith("((fill((x * x), TensorConstant{1.0}) * x) +")


def test_lop_of_several(tensor, values):
    x, z = tensor("x", 1), tensor("z", 1)
    f = [x * z, total(x)]
    found = Lop(f, (x, z), [np.array([1.0, 2.0]), 3])
    assert isinstance(found, tuple)
    a, b = values(found, {x: [5.0, 6.0], z: [7.0, 8.0]})
    assert a.tolist() == [1 * 7 + 3, 2 * 8 + 3]
    assert b.tolist() == [5, 12]
    again = values([pullback(f, x, [[1, 2], 3])], {x: [5.0, 6.0], z: [7.0, 8.0]})[0]
    assert again.tolist() == a.tolist()


def test_cotangents_must_look_like_f(tensor):
    x = tensor("x", (3,))
    W = tensor("W", 2)
    y = apply("sin", x)
    y.name = "y"
    for wrong in (1.0, np.ones(4), np.ones((3, 1)), tensor("v", (2,)), [np.ones(3), np.ones(3)]):
        with pytest.raises(ShapeError, match="cotangents"):
            Lop(y, x, wrong)
    with pytest.raises(ShapeError, match=r"found 1, expected 2"):
        Lop([y, W], x, [np.ones(3)])
    with pytest.raises(ShapeError) as caught:
        Lop(y, x, np.ones(4))
    message = str(caught.value)
    for part in ("(4,)", "(3,)", "y", "test_reverse.py"):
        assert part in message, part


def test_a_cotangent_declared_as_one_long_does_not_stretch(tensor):
    x = tensor("x", 1)
    pulled = Lop(x * 2, x, np.ones(1))
    pairs = [pair for node in _ancestors(pulled) for pair in node.op.equalities(node)]
    assert any(1 in pair[:2] for pair in pairs), "the call has to check that x has one element"


def _ancestors(node):
    stack, seen = [node], set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
    return seen


def test_points_take_the_dtype_of_their_target(tensor):
    x = tensor("x", 1, "float32")
    for point in (np.ones(3), np.ones(3, int), [1, 2, 3], tensor("v", 1)):
        assert Lop(apply("sin", x), x, point).dtype == "float32"


def test_float32_throughout(tensor, values):
    x = tensor("x", 1, "float32")
    y = total(apply("sin", x) * 2)
    gy = grad(y, x)
    assert gy.dtype == "float32"
    assert values([gy], {x: np.zeros(2, "float32")})[0].dtype == np.float32
    assert grad(build("cast", y, "float64"), x).dtype == "float32"


def test_any_order(tensor, values):
    x = tensor("x")
    g = apply("exp", x * 2)
    for _ in range(5):
        g = grad(g, x)
    assert float(values([g], {x: 0.1})[0]) == pytest.approx(32 * np.exp(0.2))


@pytest.mark.parametrize("first", [True, False])
def test_a_side_that_is_not_chosen_has_no_gradient(tensor, values, first):
    x, s = tensor("x", 1), tensor("s")
    for side in (
        apply("sqrt", x),
        x * apply("log", x),
        apply("exp", 1 / x),
        apply("sqrt", broadcast_axes(s, x.dims, ()) * x),
        apply("sqrt", apply("switch", x > 1, x - 1, apply("log", x))),
        apply("maximum", apply("minimum", apply("log", x), x), -1) ** 2,
    ):
        y = apply("switch", x > 0, side, 0) if first else apply("switch", x <= 0, 0, side)
        g = grad(total(y), x)
        for found in values([g, grad(total(g), x)], {x: [0.0, -1.0, 4.0], s: 1.5}):
            np.testing.assert_array_equal(found[:2], [0, 0])
            assert np.isfinite(found[2]) and found[2] != 0


def test_choices_of_choices_are_joined(tensor):
    def size(depth):
        y = x = tensor("x", 1)
        for k in range(depth):
            y = apply("switch", x > k, apply("sqrt", y), 0)
        return len(toposort([grad(total(y), x)]))

    assert size(40) - size(30) == size(30) - size(20)
