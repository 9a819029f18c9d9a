"""Replacing, copying, looking through and rewriting graphs; batch axes in front of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad import graph
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.errors import DTypeError, RankError, ShapeError


def _cumulative(v: Node) -> Node:
    return cgrad.scan(
        lambda row, before: ct.tanh(before + row), v, np.float64(0.0), return_updates=False
    )


# name -> a graph of (s, v, m, w): two that get batch axes by turns, and one that does not
GRAPHS: dict[str, Any] = {
    "elementwise": lambda s, v, m, w: ct.sin(v) * s + w,
    "where": lambda s, v, m, w: ct.where(v > 0, v, w[:, None] * v).sum(0),
    "sum axes": lambda s, v, m, w: [m.sum(0), m.sum(1), m.sum()],
    "other reductions": lambda s, v, m, w: [m.prod(0), m.max(1), m.min(), (m > 0).all(0)],
    "mean of mean": lambda s, v, m, w: (m - m.mean(0)).var(1),
    "softmax": lambda s, v, m, w: ct.softmax(m, axis=0),
    "transpose": lambda s, v, m, w: m.T + s,
    "reshape": lambda s, v, m, w: m.reshape((m.shape[0] * m.shape[1],)),
    "broadcast": lambda s, v, m, w: ct.broadcast_to(v, (2, v.shape[0])) * s,
    "zeros of the shape": lambda s, v, m, w: ct.zeros((v.shape[0], 2)) + v[:, None],
    "size": lambda s, v, m, w: v * v.shape[0],
    "slice": lambda s, v, m, w: [v[1:], v[::-1], m[1], m[:, -1], m[0, 1:]],
    "set": lambda s, v, m, w: [ct.set_subtensor(v[1:], w[1:]), ct.inc_subtensor(m[0], v)],
    "join": lambda s, v, m, w: [ct.concatenate([v, w]), ct.stack([v, w], axis=1)],
    "dot": lambda s, v, m, w: [m @ v, v @ w, m @ m.T, ct.outer(v, w), ct.dot(m, w)],
    "einsum": lambda s, v, m, w: ct.einsum("ij,j,i->j", m, w, m[:, 0]),
    "rows": lambda s, v, m, w: [v[np.array([2, 0, 0])], m[np.array([1, 1])], m[:, np.array([0])]],
    "own rows": lambda s, v, m, w: w[ct.argsort(v)],
    "sort": lambda s, v, m, w: [ct.sort(v), v[ct.argsort(v)], ct.argmax(m, axis=1)],
    "scatter": lambda s, v, m, w: ct.inc_subtensor(v[np.array([0, 0, 1])], w),
    "mask": lambda s, v, m, w: ct.switch(v > s, v, 0.0),
    "cumsum": lambda s, v, m, w: [ct.cumsum(v), ct.cumprod(v), ct.cumsum(m, axis=0)],
    "scan": lambda s, v, m, w: _cumulative(v) * s,
    "linear algebra": lambda s, v, m, w: [
        ct.linalg.det(m @ m.T + ct.eye(2)),
        ct.linalg.solve(m.T @ m + ct.eye(3), v),
        ct.linalg.cholesky(m @ m.T + ct.eye(2)),
    ],
    "diagonal": lambda s, v, m, w: [ct.diagonal(m), ct.diag(v), ct.tril(m)],
    "gradient": lambda s, v, m, w: ct.grad(ct.sum(ct.exp(m @ v)) * s, v),
    "unbatched": lambda s, v, m, w: ct.exp(w),
}  # fmt: skip


def _outputs(*args: Node) -> list[Node]:
    found = []
    for build in GRAPHS.values():
        outs = build(*args)
        found += outs if isinstance(outs, list) else [outs]
    return found


def test_batch_axes_give_what_a_loop_gives() -> None:
    s, v, m, w = ct.dscalar("s"), ct.dvector("v"), ct.dmatrix("m"), ct.dvector("w")
    outs = _outputs(s, v, m, w)
    single = cgrad.function([s, v, m, w], outs)
    bs, bv, bm = ct.dmatrix("bs"), ct.tensor3("bv"), ct.tensor("bm", shape=(1, None, None, None))
    many = cgrad.function([bs, bv, bm, w], graph.vectorize_graph(outs, {s: bs, v: bv, m: bm}))
    rng = np.random.default_rng(1)
    s_, v_, m_ = rng.normal(size=(2, 4)), rng.normal(size=(2, 4, 3)), rng.normal(size=(1, 4, 2, 3))
    w_ = rng.normal(size=3)
    found = many(s_, v_, m_, w_)
    for i in range(2):
        for j in range(4):
            expected = single(s_[i, j], v_[i, j], m_[0, j], w_)
            for out, new, value in zip(outs, found, expected, strict=True):
                own = new if new.ndim == out.ndim else new[i, j]
                np.testing.assert_allclose(own, value, rtol=1e-12, atol=1e-14)
    assert [new.ndim - out.ndim for out, new in zip(outs, found, strict=True)][-1] == 0
    empty = many(s_[:0], v_[:0], m_, w_)
    assert [out.shape[0] for out in empty[:-1]] == [0] * (len(empty) - 1)


def test_derivatives_of_a_batch() -> None:
    v, m = ct.dvector("v"), ct.dmatrix("m")
    bv = ct.dmatrix("bv")
    out = graph.vectorize_graph(ct.tanh(m @ v).sum() + _cumulative(v)[-1], {v: bv})
    cost = ct.sum(out**2)
    slope = ct.grad(cost, bv)
    again = ct.grad(ct.sum(slope * ct.cos(bv)), [bv, m])
    cgrad.verify_grad(lambda a, b: cgrad.clone_replace(cost, {bv: a, m: b}),
                      [np.ones((2, 3)) * 0.3, np.ones((2, 3)) * 0.2])  # fmt: skip
    f = cgrad.function([bv, m], [slope, *again])
    rows = np.random.default_rng(0).normal(size=(2, 3))
    assert [out.shape for out in f(rows, np.ones((4, 3)))] == [(2, 3), (2, 3), (4, 3)]


def test_rules_make_no_loop() -> None:
    v, m, bv = ct.dvector("v"), ct.dmatrix("m"), ct.dmatrix("bv")
    outs = [ct.softmax(m @ v), v[1:] + v[:-1], ct.stack([v, v]).sum(0), ct.linalg.solve(m, v)]
    made = graph.vectorize_graph(outs, {v: bv})
    assert not any(node.op.name == "scan" for node in toposort(made))


def test_vectorize_with_a_signature() -> None:
    a, x = ct.dtensor3("a"), ct.dmatrix("x")
    apply = ct.vectorize(lambda m, v: [m @ v, v.sum()], "(m,n),(n)->(m),()")
    f = cgrad.function([a, x], apply(a, x))
    rng = np.random.default_rng(0)
    a_, x_ = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 3))
    product, total = f(a_, x_)
    np.testing.assert_allclose(product, np.einsum("bij,bj->bi", a_, x_))
    np.testing.assert_allclose(total, x_.sum(1))
    y = ct.dvector("y")
    g = cgrad.function([y], ct.vectorize(lambda s: ct.switch(s > 0, s, 2 * s))(y))
    np.testing.assert_array_equal(g([1.0, -1.0]), [1.0, -2.0])
    with pytest.raises(ValueError, match="is no signature"):
        ct.vectorize(lambda v: v, "n->n")
    with pytest.raises(ValueError, match="does not fit"):
        ct.vectorize(lambda v: v, "(n)->()")(x)
    with pytest.raises(TypeError, match="1 arguments, but"):
        apply(a)
    with pytest.raises(RankError, match="at least 2"):
        apply(y, x)
    with pytest.raises(ShapeError, match="n is 2 in argument 2, expected 3"):
        apply(np.ones((2, 3)), np.ones(2))
    with pytest.raises(ShapeError):
        f(a_, x_[:, :2])


def test_vectorize_graph_says_what_it_cannot_do() -> None:
    v, bv, k = ct.dvector("v"), ct.dmatrix("bv"), ct.lscalar("k")
    with pytest.raises(NotImplementedError, match="differs along the batch"):
        graph.vectorize_graph(v[:k], {k: ct.lvector("ks")})
    with pytest.raises(RankError, match="expected the dtype float64"):
        graph.vectorize_graph(v + 1, {v: ct.fmatrix("f")})
    with pytest.raises(ShapeError, match="expected 3"):
        x = ct.tensor("x", shape=(3,))
        graph.vectorize_graph(x + 1, {x: ct.tensor("bx", shape=(None, 4))})
    same = v + 1
    assert graph.vectorize_graph(same, {bv: bv}) is same


def test_replace() -> None:
    x, y = ct.dvector("x"), ct.dvector("y")
    inner = ct.exp(x)
    out = inner * x + x.shape[0]
    assert cgrad.pp(cgrad.graph_replace(inner * x, {x: y})) == "(exp(y) * y)"
    swapped = cgrad.graph_replace(inner - y, {inner: y, y: inner})
    assert cgrad.pp(swapped) == "(y - exp(x))"
    np.testing.assert_allclose(
        cgrad.graph_replace(out, {x: y}).eval({y: [0.0, 1.0]}), np.exp([0, 1]) * [0, 1] + 2
    )
    assert cgrad.graph_replace([out, y], [(x, y)])[1] is y
    with pytest.raises(ValueError, match="no output depends on"):
        cgrad.graph_replace(out, {y: x})
    assert cgrad.graph_replace(out, {y: x}, strict=False) is out
    assert cgrad.clone_replace(out, {y: x}, rebuild_strict=True) is out
    with pytest.raises(TypeError, match="takes no option"):
        cgrad.clone_replace(out, {}, wrong=1)
    with pytest.raises(DTypeError):
        cgrad.graph_replace(out, {x: ct.fvector("f")})
    with pytest.raises(RankError):
        cgrad.graph_replace(out, {x: ct.dmatrix("m")})
    with pytest.raises(ValueError, match="replaced twice"):
        cgrad.graph_replace(out, [(x, y), (x, y)])
    with pytest.raises(TypeError, match="expected symbols"):
        cgrad.graph_replace([1.0], {x: y})  # type: ignore[list-item]


def test_clone() -> None:
    x = ct.tensor("x", shape=(None, 3))
    hidden = ct.exp(x)
    (new,), outs = graph.clone([x], [hidden, hidden.sum(0), x.shape[0] * 1.0])
    assert new is not x
    assert new.name == "x"
    assert not set(toposort(outs)) & {x, hidden}
    f = cgrad.function([new], outs)
    np.testing.assert_allclose(f(np.zeros((2, 3)))[1], [2.0, 2.0, 2.0])
    (same,), (copied,) = graph.clone([x], [hidden], copy_inputs=False)
    assert same is x
    assert copied is not hidden


def test_traversal() -> None:
    x, y = ct.dscalar("x"), ct.dscalar("y")
    kept = cgrad.shared(np.float64(2.0), "kept")
    inner = ct.exp(x)
    out = (inner + y) * kept + 1.0
    assert {x, y, kept, inner, out} <= set(graph.ancestors(out))
    assert x not in set(graph.ancestors(out, blockers=[inner]))
    assert {node.name for node in graph.graph_inputs([out])} == {"x", "y", "kept", None}
    assert inner not in set(graph.graph_inputs([out], blockers=[inner]))
    assert list(graph.explicit_graph_inputs(out)) == [x, y]


def test_rewrite_graph() -> None:
    x = ct.dscalar("x")
    assert cgrad.pp(cgrad.rewrite_graph(x * 1 + 0 * 2)) == cgrad.pp(cgrad.rewrite_graph(x + 0.0))
    stable = cgrad.rewrite_graph([ct.log(1 + ct.exp(x))], include=["canonicalize", "stabilize"])
    assert [cgrad.pp(out) for out in stable] == ["softplus(x)"]
    written = cgrad.rewrite_graph(ct.log(1 + ct.exp(x)), include=["specialize"])
    assert "log1p" in cgrad.pp(written)
    with pytest.raises(ValueError, match="there is no 'fusion'"):
        cgrad.rewrite_graph(x, include=["fusion"])
