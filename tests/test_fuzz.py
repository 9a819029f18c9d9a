"""Random graphs: compiled C against NumPy on the graph as it was written.

A batch is one kernel of several graphs over shared inputs; for each graph its value, the gradient
of a weighted sum of it, and the identity <ct, J t> == <J^T ct, t>.  `CGRAD_FUZZ=n` runs n graphs,
`CGRAD_FUZZ_SEED=k` starts at batch k; a failure prints the seed of its batch.

Discontinuous functions are applied only to values that arithmetic computes exactly (dyadic
rationals of few digits), so that rounding never decides which side of a step is taken.
"""

from __future__ import annotations

import os
import random
import warnings
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node

GRAPHS = int(os.environ.get("CGRAD_FUZZ", "240"))
FIRST = int(os.environ.get("CGRAD_FUZZ_SEED", "0"))
PER_KERNEL = 8
SIZES = [0, 1, 2, 3, 3, 4]
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}


class Value:
    """A node, what it evaluates to, and whether arithmetic computed that exactly."""

    def __init__(self, node: Node, array: np.ndarray, exact: bool) -> None:
        self.node = node
        self.array = array
        self.exact = exact

    @property
    def floating(self) -> bool:
        return self.node.dtype.startswith("float")


class Skip(Exception):
    """A choice that does not fit; another one is made."""


class Generator:
    """A pool of nodes that grows by random operations."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.data = np.random.default_rng(seed)
        self.given: dict[Node, np.ndarray] = {}
        self.inputs: list[Value] = []
        self.pool: list[Value] = []
        self.log: list[str] = []
        n, m = self.rng.choice(SIZES), self.rng.choice(SIZES)
        for k in range(self.rng.randint(3, 6)):
            self._input(k, n, m)

    # -- inputs -------------------------------------------------------------------------------
    def _input(self, k: int, n: int, m: int) -> None:
        shape = self.rng.choice([(), (n,), (m,), (n, m), (m, n), (1, m), (n, 1), (2, n, m), (n, n)])
        dtype = self.rng.choice(["float64"] * 4 + ["float32", "int64", "bool"])
        if k == 0:
            dtype = "float64"
        # only a length that is declared as 1 stretches
        known = tuple(s if s == 1 or self.rng.random() < 0.2 else None for s in shape)
        node = ct.tensor(f"x{k}", dtype=dtype, shape=known)
        if dtype == "bool":
            array = self.data.integers(0, 2, shape).astype(bool)
        elif dtype == "int64":
            array = self.data.integers(-5, 6, shape)
        else:
            array = (self.data.integers(-12, 13, shape) / 8).astype(dtype)
        self.given[node] = np.asarray(array)
        self.inputs.append(Value(node, self.given[node], True))
        self.pool.append(self.inputs[-1])

    # -- choosing -----------------------------------------------------------------------------
    def pick(self, want: Any = lambda v: True) -> Value:
        found = [v for v in self.pool if want(v)]
        if not found:
            raise Skip
        # recent ones more often, so that graphs become deep
        return found[min(int(self.rng.betavariate(2, 1) * len(found)), len(found) - 1)]

    def number(self, want: Any = lambda v: True) -> Value:
        return self.pick(lambda v: v.node.dtype != "bool" and want(v))

    def floating(self, want: Any = lambda v: True) -> Value:
        return self.pick(lambda v: v.floating and want(v))

    def partner(self, a: Value, want: Any = lambda v: True) -> Value:
        """Something whose shape fits that of `a` by cgrad's rule."""
        return self.pick(lambda v: want(v) and fits(a, v))

    def add(self, what: str, node: Node, exact: bool) -> Value:
        if node in self.given or any(v.node is node for v in self.pool):
            raise Skip
        if node.ndim > 3:
            raise Skip
        known = {v.node: v.array for v in self.pool} | self.given
        (array,) = evaluate([node], known)
        if array.dtype.kind == "f":
            if not np.all(np.abs(array) < 1e4):
                raise Skip
            grid = 2.0**10 if array.dtype == np.float64 else 2.0**6
            exact = exact and bool(np.all(array * grid == np.round(array * grid)))
        elif array.dtype.kind == "i" and not np.all(np.abs(array) < 2**20):
            raise Skip
        value = Value(node, array, exact)
        self.pool.append(value)
        self.log.append(what)
        return value

    def grow(self) -> Value:
        for _ in range(200):
            build = self.rng.choice(OPERATIONS)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return build(self)
            except Skip:
                continue
        raise Skip


