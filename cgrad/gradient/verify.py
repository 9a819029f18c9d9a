"""Derivatives checked against finite differences: `verify_grad`, `numeric_grad`.

Responsible for: comparing numbers.  Not responsible for: computing them; the compile hook of
`cgrad.core.registry` does, as for any user function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cgrad.core.dtypes import is_complex
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.errors import DTypeError, GradientError
from cgrad.gradient.reverse import grad
from cgrad.ops.axes import sum_axes
from cgrad.ops.coerce import cast_to
from cgrad.ops.constants import constant

# the step of a central difference, near the cube root of the rounding unit
STEP = {"float64": 6e-6, "float32": 5e-3, "complex128": 6e-6, "complex64": 5e-3}
TOLERANCE = {"float64": 1e-4, "float32": 1e-2}

Array = np.ndarray[Any, Any]


class numeric_grad:
    """The gradient of a NumPy function by central differences.

    f    called with the arrays of `pt`, returns a number
    pt   an array of floats or of complex numbers, or a list or tuple of them; none is changed
    eps  the step relative to max(1, |x|); by default 6e-6 in float64, 5e-3 in float32

    `gf` is the gradient, in the container of `pt`; by x + iy it is df/dx + i df/dy.
    """

    def __init__(self, f: Callable[..., Any], pt: Any, eps: float | None = None) -> None:
        packed = isinstance(pt, (list, tuple))
        arrays = [np.array(x) for x in (pt if packed else [pt])]
        slopes = [_slope(f, arrays, k, eps) for k in range(len(arrays))]
        self.gf: Any = slopes if packed else slopes[0]

    @staticmethod
    def abs_rel_err(a: Any, b: Any) -> tuple[Array, Array]:
        """The differences of two arrays, absolute and relative to |a| + |b|."""
        gap = np.abs(np.asarray(a) - np.asarray(b))
        size = np.maximum(np.abs(a) + np.abs(b), 1e-8)
        return gap, gap / size

    def abs_rel_errors(self, g_pt: Sequence[Any]) -> list[tuple[Array, Array]]:
        """`abs_rel_err` of each gradient."""
        own = self.gf if isinstance(self.gf, list) else [self.gf]
        if len(own) != len(g_pt):
            raise ValueError(f"found {len(g_pt)} gradients, expected {len(own)}")
        return [self.abs_rel_err(a, b) for a, b in zip(own, g_pt, strict=True)]

    def max_err(
        self, g_pt: Sequence[Any], abs_tol: float, rel_tol: float
    ) -> tuple[int, int, float, float]:
        """The worst element: (which array, flat position in it, absolute and relative error).

        Worst means that it exceeds its nearer tolerance by most; nan counts as infinite.
        """
        worst, result = -1.0, (0, 0, 0.0, 0.0)
        for k, (gap, relative) in enumerate(self.abs_rel_errors(g_pt)):
            if not gap.size:
                continue
            excess = np.minimum(gap / abs_tol, relative / rel_tol)
            excess = np.where(np.isnan(excess), np.inf, excess)
            at = int(np.argmax(excess))
            if float(excess.flat[at]) > worst:
                worst = float(excess.flat[at])
                result = (k, at, float(gap.flat[at]), float(relative.flat[at]))
        return result


def _slope(f: Callable[..., Any], arrays: list[Array], which: int, eps: float | None) -> Array:
    x = arrays[which]
    slope = np.zeros(x.shape, x.dtype)
    for at in np.ndindex(x.shape):
        held = x[at]
        step = (STEP[x.dtype.name] if eps is None else eps) * max(1.0, float(abs(held)))
        for direction in (1, 1j) if x.dtype.kind == "c" else (1,):
            values, places = [], []
            for sign in (1, -1):
                x[at] = held + sign * step * direction
                places.append(x[at])
                values.append(float(f(*(a.copy() for a in arrays))))
            x[at] = held
            rise = (values[0] - values[1]) / abs(places[0] - places[1])
            slope[at] = slope[at] + rise * direction
    return slope


def verify_grad(
    fun: Callable[..., Node],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: Any = None,
    eps: float | None = None,
    out_type: str | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    cast_to_output_type: bool = False,
    no_debug_ref: bool = True,
) -> None:
    """Compare the gradient of `fun` at `pt` with finite differences.

    fun      takes one symbolic tensor for each array of `pt` and returns one tensor; it is
             multiplied by a random array and summed, so that every element counts; of a complex
             product the real part
    pt       a list of arrays of a floating or complex dtype
    n_tests  how many random arrays are tried
    rng      a NumPy generator or `RandomState`; a fixed one by default
    eps      the step of the differences, see `numeric_grad`
    out_type  the dtype the result must have, when given
    abs_tol, rel_tol  an element fails when it exceeds both (1e-4, or 1e-2 in float32)
    cast_to_output_type  whether the random array has the dtype of the output (float64 otherwise)
    no_debug_ref  accepted for PyTensor's sake; there is one way to compile

    Errors: `GradientError` if they differ, `DTypeError` for integer arrays, `TypeError` when fun
    returns several results.
    """
    if mode is not None:
        raise NotImplementedError("verify_grad: mode is not built yet; leave it at None")
    arrays = [np.array(x) for x in pt]
    for k, x in enumerate(arrays):
        if x.dtype.name not in STEP:
            raise DTypeError(
                f"verify_grad: pt[{k}] has dtype {x.dtype}, expected a floating or complex one; "
                "write 1.0 instead of 1, or use x.astype('float64')"
            )
    inputs = [
        make_input(TensorType(x.dtype.name, x.shape), f"input {k}") for k, x in enumerate(arrays)
    ]
    output = fun(*inputs)
    if not isinstance(output, Node):
        raise TypeError(
            f"verify_grad: fun must return one symbolic tensor; found {type(output).__name__}"
        )
    if out_type is not None and output.dtype != out_type:
        raise DTypeError(f"verify_grad: fun returns {output.dtype}, expected out_type={out_type!r}")
    rng = np.random.default_rng(7) if rng is None else rng
    draw = rng.random if hasattr(rng, "random") else rng.uniform
    # the shape of the output is known once it has been computed
    shape = np.shape(build("compile", inputs, output)(*arrays))
    found_dtypes = (output.dtype, *(x.dtype.name for x in arrays))
    coarse = any(dtype in ("float32", "complex64") for dtype in found_dtypes)
    tolerance = TOLERANCE["float32" if coarse else "float64"]
    abs_tol = tolerance if abs_tol is None else abs_tol
    rel_tol = tolerance if rel_tol is None else rel_tol
    for test in range(n_tests):
        weights = draw(size=shape) + 0.5
        if is_complex(output.dtype):
            weights = weights + 1j * draw(size=shape)
        scale = constant(np.asarray(weights))
        if cast_to_output_type:
            scale = cast_to(scale, output.dtype)
        product = build("real", build("mul", scale, output))
        cost = sum_axes(product, tuple(range(product.ndim)))
        value = build("compile", inputs, cost)
        slopes = build("compile", inputs, grad(cost, inputs, disconnected_inputs="ignore"))
        found = slopes(*arrays)
        numeric = numeric_grad(value, arrays, eps)
        which, at, gap, relative = numeric.max_err(found, abs_tol, rel_tol)
        if (gap > abs_tol and relative > rel_tol) or np.isnan(gap):
            place = np.unravel_index(at, arrays[which].shape)
            raise GradientError(
                f"verify_grad: the gradient of argument {which} at position "
                f"{tuple(int(k) for k in place)} is {np.asarray(found[which])[place]}, by finite "
                f"differences {numeric.gf[which][place]}\n"
                f"  absolute error {gap:.3g} (allowed {abs_tol:.3g}), relative error "
                f"{relative:.3g} (allowed {rel_tol:.3g}), test {test + 1} of {n_tests}\n"
                f"  value there: {arrays[which][place]}"
            )
