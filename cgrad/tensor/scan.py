"""`scan` and its relatives: loops over symbolic sequences, as in PyTensor.

Responsible for: what users may pass, the order of the step's arguments, tracing the step.
Not responsible for: the op and its derivatives (`cgrad.ops.control`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from cgrad.core.graphs import toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.sizes import SizeLike, maximum, minimum
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.coerce import as_node, as_size
from cgrad.ops.constants import Shared, constant, is_weak
from cgrad.ops.control import Results, make_scan
from cgrad.tensor.indexing import getitem, head
from cgrad.tensor.messages import teach

Step = Callable[..., Any]
Updates = dict[Any, Any]


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
                   recurrent output, then the non_sequences themselves.  Returns a tensor, a list
                   of tensors, or (tensors, {}).
    sequences      tensors whose first axis is stepped along, one or a list
    outputs_info   for each output its initial value (the step sees the previous one; a Python
                   number takes the dtype of the step's result), or None when it is not fed back;
                   also dict(initial=..., taps=[-1])
    non_sequences  tensors passed to every step; others that `fn` mentions are found by themselves
    n_steps        an int or an int64 scalar: longer sequences are cut, a shorter one is a
                   ShapeError (now, or at the call).  Without it the shortest sequence decides.
    go_backwards   step from the last row to the first; outputs are in the order of the steps

    Each output has one row a step, without the initial value; one output is returned bare
    (unless `return_list`), several as a list.  `updates` is an empty dict.  `mode`, `profile` and
    `allow_gc` are accepted and ignored.  `strict` raises when `fn` uses a shared variable that is
    not among non_sequences.

    Raises ShapeError or DTypeError when the step's result cannot be the next previous value,
    ValueError without sequences and n_steps, NotImplementedError for other taps, `until`,
    updates inside the step and truncate_gradient.
    """
    loop = _Loop(fn, sequences, outputs_info, non_sequences, n_steps, go_backwards, "scan")
    _not_built(truncate_gradient != -1, "truncate_gradient", "use disconnected_grad on a carry")
    if strict:
        loop.check_strict()
    results = loop.build(name, every_step=True)
    outputs = [results.y(k) for k in range(len(loop.outputs))]
    answer = outputs[0] if len(outputs) == 1 and not return_list else outputs
    return (answer, {}) if return_updates else answer


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
    loop = _Loop(fn, sequences, outputs_info, non_sequences, None, go_backwards, "reduce")
    results = loop.build(name, every_step=False)
    carried = ys = 0
    outputs = []
    for initial in loop.initials:
        if initial is None:
            outputs.append(getitem(results.y(ys), -1))
            ys += 1
        else:
            outputs.append(results.final(carried))
            carried += 1
    answer = outputs[0] if len(outputs) == 1 else outputs
    return (answer, {}) if return_updates else answer


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


def until(condition: Any) -> NoReturn:
    """Ending a scan by a condition is not built yet."""
    raise NotImplementedError(
        "until: a scan that ends by a condition is not built yet; give n_steps and keep the old "
        "value with switch(done, old, new)"
    )


# -- what the user passed ---------------------------------------------------------------------
def _not_built(found: bool, what: str, fix: str) -> None:
    if found:
        raise NotImplementedError(f"scan: {what} is not built yet; {fix}")


def _listed(items: Any) -> list[Any]:
    if items is None:
        return []
    return list(items) if isinstance(items, (list, tuple)) else [items]


def _sequence(item: Any, what: str) -> Node:
    if isinstance(item, Mapping):
        taps = item.get("taps")
        _not_built(taps not in (None, 0, [0], (0,)), f"a sequence with taps={taps!r}",
                   "pass x[:-1] and x[1:] as two sequences")  # fmt: skip
        item = item["input"]
    node = as_node(item)
    if node.ndim == 0:
        raise ShapeError(
            teach(
                f"{what}: a sequence needs an axis to step along, found a scalar",
                "pass it in non_sequences, or use arange(n)",
                [node],
            )
        )
    return node


