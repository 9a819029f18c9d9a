"""Graphs with parts replaced, and copies of graphs.

Responsible for: what users may replace by what.  Not responsible for: the walk
(`cgrad.core.graphs.substitute`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core import graphs
from cgrad.core.node import Input, Node, make_input
from cgrad.core.sizes import dim
from cgrad.errors import DTypeError, RankError, ShapeError
from cgrad.graph.traversal import as_list
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.constants import is_weak

Pairs = Mapping[Node, Any] | Iterable[tuple[Node, Any]] | None


def like(value: Any, target: Node, what: str) -> Node:
    """`value` as a node of the dtype and rank of `target`; only Python numbers are cast."""
    node = as_node(value)
    if node.dtype != target.dtype:
        safe = not isinstance(value, Node) and np.can_cast(node.dtype, target.dtype, "safe")
        if not is_weak(node) and not safe:
            raise DTypeError(
                f"{what} has dtype {node.dtype}, expected {target.dtype}; "
                f"cast it with .astype({target.dtype!r})"
            )
        node = cast_to(node, target.dtype)
    if node.ndim != target.ndim:
        raise RankError(f"{what} has {node.ndim} axes: {node.type!r}, expected {target.type!r}")
    return node


def as_pairs(given: Pairs, what: str) -> list[tuple[Node, Any]]:
    """The pairs of a mapping or of a list of pairs; none of None."""
    if given is None:
        return []
    pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                f"{what}: {pair!r:.80} found, expected pairs (old, new), or a dict {{old: new}}"
            )
    return pairs


def pairs_of(replace: Pairs, what: str) -> list[tuple[Node, Any]]:
    """The pairs of a mapping or of a list; each node once."""
    pairs = as_pairs(replace, what)
    seen: set[Node] = set()
    for target, _ in pairs:
        if not isinstance(target, Node):
            raise TypeError(f"{what} replace symbols; found {target!r:.80}")
        if target in seen:
            raise ValueError(f"{target!r} is replaced twice by {what}")
        seen.add(target)
    return pairs


def replacements(replace: Pairs, what: str) -> dict[Node, Node]:
    """What `replace` says, checked: replacements have the dtype and the rank of their node."""
    replaced: dict[Node, Node] = {}
    for target, value in pairs_of(replace, what):
        node = like(value, target, f"the replacement of {target!r}")
        for axis, (found, wanted) in enumerate(zip(node.dims, target.dims, strict=True)):
            if isinstance(found, int) and isinstance(wanted, int) and found != wanted:
                raise ShapeError(
                    f"the replacement of {target!r} has type {node.type!r}: axis {axis} has size "
                    f"{found}, expected {wanted}"
                )
        replaced[target] = node
    return replaced


def graph_replace(outputs: Any, replace: Pairs = None, *, strict: bool = True) -> Any:
    """`outputs` (a node or a list) with the nodes of `replace` replaced, all at once.

    replace  pairs (node, replacement), or a dict; a replacement has the dtype and the rank of its
             node, and may be computed from it
    strict   raise ValueError for a node that is no ancestor of an output

    >>> import cgrad, cgrad.tensor as ct
    >>> x, y = ct.dscalars("x", "y")
    >>> cgrad.pp(cgrad.graph_replace(ct.exp(x) + x, {x: ct.sin(y)}))
    '(exp(sin(y)) + sin(y))'
    """
    nodes = as_list(outputs, "graph_replace")
    replaced = replacements(replace, "replacements")
    if strict:
        known = set(graphs.toposort(nodes))
        for target in replaced:
            if target not in known:
                raise ValueError(
                    f"graph_replace: no output depends on {target!r}; leave it out, or pass "
                    "strict=False"
                )
    found = graphs.substitute(nodes, replaced)
    return found[0] if isinstance(outputs, Node) else found


def clone_replace(outputs: Any, replace: Pairs = None, **options: Any) -> Any:
    """`graph_replace` in which a node of `replace` may be missing; nothing else is copied.

    Nodes never change, so a copy serves no purpose: parts without replaced nodes are shared.
    `rebuild_strict` and `copy_inputs_over` are accepted for PyTensor's sake.
    """
    unknown = set(options) - {"rebuild_strict", "copy_inputs_over"}
    if unknown:
        raise TypeError(f"clone_replace takes no option {sorted(unknown)[0]!r}")
    return graph_replace(outputs, replace, strict=False)


def clone(
    inputs: Sequence[Node], outputs: Sequence[Node], copy_inputs: bool = True
) -> tuple[list[Node], list[Node]]:
    """(inputs, outputs): the graph from `inputs` to `outputs` made of new nodes.

    With `copy_inputs` the free variables among `inputs` are new ones of the same types and names.
    """
    memo: dict[Node, Node] = {}
    for node in as_list(inputs, "clone"):
        shape = [None if n == dim(node, k) else n for k, n in enumerate(node.dims)]
        fresh = copy_inputs and isinstance(node.op, Input)
        kind = type(node.type)
        memo[node] = make_input(kind(node.dtype, shape), node.name, node.op) if fresh else node
    for node in graphs.toposort(as_list(outputs, "clone"), memo):
        if node not in memo:
            new = graphs.rebuild(node, memo)
            if new is node and node.args:
                new = graphs.derived(node, node.op, node.args)
            memo[node] = new
    return [memo[node] for node in inputs], [memo[node] for node in outputs]
