"""Parts of complex numbers that were put together, and conjugates of conjugates.

Derivatives take real parts of what became complex and conjugates of what is real; these rules leave
real arithmetic alone where nothing else is left.  The laws of real numbers are not tried on complex
ones (`Rule.complex`).

Responsible for: rules about `real`, `imag`, `conj` and `complex`.
"""

from __future__ import annotations

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, Sum, sum_axes
from cgrad.ops.coerce import stretch
from cgrad.ops.complex import Complex, Conj, Imag, Real
from cgrad.ops.scalar import Cast, apply_row, cast
from cgrad.rewrites.patterns import is_op, like

COMPLEX = RuleSet("complex", complex=True)


def _pair(x: Node) -> Node:
    """A complex tensor: for examples."""
    return build("complex", x, x + 1)  # type: ignore[no-any-return]


def _product(x: Node) -> Node:
    return build("mul", x, 1 + 2j)  # type: ignore[no-any-return]


def _widened(x: Node) -> Node | None:
    """The real tensor of which x is the complex form."""
    return x.args[0] if isinstance(x.op, Cast) and not dtypes.is_complex(x.args[0].dtype) else None


@COMPLEX.rule(Real, example=(lambda x: build("real", _pair(x)),
                             lambda x: build("real", build("conj", _pair(x)))))  # fmt: skip
def real_part(node: Node) -> Node | None:
    """real(complex(a, b)) -> a, real(conj(z)) -> real(z)"""
    (z,) = node.args
    if isinstance(z.op, Complex):
        return z.args[0]
    if isinstance(z.op, Conj):
        return Node(Real(), z.args)
    source = _widened(z)
    return None if source is None else cast(source, node.dtype, implicit=True)


@COMPLEX.rule(Imag, example=lambda x: build("imag", _pair(x)))
def imaginary_part(node: Node) -> Node | None:
    """imag(complex(a, b)) -> b, imag(conj(z)) -> -imag(z)"""
    (z,) = node.args
    if isinstance(z.op, Complex):
        return z.args[1]
    if isinstance(z.op, Conj):
        return apply_row("neg", Node(Imag(), z.args))
    return None if _widened(z) is None else like(node, 0)


@COMPLEX.rule(
    Real, Imag,
    example=(lambda x: build("real", _product(x) + _pair(x)), lambda x: build("imag", -_product(x)),
             lambda vec: build("real", sum_axes(_product(vec), (0,))),
             lambda vec: build("imag", stretch(_product(vec), (2, *vec.dims)))),
)  # fmt: skip
def part_of_linear(node: Node) -> Node | None:
    """real(a + b) -> real(a) + real(b); so of -, sums and broadcasts, and the imaginary part"""
    (z,) = node.args
    if not isinstance(z.op, (Sum, Broadcast)) and not is_op(z, "add", "sub", "neg"):
        return None
    return Node(z.op, tuple(Node(node.op, (arg,)) for arg in z.args))


@COMPLEX.rule("add", "sub", "neg", example=(lambda x: _pair(x) + _pair(x * 2), lambda x: -_pair(x)))
def linear_of_parts(node: Node) -> Node | None:
    """complex(a, b) + complex(c, d) -> complex(a + c, b + d); so of -"""
    if not all(isinstance(arg.op, Complex) for arg in node.args):
        return None
    parts = zip(*(arg.args for arg in node.args), strict=True)
    return Node(Complex(), tuple(Node(node.op, part) for part in parts))


@COMPLEX.rule(Conj, example=(lambda x: build("conj", build("conj", _pair(x))),
                             lambda x: build("conj", _pair(x))))  # fmt: skip
def conjugate(node: Node) -> Node | None:
    """conj(conj(z)) -> z, conj(complex(a, b)) -> complex(a, -b)"""
    (z,) = node.args
    if isinstance(z.op, Conj):
        return z.args[0]
    if isinstance(z.op, Complex):
        return Node(Complex(), (z.args[0], apply_row("neg", z.args[1])))
    return None


@COMPLEX.rule(
    Complex, example=lambda x: build("complex", build("real", _product(x)), _product(x).imag)
)
def whole_of_parts(node: Node) -> Node | None:
    """complex(real(z), imag(z)) -> z"""
    re, im = node.args
    if isinstance(re.op, Real) and isinstance(im.op, Imag) and re.args == im.args:
        return re.args[0]
    return None
