"""Every name that `core_language.txt` lists: values, both derivative modes, second order.

Tensor functions are written once and evaluated twice: on symbols by compiled C, and on arrays by
NumPy, over dtypes, axes, empty and size-1 axes and memory layouts with negative strides.  Few
kernels serve all.  What is no function of tensors (constructors, options of `function`) has a
short check of its own.
"""

from __future__ import annotations

import copy
import itertools
import operator
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_every_op import (
    EMPTY,
    SIZES,
    Derivatives,
    Space,
    arrays_for,
    check,
    namespace,
    run_derivatives,
    wide,
)

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node

LIST = Path(__file__).with_name("core_language.txt")
COUNTS: Counter[str] = Counter()


def names(*groups: str) -> list[str]:
    """The names of groups in the list."""
    found = []
    for line in LIST.read_text().splitlines():
        group, _, rest = line.partition(":")
        if not line.startswith("#") and group in groups:
            found += rest.split()
    assert found, groups
    return found


# -- functions of tensors -----------------------------------------------------------------------
FLOATS = ["float64", "float32"]
WHOLE = ["int64", "int8", "uint8"]
NUMBERS = [*FLOATS, *WHOLE]
EVERY = [*NUMBERS, "bool"]


class Case:
    """An expression of a module (`cgrad.tensor`, numpy or both) and a namespace of tensors."""

    def __init__(self, build: Callable[[Any, Any], Any], dtypes: Any = EVERY, *, empty: bool = True,
                 smooth: bool = True) -> None:  # fmt: skip
        self.build = build
        self.dtypes = dtypes
        self.empty = empty
        self.smooth = smooth


class Reference:
    """NumPy, with what it has no function for, or another spelling of."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = x if x.dtype.kind == "f" else x.astype(float)
        with np.errstate(divide="ignore"):
            return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))

    @staticmethod
    def softmax(x: Any, axis: Any = None) -> Any:
        e = np.exp(x if x.dtype.kind == "f" else x.astype(float))
        return e / np.sum(e, axis=axis, keepdims=True)

    def log_softmax(self, x: Any, axis: Any = None) -> Any:
        return np.log(self.softmax(x, axis))

    @staticmethod
    def split(x: Any, lengths: Any, axis: int = 0) -> Any:
        return np.split(x, lengths if isinstance(lengths, int) else np.cumsum(lengths)[:-1], axis)

    @staticmethod
    def atleast_3d(x: Any) -> Any:
        return np.array(x, ndmin=3)  # new axes first, as PyTensor has it

    @staticmethod
    def set_subtensor(x: Any, index: Any, value: Any) -> Any:
        result = x.copy()
        result[index] = value
        return result

    @staticmethod
    def inc_subtensor(x: Any, index: Any, value: Any) -> Any:
        result = x.copy()
        np.add.at(result, index, value)
        return result


class Symbolic:
    """`cgrad.tensor`, with the two functions that take an indexed tensor in the same spelling."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ct, name)

    @staticmethod
    def set_subtensor(x: Any, index: Any, value: Any) -> Any:
        return ct.set_subtensor(x[index], value)

    @staticmethod
    def inc_subtensor(x: Any, index: Any, value: Any) -> Any:
        return ct.inc_subtensor(x[index], value)


SYMBOLIC, REFERENCE = Symbolic(), Reference()


def over_axes(name: str, axes: Any = (None, 0, 1, -1, (0, 1)), **options: Any) -> list[Case]:
    """A reduction of a matrix over each of `axes`, with and without keepdims."""
    keeps = options.pop("keeps", (False, True))
    return [
        Case(lambda m, g, axis=axis, keep=keep: getattr(m, name)(g.x, axis=axis, **keep), **options)
        for axis in axes
        for keep in ([{"keepdims": k} for k in keeps] if keeps else [{}])
    ]


