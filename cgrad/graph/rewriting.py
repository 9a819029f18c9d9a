"""`rewrite_graph`: the algebra of the compiler on a graph of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cgrad import rewrites
from cgrad.core import graphs
from cgrad.core.node import Node
from cgrad.core.rewrite import rewrite
from cgrad.graph.traversal import as_list
from cgrad.ops.custom import unwrap

# names of PyTensor's databases, each with what is before it
_STAGES: dict[str, Callable[[Sequence[Node]], list[Node]]] = {
    "canonicalize": lambda outputs: rewrite(outputs, rewrites.CANONICAL),
    "stabilize": rewrites.simplify,
    "specialize": lambda outputs: rewrites.expand(rewrites.simplify(outputs)),
}


def rewrite_graph(
    graph: Any, include: Sequence[str] = ("canonicalize",), *, clone: bool = False
) -> Any:
    """`graph` (a node or a list) in normal form.

    include  "canonicalize": one way to write everything, exactly; "stabilize": also forms that
             keep their digits and do not overflow; "specialize": also written out in terms of
             functions that have C text.  Each includes those before it.
    clone    accepted for PyTensor's sake: graphs are never changed

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dscalar("x")
    >>> cgrad.pp(cgrad.graph.rewrite_graph(ct.log(1 + ct.exp(x)), include=["stabilize"]))
    'softplus(x)'
    """
    unknown = [name for name in include if name not in _STAGES]
    if unknown:
        raise ValueError(
            f"rewrite_graph: there is no {unknown[0]!r}; include takes {', '.join(_STAGES)}"
        )
    found: list[Node] = graphs.intern(unwrap(as_list(graph, "rewrite_graph")))
    for name in reversed(_STAGES):
        if name in include:
            found = _STAGES[name](found)
            break
    return found[0] if isinstance(graph, Node) else found
