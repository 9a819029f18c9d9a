"""`scan` and its relatives: loops over symbolic sequences, as in PyTensor.

Responsible for: the functions users call and what they return.
Not responsible for: what the step takes and gives (`cgrad.tensor.steps`), nor the op and its
derivatives (`cgrad.ops.control`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.ops.coerce import cast_to
from cgrad.tensor.indexing import getitem
from cgrad.tensor.steps import Loop, Step, Updates, until

__all__ = ["filter", "foldl", "foldr", "map", "reduce", "scan", "until"]


def scan(
    fn: Step,
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: bool = False,
    allow_gc: bool | None = None,
    strict: bool = False,
    return_list: bool = False,
    return_updates: bool = True,
) -> Any:
    """Apply `fn` step by step; returns (outputs, updates).

    fn             called once, with symbols: one row of each sequence, the previous value of each
                   recurrent output, then the non_sequences themselves.  Returns a tensor or a
                   list of tensors, and behind them, if wanted, a dict of updates and until(cond):
                   (tensors, {shared: new}, until(cond))
    sequences      tensors whose first axis is stepped along, one or a list; with
                   dict(input=x, taps=[-1, 0, 2]) the step gets x[t - 1], x[t] and x[t + 2], and
                   there are as many steps as have all of these rows
    outputs_info   for each output its initial value (the step sees the previous one; a Python
                   number takes the dtype of the step's result), or None when it is not fed back;
                   with dict(initial=x, taps=[-1, -3]) the step gets the values of one step and
                   of three steps ago, and x holds the three values before the first step, as rows
    non_sequences  tensors passed to every step; others that `fn` mentions are found by themselves
    n_steps        an int or an int64 scalar: longer sequences are cut, a shorter one is a
                   ShapeError (now, or at the call).  Without it the shortest sequence decides.
    go_backwards   step from the last row to the first; outputs are in the order of the steps
    truncate_gradient  gradients go back through the last so many steps only, -1: through all

    Each output has one row a step, without the initial value; one output is returned bare
    (unless `return_list`), several as a list.  With `until` the step in which the condition
    becomes True is the last one.  `updates` maps the shared variables that the step updates to
    their values after the last step; pass it to `function`.  Inside of the loop such a variable
    is its current value.  `mode`, `profile` and `allow_gc` are accepted and ignored.  `strict`
    raises when `fn` uses a shared variable that is not among non_sequences.

    Raises ShapeError or DTypeError when the step's result cannot be the next previous value,
    ValueError without sequences and n_steps.
    """
    loop = Loop(fn, sequences, outputs_info, non_sequences, n_steps, go_backwards, "scan")
    if strict:
        loop.check_strict()
    results = loop.build(name, True, truncate_gradient)
    outputs = [results.rows(results.y(k)) for k in range(len(loop.outputs))]
    return _answer(outputs, loop.final_updates(results), return_list, return_updates)


def map(
    fn: Step,
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    return_updates: bool = True,
) -> Any:
    """`scan` without feedback: `fn` of each row; returns (outputs, updates)."""
    return scan(
        fn,
        sequences,
        None,
        non_sequences,
        truncate_gradient=truncate_gradient,
        go_backwards=go_backwards,
        name=name,
        return_updates=return_updates,
    )


def filter(
    fn: Step,
    sequences: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    return_updates: bool = True,
) -> Any:
    """The rows of sequences for which `fn` of them holds; returns (outputs, updates).

    `fn` is called with one row of each sequence and the non_sequences, and returns a scalar; a
    number holds unless it is 0.  The result has the rows of the one sequence, or is a list with
    those of each.  With `go_backwards` the rows come in the order from the last to the first.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> kept, _ = cgrad.filter(lambda row: row > 1.0, x)
    >>> cgrad.function([x], kept)([3.0, 0.0, 2.0])
    array([3., 2.])
    """
    loop = Loop(fn, sequences, None, non_sequences, None, go_backwards, "filter")
    if len(loop.outputs) != 1 or loop.outputs[0].ndim or loop.stop is not None:
        raise ValueError(
            "filter: the step must return one scalar, whether the row is kept; it returned "
            f"{', '.join(repr(out.type) for out in loop.outputs)}"
        )
    results = loop.build(name, True)
    kept = cast_to(results.y(0), dtypes.BOOL)
    outputs = [getitem(rows, kept) for rows in loop.sequences]
    return _answer(outputs, loop.final_updates(results), False, return_updates)


def reduce(
    fn: Step,
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    return_updates: bool = True,
) -> Any:
    """`scan` of which only the last value of each output is kept; returns (outputs, updates).

    Without rows a recurrent output is its initial value.
    """
    loop = Loop(fn, sequences, outputs_info, non_sequences, None, go_backwards, "reduce")
    results = loop.build(name, every_step=False)
    carried = ys = 0
    outputs = []
    for info in loop.infos:
        if info is None:
            outputs.append(getitem(results.rows(results.y(ys)), -1))
            ys += 1
        else:
            outputs.append(results.final(carried))
            carried += info.depth
    return _answer(outputs, loop.final_updates(results), False, return_updates)


def _answer(outputs: list[Node], updates: Updates, as_list: bool, with_updates: bool) -> Any:
    """What the functions return."""
    answer = outputs[0] if len(outputs) == 1 and not as_list else outputs
    if with_updates:
        return answer, updates
    if any(getattr(node, "default_update", None) is not value for node, value in updates.items()):
        raise ValueError(
            "return_updates=False, but the step updates shared variables; leave it out and pass "
            "the updates to cgrad.function"
        )
    return answer


def foldl(
    fn: Step,
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
    return_updates: bool = True,
) -> Any:
    """`reduce` from the first row to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name, return_updates)


def foldr(
    fn: Step,
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
    return_updates: bool = True,
) -> Any:
    """`reduce` from the last row to the first."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name, return_updates)