ONE_AXIS = (None, 0, -1)
ROWS = np.array([0, -1, 0])
CASES: dict[str, list[Case]] = {
    "prod": over_axes("prod"),
    "argmax": over_axes("argmax", ONE_AXIS, empty=False, smooth=False),
    "argmin": over_axes("argmin", ONE_AXIS, empty=False, smooth=False),
    "var": [*over_axes("var"), Case(lambda m, g: m.var(g.a, axis=(0, 2), ddof=1), empty=False,
                                    smooth=False)],
    "std": [*over_axes("std", smooth=False), Case(lambda m, g: m.std(g.x * 2 + m.sum(g.v), axis=0),
                                                  FLOATS)],
    "ptp": over_axes("ptp", dtypes=NUMBERS, empty=False),
    "cumsum": over_axes("cumsum", ONE_AXIS, keeps=()),
    "cumprod": over_axes("cumprod", ONE_AXIS, keeps=()),
    "diff": [Case(lambda m, g, n=n, k=k: m.diff(g.x, n=n, axis=k))
             for n, k in ((1, -1), (1, 0), (2, 1), (0, 0))],
    "sort": over_axes("sort", ONE_AXIS, keeps=()),
    "argsort": [Case(lambda m, g, k=k: m.argsort(g.x, axis=k, kind="stable"), smooth=False)
                for k in ONE_AXIS],
    "logsumexp": over_axes("logsumexp"),
    "softmax": over_axes("softmax", keeps=(), empty=False),
    "log_softmax": over_axes("log_softmax", keeps=(), empty=False),
    "matmul": [
        Case(lambda m, g: m.matmul(g.x, g.y)), Case(lambda m, g: m.matmul(g.x, g.v)),
        Case(lambda m, g: m.matmul(g.v, g.y)), Case(lambda m, g: m.matmul(g.v, g.w)),
        Case(lambda m, g: m.matmul(g.a, m.swapaxes(g.a, 1, 2))),
        Case(lambda m, g: g.a @ g.y.T), Case(lambda m, g: m.matmul(m.stack([g.x, g.z]), g.y)),
    ],
    "outer": [Case(lambda m, g: m.outer(g.v, g.u)), Case(lambda m, g: m.outer(g.x, g.u))],
    "tensordot": [Case(lambda m, g: m.tensordot(g.x, g.y, 1)),
                  Case(lambda m, g: m.tensordot(g.a, g.y, [[1, 2], [0, 1]])),
                  Case(lambda m, g: m.tensordot(g.v, g.u, 0))],
    "einsum": [Case(lambda m, g, t=text, n=args: m.einsum(t, *(getattr(g, k) for k in n)))
               for text, args in (("ij,jk->ki", "xy"), ("ij,ij->i", "xz"), ("i,j->ij", "uv"),
                                  ("ijk,jk,i->j", "ayu"), ("ij->", "x"), ("ij,kj", "xz"))],
    "diag": [Case(lambda m, g, k=k: m.diag(g.x, k)) for k in (0, 1, -1)]
            + [Case(lambda m, g, k=k: m.diag(g.v, k)) for k in (0, 2, -1)],
    "diagonal": [Case(lambda m, g: m.diagonal(g.a, 1, 0, 2)), Case(lambda m, g: m.diagonal(g.x))],
    "trace": [Case(lambda m, g: m.trace(g.x)), Case(lambda m, g: m.trace(g.a, 1, 1, 2))],
    "split": [Case(lambda m, g: m.split(m.concatenate([g.x, g.x]), 2)[1]),
              Case(lambda m, g: m.split(g.x, [1, g.x.shape[1] - 1], axis=1)[1], empty=False)],
    "tile": [Case(lambda m, g, r=r: m.tile(g.x, r)) for r in (2, (2, 1), (1, 2, 3), 0)],
    "repeat": [Case(lambda m, g, k=k: m.repeat(g.x, 3, axis=k)) for k in (None, 0, 1)],
    "roll": [Case(lambda m, g, s=s, k=k: m.roll(g.x, s, axis=k))
             for s, k in ((1, None), (-2, 0), (5, 1))],
    "flip": [Case(lambda m, g, k=k: m.flip(g.x, axis=k)) for k in (None, 0, -1)],
    "swapaxes": [Case(lambda m, g: m.swapaxes(g.a, 0, 2))],
    "moveaxis": [Case(lambda m, g: m.moveaxis(g.a, 0, -1)),
                 Case(lambda m, g: m.moveaxis(g.a, (0, 1), (1, 2)))],
    "atleast_1d": [Case(lambda m, g: m.atleast_1d(g.s))],
    "atleast_2d": [Case(lambda m, g: m.atleast_2d(g.v))],
    "atleast_3d": [Case(lambda m, g: m.atleast_3d(g.x))],
    "stack": [Case(lambda m, g, k=k: m.stack([g.x, g.z], axis=k)) for k in (0, 1, -1)],
    "pad": [Case(lambda m, g: m.pad(g.x, ((1, 2), (0, 1)))),
            *(Case(lambda m, g, o=mode: m.pad(g.x, 1, mode=o), empty=False)
              for mode in ("edge", "wrap", "symmetric")),
            Case(lambda m, g: m.pad(m.concatenate([g.x, g.x]), ((1, 1), (0, 0)), mode="reflect"),
                 empty=False)],
    "integer_arrays": [
        Case(lambda m, g: g.x[ROWS], empty=False), Case(lambda m, g: g.x[:, ROWS], empty=False),
        Case(lambda m, g: g.x[ROWS, ROWS], empty=False),
        Case(lambda m, g: g.a[ROWS, :, ROWS], empty=False),
        Case(lambda m, g: g.x[ROWS[:, None], ::-1], empty=False),
        Case(lambda m, g: g.x[m.argsort(g.u, kind="stable")], FLOATS)],
    "masks": [Case(lambda m, g: g.x[m.greater(g.x, 0)]), Case(lambda m, g: g.x[m.less(g.u, 1)]),
              Case(lambda m, g: m.sum(g.a[m.greater(g.x, 0)], axis=0))],
    "set_subtensor": [
        Case(lambda m, g: m.set_subtensor(g.x, np.array([-1]), g.v), empty=False),
        Case(lambda m, g: m.set_subtensor(g.x, m.greater(g.x, 0), g.s))],
    "inc_subtensor": [
        Case(lambda m, g: m.inc_subtensor(g.x, ROWS, g.v), NUMBERS, empty=False),
        Case(lambda m, g: m.inc_subtensor(g.x, m.greater(g.x, 0), g.s), NUMBERS)],
    "take": [Case(lambda m, g: m.take(g.x, ROWS, axis=1), empty=False),
             Case(lambda m, g: m.take(g.x, ROWS), empty=False),
             Case(lambda m, g: m.take(g.x, ROWS + 7, axis=0, mode="clip"), empty=False)],
    "nonzero": [Case(lambda m, g, k=k: m.nonzero(g.x)[k], smooth=False) for k in (0, 1)],
    "tril": [Case(lambda m, g, k=k: m.tril(g.x, k)) for k in (0, 1, -1)],
    "triu": [Case(lambda m, g, k=k: m.triu(g.a, k)) for k in (0, 1, -1)],
    "linspace": [Case(lambda m, g: m.linspace(g.s, g.s * 3, 5), FLOATS),
                 Case(lambda m, g: m.linspace(g.v, g.v * 2, 3, endpoint=False), FLOATS)],
    "logspace": [Case(lambda m, g: m.logspace(g.s, g.s + 1, 4), FLOATS)],
    "geomspace": [Case(lambda m, g: m.geomspace(m.exp(g.s), m.exp(g.s * 2) + 1, 4), ["float64"])],
    "tri": [Case(lambda m, g: m.tri(3, 4, 1), ["float64"], smooth=False)],
}  # fmt: skip
for _name in ("tril_indices", "triu_indices"):
    CASES[_name] = [Case(lambda m, g, f=_name: getattr(m, f)(4, 1)[0], ["float64"], smooth=False)]
    CASES[_name + "_from"] = [
        Case(lambda m, g, f=_name: getattr(m, f + "_from")(g.x)[1], smooth=False)
    ]

