"""`cgrad.tensor.optimize`: solutions of equations and minima as tensors, PyTensor's names.

minimize minimize_scalar root root_scalar    as in PyTensor, solved in C by Newton's method
fixed_point                                  x = g(x), by repeating g
"""

from cgrad.implicit import fixed_point, minimize, minimize_scalar, root, root_scalar

__all__ = ["fixed_point", "minimize", "minimize_scalar", "root", "root_scalar"]
