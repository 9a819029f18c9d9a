"""Sparse Jacobians and Hessians: the same as dense ones, what is stored, what a call returns."""

from __future__ import annotations

import pickle
import random
import warnings
import xml.etree.ElementTree

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from codegen.structure import kernel_of
from gradient.test_structured import UNARY, done, padded, rosenbrock, shifted

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.exprs import Read, walk
from cgrad.core.loops import For, Set
from cgrad.core.loops import values as loop_values
from cgrad.sparse import pattern
from cgrad.sparse.coloured import ColouredMatrix
from cgrad.sparse.runs import at_most


def banded(rng, v):
    """Steps after which an element depends on a few others."""
    return rng.choice([
        lambda: v[1:] * v[:-1],
        lambda: v[2:] - 2 * v[1:-1] + v[:-2],
        lambda: v * v[::-1],
        lambda: ct.concatenate([v[:1], v[1:] - v[:-1]]),
        lambda: v * v[0],
        lambda: ct.roll(v, 1) * v,
        lambda: v * ct.sum(v[:2]),
        lambda: ct.concatenate([v[1:], ct.sin(v[:-1]), v * 2]),
        lambda: ct.switch(v > 0, v, v[0] ** 2),
        lambda: ct.inc_subtensor(v[:1], v[-1:]),
    ])()  # fmt: skip


def a_graph(rng, x):
    v = x
    for _ in range(rng.randint(1, 4)):
        kind = rng.random()
        if kind < 0.3:
            v = rng.choice(UNARY)(v)
        else:
            v = (shifted if kind < 0.6 else padded if kind < 0.75 else banded)(rng, v)
    if rng.random() < 0.5:
        v = ct.grad(ct.sum(ct.sin(v) * v), x, disconnected_inputs="ignore")
    return v


def as_array(J, given):
    """The sparse matrix as SciPy has it, by NumPy."""
    found, *rest = evaluate([J.values, *J.atoms, *J.maps], given)
    atoms, maps = rest[: len(J.atoms)], rest[len(J.atoms) :]
    layout = J.pattern.layout(np.array(atoms, np.int64).tobytes(), maps)
    return layout.matrix(layout.data(found))


def check(found, expected):
    """A well-formed matrix with the values expected and nothing twice."""
    assert found.shape == expected.shape
    found.check_format(full_check=True)
    plain = scipy.sparse.csr_array(
        (found.data, found.indices.copy(), found.indptr.copy()), shape=found.shape
    )
    assert plain.has_canonical_format
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-10, atol=1e-12)


counts = {"ordered": 0, "sorted": 0, "coloured": 0}


@pytest.mark.parametrize("seed", range(140))
@pytest.mark.parametrize("known", [False, True])
def test_random_graphs(seed, known):
    """By NumPy: the places of the elements, and what is stored there."""
    declared = 3 + seed % 5
    x = ct.tensor("x", dtype="float64", shape=(declared if known else None,))
    y = a_graph(random.Random(seed), x)
    dense = cgrad.jacobian(y, x, disconnected_inputs="ignore")
    J = cgrad.jacobian(y, x, disconnected_inputs="ignore", sparse=True)
    if isinstance(J, ColouredMatrix):
        # see test_coloured
        counts["coloured"] += 1
        return
    counts["ordered" if J.pattern.ordered else "sorted"] += 1
    for n in (declared,) if known else (0, 1, 2, 3, 9):
        at = {x: np.random.default_rng(seed).uniform(-1, 1, n)}
        try:
            (expected,) = evaluate([dense], at)
        except (ValueError, IndexError):
            assert n < 3
            continue
        check(as_array(J, at), expected)


def test_most_of_them_are_stored_in_order():
    if sum(counts.values()) == 280:
        assert counts["ordered"] > counts["sorted"] > 0
        assert counts["coloured"] < 60


@pytest.fixture(scope="module")
def many():
    """Ten matrices in one function, and the same dense."""
    x = ct.dvector("x")
    rng = random.Random(5)
    graphs = [ct.sin(x) * x, x[1:] * x[:-1], x[::-1] ** 2 + x, ct.concatenate([x, ct.exp(x)])]
    graphs += [banded(rng, ct.tanh(x)) for _ in range(4)]
    costs = [rosenbrock(x), ct.sum(x[1:] * x[0]) + ct.sum(x**4)]
    outs = [cgrad.jacobian(y, x, sparse=True) for y in graphs]
    outs += [cgrad.hessian(c, x, sparse=True, lower=low) for c in costs for low in (False, True)]
    dense = [cgrad.jacobian(y, x) for y in graphs]
    dense += [m for c in costs for m in (cgrad.hessian(c, x), ct.tril(cgrad.hessian(c, x)))]
    return cgrad.function([x], [*outs, *dense])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 40])
