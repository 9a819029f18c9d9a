"""Discrete Fourier transforms with NumPy's arguments: `fft ifft rfft irfft`.

Responsible for: lengths, axes, scaling, halves of the transforms of real tensors.
Not responsible for: the transform (`cgrad.ops.fourier`).
"""

from __future__ import annotations

from cgrad.core import dtypes, sizes
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError
from cgrad.ops.coerce import Arraylike, as_node, cast_to
from cgrad.ops.constants import size_node
from cgrad.ops.elementwise import apply
from cgrad.ops.fourier import Fourier
from cgrad.ops.lines import placed
from cgrad.ops.windows import join, run
from cgrad.tensor.shape import moveaxis, one_axis

__all__ = ["fft", "ifft", "irfft", "rfft"]

NORMS = ("backward", "ortho", "forward")


def fft(a: Arraylike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Node:
    """The discrete Fourier transform along an axis: sum over j of a[j] exp(-2 pi i j k / n).

    n     cut or filled up with zeros to this length; the length of the axis by default
    norm  None or "backward": not scaled; "ortho": divided by sqrt(n); "forward": by n

    complex128, also of narrower dtypes; any length in O(n log n).  A call needs a workspace of
    17 n complex numbers.
    """
    return _transformed(as_node(a), n, axis, norm, "fft")


def ifft(a: Arraylike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Node:
    """The inverse of `fft`: sum over j of a[j] exp(2 pi i j k / n), divided by n.

    norm  "ortho": divided by sqrt(n); "forward": not scaled; n and the dtype as for `fft`
    """
    return _transformed(as_node(a), n, axis, norm, "ifft")


def rfft(a: Arraylike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Node:
    """The first n // 2 + 1 numbers of the `fft` of a real tensor; the others are their conjugates.

    Arguments as for `fft`.  DTypeError for a complex tensor.
    """
    node = as_node(a)
    if dtypes.is_complex(node.dtype):
        raise DTypeError(f"rfft: {node!r} is complex\n  Fix: use fft, or take z.real or z.imag.")
    whole = _transformed(node, n, axis, norm, "rfft")
    k = one_axis(axis, node.ndim, "rfft")
    return run(whole, k, 0, sizes.floordiv(whole.dims[k], 2) + 1)


def irfft(a: Arraylike, n: int | None = None, axis: int = -1, norm: str | None = None) -> Node:
    """The inverse of `rfft`: the real tensor of length n of which a is the half transform.

    n  by default 2 (m - 1), m the length of the axis; an odd length has to be given.  Of the first
       number, and for an even n of the last one, only the real part counts
    """
    node = cast_to(as_node(a), dtypes.COMPLEX128)
    k = one_axis(axis, node.ndim, "irfft")
    count = 2 * (node.dims[k] - 1) if n is None else _length(n, "irfft")
    half = sizes.floordiv(count, 2) + 1
    node = _fitted(node, k, half)
    rest = count - half
    mirrored = run(node, k, rest, rest, -1)
    whole = join([node, build("conj", mirrored)], k)
    return _transformed(whole, None, k, norm, "irfft", back=True).real


def _transformed(
    node: Node, n: int | None, axis: int, norm: str | None, what: str, back: bool = False
) -> Node:
    back = back or what == "ifft"
    if norm is not None and norm not in NORMS:
        raise ValueError(f"{what}: norm={norm!r} found, expected None or one of {NORMS}")
    k = one_axis(axis, node.ndim, what)
    node = cast_to(node, dtypes.COMPLEX128)
    if n is not None:
        node = _fitted(node, k, _length(n, what))
    count = node.dims[k]
    result = moveaxis(Node(Fourier(back), (moveaxis(node, k, -1),)), -1, k)
    if norm == "ortho":
        return _divided(result, count, root=True)
    return _divided(result, count) if back != (norm == "forward") else result


def _length(n: int, what: str) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"{what}: n={n!r} found, expected a length of 1 or more")
    return n


def _fitted(node: Node, axis: int, n: SizeLike) -> Node:
    """The first n numbers along an axis, zeros where there are fewer."""
    if node.dims[axis] == n:
        return node
    return placed(run(node, axis, 0, sizes.minimum(n, node.dims[axis])), axis, 0, n)


def _divided(z: Node, count: SizeLike, root: bool = False) -> Node:
    """z over a length or its root; each part by itself, so that infinities stay."""
    number = cast_to(size_node(count), dtypes.FLOAT64)
    number = apply("sqrt", number) if root else number
    re, im = (apply("true_div", build(part, z), number) for part in ("real", "imag"))
    return build("complex", re, im)  # type: ignore[no-any-return]
