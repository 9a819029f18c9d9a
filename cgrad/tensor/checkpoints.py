"""`scan_checkpoints`: a loop that stores few of its states, and computes the others again.

The loop becomes a loop over blocks of steps, each a loop of its own.  Its derivative goes through
the states between blocks, and through the history of one block at a time.

Responsible for: the function users call.  Not responsible for: the op (`cgrad.ops.control`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import sizes
from cgrad.core.node import Node, make_input
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes, reshape_to
from cgrad.ops.control import make_scan
from cgrad.ops.passthrough import Again
from cgrad.ops.windows import join, part
from cgrad.tensor.indexing import head
from cgrad.tensor.schedule import as_row, bytes_of, run, schedule, steps
from cgrad.tensor.steps import Loop, Step, Updates


def scan_checkpoints(
    fn: Step,
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    name: str | None = None,
    n_steps: Any = None,
    save_every_N: int | None = None,
    padding: bool = True,
    *,
    memory: float | None = None,
) -> tuple[Any, Updates]:
    """A `scan` whose derivative takes less memory; returns (outputs, updates).

    save_every_N  how many steps are between two states that are stored, an int of 1 or more: for n
                  steps a gradient stores n / N + N states instead of n, and computes each step once
                  more.  The square root of n stores the least.  10 by default
    memory        instead of save_every_N: how many bytes of states and intermediate results the
                  derivative may store.  Steps then run as often as it takes: as many as fit in a
                  block, or in blocks of blocks, so that all n fit in three levels at the most (in
                  five, where the sizes are known when the graph is built).  The number of steps and
                  the shapes may be known at the call only.  Not counted are sequences, of which
                  the kernel holds a copy, the derivatives by them, and what a derivative of the
                  derivative stores
    padding       accepted for PyTensor's sake: a last block may have fewer steps
    others        as in `scan`; every output has an initial value and no taps, and the step gives
                  neither updates nor a condition

    Each output has the rows of the steps N - 1, 2 N - 1, ... and of the last step, so `output[-1]`
    is the last value; with `memory` it has the row of the last step only (without steps, the
    initial value).  Values and derivatives are those of `scan`.

    >>> import numpy as np
    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> rows, _ = cgrad.scan_checkpoints(lambda row, a: a + row, x, np.float64(0.0),
    ...                                  save_every_N=2)
    >>> cgrad.function([x], rows)([1.0, 2.0, 3.0, 4.0, 5.0])
    array([ 3., 10., 15.])

    Raises ValueError for a save_every_N below 1, for one beside `memory`, for a memory that is too
    little (CallError where that is found at the call only); NotImplementedError for taps, outputs
    that are not fed back, updates and conditions: use `scan` for these.
    """
    what = "scan_checkpoints"
    if memory is not None and save_every_N is not None:
        raise ValueError(f"{what}: save_every_N and memory found, expected one of them")
    if save_every_N is None:
        save_every_N = 10
    if isinstance(save_every_N, bool) or not isinstance(save_every_N, int) or save_every_N < 1:
        raise ValueError(f"{what}: save_every_N={save_every_N!r} found, expected an int above 0")
    loop = Loop(fn, sequences, outputs_info, non_sequences, n_steps, False, what)
    if loop.updates or loop.stop is not None:
        raise NotImplementedError(f"{what}: updates and conditions are not built; use scan")
    if not loop.infos or any(info is None or info.depth != 1 for info in loop.infos):
        raise NotImplementedError(
            f"{what}: outputs that are not fed back, or that have taps, are not built; use scan"
        )
    starts = [info.starts[0] for info in loop.recurrent]
    if memory is not None:
        plan = schedule(loop, bytes_of(memory, what), what)
        finals = [as_row(x) for x in run(loop, plan, starts, what)]
        return finals[0] if len(finals) == 1 else finals, {}
    n, block = loop.length, save_every_N
    blocks = sizes.floordiv(n, block)

    def rows(first: SizeLike, count: SizeLike) -> list[Node]:
        return [part(x, 0, first, (count, *x.dims[1:])) for x in loop.sequences]

    chunks = [reshape_to(x, (blocks, block, *x.dims[1:])) for x in rows(0, blocks * block)]
    p_chunks = [make_input(type(x.type)(x.dtype, x.dims[1:])) for x in chunks]
    p_states = [make_input(x.type, x.name) for x in starts]
    # equal to nothing in another loop, so the steps are computed again where they are needed
    inner = steps(loop, [Node(Again(), (x,)) for x in p_states], p_chunks, block)
    ends = [inner.final(k) for k in range(len(starts))]
    outer = make_scan([], starts, chunks, [], p_states, p_chunks, ends, ends, blocks, False)
    outer.node.name = name
    states = [outer.final(k) for k in range(len(starts))]
    last = steps(loop, states, rows(blocks * block, n - blocks * block), n - blocks * block)
    outputs = []
    for k in range(len(starts)):
        end = last.final(k)
        row = broadcast_axes(end, (1, *end.dims), tuple(range(1, end.ndim + 1)))
        kept = sizes.floordiv(n + block - 1, block)
        outputs.append(head(join([outer.y(k), row], 0), kept))
    return outputs[0] if len(outputs) == 1 else outputs, {}