def test_compiled(many, n):
    results = many(np.random.default_rng(n).uniform(-1, 1, n))
    half = len(results) // 2
    for found, expected in zip(results[:half], results[half:], strict=True):
        check(found, expected)


# -- what is computed and stored ------------------------------------------------------------------
@pytest.fixture(scope="module")
def hessian():
    x = ct.dvector("x")
    return cgrad.function([x], cgrad.hessian(rosenbrock(x), x, sparse=True))


def test_only_the_elements_are_stored():
    """Three for a row, each once, and no table of places."""
    x = ct.dvector("x")
    kernel, _ = kernel_of([x], [cgrad.hessian(rosenbrock(x), x, sparse=True).values])
    _, stores = done(kernel.body, 100)
    # and one of a temporary for the first row
    assert stores == 298 + 1
    # the body: one loop that reads x alone
    body = max((s for s in kernel.body if isinstance(s, For)), key=lambda s: len(s.body))
    assert sum(isinstance(s, Set) for s in body.body) == 3
    reads = [e for s in body.body for v in loop_values(s) for e in walk(v) if isinstance(e, Read)]
    assert {read.buffer.name for read in reads} == {"x"}


def test_no_elements(hessian):
    for n, stored in ((0, 0), (1, 1), (2, 4), (5, 13)):
        H = hessian(np.ones(n))
        assert (H.shape, H.nnz) == ((n, n), stored)


def test_places_are_shared_and_read_only(hessian):
    a, b = hessian(np.ones(6)), hessian(np.zeros(6))
    assert a.indices is b.indices
    assert a.data is not b.data
    assert a.indices.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        a.indices[0] = 1
    copy = a.copy()
    copy.indices[0] = 1
    for n in range(1, 30):
        hessian(np.ones(n))
    check(hessian(np.ones(6)), a.toarray())


def test_scipy_computes_with_it(hessian):
    H = hessian(np.linspace(0.5, 1.0, 7))
    full = H.toarray()
    v = np.arange(7.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.sparse.SparseEfficiencyWarning)
        solved = scipy.sparse.linalg.spsolve(H, v)
    assert np.allclose(solved, np.linalg.solve(full, v))
    assert np.allclose(H @ v, full @ v)
    assert np.allclose((H + H.T).toarray(), full + full.T)
    assert np.allclose((H @ H).toarray(), full @ full)
    assert np.allclose(H.tocsc()[2:4].toarray(), full[2:4])
    assert np.allclose(H.diagonal(), np.diag(full))


def test_without_scipy(hessian, monkeypatch):
    expected = hessian(np.ones(4))
    monkeypatch.setattr(pattern, "scipy_csr", lambda: None)
    monkeypatch.setattr(hessian._plan.conversion.parts[0][1], "_layouts", {})
    data, indices, indptr = hessian(np.ones(4))
    assert data.tolist() == expected.data.tolist()
    assert indices.tolist() == expected.indices.tolist()
    assert indptr.tolist() == expected.indptr.tolist()


# -- functions ------------------------------------------------------------------------------------
def test_results_of_every_form():
    x, a = ct.dvector("x"), ct.dscalar("a")
    y = a * x[1:] * x[:-1]
    by_x, by_a = cgrad.jacobian(y, [x, a], sparse=True)
    named = cgrad.function([x, a], {"y": y, "J": by_x, "by a": by_a})
    at = np.arange(4.0)
    found = named(at, 2.0)
    assert list(found) == ["y", "J", "by a"]
    assert found["y"].tolist() == [0.0, 4.0, 12.0]
    assert found["J"].toarray().tolist() == [[2, 0, 0, 0], [0, 4, 2, 0], [0, 0, 6, 4]]
    assert found["by a"].toarray().tolist() == [[0.0], [2.0], [6.0]]
    again = pickle.loads(pickle.dumps(named))
    assert again(x=at, a=2.0)["J"].toarray().tolist() == found["J"].toarray().tolist()
    copy = named.copy()
    assert copy(at, 3.0)["J"].data[0] == 3.0
    with pytest.raises(cgrad.CallError, match="dense results only"):
        named(at, 2.0, out=np.empty(3))


