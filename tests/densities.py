"""Log densities as somebody writes a model: functions of data and parameters, each in a few lines.

Arguments are tensors; observations are independent and added up.  Where a name in the literature
has several parametrisations, the docstring says which.

Responsible for: the densities.  Not responsible for: references (`test_densities`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct

LOG_2PI = float(np.log(2 * np.pi))


def normal(y: Any, mu: Any, sigma: Any) -> Any:
    """y_i ~ N(mu, sigma^2)."""
    return ct.sum(-0.5 * ((y - mu) / sigma) ** 2 - ct.log(sigma) - 0.5 * LOG_2PI)


def student_t(y: Any, nu: Any, mu: Any, sigma: Any) -> Any:
    """Student's t with nu degrees of freedom, location mu and scale sigma."""
    z = (y - mu) / sigma
    constant = ct.gammaln((nu + 1) / 2) - ct.gammaln(nu / 2) - 0.5 * ct.log(nu * np.pi)
    return ct.sum(constant - ct.log(sigma) - (nu + 1) / 2 * ct.log1p(z**2 / nu))


def gamma(y: Any, alpha: Any, beta: Any) -> Any:
    """The gamma distribution of shape alpha and rate beta."""
    constant = alpha * ct.log(beta) - ct.gammaln(alpha)
    return ct.sum(constant + (alpha - 1) * ct.log(y) - beta * y)


def beta(y: Any, a: Any, b: Any) -> Any:
    """The beta distribution on (0, 1)."""
    return ct.sum((a - 1) * ct.log(y) + (b - 1) * ct.log1p(-y) - ct.betaln(a, b))


def poisson(k: Any, log_rate: Any) -> Any:
    """Counts k with a rate exp(log_rate) each."""
    return ct.sum(k * log_rate - ct.exp(log_rate) - ct.gammaln(k + 1))


def negative_binomial_terms(k: Any, mu: Any, alpha: Any) -> Any:
    """The logarithms of the probabilities of counts k of mean mu, variance mu + mu^2 / alpha."""
    ways = ct.gammaln(k + alpha) - ct.gammaln(k + 1) - ct.gammaln(alpha)
    return ways + k * ct.log(mu / (mu + alpha)) + alpha * ct.log(alpha / (mu + alpha))


def negative_binomial(k: Any, mu: Any, alpha: Any) -> Any:
    """Counts k of mean mu and variance mu + mu^2 / alpha."""
    return ct.sum(negative_binomial_terms(k, mu, alpha))


def binomial(k: Any, n: Any, eta: Any) -> Any:
    """k successes of n, of probability 1 / (1 + exp(-eta))."""
    ways = ct.gammaln(n + 1) - ct.gammaln(k + 1) - ct.gammaln(n - k + 1)
    p = 1 / (1 + ct.exp(-eta))
    return ct.sum(ways + k * ct.log(p) + (n - k) * ct.log(1 - p))


def dirichlet(x: Any, a: Any) -> Any:
    """Rows x of positive numbers that add up to one."""
    constant = ct.gammaln(ct.sum(a)) - ct.sum(ct.gammaln(a))
    return ct.sum(constant + ct.sum((a - 1) * ct.log(x), axis=1))


def multinomial(counts: Any, scores: Any) -> Any:
    """Rows of counts, each of probabilities softmax(scores)."""
    log_p = ct.log(ct.exp(scores) / ct.sum(ct.exp(scores)))
    ways = ct.gammaln(ct.sum(counts, axis=1) + 1) - ct.sum(ct.gammaln(counts + 1), axis=1)
    return ct.sum(ways + ct.dot(counts, log_p))


def covariance(a: Any) -> Any:
    """A a^T + I: positive definite whatever the square matrix a."""
    return ct.dot(a, a.T) + ct.eye(a.shape[0])


def multivariate_normal(y: Any, mu: Any, a: Any) -> Any:
    """Rows y ~ N(mu, a a^T + I), by the Cholesky factor."""
    factor = ct.linalg.cholesky(covariance(a))
    z = ct.linalg.solve_triangular(factor, (y - mu).T, lower=True)
    log_det = ct.sum(ct.log(ct.diag(factor)))
    n, d = y.shape[0], y.shape[1]
    return -0.5 * ct.sum(z**2) - n * (log_det + 0.5 * LOG_2PI * d)


