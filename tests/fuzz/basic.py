"""Elementwise functions, reductions, products, slices, joins: what a graph has most of."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz.pool import SHORT, Generator, Skip, Value, fits, operation

import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate


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
    if a.node.dtype.startswith("u") and number == -1:
        raise Skip
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
    both_int = "int" in a.node.dtype and "int" in b.node.dtype
    if not both_int and np.any(b.array == 0):
        raise Skip
    return g.add(name, getattr(ct, name)(a.node, b.node), True)


@operation(1)
def logic(g: Generator) -> Value:
    a = g.pick(lambda v: not v.floating)
    b = g.partner(a, lambda v: not v.floating)
    name = g.rng.choice(
        ["logical_and", "logical_or", "logical_xor", "logical_not", "and_", "or_", "xor"]
    )
    if np.result_type(a.array, b.array).kind == "f":
        raise Skip  # uint64 and a signed integer meet in float64, which has no bits
    args = [a.node] if name == "logical_not" else [a.node, b.node]
    return g.add(name, getattr(ct, name)(*args), True)


@operation(2)
def choice(g: Generator) -> Value:
    a = g.number()
    b = g.partner(a, lambda v: v.node.dtype != "bool")
    cond = g.pick(lambda v: v.node.dtype == "bool" and fits(a, v) and fits(b, v))
    return g.add("switch", ct.switch(cond.node, a.node, b.node), a.exact and b.exact)


def _in_range(array: np.ndarray, dtype: str) -> bool:
    limits = np.iinfo(dtype)
    return bool(np.all((array >= limits.min) & (array <= limits.max)))


@operation(1)
def casting(g: Generator) -> Value:
    x = g.pick()
    dtype = g.rng.choice(["float64", "float64", "float32", "int64", "bool", *SHORT])
    if not dtype.startswith("float") and not x.exact:
        raise Skip
    if dtype.startswith("uint") and np.any(x.array < 0):
        raise Skip  # undefined in C and NumPy; cgrad clamps
    if dtype in SHORT and x.node.dtype.startswith("float") and not _in_range(x.array, dtype):
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
