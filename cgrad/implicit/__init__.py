"""Solutions of equations as tensors: solved in loops of C, differentiated where they are found."""

from cgrad.implicit.minimum import minimize, minimize_scalar
from cgrad.implicit.newton import root
from cgrad.implicit.repeated import fixed_point
from cgrad.implicit.scalar_root import root_scalar

__all__ = ["fixed_point", "minimize", "minimize_scalar", "root", "root_scalar"]
