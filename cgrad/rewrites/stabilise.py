"""Forms that keep their digits and do not overflow, in place of those people write.

The new side is at least as accurate as the old one; it may differ in its last digits, in the sign
of a zero, and where the old side overflows or is nan though the mathematics is not.

Responsible for: the equations among these, sums of choices that are zero on one side, and the set
`STABILISE` of all of them.
Not responsible for: products of logistic functions (`logistic`), sums of exponentials
(`exponentials`), logarithms of sums and products (`logarithms`), of small differences (`tails`) and
of determinants (`systems`), identities that are exact (`simplify`).
"""

from __future__ import annotations

from cgrad.core.rewrite import RuleSet
from cgrad.rewrites.exponentials import EXPONENTIALS
from cgrad.rewrites.logarithms import LOGARITHMS
from cgrad.rewrites.logistic import LOGISTIC
from cgrad.rewrites.patterns import Pattern, Wild, equation, function
from cgrad.rewrites.tails import TAILS

_LAWS = RuleSet("stable laws")

x, y, p = Wild("x"), Wild("y"), Wild("p")
exp, expm1, log, log1p = map(function, ("exp", "expm1", "log", "log1p"))
sigmoid, softplus, logaddexp = map(function, ("sigmoid", "softplus", "logaddexp"))
sqr, sqrt, absolute, erf, erfc = map(function, ("sqr", "sqrt", "abs", "erf", "erfc"))
reciprocal, tanh, dtanh = map(function, ("reciprocal", "tanh", "dtanh"))
dsigmoid, log_erfc, switch = map(function, ("dsigmoid", "log_erfc", "switch"))


def _law(name: str, left: Pattern, right: Pattern, domain: str = "everywhere") -> None:
    equation(_LAWS, name, left, right, exact=False, domain=domain)


_law("log1p", log(1 + x), log1p(x))
_law("log1p_minus", log(1 - x), log1p(-x))
_law("expm1", exp(x) - 1, expm1(x))
_law("expm1_minus", 1 - exp(x), -expm1(x))
_law("log_exp", log(exp(x)), x)
_law("log1p_expm1", log1p(expm1(x)), x)
_law("sqrt_sqr", sqrt(sqr(x)), absolute(x))
_law("times_reciprocal", x * reciprocal(y), x / y)

_law("sigmoid", reciprocal(1 + exp(x)), sigmoid(-x))
_law("one_minus_sigmoid", 1 - sigmoid(x), sigmoid(-x))
_law("softplus", log1p(exp(x)), softplus(x))
_law("log_sigmoid", log(sigmoid(x)), -softplus(-x))
_law("log1p_minus_sigmoid", log1p(-sigmoid(x)), -softplus(x))
_law("log_dsigmoid", log(dsigmoid(x)), -(softplus(x) + softplus(-x)))
_law("log_sigmoid_plus_exp", log(sigmoid(x) + exp(y)), logaddexp(-softplus(-x), y))
_law("logaddexp_zero", logaddexp(0, x), softplus(x))
_law("dtanh", 1 - sqr(tanh(x)), dtanh(x))
_law("erfc", 1 - erf(x), erfc(x))
_law("erf", 1 - erfc(x), erf(x))
_law("log1p_erf", log1p(erf(x)), log_erfc(-x))
_law("log1p_minus_erf", log1p(-erf(x)), log_erfc(x))

_ZEROS = "everywhere but for the sign of a zero"
_law("switch_add_first", switch(p, x, 0) + switch(p, y, 0), switch(p, x + y, 0), _ZEROS)
_law("switch_add_second", switch(p, 0, x) + switch(p, 0, y), switch(p, 0, x + y), _ZEROS)
_law("switch_add_apart", switch(p, x, 0) + switch(p, 0, y), switch(p, x, y), _ZEROS)
_law("switch_sub_first", switch(p, x, 0) - switch(p, y, 0), switch(p, x - y, 0), _ZEROS)
_law("switch_sub_second", switch(p, 0, x) - switch(p, 0, y), switch(p, 0, x - y), _ZEROS)
_law("switch_sub_apart", switch(p, x, 0) - switch(p, 0, y), switch(p, x, -y), _ZEROS)
_law("switch_sub_from", switch(p, 0, x) - switch(p, y, 0), switch(p, -y, x), _ZEROS)

STABILISE = _LAWS | LOGISTIC | EXPONENTIALS | TAILS | LOGARITHMS
STABILISE.name = "stabilise"
