"""Distributions made of gamma numbers, angles, and several normal numbers at once.

Derivatives with respect to the shape of a gamma number hold its distribution function fixed
(implicit reparameterisation); `kappa` of vonmises and the parameters of wald have none.  Scales and
locations are differentiated as in `continuous`.

Responsible for: these distributions.  Not responsible for: the samplers (`cg_samplers.h`).
"""

from __future__ import annotations

import math
from typing import Any

from cgrad.core.node import Node
from cgrad.errors import RankError
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.coerce import Arraylike, as_node, as_shape, cast_to
from cgrad.ops.elementwise import apply
from cgrad.ops.passthrough import UndefinedGrad
from cgrad.ops.random import draw, why_undefined
from cgrad.tensor.linalg import cholesky
from cgrad.tensor.messages import teach
from cgrad.tensor.products import matmul
from cgrad.tensor.random.keys import (
    Parameters,
    as_generator,
    finished,
    generator_first,
    where_valid,
)
from cgrad.tensor.special import softmax


def _positive(x: Node) -> Node:
    return where_valid(apply("gt", x, 0), x)


def _not_negative(x: Node) -> Node:
    return where_valid(apply("ge", x, 0), x)


def _gammas(rng: Node, shape: Node, lane: int = 0, sampler: str = "gamma") -> Node:
    return draw(sampler, rng, shape.dims, (shape,), lane)


@generator_first
def gamma(
    rng: Arraylike,
    shape: Any,
    rate: Any = None,
    scale: Any = None,
    size: Any = None,
    dtype: Any = None,
) -> Node:
    """Gamma with density proportional to x^(shape - 1) exp(-x / scale); `rate` is 1 / scale.

    nan unless shape >= 0 and scale >= 0.
    """
    if rate is not None and scale is not None:
        raise ValueError("gamma: rate and scale are given, which is the reciprocal; give one")
    if rate is not None:
        scale = apply("reciprocal", rate)
    params = Parameters("gamma", size, {"shape": shape, "scale": 1.0 if scale is None else scale})
    shape, scale = params.nodes
    unit = _gammas(as_generator(rng, "gamma"), shape)
    return finished(_not_negative(scale) * unit, dtype, "gamma")


@generator_first
def chisquare(rng: Arraylike, df: Any, size: Any = None, dtype: Any = None) -> Node:
    """Sum of the squares of `df` standard normal numbers (any df > 0, else nan)."""
    params = Parameters("chisquare", size, {"df": df})
    (df,) = params.nodes
    unit = _gammas(as_generator(rng, "chisquare"), 0.5 * _positive(df))
    return finished(2.0 * unit, dtype, "chisquare")


