"""`numpy.sum(x)` on a symbolic x: NumPy's functions with NumPy's arguments, through its protocol.

Each entry has the parameters of NumPy's function and calls ours.  What has no entry raises a
TypeError that names what to use instead.

Responsible for: which functions, and the meaning of their arguments.
Not responsible for: what they compute; NumPy's ufuncs (`Operators.__array_ufunc__`).
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from cgrad.core.node import Node
from cgrad.core.registry import build, known, register
from cgrad.ops.coerce import as_node
from cgrad.ops.elementwise import apply

# fmt: off
from cgrad.tensor.arrange import (
    flip,
    hstack,
    repeat,
    roll,
    split,
    tile,
    vstack,
)
from cgrad.tensor.complex import angle
from cgrad.tensor.counting import bincount, unique
from cgrad.tensor.creation import (
    full_like,
    ones_like,
    zeros_like,
)
from cgrad.tensor.declared import broadcast_arrays
from cgrad.tensor.derived import allclose, isclose, isneginf, isposinf, nan_to_num
from cgrad.tensor.interpolate import interp
from cgrad.tensor.math import (
    all as all_true,
)
from cgrad.tensor.math import (
    any as any_true,
)
from cgrad.tensor.math import (
    cast,
    clip,
    identity,
    mean,
    rad2deg,
    switch,
)
from cgrad.tensor.math import (
    max as largest,
)
from cgrad.tensor.math import (
    min as smallest,
)
from cgrad.tensor.math import (
    sum as total,
)
from cgrad.tensor.norms import norm
from cgrad.tensor.padding import pad
from cgrad.tensor.products import (
    diag,
    diagonal,
    dot,
    einsum,
    inner,
    outer,
    tensordot,
)
from cgrad.tensor.reductions import (
    cumprod,
    cumsum,
    diff,
    prod,
    ptp,
    std,
    var,
)
from cgrad.tensor.selection import choose, ravel_multi_index, searchsorted, unravel_index
from cgrad.tensor.shape import (
    atleast_1d,
    atleast_2d,
    broadcast_to,
    concatenate,
    expand_dims,
    flatten,
    moveaxis,
    reshape,
    squeeze,
    stack,
    swapaxes,
    transpose,
)
from cgrad.tensor.shape import (
    shape as shape_of,
)
from cgrad.tensor.shape import (
    size as size_of,
)
from cgrad.tensor.signal import convolve1d
from cgrad.tensor.statistics import cov, median

# fmt: on

# arguments without a symbolic form, which may be given with the value they have anyhow
_IDLE = {
    "out": (None,), "where": (True,), "subok": (True, False), "order": (None, "C", "K"),
    "casting": ("same_kind",), "optimize": (False, True), "device": (None,), "copy": (None, True),
}  # fmt: skip


def _axis_of_all(f: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction with the arguments of `numpy.sum`."""
    return lambda a, axis=None, dtype=None, out=None, keepdims=False: f(
        a, axis=axis, dtype=dtype, keepdims=keepdims
    )


def _extreme(f: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction with the arguments of `numpy.max`."""
    return lambda a, axis=None, out=None, keepdims=False: f(a, axis=axis, keepdims=keepdims)


def _spread(f: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction with the arguments of `numpy.var`."""
    return lambda a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None: f(
        a, axis, ddof if correction is None else correction, keepdims, dtype=dtype
    )


def _clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
    max: Any = None,
) -> Node:  # fmt: skip
    return clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _concatenate(arrays: Any, axis: int | None = 0, out: Any = None, *, dtype: Any = None) -> Node:
    parts = list(arrays)
    if axis is None:
        parts, axis = [flatten(x) for x in parts], 0
    result = concatenate(parts, axis)
    return result if dtype is None else cast(result, dtype)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    if isinstance(indices_or_sections, (int, np.integer)):
        return split(ary, indices_or_sections, axis=axis)
    return split(ary, axis=axis, indices=list(indices_or_sections))


def _round(a: Any, decimals: int = 0, out: Any = None) -> Node:
    if decimals:
        raise TypeError("use cgrad.tensor.round(a * 10**decimals) / 10**decimals")
    return apply("round", a)


def _average(a: Any, axis: Any = None, weights: Any = None) -> Node:
    if weights is not None:
        raise TypeError("use cgrad.tensor.sum(a * w, axis) / cgrad.tensor.sum(w, axis)")
    return mean(a, axis)


def _diff(a: Any, n: int = 1, axis: int = -1) -> Node:
    return diff(a, n, axis)


def _pad(
    array: Any, pad_width: Any, mode: str = "constant", *, stat_length: Any = None,
    constant_values: Any = 0, end_values: Any = 0,
) -> Node:  # fmt: skip
    return pad(array, pad_width, mode, constant_values, end_values, stat_length)


