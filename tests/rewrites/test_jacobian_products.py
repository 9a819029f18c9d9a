"""Products with Jacobians by the maps that they are: their values, their loops, when they pay."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from codegen.structure import kernel_of

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.show import show
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.rewrite import RuleSet, rewrite
from cgrad.ops.counts import added
from cgrad.rewrites import CANONICAL, simplify
from cgrad.rewrites.jacobian_axes import AXES
from cgrad.rewrites.jacobians import CHAINS, JACOBIANS, STORED
from cgrad.rewrites.scanned import SCANNED

x, v, u = ct.dvector("x"), ct.dvector("v"), ct.dvector("u")
A, B, M = ct.dmatrix("A"), ct.dmatrix("B"), ct.dmatrix("M")
N, HIDDEN, ROWS = 5, 4, 3
rng = np.random.default_rng(7)


def loops(out: Node) -> list[str]:
    """The loop IR of a function of one output: lines, without the numbers of nodes and buffers."""
    kernel, _ = kernel_of([x, v, u, A, B, M], [out])
    text = re.sub(r"\s+#.*|\[n\d+\]|(?<=[a-z])\d+", "", show(kernel.body))
    return sorted(text.splitlines())


def by_rows(y: Node, x: Node) -> Node:
    """The Jacobian as the tutorial writes it."""
    rows, _ = cgrad.scan(
        lambda i, y, x: cgrad.grad(y[i], x),
        sequences=ct.arange(y.shape[0]), non_sequences=[y, x],
    )  # fmt: skip
    return rows


def network(x: Node) -> Node:
    return B @ ct.tanh(A @ x)


def recurrence(x: Node) -> Node:
    steps, _ = cgrad.scan(
        lambda h, x: ct.tanh(h * x + h[::-1]),
        outputs_info=[ct.ones_like(x)], non_sequences=[x], n_steps=4,
    )  # fmt: skip
    return steps[-1]


MAPS: dict[str, Callable[[Node], Node]] = {
    "elementwise": lambda x: ct.sin(x) * x,
    "network": network,
    "recurrence": recurrence,
    "matrix": lambda x: ct.outer(x, ct.exp(x[:2])),
    "linear": lambda x: A @ x,
    "solution": lambda x: ct.linalg.solve(A.T @ A + ct.diag(ct.exp(x)), x),
}
COSTS: dict[str, Callable[[Node], Node]] = {
    "squares": lambda x: ct.sum(x**2),
    "network": lambda x: ct.sum(network(x) ** 2),
    "rosenbrock": lambda x: ct.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
    "logsumexp": lambda x: ct.logsumexp(A @ x),
    "recurrence": lambda x: ct.sum(recurrence(x)),
}


def given(n: int = N) -> dict[Node, Any]:
    dims = {x: (n,), v: (n,), u: (ROWS,), A: (HIDDEN, n), B: (ROWS, HIDDEN), M: (n, 2)}
    return {node: rng.normal(size=shape) for node, shape in dims.items()}


# -- the rules, on their examples -----------------------------------------------------------------
CASES = [
    pytest.param(rule, example, rules, id=f"{rule.name}-{k}")
    for rules in (AXES, CHAINS, JACOBIANS, SCANNED, STORED)
    for rule in rules.rules
    for k, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("rule", "example", "rules"), CASES)
@pytest.mark.parametrize("n", [0, 1, 3])
def test_rule(rule: Any, example: Any, rules: RuleSet, n: int) -> None:
    names = example.__code__.co_varnames[: example.__code__.co_argcount]
    shapes = [(n, 2) if name == "mat" else (n,) for name in names]
    inputs = [make_input(TensorType("float64", (None,) * len(s)), "x") for s in shapes]
    out = example(*inputs)
    fired: set[str] = set()
    (new,) = rewrite([out], rules, trace=lambda rule, old, new: fired.add(rule.name))
    at = {node: rng.normal(size=s) for node, s in zip(inputs, shapes, strict=True)}
    for node in inputs[1:]:
        if node.ndim == 1 and at[node].shape != at[inputs[0]].shape:
            at[node] = at[inputs[0]]
    before, after = evaluate([out, new], at)
    assert rule.name in fired and "->" in rule.equation
    assert (before.dtype, before.shape) == (after.dtype, after.shape)
    np.testing.assert_allclose(after, before, rtol=1e-14)


# -- products -------------------------------------------------------------------------------------
def products(jac: Node) -> dict[str, Node]:
    """Functions of a Jacobian with N columns, linear in it or not."""
    rows = jac.shape[0]
    left = ct.cos(ct.arange(rows) + 1.0)
    found = {
        "J v": ct.dot(jac, v), "J M": ct.dot(jac, M), "u J": ct.tensordot(left, jac, [[0], [0]]),
        "columns": jac.sum(axis=-1), "all": jac.sum(), "J": jac,
        "J J": ct.tensordot(jac, jac, [[-1], [-1]]),
    }  # fmt: skip
    if jac.ndim == 2:
        found |= {
            "J.T u": jac.T @ left, "rows": jac.sum(axis=0), "M J": ct.outer(left, left)[:2] @ jac,
            "J.T J": jac.T @ jac, "J.T J v": jac.T @ jac @ v, "trace": ct.trace(jac),
            "damped": (jac.T @ jac + 0.1 * ct.eye(jac.shape[1])) @ v,
            "weighted": (jac.T @ (left[:, None] * jac)) @ v, "scaled": (jac * v) @ v,
            "diagonal": ct.diagonal(jac), "minus": (-jac.T) @ left, "twice": (2 * jac) @ v,
        }  # fmt: skip
    return found


@pytest.mark.parametrize("name", MAPS)
def test_values(name: str) -> None:
    """Every product, against that with the stored Jacobian."""
    named = products(cgrad.jacobian(MAPS[name](x), x))
    for n in (N, 2):
        at = given(n)
        plain = evaluate(list(named.values()), at)
        simple = evaluate(simplify(list(named.values())), at)
        for what, a, b in zip(named, plain, simple, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12, err_msg=what)


def test_compiled_values() -> None:
    """One kernel of the products of several maps, in C."""
    chosen = ("J v", "u J", "J M", "J.T J v", "damped", "weighted", "columns", "all")
    outputs = []
    for name in ("network", "recurrence"):
        named = products(cgrad.jacobian(MAPS[name](x), x))
        outputs += [named[what] for what in chosen]
    outputs += [by_rows(network(x), x) @ v, u @ by_rows(network(x), x)]
    at = given()
    got = cgrad.function(list(at), outputs)(*at.values())
    for a, b in zip(got, evaluate(outputs, at), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", MAPS)
def test_a_product_with_a_vector_has_the_loops_of_rop_and_lop(name: str) -> None:
    y = MAPS[name](x)
    jac = cgrad.jacobian(y, x)
    assert loops(ct.dot(jac, v)) == loops(cgrad.Rop(y, x, v))
    if name in ("elementwise", "network", "recurrence"):
        assert loops(u @ jac) == loops(jac.T @ u) == loops(cgrad.Lop(y, x, u))


def test_the_jacobian_by_a_matrix() -> None:
    """Axes of wrt are the columns; several of them, and those of the expression, move at once."""
    W, V = ct.dmatrix("W"), ct.dmatrix("V")
    jac = cgrad.jacobian(ct.tanh(W @ x), W)
    product = ct.tensordot(jac, V, [[1, 2], [0, 1]])
    back = ct.tensordot(u, jac, [[0], [0]])
    new = simplify([product, back])
    assert not any(node.ndim > 2 for node in toposort(new))
    at = {W: rng.normal(size=(3, 2)), V: rng.normal(size=(3, 2)), x: rng.normal(size=2),
          u: rng.normal(size=3)}  # fmt: skip
    for a, b in zip(evaluate(new, at), evaluate([product, back], at), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def largest(out: Node) -> int:
    """The most axes of unknown length of a node after the rewrites."""
    return max(sum(not isinstance(n, int) for n in node.dims) for node in toposort(simplify([out])))


def test_gauss_newton_without_a_matrix() -> None:
    jac = cgrad.jacobian(recurrence(x), x)
    for out in (jac.T @ (jac @ v), jac.T @ jac @ v, jac.T @ (ct.exp(x)[:, None] * jac) @ v):
        # the histories of the loop, and no batch of them
        assert largest(out) == 1
    assert largest(jac.T @ jac) == 2


def test_a_batch_of_more_members_than_columns_is_a_product_of_matrices() -> None:
    few, many = (ct.dmatrix("M", shape=(20, k)) for k in (2, 500))
    y, W = ct.dvector("y", shape=(20,)), ct.dmatrix("W", shape=(20, 20))
    jac = cgrad.jacobian(ct.tanh(W @ ct.tanh(W @ ct.tanh(W @ y))), y)
    names = []
    for matrix in (few, many):
        fired: set[str] = set()
        simplify([jac @ matrix], lambda rule, old, new, to=fired: to.add(rule.name))
        names.append(fired)
    assert "jacobian_times" in names[0] and "jacobian_times" not in names[1]


def test_derivatives_of_products() -> None:
    """The product is differentiated, in both modes and twice, and not the Jacobian."""
    for name in ("network", "recurrence"):
        jac = cgrad.jacobian(MAPS[name](x), x)
        stored = jac.args[0]
        ways = []
        for matrix in (jac, stored):
            cost = ct.sum(ct.sin(matrix @ v) ** 2)
            slope = cgrad.grad(cost, x)
            ways.append([slope, cgrad.Rop(matrix @ v, x, u[0] * v), cgrad.Rop(slope, x, v)])
        at = given()
        for a, b in zip(evaluate(ways[0], at), evaluate(ways[1], at), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        assert largest(ways[0][0]) < 2 or name == "network"


def test_by_the_jacobian_itself() -> None:
    """A derivative by the node of a Jacobian is that by its elements."""
    jac = cgrad.jacobian(network(x), x)
    slope = cgrad.grad(ct.sum(jac @ v), jac)
    at = given()
    np.testing.assert_allclose(evaluate([slope], at)[0], np.tile(at[v], (ROWS, 1)))


# -- Hessians times vectors, and loops over rows --------------------------------------------------
@pytest.mark.parametrize("name", COSTS)
def test_all_ways_to_write_a_hessian_times_a_vector_are_one_kernel(name: str) -> None:
    cost = COSTS[name](x)
    slope = cgrad.grad(cost, x)
    expected = loops(cgrad.Rop(slope, x, v))
    rows = by_rows(slope, x)
    ways: Sequence[Node] = [
        cgrad.grad(ct.sum(slope * v), x), cgrad.grad(ct.dot(slope, v), x),
        ct.dot(cgrad.hessian(cost, x), v), v @ cgrad.hessian(cost, x), ct.dot(rows, v), v @ rows,
    ]  # fmt: skip
    for way in ways:
        assert loops(way) == expected
    assert loops(rows) == loops(cgrad.hessian(cost, x))


@pytest.mark.parametrize("name", ["elementwise", "network", "linear"])
def test_a_loop_over_rows_is_the_jacobian(name: str) -> None:
    y = MAPS[name](x)
    rows, jac = by_rows(y, x), cgrad.jacobian(y, x)
    assert loops(rows) == loops(jac)
    assert loops(rows @ v) == loops(jac @ v)
    at = given()
    a, b = evaluate([rows, *simplify([rows])], at)
    np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-14)


def test_loops_that_are_no_jacobian_stay() -> None:
    def of(step: Callable[[Node], Node], n: Node = x.shape[0]) -> Node:
        return cgrad.map(step, [ct.arange(n)])[0]

    unit = ct.zeros_like(x)
    for rows in (
        # not linear, affine, a loop over some rows only, a row that depends on the step
        of(lambda i: ct.exp(ct.set_subtensor(unit[i], 1.0))),
        of(lambda i: cgrad.grad(ct.sin(x)[i], x) + 1.0),
        of(lambda i: cgrad.grad(ct.sin(x)[i], x), x.shape[0] - 1),
        of(lambda i: cgrad.grad(ct.sin(x)[i], x) * i),
    ):
        fired: set[str] = set()
        (new,) = simplify([rows], lambda rule, old, new, to=fired: to.add(rule.name))
        assert "rows_of_jacobian" not in fired
        at = {x: rng.normal(size=4)}
        np.testing.assert_allclose(evaluate([new], at)[0], evaluate([rows], at)[0], rtol=1e-13)


def test_mixed_second_derivatives_through_a_gradient() -> None:
    """Also by another variable, of a cost that has both, and with other paths to it."""
    w = ct.dvector("w")
    cost = ct.sum(ct.sin(x * w) * ct.exp(w)) + ct.dot(x, w) ** 2
    slope = cgrad.grad(cost, x)
    whole = ct.sum(slope * v) + ct.sum(x * w**2)
    found = cgrad.grad(whole, [x, w])
    at = {x: rng.normal(size=3), v: rng.normal(size=3), w: rng.normal(size=3)}
    step = 1e-20j
    values = dict(at)
    for node, slope_by in zip((x, w), evaluate(found, at), strict=True):
        for k in range(3):
            values[node] = at[node] + step * np.eye(3)[k]
            a, b, t = values[x], values[w], values[v]
            first = np.cos(a * b) * b * np.exp(b) + 2 * np.sum(a * b) * b
            assert np.isclose(np.imag(np.sum(first * t) + np.sum(a * b**2)) / 1e-20, slope_by[k])
            values[node] = at[node]


def test_the_canonical_forms_leave_jacobians_alone() -> None:
    jac = cgrad.jacobian(ct.sin(x), x)
    (new,) = rewrite([jac], CANONICAL)
    assert new.op.name == "jacobian"
    assert "jacobian" not in {node.op.name for node in toposort(simplify([jac]))}


def test_explained() -> None:
    y, W = ct.dvector("y", shape=(100,)), ct.dmatrix("W", shape=(2, 100))
    jac = cgrad.jacobian(ct.tanh(W @ y), y)
    text = cgrad.function([y, W], [jac @ y, jac]).explain()
    assert re.search(r"jacobian  \[n\d+\] \(2, 100\): reverse \(\d+ elements; forward", text)
    assert "jacobian_times: dot(jacobian(f, x), v) -> Rop(f, x, v)" in text


# -- reshaped, and added up along some axes -------------------------------------------------------
X = ct.dmatrix("X")
GRID = ct.tanh(A @ X) * ct.sum(X, axis=0)  # (HIDDEN, 2) from (N, 2)
J = cgrad.jacobian(GRID, X)
AXES_OF = {
    "J v": J.reshape((GRID.size, X.size)) @ X.ravel(),
    "J.T J v": J.reshape((GRID.size, X.size)).T @ (J.reshape((GRID.size, X.size)) @ X.ravel()),
    "u J": ct.tensordot(GRID.ravel(), J.reshape((GRID.size, *X.shape)), [[0], [0]]),
    "rows": J.reshape((GRID.size, X.size)).sum(axis=0),
    "a row axis": J.sum(axis=1),
    "a column axis": J.sum(axis=2),
    "both": J.sum(axis=(1, 3)),
    "some, times": ct.tensordot(J.sum(axis=(0, 3)), v, [[1], [0]]),
}


def test_axes_of_a_jacobian() -> None:
    at = given() | {X: rng.normal(size=(N, 2))}
    for name, out in AXES_OF.items():
        before, after = evaluate([out, *simplify([out])], at)
        np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14, err_msg=name)
        stored = [node for node in toposort(simplify([out])) if node.ndim == 4]
        assert not stored or name in ("a row axis", "a column axis", "both"), name
    loops_of = [sorted(node.op.name for node in toposort(simplify([out]))) for out in
                (AXES_OF["J v"], cgrad.Rop(GRID, X, X).ravel())]  # fmt: skip
    assert loops_of[0] == loops_of[1]


def test_the_jacobian_of_a_sum_along_columns_takes_fewer_tangents() -> None:
    summed = J.sum(axis=2)
    once = cgrad.jacobian(GRID, X).sum(axis=2)
    kept = {node for node in toposort(simplify([summed])) if node.ndim == 4}
    assert not kept and added(simplify([summed]), []) < added(simplify([J]), [])
    (found,) = evaluate(simplify([once]), given() | {X: np.ones((N, 2))})
    assert found.shape == (HIDDEN, 2, 2)


# -- diagonals ------------------------------------------------------------------------------------
def test_the_diagonal_of_a_product_needs_no_product() -> None:
    wide = A.T @ B.T  # (N, ROWS)
    W, z = ct.tensor("W", shape=(HIDDEN, N)), ct.tensor("z", shape=(N,))
    y = ct.tanh(W.T @ ct.tanh(W @ z))
    diagonals = {
        "diag": ct.diagonal(wide), "above": ct.diagonal(wide, 1), "below": ct.diagonal(wide, -2),
        "trace": ct.trace(A @ A.T), "scaled": ct.diagonal(2 * (A @ A.T) - ct.exp(A @ A.T)),
        "trace J": ct.trace(cgrad.jacobian(y, z)), "diag J": ct.diagonal(cgrad.jacobian(y, z)),
        "batch": ct.diagonal(ct.stack([A, 2 * A]) @ A.T, axis1=1, axis2=2),
    }  # fmt: skip
    at = given()
    at |= {W: at[A], z: at[x]}
    for name, out in diagonals.items():
        new = simplify([out])
        before, after = evaluate([out, *new], at)
        np.testing.assert_allclose(after, before, rtol=1e-12, err_msg=name)
        dots = [node for node in toposort(new) if node.op.name == "dot"]
        assert dots and all(node.ndim < 2 + (name == "batch") for node in dots), name
