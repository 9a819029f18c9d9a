"""The lowered kernel as C text, for people and compilers.

A file holds the runtime functions it uses, one static function with named arguments (what a
person reads, and the part that exports), and the three functions of the ABI around it.  The text
depends on the graph and the names in it only: no path, no time, no address.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from cgrad.codegen.expressions import Printer, bare, entry
from cgrad.codegen.independent import is_independent
from cgrad.codegen.memory import Slot
from cgrad.codegen.names import Names
from cgrad.codegen.prelude import prelude, with_libm
from cgrad.codegen.scope import Scope, mentioned
from cgrad.codegen.unify import entry_source
from cgrad.core import dtypes, exprs, loops
from cgrad.core.dtypes import C_TYPE
from cgrad.core.exprs import Buffer, Lit
from cgrad.core.loops import (
    Accumulate,
    Check,
    For,
    If,
    Invoke,
    Kernel,
    Leave,
    Let,
    Local,
    Note,
    Parallel,
    Part,
    Resize,
    Set,
    Stmt,
    Swap,
    invocations,
    statements,
    values,
    written,
)
from cgrad.core.sizes import Atom, product
from cgrad.ops.arithmetic import combined

INDENT = "    "
WIDTH = 100
# levels of minima and the like inside of one another from which on they have names everywhere
NESTED = 4
# a variable may be of a type that arrays in memory are not
LOCAL_TYPE = {**C_TYPE, "bool": "bool"}
_COMBINE = {"max": "cg_max", "min": "cg_min"}


def emit(kernel: Kernel, slots: Sequence[Slot], names: Names, math: str | None = None) -> str:
    """The C file of a kernel; `math` says whose elementary functions it calls."""
    text = Writer(kernel, slots, names).text()
    if math is not None:
        text = with_libm(text, math)
    head = prelude(text, math)
    return "\n\n".join(part for part in (head, kernel.foreign, f"{text}\n") if part)


class Writer:
    """Writes the file of a kernel."""

    def __init__(self, kernel: Kernel, slots: Sequence[Slot], names: Names) -> None:
        self.kernel = kernel
        self.slots = slots
        self.names = dict(kernel.sizes)
        self.print = Printer(self.names, names.fresh)
        self.fresh = names.fresh
        self.tables = names.tables
        self.scope = Scope(kernel, slots)
        # functions of parts, and of loops that are shared out among threads
        self.parts: list[str] = []
        self.written = _counts(kernel.body)

    # -- the file -----------------------------------------------------------------------------
    def computation(self) -> tuple[list[tuple[str, str]], str, str]:
        """The parameters of the function, its text, and all that tables may be mentioned in."""
        body = "\n".join(self.block(self.kernel.body, 1))
        pointers = self._slot_pointers()
        slots = "\n".join([*definitions(self.print), *pointers])
        params = self._parameters(f"{slots}\n{body}")
        uses = "\n".join([slots, body, *self.parts])
        return params, self._function(params, slots, body), uses

    def text(self) -> str:
        params, function, uses = self.computation()
        parts = [
            self._title(),
            *self._tables(uses),
            *self.parts,
            function,
            self._sizes(),
            self._work(),
            self._entry(params),
        ]
        return "\n\n".join(parts)

    def _title(self) -> str:
        kernel = self.kernel
        rows = [f"/* {kernel.name}", " *"]
        printer = self._plain()
        described = [("in ", b, b.shape) for b in kernel.inputs]
        described += [("out", b, s) for b, s in zip(kernel.outputs, kernel.bounds, strict=True)]
        for word, buffer, bound in described:
            shape = ", ".join(printer.size(n) for n in bound)
            comma = "," if len(bound) == 1 else ""
            rows.append(f" * {word}  {buffer.name}: {buffer.dtype} ({shape}{comma})")
        rows += [f" *      {name} = {text}" for name, text in printer.local_sizes]
        return "\n".join([*rows, " */"])

    def _plain(self) -> Printer:
        """Sizes outside of the function; what is nested deeply has a name."""
        return Printer(self.names, self.fresh, NESTED)

    def _tables(self, uses: str) -> list[str]:
        """The constant arrays that the function reads."""
        words = mentioned(uses)
        lines: list[str] = []
        for buffer, value in self.tables.values():
            if buffer.name not in words:
                continue
            numbers = ", ".join(entry(v.item(), buffer.dtype) for v in value.reshape(-1))
            head = f"static const {C_TYPE[buffer.dtype]} {buffer.name}[{value.size}] = {{"
            if len(head) + len(numbers) + 2 <= WIDTH:
                lines.append(f"{head}{numbers}}};")
            else:
                rows = textwrap.wrap(numbers, WIDTH - len(INDENT), break_on_hyphens=False)
                lines += [head, *(f"{INDENT}{row}" for row in rows), "};"]
        return ["\n".join(lines)] if lines else []

    def _parameters(self, uses: str) -> list[tuple[str, str]]:
        """(declaration, argument) of everything the function mentions."""
        words = mentioned(uses)
        found: list[tuple[str, str]] = []
        if "rt" in words:
            found.append(("const cg_rt *rt", "rt"))
        for k, (_, name) in enumerate(self.kernel.sizes):
            if name in words:
                found.append((f"int64_t {name}", f"size[{k}]"))
        for k, buffer in enumerate(self.kernel.inputs):
            if buffer.name in words:
                element = f"const {C_TYPE[buffer.dtype]}"
                found.append((f"{element} *restrict {buffer.name}", f"in[{k}].data"))
        for k, buffer in enumerate(self.kernel.outputs):
            if buffer.name in words:
                element = C_TYPE[buffer.dtype]
                found.append((f"{element} *restrict {buffer.name}", f"out[{k}].data"))
        if "work" in words:
            found.append(("char *restrict work", "work"))
        if "out" in words:
            found.append(("cg_array *out", "out"))
        if "threads" in words:
            found.append(("int64_t threads", "rt->num_threads"))
        if "st" in words:
            found.append(("cg_status *st", "st"))
        return found

    def _function(self, params: list[tuple[str, str]], slots: str, body: str) -> str:
        rows = head_lines(f"static int64_t {self.kernel.name}(", [d for d, _ in params])
        inner = [text for text in (slots, body, f"{INDENT}return CG_OK;") if text]
        return "\n".join([*rows, "{", *inner, "}"])

    def _slot_pointers(self) -> list[str]:
        lines = []
        for k, slot in enumerate(self.slots):
            for buffer in slot.buffers:
                element = C_TYPE[buffer.dtype]
                shared = buffer.role == "carry" or len(slot.buffers) > 1
                restrict = "" if shared else "restrict "
                lines.append(f"{INDENT}{element} *{restrict}{buffer.name} = ({element} *)work;")
            if k < len(self.slots) - 1:
                # cg_work has refused what does not fit
                count = self.print.size(slot.count)
                lines.append(f"{INDENT}work += cg_skip({count}, {slot.bytes});")
        return lines

    def _slot(self, slot: Slot, printer: Printer) -> str:
        return f"cg_slot({printer.bounded(slot.count)}, {slot.bytes})"

    # -- the ABI ------------------------------------------------------------------------------
    def _sizes(self) -> str:
        kernel = self.kernel
        lines = []
        for atom, name in kernel.sizes:
            lines.append(f"{INDENT}const int64_t {name} = {self._raw(atom)};")
        raw = RawPrinter(self)
        checks = [line for check in kernel.checks for line in self._check(check, raw, 1)]
        lines += [*definitions(raw), *checks]
        for k, (_, name) in enumerate(kernel.sizes):
            lines.append(f"{INDENT}size[{k}] = {name};")
        printer = self._plain()
        shapes = [
            f"{INDENT}out[{k}].shape[{axis}] = {bare(printer.size(n))};"
            for k, bound in enumerate(kernel.bounds)
            for axis, n in enumerate(bound)
        ]
        lines += [*definitions(printer), *shapes]
        return _abi_function(
            "cg_sizes",
            [("const cg_array *", "in"), ("int64_t *", "size"), ("cg_array *", "out"),
             ("cg_status *", "st")],
            [*lines, f"{INDENT}return CG_OK;"],
        )  # fmt: skip

    def _raw(self, atom: Atom) -> str:
        if atom.kind == "dim":
            return f"in[{self.kernel.position[atom.args[0]]}].shape[{atom.args[1]}]"
        source = entry_source(atom.args[0])
        k = self.kernel.position[source]
        return f"*(const {C_TYPE[source.dtype]} *)in[{k}].data"

    def _total(self) -> list[str]:
        """Statements that return the bytes of all slots."""
        printer = self._plain()
        slots = [self._slot(slot, printer) for slot in self.slots]
        if len(slots) < 2:
            lines = [f"{INDENT}return {slots[0] if slots else 0};"]
        else:
            lines = [f"{INDENT}int64_t bytes = {slots[0]};"]
            lines += [f"{INDENT}bytes = cg_plus(bytes, {slot});" for slot in slots[1:]]
            lines.append(f"{INDENT}return bytes;")
        return [*definitions(printer), *lines]

    def _work(self) -> str:
        lines = self._total()
        words = set(re.findall(r"\w+", " ".join(lines)))
        named = [
            f"{INDENT}const int64_t {name} = size[{k}];"
            for k, (_, name) in enumerate(self.kernel.sizes)
            if name in words
        ]
        return _abi_function("cg_work", [("const int64_t *", "size")], [*named, *lines])

    def _entry(self, params: list[tuple[str, str]]) -> str:
        call = f"{self.kernel.name}({', '.join(argument for _, argument in params)})"
        return _abi_function(
            "cg_entry",
            [("const cg_rt *", "rt"), ("const cg_array *", "in"), ("cg_array *", "out"),
             ("const int64_t *", "size"), ("void *", "work"), ("cg_status *", "st")],
            wrapped(f"{INDENT}return {call};"),
        )  # fmt: skip

    # -- statements ---------------------------------------------------------------------------
    def block(self, stmts: Sequence[Stmt], depth: int) -> list[str]:
        lines: list[str] = []
        before: Stmt | None = None
        for stmt in stmts:
            new = self.statement(stmt, depth)
            if _is_else(before, stmt):
                # the other side of the same choice
                new = [f"{lines.pop()} else {{", *new[1:]]
            lines += new
            before = stmt
        return lines

    def statement(self, stmt: Stmt, depth: int) -> list[str]:
        pad = INDENT * depth
        if isinstance(stmt, For):
            return self._loop(stmt, depth)
        if isinstance(stmt, Set):
            return wrapped(f"{pad}{self._store(stmt)}")
        if isinstance(stmt, Accumulate):
            return wrapped(f"{pad}{self._accumulate(stmt)}")
        if isinstance(stmt, Part):
            return self._part(stmt, depth)
        if isinstance(stmt, Let):
            element = LOCAL_TYPE[stmt.value.dtype]
            self.scope.add(stmt.name, element)
            return wrapped(f"{pad}const {element} {stmt.name} = {self.print(stmt.value)};")
        if isinstance(stmt, Local):
            self.scope.add(stmt.buffer.name, stmt.buffer)
            (length,) = stmt.buffer.shape
            return [f"{pad}{C_TYPE[stmt.buffer.dtype]} {stmt.buffer.name}[{length}];"]
        if isinstance(stmt, Note):
            return _comment(stmt.notes, pad)
        if isinstance(stmt, Check):
            return self._check(stmt, self.print, depth)
        if isinstance(stmt, Leave):
            return [*wrapped(f"{pad}if ({bare(self.print(stmt.cond))})"), f"{pad}{INDENT}break;"]
        if isinstance(stmt, Swap):
            element = C_TYPE[stmt.a.dtype]
            a, b = stmt.a.name, stmt.b.name
            return [f"{pad}{{ {element} *swap = {a}; {a} = {b}; {b} = swap; }}"]
        if isinstance(stmt, Invoke):
            rows = [self.print.address(b, i) for b, i in (*stmt.reads, *stmt.writes)]
            sizes = [bare(self.print.size(n)) for n in stmt.sizes]
            arguments = ", ".join([*stmt.given, *sizes, *rows])
            note = _comment((stmt.note,), pad) if stmt.note else []
            call = f"{stmt.function}({arguments})"
            if stmt.checked is None:
                return [*note, *wrapped(f"{pad}{call};")]
            fail = f"cg_fail(st, CG_VALUE, {stmt.checked}, -1, 0, 0)"
            return [*note, *wrapped(f"{pad}if ({call} != 0)"), f"{pad}{INDENT}return {fail};"]
        if isinstance(stmt, Resize):
            shape = f"out[{stmt.position}].shape[{stmt.axis}]"
            return [f"{pad}{shape} = {self.print.size(stmt.size)};"]
        raise TypeError(f"codegen.emit cannot print {stmt.__class__.__name__}")

    def _loop(self, loop: For, depth: int) -> list[str]:
        pad = INDENT * depth
        lines = []
        if loop.notes:
            lines += _comment(loop.notes, pad)
        if isinstance(loop, Parallel):
            return [*lines, *self._threads(loop, depth)]
        if isinstance(loop, If):
            no = "" if loop.wanted else "!"
            lines.append(f"{pad}if ({no}{loop.taken.name}) {{")
            return [*lines, *self._inside(loop, depth), f"{pad}}}"]
        i, n = loop.index, self.print.size(loop.extent)
        if loop.reverse:
            lines.append(f"{pad}for (int64_t {i} = {n} - 1; {i} >= 0; --{i}) {{")
        else:
            start = self.print.size(loop.start)
            step = f"++{i}" if loop.step == 1 else f"{i} += {loop.step}"
            said = "cg_independent " if is_independent(loop) else ""
            lines.append(f"{pad}{said}for (int64_t {i} = {start}; {i} < {n}; {step}) {{")
        lines += self._inside(loop, depth)
        lines.append(f"{pad}}}")
        return lines

    def _inside(self, loop: For, depth: int) -> list[str]:
        """The body of a loop."""
        with self.scope.block():
            self.scope.add(loop.index, "int64_t")
            lines = self.block(loop.body, depth + 1)
        return lines

    def _part(self, part: Part, depth: int) -> list[str]:
        """The call of a part; its function goes in front of the kernel's."""
        outside, self.written = self.written, _counts(part.body)
        with self.scope.function() as own:
            lines = self.block(part.body, 1)
        self.written = outside
        for name, _ in self.print.local_sizes:
            self.scope.names[name] = "int64_t"
        params = self.scope.arguments("\n".join(lines), own)
        # inlined again it would be as long as before
        head = f"__attribute__((noinline)) static void {part.name}("
        rows = head_lines(head, [declaration for declaration, _ in params])
        self.parts.append("\n".join([*rows, "{", *lines, "}"]))
        call = f"{part.name}({', '.join(name for _, name in params)});"
        return wrapped(f"{INDENT * depth}{call}")

    # -- threads ------------------------------------------------------------------------------
    def _threads(self, loop: Parallel, depth: int) -> list[str]:
        """Calls of a function, defined above the kernel's own, that does a chunk of iterations."""
        i, pad, inner = loop.index, INDENT * depth, INDENT * (depth + 1)
        first, last, chunks = loop.first, loop.last, loop.chunks
        step = f"++{i}" if loop.step == 1 else f"{i} += {loop.step}"
        body = [
            f"{INDENT}for (int64_t {i} = {first}; {i} < {last}; {step}) {{",
            *self._inside(loop, 1),
            f"{INDENT}}}",
        ]
        given = [(f"int64_t {first}", ""), (f"int64_t {last}", "")]
        given += self._free(loop, "\n".join(body))
        head = head_lines(f"static void {loop.function}(", [declared for declared, _ in given])
        self.parts.append("\n".join([*head, "{", *body, "}"]))
        arguments = "".join(f", {argument}" for _, argument in given[2:])
        copies = {
            view.base.name: f"&{view.name}[chunk * {_factor(self.print.size(product(view.shape)))}]"
            for view in loop.private
        }
        own = "".join(f", {copies.get(argument, argument)}" for _, argument in given[2:])
        count, cost = (bare(self.print.size(n)) for n in (loop.count, loop.cost))
        scale = "" if loop.step == 1 else f"{loop.step} * "
        cuts = [f"{scale}cg_cut({count}, {k}, {chunks})" for k in ("chunk", "chunk + 1")]
        whole = bare(self.print.size(loop.extent))
        return [
            *wrapped(f"{pad}const int64_t {chunks} = cg_threads(threads, {count}, {cost});"),
            f"{pad}if ({chunks} == 1) {{",
            *wrapped(f"{inner}{loop.function}(0, {whole}{arguments});"),
            f"{pad}}} else {{",
            f"{inner}cg_hold(rt, 1);",
            f"#pragma omp parallel for num_threads((int){chunks})",
            f"{inner}for (int64_t chunk = 0; chunk < {chunks}; ++chunk)",
            *wrapped(f"{inner}{INDENT}{loop.function}({', '.join(cuts)}{own});"),
            f"{inner}cg_hold(rt, 0);",
            f"{pad}}}",
        ]

    def _free(self, loop: Parallel, text: str) -> list[tuple[str, str]]:
        """(declaration, argument) of what the body of a loop takes from outside."""
        words = mentioned(text)
        own = {s.name for s in statements(loop) if isinstance(s, Let)}
        own |= {s.buffer.name for s in statements(loop) if isinstance(s, (Set, Local))}
        declared = {s.buffer.base for s in statements(loop) if isinstance(s, Local)}
        own |= {s.index for s in statements(loop) if isinstance(s, For)}
        sizes = [*self.names.values(), *(name for name, _ in self.print.local_sizes)]
        found = [(f"int64_t {name}", name) for name in dict.fromkeys(sizes) if name in words]
        own.update((*sizes, "rt"))
        found += [
            (f"{type} {name}", name)
            for name, type in self.scope.names.items()
            if isinstance(type, str) and name in words and name not in own
        ]
        stored = {store.buffer.base for store in written(loop)}
        read = [buffer.base for value in values(loop) for buffer in value.reads]
        read += [buffer.base for buffer in exprs.index_reads(tuple(loops.mentioned(loop)))]
        read += [buffer.base for call in invocations(loop) for buffer, _ in call.reads]
        arrays = [b for b in (*read, *stored) if b.role in ("input", "output", "carry") or b.shape]
        for buffer in sorted(dict.fromkeys(arrays), key=lambda b: b.serial):
            if buffer.role != "table" and buffer not in declared:
                const = "" if buffer in stored else "const "
                element = f"{const}{C_TYPE[buffer.dtype]}"
                found.append((f"{element} *restrict {buffer.name}", buffer.name))
        return found

    def _store(self, stmt: Set) -> str:
        target = self.print.element(stmt.buffer, stmt.index)
        value = self.print(stmt.value)
        local = stmt.buffer.role == "temp" and not stmt.buffer.base.shape
        if local and target not in self.scope.own:
            self.scope.add(target, LOCAL_TYPE[stmt.buffer.dtype])
            const = "const " if self.written[stmt.buffer] == 1 else ""
            return f"{const}{LOCAL_TYPE[stmt.buffer.dtype]} {target} = {value};"
        return f"{target} = {value};"

    def _accumulate(self, stmt: Accumulate) -> str:
        target = self.print.element(stmt.buffer, stmt.index)
        dtype = stmt.buffer.dtype
        if dtypes.is_complex(dtype):
            call = combined(stmt.op, dtype).format(target, self.print(stmt.value))
            return f"{target} = {call};"
        if stmt.op in ("add", "mul"):
            return f"{target} {'+' if stmt.op == 'add' else '*'}= {self.print(stmt.value)};"
        value = self.print(stmt.value)
        if stmt.op in ("or", "and"):
            return f"{target} {'|' if stmt.op == 'or' else '&'}= {value};"
        if dtype == "bool":
            return f"{target} {'|' if stmt.op == 'max' else '&'}= {value};"
        suffix = {"float64": "", "float32": "f"}.get(dtype)
        if suffix is None:
            suffix = "_u64" if dtype in dtypes.UNSIGNED else "_i64"
        return f"{target} = {_COMBINE[stmt.op]}{suffix}({target}, {value});"

    def _check(self, check: Check, printer: Printer, depth: int) -> list[str]:
        pad = INDENT * depth
        found, expected = printer.size(check.found), printer.size(check.expected)
        if check.code == "CG_SHAPE":
            broken = f"{found} != {expected}"
        elif check.code == "CG_EMPTY":
            broken = f"{found} < 1"
        elif check.code == "CG_VALUE":
            broken = f"!{printer(check.cond)}"
        else:
            low = exprs.compare("<", check.found, 0)
            high = exprs.compare("<=", check.expected, check.found)
            texts = [(low, f"{found} < 0"), (high, f"{found} >= {expected}")]
            broken = " || ".join(text for cond, text in texts if not isinstance(cond, Lit))
        found, expected = bare(found), bare(expected)
        fail = f"cg_fail(st, {check.code}, {check.tag}, {check.axis}, {found}, {expected})"
        if check.code == "CG_INDEX" and check.expected == 0:  # no index is inside of an empty axis
            return wrapped(f"{pad}return {fail};")
        return [*wrapped(f"{pad}if ({broken})"), *wrapped(f"{pad}{INDENT}return {fail};")]


