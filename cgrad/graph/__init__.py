"""Tools on graphs: replace, copy, look through, rewrite, add batch axes."""

from cgrad.graph.checks import Assert, CheckAndRaise, Print, assert_op
from cgrad.graph.foreign import c_op, wrap_py
from cgrad.graph.from_graph import OpFromGraph
from cgrad.graph.lazy import ifelse
from cgrad.graph.replace import clone, clone_replace, graph_replace
from cgrad.graph.rewriting import rewrite_graph
from cgrad.graph.traversal import ancestors, explicit_graph_inputs, graph_inputs
from cgrad.graph.vectorize import vectorize, vectorize_graph

__all__ = [
    "Assert",
    "CheckAndRaise",
    "OpFromGraph",
    "Print",
    "ancestors",
    "assert_op",
    "c_op",
    "clone",
    "clone_replace",
    "explicit_graph_inputs",
    "graph_inputs",
    "graph_replace",
    "ifelse",
    "rewrite_graph",
    "vectorize",
    "vectorize_graph",
    "wrap_py",
]
