"""Everything a loop may have, each against a plain NumPy loop: values, both modes, second order.

Taps, several recurrences, `until`, truncated gradients, updates of shared variables, loops in
loops; each is one loop of C.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core import derive, exprs, loops
from cgrad.pipeline import Program, lower

LENGTHS = (0, 1, 2, 5)
RNG = np.random.default_rng(7)
_START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_in_any_order():
    """Each test draws the same numbers whichever tests ran before it."""
    RNG.bit_generator.state = _START


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    """The invariants of both IRs are checked between the passes."""
    monkeypatch.setenv("CGRAD_DEBUG", "2")


def call(f, *args):
    """f(*args), in which no Python frame may run."""
    frames = []
    f(*args)
    sys.setprofile(lambda frame, event, arg: event == "call" and frames.append(frame))
    try:
        result = f(*args)
    finally:
        sys.setprofile(None)
    assert not frames, frames
    return result


def compiled(outputs, given):
    f = cgrad.function(list(given), list(outputs), on_unused_input="ignore")
    return call(f, *given.values())


def scans(inputs, outputs):
    """The loops of kind scan in the C of a function."""
    kernel, _, _ = lower(Program(list(inputs), list(outputs), "f"))
    found, stack = [], list(kernel.body)
    while stack:
        stmt = stack.pop()
        if isinstance(stmt, loops.For):
            found += [stmt] * (stmt.kind == "scan")
            stack += stmt.body
    return found


def pull(cost, wrt):
    return [
        ct.zeros_like(x) if g is None else g
        for x, g in zip(wrt, derive.vjp([cost], wrt, [ct.ones_like(cost)]), strict=True)
    ]


def push(cost, wrt, tangents):
    (found,) = derive.jvp([cost], wrt, tangents)
    return ct.zeros_like(cost) if found is None else found


def differences(f, values, directions, step=1e-6):
    """The derivative of a NumPy function along directions."""
    ahead = f(*(v + step * d for v, d in zip(values, directions, strict=True)))
    behind = f(*(v - step * d for v, d in zip(values, directions, strict=True)))
    return (np.asarray(ahead) - np.asarray(behind)) / (2 * step)


def verify(ys, wrt, values, expected, *, weight=None):
    """ys as symbols of `wrt` against the NumPy function `expected`, to second order."""
    given = dict(zip(wrt, values, strict=True))
    (found,) = compiled([ys], given)
    reference = np.asarray(expected(*values))
    assert found.shape == reference.shape
    np.testing.assert_allclose(found, reference, rtol=1e-12, atol=1e-14)

    def cost_of(array):
        return float(np.sum(np.sin(array))) if array.size else 0.0

    cost = ct.sin(ys).sum()
    directions = [RNG.standard_normal(np.shape(v)) for v in values]
    tangents = [ct.constant(d) for d in directions]
    slope = differences(lambda *v: cost_of(np.asarray(expected(*v))), values, directions)
    gradient = pull(cost, wrt)
    forward = push(cost, wrt, tangents)
    hvp = derive.jvp(gradient, wrt, tangents)
    hvp = [ct.zeros_like(x) if h is None else h for x, h in zip(wrt, hvp, strict=True)]
    inner = sum((ct.sum(g * t) for g, t in zip(gradient, tangents, strict=True)), ct.constant(0.0))
    hvp_reverse = pull(inner, wrt)
    n = len(wrt)
    results = compiled([forward, *gradient, *hvp, *hvp_reverse], given)
    total = sum(float(np.sum(g * d)) for g, d in zip(results[1 : 1 + n], directions, strict=True))
    np.testing.assert_allclose(results[0], slope, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(total, results[0], rtol=1e-10, atol=1e-11)
    for a, b in zip(results[1 + n : 1 + 2 * n], results[1 + 2 * n :], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)

    def gradient_at(*v):
        return np.concatenate([np.ravel(g) for g in f_gradient(*v)])

    f_gradient = cgrad.function(list(wrt), gradient, on_unused_input="ignore")
    bent = differences(gradient_at, values, directions)
    flat = np.concatenate([np.ravel(h) for h in results[1 + n : 1 + 2 * n]])
    np.testing.assert_allclose(flat, bent, rtol=1e-5, atol=1e-6)


# -- taps -------------------------------------------------------------------------------------
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("taps", [[0, 1], [-1, 0, 2], [1, -1], [-2], [2], [0, 0]])
@pytest.mark.parametrize("backwards", [False, True])
def test_sequence_taps(n, taps, backwards):
    x = ct.dvector("x")
    ys, _ = ct.scan(
        lambda *rows: sum(ct.sin(row) * (k + 1) for k, row in enumerate(rows)),
        sequences={"input": x, "taps": taps},
        go_backwards=backwards,
    )
    low, high = min(*taps, 0), max(*taps, 0)
    times = list(range(-low, n - high))[:: -1 if backwards else 1]

    def expected(v):
        return np.array(
            [sum(np.sin(v[t + tap]) * (k + 1) for k, tap in enumerate(taps)) for t in times]
        )

    verify(ys, [x], [RNG.standard_normal(n)], expected)
    assert len(scans([x], [ys])) == 1


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("taps", [[-1, -2], [-2, -1], [-3], [-1, -4]])
def test_output_taps(n, taps):
    x, start = ct.dvector("x"), ct.dvector("start")
    depth = -min(taps)
    ys, _ = ct.scan(
        lambda row, *old: ct.sin(sum(v * (k + 1) for k, v in enumerate(old))) + row,
        sequences=x,
        outputs_info={"initial": start, "taps": taps},
    )

    def expected(v, s):
        values = list(s[:depth])
        for row in v:
            old = [values[tap] for tap in taps]
            values.append(np.sin(sum(o * (k + 1) for k, o in enumerate(old))) + row)
        return np.array(values[depth:])

    verify(ys, [x, start], [RNG.standard_normal(n), RNG.standard_normal(depth)], expected)
    assert len(scans([x, start], [ys])) == 1


@pytest.mark.parametrize("n", LENGTHS)
def test_taps_of_rows(n):
    start, w = ct.dmatrix("start"), ct.dmatrix("w")
    ys, _ = ct.scan(
        lambda a, b, w: ct.tanh(ct.dot(w, a)) + b * 0.5,
        outputs_info={"initial": start, "taps": [-1, -2]},
        non_sequences=w,
        n_steps=n,
    )

    def expected(s, w):
        values = list(s[:2])
        for _ in range(n):
            values.append(np.tanh(w @ values[-1]) + values[-2] * 0.5)
        return np.array(values[2:]).reshape(n, 3)

    verify(ys, [start, w], [RNG.standard_normal((2, 3)), RNG.standard_normal((3, 3))], expected)


def test_fibonacci():
    k = ct.lscalar("k")
    ys, _ = ct.scan(
        lambda b, a: a + b,
        n_steps=k,
        outputs_info={"initial": ct.constant(np.array([1, 1])), "taps": [-1, -2]},
    )
    f = cgrad.function([k], ys)
    assert call(f, 6).tolist() == [2, 3, 5, 8, 13, 21]
    assert f(0).tolist() == []
    assert f(0).dtype == np.int64


# -- several recurrences ----------------------------------------------------------------------
@pytest.mark.parametrize("n", LENGTHS)
def test_recurrences_of_differing_shape_and_dtype(n):
    x, w = ct.dvector("x"), ct.dmatrix("w")

    def step(row, count, state, memory, w):
        state = ct.tanh(ct.dot(w, state) + row) * (count + 1)
        memory = memory * 0.5 + ct.sum(state) + ct.cast(count, "float64")
        return [count + 1, state, memory, state[0] * row]

    outs, _ = ct.scan(
        step,
        sequences=x,
        outputs_info=[ct.constant(np.int64(2)), ct.ones_like(w[0]), np.float64(0.5), None],
        non_sequences=w,
    )

    def expected(x, w):
        count, state, memory = 2, np.ones(3), 0.5
        rows = []
        for row in x:
            state = np.tanh(w @ state + row) * (count + 1)
            memory = memory * 0.5 + state.sum() + count
            count += 1
            rows.append((count, state, memory, state[0] * row))
        return rows

    values = [RNG.standard_normal(n), RNG.standard_normal((3, 3))]
    found = compiled(outs, {x: values[0], w: values[1]})
    assert [a.dtype.name for a in found] == ["int64", "float64", "float64", "float64"]
    assert [a.shape for a in found] == [(n,), (n, 3), (n,), (n,)]
    for a, b in zip(found, zip(*expected(*values), strict=True), strict=False):
        np.testing.assert_allclose(a, np.array(b), rtol=1e-13, atol=1e-12)
    for k in (1, 2, 3):
        shape = (n, 3) if k == 1 else (n,)
        verify(
            outs[k],
            [x, w],
            values,
            lambda x, w, k=k, shape=shape: np.array([r[k] for r in expected(x, w)]).reshape(shape),
        )
    assert len(scans([x, w], outs)) == 1


# -- until ------------------------------------------------------------------------------------
def doubling(x, limit, n):
    rows = []
    for _ in range(n):
        x = x * 2 + 0.1
        rows.append(x)
        if x > limit:
            break
    return np.array(rows)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("limit", [-1.0, 3.0, 1e9])
@pytest.mark.parametrize("symbolic", [False, True])
def test_until(n, limit, symbolic):
    x, k = ct.dscalar("x"), ct.lscalar("k")
    ys, _ = ct.scan(
        lambda a: (a * 2 + 0.1, ct.until(a * 2 + 0.1 > limit)),
        outputs_info=x,
        n_steps=k if symbolic else n,
    )
    if symbolic:
        (found,) = compiled([ys], {x: 0.7, k: n})
        np.testing.assert_array_equal(found, doubling(0.7, limit, n))
        _, gradient_x = compiled([ys.sum(), pull(ys.sum(), [x])[0]], {x: 0.7, k: n})
        count = len(doubling(0.7, limit, n))
        assert gradient_x == sum(2.0**j for j in range(1, count + 1))
        return
    verify(ys, [x], [np.float64(0.7)], lambda v: doubling(v, limit, n))
    assert len(scans([x], [ys])) == 1
    assert len(scans([x], pull(ys.sum(), [x]))) == (2 if n else 1)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("limit", [-1.0, 1.0, 100.0])
def test_until_with_sequences_and_rows(n, limit):
    x, w, start = ct.dvector("x"), ct.dmatrix("w"), ct.dvector("start")

    def step(row, old, w):
        new = ct.tanh(ct.dot(w, old)) + row
        return [new, new.sum() * row], {}, ct.until((new**2).sum() > limit)

    (hs, ys), _ = ct.scan(step, sequences=x, outputs_info=[start, None], non_sequences=w)

    def loop(x, w, h):
        rows, sums = [], []
        for row in x:
            h = np.tanh(w @ h) + row
            rows.append(h)
            sums.append(h.sum() * row)
            if (h**2).sum() > limit:
                break
        return np.array(rows).reshape(-1, 3), np.array(sums)

    values = [RNG.standard_normal(n), RNG.standard_normal((3, 3)), RNG.standard_normal(3)]
    verify(hs, [x, w, start], values, lambda *v: loop(*v)[0])
    verify(ys, [x, w, start], values, lambda *v: loop(*v)[1])


def test_newtons_method_until_it_converges():
    a = ct.dscalar("a")
    ys, _ = ct.scan(
        lambda x: ((x + a / x) / 2, ct.until(abs(x * x - a) < 1e-14 * a)),
        outputs_info=a,
        n_steps=100,
    )
    root = ys[-1]
    f = cgrad.function([a], [root, *pull(root, [a]), ys.shape[0]])
    value, slope, steps = call(f, 2.0)
    np.testing.assert_allclose(value, np.sqrt(2), rtol=1e-15)
    np.testing.assert_allclose(slope, 0.5 / np.sqrt(2), rtol=1e-14)
    assert 3 < steps < 10


def test_products_of_rows_whose_number_the_condition_decides():
    x = ct.dvector("x")
    h, _ = ct.scan(lambda h: (h * 1.5, ct.until(h.sum() > 10)), None, x, n_steps=20)
    cost = (h @ h.T).sum() + (h.T @ h).sum()
    value, slope = compiled([cost, *pull(cost, [x])], {x: np.array([1.0, 2.0])})
    rows = np.array([1.0, 2.0]) * 1.5 ** np.arange(1, 5)[:, None]
    np.testing.assert_allclose(value, (rows @ rows.T).sum() + (rows.T @ rows).sum(), rtol=1e-14)
    np.testing.assert_allclose(slope @ [1.0, 2.0], 2 * value, rtol=1e-14)  # a quadratic form


def test_until_in_other_forms():
    x = ct.dvector("x")
    given = {x: np.array([1.0, 2.0, 3.0, 4.0])}
    ys, _ = ct.map(lambda row: (row * 10, ct.until(row > 2)), x)
    assert compiled([ys], given)[0].tolist() == [10, 20, 30]
    total, _ = ct.reduce(lambda row, acc: (acc + row, ct.until(row > 2)), x, 0.0)
    assert compiled([total], given)[0] == 6
    last, _ = ct.reduce(lambda row: (row, ct.until(row > 1)), x, None)
    assert compiled([last], given)[0] == 2
    ys, _ = ct.scan(lambda row: ([row, row + 1], ct.until(False)), sequences=x)
    assert compiled(ys, given)[1].tolist() == [2, 3, 4, 5]


# -- truncated gradients ----------------------------------------------------------------------
@pytest.mark.parametrize(("k", "expected"), [(2, 0.0), (5, 32.0), (-1, 32.0), (9, 32.0)])
def test_truncated_doubling(k, expected):
    x, n = ct.dscalar("x"), ct.lscalar("n")
    for steps in (5, n):
        ys, _ = ct.scan(lambda a: a * 2, outputs_info=x, n_steps=steps, truncate_gradient=k)
        assert compiled(pull(ys[-1], [x]), {x: 1.0, n: 5})[0] == expected


@pytest.mark.parametrize("n", LENGTHS)
def test_truncated_gradients_of_sequences(n):
    x, w = ct.dvector("x"), ct.dscalar("w")
    ys, _ = ct.scan(lambda row, acc, w: acc * w + row, sequences=x, outputs_info=0.0,
                    non_sequences=w, truncate_gradient=2)  # fmt: skip
    value = np.arange(1.0, n + 1)
    gx, gw = compiled(pull(ys.sum(), [x, w]), {x: value, w: 0.5})
    late = max(0, n - 2)
    full = np.zeros(n)
    full[late:] = [sum(0.5**j for j in range(n - t)) for t in range(late, n)]
    np.testing.assert_allclose(gx, full)
    before, states = 0.0, [0.0]
    for row in value:
        before = before * 0.5 + row
        states.append(before)
    slope, total = 0.0, 0.0
    for t in range(late, n):
        slope = slope * 0.5 + states[t]
        total += slope
    np.testing.assert_allclose(gw, total)


# -- updates of shared variables --------------------------------------------------------------
def test_updates_of_shared_variables():
    x = ct.dvector("x")
    total, seen = cgrad.shared(1.0, "total"), cgrad.shared(np.zeros(2), "seen")

    def step(row):
        return row * total, {total: total + row, seen: seen + total}

    ys, updates = ct.scan(step, sequences=x)
    assert set(updates) == {total, seen}
    f = cgrad.function([x], ys, updates=updates)
    f(np.zeros(0))
    assert total.get_value() == 1.0
    assert f(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 4.0, 12.0]
    assert total.get_value() == 7.0
    assert seen.get_value().tolist() == [7.0, 7.0]
    assert f(np.array([1.0])).tolist() == [7.0]
    kernel_loops = scans([x], [ys, *updates.values()])
    assert len(kernel_loops) == 1
    # only updates, as pairs, in a loop in a loop
    _, updates = ct.scan(lambda: ([], [(total, total * 2)]), n_steps=3)
    cgrad.function([], [], updates=updates)()
    assert total.get_value() == 64.0

    def outer(row):
        _, inner = ct.scan(lambda: {total: total + row}, n_steps=2)
        return row, inner

    _, updates = ct.scan(outer, sequences=x)
    cgrad.function([x], [], updates=updates)(np.array([1.0, 2.0]))
    assert total.get_value() == 70.0


def test_gradient_through_an_updated_shared_variable():
    x, s = ct.dvector("x"), cgrad.shared(2.0, "s")
    ys, updates = ct.scan(lambda row: (row * s, {s: s * row}), sequences=x)
    gx, gs = compiled(pull(ys.sum() + updates[s], [x, s]), {x: np.array([3.0, 5.0])})
    # 2 a + 2 a b + 2 a b
    assert gx.tolist() == [2 + 4 * 5.0, 4 * 3.0]
    assert gs == 3 + 2 * 15.0


# -- loops in loops ---------------------------------------------------------------------------
@pytest.mark.parametrize("n", LENGTHS)
def test_loops_in_loops(n):
    x, w = ct.dmatrix("x"), ct.dscalar("w")

    def outer(row, state, w):
        inner, _ = ct.scan(
            lambda a, acc, s, w: ct.sin(acc * w + a * s),
            sequences=row, outputs_info=state, non_sequences=[state, w],
        )  # fmt: skip
        return inner[-1] + inner.sum()

    ys, _ = ct.scan(outer, sequences=x, outputs_info=np.float64(0.3), non_sequences=w)

    def expected(x, w):
        state, rows = 0.3, []
        for row in x:
            acc, total = state, 0.0
            for a in row:
                acc = np.sin(acc * w + a * state)
                total += acc
            state = acc + total
            rows.append(state)
        return np.array(rows)

    verify(ys, [x, w], [RNG.standard_normal((n, 3)) * 0.5, np.float64(0.4)], expected)


def test_until_in_a_loop():
    x = ct.dvector("x")

    def outer(row, limit):
        inner, _ = ct.scan(
            lambda a: (a * 1.5, ct.until(a * 1.5 > limit)), outputs_info=row, n_steps=20
        )
        return inner.sum() + inner[-1]

    ys, _ = ct.scan(outer, sequences=x, non_sequences=3.0)

    def expected(x):
        rows = []
        for a in x:
            total = 0.0
            while True:
                a *= 1.5
                total += a
                if a > 3.0:
                    break
            rows.append(total + a)
        return np.array(rows)

    verify(ys, [x], [np.array([0.5, 1.0, 1.9, 5.0])], expected)


# -- loops that share work --------------------------------------------------------------------
def rnn():
    x, w, h0 = ct.dmatrix("x"), ct.dmatrix("w"), ct.dvector("h0")
    hs, _ = ct.scan(
        lambda row, h, w: ct.tanh(ct.dot(w, h) + row), sequences=x, outputs_info=h0, non_sequences=w
    )
    return [x, w, h0], (hs**2).sum()


def test_a_hessian_vector_product_has_one_loop_forward():
    inputs, cost = rnn()
    _, w, h0 = inputs
    tangent = ct.dmatrix("v")
    gradient = pull(cost, [w, h0])
    hvp = derive.jvp(gradient, [w], [tangent])
    for outputs in (hvp, [cost, *gradient, *hvp]):
        found = scans([*inputs, tangent], outputs)
        assert [loop.reverse for loop in found].count(False) == 1
        assert len(found) == 2
    values = [RNG.standard_normal(shape) for shape in ((4, 3), (3, 3), 3, (3, 3))]
    together = compiled([cost, *gradient, *hvp], dict(zip([*inputs, tangent], values, strict=True)))
    apart = [compiled([out], dict(zip([*inputs, tangent], values, strict=True)))[0]
             for out in (cost, *gradient, *hvp)]  # fmt: skip
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_loops_merge_only_when_they_share_work():
    x, y, k = ct.dvector("x"), ct.dvector("y"), ct.dscalar("k")
    a, _ = ct.scan(lambda row, acc: acc + row, sequences=x, outputs_info=0.0)
    b, _ = ct.scan(lambda row, acc: acc * k + row, sequences=x, outputs_info=0.0)
    c, _ = ct.scan(lambda row, acc: (acc + row) * 1.0, sequences=x, outputs_info=0.0)
    d, _ = ct.scan(lambda row: row * 2, sequences=x)
    e, _ = ct.scan(lambda row: row * 3, sequences=x)
    f, _ = ct.scan(lambda row, acc: acc + row, sequences=a, outputs_info=0.0)
    assert len(scans([x, k], [a, b])) == 2
    assert len(scans([x], [a, c])) == 1
    assert len(scans([x], [d, e])) == 1
    assert len(scans([x], [a, f])) == 2
    g, _ = ct.scan(lambda row: row * 2, sequences=y)
    assert len(scans([x, y], [d, g])) == 2
    v = np.array([1.0, 2.0, 3.0])
    found = compiled([a, b, c, d, e, f], {x: v, k: 0.5})
    expected = [np.cumsum(v), [1, 2.5, 4.25], np.cumsum(v), v * 2, v * 3, np.cumsum(np.cumsum(v))]
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, want)
    # a condition is part of what is shared
    until = [
        ct.scan(
            lambda row, acc, m=m: (acc + row, ct.until(acc > m)), sequences=x, outputs_info=0.0
        )[0]
        for m in (1.0, 1.0, 2.0)
    ]
    assert len(scans([x], until[:2])) == 1
    assert len(scans([x], until)) == 2


def test_the_last_row_is_the_last_carry():
    x, k = ct.dvector("x"), ct.lscalar("k")
    start = ct.dvector("start")

    def history(inputs, out):
        """The arrays that the loop of `out` writes beside its carries."""
        (loop,) = scans(inputs, [out])
        return {
            s.buffer.name for s in loops.written(loop) if loop.index in exprs.index_names(s.index)
        }

    free, _ = ct.scan(lambda row, acc: acc + row, sequences=x, outputs_info=0.0)
    rows, _ = ct.scan(lambda acc: acc * 2, outputs_info=start, n_steps=k)
    stopped, _ = ct.scan(lambda a: (a * 2, ct.until(a.sum() > 9)), outputs_info=start, n_steps=8)
    for out in (free[-1], rows[-1], rows[-1, 1:], rows[-1, 0], stopped[-1], stopped[-1][::-1]):
        assert history([x, k, start], out) == set()
    f = cgrad.function([x, k, start], [free[-1], rows[-1], rows[-1, 1:], rows[-1, 0], stopped[-1]])
    found = call(f, np.arange(4.0), 3, np.array([1.0, 2.0]))
    for got, want in zip(found, (6, [8, 16], [16], 8, [8, 16]), strict=True):
        np.testing.assert_array_equal(got, want)
    # without a step there is no last row
    for args in ((np.zeros(0), 3, np.zeros(2)), (np.zeros(1), 0, np.zeros(2))):
        with pytest.raises(IndexError):
            f(*args)
    # it may not exist, as is found in the loop only: the rows stay
    maybe, _ = ct.scan(lambda a: (a * 2, ct.until(a.sum() > 9)), outputs_info=start, n_steps=k)
    assert history([k, start], maybe[-1]) != set()
    g = cgrad.function([k, start], maybe[-1])
    assert g(8, np.array([1.0, 2.0])).tolist() == [8, 16]
    with pytest.raises(IndexError):
        g(0, np.array([1.0, 2.0]))
