"""How long each part of a kernel takes, and how much memory it goes through.

The function is compiled once more with a clock that is read between its loop nests; the nests are
those of the function, so are their times, but for some 30 ns that reading the clock takes.

Responsible for: the second kernel and the figures.  Not responsible for: the nests (`pipeline`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.attach import attach
from cgrad.cache.dispatcher import load_dispatcher
from cgrad.cache.load import Kernel as LoadedKernel
from cgrad.cache.load import Source, load_kernel
from cgrad.cache.openblas import provide
from cgrad.codegen.emit import emit
from cgrad.codegen.prelude import routines
from cgrad.core import exprs, loops, sizes
from cgrad.core.dtypes import INT64, NUMPY
from cgrad.core.evaluate import lookup_in
from cgrad.core.exprs import Buffer, Read
from cgrad.core.loops import For, Invoke, Note, Part, Stmt
from cgrad.core.node import Node
from cgrad.core.sites import describe
from cgrad.graph.drawing import escape
from cgrad.ops.constants import storage
from cgrad.pipeline import Program, lower

__all__ = ["Nest", "Profile", "profile", "time_text"]

_CLOCK = """\
#include <time.h>
/* nanoseconds; only differences mean something */
static void cg_stamp(int64_t *ns)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    *ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}"""
_TAG = re.compile(r"\[n(\d+)\]")


class Nest:
    """One part of a kernel.

    name     the operations it computes, as in the comment of the C
    lines    of yours that made them, "file:line: text"
    seconds  median over the calls
    bytes    of the arrays that it reads and writes, each element counted once; None where a length
             is known inside the kernel only
    """

    __slots__ = ("bytes", "lines", "name", "seconds")

    def __init__(self, name: str, lines: list[str], seconds: float, bytes: int | None) -> None:
        self.name = name
        self.lines = lines
        self.seconds = seconds
        self.bytes = bytes


class Profile:
    """The nests of a function with their times; printed as a table, `svg()` draws bars."""

    __slots__ = ("calls", "name", "nests", "seconds")

    def __init__(self, name: str, nests: list[Nest], seconds: float, calls: int) -> None:
        self.name = name
        self.nests = nests
        self.seconds = seconds
        self.calls = calls

    def __str__(self) -> str:
        rows = [
            f"{self.name}: {time_text(self.seconds)} in the kernel, median of {self.calls} calls"
        ]
        rows.append(f"  {'time':>9} {'share':>6} {'bytes':>9} {'GB/s':>6}  nest")
        for nest in self.nests:
            share = nest.seconds / self.seconds if self.seconds else 0.0
            size, rate = "?", ""
            if nest.bytes is not None:
                size = _count(nest.bytes)
                rate = f"{nest.bytes / nest.seconds / 1e9:.3g}" if nest.seconds else ""
            rows.append(
                f"  {time_text(nest.seconds):>9} {share:>6.1%} {size:>9} {rate:>6}  {nest.name}"
            )
            rows += [f"{'':36}{line}" for line in nest.lines]
        return "\n".join(rows)

    __repr__ = __str__

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        nests = [{key: getattr(nest, key) for key in Nest.__slots__} for nest in self.nests]
        return {"name": self.name, "seconds": self.seconds, "calls": self.calls, "nests": nests}

    def json(self) -> str:
        """`as_dict` as JSON."""
        import json  # not needed by `import cgrad`

        return json.dumps(self.as_dict())

    def svg(self, width: int = 720) -> str:
        """The times as bars, in SVG."""
        row, left, bars = 22, 300, width - 300 - 80
        most = max([nest.seconds for nest in self.nests], default=0.0) or 1.0
        height = row * len(self.nests) + 34
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            f'<text x="8" y="18">{escape(self.name)}: {time_text(self.seconds)}</text>',
        ]
        for k, nest in enumerate(self.nests):
            y = 28 + row * k
            label = nest.name if len(nest.name) < 44 else f"{nest.name[:41]}..."
            long = bars * nest.seconds / most
            title = escape("; ".join([nest.name, *nest.lines]))
            parts += [
                f"<g><title>{title}</title>",
                f'<text x="{left - 6}" y="{y + 14}" text-anchor="end">{escape(label)}</text>',
                f'<rect x="{left}" y="{y + 3}" width="{long:.1f}" height="14" fill="#4477aa"/>',
                f'<text x="{left + long + 5:.1f}" y="{y + 14}">{time_text(nest.seconds)}</text>',
                "</g>",
            ]
        return "\n".join([*parts, "</svg>\n"])

    _repr_html_ = svg


def profile(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], calls: int) -> Profile:
    """See the method of compiled functions."""
    program: Program = f._plan.program
    if not f._kernel.key:
        raise NotImplementedError(
            f"{f.name} is computed with NumPy, it has no kernel to profile; install a C compiler"
        )
    if not isinstance(calls, int) or calls < 1:
        raise ValueError(f"profile: calls is {calls!r}, expected a number of calls of at least 1")
    segments = _Segments(program)
    kernel = segments.load()
    timed = _class()()
    timed._f = f
    n = len(program.outputs)
    attach(
        timed, kernel, program, returns="list", n_returned=n + 1,
        further=[(NUMPY[INT64].num, 1)],
    )  # fmt: skip
    arrays = f._convert(args, kwargs)[: f._plan.n_inputs]
    times = np.array([np.diff(timed(*arrays)[n]) for _ in range(calls + 1)])[1:] * 1e-9
    given = dict(zip(program.inputs, arrays, strict=False))
    given.update((node, storage(node)[0]) for node in program.hidden)
    medians = np.median(times, 0)
    nests = [
        Nest(segment.name, segment.lines(program), float(seconds), segment.bytes(given))
        for segment, seconds in zip(segments.all, medians, strict=True)
    ]
    return Profile(f.name, nests, float(np.median(times.sum(1))), calls)


class _Timed:
    """A dispatcher that takes and refuses what the function does."""

    _f: Any

    def _convert(self, args: Any, kwargs: Any) -> Any:
        return self._f._convert(args, kwargs)

    def _fail(self, *what: Any) -> None:
        self._f._fail(*what)

    def _refuse(self, *what: Any) -> None:
        self._f._refuse(*what)


def _class() -> Any:
    base = load_dispatcher()
    if base not in _classes:
        _classes[base] = type("TimedFunction", (_Timed, base), {})
    return _classes[base]


_classes: dict[Any, Any] = {}


class _Segment:
    """Statements that are timed together."""

    def __init__(self) -> None:
        self.stmts: list[Stmt] = []

    @property
    def notes(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for stmt in (inner for outer in self.stmts for inner in loops.statements(outer)):
            if isinstance(stmt, (For, Note)):
                found.update(dict.fromkeys(stmt.notes))
            elif isinstance(stmt, Invoke) and stmt.note:
                found[stmt.note] = None
        return tuple(found)

    @property
    def name(self) -> str:
        return ", ".join(self.notes) or "values that all nests use"

    def lines(self, program: Program) -> list[str]:
        """The user's lines, in the order of the operations."""
        found: dict[str, None] = {}
        for tag in _TAG.findall(" ".join(self.notes)):
            if int(tag) < len(program.nodes):
                at, *text = describe(program.nodes[int(tag)].site).split("\n")
                if at:
                    place = at.removeprefix("  at ")
                    found[f"{place}: {text[0].strip()}" if text else place] = None
        return list(found)

    def bytes(self, given: dict[Node, Any]) -> int | None:
        """The bytes of the elements that are read and written, each counted once."""
        lookup = lookup_in(given)
        most: dict[Buffer, int] = {}
        for stmt in self.stmts:
            for buffer, extents in _accesses(stmt, ()):
                if buffer.base.role == "local":
                    continue
                size = _product(buffer.shape, lookup)
                if size is None:
                    return None
                # loops over blocks have lengths that only the kernel knows
                count = _product(extents, lookup)
                base = buffer.base
                most[base] = max(most.get(base, 0), size if count is None else min(size, count))
        return sum(n * NUMPY[buffer.dtype].itemsize for buffer, n in most.items())


