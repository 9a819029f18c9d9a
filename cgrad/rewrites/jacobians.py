"""Products with Jacobians by the linear maps that they are: no element of them is computed.

What is linear in a Jacobian moves into the seeds of the map (`cgrad.ops.jacobian`): a vector that
is multiplied from the right is a tangent, one from the left a cotangent, a matrix a batch of them,
a sum over columns or rows a tangent or cotangent of ones.  So `dot(jacobian(f, x), v)` is the graph
of `Rop(f, x, v)` and `dot(u, jacobian(f, x))` that of `Lop(f, x, u)`, whatever f is.

A batch costs as many products as it has members, so elements are counted: where computing the
Jacobian first and multiplying then takes fewer, it is stored.  A chain of products that ends in a
vector is multiplied from that end: `(J.T @ J) @ v` is a product forward and one in reverse.

Responsible for: finding these forms, before derivatives are taken and before anything is compiled.
Not responsible for: the map (`cgrad.ops.jacobian`), diagonals and bands (`rewrites.structured`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from cgrad.core.derive import jvp
from cgrad.core.graphs import rebuild, toposort
from cgrad.core.node import Node, make_input
from cgrad.core.rewrite import RuleSet
from cgrad.ops.axes import Broadcast, Sum, broadcast_axes, permute_axes, sum_axes
from cgrad.ops.branch import IfElse
from cgrad.ops.constants import size_node
from cgrad.ops.contract import Contract, Labels, contract
from cgrad.ops.counts import added, added_size, work
from cgrad.ops.diagonals import on_diagonal
from cgrad.ops.elementwise import apply
from cgrad.ops.jacobian import (
    BySizes,
    Jacobian,
    SymmetricProduct,
    in_order,
    linear_in_wrt,
    permuted,
)
from cgrad.ops.result import Get
from cgrad.ops.windows import Place
from cgrad.rewrites.jacobian_axes import AXES
from cgrad.rewrites.patterns import full, like

# chains of products that end in a vector, looked at from the end: before any other rule
CHAINS = RuleSet("chains")
JACOBIANS = RuleSet("jacobians")
# what becomes of those that are left at the end
STORED = RuleSet("stored")

# how deep a chain of products and sums is looked into for a Jacobian
_DEPTH = 6


def _of_doubled(x: Node) -> Node:
    """The Jacobian of x -> 2 * x: for examples."""
    t = make_input(x.type)
    (tangent,) = jvp([apply("mul", like(x, 2), x)], [x], [t])
    return linear_in_wrt(on_diagonal(like(x, 2), 0), tangent, t)


# -- one product ------------------------------------------------------------------------------
class _Factor(NamedTuple):
    """A Jacobian in a product: the labels of its rows and of its columns."""

    node: Node
    rows: Labels
    cols: Labels


def _factor(arg: Node, labels: Labels) -> _Factor | None:
    found = in_order(arg)
    if found is None or len(set(labels)) < len(labels):
        return None
    node, axes = found
    own = tuple(labels[axes.index(k)] for k in range(len(axes)))
    op: Any = node.op
    return _Factor(node, own[: op.rows], own[op.rows :])


@JACOBIANS.rule(
    Contract, exact=False,
    domain="zeros of the Jacobian times what is not finite are left out",
    example=(
        lambda vec, v: contract(_of_doubled(vec), (0, 1), v, (1,), (0,)),
        lambda vec, v: contract(v, (1,), permute_axes(_of_doubled(vec), (1, 0)), (1, 0), (0,)),
        lambda vec, mat: contract(_of_doubled(vec), (0, 1), mat, (1, 2), (2, 0)),
    ),
)  # fmt: skip
def jacobian_times(node: Node) -> Node | None:
    """dot(jacobian(f, x), v) -> Rop(f, x, v); of a matrix a batch, where elements are fewer"""
    return _product(node, forward=True)


@JACOBIANS.rule(
    Contract, exact=False,
    domain="zeros of the Jacobian times what is not finite are left out",
    example=(
        lambda vec, v: contract(v, (0,), _of_doubled(vec), (0, 1), (1,)),
        lambda vec, mat: contract(mat, (0, 2), _of_doubled(vec), (0, 1), (2, 1)),
    ),
)  # fmt: skip
def times_jacobian(node: Node) -> Node | None:
    """dot(u, jacobian(f, x)) -> Lop(f, x, u); of a matrix a batch, where elements are fewer"""
    return _product(node, forward=False)


def _product(node: Node, forward: bool) -> Node | None:
    op: Any = node.op
    for position, own in enumerate((op.left, op.right)):
        factor = _factor(node.args[position], own)
        if factor is None or not factor.rows or not factor.cols:
            continue
        labels = (op.left, op.right)[1 - position]
        kept, summed = factor.rows, factor.cols
        if not forward:
            kept, summed = summed, kept
        batch = tuple(label for label in op.out if label not in kept)
        if not set(kept) <= set(op.out) or sorted(labels) != sorted((*summed, *batch)):
            continue
        other = node.args[1 - position]
        seed = permuted(other, labels, (*summed, *batch))
        jacobian: Any = factor.node.op
        found = (jacobian.pushed if forward else jacobian.pulled)(factor.node, seed)
        if found is not None and (not batch or _pays(found, node, factor.node, other)):
            return permuted(found, (*kept, *batch), op.out)
    return None


def _pays(found: Node, node: Node, jacobian: Node, other: Node) -> bool:
    """Whether a batch of products takes no more elements than the Jacobian and its product."""
    elements, *point = jacobian.args
    known = toposort([*point, other])
    return added([found], known) <= added([elements], known) + work(node)


@JACOBIANS.rule(
    Sum, exact=False,
    domain="zeros of the Jacobian next to what is not finite are left out",
    example=(
        lambda vec: sum_axes(_of_doubled(vec), (1,)),
        lambda vec: sum_axes(_of_doubled(vec), (0,)),
        lambda vec: sum_axes(permute_axes(_of_doubled(vec), (1, 0)), (0, 1)),
    ),
)  # fmt: skip
def sum_of_jacobian(node: Node) -> Node | None:
    """sum(jacobian(f, x)) -> Rop(f, x, 1) over the columns, Lop(f, x, 1) over the rows"""
    op: Any = node.op
    factor = _factor(node.args[0], tuple(range(node.args[0].ndim)))
    if factor is None or not factor.rows or not factor.cols:
        return None
    jacobian: Any = factor.node.op
    ways = ((factor.rows, factor.cols), (factor.cols, factor.rows))
    for kept, summed in ways:
        if not set(summed) <= set(op.axes):
            continue
        dims = tuple(node.args[0].dims[axis] for axis in summed)
        ones = full(1, node.dtype, dims)
        forward = kept == factor.rows
        found = (jacobian.pushed if forward else jacobian.pulled)(factor.node, ones)
        if found is None:
            continue
        rest = [axis for axis in kept if axis not in op.axes]
        also = tuple(k for k, axis in enumerate(kept) if axis in op.axes)
        return permuted(sum_axes(found, also) if also else found, rest, sorted(rest))
    return None


# -- chains of products that end in a vector --------------------------------------------------
def _leads_to_jacobian(node: Node, depth: int = _DEPTH) -> bool:
    """Whether products, sums and multiples, of which some factor is a Jacobian."""
    if in_order(node) is not None:
        return True
    known = isinstance(node.op, Contract) or node.op.name in ("add", "sub", "neg", "mul", "permute")
    return known and depth > 0 and any(_leads_to_jacobian(arg, depth - 1) for arg in node.args)


class _Applied(NamedTuple):
    """A product with a vector: what it is applied to, its labels, the vector and its labels."""

    map: Node
    labels: Labels
    vector: Node
    summed: Labels
    out: Labels


def _applied(node: Node) -> _Applied | None:
    """The product as that of a map and a vector, all axes of which are summed over."""
    op: Any = node.op
    for position, (own, other) in enumerate(((op.left, op.right), (op.right, op.left))):
        plain = len(set(own)) == len(own) and len(set(other)) == len(other)
        if not plain or set(other) & set(op.out) or not set(other) < set(own):
            continue
        arg, axes = node.args[position], tuple(range(len(own)))
        while arg.op.name == "permute":
            inner: Any = arg.op
            axes = tuple(inner.axes[axis] for axis in axes)
            (arg,) = arg.args
        if arg.op.name in ("add", "sub", "neg", "mul", "dot") and _leads_to_jacobian(arg):
            labels = tuple(own[axes.index(k)] for k in range(len(axes)))
            return _Applied(arg, labels, node.args[1 - position], other, op.out)
    return None


@CHAINS.rule(
    Contract, exact=False,
    example=lambda vec, v: contract(
        contract(_of_doubled(vec), (0, 1), _of_doubled(vec), (0, 2), (1, 2)), (0, 1), v, (1,), (0,)
    ),
)  # fmt: skip
def vector_first(node: Node) -> Node | None:
    """dot(dot(A, B), v) -> dot(A, dot(B, v)) where A or B has to do with a Jacobian"""
    found = _applied(node)
    if found is None or not isinstance(found.map.op, Contract):
        return None
    op: Any = found.map.op
    if len(set(op.left)) < len(op.left) or len(set(op.right)) < len(op.right):
        return None
    first = 1 + max((*found.labels, *node.op.left, *node.op.right))  # type: ignore[attr-defined]
    outer = dict(zip(op.out, found.labels, strict=True))
    names = {label: outer.get(label, first + label) for label in (*op.left, *op.right)}
    left, right = (tuple(names[label] for label in own) for own in (op.left, op.right))
    a, b = found.map.args
    for (one, own), (other, others) in (((a, left), (b, right)), ((b, right), (a, left))):
        if set(found.summed) <= set(others) and not set(found.summed) & set(own):
            inside = tuple(label for label in others if label not in found.summed)
            product = contract(other, others, found.vector, found.summed, inside)
            return contract(one, own, product, inside, found.out)
    return None


@CHAINS.rule(
    Contract, exact=False,
    example=(
        lambda vec, v: contract(
            apply("add", _of_doubled(vec), on_diagonal(v, 0)), (0, 1), v, (1,), (0,)
        ),
        lambda vec, v: contract(apply("neg", _of_doubled(vec)), (0, 1), v, (1,), (0,)),
    ),
)  # fmt: skip
def product_of_sum(node: Node) -> Node | None:
    """dot(A + B, v) -> dot(A, v) + dot(B, v) where A or B has to do with a Jacobian"""
    found = _applied(node)
    if found is None or found.map.op.name not in ("add", "sub", "neg"):
        return None
    parts = [
        contract(arg, found.labels, found.vector, found.summed, found.out) for arg in found.map.args
    ]
    return apply(found.map.op.name, *parts)


@CHAINS.rule(
    Contract, exact=False,
    example=(
        lambda vec, v: contract(
            apply("mul", broadcast_axes(v, (*v.dims, *v.dims), (0,)), _of_doubled(vec)),
            (0, 1), v, (1,), (0,),
        ),
        lambda vec, v: contract(
            apply("mul", broadcast_axes(v, (*v.dims, *v.dims), (1,)), _of_doubled(vec)),
            (0, 1), v, (1,), (0,),
        ),
    ),
)  # fmt: skip
def product_of_multiple(node: Node) -> Node | None:
    """dot(w[:, None] * A, v) -> w * dot(A, v) and dot(A * w, v) -> dot(A, w * v), A as above"""
    found = _applied(node)
    if found is None or found.map.op.name != "mul":
        return None
    a, b = found.map.args
    for scale, rest in ((a, b), (b, a)):
        if not isinstance(scale.op, Broadcast) or not _leads_to_jacobian(rest):
            continue
        (source,) = scale.args
        own = tuple(found.labels[axis] for axis in scale.op.axes)
        if set(own) <= set(found.out):
            product = contract(rest, found.labels, found.vector, found.summed, found.out)
            return apply("mul", _stretched(source, own, product, found.out), product)
        if set(own) <= set(found.summed):
            vector = apply("mul", _stretched(source, own, found.vector, found.summed), found.vector)
            return contract(rest, found.labels, vector, found.summed, found.out)
    return None


def _stretched(x: Node, own: Labels, like: Node, labels: Labels) -> Node:
    """x, whose axes have the labels `own`, stretched to the shape of `like`, of `labels`."""
    order = sorted(range(len(own)), key=lambda k: labels.index(own[k]))
    places = tuple(labels.index(own[k]) for k in order)
    return broadcast_axes(permute_axes(x, tuple(order)), like.dims, places)


# -- the ends ---------------------------------------------------------------------------------
@STORED.rule(Jacobian, example=_of_doubled)
def elements_of_jacobian(node: Node) -> Node:
    """jacobian(f, x) -> its elements, where it is no factor of such a product"""
    return node.args[0]


def _two_ways(mat: Node) -> Node:
    """Twice a matrix, as a sum or a product, and its square: for examples."""
    ways = (apply("add", mat, mat), apply("mul", mat, mat)), (apply("mul", like(mat, 2), mat),) * 2
    return Node(BySizes(0), (ways[0][0], *ways[0], *ways[1]))


@STORED.rule(BySizes, example=_two_ways)
def fewer_elements(node: Node) -> Node:
    """one way or another -> ifelse(a <= b, one, another), a and b the elements they compute"""
    op: Any = node.op
    blocks = node.args[1:]
    count = len(blocks) // 2
    one, other = blocks[:count], blocks[count:]
    both = set(toposort(one)) & set(toposort(other))
    counts = (added_size(one, both), added_size(other, both))
    cond = apply("le", *map(size_node, counts))
    return Node(Get(op.which), (Node(IfElse(count), (cond, *blocks)),))


@JACOBIANS.rule(
    SymmetricProduct, example=lambda x, v: Node(SymmetricProduct(), (apply("mul", x, v), v))
)  # fmt: skip
def value_of_product(node: Node) -> Node | None:
    """(A v, v) -> A v but for a unit vector v: loops over these are looked at as a whole"""
    value, v = node.args
    return None if isinstance(v.op, Place) else value


@STORED.rule(
    SymmetricProduct, example=lambda x, v: Node(SymmetricProduct(), (apply("mul", x, v), v))
)  # fmt: skip
def value_of_row(node: Node) -> Node:
    """(A v, v) -> A v"""
    return node.args[0]


def by_products(outputs: Sequence[Node], kept: Collection[Node]) -> list[Node]:
    """`outputs` with products in place of Jacobians; nodes of `kept` and below stay as they are.

    What no rule fires on is the object that it was.
    """
    for rules in (AXES, CHAINS, JACOBIANS):
        outputs = _settled(outputs, kept, rules)
    return list(outputs)


def _settled(outputs: Sequence[Node], leaves: Collection[Node], rules: RuleSet) -> list[Node]:
    held = set(leaves)
    new = {node: node for node in held}
    for node in toposort(outputs, held):
        if node in held:
            continue
        same = new[node] = rebuild(node, new)
        if held.isdisjoint(same.args):
            fired = (rule.apply(same) for rule in rules.of(same))
            found = next((built for built in fired if built is not None), None)
            if found is not None:
                # what the rule has built may have such products in it
                (new[node],) = _settled([found], toposort(same.args), rules)
    return [new[out] for out in outputs]
