"""Op definitions: each file holds ops and their transposes, rules, lowering and references."""

from cgrad.ops import (
    axes,
    beta,
    constants,
    contract,
    control,
    diagonals,
    elementwise,
    error_functions,
    gamma,
    gammainc,
    logarithms,
    lookup,
    reductions,
    windows,
)

__all__ = [
    "axes",
    "beta",
    "constants",
    "contract",
    "control",
    "diagonals",
    "elementwise",
    "error_functions",
    "gamma",
    "gammainc",
    "logarithms",
    "lookup",
    "reductions",
    "windows",
]
