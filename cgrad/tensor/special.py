"""Special functions: shares of exponentials, and the names of those in other files.

Every exponent is taken relative to the largest, so nothing overflows, whatever the elements; the
largest is held fixed in derivatives, where it would cancel.

Responsible for: logsumexp, softmax and its logarithm.  Not responsible for: what users write with
exp and log themselves (`cgrad.rewrites.exponentials`), gamma functions (`cgrad.tensor.gammas`).
"""

from __future__ import annotations

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.ops.axes import broadcast_axes, sum_axes, without
from cgrad.ops.coerce import Arraylike, as_node, cast_to, normal_axes
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme
from cgrad.tensor.gammas import (
    beta,
    betainc,
    betaincinv,
    betaln,
    chi2sf,
    digamma,
    factorial,
    gamma,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    gammal,
    gammaln,
    gammau,
    poch,
    polygamma,
    psi,
    tri_gamma,
)
from cgrad.tensor.math import Axis, log1mexp, log_ndtr, logaddexp, logit, xlog1py, xlogy
from cgrad.tensor.shape import insert_axes

__all__ = [
    "beta", "betainc", "betaincinv", "betaln", "chi2sf", "digamma", "factorial", "gamma",
    "gammainc", "gammaincc", "gammainccinv", "gammaincinv", "gammal", "gammaln", "gammau",
    "log1mexp", "log_ndtr", "log_softmax", "logaddexp", "logit", "logsumexp", "poch", "polygamma",
    "psi", "softmax", "tri_gamma", "xlog1py", "xlogy",
]  # fmt: skip


class _Shifted:
    """x by its axes, the largest element, the distances from it and the sum of their exponentials.

    The largest has distance 0, also when it is infinite.
    """

    def __init__(self, x: Arraylike, axis: Axis, what: str) -> None:
        node = as_node(x)
        self.x = cast_to(node, dtypes.as_float(node.dtype))
        self.axes = normal_axes(axis, node.ndim, what)
        self.top = self.x
        if self.axes:
            self.top = Node(Extreme("max", self.axes, empty=True, held=True), (self.x,))
        self.gap = apply("excess", self.x, self.spread(self.top))
        self.e = apply("exp", self.gap)
        self.total = sum_axes(self.e, self.axes)

    def spread(self, reduced: Node) -> Node:
        kept = without(tuple(range(self.x.ndim)), self.axes)
        return broadcast_axes(reduced, self.x.dims, kept)


def logsumexp(x: Arraylike, axis: Axis = None, keepdims: bool = False) -> Node:
    """log(sum(exp(x))) over `axis` (an int, a tuple of ints, None for all), without overflow.

    -inf of no elements and where all are -inf, inf where one is inf; the derivative is
    `softmax(x, axis)` and finite there too.  Integers and bool give float64.
    """
    node = as_node(x)
    if not normal_axes(axis, node.ndim, "logsumexp"):
        return cast_to(node, dtypes.as_float(node.dtype))
    s = _Shifted(node, axis, "logsumexp")
    result = apply("add", s.top, apply("log", s.total))
    return insert_axes(result, s.axes) if keepdims else result


def softmax(c: Arraylike, axis: Axis = None) -> Node:
    """exp(c) / sum(exp(c)) over `axis` (an int, a tuple of ints, None for all), without overflow.

    The shape of c; positive, with sum 1.  Elements that are all -inf have equal shares, as have
    those that are inf.  Integers and bool give float64.
    """
    s = _Shifted(c, axis, "softmax")
    return apply("true_div", s.e, s.spread(s.total))


def log_softmax(c: Arraylike, axis: Axis = None) -> Node:
    """log(softmax(c, axis)), exact also where the share is too small for a float."""
    s = _Shifted(c, axis, "log_softmax")
    return apply("sub", s.gap, s.spread(apply("log", s.total)))


register("logsumexp", logsumexp)
register("softmax", softmax)
register("log_softmax", log_softmax)