class RawPrinter(Printer):
    """Sizes in `cg_sizes`: those without a name are read from the arguments."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer.names, writer.fresh, NESTED)
        self.writer = writer

    def atom(self, atom: Atom) -> str:
        if atom.kind in ("dim", "value") and atom not in self.size_names:
            return self.writer._raw(atom)
        return super().atom(atom)


def definitions(printer: Printer) -> list[str]:
    """The definitions of the sizes that a printer has named."""
    return [f"{INDENT}const int64_t {name} = {bare(text)};" for name, text in printer.local_sizes]


def _is_else(before: Stmt | None, stmt: Stmt) -> bool:
    """Whether `stmt` is what happens if the condition before it does not hold."""
    return (
        isinstance(before, If)
        and isinstance(stmt, If)
        and before.taken is stmt.taken
        and before.wanted
        and not stmt.wanted
    )


def head_lines(head: str, arguments: Sequence[str]) -> list[str]:
    """The lines of a function's head."""
    rows, row = [], head
    arguments = arguments or ["void"]
    for k, argument in enumerate(arguments):
        last = k == len(arguments) - 1
        piece = argument + (")" if last else ",")
        if len(row) + len(piece) > 96 and row != head:
            rows.append(row.rstrip())
            row = " " * len(head)
        row += piece + ("" if last else " ")
    return [*rows, row]


