"""Random numbers: generators, which are tensors, and draws from distributions.

>>> import cgrad
>>> from cgrad.tensor import random
>>> x = random.normal(random.key(12), 0.0, 1.0, size=(3,))
>>> cgrad.function([], x)()  # the same numbers at every call
array([-0.65881989,  0.42754796,  0.63245503])

>>> rng = random.shared_rng(12)
>>> next_rng, x = rng.normal(0.0, 1.0, size=(3,))
>>> f = cgrad.function([], x, updates={rng: next_rng})  # other numbers at every call
"""

# one name a line would hide what belongs together
# ruff: noqa: I001
# fmt: off
from cgrad.tensor.random.continuous import (
    bits, cauchy, exponential, gumbel, halfcauchy, halfnormal, laplace, logistic, lognormal,
    normal, pareto, rayleigh, standard_normal, triangular, truncexpon, uniform, weibull,
)
from cgrad.tensor.random.discrete import (
    bernoulli, betabinom, binomial, geometric, hypergeometric, integers, nbinom,
    negative_binomial, poisson,
)
from cgrad.tensor.random.families import (
    beta, chisquare, dirichlet, gamma, gengamma, invgamma, multivariate_normal, t, vonmises, wald,
)
from cgrad.tensor.random.keys import fold_in, key, split, words_of
from cgrad.tensor.random.selection import categorical, choice, multinomial, permutation
from cgrad.tensor.random.streams import (
    default_rng, Generator, RandomStream, rng, shared_rng, SharedGenerator,
)

__all__ = [
    "Generator", "RandomStream", "SharedGenerator", "bernoulli", "beta", "betabinom",
    "binomial", "bits", "categorical", "cauchy", "chisquare", "choice", "default_rng",
    "dirichlet", "exponential", "fold_in", "gamma", "gengamma", "geometric", "gumbel",
    "halfcauchy", "halfnormal", "hypergeometric", "integers", "invgamma", "key", "laplace",
    "logistic", "lognormal", "multinomial", "multivariate_normal", "nbinom",
    "negative_binomial", "normal", "pareto", "permutation", "poisson", "rayleigh", "rng",
    "shared_rng", "split", "standard_normal", "t", "triangular", "truncexpon", "uniform",
    "vonmises", "wald", "weibull", "words_of",
]
# fmt: on
