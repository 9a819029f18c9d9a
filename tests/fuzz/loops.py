"""Loops: scan and its relatives."""

from __future__ import annotations

import numpy as np
from fuzz.pool import Generator, Skip, Value, operation

import cgrad.tensor as ct


@operation(2)
def loop(g: Generator) -> Value:
    x = g.floating(lambda v: v.node.ndim > 0)
    c = g.floating(lambda v: v.node.ndim == 0)
    kind = g.rng.choice(["map", "running", "rows", "power", "backwards", "history"])
    if kind == "map":
        node, _ = ct.scan(lambda row, c: ct.tanh(row) * c, x.node, None, [c.node])
    elif kind == "running" and x.node.ndim == 1:
        start = ct.zeros((), dtype=x.node.dtype)
        node, _ = ct.scan(lambda s, h: 0.5 * h + ct.sin(s), x.node, start)
    elif kind == "rows":
        if not x.array.shape[0]:
            raise Skip
        node, _ = ct.scan(lambda s, h: 0.5 * h * s + s, x.node, ct.ones_like(x.node[0]))
    elif kind == "power":
        node, _ = ct.scan(lambda h, a: ct.cos(h) * a, None, x.node, [x.node],
                          n_steps=g.rng.randint(0, 3))  # fmt: skip
        node = node.sum(axis=0)
    elif kind == "backwards" and x.node.ndim == 1:
        start = ct.ones((), dtype=x.node.dtype)
        node, _ = ct.scan(lambda s, h: s - 0.5 * h, x.node, start, go_backwards=True)
    elif kind == "history" and x.node.ndim == 1:
        (a, b), _ = ct.scan(
            lambda s, h: [h * 0.5 + s, s * h], x.node, [ct.ones((), dtype=x.node.dtype), None]
        )
        node = a + b
    else:
        raise Skip
    return g.add(f"scan {kind}", node, False)


def rows_of(x: Value) -> int:
    return int(x.array.shape[0])


@operation(2)
def taps(g: Generator) -> Value:
    """Several rows of a sequence, several earlier values."""
    x = g.floating(lambda v: v.node.ndim in (1, 2) and rows_of(v) >= 2)
    kind = g.rng.choice(["sequence", "both", "recurrence", "far"])
    row = ct.ones_like(x.node[0])
    backwards = g.rng.random() < 0.3
    if kind == "sequence":
        node, _ = ct.scan(lambda a, b: a * 0.5 - b, {"input": x.node, "taps": [-1, 0]}, None,
                          go_backwards=backwards)  # fmt: skip
    elif kind == "both":
        node, _ = ct.scan(
            lambda a, b, h: h * 0.5 + ct.sin(a) * b,
            {"input": x.node, "taps": [0, 1]}, row, go_backwards=backwards,
        )  # fmt: skip
    elif kind == "recurrence":
        start = x.node[:2] * 0.5
        node, _ = ct.scan(lambda s, a, b: a * 0.5 - b * 0.25 + s, x.node,
                          {"initial": start, "taps": [-1, -2]})  # fmt: skip
    else:
        node, _ = ct.scan(lambda b: ct.tanh(b) + 0.5, None, {"initial": x.node, "taps": [-2]},
                          n_steps=g.rng.randint(0, 4))  # fmt: skip
        if rows_of(x) != 2:
            raise Skip
    return g.add(f"scan taps {kind}", node, False)


@operation(2)
def several(g: Generator) -> Value:
    """Recurrences of different shape and dtype, results that are not fed back, conditions."""
    x = g.floating(lambda v: v.node.ndim == 2 and v.array.size > 0)
    dtype = x.node.dtype
    kind = g.rng.choice(["shapes", "dtypes", "until", "nested", "reduce", "foldr", "map"])
    zero = ct.zeros((), dtype=dtype)
    if kind == "shapes":
        (a, b, c), _ = ct.scan(
            lambda s, h, t: [h * 0.5 + s, t + ct.sum(h * s), ct.sum(s) * t],
            x.node, [ct.zeros_like(x.node[0]), zero, None],
        )  # fmt: skip
        node = g.rng.choice([a, b, c, b * c])
    elif kind == "dtypes":
        (a, k), _ = ct.scan(
            lambda s, h, k: [h * 0.5 + s * ct.cast(k, dtype), k + 1],
            x.node, [ct.zeros_like(x.node[0]), ct.constant(np.int64(1))],
        )  # fmt: skip
        node = g.rng.choice([a, k])
    elif kind == "until":
        top = float(g.rng.choice([0.5, 1.5]))
        node, _ = ct.scan(
            lambda s, h, k: ([h + s, k + 1], ct.until(ct.gt(k, top))),
            x.node, [ct.zeros_like(x.node[0]), ct.constant(np.int64(0))],
        )  # fmt: skip
        node = node[0]
    elif kind == "nested":

        def outer(row, h):
            inner, _ = ct.scan(lambda s, p: p * 0.5 + s * h, row, zero)
            return h + ct.sum(inner)

        node, _ = ct.scan(outer, x.node, zero)
    elif kind == "reduce":
        node, _ = ct.reduce(lambda s, h: h * 0.5 + ct.tanh(s), x.node, ct.zeros_like(x.node[0]))
    elif kind == "foldr":
        node, _ = ct.foldr(lambda s, h: h * ct.cos(ct.sum(s)) + 1, x.node, zero)
    else:
        node, _ = ct.map(lambda row: ct.softmax(row) * ct.max(row * 0.25), x.node)
    return g.add(f"scan {kind}", node, False)
