"""From the graph to loop nests, one nest per buffer: pull lowering.

Each op answers "what is your value at this index?"; a node without a buffer is asked wherever it
is read.  What is joined, accumulated or looped over is stored into a place of a buffer.  The
nests come out one by one; `codegen.fuse` joins them.

Responsible for: blocks (a function or a loop body), reductions, joins, reshapes, in-place checks.
Not responsible for: which nodes get buffers (`codegen.choose`), loops (`codegen.control`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cgrad.codegen import control
from cgrad.codegen.choose import choose, together
from cgrad.codegen.names import Names, note
from cgrad.codegen.places import Place, Rows, Source, probes, rows_of
from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.exprs import Buffer, Expr, Index
from cgrad.core.graphs import toposort
from cgrad.core.loops import Check, For, Set, Stmt
from cgrad.core.node import Node
from cgrad.core.sizes import Atom, SizeLike
from cgrad.ops.arithmetic import complex_from, parts_of
from cgrad.ops.constants import Arange, Constant
from cgrad.ops.kinds import lowering
from cgrad.ops.lookup import Argsort, position
from cgrad.ops.windows import Window

INDEX_NAMES = "ijkl"


class Block:
    """Lowers the nodes of a function or of a loop body to statements."""

    def __init__(self, names: Names, parent: Block | None = None) -> None:
        self.names = names
        self.parent = parent
        self.sources: dict[Node, Source] = {}
        self.stmts: list[Stmt] = []
        # what parameters of the body stand for that are the same in all steps
        self.constants: dict[Node, Node] = {}
        # the index of the loop this is the body of, and its number of steps
        self.steps: tuple[str, SizeLike] | None = None
        self._checked: set[tuple[str, SizeLike, SizeLike]] = set()
        self._looked_up: set[tuple[Node, SizeLike]] = set()
        self._memo: dict[tuple[Node, Index], Expr] = {}
        # whether this runs only if it is the chosen side of a choice
        self.in_side: bool = parent is not None and parent.in_side
        self.loop_depth: int = 0 if parent is None else parent.loop_depth + 1

    def inner(self, index: str, length: SizeLike) -> Block:
        """A block for the body of a loop of `length` steps in this one."""
        block = Block(self.names, self)
        block.steps = (index, length)
        return block

    # -- sources ------------------------------------------------------------------------------
    def source(self, node: Node) -> Source | None:
        block: Block | None = self
        while block is not None:
            if node in block.sources:
                return block.sources[node]
            block = block.parent
        return None

    def pull(self, node: Node, index: Index) -> Expr:
        """The element of `node` at `index`."""
        return self._run(node, tuple(self.resolve(i) for i in index), inside=False)

    def element(self, node: Node, index: Index) -> Expr:
        """The element that the op of `node` computes, whether or not it has a buffer."""
        return self._run(node, index, inside=True)

    def _run(self, node: Node, index: Index, inside: bool) -> Expr:
        # a stack of suspended generators instead of recursion: chains may be long
        stack: list[Any] = []
        value = None if inside else self._known(node, index)
        if value is None:
            value = self._start(node, index, stack)
        while stack:
            generator, owner = stack[-1]
            try:
                asked, at = generator.send(value)
            except StopIteration as done:
                stack.pop()
                value = self._memo[owner] = done.value
                continue
            value = self._known(asked, at)
            if value is None:
                value = self._start(asked, at, stack)
        assert value is not None
        return value

    def _known(self, node: Node, index: Index) -> Expr | None:
        found = self.source(node)
        if isinstance(found, Place):
            return found.read(index)
        if found is not None:
            return found(index)
        return self._memo.get((node, index))

    def _start(self, node: Node, index: Index, stack: list[Any]) -> Expr | None:
        op: Any = node.op.map_sizes(self.resolve)
        if isinstance(op, Constant) and op.size > 1 and not all(isinstance(i, int) for i in index):
            answer: Any = exprs.read(self.names.table(op, node.name), index)
        else:
            answer = op.value_at(node, index)
        if isinstance(answer, Expr):
            self._memo[node, index] = answer
            return answer
        stack.append((answer, (node, index)))
        return None

    def resolve(self, size: SizeLike) -> SizeLike:
        """The size with values of the graph replaced by the variables that hold them."""
        if isinstance(size, int):
            return size
        return sizes.substitute(size, self._resolve_atom)

    def _resolve_atom(self, atom: Atom) -> SizeLike | None:
        if atom.kind != "value" or atom in self.names.sizes:
            return None
        (node,) = atom.args
        value = self.pull(node, ())
        if isinstance(value, exprs.SizeValue):
            return value.size
        if isinstance(value, exprs.Lit):
            return int(value.value)
        if isinstance(value, exprs.Read) and not value.buffer.shape:
            buffer = value.buffer
        else:
            buffer = self._name_integer(node, value)
        buffer.bounds = node.op.value_range(node)
        return exprs.scalar_size(buffer)

    def _name_integer(self, node: Node, value: Expr) -> Buffer:
        """A variable for an integer that sizes mention; it must not change inside this block."""
        buffer = self.names.buffer(node.name or "index", dtypes.INT64, ())
        self.stmts.append(Set(buffer, (), value))
        self.sources[node] = Place(buffer)
        return buffer

    # -- the nodes of a block -----------------------------------------------------------------
    def lower(self, outputs: Sequence[tuple[Node, Place]]) -> None:
        """Store each node in its place."""
        wanted = [node for node, _ in outputs]
        known = {node for node in toposort(wanted) if self.source(node) is not None}
        order = [node for node in toposort(wanted, known) if node not in known]
        chosen = choose(order, wanted, known) | control.sources_of_loops(order, known)
        order = together(order, chosen)
        places: dict[Node, Place] = {}
        for node, place in outputs:
            if node not in known and node not in places:
                places[node] = place
        _store_through_reshapes(order, chosen, places)
        for node in order:
            self._check(node)
            way = lowering(node)
            if way == "scan":
                control.lower_scan(self, node, order, places)
            elif way == "branch":
                control.lower_branch(self, node, order, places)
            elif way == "view":
                self._view(node, places.get(node))
            elif node in chosen and way != "get":
                self._store(node, places.get(node))
        done: set[Node] = set()
        for node, place in outputs:
            # a result without a buffer of its own, such as a number or a size, is copied too
            if node in done or places.get(node) is not place or self.source(node) is None:
                self.copy(node, place)
            done.add(node)

    def _store(self, node: Node, place: Place | None) -> None:
        if place is None:
            shape = tuple(self.resolve(n) for n in node.dims)
            place = Place(self.names.buffer(node.name or node.op.name, node.dtype, shape))
        way = lowering(node)
        if way == "reduce":
            self._reduce(node, place)
        elif way == "join":
            offsets = node.op.offsets(node)  # type: ignore[attr-defined]
            axis = node.op.axis  # type: ignore[attr-defined]
            for arg, offset in zip(node.args, offsets, strict=False):
                part = place.shifted(axis, self.resolve(offset), node.ndim)
                self.copy(arg, part, note(node))
        elif way == "emit":
            op: Any = node.op
            own = place
            if not place.whole and not getattr(op, "fills_rows", False):
                # the statements may use all of a buffer
                shape = tuple(self.resolve(n) for n in node.dims)
                own = Place(self.names.buffer(node.op.name, node.dtype, shape))
            op.emit(node, self, own, note(node))
            self.sources[node] = own
            if own is not place:
                self.copy(node, place)
        else:
            self.fill(node.dims, place, lambda index: self.element(node, index), note(node))
        self.sources[node] = place

    def _view(self, node: Node, place: Place | None) -> None:
        (arg,) = node.args
        shape = tuple(self.resolve(n) for n in node.dims)
        source = self.source(arg)
        if not (isinstance(source, Place) and source.whole):
            own = Place(self.names.buffer(arg.name or arg.op.name, arg.dtype, tuple(
                self.resolve(n) for n in arg.dims)))  # fmt: skip
            self.copy(arg, own)
            source = own
        self.sources[node] = Place(source.buffer.view(shape))
        if place is not None and place.buffer.base is not source.buffer.base:
            self.copy(node, place)
            self.sources[node] = place

    def copy(self, node: Node, place: Place, why: str = "") -> None:
        """Store the elements of `node`, wherever they are, in a place."""
        self.fill(node.dims, place, lambda index: self.pull(node, index), why or note(node))

    def rows(self, node: Node, fits: Callable[[Rows], bool]) -> Rows:
        """Where the elements of `node` lie in memory; they are copied unless they lie as wanted."""
        index = probes(node.ndim)
        found = rows_of(self.pull(node, index), index)
        if found is None or not fits(found):
            shape = tuple(self.resolve(n) for n in node.dims)
            own = Place(self.names.buffer(node.name or node.op.name, node.dtype, shape))
            self.copy(node, own)
            found = self.target(own, node.ndim)
        return found

    def target(self, place: Place, ndim: int) -> Rows:
        """Where the elements of a place lie in memory."""
        index = probes(ndim)
        found = rows_of(exprs.read(place.buffer, place.index(index)), index)
        assert found is not None
        # a result may be as long as a number that is found in this call
        return Rows(found.buffer, found.first, tuple(self.resolve(n) for n in found.strides))

    def fill(
        self, dims: Sequence[SizeLike], place: Place, value: Callable[[Index], Expr], why: str
    ) -> None:
        """A nest that stores value(index) for every index."""

        def body(index: Index) -> list[Stmt]:
            return [Set(place.buffer, place.index(index), value(index))]

        self.stmts += self.nest(dims, body, why)

    def nest(
        self,
        dims: Sequence[SizeLike],
        body: Callable[[Index], list[Stmt]],
        why: str,
        depth: int = 0,
    ) -> list[Stmt]:
        """Loops over `dims` around the statements `body` makes for the indices.

        The name of an index follows from its depth, so that nests can be joined as they are.
        """
        index: list[SizeLike] = []
        headers: list[tuple[str, SizeLike]] = []
        for n in dims:
            n = self.resolve(n)
            if n == 1:
                index.append(0)
                continue
            level = depth + len(headers)
            name = INDEX_NAMES[level] if level < len(INDEX_NAMES) else f"i{level}"
            headers.append((name, n))
            index.append(sizes.index(name))
        if any(sizes.bounds(n)[1] == 0 for _, n in headers):
            return []
        stmts = body(tuple(index))
        for name, n in reversed(headers):
            stmts = [For(name, n, stmts)]
        if headers and depth == 0:
            stmts[0].notes = (why,) if why else ()  # type: ignore[attr-defined]
        return stmts

    # -- reductions ---------------------------------------------------------------------------
    def _reduce(self, node: Node, place: Place) -> None:
        op: Any = node.op
        reduction = op.reduction(node)
        domain = reduction.domain
        kept = [k for k in range(len(domain)) if k not in reduction.axes]
        first = min(reduction.axes)
        outer = [k for k in kept if k < first]

        def at(index: dict[int, SizeLike]) -> Index:
            return tuple(index[k] for k in reduction.result)

        def start(index: Index) -> list[Stmt]:
            depth = sum(i != 0 for i in index)
            fixed = dict(zip(outer, index, strict=True))
            if len(outer) == len(kept):
                return self._into_register(node, reduction, place, fixed, at, depth)
            return self._into_rows(node, reduction, place, fixed, at, depth)

        self.stmts += self.nest([domain[k] for k in outer], start, note(node))

    def _into_register(
        self, node: Node, reduction: Any, place: Place, fixed: Any, at: Any, depth: int
    ) -> list[Stmt]:
        """The accumulated axes are the innermost: one variable holds the total."""
        dims = [reduction.domain[k] for k in reduction.axes]
        if all(self.resolve(n) == 1 for n in dims):
            only = exprs.cast(self._value(node, reduction, fixed, (0,) * len(dims)), node.dtype)
            return [Set(place.buffer, place.index(at(fixed)), only)]
        if dtypes.is_complex(reduction.dtype) and reduction.op == "add":
            return self._into_two_registers(node, reduction, place, fixed, at, depth)
        local = place.buffer
        direct = not place.buffer.shape and place.buffer.role == "temp"
        if not direct or local.dtype != reduction.dtype:
            local = self.names.buffer(node.name or node.op.name, reduction.dtype, ())

        def body(index: Index) -> list[Stmt]:
            value = self._value(node, reduction, fixed, index)
            return [loops.Accumulate(reduction.op, local, (), value)]

        stmts: list[Stmt] = [Set(local, (), reduction.init)]
        stmts += self.nest(dims, body, note(node), depth)
        if local is not place.buffer:
            total = exprs.cast(exprs.read(local, ()), node.dtype)
            stmts.append(Set(place.buffer, place.index(at(fixed)), total))
        return stmts

    def _into_two_registers(
        self, node: Node, reduction: Any, place: Place, fixed: Any, at: Any, depth: int
    ) -> list[Stmt]:
        """A complex sum as two real ones, which get an order and vectors."""
        name = node.name or node.op.name
        totals = [self.names.buffer(f"{name}_{part}", dtypes.FLOAT64, ()) for part in ("re", "im")]

        def body(index: Index) -> list[Stmt]:
            parts = parts_of(self._value(node, reduction, fixed, index))
            return [
                loops.Accumulate("add", total, (), part)
                for total, part in zip(totals, parts, strict=True)
            ]

        stmts: list[Stmt] = [Set(total, (), exprs.lit(0.0, total.dtype)) for total in totals]
        stmts += self.nest([reduction.domain[k] for k in reduction.axes], body, note(node), depth)
        found = complex_from(*(exprs.read(total, ()) for total in totals))
        return [*stmts, Set(place.buffer, place.index(at(fixed)), exprs.cast(found, node.dtype))]

    def _into_rows(
        self, node: Node, reduction: Any, place: Place, fixed: Any, at: Any, depth: int
    ) -> list[Stmt]:
        """Totals of many elements are open at once: the result itself holds them."""
        inner = [k for k in range(len(reduction.domain)) if k not in fixed]
        kept = [k for k in inner if k not in reduction.axes]
        total = place
        if reduction.dtype != node.dtype:
            shape = tuple(self.resolve(n) for n in node.dims)
            total = Place(self.names.buffer(node.op.name, reduction.dtype, shape))

        def clear(index: Index) -> list[Stmt]:
            where = at(fixed | dict(zip(kept, index, strict=True)))
            return [Set(total.buffer, total.index(where), reduction.init)]

        def body(index: Index) -> list[Stmt]:
            here = fixed | dict(zip(inner, index, strict=True))
            value = self._value(node, reduction, fixed, index)
            return [loops.Accumulate(reduction.op, total.buffer, total.index(at(here)), value)]

        def convert(index: Index) -> list[Stmt]:
            where = at(fixed | dict(zip(kept, index, strict=True)))
            value = exprs.cast(total.read(where), node.dtype)
            return [Set(place.buffer, place.index(where), value)]

        domain = reduction.domain
        stmts = self.nest([domain[k] for k in kept], clear, note(node), depth)
        stmts += self.nest([domain[k] for k in inner], body, note(node), depth)
        if total is not place:
            stmts += self.nest([domain[k] for k in kept], convert, note(node), depth)
        return stmts

    def _value(self, node: Node, reduction: Any, fixed: Any, index: Index) -> Expr:
        inner = [k for k in range(len(reduction.domain)) if k not in fixed]
        full = fixed | dict(zip(inner, index, strict=True))
        value = self.element(node, tuple(full[k] for k in range(len(reduction.domain))))
        return exprs.cast(value, reduction.dtype)

    # -- checks -------------------------------------------------------------------------------
    def _check(self, node: Node) -> None:
        """Checks of sizes that are not known when the kernel is entered, and of positions."""
        self._check_lookups(node)
        self._check_conditions(node)
        for check in checks_of(node):
            found, expected = self.resolve(check.found), self.resolve(check.expected)
            at_entry = all(
                a.kind == "dim" or a in self.names.sizes
                for s in (check.found, check.expected)
                for a in sizes.atoms(s)
                if a.kind in ("dim", "value")
            )
            if at_entry and not (self.in_side and check.code != "CG_SHAPE"):
                continue
            cond = condition(check.code, found, expected)
            made = (check.code, found, expected)
            if made in self._checked or self._always_inside(check.code, found, expected):
                continue
            self._checked.add(made)
            if not isinstance(cond, exprs.Lit) or not cond.value:
                self.stmts.append(Check(cond, check.code, check.tag, check.axis, found, expected))

    def _check_conditions(self, node: Node) -> None:
        """What the user wants to hold."""
        op: Any = node.op
        tag = -1 if node.tag is None else node.tag
        for cond in op.conditions(node) if hasattr(op, "conditions") else ():
            holds = self.names.buffer(cond.name or "holds", dtypes.BOOL, ())
            self.stmts.append(Set(holds, (), self.pull(cond, ())))
            self.stmts.append(Check(exprs.read(holds, ()), "CG_VALUE", tag, -1, 0, 0))

    def _check_lookups(self, node: Node) -> None:
        """Every element of an index array against the length of its axis, before it is used."""
        op: Any = node.op
        tag = -1 if node.tag is None else node.tag
        for array, n, axis in op.lookups(node) if hasattr(op, "lookups") else ():
            length = self.resolve(n)
            if self._has_looked_up(array, length) or _is_range(array, length):
                continue

            def body(
                index: Index, array: Node = array, length: SizeLike = length, axis: int = axis
            ) -> list[Stmt]:
                row = self.names.buffer("row", dtypes.INT64, ())
                at = position(self.pull(array, index), length)
                here = exprs.scalar_size(row)
                cond = condition("CG_INDEX", here, length)
                return [Set(row, (), at), Check(cond, "CG_INDEX", tag, axis, here, length)]

            self.stmts += self.nest(array.dims, body, note(node))

    def _has_looked_up(self, array: Node, length: SizeLike) -> bool:
        """Whether the array was checked before: here, or in front of the loops around this one."""
        block: Block | None = self
        while block is not None:
            if (array, length) in block._looked_up:
                return True
            array = block.constants.get(array, array)
            block = block.parent
        self._looked_up.add((array, length))
        return False

    def _always_inside(self, code: str, found: SizeLike, expected: SizeLike) -> bool:
        """Whether a position is inside its axis for every step of the enclosing loops."""
        if code != "CG_INDEX":
            return False
        low, _ = sizes.bounds(found)
        if low is None or low < 0:
            return False
        # the last step has the largest position if every index counts upwards
        if isinstance(found, sizes.Size) and any(
            c < 0 and any(atom.kind == "index" for atom in mono) for mono, c in found.terms
        ):
            return False
        room, _ = sizes.bounds(expected - sizes.substitute(found, self._last_step))
        return room is not None and room > 0

    def _last_step(self, atom: Atom) -> SizeLike | None:
        block: Block | None = self
        while block is not None and atom.kind == "index":
            if block.steps is not None and block.steps[0] == atom.args[0]:
                return block.steps[1] - 1
            block = block.parent
        return None


def _is_range(array: Node, length: SizeLike) -> bool:
    """Whether an index array is 0, 1, ... below the length of the axis."""
    while array.op.name in ("broadcast", "permute"):
        array = array.args[0]
    if isinstance(array.op, Argsort):
        return bool(array.dims[-1] == length)
    if not isinstance(array.op, Arange):
        return False
    inside = exprs.compare("<=", array.op.length, length)
    return isinstance(inside, exprs.Lit) and bool(inside.value)


def condition(code: str, found: SizeLike, expected: SizeLike) -> Expr:
    """What has to hold: equal sizes, a position in range, or an axis that is not empty."""
    if code == "CG_SHAPE":
        return exprs.compare("==", found, expected)
    if code == "CG_EMPTY":
        return exprs.compare("<", 0, found)
    inside = exprs.compare("<", found, expected)
    return exprs.both(exprs.compare("<=", 0, found), inside)


def checks_of(node: Node) -> list[Check]:
    """What the sizes of a node have to satisfy; the condition is filled in by the user of it."""
    tag = -1 if node.tag is None else node.tag
    true = exprs.TRUE
    result = [
        Check(true, "CG_SHAPE", tag, axis, found, expected)
        for found, expected, axis in node.op.equalities(node)
        if found != expected
    ]
    if isinstance(node.op, Window) and node.op.name != "place":
        result += [Check(true, "CG_INDEX", tag, a, i, n) for i, n, a in node.op.bounds()]
    if lowering(node) == "reduce":
        reduction = node.op.reduction(node)  # type: ignore[attr-defined]
        if not reduction.empty:
            result += [
                Check(true, "CG_EMPTY", tag, axis, reduction.domain[axis], 1)
                for axis in reduction.axes
            ]
    return result


def _store_through_reshapes(
    order: Sequence[Node], chosen: set[Node], places: dict[Node, Place]
) -> None:
    """Let what is reshaped into a result be stored in the result at once."""
    for node in reversed(order):
        place = places.get(node)
        if lowering(node) != "view" or place is None or not place.whole:
            continue
        (arg,) = node.args
        if any(a.kind == "value" for n in arg.dims for a in sizes.atoms(n)):
            continue
        if (
            arg in chosen
            and arg not in places
            and lowering(arg) in ("pull", "reduce", "join", "emit")
        ):
            places[arg] = Place(place.buffer.view(arg.dims))
