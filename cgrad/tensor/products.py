"""Products with sums over shared axes, and what belongs to matrices: diagonals, trace.

Responsible for: which axes users may name, the checks of their lengths, dtypes of products.
Not responsible for: the ops (`cgrad.ops.contract`, `cgrad.ops.diagonals`).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Sequence
from typing import Any

from cgrad.core import dtypes, sizes
from cgrad.core.dtypes import as_dtype
from cgrad.core.node import Node
from cgrad.core.registry import build, register
from cgrad.core.sizes import SizeLike
from cgrad.errors import ShapeError
from cgrad.ops.axes import permute_axes, squeeze_axes, sum_axes
from cgrad.ops.coerce import Arraylike, as_node, cast_to, result_dtype
from cgrad.ops.contract import Labels, contract
from cgrad.ops.diagonals import diagonal_of, on_diagonal
from cgrad.ops.elementwise import apply
from cgrad.tensor.math import sum as sum_over
from cgrad.tensor.messages import teach
from cgrad.tensor.shape import flatten, insert_axes, moveaxis, one_axis, squeeze


def _multiply(
    what: str,
    left: Node,
    on_left: Labels,
    right: Node,
    on_right: Labels,
    out: Labels,
    stretched: Collection[int] = (),
) -> Node:
    """sum of left * right over the labels that are not in `out`, in the dtype of both.

    An axis known to have length 1 stretches when its label is in `stretched`.
    """
    dtype = result_dtype([left, right])
    # NumPy's product of booleans: `or` of `and`; a count that is not 0
    wide = dtypes.INT64 if dtype == dtypes.BOOL else dtype
    sizes_left, sizes_right = (
        dict(zip(labels, node.dims, strict=True))
        for labels, node in ((on_left, left), (on_right, right))
    )
    gone_left: list[int] = []
    gone_right: list[int] = []
    for label in on_left:
        n, m = sizes_left[label], sizes_right.get(label, sizes_left[label])
        if n == m:
            continue
        if 1 in (n, m) and label in stretched:
            (gone_left if n == 1 else gone_right).append(label)
        elif isinstance(n, int) and isinstance(m, int):
            raise ShapeError(_mismatch(what, label, left, on_left, right, on_right))
    left, on_left = _without(left, on_left, gone_left, {*on_right, *out})
    right, on_right = _without(right, on_right, gone_right, {*on_left, *out})
    left, on_left = _without(left, on_left, [], {*on_right, *out})
    result = contract(cast_to(left, wide), on_left, cast_to(right, wide), on_right, out)
    return cast_to(result, dtype)


def _without(
    x: Node, labels: Labels, ones: Sequence[int], needed: Collection[int]
) -> tuple[Node, Labels]:
    """x without the axes `ones` of length 1, and summed over those that nobody else has."""
    squeezed = tuple(k for k, label in enumerate(labels) if label in ones)
    x = squeeze_axes(x, squeezed)
    labels = tuple(label for label in labels if label not in ones)
    alone = tuple(k for k, label in enumerate(labels) if label not in needed)
    return sum_axes(x, alone), tuple(label for label in labels if label in needed)


_ORDINALS = ("first", "second", "third")


def _place(axis: int, ndim: int) -> str:
    if axis == ndim - 1:
        return "last"
    return _ORDINALS[axis] if axis < len(_ORDINALS) else f"{axis + 1}th"


def _mismatch(
    what: str, label: int, left: Node, on_left: Labels, right: Node, on_right: Labels
) -> str:
    a, b = on_left.index(label), on_right.index(label)
    first = "first" if b == 0 else _place(b, right.ndim)
    return teach(
        f"{what}: the {_place(a, left.ndim)} axis of the first has length {left.dims[a]}, the "
        f"{first} axis of the second {right.dims[b]}; expected equal lengths",
        "transpose one of them, or check which axis should be summed",
        [left, right],
    )


# -- products of two --------------------------------------------------------------------------
def dot(a: Arraylike, b: Arraylike) -> Node:
    """The sum over the last axis of a and the last but one (of a vector: the only one) of b.

    (n) (n) -> (); (m, n) (n) -> (m); (n) (n, p) -> (p); (m, n) (n, p) -> (m, p); in general
    (..., n) (***, n, p) -> (..., ***, p); a scalar multiplies.  float32 is added up in float64 in
    products with a vector, and in float32 in products of matrices, which a BLAS computes.
    Lengths that differ are a ShapeError, now when they are known, else at the call; nothing is
    stretched.
    """
    left, right = as_node(a), as_node(b)
    if left.ndim == 0 or right.ndim == 0:
        return apply("mul", left, right)
    summed = left.ndim - 1
    at = max(right.ndim - 2, 0)
    rest = tuple(range(left.ndim, left.ndim + right.ndim - 1))
    on_right = (*rest[:at], summed, *rest[at:])
    return _multiply("dot", left, tuple(range(left.ndim)), right, on_right,
                     (*range(summed), *rest))  # fmt: skip


def matmul(x1: Arraylike, x2: Arraylike, dtype: Any = None) -> Node:
    """`x1 @ x2`: products of the matrices in the last two axes.

    (..., m, n) (..., n, p) -> (..., m, p); a vector is a row on the left and a column on the
    right, and that axis is dropped.  Leading axes stretch as in NumPy.  Scalars are refused (use
    `*`).  float32 is added up as in `dot`, and the result is cast to `dtype`.  Lengths that differ
    are a ShapeError, now when they are known, else at the call.
    """
    left, right = as_node(x1), as_node(x2)
    if left.ndim == 0 or right.ndim == 0:
        raise ShapeError(
            teach("matmul: a scalar found, expected vectors or matrices", "use a * b",
                  [left, right])
        )  # fmt: skip
    batch = max(left.ndim, right.ndim, 2) - 2
    row, inner, column = batch, batch + 1, batch + 2
    shared = tuple(range(batch))
    on_left = (inner,) if left.ndim == 1 else (*shared[batch - left.ndim + 2 :], row, inner)
    on_right = (inner,) if right.ndim == 1 else (*shared[batch - right.ndim + 2 :], inner, column)
    out = (*shared, *((row,) if left.ndim > 1 else ()), *((column,) if right.ndim > 1 else ()))
    product = _multiply("matmul", left, on_left, right, on_right, out, shared)
    return product if dtype is None else cast_to(product, as_dtype(dtype))


def matvec(x1: Arraylike, x2: Arraylike, dtype: Any = None) -> Node:
    """The matrices x1 times the vectors x2: (..., m, n) (..., n) -> (..., m); see `matmul`."""
    right = _vectors(x2, "matvec")
    return squeeze(matmul(x1, insert_axes(right, [right.ndim]), dtype), axis=-1)


def vecmat(x1: Arraylike, x2: Arraylike, dtype: Any = None) -> Node:
    """The vectors x1 times the matrices x2: (..., m) (..., m, n) -> (..., n).

    Of complex vectors the conjugate is taken, as in NumPy.  See `matmul`.
    """
    left = _conjugate(_vectors(x1, "vecmat"))
    return squeeze(matmul(insert_axes(left, [left.ndim - 1]), x2, dtype), axis=-2)


def vecdot(x1: Arraylike, x2: Arraylike, dtype: Any = None) -> Node:
    """The dot products of vectors: (..., n) (..., n) -> (...).

    The first of complex vectors is conjugated, as in NumPy.  Leading axes stretch.
    """
    left, right = _conjugate(_vectors(x1, "vecdot")), _vectors(x2, "vecdot")
    row, column = insert_axes(left, [left.ndim - 1]), insert_axes(right, [right.ndim])
    return squeeze(matmul(row, column, dtype), axis=(-2, -1))


def batched_dot(x1: Arraylike, x2: Arraylike) -> Node:
    """The `dot` of x1[i] and x2[i] for every i, of vectors or matrices: (b, ...), (b, ...)."""
    left, right = as_node(x1), as_node(x2)
    if left.ndim not in (2, 3) or right.ndim not in (2, 3):
        raise ShapeError(
            teach(f"batched_dot: {left.ndim} and {right.ndim} axes found, expected 2 or 3 each",
                  "use einsum or matmul", [left, right])
        )  # fmt: skip
    if left.ndim == 2:
        return (vecdot if right.ndim == 2 else vecmat)(left, right)
    return (matvec if right.ndim == 2 else matmul)(left, right)


def _vectors(x: Arraylike, what: str) -> Node:
    node = as_node(x)
    if node.ndim == 0:
        raise ShapeError(
            teach(f"{what}: a scalar found, expected vectors", "use a * b", [node])
        )  # fmt: skip
    return node


def _conjugate(node: Node) -> Node:
    return build("conj", node) if dtypes.is_complex(node.dtype) else node


def outer(x: Arraylike, y: Arraylike) -> Node:
    """The products of every element of x with every element of y: (n), (m) -> (n, m)."""
    left, right = flatten(x), flatten(y)
    return apply("mul", insert_axes(left, [1]), insert_axes(right, [0]))


def inner(a: Arraylike, b: Arraylike) -> Node:
    """The sum over the last axis of both: (..., n) (***, n) -> (..., ***); a scalar multiplies."""
    left, right = as_node(a), as_node(b)
    if left.ndim == 0 or right.ndim == 0:
        return apply("mul", left, right)
    return tensordot(left, right, ((-1,), (-1,)))


def tensordot(a: Arraylike, b: Arraylike, axes: Any = 2) -> Node:
    """The sum over pairs of axes: the kept axes of a, then those of b.

    `axes` is a number n (the last n of a with the first n of b) or a pair of ints or of equally
    long sequences.  Raises ShapeError when lengths that are known differ, ValueError when the two
    sequences do not fit.
    """
    left, right = as_node(a), as_node(b)
    if isinstance(axes, int):
        if not 0 <= axes <= min(left.ndim, right.ndim):
            raise ValueError(
                teach(f"tensordot: axes={axes} found, expected 0 to {min(left.ndim, right.ndim)}",
                      "sum over fewer axes", [left, right])
            )  # fmt: skip
        given: Any = (range(left.ndim - axes, left.ndim), range(axes))
    else:
        given = [[one] if isinstance(one, int) else list(one) for one in axes]
    of_left = [one_axis(axis, left.ndim, "tensordot") for axis in given[0]]
    of_right = [one_axis(axis, right.ndim, "tensordot") for axis in given[1]]
    if len(of_left) != len(of_right) or any(
        len(set(one)) != len(one) for one in (of_left, of_right)
    ):
        raise ValueError(
            teach(f"tensordot: axes={axes} found, expected as many axes of a as of b, each once",
                  "pair the axes: axes=((1, 2), (0, 1))", [left, right])
        )  # fmt: skip
    on_left = tuple(range(left.ndim))
    paired = dict(zip(of_right, of_left, strict=True))
    on_right = tuple(paired.get(k, left.ndim + k) for k in range(right.ndim))
    out = tuple(x for x in (*on_left, *on_right) if x not in of_left)
    return _multiply("tensordot", left, on_left, right, on_right, out)


# -- any number of operands -------------------------------------------------------------------
def einsum(subscripts: str, *operands: Arraylike, optimize: Any = None) -> Node:
    """The sum of products that `subscripts` spells: `einsum("ij,jk->ik", a, b)`, as in NumPy.

    One letter an axis; letters that are not in the result are summed, a letter twice in one
    operand takes its diagonal.  `...` stands for axes without a letter, which run along and stretch
    as in NumPy.  Without `->` the result has `...` and
    the letters that occur once, sorted.  Operands are multiplied two at a time: the cheapest pair
    first where all lengths are known, else from left to right; `optimize` changes nothing.  Raises
    ValueError for letters that do not fit.
    """
    if not isinstance(subscripts, str):
        raise NotImplementedError(
            "einsum: the operands with lists of axes are not built; write the axes as letters: "
            'einsum("ij,jk->ik", a, b)'
        )
    nodes = [as_node(x) for x in operands]
    terms, out = _letters(_spelled(subscripts, nodes))
    dtype = result_dtype(nodes)
    wide = dtypes.INT64 if dtype == dtypes.BOOL else dtype
    work = []
    for node, term in zip(nodes, terms, strict=True):
        if node.ndim != len(term):
            raise ValueError(
                teach(f"einsum: {term!r} names {len(term)} axes of a tensor that has {node.ndim}",
                      "name each axis once", [node])
            )  # fmt: skip
        work.append(_without_repeats(cast_to(node, wide), term))
    work = [_summed(pair, [*_others(work, k), out]) for k, pair in enumerate(work)]
    while len(work) > 1:
        i, j = _cheapest(work)
        (a, on_a), (b, on_b) = work[i], work[j]
        rest = [pair for k, pair in enumerate(work) if k not in (i, j)]
        needed = "".join([out, *(term for _, term in rest)])
        both = "".join(dict.fromkeys(on_a + on_b))
        # the last product has the order of the result, so that nothing is moved after it
        kept = "".join(x for x in (out if not rest else both) if x in both and x in needed)
        labels = (_numbers(on_a), _numbers(on_b))
        product = _multiply("einsum", a, labels[0], b, labels[1], _numbers(kept), labels[0])
        work = [(product, kept), *rest]
    node, term = work[0]
    return cast_to(permute_axes(node, tuple(term.index(x) for x in out)), dtype)


Term = tuple[Node, str]


def _spelled(subscripts: str, nodes: Sequence[Node]) -> str:
    """The subscripts with letters in the place of `...`."""
    text = subscripts.replace(" ", "")
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    if len(nodes) != len(terms):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, found {len(nodes)}")
    plain = text.replace("...", "")
    if "." in plain or any(term.count("...") > 1 for term in (*terms, out)):
        raise ValueError(f"einsum: {subscripts!r} found; '...' may stand once in each operand")
    if "..." not in text:
        return text
    free = [x for x in string.ascii_letters if x not in plain]
    extra = [
        node.ndim - len(term.replace("...", "")) if "..." in term else 0
        for node, term in zip(nodes, terms, strict=True)
    ]
    most = max(extra)
    if arrow and most and "..." not in out:
        raise ValueError(f"einsum: {subscripts!r} found; the result must have '...' too")
    if min(extra) < 0 or most > len(free):
        raise ValueError(
            teach(f"einsum: {subscripts!r} found; an operand has fewer axes than letters",
                  "name each axis once", nodes)
        )  # fmt: skip
    shared = "".join(free[:most])
    named = [term.replace("...", shared[most - k :]) for term, k in zip(terms, extra, strict=True)]
    if not arrow:
        letters = plain.replace(",", "")
        out = "..." + "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    return f"{','.join(named)}->{out.replace('...', shared)}"


def _letters(subscripts: str) -> tuple[list[str], str]:
    """The letters of each operand and of the result."""
    text = subscripts
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    letters = "".join(terms)
    if not arrow:
        out = "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    wrong = [x for x in letters + out if x not in string.ascii_letters]
    if wrong or len(set(out)) != len(out) or not set(out) <= set(letters):
        raise ValueError(
            f"einsum: {subscripts!r} found; expected letters, and in the result each at most once "
            "and only those of operands"
        )
    return terms, out


def _numbers(letters: str) -> Labels:
    return tuple(map(string.ascii_letters.index, letters))


def _without_repeats(node: Node, term: str) -> Term:
    """The diagonal over axes with the same letter."""
    for letter in sorted(set(term)):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            n, m = node.dims[first], node.dims[second]
            if isinstance(n, int) and isinstance(m, int) and n != m:
                raise ShapeError(
                    teach(f"einsum: axes {first} and {second} with the letter {letter!r} have "
                          f"lengths {n} and {m}, expected equal ones", "rename one", [node])
                )  # fmt: skip
            square = moveaxis(node, (first, second), (-2, -1))
            node = diagonal_of(square, 0, square=True)
            term = term.replace(letter, "", 2) + letter
    return node, term


def _others(work: Sequence[Term], k: int) -> list[str]:
    return [term for place, (_, term) in enumerate(work) if place != k]


def _summed(pair: Term, needed: Sequence[str]) -> Term:
    """The operand summed over the letters that nobody else has."""
    node, term = pair
    alone = tuple(k for k, x in enumerate(term) if not any(x in other for other in needed))
    return sum_axes(node, alone), "".join(x for k, x in enumerate(term) if k not in alone)


def _cheapest(work: Sequence[Term]) -> tuple[int, int]:
    """The pair whose product costs least, the first two when a length is not known."""
    lengths: dict[str, SizeLike] = {}
    for node, term in work:
        for letter, n in zip(term, node.dims, strict=True):
            if lengths.get(letter, 1) == 1:
                lengths[letter] = n
    if not all(isinstance(n, int) for n in lengths.values()):
        return 0, 1
    pairs = [(i, j) for j in range(len(work)) for i in range(j)]

    def cost(pair: tuple[int, int]) -> Any:
        letters = {*work[pair[0]][1], *work[pair[1]][1]}
        return sizes.product(lengths[x] for x in sorted(letters)), pair

    return min(pairs, key=cost)


# -- diagonals --------------------------------------------------------------------------------
def diagonal(a: Arraylike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The elements (i, i + offset) over two axes, as the last axis of the result.

    (..., n, m) -> (..., k) with k = min(n + min(offset, 0), m - max(offset, 0)) or 0.  Raises
    ShapeError when a has fewer than two axes, ValueError when `axis1` is `axis2`.
    """
    node = as_node(a)
    if node.ndim < 2:
        raise ShapeError(
            teach(f"diagonal: {node.ndim} axes found, expected 2 or more",
                  "diag(v) makes a matrix of a vector", [node])
        )  # fmt: skip
    axes = one_axis(axis1, node.ndim, "diagonal"), one_axis(axis2, node.ndim, "diagonal")
    if axes[0] == axes[1]:
        raise ValueError(f"diagonal: axis1 and axis2 are both {axis1}, expected two axes")
    return diagonal_of(moveaxis(node, axes, (-2, -1)), _number(offset, "diagonal"))


