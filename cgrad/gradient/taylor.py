"""Directional derivatives of any order, by truncated power series: Taylor mode.

Every node gets the coefficients of its value along a line x + t v.  Linear ops act on each
coefficient; products are sums of products of coefficients; any other elementwise function y = f(x)
follows from y' = f'(x) x', where f' is that of the table, a graph whose own series is found in the
same way, one order lower (A. Griewank, A. Walther, Evaluating Derivatives, 2008, chapter 13).  So
the work grows with a low power of the order, where nested derivatives double it with each.

Responsible for: the rules of series, by kind of op.  Not responsible for: partial derivatives
(`cgrad.ops.elementwise`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from cgrad.core import dtypes
from cgrad.core.derive import add
from cgrad.core.graphs import Interner, rebuild, substitute, toposort
from cgrad.core.node import Node, TupleType, make_input
from cgrad.core.registry import build
from cgrad.gradient.arguments import as_nodes, points, require_float
from cgrad.ops.checks import Checked
from cgrad.ops.choices import Choice
from cgrad.ops.kinds import Linear
from cgrad.ops.lookup import Lookup
from cgrad.ops.passthrough import PassThrough
from cgrad.ops.scalar import NEG, Elementwise, Over
from cgrad.rewrites.before_derivatives import stable_forms

Maybe = Node | None


def taylor(f: Node, wrt: Node | Sequence[Node], directions: Any, order: int) -> list[Node]:
    """The derivatives of t -> f(x + t v) at t = 0, from order 0 to `order`.

    f           a tensor of floating or complex dtype and any rank
    wrt         the tensor x, or a list or tuple of them
    directions  v: one for each wrt, of its shape
    order       an int of 0 or more

    Returns order + 1 tensors of the shape of f: f, f' v, f'' v v, ...  The first agrees with
    `pushforward`, and coefficients of the Taylor series are these by k!.  The graph grows with the
    square of the order for products, quotients and exponentials, at most with its cube where
    derivatives of a function lead to ever other functions (gamma).

    Elementwise functions, and what is linear or a product (sums, indexing, reshaping, `dot`) are
    covered.  Other ops on the way from wrt to f (loops, `max`, factorisations) raise
    NotImplementedError naming the op: nest `pushforward` there.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> y = cgrad.gradient.taylor(ct.exp(2.0 * x), x, ct.ones_like(x), 4)
    >>> cgrad.function([x], y[-1])([0.0, 1.0])
    array([ 16.        , 118.22489758])

    Raises ValueError for another order, DTypeError for integers, ShapeError for directions that do
    not look like wrt.
    """
    if not isinstance(f, Node):
        raise TypeError(f"taylor: f is {type(f).__name__}, expected a tensor")
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise ValueError(f"taylor: order={order!r} found, expected an int of 0 or more")
    nodes = as_nodes(wrt, "wrt")
    require_float([f, *nodes], "taylor")
    ts = points(directions, wrt, nodes, "directions", "wrt")
    inputs = [make_input(node.type, node.name) for node in nodes]
    back = dict(zip(inputs, nodes, strict=True))
    (inner,) = substitute([f], dict(zip(nodes, inputs, strict=True)))
    (inner,) = stable_forms([inner], inputs)
    series = _Series(dict(zip(inputs, ts, strict=True)))
    (inner,) = series.interned([inner])
    order_of = toposort([inner], inputs)
    for k in range(order + 1):
        for node in order_of:
            series.at(node, k)
    found = [series.at(inner, k) for k in range(order + 1)]
    zero = build("zeros_like", inner)
    scaled = [
        zero if c is None else c if k < 2 else c * math.factorial(k) for k, c in enumerate(found)
    ]
    return substitute(scaled, back)


class _Series:
    """The coefficients of nodes by order; None for zero.

    known    (node, order) -> coefficient
    moving   which nodes depend on t
    factors  the partial derivatives of a node, by position
    rates    products of these and of the derivative of an argument by t: for a node, a position
             and a number of factors the coefficients
    """

    def __init__(self, directions: dict[Node, Node]) -> None:
        self.directions = directions
        self.known: dict[tuple[Node, int], Maybe] = {}
        self.moving: dict[Node, bool] = dict.fromkeys(directions, True)
        self.table = Interner()
        self.memo: dict[Node, Node] = {}
        self.factors: dict[Node, list[tuple[int, list[Any]]]] = {}
        self.rates: dict[tuple[Node, int, int], dict[int, Maybe]] = {}

    def interned(self, outputs: Sequence[Node]) -> list[Node]:
        """The nodes with equal ones made one, also with those of before."""
        for node in toposort(outputs, self.memo):
            if node not in self.memo:
                self.memo[node] = new = self.table.add(rebuild(node, self.memo))
                self.memo.setdefault(new, new)
        return [self.memo[out] for out in outputs]

    def moves(self, node: Node) -> bool:
        """Whether the value of the node depends on t."""
        for part in toposort([node], self.moving):
            if part not in self.moving:
                connected = (a for k, a in enumerate(part.args) if part.op.connects(k))
                self.moving[part] = any(self.moving[arg] for arg in connected) and (
                    isinstance(part.type, TupleType) or dtypes.is_inexact(part.dtype)
                )
        return self.moving[node]

    def at(self, node: Node, k: int) -> Maybe:
        """Coefficient k of the node."""
        if k == 0:
            return node
        if not self.moves(node):
            return None
        key = (node, k)
        if key not in self.known:
            self.known[key] = self._found(node, k)
        return self.known[key]

    def _found(self, node: Node, k: int) -> Maybe:
        if node in self.directions:
            return self.directions[node] if k == 1 else None
        op = node.op
        if isinstance(op, Elementwise):
            return self._elementwise(node, k)
        if isinstance(op, Linear) and op.multilinear:
            return self._product(node, k)
        if isinstance(op, (Linear, Lookup, PassThrough, Checked)):
            image: Maybe = op.jvp(node, [self.at(arg, k) for arg in node.args])
            return image
        raise NotImplementedError(
            f"taylor: {op.name} is not covered, only elementwise functions and what is linear or a "
            "product; nest pushforward"
        )

    def _product(self, node: Node, k: int) -> Maybe:
        op: Any = node.op
        a, b = node.args
        return self._convolved(lambda i: self.at(a, i), lambda j: self.at(b, j), k, op.apply)

    def _convolved(
        self,
        left: Callable[[int], Maybe],
        right: Callable[[int], Maybe],
        k: int,
        times: Callable[[Node, Node], Node],
    ) -> Maybe:
        """Coefficient k of a product."""
        total: Maybe = None
        for i in range(k + 1):
            a, b = left(i), right(k - i)
            if a is not None and b is not None:
                total = add(total, times(a, b))
        return total

    # -- elementwise functions ------------------------------------------------------------------
    def _elementwise(self, node: Node, k: int) -> Maybe:
        if node.op.name == "mul":
            a, b = node.args
            return self._convolved(
                lambda i: self.at(a, i), lambda j: self.at(b, j), k,
                lambda p, q: build("mul", p, q),
            )  # fmt: skip
        total: Maybe = None
        held = self._factors(node)
        for position, factors in held:
            arg = node.args[position]
            if not self._vary(factors):
                # linear in this argument, whatever the others do
                t = self.at(arg, k)
                for factor in factors:
                    t = None if t is None else _scaled(t, factor)
                total = add(total, t)
        rate: Maybe = None
        for position, factors in held:
            arg = node.args[position]
            if self._vary(factors):
                rate = add(rate, self._rate(node, position, arg, factors, k - 1))
        return add(total, None if rate is None else rate if k == 1 else rate / float(k))

    def _factors(self, node: Node) -> list[tuple[int, list[Any]]]:
        """The factors of the partial derivatives of moving arguments."""
        found = self.factors.get(node)
        if found is None:
            found = []
            partials = node.op.row.partials  # type: ignore[attr-defined]
            for position, partial in enumerate(partials):
                if partial is None or not self.moves(node.args[position]):
                    continue
                factors: list[Any] = []
                for factor in partial(node, *node.args):
                    if isinstance(factor, Over):
                        factors.append(Over(*self.interned([factor.node])))
                    elif isinstance(factor, Node):
                        factors += self.interned([factor])
                    else:
                        factors.append(factor)
                found.append((position, factors))
            self.factors[node] = found
        return found

    def _vary(self, factors: Sequence[Any]) -> bool:
        """Whether a factor depends on t; a condition does not count, it is constant nearby."""
        nodes = (x.node if isinstance(x, Over) else x for x in factors)
        return any(self.moves(x) for x in nodes if isinstance(x, Node))

    def _rate(self, node: Node, position: int, arg: Node, factors: Sequence[Any], k: int) -> Maybe:
        """Coefficient k of the derivative of an argument by t, times its factors."""

        def rate(j: int) -> Maybe:
            c = self.at(arg, j + 1)
            return c if c is None or j == 0 else c * float(j + 1)

        current: Callable[[int], Maybe] = rate
        for level, factor in enumerate(factors):
            current = self._times(node, position, level, factor, current)
        return current(k)

    def _times(
        self, node: Node, position: int, level: int, factor: Any, before: Callable[[int], Maybe]
    ) -> Callable[[int], Maybe]:
        """Coefficients of a series times a factor; each is found once."""
        held = self.rates.setdefault((node, position, level), {})

        def coefficient(k: int) -> Maybe:
            if k not in held:
                held[k] = find(k)
            return held[k]

        def find(k: int) -> Maybe:
            if isinstance(factor, Node):
                return self._convolved(
                    before, lambda j: self.at(factor, j), k, lambda p, q: build("mul", p, q)
                )
            if not isinstance(factor, Over):
                t = before(k)
                return None if t is None else _scaled(t, factor)
            # q b = a, so q_k = (a_k - sum of q_i b_(k - i) for i < k) / b_0
            total = before(k)
            for i in range(k):
                q, b = coefficient(i), self.at(factor.node, k - i)
                if q is not None and b is not None:
                    total = add(total, build("neg", build("mul", q, b)))
            return None if total is None else build("true_div", total, factor.node)

        return coefficient


def _scaled(t: Node, factor: Any) -> Node:
    """One coefficient times a factor that does not move."""
    result: Node
    if isinstance(factor, Over):
        result = build("true_div", t, factor.node)
    elif isinstance(factor, Choice):
        result = factor.of(t)
    else:
        result = build("neg", t) if factor is NEG else build("mul", t, factor)
    return result
