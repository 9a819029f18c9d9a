"""Every op a user may call, from a list kept here and not taken from the registry.

Value, dtype and shape of compiled C against NumPy; <ct, J t> == <J^T ct, t>; first and second
derivatives between modes and against central differences of the compiled derivative below.
Many ops share a kernel: one compilation serves a family, a dtype and a rank.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.node import Node

EPS = np.finfo(np.float64).eps
COUNTS: Counter[str] = Counter()


def _mp(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def over(x: Any) -> Any:
        values = [float(f(mpmath.mpf(float(v)))) for v in np.ravel(x)]
        return np.reshape(np.array(values), np.shape(x))

    return over


ANY, POS, UNIT, ABOVE = "any", "positive", "unit", "above one"
DOMAINS = {ANY: (-2.0, 2.0), POS: (0.2, 3.0), UNIT: (-0.9, 0.9), ABOVE: (1.2, 4.0)}

# name -> NumPy's answer, domain; smooth: differentiable, and not flat
SMOOTH_UNARY: dict[str, tuple[Any, str]] = {
    "neg": (np.negative, ANY),
    "sqr": (np.square, ANY),
    "sqrt": (np.sqrt, POS),
    "reciprocal": (lambda x: 1 / x, POS),
    "abs": (np.abs, ANY),
    "exp": (np.exp, ANY),
    "exp2": (np.exp2, ANY),
    "expm1": (np.expm1, ANY),
    "log": (np.log, POS),
    "log2": (np.log2, POS),
    "log10": (np.log10, POS),
    "log1p": (np.log1p, POS),
    "sin": (np.sin, ANY),
    "cos": (np.cos, ANY),
    "tan": (np.tan, UNIT),
    "arcsin": (np.arcsin, UNIT),
    "arccos": (np.arccos, UNIT),
    "arctan": (np.arctan, ANY),
    "sinh": (np.sinh, ANY),
    "cosh": (np.cosh, ANY),
    "tanh": (np.tanh, ANY),
    "arcsinh": (np.arcsinh, ANY),
    "arccosh": (np.arccosh, ABOVE),
    "arctanh": (np.arctanh, UNIT),
    "sigmoid": (_mp(lambda x: 1 / (1 + mpmath.exp(-x))), ANY),
    "softplus": (_mp(lambda x: mpmath.log1p(mpmath.exp(x))), ANY),
    "erf": (_mp(mpmath.erf), ANY),
    "erfc": (_mp(mpmath.erfc), ANY),
    "identity": (lambda x: x, ANY),
}
FLAT_UNARY: dict[str, tuple[Any, str]] = {
    "sign": (np.sign, ANY),
    "floor": (np.floor, ANY),
    "ceil": (np.ceil, ANY),
    "trunc": (np.trunc, ANY),
    "round": (np.round, ANY),
    "isnan": (np.isnan, ANY),
    "isinf": (np.isinf, ANY),
    "isfinite": (np.isfinite, ANY),
    "logical_not": (np.logical_not, ANY),
}
BINARY: dict[str, tuple[Any, str]] = {
    "add": (np.add, ANY),
    "sub": (np.subtract, ANY),
    "mul": (np.multiply, ANY),
    "true_div": (np.true_divide, POS),
    "pow": (np.power, POS),
    "mod": (np.mod, POS),
    "arctan2": (np.arctan2, POS),
    "hypot": (np.hypot, POS),
    "logaddexp": (np.logaddexp, ANY),
    "maximum": (np.maximum, ANY),
    "minimum": (np.minimum, ANY),
    "second": (lambda a, b: np.broadcast_arrays(a, b)[1], ANY),
}
FLAT_BINARY: dict[str, tuple[Any, str]] = {
    "floor_div": (np.floor_divide, POS),
    "eq": (np.equal, ANY),
    "neq": (np.not_equal, ANY),
    "lt": (np.less, ANY),
    "le": (np.less_equal, ANY),
    "gt": (np.greater, ANY),
    "ge": (np.greater_equal, ANY),
    "logical_and": (np.logical_and, ANY),
    "logical_or": (np.logical_or, ANY),
    "logical_xor": (np.logical_xor, ANY),
}
BITS = {
    "and_": np.bitwise_and,
    "or_": np.bitwise_or,
    "xor": np.bitwise_xor,
}
# what NumPy computes with integers and gives back as integers
INTEGER_UNARY = ["neg", "sqr", "abs", "sign", "floor", "ceil", "trunc", "round", "identity",
                 "logical_not"]  # fmt: skip
INTEGER_BINARY = [
    "add",
    "sub",
    "mul",
    "floor_div",
    "mod",
    "maximum",
    "minimum",
    "second",
    "eq",
    "neq",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
]
BOOL_UNARY = ["logical_not", "abs", "identity"]
BOOL_BINARY = ["add", "mul", "maximum", "minimum", "second", "eq", "neq", "lt", "le", "gt", "ge",
               "logical_and", "logical_or", "logical_xor"]  # fmt: skip


# -- structural ops: builders over a namespace of symbols, references over one of arrays ----------
class Space:
    """Symbols, or the arrays that stand for them."""

    def __init__(self, items: dict[str, Any]) -> None:
        self.__dict__.update(items)


RANKS = {"s": "()", "v": "(m,)", "w": "(m,)", "u": "(n,)", "x": "(n, m)", "z": "(n, m)",
         "y": "(m, p)", "r": "(1, m)", "c": "(n, 1)", "a": "(n, m, p)"}  # fmt: skip
STATIC = {"s": (), "v": (None,), "w": (None,), "u": (None,), "x": (None, None), "z": (None, None),
          "y": (None, None), "r": (1, None), "c": (None, 1), "a": (None, None, None)}  # fmt: skip


def shapes(n: int, m: int, p: int) -> dict[str, tuple[int, ...]]:
    return {name: eval(text, {"n": n, "m": m, "p": p}) for name, text in RANKS.items()}


def _axes(ndim: int) -> list[Any]:
    return {1: [None, 0, -1], 2: [None, 0, 1, -1, (0, 1)], 3: [None, 0, 1, 2, (0, 2), (1, 2)]}[ndim]


def _numpy_scan(step: Any, rows: Sequence[Any], start: Any, backwards: bool = False) -> np.ndarray:
    h, out = start, []
    for row in rows[::-1] if backwards else rows:
        h = step(row, h)
        out.append(h)
    dtype = out[0].dtype if out else start.dtype
    return np.array(out, dtype).reshape((len(out), *np.shape(start)))


def _set(x: np.ndarray, index: Any, value: Any, add: bool = False) -> np.ndarray:
    result = np.array(x)
    result[index] = result[index] + value if add else value
    return result


# name -> (builder, reference); `empty` ones may not see an axis without elements
Pair = tuple[Callable[[Any], Node], Callable[[Any], Any]]
STRUCTURAL: dict[str, Pair] = {
    "dot(v, w)": (lambda g: ct.dot(g.v, g.w), lambda g: np.dot(g.v, g.w)),
    "dot(x, v)": (lambda g: ct.dot(g.x, g.v), lambda g: np.dot(g.x, g.v)),
    "dot(u, x)": (lambda g: ct.dot(g.u, g.x), lambda g: np.dot(g.u, g.x)),
    "dot(x, y)": (lambda g: ct.dot(g.x, g.y), lambda g: np.dot(g.x, g.y)),
    "dot(x.T, z)": (lambda g: ct.dot(g.x.T, g.z), lambda g: np.dot(g.x.T, g.z)),
    "x @ y": (lambda g: g.x @ g.y, lambda g: g.x @ g.y),
    "dot(s, x)": (lambda g: ct.dot(g.s, g.x), lambda g: g.s * g.x),
    "outer": (lambda g: ct.outer(g.v, g.u), lambda g: np.outer(g.v, g.u)),
    "transpose": (lambda g: ct.transpose(g.a, (2, 0, 1)), lambda g: g.a.transpose(2, 0, 1)),
    "T": (lambda g: g.x.T, lambda g: g.x.T),
    "dimshuffle": (lambda g: g.x.dimshuffle(1, "x", 0), lambda g: g.x.T[:, None, :]),
    "dimshuffle drops": (lambda g: g.r.dimshuffle(1), lambda g: g.r[0]),
    "reshape": (lambda g: ct.reshape(g.a, (g.a.shape[0] * g.a.shape[1], g.a.shape[2])),
        lambda g: g.a.reshape(g.a.shape[0] * g.a.shape[1], g.a.shape[2])),
    "reshape of T": (lambda g: ct.reshape(g.x.T, g.x.shape), lambda g: g.x.T.reshape(g.x.shape)),
    "flatten": (lambda g: ct.flatten(g.a), lambda g: g.a.reshape(-1)),
    "flatten 2": (lambda g: ct.flatten(g.a, 2),
                  lambda g: g.a.reshape(g.a.shape[0], g.a.shape[1] * g.a.shape[2])),
    "broadcast_to": (lambda g: ct.broadcast_to(g.v, (2, g.v.shape[0])),
                     lambda g: np.broadcast_to(g.v, (2, len(g.v)))),
    "broadcast_to row": (lambda g: ct.broadcast_to(g.r, g.x.shape),
                         lambda g: np.broadcast_to(g.r, g.x.shape)),
    "expand_dims": (lambda g: ct.expand_dims(g.x, (0, 2)), lambda g: np.expand_dims(g.x, (0, 2))),
    "squeeze": (lambda g: ct.squeeze(g.r), lambda g: g.r[0]),
    "squeeze axis": (lambda g: ct.squeeze(g.c, 1), lambda g: g.c[:, 0]),
    "concatenate": (lambda g: ct.concatenate([g.x, g.z, g.x], axis=0),
                    lambda g: np.concatenate([g.x, g.z, g.x])),
    "concatenate 1": (lambda g: ct.concatenate([g.x, g.c], axis=1),
                      lambda g: np.concatenate([g.x, g.c], axis=1)),
    "stack": (lambda g: ct.stack([g.v, g.w]), lambda g: np.stack([g.v, g.w])),
    "stack 1": (lambda g: ct.stack([g.x, g.z], axis=1), lambda g: np.stack([g.x, g.z], axis=1)),
    "stack scalars": (lambda g: ct.stack([g.s, g.s * 2]), lambda g: np.stack([g.s, g.s * 2])),
    "x[1:]": (lambda g: g.x[1:], lambda g: g.x[1:]),
    "x[:-1, ::2]": (lambda g: g.x[:-1, ::2], lambda g: g.x[:-1, ::2]),
    "v[::-1]": (lambda g: g.v[::-1], lambda g: g.v[::-1]),
    "v[-1:0:-2]": (lambda g: g.v[-1:0:-2], lambda g: g.v[-1:0:-2]),
    "v[-2:]": (lambda g: g.v[-2:], lambda g: g.v[-2:]),
    "v[5:100]": (lambda g: g.v[5:100], lambda g: g.v[5:100]),
    "a[..., None, 1:]": (lambda g: g.a[..., None, 1:], lambda g: g.a[..., None, 1:]),
    "v[:symbolic]": (lambda g: g.v[: g.u.shape[0]], lambda g: g.v[: len(g.u)]),
    "v[-symbolic:]": (lambda g: g.v[g.u.shape[0] - g.v.shape[0]:],
                      lambda g: g.v[len(g.u) - len(g.v):]),
    "v[1:] * v[:-1]": (lambda g: g.v[1:] * g.v[:-1], lambda g: g.v[1:] * g.v[:-1]),
    "set_subtensor": (lambda g: ct.set_subtensor(g.x[:, 1:], g.s),
                      lambda g: _set(g.x, np.s_[:, 1:], g.s)),
    "set_subtensor vector": (lambda g: ct.set_subtensor(g.v[::2], g.w[::2]),
                             lambda g: _set(g.v, np.s_[::2], g.w[::2])),
    "set_subtensor back": (lambda g: ct.set_subtensor(g.v[::-1], g.w),
                           lambda g: _set(g.v, np.s_[::-1], g.w)),
    "inc_subtensor": (lambda g: ct.inc_subtensor(g.x[1:], g.s),
                      lambda g: _set(g.x, np.s_[1:], g.s, add=True)),
    "inc_subtensor row": (lambda g: ct.inc_subtensor(g.x[::-2], g.v),
                          lambda g: _set(g.x, np.s_[::-2], g.v, add=True)),
    "switch": (lambda g: ct.switch(g.x > 0, g.x, g.v), lambda g: np.where(g.x > 0, g.x, g.v)),
    "where": (lambda g: ct.where(g.v > g.w, g.s, g.w), lambda g: np.where(g.v > g.w, g.s, g.w)),
    "clip": (lambda g: ct.clip(g.x, -0.5, 0.7), lambda g: np.clip(g.x, -0.5, 0.7)),
    "clip tensor": (lambda g: ct.clip(g.x, -1, g.v),
                    lambda g: np.minimum(np.maximum(g.x, -1), g.v)),
    "fill": (lambda g: ct.fill(g.x, g.s), lambda g: np.broadcast_to(g.s, g.x.shape)),
    "scan cumulative": (
        lambda g: ct.scan(lambda row, h: ct.tanh(h) + row, g.v, g.s)[0],
        lambda g: _numpy_scan(lambda row, h: np.tanh(h) + row, g.v, g.s)),
    "scan backwards": (
        lambda g: ct.scan(lambda row, h: h * 0.5 + row, g.x, g.v, go_backwards=True)[0],
        lambda g: _numpy_scan(lambda row, h: h * 0.5 + row, g.x, g.v, backwards=True)),
    "scan n_steps": (
        lambda g: ct.scan(lambda h, k: ct.sin(h) * k, None, g.v, [g.w], n_steps=3)[0],
        lambda g: _numpy_scan(lambda _, h: np.sin(h) * g.w, range(3), g.v)),
    "scan non_sequences": (
        lambda g: ct.scan(lambda row, h, k: ct.dot(k, row) + h, g.x, g.s, [g.v])[0],
        lambda g: _numpy_scan(lambda row, h: np.dot(g.v, row) + h, g.x, g.s)),
    "scan two outputs": (
        lambda g: sum(ct.scan(lambda row, h: [h + row, row * h], g.v, [g.s, None])[0]),
        lambda g: (lambda hs: hs + g.v * np.concatenate([[g.s], hs[:-1]]) if len(g.v) else hs)(
            _numpy_scan(lambda row, h: h + row, g.v, g.s))),
    "scan two sequences": (
        lambda g: ct.scan(lambda p, q, h: h + p * q, [g.v, g.w], g.s)[0],
        lambda g: g.s + np.cumsum(g.v * g.w)),
    "map": (lambda g: cgrad.map(lambda row: row.sum() * row, g.x)[0],
            lambda g: g.x.sum(axis=1)[:, None] * g.x),
    "reduce": (lambda g: cgrad.reduce(lambda p, h: h * 0.5 + p, g.v, g.s)[0],
               lambda g: [g.s, *_numpy_scan(lambda p, h: h * 0.5 + p, g.v, g.s)][-1]),
}  # fmt: skip
for _name in ("sum", "mean"):
    for _ndim, _at in ((1, "v"), (2, "x"), (3, "a")):
        for _axis in _axes(_ndim):
            for _keep in (False, True):
                STRUCTURAL[f"{_name}({_at}, {_axis}, {_keep})"] = (
                    lambda g, f=_name, at=_at, axis=_axis, keep=_keep: getattr(ct, f)(
                        getattr(g, at), axis=axis, keepdims=keep
                    ),
                    lambda g, f=_name, at=_at, axis=_axis, keep=_keep: getattr(np, f)(
                        getattr(g, at), axis=axis, keepdims=keep
                    ),
                )
NOT_EMPTY: dict[str, Pair] = {
    "x[0]": (lambda g: g.x[0], lambda g: g.x[0]),
    "x[-1, 0]": (lambda g: g.x[-1, 0], lambda g: g.x[-1, 0]),
    "a[0, :, -1]": (lambda g: g.a[0, :, -1], lambda g: g.a[0, :, -1]),
    "x[symbolic]": (lambda g: g.x[g.x.shape[0] - 1], lambda g: g.x[-1]),
    "set_subtensor [0]": (lambda g: ct.set_subtensor(g.v[0], g.s), lambda g: _set(g.v, 0, g.s)),
    "inc_subtensor [-1]": (lambda g: ct.inc_subtensor(g.x[-1], g.v),
                           lambda g: _set(g.x, -1, g.v, add=True)),
}  # fmt: skip
for _name in ("max", "min"):
    for _ndim, _at in ((1, "v"), (2, "x"), (3, "a")):
        for _axis in _axes(_ndim):
            for _keep in (False, True):
                NOT_EMPTY[f"{_name}({_at}, {_axis}, {_keep})"] = (
                    lambda g, f=_name, at=_at, axis=_axis, keep=_keep: getattr(ct, f)(
                        getattr(g, at), axis=axis, keepdims=keep
                    ),
                    lambda g, f=_name, at=_at, axis=_axis, keep=_keep: getattr(np, f)(
                        getattr(g, at), axis=axis, keepdims=keep
                    ),
                )
# results that have no derivative, or need none
FLAT: dict[str, Pair] = {
    "arange": (lambda g: ct.arange(g.v.shape[0]), lambda g: np.arange(len(g.v))),
    "arange step": (lambda g: ct.arange(1, g.v.shape[0] * 3, 2),
                    lambda g: np.arange(1, len(g.v) * 3, 2)),
    "arange down": (lambda g: ct.arange(g.v.shape[0], -2, -2),
                    lambda g: np.arange(len(g.v), -2, -2)),
    "eye": (lambda g: ct.eye(g.v.shape[0]), lambda g: np.eye(len(g.v))),
    "eye k": (lambda g: ct.eye(g.x.shape[0], g.x.shape[1], k=1),
              lambda g: np.eye(*g.x.shape, k=1)),
    "zeros": (lambda g: ct.zeros((g.v.shape[0], 2)), lambda g: np.zeros((len(g.v), 2))),
    "ones": (lambda g: ct.ones(g.x.shape), lambda g: np.ones(g.x.shape)),
    "ones int": (lambda g: ct.ones((2, 3), dtype="int64"), lambda g: np.ones((2, 3), np.int64)),
    "full": (lambda g: ct.full((2, g.v.shape[0]), 1.5), lambda g: np.full((2, len(g.v)), 1.5)),
    "zeros_like": (lambda g: ct.zeros_like(g.x), lambda g: np.zeros_like(g.x)),
    "ones_like": (lambda g: ct.ones_like(g.x), lambda g: np.ones_like(g.x)),
    "full_like": (lambda g: ct.full_like(g.x, 3), lambda g: np.full_like(g.x, 3)),
    "shape": (lambda g: g.x.shape, lambda g: np.array(g.x.shape)),
    "shape[1]": (lambda g: g.x.shape[1], lambda g: np.int64(g.x.shape[1])),
    "size": (lambda g: g.a.size, lambda g: np.int64(g.a.size)),
    "any": (lambda g: ct.any(g.x > 1), lambda g: np.any(g.x > 1)),
    "any 0": (lambda g: ct.any(g.x > 1, axis=0, keepdims=True),
              lambda g: np.any(g.x > 1, axis=0, keepdims=True)),
    "all": (lambda g: ct.all(g.x > -1), lambda g: np.all(g.x > -1)),
    "all 1": (lambda g: ct.all(g.x, axis=1), lambda g: np.all(g.x, axis=1)),
    "sum of bool": (lambda g: ct.sum(g.x > 0), lambda g: np.sum(g.x > 0)),
    "mean of bool": (lambda g: ct.mean(g.x > 0), lambda g: np.mean(g.x > 0)),
    "cast int64": (lambda g: ct.cast(g.x, "int64"), lambda g: g.x.astype("int64")),
    "cast bool": (lambda g: ct.cast(g.x, "bool"), lambda g: g.x.astype("bool")),
    "cast float32": (lambda g: g.x.astype("float32"), lambda g: g.x.astype("float32")),
    "cast float64": (lambda g: g.x.astype("float64"), lambda g: g.x.astype("float64")),
    "constant": (lambda g: ct.constant([[1, 2], [3, 4]]), lambda g: np.array([[1, 2], [3, 4]])),
    "constant scalar": (lambda g: ct.constant(2.5), lambda g: np.array(2.5)),
    "as_tensor_variable": (lambda g: ct.as_tensor_variable([1.0, 2.0]),
                           lambda g: np.array([1.0, 2])),
    "as_tensor_variable symbols": (lambda g: ct.as_tensor_variable([g.s, g.s + 1]),
                                   lambda g: np.array([g.s, g.s + 1])),
}  # fmt: skip

SIZES = [(2, 3, 4), (1, 1, 1), (3, 2, 2), (5, 9, 17)]
EMPTY = [(0, 3, 2), (2, 0, 4), (2, 3, 0), (0, 0, 0)]


# -- values ---------------------------------------------------------------------------------------
def sample(rng: np.random.Generator, shape: Any, domain: str, dtype: str) -> np.ndarray:
    low, high = DOMAINS[domain]
    if dtype == "bool":
        return np.asarray(rng.integers(0, 2, shape).astype(bool))
    if "int" in dtype:
        least = 1 if domain in (POS, ABOVE) else 0 if dtype.startswith("u") else -5
        return np.asarray(rng.integers(least, 6, shape), dtype)
    return np.asarray(rng.uniform(low, high, shape).astype(dtype))


def check(name: str, got: Any, want: Any, ulp: float = 4.0, dtype: Any = None) -> None:
    """`want` may be computed in more digits than `got` has."""
    want = np.asarray(want)
    dtype = want.dtype if dtype is None else np.dtype(dtype)
    assert got.dtype == dtype, f"{name}: dtype {got.dtype}, expected {dtype}"
    assert got.shape == want.shape, f"{name}: shape {got.shape}, expected {want.shape}"
    if dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=name)
        return
    tolerance = ulp * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(got, want.astype(dtype), rtol=tolerance, atol=tolerance / 8,
                               err_msg=name)  # fmt: skip
    COUNTS["values"] += 1


def layouts(array: np.ndarray) -> list[np.ndarray]:
    """The same values in other memory orders."""
    if array.ndim == 0:
        return [array]
    strided = np.repeat(array, 2, axis=0)[::2]
    backwards = array[::-1].copy()[::-1]
    return [array, np.asfortranarray(array), backwards, strided]


def wide(x: np.ndarray) -> np.ndarray:
    """More digits for the reference of float32; the dtype NumPy computes in for the others."""
    return x.astype(np.float64) if x.dtype == np.float32 else x


def names_for(dtype: str, unary: bool) -> list[tuple[str, Any, str]]:
    tables = (SMOOTH_UNARY, FLAT_UNARY) if unary else (BINARY, FLAT_BINARY)
    every = {**tables[0], **tables[1]}
    if dtype == "bool":
        every = {k: v for k, v in every.items() if k in (BOOL_UNARY if unary else BOOL_BINARY)}
    elif dtype == "int64" and not unary:
        every = {k: v for k, v in every.items() if k != "pow"}
    return [(name, f, domain) for name, (f, domain) in every.items()]


def expected_dtype(name: str, dtype: str, array: np.ndarray) -> Any:
    """NumPy's: integers stay integers in exact functions and become float64 in others."""
    return array.dtype if array.dtype.kind != "f" else np.dtype(
        dtype if dtype.startswith("float") else "float64"
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("ndim", [0, 1, 2])
def test_unary_values(dtype: str, ndim: int) -> None:
    table = names_for(dtype, unary=True)
    symbols = {d: ct.tensor(d.split()[0], dtype=dtype, shape=(None,) * ndim) for d in DOMAINS}
    f = cgrad.function(
        list(symbols.values()),
        [getattr(ct, name)(symbols[d]) for name, _, d in table],
        on_unused_input="ignore",
    )
    rng = np.random.default_rng(ndim)
    for shape in {0: [()], 1: [(3,), (0,), (1,), (37,)], 2: [(2, 3), (1, 3), (0, 2), (4, 1)]}[ndim]:
        base = {d: sample(rng, shape, d, dtype) for d in DOMAINS}
        for kind in range(len(layouts(base[ANY]))):
            arrays = {d: layouts(base[d])[kind] for d in DOMAINS}
            for (name, reference, d), got in zip(table, f(*arrays.values()), strict=True):
                with np.errstate(all="ignore"):
                    want = np.asarray(reference(wide(base[d])))
                check(f"{name} {dtype}", got, want, 4, expected_dtype(name, dtype, want))


PAIRS = {
    0: [((), ())],
    1: [((3,), (3,)), ((0,), (0,)), ((1,), (1,))],
    2: [((2, 3), (2, 3)), ((2, 0), (2, 0))],
}
STRETCHED = [((None, 1), (1, None), (3, 1), (1, 4)), ((None,), (None, None), (3,), (2, 3)),
             ((), (None,), (), (5,)), ((None, 1), (None, None), (2, 1), (2, 0))]  # fmt: skip


def binary_kernel(dtype: str, static: tuple[Any, Any]) -> tuple[Any, list[Any]]:
    table = names_for(dtype, unary=False)
    symbols = [
        ct.tensor(f"{d.split()[0]}{k}", dtype=dtype, shape=static[k])
        for d in (ANY, POS) for k in (0, 1)
    ]  # fmt: skip
    at = {ANY: symbols[:2], POS: symbols[2:]}
    outputs = [getattr(ct, name)(*at[d]) for name, _, d in table]
    return cgrad.function(symbols, outputs, on_unused_input="ignore"), table


def check_binary(
    f: Any, table: list[Any], dtype: str, pair: tuple[Any, Any], rng: np.random.Generator
) -> None:
    arrays = [sample(rng, pair[k], d, dtype) for d in (ANY, POS) for k in (0, 1)]
    arrays[1].flat[:1] = arrays[0].flat[:1]  # a tie
    for (name, reference, d), got in zip(table, f(*arrays), strict=True):
        a, b = arrays[:2] if d == ANY else arrays[2:]
        want = np.asarray(reference(wide(a), wide(b)))
        if name in ("floor_div", "mod") and dtype == "float32":
            want = np.asarray(reference(a, b))  # decided by the digits there are
        if name == "second":
            np.testing.assert_array_equal(got, want)
            continue
        check(f"{name} {dtype} {pair}", got, want, 4, expected_dtype(name, dtype, want))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("ndim", [0, 1, 2])
def test_binary_values(dtype: str, ndim: int) -> None:
    f, table = binary_kernel(dtype, ((None,) * ndim, (None,) * ndim))
    for pair in PAIRS[ndim]:
        check_binary(f, table, dtype, pair, np.random.default_rng(7))


@pytest.mark.parametrize("case", STRETCHED, ids=str)
def test_binary_values_stretched(case: Any) -> None:
    f, table = binary_kernel("float64", case[:2])
    kept = [row for row in table if row[0] != "second"]
    assert len(kept) == len(table) - 1
    check_binary(f, table, "float64", case[2:], np.random.default_rng(8))


@pytest.mark.parametrize("pair", [("float64", "float32"), ("float32", "int64"), ("int64", "bool"),
                                  ("bool", "float32"), ("int64", "float64")])  # fmt: skip
def test_mixed_dtypes(pair: tuple[str, str]) -> None:
    a, b = ct.vector("a", dtype=pair[0]), ct.vector("b", dtype=pair[1])
    names = ["add", "mul", "true_div", "maximum", "lt", "eq", "logical_and", "floor_div", "pow"]
    f = cgrad.function([a, b], [getattr(ct, n)(a, b) for n in names])
    rng = np.random.default_rng(3)
    x = sample(rng, (4,), POS, pair[0])
    y = sample(rng, (4,), POS, pair[1])
    table = {**BINARY, **FLAT_BINARY}
    for name, got in zip(names, f(x, y), strict=True):
        if name == "floor_div" and "bool" in pair:
            assert got.dtype == np.floor_divide(np.ones_like(x), np.ones_like(y)).dtype
            continue
        with np.errstate(all="ignore"):
            want = table[name][0](x, y)
        check(f"{name} {pair}", got, want, 4)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_bits(dtype: str) -> None:
    a, b = ct.vector("a", dtype=dtype), ct.vector("b", dtype=dtype)
    f = cgrad.function([a, b], [*(getattr(ct, n)(a, b) for n in BITS), ct.invert(a)])
    x, y = (sample(np.random.default_rng(k), (9,), ANY, dtype) for k in (1, 2))
    *pairs, inverted = f(x, y)
    for (name, reference), got in zip(BITS.items(), pairs, strict=True):
        check(name, got, reference(x, y))
    check("invert", inverted, np.invert(x))


def integer_pairs() -> tuple[np.ndarray, np.ndarray]:
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    edge = np.array([low, low + 1, -7, -3, -1, 0, 1, 3, 7, high])
    return np.repeat(edge, len(edge)), np.tile(edge, len(edge))


def test_integer_arithmetic_at_the_edges() -> None:
    a, b = ct.lvector("a"), ct.lvector("b")
    f = cgrad.function([a, b], [a + b, a - b, a * b, a // b, a % b, -a, abs(a), ct.sqr(a)])
    x, y = integer_pairs()
    with np.errstate(all="ignore"):
        quotient, remainder = np.floor_divide(x, y), np.mod(x, y)
        want = [x + y, x - y, x * y, quotient, remainder, -x, np.abs(x), np.square(x)]
    for got, expected in zip(f(x, y), want, strict=True):
        np.testing.assert_array_equal(got, expected)


def namespace(
    dtype: str = "float64", prefix: str = "", skip: Sequence[str] = ()
) -> tuple[Space, list[Node]]:
    symbols = {name: ct.tensor(prefix + name, dtype=dtype, shape=STATIC[name]) for name in STATIC}
    return Space(symbols), [node for name, node in symbols.items() if name not in skip]


def arrays_for(
    size: tuple[int, int, int], dtype: str, seed: int = 0, layout: int = 0
) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    made = [sample(rng, shape, ANY, dtype) for shape in shapes(*size).values()]
    return [a if a.ndim == 0 else layouts(a)[layout] for a in made]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("which", ["structural", "not empty", "flat"])
def test_structural_values(which: str, dtype: str) -> None:
    table = {"structural": STRUCTURAL, "not empty": NOT_EMPTY, "flat": FLAT}[which]
    if dtype == "int64":
        # what the step computes from a float number must not change the dtype of an integer carry
        table = {
            k: v for k, v in table.items() if not k.startswith(("scan", "map", "reduce", "clip"))
        }
    g, inputs = namespace(dtype)
    f = cgrad.function(inputs, [build(g) for build, _ in table.values()], on_unused_input="ignore")
    for k, size in enumerate([*SIZES, *([] if which == "not empty" else EMPTY)]):
        arrays = arrays_for(size, dtype, k, k % 4)
        h = Space(dict(zip(STATIC, arrays, strict=True)))
        wide_h = Space({n: wide(a) for n, a in h.__dict__.items()})
        for (name, (_, reference)), got in zip(table.items(), f(*arrays), strict=True):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the mean of nothing
                want, typed = np.asarray(reference(wide_h)), np.asarray(reference(h))
            if name.startswith("map") and not want.size:
                continue
            if which == "flat":
                want = typed
            check(f"{name} {dtype} {size}", got, want, 64, typed.dtype)


# -- derivatives ----------------------------------------------------------------------------------
def weights(node: Node) -> Node:
    """A fixed cotangent in the shape of the node."""
    flat = ct.sin(ct.arange(node.size) * 0.7 + 1.0)
    return ct.reshape(flat, node.shape, ndim=node.ndim) if node.ndim else flat[0]


class Derivatives:
    """The outputs that check one op, and how to read them."""

    def __init__(self, name: str, node: Node, at: list[Node], ts: list[Node]) -> None:
        self.name = name
        weight = weights(node)
        pushed = cgrad.Rop(node, at, ts)
        pulled = cgrad.Lop(node, at, weight, disconnected_inputs="ignore")
        parts = [p * t for p, t in zip(pulled, ts, strict=True)]
        forward = ct.sum(weight * pushed)
        reverse = sum((ct.sum(p) for p in parts), ct.constant(0.0))
        scale = sum((ct.sum(ct.abs(p)) for p in parts), ct.sum(ct.abs(weight * pushed)))
        value = ct.sum(weight * node)
        total = reverse
        self.outputs = [forward, reverse, scale, value]
        again = cgrad.grad(total, at, disconnected_inputs="ignore")
        moved = cgrad.Rop(list(pulled), at, ts, disconnected_outputs="ignore")
        self.n = len(at)
        self.outputs += [*again, *moved]

    def read(self, got: list[np.ndarray], ahead: list[np.ndarray], behind: list[np.ndarray],
             h: float) -> None:  # fmt: skip
        forward, reverse, scale, _ = (float(a) for a in got[:4])
        assert abs(forward - reverse) <= 64 * EPS * (scale + 1), (self.name, forward, reverse)
        COUNTS["identities"] += 1
        slope = (float(ahead[3]) - float(behind[3])) / (2 * h)
        assert abs(slope - forward) <= 1e-6 * (abs(forward) + scale + 1), (
            self.name,
            slope,
            forward,
        )
        COUNTS["slopes"] += 1
        again, moved = got[4 : 4 + self.n], got[4 + self.n :]
        size = max((float(np.abs(a).max(initial=0)) for a in (*again, *moved)), default=0)
        for a, b in zip(again, moved, strict=True):
            assert a.shape == b.shape, self.name
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13 * (size + 1), err_msg=self.name)
        COUNTS["second order"] += 1


def run_derivatives(
    rows: list[Derivatives], inputs: list[Node], tangents: list[Node],
    points: list[tuple[list[np.ndarray], list[np.ndarray]]],
) -> None:  # fmt: skip
    f = cgrad.function(
        [*inputs, *tangents], [out for row in rows for out in row.outputs], on_unused_input="ignore"
    )
    h = 1e-5
    for xs, ts in points:
        now = f(*xs, *ts)
        ahead = f(*(x + h * t for x, t in zip(xs, ts, strict=True)), *ts)
        behind = f(*(x - h * t for x, t in zip(xs, ts, strict=True)), *ts)
        start = 0
        for row in rows:
            end = start + len(row.outputs)
            row.read(now[start:end], ahead[start:end], behind[start:end], h)
            start = end


def test_unary_derivatives() -> None:
    symbols = {d: ct.dvector(d.split()[0]) for d in DOMAINS}
    tangents = {d: ct.dvector("t_" + d.split()[0]) for d in DOMAINS}
    rows = [
        Derivatives(name, getattr(ct, name)(symbols[d]), [symbols[d]], [tangents[d]])
        for name, (_, d) in SMOOTH_UNARY.items()
    ]
    rng = np.random.default_rng(11)
    points = [
        ([sample(rng, (n,), d, "float64") for d in DOMAINS],
         [sample(rng, (n,), ANY, "float64") for _ in DOMAINS])
        for n in (1, 2, 7)
    ]  # fmt: skip
    run_derivatives(rows, list(symbols.values()), list(tangents.values()), points)


@pytest.mark.parametrize("static", [((None,), (None,)), ((None, 1), (1, None)), ((), (None,))])
def test_binary_derivatives(static: Any) -> None:
    symbols = {d: [ct.tensor(f"{d}{k}"[:3] + str(k), dtype="float64", shape=static[k])
                   for k in (0, 1)] for d in (ANY, POS)}  # fmt: skip
    tangents = {d: [ct.tensor(f"t{d}"[:3] + str(k), dtype="float64", shape=static[k])
                    for k in (0, 1)] for d in (ANY, POS)}  # fmt: skip
    rows = [
        Derivatives(name, getattr(ct, name)(*symbols[d]), symbols[d], tangents[d])
        for name, (_, d) in BINARY.items()
        if not (name == "second" and static[0] != static[1]) and name not in ("mod", "second")
    ]
    rng = np.random.default_rng(12)
    shape = [tuple(3 if n is None else n for n in s) for s in static]
    points = [
        ([sample(rng, shape[k], d, "float64") for d in (ANY, POS) for k in (0, 1)],
         [sample(rng, shape[k], ANY, "float64") * 0.1 for d in (ANY, POS) for k in (0, 1)])
        for _ in range(2)
    ]  # fmt: skip
    flat = [s for d in (ANY, POS) for s in symbols[d]]
    run_derivatives(rows, flat, [t for d in (ANY, POS) for t in tangents[d]], points)


def _needs(build: Any, g: Space, inputs: list[Node]) -> tuple[Node, list[int]]:
    node = build(g)
    used = cgrad.core.derive.connected([node], inputs)
    return node, [k for k, x in enumerate(inputs) if x in used]


def _families() -> dict[str, dict[str, Pair]]:
    every = {**STRUCTURAL, **NOT_EMPTY}
    loops = {k: v for k, v in every.items() if k.startswith(("scan", "map", "reduce"))}
    sums = {k: v for k, v in every.items() if k.startswith(("sum", "mean", "max", "min"))}
    rest = {k: v for k, v in every.items() if k not in loops and k not in sums}
    return {"loops": loops, "reductions": sums, "other": rest}


@pytest.mark.parametrize("family", ["loops", "reductions", "other"])
def test_structural_derivatives(family: str) -> None:
    g, inputs = namespace()
    _, tangents = namespace(prefix="t_")
    rows = []
    for name, (build, _) in _families()[family].items():
        node, used = _needs(build, g, inputs)
        assert used, name
        rows.append(Derivatives(name, node, [inputs[k] for k in used], [tangents[k] for k in used]))
    points = [
        (arrays_for(size, "float64", 21 + k), arrays_for(size, "float64", 41 + k))
        for k, size in enumerate(SIZES[:3])
    ]
    run_derivatives(rows, inputs, tangents, points)


def test_flat_functions_have_no_derivative() -> None:
    x = ct.dvector("x")
    for name in FLAT_UNARY:
        node = getattr(ct, name)(x)
        cost = ct.sum(ct.cast(node, "float64"))
        zero = cgrad.grad(cost + ct.sum(x) * 0.0, x)
        assert not np.any(cgrad.function([x], zero)([0.3, -1.2])), name


def test_float32_derivatives_stay_float32() -> None:
    symbols = {d: ct.fvector(d.split()[0]) for d in DOMAINS}
    outputs = [cgrad.grad(ct.sum(getattr(ct, name)(symbols[d])), symbols[d])
               for name, (_, d) in SMOOTH_UNARY.items()]  # fmt: skip
    doubles = {d: ct.dvector(d.split()[0]) for d in DOMAINS}
    wide_outputs = [cgrad.grad(ct.sum(getattr(ct, name)(doubles[d])), doubles[d])
                    for name, (_, d) in SMOOTH_UNARY.items()]  # fmt: skip
    f = cgrad.function(list(symbols.values()), outputs)
    g = cgrad.function(list(doubles.values()), wide_outputs)
    arrays = [sample(np.random.default_rng(5), (6,), d, "float32") for d in DOMAINS]
    for name, a, b in zip(SMOOTH_UNARY, f(*arrays), g(*(x.astype(float) for x in arrays)),
                          strict=True):  # fmt: skip
        assert a.dtype == np.float32, name
        np.testing.assert_allclose(a, b, rtol=3e-6, atol=1e-6, err_msg=name)


# -- constructors, operators, methods -------------------------------------------------------------
@pytest.mark.parametrize("letter, dtype", [("d", "float64"), ("f", "float32"), ("l", "int64")])
def test_constructors(letter: str, dtype: str) -> None:
    made = [getattr(ct, letter + kind)("x") for kind in ("scalar", "vector", "matrix", "tensor3")]
    assert [x.ndim for x in made] == [0, 1, 2, 3]
    assert {x.dtype for x in made} == {dtype}
    f = cgrad.function(made[1:], [x.sum() for x in made[1:]])
    arrays = [np.ones((2,) * k, dtype) for k in (1, 2, 3)]
    for k, got in enumerate(f(*arrays)):
        assert got == 2 ** (k + 1) and got.dtype == dtype


def test_general_constructors_and_shared() -> None:
    x = ct.matrix("x", dtype="float32", shape=(3, None))
    assert x.dtype == "float32" and x.dims[0] == 3
    assert ct.tensor("t", dtype="bool", shape=(1, None)).dtype == "bool"
    assert (ct.scalar("a").ndim, ct.vector("b").ndim) == (0, 1)
    total = cgrad.shared(np.zeros(3), "total")
    v = ct.dvector("v")
    f = cgrad.function([v], total.sum(), updates=[(total, total + v)])
    assert [float(f([1.0, 2.0, 3.0])) for _ in range(3)] == [0.0, 6.0, 12.0]
    np.testing.assert_array_equal(total.get_value(), [3.0, 6.0, 9.0])
    total.set_value(np.array([1.0, 1.0, 1.0]))
    assert float(f([0.0, 0.0, 0.0])) == 3.0


OPERATORS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("a + b", lambda a, b: a + b), ("a - b", lambda a, b: a - b), ("a * b", lambda a, b: a * b),
    ("a / b", lambda a, b: a / b), ("a // b", lambda a, b: a // b), ("a % b", lambda a, b: a % b),
    ("a ** b", lambda a, b: a**b), ("-a", lambda a, b: -a), ("+a", lambda a, b: +a),
    ("abs(a)", lambda a, b: abs(a)), ("a < b", lambda a, b: a < b), ("a <= b", lambda a, b: a <= b),
    ("a > b", lambda a, b: a > b), ("a >= b", lambda a, b: a >= b), ("2 - a", lambda a, b: 2 - a),
    ("2 / a", lambda a, b: 2 / a), ("2.5 // a", lambda a, b: 2.5 // a),
    ("2 ** a", lambda a, b: 2**a),
    ("3 % a", lambda a, b: 3 % a), ("a @ b", lambda a, b: a @ b),
    ("a.sum()", lambda a, b: a.sum()), ("a.mean()", lambda a, b: a.mean()),
    ("a.max()", lambda a, b: a.max()), ("a.min()", lambda a, b: a.min()),
    ("a.dot(b)", lambda a, b: a.dot(b)), ("a.T", lambda a, b: a.T),
    ("a.reshape", lambda a, b: a.reshape((1, -1))), ("a.flatten()", lambda a, b: a.flatten()),
    ("a.clip", lambda a, b: a.clip(0.5, 1.0)), ("a.astype", lambda a, b: a.astype("float32")),
    ("np.exp", lambda a, b: np.exp(a)), ("np.sqrt", lambda a, b: np.sqrt(a)),
    ("np.add", lambda a, b: np.add(a, b)), ("np.maximum", lambda a, b: np.maximum(a, b)),
    ("np.hypot", lambda a, b: np.hypot(a, b)), ("np.sin", lambda a, b: np.sin(a)),
    ("np.log1p", lambda a, b: np.log1p(a)), ("array + a", lambda a, b: np.array([1.0, 2, 3]) + a),
    ("array * a", lambda a, b: np.array([1.0, 2, 3]) * a),
    ("np.float64 * a", lambda a, b: np.float64(2) * a), ("a[1:]", lambda a, b: a[1:]),
]  # fmt: skip


def test_operators_methods_and_ufuncs() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    f = cgrad.function([a, b], [operate(a, b) for _, operate in OPERATORS])
    x, y = np.array([0.3, 1.7, 2.2]), np.array([1.1, 0.4, 2.2])
    for (name, operate), got in zip(OPERATORS, f(x, y), strict=True):
        check(name, got, operate(x, y), 8)


@pytest.mark.parametrize("use", [bool, float, int, np.asarray, len, complex])
def test_symbols_refuse_to_be_numbers(use: Any) -> None:
    with pytest.raises(TypeError, match=r"cgrad\.function|eval|shape|switch"):
        use(ct.dscalar("x"))


# -- special values: what other systems get wrong (RELIABILITY 2.3) -------------------------------
def test_special_values_of_unary_functions() -> None:
    x = ct.dvector("x")
    names = [*SMOOTH_UNARY, *FLAT_UNARY]
    f = cgrad.function([x], [getattr(ct, n)(x) for n in names])
    values = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1.7e308,
                       -745.0, -708.4, 709.7, 2.0**53 + 1, 0.5, -0.5, 1.5, 2.5])  # fmt: skip
    own: dict[str, Any] = {
        "sigmoid": lambda v: np.where(v >= 0, 1, np.exp(-abs(v))) / (1 + np.exp(-abs(v))),
        "softplus": lambda v: np.logaddexp(v, 0.0),
        "erf": np.vectorize(math.erf),
        "erfc": np.vectorize(math.erfc),
    }
    table = {**SMOOTH_UNARY, **FLAT_UNARY}
    with np.errstate(all="ignore"):
        for name, got in zip(names, f(values), strict=True):
            want = own.get(name, table[name][0])(values)
            check(name, got, want, 4)
            same_zero = (want != 0) | (np.signbit(got) == np.signbit(want))
            assert np.all(same_zero | (want.dtype == bool)), (name, values[~same_zero])


def test_special_values_of_binary_functions() -> None:
    a, b = ct.dvector("a"), ct.dvector("b")
    names = [*BINARY, *FLAT_BINARY]
    f = cgrad.function([a, b], [getattr(ct, n)(a, b) for n in names])
    edge = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 0.5, np.inf, -np.inf, np.nan, 5e-324, 1.7e308, 1e-310]
    x, y = np.repeat(edge, len(edge)), np.tile(edge, len(edge))
    table = {**BINARY, **FLAT_BINARY}
    wrong = []
    with np.errstate(all="ignore"):
        for name, got in zip(names, f(x, y), strict=True):
            want = table[name][0](x, y)
            same = (got == want) | ((got != got) & (want != want))
            if want.dtype == np.float64:
                same |= np.abs(got - want) <= 4 * EPS * np.abs(want)
                # NumPy takes whichever comes first of two zeros that compare equal
                if name not in ("maximum", "minimum"):
                    same &= (want != 0) | (np.signbit(got) == np.signbit(want))
            wrong += [(name, x[k], y[k], got[k], want[k]) for k in np.flatnonzero(~same)]
    assert not wrong, wrong[:20]


