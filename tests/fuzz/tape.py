"""The oracle: a graph as a tape of scalars in 50-digit numbers, each with a bound of its rounding.

A float tensor is an array of positions on the tape, so that ops which only move elements run their
NumPy reference on positions.  Integers and booleans are computed by NumPy.  The tape has its own
derivative table (`fuzz.scalars`) and its own reverse sweep, which appends to the tape: gradients of
gradients are another sweep.  No rule of cgrad is used.

The bound of a scalar is what a program that computes it in the graph's dtypes may be off: the
rounding of each operation of the forward and the reverse sweep, times the derivatives of what
follows, to first order.  It is the unit in which errors are counted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from fuzz.scalars import COMPARISONS, FUNCTIONS, Function

from cgrad.core import sizes
from cgrad.core.graphs import toposort
from cgrad.core.node import Node
from cgrad.ops.axes import Broadcast, Expect, Permute, Reshape, Squeeze, Sum
from cgrad.ops.branch import IfElse
from cgrad.ops.contract import Contract
from cgrad.ops.control import Scan
from cgrad.ops.diagonals import Diagonal, OnDiagonal, Triangle
from cgrad.ops.lookup import Argsort, Gather, Replace, Scatter
from cgrad.ops.reductions import Extreme, Prod, Quantifier
from cgrad.ops.result import Get
from cgrad.ops.scalar import Cast, Elementwise
from cgrad.ops.windows import Join, Place, Slice, Update

mp = mpmath.mp
DIGITS = 50
EPS = {"float64": 2.0**-52, "float32": 2.0**-23}
# below these, rounding is absolute
TINY = {"float64": 1e-300, "float32": 2.0**-149}
MARGIN = 1e4
MOVES = (Broadcast, Expect, Permute, Reshape, Squeeze, Diagonal, OnDiagonal, Triangle, Gather,
         Replace, Slice, Place, Update, Join)  # fmt: skip


class Ambiguous(Exception):
    """Rounding decides which side of a step is taken: such a graph has no right answer."""


class Tape:
    """Scalars in order.  0 is the number 0, which ops that fill with zeros mean."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.args: list[tuple[int, ...]] = []
        self.dtypes: list[str] = []
        self.values: list[Any] = []
        self.floats: list[float] = []
        self.bounds: list[float] = []
        self.exact: list[bool] = []
        self._known: dict[Any, int] = {}
        assert self.number(0, "float64") == 0

    # -- making scalars ---------------------------------------------------------------------
    def number(self, value: Any, dtype: str) -> int:
        """A given number."""
        return self._append(FUNCTIONS["number"], (), dtype, mp.mpf(value), 0.0, True, value)

    def __call__(self, name: str, *args: int, dtype: str) -> int:
        """The function called `name` of scalars, rounded to `dtype`."""
        f = FUNCTIONS[name]
        key = (name, args, dtype)
        # a cotangent goes through each cast to a wider type alone, and is rounded there
        widens = name == "cast" and EPS[dtype] < EPS.get(self.dtypes[args[0]], 0.0)
        if key in self._known and not widens:
            return self._known[key]
        try:
            value = f.value(*(self.values[k] for k in args))
            if isinstance(value, mpmath.mpc):
                value = mp.nan
        except (ZeroDivisionError, ValueError, OverflowError):
            value = mp.nan
        size = abs(float(value)) if mp.isfinite(value) else math.inf
        bound = f.rounding(size, [abs(self.floats[k]) for k in args]) * EPS[dtype] + TINY[dtype]
        plain, slack = [self.floats[k] for k in args], [self.bounds[k] for k in args]
        for position, k in enumerate(args):
            if self.bounds[k]:
                slope = f.slope(position, float(value), plain)
                if slope == 0:  # at a minimum the second order decides: (x - mean) ** 2
                    moved = [v + math.copysign(b, v) for v, b in zip(plain, slack, strict=True)]
                    slope = f.slope(position, float(value), moved)
                bound += self.bounds[k] * slope
        exact = f.exact and all(self.exact[k] for k in args) and size < math.inf
        exact = exact and mp.mpf(float(np.dtype(dtype).type(float(value)))) == value
        return self._append(f, args, dtype, value, bound, exact, key)

    def _append(self, f: Function, args: tuple[int, ...], dtype: str, value: Any, bound: float,
                exact: bool, key: Any) -> int:  # fmt: skip
        at = len(self.values)
        self.functions.append(f)
        self.args.append(args)
        self.dtypes.append(dtype)
        self.values.append(value)
        self.floats.append(float(value))
        self.bounds.append(bound)
        self.exact.append(exact)
        if f.name != "number":
            self._known[key] = at
        return at

    # -- decisions --------------------------------------------------------------------------
    def order(self, a: int, b: int) -> int:
        """-1, 0, 1 as a is below, equal to or above b."""
        x, y = self.values[a], self.values[b]
        if mp.isnan(x) or mp.isnan(y):
            raise Ambiguous
        rounded = a != b and not (self.exact[a] and self.exact[b])
        if rounded and abs(float(x - y)) <= MARGIN * (self.bounds[a] + self.bounds[b]):
            raise Ambiguous
        return int(x > y) - int(x < y)

    def whole(self, at: int, how: Any) -> Any:
        """The value rounded to an integer by `how`."""
        value = self.values[at]
        if not mp.isfinite(value):
            raise Ambiguous
        if not self.exact[at]:
            slack = MARGIN * self.bounds[at]
            if how(value - slack) != how(value + slack):
                raise Ambiguous
        return how(value)

    # -- the reverse sweep ------------------------------------------------------------------
    def pull(self, seeds: Mapping[int, int], wrt: Sequence[int]) -> list[int]:
        """For each scalar of `wrt` the derivative of the sum of seed * scalar by it."""
        top = max(seeds, default=0)
        wanted = set(wrt)
        active = [k in wanted for k in range(top + 1)]
        for k in range(top + 1):
            active[k] = active[k] or any(active[a] for a in self.args[k])
        pulled: dict[int, list[int]] = {k: [seed] for k, seed in seeds.items()}
        total: dict[int, int] = {}
        for k in range(top, 0, -1):
            parts = pulled.pop(k, None)
            if parts is None or not active[k]:
                continue
            ct = parts[0]
            for other in parts[1:]:
                ct = self("add", ct, other, dtype=self.dtypes[k])
            total[k] = ct
            f, args = self.functions[k], self.args[k]
            for position, arg in enumerate(args):
                if active[arg]:
                    dtype = self.dtypes[k]
                    part = f.times_partial(self, ct, position, k, args, dtype)
                    if part is not None:
                        if self.dtypes[arg] != dtype:
                            part = self("cast", part, dtype=self.dtypes[arg])
                        pulled.setdefault(arg, []).append(part)
        return [total.get(k, 0) for k in wrt]

    # -- the same by a complex step -----------------------------------------------------------
    def complex_step(self, end: int, cost: int, wrt: Sequence[int]) -> np.ndarray:
        """The gradient of `cost` in double precision, all elements of `wrt` at once."""
        step = 1e-30
        number = {k: j for j, k in enumerate(wrt)}
        found: list[Any] = []
        for k in range(end):
            if k in number:
                value: Any = np.full(len(wrt), self.floats[k], complex)
                value[number[k]] += 1j * step
            elif not self.args[k]:
                value = complex(self.floats[k])
            else:
                value = self.functions[k].double(*(found[a] for a in self.args[k]))
            found.append(value)
        return np.asarray(np.imag(found[cost]) / step) * np.ones(len(wrt))


