"""Rows: logarithms of probabilities, and products with logarithms that are 0 where a factor is.

Responsible for: these rows.  Not responsible for: logarithms themselves (`cgrad.ops.elementwise`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cgrad.core.node import Node
from cgrad.ops.elementwise import apply
from cgrad.ops.rows import add_row, in_double
from cgrad.ops.scalar import Over


def _numpy_log1mexp(x: Any) -> Any:
    return np.where(x > -math.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


add_row(
    "log1mexp", in_double("cg_log1mexp", 1), _numpy_log1mexp,
    [lambda y, x: (apply("exp", x), Over(apply("expm1", x)))],
    "log(1 - exp(x)) for x <= 0, exact at both ends; nan above 0.", cost=60, domain=(-3.0, -0.1),
)  # fmt: skip
add_row(
    "logit", in_double("cg_logit", 1), lambda x: np.log(x) - np.log1p(-x),
    [lambda y, x: (Over(x), Over(1 - x))],
    "log(x / (1 - x)), the inverse of `sigmoid`; nan outside [0, 1].", cost=60, domain=(0.1, 0.9),
)  # fmt: skip


def _product(a: Node, factor: Node) -> Node:
    """a * factor, 0 where a is 0, whatever the factor."""
    return apply("switch", apply("eq", a, 0), 0, a * factor)


def _numpy_product(a: Any, factor: Any) -> Any:
    return np.where(a == 0, 0, a * factor)


def _nonzero(a: Node, b: Node) -> Node:
    """b, with 1 where both are 0: a / b is 0 there."""
    both = apply("logical_and", apply("eq", a, 0), apply("eq", b, 0))
    return apply("switch", both, 1, b)


add_row(
    "xlogx", None, lambda x: _numpy_product(x, np.log(x)), [lambda y, x: (1 + apply("log", x),)],
    "x log(x), 0 at 0; nan below 0.", cost=25, domain=(0.2, 3.0),
    expand=lambda x: _product(x, apply("log", x)),
)  # fmt: skip
add_row(
    "xlogy", None, lambda a, b: _numpy_product(a, np.log(b)),
    [lambda y, a, b: (apply("log", b),), lambda y, a, b: (a, Over(_nonzero(a, b)))],
    "a log(b), 0 where a is 0, whatever b.", cost=25, domain=(0.2, 3.0),
    expand=lambda a, b: _product(a, apply("log", b)),
)  # fmt: skip
add_row(
    "xlog1py", None, lambda a, b: _numpy_product(a, np.log1p(b)),
    [lambda y, a, b: (apply("log1p", b),), lambda y, a, b: (a, Over(_nonzero(a, 1 + b)))],
    "a log(1 + b), 0 where a is 0, whatever b.", cost=30, domain=(0.2, 3.0),
    expand=lambda a, b: _product(a, apply("log1p", b)),
)  # fmt: skip
