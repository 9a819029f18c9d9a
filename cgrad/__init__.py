"""cgrad: symbolic tensors, their derivatives, and one readable C file for both.

>>> import cgrad
>>> import cgrad.tensor as ct
>>> x = ct.dscalar("x")
>>> f = cgrad.function([x], ct.grad(x**2, x))
>>> f(4)
array(8.)
"""

from cgrad import gradient, graph, optimize, tensor
from cgrad.core.text import debugprint, dprint, pp, pprint
from cgrad.errors import (
    BadValueError,
    BuildError,
    CacheError,
    CallError,
    CgradError,
    CgradWarning,
    ConfigError,
    DisconnectedInputError,
    DTypeError,
    GradientError,
    IndexBoundsError,
    NullTypeGradError,
    RankError,
    ShapeError,
)
from cgrad.function import function
from cgrad.gradient import (
    Lop,
    Rop,
    grad,
    hessian,
    hessian_vector_product,
    jacobian,
    pullback,
    pushforward,
    subgraph_grad,
    value_grad_hessian,
    verify_grad,
)
from cgrad.graph import (
    Assert,
    CheckAndRaise,
    OpFromGraph,
    Print,
    assert_op,
    c_op,
    clone_replace,
    graph_replace,
    ifelse,
    rewrite_graph,
    vectorize_graph,
    wrap_py,
)
from cgrad.parameters import In, Out
from cgrad.precompile import precompile
from cgrad.sparse import SparseMatrix, Sparsity, spy
from cgrad.tensor.checkpoints import scan_checkpoints
from cgrad.tensor.scan import filter, foldl, foldr, map, reduce, scan
from cgrad.tensor.shared import shared
from cgrad.version import __version__ as __version__

__all__ = [
    "Assert",
    "BadValueError",
    "BuildError",
    "CacheError",
    "CallError",
    "CgradError",
    "CgradWarning",
    "CheckAndRaise",
    "ConfigError",
    "DTypeError",
    "DisconnectedInputError",
    "GradientError",
    "In",
    "IndexBoundsError",
    "Lop",
    "NullTypeGradError",
    "OpFromGraph",
    "Out",
    "Print",
    "RankError",
    "Rop",
    "ShapeError",
    "SparseMatrix",
    "Sparsity",
    "assert_op",
    "c_op",
    "clone_replace",
    "debugprint",
    "dprint",
    "filter",
    "foldl",
    "foldr",
    "function",
    "grad",
    "gradient",
    "graph",
    "graph_replace",
    "hessian",
    "hessian_vector_product",
    "ifelse",
    "jacobian",
    "map",
    "optimize",
    "pp",
    "pprint",
    "precompile",
    "pullback",
    "pushforward",
    "reduce",
    "rewrite_graph",
    "scan",
    "scan_checkpoints",
    "shared",
    "spy",
    "subgraph_grad",
    "tensor",
    "value_grad_hessian",
    "vectorize_graph",
    "verify_grad",
    "wrap_py",
]
