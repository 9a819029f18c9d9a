"""SciPy's optimisers and solvers, with the derivatives they ask for taken from one expression."""

from cgrad.optimize.constraints import Constraint
from cgrad.optimize.equations import least_squares, root
from cgrad.optimize.initial_value import solve_ivp
from cgrad.optimize.minimize import minimize
from cgrad.optimize.problem import Problem

__all__ = ["Constraint", "Problem", "least_squares", "minimize", "root", "solve_ivp"]
