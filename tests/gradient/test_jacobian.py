"""`jacobian`, `hessian` and `hessian_vector_product`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cgrad.core.graphs import toposort
from cgrad.core.registry import build
from cgrad.errors import CostError, DisconnectedInputError, DTypeError, ShapeError
from cgrad.gradient import grad, hessian, hessian_vector_product, jacobian
from cgrad.ops.axes import reshape_to, sum_axes
from cgrad.ops.contract import contract
from cgrad.ops.elementwise import apply


def total(x):
    return sum_axes(x, tuple(range(x.ndim)))


def differences(f, x, h=1e-6):
    """d f[i] / d x[j] by central differences, as an array of shape f.shape + x.shape."""
    x = np.asarray(x, float)
    columns = []
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        columns.append((f(x + step) - f(x - step)) / (2 * h))
    return np.stack(columns, -1).reshape(np.shape(columns[0]) + x.shape)


def test_the_tutorials_jacobian(tensor, values):
    x = tensor("x", 1)
    J = jacobian(x**2, x)
    assert values([J], {x: [4.0, 4.0]})[0].tolist() == [[8, 0], [0, 8]]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("rows", "columns"), list(itertools.product([(), (2,), (2, 3), (1, 2, 2)], [(), (3,), (2, 2)]))
)
def test_shapes_of_every_rank(rows, columns, known, tensor, values):
    """The entries of expression (rows) by wrt (columns): sin of a full matrix product."""
    n, m = int(np.prod(rows)), int(np.prod(columns))
    M = np.random.default_rng(0).uniform(-1, 1, (n, m))
    x = tensor("x", columns if known else len(columns))
    flat = reshape_to(x, (m,))
    y = apply("sin", contract(build("mul", 1.0, tensor_of(M)), (0, 1), flat, (1,), (0,)))
    y = reshape_to(y, rows)
    at = np.random.default_rng(1).uniform(-1, 1, columns)
    (found,) = values([jacobian(y, x)], {x: at})
    expected = differences(lambda v: np.sin(M @ v.reshape(-1)).reshape(rows), at)
    assert found.shape == rows + columns
    assert np.allclose(found, expected, atol=1e-8)


def tensor_of(array):
    return build("cast", build("mul", array, 1.0), "float64")


def test_several_wrt(tensor, values):
    x, z = tensor("x", 1), tensor("z")
    y = apply("sin", x) * z
    found = jacobian(y, (x, z))
    assert isinstance(found, tuple)
    assert isinstance(jacobian(y, [x]), list)
    assert not {node for node in toposort(found) if node.op.name == "scan"}
    at = np.array([0.1, 0.5])
    a, b = values(found, {x: at, z: 3.0})
    assert np.allclose(a, np.diag(np.cos(at) * 3))
    assert np.allclose(b, np.sin(at))


def test_an_expression_without_elements(tensor, values):
    x = tensor("x", 1)
    assert values([jacobian(x * x, x)], {x: []})[0].shape == (0, 0)


def test_an_expression_that_is_its_own_wrt(tensor, values):
    x = tensor("x", 1)
    y = x * 2
    assert values([jacobian(x, x), jacobian(y, y)], {x: [1.0, 2.0]})[0].tolist() == [[1, 0], [0, 1]]


def test_zero_and_disconnected_parts(tensor, values):
    x, z = tensor("x", 1), tensor("z", 2)
    given = {x: [1.0, 2.0], z: np.ones((1, 3))}
    flat = jacobian(apply("floor", x), x)
    assert values([flat], given)[0].tolist() == [[0, 0], [0, 0]]
    with pytest.raises(DisconnectedInputError, match=r"expression(.|\n)*z"):
        jacobian(x * 2, z)
    with pytest.warns(UserWarning, match="depend on z"):
        jacobian(x * 2, z, disconnected_inputs="warn")
    found = jacobian(x * 2, [x, z], disconnected_inputs="ignore")
    a, b = values(found, given)
    assert a.tolist() == [[2, 0], [0, 2]]
    assert b.shape == (2, 1, 3)
    assert not b.any()


def test_consider_constant(tensor, values):
    x = tensor("x", 1)
    h = apply("exp", x)
    J = jacobian(h * x, x, consider_constant=[h])
    assert np.allclose(values([J], {x: [0.0, 1.0]})[0], np.diag([1, np.e]))


def test_jacobian_refuses(tensor):
    x, k = tensor("x", 1), tensor("k", 1, "int64")
    with pytest.raises(TypeError, match="expression"):
        jacobian([x], x)
    with pytest.raises(DTypeError, match="wrt: k"):
        jacobian(x, k)
    with pytest.raises(DTypeError, match="expression: k"):
        jacobian(k, x)


def test_vectorize_and_float32(tensor):
    x = tensor("x", 1, "float32")
    J = jacobian(apply("sin", x), x, vectorize=True)
    assert (J.dtype, J.ndim) == ("float32", 2)


def test_the_jacobian_of_a_jacobian(tensor, values):
    x = tensor("x", 1)
    y = contract(x, (0,), x, (1,), (0, 1))
    T = jacobian(jacobian(y, x), x)
    found = values([T], {x: [1.0, 2.0]})[0]
    eye = np.eye(2)
    expected = np.einsum("ik,jl->ijkl", eye, eye) + np.einsum("il,jk->ijkl", eye, eye)
    assert np.array_equal(found, expected)


# -- Hessians ---------------------------------------------------------------------------------
def rosenbrock(x):
    """sum over i of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2 by products with shift matrices."""
    n = 4
    first = tensor_of(np.eye(n)[:-1])
    later = tensor_of(np.eye(n)[1:])
    a = contract(first, (0, 1), x, (1,), (0,))
    b = contract(later, (0, 1), x, (1,), (0,))
    return total(100 * (b - a**2) ** 2 + (1 - a) ** 2)


def rosenbrock_hessian(x):
    H = np.zeros((4, 4))
    for i in range(3):
        H[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        H[i + 1, i + 1] += 200
        H[i, i + 1] = H[i + 1, i] = -400 * x[i]
    return H


def test_the_tutorials_hessian(tensor, values):
    x = tensor("x", 1)
    assert values([hessian(total(x**2), x)], {x: [4.0, 4.0]})[0].tolist() == [[2, 0], [0, 2]]


def test_a_full_hessian_and_its_products(tensor, values):
    x, p = tensor("x", (4,)), tensor("p", (4,))
    cost = rosenbrock(x)
    at, along = np.array([-1.2, 1.0, 0.5, 2.0]), np.array([1.0, -2.0, 0.5, 3.0])
    H, Hp = values([hessian(cost, x), hessian_vector_product(cost, x, p)], {x: at, p: along})
    assert np.allclose(H, rosenbrock_hessian(at), rtol=1e-13)
    assert np.allclose(Hp, rosenbrock_hessian(at) @ along, rtol=1e-13)


def test_hessians_of_several_are_the_blocks_on_the_diagonal(tensor, values):
    x, z = tensor("x", 1), tensor("z", 1)
    cost = total(x**3 * z**2)
    a, b = values(hessian(cost, (x, z)), {x: [1.0, 2.0], z: [3.0, 4.0]})
    assert np.allclose(a, np.diag([6 * 1 * 9, 6 * 2 * 16]))
    assert np.allclose(b, np.diag([2, 16]))
    assert isinstance(hessian(cost, (x, z)), tuple)
    assert isinstance(hessian(cost, [x]), list)


def test_linear_costs(tensor, values):
    x, z = tensor("x", 1), tensor("z", 2)
    cost = total(x * 3) + total(z)
    given = {x: [1.0, 2.0], z: np.ones((2, 3))}
    assert values([hessian(cost, x)], given)[0].tolist() == [[0, 0], [0, 0]]
    a, b = values(hessian_vector_product(cost, [x, z], [np.ones(2), np.ones((2, 3))]), given)
    assert (a.shape, b.shape, a.any() or b.any()) == ((2,), (2, 3), False)


def test_products_of_several_take_all_blocks(tensor, values):
    x, W = tensor("x", 1), tensor("W", 2)
    cost = total(contract(x, (0,), W, (0, 1), (1,)) ** 2)
    rng = np.random.default_rng(2)
    at, along = ([rng.normal(size=3), rng.normal(size=(3, 2))] for _ in range(2))
    found = values(hessian_vector_product(cost, [x, W], along), {x: at[0], W: at[1]})
    slopes = grad(cost, [x, W])
    h = 1e-5
    up = values(slopes, {x: at[0] + h * along[0], W: at[1] + h * along[1]})
    down = values(slopes, {x: at[0] - h * along[0], W: at[1] - h * along[1]})
    for hp, a, b in zip(found, up, down, strict=True):
        assert np.allclose(hp, (a - b) / (2 * h), rtol=1e-7, atol=1e-7)


def test_a_scalar_product(tensor, values):
    x = tensor("x")
    assert values([hessian_vector_product(x**3, x, 2.0)], {x: 5.0})[0] == 60
    assert isinstance(hessian_vector_product(x**3, (x,), [2.0]), tuple)


def test_products_with_constants(tensor, values):
    x = tensor("x")
    h = x * x
    found = hessian_vector_product(h * x * x, x, 1.0, consider_constant=[h])
    # h stands for a number: d2 (h x^2) = 2 h
    assert values([found], {x: 3.0})[0] == 18


def test_hessians_refuse(tensor):
    x, M, k = tensor("x", 1), tensor("M", 2), tensor("k", 1, "int64")
    s = tensor("s")
    cost = total(x * x) + total(M) + s * s
    for wrong in (M, s):
        with pytest.raises(ShapeError, match=rf"{wrong.name}(.|\n)*vector(.|\n)*jacobian\(grad"):
            hessian(cost, wrong)
    with pytest.raises(CostError, match="cost"):
        hessian(x * x, x)
    with pytest.raises(CostError):
        hessian_vector_product(x * x, x, x)
    with pytest.raises(DTypeError, match="wrt: k"):
        hessian(cost, k)
    with pytest.raises(DisconnectedInputError):
        hessian(total(x), tensor("z", 1))
    with pytest.raises(DisconnectedInputError):
        hessian_vector_product(total(x), tensor("z", 1), [1.0])
    with pytest.raises(TypeError):
        hessian([cost], x)
    for p in (np.ones((2, 2)), 1.0):
        with pytest.raises(ShapeError, match="p:"):
            hessian_vector_product(cost, x, p)
