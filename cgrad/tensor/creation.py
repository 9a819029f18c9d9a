"""Symbols, constants and tensors that are made from nothing but sizes.

Responsible for: the constructors users start from.
Not responsible for: shared variables (`cgrad.tensor.shared`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import register
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops import coerce, constants
from cgrad.ops.axes import broadcast_axes, depends_on_value
from cgrad.ops.coerce import Arraylike, as_size, cast_to
from cgrad.ops.constants import Arange, is_weak, size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import cast
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import insert_axes, stretch_to, whole_shape

DType = Any
StaticShape = Sequence[int | None]

pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
euler_gamma = 0.5772156649015329


# -- symbols ----------------------------------------------------------------------------------
def tensor(name: str | None = None, *, dtype: DType = "float64", shape: StaticShape) -> Node:
    """A symbol with one entry of `shape` for each axis: its length, or None when unknown.

    Only an axis whose length is declared as 1 stretches against longer ones.  dtype: float64,
    float32, complex128, complex64, bool, or an integer from int8 to uint64.
    """
    return _symbol(name, dtype, shape, "tensor")


def _symbol(name: str | None, dtype: DType, shape: StaticShape, what: str) -> Node:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"{what}: the name must be a string, found {name!r}")
    if what == "tensor" and name in dtypes.NUMPY:
        raise ValueError(f"tensor: the first argument is the name; write dtype={name!r}")
    if isinstance(shape, (int, np.integer)):
        shape = (int(shape),)
    for n in shape:
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
        if n is not None and not (whole and n >= 0):
            raise ShapeError(
                f"{what}: shape {tuple(shape)} holds {n!r}; each entry must be a length, 0 or "
                "more, or None for one that is known only at the call"
            )
    static = tuple(None if n is None else int(n) for n in shape)
    return make_input(TensorType(as_dtype(dtype), static), name)


class Constructor(Protocol):
    """What `vector` and the like are called with: name, dtype and static shape."""

    def __call__(
        self, name: str | None = None, *, dtype: DType = None, shape: StaticShape | None = None
    ) -> Node: ...


# the names of constructors: a letter for the dtype, none for the default, and a word for the shape
LETTERS = {
    "d": "float64", "f": "float32", "l": "int64", "i": "int32", "w": "int16", "b": "int8",
    "c": "complex64", "z": "complex128",
}  # fmt: skip
SHAPES: dict[str, StaticShape] = {
    "scalar": (),
    "vector": (None,),
    "matrix": (None, None),
    "row": (1, None),
    "col": (None, 1),
    "tensor3": (None,) * 3,
    **{f"tensor{ndim}": (None,) * ndim for ndim in range(4, 8)},
}
_PLURALS = ("scalars", "vectors", "matrices", "rows", "cols", "tensor3s", "tensor4s", "tensor5s",
            "tensor6s", "tensor7s")  # fmt: skip


def _constructor(prefix: str, kind: str) -> Constructor:
    default = LETTERS.get(prefix, "float64")
    general = SHAPES[kind]
    what = prefix + kind

    def construct(
        name: str | None = None, *, dtype: DType = None, shape: StaticShape | None = None
    ) -> Node:
        wanted = default if dtype is None else as_dtype(dtype)
        if prefix and wanted != default:
            raise DTypeError(f"{what} is of {default}, found dtype={wanted!r}; use {kind}(dtype=)")
        static = general if shape is None else shape
        fits = len(static) == len(general) and all(
            n is None or n == m for n, m in zip(general, static, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"{what}: shape={tuple(static)} found, expected {len(general)} entries that agree "
                f"with {general}; use tensor(name, dtype=, shape=) for any shape"
            )
        return _symbol(name, wanted, static, what)

    _describe(
        construct,
        what,
        f"A symbol of {default}, shape {general} (None: known only at the call).\n\n"
        "`shape` declares lengths, for example (3, None); only an axis declared as 1 stretches.",
    )
    return construct


def _describe(function: Any, name: str, doc: str) -> None:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc


def _constructors(prefix: str) -> list[Constructor]:
    return [_constructor(prefix, kind) for kind in SHAPES]


def _several(prefix: str) -> list[Callable[..., Any]]:
    return [
        _plural(prefix + plural, _constructor(prefix, kind))
        for plural, kind in zip(_PLURALS, SHAPES, strict=True)
    ]


def _plural(what: str, construct: Constructor) -> Callable[..., Any]:
    def construct_all(*names: Any) -> Any:
        if len(names) == 1:
            (names,) = names if isinstance(names[0], (int, tuple, list)) else (tuple(names[0]),)
        if isinstance(names, int):
            return [construct() for _ in range(names)]
        return [construct(name) for name in names]

    _describe(
        construct_all,
        what,
        f'A list of symbols: `{what}("x", "y")`, `{what}("xy")`, or `{what}(3)` without names.',
    )
    return construct_all


(scalar, vector, matrix, row, col,
 tensor3, tensor4, tensor5, tensor6, tensor7) = _constructors("")  # fmt: skip
(dscalar, dvector, dmatrix, drow, dcol,
 dtensor3, dtensor4, dtensor5, dtensor6, dtensor7) = _constructors("d")  # fmt: skip
(fscalar, fvector, fmatrix, frow, fcol,
 ftensor3, ftensor4, ftensor5, ftensor6, ftensor7) = _constructors("f")  # fmt: skip
(lscalar, lvector, lmatrix, lrow, lcol,
 ltensor3, ltensor4, ltensor5, ltensor6, ltensor7) = _constructors("l")  # fmt: skip
(bscalar, bvector, bmatrix, brow, bcol,
 btensor3, btensor4, btensor5, btensor6, btensor7) = _constructors("b")  # fmt: skip
(wscalar, wvector, wmatrix, wrow, wcol,
 wtensor3, wtensor4, wtensor5, wtensor6, wtensor7) = _constructors("w")  # fmt: skip
(iscalar, ivector, imatrix, irow, icol,
 itensor3, itensor4, itensor5, itensor6, itensor7) = _constructors("i")  # fmt: skip
(cscalar, cvector, cmatrix, crow, ccol,
 ctensor3, ctensor4, ctensor5, ctensor6, ctensor7) = _constructors("c")  # fmt: skip
(zscalar, zvector, zmatrix, zrow, zcol,
 ztensor3, ztensor4, ztensor5, ztensor6, ztensor7) = _constructors("z")  # fmt: skip

(scalars, vectors, matrices, rows, cols,
 tensor3s, tensor4s, tensor5s, tensor6s, tensor7s) = _several("")  # fmt: skip
(dscalars, dvectors, dmatrices, drows, dcols,
 dtensor3s, dtensor4s, dtensor5s, dtensor6s, dtensor7s) = _several("d")  # fmt: skip
(fscalars, fvectors, fmatrices, frows, fcols,
 ftensor3s, ftensor4s, ftensor5s, ftensor6s, ftensor7s) = _several("f")  # fmt: skip
(lscalars, lvectors, lmatrices, lrows, lcols,
 ltensor3s, ltensor4s, ltensor5s, ltensor6s, ltensor7s) = _several("l")  # fmt: skip
(bscalars, bvectors, bmatrices, brows, bcols,
 btensor3s, btensor4s, btensor5s, btensor6s, btensor7s) = _several("b")  # fmt: skip
(wscalars, wvectors, wmatrices, wrows, wcols,
 wtensor3s, wtensor4s, wtensor5s, wtensor6s, wtensor7s) = _several("w")  # fmt: skip
(iscalars, ivectors, imatrices, irows, icols,
 itensor3s, itensor4s, itensor5s, itensor6s, itensor7s) = _several("i")  # fmt: skip
(cscalars, cvectors, cmatrices, crows, ccols,
 ctensor3s, ctensor4s, ctensor5s, ctensor6s, ctensor7s) = _several("c")  # fmt: skip
(zscalars, zvectors, zmatrices, zrows, zcols,
 ztensor3s, ztensor4s, ztensor5s, ztensor6s, ztensor7s) = _several("z")  # fmt: skip


# -- constants --------------------------------------------------------------------------------
def constant(
    x: Arraylike, name: str | None = None, ndim: int | None = None, dtype: DType = None
) -> Node:
    """A copy of a number, a list or a NumPy array as part of the graph.

    It keeps its dtype (as `numpy.asarray` would choose it), unlike a bare Python number in an
    expression, which takes the dtype of its neighbours.  `ndim` adds leading axes of length 1.
    """
    if isinstance(x, Node):
        raise TypeError(f"constant: {x!r} is symbolic already; use as_tensor")
    value = np.asarray(x) if dtype is None else np.asarray(x, dtypes.NUMPY[as_dtype(dtype)])
    if value.dtype == object:
        return constants.constant(x)  # which refuses it by the name of its class
    if ndim is not None:
        value = value.reshape((1,) * _missing_axes(value.ndim, ndim, "constant") + value.shape)
    return constants.constant(value, name=name)


def as_tensor(
    x: Arraylike, name: str | None = None, ndim: int | None = None, dtype: DType = None
) -> Node:
    """A symbol as it is; numbers and arrays as constants; lists that hold symbols stacked.

    `ndim` adds leading axes of length 1, `dtype` casts.
    """
    node = coerce.as_node(x)
    if is_weak(node):
        return constant(x, name, ndim, dtype)
    if ndim is not None:
        node = insert_axes(node, range(_missing_axes(node.ndim, ndim, "as_tensor")))
    if dtype is not None:
        node = cast(node, as_dtype(dtype))
    if name is not None and node is not x:
        node.name = name
    return node


as_tensor_variable = as_tensor


def _missing_axes(found: int, wanted: int, what: str) -> int:
    if found > wanted:
        raise ShapeError(f"{what}: {found} axes found, expected at most ndim={wanted}")
    return wanted - found


# -- filled tensors ---------------------------------------------------------------------------
def full(shape: Arraylike, fill_value: Arraylike, dtype: DType = None) -> Node:
    """`fill_value` repeated to fill `shape`, in its own dtype unless `dtype` names another.

    `shape` is an int, an int64 scalar, a sequence of both, or an int64 vector such as `x.shape`.
    """
    target = whole_shape(shape, "full")
    value = as_tensor(fill_value, dtype=dtype)
    return stretch_to(value, target, "full")


def zeros(shape: Arraylike = (), dtype: DType = "float64") -> Node:
    """Zeros of `shape`; see `full`."""
    return _filled(shape, 0, dtype, "zeros")


def ones(shape: Arraylike = (), dtype: DType = "float64") -> Node:
    """Ones of `shape`; see `full`."""
    return _filled(shape, 1, dtype, "ones")


def empty(shape: Arraylike, dtype: DType = "float64") -> Node:
    """Zeros of `shape`: what an empty array holds must not depend on the memory it gets."""
    return _filled(shape, 0, dtype, "empty")


def _filled(shape: Arraylike, value: int, dtype: DType, what: str) -> Node:
    number = constants.constant(np.asarray(value, dtypes.NUMPY[as_dtype(dtype or "float64")]))
    return broadcast_axes(number, whole_shape(shape, what), ())


def alloc(value: Arraylike, *shape: Arraylike) -> Node:
    """`value` stretched to `shape`, given entry by entry or as one sequence."""
    sizes_of = shape[0] if len(shape) == 1 else shape
    return stretch_to(as_tensor(value), whole_shape(sizes_of, "alloc"), "alloc")


def zeros_like(model: Arraylike, dtype: DType = None) -> Node:
    """Zeros in the shape of `model`, and in its dtype unless another is given."""
    return _like(model, 0, dtype)


def ones_like(model: Arraylike, dtype: DType = None) -> Node:
    """Ones in the shape of `model`, and in its dtype unless another is given."""
    return _like(model, 1, dtype)


empty_like = zeros_like


def full_like(a: Arraylike, fill_value: Arraylike, dtype: DType = None) -> Node:
    """`fill_value` in the shape of a, and in its dtype unless another is given.

    Raises DTypeError when the value would lose its fraction in an integer dtype.
    """
    return _like(a, fill_value, dtype)


def _like(model: Arraylike, value: Arraylike, dtype: DType) -> Node:
    node, number = coerce.as_node(model), coerce.as_node(value)
    wanted = node.dtype if dtype is None else as_dtype(dtype)
    whole = number.dtype != dtypes.BOOL and value in (0, 1) if is_weak(number) else False
    if not whole and not np.can_cast(number.dtype, wanted, "same_kind"):
        raise DTypeError(
            teach(
                f"full_like: a {number.dtype} value does not fit into {wanted} without loss",
                f"pass dtype={number.dtype!r}, or cast the value to {wanted!r}",
                [node],
            )
        )
    return apply("second", node, cast_to(number, wanted))


# -- ranges -----------------------------------------------------------------------------------
def arange(
    start: Arraylike,
    stop: Arraylike | None = None,
    step: Arraylike | None = None,
    dtype: DType = None,
) -> Node:
    """start, start + step, ... below `stop` (above it for a negative step), as `numpy.arange`.

    Bounds may be int64 scalars of the graph, the step only an int that is known now; the result
    is int64 unless `dtype` says otherwise.  Float bounds and steps must be numbers.
    """
    first, last = (0, start) if stop is None else (start, stop)
    by = 1 if step is None else step
    if any(_is_float(x) for x in (first, last, by)):
        return _float_range(first, last, by, dtype)
    low, high, stride = (
        as_size(x, f"arange: the {what}")
        for what, x in (("start", first), ("stop", last), ("step", by))
    )
    if not isinstance(stride, int):
        raise NotImplementedError(
            "arange: a step that is known only at the call is not built yet; use "
            "start + step * arange(length)"
        )
    if stride == 0:
        raise ValueError("arange: the step cannot be 0")
    distance = high - low if stride > 0 else low - high
    rounded = sizes.maximum(0, distance) + (abs(stride) - 1)
    ends = [n for n in (low, high) if depends_on_value(n)] if _may_wrap(distance, stride) else []
    result = Node(Arange(sizes.floordiv(rounded, abs(stride)), tuple(ends)))
    if stride != 1:
        result = apply("mul", result, stride)
    if not (isinstance(low, int) and low == 0):
        result = apply("add", result, low if isinstance(low, int) else size_node(low))
    return result if dtype is None else cast(result, as_dtype(dtype))


def _may_wrap(distance: SizeLike, stride: int) -> bool:
    """Whether the length of a range, computed in 64 bits, may be wrong; not if it is one number."""
    if isinstance(distance, int) or not depends_on_value(distance):
        return False
    return abs(stride) != 1 or len(distance.terms) > 1 or distance.terms[0][1] != 1


def _is_float(x: Arraylike) -> bool:
    dtype = x.dtype if isinstance(x, Node) else np.asarray(x).dtype
    return np.dtype(dtype).kind == "f"


def _float_range(first: Arraylike, last: Arraylike, by: Arraylike, dtype: DType) -> Node:
    if any(isinstance(x, Node) for x in (first, last, by)):
        raise NotImplementedError(
            "arange: float bounds or steps must be numbers, found a symbol; the length would "
            "depend on rounding. Use start + step * arange(n) with an int64 length n"
        )
    wanted = None if dtype is None else dtypes.NUMPY[as_dtype(dtype)]
    values = np.arange(first, last, by, dtype=wanted)
    return constants.constant(values)


register("arange", arange)


def eye(
    n: Arraylike, m: Arraylike | None = None, k: Arraylike = 0, dtype: DType = "float64"
) -> Node:
    """Ones on diagonal `k` (above the main one when positive) of an n by m matrix of zeros.

    n, m (default n) and k are ints or int64 scalars of the graph.
    """
    height, width = (_length(size, "eye") for size in (n, n if m is None else m))
    offset = as_size(k, "eye: the diagonal")
    i, j = Node(Arange(height)), Node(Arange(width))
    column = insert_axes(i, [1])
    if not (isinstance(offset, int) and offset == 0):
        column = column + (offset if isinstance(offset, int) else size_node(offset))
    return cast(apply("eq", column, insert_axes(j, [0])), as_dtype(dtype or "float64"))


def identity_like(x: Arraylike, dtype: DType = None) -> Node:
    """The identity matrix in the shape of the matrix x."""
    node = coerce.as_node(x)
    if node.ndim != 2:
        raise ShapeError(teach(f"identity_like: {node.ndim} axes found, expected a matrix",
                               "pass a matrix, or use eye(n)", [node]))  # fmt: skip
    height, width = (n if isinstance(n, int) else size_node(n) for n in node.dims)
    return eye(height, width, dtype=dtype or node.dtype)


def _length(size: Arraylike, what: str) -> SizeLike:
    (n,) = whole_shape((size,), what)
    return n
