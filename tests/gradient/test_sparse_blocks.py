"""Sparse Jacobians of residuals over rows: pieces that meet are added up by the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from gradient.test_sparse import as_array, check

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.errors import ShapeError
from cgrad.sparse.coloured import ColouredMatrix

i = ct.lvector("i")
x = ct.tensor("x", dtype="float64", shape=(None, 3))
row = x[i]

# the expression; whether all elements of a block are there, so that they come in order
FORMS = {
    "normalised": (row / ct.sqrt(ct.sum(row * row, axis=1))[:, None], True),
    "projected": (row[:, :2] / row[:, 2:3] * ct.sum(row, axis=1)[:, None], True),
    "with a hole": (row[:, :2] / row[:, 2:3] * ct.sin(row[:, 2:3]), False),
    "columns apart": (ct.stack([row[:, 0] * row[:, 2], row[:, 2] * row[:, 0] ** 2], axis=1), True),
    "upwards": (row[:, ::-1] * ct.sum(row, axis=1)[:, None], True),
    "two axes": (row[:, :, None] * row[:, None, :], False),
}


@pytest.mark.parametrize("name", FORMS)
def test_each_element_is_computed_once(name):
    y, whole = FORMS[name]
    J = cgrad.jacobian(y, x, sparse=True)
    assert not isinstance(J, ColouredMatrix)
    given = {x: np.random.default_rng(0).uniform(0.5, 1, (4, 3)), i: np.array([2, 0, 0, 3, 1])}
    (expected,) = evaluate([cgrad.jacobian(y, x)], given)
    found = as_array(J, given)
    check(found, expected.reshape(found.shape))
    assert found.nnz == np.count_nonzero(expected) or name == "two axes"
    values, *rest = evaluate([J.values, *J.atoms, *J.maps], given)
    atoms, maps = rest[: len(J.atoms)], rest[len(J.atoms) :]
    layout = J.pattern.layout(np.array(atoms, np.int64).tobytes(), maps)
    if name != "two axes":
        assert layout.starts is None and len(values) == found.nnz
    if whole:
        assert layout.take is None and len(J.pattern.parts) == 1


def test_compiled():
    """What is stored in order is the array of the result itself; other places are refused."""
    y = FORMS["normalised"][0]
    f = cgrad.function([x, i], cgrad.jacobian(y, x, sparse=True))
    given = [np.random.default_rng(1).uniform(0.5, 1, (6, 3)), np.array([5, 0, 3, 3, 1, 2, 4])]
    (expected,) = evaluate([cgrad.jacobian(y, x)], dict(zip((x, i), given, strict=True)))
    check(f(*given), expected.reshape(21, 18))
    step = f.bind(*given)
    check(step(), expected.reshape(21, 18))
    given[0][:] *= 2
    check(step(), expected.reshape(21, 18) / 2)
    given[1][0] = 2
    with pytest.raises(ShapeError, match="bind again"):
        step()


def test_rows_of_arguments():
    """No look-ups: blocks on the diagonal, in the order of the matrix without any table."""
    J = cgrad.jacobian(x / ct.sum(x * x, axis=1)[:, None], x, sparse=True)
    given = {x: np.random.default_rng(2).uniform(0.5, 1, (4, 3))}
    found = as_array(J, given)
    check(found, evaluate([cgrad.jacobian(x / ct.sum(x * x, axis=1)[:, None], x)], given)[0]
          .reshape(12, 12))  # fmt: skip
    assert J.pattern.ordered and found.nnz == 4 * 9