def fits(a: Value, b: Value) -> bool:
    ndim = min(a.node.ndim, b.node.ndim)
    for axis in range(-ndim, 0):
        one = 1 in (a.node.dims[axis], b.node.dims[axis])
        if a.array.shape[axis] != b.array.shape[axis] and not one:
            return False
    return True


OPERATIONS: list[Any] = []


def operation(weight: int = 1) -> Any:
    def register(build: Any) -> Any:
        OPERATIONS.extend([build] * weight)
        return build

    return register


@operation(4)
def smooth_unary(g: Generator) -> Value:
    x = g.number()
    safe = ct.sqr(x.node) + 0.5 if x.floating else x.node
    name = g.rng.choice(
        ["neg", "sqr", "tanh", "sin", "cos", "sigmoid", "softplus", "exp", "log", "sqrt",
         "reciprocal", "arctan", "expm1", "log1p", "erf", "arcsinh", "log2", "exp2", "erfc"]
    )  # fmt: skip
    positive = name in ("log", "sqrt", "reciprocal", "log1p", "log2")
    if positive and not x.floating:
        raise Skip
    arg = safe if positive else x.node
    if name in ("exp", "expm1", "exp2"):
        arg = ct.minimum(arg, 2)
    return g.add(name, getattr(ct, name)(arg), x.exact and name in ("neg", "sqr"))


@operation(5)
def arithmetic(g: Generator) -> Value:
    a = g.number()
    b = g.partner(a, lambda v: v.node.dtype != "bool")
    name = g.rng.choice(["add", "sub", "mul", "add", "sub", "mul", "maximum", "minimum"])
    if name in ("maximum", "minimum") and not (a.exact and b.exact):
        raise Skip
    return g.add(name, getattr(ct, name)(a.node, b.node), a.exact and b.exact)


@operation(2)
def with_number(g: Generator) -> Value:
    a = g.number()
    number = g.rng.choice([0, 1, 2, -1, 0.5, -0.25, 3, 1.5])
    name = g.rng.choice(["add", "sub", "mul", "true_div", "pow"])
    if name == "pow":
        if number not in (0, 1, 2, 3):
            raise Skip
        return g.add("pow", a.node**number, a.exact)
    if name == "true_div":
        if number == 0:
            raise Skip
        return g.add("div", a.node / number, a.exact and number != 3)
    pair = (a.node, number) if g.rng.random() < 0.5 else (number, a.node)
    return g.add(name, getattr(ct, name)(*pair), a.exact)


@operation(1)
def smooth_binary(g: Generator) -> Value:
    a = g.floating()
    b = g.partner(a, lambda v: v.floating)
    name = g.rng.choice(["div", "pow", "arctan2", "hypot", "logaddexp"])
    if name == "div":
        node = a.node / (ct.sqr(b.node) + 0.5)
    elif name == "pow":
        node = (ct.sqr(a.node) + 0.5) ** ct.tanh(b.node)
    elif name == "logaddexp":
        node = ct.logaddexp(a.node, b.node)
    else:
        node = getattr(ct, name)(a.node, ct.sqr(b.node) + 0.5)
    return g.add(name, node, False)


@operation(2)
def steps(g: Generator) -> Value:
    x = g.number(lambda v: v.exact)
    name = g.rng.choice(["abs", "sign", "floor", "ceil", "round", "trunc", "isnan", "clip"])
    node = ct.clip(x.node, -0.5, 1) if name == "clip" else getattr(ct, name)(x.node)
    return g.add(name, node, True)


