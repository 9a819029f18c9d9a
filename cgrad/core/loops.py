"""The loop IR: the statements around expressions, and the kernel that they make up.

Responsible for: the data types and facts that follow from one statement.
Not responsible for: expressions (`core.exprs`), making them (`codegen.lower`), passes over
them, or C text (`codegen.emit`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cgrad.core import sizes
from cgrad.core.exprs import Buffer, Expr, Index, scalar_size
from cgrad.core.sizes import SizeLike


class Stmt:
    """A statement; `body` is empty but for the ones that hold others."""

    __slots__ = ()
    body: list[Stmt]


class For(Stmt):
    """`body` for index = start, start + step, ... below extent.

    kind: map (any order of iterations) or scan.  A reversed loop starts at 0 and has steps of 1.
    `notes` say for the reader which graph ops the loop computes.
    """

    __slots__ = ("body", "extent", "index", "kind", "notes", "reverse", "start", "step")

    def __init__(
        self,
        index: str,
        extent: SizeLike,
        body: list[Stmt],
        kind: str = "map",
        reverse: bool = False,
        notes: tuple[str, ...] = (),
        start: SizeLike = 0,
        step: int = 1,
    ) -> None:
        self.notes = notes
        self.start = start
        self.step = step
        self.index = index
        self.extent = extent
        self.body = body
        self.kind = kind
        self.reverse = reverse


class If(For):
    """`body` if the int64 variable `taken` is 1 (0, where it is not `wanted`), as a loop that is
    done once or not at all: so whatever knows loops knows it."""

    __slots__ = ("taken", "wanted")

    def __init__(self, taken: Buffer, wanted: bool, body: list[Stmt]) -> None:
        times = scalar_size(taken)
        super().__init__(f"once_{taken.name}", times if wanted else 1 - times, body, "if")
        self.taken = taken
        self.wanted = wanted


class Parallel(For):
    """A loop whose iterations, in chunks, go to threads as calls of a function of that name.

    count        the number of iterations
    cost         what one of them costs, in additions
    chunks       the name of the number of chunks
    first, last  the names of where a chunk begins and ends
    private      the views through which a chunk uses its copy of an array
    """

    __slots__ = ("chunks", "cost", "count", "first", "function", "last", "private")

    def __init__(
        self, loop: For, body: list[Stmt], count: SizeLike, cost: SizeLike, names: tuple[str, ...]
    ) -> None:
        super().__init__(loop.index, loop.extent, body, notes=loop.notes, step=loop.step)
        self.count = count
        self.cost = cost
        self.function, self.chunks, self.first, self.last = names
        self.private: list[Buffer] = []


class Set(Stmt):
    """buffer[index] = value"""

    __slots__ = ("buffer", "index", "value")

    def __init__(self, buffer: Buffer, index: Index, value: Expr) -> None:
        self.buffer = buffer
        self.index = index
        self.value = value


class Accumulate(Stmt):
    """buffer[index] = op(buffer[index], value); op: add, mul, max, min, or, and."""

    __slots__ = ("buffer", "index", "op", "value")

    def __init__(self, op: str, buffer: Buffer, index: Index, value: Expr) -> None:
        self.op = op
        self.buffer = buffer
        self.index = index
        self.value = value


class Let(Stmt):
    """A named constant in the enclosing block; sizes may mention one of int64 like an index."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: Expr) -> None:
        self.name = name
        self.value = value


class Local(Stmt):
    """The declaration of a local array, which lives in the enclosing block."""

    __slots__ = ("buffer",)

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer


class Note(Stmt):
    """Which graph ops the statements after it compute, where there is no loop to say it."""

    __slots__ = ("notes",)

    def __init__(self, notes: tuple[str, ...]) -> None:
        self.notes = notes


class Part(Stmt):
    """Statements that are a C function of their own; they set nothing outside but elements."""

    __slots__ = ("body", "name")

    def __init__(self, name: str, body: list[Stmt]) -> None:
        self.name = name
        self.body = body


class Check(Stmt):
    """Leave the kernel with a status unless `cond` holds."""

    __slots__ = ("axis", "code", "cond", "expected", "found", "tag")

    def __init__(
        self, cond: Expr, code: str, tag: int, axis: int, found: SizeLike, expected: SizeLike
    ) -> None:
        self.cond = cond
        self.code = code
        self.tag = tag
        self.axis = axis
        self.found = found
        self.expected = expected


class Leave(Stmt):
    """Leave the enclosing loop, a scan, when `cond` holds; the last statement of its body."""

    __slots__ = ("cond",)

    def __init__(self, cond: Expr) -> None:
        self.cond = cond


