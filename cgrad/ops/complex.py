"""Complex numbers: their parts, made of parts, conjugates.

These are linear over the real numbers.  Cotangents belong to the product Re(sum(conj(u) v)): that
of z = x + iy is dC/dx + i dC/dy for a real cost C.

Responsible for: `complex`, `real`, `imag`, `conj`.
Not responsible for: arithmetic and functions, whose rows hold a complex form beside the real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs
from cgrad.core.exprs import Expr, Index
from cgrad.core.node import Node, Shape, TensorType
from cgrad.core.registry import build, register
from cgrad.core.sizes import SizeLike
from cgrad.errors import DTypeError
from cgrad.ops.arithmetic import complex_from, parts_of
from cgrad.ops.axes import all_leading
from cgrad.ops.coerce import as_node, broadcast, cast_to, result_dtype
from cgrad.ops.kinds import Linear, Pull
from cgrad.ops.terms import Term


class OfComplex(Linear):
    """An elementwise function of one complex tensor that is linear over the real numbers."""

    __slots__ = ()
    dependence = "same"
    keeps_leading = True
    takes_complex = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        (z,) = args
        return TensorType(self.gives(z.dtype), z.dims)

    def gives(self, dtype: str) -> str:
        """The dtype of the result."""
        return dtypes.real_part(dtype)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        return [term.having(Node(self, (term.value,)))]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(self, args)

    def spelled(self, z: Expr) -> Expr:
        """The result as an expression."""
        raise NotImplementedError(f"{self.name}: spelled")

    def value_at(self, node: Node, index: Index) -> Pull:
        return self.spelled((yield node.args[0], index))


class Real(OfComplex):
    """The real part."""

    __slots__ = ()
    name = "real"

    def reference(self, z: Any) -> Any:
        return np.real(z).copy()

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return make_complex(ct, build("zeros_like", ct))

    def spelled(self, z: Expr) -> Expr:
        return parts_of(z)[0]


class Imag(OfComplex):
    """The imaginary part."""

    __slots__ = ()
    name = "imag"

    def reference(self, z: Any) -> Any:
        return np.imag(z).copy()

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return make_complex(build("zeros_like", ct), ct)

    def spelled(self, z: Expr) -> Expr:
        return parts_of(z)[1]


class Conj(OfComplex):
    """The conjugate; its own transpose."""

    __slots__ = ()
    name = "conj"

    def gives(self, dtype: str) -> str:
        return dtype

    def reference(self, z: Any) -> Any:
        return np.conj(z)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return conj(ct)

    def spelled(self, z: Expr) -> Expr:
        suffix = "f" if z.dtype == dtypes.COMPLEX64 else ""
        return exprs.call(f"cg_conj{suffix}({{0}})", z, dtype=z.dtype)


class Complex(Linear):
    """The complex tensor of a real and an imaginary part, of one real dtype and of equal shapes."""

    __slots__ = ()
    dependence = "same"
    name = "complex"
    keeps_leading = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        pairs = zip(*(arg.dims for arg in args), strict=True)
        dims = [b if isinstance(b, int) else a for a, b in pairs]
        return TensorType(dtypes.complex_of(args[0].dtype), dims)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        for arg in node.args:
            for axis, (found, expected) in enumerate(zip(arg.dims, node.dims, strict=True)):
                if found != expected:
                    yield found, expected, axis

    def reference(self, re: Any, im: Any) -> Any:
        result = np.empty(np.shape(re), dtypes.complex_of(np.asarray(re).dtype.name))
        result.real, result.imag = re, im
        return result

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return (real, imag)[position](ct)

    def push(self, node: Node, position: int, term: Term) -> Iterable[Term]:
        parts = [term.value, build("zeros_like", term.value)]
        return [term.having(make_complex(*(parts if position == 0 else parts[::-1])))]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(self, all_leading(args, on, lead))

    def value_at(self, node: Node, index: Index) -> Pull:
        re = yield node.args[0], index
        im = yield node.args[1], index
        return complex_from(re, im)


def make_complex(re: Any, im: Any) -> Node:
    """re + i im, of real tensors, promoted and stretched as in NumPy."""
    nodes = [as_node(re), as_node(im)]
    for node in nodes:
        if dtypes.is_complex(node.dtype):
            raise DTypeError(
                f"complex: {node!r} is complex already, expected a real part and an imaginary one"
                "\n  Fix: write a + 1j * b, or take z.real and z.imag."
            )
    dtype = dtypes.as_float(result_dtype(nodes))
    return Node(Complex(), tuple(broadcast([cast_to(node, dtype) for node in nodes], "complex")))


def real(z: Any) -> Node:
    """The real part; a real tensor is its own."""
    node = as_node(z)
    if not dtypes.is_complex(node.dtype):
        return build("identity", node)  # type: ignore[no-any-return]
    return Node(Real(), (node,))


def imag(z: Any) -> Node:
    """The imaginary part, zeros of a real tensor."""
    node = as_node(z)
    if not dtypes.is_complex(node.dtype):
        return build("zeros_like", node)  # type: ignore[no-any-return]
    return Node(Imag(), (node,))


def conj(z: Any) -> Node:
    """The conjugate; a real tensor is its own."""
    node = as_node(z)
    if not dtypes.is_complex(node.dtype):
        return build("identity", node)  # type: ignore[no-any-return]
    return Node(Conj(), (node,))


register("complex", make_complex)
register("real", real)
register("imag", imag)
register("conj", conj)