@pytest.mark.parametrize("name", ["max", "min", "sum", "mean", "any", "all"])
def test_special_values_of_reductions(name: str) -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], getattr(ct, name)(x))
    rows = [
        [1.0, np.nan, 3.0],
        [np.nan],
        [np.inf, -np.inf],
        [-0.0],
        [-np.inf, -np.inf],
        [5e-324] * 2,
    ]
    for row in rows:
        with np.errstate(all="ignore"):
            want = getattr(np, name)(np.array(row))
        got = f(row)
        assert got == want or (got != got and want != want), (name, row, got)


def test_float32_sum_is_added_up_in_float64() -> None:
    x = ct.fvector("x")
    f = cgrad.function([x], x.sum())
    values = np.full(10**6, 0.1, np.float32)
    assert abs(float(f(values)) - float(np.sum(values.astype(float)))) < 0.01


def test_casts_of_nan_and_infinity_are_defined() -> None:
    x = ct.dvector("x")
    got = cgrad.function([x], [x.astype("int64"), x.astype("bool"), x.astype("float32")])(
        [np.nan, np.inf, -np.inf, 1e300, -1e300, 2.0**63, -(2.0**63), 2.9, -2.9]
    )
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    np.testing.assert_array_equal(got[0], [low, high, low, high, low, high, low, 2, -2])
    assert got[1].all()
    np.testing.assert_array_equal(got[2][:5], [np.nan, np.inf, -np.inf, np.inf, -np.inf])


