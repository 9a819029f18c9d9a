"""A Jacobian that is known as a linear map, too: what `jacobian` and `hessian` return.

The node has the elements of the Jacobian as its first argument and is the identity on them.  Beside
them it carries the map from tangents of wrt to tangents of the expression as a body, whose other
parameters are values at the point of linearisation.  So a product with the Jacobian may be computed
by this map or by its transpose, and the elements by nobody (`cgrad.rewrites.jacobians`).  Where
nothing of the kind is found the node is replaced by the elements before anything is lowered.

Responsible for: the op, and the map applied to one tangent or to a batch of them.  Not responsible
for: how the elements are computed (`cgrad.gradient.structured`), or which products are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cgrad.core import derive, sizes
from cgrad.core.exprs import Index
from cgrad.core.graphs import Body, substitute
from cgrad.core.node import Node, Op, Shape, TensorType, make_input
from cgrad.core.registry import build
from cgrad.core.sizes import Label, SizeLike
from cgrad.ops.axes import broadcast_axes, permute_axes, with_leading
from cgrad.ops.closing import close
from cgrad.ops.constants import constant
from cgrad.ops.custom import unwrap
from cgrad.ops.foreign import CFunction
from cgrad.ops.kinds import Pull
from cgrad.ops.overlay import assembled
from cgrad.ops.python_call import Callback
from cgrad.ops.terms import Term, Unstructured, dense, push, whole

Maybe = Node | None


class WithMap(Op):
    """The identity on the first argument; the others say of what map it is a value."""

    __slots__ = ()
    dependence = "first"
    takes_complex = True
    lowering = "pull"

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def connects(self, position: int) -> bool:
        return position == 0

    def reference(self, value: Any, *others: Any) -> Any:
        return value

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        return tangents[0]

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [ct if needed[0] else None, *(None for _ in node.args[1:])]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return terms[0]

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return args[0] if on[0] else with_leading(args[0], lead)


class SymmetricProduct(WithMap):
    """(A v, v) -> A v, where the map A is its own transpose: a Hessian times a vector."""

    __slots__ = ()
    name = "symmetric_product"


class BySizes(WithMap):
    """(block, blocks in one way, blocks in another) -> that block: the sizes decide at the call.

    The Jacobians for several wrt are computed in the same way.  The block is the one of `which`,
    in the first way, and that is what it is for all rules; the choice is made of it before
    anything is lowered.
    """

    __slots__ = ("which",)
    name = "by_sizes"

    def __init__(self, which: int) -> None:
        self.which = which


class Jacobian(WithMap):
    """(elements, values of the point) -> elements, of shape rows + columns.

    body       (tangent of wrt, values of the point) -> tangent of the expression, linear in the
               first; the columns are the axes of that tangent, the rows those of the result
    symmetric  whether the map is its own transpose, as that of a Hessian
    how        which way the elements are computed, and why, for people
    """

    __slots__ = ("body", "how", "symmetric")
    name = "jacobian"

    def __init__(self, body: Body, symmetric: bool, how: str) -> None:
        self.body = body
        self.symmetric = symmetric
        self.how = how

    # -- structure ----------------------------------------------------------------------------
    @property
    def bodies(self) -> tuple[Body, ...]:  # type: ignore[override]
        return (self.body,)

    @property
    def rows(self) -> int:
        """The number of axes of the expression."""
        return self.body.outputs[0].ndim

    def key(self, label: Label) -> Any:
        return (self.name, self.body.key(label), self.symmetric)

    def sizes(self) -> Iterator[SizeLike]:
        for atom in self.body.free:
            yield sizes.as_size(atom)

    def map_sizes(self, f: Callable[[SizeLike], SizeLike]) -> Op:
        return self.map_bodies(lambda body: body.map(f))

    def map_bodies(self, f: Callable[[Body], Body]) -> Op:
        body = f(self.body)
        return self if body is self.body else Jacobian(body, self.symmetric, self.how)

    # -- the map ------------------------------------------------------------------------------
    def pushed(self, node: Node, v: Node) -> Maybe:
        """The Jacobian times v, whose first axes are the columns; its others are those of a batch.

        Rows and then the axes of the batch; None without a rule for batches.
        """
        t = self.body.params[0]
        return self._at_point(node, _through(self.body.outputs[0], t, v))

    def pulled(self, node: Node, u: Node) -> Maybe:
        """u times the Jacobian; the first axes of u are the rows, its others those of a batch.

        Columns and then the axes of the batch; None without a rule for batches.
        """
        if self.symmetric:
            return self.pushed(node, u)
        t, (out,) = self.body.params[0], self.body.outputs
        ct = make_input(out.type)
        (back,) = derive.vjp([out], [t], [ct])
        # linear in t, so its transpose does not depend on t; a loop may still carry it along
        return None if back is None else self._at_point(node, _through(back, ct, u))

    # -- another map made of it ---------------------------------------------------------------
    def image_of(self, v: Node) -> Node:
        """The body's result for v in place of the tangent, over the parameters of the body."""
        return substitute(self.body.outputs, {self.body.params[0]: v})[0]

    def changed(self, node: Node, t: Node, image: Node, elements: Node, symmetric: bool) -> Node:
        """The Jacobian of the map from t to image, which is made of `image_of`."""
        body = Body([t, *self.body.params[1:]], [image])
        return Node(Jacobian(body, symmetric, self.how), (elements, *node.args[1:]))

    def elements_of(self, node: Node, t: Node, image: Node) -> Maybe:
        """The elements of that map, forward from the identity; None without a rule."""
        try:
            (terms,) = push([image], {t: [identity(t)]})
        except Unstructured:
            return None
        shape = (*image.dims, *t.dims)
        found = (
            assembled(terms, shape)
            if terms
            else broadcast_axes(constant(np.zeros((), t.dtype)), shape, ())
        )
        return substitute(
            [found],
            {
                **dict(zip(self.body.params[1:], node.args[1:], strict=True)),
                t: build("zeros_like", t),
            },
        )[0]

    def _at_point(self, node: Node, found: Maybe) -> Maybe:
        if found is None:
            return None
        t, *point = self.body.params
        memo = dict(zip(point, node.args[1:], strict=True))
        return substitute([found], {**memo, t: build("zeros_like", t)})[0]


