"""Products that a loop only adds up are one product after the loop.

    for t: total += outer(a[t], b[t])        ->  total += a.T @ b
    for t: total += a[t].T @ b[t]            ->  one product over t and the rows

The derivative of a loop with respect to a matrix adds up such a product in every step, and loads
and stores all of the matrix for it.  The factors are rows of the loop, which cost less memory.

Responsible for: carries that nothing but their own sum reads.
Not responsible for: the carry that is left unread (`loops` drops it).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.node import Node
from cgrad.core.registry import build
from cgrad.ops.axes import Broadcast
from cgrad.ops.constants import Constant
from cgrad.ops.contract import Contract, Labels, contract
from cgrad.ops.control import Results, Scan
from cgrad.rewrites.extend import extended, positions, replace_scans
from cgrad.rewrites.patterns import is_number, is_op

# a product: its factors and their labels, as in `Contract`
Product = tuple[Node, Labels, Node, Labels, Labels]


def move_products_outside(outputs: Sequence[Node]) -> list[Node]:
    """`outputs`, interned, with added products taken out of the loops that add them up."""

    def change(new: Node, old: Node, read: set[int]) -> dict[int, Node] | None:
        assert isinstance(new.op, Scan)
        sums = {} if new.op.stops else _sums(new, read)
        return _moved(new, sums) if sums else None

    return replace_scans(outputs, (), change)


def _sums(node: Node, read: set[int]) -> dict[int, Product]:
    """The carries that only add up a product, of which nothing but the last value is read."""
    op = node.op
    assert isinstance(op, Scan)
    _, carries, _ = op.groups(op.body.params)
    found: dict[int, Product] = {}
    for k, carry in enumerate(carries):
        after = op.body.outputs[k]
        if k not in read or op.carries + op.ys + k in read or not is_op(after, "add"):
            continue
        readers = [n for n in op.body.order if carry in n.args or carry in n.deps]
        if readers != [after] or after.args.count(carry) != 1:
            continue
        if op.body.outputs.count(after) != 1 or carry in op.body.outputs:
            continue
        (term,) = (arg for arg in after.args if arg is not carry)
        product = _product(term)
        if product is not None and _moving(op, product[0]) and _moving(op, product[2]):
            found[k] = product
    return found


def _product(term: Node) -> Product | None:
    """The factors of an outer product or of a product of matrices."""
    if term.ndim < 2:
        return None
    if isinstance(term.op, Contract):
        a, b = term.args
        return a, term.op.left, b, term.op.right, term.op.out
    if not is_op(term, "mul") or not all(isinstance(arg.op, Broadcast) for arg in term.args):
        return None
    (a, left), (b, right) = ((arg.args[0], arg.op.axes) for arg in term.args)  # type: ignore[attr-defined]
    out = tuple(range(term.ndim))
    stretched = any(
        n == 1 and term.dims[axis] != 1
        for x, axes in ((a, left), (b, right))
        for n, axis in zip(x.dims, axes, strict=True)
    )
    if stretched or {*left, *right} != set(out):
        return None
    return a, left, b, right, out


def _moving(op: Scan, factor: Node) -> bool:
    """Whether a factor is another one in every step."""
    consts, _, _ = op.groups(op.body.params)
    return factor not in consts and not isinstance(factor.op, Constant)


def _moved(node: Node, sums: dict[int, Product]) -> dict[int, Node]:
    """The results by their old positions, from a loop that hands on the factors."""
    op = node.op
    assert isinstance(op, Scan)
    _, carries, sequences = op.groups(node.args)
    _, _, slices = op.groups(op.body.params)
    rows_of = dict(zip(slices, sequences, strict=True))
    factors = [f for product in sums.values() for f in (product[0], product[2])]
    more = list(dict.fromkeys(f for f in factors if f not in rows_of))
    found: Results = extended(node, more, {}, ())
    table = positions(node, found)
    rows_of.update((factor, found.y(op.ys + k)) for k, factor in enumerate(more))
    for k, (a, left, b, right, out) in sums.items():
        step = max((*left, *right)) + 1
        total = contract(rows_of[a], (step, *left), rows_of[b], (step, *right), out)
        start = carries[k]
        table[k] = total if is_number(start, 0.0) else build("add", start, total)
    return table
