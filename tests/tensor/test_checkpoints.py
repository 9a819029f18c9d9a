"""`scan_checkpoints`: values and derivatives of a scan in less memory; `filter`."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node
from cgrad.tensor.schedule import schedule
from cgrad.tensor.steps import Loop


def _step(row: Node, a: Node, b: Node, w: Node) -> list[Node]:
    return [ct.tanh(a * w + row * ct.sum(b)), ct.sin(b) * a]


@pytest.mark.parametrize("every", [1, 4])
def test_values_and_derivatives_are_those_of_a_scan(every: int) -> None:
    x, a, b, w, t = (ct.dvector(name) if name in "xbt" else ct.dscalar(name) for name in "xabwt")
    outs = []
    for plain in (True, False):
        if plain:
            found, _ = cgrad.scan(_step, x, [a, b], w)
        else:
            found, updates = cgrad.scan_checkpoints(_step, x, [a, b], w, save_every_N=every)
            assert updates == {}
        cost = found[0][-1] ** 2 + ct.sum(found[1][-1] * ct.arange(2.0))
        slopes = cgrad.grad(cost, [x, a, b, w])
        outs += [cost, *slopes, *cgrad.hessian_vector_product(cost, [x, w], [t, 0.5]),
                 cgrad.Rop(cost, x, t), *found]  # fmt: skip
    f = cgrad.function([x, a, b, w, t], outs)
    n = len(outs) // 2
    rng = np.random.default_rng(1)
    for steps in (1, 3, 4, 12, 13):
        got = f(rng.normal(size=steps), 0.3, [0.5, -1.0], 0.9, rng.normal(size=steps))
        for expected, own in zip(got[: n - 2], got[n : 2 * n - 2], strict=True):
            np.testing.assert_allclose(own, expected, rtol=1e-12, atol=1e-14)
        kept = [*range(every - 1, steps, every)]
        kept += [steps - 1] * (steps % every > 0)
        for expected, own in zip(got[n - 2 : n], got[2 * n - 2 :], strict=True):
            np.testing.assert_allclose(own, expected[kept], rtol=1e-13)


def test_it_takes_less_memory() -> None:
    x, k = ct.dvector("x"), ct.lscalar("k")
    used = []
    for loop in (
        lambda fn: cgrad.scan(fn, outputs_info=x, n_steps=k, return_updates=False),
        lambda fn: cgrad.scan_checkpoints(fn, outputs_info=x, n_steps=k, save_every_N=50)[0],
    ):
        cost = ct.sum(loop(lambda a: ct.tanh(ct.exp(a) - ct.sin(a)))[-1])
        f = cgrad.function([x, k], cgrad.grad(cost, x))
        workspace, _ = f._measure((np.zeros(100), np.array(2500)))
        used.append((workspace, f(np.linspace(0, 1, 100), 2499)))
    assert used[0][0] > 2500 * 100 * 8
    assert used[1][0] < 2500 * 100 * 8 / 8
    np.testing.assert_allclose(used[1][1], used[0][1], rtol=1e-10)


@pytest.mark.parametrize("driven", [False, True])
def test_a_budget_of_bytes_is_kept_at_any_size(driven: bool) -> None:
    """Sizes of the call decide: the bytes stay below the budget, values are those of a scan.

    Rows of a sequence are held besides, and so are the derivatives by them.
    """
    x, w, k = ct.dvector("x"), ct.dscalar("w"), ct.lscalar("k")
    rows = ct.dmatrix("rows")
    budget = 60_000

    def step(*args: Node) -> list[Node]:
        *row, a, b, w = args
        drive = ct.sin(row[0]) if driven else ct.cos(a)
        return [ct.tanh(w * a + drive + b), 0.5 * b + ct.sum(a) / 40]

    sequences = [rows] if driven else []
    plain = cgrad.scan(step, sequences, [x, 0.1], w, k, return_updates=False)
    kept, updates = cgrad.scan_checkpoints(step, sequences, [x, 0.1], w, n_steps=k, memory=budget)
    assert updates == {}
    wrt = [*sequences, x, w]
    functions = []
    for a, b in (plain, kept):
        cost = ct.sum(a[-1] ** 2) + b[-1]
        functions.append(cgrad.function([*wrt, k], [cost, *ct.grad(cost, wrt)]))
    rng = np.random.default_rng(0)
    for width, steps in ((1, 1), (1, 30), (1, 4000), (17, 900), (40, 1200), (0, 5)):
        drive = [rng.normal(size=(steps, width))] if driven else []
        values = *drive, rng.normal(size=width), np.array(0.7), np.array(steps)
        for expected, found in zip(functions[0](*values), functions[1](*values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)
        workspace, _ = functions[1]._measure(values)
        assert workspace <= budget + sum(2 * each.nbytes for each in drive)
        assert steps < 900 or functions[0]._measure(values)[0] > budget
    if not driven:
        with pytest.raises(cgrad.errors.CallError, match="memory= is too little for so many"):
            functions[1](np.zeros(1000), 0.7, 3000)


def test_the_blocks_of_a_budget() -> None:
    """Sizes that are known: as few levels as fit, and all steps in the blocks."""
    x = ct.tensor("x", shape=(10,))
    for n, memory, levels in ((50, 1e6, 1), (3000, 60_000, 2), (40_000, 60_000, 3)):
        loop = Loop(lambda a: 0.5 * a, None, x, None, n, False, "test")
        plan = schedule(loop, int(memory), "test")
        assert max(map(len, plan.parts)) == levels
        assert sum(np.prod(part) for part in plan.parts) == n
        stored = [80 * length for part in plan.parts for length in part]
        assert sum(stored) <= memory
    with pytest.raises(ValueError, match="holds 100 states of 80 bytes, which is too little"):
        cgrad.scan_checkpoints(lambda a: 0.5 * a, None, x, n_steps=10**8, memory=8000)
    with pytest.raises(ValueError, match="one of them"):
        cgrad.scan_checkpoints(lambda a: 0.5 * a, None, x, n_steps=9, memory=9, save_every_N=2)
    for wrong in (0, 1.5, float("nan"), True):
        with pytest.raises(ValueError, match="bytes above 0"):
            cgrad.scan_checkpoints(lambda a: 0.5 * a, None, x, n_steps=9, memory=wrong)


def test_what_is_not_built_says_so() -> None:
    x, kept = ct.dvector("x"), cgrad.shared(0.0, "kept")
    with pytest.raises(ValueError, match="save_every_N=0"):
        cgrad.scan_checkpoints(lambda r, a: a + r, x, 0.0, save_every_N=0)
    with pytest.raises(NotImplementedError, match="not fed back"):
        cgrad.scan_checkpoints(lambda r: r, x)
    with pytest.raises(NotImplementedError, match="have taps"):
        cgrad.scan_checkpoints(lambda r, a: a + r, x, {"initial": x, "taps": [-2]})
    with pytest.raises(NotImplementedError, match="updates and conditions"):
        cgrad.scan_checkpoints(lambda r, a: (a + r, {kept: kept + 1.0}), x, 0.0)
    with pytest.raises(NotImplementedError, match="updates and conditions"):
        cgrad.scan_checkpoints(lambda r, a: (a + r, cgrad.tensor.until(a > 3)), x, 0.0)


def test_filter() -> None:
    x, m = ct.dvector("x"), ct.dmatrix("m")
    one, _ = cgrad.filter(lambda row, limit: row > limit, x, 1.0)
    rows = cgrad.filter(lambda a, row: ct.sum(row) > a, [x, m], return_updates=False)
    back, _ = cgrad.filter(lambda row: row, x, go_backwards=True)
    f = cgrad.function(
        [x, m], [one, *rows, back, *cgrad.grad(ct.sum(rows[0] * rows[1][:, 0] ** 2), [x, m])]
    )
    x_, m_ = np.array([2.0, 0.0, 3.0]), np.array([[1.0, 0.0], [1.0, 1.0], [5.0, 0.5]])
    keep = m_.sum(1) > x_
    expected = [x_[x_ > 1], x_[keep], m_[keep], [3.0, 2.0], np.where(keep, m_[:, 0] ** 2, 0),
                np.c_[np.where(keep, 2 * x_ * m_[:, 0], 0), np.zeros(3)]]  # fmt: skip
    for found, wanted in zip(f(x_, m_), expected, strict=True):
        np.testing.assert_allclose(found, wanted)
    with pytest.raises(ValueError, match="must return one scalar"):
        cgrad.filter(lambda row: row > 0, m)