@operation(2)
def comparison(g: Generator) -> Value:
    a = g.pick(lambda v: v.exact)
    b = g.partner(a, lambda v: v.exact)
    name = g.rng.choice(["eq", "neq", "lt", "le", "gt", "ge"])
    return g.add(name, getattr(ct, name)(a.node, b.node), True)


@operation(1)
def integer_division(g: Generator) -> Value:
    a = g.number(lambda v: v.exact)
    b = g.partner(a, lambda v: v.exact and v.node.dtype != "bool")
    name = g.rng.choice(["floor_div", "mod"])
    both_int = "int64" == a.node.dtype == b.node.dtype
    if not both_int and np.any(b.array == 0):
        raise Skip
    return g.add(name, getattr(ct, name)(a.node, b.node), True)


@operation(1)
def logic(g: Generator) -> Value:
    a = g.pick(lambda v: v.node.dtype in ("bool", "int64"))
    b = g.partner(a, lambda v: v.node.dtype in ("bool", "int64"))
    name = g.rng.choice(
        ["logical_and", "logical_or", "logical_xor", "logical_not", "and_", "or_", "xor"]
    )
    args = [a.node] if name == "logical_not" else [a.node, b.node]
    return g.add(name, getattr(ct, name)(*args), True)


@operation(2)
def choice(g: Generator) -> Value:
    a = g.number()
    b = g.partner(a, lambda v: v.node.dtype != "bool")
    cond = g.pick(lambda v: v.node.dtype == "bool" and fits(a, v) and fits(b, v))
    return g.add("switch", ct.switch(cond.node, a.node, b.node), a.exact and b.exact)


@operation(1)
def casting(g: Generator) -> Value:
    x = g.pick()
    dtype = g.rng.choice(["float64", "float64", "float32", "int64", "bool"])
    if dtype in ("int64", "bool") and not x.exact:
        raise Skip
    return g.add(f"cast {dtype}", ct.cast(x.node, dtype), x.exact)


@operation(4)
def reduction(g: Generator) -> Value:
    x = g.pick(lambda v: v.node.ndim > 0)
    name = g.rng.choice(["sum", "sum", "mean", "max", "min", "any", "all"])
    axes = sorted(g.rng.sample(range(x.node.ndim), g.rng.randint(1, x.node.ndim)))
    axis = None if g.rng.random() < 0.3 else tuple(axes) if len(axes) > 1 else axes[0]
    shape = x.array.shape if axis is None else [x.array.shape[a] for a in np.atleast_1d(axis)]
    if 0 in shape and name in ("mean", "max", "min"):
        raise Skip
    if name in ("any", "all", "max", "min") and not x.exact:
        raise Skip
    node = getattr(ct, name)(x.node, axis=axis, keepdims=g.rng.random() < 0.4)
    return g.add(f"{name} {axis}", node, x.exact and name != "mean")


@operation(2)
def product(g: Generator) -> Value:
    a = g.number(lambda v: v.node.ndim in (1, 2))
    b = g.number(lambda v: v.node.ndim in (1, 2) and v.array.shape[0] == a.array.shape[-1])
    return g.add("dot", ct.dot(a.node, b.node), a.exact and b.exact)


@operation(3)
def basic_index(g: Generator) -> Value:
    x = g.pick(lambda v: v.node.ndim > 0)
    return g.add("index", x.node[random_index(g, x)], x.exact)


def random_index(g: Generator, x: Value) -> tuple[Any, ...]:
    items: list[Any] = []
    for n in x.array.shape:
        kind = g.rng.random()
        if kind < 0.2 and n:
            items.append(g.rng.randint(-n, n - 1))
        elif kind < 0.35 and x.node.ndim < 3:
            items.append(None)
            items.append(slice(None))
        else:
            bound = [None, 0, 1, 2, -1, -2, 3, -7, 7]
            step = g.rng.choice([None, 1, 1, 2, -1, -2, 3])
            items.append(slice(g.rng.choice(bound), g.rng.choice(bound), step))
    return tuple(items)


