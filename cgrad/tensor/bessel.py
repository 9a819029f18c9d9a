"""Bessel functions, Owen's T and the hypergeometric function, with their arguments' own names.

Responsible for: names and documentation.  Not responsible for: what they compute (`cgrad.ops`).
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.ops.coerce import Arraylike
from cgrad.ops.elementwise import apply


def j0(x: Arraylike) -> Node:
    """Bessel function of the first kind of order 0; float64 or float32, integers as float64.

    Errors are some units in the last place of the amplitude sqrt(2 / (pi x)), not of the value
    near its zeros.
    """
    return apply("j0", x)


def j1(x: Arraylike) -> Node:
    """Bessel function of the first kind of order 1; see `j0`."""
    return apply("j1", x)


def jv(v: Arraylike, x: Arraylike) -> Node:
    """Bessel function of the first kind of the real order v (DLMF 10.2.2).

    nan for x < 0 unless v is whole, and where more than 10^8 steps would be needed.  Errors are
    up to 100 units in the last place of the amplitude where v and x are in the hundreds.  There
    is no derivative with respect to v, and asking for one is an error.
    """
    return apply("jv", v, x)


def i0(x: Arraylike) -> Node:
    """Modified Bessel function of the first kind of order 0; see `iv`."""
    return apply("i0", x)


def i1(x: Arraylike) -> Node:
    """Modified Bessel function of the first kind of order 1; see `iv`."""
    return apply("i1", x)


def iv(v: Arraylike, x: Arraylike) -> Node:
    """Modified Bessel function of the first kind of the real order v (DLMF 10.25.2).

    nan for x < 0 unless v is whole.  Overflows near x = 713; see `ive`.  There is no derivative
    with respect to v, and asking for one is an error.
    """
    return apply("iv", v, x)


def ive(v: Arraylike, x: Arraylike) -> Node:
    """exp(-|x|) iv(v, x), without overflow; its derivative at x = 0 is that of |x|, 0."""
    return apply("ive", v, x)


def kv(v: Arraylike, x: Arraylike) -> Node:
    """Modified Bessel function of the second kind of the real order v (DLMF 10.25.3).

    inf at x = 0, nan below.  Differentiable in v and x, to any order (DLMF 10.32.9).
    """
    return apply("kv", v, x)


def kn(n: Arraylike, x: Arraylike) -> Node:
    """`kv` of a whole order n."""
    return apply("kv", n, x)


def kve(v: Arraylike, x: Arraylike) -> Node:
    """exp(x) kv(v, x), which does not vanish for large x."""
    return apply("kve", v, x)


def owens_t(h: Arraylike, a: Arraylike) -> Node:
    """Owen's T function: the probability of X > h and 0 < Y < a X, X and Y standard normal.

    Even in h, odd in a; differentiable in both.
    """
    return apply("owens_t", h, a)


def hyp2f1(a: Arraylike, b: Arraylike, c: Arraylike, z: Arraylike) -> Node:
    """Gauss's hypergeometric function F(a, b; c; z) for z <= 1 (DLMF 15.2.1).

    nan for z > 1, unless a or b is a whole number from 0 down, when it is a polynomial.  Digits are
    lost where terms of the series cancel, for large a, b of different signs.  Differentiable to
    any order in z, and once in a, b and c for z < 1.
    """
    return apply("hyp2f1", a, b, c, z)
