"""Ops that are the identity in value and say something about the derivative.

zero_grad, disconnected_grad, undefined_grad, grad_clip and grad_scale; and `Undefined`, the
derivative that does not exist.  A canonical rule drops the identities before lowering.

Responsible for: the ops and what stands for a missing derivative.  Not responsible for: what
users may pass, or when an undefined derivative is an error (`cgrad.gradient`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core.exprs import Index
from cgrad.core.node import Node, Op, Shape, TensorType
from cgrad.core.registry import build
from cgrad.errors import NullTypeGradError
from cgrad.ops.kinds import Leaf, Pull

Maybe = Node | None


class PassThrough(Op):
    """The identity; a subclass says what happens to tangents and cotangents."""

    __slots__ = ()
    dependence = "same"
    takes_complex = True
    lowering = "pull"
    keeps_leading = True

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(args[0].dtype, args[0].dims)

    def reference(self, x: Any) -> Any:
        return x

    def value_at(self, node: Node, index: Index) -> Pull:
        return (yield node.args[0], index)

    def forward(self, x: Node, t: Node) -> Maybe:
        """The tangent, by default unchanged."""
        return t

    def backward(self, x: Node, ct: Node) -> Maybe:
        """The cotangent."""
        return self.forward(x, ct)

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        (t,) = tangents
        return None if t is None else self.forward(node.args[0], t)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        return [self.backward(node.args[0], ct) if needed[0] else None]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        # a Jacobian is made of cotangents, which need not be treated as tangents are
        return NotImplemented


class ZeroGrad(PassThrough):
    """x, with a derivative of zero."""

    __slots__ = ()
    dependence = "none"
    name = "zero_grad"

    def forward(self, x: Node, t: Node) -> Maybe:
        return None

    def push_terms(self, node: Node, terms: Sequence[Any]) -> None:
        return None


class DisconnectedGrad(ZeroGrad):
    """x, on which the result does not depend as far as derivatives are concerned."""

    __slots__ = ()
    name = "disconnected_grad"

    def connects(self, position: int) -> bool:
        return False


class UndefinedGrad(PassThrough):
    """x, without a derivative; the reason is `why`."""

    __slots__ = ("why",)
    name = "undefined_grad"

    def __init__(self, why: str) -> None:
        self.why = why

    def forward(self, x: Node, t: Node) -> Maybe:
        return undefined(x, self.why)


class Jump(UndefinedGrad):
    """x, on which integers depend that jump where x moves, and whose mean value does not.

    No cotangent passes integers, and their derivative is taken to be 0 elsewhere; what depends on x
    by way of this has an undefined one (`cgrad.gradient.arguments.jumps_between`).
    """

    __slots__ = ()
    name = "jump"

    def __init__(self) -> None:
        super().__init__(
            "a draw of integers jumps where a parameter moves; differentiate the logarithm of its "
            "probability (score function), use a continuous relaxation such as a softmax with "
            "Gumbel numbers, or hold the draw fixed with cgrad.gradient.zero_grad"
        )


class GradClip(PassThrough):
    """x; cotangents are limited to [low, high], tangents pass unchanged."""

    __slots__ = ("high", "low")
    name = "grad_clip"
    takes_complex = False
    pulls_linearly = False

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def backward(self, x: Node, ct: Node) -> Maybe:
        clipped: Node = build("clip", ct, self.low, self.high)
        return clipped


class GradScale(PassThrough):
    """x; tangents and cotangents are multiplied by `factor`."""

    __slots__ = ("factor",)
    name = "grad_scale"

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, x: Node, t: Node) -> Maybe:
        scaled: Node = build("mul", t, self.factor)
        return scaled


class Again(PassThrough):
    """x, equal to no other node: what is computed from it is computed again where it is needed.

    It stays until lowering, so that no loop hands such values on to a later one.
    """

    __slots__ = ()
    name = "again"
    moves = True
    impure = True

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return terms[0]


# -- derivatives that are not there -------------------------------------------------------------
class NullType(TensorType):
    """The type of a derivative that does not exist; `why_null` says why.

    It has a dtype and a shape, so rules compute with it and the result is found to contain it.
    """

    __slots__ = ("why_null",)

    def __init__(
        self, why_null: str = "(no explanation given)", dtype: str = "float64", shape: Shape = ()
    ) -> None:
        super().__init__(dtype, shape)
        self.why_null = why_null

    def __repr__(self) -> str:
        return f"NullType({self.why_null!r})"

    def __call__(self, name: str | None = None) -> Node:
        return Node(Undefined(self.why_null, self.dtype, self.shape), (), name=name)

    make_variable = __call__


class Undefined(Leaf):
    """A tensor of no value; whatever is computed from it is undefined too."""

    __slots__ = ("dtype", "shape", "why")
    name = "undefined"
    lowering = "pull"
    size_slots = ("shape",)
    impure = True

    def __init__(self, why: str, dtype: str, shape: Shape) -> None:
        self.why = why
        self.dtype = dtype
        self.shape = shape

    def infer(self, args: tuple[Node, ...]) -> NullType:
        return NullType(self.why, self.dtype, self.shape)

    def reference(self) -> Any:
        raise NullTypeGradError(self.message())

    def value_at(self, node: Node, index: Index) -> Pull:
        raise NullTypeGradError(self.message())

    def message(self) -> str:
        """What an error says."""
        return f"the derivative is undefined: {self.why}"


def undefined(like: Node, why: str) -> Node:
    """An undefined tensor of the dtype and shape of `like`."""
    return Node(Undefined(why, like.dtype, like.dims))


class DisconnectedType:
    """The type of the derivative with respect to something the result does not depend on."""

    __slots__ = ()
    dtype = "disconnected"
    shape: tuple[Any, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DisconnectedType)

    def __hash__(self) -> int:
        return hash(DisconnectedType)

    def __repr__(self) -> str:
        return "DisconnectedType"

    def __call__(self, name: str | None = None) -> Node:
        return Node(Disconnected(), (), name=name)


class Disconnected(Leaf):
    """The one value of `DisconnectedType`."""

    __slots__ = ()
    name = "disconnected"
    lowering = "pull"
    impure = True

    def infer(self, args: tuple[Node, ...]) -> Any:
        return DisconnectedType()
