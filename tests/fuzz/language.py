"""The rest of NumPy: further reductions, orders, batched products, rearrangement, lookups.

Each is compared with NumPy's own function when it is made, and with the C later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz.pool import SHORT, Generator, Skip, Value, fits, operation

import cgrad.tensor as ct


def an_axis(g: Generator, x: Value) -> int:
    return g.rng.randrange(-x.node.ndim, x.node.ndim)


def some_axes(g: Generator, x: Value) -> Any:
    axes = sorted(g.rng.sample(range(x.node.ndim), g.rng.randint(1, x.node.ndim)))
    return None if g.rng.random() < 0.3 else tuple(axes) if len(axes) > 1 else axes[0]


def along(x: Value, axis: Any) -> list[int]:
    return [
        x.array.shape[k] for k in range(x.array.ndim) if axis is None or k in np.atleast_1d(axis)
    ]


def has_axes(v: Value) -> bool:
    return v.node.ndim > 0


# -- reductions -------------------------------------------------------------------------------
@operation(3)
def further_reduction(g: Generator) -> Value:
    x = g.pick(has_axes)
    axis = some_axes(g, x)
    keep = g.rng.random() < 0.3
    name = g.rng.choice(["prod", "var", "std", "ptp", "logsumexp", "norm"])
    empty = 0 in along(x, axis)
    if name == "prod":
        want = np.prod(x.array, axis=axis, keepdims=keep)
        return g.add("prod", ct.prod(x.node, axis=axis, keepdims=keep), x.exact, want)
    if name in ("var", "std"):
        ddof = g.rng.choice([0, 0, 1])
        if int(np.prod(along(x, axis))) <= ddof or (name == "std" and not x.floating):
            raise Skip
        spread = np.var(x.array.astype(float), axis=axis, ddof=ddof, keepdims=keep)
        if name == "std" and np.any(spread < 1e-3):
            raise Skip
        want = getattr(np, name)(x.array, axis=axis, ddof=ddof, keepdims=keep)
        node = getattr(ct, name)(x.node, axis=axis, ddof=ddof, keepdims=keep)
        return g.add(name, node, False, want)
    if name == "ptp":
        if empty or not x.exact or x.node.dtype == "bool":
            raise Skip
        want = np.ptp(x.array, axis=axis, keepdims=keep)
        return g.add("ptp", ct.ptp(x.node, axis=axis, keepdims=keep), True, want)
    if name == "norm":
        want = np.sqrt(np.sum(np.square(x.array, dtype=float), axis=axis, keepdims=keep))
        if np.any(want < 1e-2) and not x.exact:
            raise Skip
        dtype = x.node.dtype if x.floating else "float64"
        node = ct.norm(x.node, axis=axis, keepdims=keep)
        return g.add("norm", node, False, np.asarray(want, dtype))
    if empty:
        raise Skip
    top = np.max(x.array.astype(float), axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x.array - top), axis=axis, keepdims=True)) + top
    want = total if keep else total.sum(axis=axis)
    dtype = x.node.dtype if x.floating else "float64"
    node = ct.logsumexp(x.node, axis=axis, keepdims=keep)
    return g.add("logsumexp", node, False, np.asarray(want, dtype))


@operation(1)
def place_of_extreme(g: Generator) -> Value:
    x = g.pick(lambda v: has_axes(v) and v.exact)
    name = g.rng.choice(["argmax", "argmin"])
    axis = None if g.rng.random() < 0.3 else an_axis(g, x)
    if 0 in along(x, axis if axis is None else axis % x.node.ndim):
        raise Skip
    keep = g.rng.random() < 0.3
    want = getattr(np, name)(x.array, axis=axis, keepdims=keep)
    return g.add(name, getattr(ct, name)(x.node, axis=axis, keepdims=keep), True, want)


@operation(2)
def running(g: Generator) -> Value:
    x = g.pick(has_axes)
    axis = None if g.rng.random() < 0.3 else an_axis(g, x)
    name = g.rng.choice(["cumsum", "cumprod", "diff"])
    if name == "diff":
        n, axis = g.rng.choice([1, 1, 2]), an_axis(g, x)
        want = np.diff(x.array, n=n, axis=axis)
        return g.add("diff", ct.diff(x.node, n=n, axis=axis), x.exact, want)
    want = getattr(np, name)(x.array, axis=axis)
    return g.add(name, getattr(ct, name)(x.node, axis=axis), x.exact, want)


@operation(1)
def ordered(g: Generator) -> Value:
    x = g.pick(lambda v: has_axes(v) and v.exact)
    axis = None if g.rng.random() < 0.2 else an_axis(g, x)
    if g.rng.random() < 0.5:
        return g.add("sort", ct.sort(x.node, axis=axis), True, np.sort(x.array, axis=axis))
    want = np.argsort(x.array, axis=axis, kind="stable")
    return g.add("argsort", ct.argsort(x.node, axis=axis), True, want)


@operation(2)
def shares(g: Generator) -> Value:
    x = g.floating(has_axes)
    axis = some_axes(g, x)
    if 0 in along(x, axis):
        raise Skip
    e = np.exp(x.array - np.max(x.array, axis=axis, keepdims=True))
    want = e / e.sum(axis=axis, keepdims=True)
    if g.rng.random() < 0.5:
        return g.add("softmax", ct.softmax(x.node, axis=axis), False, want)
    if np.any(want < 1e-30):
        raise Skip
    return g.add("log_softmax", ct.log_softmax(x.node, axis=axis), False, np.log(want))


# -- products ---------------------------------------------------------------------------------
@operation(2)
def matrix_product(g: Generator) -> Value:
    a, b = g.pick(has_axes), g.pick(has_axes)
    ones = all(
        n == m or 1 in (a.node.dims[-k], b.node.dims[-k])
        for k, (n, m) in enumerate(
            zip(a.array.shape[:-2][::-1], b.array.shape[:-2][::-1], strict=False), 3
        )
    )
    if not ones or a.array.shape[-1] != b.array.shape[-2 if b.node.ndim > 1 else 0]:
        raise Skip
    if not (a.exact and b.exact) and not (a.floating and b.floating):
        raise Skip
    return g.add("matmul", a.node @ b.node, a.exact and b.exact, a.array @ b.array)


SUBSCRIPTS = ["i,i->", "i,j->ij", "i,i->i", "ij->ji", "ii->i", "ii", "ij->", "ij->j", "ij,jk->ik",
              "ij,kj->ki", "ij,ij->i", "ij,j", "ij,i->j", "ijk,k->ij", "ijk,ikl->ijl", "aij,j->ia",
              "ijk,jk->i", "ij,jk,kl->il", "i,j,k->ijk", "ij,i,j->", "iij->j", "ijj,j->i",
              "ij,ij,ij->ij", "ij,k->k"]  # fmt: skip


@operation(2)
def einsum(g: Generator) -> Value:
    text = g.rng.choice(SUBSCRIPTS)
    lengths: dict[str, int] = {}
    values = []
    for term in text.split("->")[0].split(","):
        v = g.pick(lambda v, term=term: v.node.ndim == len(term))
        for letter, n in zip(term, v.array.shape, strict=True):
            if lengths.setdefault(letter, n) != n:
                raise Skip
        values.append(v)
    exact = all(v.exact for v in values)
    if not exact and not all(v.floating for v in values):
        raise Skip
    want = np.einsum(text, *(v.array for v in values))
    return g.add(f"einsum {text}", ct.einsum(text, *(v.node for v in values)), exact, want)


@operation(1)
def pairs_of_axes(g: Generator) -> Value:
    a, b = g.pick(has_axes), g.pick(has_axes)
    kind = g.rng.choice(["tensordot", "tensordot", "outer", "inner", "dot"])
    if kind == "tensordot":
        count = g.rng.randint(0, min(a.node.ndim, b.node.ndim))
        axes = (
            g.rng.sample(range(a.node.ndim), count),
            g.rng.sample(range(-b.node.ndim, 0), count),
        )
        if any(a.array.shape[i] != b.array.shape[j] for i, j in zip(*axes, strict=True)):
            raise Skip
        node, want = ct.tensordot(a.node, b.node, axes), np.tensordot(a.array, b.array, axes)
    elif kind == "outer":
        node, want = ct.outer(a.node, b.node), np.outer(a.array, b.array)
    elif kind == "inner":
        if a.array.shape[-1] != b.array.shape[-1]:
            raise Skip
        node, want = ct.inner(a.node, b.node), np.inner(a.array, b.array)
    else:
        if a.array.shape[-1] != b.array.shape[-2 if b.node.ndim > 1 else 0]:
            raise Skip
        node, want = ct.dot(a.node, b.node), np.dot(a.array, b.array)
    return g.add(kind, node, a.exact and b.exact, want)


@operation(1)
def diagonals(g: Generator) -> Value:
    k = g.rng.choice([0, 0, 1, -1, 2])
    kind = g.rng.choice(["diag", "diag", "diagonal", "trace"])
    if kind == "diag":
        x = g.pick(lambda v: v.node.ndim in (1, 2))
        return g.add("diag", ct.diag(x.node, k), x.exact, np.diag(x.array, k))
    x = g.pick(lambda v: v.node.ndim > 1)
    one, two = g.rng.sample(range(x.node.ndim), 2)
    node = getattr(ct, kind)(x.node, k, one, two)
    return g.add(kind, node, x.exact, getattr(np, kind)(x.array, k, one, two))


# -- rearrangement ----------------------------------------------------------------------------
@operation(2)
def taken_apart(g: Generator) -> Value:
    x = g.pick(has_axes)
    axis = g.rng.randrange(x.node.ndim)
    n = x.array.shape[axis]
    kind = g.rng.choice(["parts", "lengths", "cuts", "symbolic"])
    if kind == "parts":
        parts = g.rng.choice([k for k in (1, 2, 3) if n % k == 0])
        made, want = ct.split(x.node, parts, axis=axis), np.split(x.array, parts, axis)
    elif kind == "lengths":
        first = g.rng.randint(0, n)
        lengths: list[Any] = [first, n - first]
        made, want = ct.split(x.node, lengths, axis=axis), np.split(x.array, [first], axis)
    elif kind == "cuts":
        cuts = sorted(g.rng.choices([0, 1, 2, 3, -1], k=2))
        made, want = ct.split(x.node, indices=cuts, axis=axis), np.split(x.array, cuts, axis)
    else:
        first = min(1, n)
        made = ct.split(x.node, [first, x.node.shape[axis] - first], axis=axis)
        want = np.split(x.array, [first], axis)
    which = g.rng.randrange(len(made))
    return g.add(f"split {kind}", made[which], x.exact, want[which])


@operation(3)
def arranged(g: Generator) -> Value:
    x = g.pick(has_axes)
    axis = an_axis(g, x)
    n = g.rng.randint(0, 3)
    kind = g.rng.choice(["tile", "repeat", "roll", "roll", "flip", "swapaxes", "moveaxis",
                         "atleast", "stacked"])  # fmt: skip
    if kind == "tile":
        reps = g.rng.choice([n, (n, 2), (1, n), (2,)])
        node, want = ct.tile(x.node, reps), np.tile(x.array, reps)
    elif kind == "repeat":
        at = g.rng.choice([None, axis])
        node, want = ct.repeat(x.node, n, axis=at), np.repeat(x.array, n, axis=at)
    elif kind == "roll":
        at, by = g.rng.choice([None, axis]), g.rng.randint(-5, 5)
        node, want = ct.roll(x.node, by, axis=at), np.roll(x.array, by, axis=at)
    elif kind == "flip":
        at = g.rng.choice([None, axis])
        node, want = ct.flip(x.node, axis=at), np.flip(x.array, axis=at)
    elif kind == "swapaxes":
        other = an_axis(g, x)
        node, want = ct.swapaxes(x.node, axis, other), np.swapaxes(x.array, axis, other)
    elif kind == "moveaxis":
        other = an_axis(g, x)
        node, want = ct.moveaxis(x.node, axis, other), np.moveaxis(x.array, axis, other)
    elif kind == "atleast":
        count = g.rng.randint(1, 3)
        node = getattr(ct, f"atleast_{count}d")(x.node)
        # new axes come first, as in PyTensor; numpy.atleast_3d puts them elsewhere
        want = np.array(x.array, ndmin=count)
    else:
        name = g.rng.choice(["hstack", "vstack"])
        node, want = getattr(ct, name)([x.node, x.node]), getattr(np, name)([x.array, x.array])
    return g.add(kind, node, x.exact, want)


@operation(2)
def padded(g: Generator) -> Value:
    x = g.pick(has_axes)
    mode = g.rng.choice(["constant", "constant", "edge", "wrap", "reflect", "symmetric"])
    most = 2 if mode in ("constant", "edge") else min(x.array.shape)
    if mode == "reflect":
        most -= 1
    if most < 0 or (mode != "constant" and 0 in x.array.shape):
        raise Skip
    widths = [(g.rng.randint(0, most), g.rng.randint(0, most)) for _ in x.array.shape]
    more: dict[str, Any] = {}
    if mode == "constant" and x.node.dtype != "bool":
        value = g.rng.choice([0, 1, 2.5 if x.floating else 3])
        more = {"constant_values": g.rng.choice([value, (value, 0)])}
    want = np.pad(x.array, widths, mode, **more)
    return g.add(f"pad {mode}", ct.pad(x.node, widths, mode, **more), x.exact, want)


# -- lookups ----------------------------------------------------------------------------------
def positions(g: Generator, n: int, shape: tuple[int, ...], unique: bool = False) -> Any:
    """An index array for an axis of length n: (what the graph gets, what NumPy gets)."""
    if n == 0 and 0 not in shape:
        raise Skip
    if unique:
        count = int(np.prod(shape))
        if count > n:
            raise Skip
        flat = g.data.permutation(n)[:count]
        array = np.where(g.data.integers(0, 2, count) == 1, flat, flat - n).reshape(shape)
    else:
        array = g.data.integers(-n, max(n, 1), shape)
        found = [v for v in g.pool if "int" in v.node.dtype and v.node.dtype != "uint64"
                 and v.array.shape == shape and v.exact]  # fmt: skip
        if found and g.rng.random() < 0.7:
            v = g.rng.choice(found)
            wrapped = v.node % max(n, 1) if np.any((v.array < -n) | (v.array >= n)) else v.node
            return wrapped, (v.array % max(n, 1) if wrapped is not v.node else v.array)
    array = array.astype(g.rng.choice(["int64", "int64", "int8", "int32"]))
    if g.rng.random() < 0.3:
        return array.tolist() if array.size else array, array
    return ct.constant(array), array


def array_index(g: Generator, x: Value, unique: bool = False) -> tuple[Any, Any]:
    """An index with at least one integer array or mask, for the graph and for NumPy."""
    length = g.rng.choice([1, 2, 3])
    shapes: list[tuple[int, ...]] = [(length,)]
    if not unique:
        shapes += [(0,), (length, 1), (2, length)]
    looked = g.rng.sample(range(x.node.ndim), g.rng.randint(1, x.node.ndim))
    ours: list[Any] = []
    theirs: list[Any] = []
    shape = g.rng.choice(shapes)
    for axis, n in enumerate(x.array.shape):
        kind = g.rng.random()
        if axis in looked:
            one, two = positions(g, n, shape, unique)
            unique = False  # one axis of positions that do not repeat is enough
        elif kind < 0.2 and n:
            one = two = g.rng.randint(-n, n - 1)
        elif kind < 0.3 and x.node.ndim < 3:
            ours.append(None)
            theirs.append(None)
            one = two = slice(None)
        else:
            one = two = slice(g.rng.choice([None, 1, -2]), None, g.rng.choice([None, 1, -1, 2]))
        ours.append(one)
        theirs.append(two)
    return tuple(ours), tuple(theirs)


@operation(3)
def lookup(g: Generator) -> Value:
    x = g.pick(has_axes)
    ours, theirs = array_index(g, x)
    return g.add("x[rows]", x.node[ours], x.exact, x.array[theirs])


def a_mask(g: Generator, x: Value) -> Value:
    return g.pick(
        lambda v: (
            v.node.dtype == "bool"
            and 0 < v.node.ndim <= x.node.ndim
            and v.array.shape == x.array.shape[: v.node.ndim]
        )
    )


@operation(3)
def masked(g: Generator) -> Value:
    x = g.pick(has_axes)
    mask = a_mask(g, x)
    kind = g.rng.choice(["get", "get", "compress", "nonzero", "rest"])
    if kind == "compress" and mask.node.ndim == 1:
        node, want = ct.compress(mask.node, x.node, 0), np.compress(mask.array, x.array, 0)
    elif kind == "nonzero":
        axis = g.rng.randrange(mask.node.ndim)
        node, want = ct.nonzero(mask.node)[axis], np.nonzero(mask.array)[axis]
    elif kind == "rest" and x.node.ndim > mask.node.ndim:
        node, want = x.node[mask.node, 1:], x.array[mask.array, 1:]
    else:
        node, want = x.node[mask.node], x.array[mask.array]
    return g.add(f"mask {kind}", node, x.exact, want)


def changed(x: np.ndarray, index: Any, value: Any, add: bool) -> np.ndarray:
    result = x.copy()
    if add:
        # stretched first: for a 1-d x, `add.at` reads past the end of a shorter value (NumPy 2.4.6)
        np.add.at(result, index, np.array(np.broadcast_to(value, result[index].shape)))
    else:
        result[index] = value
    return result


@operation(3)
def lookup_update(g: Generator) -> Value:
    """set_subtensor, inc_subtensor of looked-up elements."""
    x = g.number(has_axes)
    add = g.rng.random() < 0.5
    if g.rng.random() < 0.5:
        mask = a_mask(g, x)
        ours, theirs = mask.node, mask.array
    else:
        ours, theirs = array_index(g, x, unique=not add)
    target, window = x.node[ours], x.array[theirs]
    source = g.pick(lambda v: v.node.dtype == x.node.dtype and v.node.ndim <= window.ndim)
    short = zip(reversed(source.array.shape), reversed(source.node.dims),
                reversed(window.shape), reversed(target.dims), strict=False)  # fmt: skip
    if any((n != k and m != 1) or (m == 1) != (t == 1) for n, m, k, t in short):
        raise Skip
    change = ct.inc_subtensor if add else ct.set_subtensor
    exact = x.exact and source.exact
    want = changed(x.array, theirs, source.array, add)
    return g.add("inc[rows]" if add else "set[rows]", change(target, source.node), exact, want)


@operation(2)
def taken(g: Generator) -> Value:
    x = g.pick(has_axes)
    axis = an_axis(g, x)
    n = x.array.shape[axis]
    if g.rng.random() < 0.3:
        shape = tuple(2 if k == axis % x.node.ndim else m for k, m in enumerate(x.array.shape))
        ours, theirs = positions(g, n, shape)
        want = np.take_along_axis(x.array, theirs, axis)
        return g.add("take_along_axis", ct.take_along_axis(x.node, ours, axis), x.exact, want)
    mode = g.rng.choice(["raise", "clip", "wrap"])
    flat = g.rng.random() < 0.3
    n = x.array.size if flat else n
    if n == 0:
        raise Skip
    ours, theirs = positions(g, n, g.rng.choice([(), (2,), (3, 1)]))
    if mode != "raise":
        ours, theirs = ours - np.int64(3), np.asarray(theirs, np.int64) - 3
    at = None if flat else axis
    want = np.take(x.array, theirs, at, mode=mode)
    return g.add(f"take {mode}", ct.take(x.node, ours, at, mode=mode), x.exact, want)


@operation(1)
def whole_numbers(g: Generator) -> Value:
    """Sums of short integers widen, arithmetic among them promotes and wraps."""
    a = g.pick(lambda v: "int" in v.node.dtype or v.node.dtype == "bool")
    b = g.partner(a, lambda v: "int" in v.node.dtype)
    if not fits(a, b):
        raise Skip
    cast = g.rng.choice(["int64", "int16", *SHORT])
    x, y = ct.cast(a.node, cast), b.node
    p = a.array.astype(cast)
    name = g.rng.choice(["add", "sub", "mul", "max"])
    if name == "max":
        node, want = ct.maximum(x, y), np.maximum(p, b.array)
    else:
        operate = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[name]
        node, want = getattr(ct, name)(x, y), operate(p, b.array)
    return g.add(f"{cast} {name}", node, True, want)