# NumPy's own functions, called on symbols: these are evaluated with numpy as the module
NUMPY: dict[str, list[Case]] = {
    **{name: over_axes(name) for name in ("sum", "prod")},
    "mean": over_axes("mean", empty=False),
    "max": over_axes("max", empty=False),
    "min": over_axes("min", empty=False),
    "var": over_axes("var", empty=False),
    "std": over_axes("std", empty=False, smooth=False),
    "where": [Case(lambda m, g: m.where(g.x > 0, g.x, g.v))],
    "concatenate": [Case(lambda m, g, k=k: m.concatenate([g.x, g.z], axis=k)) for k in (0, 1)],
    "clip": [Case(lambda m, g: m.clip(g.x, 0, 1), NUMBERS)],
    "maximum": [Case(lambda m, g: m.maximum(g.x, g.v))],
    "minimum": [Case(lambda m, g: m.minimum(g.x, g.v))],
    "dot": [Case(lambda m, g: m.dot(g.x, g.v)), Case(lambda m, g: m.dot(g.x, g.y))],
    "transpose": [Case(lambda m, g: m.transpose(g.a, (2, 0, 1)))],
    "reshape": [Case(lambda m, g: m.reshape(g.x, (-1, 1)), empty=False)],
    "ravel": [Case(lambda m, g: m.ravel(g.a))],
    "expand_dims": [Case(lambda m, g: m.expand_dims(g.x, 1))],
    "squeeze": [Case(lambda m, g: m.squeeze(g.r, axis=0))],
    "broadcast_to": [Case(lambda m, g: m.broadcast_to(g.v, g.x.shape))],
    "zeros_like": [Case(lambda m, g: m.zeros_like(g.x), smooth=False)],
    "ones_like": [Case(lambda m, g: m.ones_like(g.x), smooth=False)],
    "linalg.norm": [Case(lambda m, g: m.linalg.norm(g.x, axis=1), NUMBERS)],
    **{name: CASES[name] for name in (
        "stack", "outer", "matmul", "tensordot", "einsum", "cumsum", "cumprod", "argsort", "sort",
        "diag", "trace")},
}  # fmt: skip
# creators that need no more than a look, as (builder, reference)
MADE: dict[str, Callable[[Any, Any], Any]] = {
    "zeros": lambda m, g: m.zeros((len(ROWS), 2)),
    "ones": lambda m, g: m.ones(3, dtype="int8"),
    "full": lambda m, g: m.full((2, 2), 1.5),
    "empty": lambda m, g: m.zeros_like(m.empty((2, 3))),
    "eye": lambda m, g: m.eye(3, 4, 1),
    "identity_like": lambda m, g: ct.identity_like(g.x) if m is SYMBOLIC else np.eye(*g.x.shape),
    "arange": lambda m, g: m.arange(1, 9, 3),
    "zeros_like": lambda m, g: m.zeros_like(g.x),
    "ones_like": lambda m, g: m.ones_like(g.x),
    "full_like": lambda m, g: m.full_like(g.x, 2),
    "empty_like": lambda m, g: m.ones_like(m.empty_like(g.x)),
    "alloc": lambda m, g: m.alloc(g.s, 2, 3) if m is SYMBOLIC else np.full((2, 3), g.s),
    "second": lambda m, g: m.second(g.x, g.s) if m is SYMBOLIC else np.full_like(g.x, g.s),
    "fill": lambda m, g: m.fill(g.x, g.s) if m is SYMBOLIC else np.full_like(g.x, g.s),
    "cast": lambda m, g: m.cast(g.x, "int16") if m is SYMBOLIC else g.x.astype("int16"),
    "astype": lambda m, g: g.x.astype("bool"),
    "mgrid": lambda m, g: m.mgrid[0:3, 1:7:2],
    "ogrid": lambda m, g: m.ogrid[0:3, 1:7:2][1],
}
TENSOR_GROUPS = ("reductions", "shares", "products", "arrangement", "lookups")


