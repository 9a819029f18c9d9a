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
from cgrad.tensor.random.keys import Parameters, as_generator, generator_first, jumping, where_valid

INVALID = dtypes.limits(INT64)[0]


def _valid_or_lowest(valid: Node, value: Node) -> Node:
    return apply("switch", valid, cast_to(value, INT64), INVALID)


@generator_first
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


@generator_first
def bernoulli(rng: Arraylike, p: Any, size: Any = None) -> Node:
    """1 with probability `p`, else 0; -2^63 unless 0 <= p <= 1."""
    params = Parameters("bernoulli", size, {"p": p})
    p = jumping(params.nodes[0])
    u = draw("unit", as_generator(rng, "bernoulli"), params.shape)
    valid = apply("logical_and", apply("ge", p, 0), apply("le", p, 1))
    return _valid_or_lowest(valid, apply("lt", u, p))


@generator_first
def geometric(rng: Arraylike, p: Any, size: Any = None) -> Node:
    """Trials until the first success of probability `p`, from 1 on; -2^63 unless 0 < p <= 1.

    1 + floor(log u / log(1 - p)); what exceeds int64 is its largest.
    """
    params = Parameters("geometric", size, {"p": p})
    p = jumping(params.nodes[0])
    u = draw("inside", as_generator(rng, "geometric"), params.shape)
    valid = apply("logical_and", apply("gt", p, 0), apply("le", p, 1))
    more = apply("floor", apply("log", u) / apply("log1p", -p))
    return _valid_or_lowest(valid, 1.0 + more)


@generator_first
def poisson(rng: Arraylike, lam: Any = 1.0, size: Any = None) -> Node:
    """Poisson with mean `lam`; -2^63 unless 0 <= lam < 2^53."""
    params = Parameters("poisson", size, {"lam": lam})
    lam = jumping(params.nodes[0])
    return draw("poisson", as_generator(rng, "poisson"), params.shape, (lam,))


@generator_first
def binomial(rng: Arraylike, n: Any, p: Any, size: Any = None) -> Node:
    """Successes among `n` trials of probability `p`; -2^63 unless 0 <= n < 2^53, 0 <= p <= 1."""
    n, p = _trials("binomial", n, size, p=p)
    return _binomial(as_generator(rng, "binomial"), n, p)


def _trials(what: str, n: Any, size: Any, **others: Any) -> list[Node]:
    """An integer and floating parameters in their common shape."""
    whole = Parameters(what, None, {"n": n}, INT64).nodes[0]
    params = Parameters(what, size, {"n": whole, **others})
    whole = Parameters(what, params.shape, {"n": whole}, INT64).nodes[0]
    return [whole, *map(jumping, params.nodes[1:])]


def _binomial(rng: Node, n: Node, p: Node, lane: int = 0) -> Node:
    return draw("binomial", rng, n.dims, (n, p), lane)


@generator_first
def betabinom(rng: Arraylike, n: Any, alpha: Any, beta: Any, size: Any = None) -> Node:
    """Binomial with a probability that is beta of `alpha`, `beta`; -2^63 unless these are > 0."""
    node = as_generator(rng, "betabinom")
    n, alpha, beta = _trials("betabinom", n, size, alpha=alpha, beta=beta)
    logs = [draw("log_gamma", node, n.dims, (a,), 1 + k) for k, a in enumerate((alpha, beta))]
    return _binomial(node, n, apply("sigmoid", logs[0] - logs[1]))


@generator_first
def negative_binomial(rng: Arraylike, n: Any, p: Any, size: Any = None) -> Node:
    """Failures before `n` successes (any n > 0) of probability `p`; -2^63 unless 0 < p <= 1.

    Poisson with a mean that is gamma of shape n and scale (1 - p) / p.
    """
    params = Parameters("negative_binomial", size, {"n": n, "p": p})
    n, p = map(jumping, params.nodes)
    node = as_generator(rng, "negative_binomial")
    n = where_valid(apply("gt", n, 0), n)
    mean = draw("gamma", node, params.shape, (n,), 1) * ((1.0 - p) / p)
    valid = apply("logical_and", apply("gt", p, 0), apply("le", p, 1))
    return draw("poisson", node, params.shape, (where_valid(valid, mean),))


@generator_first
def nbinom(rng: Arraylike, n: Any, p: Any, size: Any = None) -> Node:
    """The same as `negative_binomial`."""
    return negative_binomial(rng, n, p, size)


@generator_first
def hypergeometric(rng: Arraylike, ngood: Any, nbad: Any, nsample: Any, size: Any = None) -> Node:
    """Good ones among `nsample`, drawn without putting back from `ngood` good, `nbad` bad ones.

    -2^63 unless none is negative, nsample <= ngood + nbad and that is below 2^53.
    """
    named = {"ngood": ngood, "nbad": nbad, "nsample": nsample}
    params = Parameters("hypergeometric", size, named, INT64)
    node = as_generator(rng, "hypergeometric")
    return draw("hypergeometric", node, params.shape, params.nodes)