@operation(1)
def run_time_slice(g: Generator) -> Value:
    x = g.pick(lambda v: v.node.ndim > 0)
    k = g.pick(lambda v: v.node.dtype == "int64" and v.node.ndim == 0 and v.exact)
    if k in g.inputs:
        part = slice(None, k.node) if g.rng.random() < 0.5 else slice(k.node, None)
        return g.add("slice k", x.node[part], x.exact)
    raise Skip


@operation(2)
def window_update(g: Generator) -> Value:
    x = g.number(lambda v: v.node.ndim > 0)
    index = tuple(item for item in random_index(g, x) if item is not None)
    target = x.node[index]
    name = g.rng.choice(["set_subtensor", "inc_subtensor"])
    source = g.pick(lambda v: v.node.dtype == x.node.dtype)
    try:
        (window,) = evaluate([target], {v.node: v.array for v in g.pool} | g.given)
        values = Value(target, window, True)
        if source.node.ndim > target.ndim or not fits(values, source):
            raise Skip
        if any(n == 1 != m for n, m in zip(reversed(target.dims), reversed(source.node.dims),
                                           strict=False)):  # fmt: skip
            raise Skip
        node = getattr(ct, name)(target, source.node)
    except TypeError:
        raise Skip from None
    return g.add(name, node, x.exact and source.exact)


@operation(2)
def rearranged(g: Generator) -> Value:
    x = g.pick(lambda v: v.node.ndim > 0)
    kind = g.rng.choice(["transpose", "flatten", "expand", "reshape", "reshape"])
    if kind == "transpose":
        order = list(range(x.node.ndim))
        g.rng.shuffle(order)
        node = ct.transpose(x.node, order)
    elif kind == "flatten":
        node = ct.flatten(x.node)
    elif kind == "expand":
        node = ct.expand_dims(x.node, g.rng.randint(0, x.node.ndim))
    else:
        s = x.node.shape
        targets = [(-1, 1), (1, -1), (s[0], -1)] if x.array.shape[0] else [(-1, 1)]
        if x.node.ndim == 2:
            targets += [(s[1], s[0]), (s[0] * s[1],)]
        node = ct.reshape(x.node, g.rng.choice(targets))
    return g.add(kind, node, x.exact)


@operation(2)
def joined(g: Generator) -> Value:
    x = g.pick(lambda v: v.node.ndim > 0)
    axis = g.rng.randrange(x.node.ndim)

    def along(v: Value) -> bool:
        return v.node.ndim == x.node.ndim and all(
            a == b for k, (a, b) in enumerate(zip(v.array.shape, x.array.shape, strict=True))
            if k != axis
        )  # fmt: skip

    others = [g.pick(along) for _ in range(g.rng.randint(1, 2))]
    exact = all(v.exact for v in (x, *others))
    if g.rng.random() < 0.3:
        same = g.pick(lambda v: v.array.shape == x.array.shape)
        node = ct.stack([x.node, same.node], axis=axis)
        exact = x.exact and same.exact
    else:
        node = ct.concatenate([x.node, *(v.node for v in others)], axis=axis)
    return g.add("join", node, exact)


@operation(1)
def made_from_sizes(g: Generator) -> Value:
    x = g.pick(lambda v: v.node.ndim > 0)
    kind = g.rng.choice(["arange", "eye", "ones", "zeros_like", "full", "fill"])
    n = x.node.shape[0]
    node = {
        "arange": lambda: ct.arange(n),
        "eye": lambda: ct.eye(n, x.node.shape[-1], k=g.rng.choice([0, 1, -1])),
        "ones": lambda: ct.ones((2, n)),
        "zeros_like": lambda: ct.zeros_like(x.node),
        "full": lambda: ct.full((n,), 0.5),
        "fill": lambda: ct.fill(x.node, 0.25),
    }[kind]()
    return g.add(kind, node, True)


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


