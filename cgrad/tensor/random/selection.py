"""Picking: from weights, from arrays, in another order.

Responsible for: these draws.  Not responsible for: single numbers (`cgrad.tensor.random.discrete`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import dtypes
from cgrad.core.dtypes import FLOAT64, INT64
from cgrad.core.node import Node, Shape
from cgrad.core.sizes import SizeLike, product
from cgrad.errors import RankError
from cgrad.ops.axes import broadcast_axes, permute_axes, reshape_to, sum_axes
from cgrad.ops.coerce import Arraylike, as_node, as_shape, as_size, cast_to
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.random import draw
from cgrad.tensor.lookup import argsort, take
from cgrad.tensor.messages import teach
from cgrad.tensor.random.discrete import INVALID, integers
from cgrad.tensor.random.keys import as_generator, generator_first, jumping, split
from cgrad.tensor.reductions import cumsum
from cgrad.tensor.scan import scan


def _weights(what: str, p: Arraylike) -> Node:
    node = cast_to(as_node(p), FLOAT64)
    if not node.ndim:
        raise RankError(teach(f"{what}: p is a scalar, expected (..., K)", "give a vector", [node]))
    return jumping(node)


def _in_front(what: str, p: Node, size: Any) -> Node:
    """Weights (..., K) with `size` in front of the last axis."""
    front = p.dims[:-1] if size is None else as_shape(size, f"{what}: size")
    extra = len(front) - (p.ndim - 1)
    if extra < 0:
        raise RankError(
            teach(f"{what}: p has more axes than size and the last", "give a longer size", [p])
        )
    shape = (*front, p.dims[-1])
    return broadcast_axes(p, shape, tuple(range(extra, len(shape))))


def _valid(p: Node) -> Node:
    """Whether weights along the last axis are not negative and have a positive, finite sum."""
    last = (p.ndim - 1,)
    bad = cast_to(apply("logical_not", apply("ge", p, 0)), INT64)
    total = sum_axes(p, last)
    fine = apply("logical_and", apply("gt", total, 0), apply("isfinite", total))
    return apply("logical_and", apply("eq", sum_axes(bad, last), 0), fine)


@generator_first
def categorical(rng: Arraylike, p: Any, size: Any = None) -> Node:
    """An index of the last axis of `p` (..., K) with probability proportional to its weight.

    size   the shape of the result; by default that of p without the last axis

    The number of partial sums that a uniform number reaches; -2^63 where a weight is negative or
    their sum is not positive and finite.
    """
    node = as_generator(rng, "categorical")
    return _categorical(node, _in_front("categorical", _weights("categorical", p), size))


def _categorical(rng: Node, p: Node, lane: int = 0) -> Node:
    last = p.ndim - 1
    sums = cumsum(p, last)
    ends = permute_axes(sums, (last, *range(last)))[-1]
    reached = draw("unit", rng, p.dims[:-1], (), lane) * ends
    # the largest index of a positive weight is a bound: rounding never goes beyond it
    passed = apply("le", sums, broadcast_axes(reached, p.dims, tuple(range(last))))
    below = apply("lt", sums, broadcast_axes(ends, p.dims, tuple(range(last))))
    count = sum_axes(cast_to(apply("logical_and", passed, below), INT64), (last,))
    return apply("switch", _valid(p), count, INVALID)


@generator_first
def multinomial(rng: Arraylike, n: Any, p: Any, size: Any = None) -> Node:
    """How often each index of the last axis of `p` (..., K) comes among `n` draws: (*size, K).

    Weights are divided by their sum. Binomial numbers one after the other, of what is left
    (L. Devroye, 1986, chapter 11.1); -2^63 where weights or n are not valid.
    """
    node = as_generator(rng, "multinomial")
    weights = _weights("multinomial", p)
    count = as_node(n)
    if not dtypes.is_integer(count.dtype):
        raise TypeError(
            teach(f"multinomial: n is {count.dtype}, expected integers", "cast it", [count])
        )
    if size is None and count.ndim:
        size = count.dims
    weights = _in_front("multinomial", weights, size)
    front, last = weights.dims[:-1], weights.ndim - 1
    count = cast_to(count, INT64)
    left = broadcast_axes(count, front, tuple(range(len(front) - count.ndim, len(front))))
    valid = _valid(weights)
    # sums from the end on: the share of an index among those that are left
    by_index = permute_axes(weights, (last, *range(last)))[::-1]
    later = cumsum(by_index, 0)
    keys = split(node, size_node(weights.dims[-1]))

    def step(weight: Node, rest: Node, key: Node, left: Node) -> list[Node]:
        share = apply("switch", apply("gt", rest, 0), weight / rest, 0.0)
        drawn = draw("binomial", key, left.dims, (left, apply("minimum", share, 1.0)))
        return [left - drawn, drawn]

    start = apply("switch", valid, left, 0)
    (_, drawn), _ = scan(
        step, sequences=[by_index[::-1], later[::-1], keys], outputs_info=[start, None]
    )
    counts = permute_axes(drawn, (*range(1, last + 1), 0))
    shown = apply("logical_and", valid, apply("ge", left, 0))
    return apply("switch", broadcast_axes(shown, counts.dims, tuple(range(last))), counts, INVALID)


@generator_first
def permutation(rng: Arraylike, x: Any) -> Node:
    """The elements of x along its first axis in random order; of an integer n those of arange(n).

    All orders are equally likely but for ties of 64-bit words.
    """
    node = as_generator(rng, "permutation")
    array = as_node(x)
    n = array.dims[0] if array.ndim else as_size(array, "permutation: x")
    order = argsort(draw("bits", node, (n,)))
    return take(array, order, 0) if array.ndim else order


@generator_first
def choice(rng: Arraylike, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Node:
    """Elements of a vector `a`, or of arange(a) for an integer, of shape `size`.

    replace  whether an element may come more than once
    p        weights, by default equal ones

    Without replacement in random order; with weights in the order of the first arrivals of clocks
    of these rates (P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a
    reservoir", Inf. Proc. Letters 97, 2006).  The index is -2^63, and looking it up in `a` an
    error, where weights are not valid or too few are positive.
    """
    node = as_generator(rng, "choice")
    array = as_node(a)
    if array.ndim > 1:
        raise RankError(
            teach("choice: a has more than one axis", "choose from arange(a.shape[0])", [array])
        )
    n = array.dims[0] if array.ndim else as_size(array, "choice: a")
    shape = () if size is None else as_shape(size, "choice: size")
    if replace:
        index = _with_replacement(node, n, shape, p)
    else:
        index = _without_replacement(node, n, shape, p)
    return take(array, index, 0) if array.ndim else index


def _with_replacement(rng: Node, n: SizeLike, shape: Shape, p: Any) -> Node:
    if p is None:
        return integers(rng, 0, size_node(n), size=shape)
    return categorical(rng, p, shape)


def _without_replacement(rng: Node, n: SizeLike, shape: Shape, p: Any) -> Node:
    count = product(shape)
    if p is None:
        order = argsort(draw("bits", rng, (n,)))
        return reshape_to(order[: size_node(count)], shape)
    weights = _weights("choice", p)
    arrival = -apply("log", draw("inside", rng, (n,))) / weights
    order = argsort(arrival)
    found = reshape_to(order[: size_node(count)], shape)
    enough = sum_axes(cast_to(apply("gt", weights, 0), INT64), (0,))
    fine = apply("logical_and", _valid(weights), apply("ge", enough, size_node(count)))
    return apply("switch", fine, found, INVALID)
