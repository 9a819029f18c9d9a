"""Which contractions become products of matrices, the calls of a BLAS.

Products with a vector stay loops, which fuse with their neighbours: both are bound by reading the
matrix once.  So do small ones of static sizes, which the compiler unrolls.  What is left is handed
to `cg_gemm` of `runtime/cg_blas.h`, which decides by size when it runs.

Responsible for: the choice, from the labels and the static sizes.
Not responsible for: how operands lie in memory (`cgrad.ops.contract`).
"""

from __future__ import annotations

import math

from cgrad.core import dtypes
from cgrad.core.derive import add
from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import reshape_to
from cgrad.ops.complex import imag, make_complex, real
from cgrad.ops.contract import Contract, MatrixProduct, contract, matrix_labels, matrix_of
from cgrad.ops.scalar import Cast, apply_row, cast
from cgrad.rewrites.patterns import full

# multiplications of a product of static sizes that stay a loop (measured: gcc unrolls 8 x 8 x 8
# to less than the call takes), and the most of two static sizes when the third is not known
MOST_UNROLLED = 512
MOST_THIN = 16

PRODUCTS = RuleSet("products")


@PRODUCTS.rule(
    Contract, exact=False,
    example=lambda mat: contract(mat, (0, 1), mat, (2, 1), (0, 2)),
)  # fmt: skip
def matrix_product(node: Node) -> Node | None:
    """dot(a, b) over one axis -> matmul(a, b)"""
    op = node.op
    assert isinstance(op, Contract)
    if isinstance(op, MatrixProduct) or not dtypes.is_float(node.dtype):
        return None
    if not all(matrix_labels(op.left, op.right, op.out)) or not _is_plain(op):
        return None
    joined = _joined(node, op)
    if joined is not None:
        return joined
    labels = matrix_of(op.left, op.right, op.out)
    dims = op.dims(node.args)
    if labels is None or _stays_loops([dims[label] for label in labels]):
        return None
    return Node(MatrixProduct(op.left, op.right, op.out), node.args)


@PRODUCTS.rule(
    Contract, exact=False, complex=True,
    example=lambda mat: contract(_turned(mat), (0, 1), _turned(mat), (2, 1), (0, 2)),
)  # fmt: skip
def complex_product(node: Node) -> Node | None:
    """dot(a, b), complex -> complex(Re a . Re b - Im a . Im b, Re a . Im b + Im a . Re b)"""
    op = node.op
    assert isinstance(op, Contract)
    if not dtypes.is_complex(node.dtype):
        return None
    if not all(matrix_labels(op.left, op.right, op.out)) or not _is_plain(op):
        return None
    labels = matrix_of(op.left, op.right, op.out)
    dims = op.dims(node.args)
    if labels is not None and _stays_loops([dims[label] for label in labels]):
        return None

    def product(a: Node | None, b: Node | None) -> Node | None:
        return None if a is None or b is None else contract(a, op.left, b, op.right, op.out)

    (re_a, im_a), (re_b, im_b) = map(_parts, node.args)
    re, minus = product(re_a, re_b), product(im_a, im_b)
    im = add(product(re_a, im_b), product(im_a, re_b))
    assert re is not None
    return make_complex(
        re if minus is None else apply_row("sub", re, minus), full(0, re.dtype, re.dims)
        if im is None else im,
    )  # fmt: skip


def _turned(x: Node) -> Node:
    """A complex tensor of a real one: for examples."""
    return make_complex(x, x)


def _parts(z: Node) -> tuple[Node, Node | None]:
    """The real and the imaginary part, None of what was real."""
    if isinstance(z.op, Cast) and not dtypes.is_complex(z.args[0].dtype):
        return cast(z.args[0], dtypes.real_part(z.dtype)), None
    return real(z), imag(z)


def _is_plain(op: Contract) -> bool:
    """Whether no label is repeated in an operand or summed over one operand alone."""
    alone = {*op.left} ^ {*op.right}
    return all(
        len(set(labels)) == len(labels) for labels in (op.left, op.right, op.out)
    ) and alone <= set(op.out)


def _stays_loops(extents: list[SizeLike]) -> bool:
    """Whether a product of an m x k and a k x n matrix is better written out."""
    known = [n for n in extents if isinstance(n, int)]
    if any(n <= 1 for n in known):
        return True
    size = math.prod(known)
    return size <= MOST_UNROLLED if len(known) == 3 else len(known) == 2 and size <= MOST_THIN


def _joined(node: Node, op: Contract) -> Node | None:
    """dot over neighbouring axes, of a and b alike -> dot over their product"""
    pair = _neighbours(op)
    if pair is None:
        return None
    first, second = pair
    dims = op.dims(node.args)
    labels, args = [], []
    for axes, arg in ((op.left, node.args[0]), (op.right, node.args[1])):
        labels.append(tuple(label for label in axes if label != second))
        shape = tuple(
            dims[label] * dims[second] if label == first else dims[label] for label in labels[-1]
        )
        args.append(reshape_to(arg, shape) if second in axes else arg)
    out = tuple(label for label in op.out if label != second)
    small = Node(Contract(labels[0], labels[1], out), tuple(args))
    return reshape_to(small, node.dims) if second in op.out else small


def _neighbours(op: Contract) -> tuple[int, int] | None:
    """Two labels that stand side by side wherever one of them stands."""
    operands = (op.left, op.right, op.out)
    for labels in matrix_labels(*operands):
        for first in labels:
            for second in labels:
                if first != second and all(
                    (first in axes) == (second in axes)
                    and (first not in axes or axes[axes.index(first) + 1 :][:1] == (second,))
                    for axes in operands
                ):
                    return first, second
    return None