def _factor(text: str) -> str:
    """A size as a factor of a product."""
    return text if re.fullmatch(r"\w+", text) else f"({text})"


def _abi_function(name: str, params: list[tuple[str, str]], lines: list[str]) -> str:
    body = "\n".join(lines)
    words = set(re.findall(r"\w+", body))
    unused = [f"{INDENT}(void){p};" for _, p in params if p not in words]
    declared = ", ".join(f"{type}{p}" for type, p in params)
    head = f"int64_t {name}({declared})"
    if len(head) > 96:
        cut = head.rindex(", ", 0, 96)
        head = f"{head[: cut + 1]}\n{' ' * len(f'int64_t {name}(')}{head[cut + 2 :]}"
    return "\n".join([head, "{", *unused, body, "}"])


def wrapped(line: str) -> list[str]:
    """A statement on as many lines as it needs, broken outside of parentheses where possible."""
    lines: list[str] = []
    deeper = len(line) - len(line.lstrip()) + len(INDENT)
    while len(line) > WIDTH:
        cut = _best_break(line)
        if cut is None:
            break
        lines.append(line[:cut])
        line = " " * deeper + line[cut + 1 :]
    return [*lines, line]


# how willingly a line is broken before an operator: between choices, conditions, terms, factors
_BREAKS = {"?": 3, ":": 3, "&": 2, "|": 2, "<": 1, ">": 1, "=": 1, "!": 1, "+": 1, "-": 1}