def _initial(item: Any) -> Node | None:
    if isinstance(item, Mapping):
        taps = item.get("taps")
        _not_built(taps not in (None, -1, [-1], (-1,)), f"outputs_info with taps={taps!r}",
                   "carry the older values as further outputs: return [new, previous]")  # fmt: skip
        item = item.get("initial")
    return None if item is None else as_node(item)


class _Loop:
    """The arguments of a scan in one form, and its traced step."""

    def __init__(
        self,
        fn: Step,
        sequences: Any,
        outputs_info: Any,
        non_sequences: Any,
        n_steps: Any,
        go_backwards: bool,
        what: str,
    ) -> None:
        self.fn = fn
        self.what = what
        rows = [_sequence(item, what) for item in _listed(sequences)]
        names = [node.name and f"{node.name}[t]" for node in rows]
        if go_backwards:
            rows = [getitem(node, slice(None, None, -1)) for node in rows]
        self.length = self._length(rows, n_steps)
        self.sequences = [_cut(node, self.length, n_steps is None) for node in rows]
        self.initials = [_initial(item) for item in _listed(outputs_info)]
        self.non_sequences = [as_node(item) for item in _listed(non_sequences)]
        self.slices = [
            make_input(TensorType(node.dtype, node.dims[1:]), row)
            for node, row in zip(self.sequences, names, strict=True)
        ]
        self.carries: list[Node] = []
        self.outputs: list[Node] = []
        self._trace(not self.initials)

    def _length(self, rows: Sequence[Node], n_steps: Any) -> SizeLike:
        if n_steps is None:
            if not rows:
                raise ValueError(
                    f"{self.what}: neither sequences nor n_steps given, so the number of steps "
                    "is unknown; pass one of them"
                )
            length = rows[0].dims[0]
            for node in rows[1:]:
                length = minimum(length, node.dims[0])
            return length
        length = as_size(n_steps, f"{self.what}: n_steps")
        if isinstance(length, int) and length < 0:
            raise ValueError(f"{self.what}: n_steps={length} found, expected 0 or more")
        for node in rows:
            n = node.dims[0]
            if isinstance(n, int) and isinstance(length, int) and n < length:
                raise ShapeError(
                    teach(
                        f"{self.what}: a sequence has {n} rows, n_steps is {length}",
                        "pass a longer sequence or fewer steps",
                        [node],
                    )
                )
        return length

    # -- tracing ----------------------------------------------------------------------------
    def _call(self, previous: Sequence[Node]) -> list[Node]:
        """The outputs of one step."""
        returned = self.fn(*self.slices, *previous, *self.non_sequences)
        if isinstance(returned, tuple) and len(returned) == 2 and _is_updates(returned[1]):
            returned, updates = returned
            _not_built(bool(updates), "an update inside the step",
                       "return the new value as a recurrent output")  # fmt: skip
        elif isinstance(returned, dict):
            _not_built(bool(returned), "an update inside the step",
                       "return the new value as a recurrent output")  # fmt: skip
            returned = []
        outputs = [as_node(item) for item in _listed(returned)]
        if not outputs:
            raise ValueError(
                f"{self.what}: the step returned {returned!r}; expected a tensor or a list of "
                "tensors (is a return statement missing?)"
            )
        return outputs

    def _trace(self, free: bool) -> None:
        """Call the step until the dtypes of its recurrent outputs are those of its arguments."""
        wanted = [node for node in self.initials if node is not None]
        outputs: list[Node] = []
        if any(is_weak(node) for node in wanted):
            # with the bare numbers first: what they become next to the step's own dtypes
            outputs = self._call(wanted)
            self._check_count(outputs, free)
            wanted = self._strong(outputs)
        starts = wanted
        for _ in range(3):
            starts = wanted
            self.carries = [
                make_input(node.type, node.name and f"{node.name}[t-1]") for node in starts
            ]
            outputs = self._call(self.carries)
            self._check_count(outputs, free)
            wanted = self._strong(outputs)
            if all(a.dtype == b.dtype for a, b in zip(wanted, starts, strict=True)):
                break
        if free:
            self.initials = [None] * len(outputs)
        given = iter(starts)
        self.initials = [None if node is None else next(given) for node in self.initials]
        self.outputs = [
            out if initial is None else self._fitting(k, out, initial)
            for k, (out, initial) in enumerate(zip(outputs, self.initials, strict=True))
        ]

    def _strong(self, outputs: Sequence[Node]) -> list[Node]:
        """The initial values, the bare numbers among them in the dtypes of the outputs."""
        pairs = [(node, out) for node, out in zip(self.initials, outputs, strict=False)
                 if node is not None]  # fmt: skip
        return [_weak_cast(node, out.dtype) if is_weak(node) else node for node, out in pairs]

    def _check_count(self, outputs: Sequence[Node], free: bool) -> None:
        if not free and len(outputs) != len(self.initials):
            raise ValueError(
                f"{self.what}: the step returned {len(outputs)} outputs, outputs_info has "
                f"{len(self.initials)} entries; expected one entry for each output, None for one "
                "that is not fed back"
            )

    def _fitting(self, k: int, out: Node, initial: Node) -> Node:
        """Output k as the next previous value."""
        if is_weak(out):
            out = _weak_cast(out, initial.dtype)
        if out.dtype != initial.dtype:
            raise DTypeError(
                teach(
                    f"{self.what}: output {k} starts as {initial.dtype} and is {out.dtype} after "
                    "a step; expected one dtype",
                    f"start from {out.dtype}, initial.astype({out.dtype!r}), or return "
                    f"result.astype({initial.dtype!r}) from the step",
                    [initial, out],
                )
            )
        clash = out.ndim != initial.ndim or any(
            isinstance(n, int) and isinstance(m, int) and n != m
            for n, m in zip(out.dims, initial.dims, strict=True)
        )
        if clash:
            raise ShapeError(
                teach(
                    f"{self.what}: output {k} changes its shape in a step; its initial value and "
                    "the step's result must have the same",
                    "start from zeros_like(result) or ones_like(result), or reshape the result",
                    [initial, out],
                )
            )
        return out

    # -- the node ---------------------------------------------------------------------------
    def build(self, name: str | None, every_step: bool) -> Results:
        """The scan; its ys are all outputs, or only those that are not fed back."""
        pairs = list(zip(self.outputs, self.initials, strict=True))
        results = make_scan(
            [],
            [initial for _, initial in pairs if initial is not None],
            list(self.sequences),
            [],
            list(self.carries),
            list(self.slices),
            [out for out, initial in pairs if initial is not None],
            [out for out, initial in pairs if every_step or initial is None],
            self.length,
            False,
        )
        results.node.name = name
        return results

    def check_strict(self) -> None:
        """Refuse a shared variable that is no argument of the step."""
        known = [*self.slices, *self.carries, *self.non_sequences]
        for node in toposort(self.outputs, known):
            if isinstance(node.op, Shared) and node not in known:
                raise ValueError(
                    f"{self.what}: with strict=True the step uses {node!r}, which is not among "
                    "non_sequences; add it there"
                )


def _is_updates(item: Any) -> bool:
    return isinstance(item, Mapping)


def _weak_cast(node: Node, dtype: str) -> Node:
    """A bare number as a constant of `dtype`, or of its own when `dtype` is of a lesser kind."""
    wanted = dtype if np.can_cast(node.dtype, dtype, "same_kind") else node.dtype
    return constant(np.asarray(node.op.value, wanted))  # type: ignore[attr-defined]


def _cut(node: Node, length: SizeLike, shorter: bool) -> Node:
    """The first `length` rows, or all when there are less, which is found at the call.

    `shorter` says that there cannot be less.
    """
    if node.dims[0] == length:
        return node
    return head(node, length if shorter else maximum(0, minimum(length, node.dims[0])))
