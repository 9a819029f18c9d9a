"""Mutants that compute the same, looked at one by one: `file owner: old -> new`, and why."""

EQUIVALENT = {
    "rewrites.shapes _stretched: n != 1 or node.dims[axis] == 1 -> n != 1":
        "an axis of length 1 that stays 1 may count as stretched: a sum over it is one element",
    "ops.scalar Cast.transpose: dtypes.is_inexact(self.dtype) and dtypes.is_inexact(source) "
    "-> dtypes.is_inexact(source)": "no cotangent arrives at an integer",
    "rewrites.logistic _times: room - 1 -> 1 - room":
        "how deep sums are looked through is a matter of cost",
    "ops.reductions Extreme.jvp: t is None or self.held or (not dtypes.is_float(x.dtype)) "
    "-> self.held": "no rule is asked without a tangent, and integers have none",
    "rewrites.canonical broadcast_last: not stretched or not all((isinstance(arg.op, Broadcast) "
    "for arg in stretched)) -> not all((isinstance(arg.op, Broadcast) for arg in stretched))":
        "a function of constants only has been folded before",
}  # fmt: skip
