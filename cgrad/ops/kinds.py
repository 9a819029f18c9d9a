"""The kinds of op: what each must answer and what follows from it.

    Elementwise (ops.elementwise)  a table row        -> types, jvp, vjp, lowering, tests
    Linear                         value and transpose -> jvp, vjp, tests
                                   push                -> structured Jacobians
    Opaque                         value and one rule  -> the other mode, Jacobians, tests

How an op reaches the loop IR, by its `lowering`:

    pull    `value_at(node, index)`: the element at an index, as an expression or as a generator
            that yields (argument, index) to ask for an element and receives its expression
    reduce  `reduction(node)` beside `value_at` over the full domain
    view    the elements of its argument in row-major order under another shape
    emit    `emit(node, block, target)`: statements that fill a target (loops, joins)
    leaf    a value that is there when the kernel starts

Of ops that are pulled, some `moves`: an element of the result is one of the first argument, so a
result over stored elements needs no storage.  Of ops that emit, some `stores_arguments`: they hand
their arguments on as rows in memory.

Responsible for: the shape of these answers.  Not responsible for: any single op.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any

from cgrad.core.derive import add, jvp_of_vjp, vjp_of_jvp
from cgrad.core.exprs import Expr, Index
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, Op, make_input
from cgrad.core.registry import build
from cgrad.ops.terms import Term, Unstructured, push

Pull = Expr | Generator[tuple[Node, Index], Expr, Expr]


class Reduction:
    """Accumulate `op` over `axes` of `domain`, beginning with `init`, in `dtype`.

    `empty` says whether a domain without elements has a result; if not it is an error.
    `result` gives for each axis of the result its axis in the domain: in order, by default.
    """

    __slots__ = ("axes", "domain", "dtype", "empty", "init", "op", "result")

    def __init__(
        self,
        domain: Index,
        axes: tuple[int, ...],
        op: str,
        init: Expr,
        dtype: str,
        empty: bool = True,
        result: tuple[int, ...] | None = None,
    ) -> None:
        self.domain = domain
        self.axes = axes
        self.op = op
        self.init = init
        self.dtype = dtype
        self.empty = empty
        kept = tuple(k for k in range(len(domain)) if k not in axes)
        self.result = kept if result is None else result


class Linear(Op):
    """Linear in its arguments: jointly, or (`multilinear`) in each with the others held fixed."""

    __slots__ = ()
    lowering = "pull"
    moves = False
    multilinear = False

    def transpose(self, node: Node, position: int, ct: Node) -> Node | None:
        """The cotangent of argument `position`."""
        raise NotImplementedError(f"{self.name}: transpose")

    def apply(self, *args: Node) -> Node:
        return Node(self, args)

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        if self.multilinear:
            total: Node | None = None
            for k, t in enumerate(tangents):
                if t is not None:
                    total = add(total, self.apply(*node.args[:k], t, *node.args[k + 1 :]))
            return total
        full = [
            build("zeros_like", arg) if t is None else t
            for arg, t in zip(node.args, tangents, strict=True)
        ]
        return self.apply(*full)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        """A term of argument `position` as terms of the result."""
        raise Unstructured(self.name)

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return [
            pushed
            for position, own in enumerate(terms)
            for term in own or ()
            for pushed in self.push(node, position, term)
        ]

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        return [
            self.transpose(node, position, ct) if wanted else None
            for position, wanted in enumerate(needed)
        ]

    def value_at(self, node: Node, index: Index) -> Pull:
        raise NotImplementedError(f"{self.name}: value_at")


class Opaque(Op):
    """Not linear; a subclass has `jvp` or `vjp` (or both) and the other mode is derived."""

    __slots__ = ()
    lowering = "pull"

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Any:
        return jvp_of_vjp(node, tangents)

    def vjp(self, node: Node, ct: Any, needed: Sequence[bool]) -> Sequence[Node | None]:
        return vjp_of_jvp(node, ct, needed)

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        """The graph of the forward rule is linear in the tangents: the terms go through it.

        A rule that applies the op itself to tangents (a solution is linear in its right side)
        would go through itself without end: there is no rule then.
        """
        tangents = [
            None if own is None else make_input(arg.type)
            for own, arg in zip(terms, node.args, strict=True)
        ]
        seeds = {t: own for t, own in zip(tangents, terms, strict=True) if t is not None}
        pushed = self.jvp(node, tangents)
        if pushed is None:
            return None
        leaves = [node, *node.args]
        if any(type(part.op) is type(self) for part in toposort([pushed], leaves) if part.args
               and part not in leaves):  # fmt: skip
            return NotImplemented
        return push([pushed], seeds, leaves=leaves)[0]

    def value_at(self, node: Node, index: Index) -> Pull:
        raise NotImplementedError(f"{self.name}: value_at")


class Leaf(Op):
    """A value that exists before the kernel runs: no arguments, no derivative."""

    __slots__ = ()
    lowering = "leaf"


def moved(node: Node) -> Node:
    """The node whose elements are those of `node`, in other places."""
    while getattr(node.op, "moves", False):
        node = node.args[0]
    return node


def lowering(node: Node) -> str:
    """How `node` reaches the loop IR."""
    way: str = getattr(node.op, "lowering", "leaf")
    return way


def beside(node: Node) -> tuple[str, ...]:
    """The functions beside which, for the same arguments, `node` costs next to nothing."""
    names: tuple[str, ...] = getattr(getattr(node.op, "row", None), "beside", ())
    return names


def element_cost(node: Node) -> int:
    """Rough number of additions that an element of `node` costs, its arguments left out."""
    cost: int = getattr(node.op, "cost", 0)
    return cost
