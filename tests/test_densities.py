"""Log densities of statistics: value and gradient in one kernel, against SciPy and complex steps.

The references are written with NumPy for complex arguments: the imaginary part of
f(x + 1e-30 i) / 1e-30 has no cancellation.  Values are SciPy's where it has the distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import densities
import numpy as np
import pytest
from one_call import assert_no_python
from scipy import special, stats

import cgrad
import cgrad.tensor as ct
from cgrad import pipeline

RTOL = 1e-9
LOG_2PI = np.log(2 * np.pi)
TINY = 1e-30
rng = np.random.default_rng(20)


def lgamma(x: Any) -> Any:
    return special.loggamma(np.asarray(x, complex))


def betaln(a: Any, b: Any) -> Any:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def total(x: Any) -> Any:
    return np.sum(x)


def log_logistic(x: Any) -> Any:
    return -np.log1p(np.exp(-x))


def cholesky(a: Any) -> Any:
    """The lower factor of a symmetric (not Hermitian) matrix."""
    n = len(a)
    factor = np.zeros((n, n), complex)
    for j in range(n):
        factor[j, j] = np.sqrt(a[j, j] - total(factor[j, :j] ** 2))
        for i in range(j + 1, n):
            factor[i, j] = (a[i, j] - total(factor[i, :j] * factor[j, :j])) / factor[j, j]
    return factor


def normal_terms(y: Any, mu: Any, sigma: Any) -> Any:
    return -0.5 * ((y - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * LOG_2PI


def student_t(y: Any, nu: Any, mu: Any, sigma: Any) -> Any:
    z = (y - mu) / sigma
    constant = lgamma((nu + 1) / 2) - lgamma(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(sigma)
    return total(constant - (nu + 1) / 2 * np.log(1 + z**2 / nu))


def gamma(y: Any, alpha: Any, beta: Any) -> Any:
    return total(alpha * np.log(beta) - lgamma(alpha) + (alpha - 1) * np.log(y) - beta * y)


def beta(y: Any, a: Any, b: Any) -> Any:
    return total((a - 1) * np.log(y) + (b - 1) * np.log1p(-y) - betaln(a, b))


def poisson_terms(k: Any, log_rate: Any) -> Any:
    return k * log_rate - np.exp(log_rate) - lgamma(k + 1)


def negative_binomial_terms(k: Any, mu: Any, alpha: Any) -> Any:
    ways = lgamma(k + alpha) - lgamma(k + 1) - lgamma(alpha)
    return ways + k * np.log(mu / (mu + alpha)) + alpha * np.log(alpha / (mu + alpha))


def binomial(k: Any, n: Any, eta: Any) -> Any:
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return total(ways + k * log_logistic(eta) + (n - k) * log_logistic(-eta))


def dirichlet(x: Any, a: Any) -> Any:
    return total(lgamma(total(a)) - total(lgamma(a)) + ((a - 1) * np.log(x)).sum(axis=1))


def multinomial(counts: Any, scores: Any) -> Any:
    log_p = scores - np.log(total(np.exp(scores)))
    ways = lgamma(counts.sum(axis=1) + 1) - lgamma(counts + 1).sum(axis=1)
    return total(ways + (counts * log_p).sum(axis=1))


def covariance(a: Any) -> Any:
    return a @ a.T + np.eye(len(a))


def multivariate_normal(y: Any, mu: Any, a: Any) -> Any:
    factor = cholesky(covariance(a))
    z = np.linalg.solve(factor, (y - mu).T)
    n, d = y.shape
    return -0.5 * total(z**2) - n * (total(np.log(np.diag(factor))) + 0.5 * LOG_2PI * d)


def lkj_cholesky(z: Any, eta: Any) -> Any:
    """By the density of the correlation matrix and the Jacobian of the factor."""
    d = len(z)
    rows = np.eye(d) + np.tril(z, -1)
    factor = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))
    log_diagonal = np.log(np.diag(factor))
    # det(C)^(eta - 1) and d C / d L = prod_k L_kk^(d - k), k = 1 .. d (Stan reference, 24.1)
    density = (eta - 1) * 2 * total(log_diagonal)
    density = density + total((d - 1 - np.arange(d)) * log_diagonal)
    for k in range(1, d):
        half = eta + (d - k - 1) / 2
        density = (
            density - (2 * eta - 2 + d - k) * (d - k) * np.log(2) - (d - k) * betaln(half, half)
        )
    return density


def wishart(x: Any, nu: Any, a: Any) -> Any:
    scale, d = covariance(a), len(x)
    log_scale = 2 * total(np.log(np.diag(cholesky(scale))))
    value = (nu - d - 1) / 2 * np.linalg.slogdet(x)[1] - np.trace(np.linalg.solve(scale, x)) / 2
    value = value - nu * d / 2 * np.log(2) - nu / 2 * log_scale - d * (d - 1) / 4 * np.log(np.pi)
    return value - total(lgamma(nu / 2 - np.arange(d) / 2))


def ordered_logistic(y: Any, eta: Any, cuts: Any) -> Any:
    below = 1 / (1 + np.exp(eta[:, None] - cuts))
    edge = np.ones((len(y), 1))
    p = np.diff(np.concatenate([0 * edge, below, edge], axis=1), axis=1)
    return total(np.log(p[np.arange(len(y)), y]))


def zero_inflated(k: Any, logit: Any, at_zero: Any, terms: Any) -> Any:
    extra = 1 / (1 + np.exp(-logit))
    zero = np.log(extra + (1 - extra) * np.exp(at_zero))
    return total(np.where(k == 0, zero, np.log(1 - extra) + terms))


def gaussian_mixture(y: Any, scores: Any, mu: Any, log_sigma: Any) -> Any:
    weights = np.exp(scores) / total(np.exp(scores))
    parts = weights * np.exp(normal_terms(y[:, None], mu, np.exp(log_sigma)))
    return total(np.log(parts.sum(axis=1)))


def von_mises(y: Any, mu: Any, kappa: Any) -> Any:
    return total(kappa * np.cos(y - mu) - np.log(2 * np.pi * special.iv(0, kappa)))


def weibull_survival(t: Any, seen: Any, x: Any, log_shape: Any, w: Any) -> Any:
    shape, scale = np.exp(log_shape), np.exp(x @ w)
    hazard = np.log(shape / scale) + (shape - 1) * np.log(t / scale)
    return total(seen * hazard - (t / scale) ** shape)


def skew_normal(y: Any, mu: Any, sigma: Any, alpha: Any) -> Any:
    z = (y - mu) / sigma
    return total(np.log(2) + normal_terms(y, mu, sigma) + special.log_ndtr(alpha * z))


def autoregression(y: Any, phi: Any, log_sigma: Any) -> Any:
    expected = phi[0] * y[2:-1] + phi[1] * y[1:-2] + phi[2] * y[:-3]
    return total(normal_terms(y[3:], expected, np.exp(log_sigma)))


def garch(y: Any, omega: Any, alpha: Any, beta: Any) -> Any:
    h, value = np.var(y), 0.0
    for now in y:
        value = value + normal_terms(now, 0, np.sqrt(h))
        h = omega + alpha * now**2 + beta * h
    return value


def stochastic_volatility(y: Any, noise: Any, mu: Any, phi_raw: Any, log_sigma: Any) -> Any:
    phi, sigma = np.tanh(phi_raw), np.exp(log_sigma)
    h, value = mu + sigma / np.sqrt(1 - phi**2) * noise[0], 0.0
    for t, now in enumerate(y):
        h = mu + phi * (h - mu) + sigma * noise[t] if t else h
        value = value + normal_terms(now, 0, np.exp(h / 2)) + normal_terms(noise[t], 0, 1)
    return value


def gaussian_process(y: Any, x: Any, log_length: Any, log_scale: Any, log_noise: Any) -> Any:
    gaps = (x[:, None, :] - x[None, :, :]) / np.exp(log_length)
    kernel = np.exp(2 * log_scale - 0.5 * (gaps**2).sum(axis=2))
    factor = cholesky(kernel + np.exp(2 * log_noise) * np.eye(len(y)))
    z = np.linalg.solve(factor, y)
    return -0.5 * total(z**2) - total(np.log(np.diag(factor))) - 0.5 * LOG_2PI * len(y)


def hierarchical_logistic(y: Any, x: Any, group: Any, a: Any, w: Any, mu: Any, log_tau: Any) -> Any:
    eta = a[group] + x @ w
    seen = total(y * log_logistic(eta) + (1 - y) * log_logistic(-eta))
    prior = total(normal_terms(a, mu, np.exp(log_tau))) - 0.5 * total(w**2) - 0.5 * mu**2
    return seen + prior


def at(*shape: int) -> Any:
    return rng.normal(size=shape)


def zeros_and(k: Any) -> Any:
    return k * (rng.random(len(k)) < 0.6)


N = 40
COUNTS = rng.poisson(2.5, N)
ANGLES = rng.vonmises(0.4, 2.0, N)
SHARES = rng.dirichlet([1.0, 2.0, 3.0, 0.5], N)
ROWS = rng.multinomial(9, [0.2, 0.5, 0.2, 0.1], N)
SIDES = 0.7 * at(3, 3)
SPREAD = stats.wishart(6, np.eye(3)).rvs(random_state=rng)
MU = np.exp(at(N))
TOTALS = COUNTS + rng.poisson(3, N)

# name -> (data, parameters, reference for complex numbers, SciPy's value if it has one)
Case = tuple[list[Any], list[Any], Callable[..., Any], Callable[..., Any] | None]
CASES: dict[str, Case] = {
    "normal": ([at(N)], [0.3, 1.2], lambda y, m, s: total(normal_terms(y, m, s)),
               lambda y, m, s: stats.norm.logpdf(y, m, s).sum()),
    "student_t": ([at(N)], [4.5, 0.3, 1.2], student_t,
                  lambda y, nu, m, s: stats.t.logpdf(y, nu, m, s).sum()),
    "gamma": ([np.exp(at(N))], [2.2, 1.3], gamma,
              lambda y, a, b: stats.gamma.logpdf(y, a, scale=1 / b).sum()),
    "beta": ([rng.random(N)], [0.7, 2.4], beta,
             lambda y, a, b: stats.beta.logpdf(y, a, b).sum()),
    "poisson": ([COUNTS], [at(N)], lambda k, r: total(poisson_terms(k, r)),
                lambda k, r: stats.poisson.logpmf(k, np.exp(r)).sum()),
    "negative_binomial": (
        [COUNTS], [MU, 1.7], lambda k, m, a: total(negative_binomial_terms(k, m, a)),
        lambda k, m, a: stats.nbinom.logpmf(k, a, a / (a + m)).sum()),
    "binomial": ([COUNTS, TOTALS], [at(N)], binomial,
                 lambda k, n, e: stats.binom.logpmf(k, n, special.expit(e)).sum()),
    "dirichlet": ([SHARES], [np.array([0.8, 1.5, 3.1, 0.4])], dirichlet,
                  lambda x, a: sum(stats.dirichlet.logpdf(row / row.sum(), a) for row in x)),
    "multinomial": ([ROWS], [at(4)], multinomial,
                    lambda c, s: stats.multinomial.logpmf(c, 9, special.softmax(s)).sum()),
    "multivariate_normal": (
        [at(N, 3)], [at(3), SIDES], multivariate_normal,
        lambda y, m, a: stats.multivariate_normal.logpdf(y, m, covariance(a)).sum()),
    "lkj_cholesky": ([], [at(4, 4), 1.8], lkj_cholesky, None),
    "wishart": ([SPREAD], [5.5, SIDES], wishart,
                lambda x, nu, a: stats.wishart.logpdf(x, float(nu), covariance(a))),
    "ordered_logistic": ([rng.integers(0, 4, N)], [at(N), np.array([-1.0, 0.2, 1.4])],
                         ordered_logistic, None),
    "zero_inflated_poisson": (
        [zeros_and(COUNTS)], [0.3, at(N)],
        lambda k, p, r: zero_inflated(k, p, -np.exp(r), poisson_terms(k, r)),
        lambda k, p, r: zero_inflated(k, p, -np.exp(r), stats.poisson.logpmf(k, np.exp(r)))),
    "zero_inflated_negative_binomial": (
        [zeros_and(COUNTS)], [0.3, MU, 1.7],
        lambda k, p, m, a: zero_inflated(
            k, p, negative_binomial_terms(0 * k, m, a), negative_binomial_terms(k, m, a)),
        lambda k, p, m, a: zero_inflated(
            k, p, a * np.log(a / (a + m)), stats.nbinom.logpmf(k, a, a / (a + m)))),
    "gaussian_mixture": ([2 * at(N)], [at(3), 2 * at(3), 0.3 * at(3)], gaussian_mixture, None),
    "von_mises": ([ANGLES], [0.2, 1.9], von_mises,
                  lambda y, m, k: stats.vonmises.logpdf(y, k, m).sum()),
    "weibull_survival": ([np.exp(at(N)), rng.integers(0, 2, N), at(N, 2)], [0.3, at(2)],
                         weibull_survival, None),
    "skew_normal": ([at(N)], [-0.3, 1.4, 2.1], skew_normal,
                    lambda y, m, s, a: stats.skewnorm.logpdf(y, a, m, s).sum()),
    "autoregression": ([at(N)], [0.4 * at(3), 0.2], autoregression, None),
    "garch": ([at(N)], [0.1, 0.15, 0.7], garch, None),
    "stochastic_volatility": ([at(N)], [at(N), -0.5, 1.1, -0.4], stochastic_volatility, None),
    "gaussian_process": ([at(12), at(12, 2)], [0.3, 0.2, -0.9], gaussian_process,
                         lambda y, x, le, s, n: stats.multivariate_normal.logpdf(
                             y, cov=np.exp(2 * s - 0.5 * ((x[:, None] - x) ** 2).sum(axis=2)
                                           / np.exp(2 * le)) + np.exp(2 * n) * np.eye(len(y)))),
    "hierarchical_logistic": (
        [rng.integers(0, 2, N), at(N, 2), rng.integers(0, 5, N)], [at(5), at(2), 0.3, -0.2],
        hierarchical_logistic, None),
}  # fmt: skip


def variable(value: Any, name: str) -> Any:
    value = np.asarray(value)
    return ct.tensor(name, dtype=value.dtype.name, shape=(None,) * value.ndim)


def compiled(name: str) -> tuple[Any, list[Any]]:
    data, parameters, _, _ = CASES[name]
    given = [np.asarray(value) for value in (*data, *parameters)]
    inputs = [variable(value, f"x{k}") for k, value in enumerate(given)]
    logp = getattr(densities, name)(*inputs)
    slopes = cgrad.grad(logp, inputs[len(data) :])
    return cgrad.function(inputs, [logp, *slopes]), given


def complex_step(f: Callable[..., Any], given: list[Any], position: int) -> Any:
    """d f / d given[position], one element at a time."""
    point = given[position]
    slope = np.empty(point.shape)
    for place in np.ndindex(point.shape):
        moved = point.astype(complex)
        moved[place] += TINY * 1j
        slope[place] = f(*given[:position], moved, *given[position + 1 :]).imag / TINY
    return slope


@pytest.mark.parametrize("name", CASES)
def test_density(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = []
    load = pipeline.load
    monkeypatch.setattr("cgrad.compiled.load", lambda *p: kernels.append(load(*p)) or kernels[-1])
    data, _, reference, scipy_value = CASES[name]
    f, given = compiled(name)
    logp, *slopes = f(*given)
    np.testing.assert_allclose(logp, np.real(reference(*given)), rtol=RTOL)
    if scipy_value is not None:
        np.testing.assert_allclose(logp, scipy_value(*given), rtol=RTOL)
    for k, found in enumerate(slopes, len(data)):
        expected = complex_step(reference, given, k)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=RTOL, atol=1e-3 * RTOL * scale)
    assert len(kernels) == 1
    assert_no_python(f, given)
