"""Loops as users describe them: sequences and outputs with taps, and the step traced once.

Responsible for: reading the arguments of `scan`, the order of the step's arguments, tracing.
Not responsible for: what is returned (`cgrad.tensor.scan`), the op (`cgrad.ops.control`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes
from cgrad.core.graphs import substitute, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.sizes import SizeLike, maximum, minimum
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.coerce import as_node, as_size, cast_to
from cgrad.ops.constants import Shared, constant, is_weak
from cgrad.ops.control import Results, make_scan
from cgrad.tensor.indexing import getitem, head
from cgrad.tensor.messages import teach
from cgrad.tensor.shared import NUMBERS, SharedVariable

Step = Callable[..., Any]
Updates = dict[Node, Node]


class until:
    """Returned by a step, behind its outputs: the loop ends after the step where it is True."""

    __slots__ = ("condition",)

    def __init__(self, condition: Any) -> None:
        node = as_node(condition)
        if node.ndim:
            raise ShapeError(
                teach("until: the condition must be a scalar", "use .any() or .all()", [node])
            )
        self.condition = cast_to(node, dtypes.BOOL)


class Recurrence:
    """An output that is fed back.

    taps    which earlier values the step gets: -1 for that of the step before
    starts  the values before the first step, the latest first: as many as the loop carries
    """

    __slots__ = ("starts", "taps")

    def __init__(self, starts: list[Node], taps: tuple[int, ...]) -> None:
        self.starts = starts
        self.taps = taps

    @property
    def depth(self) -> int:
        return len(self.starts)

    @property
    def weak(self) -> bool:
        """Whether it starts from a bare number, which takes the dtype of the step's result."""
        return is_weak(self.starts[0])

    def arguments(self, values: Sequence[Node]) -> list[Node]:
        """What the step gets of the carried values, the latest first."""
        return [values[-tap - 1] for tap in self.taps]


def listed(items: Any) -> list[Any]:
    """One or several as a list."""
    if items is None:
        return []
    return list(items) if isinstance(items, (list, tuple)) else [items]


def _taps(item: Mapping[str, Any], default: int, what: str) -> tuple[int, ...]:
    found = item.get("taps")
    taps = (default,) if found is None else tuple(listed(found))
    bad = [tap for tap in taps if isinstance(tap, bool) or not isinstance(tap, (int, np.integer))]
    if bad or not taps:
        raise TypeError(f"{what}: taps={found!r} found, expected an int or a list of ints")
    return tuple(int(tap) for tap in taps)


def _sequence(item: Any, backwards: bool, what: str) -> list[tuple[Node, str | None]]:
    """A sequence as tensors to step along, one for each tap, and the names of their rows."""
    taps: tuple[int, ...] = (0,)
    if isinstance(item, Mapping):
        taps, item = _taps(item, 0, what), item["input"]
    node = as_node(item)
    if node.ndim == 0:
        raise ShapeError(
            teach(
                f"{what}: a sequence needs an axis to step along, found a scalar",
                "pass it in non_sequences, or use arange(n)",
                [node],
            )
        )
    low, high = min(*taps, 0), max(*taps, 0)
    result = []
    for tap in taps:
        rows = node
        if (low, high) != (0, 0):
            rows = getitem(node, slice(tap - low, tap - high or None))
        if backwards:
            rows = getitem(rows, slice(None, None, -1))
        result.append((rows, node.name and f"{node.name}[t{tap:+d}]".replace("+0", "")))
    return result


def _recurrence(item: Any, what: str) -> Recurrence | None:
    taps: tuple[int, ...] = (-1,)
    if isinstance(item, Mapping):
        taps, item = _taps(item, -1, what), item.get("initial")
    if item is None:
        return None
    node = as_node(item)
    if max(taps) >= 0 or len(set(taps)) < len(taps):
        raise ValueError(
            f"{what}: taps={list(taps)} of an output found, expected different numbers below 0: "
            "-1 is the value of the step before"
        )
    if taps == (-1,):
        return Recurrence([node], taps)
    depth = -min(taps)
    first = node.dims[0] if node.ndim else 0
    if isinstance(first, int) and first < depth:
        raise ShapeError(
            teach(
                f"{what}: taps={list(taps)} need the {depth} values before the first step as rows "
                f"of the initial value, found {first}",
                "stack them, the oldest first",
                [node],
            )
        )
    return Recurrence([getitem(node, depth - k) for k in range(1, depth + 1)], taps)


