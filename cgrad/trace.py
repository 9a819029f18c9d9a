"""Where NaN and infinities come from: the first operation that makes one out of finite numbers.

Responsible for: finding it and saying so.  Not responsible for: the values (`core.evaluate`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node, Op, TensorType, make_input
from cgrad.core.registry import build
from cgrad.core.sites import describe
from cgrad.core.text import label
from cgrad.ops.constants import storage

__all__ = ["NanTrace", "Occurrence", "trace_nan"]


class Occurrence:
    """A value that is not finite although what it was computed from is.

    node      the operation, or the argument that was given so
    index     of the first such element
    count     of such elements, of `size`
    steps     the positions in the loops around it, from the outside in
    operands  (label, text of the element, or of the shape where it has others)
    """

    __slots__ = ("count", "index", "node", "operands", "size", "steps", "word")

    def __init__(
        self,
        word: str,
        node: Node,
        found: Any,
        bad: Any,
        args: Sequence[Any],
        steps: tuple[int, ...],
    ) -> None:
        self.word = word
        self.node = node
        self.index: tuple[int, ...] = tuple(int(k) for k in np.argwhere(bad)[0])
        self.count, self.size = int(bad.sum()), int(bad.size)
        self.steps = steps
        self.operands = [
            (label(arg), _element(np.asarray(value), np.shape(found), self.index))
            for arg, value in zip(node.args, args, strict=True)
            if isinstance(value, (np.ndarray, np.generic))
        ]

    def __str__(self) -> str:
        where = f" at {list(self.index)}, {self.count} of {self.size}" if self.size > 1 else ""
        name = self.node.name or self.node.op.name
        lines = [f"{self.word}: {name}{where}"]
        if self.steps:
            steps = ", ".join(str(step) for step in self.steps)
            lines.append(f"  in step {steps} of the loop, counted from 0")
        lines += [
            f"  operand {k + 1}: {name}, {text}" for k, (name, text) in enumerate(self.operands)
        ]
        where = describe(self.node.site)
        return "\n".join([*lines, where] if where else lines)


class NanTrace:
    """What `trace_nan` found: the first NaN and the first infinity, each an Occurrence or None."""

    __slots__ = ("inf", "name", "nan")

    def __init__(self, name: str, nan: Occurrence | None, inf: Occurrence | None) -> None:
        self.name = name
        self.nan = nan
        self.inf = inf

    def __bool__(self) -> bool:
        return self.nan is not None or self.inf is not None

    def __str__(self) -> str:
        found = [str(one) for one in (self.nan, self.inf) if one is not None]
        if not found:
            return f"{self.name}: every number is finite"
        return "\n".join([f"{self.name}: not finite for the first time", *found])

    def __repr__(self) -> str:
        return str(self)


def trace_nan(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NanTrace:
    """See the method of compiled functions."""
    program = f._plan.program
    n = f._plan.n_inputs
    given = dict(zip(program.inputs, f._convert(args, kwargs)[:n], strict=False))
    given.update((node, storage(node)[0]) for node in program.hidden)
    first: dict[str, Occurrence] = {}

    def observe(node: Node, values: Mapping[Node, Any], steps: tuple[int, ...]) -> None:
        operands = [values[arg] for arg in node.args]
        for word, test in _TESTS.items():
            found = values[node]
            if word in first or not _any(found, test):
                continue
            if not any(_any(value, test) for value in operands):
                first[word] = Occurrence(word, node, found, test(found), operands, steps)

    f._measure(tuple(given[node] for node in program.inputs[:n]))
    for node, value in given.items():
        for word, test in _TESTS.items():
            if word not in first and _any(value, test):
                first[word] = Occurrence(word, node, value, test(np.asarray(value)), (), ())
    with np.errstate(all="ignore"):
        evaluate(f.maker.fgraph.outputs, given, observe, _ByC())
    return NanTrace(f.name, first.get("NaN"), first.get("infinity"))


class _ByC:
    """The value of an op by NumPy, or by a kernel of that op alone where NumPy has no form."""

    def __init__(self) -> None:
        self.kernels: dict[Any, Any] = {}

    def __call__(self, op: Op, args: Sequence[Any]) -> Any:
        try:
            return op.reference(*args)
        except NotImplementedError:
            types = [TensorType(arg.dtype.name, arg.shape) for arg in args]
            key = (type(op), op.key(sizes.itself), *types)
            if key not in self.kernels:
                inputs = [make_input(type, f"x{k}") for k, type in enumerate(types)]
                self.kernels[key] = build("compile", inputs, Node(op, tuple(inputs)))
            return self.kernels[key](*args)


_TESTS: dict[str, Any] = {"NaN": np.isnan, "infinity": np.isinf}


def _any(value: Any, test: Any) -> bool:
    """Whether a value has such elements; several arrays are the rows of a loop, which were seen."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind in ("f", "c") and bool(np.any(test(value)))


def _element(value: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> str:
    if value.shape == shape:
        return f"{value[index]!s}"
    return f"{value!s}" if value.size == 1 else f"{value.dtype} {value.shape}"
