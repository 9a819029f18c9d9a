"""The two derivative walks: forward (`jvp`) and reverse (`vjp`).

Both are linear in the seeds and build ordinary graphs, so they apply to their own results.  A
missing tangent or cotangent is None and stands for zero; no array of zeros is ever made.

Responsible for: walking.  Not responsible for: rules (each op has its own) or the checks of what
the user asked for (`cgrad.gradient`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cgrad.core.graphs import dependents, toposort
from cgrad.core.node import Node
from cgrad.core.registry import build

Maybe = Node | None


def add(a: Maybe, b: Maybe) -> Maybe:
    """The sum of two tangents or cotangents."""
    if a is None or b is None:
        return b if a is None else a
    total: Node = build("add", a, b)
    return total


def _accumulate(table: dict[Node, Any], node: Node, ct: Any) -> None:
    held = table.get(node)
    if ct is not None and not isinstance(ct, list) and ct.dims != node.dims:
        # where only the node's own type says that a length is 1, further derivatives need it
        ct = build("declare_ones", ct, node.dims, node.op.name, "make the sizes equal")
    if held is None or ct is None:
        table[node] = ct if held is None else held
    elif isinstance(ct, list):
        table[node] = [add(a, b) for a, b in zip(held, ct, strict=True)]
    else:
        table[node] = add(held, ct)


def _enclosed(outputs: Sequence[Node], keep: Iterable[Node]) -> Sequence[Node]:
    """The outputs with what only one side of a choice needs moved into that side."""
    if not any(node.op.name == "ifelse" for node in toposort(outputs)):
        return outputs
    enclosed: list[Node] = build("enclose", outputs, keep)
    return enclosed


def jvp(
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    tangents: Sequence[Maybe],
    consider_constant: Iterable[Node] = (),
) -> list[Maybe]:
    """The tangents of `outputs` when the nodes of `wrt` move along `tangents`.

    The nodes of `consider_constant` move only as `tangents` says, not with their arguments.
    """
    outputs = _enclosed(outputs, (*wrt, *consider_constant))
    found: dict[Node, Any] = {}
    for node, t in zip(wrt, tangents, strict=True):
        _accumulate(found, node, t)
    stop = set(consider_constant)
    order = toposort(outputs)
    live = connected(outputs, order, stop)
    for node in order:
        if not node.args or node in stop or node not in live:
            continue
        ts = [found.get(arg) for arg in node.args]
        if any(t is not None for t in ts):
            _accumulate(found, node, node.op.jvp(node, ts))
    return [found.get(out) for out in outputs]


def vjp(
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    cotangents: Sequence[Maybe],
    consider_constant: Iterable[Node] = (),
    known: Mapping[Node, Maybe] | None = None,
) -> list[Maybe]:
    """The cotangents of `wrt` when those of `outputs` are given.

    The walk does not pass through the nodes of `consider_constant`; `wrt` never cuts it.  The
    cotangents in `known` take the place of what would be added up for their nodes.
    """
    known = known or {}
    outputs = _enclosed(outputs, (*wrt, *consider_constant, *known))
    found: dict[Node, Any] = {}
    for out, ct in zip(outputs, cotangents, strict=True):
        if out not in known:
            _accumulate(found, out, ct)
    outputs = [*outputs, *known]
    stop = set(consider_constant)
    relevant = dependents(outputs, wrt)
    for node in reversed(toposort(outputs)):
        if node in known:
            found[node] = known[node]
        ct = found.get(node)
        if ct is None or not node.args or node in stop or node not in relevant:
            continue
        needed = [arg in relevant for arg in node.args]
        if not any(needed):
            continue
        for arg, wanted, part in zip(node.args, needed, node.op.vjp(node, ct, needed), strict=True):
            if wanted and part is not None:
                _accumulate(found, arg, part)
    return [found.get(node) for node in wrt]


def connected(
    outputs: Sequence[Node], wrt: Iterable[Node], consider_constant: Iterable[Node] = ()
) -> set[Node]:
    """Those of `wrt` on which `outputs` depend as values that one may differentiate."""
    stop = set(consider_constant)
    reached: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in reached:
            continue
        reached.add(node)
        if node not in stop:
            stack.extend(
                arg for position, arg in enumerate(node.args) if node.op.connects(position)
            )
    return {node for node in wrt if node in reached}


def vjp_of_jvp(node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
    """The reverse rule of an op that has only the forward one.

    The jvp is linear in its tangents; pulling `ct` back through it transposes it.
    """
    tangents = [
        build("zeros_like", arg) if wanted else None
        for arg, wanted in zip(node.args, needed, strict=True)
    ]
    seeds = [t for t in tangents if t is not None]
    pushed = node.op.jvp(node, tangents)
    if pushed is None:
        return [None] * len(node.args)
    pulled = iter(vjp([pushed], seeds, [ct]))
    return [None if t is None else next(pulled) for t in tangents]


def jvp_of_vjp(node: Node, tangents: Sequence[Maybe]) -> Maybe:
    """The forward rule of an op that has only the reverse one, by the same argument."""
    ct = build("zeros_like", node)
    needed = [t is not None for t in tangents]
    pairs = [
        (pulled, t)
        for pulled, t in zip(node.op.vjp(node, ct, needed), tangents, strict=True)
        if pulled is not None and t is not None
    ]
    if not pairs:
        return None
    return vjp([pulled for pulled, _ in pairs], [ct], [t for _, t in pairs])[0]
