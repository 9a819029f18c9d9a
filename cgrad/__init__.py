"""cgrad: symbolic tensors, their derivatives, and one readable C file for both.

>>> import cgrad
>>> import cgrad.tensor as ct
>>> x = ct.dscalar("x")
>>> f = cgrad.function([x], ct.grad(x**2, x))
>>> f(4)
array(8.)
"""

from cgrad import gradient, tensor
from cgrad.core.text import dprint, pp
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
    verify_grad,
)
from cgrad.parameters import In, Out
from cgrad.tensor.scan import foldl, foldr, map, reduce, scan
from cgrad.tensor.shared import shared

__version__ = "0.1.0"

__all__ = [
    "BadValueError",
    "BuildError",
    "CacheError",
    "CallError",
    "CgradError",
    "CgradWarning",
    "ConfigError",
    "DTypeError",
    "DisconnectedInputError",
    "GradientError",
    "In",
    "IndexBoundsError",
    "Lop",
    "NullTypeGradError",
    "Out",
    "RankError",
    "Rop",
    "ShapeError",
    "dprint",
    "foldl",
    "foldr",
    "function",
    "grad",
    "gradient",
    "hessian",
    "hessian_vector_product",
    "jacobian",
    "map",
    "pp",
    "pullback",
    "pushforward",
    "reduce",
    "scan",
    "shared",
    "subgraph_grad",
    "tensor",
    "verify_grad",
]
