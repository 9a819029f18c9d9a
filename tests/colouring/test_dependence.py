"""Which elements depend on which: one rule for each kind of op, against the dense derivative."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.colouring.dependence import places_of
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import substitute
from cgrad.core.node import TensorType, make_input
from cgrad.errors import CallError, ShapeError

RNG = np.random.default_rng(0)
N = 8
root, p = ct.optimize.root, ct.dvector("p")


def scan(step, sequences, *constants, **options):
    return cgrad.scan(step, sequences, non_sequences=list(constants), **options)[0]


# name -> (graph of a vector x, a matrix X and integers i, the variable), exactly those elements
# that are not zero at random values
EXACT = {
    "elementwise": (lambda x, X, i: ct.sin(x) * x + x[0] * 0.5, "x"),
    "flat": (lambda x, X, i: ct.floor(x) + ct.sqr(x) * ct.sign(x), "x"),
    "complex numbers": (lambda x, X, i: ct.real((x * 1j + x[::-1]) ** 2), "x"),
    "windows": (lambda x, X, i: ct.concatenate([x[2:] * x[:-2], x[::-3]]), "x"),
    "axes": (lambda x, X, i: ct.reshape(ct.sin(X).T, (4, -1))[:, 1] * X[:, 0], "X"),
    "reshape": (lambda x, X, i: ct.sum(ct.reshape(ct.sin(x), (-1, 4)) ** 2, axis=1), "x"),
    "update": (lambda x, X, i: ct.set_subtensor(ct.sin(x)[2:4], x[5:7] ** 2), "x"),
    "gather": (lambda x, X, i: ct.sin(x)[i] * x[0], "x"),
    "gather with sizes": (lambda x, X, i: x[(i * 7 + 3) % x.shape[0]] * 2, "x"),
    "gather of rows": (lambda x, X, i: ct.sin(X)[i % 4] * X[0], "X"),
    "gather of elements": (lambda x, X, i: ct.sin(X)[i % 4, i], "X"),
    "scatter": (lambda x, X, i: ct.inc_subtensor(ct.zeros_like(x)[i], ct.sin(x[:5])), "x"),
    "replaced rows": (lambda x, X, i: ct.exp(ct.set_subtensor(ct.sin(x)[i[:2]], x[6:])), "x"),
    "sum": (lambda x, X, i: ct.sum(X**2, axis=0), "X"),
    "product": (lambda x, X, i: ct.prod(X, axis=1), "X"),
    "dot": (lambda x, X, i: ct.dot(X, ct.sin(x)), "X"),
    "dot with a vector": (lambda x, X, i: ct.dot(X, ct.sin(x)), "x"),
    "matrices": (lambda x, X, i: ct.dot(X, X.T), "X"),
    "diagonal": (lambda x, X, i: ct.diagonal(ct.outer(x, ct.sin(x))), "x"),
    "a loop that carries nothing": (lambda x, X, i: scan(lambda a, b: a * b, [x, x[::-1]]), "x"),
    "... over rows": (lambda x, X, i: scan(lambda a: a * ct.sum(a), [X]), "X"),
    "... with constants": (lambda x, X, i: scan(lambda a, w: ct.dot(w, a), [X], X), "X"),
    "... that looks up": (lambda x, X, i: scan(lambda k, w: w[k] * 2, [i], ct.sin(x)), "x"),
    "a recurrence": (
        lambda x, X, i: scan(lambda a, s: s * 0.5 + ct.sin(a), [x], outputs_info=[0.0]), "x",
    ),
    "... backwards": (
        lambda x, X, i: scan(
            lambda a, s: s * 0.5 + a**2, [x], outputs_info=[0.0], go_backwards=True
        ), "x",
    ),
    "loops in loops": (
        lambda x, X, i: scan(lambda row: scan(lambda a: a**2, [row]), [X]), "X",
    ),
    "... with a matrix around both": (
        lambda x, X, i: scan(lambda a, w: scan(lambda b, v: ct.dot(v, ct.sin(x)) * b, [x], w),
                             [x[:2]], X), "x",
    ),
    "a solution": (lambda x, X, i: root(ct.sinh(X.T @ X @ p) + p - x, p, start=x)[0], "x"),
    "solve": (lambda x, X, i: ct.linalg.solve(ct.eye(N) * 3 + ct.outer(x, x), x), "x"),
    "the slope of a look-up": (lambda x, X, i: ct.grad(ct.sum(ct.sin(x)[i] ** 2), x)[i], "x"),
}  # fmt: skip
# more than those: what is chosen depends on values
MORE = {
    "max": (lambda x, X, i: ct.max(X, axis=1), "X", 4 * N),
    "sort": (lambda x, X, i: ct.sort(ct.sin(x)), "x", N * N),
    "look-up of a float": (lambda x, X, i: ct.sin(x)[ct.argsort(x)[:2]], "x", 2 * N),
    "window at a float": (lambda x, X, i: ct.sin(x)[ct.argmax(x)] * x[:1], "x", N),
    "triangle": (lambda x, X, i: ct.tril(X**2, -1), "X", 4 * N),
    "choice": (lambda x, X, i: ct.sin(cgrad.ifelse(x[0] > 0, ct.sin(x), x[::-1])), "x", 2 * N),
    "equations that are apart": (lambda x, X, i: root(p**3 + p - x, p, start=x)[0], "x", N * N),
    "held fixed": (lambda x, X, i: x * cgrad.gradient.disconnected_grad(x)[0], "x", N),
}


def found(graph, name):
    symbols = {"x": ct.dvector("x"), "X": ct.dmatrix("X"), "i": ct.lvector("i")}
    y = graph(*symbols.values())
    wrt = symbols[name]
    given = dict(zip(symbols.values(), (RNG.uniform(0.3, 1, N), RNG.uniform(0.3, 1, (4, N)),
                                        np.array([3, 1, -7, 7, 0])), strict=True))  # fmt: skip
    variable = make_input(TensorType(wrt.dtype, wrt.dims))
    (expression,) = substitute([y], {wrt: variable})
    places, read = places_of(expression, variable, given)
    (dense,) = evaluate([cgrad.jacobian(y, wrt)], given)
    stored = np.zeros(places.shape, bool)
    stored[places.rows, places.indices] = True
    assert stored.sum() == places.nnz
    assert all(np.all(np.diff(places.indices[a:b]) > 0)
               for a, b in zip(places.indptr, places.indptr[1:], strict=False))  # fmt: skip
    return stored, dense.reshape(places.shape) != 0, {node.name for node in read}


@pytest.mark.parametrize("name", EXACT)
def test_exact(name):
    stored, expected, read = found(*EXACT[name])
    np.testing.assert_array_equal(stored, expected)
    assert read <= {"i"}


@pytest.mark.parametrize("name", MORE)
def test_all_that_may_be(name):
    graph, wrt, count = MORE[name]
    stored, expected, read = found(graph, wrt)
    assert not np.any(expected & ~stored)
    assert stored.sum() == count
    assert not read


def test_only_integers_that_matter_are_read():
    """Not those that are only multiplied."""
    assert found(lambda x, X, i: ct.sin(x[:5]) * i, "x")[2] == set()
    assert found(lambda x, X, i: ct.sin(x)[i], "x")[2] == {"i"}


def test_a_size_that_floats_decide():
    x = ct.dvector("x")
    y = ct.sin(x)[: ct.sum(x > 0)]
    with pytest.raises(NotImplementedError, match="depends on the value of"):
        places_of(*substituted(y, x), {x: np.ones(3)})


def substituted(y, x):
    variable = make_input(TensorType(x.dtype, x.dims))
    return substitute([y], {x: variable})[0], variable


def test_sizes_that_do_not_fit():
    x, z = ct.dvector("x"), ct.dvector("z")
    with pytest.raises(ShapeError, match="as many"):
        places_of(*substituted(x * ct.sin(x)[: z.shape[0]], x), {x: np.ones(5), z: np.ones(3)})


def test_what_is_nearly_dense_is_refused(monkeypatch):
    monkeypatch.setattr("cgrad.colouring.sets.MOST_MEMBERS", 50)
    x = ct.dvector("x")
    with pytest.raises(CallError, match="nearly dense"):
        places_of(*substituted(x * ct.sum(x), x), {x: np.ones(10)})
