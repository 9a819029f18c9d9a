"""Which elements of an expression depend on which of a variable, once sizes are numbers.

There is one rule for each kind of op, named by its `dependence`:

    same        element k depends on element k of each argument
    selected    each element is one of the arguments, or none: the op's `reference` on their places
    looked up   ... by arrays of integers; on all that may be meant where these are not known
    added       each element of an argument is added to one of the result: the transpose selects
    reduced     on all along some axes
    stacked     on all along the last axes of the arguments, `mixed_axes` of them
    contracted  on all along the labels that are summed over
    loop        step by step
    sides       on what either side of a choice depends; `bodies` where they are graphs
    result      one of several results; `results` of a function with rules of its own
    all         every element on every one of the arguments
    none        on nothing, as far as derivatives are concerned

Values are never tried out.  Integers that say where elements are looked up are read; they are known
where no float has a part in them.

Responsible for: these rules and the walk.  Not responsible for: sets (`cgrad.colouring.sets`), or
keeping what was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.colouring.library import Ints
from cgrad.colouring.places import Places
from cgrad.colouring.sets import (
    Sets,
    collect,
    identity,
    none_of,
    require_possible,
    select,
    stack,
    unite,
)
from cgrad.core import dtypes, sizes
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import Body, toposort
from cgrad.core.node import Input, Node, Op, TensorType, TupleType, make_input
from cgrad.core.sizes import Atom, SizeLike
from cgrad.ops.constants import Shared
from cgrad.ops.control import Scan
from cgrad.ops.scalar import Elementwise

Shape = tuple[int, ...]
Found = Any  # Sets, None, or a list of these for a node of several results


def places_of(expression: Node, wrt: Node, given: Mapping[Node, Any]) -> tuple[Places, set[Node]]:
    """The places of the Jacobian, and the variables whose values were read for them.

    wrt    a free variable
    given  the values of all others (of floats only the shapes are read)
    """
    shapes = {node: np.shape(value) for node, value in given.items()}
    walk = _Walk(given, shapes, dict(given), set())
    n = math.prod(walk.shape(wrt))
    m = math.prod(walk.shape(expression))
    walk.known[wrt] = None
    walk.sets[wrt] = identity(n)
    walk.sets.update(dict.fromkeys(given))
    walk.run(toposort([expression], [wrt, *given]), [expression])
    found = walk.sets[expression] or none_of(m)
    return Places((m, n), found.indptr, found.indices), walk.read


class _PerStep(Exception):
    """The steps of a loop differ in what they look up."""


class _Unknown(NotImplementedError):
    """A size, or the start of a window, is computed from floats."""


class _Walk:
    """One walk through a graph, or through the body of a loop.

    base    the values of the graph's variables; floats among them are there for their shapes
    known   the values of variables and of what was computed from integers
    read    the variables whose values were used
    times   how many steps of a loop are walked through at once: each tensor stands for so many
    """

    def __init__(
        self,
        base: Mapping[Node, Any],
        shapes: dict[Node, Shape],
        known: dict[Node, Any],
        read: set[Node],
        outer: _Walk | None = None,
        times: int = 1,
        at_once: bool = False,
    ) -> None:
        self.base = base
        self.shapes = shapes
        self.known = known
        self.read = read
        self.outer = outer
        self.times = times
        self.at_once = at_once
        self.sets: dict[Node, Found] = {}

    # -- sizes and integers ---------------------------------------------------------------------
    def size(self, n: SizeLike) -> int:
        return int(sizes.evaluate(n, self._atom))

    def _atom(self, atom: Atom) -> int:
        node = atom.args[0]
        if atom.kind == "dim":
            return int(self.shape(node)[atom.args[1]])
        value = self.value(node)
        if value is None:
            if self.at_once:
                raise _PerStep
            raise _Unknown(
                f"a sparse derivative: its shape depends on the value of {node!r}, which is "
                "computed from floats. Fix: leave out sparse=True"
            )
        return int(value)

    def shape(self, node: Node) -> Shape:
        walk: _Walk | None = self
        found = None
        while found is None and walk is not None:
            found, walk = walk.shapes.get(node), walk.outer
        if found is None:
            found = self.shapes[node] = tuple(self.size(n) for n in node.dims)
        return found

    def value(self, node: Node) -> Any:
        """The value of a node that no float has a part in, else None."""
        if node not in self.known:
            self.known[node] = self._value(node)
        elif node in self.base:
            if dtypes.is_inexact(node.dtype):
                return None
            self.read.add(node)
        return self.known[node]

    def _value(self, node: Node) -> Any:
        if isinstance(node.op, Input):
            return None if self.outer is None else self.outer.value(node)
        for part in self._ancestors(node):
            if isinstance(part.op, Shared):
                if dtypes.is_inexact(part.dtype):
                    return None
                self.read.add(part)
            elif isinstance(part.op, Input) and self.value(part) is None:
                return None
        held = {k: v for k, v in self.known.items() if v is not None}
        return evaluate([node], {**self.base, **held})[0]

    def _ancestors(self, node: Node) -> set[Node]:
        """Whose values the node's is made of; variables of which it is only the size are not."""
        found: set[Node] = set()
        stack = [node]
        while stack:
            part = stack.pop()
            if part in found:
                continue
            found.add(part)
            if self.known.get(part) is not None and not isinstance(part.op, Input):
                continue
            stack += part.args
            for n in (*part.op.sizes(), *part.dims):
                stack += [atom.args[0] for atom in sizes.atoms(n) if atom.kind == "value"]
        return found

    # -- the walk ---------------------------------------------------------------------------------
    def run(self, order: Sequence[Node], outputs: Sequence[Node]) -> None:
        """Find the sets of `outputs`; what derivatives do not go through has none."""
        needed = set(outputs)
        for node in reversed(order):
            if node in needed and node not in self.sets and _moves(node):
                needed.update(arg for k, arg in enumerate(node.args) if node.op.connects(k))
        for node in order:
            if node in needed and node not in self.sets:
                self.sets[node] = self._node(node) if node.args else None

    def _node(self, node: Node) -> Found:
        op = node.op
        parts = [self.sets.get(arg) if op.connects(k) else None for k, arg in enumerate(node.args)]
        if all(part is None for part in parts):
            return None
        if not _moves(node):
            return None
        return _RULES[_word(op)](self, node, parts)

    def count(self, node: Node) -> int:
        """The number of elements of a node in one step."""
        return math.prod(self.shape(node))

    def chosen(self, node: Node, parts: Sequence[Found], source: Ints) -> Sets:
        """source: for each element the place, from 1, among those of all arguments; 0 for none."""
        source = source.ravel() - 1
        t = self.times
        counts = [self.count(arg) for arg in node.args[: len(parts)]]
        rows = [
            none_of(t * n) if part is None else part for part, n in zip(parts, counts, strict=True)
        ]
        if t > 1:
            # the elements of all steps of one argument come before those of the next
            first = np.cumsum([0, *counts])
            owner = np.searchsorted(first, source, side="right") - 1
            owner = np.clip(owner, 0, len(counts) - 1)
            inside = source - first[owner]
            steps = np.arange(t)[:, None]
            moved = t * first[owner] + steps * np.array(counts)[owner] + inside
            source = np.where(source < 0, -1, moved)
        return select(stack(rows), source)

    def gathered(self, part: Sets, to: Ints, count: int) -> Sets:
        """to: for each element of an argument the one of `count` that it is added to, or -1."""
        to = to.ravel()
        if self.times > 1:
            to = np.where(to < 0, -1, to + count * np.arange(self.times)[:, None])
        return collect(part, to, count * self.times)

    # -- rules ------------------------------------------------------------------------------------
    def same(self, node: Node, parts: Sequence[Found]) -> Found:
        op = node.op
        if isinstance(op, Elementwise):
            parts = [
                None if partial is None else part
                for part, partial in zip(parts, op.row.partials, strict=True)
            ]
        return unite(parts)

    def selected(self, node: Node, parts: Sequence[Found]) -> Found:
        shape = self.shape(node)
        try:
            source = self._source(node, node.args)
        except _Unknown:
            # the window may be anywhere
            return self.all(node, parts)
        assert source.shape == shape
        return self.chosen(node, parts, source)

    def _source(self, node: Node, moving: Sequence[Node]) -> Ints:
        """The op over the places of the elements of its first arguments, counted from 1."""
        numbers, first = [], 1
        for arg in moving:
            shape = self.shape(arg)
            numbers.append(np.arange(first, first + math.prod(shape)).reshape(shape))
            first += math.prod(shape)
        others = [self.value(arg) for arg in node.args[len(moving) :]]
        found: Ints = np.asarray(node.op.map_sizes(self.size).reference(*numbers, *others))
        return found

    def looked_up(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        parts = list(parts[: op.values])
        if self._known(op.indices(node)):
            source = self._source(node, node.args[: op.values])
            return self.chosen(node, parts, source)
        if op.values == 1:
            shape = self.shape(node.args[0])
            numbers, source = self._meant(shape, op.indices(node))
            total = self.gathered(parts[0], np.broadcast_to(numbers, shape), numbers.size)
            return self._of_each_step(total, numbers.size, source)
        # rows that are replaced: any of the first argument may be left
        first, rows = parts
        if rows is not None:
            rows = self._anywhere(node, rows, op.indices(node))
        return unite([first, rows])

    def _anywhere(self, node: Node, part: Sets, indices: Sequence[Node]) -> Sets:
        """The sets of what is put into the node at `indices`, of which not all are known."""
        shape = self.shape(node)
        numbers, to = self._meant(shape, indices)
        total = self.gathered(part, to, numbers.size)
        return self._of_each_step(total, numbers.size, np.broadcast_to(numbers, shape))

    def _meant(self, shape: Shape, indices: Sequence[Node]) -> tuple[Ints, Ints]:
        """What is looked up, where only some index arrays are known: all along the others' axes.

        Numbers of the elements that are told apart, of a shape that stretches to `shape`, and
        those of them that are meant.
        """
        values = [self.value(index) for index in indices]
        unknown = [axis for axis, value in enumerate(values) if value is None]
        kept = [1 if axis in unknown else n for axis, n in enumerate(shape)]
        numbers = np.arange(math.prod(kept)).reshape(kept)
        # all index arrays have one shape
        anywhere = np.zeros(self.shape(indices[0]), np.int64)
        return numbers, numbers[tuple(anywhere if v is None else v for v in values)]

    def _of_each_step(self, sets: Sets, count: int, source: Ints) -> Sets:
        """Of the `count` sets of each step those with the numbers `source`."""
        return select(sets, (np.arange(self.times)[:, None] * count + source.ravel()).ravel())

    def _spread(self, sets: Sets, count: int, lead: int) -> Sets:
        """The `count` sets of each step, `lead` times."""
        require_possible(len(sets.indices) * lead)
        return self._of_each_step(sets, count, np.tile(np.arange(count), lead))

    def _known(self, indices: Sequence[Node]) -> bool:
        found = all(self.value(index) is not None for index in indices)
        if not found and self.at_once:
            raise _PerStep
        return found

    def added(self, node: Node, parts: Sequence[Found]) -> Found:
        seed = make_input(TensorType(node.dtype, node.dims))
        self.shapes[seed] = self.shape(node)
        needed = [part is not None for part in parts]
        pulled = node.op.vjp(node, seed, needed)
        found = []
        for part, back in zip(parts, pulled, strict=True):
            if part is None or back is None:
                continue
            if _word(back.op) == "looked up" and not self._known(back.args[1:]):
                found.append(self._anywhere(node, part, back.args[1:]))
                continue
            to = self._source(back, back.args[:1]) - 1
            found.append(self.gathered(part, to, self.count(node)))
        return unite(found)

    def reduced(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        shape = self.shape(node.args[0])
        kept = [1 if axis in op.axes else n for axis, n in enumerate(shape)]
        to = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), shape)
        return self.gathered(parts[0], to, self.count(node))

    def stacked(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        moving = [(p, arg) for p, arg in zip(parts, node.args, strict=True) if p is not None]
        front = max(arg.ndim for _, arg in moving) - op.mixed_axes
        lead = math.prod(self.shape(node)[:front])
        total = unite([
            self.gathered(part, np.repeat(np.arange(lead), self.count(arg) // max(lead, 1)), lead)
            for part, arg in moving
        ])  # fmt: skip
        assert total is not None
        source = np.repeat(np.arange(lead), self.count(node) // max(lead, 1))
        return self._of_each_step(total, lead, source)

    def contracted(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        out = self.shape(node)
        found = []
        for part, labels, arg in zip(parts, (op.left, op.right), node.args, strict=True):
            if part is None:
                continue
            shape = self.shape(arg)
            # first what is summed over, then the axes of the other operand
            kept = [n if label in op.out else 1 for label, n in zip(labels, shape, strict=True)]
            to = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), shape)
            total = self.gathered(part, to, math.prod(kept))
            own = [label for label in op.out if label in labels]
            order = [labels.index(label) for label in own]
            left = [axis for axis in range(len(labels)) if axis not in order]
            numbers = np.arange(math.prod(kept)).reshape(kept).transpose([*order, *left])
            numbers = numbers.reshape([n if label in labels else 1
                                       for label, n in zip(op.out, out, strict=True)])  # fmt: skip
            source = np.broadcast_to(numbers, out)
            found.append(self._of_each_step(total, math.prod(kept), source))
        return unite(found)

    def result(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        return parts[0][op.position]

    def results(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        if op.rules is None:
            return list(parts[: op.count])
        return self._every(node, parts, node.type.types)

    def sides(self, node: Node, parts: Sequence[Found]) -> Found:
        n = node.op.count  # type: ignore[attr-defined]
        return [unite([parts[1 + k], parts[1 + n + k]]) for k in range(n)]

    def bodies(self, node: Node, parts: Sequence[Found]) -> Found:
        values = [self.known.get(arg) if arg in self.known else None for arg in node.args[1:]]
        if not self.at_once:
            values = [self._integer(arg) for arg in node.args[1:]]
        found = [
            self._inside(body, parts[1:], values, [self.shape(arg) for arg in node.args[1:]],
                         self.times, self.at_once)
            for body in node.op.bodies
        ]  # fmt: skip
        return [unite(pair) for pair in zip(*found, strict=True)]

    def _integer(self, node: Node) -> Any:
        return None if dtypes.is_inexact(node.dtype) else self.value(node)

    def _inside(
        self,
        body: Body,
        parts: Sequence[Found],
        values: Sequence[Any],
        shapes: Sequence[Shape],
        times: int,
        at_once: bool,
    ) -> list[Found]:
        """The sets of the outputs of a body."""
        known = {p: v for p, v in zip(body.params, values, strict=True) if v is not None}
        walk = _Walk(self.base, {}, dict(known), self.read, self, times, at_once)
        for param, shape, value in zip(body.params, shapes, values, strict=True):
            walk.shapes[param] = shape
            if value is None:
                walk.known[param] = None
        walk.sets.update(zip(body.params, parts, strict=True))
        walk.run(body.order, body.outputs)
        return [walk.sets[out] for out in body.outputs]

    def all(self, node: Node, parts: Sequence[Found]) -> Found:
        if isinstance(node.type, TupleType):
            return self._every(node, parts, node.type.types)
        return self._every(node, parts, [node.type])[0]

    def _every(
        self, node: Node, parts: Sequence[Found], types: Sequence[TensorType]
    ) -> list[Found]:
        totals = []
        for part, arg in zip(parts, node.args, strict=True):
            # an argument with several results is a loop or a choice, which `result` takes apart
            if part is not None:
                totals.append(self.gathered(part, np.zeros(self.count(arg), np.int64), 1))
        total = unite(totals)
        assert total is not None
        return [self._spread(total, 1, math.prod(map(self.size, t.shape)))
                if dtypes.is_inexact(t.dtype) else None for t in types]  # fmt: skip

    # -- loops ------------------------------------------------------------------------------------
    def loop(self, node: Node, parts: Sequence[Found]) -> Found:
        op: Any = node.op
        if self.at_once:
            raise _PerStep
        length = self.size(op.length)
        if length and not op.carries and not op.stops:
            try:
                return self._at_once(op, node, parts, length)
            except _PerStep:
                pass
        return self._step_by_step(op, node, parts, length)

    def _at_once(self, op: Scan, node: Node, parts: Sequence[Found], length: int) -> list[Found]:
        """All steps of a loop that carries nothing."""
        consts = parts[: op.consts]
        counts = [self.count(arg) for arg in node.args]
        given = [
            None if part is None else select(part, np.tile(np.arange(n), length))
            for part, n in zip(consts, counts, strict=False)
        ]
        values = [self._integer(arg) for arg in node.args[: op.consts]]
        values += [None] * (len(parts) - op.consts)
        shapes = [self.shape(arg) for arg in node.args]
        shapes[op.consts :] = [shape[1:] for shape in shapes[op.consts :]]
        given += parts[op.consts :]
        return self._inside(op.body, given, values, shapes, length, True)

    def _step_by_step(
        self, op: Scan, node: Node, parts: Sequence[Found], length: int
    ) -> list[Found]:
        nk, ny = op.carries, op.ys
        _, _, sequences = op.groups(list(range(len(parts))))
        shapes = [self.shape(arg) for arg in node.args]
        values = [self._integer(arg) for arg in node.args]
        first = op.consts
        carried = list(parts[first : first + nk])
        held = values[first : first + nk]
        inner = [shapes[k][1:] if k in sequences else shapes[k] for k in range(len(parts))]
        rows: list[list[Found]] = [[None] * length for _ in range(ny + nk)]
        last: list[list[Found]] = [[part] for part in carried]
        # integers that are carried are followed as long as they are known
        follow = any(v is not None for v in held) or any(
            not dtypes.is_inexact(arg.dtype) for arg in node.args[first : first + nk]
        )
        for t in reversed(range(length)) if op.reverse else range(length):
            step_parts = list(parts[:first]) + carried
            step_values = values[:first] + held
            for k in sequences:
                n = math.prod(inner[k])
                part = parts[k]
                step_parts.append(
                    None if part is None else select(part, np.arange(t * n, (t + 1) * n))
                )
                step_values.append(None if values[k] is None else values[k][t])
            for k in range(nk):
                rows[ny + k][t] = carried[k]
            outs = self._inside(op.body, step_parts, step_values, inner, 1, False)
            held = self._next_integers(op, step_values, nk) if follow else held
            carried = outs[:nk]
            for k in range(nk):
                last[k].append(carried[k])
            for k in range(ny):
                rows[k][t] = outs[nk + k]
        result: list[Found] = [unite(some) if op.stops else some[-1] for some in last]
        for k, own in enumerate(rows):
            size = [*op.body.outputs[nk : nk + ny], *op.body.params[first : first + nk]][k]
            result.append(self._rows(own, size, op, inner))
        if op.stops:
            result.append(None)
        return result

    def _rows(self, own: list[Found], like: Node, op: Scan, inner: Sequence[Shape]) -> Found:
        if all(part is None for part in own):
            return None
        known = next(part for part in own if part is not None)
        return stack([none_of(known.length) if part is None else part for part in own])

    def _next_integers(self, op: Scan, values: Sequence[Any], nk: int) -> list[Any]:
        outs = op.body.outputs[:nk]
        known = dict(zip(op.body.params, values, strict=True))
        walk = _Walk(self.base, {}, dict(known), self.read, self)
        walk.shapes.update({p: np.shape(v) for p, v in known.items() if v is not None})
        return [None if dtypes.is_inexact(out.dtype) else walk.value(out) for out in outs]


def _moves(node: Node) -> bool:
    """Whether the node has a derivative: integers have none."""
    return isinstance(node.type, TupleType) or dtypes.is_inexact(node.dtype)


def _word(op: Op) -> str:
    """The rule of an op."""
    word: str = getattr(op, "dependence", "all")
    return word


_RULES: dict[str, Any] = {
    "same": _Walk.same,
    "selected": _Walk.selected,
    "looked up": _Walk.looked_up,
    "added": _Walk.added,
    "reduced": _Walk.reduced,
    "stacked": _Walk.stacked,
    "contracted": _Walk.contracted,
    "loop": _Walk.loop,
    "sides": _Walk.sides,
    "bodies": _Walk.bodies,
    "result": _Walk.result,
    "results": _Walk.results,
    "first": lambda walk, node, parts: parts[0],
    "all": _Walk.all,
    "none": lambda walk, node, parts: None,
}
