"""Operations from functions that users write elsewhere: `c_op`, `wrap_py`.

Responsible for: what users may pass.  Not responsible for: the ops
(`cgrad.ops.foreign`, `cgrad.ops.python_call`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node, Shape, TensorType, make_input
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError
from cgrad.graph.replace import like
from cgrad.graph.rules import checked_rules
from cgrad.ops.axes import reshape_to
from cgrad.ops.coerce import as_node, as_shape, broadcast, cast_to
from cgrad.ops.constants import is_weak
from cgrad.ops.custom import Custom, Rule
from cgrad.ops.foreign import CFunction
from cgrad.ops.python_call import Callback, PythonCall
from cgrad.ops.result import Get
from cgrad.ops.windows import part

# words of C, and beginnings of names that belong to the compiler or to cgrad
_KEYWORDS = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long main register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while bool true false""".split()
)


def c_op(
    name: str,
    source: str,
    inputs: Sequence[str] = ("float64",),
    output: str = "float64",
    pullback: Rule | None = None,
    pushforward: Rule | None = None,
    numpy: Callable[..., Any] | None = None,
) -> Callable[..., Node]:
    """A scalar function written in C as an operation on tensors, element by element.

    name         of the C function; also what `pp` prints
    source       C text that defines it, and maybe functions it calls: without a state, so that
                 calls may be left out, repeated and reordered.  Headers it needs beyond math.h,
                 stdint.h, stdbool.h and string.h are included in it
    inputs       the dtypes of the arguments: float64 is double, float32 float, int64 int64_t,
                 bool bool, and so on
    output       the dtype of the result
    pullback, pushforward  derivatives, as in `OpFromGraph`: functions of (arguments, results,
                 cotangents or tangents), three lists of symbols, that return a list of symbols
    numpy        the same function on arrays, for the interpreter that tests use

    The result is a function of tensors, which are stretched to one shape; Python numbers take the
    dtype of their argument.  The text becomes part of the kernel's file, so it may be inlined, is
    compiled with the same flags, and a change of it is another entry in the cache.

    >>> import cgrad, cgrad.tensor as ct
    >>> cube = cgrad.c_op("cube", "double cube(double x) { return x * x * x; }",
    ...                   pullback=lambda xs, ys, cts: [cts[0] * 3.0 * xs[0] ** 2])
    >>> x = ct.dvector("x")
    >>> f = cgrad.function([x], [cube(x), ct.grad(ct.sum(cube(x)), x)])
    >>> f([1.0, 2.0])
    [array([1., 8.]), array([ 3., 12.])]

    Raises ValueError for a name that C or cgrad does not allow, or that the text does not define;
    BuildError, at compilation, for text that is not C or defines another type.
    """
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in _KEYWORDS:
        raise ValueError(f"c_op: {name!r} cannot be the name of a C function")
    if name.startswith("cg_"):
        raise ValueError(f"c_op: names with cg_ in front are cgrad's own; rename {name!r}")
    if not re.search(rf"\b{name}\s*\(", source):
        raise ValueError(f"c_op: the source does not define {name}")
    if not source.isascii():
        raise ValueError("c_op: the source holds letters that are not ASCII")
    takes = tuple(as_dtype(dtype) for dtype in inputs)
    gives = as_dtype(output)
    if not takes:
        raise ValueError(f"c_op: {name} takes no argument")
    rules = checked_rules(name, pullback, pushforward)
    op = CFunction(name, source, takes, gives, numpy, rules)

    def call(*args: Any) -> Node:
        if len(args) != len(takes):
            raise TypeError(f"{name}: {len(args)} arguments, expected {len(takes)}")
        nodes = []
        for k, (arg, dtype) in enumerate(zip(args, takes, strict=True)):
            node = as_node(arg)
            if node.dtype != dtype:
                if not is_weak(node) or (
                    dtypes.is_float(node.dtype) and not dtypes.is_float(dtype)
                ):
                    raise DTypeError(
                        f"{name}: argument {k + 1} has dtype {node.dtype}, expected {dtype}; "
                        f"cast it with .astype({dtype!r})"
                    )
                node = cast_to(node, dtype)
            nodes.append(node)
        return Node(op, tuple(broadcast(nodes, name)))

    call.__name__ = name
    return call


