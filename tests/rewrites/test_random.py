"""Seeded random graphs: simplifying changes neither values, types nor a simplified graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle_mp import exact, mp

from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import structure, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.rewrite import Rule
from cgrad.ops.axes import permute_axes, sum_axes
from cgrad.ops.coerce import stretch
from cgrad.ops.elementwise import apply
from cgrad.ops.windows import Window, part, place
from cgrad.rewrites import expand, simplify

UNARY = ["exp", "neg", "abs", "sqr", "sigmoid", "softplus", "tanh", "log1p", "sin", "log", "sqrt"]
BINARY = ["add", "sub", "mul", "true_div", "maximum", "add", "mul", "logaddexp"]
NUMBERS = [0, 1, 2, -1, 0.5, -3.0, 1.0, 2.0, -0.0]


def random_graph(seed: int) -> tuple[list[Node], dict[Node, Any]]:
    """Two outputs of a graph over a scalar, a vector and a matrix."""
    rng = np.random.default_rng(seed)
    dtype = "float32" if seed % 5 == 0 else "float64"
    shapes = {"s": (), "v": (3,), "m": (2, 3)}
    inputs = [make_input(TensorType(dtype, (None,) * len(s)), n) for n, s in shapes.items()]
    given = {
        node: rng.normal(size=shape).astype(dtype)
        for node, shape in zip(inputs, shapes.values(), strict=True)
    }
    _, v, m = inputs
    nodes = list(inputs)
    for _ in range(rng.integers(4, 14)):
        x = nodes[rng.integers(len(nodes))]
        match rng.integers(10):
            case 0 | 1 | 2:
                new = apply(str(rng.choice(UNARY)), x)
            case 3:
                new = apply(str(rng.choice(BINARY)), rng.choice(NUMBERS).item(), x)
            case 4:
                new = apply(str(rng.choice(["pow", "mul", "sub"])), x, int(rng.integers(-1, 4)))
            case 5:
                new = sum_axes(x, (int(rng.integers(x.ndim)),)) if x.ndim else x * x
            case 6:
                new = apply("switch", x > 0, x, rng.choice(NUMBERS).item()) + 1 / (
                    1 + apply("exp", -x)
                )
            case 7:
                target = (v, m)[rng.integers(2)]
                fits = x.ndim == 0 or (x.ndim == 1 and x.dims == v.dims)
                new = stretch(x, (m.dims[0], *v.dims) if target is m else v.dims) if fits else -x
            case 8:
                new = windowed(x, rng)
            case _:
                others = [y for y in nodes if y.dims == x.dims]
                y = others[rng.integers(len(others))]
                new = apply(str(rng.choice(BINARY)), x, y)
        nodes.append(new)
    return [nodes[-1], nodes[-2]], given


def windowed(x: Node, rng: np.random.Generator) -> Node:
    if x.ndim != 2:
        return x + 1 - x
    if rng.random() < 0.5:
        return permute_axes(permute_axes(x, (1, 0)), (1, 0)) * 2.0
    rest = x.dims[1:]
    window = Window((3, *rest), (1, 0), (1, *rest), (1, 1), (True, False))
    row = sum_axes(x, (0,))
    return part(place(row, window), 0, int(rng.integers(3)), (1, *rest))


@pytest.mark.parametrize("start", range(0, 300, 25))
def test_values_and_types_stay(start: int) -> None:
    for seed in range(start, start + 25):
        outputs, given = random_graph(seed)
        with np.errstate(all="ignore"), mp.workprec(400):
            before = evaluate(outputs, given)
            truth = exact(outputs, given)
            simple = simplify(outputs)
            for results in (simple, expand(simple)):
                after = evaluate(results, given)
                for old, b, new, a, t in zip(outputs, before, results, after, truth, strict=True):
                    assert (old.dtype, b.shape) == (new.dtype, a.shape), seed
                    check(seed, b, a, t)


def check(seed: int, before: Any, after: Any, truth: Any) -> None:
    """`after` is not worse than `before` but for some units in the last place."""
    eps = float(np.finfo(before.dtype).eps)
    scale = max((abs(float(b)) for b in before.flat if np.isfinite(b)), default=1.0)
    for b, a, t in zip(before.flat, after.flat, np.asarray(truth, object).flat, strict=True):
        if np.isnan(b) or mp.isnan(t):
            continue
        if not np.isfinite(b) or mp.isinf(t):
            assert b == a or abs(mp.mpf(float(a)) - t) <= 1e-3 * abs(t), (seed, b, a, t)
            continue
        tolerance = 64 * eps * (abs(t) + scale) + 4 * abs(mp.mpf(float(b)) - t)
        assert abs(mp.mpf(float(a)) - t) <= tolerance, (seed, b, a, float(t))


def shape_of(outputs: list[Node]) -> Any:
    return structure((), outputs, toposort(outputs), lambda node: node)


def must_not_fire(rule: Rule, old: Node, new: Node) -> None:
    raise AssertionError(f"{rule!r} fired on a graph in normal form")


def test_twice_is_once() -> None:
    for seed in range(300):
        outputs, _ = random_graph(seed)
        once = simplify(outputs)
        twice = simplify(once, trace=must_not_fire)
        assert shape_of(once) == shape_of(twice)
        assert len(toposort(once)) <= 2 * len(toposort(outputs))