def _unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: int | None = None,
) -> Any:  # fmt: skip
    return unique(ar, return_index, return_inverse, return_counts, axis)


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _axis_of_all(total),
    np.prod: _axis_of_all(prod),
    np.mean: _axis_of_all(mean),
    np.average: _average,
    np.max: _extreme(largest),
    np.min: _extreme(smallest),
    np.any: _extreme(any_true),
    np.all: _extreme(all_true),
    np.ptp: _extreme(ptp),
    np.var: _spread(var),
    np.std: _spread(std),
    np.cumsum: lambda a, axis=None, dtype=None, out=None: cumsum(a, axis, dtype),
    np.cumprod: lambda a, axis=None, dtype=None, out=None: cumprod(a, axis, dtype),
    np.diff: _diff,
    np.where: lambda condition, x=None, y=None, /: (
        build("nonzero", condition) if x is None and y is None else switch(condition, x, y)
    ),
    np.clip: _clip,
    np.isclose: isclose,
    np.allclose: allclose,
    np.isposinf: lambda x, out=None: isposinf(x),
    np.isneginf: lambda x, out=None: isneginf(x),
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: nan_to_num(
        x, nan, posinf, neginf
    ),
    np.round: _round,
    np.around: _round,
    np.dot: lambda a, b, out=None: dot(a, b),
    np.vdot: lambda a, b, /: dot(flatten(a), flatten(b)),
    np.inner: lambda a, b, /: inner(a, b),
    np.outer: lambda a, b, out=None: outer(a, b),
    np.tensordot: lambda a, b, axes=2: tensordot(a, b, axes),
    np.einsum: lambda *operands: einsum(*operands),
    np.trace: lambda a, offset=0, axis1=0, axis2=1, dtype=None, out=None: total(
        diagonal(a, offset, axis1, axis2), -1, dtype
    ),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonal(a, offset, axis1, axis2),
    np.diag: lambda v, k=0: diag(v, k),
    np.linalg.norm: lambda x, ord=None, axis=None, keepdims=False: norm(x, ord, axis, keepdims),
    np.concatenate: _concatenate,
    np.stack: lambda arrays, axis=0, out=None: stack(list(arrays), axis),
    np.hstack: lambda tup: hstack(tup),
    np.vstack: lambda tup: vstack(tup),
    np.split: _split,
    np.tile: lambda A, reps: tile(A, reps),
    np.repeat: lambda a, repeats, axis=None: repeat(a, repeats, axis),
    np.roll: lambda a, shift, axis=None: roll(a, shift, axis),
    np.flip: lambda m, axis=None: flip(m, axis),
    np.fliplr: lambda m: flip(m, 1),
    np.flipud: lambda m: flip(m, 0),
    np.pad: _pad,
    np.transpose: lambda a, axes=None: transpose(a, axes),
    np.swapaxes: lambda a, axis1, axis2: swapaxes(a, axis1, axis2),
    np.moveaxis: lambda a, source, destination: moveaxis(a, source, destination),
    np.reshape: lambda a, /, shape, order="C": _reshape(a, shape),
    np.ravel: lambda a, order="C": flatten(a),
    np.expand_dims: lambda a, axis: expand_dims(a, axis),
    np.squeeze: lambda a, axis=None: squeeze(a, axis),
    np.broadcast_to: lambda array, shape, subok=False: _broadcast_to(array, shape),
    np.atleast_1d: lambda *arys: _each(atleast_1d, arys),
    np.atleast_2d: lambda *arys: _each(atleast_2d, arys),
    np.zeros_like: lambda a, dtype=None: zeros_like(a, dtype),
    np.ones_like: lambda a, dtype=None: ones_like(a, dtype),
    np.full_like: lambda a, fill_value, dtype=None: full_like(a, fill_value, dtype),
    np.median: lambda a, axis=None, out=None, overwrite_input=False, keepdims=False: median(
        a, axis, keepdims
    ),
    np.cov: lambda m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None: cov(
        m, y, rowvar, bias, ddof, fweights, aweights
    ),
    np.interp: lambda x, xp, fp, left=None, right=None, period=None: interp(
        x, xp, fp, left, right, period
    ),
    np.searchsorted: lambda a, v, side="left", sorter=None: searchsorted(a, v, side, sorter),
    np.choose: lambda a, choices, out=None, mode="raise": choose(a, choices, mode),
    np.unravel_index: lambda indices, shape, order="C": unravel_index(indices, shape, order),
    np.ravel_multi_index: lambda multi_index, dims, mode="raise", order="C": ravel_multi_index(
        multi_index, dims, mode, order
    ),
    np.bincount: lambda x, /, weights=None, minlength=0: bincount(x, weights, minlength),
    np.unique: _unique,
    np.convolve: lambda a, v, mode="full": _convolve(a, v, mode),
    np.broadcast_arrays: lambda *args: tuple(broadcast_arrays(*args)),
    np.atleast_3d: lambda *arys: _each(_atleast_3d, arys),
    np.real: lambda val: build("real", val),
    np.imag: lambda val: build("imag", val),
    np.angle: lambda z, deg=False: rad2deg(angle(z)) if deg else angle(z),
    np.copy: lambda a, order="K": identity(a),
    np.ndim: lambda a: as_node(a).ndim,
    np.shape: lambda a: shape_of(a),
    np.size: lambda a, axis=None: size_of(a) if axis is None else shape_of(a)[axis],
}
# built beside this file: taken from the registry by name
_LATER = {
    np.sort: "sort", np.argsort: "argsort", np.argmax: "argmax", np.argmin: "argmin",
    np.take: "take", np.nonzero: "nonzero", np.compress: "compress",
    np.flatnonzero: "flatnonzero", np.take_along_axis: "take_along_axis",
}  # fmt: skip

