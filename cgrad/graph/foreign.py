"""Operations from functions that users write elsewhere: `c_op`.

Responsible for: what users may pass.  Not responsible for: the op (`cgrad.ops.foreign`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from cgrad.core import dtypes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node
from cgrad.errors import DTypeError
from cgrad.graph.rules import checked_rules
from cgrad.ops.coerce import as_node, broadcast, cast_to
from cgrad.ops.constants import is_weak
from cgrad.ops.custom import Rule
from cgrad.ops.foreign import CFunction

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