def test_a_bound_call_returns_the_same_matrices():
    x = ct.dvector("x")
    banded, reversed_ = (cgrad.jacobian(y, x, sparse=True) for y in (x[1:] ** 2, x * x[::-1]))
    assert banded.pattern.ordered
    assert not reversed_.pattern.ordered
    f = cgrad.function([x], [banded, reversed_])
    at = np.arange(3.0)
    step = f.bind(at)
    assert step.outputs is None
    first = step()
    at[:] = 2.0
    second = step()
    assert second is first is step.outputs
    for found, expected in zip(second, f(at), strict=True):
        check(found, expected.toarray())
    assert step.function is f
    assert step.arguments[0] is at
    with pytest.raises(cgrad.CallError, match="dense results only"):
        f.bind(at, out=np.empty(3))


def test_updates_are_made_once_a_call():
    x, count = ct.dvector("x"), cgrad.shared(np.float64(1.0), "count")
    J = cgrad.jacobian(count * x**2, x, sparse=True)
    f = cgrad.function([x], J, updates=[(count, count + 1)])
    assert [f(np.ones(2)).data[0] for _ in range(2)] == [2.0, 4.0]
    step = f.bind(np.ones(2))
    assert [step().data[0] for _ in range(2)] == [6.0, 8.0]
    assert f.copy(delete_updates=True)(np.ones(2)).data[0] == 10.0
    assert "this call" in f.explain(np.ones(2))
    assert f.get_shared() == [count]


def test_rows_and_columns_of_any_rank():
    """A stencil on a grid, of a matrix and of a vector that is reshaped: 5 elements in a row."""
    v, X = ct.dvector("v"), ct.dmatrix("X")
    grid = v.reshape((X.shape[0], X.shape[1]))

    def energy(u):
        return sum(ct.sum((p - q) ** 4) for p, q in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1])))

    outs = [cgrad.hessian(energy(u), w, sparse=True) for u, w in ((X, X), (grid, v))]
    slope = cgrad.grad(energy(X), X)
    f = cgrad.function([v, X], [*outs, cgrad.jacobian(slope, X)])
    for shape in ((4, 5), (1, 3), (2, 2)):
        at = np.random.default_rng(0).uniform(-1, 1, shape)
        of_matrix, of_vector, dense = f(at.ravel(), at)
        check(of_matrix, dense.reshape(at.size, at.size))
        check(of_vector, dense.reshape(at.size, at.size))
        n, m = shape
        assert of_matrix.nnz == n * m + 2 * ((n - 1) * m + n * (m - 1))


def test_rows_and_columns_that_are_looked_up():
    """Energies over the edges of a graph; the places follow the edges of each call."""
    x, X, i, j = ct.dvector("x"), ct.dmatrix("X"), ct.lvector("i"), ct.lvector("j")
    angles = ct.sum(ct.cos(x[i] - x[j]) * x[i]) + ct.sum(x**3)
    lengths = ct.sum((ct.sum((X[i] - X[j]) ** 2, axis=1) - 1.0) ** 2)
    outs = [cgrad.hessian(angles, x, sparse=True, lower=low) for low in (False, True)]
    outs += [cgrad.jacobian(x[i] ** 2, x, sparse=True), cgrad.hessian(lengths, X, sparse=True)]
    dense = [cgrad.hessian(angles, x), ct.tril(cgrad.hessian(angles, x))]
    dense += [cgrad.jacobian(x[i] ** 2, x), cgrad.jacobian(cgrad.grad(lengths, X), X)]
    # two arrays of integers that stand for columns, and two of those for a matrix
    assert len(outs[0].maps) == 2
    f = cgrad.function([x, X, i, j], [*outs, *dense])
    rng = np.random.default_rng(0)
    for ends in (([0, 1, 2, 5, 0, 1], [1, 2, 3, -2, 0, 2]), ([3, 2], [4, 0]), ([], [])):
        args = (rng.normal(size=6), rng.normal(size=(6, 2)), *(np.array(e, np.int64) for e in ends))
        found = f(*args)
        for sparse, full in zip(found[:4], found[4:], strict=True):
            check(sparse, full.reshape(sparse.shape))
    with pytest.raises(cgrad.IndexBoundsError):
        f(args[0], args[1], np.array([6]), np.array([0]))
    g = cgrad.function([x, i], outs[2])
    at, index = np.ones(3), np.array([0, 2])
    step = g.bind(at, index)
    assert step().toarray().tolist() == [[2, 0, 0], [0, 0, 2]]
    index[:] = 1
    with pytest.raises(cgrad.ShapeError, match="looked up"):
        step()


