"""The value of a graph by NumPy, op by op: constant folding and the oracle of the tests.

Responsible for: running the `reference` of each op in order.  No compiled function uses this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.dtypes import NUMPY
from cgrad.core.graphs import Body, toposort
from cgrad.core.node import Node
from cgrad.core.sizes import Atom, SizeLike


def evaluate(outputs: Sequence[Node], given: Mapping[Node, Any]) -> list[Any]:
    """The values of `outputs` when the free variables have the values `given`."""
    values: dict[Node, Any] = {
        node: np.asarray(value, NUMPY[node.dtype]) for node, value in given.items()
    }
    _run(toposort(outputs, given), values)
    return [values[out] for out in outputs]


def _run(order: Sequence[Node], values: dict[Node, Any]) -> None:
    def lookup(atom: Atom) -> int:
        found = values[atom.args[0]]
        return int(found.shape[atom.args[1]]) if atom.kind == "dim" else int(found)

    def concrete(size: SizeLike) -> SizeLike:
        return sizes.evaluate(size, lookup)

    for node in order:
        if node in values:
            continue
        args = [values[arg] for arg in node.args]
        loop = getattr(node.op, "reference_loop", None)
        if loop is not None:
            length = sizes.evaluate(next(iter(node.op.sizes())), lookup)
            rows = loop(args, length, _step(node.op.bodies[0], values))  # type: ignore[attr-defined]
            # a loop of no steps does not see the shape of its rows
            values[node] = [
                row if row.size else row.reshape([sizes.evaluate(n, lookup) for n in type.shape])
                for row, type in zip(rows, node.type.types, strict=True)
            ]
            continue
        chosen = getattr(node.op, "chosen", None)
        if chosen is not None:
            values[node] = _step(chosen(args[0]), values)(args[1:])
            continue
        sized = any(True for _ in node.op.sizes())
        op = node.op.map_sizes(concrete) if sized else node.op
        result = op.reference(*args)
        values[node] = result if isinstance(result, list) else _as(result, node.dtype)


def _as(value: Any, dtype: str) -> Any:
    return np.asarray(value, NUMPY[dtype]) if dtype in NUMPY else value


def _step(body: Body, outer: Mapping[Node, Any]) -> Any:
    def step(params: Sequence[Any]) -> list[Any]:
        values = {atom.args[0]: outer[atom.args[0]] for atom in body.free}
        values.update(
            (param, np.asarray(value, NUMPY[param.dtype]))
            for param, value in zip(body.params, params, strict=True)
        )
        _run(body.order, values)
        return [values[out] for out in body.outputs]

    return step
