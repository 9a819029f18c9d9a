"""Nodes, types and ops of the graph.

Responsible for: what a node is.
Not responsible for: any op (see `cgrad.ops`), promotion or broadcasting (`cgrad.ops.elementwise`).
"""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from cgrad.core import flat, sizes
from cgrad.core.dtypes import COMPLEX, as_dtype
from cgrad.core.operators import Operators
from cgrad.core.registry import build
from cgrad.core.sites import Site, creation_site
from cgrad.core.sizes import Label, SizeLike

_serials = itertools.count()
NO_COMPLEX = (
    "{name} is not built for complex numbers; found {found}\n  Fix: work on real and imaginary "
    "parts, z.real and z.imag."
)

Shape = tuple[SizeLike, ...]


class TensorType:
    """The dtype and shape of a tensor; a shape entry is an int, a `Size` or, unknown, None."""

    __slots__ = ("dtype", "shape")

    def __init__(self, dtype: str, shape: Sequence[SizeLike | None]) -> None:
        self.dtype = as_dtype(dtype)
        self.shape: tuple[Any, ...] = tuple(shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TensorType)
            and self.dtype == other.dtype
            and self.shape == other.shape
        )

    def __hash__(self) -> int:
        return hash((self.dtype, self.shape))

    def __repr__(self) -> str:
        return f"{self.dtype} {render_shape(self.shape)}"

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each axis whether its length is known to be 1, so that it stretches."""
        return tuple(n == 1 for n in self.shape)

    def in_same_class(self, other: TensorType) -> bool:
        """Whether dtype, rank and the axes that stretch agree."""
        mine, its = (self.dtype, self.broadcastable), (other.dtype, other.broadcastable)
        return mine == its

    def is_super(self, other: TensorType) -> bool:
        """Whether every value of type `other` is one of this type."""
        return (self.dtype, self.ndim) == (other.dtype, other.ndim) and all(
            n == m for n, m in zip(self.shape, other.shape, strict=True) if isinstance(n, int)
        )

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """`value` as a NumPy array of this type; see `cgrad.tensor.types`."""
        return build("filter", self, value, strict, allow_downcast)

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Node:
        """`other` as a tensor of this type; see `cgrad.tensor.types`."""
        result: Node = build("filter_variable", self, other, allow_convert)
        return result

    def __call__(self, name: str | None = None) -> Node:
        """A new free variable of this type; each entry None of the shape is a size of its own."""
        return make_input(self, name)

    def make_variable(self, name: str | None = None) -> Node:
        """The same as calling the type."""
        return make_input(self, name)


class TupleType:
    """The type of a node with several outputs; `ops.control.Get` takes one of them."""

    __slots__ = ("types",)
    dtype = "tuple"
    shape: tuple[Any, ...] = ()

    def __init__(self, types: Sequence[TensorType]) -> None:
        self.types = tuple(types)

    def __repr__(self) -> str:
        return f"({', '.join(map(repr, self.types))})"


def render_shape(shape: Sequence[SizeLike | None]) -> str:
    """A shape as the user writes it: `(3, x.shape[1])`, `?` for an unknown entry."""
    inner = ", ".join("?" if s is None else sizes.render(s) for s in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


class Op:
    """What a node computes.  Parameters live in the slots of the instance and never change.

    A subclass answers `infer` (the result type), `reference` (its value by NumPy, given concrete
    sizes) and its derivatives, and is of one of the kinds of `cgrad.ops.kinds`, which lowers it.
    """

    __slots__: tuple[str, ...] = ()
    # of each class: the names of its parameters, and whether any of them mentions sizes
    slots: tuple[str, ...] = ()
    sized = False
    name = ""
    # parameters that hold sizes, tuples of sizes or None; every other slot is a plain hashable
    size_slots: tuple[str, ...] = ()
    # constant bounds of an integer scalar, where they are the same for every node
    value_bounds: tuple[int | None, int | None] = (None, None)
    # True when the value changes from call to call, so equal nodes are not one node
    impure = False
    # whether cotangents of the arguments are linear in that of the result
    pulls_linearly = True
    # whether it works on the last axes, any number of leading ones in front of them
    keeps_leading = False
    # False for free variables: their type is declared
    infers = True
    # whether arguments may be complex; an op that was not made for them refuses them
    takes_complex = False

    def __init_subclass__(cls) -> None:
        own = (vars(base).get("__slots__", ()) for base in reversed(cls.__mro__))
        cls.slots = tuple(slot for slots in own for slot in slots)
        cls.sized = bool(cls.size_slots) or cls.sizes is not Op.sizes

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        raise NotImplementedError(f"{self.name}: infer")

    def reference(self, *args: Any) -> Any:
        raise NotImplementedError(f"{self.name}: reference")

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Any:
        """The tangent of `node` (a list for several outputs), None where it is zero."""
        raise NotImplementedError(f"the forward derivative of {self.name} is not built")

    def vjp(self, node: Node, ct: Any, needed: Sequence[bool]) -> Sequence[Node | None]:
        """One cotangent for each argument that is needed, None where it is zero."""
        raise NotImplementedError(f"the reverse derivative of {self.name} is not built")

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        """The Jacobian of `node` by its structure, from those of the arguments (`ops.terms`).

        `terms` has a list for each argument, None where it is zero; so is the result.
        NotImplemented when there is no rule.
        """
        return NotImplemented

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Any:
        """The op on arguments of which those that are `on` have the axes `lead` in front.

        NotImplemented when there is no such node; then a loop goes over the batch.
        """
        return NotImplemented

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        """Sizes that must agree for the op to make sense: (found, expected, axis)."""
        return ()

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str] | None:
        """What is wrong and how to fix it when sizes of `equalities` differ at a call.

        None where "axis 0 has size 3, expected 4" says it all.
        """
        return None

    def bad_value(self) -> tuple[str, str]:
        """What a status CG_VALUE of the kernel means, and how to fix it."""
        raise NotImplementedError(f"{self.name}: bad_value")

    def size_value(self, node: Node) -> SizeLike | None:
        """An int64 scalar result as a size, None when it is not one of the simple forms."""
        return None

    def value_range(self, node: Node) -> tuple[int | None, int | None]:
        """Constant bounds of a result that is an int64 scalar, for the sizes that mention it."""
        return self.value_bounds

    def connects(self, position: int) -> bool:
        """Whether the result depends on argument `position` as a value one may differentiate."""
        return True

    # -- identity of an op: its class and its parameters ------------------------------------
    def parameters(self) -> Iterator[tuple[str, Any]]:
        for slot in self.slots:
            yield slot, getattr(self, slot)

    def key(self, label: Label) -> Hashable:
        """A hashable form of the op; nodes inside sizes stand as their labels."""
        if label is sizes.itself or not self.size_slots:
            return (self.name, *[getattr(self, slot) for slot in self.slots])
        return (
            self.name,
            *(
                _key_of_sizes(v, label) if slot in self.size_slots else v
                for slot, v in self.parameters()
            ),
        )

    def sizes(self) -> Iterator[SizeLike]:
        """Every size among the parameters."""
        for slot in self.size_slots:
            yield from _flat(getattr(self, slot))

    def map_sizes(self, f: Callable[[SizeLike], SizeLike]) -> Op:
        """The same op with `f` applied to every size among the parameters."""
        if not self.size_slots:
            return self
        new = object.__new__(type(self))
        changed = False
        for slot, v in self.parameters():
            mapped = _map_sizes(v, f) if slot in self.size_slots else v
            changed = changed or mapped != v
            object.__setattr__(new, slot, mapped)
        return new if changed else self

    # graphs inside of the op (`core.graphs.Body`)
    bodies: tuple[Any, ...] = ()

    def map_bodies(self, f: Callable[[Any], Any]) -> Op:
        """The same op with its bodies changed."""
        return self

    def __repr__(self) -> str:
        return self.name


def _flat(v: Any) -> Iterator[SizeLike]:
    if isinstance(v, tuple):
        for item in v:
            yield from _flat(item)
    elif v is not None:
        yield v


def _map_sizes(v: Any, f: Callable[[SizeLike], SizeLike]) -> Any:
    if isinstance(v, tuple):
        return tuple(_map_sizes(item, f) for item in v)
    return None if v is None else f(v)


def _key_of_sizes(v: Any, label: Label) -> Hashable:
    if isinstance(v, tuple):
        return tuple(_key_of_sizes(item, label) for item in v)
    return None if v is None else sizes.key(v, label)


class Node(Operators):
    """A value of the graph: an op applied to arguments.  Nodes are equal only to themselves."""

    # `_compiled` is absent until `eval` keeps its functions there, and `_gradient_of` but for
    # gradients (`gradient.symmetric`)
    __slots__ = (
        "__weakref__", "_compiled", "_deps", "_gradient_of", "args", "base", "name", "op", "serial",
        "site", "tag", "type",
    )  # fmt: skip

    def __init__(
        self,
        op: Op,
        args: tuple[Node, ...] = (),
        type: TensorType | None = None,
        name: str | None = None,
        site: Site | None = None,
    ) -> None:
        self.op = op
        self.args = args
        self.name = name
        self.serial = next(_serials)
        self.site = creation_site() if site is None else site
        self.tag: int | None = None
        # the tensor of the index expression that made this node, None for other nodes
        self.base: Node | None = None
        self._deps: tuple[Node, ...] | None = None if op.sized else ()
        self._compiled: Any
        self._gradient_of: Any
        for arg in args:
            if arg.type.dtype in COMPLEX and not op.takes_complex:
                raise NotImplementedError(NO_COMPLEX.format(name=op.name, found=repr(arg)))
        self.type: Any = op.infer(args) if type is None else type

    @property
    def dtype(self) -> str:
        dtype: str = self.type.dtype
        return dtype

    @property
    def dims(self) -> Shape:
        """The sizes of the axes, for the compiler's own use; users read `shape`."""
        shape: Shape = self.type.shape
        return shape

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each axis whether its length is known to be 1, so that it stretches."""
        return self.type.broadcastable  # type: ignore[no-any-return]

    @property
    def owner(self) -> Node | None:
        """What computes this tensor, the node itself (`x.owner.op`, `.inputs`); None of a leaf."""
        return self if self.args else None

    @property
    def inputs(self) -> list[Node]:
        """The arguments of the op, as `x.owner.inputs`."""
        return list(self.args)

    @property
    def auto_name(self) -> str:
        """A name that no other node of this process has."""
        return f"auto_{self.serial}"

    @property
    def deps(self) -> tuple[Node, ...]:
        """The nodes whose sizes or values the op's parameters mention."""
        if self._deps is None:
            found = {node: None for size in self.op.sizes() for node in sizes.nodes(size)}
            found.pop(self, None)
            self._deps = tuple(found)
        return self._deps

    def __repr__(self) -> str:
        label = self.name or getattr(self.op, "title", self.op.name)
        if self.name and self.args:
            label = f"{self.name} = {self.op.name}"
        return f"<{label}: {self.type!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return flat.last, flat.rows([self])

    # -- what a symbol refuses, and what to call instead ----------------------------------
    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} has no truth value before it is computed; "
            "use cgrad.tensor.switch(cond, a, b) for a choice inside the graph, "
            "(a < x) & (x < b) for a < x < b and for `and`, or x.eval({...}) for its value"
        )

    def __float__(self) -> float:
        raise TypeError(self._no_number("float"))

    def __int__(self) -> int:
        raise TypeError(self._no_number("int"))

    def __complex__(self) -> complex:
        raise TypeError(self._no_number("complex"))

    def __index__(self) -> int:
        raise TypeError(self._no_number("an index"))

    def _no_number(self, wanted: str) -> str:
        return (
            f"{self!r} is symbolic and cannot become {wanted} now; compile it with "
            "cgrad.function, or call x.eval({...}); x.astype(dtype) casts inside the graph"
        )

    def __len__(self) -> int:
        raise TypeError(f"{self!r} has no length yet; use x.shape[0], or x.ndim for its rank")

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        raise TypeError(
            f"{self!r} is symbolic and cannot become a NumPy array; compile it with "
            "cgrad.function, or call x.eval({...}) for its value"
        )

    def __setitem__(self, index: object, value: object) -> None:
        raise TypeError(
            "symbolic tensors are never changed in place; "
            "use y = cgrad.tensor.set_subtensor(x[i], v), or inc_subtensor(x[i], v)"
        )

    def __iter__(self) -> Iterator[Node]:
        length = self.dims[0] if self.dims else None
        if not isinstance(length, int):
            raise TypeError(
                f"{self!r} cannot be iterated over: its length is known only at the call; "
                "declare it with shape=(n, ...), or use cgrad.scan"
            )
        return (self[i] for i in range(length))


class Input(Op):
    """A free variable: an argument of a function or a parameter of a loop body."""

    __slots__ = ()
    name = "input"
    impure = True
    infers = False

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        raise TypeError("an input node is made with its type")


INPUT = Input()


def make_input(
    type: TensorType,
    name: str | None = None,
    op: Op = INPUT,
    cls: builtins.type[Node] = Node,
) -> Node:
    """A new free variable; unknown axes of `type` become sizes named after it."""
    node = cls(op, (), type, name)
    shape = (sizes.dim(node, axis) if s is None else s for axis, s in enumerate(type.shape))
    node.type = TensorType(type.dtype, tuple(shape))
    return node
