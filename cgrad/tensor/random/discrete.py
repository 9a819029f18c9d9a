"""Distributions of integers.

Draws are int64; where a parameter is not valid they are the smallest int64, -2^63.

Responsible for: these distributions.  Not responsible for: picking from arrays
(`cgrad.tensor.random.selection`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import dtypes
from cgrad.core.dtypes import INT64
from cgrad.core.node import Node
from cgrad.errors import DTypeError
from cgrad.ops.coerce import Arraylike, cast_to
from cgrad.ops.elementwise import apply
from cgrad.ops.random import draw
from cgrad.tensor.random.keys import Parameters, as_generator

INVALID = dtypes.limits(INT64)[0]


def _valid_or_lowest(valid: Node, value: Node) -> Node:
    return apply("switch", valid, cast_to(value, INT64), INVALID)


def integers(
    rng: Arraylike, low: Any, high: Any = None, size: Any = None, dtype: Any = INT64
) -> Node:
    """Integers from `low` to below `high`; from 0 to below `low` if `high` is left out.

    Each is as likely as the others up to 2^-64 times their number.  -2^63 where there is none.
    """
    wanted = dtypes.as_dtype(dtype)
    if not dtypes.is_integer(wanted):
        raise DTypeError(f"integers: dtype is {wanted}, expected one of the integers")
    low, high = (0, low) if high is None else (low, high)
    params = Parameters("integers", size, {"low": low, "high": high}, INT64)
    return cast_to(
        draw("integer", as_generator(rng, "integers"), params.shape, params.nodes), wanted
    )


def bernoulli(rng: Arraylike, p: Any, size: Any = None) -> Node:
    """1 with probability `p`, else 0; -2^63 unless 0 <= p <= 1."""
    params = Parameters("bernoulli", size, {"p": p})
    (p,) = params.nodes
    u = draw("unit", as_generator(rng, "bernoulli"), params.shape)
    valid = apply("logical_and", apply("ge", p, 0), apply("le", p, 1))
    return _valid_or_lowest(valid, apply("lt", u, p))


def geometric(rng: Arraylike, p: Any, size: Any = None) -> Node:
    """Trials until the first success of probability `p`, from 1 on; -2^63 unless 0 < p <= 1.

    1 + floor(log u / log(1 - p)); what exceeds int64 is its largest.
    """
    params = Parameters("geometric", size, {"p": p})
    (p,) = params.nodes
    u = draw("inside", as_generator(rng, "geometric"), params.shape)
    valid = apply("logical_and", apply("gt", p, 0), apply("le", p, 1))
    more = apply("floor", apply("log", u) / apply("log1p", -p))
    return _valid_or_lowest(valid, 1.0 + more)
