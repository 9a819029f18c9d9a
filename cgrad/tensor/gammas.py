"""Gamma and beta functions under PyTensor's names.

Responsible for: names, and functions that are made of others.
Not responsible for: values and derivatives (`cgrad.ops.gamma`, `cgrad.ops.beta`);
docs/accuracy.md has the errors.
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops.coerce import Arraylike
from cgrad.ops.elementwise import apply


def gamma(x: Arraylike) -> Node:
    """The gamma function, elementwise; integers as float64.

    Infinite at 0 with the sign of the zero, nan at negative whole numbers and at -infinity.
    Stirling's series, the recurrence and reflection (DLMF 5.11, 5.5).
    """
    return apply("gamma", x)


def gammaln(x: Arraylike) -> Node:
    """log |gamma(x)|, elementwise; integers as float64.

    Infinite at 0, at negative whole numbers and at both infinities.  Its derivative is `digamma`.
    """
    return apply("gammaln", x)


def digamma(x: Arraylike) -> Node:
    """The derivative of `gammaln`, also called psi, elementwise; integers as float64.

    nan at negative whole numbers and at -infinity, infinite at zeros with the other sign.
    """
    return apply("digamma", x)


psi = digamma


def polygamma(n: Arraylike, x: Arraylike) -> Node:
    """The n-th derivative of `digamma` at x, elementwise, stretched as in NumPy.

    n is a whole number from 0 (nan for others); there is no derivative with respect to it.
    Infinite at 0 and negative whole numbers.  Hurwitz's zeta function (DLMF 25.11.12).
    """
    return apply("polygamma", n, x)


def tri_gamma(x: Arraylike) -> Node:
    """The second derivative of `gammaln`: `polygamma(1, x)`."""
    return apply("polygamma", 1, x)


def factorial(n: Arraylike) -> Node:
    """gamma(n + 1), for fractions too, elementwise; integers as float64."""
    return apply("gamma", apply("add", n, 1))


def gammainc(a: Arraylike, x: Arraylike) -> Node:
    """P(a, x), the integral of t^(a - 1) exp(-t) / gamma(a) over t < x, stretched as in NumPy.

    a >= 0, x >= 0, nan elsewhere and at (0, 0) and (inf, inf); DLMF 8.2.4.  Derivatives with
    respect to a are built up to order 8.
    """
    return apply("gammainc", a, x)


def gammaincc(a: Arraylike, x: Arraylike) -> Node:
    """Q(a, x) = 1 - P(a, x), exact where it is small; see `gammainc`."""
    return apply("gammaincc", a, x)


def gammaincinv(a: Arraylike, p: Arraylike) -> Node:
    """The x with P(a, x) = p, for a > 0 and p in [0, 1], nan elsewhere; Newton's method.

    Infinite for p = 1.  `gammainccinv` has the digits of p close to 1.
    """
    return apply("gammaincinv", a, p)


def gammainccinv(a: Arraylike, q: Arraylike) -> Node:
    """The x with Q(a, x) = q, for a > 0 and q in [0, 1], nan elsewhere; infinite for q = 0."""
    return apply("gammainccinv", a, q)


def gammal(a: Arraylike, x: Arraylike) -> Node:
    """The lower incomplete gamma function, `gammainc(a, x) * gamma(a)`; infinite for a = 0."""
    return apply("mul", apply("gammainc", a, x), apply("gamma", a))


def gammau(a: Arraylike, x: Arraylike) -> Node:
    """The upper incomplete gamma function, `gammaincc(a, x) * gamma(a)`, for a > 0."""
    return apply("mul", apply("gammaincc", a, x), apply("gamma", a))


def chi2sf(x: Arraylike, k: Arraylike) -> Node:
    """The chance that a chi-squared variable with k degrees of freedom exceeds x: Q(k/2, x/2)."""
    return apply("gammaincc", apply("true_div", k, 2), apply("true_div", x, 2))


def beta(a: Arraylike, b: Arraylike) -> Node:
    """B(a, b) = gamma(a) gamma(b) / gamma(a + b), elementwise, stretched as in NumPy.

    Infinite where a or b is 0 or a negative whole number and gamma(a + b) is finite (DLMF 5.12.1).
    """
    return apply("beta", a, b)


def betaln(a: Arraylike, b: Arraylike) -> Node:
    """log |B(a, b)|, elementwise, with its digits for large a and b too."""
    return apply("betaln", a, b)


def betainc(a: Arraylike, b: Arraylike, x: Arraylike) -> Node:
    """I_x(a, b), the integral of t^(a - 1) (1 - t)^(b - 1) / B(a, b) over t < x (DLMF 8.17.2).

    a >= 0, b >= 0, x in [0, 1], nan elsewhere and where both are 0 or infinite.  Derivatives with
    respect to a and b are built up to order 8 together.
    """
    return apply("betainc", a, b, x)


def betaincinv(a: Arraylike, b: Arraylike, p: Arraylike) -> Node:
    """The x with I_x(a, b) = p, for finite a > 0, b > 0 and p in [0, 1], nan elsewhere."""
    return apply("betaincinv", a, b, p)


def poch(z: Arraylike, m: Arraylike) -> Node:
    """Pochhammer's symbol gamma(z + m) / gamma(z), elementwise, where both are finite."""
    return apply("true_div", apply("gamma", apply("add", z, m)), apply("gamma", z))