def identity(node: Node) -> Term:
    """d node / d node: ones on the diagonal of each axis."""
    ones = broadcast_axes(constant(np.ones((), node.dtype)), node.dims, ())
    lines = [whole(axis) for axis in range(node.ndim)]
    return Term(ones, lines, lines, node.dims)


def _through(image: Node, seed: Node, v: Node) -> Maybe:
    """The linear map from seed to image, of v: of each of its elements along further axes."""
    if v.ndim == seed.ndim:
        return substitute([image], {seed: v})[0]
    batch = v.dims[seed.ndim :]
    try:
        (terms,) = push([image], {seed: [dense(v, seed.ndim, batch)]})
    except Unstructured:
        return None
    if not terms:
        return None
    found = assembled(terms, (*image.dims, *batch))
    return substitute([found], {seed: build("zeros_like", seed)})[0]


def linear_in_wrt(
    elements: Node, tangent: Maybe, t: Node, symmetric: bool = False, how: str = ""
) -> Node:
    """The elements of a Jacobian with the map that takes `t` to `tangent`, where it can be kept.

    Not where C or Python of the user's is called: what it computes for a batch is not known here.
    """
    if tangent is None or tangent.dtype != elements.dtype or tangent.dtype != t.dtype:
        return elements
    (image,), found = close([tangent], [t])
    # what is left of rules of the user's in the map is linear in t, and so is what they compute
    body = Body([t, *(param for _, param in found)], unwrap([image]))
    if any(isinstance(node.op, (CFunction, Callback)) for node in body.order):
        return elements
    return Node(Jacobian(body, symmetric, how), (elements, *(node for node, _ in found)))


def in_order(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """(Jacobian, axes): the node as `axes` of a Jacobian, None if it is no such thing."""
    axes = tuple(range(node.ndim))
    while node.op.name == "permute":
        inner: Any = node.op
        axes = tuple(inner.axes[axis] for axis in axes)
        (node,) = node.args
    return (node, axes) if isinstance(node.op, Jacobian) else None


def permuted(x: Node, labels: Sequence[int], wanted: Sequence[int]) -> Node:
    """x, whose axes have `labels`, with its axes in the order `wanted`."""
    return permute_axes(x, tuple(labels.index(label) for label in wanted))
