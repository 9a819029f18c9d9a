"""Gamma functions under PyTensor's names.

Responsible for: names, and functions that are made of others.
Not responsible for: values and derivatives (`cgrad.ops.gamma`); docs/accuracy.md has the errors.
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


def factorial(x: Arraylike) -> Node:
    """gamma(x + 1), for fractions too, elementwise; integers as float64."""
    return apply("gamma", apply("add", x, 1))
