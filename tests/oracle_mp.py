"""A graph's value in mpmath numbers: what both sides of a rule are measured against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

from cgrad.core import sizes
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.axes import Sum
from cgrad.ops.constants import Constant, SizeNode
from cgrad.ops.scalar import Cast, Elementwise
from cgrad.ops.windows import Place

mp = mpmath.mp
NAN = mp.nan


def _real(f: Any) -> Any:
    """f, with nan in place of a complex result or a pole."""

    def wrapped(*args: Any) -> Any:
        if any(mp.isnan(a) for a in args):
            return NAN
        try:
            result = f(*args)
        except (ZeroDivisionError, ValueError):
            return NAN
        return NAN if isinstance(result, mpmath.mpc) else result

    return wrapped


def _log(x: Any) -> Any:
    return -mp.inf if x == 0 else mp.log(x)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _erfcx(x: Any) -> Any:
    if x > 1e5:
        return (1 - 1 / (2 * x * x)) / (x * mp.sqrt(mp.pi))
    return mp.exp(x * x) * mp.erfc(x) if x > -1e5 else mp.inf


FUNCTIONS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "true_div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda a: -a,
    "abs": abs,
    "sqr": lambda a: a * a,
    "sqrt": mp.sqrt,
    "reciprocal": lambda a: 1 / a,
    "exp": mp.exp,
    "expm1": lambda a: mp.exp(a) - 1,
    "log": _log,
    "log1p": lambda a: _log(1 + a),
    "tanh": mp.tanh,
    "sin": mp.sin,
    "cos": mp.cos,
    "erf": lambda a: mp.erf(a) if abs(a) < 100 else mp.sign(a),
    "erfc": lambda a: mp.erfc(a) if abs(a) < 100 else 1 - mp.sign(a),
    "erfcx": _erfcx,
    "log_erfc": lambda a: _log(_erfcx(a)) - a * a if a > -30 else mp.log(2),
    "log1mexp": lambda a: _log(-mp.expm1(a)),
    "excess": lambda a, b: a - b,
    "sigmoid": _sigmoid,
    "dsigmoid": lambda a: _sigmoid(a) * _sigmoid(-a),
    "dtanh": lambda a: 4 * _sigmoid(2 * a) * _sigmoid(-2 * a),
    "softplus": lambda a: mp.log(1 + mp.exp(a)),
    "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
    "maximum": max,
    "minimum": min,
    "second": lambda a, b: b,
    "identity": lambda a: a,
}


def exact(outputs: Sequence[Node], given: Mapping[Node, Any]) -> list[Any]:
    """The values as object arrays of mpmath numbers; comparisons and choices by value."""
    values: dict[Node, Any] = {
        node: np.vectorize(mp.mpf, otypes=[object])(np.asarray(value, float))
        for node, value in given.items()
    }

    def lookup(atom: Any) -> int:
        assert atom.kind == "dim"
        return int(values[atom.args[0]].shape[atom.args[1]])

    for node in toposort(outputs, given):
        if node in values:
            continue
        args = [values[arg] for arg in node.args]
        op = node.op.map_sizes(lambda size: sizes.evaluate(size, lookup))
        if isinstance(op, Constant):
            values[node] = np.vectorize(mp.mpf, otypes=[object])(op.value.astype(float))
        elif isinstance(op, Cast):
            values[node] = args[0]
        elif isinstance(op, SizeNode):
            values[node] = np.asarray(mp.mpf(op.size), object)
        elif isinstance(op, Sum):
            total = np.sum(args[0], axis=op.axes) if op.axes else args[0]
            values[node] = np.asarray(total + mp.mpf(0), object)
        elif isinstance(op, Elementwise):
            if op.name in ("switch", "ge", "gt", "lt", "le", "eq"):
                f = op.row.numpy
                values[node] = np.asarray(f(*args), object)
            else:
                f = _real(FUNCTIONS[op.name])
                values[node] = np.asarray(np.vectorize(f, otypes=[object])(*args), object)
        elif isinstance(op, Place):
            # a 0-d object array would be stored as an element, not its number
            result = np.full(op.shape, mp.mpf(0), object)
            result[op.slices()] = args[0][()]
            values[node] = result
        else:
            values[node] = np.asarray(op.reference(*args), object)
    return [values[out] for out in outputs]
