"""Graphs as flat lists, for pickling and deep copies without recursion.

A node pickles as the rows of its ancestors, oldest first, and is the last of them.  A row holds
an op, the rows of the arguments and a name, and turns into the node when it is read; one row
stands for one node as long as anything keeps it, so nodes that are pickled together come back
sharing what they shared.  Creation sites and tags are left out.

Responsible for: nodes to rows and back.  Not responsible for: compiled functions.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from cgrad.core.sites import NO_SITE
from cgrad.core.sizes import COMPOUND, Atom, Size, SizeLike, as_size, atoms, compound, dim

if TYPE_CHECKING:
    from cgrad.core.node import Node


class Row:
    """What is written of one node."""

    __slots__ = ("__weakref__", "node")

    def __init__(self, node: Node) -> None:
        self.node = node

    def __reduce__(self) -> tuple[Any, ...]:
        node = self.node
        args = tuple(row(arg) for arg in node.args)
        base = None if node.base is None else row(node.base)
        made = (type(node), node.op, args, node.name, _free_type(node), base)
        # written after the node: an update mentions what it updates
        update = getattr(node, "default_update", None)
        return restore, made, None if update is None else (None, {"default_update": update})


_rows: WeakValueDictionary[int, Row] = WeakValueDictionary()


def row(node: Node) -> Row:
    """The row of a node, the same one while it is in use."""
    found = _rows.get(id(node))
    if found is None:
        found = _rows[id(node)] = Row(node)
    return found


def _free_type(node: Node) -> tuple[Any, ...] | None:
    """(class, dtype, shape) of a node whose op does not know its type; own sizes are None."""
    if node.args or node.op.infers:
        return None
    shape = (None if n == dim(node, k) else n for k, n in enumerate(node.dims))
    return type(node.type), node.dtype, tuple(shape)


def restore(cls: type[Node], op: Any, args: Any, name: Any, free: Any, base: Any) -> Node:
    """The node of a row."""
    node = cls(op, args, None if free is None else free[0](*free[1:]), name, NO_SITE)
    node.base = base
    if free is not None:
        own = tuple(dim(node, k) if n is None else n for k, n in enumerate(free[2]))
        node.type = free[0](free[1], own)
    return node


def restore_size(terms: tuple[tuple[tuple[Atom, ...], int], ...]) -> SizeLike:
    """A size in normal form; the order of atoms depends on the nodes as they are now."""
    total: SizeLike = 0
    for mono, c in terms:
        term: SizeLike = c
        for atom in mono:
            term = term * as_size(atom)
        total = total + term
    return total


def _reduce_size(size: Size) -> tuple[Any, ...]:
    return restore_size, (size.terms,)


def _reduce_atom(atom: Atom) -> tuple[Any, ...]:
    args = (arg if isinstance(arg, (int, str, Size)) else row(arg) for arg in atom.args)
    return compound if atom.kind in COMPOUND else Atom, (atom.kind, tuple(args))


copyreg.pickle(Size, _reduce_size)
copyreg.pickle(Atom, _reduce_atom)


def rows(nodes: Iterable[Node]) -> tuple[Row, ...]:
    """The rows of nodes and all they are made of, in the order in which the nodes were made.

    That order puts arguments first, and keeping it keeps the normal form of sizes and with it
    the key under which a compiled graph is found.
    """
    found: set[Node] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in found:
            continue
        found.add(node)
        stack.extend(node.args)
        stack.extend(node.deps)
        if not node.args:
            for size in node.dims:
                stack.extend(_mentioned(size))
        for body in node.op.bodies:
            stack.extend((*body.params, *body.order))
    return tuple(row(node) for node in sorted(found, key=lambda node: node.serial))


def _mentioned(size: SizeLike) -> list[Node]:
    return [
        arg for atom in atoms(size) for arg in atom.args if not isinstance(arg, (int, str, Size))
    ]


def last(*items: Any) -> Any:
    """The node of the last row; of rows that were not copied (`copy.copy`), a copy of the node."""
    found = items[-1]
    if not isinstance(found, Row):
        return found
    node = found.node
    copied = restore(type(node), node.op, node.args, node.name, _free_type(node), node.base)
    if hasattr(node, "default_update"):
        copied.default_update = node.default_update  # type: ignore[attr-defined]
    return copied