class Swap(Stmt):
    """Exchange the pointers of two carry buffers."""

    __slots__ = ("a", "b")

    def __init__(self, a: Buffer, b: Buffer) -> None:
        self.a = a
        self.b = b


class Invoke(Stmt):
    """A call of a runtime function: sizes first, then rows of buffers read, then those written.

    A row is a buffer and the index of its first element.  What the function is `given` in front of
    them are parameters of the kernel: rt, what it may use of the process.  The `note` says for the
    reader which graph op it computes, where no loop around it does.  With a tag in `checked` the
    function answers 0, or the kernel is left with the status CG_VALUE.
    """

    __slots__ = ("checked", "function", "given", "note", "reads", "sizes", "writes")

    def __init__(
        self,
        function: str,
        sizes: tuple[SizeLike, ...],
        reads: tuple[tuple[Buffer, Index], ...],
        writes: tuple[tuple[Buffer, Index], ...],
        given: tuple[str, ...] = (),
    ) -> None:
        self.function = function
        self.given = given
        self.note = ""
        self.checked: int | None = None
        self.sizes = sizes
        self.reads = reads
        self.writes = writes


class Resize(Stmt):
    """Write back the true length of an axis of output `position`, for which it has a bound."""

    __slots__ = ("axis", "position", "size")

    def __init__(self, position: int, axis: int, size: SizeLike) -> None:
        self.position = position
        self.axis = axis
        self.size = size


class Kernel:
    """A lowered function.

    inputs, outputs  buffers in the order of the ABI; their shapes are over the named sizes
    bounds           the shapes for which outputs are allocated, known at entry
    sizes            the named sizes: (atom, C name), in the order of the ABI
    position         the place among the inputs of a node that sizes mention
    checks           what must hold at entry
    body             the statements
    foreign          the text of C functions that are called and not cgrad's
    """

    __slots__ = (
        "body", "bounds", "checks", "foreign", "inputs", "name", "outputs", "position", "sizes",
    )  # fmt: skip

    def __init__(self, name: str, inputs: list[Buffer], outputs: list[Buffer]) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.bounds: list[Index] = []
        self.sizes: list[tuple[sizes.Atom, str]] = []
        self.position: dict[Any, int] = {}
        self.checks: list[Check] = []
        self.body: list[Stmt] = []
        self.foreign = ""


def statements(stmt: Stmt) -> Iterator[Stmt]:
    """A statement and those inside of it, in the order of the text."""
    stack: list[Stmt] = [stmt]
    while stack:
        s = stack.pop()
        yield s
        if isinstance(s, (For, Part)):
            stack.extend(reversed(s.body))


def written(stmt: Stmt) -> Iterator[Set | Accumulate]:
    """The stores of a statement, those of inner statements too."""
    return (s for s in statements(stmt) if isinstance(s, (Set, Accumulate)))


def swaps(stmt: Stmt) -> Iterator[Swap]:
    """The pointer exchanges of a statement."""
    return (s for s in statements(stmt) if isinstance(s, Swap))


def checks(stmt: Stmt) -> Iterator[Check]:
    """The checks of a statement."""
    return (s for s in statements(stmt) if isinstance(s, Check))


def invocations(stmt: Stmt) -> Iterator[Invoke]:
    """The calls of runtime functions of a statement."""
    return (s for s in statements(stmt) if isinstance(s, Invoke))


def values(stmt: Stmt) -> Iterator[Expr]:
    """The expressions of a statement, those of inner statements too."""
    for s in statements(stmt):
        if isinstance(s, (Set, Accumulate, Let)):
            yield s.value
        elif isinstance(s, (Check, Leave)):
            yield s.cond


def mentioned(stmt: Stmt) -> Iterator[SizeLike]:
    """The sizes and positions that a statement uses outside of its expressions."""
    for s in statements(stmt):
        yield from mentioned_here(s)


def mentioned_here(s: Stmt) -> Iterator[SizeLike]:
    """Those of the statement itself, without those of inner statements."""
    if isinstance(s, For):
        yield from (s.start, s.extent)
        if isinstance(s, Parallel):
            yield from (s.count, s.cost)
    elif isinstance(s, (Set, Accumulate)):
        yield from s.index
    elif isinstance(s, Check):
        yield from (s.found, s.expected)
    elif isinstance(s, Invoke):
        yield from s.sizes
        for _, index in (*s.reads, *s.writes):
            yield from index
    elif isinstance(s, Resize):
        yield s.size