def _best_break(line: str) -> int | None:
    """The position of the space to break at: least nested, weakest operator, furthest right."""
    depth, best, found = 0, None, None
    start = len(line) - len(line.lstrip()) + WIDTH // 3
    for k, letter in enumerate(line[:WIDTH]):
        depth += (letter in "([") - (letter in ")]")
        if letter != " " or k < start:
            continue
        # an operator begins the next line; a comma ends this one
        operator = line[k + 1] in "+-*/?:&|<>=!" and line[k + 2] in " &|="
        if operator or line[k - 1] == ",":
            rank = (-depth, _BREAKS.get(line[k + 1], 0), k)
            if best is None or rank > best:
                best, found = rank, k
    return found


def number_rows(numbers: Sequence[str]) -> list[str]:
    """Numbers on lines of at most 100 columns."""
    rows, row = [], INDENT
    for number in numbers:
        if len(row) + len(number) > 98 and row.strip():
            rows.append(row.rstrip())
            row = INDENT
        row += f"{number}, "
    return [*rows, row.rstrip().rstrip(",")]


def _comment(notes: Sequence[str], pad: str) -> list[str]:
    lines, line = [], f"{pad}/* "
    for k, note in enumerate(notes):
        piece = note + (", " if k < len(notes) - 1 else " */")
        if len(line) + len(piece) > 98 and line.strip() != "/*":
            lines.append(line.rstrip())
            line = f"{pad} * "
        line += piece
    return [*lines, line]


def _counts(stmts: Sequence[Stmt]) -> dict[Buffer, int]:
    """How many statements store to each buffer; of two sides of a choice the side with more."""
    count: dict[Buffer, int] = {}
    before: Stmt | None = None
    side: dict[Buffer, int] = {}
    for stmt in stmts:
        inner: dict[Buffer, int] = {}
        if isinstance(stmt, For):
            inner = _counts(stmt.body)
        elif isinstance(stmt, (Set, Accumulate)):
            inner = {stmt.buffer: 1}
        other = side if _is_else(before, stmt) else {}
        for buffer, n in inner.items():
            count[buffer] = count.get(buffer, 0) + max(0, n - other.get(buffer, 0))
        before, side = stmt, inner
    return count