@generator_first
def invgamma(
    rng: Arraylike, shape: Any, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """scale / g with g gamma of that shape; nan unless shape > 0 and scale >= 0."""
    params = Parameters("invgamma", size, {"shape": shape, "scale": scale})
    shape, scale = params.nodes
    log = _gammas(as_generator(rng, "invgamma"), shape, 0, "log_gamma")
    return finished(_not_negative(scale) * apply("exp", -log), dtype, "invgamma")


@generator_first
def gengamma(
    rng: Arraylike,
    alpha: Any = 1.0,
    p: Any = 1.0,
    lambd: Any = 1.0,
    size: Any = None,
    dtype: Any = None,
) -> Node:
    """Generalised gamma: lambd g^(1 / p) with g gamma of shape alpha / p.

    The density is proportional to x^(alpha - 1) exp(-(x / lambd)^p); nan unless all three are
    positive.
    """
    params = Parameters("gengamma", size, {"alpha": alpha, "p": p, "lambd": lambd})
    alpha, p, lambd = params.nodes
    p = _positive(p)
    log = _gammas(as_generator(rng, "gengamma"), alpha / p, 0, "log_gamma")
    return finished(_positive(lambd) * apply("exp", log / p), dtype, "gengamma")


@generator_first
def beta(rng: Arraylike, alpha: Any, beta: Any, size: Any = None, dtype: Any = None) -> Node:
    """Beta: x / (x + y) with x, y gamma of shapes `alpha` and `beta`; nan unless both are positive.

    By logarithms, so that shapes of any smallness give 0 or 1 and never nan.
    """
    params = Parameters("beta", size, {"alpha": alpha, "beta": beta})
    node = as_generator(rng, "beta")
    logs = [_gammas(node, shape, k, "log_gamma") for k, shape in enumerate(params.nodes)]
    return finished(apply("sigmoid", logs[0] - logs[1]), dtype, "beta")


@generator_first
def t(
    rng: Arraylike,
    df: Any,
    loc: Any = 0.0,
    scale: Any = 1.0,
    size: Any = None,
    dtype: Any = None,
) -> Node:
    """Student's t with `df` degrees of freedom, times `scale`, plus `loc`.

    nan unless df > 0 and scale >= 0.
    """
    params = Parameters("t", size, {"df": df, "loc": loc, "scale": scale})
    df, loc, scale = params.nodes
    node = as_generator(rng, "t")
    half = 0.5 * _positive(df)
    log = _gammas(node, half, 1, "log_gamma")
    z = draw("normal", node, params.shape)
    unit = z * apply("exp", 0.5 * (apply("log", half) - log))
    return finished(loc + _not_negative(scale) * unit, dtype, "t")


@generator_first
def vonmises(
    rng: Arraylike, mu: Any = 0.0, kappa: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """An angle from -pi to pi around `mu` with concentration `kappa`; nan unless kappa >= 0."""
    params = Parameters("vonmises", size, {"mu": mu, "kappa": kappa})
    mu, kappa = params.nodes
    angle = mu + draw("vonmises", as_generator(rng, "vonmises"), params.shape, (kappa,))
    return finished(apply("mod", angle + math.pi, 2 * math.pi) - math.pi, dtype, "vonmises")


@generator_first
def wald(
    rng: Arraylike, mean: Any = 1.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Inverse Gaussian; nan unless both parameters are positive.

    J. R. Michael, W. R. Schucany and R. W. Haas, "Generating random variates using transformations
    with multiple roots", The American Statistician 30, 1976.
    """
    params = Parameters("wald", size, {"mean": mean, "scale": scale})
    why = UndefinedGrad(why_undefined("wald"))
    mean, scale = (_positive(Node(why, (p,))) for p in params.nodes)
    node = as_generator(rng, "wald")
    z, u = draw("normal", node, params.shape), draw("unit", node, params.shape, lane=1)
    w = mean * apply("sqr", z) / (2.0 * scale)
    # the smaller of the roots, mean (1 + w - sqrt(w (w + 2))), without cancellation
    root = 1.0 + w + apply("sqrt", w * (w + 2.0))
    small = apply("lt", u, root / (1.0 + root))
    return finished(apply("switch", small, mean / root, mean * root), dtype, "wald")


@generator_first
def dirichlet(rng: Arraylike, alphas: Any, size: Any = None, dtype: Any = None) -> Node:
    """Shares that add up to 1 along the last axis, with weights `alphas` (..., K).

    size   the shape in front of that axis; by default that of `alphas`

    Gamma numbers of these shapes divided by their sum, by logarithms; nan unless all are positive.
    """
    weights = cast_to(as_node(alphas), "float64")
    if not weights.ndim:
        raise RankError(
            teach("dirichlet: alphas is a scalar, expected (..., K)", "give a vector", [weights])
        )
    full = None if size is None else (*as_shape(size, "dirichlet: size"), weights.dims[-1])
    params = Parameters("dirichlet", full, {"alphas": weights})
    logs = _gammas(as_generator(rng, "dirichlet"), params.nodes[0], 0, "log_gamma")
    return finished(softmax(logs, -1), dtype, "dirichlet")


@generator_first
def multivariate_normal(
    rng: Arraylike, mean: Any, cov: Any, size: Any = None, dtype: Any = None
) -> Node:
    """Normal vectors with mean `mean` (K,) and covariance `cov` (K, K): shape (*size, K).

    mean + L z with L the lower Cholesky factor; nan where `cov` is not positive definite.
    """
    centre, matrix = (cast_to(as_node(x), "float64") for x in (mean, cov))
    if centre.ndim != 1 or matrix.ndim != 2:
        raise RankError(
            teach(
                "multivariate_normal: expected mean (K,) and cov (K, K)",
                "draw standard_normal and multiply with ct.linalg.cholesky for many at once",
                [centre, matrix],
            )
        )
    front = () if size is None else as_shape(size, "multivariate_normal: size")
    shape = (*front, centre.dims[0])
    z = draw("normal", as_generator(rng, "multivariate_normal"), shape)
    moved = matmul(z, cholesky(matrix).T)
    return finished(
        broadcast_axes(centre, shape, (len(front),)) + moved, dtype, "multivariate_normal"
    )