# -- the check ----------------------------------------------------------------------------------
class Case:
    """A graph of the batch: outputs to compile, each with its tolerance."""

    def __init__(self, g: Generator, value: Value, tag: str) -> None:
        self.tag = tag
        self.value = value
        self.outputs: list[Node] = [value.node]
        self.pairs: list[tuple[int, int]] = []
        if value.floating:
            self._derivatives(g, value)

    def _derivatives(self, g: Generator, value: Value) -> None:
        reached = set(toposort([value.node]))
        wrt = [v.node for v in g.inputs if v.floating and v.node in reached]
        if not wrt:
            return
        weights = g.data.integers(-8, 9, value.array.shape) / 8
        weight = ct.constant(weights.astype(value.node.dtype))
        tangents = [
            ct.constant((g.data.integers(-8, 9, g.given[x].shape) / 8).astype(x.dtype)) for x in wrt
        ]
        cost = ct.sum(value.node * weight)
        pulled = cgrad.grad(cost, wrt, disconnected_inputs="ignore")
        pushed = cgrad.Rop(value.node, wrt, tangents, disconnected_outputs="ignore")
        self.outputs += pulled
        forward = ct.sum(pushed * weight)
        reverse = sum(
            (ct.sum(ct.cast(a, "float64") * t) for a, t in zip(pulled, tangents, strict=True)),
            ct.constant(0.0),
        )
        self.pairs.append((len(self.outputs), len(self.outputs) + 1))
        self.outputs += [forward, reverse]


def batch(seed: int) -> tuple[Generator, list[Case]]:
    g = Generator(seed)
    cases = []
    for k in range(PER_KERNEL):
        value = None
        for _ in range(g.rng.randint(1, 4)):
            try:
                value = g.grow()
            except Skip:
                break
        if value is not None:
            cases.append(Case(g, value, f"seed {seed} graph {k}"))
    return g, cases


def check(g: Generator, cases: list[Case]) -> None:
    outputs = [out for case in cases for out in case.outputs]
    f = cgrad.function([v.node for v in g.inputs], outputs, on_unused_input="ignore")
    arrays = [g.given[v.node].copy() for v in g.inputs]
    got = f(*arrays)
    for v, array in zip(g.inputs, arrays, strict=True):
        assert np.array_equal(array, g.given[v.node]), "an argument was changed"
    start = 0
    with np.errstate(all="ignore"):
        for case in cases:
            compare(g, case, got[start : start + len(case.outputs)])
            start += len(case.outputs)


def compare(g: Generator, case: Case, got: list[np.ndarray]) -> None:
    order = [n for n in toposort(case.outputs) if n.dtype != "tuple"]
    every = evaluate([*case.outputs, *order], g.given)
    want = every[: len(case.outputs)]
    floats = [a for a in every if a.dtype.kind == "f" and a.size]
    scale = max([1.0, *(float(np.nanmax(np.abs(a))) for a in floats)])
    narrow = any(a.dtype == np.float32 for a in every)
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        where = f"{case.tag}, output {k} of {cgrad.pp(case.outputs[k])[:300]}"
        assert a.shape == b.shape, f"{where}: shape {a.shape}, expected {b.shape}"
        assert a.dtype == b.dtype, f"{where}: dtype {a.dtype}, expected {b.dtype}"
        if a.dtype.kind != "f":
            assert np.array_equal(a, b), f"{where}:\n{a}\nexpected\n{b}"
            continue
        bound = TOLERANCE["float32" if narrow else "float64"] * scale
        bad = ~((np.abs(a - b) <= bound) | ((a != a) & (b != b)) | (a == b))
        assert not bad.any(), f"{where}:\n{a}\nexpected\n{b}\nscale {scale}"
    for p, q in case.pairs:
        bound = TOLERANCE["float32" if narrow else "float64"] * scale * 50
        a, b = float(got[p]), float(got[q])
        assert abs(a - b) <= bound or (a != a and b != b), f"{case.tag}: <ct,Jt> {a}, <J'ct,t> {b}"


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(1, GRAPHS // PER_KERNEL)))
def test_random_graphs(seed: int) -> None:
    g, cases = batch(seed)
    check(g, cases)
