"""Op definitions: each file holds ops and their transposes, rules, lowering and references."""

from cgrad.ops import (
    axes,
    bessel,
    beta,
    constants,
    contract,
    control,
    diagonals,
    elementwise,
    error_functions,
    gamma,
    gammainc,
    hypergeometric,
    logarithms,
    lookup,
    reductions,
    windows,
)

__all__ = [
    "axes",
    "bessel",
    "beta",
    "constants",
    "contract",
    "control",
    "diagonals",
    "elementwise",
    "error_functions",
    "gamma",
    "gammainc",
    "hypergeometric",
    "logarithms",
    "lookup",
    "reductions",
    "windows",
]
