"""What a graph is made of: `ancestors`, `graph_inputs`, `explicit_graph_inputs`.

Responsible for: the walks users call.  Not responsible for: order within the compiler
(`cgrad.core.graphs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.constants import Constant, Data, Shared

Nodes = Node | Iterable[Node]


def as_list(graphs: Nodes, what: str) -> list[Node]:
    """One node or several as a list; TypeError for anything else."""
    nodes = [graphs] if isinstance(graphs, Node) else list(graphs)
    for node in nodes:
        if not isinstance(node, Node):
            raise TypeError(f"{what}: found {type(node).__name__}, expected symbols")
    return nodes


def ancestors(graphs: Nodes, blockers: Iterable[Node] | None = None) -> Iterator[Node]:
    """`graphs` and all nodes they are computed from, each after its arguments.

    Nodes whose lengths or values a shape mentions are among them.  The walk does not go beyond
    `blockers`, which are part of the result.  Nodes inside of the body
    of a loop are not listed.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, y = ct.dscalars("x", "y")
    >>> x in set(cgrad.graph.ancestors(x * 2 + y))
    True
    """
    yield from toposort(as_list(graphs, "ancestors"), blockers or ())


def graph_inputs(graphs: Nodes, blockers: Iterable[Node] | None = None) -> Iterator[Node]:
    """The ancestors without arguments: free variables, shared variables, constants, ranges."""
    stop = set(blockers or ())
    yield from (node for node in ancestors(graphs, stop) if not node.args and node not in stop)


def explicit_graph_inputs(graphs: Nodes) -> Iterator[Node]:
    """The free variables: what a function of `graphs` must have as inputs.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, y = ct.dscalars("x", "y")
    >>> [node.name for node in cgrad.graph.explicit_graph_inputs(x * 2 + y)]
    ['x', 'y']
    """
    given = (Constant, Data, Shared)
    for node in graph_inputs(graphs):
        if not node.op.infers and not isinstance(node.op, given):
            yield node
