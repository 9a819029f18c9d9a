"""Loops that are cut into blocks of blocks, so that their derivative fits in so many bytes.

A loop of n steps becomes several, one after the other: as many blocks of blocks as there are, then
blocks, then single steps, like the digits of n.  What is stored are the states before blocks.  The
derivative of a block runs its steps once more, and stores what is inside of it: with three levels
each step runs three times, and the states stored are about three cube roots of n (A. Griewank,
A. Walther, Evaluating Derivatives, 2008, section 12.2: multi-level checkpointing).  Where
n steps fit, there is but one level and nothing runs twice.

Responsible for: how long blocks are, the loops.  Not responsible for: what users call
(`cgrad.tensor.checkpoints`), the op (`cgrad.ops.control`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cgrad.core import dtypes, sizes
from cgrad.core.graphs import dependents, substitute, toposort
from cgrad.core.node import Node, Shape, make_input
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.errors import CallError
from cgrad.ops.axes import reshape_to
from cgrad.ops.checks import Checked
from cgrad.ops.constants import size_node
from cgrad.ops.control import Results, make_scan
from cgrad.ops.kinds import element_cost, lowering
from cgrad.ops.passthrough import Again
from cgrad.ops.windows import part
from cgrad.tensor.steps import Loop

# the levels of a loop whose sizes are known only at the call, and the most where they are known
USUAL, MOST = 3, 5
# cost of an element (see `Row.cost`) from which a loop stores it for its derivative
# (`cgrad.rewrites.remember`)
STORED = 15


class Schedule:
    """Lengths of loops in loops, by level: `[n]`, `[blocks, steps]`, `[..., blocks, steps]`.

    parts    one after the other, those of most levels first; each a list of lengths
    limit    the most steps that fit
    """

    __slots__ = ("limit", "parts")

    def __init__(self, n: SizeLike, block: SizeLike, count: SizeLike, levels: int) -> None:
        self.parts: list[list[SizeLike]] = []
        self.limit = sizes.product([block, *[count] * (levels - 1)])
        left = n
        for level in range(levels, 0, -1):
            inside = [*[count] * (level - 2), block] if level > 1 else []
            steps = sizes.product(inside)
            times = sizes.floordiv(left, steps)
            left = left - times * steps
            if times != 0:
                self.parts.append([times, *inside])


def schedule(loop: Loop, memory: int, what: str) -> Schedule:
    """Blocks with which the derivative of the loop stores at most `memory` bytes.

    ValueError where that is known to be impossible.
    """
    state = _bytes([values[0] for values in loop.carries])
    # the derivative by the rows of a block is computed beside its states
    step = state + _bytes([*_stored(loop), *loop.slices])
    n = loop.length
    if isinstance(n, int) and isinstance(step, int) and isinstance(state, int):
        for levels in range(1, MOST + 1):
            plan = Schedule(n, *_lengths(memory, state, step, levels), levels)
            if isinstance(plan.limit, int) and n <= plan.limit:
                return plan
        raise ValueError(
            f"{what}: memory={memory} holds {memory // max(state, 1)} states of {state} bytes, "
            f"which is too little for {n} steps in {MOST} levels; give it more, or use "
            "save_every_N="
        )
    return Schedule(n, *_lengths(memory, state, step, USUAL), USUAL)


def _lengths(
    memory: int, state: SizeLike, step: SizeLike, levels: int
) -> tuple[SizeLike, SizeLike]:
    """Steps in a block, and blocks in one of the next level.

    A third of the memory is for two blocks of steps, the last one and one that runs again, a
    quarter for the states of all parts; the rest is left for what each loop holds once.
    """

    def fitting(share: int, each: SizeLike) -> SizeLike:
        return sizes.maximum(1, sizes.floordiv(memory, share * sizes.maximum(1, each)))

    if levels == 1:
        return fitting(2, step), 1
    return fitting(6, step), fitting(2 * levels * (levels - 1), state)


def _bytes(nodes: Sequence[Node]) -> SizeLike:
    total: SizeLike = 0
    for node in nodes:
        total = total + dtypes.BYTES[node.dtype] * sizes.product(node.dims)
    return total


def _stored(loop: Loop) -> list[Node]:
    """What of a step is stored beside its state, at the most: what is expensive in it."""
    steps = [*(values[0] for values in loop.carries), *loop.slices]
    moving = dependents(loop.outputs, steps) - set(steps)
    return [
        node
        for node in toposort(loop.outputs)
        if node in moving
        and not node.op.bodies
        and (element_cost(node) >= STORED or lowering(node) not in ("pull", "view", "get"))
        and all(size_is_outer(n, moving) for n in node.dims)
    ]


def size_is_outer(size: SizeLike, moving: set[Node]) -> bool:
    """Whether a size depends on nothing of the step."""
    return not any(node in moving for node in sizes.nodes(size))


def run(loop: Loop, plan: Schedule, starts: Sequence[Node], what: str) -> list[Node]:
    """The last states of the loop, run in the blocks of the plan."""
    states = list(starts)
    if not isinstance(loop.length, int) or not isinstance(plan.limit, int):
        fits = build("le", size_node(loop.length), size_node(plan.limit))
        message = (
            f"{what}: memory= is too little for so many steps of such states in {USUAL} levels; "
            "give it more, or use save_every_N="
        )
        states[0] = Node(Checked(CallError, message), (states[0], fits))
    done: SizeLike = 0
    for lengths in plan.parts:
        count = sizes.product(lengths)
        rows = [part(x, 0, done, (count, *x.dims[1:])) for x in loop.sequences]
        rows = [reshape_to(x, (*lengths, *x.dims[1:])) for x in rows]
        states = _nested(loop, states, rows, lengths)
        done = done + count
    return states


def _nested(
    loop: Loop, starts: Sequence[Node], rows: Sequence[Node], lengths: Sequence[SizeLike]
) -> list[Node]:
    """The states after loops in loops of these lengths; rows have as many axes in front."""
    length, *inside = lengths
    if not inside:
        results = steps(loop, starts, rows, length)
        return [results.final(k) for k in range(len(starts))]
    p_rows = [make_input(type(x.type)(x.dtype, x.dims[1:])) for x in rows]
    p_states = [make_input(x.type, x.name) for x in starts]
    # equal to nothing in another loop, so the steps are computed again where they are needed
    again = [Node(Again(), (x,)) for x in p_states]
    ends = _nested(loop, again, p_rows, inside)
    outer = make_scan([], list(starts), list(rows), [], p_states, p_rows, ends, [], length, False)
    return [outer.final(k) for k in range(len(starts))]


def steps(loop: Loop, starts: Sequence[Node], rows: Sequence[Node], length: SizeLike) -> Results:
    """Some steps of the loop, from other states."""
    old = [*(values[0] for values in loop.carries), *loop.slices]
    new = [make_input(x.type, x.name) for x in old]
    outputs = substitute(loop.outputs, dict(zip(old, new, strict=True)))
    k = len(starts)
    return make_scan([], list(starts), list(rows), [], new[:k], new[k:], outputs, [], length, False)


def as_row(x: Node) -> Node:
    """x as the one row of a tensor."""
    shape: Shape = (1, *x.dims)
    return reshape_to(x, shape)


def bytes_of(memory: object, what: str) -> int:
    """`memory` checked: a whole number of bytes above 0."""
    number = memory if isinstance(memory, (int, float)) and not isinstance(memory, bool) else 0
    if not math.isfinite(number) or number < 1 or number != int(number):
        raise ValueError(f"{what}: memory={memory!r} found, expected a number of bytes above 0")
    return int(number)
