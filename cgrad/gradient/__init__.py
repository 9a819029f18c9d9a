"""Derivatives of symbolic graphs: gradients, products with Jacobians, Jacobians, Hessians."""

from cgrad.errors import CostError, DisconnectedInputError, GradientError, NullTypeGradError
from cgrad.gradient.arguments import as_list_or_tuple
from cgrad.gradient.forward import Rop, pushforward, pushforward_through_pullback
from cgrad.gradient.jacobian import (
    hessian,
    hessian_vector_product,
    jacobian,
    value_grad_hessian,
)
from cgrad.gradient.passthrough import (
    disconnected_grad,
    disconnected_type,
    grad_clip,
    grad_not_implemented,
    grad_scale,
    grad_undefined,
    null_type,
    undefined_grad,
    zero_grad,
)
from cgrad.gradient.reverse import Lop, grad, pullback, subgraph_grad
from cgrad.gradient.second import hessian_blocks, hessian_diag, laplacian
from cgrad.gradient.taylor import taylor
from cgrad.gradient.verify import numeric_grad, verify_grad
from cgrad.ops.passthrough import DisconnectedType, NullType

__all__ = [
    "CostError",
    "DisconnectedInputError",
    "DisconnectedType",
    "GradientError",
    "Lop",
    "NullType",
    "NullTypeGradError",
    "Rop",
    "as_list_or_tuple",
    "disconnected_grad",
    "disconnected_type",
    "grad",
    "grad_clip",
    "grad_not_implemented",
    "grad_scale",
    "grad_undefined",
    "hessian",
    "hessian_blocks",
    "hessian_diag",
    "hessian_vector_product",
    "jacobian",
    "laplacian",
    "null_type",
    "numeric_grad",
    "pullback",
    "pushforward",
    "pushforward_through_pullback",
    "subgraph_grad",
    "taylor",
    "undefined_grad",
    "value_grad_hessian",
    "verify_grad",
    "zero_grad",
]