def test_spy():
    places = ([0, 0, 1], [0, 2, 1])
    matrix = scipy.sparse.csr_array((np.ones(3), places), shape=(2, 3))
    picture = cgrad.spy(matrix)
    root = xml.etree.ElementTree.fromstring(picture)
    cells = [c for c in root if c.get("class") == "element"]
    assert [(c.get("x"), c.get("y")) for c in cells] == [("0", "0"), ("2", "0"), ("1", "1")]
    assert "3 of 6" in picture
    # more rows than there are pixels: a cell for each block that has some
    large = cgrad.spy(scipy.sparse.csr_array(scipy.sparse.eye_array(10_000)))
    assert large.count('"element"') == 200
    assert cgrad.spy((matrix.data, matrix.indices, matrix.indptr)) == picture
    assert cgrad.spy(scipy.sparse.csr_array((0, 4))).count('"element"') == 0
    with pytest.raises(TypeError, match="found ndarray"):
        cgrad.spy(np.eye(2))


def test_single_precision():
    x = ct.fvector("x")
    f = cgrad.function([x], cgrad.jacobian(x[1:] * x[:-1], x, sparse=True))
    assert f(np.ones(3, np.float32)).dtype == np.float32


@pytest.mark.parametrize("options", [{}, {"sparse": True}, {"sparse": True, "lower": True}])
def test_value_slope_and_hessian(options):
    x, y = ct.dvector("x"), ct.dvector("y")
    cost = rosenbrock(x) + ct.sum(x**2 * y)
    value, slope, H = cgrad.value_grad_hessian(cost, x, **options)
    assert value is cost
    at = {x: np.linspace(0.0, 1.0, 4), y: np.ones(4)}
    expected, dense = evaluate([cgrad.grad(cost, x), cgrad.hessian(cost, x)], at)
    assert np.allclose(evaluate([slope], at)[0], expected)
    if options:
        check(as_array(H, at), np.tril(dense) if "lower" in options else dense)
    else:
        assert np.allclose(evaluate([H], at)[0], dense)
    _, slopes, matrices = cgrad.value_grad_hessian(cost, [x, y], **options)
    assert len(slopes) == len(matrices) == 2


# -- errors ---------------------------------------------------------------------------------------
def test_misuse():
    x = ct.dvector("x")
    with pytest.raises(ValueError, match="lower=True is for sparse=True only"):
        cgrad.hessian(ct.sum(x**2), x, lower=True)
    J = cgrad.jacobian(x**2, x, sparse=True)
    assert repr(J) == "<sparse matrix, float64 (x.shape[0], x.shape[0])>"
    for operation in (
        lambda: J @ x, lambda: x @ J, lambda: J * 2.0, lambda: J[0], lambda: np.ones(3) @ J,
        lambda: ct.dot(J, x), lambda: ct.sum(J), lambda: J + x, lambda: np.asarray(J),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError, match="sparse matri"):
            operation()
    with pytest.raises(cgrad.DisconnectedInputError):
        cgrad.jacobian(x**2, ct.dvector("y"), sparse=True)


def test_sizes_are_compared():
    n, m = (ct.dmatrix("A").shape[k] for k in (0, 1))
    n, m = (cgrad.core.graphs.node_size(s) for s in (n, m))
    largest, smallest = cgrad.core.sizes.maximum, cgrad.core.sizes.minimum
    assert at_most(largest(0, n - 1), largest(1, n - 1))
    assert at_most(n, largest(0, n - 1) + 1)
    assert at_most(smallest(n, m) - 1, m)
    assert not at_most(n, m)
    assert not at_most(1, largest(0, n - 1))


def test_a_number_is_a_factor_of_all_rows():
    """The slope of tanh' has a factor that is a number, and a window moves rows."""
    x = ct.dvector("x")
    cost = ct.sum(ct.tanh(x[1:] * 2) ** 2)
    at = {x: np.array([0.3, -0.2, 0.8])}
    (found,) = evaluate([cgrad.hessian(cost, x)], at)
    t = np.tanh(2 * at[x][1:])
    expected = 4 * (2 * (1 - t**2) ** 2 - 4 * t**2 * (1 - t**2))
    assert np.allclose(found, np.diag([0, *expected]))
