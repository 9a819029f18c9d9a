"""Sparse results for C: their elements as plain results, their places as constants.

Responsible for: the graph that is exported in place of that of a function with sparse results.
Not responsible for: the texts (`codegen.standalone`), what a call returns (`sparse_results`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.codegen.standalone import Places
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node
from cgrad.ops.constants import Shared, constant
from cgrad.samples import sample
from cgrad.sparse.pattern import Layout, Stored
from cgrad.tensor.creation import zeros
from cgrad.tensor.indexing import inc_subtensor

__all__ = ["elements"]


def elements(f: Any) -> tuple[list[Node], list[Node], dict[int, Places]]:
    """The arguments and results of a function, sparse results as vectors of their elements.

    The third answer says which elements these are, by the place of the result. Raises
    NotImplementedError where that depends on more than lengths that are declared.
    """
    plan = f._plan
    conversion, program = plan.conversion, plan.program
    own = program.inputs[: plan.n_inputs - conversion.extra()]
    behind = program.outputs[conversion.count : plan.n_returned]
    order = toposort(behind)
    declared = all(isinstance(n, int) for node in own for n in node.dims)
    free = conversion.sized or any(node in own or isinstance(node.op, Shared) for node in order)
    if free or (conversion.coloured and not declared):
        raise _not_fixed(f)
    arrays: Sequence[Any] = sample(program)[: len(own)] if conversion.coloured else ()
    before = conversion.before(arrays)
    if any(part.reads_values for _, part in conversion.coloured):
        raise _not_fixed(f)
    layouts = conversion.layouts([None] * conversion.count + evaluate(behind, {}), before)
    given = [constant(array) for layout in before for array in layout.arguments]
    swap = dict(zip(program.inputs[len(own) : plan.n_inputs], given, strict=True))
    outputs = substitute(program.outputs, swap)
    for k, layout in layouts.items():
        outputs[k] = _in_order(outputs[k], layout)
    del outputs[conversion.count : plan.n_returned]
    places = {
        k: Places(layout.shape, layout.indptr, layout.indices) for k, layout in layouts.items()
    }
    return own, outputs, places


def _in_order(values: Node, layout: Stored) -> Node:
    """As `Layout.data`, in the graph."""
    if not isinstance(layout, Layout):
        return values
    if layout.take is not None:
        values = values[constant(layout.take)]
    if layout.starts is None:
        return values
    count, total = len(layout.indices), values.dims[0]
    assert isinstance(total, int)  # no size is free
    ends = np.append(layout.starts[1:], total)
    place = constant(np.repeat(np.arange(count), ends - layout.starts))
    return inc_subtensor(zeros((count,), values.dtype)[place], values)


def _not_fixed(f: Any) -> NotImplementedError:
    return NotImplementedError(
        f"{f.name}: sparse results are written as C where their places are fixed, and here they "
        "depend on lengths or values of arguments. Fix: declare all lengths, "
        'ct.tensor("x", shape=(50,)), or export a dense result'
    )
