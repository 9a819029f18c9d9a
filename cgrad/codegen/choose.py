"""Which nodes of a block get a buffer, and which are recomputed where they are read.

The cost function, one decision per node, consumers first.  A node gets a buffer when

* it has to: a reduction, a join, a loop, a result of the block, the source of a reshape or of a
  loop, an operand of a product of matrices, an integer that sizes mention; or
* it is not free, and either read by more than one of those, or read inside a loop over an axis
  it does not have: then the cost of its elements (additions, see `Row.cost`) is compared with
  that of storing and reading them, `MEMORY_COST`; or
  Read by several, it is dropped again where other buffers lead to it for less; or
* another buffer holds a function of the same argument that computes most of it beside; or
* its expression is deep: one of `DEEPEST` operations on top of each other ends in a buffer, so
  that expressions are of bounded size and whatever goes through one, or notes which buffers it
  reads, takes constant time.

A buffer that later turns out to be written and read in one loop becomes a register
(`codegen.shrink`), so a buffer too many costs nothing there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from cgrad.core.node import Node
from cgrad.ops.kinds import beside, element_cost, lowering, moved

MEMORY_COST = 4
DEEPEST = 32
_CAP = 1 << 20
# ops whose elements are those of their argument, or zeros
_MOVES = frozenset({"broadcast", "permute", "squeeze", "slice", "place"})


def choose(order: Sequence[Node], outputs: Collection[Node], known: Collection[Node]) -> set[Node]:
    """The nodes of `order` that get a buffer; `known` ones have a value already."""
    chosen = {node for node in order if node not in known and _must(node)}
    chosen |= {node for node in outputs if node not in known and _can(node)}
    for node in order:
        if node in known:
            continue
        chosen |= {dep for dep in node.deps if dep not in known and dep.ndim == 0 and dep.args}
        if lowering(node) == "view":
            chosen |= {arg for arg in node.args if arg not in known and _can(arg)}
        elif getattr(node.op, "stores_arguments", False):
            chosen |= {arg for arg in map(moved, node.args) if arg not in known and _can(arg)}
    _cut_deep(order, chosen, known)
    needed = frozenset(chosen)
    cost = _costs(order, chosen, known)
    readers: dict[Node, set[Node]] = {}
    repeated: set[Node] = set()
    for node in reversed(order):
        if node in known:
            continue
        if node not in chosen and _computes(node) and node.ndim and cost[node] >= MEMORY_COST:
            several = len(readers.get(node, ())) > 1
            if several or node in repeated:
                chosen.add(node)
        stored = node in chosen
        for position, arg in enumerate(node.args):
            seen = readers.setdefault(arg, set())
            if stored:
                seen.add(node)
            else:
                seen |= readers.get(node, set())
            if _repeats(node, position) or (not stored and node in repeated):
                repeated.add(arg)
    _drop_cheap(order, chosen, needed | repeated, known, readers)
    chosen |= _pairs([node for node in order if node not in known], chosen).keys()
    return chosen


def _must(node: Node) -> bool:
    return lowering(node) in ("reduce", "join", "emit")


def _can(node: Node) -> bool:
    ways = ("pull", "reduce", "join", "emit")
    return lowering(node) in ways and bool(node.args or node.ndim)


def _computes(node: Node) -> bool:
    """Whether a buffer saves work: what only moves elements leaves that to its argument."""
    return _can(node) and node.op.name not in _MOVES


def _cut_deep(order: Iterable[Node], chosen: set[Node], known: Collection[Node]) -> None:
    """Add the nodes at which expressions become `DEEPEST` operations deep."""
    depth: dict[Node, int] = {}
    for node in order:
        if node in known or node in chosen or lowering(node) != "pull":
            continue
        depth[node] = 1 + max((depth.get(arg, 0) for arg in node.args), default=0)
        if depth[node] > DEEPEST and _can(node):
            chosen.add(node)
            del depth[node]


def _costs(
    order: Iterable[Node], chosen: Collection[Node], known: Collection[Node]
) -> dict[Node, int]:
    """Additions to compute one element, buffers read for nothing."""
    cost: dict[Node, int] = {}
    for node in order:
        if node in known or lowering(node) != "pull":
            cost[node] = 0
            continue
        own = element_cost(node)
        # `codegen.place` computes a scalar once, wherever it is read
        recomputed = (arg for arg in node.args if arg.ndim and arg not in chosen)
        below = sum(cost.get(arg, 0) for arg in recomputed)
        cost[node] = min(own + below, _CAP)
    return cost


def _drop_cheap(
    order: Iterable[Node],
    chosen: set[Node],
    needed: Collection[Node],
    known: Collection[Node],
    readers: Mapping[Node, Collection[Node]],
) -> None:
    """Without the buffers, of those not `needed`, whose elements cost less than `MEMORY_COST`.

    The first array with all axes of a node that is read to compute an element of it takes the
    place of the buffer; each further one costs as much as an addition.  They have to be in memory
    anyway: arguments, or buffers that a reader of the node reads, too.  Arrays with fewer axes are
    read again and again and stay in the cache.
    """
    cost: dict[Node, int] = {}
    arrays: dict[Node, frozenset[Node]] = {}
    for node in order:
        if node in known or lowering(node) != "pull":
            continue
        total, read = element_cost(node), frozenset[Node]()
        for arg in node.args:
            if arg in chosen or arg not in cost:
                read |= {arg}
            elif arg.ndim:
                total += cost[arg]
                read |= arrays[arg]
        if node in chosen and node not in needed:
            own = readers.get(node, ())
            full = [arg for arg in read if arg.ndim >= node.ndim]
            there = all(arg in known or not {*readers[arg]}.isdisjoint(own) for arg in full)
            if there and total + max(len(full) - 1, 0) < MEMORY_COST:
                chosen.discard(node)
        # from there on it does not matter how much more
        cost[node] = min(total, MEMORY_COST)
        arrays[node] = read if total < MEMORY_COST else frozenset()


def _pairs(order: Iterable[Node], filled: Collection[Node]) -> dict[Node, Node]:
    """Nodes that cost little more where a buffer is filled, and much where they are read alone."""
    functions = {(node.op.name, node.args): node for node in order if node in filled and node.ndim}
    found: dict[Node, Node] = {}
    for node in order:
        others = (functions.get((name, node.args)) for name in beside(node))
        other = next((other for other in others if other is not None), None)
        if other is not None:
            found[node] = other
    return found


def together(order: Sequence[Node], chosen: Collection[Node]) -> list[Node]:
    """`order` with buffers that are cheap beside others behind these, so that one loop fills both.

    The arguments are the same, so whichever comes first, the other one may come there, too.
    """
    partners: dict[Node, list[Node]] = {}
    for node, other in _pairs(order, chosen).items():
        if node in chosen:
            group = partners.setdefault(other, [other])
            group.append(node)
            partners[node] = group
    done = set[Node]()
    result: list[Node] = []
    for node in order:
        if node not in done:
            group = partners.get(node, [node])
            result += group
            done.update(group)
    return result


def _repeats(node: Node, position: int) -> bool:
    """Whether an element of the argument is read in several iterations of the inner loops."""
    name = node.op.name
    if name == "broadcast":
        # a new axis outside of one that the argument has
        axes = node.op.axes  # type: ignore[attr-defined]
        source = node.args[0].dims
        own = [axis for axis, n in zip(axes, source, strict=True) if n != 1]
        return any(axis not in own for axis in range(max(own, default=0)))
    return name in ("dot", "scan", "place", "gather")
