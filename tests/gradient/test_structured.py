"""Jacobians by structure: the same as row by row, and what they cost."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from codegen.structure import every_loop, kernel_of, nests, operations

import cgrad
import cgrad.tensor as ct
from cgrad.core import sizes
from cgrad.core.exprs import SizeValue
from cgrad.core.graphs import toposort
from cgrad.core.loops import Accumulate, For, Let, Set
from cgrad.gradient import grad_clip, grad_scale, hessian, jacobian
from cgrad.gradient.jacobian import _rows
from cgrad.gradient.structured import _forward, _reverse, identity
from cgrad.ops.axes import reshape_to
from cgrad.ops.counts import added
from cgrad.ops.overlay import MANY
from cgrad.ops.terms import push

# -- random graphs --------------------------------------------------------------------------------
UNARY = [ct.sin, ct.exp, ct.tanh, ct.sqr, lambda v: v * 2.0 + 1.0, ct.softplus, ct.abs]


def shifted(rng, v):
    """v, its windows, reversals and steps."""
    return rng.choice([
        lambda: v[1:], lambda: v[:-1], lambda: v[::-1], lambda: v[::2], lambda: v[1::2],
        lambda: v[2:0:-1], lambda: v[::-2], lambda: v[-2:], lambda: v[:2],
    ])()  # fmt: skip


def padded(rng, v):
    """Zeros or other elements around v, or with v in a window."""
    zero = ct.zeros((v.shape[0] + 2,))
    return rng.choice([
        lambda: ct.set_subtensor(zero[1:-1], v),
        lambda: ct.inc_subtensor(ct.concatenate([v, v])[v.shape[0] :], ct.sin(v)),
        lambda: ct.set_subtensor(ct.zeros((2 * v.shape[0],))[::2], v),
        lambda: ct.set_subtensor(ct.concatenate([v, v])[: v.shape[0]], v[::-1]),
        lambda: ct.concatenate([v, ct.ones((1,)), ct.exp(v)]),
        lambda: ct.stack([v, ct.cos(v)]).reshape((-1,)),
        lambda: ct.stack([v, v[::-1]], axis=1).ravel(),
    ])()  # fmt: skip


def mixed(rng, v):
    """Steps after which some elements depend on all."""
    n = v.shape[0]
    return rng.choice([
        lambda: v * ct.sum(v),
        lambda: ct.sum(v**2).reshape((1,)),
        lambda: ct.dot(ct.outer(ct.cos(v), ct.arange(n) * 0.1), v),
        lambda: ct.dot(ct.diag(v), ct.sin(v)),
        lambda: ct.outer(v, v[:2]).ravel(),
        lambda: ct.diag(ct.outer(v, v)),
        lambda: (v[:, None] * v[None, :]).sum(axis=0),
        lambda: (v[:, None] + v[None, :]).sum(axis=1) * v,
        lambda: ct.switch(v > 0.1, v, v[::-1] * 2),
        lambda: ct.maximum(v, 0.3 * ct.sum(v)),
        lambda: ct.cumsum(v),
        lambda: ct.logsumexp(ct.concatenate([v, ct.zeros((1,))])) * v,
        lambda: ct.concatenate([v, ct.zeros((1,))]).max() * v,
        lambda: ct.softmax(ct.concatenate([v, ct.zeros((1,))]), axis=0),
        lambda: v[ct.arange(n) // 2],
        lambda: ct.tile(v, 2),
        lambda: ct.roll(v, 1) - v,
        lambda: ct.tile(v, 12).reshape((-1, 3, 2, 2)).reshape((-1, 4)).sum(axis=1),
        lambda: ct.outer(v, ct.tile(v, 6)).reshape((n, 2, 3, n)).reshape((n, 3, -1))[:, 1].ravel(),
        lambda: v.reshape((n, 1)).T.sum(axis=0) * v,
    ])()  # fmt: skip


def a_graph(rng, x):
    """A random vector that depends on x."""
    v = ct.sin(x.ravel()) if rng.random() < 0.5 else x.ravel()
    for _ in range(rng.randint(1, 5)):
        kind = rng.random()
        if kind < 0.3:
            v = rng.choice(UNARY)(v)
        elif kind < 0.55:
            v = shifted(rng, v)
        elif kind < 0.7:
            v = padded(rng, v)
        else:
            v = mixed(rng, v)
    return v


def rows_of(y, x):
    (rows,) = _rows(y, [x], ())
    return ct.zeros((*y.shape, *x.shape)) if rows is None else reshape_to(rows, (*y.dims, *x.dims))


@pytest.mark.parametrize("seed", range(120))
def test_random_graphs(seed, values):
    """Forward and in reverse, against a loop of reverse products over the rows."""
    rng = random.Random(seed)
    x = ct.dvector("x") if seed % 4 else ct.dmatrix("x")
    y = a_graph(rng, x)
    forms = [jacobian(y, x, disconnected_inputs="ignore"), rows_of(y, x)]
    for way in (_forward, _reverse):
        found = way(y, [x], ())
        assert found is not None, "no rule applied"
        forms.append(forms[1] * 0 if found[0] is None else found[0])
    for n in (seed % 3, 3, 7) if seed % 5 == 0 else (seed % 3, 3):
        at = np.random.default_rng(seed).uniform(-1, 1, n if x.ndim == 1 else (n, 2))
        try:
            results = values(forms, {x: at})
        except (ValueError, IndexError):
            # a window or a maximum of nothing
            assert n < 3
            continue
        for found in results:
            assert found.shape == results[1].shape
            assert np.allclose(found, results[1], rtol=1e-10, atol=1e-12)


# -- what they cost -------------------------------------------------------------------------------
def rosenbrock(x):
    return ct.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def done(stmts, n, index=None):
    """(calls, stores) that the statements do when every size is n."""
    index = {} if index is None else index

    def value(size):
        return sizes.evaluate(size, lambda atom: index[atom.args[0]] if atom.kind == "index" else n)

    calls = stores = 0
    for stmt in stmts:
        if isinstance(stmt, Let) and isinstance(stmt.value, SizeValue):
            index[stmt.name] = value(stmt.value.size)
        elif not isinstance(stmt, For):
            calls += operations([stmt])
            stores += isinstance(stmt, (Set, Accumulate)) and bool(stmt.index)
        else:
            steps = range(value(stmt.start), value(stmt.extent), stmt.step)
            inner = [done(stmt.body, n, {**index, stmt.index: i}) for i in steps]
            calls += sum(c for c, _ in inner)
            stores += sum(s for _, s in inner)
    return calls, stores


@pytest.mark.parametrize(
    "vector", [lambda x: ct.sin(x) * x, lambda x: ct.exp(x[::-1]), lambda x: x[2:] - x[:-2] ** 2]
)
def test_bands_are_stored_in_zeros(vector):
    """Nothing is computed for the zeros, and there is no second matrix."""
    x = ct.dvector("x")
    kernel, slots = kernel_of([x], [jacobian(vector(x), x)])
    assert not slots
    calls, stores = done(kernel.body, 100)
    assert calls < 1000
    assert 100 * 98 < stores < 100 * 104


def test_the_hessian_of_a_chain_is_three_diagonals(values):
    x = ct.dvector("x")
    H = hessian(rosenbrock(x), x)
    kernel, slots = kernel_of([x], [H])
    assert not slots
    assert len(every_loop(kernel)) <= 3
    calls, stores = done(kernel.body, 100)
    assert calls < 1500
    assert stores == 100 * 100 + 4 * 99
    at = np.linspace(-1, 2, 5)
    expected = np.zeros((5, 5))
    for i in range(4):
        expected[i, i] += 1200 * at[i] ** 2 - 400 * at[i + 1] + 2
        expected[i + 1, i + 1] += 200
        expected[i, i + 1] = expected[i + 1, i] = -400 * at[i]
    for n in (0, 1, 5):
        assert np.allclose(values([H], {x: at[:n]})[0], expected if n == 5 else 0)


def test_the_hessian_of_a_regression_is_one_product(values):
    X, w, y = ct.dmatrix("X"), ct.dvector("w"), ct.dvector("y")
    z = ct.dot(X, w)
    H = hessian(ct.sum(ct.softplus(z) - y * z), w)
    products = [n for n in toposort([H]) if n.op.name == "dot" and n.ndim == 2]
    assert len(products) == 1
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(6, 3)), rng.normal(size=3)
    s = 1 / (1 + np.exp(-A @ b))
    expected = A.T @ ((s * (1 - s))[:, None] * A)
    assert np.allclose(values([H], {X: A, w: b, y: rng.normal(size=6)})[0], expected)


def test_products_with_a_diagonal_are_elementwise():
    A, x = ct.dmatrix("A"), ct.dvector("x")
    J = jacobian(ct.dot(A, ct.sin(x)), x)
    kernel, _ = kernel_of([A, x], [J])
    assert all(loop.kind == "map" for loop in every_loop(kernel))
    assert len(nests(kernel)) <= 2
    assert "dot" not in {n.op.name for n in toposort([J])} - {"sin"}


def test_batch_axes_stay_apart(values):
    """Rows of a matrix that never meet: their blocks alone are computed."""
    X = ct.dmatrix("X")
    J = jacobian(ct.sum(ct.sin(X), axis=1), X)
    kernel, slots = kernel_of([X], [J])
    assert not slots
    calls, stores = done(kernel.body, 10)
    assert calls < 300
    assert stores <= 10**3 + 2 * 10**2
    at = np.arange(6.0).reshape(2, 3)
    (found,) = values([J], {X: at})
    assert np.array_equal(found, np.einsum("ik,ij->ikj", np.eye(2), np.cos(at)))


def test_zeros_stay_zeros_beside_infinities(values):
    x = ct.dvector("x")
    (found,) = values([jacobian(ct.sqrt(x), x)], {x: [0.0, 4.0]})
    assert found.tolist() == [[np.inf, 0], [0, 0.25]]


def test_few_outputs_go_in_reverse():
    """A network from many inputs to two outputs, and one from two inputs to many outputs."""
    x, V = ct.dvector("x", shape=(50,)), ct.dmatrix("V", shape=(40, 50))
    U = ct.dmatrix("U", shape=(2, 40))
    y = ct.dot(U, ct.tanh(ct.dot(V, x)))
    forward, backward = _forward(y, [x], ()), _reverse(y, [x], ())
    known = set(toposort([y]))
    assert added(backward, known) < added(forward, known)
    assert added([jacobian(y, x).args[0]], known) == added(backward, known)
    wide = ct.dot(V.T, ct.tanh(ct.dot(U.T, x[:2])))
    assert added([jacobian(wide, x).args[0]], set(toposort([wide]))) == added(
        _forward(wide, [x], ()), set(toposort([wide]))
    )


def test_sizes_choose_between_forward_and_reverse_at_the_call():
    """Two hidden layers: of a wide and of a tall Jacobian one kernel computes the cheaper way."""
    x, weights = ct.dvector("x"), [ct.dmatrix(name) for name in ("A", "B", "C")]
    y = x
    for weight in weights:
        y = ct.tanh(weight @ y)
    f = cgrad.function([x, *weights], jacobian(y, x))
    assert "by sizes" in f.explain() and "/* branch */" in f.c_source
    rng = np.random.default_rng(0)
    for widths in ((9, 4, 3, 2), (2, 3, 4, 9), (3, 0, 2, 5), (0, 2, 3, 1)):
        given = [rng.normal(size=n) for n in (widths[0], *pairwise(widths[::-1]))]
        given[1:] = given[:0:-1]
        at, expected = given[0], np.eye(widths[0])
        for W in given[1:]:
            at = np.tanh(W @ at)
            expected = (1 - at * at)[:, None] * (W @ expected)
        np.testing.assert_allclose(f(*given), expected, rtol=1e-12, atol=1e-14)
    # one hidden layer is as many products either way
    once = jacobian(weights[1] @ ct.tanh(weights[0] @ x), x)
    assert "by_sizes" not in {node.op.name for node in toposort([once])}


def test_sizes_choose_one_way_for_several_wrt(values):
    """What is shared by the blocks of one way is computed once: there is one branch."""
    x, z = ct.dvectors("x", "z")
    weights = A, B, C, D, E = ct.dmatrices("A", "B", "C", "D", "E")
    y = A @ x + B @ z
    for weight in (C, D, E):
        y = ct.tanh(weight @ ct.tanh(y))
    f = cgrad.function([x, z, *weights], jacobian(y, [x, z]))
    assert "by sizes" in f.explain() and f.c_source.count("/* branch */") == 1
    rng = np.random.default_rng(0)
    for n, m, k, out in ((9, 8, 3, 2), (2, 1, 4, 30), (3, 0, 2, 5)):
        shapes = (n, m, (k, n), (k, m), (k + 1, k), (k + 2, k + 1), (out, k + 2))
        given = [rng.normal(size=shape) for shape in shapes]
        inputs = dict(zip((x, z, *weights), given, strict=True))
        expected = values([rows_of(y, x), rows_of(y, z)], inputs)
        for found, rows in zip(f(*given), expected, strict=True):
            np.testing.assert_allclose(found, rows, rtol=1e-12, atol=1e-14)


def test_modes_of_a_scalar(values):
    """A gradient is a Jacobian of one row, in any mode."""
    x = ct.dvector("x")
    at = {x: np.array([0.3, -0.2, 0.5])}
    for y in (ct.sum(x**2), ct.prod(x), grad_scale(ct.sum(x), 1.0)):
        found = [values([jacobian(y, x, mode=m)], at)[0] for m in ("auto", "reverse")]
        np.testing.assert_array_equal(*found)
        found.append(values([jacobian(y, x, mode="forward")], at)[0])
        np.testing.assert_allclose(found[2], found[0], rtol=1e-14)


def test_stacked_systems_have_a_block_each(values):
    """The Jacobian of four solutions is computed by solving each system for its own columns."""
    S, B = ct.tensor3("S", dtype="float64"), ct.tensor3("B", dtype="float64")
    rng = np.random.default_rng(0)
    at = {S: rng.uniform(-1, 1, (4, 3, 3)) + 3 * np.eye(3), B: rng.uniform(-1, 1, (4, 3, 2))}
    both = ct.matmul(S, ct.swapaxes(S, 1, 2))
    for y, x in (
        (ct.linalg.solve(S, B), B),
        (ct.linalg.solve(S, ct.sin(B[:, ::-1])), B),
        (ct.linalg.solve(S, B * ct.sum(S, axis=2, keepdims=True)), S),
        (ct.linalg.inv(S[::-1]), S),
        (ct.linalg.solve(S[0], B[1]), B),
        (ct.linalg.solve_triangular(S, B, lower=True), B),
        (ct.log(ct.linalg.det(both)), S),
    ):
        found, rows = values([jacobian(y, x), rows_of(y, x)], at)
        np.testing.assert_allclose(found, rows, rtol=1e-9, atol=1e-11)
        found = _forward(y, [x], ())
        assert found is not None
        np.testing.assert_allclose(values(found, at)[0], rows, rtol=1e-9, atol=1e-11)
    # one system of six columns for each of the four, not of 24 for each
    (solved,) = [n for n in toposort([jacobian(ct.linalg.solve(S, B), B)])
                 if n.op.name == "lu_solve" and n.ndim == 3 and n.args[2] is not B]  # fmt: skip
    shape = {S: (4, 3, 3), B: (4, 3, 2)}
    lengths = [sizes.evaluate(n, lambda a: shape[a.args[0]][a.args[1]]) for n in solved.dims]
    assert lengths == [4, 3, 6]


def test_what_only_cotangents_pass_is_done_row_by_row(values):
    x = ct.dvector("x")
    for y, expected in (
        (grad_clip(x * 3, -0.5, 0.5) * 2, 1.5),
        (grad_scale(x * 3, 0.5) * 2, 3.0),
    ):
        assert np.array_equal(values([jacobian(y, x)], {x: np.ones(2)})[0], expected * np.eye(2))


# -- loops ----------------------------------------------------------------------------------------
def oscillator(s, k):
    return s + 0.1 * ct.stack([s[1], -k * ct.sin(s[0])])


@pytest.mark.parametrize("form", ["history", "last", "weights", "sequence", "map"])
def test_loops_carry_all_columns(form, values):
    """Against row by row, for initial states, what is constant in the loop, and sequences."""
    s, k, x = ct.dvector("s"), ct.dscalar("k"), ct.dvector("x")
    states, _ = cgrad.scan(oscillator, outputs_info=s, non_sequences=k, n_steps=4)
    decay, _ = cgrad.scan(lambda t, h: ct.tanh(h * t) + t, sequences=x, outputs_info=k)
    apart, _ = cgrad.map(lambda t: ct.sin(t) * t, x)
    y, wrt = {
        "history": (states, s), "last": (states[-1], s), "weights": (states, k),
        "sequence": (decay, x), "map": (apart, x),
    }[form]  # fmt: skip
    given = {s: [0.3, 0.1], k: 1.5, x: [0.3, -0.2, 0.5]}
    given = {node: value for node, value in given.items() if node in set(toposort([y]))}
    forms = [rows_of(y, wrt), _forward(y, [wrt], ())[0], _reverse(y, [wrt], ())[0]]
    rows, *rest = values(forms, given)
    for found in rest:
        assert found.shape == rows.shape
        assert np.allclose(found, rows, rtol=1e-12)


def test_the_jacobian_of_a_loop_is_one_loop():
    s, k = ct.dvector("s", shape=(2,)), ct.dscalar("k")
    states, _ = cgrad.scan(oscillator, outputs_info=s, non_sequences=k, n_steps=100)
    kernel, _ = kernel_of([s, k], [jacobian(states[-1], s)])
    steps = [loop for loop in nests(kernel) if loop.extent == 100]
    assert len(steps) == 1


# -- how many terms -------------------------------------------------------------------------------
def surrounded(v):
    w = ct.concatenate([ct.zeros((1,)), v, ct.zeros((1,))])
    return ct.sin(w[2:] - 2 * w[1:-1] + w[:-2])


REPEATED = {
    "stencil": surrounded,
    "increments": lambda v: ct.sin(ct.inc_subtensor(v[1:], v[:-1] ** 2)),
    "reversals": lambda v: ct.sin(v[::-1] + v),
    "shuffles": lambda v: ct.concatenate([v[::2], v[1::2]]) * 2 + v,
    "arrows": lambda v: v * v[0] + ct.sin(v),
}


@pytest.mark.parametrize("name", list(REPEATED))
def test_terms_do_not_multiply(name, values):
    """Steps that add to the bands of a Jacobian again and again."""
    x = ct.dvector("x")
    y = x
    for step in range(1, 6):
        y = REPEATED[name](y)
        (terms,) = push([y], {x: [identity(x)]})
        assert len(terms) <= MANY
        if step in (2, 5):
            at = np.linspace(-0.5, 0.7, 6)
            found, rows = values([jacobian(y, x), rows_of(y, x)], {x: at})
            assert np.allclose(found, rows, rtol=1e-10, atol=1e-12)


def test_an_op_whose_rule_applies_it_to_tangents():
    """The tangent of a solution is the solution for another right side: rows are computed then."""
    x = ct.dvector("x")
    matrix = ct.eye(3) * 2 + ct.outer(x, x)
    y = ct.linalg.solve(matrix, x)
    at = np.array([0.3, -0.2, 0.5])
    found = cgrad.function([x], cgrad.jacobian(y, x))(at)
    step = 1e-6 * np.eye(3)
    f = cgrad.function([x], y)
    expected = np.array([(f(at + h) - f(at - h)) / 2e-6 for h in step]).T
    np.testing.assert_allclose(found, expected, atol=1e-8)
