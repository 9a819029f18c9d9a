"""Sparse derivatives by colours: random graphs against dense ones, every way against the others.

Random graphs are computed by NumPy, so nothing is compiled; CGRAD_TEST_GRAPHS says how many, and
`python -m tests.gradient.sparse_graphs` compares 500 and counts what it compares.
"""

from __future__ import annotations

import os
import pickle
import xml.etree.ElementTree

import numpy as np
import pytest
import scipy.sparse
from gradient.sparse_graphs import by_numpy, compare, same_matrix
from gradient.test_sparse import check

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.errors import IndexBoundsError, ShapeError
from cgrad.sparse.coloured import SYMMETRIC, WAYS, ColouredMatrix

GRAPHS = int(os.environ.get("CGRAD_TEST_GRAPHS", "10"))


def coloured(y, x, **options):
    J = cgrad.jacobian(y, x, disconnected_inputs="ignore", sparse=True, **options)
    assert isinstance(J, ColouredMatrix)
    return J


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_every_way_gives_the_dense_jacobian(seed):
    counts = compare(seed)
    assert counts["graphs"] == 1
    assert counts["dense"] == 5
    assert counts["sparse"] == 4 + 2 * 4
    assert all(counts[way] for way in (*WAYS, *SYMMETRIC))
    assert counts["non-zeros"] > 0


def test_leading_axes_are_not_mixed():
    """Stacks of matrices, transforms and sorted rows have blocks: as many colours as one has."""
    M, S, r = ct.dmatrix("M"), ct.tensor3("S", dtype="float64"), ct.dvector("r")
    i = ct.argsort(M, axis=1)
    rng = np.random.default_rng(0)
    given = {
        M: rng.uniform(0.3, 1, (6, 4)),
        S: rng.uniform(0.3, 1, (4, 3, 3)) + 3 * np.eye(3),
        r: rng.uniform(0.3, 1, 4),
    }
    forms = [
        (ct.linalg.inv(S), S, (9, 9)),
        (ct.linalg.det(S) * 2, S, (9, 1)),
        (ct.linalg.cholesky(ct.matmul(S, ct.swapaxes(S, 1, 2))), S, (9, 9)),
        (ct.abs(ct.fft.rfft(M)), M, (4, 3)),
        (ct.take_along_axis(M, i, axis=1), M, (4, 4)),
        (ct.grad(ct.sum(ct.take_along_axis(M, i, axis=1)[:, 0] ** 2), M), M, (4, 4)),
        (ct.set_subtensor(M[ct.arange(6)[:, None], i], ct.sin(M)), M, (4, 4)),
        (ct.sin(r)[ct.argsort(r)], r, (4, 4)),
    ]
    for y, x, expected in forms:
        (dense,) = evaluate([cgrad.jacobian(y, x)], given)
        for way, colours in zip(("column", "row"), expected, strict=True):
            found, layout = by_numpy(coloured(y, x, colouring=way), given)
            same_matrix(found, dense.reshape(found.shape))
            assert layout.columns.count + layout.rows.count == colours


def test_what_is_tried_with_made_up_lengths_is_small():
    """Three unknown axes of 29 would be 24 389 columns, all of them in each row."""
    T = ct.tensor3("T", dtype="float64")
    J = coloured(T[::-1] * ct.sum(ct.sin(T)) + T[ct.argsort(T[:, 0, 0])], T, colouring="column")
    given = {T: np.random.default_rng(0).uniform(0.3, 1, (3, 2, 2))}
    (dense,) = evaluate([cgrad.jacobian(J.expression, T)], given)
    same_matrix(by_numpy(J, given)[0], dense.reshape(12, 12))


# -- compiled -------------------------------------------------------------------------------------
def edges(x, i, j):
    return ct.sin(x[i]) * x[j] + ct.cos(ct.sin(x)[i])


@pytest.fixture(scope="module")
def many():
    """Several coloured results of one function, and the same dense."""
    x, i, j = ct.dvector("x"), ct.lvector("i"), ct.lvector("j")
    y = edges(x, i, j)
    cost = ct.sum(y**2)
    steps = cgrad.scan(lambda a, b: a * b, [x[1:], x[:-1]])[0]
    sparse = [coloured(y, x, colouring=way) for way in WAYS]
    sparse += [cgrad.hessian(cost, x, sparse=True, colouring=way) for way in SYMMETRIC]
    sparse += [cgrad.jacobian(steps, x, sparse=True)]
    dense = [cgrad.jacobian(y, x)] * 3 + [cgrad.hessian(cost, x)] * 2 + [cgrad.jacobian(steps, x)]
    return cgrad.function([x, i, j], [*sparse, *dense])