class Run:
    """The values of the nodes of a graph: positions on a tape, or NumPy arrays of integers."""

    def __init__(self, given: Mapping[Node, np.ndarray]) -> None:
        self.tape = Tape()
        self.at: dict[Node, Any] = {}
        for node, array in given.items():
            self.at[node] = self._leaf(array)

    def _leaf(self, array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f":
            return array
        dtype = array.dtype.name
        flat = [self.tape.number(float(v), dtype) for v in array.ravel()]
        return np.array(flat, np.int64).reshape(array.shape)

    def evaluate(self, outputs: Sequence[Node]) -> list[Any]:
        self._run(toposort(outputs, self.at), self.at)
        return [self.at[out] for out in outputs]

    def _run(self, order: Sequence[Node], at: dict[Node, Any]) -> None:
        def lookup(atom: Any) -> int:
            found = at[atom.args[0]]
            return int(found.shape[atom.args[1]]) if atom.kind == "dim" else int(found)

        for node in order:
            if node in at:
                continue
            args = [at[arg] for arg in node.args]
            if isinstance(node.op, Scan):
                at[node] = self._scan(node, args, at, lookup)
                continue
            sized = any(True for _ in node.op.sizes())
            op = node.op.map_sizes(lambda s: sizes.evaluate(s, lookup)) if sized else node.op
            if isinstance(op, (Get, IfElse)):
                at[node] = op.reference(*args)
                continue
            result = np.asarray(self._value(node, op, args))
            if not node.dtype.startswith("float"):
                result = result.astype(node.dtype)
            at[node] = result

    def _scan(self, node: Node, args: list[Any], at: dict[Node, Any], lookup: Any) -> list[Any]:
        body = node.op.bodies[0]  # type: ignore[attr-defined]

        def step(params: Sequence[Any]) -> list[Any]:
            inner = {atom.args[0]: at[atom.args[0]] for atom in body.free}
            for param, value in zip(body.params, params, strict=True):
                inner[param] = np.asarray(value)
            self._run(body.order, inner)
            return [inner[out] for out in body.outputs]

        length = sizes.evaluate(next(iter(node.op.sizes())), lookup)
        rows = node.op.reference_loop(args, length, step)  # type: ignore[attr-defined]
        result = []
        for row, type in zip(rows, node.type.types, strict=True):
            dtype = np.int64 if type.dtype.startswith("float") else type.dtype
            # a loop of no steps does not see the shape of its rows
            shape = np.shape(row)
            if not np.size(row):
                shape = tuple(sizes.evaluate(n, lookup) for n in type.shape)
            result.append(np.asarray(row, dtype).reshape(shape))
        return result

    # -- one op -----------------------------------------------------------------------------
    def _value(self, node: Node, op: Any, args: list[Any]) -> Any:
        floats = [arg.dtype.startswith("float") for arg in node.args]
        if not any(floats):
            if isinstance(op, Cast) and node.dtype.startswith("float"):
                return self._leaf(np.asarray(args[0]).astype(node.dtype))
            with np.errstate(all="ignore"):
                value = np.asarray(op.reference(*args))
            return self._leaf(value) if node.dtype.startswith("float") else value
        if isinstance(op, MOVES):
            return op.reference(*args)
        if isinstance(op, Elementwise):
            return self._each(op, node.dtype, node.args, args)
        if isinstance(op, Cast):
            return self._cast(op.dtype, args[0])
        if isinstance(op, (Sum, Prod, Extreme, Quantifier)):
            return self._reduced(op, node.dtype, args[0])
        if isinstance(op, Contract):
            return self._contract(op, node.dtype, *args)
        if isinstance(op, Argsort):
            return self._argsort(args[0])
        if isinstance(op, Scatter):
            return self._scatter(op, node.dtype, *args)
        raise NotImplementedError(f"the oracle has no {op.name}")

    def _each(self, op: Elementwise, dtype: str, nodes: Sequence[Node], args: list[Any]) -> Any:
        name = op.row_name
        if name == "switch":
            return np.where(*args)
        if name in ("second", "identity"):
            return args[-1].copy()
        result = np.empty(args[0].shape, np.int64)
        for index in np.ndindex(result.shape):
            result[index] = self._scalar(name, dtype, *(int(arg[index]) for arg in args))
        return result

    def _scalar(self, name: str, dtype: str, *args: int) -> int:
        tape = self.tape
        if name in COMPARISONS:
            return int(COMPARISONS[name](tape.order(*args)))
        if name in ("isnan", "isinf", "isfinite"):
            if not mp.isfinite(tape.values[args[0]]):
                raise Ambiguous
            return int(name == "isfinite")
        if name in ("maximum", "minimum"):
            which = tape.order(*args) * (1 if name == "maximum" else -1)
            return tape("share", *args, dtype=dtype) if which == 0 else args[which < 0]
        if name == "abs":
            return (tape("hold", args[0], dtype=dtype), args[0],
                    tape("neg", args[0], dtype=dtype))[tape.order(args[0], 0)]  # fmt: skip
        if name == "sign":
            return tape.number(tape.order(args[0], 0), dtype)
        if name in ROUNDING:
            return tape.number(tape.whole(args[0], ROUNDING[name]), dtype)
        if name in ("floor_div", "mod"):
            quotient = tape("true_div", *args, dtype=dtype)
            whole = tape.number(tape.whole(quotient, mp.floor), dtype)
            if name == "floor_div":
                return whole
            return tape("sub", args[0], tape("mul", whole, args[1], dtype=dtype), dtype=dtype)
        if name not in FUNCTIONS:
            raise NotImplementedError(f"the oracle has no {name}: add a row to fuzz/scalars.py")
        return tape(name, *args, dtype=dtype)

    def _cast(self, dtype: str, x: np.ndarray) -> Any:
        tape = self.tape
        if dtype.startswith("float"):
            each: Any = lambda at: tape("cast", at, dtype=dtype)  # noqa: E731
        elif dtype == "bool":
            each = lambda at: tape.order(at, 0) != 0  # noqa: E731
        else:
            each = lambda at: int(tape.whole(at, ROUNDING["trunc"]))  # noqa: E731
        found = [each(int(at)) for at in x.ravel()]
        return np.array(found, np.int64 if dtype.startswith("float") else dtype).reshape(x.shape)

    def _reduced(self, op: Any, dtype: str, x: np.ndarray) -> np.ndarray:
        kept = [axis for axis in range(x.ndim) if axis not in op.axes]
        shape = [x.shape[axis] for axis in kept]
        length = math.prod(x.shape[axis] for axis in op.axes)
        rows = np.transpose(x, (*kept, *op.axes)).reshape(math.prod(shape), length)
        return np.array([self._total(op, dtype, list(map(int, r))) for r in rows],
                        bool if dtype == "bool" else np.int64).reshape(shape)  # fmt: skip

    def _total(self, op: Any, dtype: str, row: list[int]) -> int:
        tape = self.tape
        if isinstance(op, Quantifier):
            true = [tape.order(k, 0) != 0 for k in row]
            return any(true) if op.which == "any" else all(true)
        if isinstance(op, Sum):
            return tape("sum", *row, dtype=dtype)
        if isinstance(op, Prod):
            total = row[0] if row else tape.number(1, dtype)
            for k in row[1:]:
                total = tape("mul", total, k, dtype=dtype)
            return total
        if not row:
            raise Ambiguous
        if op.held:
            best = max(row, key=lambda k: tape.values[k] if op.which == "max" else -tape.values[k])
            return tape("hold", best, dtype=dtype)
        sign = 1 if op.which == "max" else -1
        best, ties = row[0], [row[0]]
        for k in row[1:]:
            order = sign * tape.order(k, best)
            best, ties = (
                (k, [k]) if order > 0 else (best, [*ties, k]) if order == 0 else (best, ties)
            )
        return tape("share", *ties, dtype=dtype) if len(ties) > 1 else best

    def _contract(self, op: Contract, dtype: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        lengths = dict(zip(op.left, a.shape, strict=True)) | dict(
            zip(op.right, b.shape, strict=True)
        )
        summed = [label for label in lengths if label not in op.out]
        result = np.zeros([lengths[label] for label in op.out], np.int64)
        for index in np.ndindex(result.shape):
            where = dict(zip(op.out, index, strict=True))
            terms = []
            for inner in np.ndindex(*(lengths[label] for label in summed)):
                where.update(zip(summed, inner, strict=True))
                x = int(a[tuple(where[label] for label in op.left)])
                y = int(b[tuple(where[label] for label in op.right)])
                terms.append(self.tape("mul", x, y, dtype=dtype))
            result[index] = self.tape("sum", *terms, dtype=dtype)
        return result

    def _argsort(self, x: np.ndarray) -> np.ndarray:
        result = np.zeros(x.shape, np.int64)
        for index in np.ndindex(x.shape[:-1]):
            row = [int(k) for k in x[index]]
            order = sorted(range(len(row)), key=lambda j, row=row: (self.tape.values[row[j]], j))
            for one, two in itertools.pairwise(order):
                self.tape.order(row[one], row[two])
            result[index] = order
        return result

    def _scatter(self, op: Scatter, dtype: str, v: np.ndarray, *index: np.ndarray) -> np.ndarray:
        nb = index[0].ndim
        terms = np.frompyfunc(lambda _: [], 1, 1)(np.empty((*op.shape, *v.shape[nb:]), object))
        for at in np.ndindex(index[0].shape):
            for rest in np.ndindex(v.shape[nb:]):
                place = tuple(int(i[at]) for i in index)
                terms[(*place, *rest)].append(int(v[(*at, *rest)]))
        result = np.zeros(np.shape(terms), np.int64)
        for place in np.ndindex(result.shape):
            result[place] = self.tape("sum", *terms[place], dtype=dtype)
        return result


ROUNDING = {
    "floor": mp.floor, "ceil": mp.ceil, "round": mp.nint,
    "trunc": lambda x: mp.floor(x) if x >= 0 else mp.ceil(x),
}  # fmt: skip
