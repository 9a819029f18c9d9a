"""Distributions that are functions of one uniform or normal number.

Every draw is computed in float64 from 52 or 53 random bits and rounded to its dtype at the end;
derivatives with respect to parameters are those of the formula, the random number held fixed
(reparameterised; D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR 2014).
Quantile functions are from L. Devroye, "Non-uniform random variate generation", 1986, chapter 2.

Responsible for: these distributions.  Not responsible for: those drawn by rejection
(`cgrad.tensor.random.families`).
"""

from __future__ import annotations

import math
from typing import Any

from cgrad.core import dtypes
from cgrad.core.dtypes import FLOAT32, FLOAT64
from cgrad.core.node import Node
from cgrad.ops.coerce import Arraylike, as_shape
from cgrad.ops.elementwise import apply
from cgrad.ops.random import draw
from cgrad.tensor.random.keys import (
    Parameters,
    as_generator,
    finished,
    generator_first,
    where_valid,
)


@generator_first
def bits(rng: Arraylike, size: Any = None) -> Node:
    """Random words, uint64: those of `numpy.random.Philox(key=..., counter=[0, 0, d, 0])`.

    d is the number of the draw, the third word of the generator.
    """
    node = as_generator(rng, "bits")
    return draw("bits", node, () if size is None else as_shape(size, "bits: size"))


class _Standard(Parameters):
    """The parameters of a distribution beside the random number it is made of."""

    __slots__ = ("z",)

    def __init__(self, sampler: str, what: str, rng: Arraylike, size: Any, **params: Any) -> None:
        super().__init__(what, size, params)
        self.z = draw(sampler, as_generator(rng, what), self.shape)


def _inside(what: str, rng: Arraylike, size: Any, **params: Any) -> _Standard:
    return _Standard("inside", what, rng, size, **params)


def _positive(scale: Node) -> Node:
    return where_valid(apply("ge", scale, 0), scale)