def wrap_py(
    itypes: Any,
    otypes: Any,
    infer_shape: Callable[..., Any] | None = None,
    pullback: Rule | None = None,
    pushforward: Rule | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: a Python function on NumPy arrays as an operation on tensors.

    itypes       types of the arguments, one or a list: `ct.dmatrix`, `ct.dvector`, `TensorType`
    otypes       types of the results, one or a list; all of one dtype
    infer_shape  function of the shapes of the arguments (tuples of ints or symbols) that returns
                 the shape of the result, or a list with those of all results.  It may be left out
                 where the types of the results are scalars or have known lengths
    pullback, pushforward  derivatives, as in `OpFromGraph`, written with symbols

    The kernel calls the function where its value is needed, in every step if that is in a loop:
    arguments and results are copied, and the time of a call is Python's (`f.explain()` tells which
    functions are called).  The function must not depend on anything but its arguments, and not
    change them; calls whose result is not needed are left out.  An exception in it ends the call
    of the compiled function and is raised there.  A result of another shape is a ShapeError, one of
    another kind of dtype a DTypeError.

    >>> import numpy as np
    >>> import cgrad, cgrad.tensor as ct
    >>> @cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda shape: shape,
    ...                pullback=lambda xs, ys, cts: [ct.flip(cts[0])])
    ... def backwards(v):
    ...     return v[::-1]
    >>> x = ct.dvector("x")
    >>> f = cgrad.function([x], [backwards(x), ct.grad(backwards(x)[0], x)])
    >>> f([1.0, 2.0, 3.0])
    [array([3., 2., 1.]), array([0., 0., 1.])]
    """
    takes = [_type(t) for t in _listed(itypes)]
    gives = [_type(t) for t in _listed(otypes)]
    if not gives:
        raise ValueError("wrap_py: otypes is empty; a function has at least one result")
    if len({t.dtype for t in gives}) > 1:
        raise NotImplementedError(
            "wrap_py: results of several dtypes are not built; return them in one dtype and cast "
            "them with .astype"
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        what = getattr(function, "__name__", type(function).__name__)
        rules = checked_rules(what, pullback, pushforward)
        dtype, ranks = gives[0].dtype, tuple(t.ndim for t in gives)
        callback = Node(
            Callback(function, tuple((t.dtype, t.ndim) for t in takes), dtype, ranks), name=what
        )

        def call(*args: Any) -> Any:
            if len(args) != len(takes):
                raise TypeError(f"{what}: {len(args)} arguments, expected {len(takes)}")
            nodes = [
                like(arg, make_input(t), f"{what}: argument {k + 1}")
                for k, (arg, t) in enumerate(zip(args, takes, strict=True))
            ]
            shapes = _shapes(what, infer_shape, nodes, gives)
            made = Node(PythonCall(dtype, shapes), (callback, *nodes))
            results = [made]
            start: SizeLike = 0
            if len(shapes) > 1:
                results = []
                for shape in shapes:
                    n = sizes.product(shape)
                    results.append(reshape_to(part(made, 0, start, (n,)), shape))
                    start = start + n
            if rules is not None:
                node = Node(Custom(what, len(results), rules), (*results, *nodes))
                results = [Node(Get(k), (node,)) for k in range(len(results))]
            return results[0] if len(results) == 1 else results

        call.__name__ = what
        return call

    return decorate


def _listed(types: Any) -> list[Any]:
    return list(types) if isinstance(types, (list, tuple)) else [types]


def _type(given: Any) -> TensorType:
    """The type of a TensorType or of a constructor such as `ct.dvector`."""
    found = given if isinstance(given, TensorType) else None
    if found is None and callable(given):
        try:
            made = given()
        except TypeError:  # a function with arguments
            made = None
        if isinstance(made, Node):
            shape = tuple(n if isinstance(n, int) else None for n in made.dims)
            found = TensorType(made.dtype, shape)
    if found is None:
        raise TypeError(
            f"wrap_py: {given!r:.60} is no type; write wrap_py(itypes, otypes)(function) with "
            "types such as ct.dvector or a TensorType"
        )
    return found


def _shapes(
    what: str, infer_shape: Any, args: Sequence[Node], gives: Sequence[TensorType]
) -> tuple[Shape, ...]:
    """The shapes of the results."""
    if infer_shape is None:
        for k, t in enumerate(gives):
            if not all(isinstance(n, int) for n in t.shape):
                raise TypeError(
                    f"{what}: the lengths of result {k + 1}, {t!r}, are not known; pass "
                    "infer_shape, a function of the shapes of the arguments"
                )
        return tuple(t.shape for t in gives)
    found = infer_shape(*(tuple(arg.shape[k] for k in range(arg.ndim)) for arg in args))
    several = isinstance(found, list)
    shapes = tuple(as_shape(shape, what) for shape in (found if several else [found]))
    if [len(shape) for shape in shapes] != [t.ndim for t in gives]:
        raise ValueError(
            f"{what}: infer_shape has returned shapes of {[len(s) for s in shapes]} axes, expected "
            f"{[t.ndim for t in gives]}"
        )
    return shapes