class Loop:
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
        found = [pair for item in listed(sequences) for pair in _sequence(item, go_backwards, what)]
        rows = [node for node, _ in found]
        self.length = self._length(rows, n_steps)
        self.sequences = [_cut(node, self.length, n_steps is None) for node in rows]
        self.infos = [_recurrence(item, what) for item in listed(outputs_info)]
        self.non_sequences = [as_node(item) for item in listed(non_sequences)]
        self.slices = [
            make_input(TensorType(node.dtype, node.dims[1:]), name)
            for node, (_, name) in zip(self.sequences, found, strict=True)
        ]
        self.carries: list[list[Node]] = []
        self.outputs: list[Node] = []
        self.updates: Updates = {}
        self.stop: Node | None = None
        self._trace(not self.infos)

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
    @property
    def recurrent(self) -> list[Recurrence]:
        return [info for info in self.infos if info is not None]

    def _call(self, previous: Sequence[Sequence[Node]]) -> list[Node]:
        """The outputs of one step; sets the updates and the condition."""
        arguments = [
            node
            for info, values in zip(self.recurrent, previous, strict=True)
            for node in info.arguments(values)
        ]
        begin = next(NUMBERS)
        returned = self.fn(*self.slices, *arguments, *self.non_sequences)
        found, updates, self.stop = _taken_apart(returned, self.what)
        self.updates = {
            target: _update(target, value, self.what) for target, value in updates.items()
        }
        outputs = [as_node(item) for item in listed(found)]
        for node in toposort([*outputs, *self.updates.values(), *listed(self.stop)]):
            # what a step makes and advances, as the draws of a RandomStream, goes on in the next
            if not isinstance(node, SharedVariable) or node.number < begin:
                continue
            if node.default_update is not None:
                self.updates.setdefault(node, node.default_update)
        if not outputs and not self.updates:
            raise ValueError(
                f"{self.what}: the step returned {returned!r}; expected a tensor or a list of "
                "tensors (is a return statement missing?)"
            )
        return outputs

    def _trace(self, free: bool) -> None:
        """Call the step until the dtypes of its recurrent outputs are those of its arguments."""
        wanted = [info.starts for info in self.recurrent]
        outputs: list[Node] = []
        if any(info.weak for info in self.recurrent):
            # with the bare numbers first: what they become next to the step's own dtypes
            outputs = self._call(wanted)
            self._check_count(outputs, free)
            wanted = self._strong(outputs)
        starts = wanted
        for _ in range(3):
            starts = wanted
            self.carries = [
                [
                    make_input(node.type, node.name and f"{node.name}[t-{k}]")
                    for k, node in enumerate(values, 1)
                ]
                for values in starts
            ]
            outputs = self._call(self.carries)
            self._check_count(outputs, free)
            wanted = self._strong(outputs)
            if all(a[0].dtype == b[0].dtype for a, b in zip(wanted, starts, strict=True)):
                break
        if free:
            self.infos = [None] * len(outputs)
        for info, values in zip(self.recurrent, starts, strict=True):
            info.starts = values
        self.outputs = [
            out if info is None else self._fitting(k, out, info.starts[0])
            for k, (out, info) in enumerate(zip(outputs, self.infos, strict=True))
        ]

    def _strong(self, outputs: Sequence[Node]) -> list[list[Node]]:
        """The initial values, the bare numbers among them in the dtypes of the outputs."""
        pairs = [(info, out) for info, out in zip(self.infos, outputs, strict=False)
                 if info is not None]  # fmt: skip
        return [
            [_weak_cast(info.starts[0], out.dtype)] if info.weak else info.starts
            for info, out in pairs
        ]

    def _check_count(self, outputs: Sequence[Node], free: bool) -> None:
        if not free and len(outputs) != len(self.infos):
            raise ValueError(
                f"{self.what}: the step returned {len(outputs)} outputs, outputs_info has "
                f"{len(self.infos)} entries; expected one entry for each output, None for one "
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
    def build(self, name: str | None, every_step: bool, truncate: int = -1) -> Results:
        """The scan; its ys are all outputs, or only those that are not fed back.

        Its carries are those of each recurrent output, the latest first, then the values of the
        shared variables that the step updates.
        """
        if truncate != -1 and (not isinstance(truncate, int) or truncate < 1):
            raise ValueError(
                f"{self.what}: truncate_gradient={truncate!r} found, expected a number of steps, "
                "or -1 for all"
            )
        nexts: list[Node] = []
        ys: list[Node] = []
        carries = iter(self.carries)
        for out, info in zip(self.outputs, self.infos, strict=True):
            if every_step or info is None:
                ys.append(out)
            if info is not None:
                nexts += [out, *next(carries)[:-1]]
        nexts += self.updates.values()
        # inside of the loop a shared variable is its current value
        current = {
            node: make_input(TensorType(node.dtype, node.dims), node.name) for node in self.updates
        }
        stops = [] if self.stop is None else [self.stop]
        inner = substitute([*nexts, *ys, *stops], current)
        results = make_scan(
            [],
            [*(start for info in self.recurrent for start in info.starts), *current],
            list(self.sequences),
            [],
            [*(node for values in self.carries for node in values), *current.values()],
            list(self.slices),
            inner[: len(nexts)],
            inner[len(nexts) : len(nexts) + len(ys)],
            self.length,
            False,
            inner[-1] if stops else None,
            truncate,
        )
        results.node.name = name
        return results

    def final_updates(self, results: Results) -> Updates:
        """The values of the updated shared variables after the last step."""
        first = sum(info.depth for info in self.recurrent)
        found = {node: results.final(first + k) for k, node in enumerate(self.updates)}
        for node, value in self.updates.items():
            if isinstance(node, SharedVariable) and node.default_update is value:
                node.default_update = found[node]
        return found

    def check_strict(self) -> None:
        """Refuse a shared variable that is no argument of the step."""
        known = [*self.slices, *(c for values in self.carries for c in values), *self.non_sequences]
        roots = [*self.outputs, *self.updates.values()]
        for node in toposort(roots, known):
            if isinstance(node.op, Shared) and node not in known:
                raise ValueError(
                    f"{self.what}: with strict=True the step uses {node!r}, which is not among "
                    "non_sequences; add it there"
                )


# -- what the step returned -------------------------------------------------------------------
def _taken_apart(returned: Any, what: str) -> tuple[Any, dict[Any, Any], Node | None]:
    """(outputs, updates, condition) of what the step returned."""
    stop: Node | None = None
    if isinstance(returned, until):
        return [], {}, returned.condition
    if isinstance(returned, (list, tuple)) and returned and isinstance(returned[-1], until):
        stop = returned[-1].condition
        returned = returned[0] if len(returned) == 2 else returned[:-1]
    if isinstance(returned, Mapping):
        return [], dict(returned), stop
    if isinstance(returned, (list, tuple)):
        if any(isinstance(item, until) for item in returned):
            raise ValueError(f"{what}: until(...) comes last in what the step returns, and once")
        if len(returned) == 2 and _are_updates(returned[1]):
            return returned[0], dict(returned[1]), stop
        if any(isinstance(item, Mapping) for item in returned):
            raise ValueError(
                f"{what}: the step returned {returned!r}; updates come after the outputs: "
                "return outputs, {shared: new value}"
            )
    return returned, {}, stop


def _are_updates(item: Any) -> bool:
    if isinstance(item, Mapping):
        return True
    return isinstance(item, (list, tuple)) and all(
        isinstance(pair, tuple)
        and len(pair) == 2
        and isinstance(pair[0], Node)
        and isinstance(pair[0].op, Shared)
        for pair in item
    )


def _update(target: Any, value: Any, what: str) -> Node:
    """The new value of a shared variable, in its dtype."""
    if not isinstance(target, Node) or not isinstance(target.op, Shared):
        raise TypeError(f"{what}: an update of {target!r}, expected a cgrad.shared variable")
    node = as_node(value)
    if is_weak(node):
        node = cast_to(node, target.dtype)
    if node.dtype != target.dtype:
        raise DTypeError(
            teach(
                f"{what}: the update of a shared variable of {target.dtype} is {node.dtype}",
                f"cast it with .astype({target.dtype!r})",
                [target, node],
            )
        )
    if node.ndim != target.ndim:
        raise ShapeError(
            teach(
                f"{what}: the update of a shared variable has another number of axes",
                "a shared variable keeps its rank",
                [target, node],
            )
        )
    return node


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
