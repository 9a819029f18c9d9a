"""Mutants that compute the same, looked at one by one: `file owner: old -> new`, and why."""

EQUIVALENT = {
    "ops.scalar Cast.transpose: dtypes.is_inexact(self.dtype) and dtypes.is_inexact(source) "
    "-> dtypes.is_inexact(source)": "no cotangent arrives at an integer",
    "ops.reductions Extreme.jvp: t is None or self.held or (not dtypes.is_float(x.dtype)) "
    "-> self.held": "no rule is asked without a tangent, and integers have none",
    "rewrites.logistic _keys: float(c) * sign -> float(c) / sign": "the sign is 1 or -1",
    "ops.contract Contract.transpose: 1 - position -> position - 1":
        "of two arguments number -1 is number 1",
    "rewrites.simplify sign_of_constant: _negated(value) < 0 -> _negated(value) <= 0":
        "what is negative is not the negative of zero",
    "rewrites.shapes _size_as: True -> False": "says how the cast is printed",
    "rewrites.windows factor_into_place: 1 - k -> k - 1":
        "of two arguments number -1 is number 1",
}  # fmt: skip