@generator_first
def uniform(
    rng: Arraylike, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Uniform from `low` to below `high` (rounding may give `high`); nan where high < low.

    low + (high - low) u with u a multiple of 2^-53 (of float32: 2^-24).
    """
    wanted = FLOAT64 if dtype is None else dtypes.as_dtype(dtype)
    single = wanted == FLOAT32
    params = Parameters("uniform", size, {"low": low, "high": high}, FLOAT32 if single else FLOAT64)
    a, b = params.nodes
    u = draw("unitf" if single else "unit", as_generator(rng, "uniform"), params.shape)
    return finished(a + _positive(b - a) * u, wanted, "uniform")


@generator_first
def normal(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Normal with mean `loc` and standard deviation `scale`; nan where scale < 0."""
    p = _Standard("normal", "normal", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    return finished(loc + _positive(scale) * p.z, dtype, "normal")


@generator_first
def standard_normal(rng: Arraylike, size: Any = None, dtype: Any = None) -> Node:
    """Normal with mean 0 and standard deviation 1."""
    p = _Standard("normal", "standard_normal", rng, size)
    return finished(p.z, dtype, "standard_normal")


@generator_first
def lognormal(
    rng: Arraylike, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """exp of a normal number with mean `mean` and standard deviation `sigma`; nan for sigma < 0."""
    p = _Standard("normal", "lognormal", rng, size, mean=mean, sigma=sigma)
    mean, sigma = p.nodes
    return finished(apply("exp", mean + _positive(sigma) * p.z), dtype, "lognormal")


@generator_first
def halfnormal(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """loc + scale |z| with z standard normal; nan where scale < 0."""
    p = _Standard("normal", "halfnormal", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    return finished(loc + _positive(scale) * apply("abs", p.z), dtype, "halfnormal")


@generator_first
def exponential(rng: Arraylike, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Node:
    """Exponential with mean `scale`: -scale log u; nan where scale < 0."""
    p = _inside("exponential", rng, size, scale=scale)
    (scale,) = p.nodes
    return finished(_positive(scale) * -apply("log", p.z), dtype, "exponential")


@generator_first
def laplace(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Laplace: density exp(-|x - loc| / scale) / (2 scale); nan where scale < 0."""
    p = _inside("laplace", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    below = apply("lt", p.z, 0.5)
    size_ = apply("log", 2.0 * apply("switch", below, p.z, 1.0 - p.z))
    return finished(
        loc + _positive(scale) * apply("switch", below, size_, -size_), dtype, "laplace"
    )


@generator_first
def logistic(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Logistic: loc + scale log(u / (1 - u)); nan where scale < 0."""
    p = _inside("logistic", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    odds = apply("log", p.z) - apply("log", 1.0 - p.z)
    return finished(loc + _positive(scale) * odds, dtype, "logistic")


@generator_first
def gumbel(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Gumbel, of largest values: loc - scale log(-log u); nan where scale < 0."""
    p = _inside("gumbel", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    return finished(loc - _positive(scale) * apply("log", -apply("log", p.z)), dtype, "gumbel")


@generator_first
def cauchy(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Cauchy: loc + scale tan(pi (u - 1/2)); nan where scale < 0."""
    p = _inside("cauchy", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    return finished(loc + _positive(scale) * apply("tan", math.pi * (p.z - 0.5)), dtype, "cauchy")


@generator_first
def halfcauchy(
    rng: Arraylike, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """loc + scale |c| with c standard Cauchy; nan where scale < 0."""
    p = _inside("halfcauchy", rng, size, loc=loc, scale=scale)
    loc, scale = p.nodes
    return finished(loc + _positive(scale) * apply("tan", 0.5 * math.pi * p.z), dtype, "halfcauchy")


@generator_first
def rayleigh(rng: Arraylike, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Node:
    """Rayleigh: scale sqrt(-2 log u); nan where scale < 0."""
    p = _inside("rayleigh", rng, size, scale=scale)
    (scale,) = p.nodes
    return finished(_positive(scale) * apply("sqrt", -2.0 * apply("log", p.z)), dtype, "rayleigh")


@generator_first
def weibull(rng: Arraylike, shape: Any, size: Any = None, dtype: Any = None) -> Node:
    """Weibull with scale 1: (-log u)^(1 / shape); nan unless shape > 0."""
    p = _inside("weibull", rng, size, shape=shape)
    (shape,) = p.nodes
    shape = where_valid(apply("gt", shape, 0), shape)
    logarithm = apply("log", -apply("log", p.z))
    return finished(apply("exp", logarithm / shape), dtype, "weibull")


@generator_first
def pareto(rng: Arraylike, b: Any, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Node:
    """Pareto, from `scale` on: scale u^(-1 / b); nan unless b > 0 and scale > 0."""
    p = _inside("pareto", rng, size, b=b, scale=scale)
    b, scale = p.nodes
    b = where_valid(apply("gt", b, 0), b)
    scale = where_valid(apply("gt", scale, 0), scale)
    return finished(scale * apply("exp", -apply("log", p.z) / b), dtype, "pareto")


@generator_first
def triangular(
    rng: Arraylike, left: Any, mode: Any, right: Any, size: Any = None, dtype: Any = None
) -> Node:
    """Density rising linearly from `left` to `mode` and falling to `right`.

    nan unless left <= mode <= right and left < right.
    """
    p = _inside("triangular", rng, size, left=left, mode=mode, right=right)
    left, mode, right = p.nodes
    valid = apply("logical_and", apply("le", left, mode), apply("le", mode, right))
    width = where_valid(apply("logical_and", valid, apply("lt", left, right)), right - left)
    first = apply("lt", p.z * width, mode - left)
    # the square root of 0 has no derivative: each side is computed where it is used
    share = apply("switch", first, p.z, 1.0 - p.z)
    leg = apply("switch", first, mode - left, right - mode)
    step = apply("sqrt", share * width * leg)
    found = apply("switch", first, left + step, right - step)
    return finished(where_valid(apply("eq", width, width), found), dtype, "triangular")


@generator_first
def truncexpon(
    rng: Arraylike, b: Any, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None
) -> Node:
    """Exponential with mean `scale`, cut off at b scale, moved by `loc`.

    loc - scale log1p(u expm1(-b)), as `scipy.stats.truncexpon`; nan unless b > 0 and scale >= 0.
    """
    p = _inside("truncexpon", rng, size, b=b, loc=loc, scale=scale)
    b, loc, scale = p.nodes
    b = where_valid(apply("gt", b, 0), b)
    x = -apply("log1p", p.z * apply("expm1", -b))
    return finished(loc + _positive(scale) * x, dtype, "truncexpon")
