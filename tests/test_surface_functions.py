"""Functions around the core: values against NumPy and SciPy, both derivative modes, second order.

As in `test_core_language.py`, each case is written once and evaluated twice, on symbols by compiled
C and on arrays by the reference, over dtypes, sizes (empty ones too) and memory layouts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
from test_core_language import EVERY, FLOATS, NUMBERS, Case, Reference, Symbolic, compare
from test_every_op import EMPTY, SIZES, Derivatives, arrays_for, namespace, run_derivatives

import cgrad
import cgrad.tensor as ct


class Arrays(Reference):
    """NumPy, with what it has no function for, or spells in another way."""

    @staticmethod
    def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
        x = x if x.dtype.kind == "f" else x.astype(float)
        return np.linalg.norm(x, ord, axis, keepdims)

    @staticmethod
    def any_rank_argmax(x: Any, axes: Any, which: str = "argmax") -> Any:
        kept = [k for k in range(x.ndim) if k not in axes]
        moved = np.transpose(x, (*kept, *axes))
        return getattr(np, which)(moved.reshape(*moved.shape[: len(kept)], -1), axis=-1)

    @staticmethod
    def bincount(x: Any, weights: Any = None, *, length: int) -> Any:
        counts = np.bincount(x, weights, length)
        return counts if weights is None else counts.astype(float)

    @staticmethod
    def repeat(x: Any, n: Any, axis: int, *, total_repeat_length: int | None = None) -> Any:
        return np.repeat(x, n, axis)

    @staticmethod
    def max_and_argmax(x: Any, axis: Any) -> Any:
        return np.max(x, axis=axis), np.argmax(x, axis=axis)

    @staticmethod
    def fill_diagonal(x: Any, value: Any, offset: int = 0) -> Any:
        result = x.copy()
        i = np.arange(x.shape[0])
        i = i[(i + offset >= 0) & (i + offset < x.shape[1])]
        result[i, i + offset] = value
        return result

    fill_diagonal_offset = fill_diagonal

    @staticmethod
    def nonzero_values(x: Any) -> Any:
        return x[np.nonzero(x)]

    @staticmethod
    def convolve1d(a: Any, b: Any, mode: str = "full") -> Any:
        dtype = np.result_type(a, b)
        full = scipy.signal.convolve(a, b, "full", method="direct")
        n, m = len(a), len(b)
        start, length = {"full": (0, n + m - 1), "same": ((m - 1) // 2, n),
                         "valid": (min(n, m) - 1, abs(n - m) + 1)}[mode]  # fmt: skip
        return full[start : start + length].astype(dtype)

    @staticmethod
    def convolve2d(a: Any, b: Any, mode: str = "full", **options: Any) -> Any:
        return scipy.signal.convolve2d(a, b, mode, **options).astype(np.result_type(a, b))

    @staticmethod
    def permute_row_elements(x: Any, y: Any, inverse: bool = False) -> Any:
        return np.take(x, np.argsort(y) if inverse else y, axis=-1)

    @staticmethod
    def inverse_permutation(perm: Any) -> Any:
        return np.argsort(perm)

    @staticmethod
    def join_dims(x: Any, start: int = 0, n: Any = None) -> Any:
        end = x.ndim if n is None else start + n
        return x.reshape(*x.shape[:start], int(np.prod(x.shape[start:end])), *x.shape[end:])

    @staticmethod
    def split_dims(x: Any, shape: Any, axis: int = 0) -> Any:
        return x.reshape(*x.shape[:axis], *shape, *x.shape[axis + 1 :])

    @staticmethod
    def pack(*tensors: Any, keep_axes: Any = None) -> Any:
        assert keep_axes is None
        return np.concatenate([np.ravel(x) for x in tensors]), [np.shape(x) for x in tensors]

    @staticmethod
    def unpack(x: Any, shapes: Any) -> Any:
        cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])
        pieces = np.split(x, cuts[:-1])
        return [part.reshape(tuple(shape)) for part, shape in zip(pieces, shapes, strict=True)]

    @staticmethod
    def concat_with_broadcast(tensors: Any, axis: int) -> Any:
        wide = max(x.shape[1 - axis] for x in tensors)
        dims = [(x.shape[0], wide) if axis == 0 else (wide, x.shape[1]) for x in tensors]
        return np.concatenate(
            [np.broadcast_to(x, d) for x, d in zip(tensors, dims, strict=True)], axis
        )

    @staticmethod
    def horizontal_stack(*tensors: Any) -> Any:
        return np.concatenate(tensors, axis=1)

    @staticmethod
    def vertical_stack(*tensors: Any) -> Any:
        return np.concatenate(tensors, axis=0)

    @staticmethod
    def stacklists(items: Any) -> Any:
        return np.array(items)

    @staticmethod
    def shape_padleft(x: Any, n: int = 1) -> Any:
        return x.reshape((1,) * n + x.shape)

    @staticmethod
    def shape_padright(x: Any, n: int = 1) -> Any:
        return x.reshape(x.shape + (1,) * n)

    @staticmethod
    def shape_padaxis(x: Any, axis: int) -> Any:
        return np.expand_dims(x, axis)

    @staticmethod
    def specify_shape(x: Any, shape: Any) -> Any:
        return x

    @staticmethod
    def specify_broadcastable(x: Any, *axes: int) -> Any:
        return x

    @staticmethod
    def dimshuffle(x: Any, *pattern: Any) -> Any:
        return np.expand_dims(np.transpose(x, [k for k in pattern if k != "x"]),
                              [k for k, a in enumerate(pattern) if a == "x"])  # fmt: skip

    @staticmethod
    def flatten(x: Any, ndim: int = 1) -> Any:
        return x.reshape(*x.shape[: ndim - 1], int(np.prod(x.shape[ndim - 1 :])))

    @staticmethod
    def join(axis: int, *tensors: Any) -> Any:
        return np.concatenate(tensors, axis)

    @staticmethod
    def interpolate1d(x: Any, y: Any, method: str = "linear", left_pad: Any = None,
                      right_pad: Any = None, extrapolate: bool = True) -> Any:  # fmt: skip
        order = np.argsort(x)
        x, y = x[order], y[order]

        def one(v: Any) -> Any:
            if not extrapolate and v < x[0]:
                return y[0] if left_pad is None else left_pad
            if not extrapolate and v > x[-1]:
                return y[-1] if right_pad is None else right_pad
            k = int(np.searchsorted(x, v))
            hi = min(max(k, min(1, len(x) - 1)), len(x) - 1)
            lo = max(hi - 1, 0)
            if method == "linear":
                slope = 0.0 if lo == hi else (y[hi] - y[lo]) / (x[hi] - x[lo])
                return y[lo] + slope * (v - x[lo])
            if method == "nearest":
                return y[lo] if v - x[lo] < x[hi] - v else y[hi]
            if method == "mean":
                return (y[lo] + y[hi]) / 2
            return y[min(max(k - (method == "first"), 0), len(x) - 1)]

        return lambda v: np.array([one(a) for a in np.ravel(v)], x.dtype).reshape(np.shape(v))


class Symbols(Symbolic):
    """`cgrad.tensor`."""

    @staticmethod
    def any_rank_argmax(x: Any, axes: Any, which: str = "argmax") -> Any:
        return getattr(ct, which)(x, axis=axes)


SYMBOLS, ARRAYS = Symbols(), Arrays()
ROWS = np.array([1, 0, 1])
AXES: Any = (None, 0, -1, (0, 1))


def both(m: Any, g: Any) -> Any:
    """A matrix with two rows and two columns at least."""
    return m.concatenate([m.concatenate([g.x, g.z], 1), m.concatenate([g.z * g.s, g.x * 2], 1)])


def sample(m: Any, n: Any) -> Any:
    """1, 2, 1, 2, ... as many as the symbol or the array n says."""
    return m.arange(n) % 2 + 1


CASES: dict[str, list[Case]] = {
    # -- reductions
    "median": [*(Case(lambda m, g, a=axis, k=keep: m.median(g.x, axis=a, keepdims=k), empty=False)
                 for axis in AXES for keep in (False, True)),
               Case(lambda m, g: m.median(g.a, axis=(0, 2)), empty=False)],
    "cov": [
        Case(lambda m, g: m.cov(both(m, g)), ["float64"], empty=False),
        Case(lambda m, g: m.cov(both(m, g), rowvar=False, bias=True), ["float64"], empty=False),
        Case(lambda m, g: m.cov(m.stack([g.v, g.w]), m.stack([g.w * g.v, g.v]), ddof=0),
             ["float64"], empty=False),
        Case(lambda m, g: m.cov(both(m, g), bias=True, fweights=sample(m, g.x.shape[1] * 2)),
             ["float64"], empty=False),
        Case(lambda m, g: m.cov(both(m, g), ddof=0,
                                aweights=m.concatenate([m.exp(g.v), m.exp(g.w)])), ["float64"],
             empty=False),
        Case(lambda m, g: m.cov(m.concatenate([g.v, g.w])), ["float64"], empty=False)],
    "norm": [
        *(Case(lambda m, g, o=o, k=k: m.norm(g.x, o, axis=k), empty=o not in (np.inf, -np.inf, -1),
               dtypes=[*FLOATS, "int64"], smooth=o != 0)
          for o in (None, 1, -1, 2, 3, 0.5, np.inf, -np.inf, 0) for k in (0, -1)),
        *(Case(lambda m, g, o=o: m.norm(g.x, o, axis=(0, 1), keepdims=True), FLOATS, empty=False)
          for o in ("fro", 1, -1, np.inf, -np.inf, None)),
        *(Case(lambda m, g, o=o: m.norm(g.a, o, axis=(2, 0)), ["float64"], empty=False)
          for o in ("nuc", 2, -2, 1, np.inf)),
        Case(lambda m, g: m.norm(g.v)), Case(lambda m, g: m.norm(g.x + m.sum(g.v), "fro"), FLOATS)],
    "max_and_argmax": [Case(lambda m, g, k=k: m.max_and_argmax(g.x, k)[0], empty=False)
                       for k in (None, 0, -1)]
                      + [Case(lambda m, g: m.max_and_argmax(g.x, 1)[1], empty=False, smooth=False)],
    "argmax": [Case(lambda m, g: m.any_rank_argmax(g.a, (0, 2)), empty=False, smooth=False)],
    "argmin": [Case(lambda m, g: m.any_rank_argmax(g.a, (1, 2), "argmin"), empty=False,
                    smooth=False)],
    "bincount": [
        Case(lambda m, g: m.bincount(m.floor(m.abs(g.v)).astype("int64"), length=9),
             [*FLOATS, "int64", "int8"], smooth=False),
        Case(lambda m, g: m.bincount(m.floor(m.abs(g.v)).astype("int64"), g.v * g.w, length=9),
             ["float64"])],
    "unique": [Case(lambda m, g: m.unique(g.x)), Case(lambda m, g: m.unique(g.v // 2), NUMBERS),
               *(Case(lambda m, g, k=k: m.unique(g.x // 1, True, True, True)[k], NUMBERS,
                      smooth=False) for k in (1, 2, 3))],
    # -- lookups
    "choose": [
        Case(lambda m, g: m.choose((g.v > 0).astype("int64"), [g.v, g.w * 2])),
        Case(lambda m, g: m.choose((g.x > 0).astype("int64"), [g.v, g.s, g.z])),
        Case(lambda m, g: m.choose((g.v > 0) * 7 - 3, m.stack([g.v, g.w]), mode="clip")),
        Case(lambda m, g: m.choose((g.x > 0) * 4 - 3, [g.x, g.r], mode="wrap"))],
    "compress": [Case(lambda m, g: m.compress(g.u > 0, g.x, axis=0)),
                 Case(lambda m, g: m.compress(m.ravel(g.x) > 0, g.x))],
    "flatnonzero": [Case(lambda m, g: m.flatnonzero(g.x > 0), smooth=False)],
    "nonzero": [Case(lambda m, g: m.stack(m.nonzero(g.x > 0)) if m is ARRAYS else
                     m.nonzero(g.x > 0, return_matrix=True), smooth=False)],
    "nonzero_values": [Case(lambda m, g: m.nonzero_values(g.x))],
    "take_along_axis": [Case(lambda m, g: m.take_along_axis(g.x, m.argsort(g.z, axis=1,
                                                                          kind="stable"), axis=1)),
                        Case(lambda m, g: m.take_along_axis(g.x, ROWS[None, :] * 0, axis=1),
                             empty=False)],
    "slice_at_axis": [Case(lambda m, g, k=k: g.a[ct.slice_at_axis(slice(1, None), k)])
                      for k in (0, 1, -1, -3)],
    "searchsorted": [Case(lambda m, g, s=side: m.searchsorted(m.sort(g.v), g.x, side=s),
                          smooth=False) for side in ("left", "right")]
                    + [Case(lambda m, g: m.searchsorted(g.v, g.s, sorter=m.argsort(g.v)), NUMBERS,
                            smooth=False)],
    "unravel_index": [Case(lambda m, g, k=k, o=o: m.unravel_index(m.arange(24), (2, 3, 4), o)[k],
                           ["float64"], smooth=False) for k in (0, 1, 2) for o in "CF"],
    "ravel_multi_index": [
        Case(lambda m, g, o=o: m.ravel_multi_index((m.arange(3), m.arange(3) + 1), (3, 4), order=o),
             ["float64"], smooth=False) for o in "CF"]
        + [Case(lambda m, g, o=o: m.ravel_multi_index((m.arange(5) - 2, m.arange(5)), (3, 4), o),
                ["float64"], smooth=False) for o in ("clip", "wrap")],
    "inverse_permutation": [Case(lambda m, g: m.inverse_permutation(m.argsort(g.v)), NUMBERS,
                                 smooth=False)],
    "permute_row_elements": [
        Case(lambda m, g, i=i: m.permute_row_elements(g.x, m.argsort(g.v), i), FLOATS)
        for i in (False, True)],
    "fill_diagonal": [Case(lambda m, g: m.fill_diagonal(g.x, g.s))],
    "fill_diagonal_offset": [Case(lambda m, g, k=k: m.fill_diagonal_offset(g.x, g.s, k))
                             for k in (0, 1, -1, 7)],
    "where": [Case(lambda m, g: m.where(g.x > 0)[1], smooth=False),
              Case(lambda m, g: m.where(g.x > 0, g.x, g.z * 2))],
    # -- arrangement
    "repeat": [
        Case(lambda m, g: m.repeat(g.r, [3], axis=0)), Case(lambda m, g: m.repeat(g.r, 2, axis=0)),
        Case(lambda m, g: m.repeat(m.stack([g.v, g.w]), [2, 0], axis=0)),
        Case(lambda m, g: m.repeat(m.stack([g.v, g.w, g.v]), np.array([1, 0, 2]), axis=0)),
        Case(lambda m, g: m.repeat(g.x, sample(m, g.x.shape[1]), axis=1, total_repeat_length=(
            g.x.shape[1] * 3) // 2), FLOATS)],
    "concat_with_broadcast": [
        Case(lambda m, g: m.concat_with_broadcast([g.x, g.r, g.z], axis=0), empty=False),
        Case(lambda m, g: m.concat_with_broadcast([g.r, g.c], axis=1), empty=False)],
    "horizontal_stack": [Case(lambda m, g: m.horizontal_stack(g.x, g.c, g.z))],
    "vertical_stack": [Case(lambda m, g: m.vertical_stack(g.x, g.r))],
    "stacklists": [Case(lambda m, g: m.stacklists([[g.s, g.s * 2], [g.s, g.s]]), NUMBERS)],
    "concatenate": [Case(lambda m, g: m.concatenate([g.x, g.z], axis=-1))],
    "join": [Case(lambda m, g: m.join(1, g.x, g.z))],
    "join_dims": [Case(lambda m, g, s=s, n=n: m.join_dims(g.a, s, n))
                  for s, n in ((0, None), (0, 2), (1, 2), (1, 1), (1, 0))],
    "split_dims": [Case(lambda m, g: m.split_dims(m.concatenate([g.x, g.z]), (2, g.x.shape[0]), 0)),
                   Case(lambda m, g: m.split_dims(g.r, (), 0))],
    "pack": [Case(lambda m, g: m.pack(g.x, g.s, g.a)[0])],
    "unpack": [Case(lambda m, g, k=k: m.unpack(*m.pack(g.x * 2, g.s * 2, g.a))[k], NUMBERS)
               for k in (0, 1, 2)],
    "shape_padleft": [Case(lambda m, g: m.shape_padleft(g.x, 2))],
    "shape_padright": [Case(lambda m, g: m.shape_padright(g.x, 2))],
    "shape_padaxis": [Case(lambda m, g, k=k: m.shape_padaxis(g.x, k)) for k in (0, 1, -1)],
    "specify_shape": [Case(lambda m, g: m.specify_shape(g.x, (None, g.v.shape[0])) + g.v, NUMBERS)],
    "specify_broadcastable": [Case(lambda m, g: m.specify_broadcastable(g.x[:1], 0) + g.z, NUMBERS,
                                   empty=False)],
    "broadcast_arrays": [Case(lambda m, g, k=k: m.broadcast_arrays(g.v, g.c, g.s)[k])
                         for k in (0, 1, 2)],
    "broadcast_shape": [
        Case(lambda m, g: m.stack(m.broadcast_shape(g.c, g.r)) if m is SYMBOLS else
             np.array(np.broadcast_shapes(g.c.shape, g.r.shape)), smooth=False)],
    "reshape": [Case(lambda m, g: m.reshape(g.x, (-1, 1)), empty=False)],
    "ravel": [Case(lambda m, g: m.ravel(g.a))],
    "flatten": [Case(lambda m, g: m.flatten(g.a, 2))],
    "transpose": [Case(lambda m, g: m.transpose(g.a, (1, 2, 0)))],
    "dimshuffle": [Case(lambda m, g: m.dimshuffle(g.x, 1, "x", 0))],
    "expand_dims": [Case(lambda m, g: m.expand_dims(g.x, -1))],
    "squeeze": [Case(lambda m, g: m.squeeze(g.r, 0))],
    "broadcast_to": [Case(lambda m, g: m.broadcast_to(g.v, g.x.shape))],
    "pad": [
        *(Case(lambda m, g, o=mode: m.pad(g.x, ((2, 1), (0, 2)), mode=o), empty=False)
          for mode in ("maximum", "minimum")),
        Case(lambda m, g: m.pad(g.x, 1, mode="mean"), [*FLOATS, "int64"], empty=False),
        *(Case(lambda m, g, o=mode: m.pad(g.x, 2, mode=o, stat_length=((1, 2), (2, 1))),
               [*FLOATS, "int64"], empty=False) for mode in ("maximum", "minimum", "mean")),
        Case(lambda m, g: m.pad(g.x, ((2, 3), (1, 0)), mode="linear_ramp", end_values=(5, -4)),
             FLOATS, empty=False),
        Case(lambda m, g: m.pad(g.v * g.s, 3, mode="linear_ramp", end_values=1.5), FLOATS,
             empty=False)],
    # -- products, signals, interpolation
    "einsum": [Case(lambda m, g, t=text, n=args: m.einsum(t, *(getattr(g, k) for k in n)),
                    [*FLOATS, "int64", "bool"])
               for text, args in (("...ij,jk->...ik", "xy"),
                                  ("i...,i->...", "xu"), ("...,...->...", "xr"), ("...i", "x"),
                                  ("...->...", "a"), ("...ij->...ji", "a"),
                                  ("...,j->j...", "sv"))],
    "convolve1d": [Case(lambda m, g, o=mode: m.convolve1d(g.v, m.concatenate([g.u, g.v[:1]]), o),
                        [*FLOATS, "int64", "int8"], empty=False)
                   for mode in ("full", "same", "valid")],
    "convolve2d": [
        *(Case(lambda m, g, o=mode: m.convolve2d(g.x, g.y[:2, :2], o), ["float64", "int64"],
               empty=False) for mode in ("full", "same")),
        Case(lambda m, g: m.convolve2d(m.tile(g.x, (3, 3)), g.y[:2, :3], "valid"), ["float64"],
             empty=False),
        *(Case(lambda m, g, o=mode, b=bound: m.convolve2d(m.tile(g.x, (2, 2)), g.y[:2, :2], o,
                                                          boundary=b), ["float64"], empty=False)
          for mode in ("full", "same") for bound in ("wrap", "symm")),
        Case(lambda m, g: m.convolve2d(g.x, g.y[:3, :2], "full", fillvalue=1.5), ["float64"],
             empty=False),
        Case(lambda m, g: m.convolve2d(g.y[:2, :2], m.tile(g.x, (2, 2)), "valid", boundary="wrap"),
             ["float64"], empty=False)],
    "interp": [
        Case(lambda m, g: m.interp(g.x, m.cumsum(m.exp(g.v)), g.w), ["float64"], empty=False),
        Case(lambda m, g: m.interp(g.x * 4, m.cumsum(m.exp(g.v)) - 2, g.w, left=g.s, right=7.0)
             if m is SYMBOLS else
             m.interp(g.x * 4, m.cumsum(m.exp(g.v)) - 2, g.w, left=float(g.s), right=7.0),
             ["float64"], empty=False),
        Case(lambda m, g: m.interp(g.x, g.v, g.w, period=3.0), ["float64"], empty=False)],
    "interpolate1d": [Case(lambda m, g, o=method: m.interpolate1d(g.v, g.w, o)(g.x), ["float64"],
                           empty=False)
                      for method in ("linear", "nearest", "first", "last", "mean")]
                     + [Case(lambda m, g, o=o: m.interpolate1d(g.v, g.w, extrapolate=False, **o)(
                         g.x * 3),
                             ["float64"], empty=False)
                        for o in ({}, {"left_pad": -1.0, "right_pad": 2.0})],
    "bartlett": [Case(lambda m, g, n=n: m.bartlett(n), ["float64"], smooth=False)
                 for n in (1, 2, 5, 8)],
    "prod": [Case(lambda m, g: m.prod(g.x + 3, 1) if m is ARRAYS else
                  m.prod(g.x + 3, 1, no_zeros_in_input=True), FLOATS)],
}  # fmt: skip


def rows_for(dtype: str) -> list[tuple[str, Case, Any, Any]]:
    return [
        (f"{name} {k}", case, SYMBOLS, ARRAYS)
        for name, cases in CASES.items()
        for k, case in enumerate(cases)
        if dtype in case.dtypes
    ]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the optimiser does is tested elsewhere."""
    monkeypatch.setenv("CGRAD_CFLAGS", "-O0")


