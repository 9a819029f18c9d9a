"""Directional derivatives of order n, against Cauchy's integral and nested forward products."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.gradient import pushforward, taylor

x, v = ct.dvectors("x", "v")
mat = ct.dmatrix("mat")
AT = {x: np.array([0.3, 0.9, 0.5]), v: np.array([0.5, -0.3, 0.2]),
      mat: np.arange(9.0).reshape(3, 3) / 8}  # fmt: skip
ORDER = 8

# each as a formula of `np` or `ct`, which serves complex x
FORMULAS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "products": lambda np, x, a: x * x * x + (2.0 - x) * (x + x[0]),
    "quotients": lambda np, x, a: (1.0 + x) / (3.0 + x * x) + 1.0 / (2.0 + x) - x / 4.0,
    "exponentials": lambda np, x, a: np.exp(x * x) * np.expm1(x) + np.log(2.0 + np.exp(x)),
    "angles": lambda np, x, a: np.sin(x) * np.cos(2.0 * x) + np.tan(0.3 * x) + np.arctan(0.5 * x),
    "hyperbolic": lambda np, x, a: np.tanh(0.7 * x) + np.sinh(x) / np.cosh(x) + np.arcsinh(x),
    "powers": lambda np, x, a: np.sqrt(2.0 + x) + (2.0 + x) ** 2.5 + (2.0 + x) ** (0.5 * x),
    "linear": lambda np, x, a: np.sum(np.sin(x[::-1] * x)) * np.exp(a @ x)[1:] * x[None, :2],
    "looked up": lambda np, x, a: np.sin(x)[[2, 0, 2]] * x[[0, 0, 1]],
    "constants": lambda np, x, a: np.exp(a[0]) * x + np.sum(a),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_against_cauchys_integral(name: str) -> None:
    """f^(k)(0) = k! / (N r^k) sum of f(r w^j) w^(-j k) over the N-th roots of unity w^j."""
    formula = FORMULAS[name]
    found = evaluate(taylor(formula(ct, x, mat), x, v, ORDER), AT)
    count, radius = 64, 1.0
    roots = radius * np.exp(2j * np.pi * np.arange(count) / count)
    values = np.array([formula(np, AT[x] + t * AT[v], AT[mat]) for t in roots])
    coefficients = np.fft.fft(values, axis=0)[: ORDER + 1] / count
    for k, own in enumerate(found):
        wanted = factorial(k) * coefficients[k].real / radius**k
        scale = factorial(k) * np.abs(values).max()
        np.testing.assert_allclose(own, wanted, rtol=1e-9, atol=1e-12 * scale, err_msg=f"{k}")


def test_special_functions_and_choices_against_nested_products() -> None:
    y = (
        ct.gammaln(x + 1.0) * ct.erf(x) + ct.sigmoid(x) + ct.switch(x > 0.4, x**3, ct.exp(x))
        + ct.abs(x - 0.4) * ct.maximum(x, 0.6) + ct.floor(x)
    )  # fmt: skip
    nested = [y]
    for _ in range(4):
        nested.append(pushforward(nested[-1], x, v, disconnected_outputs="ignore"))
    both = evaluate([*taylor(y, [x], [v], 4), *nested], AT)
    for k in range(5):
        np.testing.assert_allclose(both[k], both[5 + k], rtol=1e-11, atol=1e-13)


def test_the_graph_grows_with_a_low_power_of_the_order() -> None:
    y = ct.exp(ct.sin(x) * x) / (1.0 + x**2) + ct.tanh(x) * ct.log(2.0 + x) + ct.gammaln(x + 2.0)

    def count(order: int) -> int:
        return len(toposort(taylor(y, x, v, order)))

    few, more, most = count(4), count(8), count(16)
    assert more < 5 * few
    assert most < 5 * more


def test_what_is_not_covered_is_named() -> None:
    loop = cgrad.scan(lambda a, s: s * a, [x], outputs_info=[1.0])[0][-1]
    for y, op in ((ct.max(x), "max"), (ct.cumprod(x), "scan"), (loop, "scan")):
        with pytest.raises(NotImplementedError, match=f"taylor: ({op}) is not covered"):
            taylor(y, x, v, 2)
    with pytest.raises(ValueError, match="order=-1"):
        taylor(x, x, v, -1)
    with pytest.raises(TypeError, match="expected a tensor"):
        taylor(3.0, x, v, 1)
    zeros: list[Node] = taylor(mat, x, v, 2)
    assert [np.count_nonzero(z) for z in evaluate(zeros[1:], AT)] == [0, 0]