# -- the count ------------------------------------------------------------------------------------
def test_the_list_is_complete() -> None:
    """What issue 2 names is in the lists above and in the public API."""
    named = str.split(
        """
        add sub mul true_div pow sqr sqrt reciprocal abs sign neg floor ceil round
        trunc mod floor_div exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin
        arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh sigmoid softplus
        logaddexp erf erfc eq neq lt le gt ge logical_and logical_or logical_xor
        logical_not maximum minimum isnan isinf second
        """
    )
    elementwise = {*SMOOTH_UNARY, *FLAT_UNARY, *BINARY, *FLAT_BINARY}
    assert not [n for n in named if n not in elementwise]
    structure = " ".join([*STRUCTURAL, *NOT_EMPTY, *FLAT])
    for name in str.split(
        """
        switch where clip cast fill sum mean max min any all dot transpose dimshuffle
        reshape flatten broadcast_to expand_dims squeeze concatenate stack
        set_subtensor inc_subtensor arange eye zeros ones full zeros_like ones_like
        full_like shape scan constant as_tensor_variable
        """
    ):
        assert (name in structure and hasattr(ct, name)) or name == "dimshuffle", name
    count = len(elementwise) + len(BITS) + 1 + len(STRUCTURAL) + len(NOT_EMPTY) + len(FLAT)
    smooth = len(SMOOTH_UNARY) + len(BINARY) - 2 + len(STRUCTURAL) + len(NOT_EMPTY)
    print(f"ops: {count} values, {smooth} derivative identities, {smooth} second order")
