"""`f.profile`: the nests of the function, with your lines and the bytes they go through."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct

A, x = ct.dmatrix("A"), ct.dvector("x")


@pytest.fixture(scope="module")
def f():
    rows = ct.exp(A) / ct.sum(ct.exp(A), axis=1, keepdims=True)
    return cgrad.function([A, x], [rows @ x, ct.cumsum(x)], name="softly")


def test_nests_lines_and_bytes(f):
    a, v = np.zeros((30, 40)), np.ones(40)
    found = f.profile(a, v, calls=3)
    assert found.calls == 3 and found.name == "softly"
    assert found.seconds > 0 and all(nest.seconds >= 0 for nest in found.nests)
    names = " ".join(nest.name for nest in found.nests)
    assert "exp [n" in names and "dot [n" in names and "scan [n" in names
    lines = "\n".join(line for nest in found.nests for line in nest.lines)
    assert "test_profile.py" in lines and "rows = ct.exp(A)" in lines
    total = sum(nest.bytes for nest in found.nests)
    assert 8 * (1200 + 40 + 30 + 40 + 40) <= total < 40 * 1200
    again = f.profile(np.zeros((60, 40)), v)
    assert sum(nest.bytes for nest in again.nests) > 1.5 * total
    with pytest.raises(cgrad.ShapeError, match="softly"):
        f.profile(a, np.ones(3))


def test_forms(f):
    found = f.profile(np.zeros((3, 4)), np.ones(4), calls=1)
    assert json.loads(found.json())["nests"][0]["name"] == found.nests[0].name
    drawing = ElementTree.fromstring(found.svg())
    bars = [e for e in drawing.iter() if e.tag.endswith("rect")]
    assert len(bars) == 1 + len(found.nests)
    assert "median of 1 calls" in str(found)


def test_libraries_and_state():
    state = cgrad.shared(0.0, "state")
    L = ct.linalg.cholesky(A)
    g = cgrad.function([A], L + state, updates=[(state, state + 1)])
    found = g.profile(np.eye(5))
    assert any("cholesky" in nest.name for nest in found.nests)
    assert state.get_value() == 0
    with pytest.raises(ValueError, match="calls is 0"):
        g.profile(np.eye(5), calls=0)


def test_a_length_that_the_kernel_counts():
    h = cgrad.function([x], ct.exp(x[x > 0]).sum())
    found = h.profile(np.array([1.0, -1.0]))
    assert any(nest.bytes is None for nest in found.nests)


def test_nothing_to_time(monkeypatch):
    monkeypatch.setenv("CGRAD_INTERPRET", "always")
    with pytest.raises(NotImplementedError, match="it has no kernel"):
        cgrad.function([x], x + 1).profile([1.0])
