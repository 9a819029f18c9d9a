"""`ifelse`: one side runs, values and derivatives of any order, inside of loops and each other."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.errors import DTypeError, RankError, ShapeError
from cgrad.rewrites import simplify

RAN: list[str] = []


def _noted(which: str) -> Any:
    def note(v: Any) -> Any:
        RAN.append(which)
        return v

    return cgrad.wrap_py(
        ct.dvector, ct.dvector, infer_shape=lambda v: v,
        pullback=lambda xs, ys, cts: [_noted(which + " back")(cts[0])],
    )(note)  # fmt: skip


def test_only_the_chosen_side_runs() -> None:
    c, x = ct.bscalar("c"), ct.dvector("x")
    out = cgrad.ifelse(c, ct.exp(_noted("yes")(x)), ct.sin(_noted("no")(x)) * 2.0)
    slope = cgrad.grad(ct.sum(out), x)
    curve = cgrad.grad(ct.sum(slope), x)
    for outputs, times in ((out, 0), (slope, 1), (curve, 2)):
        f = cgrad.function([c, x], outputs)
        for chosen, other in (("yes", "no"), ("no", "yes")):
            RAN.clear()
            value = f(chosen == "yes", [0.5, 1.0])
            assert chosen in RAN
            assert not any(other in name.split() for name in RAN), RAN
            assert (f"{chosen} back" in RAN) == (times > 0)
            x_ = np.array([0.5, 1.0])
            expected = np.exp(x_) if chosen == "yes" else [
                2 * np.sin(x_), 2 * np.cos(x_), -2 * np.sin(x_)
            ][times]  # fmt: skip
            np.testing.assert_allclose(value, expected)
    assert "if (" in f.c_source


def test_what_some_sides_need_runs_when_one_of_them_does() -> None:
    k, x = ct.lscalar("k"), ct.dvector("x")
    u = _noted("u")(x)
    some = cgrad.ifelse(
        k > 2, ct.exp(u), cgrad.ifelse(k > 1, x, cgrad.ifelse(k > 0, ct.sin(u), -x))
    )
    every = cgrad.ifelse(k > 2, ct.exp(u), cgrad.ifelse(k > 1, ct.cos(u), ct.sin(u)))
    f = cgrad.function([k, x], some)
    for k_, name, value in ((3, "u", np.exp(2.0)), (2, "", 2), (1, "u", np.sin(2.0)), (0, "", -2)):
        RAN.clear()
        np.testing.assert_allclose(f(k_, [2.0]), value)
        assert "".join(RAN) == name
    # where all sides need it, it is computed before
    texts = [cgrad.function([k, x], y).c_source for y in (some, every)]
    bodies = [text[text.rindex("static int64_t f(") :] for text in texts]
    assert [body.count("cg_python") for body in bodies] == [2, 1]
    assert [b.index("cg_python") < b.index("if (cond_holds)") for b in bodies] == [False, True]


def test_what_many_sides_need_is_computed_before_them() -> None:
    x = ct.dscalar("x")
    u, z = ct.exp(x), x
    for k in range(12):
        z = cgrad.ifelse(x > k, k + u, z)
    f = cgrad.function([x], [z, cgrad.grad(z, x)])
    for value, expected in ((-1.5, [-1.5, 1]), (20.0, [11 + np.exp(20), np.exp(20)])):
        np.testing.assert_allclose(f(value), expected)
    assert (
        len(re.findall(r"cg_exp\(|[^_]exp\(", f.c_source[f.c_source.rindex("int64_t f(") :])) <= 2
    )


def test_one_of_several_results_is_needed_on_a_side_only() -> None:
    c, d, x = ct.bscalar("c"), ct.bscalar("d"), ct.dvector("x")
    one, two = cgrad.ifelse(c, [ct.exp(x), x], [x, ct.sin(x)])
    cost = ct.sum(cgrad.ifelse(d, ct.sum(one) * one, one) + cgrad.ifelse(d, two, 2 * x))
    f = cgrad.function([c, d, x], [cost, cgrad.grad(cost, x)])
    for found, expected in zip(f(1, 1, [0.5]), (np.e + 0.5, 2 * np.e + 1), strict=True):
        np.testing.assert_allclose(found, np.broadcast_to(expected, np.shape(found)))
    for found, expected in zip(f(0, 0, [0.5]), (1.5, 3), strict=True):
        np.testing.assert_allclose(found, np.broadcast_to(expected, np.shape(found)))


def test_no_nan_from_the_other_side() -> None:
    x = ct.dscalar("x")
    y = cgrad.ifelse(x > 0, ct.log(x) * ct.sqrt(x), 0.0)
    f = cgrad.function([x], [y, cgrad.grad(y, x), cgrad.hessian_vector_product(y, x, 1.0)])
    assert [v.item() for v in f(0.0)] == [0.0, 0.0, 0.0]
    assert f(1.0)[1] == 1.0


# each a function of (condition, s, v, m), with the numbers that NumPy should give
PROGRAMS: dict[str, Any] = {
    "vectors": lambda c, s, v, m: cgrad.ifelse(c, v * s, ct.exp(v)),
    "scalars": lambda c, s, v, m: cgrad.ifelse(c, ct.sin(s) * ct.sum(v), s**3),
    "several": lambda c, s, v, m: ct.sum(
        ct.concatenate(cgrad.ifelse(c, [v * s, ct.sin(v)], [ct.cos(v), v + s]))
    ),
    "shared": lambda c, s, v, m: (lambda h: h + cgrad.ifelse(c, h * s, ct.sum(h) * v))(ct.exp(v)),
    "products": lambda c, s, v, m: cgrad.ifelse(c, m @ v, ct.linalg.solve(m @ m.T + ct.eye(3), v)),
    "nested": lambda c, s, v, m: cgrad.ifelse(
        c, cgrad.ifelse(s > 0, v**2 * s, ct.sin(v)), cgrad.ifelse(s > 0, ct.cos(v), v * s)
    ),
    "after each other": lambda c, s, v, m: (
        lambda h: cgrad.ifelse(s > 0, h * h, ct.sin(h)) * h
    )(cgrad.ifelse(c, ct.exp(v), v * s)),
    "a side as it is": lambda c, s, v, m: cgrad.ifelse(c, v, v * s),
    "one side constant": lambda c, s, v, m: cgrad.ifelse(c, ct.zeros_like(v), v * s) + v,
    "a loop in a side": lambda c, s, v, m: cgrad.ifelse(
        c, ct.cumprod(v) * s,
        cgrad.scan(lambda row, a: ct.tanh(a + row * s), v, np.float64(0.1),
                   return_updates=False),
    ),
    "in a loop": lambda c, s, v, m: cgrad.scan(
        lambda row, a: cgrad.ifelse(row * a > 0, ct.sin(a) * row, ct.exp(a) * s), v,
        np.float64(0.3), return_updates=False,
    ),
    "condition of the values": lambda c, s, v, m: cgrad.ifelse(ct.sum(v) > s, v * s, v**2),
    "in a map": lambda c, s, v, m: cgrad.map(
        lambda row: cgrad.ifelse(c, ct.sum(row**2) * s, ct.prod(row)), m, return_updates=False
    ),
    "lengths inside": lambda c, s, v, m: cgrad.ifelse(c, ct.sum(v[v > 0] ** 2), ct.sum(v[1:])),
}  # fmt: skip


def _reference(name: str, c: bool, s: float, v: Any, m: Any) -> Any:
    def scan(f: Any, a: float) -> Any:
        return np.array([a := f(row, a) for row in v])

    return {
        "vectors": lambda: v * s if c else np.exp(v),
        "scalars": lambda: np.sin(s) * v.sum() if c else s**3,
        "several": lambda: (v * s + np.sin(v) if c else np.cos(v) + v + s).sum(),
        "shared": lambda: np.exp(v) + (np.exp(v) * s if c else np.exp(v).sum() * v),
        "products": lambda: m @ v if c else np.linalg.solve(m @ m.T + np.eye(3), v),
        "nested": lambda: (v**2 * s if s > 0 else np.sin(v)) if c
        else (np.cos(v) if s > 0 else v * s),
        "after each other": lambda: (
            lambda h: (h * h if s > 0 else np.sin(h)) * h)(np.exp(v) if c else v * s),
        "a side as it is": lambda: v if c else v * s,
        "one side constant": lambda: v if c else v * s + v,
        "a loop in a side": lambda: np.cumprod(v) * s if c
        else scan(lambda row, a: np.tanh(a + row * s), 0.1),
        "in a loop": lambda: scan(
            lambda row, a: np.sin(a) * row if row * a > 0 else np.exp(a) * s, 0.3),
        "condition of the values": lambda: v * s if v.sum() > s else v**2,
        "in a map": lambda: (m**2).sum(1) * s if c else m.prod(1),
        "lengths inside": lambda: (v[v > 0] ** 2).sum() if c else v[1:].sum(),
    }[name]()  # fmt: skip


# those whose second derivative is taken in reverse over reverse too: each costs the C compiler
TWICE = ("scalars", "nested", "in a loop")


def test_values_and_derivatives() -> None:
    c, s, v, m = ct.bscalar("c"), ct.dscalar("s"), ct.dvector("v"), ct.dmatrix("m")
    ts = [ct.dscalar("ts"), ct.dvector("tv"), ct.dmatrix("tm")]
    at = [s, v, m]
    outs: list[Node] = []
    values = []
    for name, build in PROGRAMS.items():
        out = build(c, s, v, m)
        values.append(out)
        cost = ct.sum(out**2) if out.ndim else out**2
        slopes = cgrad.grad(cost, at, disconnected_inputs="ignore")
        slope = sum((ct.sum(g * t) for g, t in zip(slopes, ts, strict=True)), ct.constant(0.0))
        outs += [out, cost, slope, cgrad.Rop(cost, at, ts)]
        hvps = cgrad.hessian_vector_product(cost, at, ts, disconnected_inputs="ignore")
        again = hvps
        if name in TWICE:
            again = cgrad.grad(slope, at, disconnected_inputs="ignore")
        outs += [sum((ct.sum(h * t) for h, t in zip(hs, ts, strict=True)), ct.constant(0.0))
                 for hs in (hvps, again)]  # fmt: skip
    f = cgrad.function([c, *at, *ts], outs)
    rng = np.random.default_rng(3)
    v_, m_ = np.array([0.7, -0.4, 1.1]), rng.normal(size=(3, 3))
    dirs = [rng.normal(), rng.normal(size=3), rng.normal(size=(3, 3))]
    h = 1e-5
    for c_ in (True, False):
        for s_ in (0.8, -0.6):
            point = [s_, v_, m_]
            ahead, behind = ([p + sign * h * d for p, d in zip(point, dirs, strict=True)]
                             for sign in (1, -1))  # fmt: skip
            got = f(c_, *point, *dirs)
            plus, minus = f(c_, *ahead, *dirs), f(c_, *behind, *dirs)
            plain = evaluate(values, {c: c_, s: s_, v: v_, m: m_})
            for k, name in enumerate(PROGRAMS):
                value, _, slope, pushed, curve, again = got[6 * k : 6 * k + 6]
                up, down = plus[6 * k : 6 * k + 6], minus[6 * k : 6 * k + 6]
                said = f"{name}, {c_}, {s_}"
                np.testing.assert_allclose(
                    value, _reference(name, c_, s_, v_, m_), rtol=1e-12, err_msg=said
                )
                np.testing.assert_allclose(plain[k], value, rtol=1e-12, err_msg=said)
                np.testing.assert_allclose(
                    slope, (up[1] - down[1]) / (2 * h), rtol=1e-6, atol=1e-8, err_msg=said
                )
                np.testing.assert_allclose(pushed, slope, rtol=1e-11, err_msg=said)
                np.testing.assert_allclose(
                    curve, (up[2] - down[2]) / (2 * h), rtol=1e-6, atol=1e-7, err_msg=said
                )
                np.testing.assert_allclose(again, curve, rtol=1e-10, atol=1e-12, err_msg=said)


def test_the_c_is_an_if() -> None:
    c, x = ct.bscalar("c"), ct.dvector("x")
    f = cgrad.function([c, x], cgrad.ifelse(c, ct.exp(x).sum(), ct.log(x).sum()))
    body = f.c_source[f.c_source.index("static int64_t f(") :]
    yes = re.search(r"if \((\w+)\) \{(.*?)\} else \{(.*?)return CG_OK", body, re.DOTALL)
    assert yes is not None
    assert "exp" in yes[2] and "log" not in yes[2]
    assert "log" in yes[3] and "exp" not in yes[3]


def test_a_value_and_its_derivative_share_what_the_side_computes() -> None:
    c, x = ct.bscalar("c"), ct.dvector("x")
    y = cgrad.ifelse(c, ct.exp(ct.sin(x)).sum(), ct.log(x).sum())
    f = cgrad.function([c, x], [y, cgrad.grad(y, x)])
    body = f.c_source[f.c_source.index("static int64_t f(") :]
    assert body.count("if (") == 1
    assert body.count("exp(") == 1
    x_ = np.array([0.5, 2.0])
    for c_, expected in ((1, (np.exp(np.sin(x_)).sum(), np.exp(np.sin(x_)) * np.cos(x_))),
                         (0, (np.log(x_).sum(), 1 / x_))):  # fmt: skip
        for found, wanted in zip(f(c_, x_), expected, strict=True):
            np.testing.assert_allclose(found, wanted)


def test_what_fails_on_the_other_side_does_not_matter() -> None:
    x, k = ct.dvector("x"), ct.lscalar("k")
    outs = [
        cgrad.ifelse(k < x.shape[0], x[k], -1.0),
        cgrad.ifelse(x.shape[0] > 0, ct.max(x), -2.0),
        cgrad.ifelse(ct.all(x > 0), 1.0, cgrad.assert_op(k, k < 5) * 1.0),
    ]
    f = cgrad.function([x, k], [*outs, cgrad.grad(outs[0] + outs[1], x)])
    for x_, k_, expected in (([3.0, 4.0], 1, (4, 4, 1, [0, 2])),
                             ([3.0, 4.0], 7, (-1, 4, 1, [0, 1])),
                             ([], 0, (-1, -2, 1, []))):  # fmt: skip
        for found, wanted in zip(f(x_, k_), expected, strict=True):
            np.testing.assert_allclose(found, wanted)
    with pytest.raises(AssertionError):
        f([-1.0], 5)
    g = cgrad.function([x, k], cgrad.ifelse(k > 0, x[k], 0.0))
    assert g([1.0], 0) == 0.0
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        g([1.0], 3)


def test_derivative_by_a_value_in_the_middle() -> None:
    x = ct.dvector("x")
    c = ct.bscalar("c")
    h = ct.exp(x)
    y = cgrad.ifelse(c, h**2, h)
    cost = ct.sum(cgrad.ifelse(c, y * 3.0, y))
    f = cgrad.function([c, x], [*cgrad.grad(cost, [h, y]), *cgrad.grad(cost, [x, y])])
    e = np.exp([0.5])
    for c_, expected in ((1, [6 * e, 3, 6 * e**2, 3]), (0, [1, 1, e, 1])):
        for found, wanted in zip(f(c_, [0.5]), expected, strict=True):
            np.testing.assert_allclose(found, np.broadcast_to(wanted, 1))
    z = ct.dscalar("z")
    inner = ct.exp(z)
    outer = cgrad.ifelse(c, inner**2, inner)
    cut = cgrad.function([c, inner], cgrad.grad(cgrad.ifelse(c, outer * 3.0, outer), inner))
    assert [cut(1, 2.0), cut(0, 2.0)] == [12.0, 1.0]


def test_batches_and_jacobians() -> None:
    c, cs, x, m = ct.bscalar("c"), ct.bvector("cs"), ct.dvector("x"), ct.dmatrix("m")
    out = cgrad.ifelse(c, x**2, ct.exp(x))
    f = cgrad.function(
        [c, cs, x, m],
        [cgrad.graph.vectorize_graph(out, {x: m}),
         cgrad.graph.vectorize_graph(out, {x: m, c: cs}),
         cgrad.jacobian(out, x), cgrad.graph.vectorize_graph(cgrad.grad(ct.sum(out), x), {x: m})],
    )  # fmt: skip
    m_ = np.array([[1.0, 2.0], [3.0, -1.0]])
    one, own, jac, slope = f(1, [1, 0], m_[0], m_)
    np.testing.assert_allclose(one, m_**2)
    np.testing.assert_allclose(own, [m_[0] ** 2, np.exp(m_[1])])
    np.testing.assert_allclose(jac, np.diag(2 * m_[0]))
    np.testing.assert_allclose(slope, 2 * m_)


def test_dtypes_and_messages() -> None:
    c, x, k, f32 = ct.bscalar("c"), ct.dvector("x"), ct.lvector("k"), ct.fvector("f")
    f = cgrad.function(
        [c, x, k, f32],
        [cgrad.ifelse(c, k, k * 2), cgrad.ifelse(c, f32, f32 * 2), cgrad.ifelse(x[0], x > 0, x < 0),
         cgrad.ifelse(c, 1.0, 2.0), *cgrad.ifelse(c, [x, k], [x, k + 1], name="pair")],
    )  # fmt: skip
    found = f(0, [1.0, -1.0], [1, 2], np.array([1, 2], np.float32))
    for out, expected in zip(
        found, ([2, 4], [2, 4], [True, False], 2.0, [1, -1], [2, 3]), strict=True
    ):
        np.testing.assert_array_equal(out, expected)
    assert [out.dtype.name for out in found[:3]] == ["int64", "float32", "bool"]
    with pytest.raises(RankError, match="expected a scalar"):
        cgrad.ifelse(x > 0, x, x)
    with pytest.raises(DTypeError, match="cast one side"):
        cgrad.ifelse(c, x, k)
    with pytest.raises(RankError, match="as many axes on both sides"):
        cgrad.ifelse(c, x, x[0])
    with pytest.raises(ValueError, match="have 2 and 1 tensors"):
        cgrad.ifelse(c, [x, x], [x])
    with pytest.raises(ValueError, match="one side is a list"):
        cgrad.ifelse(c, [x], x)
    fixed = ct.tensor("fixed", shape=(2,))
    with pytest.raises(ShapeError, match="has size 2 or 3"):
        cgrad.ifelse(c, fixed, ct.tensor("other", shape=(3,)))
    y = ct.dvector("y")
    g = cgrad.function([c, x, y], cgrad.ifelse(c, x, y))
    with pytest.raises(ShapeError, match="ifelse: axis 0 has size"):
        g(1, [1.0], [1.0, 2.0])


def test_numbers_stand_in_the_sides() -> None:
    """The seed of a gradient is a number: the sides are written without it."""
    x, c = ct.dvector("x"), ct.dscalar("c")
    y = cgrad.ifelse(c > 0, ct.sum(ct.exp(x)), ct.sum(x**2))
    f = cgrad.function([x, c], [y, cgrad.grad(y, x)])
    computed = f.c_source[f.c_source.index("if (cond_holds)") :]
    assert "1.0" not in computed.partition("return CG_OK")[0]
    np.testing.assert_allclose(f([0.5, 2.0], -1.0)[1], [1.0, 4.0])
    np.testing.assert_allclose(f([0.5, 2.0], 1.0)[1], np.exp([0.5, 2.0]))


def test_a_row_of_a_result_beside_a_loop() -> None:
    """What looks for the last row of a loop took the result of a choice for that of a loop."""
    x = ct.dvector("x")
    sums, _ = cgrad.scan(lambda s, c: c + s, sequences=[x], outputs_info=[ct.constant(0.0)])
    one, two = cgrad.ifelse(ct.sum(x) > 0, [x, 2 * x], [3 * x, x])
    outputs = simplify([one[-1] + two[:2][1] + sums[-1]])
    assert evaluate(outputs, {x: np.array([1.0, 2.0, 4.0])})[0] == 4 + 4 + 7