_ADVICE = {
    "percentile": "sort(x, axis), and take the place",
    "quantile": "sort(x, axis), and take the place",
    "average": "sum(x * w, axis) / sum(w, axis)",
    "corrcoef": "d = x - mean(x, axis=0); matmul(d.T, d), divided by std",
    "cross": "stack of the three differences of products",
    "kron": "outer, moveaxis and reshape",
    "nansum": "sum(switch(isnan(x), 0.0, x))",
    "nanmean": "sum and switch(isnan(x), 0.0, x)",
    "nanmax": "max(switch(isnan(x), -inf, x))",
    "linspace": "start + (stop - start) * arange(n) / (n - 1)",
    "tril": "x * (arange(n)[:, None] >= arange(m))",
    "triu": "x * (arange(n)[:, None] <= arange(m))",
    "meshgrid": "broadcast_to of x[None, :] and y[:, None]",
    "array_equal": "all(eq(a, b))",
    "count_nonzero": "sum(neq(x, 0))",
    "trapezoid": "sum((y[1:] + y[:-1]) * diff(x)) / 2",
    "polyval": "scan, or reduce over the coefficients",
    "cumulative_sum": "cumsum(x, axis)",
    "cumulative_prod": "cumprod(x, axis)",
    "dstack": "concatenate(tensors, axis=2)",
    "column_stack": "concatenate or stack with axis=1",
    "block": "concatenate of concatenate",
    "array_split": "split(x, lengths, axis=axis)",
    "rot90": "flip and swapaxes",
}


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value of a NumPy function on symbolic tensors.

    Raises TypeError, naming what to use, for one without a symbolic form, or with an argument
    that has none (`out`, `where`).
    """
    name = _name(function)
    later = _LATER.get(function)
    if later is not None and known(later):
        return build(later, *args, **kwargs)
    ours = _FUNCTIONS.get(function)
    if ours is None:
        raise TypeError(f"{name} does not work on a symbolic tensor; {_advice(function)}")
    parameters = inspect.signature(ours).parameters
    given = {
        k: v
        for k, v in kwargs.items()
        if v is not np._NoValue
        and not (k not in parameters and any(v is idle for idle in _IDLE.get(k, ())))
    }
    try:
        bound = inspect.signature(ours).bind(*args, **given)
    except TypeError as error:
        raise TypeError(
            f"{name} of a symbolic tensor: {error}; it takes ({', '.join(parameters)}). "
            f"{_advice(function)}"
        ) from None
    for k, values in _IDLE.items():
        if k in bound.arguments and bound.arguments[k] not in values:
            raise TypeError(
                f"{name} of a symbolic tensor: {k}={bound.arguments[k]!r} has no symbolic form, "
                f"leave it out. {_advice(function)}"
            )
    return ours(*args, **given)


def _name(function: Any) -> str:
    module = str(getattr(function, "__module__", "numpy")).replace("numpy._core", "numpy")
    return f"{'.'.join(module.split('.')[:2])}.{function.__name__}"


def _advice(function: Any) -> str:
    """Which function of cgrad.tensor to use."""
    name = function.__name__
    if name in _ADVICE:
        return f"with the functions of cgrad.tensor, use {_ADVICE[name]}"
    if function in _FUNCTIONS or known(name):
        part = "linalg." if _name(function).startswith("numpy.linalg.") else ""
        return f"use cgrad.tensor.{part}{name}"
    names = sorted(f.__name__ for f in (*_FUNCTIONS, *_LATER))
    close = difflib.get_close_matches(name, names, n=3)
    return "use the functions of cgrad.tensor" + (f": {', '.join(close)}" if close else "")


def _each(f: Callable[[Any], Node], tensors: tuple[Any, ...]) -> Any:
    return f(tensors[0]) if len(tensors) == 1 else tuple(map(f, tensors))


def _convolve(a: Any, v: Any, mode: str) -> Node:
    if mode == "same":
        raise TypeError("use cgrad.tensor.convolve1d, which has the length of its first argument")
    return convolve1d(a, v, mode)


def _atleast_3d(x: Any) -> Node:
    node = as_node(x)
    places = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}.get(node.ndim, ())
    return expand_dims(node, places) if places else node


def _reshape(a: Any, to: Any) -> Node:
    return reshape(a, to)


def _broadcast_to(a: Any, to: Any) -> Node:
    return broadcast_to(a, to)


register("numpy_function", call)
