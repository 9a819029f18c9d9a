"""Patterns: elementwise rules written as equations over wildcards.

    equation(CANONICAL, "sqr_neg", sqr(-n), sqr(n))

Wildcards match by the dtype their name says, and the same wildcard twice means the same node:

    x y z   floats        n m    floats and integers     a b c   anything
    i j     integers      p q    booleans

A number stands for a constant, seen through a broadcast; 0 is not -0.0 and a boolean is no number.
Commutative functions match in either order.

Responsible for: matching, building, the helpers that every rule uses.
Not responsible for: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.node import Node, Shape
from cgrad.core.rewrite import Rule, RuleSet
from cgrad.ops.axes import Broadcast, broadcast_axes
from cgrad.ops.constants import Constant
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import TABLE, apply_row

# the ops of a node that `scalar` may see a number in
_CONSTANTS = frozenset((Broadcast.name, Constant.name))
Number = float | int | bool
Bound = dict[str, Node]

COMMUTATIVE = frozenset({
    "add", "mul", "eq", "neq", "maximum", "minimum", "logical_and", "logical_or", "logical_xor",
    "and_", "or_", "xor", "hypot", "logaddexp",
})  # fmt: skip


# -- constants -------------------------------------------------------------------------------
def scalar(node: Node) -> Any:
    """The one number, a NumPy scalar, that every element of the node is, or None."""
    if isinstance(node.op, Broadcast):
        node = node.args[0]
    if isinstance(node.op, Constant) and not node.op.shape:
        return node.op.value[()]
    return None


def is_number(node: Node, value: Number) -> bool:
    """Whether every element is `value`, with its sign; True and False are no numbers."""
    found = scalar(node)
    if found is None or isinstance(value, bool) != (node.dtype == dtypes.BOOL):
        return False
    if dtypes.is_complex(node.dtype):
        return bool(found == value) and repr(complex(found)) == repr(complex(value))
    return bool(found == value) and bool(np.signbit(found) == np.signbit(value))


def full(value: Any, dtype: str, dims: Shape) -> Node:
    """`value` as a constant of `dtype` stretched to `dims`."""
    with np.errstate(all="ignore"):
        array = np.asarray(value).astype(dtypes.NUMPY[dtype])
    return broadcast_axes(Node(Constant(array, weak=False)), dims, ())


def like(node: Node, value: Any) -> Node:
    """`value` in the dtype and shape of `node`."""
    return full(value, node.dtype, node.dims)


def is_op(node: Node, *names: str) -> bool:
    return node.op.name in names


def coefficient(node: Node) -> tuple[Any, Node]:
    """(c, x) of c * x, (-1, x) of -x, (1, x) of anything else."""
    if is_op(node, "neg"):
        # the largest number of an unsigned dtype, whose products wrap to the same
        return np.asarray(-1).astype(node.dtype)[()], node.args[0]
    if is_op(node, "mul"):
        value = scalar(node.args[0])
        if value is not None:
            return value, node.args[1]
    return dtypes.NUMPY[node.dtype].type(1), node


# -- patterns --------------------------------------------------------------------------------
class Pattern:
    """An expression over wildcards; the ordinary operators make larger ones."""

    __slots__ = ()

    def __add__(self, other: Any) -> Pattern:
        return Call("add", self, other)

    def __radd__(self, other: Any) -> Pattern:
        return Call("add", other, self)

    def __sub__(self, other: Any) -> Pattern:
        return Call("sub", self, other)

    def __rsub__(self, other: Any) -> Pattern:
        return Call("sub", other, self)

    def __mul__(self, other: Any) -> Pattern:
        return Call("mul", self, other)

    def __rmul__(self, other: Any) -> Pattern:
        return Call("mul", other, self)

    def __truediv__(self, other: Any) -> Pattern:
        return Call("true_div", self, other)

    def __rtruediv__(self, other: Any) -> Pattern:
        return Call("true_div", other, self)

    def __pow__(self, other: Any) -> Pattern:
        return Call("pow", self, other)

    def __rpow__(self, other: Any) -> Pattern:
        return Call("pow", other, self)

    def __neg__(self) -> Pattern:
        return Call("neg", self)


_DTYPES = {
    **dict.fromkeys("xyz", ("float64", "float32")),
    **dict.fromkeys("nm", ("float64", "float32", "int64")),
    **dict.fromkeys("ij", ("int64",)),
    **dict.fromkeys("pq", ("bool",)),
    **dict.fromkeys("abc", ("float64", "float32", "int64", "bool")),
}


class Wild(Pattern):
    """Matches any node of the dtypes its name stands for."""

    __slots__ = ("dtypes", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtypes = _DTYPES[name]

    def __repr__(self) -> str:
        return self.name


class Literal(Pattern):
    """A constant."""

    __slots__ = ("value",)

    def __init__(self, value: Number) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


class Call(Pattern):
    """A function of the table applied to patterns."""

    __slots__ = ("args", "name")

    def __init__(self, name: str, *args: Any) -> None:
        self.name = name
        self.args = tuple(a if isinstance(a, Pattern) else Literal(a) for a in args)

    def __repr__(self) -> str:
        infix = TABLE[self.name].infix
        if infix is None:
            return f"{self.name}({', '.join(_bare(arg) for arg in self.args)})"
        return infix.format(*self.args)


def _bare(pattern: Pattern) -> str:
    text = repr(pattern)
    return text[1:-1] if text.startswith("(") else text


def function(name: str) -> Callable[..., Pattern]:
    """The function `name` of the table as a maker of patterns."""

    def make(*args: Any) -> Pattern:
        return Call(name, *args)

    return make


def match(pattern: Pattern, node: Node, bound: Bound) -> Iterator[Bound]:
    """Every way in which `node` is `pattern`, given what the wildcards are bound to."""
    if isinstance(pattern, Wild):
        held = bound.get(pattern.name)
        if held is None:
            if node.dtype in pattern.dtypes:
                yield {**bound, pattern.name: node}
        elif held is node:
            yield bound
    elif isinstance(pattern, Literal):
        if is_number(node, pattern.value):
            yield bound
    elif isinstance(pattern, Call) and node.op.name == pattern.name:
        yield from _match_all(pattern.args, node.args, bound)
        if pattern.name in COMMUTATIVE:
            yield from _match_all(pattern.args, node.args[::-1], bound)


def _heads(pattern: Pattern) -> frozenset[str] | None:
    """The names of the ops that a pattern can match, None for any."""
    if isinstance(pattern, Call):
        return frozenset((pattern.name,))
    return _CONSTANTS if isinstance(pattern, Literal) else None


def _may_be(heads: Sequence[frozenset[str] | None], names: Sequence[str]) -> bool:
    for head, name in zip(heads, names, strict=True):
        if head is not None and name not in head:
            return False
    return True


def _match_all(patterns: Sequence[Pattern], nodes: Sequence[Node], bound: Bound) -> Iterator[Bound]:
    if not patterns:
        yield bound
        return
    for found in match(patterns[0], nodes[0], bound):
        yield from _match_all(patterns[1:], nodes[1:], found)


def construct(pattern: Pattern, bound: Bound, model: Node) -> Node:
    """The node a pattern stands for; a lone number has the dtype and shape of `model`."""
    if isinstance(pattern, Wild):
        return bound[pattern.name]
    if isinstance(pattern, Literal):
        return like(model, pattern.value)
    assert isinstance(pattern, Call)
    built = {
        k: construct(arg, bound, model)
        for k, arg in enumerate(pattern.args)
        if not isinstance(arg, Literal)
    }
    sibling = next(reversed(built.values()))
    args = [
        built[k] if k in built else construct(arg, bound, sibling)
        for k, arg in enumerate(pattern.args)
    ]
    return apply_row(pattern.name, *args)


def _wildcards(pattern: Pattern) -> list[str]:
    if isinstance(pattern, Wild):
        return [pattern.name]
    found: list[str] = []
    for arg in pattern.args if isinstance(pattern, Call) else ():
        found += [name for name in _wildcards(arg) if name not in found]
    return found


def _as_example(pattern: Pattern, inputs: dict[str, Any]) -> Any:
    if isinstance(pattern, Wild):
        return inputs[pattern.name]
    if isinstance(pattern, Literal):
        return pattern.value
    assert isinstance(pattern, Call)
    return apply(pattern.name, *(_as_example(arg, inputs) for arg in pattern.args))


class Example:
    """An example made from the left side of an equation; `names` are its inputs."""

    __slots__ = ("names", "pattern")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.names = tuple(_wildcards(pattern))

    def __call__(self, *inputs: Any) -> Any:
        return _as_example(self.pattern, dict(zip(self.names, inputs, strict=True)))


def equation(
    rules: RuleSet,
    name: str,
    left: Pattern,
    right: Pattern | Number,
    *,
    exact: bool = True,
    domain: str = "everywhere",
) -> None:
    """Add the rule `left -> right` to a set."""
    assert isinstance(left, Call)
    root = left.name
    target = right if isinstance(right, Pattern) else Literal(right)

    heads = tuple(map(_heads, left.args))
    swapped = heads[::-1] if root in COMMUTATIVE else heads

    def admits(names: Sequence[str]) -> bool:
        return _may_be(heads, names) or (swapped != heads and _may_be(swapped, names))

    def apply_equation(node: Node) -> Node | None:
        for bound in match(left, node, {}):
            return construct(target, bound, node)
        return None

    text = f"{_bare(left)} -> {_bare(target)}"
    examples = (Example(left),)
    rules.add(Rule(name, (root,), apply_equation, text, examples, exact, domain, admits=admits))