def diag(v: Arraylike, k: int = 0) -> Node:
    """(n) -> (n + |k|, n + |k|): a matrix of zeros with v on diagonal k; (n, m) -> diagonal k."""
    node = as_node(v)
    if node.ndim not in (1, 2):
        raise ShapeError(
            teach(f"diag: {node.ndim} axes found, expected a vector or a matrix",
                  "use diagonal(x, axis1=..., axis2=...) for more axes", [node])
        )  # fmt: skip
    which = _number(k, "diag")
    return on_diagonal(node, which) if node.ndim == 1 else diagonal_of(node, which)


extract_diag = diagonal  # PyTensor's other name


def trace(a: Arraylike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The sum over a diagonal; integers in NumPy's wide dtype, bool as int64.  See `diagonal`."""
    return sum_over(diagonal(a, offset, axis1, axis2), axis=-1)


def _number(k: Any, what: str) -> int:
    if isinstance(k, Node):
        raise NotImplementedError(
            f"{what}: a diagonal that is known only at the call is not built; pass an int"
        )
    return int(k)


_BUILDERS: dict[str, Callable[..., Any]] = {
    "dot": dot,
    "matmul": matmul,
    "diagonal": diagonal,
    "trace": trace,
}
for _name, _builder in _BUILDERS.items():
    register(_name, _builder)
