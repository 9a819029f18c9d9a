"""Derivatives of symbolic graphs: gradients, products with Jacobians, Jacobians, Hessians."""

from cgrad.errors import CostError, DisconnectedInputError, GradientError
from cgrad.gradient.forward import Rop, pushforward
from cgrad.gradient.jacobian import hessian, hessian_vector_product, jacobian
from cgrad.gradient.reverse import Lop, grad, pullback
from cgrad.gradient.verify import numeric_grad, verify_grad

__all__ = [
    "CostError",
    "DisconnectedInputError",
    "GradientError",
    "Lop",
    "Rop",
    "grad",
    "hessian",
    "hessian_vector_product",
    "jacobian",
    "numeric_grad",
    "pullback",
    "pushforward",
    "verify_grad",
]
