"""Complex numbers: made of parts or of lengths and angles, and taken apart again.

Responsible for: NumPy's and PyTensor's names.
Not responsible for: the ops (`cgrad.ops.complex`), or functions of real and complex numbers.
"""

from __future__ import annotations

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype
from cgrad.ops.elementwise import apply

__all__ = ["angle", "complex", "complex_from_polar", "conj", "conjugate", "imag", "real"]


def complex(re: Arraylike, im: Arraylike) -> Node:
    """re + i im, of real tensors that are promoted and stretched as in NumPy.

    complex64 of float32, else complex128.  DTypeError for a part that is complex.
    """
    return build("complex", re, im)  # type: ignore[no-any-return]


def complex_from_polar(abs: Arraylike, angle: Arraylike) -> Node:
    """abs (cos(angle) + i sin(angle)); the angle in radians, dtypes as for `complex`."""
    nodes = [as_node(abs), as_node(angle)]
    dtype = dtypes.as_float(result_dtype(nodes))
    size, turn = (cast_to(node, dtype) for node in nodes)
    return complex(size * apply("cos", turn), size * apply("sin", turn))


def real(z: Arraylike) -> Node:
    """The real part: float64 of complex128, float32 of complex64, a real tensor as it is."""
    return build("real", z)  # type: ignore[no-any-return]


def imag(z: Arraylike) -> Node:
    """The imaginary part, in the dtype of the real one; zeros of a real tensor."""
    return build("imag", z)  # type: ignore[no-any-return]


def conj(x: Arraylike) -> Node:
    """re - i im; a real tensor as it is."""
    return build("conj", x)  # type: ignore[no-any-return]


conjugate = conj


def angle(z: Arraylike) -> Node:
    """The angle in radians from the positive real axis, in (-pi, pi]; of a real tensor 0 or pi."""
    node = as_node(z)
    return apply("arctan2", imag(node), real(node))
