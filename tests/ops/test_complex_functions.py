"""Functions of complex numbers that are made of real ones, against mpmath, without a compiler."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from cgrad.core.evaluate import evaluate
from cgrad.core.node import TensorType, make_input
from cgrad.errors import DTypeError
from cgrad.ops.elementwise import apply

Z = make_input(TensorType("complex128", ()), "z")
SMALL = [1e-10 + 1e-9j, -1e-12 + 0j, 1e-9j, 3e-7 - 2e-8j, -0.3 + 0.2j]
LARGE = [1.5 - 0.7j, -2.5 + 1.1j, -0.9 + 0.05j, 0.8 + 0.9j, 3 + 2j, -1 + 1.9j, 2.5j]
FAR = [-30 + 1j, 20 - 2j, 1e3 + 1j, -1e3 - 1j]
EXACT = {
    "expm1": (mp.expm1, [*SMALL, *LARGE, *FAR[:2]]),
    "log1p": (mp.log1p, [*SMALL, *LARGE, *FAR, 1e200 + 1e200j, -1e200j]),
    "dtanh": (lambda z: 1 / mp.cosh(z) ** 2, [*SMALL, *LARGE, *FAR, 1j, -1.2j]),
    "sign": (lambda z: z / abs(z), [*SMALL, *LARGE, *FAR, 1e300 - 1e300j, -3 + 0j, 1e-320j]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_values(name: str) -> None:
    function, points = EXACT[name]
    out = apply(name, Z)
    for z in points:
        (got,) = evaluate([out], {Z: np.complex128(z)})
        with mp.workdps(700):
            want = complex(function(mp.mpc(z)))
        assert abs(complex(got) - want) <= 2e-15 * abs(want), (name, z)
        if name in ("expm1", "log1p") and z in SMALL:
            assert got.real == pytest.approx(want.real, rel=1e-14), (name, z)
            assert got.imag == pytest.approx(want.imag, rel=1e-14), (name, z)


@pytest.mark.parametrize(
    ("z", "want"),
    [(0j, 0j), (complex(np.inf, 1), 1 + 0j), (complex(-np.inf, 3), -1 + 0j),
     (complex(2, np.inf), 1j), (complex(0, -np.inf), -1j),
     (complex(np.inf, -np.inf), complex(np.nan, np.nan))],
)  # fmt: skip
def test_signs_at_zero_and_infinity(z: complex, want: complex) -> None:
    with np.errstate(all="ignore"):
        (got,) = evaluate([apply("sign", Z)], {Z: np.complex128(z)})
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "maximum", "minimum"])
def test_complex_numbers_have_no_order(name: str) -> None:
    with pytest.raises(DTypeError, match=f"{name}: complex numbers have no order; found z of com"):
        apply(name, Z, Z)


def test_a_function_of_real_numbers_only_says_so() -> None:
    with pytest.raises(
        NotImplementedError, match=r"floor_div.* z of complex128, neg of complex128"
    ):
        apply("floor_div", Z, -Z)
