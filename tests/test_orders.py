"""Derivatives of order 1, 2 and 3 of every op: forward, reverse and their mixtures agree.

No differences are taken: of f along directions t, <w, J t> = <J^T w, t>, and the same of the
gradient of <w, f>, and of the gradient of that.  The values of first derivatives are those of
`tests/ops`, of compiled code those of `tests/test_every_op.py`, whose tables these are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_core_language import CASES, SMOOTH, SYMBOLIC, namespace
from test_every_op import (
    BINARY,
    NOT_EMPTY,
    SMOOTH_UNARY,
    STATIC,
    STRUCTURAL,
    Space,
    arrays_for,
    sample,
)

import cgrad
import cgrad.tensor as ct
from cgrad.core.derive import connected, vjp
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node

ORDERS = (1, 2, 3)
SIZE = (2, 3, 2)


def check_orders(name: str, f: Node, wrt: list[Node], given: dict[Node, np.ndarray]) -> None:
    rng = np.random.default_rng(5)

    def numbers(node: Node, shape: tuple[int, ...]) -> Node:
        return ct.constant((rng.integers(-8, 9, shape) / 8).astype(node.dtype))

    ts = [numbers(x, given[x].shape) for x in wrt]
    outputs = [f]
    checks: list[Node] = []
    for _ in ORDERS:
        shapes = [np.shape(a) for a in evaluate(outputs, given)]
        ws = [numbers(out, shape) for out, shape in zip(outputs, shapes, strict=True)]
        cost = sum((ct.sum(o * w) for o, w in zip(outputs, ws, strict=True)), ct.constant(0.0))
        # not cgrad.grad, which takes gradients of gradients forward over reverse
        found = vjp([cost], wrt, [ct.ones_like(cost)])
        pulled = [
            ct.zeros_like(x) if ct_x is None else ct_x for x, ct_x in zip(wrt, found, strict=True)
        ]
        pushed = cgrad.Rop(outputs, wrt, ts, disconnected_outputs="ignore")
        forward = [w * p for w, p in zip(ws, pushed, strict=True)]
        reverse = [p * t for p, t in zip(pulled, ts, strict=True)]
        checks += [
            sum((ct.sum(part) for part in parts), ct.constant(0.0))
            for parts in (forward, reverse, [ct.abs(p) for p in (*forward, *reverse)])
        ]
        outputs = pulled
    with np.errstate(all="ignore"):
        values = [float(v) for v in evaluate(checks, given)]
    for order in ORDERS:
        forward, reverse, scale = values[3 * order - 3 : 3 * order]
        assert np.isfinite(scale), (name, order)
        assert abs(forward - reverse) <= 1e-12 * (scale + 1), (name, order, forward, reverse)


@pytest.mark.parametrize("name", SMOOTH_UNARY)
def test_functions_of_one(name: str) -> None:
    x = ct.dvector("x")
    array = sample(np.random.default_rng(1), (3,), SMOOTH_UNARY[name][1], "float64")
    check_orders(name, getattr(ct, name)(x), [x], {x: array})


@pytest.mark.parametrize("name", [name for name in BINARY if name not in ("mod", "second")])
def test_functions_of_two(name: str) -> None:
    a, b = ct.dcol("a"), ct.dvector("b")
    rng = np.random.default_rng(2)
    given = {x: sample(rng, s, BINARY[name][1], "float64") for x, s in ((a, (2, 1)), (b, (3,)))}
    check_orders(name, getattr(ct, name)(a, b), [a, b], given)


@pytest.mark.parametrize("name", [*STRUCTURAL, *NOT_EMPTY])
def test_structure(name: str) -> None:
    build, _ = {**STRUCTURAL, **NOT_EMPTY}[name]
    symbols = {n: ct.tensor(n, dtype="float64", shape=shape) for n, shape in STATIC.items()}
    # behind a function whose third derivative is there
    node = build(Space({n: ct.sin(x) for n, x in symbols.items()}))
    used = connected([node], list(symbols.values()))
    wrt = [x for x in symbols.values() if x in used]
    arrays: Any = arrays_for(SIZE, "float64", 9)
    check_orders(name, node, wrt, dict(zip(symbols.values(), arrays, strict=True)))


@pytest.mark.parametrize("name", sorted(set(SMOOTH) & set(CASES)))
def test_the_language(name: str) -> None:
    """Every function of tensors; lookups and loops among them."""
    symbols, inputs = namespace()
    moved = Space({n: ct.sin(x) for n, x in vars(symbols).items()})
    arrays: Any = arrays_for((3, 3, 2), "float64", 10)
    given = dict(zip(inputs, arrays, strict=True))
    for case in dict.fromkeys((SMOOTH[name][0], SMOOTH[name][-1])):
        node = case.build(SYMBOLIC, moved)
        used = connected([node], inputs)
        check_orders(name, node, [x for x in inputs if x in used], given)


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third derivative of the wrong sign is noticed at order 3 only by its forward twin."""
    from cgrad.ops.scalar import Elementwise

    right = Elementwise.jvp

    def wrong(self: Any, node: Node, tangents: Any) -> Any:
        found = right(self, node, tangents)
        return -found if node.op.name == "cos" and found is not None else found

    monkeypatch.setattr(Elementwise, "jvp", wrong)
    x = ct.dvector("x")
    with pytest.raises(AssertionError, match="sin"):
        check_orders("sin", ct.sin(x), [x], {x: np.array([0.3, 0.4])})
