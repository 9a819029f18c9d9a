"""Unknowns of any shapes as one: what users pass, checked, and where the search begins.

Responsible for: the variables, their start, tolerances, and options of PyTensor's signatures.
Not responsible for: equations and their solution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.derive import connected
from cgrad.core.graphs import substitute
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.sizes import SizeLike
from cgrad.core.text import label
from cgrad.errors import DisconnectedInputError, DTypeError, ShapeError
from cgrad.gradient.arguments import as_nodes, like, require_real
from cgrad.ops.axes import reshape_to
from cgrad.ops.coerce import as_node, as_size, cast_to
from cgrad.ops.windows import join, part


class Unknowns:
    """Several tensors of one dtype as one unknown `x`, a scalar or a vector.

    x      a free variable
    start  the value that the search begins with, of the shape of x
    """

    __slots__ = ("container", "nodes", "start", "starts", "x")

    def __init__(self, variables: Any, start: Any, what: str) -> None:
        self.container = variables
        self.nodes = as_nodes(variables, f"{what}: the unknowns")
        if not self.nodes:
            raise ValueError(f"{what}: no unknowns found, expected at least one")
        require_real(self.nodes, what)
        if len({node.dtype for node in self.nodes}) > 1:
            raise DTypeError(
                f"{what}: the unknowns have the dtypes "
                f"{', '.join(node.dtype for node in self.nodes)}; expected one dtype"
            )
        self.starts = self._starts(start, what)
        if self._single:
            self.start = self.starts[0]
        else:
            self.start = join([_flat(node) for node in self.starts], 0)
        own = self.nodes[0].name if len(self.nodes) == 1 else None
        self.x = make_input(self.start.type, own)

    @property
    def _single(self) -> bool:
        return len(self.nodes) == 1 and self.nodes[0].ndim < 2

    def _starts(self, start: Any, what: str) -> list[Node]:
        if start is None:
            return list(self.nodes)
        items = list(start) if isinstance(start, (list, tuple)) and not isinstance(
            self.container, Node) else [start]  # fmt: skip
        if len(items) != len(self.nodes):
            raise ValueError(f"{what}: {len(items)} starts found for {len(self.nodes)} unknowns")
        found = []
        for node, item in zip(self.nodes, items, strict=True):
            value = cast_to(as_node(item), node.dtype)
            if value.ndim != node.ndim:
                raise ShapeError(
                    f"{what}: start has type {value.type!r}, expected that of {label(node)}, "
                    f"{node.type!r}"
                )
            found.append(value)
        return found

    def over(self, expressions: Sequence[Node]) -> list[Node]:
        """The expressions as functions of `x`."""
        return substitute(expressions, dict(zip(self.nodes, self.taken_apart(self.x), strict=True)))

    def taken_apart(self, x: Node) -> list[Node]:
        """A value of `x` as one tensor for each of the user's variables."""
        if self._single:
            return [x]
        found = []
        first: SizeLike = 0
        for start in self.starts:
            count = sizes.product(start.dims)
            found.append(reshape_to(part(x, 0, first, (count,)), start.dims))
            first = first + count
        return found

    def answer(self, x: Node) -> Any:
        """A value of `x` in the container that the user passed."""
        return like(self.taken_apart(x), self.container)


def _flat(node: Node) -> Node:
    return reshape_to(node, (sizes.product(node.dims),))


def as_residual(expressions: Any, unknowns: Unknowns, what: str) -> Node:
    """Expressions, as many elements as unknowns, as one function of `x` of its shape."""
    given = [expressions] if isinstance(expressions, Node) else expressions
    nodes = as_nodes(given, f"{what}: the equations")
    dtype = unknowns.x.dtype
    nodes = [cast_to(node, dtype) if not node.args else node for node in nodes]
    for node in nodes:
        if node.dtype != dtype:
            raise DTypeError(
                f"{what}: {label(node)} is {node.dtype}, the unknowns are {dtype}; expected one "
                f"dtype\n  Fix: use .astype({dtype!r}) on what the equation is made of."
            )
    nodes = unknowns.over(nodes)
    if not connected(nodes, [unknowns.x]):
        names = ", ".join(label(node) for node in unknowns.nodes)
        raise DisconnectedInputError(
            f"{what}: the equations do not depend on {names}, for which they are to be solved"
        )
    whole = nodes[0] if len(nodes) == 1 and nodes[0].ndim < 2 else join(list(map(_flat, nodes)), 0)
    n, m = ((1,) if node.ndim == 0 else node.dims for node in (whole, unknowns.x))
    clash = isinstance(n[0], int) and isinstance(m[0], int) and n != m
    if clash:
        raise ShapeError(
            f"{what}: {n[0]} equations for {m[0]} unknowns; expected as many equations as unknowns"
        )
    return reshape_to(whole, unknowns.x.dims) if whole.ndim != unknowns.x.ndim else whole


class Limits:
    """When a search ends: tolerances as scalars of the dtype of x, and the most steps."""

    __slots__ = ("atol", "rtol", "steps")

    def __init__(
        self, x: Node, rtol: float | None, atol: float | None, steps: Any, power: float, what: str
    ) -> None:
        default = float(np.finfo(x.dtype).eps) ** power
        found = []
        for name, value in (("rtol", rtol), ("atol", atol)):
            given = default if value is None else float(value)
            if not 0 <= given < np.inf:
                raise ValueError(f"{what}: {name}={value!r} found, expected a number of 0 or more")
            found.append(given)
        self.rtol, self.atol = found
        self.steps = as_size(steps, f"{what}: max_steps")
        if isinstance(self.steps, int) and self.steps < 1:
            raise ValueError(f"{what}: max_steps={steps!r} found, expected 1 or more")

    def reached(self, x: Node, change: Node) -> Node:
        """Whether the change of each element of x is within the tolerances; False for nan."""
        # a comparison with nan is False; an infinite x has an infinite tolerance
        size = abs(x)
        found: Node = (abs(change) <= self.atol + self.rtol * size) & (size < np.inf)
        return found


def parameter(x: Node, name: str | None = None) -> Node:
    """A carry of a loop that has the type of x."""
    return make_input(TensorType(x.dtype, x.dims), name)


def only(found: Any, allowed: Sequence[Any], what: str, advice: str) -> None:
    """NotImplementedError for a choice of PyTensor's that is not built."""
    if found not in allowed:
        raise NotImplementedError(f"{what}={found!r} is not built: {advice}")