def rows_for(dtype: str) -> list[tuple[str, Case, Any, Any]]:
    """(label, case, module for symbols, module for arrays) of all that is checked in a dtype."""
    found = []
    for table, ours, theirs in ((CASES, SYMBOLIC, REFERENCE), (NUMPY, np, np)):
        for name, cases in table.items():
            found += [
                (f"{(theirs is np and 'np.') or ''}{name} {k}", case, ours, theirs)
                for k, case in enumerate(cases)
                if dtype in case.dtypes
            ]
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the optimiser does is tested elsewhere; here are hundreds of loops."""
    monkeypatch.setenv("CGRAD_CFLAGS", "-O0")


def test_every_tensor_function_has_cases() -> None:
    made = {*names("creators")}
    assert {*names(*TENSOR_GROUPS)} <= {*CASES} <= {*names(*TENSOR_GROUPS)} | made
    assert made <= {*CASES} | {*MADE}
    assert {*NUMPY} == {*names("numpy")}


@pytest.mark.parametrize("dtype", EVERY)
def test_values(dtype: str) -> None:
    rows = rows_for(dtype)
    g, inputs = namespace(dtype)
    # what has no answer for no elements is apart
    for empty, sizes in ((True, [*SIZES[:3], *EMPTY]), (False, SIZES[:3])):
        some = [row for row in rows if row[1].empty == empty]
        outputs = [case.build(ours, g) for _, case, ours, _ in some]
        f = cgrad.function(inputs, outputs, on_unused_input="ignore")
        for k, size in enumerate(sizes):
            arrays = arrays_for(size, dtype, k, (k + 1) % 4)
            compare(some, f(*arrays), arrays)
        COUNTS["values"] += len(some)


def compare(rows: Any, found: list[np.ndarray], arrays: list[np.ndarray]) -> None:
    g, _ = namespace()
    h = Space(dict(zip(vars(g), arrays, strict=True)))
    digits = Space({name: wide(array) for name, array in vars(h).items()})
    for (label, case, _, theirs), got in zip(rows, found, strict=True):
        with np.errstate(all="ignore"):
            want, typed = (np.asarray(case.build(theirs, space)) for space in (digits, h))
        check(f"{label} {typed.dtype}", got, want, 64, typed.dtype)


SMOOTH = {
    name: [case for case in cases if case.smooth]
    for name, cases in {**NUMPY, **CASES}.items()
    if any(case.smooth for case in cases)
}
PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_derivatives(part: int) -> None:
    g, inputs = namespace()
    moved, tangents = namespace(prefix="t_")
    assert [*vars(g)] == [*vars(moved)]
    derivatives = []
    for name in sorted(SMOOTH)[part::PARTS]:
        # the plainest form and the one with the most to it
        for case in dict.fromkeys((SMOOTH[name][0], SMOOTH[name][-1])):
            node = case.build(SYMBOLIC if name in CASES else np, g)
            reached = cgrad.core.derive.connected([node], inputs)
            used = [k for k, x in enumerate(inputs) if x in reached]
            at, along = ([items[k] for k in used] for items in (inputs, tangents))
            derivatives.append(Derivatives(name, node, at, along))
    points = [(arrays_for(size, "float64", 51 + k), arrays_for(size, "float64", 61 + k))
              for k, size in enumerate(SIZES[:3])]  # fmt: skip
    run_derivatives(derivatives, inputs, tangents, points)
    COUNTS["derivatives of both modes, second order"] += len(derivatives)


def test_creators() -> None:
    g, inputs = namespace()
    arrays = arrays_for((2, 3, 4), "float64", 5)
    h = Space(dict(zip(vars(g), arrays, strict=True)))
    found = cgrad.function(
        inputs, [build(SYMBOLIC, g) for build in MADE.values()], on_unused_input="ignore"
    )(*arrays)
    for (name, build), got in zip(MADE.items(), found, strict=True):
        check(name, got, build(np, h))
        COUNTS["values"] += 1


# -- constructors -------------------------------------------------------------------------------
PREFIXES = {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}
AXES = {"scalar": 0, "vector": 1, "matrix": 2, "row": 2, "col": 2}


def test_constructors() -> None:
    kinds, prefixes = names("constructors"), names("prefixes")
    plurals = dict(zip(kinds, names("plurals"), strict=True))
    for prefix in ["", *prefixes]:
        dtype = PREFIXES.get(prefix, "float64")
        for kind, plural in plurals.items():
            x = getattr(ct, prefix + kind)("x")
            ndim = AXES[kind] if kind in AXES else int(kind.removeprefix("tensor"))
            assert (x.name, x.dtype, x.ndim) == ("x", dtype, ndim), prefix + kind
            stretches = {"row": (True, False), "col": (False, True)}.get(kind, (False,) * ndim)
            assert tuple(n == 1 for n in x.dims) == stretches
            several = getattr(ct, prefix + plural)("p", "q")
            assert [(y.name, y.type) for y in several][1][0] == "q"
            counted = getattr(ct, prefix + plural)(3)
            assert [(y.dtype, y.ndim) for y in (*several, *counted)] == [(dtype, ndim)] * 5
            COUNTS["constructors"] += 2


def test_other_symbols_and_numbers() -> None:
    seen = {
        "tensor": ct.tensor("t", dtype="uint8", shape=(2, None)).dtype == "uint8",
        "TensorType": ct.TensorType("float32", (None, 1)).ndim == 2,
        "constant": float(ct.constant(2.5).eval()) == 2.5,
        "as_tensor": ct.as_tensor([1, 2]).eval().tolist() == [1, 2],
        "as_tensor_variable": ct.as_tensor_variable([ct.constant(1.0), 2.0]).ndim == 1,
        "shared": cgrad.shared(np.arange(3.0), "s").get_value().tolist() == [0, 1, 2],
    }
    assert {*seen} == {*names("symbols")} and all(seen.values()), seen
    for name in names("numbers"):
        ours, theirs = getattr(ct, name), getattr(np, name)
        assert ours == theirs or (ours != ours and theirs != theirs), name
    for dtype in names("dtypes"):
        x = ct.tensor("x", dtype=dtype, shape=(None,))
        got = cgrad.function([x], x)(np.ones(2, dtype))
        assert got.dtype == dtype and got.tolist() == [1, 1]


# -- loops --------------------------------------------------------------------------------------
def running(step: Any, rows: Any, start: Any) -> np.ndarray:
    h, found = start, []
    for row in rows:
        h = step(row, h)
        found.append(h)
    return np.array(found)


def damped(row: Any, h: Any) -> Any:
    return h * 0.5 + row


LOOPS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "scan": (lambda g: ct.scan(damped, g.v, g.s)[0], lambda g: running(damped, g.v, g.s)),
    "taps": (
        lambda g: ct.scan(lambda a, b, p, q: a * p - b * q, {"input": g.v, "taps": [0, 1]},
                          {"initial": g.w[:2], "taps": [-1, -2]})[0],
        lambda g: taps(g.v, g.w[:2])),
    "several_recurrences": (
        lambda g: (lambda hs, ks: ct.sum(hs, axis=1) * ks)(*ct.scan(
            lambda row, h, k: [h + row, k + 1], g.x, [g.v, ct.constant(np.int8(0))])[0]),
        lambda g: (g.v + np.cumsum(g.x, 0)).sum(1) * np.arange(1, len(g.x) + 1)),
    "map": (lambda g: cgrad.map(lambda row: ct.softmax(row), g.x)[0],
            lambda g: REFERENCE.softmax(g.x, 1)),
    "reduce": (lambda g: cgrad.reduce(damped, g.v, g.s)[0],
               lambda g: running(damped, g.v, g.s)[-1]),
    "foldl": (lambda g: cgrad.foldl(damped, g.v, g.s)[0],
              lambda g: running(damped, g.v, g.s)[-1]),
    "foldr": (lambda g: cgrad.foldr(damped, g.v, g.s)[0],
              lambda g: running(damped, g.v[::-1], g.s)[-1]),
    "until": (lambda g: ct.scan(lambda row, h, k: ([h + row, k + 1], ct.until(k >= 1)), g.v,
                                [g.s, ct.constant(np.int64(0))])[0][0],
              lambda g: (g.s + np.cumsum(g.v))[:2]),
    "nested": (lambda g: cgrad.map(lambda row: ct.scan(damped, row, g.s)[0], g.x)[0],
               lambda g: np.array([running(damped, row, g.s) for row in g.x])),
}  # fmt: skip


def taps(v: Any, start: Any) -> np.ndarray:
    history = list(start)
    for a, b in itertools.pairwise(v):
        history.append(a * history[-1] - b * history[-2])
    return np.array(history[2:])


def test_loops() -> None:
    assert {*names("loops")} == {*LOOPS, "updates"}
    g, inputs = namespace()
    _, tangents = namespace(prefix="t_")
    nodes = {name: build(g) for name, (build, _) in LOOPS.items()}
    rows = [Derivatives(name, node, inputs, tangents) for name, node in nodes.items()]
    f = cgrad.function(inputs, list(nodes.values()), on_unused_input="ignore")
    for k, size in enumerate([(2, 3, 4), (3, 2, 1)]):
        arrays = arrays_for(size, "float64", 71 + k, 2)
        h = Space(dict(zip(vars(g), arrays, strict=True)))
        for (name, (_, reference)), got in zip(LOOPS.items(), f(*arrays), strict=True):
            check(name, got, reference(h), 64)
    points = [(arrays_for((3, 2, 1), "float64", 81), arrays_for((3, 2, 1), "float64", 82))]
    run_derivatives(rows, inputs, tangents, points)
    total = cgrad.shared(0.0, "total")
    _, updates = ct.scan(lambda row: {total: total + row}, g.v)
    cgrad.function([g.v], [], updates=updates)([1.0, 2.0])
    assert float(total.get_value()) == 3.0
    COUNTS["values"] += len(LOOPS) + 1
    COUNTS["derivatives of both modes, second order"] += len(LOOPS)


# -- functions and derivatives ------------------------------------------------------------------
def of_square(*more: Any, **options: Any) -> Any:
    x = ct.dvector("x")
    return x, cgrad.function([x, *more], x**2, **options)


def _givens() -> bool:
    x, y = ct.dscalars("x", "y")
    return float(cgrad.function([y], x**2, givens={x: y + 1})(2.0)) == 9.0


def _in_value() -> bool:
    x, y = ct.dscalars("x", "y")
    f = cgrad.function([x, cgrad.In(y, value=2.0)], x * y)
    return (float(f(3.0)), float(f(3.0, 4.0))) == (6.0, 12.0)


def _in_with(**options: bool) -> bool:
    x = ct.dvector("x")
    given = np.array([1.0, 2.0])
    got = cgrad.function([cgrad.In(x, **options)], x * 2)(given)
    return got.tolist() == [2.0, 4.0] and given.tolist() == [1.0, 2.0]


def _dict_outputs() -> bool:
    x = ct.dscalar("x")
    return {k: float(v) for k, v in cgrad.function([x], {"a": x, "b": 2 * x})(1.5).items()} == {
        "a": 1.5,
        "b": 3.0,
    }


def _downcast() -> bool:
    x = ct.fvector("x")
    f = cgrad.function([x], x * 2, allow_input_downcast=True)
    return f(np.array([0.5])).tolist() == [1.0]


def _same(f: Any, g: Any) -> bool:
    return f([3.0]).tolist() == g([3.0]).tolist() == [9.0]


def _known_grads() -> bool:
    x = ct.dscalar("x")
    y = x**2
    return float(cgrad.grad(None, x, known_grads={y: ct.constant(3.0)}).eval({x: 2.0})) == 12.0


def _subgraph_grad() -> bool:
    x = ct.dscalar("x")
    y = ct.exp(x)
    ends, _ = cgrad.subgraph_grad([y], [x], cost=y**2), None
    return len(ends) == 2


def _raises(error: type[Exception], call: Callable[[], Any], match: str | None = None) -> bool:
    with pytest.raises(error, match=match):
        call()
    return True


def _slope(change: Callable[[Node], Node]) -> float:
    x = ct.dscalar("x")
    return float(cgrad.grad(change(x) * 3.0 + x * 0.0, x).eval({x: 2.0}))


G = cgrad.gradient
FUNCTION: dict[str, Callable[[], bool]] = {
    "givens": _givens,
    "In": lambda: _in_with(strict=True),
    "In.value": _in_value,
    "In.borrow": lambda: _in_with(borrow=True),
    "In.mutable": lambda: _in_with(borrow=True, mutable=True),
    "Out": lambda: float(cgrad.function([], cgrad.Out(ct.constant(2.0), borrow=True))()) == 2.0,
    "dict_outputs": _dict_outputs,
    "allow_input_downcast": _downcast,
    "copy": lambda: _same((f := of_square()[1]), f.copy()),
    "pickle": lambda: _same((f := of_square()[1]), pickle.loads(pickle.dumps(f))),
    "deepcopy": lambda: _same((f := of_square()[1]), copy.deepcopy(f)),
    "eval": lambda: float((ct.dscalar("x") * 2).eval({"x": 4.0})) == 8.0,
    "known_grads": _known_grads,
    "subgraph_grad": _subgraph_grad,
    "zero_grad": lambda: _slope(G.zero_grad) == 0.0,
    "disconnected_grad": lambda: _slope(G.disconnected_grad) == 0.0,
    "grad_clip": lambda: _slope(lambda x: G.grad_clip(x, -1.0, 1.0)) == 1.0,
    "grad_scale": lambda: _slope(lambda x: G.grad_scale(x, 0.5)) == 1.5,
    "null": lambda: _raises(
        cgrad.NullTypeGradError, lambda: cgrad.grad(G.undefined_grad(x := ct.dscalar("x")), x)
    ),
    "disconnected": lambda: _raises(
        cgrad.DisconnectedInputError, lambda: cgrad.grad(ct.dscalar("x"), ct.dscalar("y"))
    ),
    "pushforward": lambda: float(cgrad.pushforward((x := ct.dscalar("x")) ** 2, x, ct.constant(1.0))
                                 .eval({x: 3.0})) == 6.0,
    "pullback": lambda: float(cgrad.pullback((x := ct.dscalar("x")) ** 2, x, ct.constant(1.0))
                              .eval({x: 3.0})) == 6.0,
    "iteration": lambda: [len([*ct.tensor("x", dtype="float64", shape=(3, None))])] == [3],
    "item_assignment": lambda: _raises(
        TypeError, lambda: operator.setitem(ct.dvector("x"), 0, 1.0), "set_subtensor"),
}  # fmt: skip


def test_functions_and_derivatives() -> None:
    assert {*FUNCTION} == {*names("function", "derivatives", "symbols_as_arrays")}
    for name, holds in FUNCTION.items():
        assert holds(), name
        COUNTS["others"] += 1


def test_the_counts_are_printed() -> None:
    print(", ".join(f"{k}: {n}" for k, n in COUNTS.items()))
