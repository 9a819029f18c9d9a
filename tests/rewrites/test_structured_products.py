"""Linear functions of Jacobians whose zeros are known: what they cost, and their values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from codegen.structure import every_loop, kernel_of, nests

import cgrad
import cgrad.tensor as ct
from cgrad.core import sizes
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.rewrites import simplify

x, v = ct.dvector("x"), ct.dvector("v")
M = ct.dmatrix("M")
rng = np.random.default_rng(4)
N = 6

# maps of a vector of n elements whose Jacobian is not full
MAPS: dict[str, Callable[[Node], Node]] = {
    "elementwise": lambda x: ct.sin(x) * x,
    "differences": lambda x: x[1:] * x[:-1],
    "reversed": lambda x: x[::-1] * x**2,
    "every other": lambda x: ct.exp(x[::2]),
    "one element": lambda x: x[2:3] ** 2,
    "padded": lambda x: ct.set_subtensor(ct.zeros((N + 2,))[1:-1], x**3),
    "two parts": lambda x: ct.concatenate([ct.cos(x), x[1:] ** 2]),
    "diagonal and full": lambda x: x * ct.sum(x**2) + ct.sin(x),
    "second differences": lambda x: x[2:] * x[1:-1] - x[:-2] ** 2,
    "outer": lambda x: ct.outer(x, x[:2]),
}


def functions_of(jac: Node) -> dict[str, Node]:
    """Linear functions of a Jacobian, the number of columns being N."""
    rows = jac.shape[0]
    u = ct.sin(ct.arange(rows) + 1.0)
    found = {
        "rows summed": jac.sum(axis=0), "columns summed": jac.sum(axis=-1), "sum": jac.sum(),
        "J v": ct.dot(jac, v), "J M": ct.dot(jac, M),
        "u J": ct.tensordot(u, jac, [[0], [0]]), "J J": ct.tensordot(jac, jac, [[-1], [-1]]),
    }  # fmt: skip
    if jac.ndim == 2:
        found |= {
            "J.T u": ct.dot(jac.T, u), "trace": ct.trace(jac), "diagonal": ct.diagonal(jac),
            "above": ct.diagonal(jac, 1), "below": ct.diagonal(jac, -2), "transpose": jac.T,
            "u J v": ct.dot(ct.dot(u, jac), v), "J.T J": ct.dot(jac.T, jac),
        }  # fmt: skip
    return found


@pytest.mark.parametrize("name", MAPS)
def test_values(name: str) -> None:
    jac = cgrad.jacobian(MAPS[name](x), x)
    named = functions_of(jac)
    given = {x: rng.normal(size=N), v: rng.normal(size=N), M: rng.normal(size=(N, 3))}
    plain = evaluate(list(named.values()), given)
    simple = evaluate(simplify(list(named.values())), given)
    for what, a, b in zip(named, plain, simple, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12, err_msg=what)


def test_compiled_values() -> None:
    jacobians = [cgrad.jacobian(MAPS[k](x), x) for k in ("reversed", "two parts", "padded")]
    outputs = [out for jac in jacobians for out in functions_of(jac).values()]
    given = {x: rng.normal(size=N), v: rng.normal(size=N), M: rng.normal(size=(N, 3))}
    got = cgrad.function([x, v, M], outputs)(*given.values())
    for a, b in zip(got, evaluate(outputs, given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


JAC = cgrad.jacobian(ct.sin(x) * x, x)
ROSENBROCK = cgrad.hessian(ct.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), x)


@pytest.mark.parametrize(
    "out",
    [ct.dot(JAC, v), ct.dot(v, JAC), ct.trace(JAC), ct.diagonal(JAC), JAC.sum(axis=0),
     JAC.T @ v, ct.dot(v, ct.dot(JAC, v)), ct.diag(x) @ v],
)  # fmt: skip
def test_functions_of_a_diagonal_take_one_loop_and_no_array(out: Node) -> None:
    kernel, slots = kernel_of([x, v], [out])
    assert slots == []
    # a sum has a loop over strips around that over elements
    assert len(nests(kernel)) == 1 and len(every_loop(kernel)) == (1 if out.ndim else 2)


def test_a_banded_hessian_times_a_vector_has_no_matrix() -> None:
    kernel, slots = kernel_of([x, v], [ct.dot(ROSENBROCK.args[0], v)])
    # zeros first, then both bands and the diagonal are added in one loop
    assert slots == [] and len(every_loop(kernel)) == 2
    # the product of `Rop`: vectors, and one loop inside of none
    kernel, slots = kernel_of([x, v], [ct.dot(ROSENBROCK, v)])
    assert len(nests(kernel)) == len(every_loop(kernel)) == 2
    assert all(sizes.evaluate(slot.count, lambda atom: 1000) <= 1000 for slot in slots)


def test_the_same_graph_as_rop_and_lop() -> None:
    f = ct.sin(x) * x
    for product, wanted in ((ct.dot(JAC, v), cgrad.Rop(f, x, v)), (v @ JAC, cgrad.Lop(f, x, v))):
        ops = [{n.op.name for n in toposort(simplify([out]))} for out in (product, wanted)]
        assert "dot" not in ops[0] and "overlay" not in ops[0]
        given = {x: rng.normal(size=N), v: rng.normal(size=N)}
        (a, b) = evaluate([product, wanted], given)
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_zero_of_the_jacobian_times_infinity_is_left_out() -> None:
    (out,) = evaluate(simplify([ct.dot(JAC, v)]), {x: np.ones(3), v: np.array([1.0, np.inf, 2.0])})
    assert np.isfinite(out[0]) and np.isinf(out[1]) and np.isfinite(out[2])


def test_derivatives_of_the_products() -> None:
    cost = ct.sum(ct.dot(JAC, v) ** 2)
    slope = cgrad.grad(cost, x)
    given = {x: rng.normal(size=N), v: rng.normal(size=N)}
    a, b = (evaluate(out, given)[0] for out in ([slope], simplify([slope])))
    np.testing.assert_allclose(b, a, rtol=1e-12)
    assert "overlay" not in {n.op.name for n in toposort(simplify([slope]))}