@pytest.mark.parametrize("dtype", EVERY)
def test_values(dtype: str) -> None:
    rows = rows_for(dtype)
    g, inputs = namespace(dtype)
    for empty, sizes in ((True, [*SIZES[:3], *EMPTY]), (False, SIZES[:3])):
        some = [row for row in rows if row[1].empty == empty]
        outputs = [case.build(ours, g) for _, case, ours, _ in some]
        f = cgrad.function(inputs, outputs, on_unused_input="ignore")
        for k, size in enumerate(sizes):
            arrays = arrays_for(size, dtype, k, (k + 1) % 4)
            compare(some, f(*arrays), arrays)


PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_derivatives(part: int) -> None:
    g, inputs = namespace()
    _, tangents = namespace(prefix="t_")
    rows = []
    for name in sorted(CASES)[part::PARTS]:
        smooth = [case for case in CASES[name] if case.smooth]
        for case in dict.fromkeys((*smooth[:1], *smooth[-1:])):
            node = case.build(SYMBOLS, g)
            reached = cgrad.core.derive.connected([node], inputs)
            used = [k for k, x in enumerate(inputs) if x in reached]
            at, along = ([items[k] for k in used] for items in (inputs, tangents))
            rows.append(Derivatives(name, node, at, along))
    points = [(arrays_for(size, "float64", 71 + k), arrays_for(size, "float64", 81 + k))
              for k, size in enumerate(SIZES[:3])]  # fmt: skip
    run_derivatives(rows, inputs, tangents, points)