def _product(lengths: Sequence[Any], lookup: Any) -> int | None:
    """None if a length is known inside the kernel only: counted, or an index of a loop."""
    atoms = [atom for n in lengths for atom in sizes.atoms(n)]
    if any(atom.kind not in ("dim", "value", *sizes.COMPOUND) for atom in atoms):
        return None
    return math.prod(max(0, sizes.evaluate(n, lookup)) for n in lengths)


def _accesses(stmt: Stmt, around: tuple[Any, ...]) -> Any:
    """(buffer, extents of the loops around) for each array that a statement reads or writes."""
    if isinstance(stmt, (For, Part)):
        inner = around
        if isinstance(stmt, For):
            inner = (*around, stmt.extent - stmt.start)
        for one in stmt.body:
            yield from _accesses(one, inner)
        return
    if isinstance(stmt, Invoke):
        for buffer, _ in (*stmt.reads, *stmt.writes):
            yield buffer, buffer.shape
        return
    target = getattr(stmt, "buffer", None)
    if isinstance(stmt, (loops.Set, loops.Accumulate)) and target is not None and target.shape:
        yield target, around
    for value in loops.values(stmt):
        for expr in exprs.walk(value):
            if isinstance(expr, exprs.Row):
                yield expr.buffer, expr.buffer.shape
            elif isinstance(expr, Read) and expr.buffer.shape:
                yield expr.buffer, around


class _Segments:
    """The kernel of a program with a clock between its parts."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernel, self.slots, self.names = lower(program)
        self.all: list[_Segment] = []
        for stmt in self.kernel.body:
            if isinstance(stmt, (For, Part, Invoke, Note)) or not self.all:
                self.all.append(_Segment())
            self.all[-1].stmts.append(stmt)

    def load(self) -> LoadedKernel:
        fields = [*self.program.lookup_fields(), ("profile", "1")]
        kernel = load_kernel(fields, self._source)
        provide(load_dispatcher(), kernel.routines)
        return kernel

    def _source(self) -> Source:
        kernel = self.kernel
        count = len(self.all) + 1
        times = self.names.buffer("nanoseconds", INT64, (count,), "output")
        kernel.outputs.append(times)
        kernel.bounds.append((count,))
        body: list[Stmt] = [_stamp(times, 0)]
        for k, segment in enumerate(self.all, 1):
            body += [*segment.stmts, _stamp(times, k)]
        kernel.body = body
        kernel.foreign = "\n\n".join(part for part in (_CLOCK, kernel.foreign) if part)
        text = emit(kernel, self.slots, self.names, math=self.program.math)
        meta: dict[str, Any] = {"counted": [], "interruptible": False}
        called = routines(text)
        if called:
            meta["routines"] = called
        return Source(text, meta)


def _stamp(times: Buffer, k: int) -> Stmt:
    return Invoke("cg_stamp", (), (), ((times, (k,)),))


def time_text(seconds: float) -> str:
    """A time with the unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _count(n: int) -> str:
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= scale:
            return f"{n / scale:.3g} {unit}"
    return str(n)