def test_compiled(many):
    """Sizes and places that are looked up change from call to call; each is found once."""
    rng = np.random.default_rng(3)
    for n, m in ((7, 9), (30, 50), (7, 9), (200, 150)):
        results = many(rng.uniform(0, 1, n), rng.integers(-n, n, m), rng.integers(0, n, m))
        for found, expected in zip(results[:6], results[6:], strict=True):
            check(found, expected)
    x = rng.uniform(0, 1, 7)
    one = many(x, [0, 1], [1, 2])
    again = many(x + 1, i=np.array([0, 1]), j=[1, 2])
    assert all(a.indices is b.indices for a, b in zip(one[:6], again[:6], strict=True))


def test_no_elements(many):
    found = many(np.zeros(4), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert [m.shape for m in found[:6]] == [(0, 4)] * 3 + [(4, 4)] * 2 + [(3, 4)]


def test_copies_compute_the_same(many):
    given = (np.arange(4.0), [0, 3], [1, 1])
    for f in (pickle.loads(pickle.dumps(many)), many.copy()):
        for a, b in zip(f(*given)[:6], many(*given)[:6], strict=True):
            check(a, b.toarray())


def test_a_bound_call_follows_values_and_refuses_other_places(many):
    x, i, j = np.arange(4.0), np.array([0, 3]), np.array([1, 1])
    step = many.bind(x, i, j)
    first = step()
    assert all(np.shares_memory(a, b) for a, b in zip(step.arguments, (x, i, j), strict=True))
    x[:] = 2.0
    assert step()[0] is first[0]
    check(first[0], many(x, i, j)[0].toarray())
    i[0] = 2
    with pytest.raises(ShapeError, match="bind again"):
        step()


def test_what_is_wrong_is_said_as_ever(many):
    with pytest.raises(IndexBoundsError, match="index 9 is out of bounds"):
        many(np.zeros(4), [9], [0])
    with pytest.raises(ShapeError):
        many(np.zeros(4), [1, 2], [0, 1, 2])


def test_what_a_function_says_of_itself(many):
    assert "column_passes" not in repr(many)
    given = np.arange(5.0), [0, 1, 2], [1, 2, 3]
    assert "outputs" in many.explain(*given)


def test_without_scipy(many, monkeypatch):
    monkeypatch.setattr("cgrad.sparse.pattern.scipy_csr", lambda: None)
    data, indices, indptr = many(np.arange(5.0), [0, 1, 2], [1, 2, 3])[0]
    monkeypatch.undo()
    expected = many(np.arange(5.0), [0, 1, 2], [1, 2, 3])[6]
    found = scipy.sparse.csr_array((data, indices.copy(), indptr.copy()), shape=(3, 5))
    np.testing.assert_allclose(found.toarray(), expected)


def test_givens_shared_and_intermediate_inputs():
    x, i = ct.dvector("x"), cgrad.shared(np.array([1, 0, 2]), name="i")
    z = ct.dvector("z")
    y = ct.sin(x * z)[i]
    f = cgrad.function([x], cgrad.jacobian(y, x, sparse=True), givens=[(z, ct.exp(x))])
    at = np.arange(3.0)
    first = f(at)
    # z is held fixed, as in the dense one
    dense = cgrad.function([x], cgrad.jacobian(y, x), givens=[(z, ct.exp(x))])
    check(first, dense(at))
    i.set_value(np.array([2, 2]))
    check(f(at), dense(at))


def test_float32():
    x = ct.fvector("x")
    found = cgrad.function([x], cgrad.jacobian(ct.sin(x)[ct.arange(3)], x, sparse=True))
    result = found(np.ones(4, np.float32))
    assert result.dtype == np.float32 and result.nnz == 3


def test_rows_by_loops_where_no_rule_batches():
    """grad_scale has no rule for many tangents at a time: one colour a pass."""
    x = ct.dvector("x")
    y = cgrad.gradient.grad_scale(ct.sin(x), 3.0)[ct.arange(4) // 2] * x[0]
    found = cgrad.function([x], coloured(y, x))(np.arange(4.0))
    check(found, cgrad.function([x], cgrad.jacobian(y, x))(np.arange(4.0)))


def test_misuse():
    x = ct.dvector("x")
    with pytest.raises(ValueError, match=r"colouring is 'diagonal'.*'column'"):
        cgrad.jacobian(x**2, x, sparse=True, colouring="diagonal")
    with pytest.raises(ValueError, match="ordering is 'fast'"):
        cgrad.jacobian(x**2, x, sparse=True, colouring="row", ordering="fast")
    with pytest.raises(ValueError, match="sparse=True only"):
        cgrad.hessian(ct.sum(x**2), x, colouring="star")
    clipped = cgrad.gradient.grad_clip(x, -1, 1)[ct.arange(2)]
    with pytest.raises(NotImplementedError, match=r"through grad_clip(?s:.*)leave out sparse=True"):
        cgrad.jacobian(clipped, x, sparse=True)


# -- looking in -----------------------------------------------------------------------------------
def test_sparsity():
    x, i = ct.dvector("x"), ct.lvector("i")
    row = ct.reshape(ct.sum(x**2), (1,))
    y = ct.concatenate([row, ct.sin(x[1:]) * x[0]])
    outputs = {
        "both": cgrad.jacobian(y, x, sparse=True, colouring="bidirectional"),
        "dense": row,
        "looked": cgrad.jacobian(ct.sin(x)[i], x, sparse=True),
        "terms": cgrad.jacobian(ct.sin(x), x, sparse=True),
    }
    f = cgrad.function([x, i], outputs)
    at = np.arange(6.0), np.array([2, 0])
    found, results = f.sparsity(*at), f(*at)
    assert found["dense"] is None
    for name in ("both", "looked", "terms"):
        np.testing.assert_array_equal(found[name].indices, results[name].indices)
        np.testing.assert_array_equal(found[name].indptr, results[name].indptr)
    both = found["both"]
    assert (both.way, both.colours, both.nnz) == ("bidirectional", 3, 6 + 5 * 2)
    assert both.row_colours.tolist() == [0, -1, -1, -1, -1, -1]
    assert both.by_row.sum() == 6
    assert (found["terms"].way, found["terms"].colours) == ("terms", 0)
    assert repr(found["looked"]) == "<sparsity of 2 x 6, 2 elements, column, 1 colours>"


def test_a_picture_with_colours():
    x = ct.dvector("x")
    y = ct.concatenate([ct.reshape(ct.sum(x**2), (1,)), ct.sin(x[1:]) * x[0]])
    f = cgrad.function([x], cgrad.jacobian(y, x, sparse=True, colouring="bidirectional"))
    picture = cgrad.spy(f.sparsity(np.ones(5)))
    root = xml.etree.ElementTree.fromstring(picture)
    parts = {
        kind: [c for c in root if c.get("class") == kind] for kind in ("element", "row", "column")
    }
    assert [len(cells) for cells in parts.values()] == [5 + 4 * 2, 5, 5]
    columns = [c.get("fill") for c in parts["column"]]
    assert columns[0] != columns[1] == columns[2]
    shown = {(c.get("x"), c.get("y")): c.get("fill") for c in parts["element"]}
    assert shown["0", "3"] == columns[0]
    assert shown["3", "3"] == columns[3]
    assert shown["0", "0"] == shown["4", "0"] == parts["row"][0].get("fill")
    assert "3 colours" in picture
    # large squares have gaps between them and a frame around them, inside of the picture
    left, top, width, _ = map(float, root.get("viewBox").split())
    (frame,) = (c for c in root if c.get("stroke"))
    inside = (float(frame.get("x")), float(frame.get("x")) + float(frame.get("width")))
    for cell in parts["element"]:
        side = float(cell.get("width"))
        assert side < 1 and inside[0] < float(cell.get("x"))
        assert float(cell.get("x")) + side < inside[1] < left + width
    assert min(float(c.get("y")) for c in root if c.get("y")) > top
    assert min(float(c.get("x")) for c in root if c.get("x")) > left
    # small ones have none
    assert 'width="1"' in cgrad.spy((np.ones(1), np.array([299]), np.array([0, 1])))


# -- what is generated ----------------------------------------------------------------------------
def stencil(v):
    return ct.concatenate([v[:1], v[1:-1] + 0.1 * (v[2:] * v[:-2] - ct.sin(v[1:-1])), v[-1:]])


def test_steps_of_a_stencil_take_as_many_lanes_as_it_has_diagonals():
    """Windows of windows are not told apart: 25 pieces of 5 diagonals.

    The sines and cosines are computed in front of the loop over passes, and nothing in it is an
    array but what depends on the seeds.
    """
    x = ct.dvector("x")
    J = cgrad.jacobian(stencil(stencil(x)), x, sparse=True)
    assert isinstance(J, ColouredMatrix)
    f = cgrad.function([x], J)
    at = np.random.default_rng(0).uniform(0, 1, 40)
    check(f(at), cgrad.function([x], cgrad.jacobian(stencil(stencil(x)), x))(at))
    found = f.sparsity(at)
    assert (found.way, found.colours) == ("column", 5)
    body = f.c_source[f.c_source.index("/* scan") :]
    passes = body[: body.index("/* recover")]
    assert "cg_sin(" not in passes and "cg_cos(" not in passes
    assert "[5 * i" in passes
    assert "rows" not in body


def test_places_are_checked_once():
    """A look-up in every pass is the same: its positions are checked in front of the loop."""
    x, i = ct.dvector("x"), ct.lvector("i")
    f = cgrad.function([x, i], coloured(ct.sin(x)[i] * x[i], x, colouring="column"))
    assert f.c_source.count("cg_fail(st, CG_INDEX") == 1
