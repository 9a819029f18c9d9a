"""The value of a graph by NumPy, op by op: constant folding, tracing, the oracle of the tests.

Responsible for: running the `reference` of each op in order.  No compiled function uses this; where
there is no C compiler it is what runs instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.dtypes import NUMPY
from cgrad.core.graphs import Body, toposort
from cgrad.core.node import Node, Op
from cgrad.core.sites import describe
from cgrad.core.sizes import Atom

# (node, the values of it and of what is known where it is, positions in the loops around it)
Observer = Callable[[Node, Mapping[Node, Any], tuple[int, ...]], None]
Compute = Callable[[Op, Sequence[Any]], Any] | None


def evaluate(
    outputs: Sequence[Node],
    given: Mapping[Node, Any],
    observe: Observer | None = None,
    compute: Compute = None,
) -> list[Any]:
    """The values of `outputs` when the free variables have the values `given`.

    `observe` is told of each value as it is computed, those of every step of a loop too; `compute`
    takes the place of the references.
    """
    values: dict[Node, Any] = {
        node: np.asarray(value, NUMPY[node.dtype]) for node, value in given.items()
    }
    _run(toposort(outputs, given), values, observe, (), compute)
    return [values[out] for out in outputs]


def lookup_in(values: Mapping[Node, Any]) -> Callable[[Atom], int]:
    """What the atoms of sizes stand for, given the values of nodes."""

    def lookup(atom: Atom) -> int:
        found = values[atom.args[0]]
        return int(found.shape[atom.args[1]]) if atom.kind == "dim" else int(found)

    return lookup


def _run(
    order: Sequence[Node],
    values: dict[Node, Any],
    observe: Observer | None,
    steps: tuple[int, ...],
    compute: Compute,
) -> None:
    concrete = partial(sizes.evaluate, lookup=lookup_in(values))
    for node in order:
        if node in values:
            continue
        args = [values[arg] for arg in node.args]
        loop = getattr(node.op, "reference_loop", None)
        if loop is not None:
            length = concrete(next(iter(node.op.sizes())))
            body = _step(node.op.bodies[0], values, observe, steps, compute)
            rows = loop(args, length, body)
            # a loop of no steps does not see the shape of its rows
            values[node] = [
                row if row.size else row.reshape([concrete(n) for n in type.shape])
                for row, type in zip(rows, node.type.types, strict=True)
            ]
            continue
        chosen = getattr(node.op, "chosen", None)
        if chosen is not None:
            # a side of a choice is no loop: its position is that of what is around it
            side = _step(chosen(args[0]), values, observe, steps, compute, looped=False)
            values[node] = side(args[1:])
            continue
        # what has bodies and is no loop has values for results, and its sizes say nothing of them
        sized = not node.op.bodies and any(True for _ in node.op.sizes())
        op = node.op.map_sizes(concrete) if sized else node.op
        try:
            result = compute(op, args) if compute else op.reference(*args)
        except Exception as error:
            error.add_note(f"computing {node!r}\n{describe(node.site)}")
            raise
        values[node] = result if isinstance(result, list) else _as(result, node.dtype)
        if observe is not None:
            observe(node, values, steps)


def _as(value: Any, dtype: str) -> Any:
    return np.asarray(value, NUMPY[dtype]) if dtype in NUMPY else value


def _step(
    body: Body,
    outer: Mapping[Node, Any],
    observe: Observer | None,
    steps: tuple[int, ...],
    compute: Compute,
    looped: bool = True,
) -> Any:
    count = itertools.count()

    def step(params: Sequence[Any]) -> list[Any]:
        values = {atom.args[0]: outer[atom.args[0]] for atom in body.free}
        values.update(
            (param, np.asarray(value, NUMPY[param.dtype]))
            for param, value in zip(body.params, params, strict=True)
        )
        _run(body.order, values, observe, (*steps, next(count)) if looped else steps, compute)
        return [values[out] for out in body.outputs]

    return step