def lkj_cholesky(z: Any, eta: Any) -> Any:
    """LKJ(eta) of the Cholesky factor of a correlation matrix: the rows of I + tril(z), scaled.

    Lewandowski, Kurowicka and Joe (2009), eq. 16; of the factor as in Stan's reference.
    """
    d = z.shape[0]
    rows = ct.eye(d) + ct.tril(z, -1)
    factor = rows / ct.sqrt(ct.sum(rows**2, axis=1, keepdims=True))
    k = ct.arange(d - 1) + 1
    powers = (d - 1 - k) + 2 * eta - 2
    kernel = ct.sum(powers * ct.log(ct.diag(factor)[1:]))
    half = eta + (d - k - 1) / 2
    constant = (2 * eta - 2 + d - k) * (d - k) * np.log(2.0) + (d - k) * ct.betaln(half, half)
    return kernel - ct.sum(constant)


def log_multivariate_gamma(x: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension d."""
    return d * (d - 1) / 4 * np.log(np.pi) + ct.sum(ct.gammaln(x - np.arange(d) / 2))


def wishart(x: Any, nu: Any, a: Any) -> Any:
    """A 3 by 3 matrix x of the Wishart distribution with nu degrees of freedom, scale a a^T + I."""
    scale = covariance(a)
    (_, log_x), (_, log_scale) = ct.linalg.slogdet(x), ct.linalg.slogdet(scale)
    constant = nu * 3 / 2 * np.log(2.0) + nu / 2 * log_scale + log_multivariate_gamma(nu / 2, 3)
    return (nu - 4) / 2 * log_x - ct.trace(ct.linalg.solve(scale, x)) / 2 - constant


def ordered_logistic(y: Any, eta: Any, cuts: Any) -> Any:
    """Categories y = 0 .. len(cuts), P(y <= k) = logistic(cuts[k] - eta); rising cuts."""
    ends = ct.concatenate([[-np.inf], cuts, [np.inf]])
    return ct.sum(ct.log(ct.sigmoid(ends[y + 1] - eta) - ct.sigmoid(ends[y] - eta)))


def zero_inflated(k: Any, logit: Any, at_zero: Any, terms: Any) -> Any:
    """Counts that are 0 with probability logistic(logit), else drawn by a law with these logs."""
    inflated, drawn = ct.log(ct.sigmoid(logit)), ct.log(1 - ct.sigmoid(logit))
    zero = ct.log(ct.exp(inflated) + ct.exp(drawn + at_zero))
    return ct.sum(ct.switch(ct.eq(k, 0), zero, drawn + terms))


def zero_inflated_poisson(k: Any, logit: Any, log_rate: Any) -> Any:
    """Poisson counts with extra zeros."""
    rate = ct.exp(log_rate)
    return zero_inflated(k, logit, -rate, k * log_rate - rate - ct.gammaln(k + 1))


def zero_inflated_negative_binomial(k: Any, logit: Any, mu: Any, alpha: Any) -> Any:
    """Negative binomial counts with extra zeros."""
    at_zero = negative_binomial_terms(ct.zeros_like(k), mu, alpha)
    return zero_inflated(k, logit, at_zero, negative_binomial_terms(k, mu, alpha))


def gaussian_mixture(y: Any, scores: Any, mu: Any, log_sigma: Any) -> Any:
    """A mixture of normals with weights softmax(scores)."""
    z = (y[:, None] - mu) / ct.exp(log_sigma)
    parts = ct.log_softmax(scores) - 0.5 * z**2 - log_sigma - 0.5 * LOG_2PI
    return ct.sum(ct.logsumexp(parts, axis=1))


def von_mises(y: Any, mu: Any, kappa: Any) -> Any:
    """Angles y around mu, of concentration kappa."""
    return ct.sum(kappa * (ct.cos(y - mu) - 1) - ct.log(2 * np.pi * ct.ive(0, kappa)))


def weibull_survival(t: Any, seen: Any, x: Any, log_shape: Any, w: Any) -> Any:
    """Times t of Weibull(shape, scale exp(x w)); where `seen` is 0 the event comes later than t."""
    shape, log_scale = ct.exp(log_shape), ct.dot(x, w)
    z = ct.log(t) - log_scale
    hazard = log_shape - log_scale + (shape - 1) * z
    return ct.sum(seen * hazard - ct.exp(shape * z))


def skew_normal(y: Any, mu: Any, sigma: Any, alpha: Any) -> Any:
    """Azzalini's skew normal of location mu, scale sigma, shape alpha."""
    z = (y - mu) / sigma
    tail = ct.log(0.5 * ct.erfc(-alpha * z / np.sqrt(2.0)))
    return ct.sum(np.log(2.0) - ct.log(sigma) - 0.5 * z**2 - 0.5 * LOG_2PI + tail)


def autoregression(y: Any, phi: Any, log_sigma: Any) -> Any:
    """y_t ~ N(phi_0 y_{t-1} + phi_1 y_{t-2} + phi_2 y_{t-3}, sigma^2), given the first three."""

    def step(now: Any, one: Any, two: Any, three: Any, total: Any) -> Any:
        residual = now - (phi[0] * one + phi[1] * two + phi[2] * three)
        return total - 0.5 * (residual / ct.exp(log_sigma)) ** 2 - log_sigma - 0.5 * LOG_2PI

    windows = {"input": y, "taps": [0, -1, -2, -3]}
    totals, _ = cgrad.scan(step, sequences=[windows], outputs_info=[ct.as_tensor(0.0)])
    return totals[-1]


def garch(y: Any, omega: Any, alpha: Any, beta: Any) -> Any:
    """GARCH(1, 1): variance omega + alpha y_{t-1}^2 + beta h_{t-1}, the first that of the data."""

    def step(now: Any, h: Any) -> Any:
        return [omega + alpha * now**2 + beta * h, -0.5 * (LOG_2PI + ct.log(h) + now**2 / h)]

    (_, terms), _ = cgrad.scan(step, sequences=y, outputs_info=[ct.var(y), None])
    return ct.sum(terms)


def stochastic_volatility(y: Any, noise: Any, mu: Any, phi_raw: Any, log_sigma: Any) -> Any:
    """y_t ~ N(0, exp(h_t)), h_t = mu + phi (h_{t-1} - mu) + sigma noise_t, noise ~ N(0, 1).

    phi = tanh(phi_raw); h starts stationary.
    """
    phi, sigma = ct.tanh(phi_raw), ct.exp(log_sigma)
    first = mu + sigma / ct.sqrt(1 - phi**2) * noise[0]

    def step(e: Any, h: Any) -> Any:
        return mu + phi * (h - mu) + sigma * e

    rest, _ = cgrad.scan(step, sequences=noise[1:], outputs_info=first)
    h = ct.concatenate([first[None], rest])
    seen = ct.sum(-0.5 * (LOG_2PI + h + y**2 * ct.exp(-h)))
    return seen + ct.sum(-0.5 * (LOG_2PI + noise**2))


def gaussian_process(y: Any, x: Any, log_length: Any, log_scale: Any, log_noise: Any) -> Any:
    """The marginal likelihood of y = f(x) + noise, f of a squared exponential kernel.

    Rasmussen and Williams (2006), eq. 5.8.
    """
    gaps = (x[:, None, :] - x[None, :, :]) / ct.exp(log_length)
    kernel = ct.exp(2 * log_scale - 0.5 * ct.sum(gaps**2, axis=2))
    factor = ct.linalg.cholesky(kernel + ct.exp(2 * log_noise) * ct.eye(y.shape[0]))
    z = ct.linalg.solve_triangular(factor, y, lower=True)
    return -0.5 * ct.sum(z**2) - ct.sum(ct.log(ct.diag(factor))) - 0.5 * LOG_2PI * y.shape[0]


def hierarchical_logistic(y: Any, x: Any, group: Any, a: Any, w: Any, mu: Any, log_tau: Any) -> Any:
    """y_i in {0, 1} of probability logistic(a[group_i] + x_i w), a ~ N(mu, tau^2), w ~ N(0, 1)."""
    eta = a[group] + ct.dot(x, w)
    p = 1 / (1 + ct.exp(-eta))
    seen = ct.sum(y * ct.log(p) + (1 - y) * ct.log(1 - p))
    return seen + normal(a, mu, ct.exp(log_tau)) - 0.5 * ct.sum(w**2) - 0.5 * mu**2
