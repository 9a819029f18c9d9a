"""A lowered kernel as a C library that stands alone: a source file and a header.

The computing function is the one that `emit` writes. Around it are `NAME`, which takes sizes,
0-d arguments by value and arrays as pointers, and `NAME_work`, the bytes of workspace. Nothing is
allocated, nothing is kept between calls, and the text is C11 and C++17 alike.

Responsible for: these two texts.  Not responsible for: files (`cgrad.export`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.codegen.emit import (
    INDENT,
    RawPrinter,
    Writer,
    definitions,
    head_lines,
    number_rows,
    wrapped,
)
from cgrad.codegen.expressions import Printer, bare, entry, literal
from cgrad.codegen.library_calls import library_calls, tables
from cgrad.codegen.memory import Slot
from cgrad.codegen.names import Names, public_name
from cgrad.codegen.prelude import prelude, routines, with_libm
from cgrad.codegen.unify import entry_source
from cgrad.core import loops, sizes
from cgrad.core.dtypes import C_TYPE, is_complex, real_part
from cgrad.core.loops import Kernel
from cgrad.core.sizes import Atom, SizeLike

__all__ = ["Library", "standalone"]

BODY = "kernel"  # the name of the static function that computes
CODES = (
    ("OK", "done"),
    ("SHAPE", "sizes do not fit together"),
    ("INDEX", "an index is outside its axis"),
    ("EMPTY", "the largest or smallest of no elements"),
    ("VALUE", "an argument has a value that is not allowed"),
    ("INTERRUPTED", "not used"),
    ("MEMORY", "something is too large, or work is missing"),
)
_FLAGS = "-O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -fwrapv -fno-strict-aliasing"


class Argument:
    """A parameter of the library's function.

    kind     "size", "value" (0-d, by value), "array", "output", "shape" (the true shape of an
             output, written) or "work"
    dtype    of the elements, and what they are declared as
    shape    of an array, in terms of the sizes, as C text
    place    which input or output it is, -1 for others
    """

    __slots__ = ("c_type", "dtype", "kind", "name", "note", "place", "shape")

    def __init__(
        self, kind: str, name: str, c_type: str, dtype: str = "", shape: Sequence[str] = (),
        place: int = -1, note: str = "",
    ) -> None:  # fmt: skip
        self.kind = kind
        self.name = name
        self.c_type = c_type
        self.dtype = dtype
        self.shape = tuple(shape)
        self.place = place
        self.note = note

    @property
    def declaration(self) -> str:
        space = "" if self.c_type.endswith("*") else " "
        return f"{self.c_type}{space}{self.name}"


class Places:
    """Where the elements of a sparse result are: `shape`, and compressed rows as in SciPy."""

    __slots__ = ("indices", "indptr", "shape")

    def __init__(self, shape: tuple[int, int], indptr: Any, indices: Any) -> None:
        self.shape, self.indptr, self.indices = shape, indptr, indices


class Library:
    """The two texts, what the function takes, and what of a library it calls.

    work_arguments  the parameters of NAME_work
    sizes           for each parameter of kind "size" (place of an input, axis)
    work_bytes      the bytes of workspace where they depend on no size, else None
    """

    __slots__ = ("arguments", "header", "name", "needs_lapack", "sizes", "source", "uses_blas",
                 "work_arguments", "work_bytes")  # fmt: skip

    def __init__(
        self, name: str, source: str, header: str, arguments: list[Argument],
        work_arguments: list[Argument], sizes: dict[str, tuple[int, int]], uses_blas: bool,
        needs_lapack: bool, work_bytes: int | None,
    ) -> None:  # fmt: skip
        self.name = name
        self.source = source
        self.header = header
        self.arguments = arguments
        self.work_arguments = work_arguments
        self.sizes = sizes
        self.uses_blas = uses_blas
        self.needs_lapack = needs_lapack
        self.work_bytes = work_bytes


def standalone(
    lowered: tuple[Kernel, list[Slot], Names],
    name: str,
    baked: Mapping[int, Any],
    notes: Mapping[tuple[str, int], str] | None = None,
    math: str | None = None,
    keys: Sequence[str] = (),
    places: Mapping[int, Places] | None = None,
) -> Library:
    """The library of a lowered kernel whose function is called `name`.

    baked  arrays of the inputs, by place, that become constants of the source
    notes  remarks by ("array" or "output", place), printed in the comments; ASCII
    keys   the names of the first results, where they have some
    places of the elements of sparse results, by place
    """
    made = _Standalone(lowered, public_name(name), baked, notes or {}, math, keys, places or {})
    return made.library()


class _Standalone(Writer):
    def __init__(
        self, lowered: tuple[Kernel, list[Slot], Names], name: str, baked: Mapping[int, Any],
        notes: Mapping[tuple[str, int], str], math: str | None, keys: Sequence[str],
        places: Mapping[int, Places],
    ) -> None:  # fmt: skip
        super().__init__(*lowered)
        self.name = name
        self.baked = {k: np.ascontiguousarray(value) for k, value in baked.items()}
        self.notes = notes
        self.math = math
        self.counted = sorted({s.position for s in self.kernel.body if isinstance(s, loops.Resize)})
        names = lowered[2]
        self.tables_of = {k: names.fresh(f"{self.kernel.inputs[k].name}_data") for k in baked}
        self.places = places
        self.size_places: dict[str, tuple[int, int]] = {}
        for atom, size in self.kernel.sizes:
            if atom.kind == "dim":
                place = self.kernel.position[atom.args[0]]
                if place not in self.baked:
                    self.size_places[size] = (place, atom.args[1])
        self.results = self._results(keys, names)
        self.shapes_of = {k: names.fresh(f"{self.results[k]}_shape") for k in self.counted}

    def _results(self, keys: Sequence[str], names: Names) -> list[str]:
        """The names of the parameters for results; those of variables of the body are free."""
        own = Names()
        for name in (
            BODY, self.name, *self.tables_of.values(), *(size for _, size in self.kernel.sizes),
            *(buffer.name for buffer in (*self.kernel.inputs, *self.kernel.outputs)),
        ):  # fmt: skip
            own.reserve(name)
        found = [own.fresh(key) for key in keys]
        for name in found:
            names.reserve(name)
        return [*found, *(buffer.name for buffer in self.kernel.outputs[len(found) :])]

    # -- what the function takes --------------------------------------------------------------
    def arguments(self) -> list[Argument]:
        found = [Argument("size", size, "int64_t") for size in self.size_places]
        for k, buffer in enumerate(self.kernel.inputs):
            if k in self.baked:
                continue
            element, note = _public_type(buffer.dtype), self.notes.get(("array", k), "")
            shape = self._shape(buffer.shape)
            by_address = bool(shape) or is_complex(buffer.dtype)
            kind, c_type = ("array", f"const {element} *") if by_address else ("value", element)
            found.append(Argument(kind, buffer.name, c_type, buffer.dtype, shape, k, note))
        for k, buffer in enumerate(self.kernel.outputs):
            shape, note = self._shape(self.kernel.bounds[k]), self.notes.get(("output", k), "")
            c_type = f"{_public_type(buffer.dtype)} *"
            if k in self.places:
                m, n = self.places[k].shape
                note = f"elements of a sparse matrix of {m} rows and {n} columns"
            found.append(Argument("output", self.results[k], c_type, buffer.dtype, shape, k, note))
            if k in self.counted:
                found.append(Argument("shape", self.shapes_of[k], "int64_t *", place=k))
        return [*found, Argument("work", "work", "void *")]

    def work_arguments(self) -> list[Argument]:
        """The sizes, and the integers that sizes depend on."""
        atoms = [atom for atom, _ in self.kernel.sizes if atom.kind == "value"]
        places = {self.kernel.position[entry_source(atom.args[0])] for atom in atoms}
        return [
            argument
            for argument in self.arguments()
            if argument.kind == "size" or (argument.kind == "value" and argument.place in places)
        ]

    def _shape(self, shape: Sequence[SizeLike]) -> list[str]:
        """Sizes over the parameters of the function."""
        public = _PublicPrinter(self)
        return [bare(public.size(n)) for n in shape]

    def _raw(self, atom: Atom) -> str:
        """A size in terms of the parameters; equal sizes are one parameter."""
        if atom.kind == "dim":
            place, axis = self.kernel.position[atom.args[0]], atom.args[1]
            if place in self.baked:
                return str(self.baked[place].shape[axis])
            n = self.kernel.inputs[place].shape[axis]
            return Printer(self.names).size(n)
        source = entry_source(atom.args[0])
        place = self.kernel.position[source]
        if place in self.baked:
            return literal(self.baked[place].item(), source.dtype)
        return self.kernel.inputs[place].name

    # -- the texts ----------------------------------------------------------------------------
    def library(self) -> Library:
        params, function, uses = self.computation()
        arguments, work = self.arguments(), self.work_arguments()
        parts = [*self._constants(uses), *self._tables(uses), *self.parts, function]
        text = "\n\n".join(parts)
        # the names of the file itself; those inside of functions do no harm
        inner = set(re.findall(r"^static [^;={(\[]*?(\w+)[(\[]", text, re.MULTILINE))
        while inner & {self.name, f"{self.name}_work"}:
            self.name += "_"
        text = f"{text}\n\n{self._bytes(work)}"
        main = self._main(params, arguments)
        if self.math is not None:
            text = with_libm(text, self.math)
        called = routines(f"{text}\n{main}")
        head = prelude(f"{text}\n{main}", self.math, standalone=True)
        pieces = [self._opening(arguments), head]
        if "cg_runtime" in main:
            pieces.append(_runtime(called))
        placed = "\n\n".join(self._placed())
        pieces += [part for part in (self.kernel.foreign, placed, text, main) if part]
        source = "\n\n".join(pieces) + "\n"
        needed = any(routine.needed for routine in called)
        return Library(
            self.name, source, self._header(arguments, work), arguments, work, self.size_places,
            bool(called), needed, self._constant_bytes(),
        )  # fmt: skip

    def _opening(self, arguments: Sequence[Argument]) -> str:
        rows = [
            f"/* {self.name}: C11 or C++17, generated by cgrad.", " *",
            *self._described(arguments), " *",
            " * Results are the same bits as those of the function it was made from with these",
            f" * options: {_FLAGS}", " */",
            "#ifdef __cplusplus", "#define restrict __restrict",
            "#define _Static_assert static_assert", "#endif",
            "#if defined(__GNUC__) && !defined(__clang__)",
            '#pragma GCC optimize("wrapv") /* integers wrap around */',
            "#elif defined(__clang__)",
            "#pragma STDC FP_CONTRACT OFF", "#endif",
            f'#include "{self.name}.h"',
        ]  # fmt: skip
        return "\n".join(rows)

    def _described(self, arguments: Sequence[Argument]) -> list[str]:
        rows = []
        for argument in arguments:
            if argument.kind in ("size", "work", "shape"):
                continue
            way = "out" if argument.kind == "output" else "in "
            comma = "," if len(argument.shape) == 1 else ""
            bound = ", at most" if argument.place in self.counted and way == "out" else ""
            note = f"  {argument.note}" if argument.note else ""
            shape = f"({', '.join(argument.shape)}{comma})"
            rows.append(f" * {way}  {argument.name}: {argument.dtype}{bound} {shape}{note}")
        return rows

    def _header(self, arguments: Sequence[Argument], work: Sequence[Argument]) -> str:
        name, guard = self.name, f"{self.name.upper()}_H"
        codes = [
            f"{INDENT}{name.upper()}_{code}{' = 0' if k == 0 else ''}"
            f"{',' if k < len(CODES) - 1 else ''} /* {meaning} */"
            for k, (code, meaning) in enumerate(CODES)
        ]
        shapes = [a.name for a in arguments if a.kind == "shape"]
        told = [" *", f" * {', '.join(shapes)}: the true shape is written here."] if shapes else []
        bytes_note = (
            f"The bytes of workspace that {name} needs for these sizes; INT64_MAX if they are "
            "beyond counting."
        )
        pairs = (
            "A complex number is two numbers, real and imaginary part, as in C's double complex. "
            if any(is_complex(a.dtype) for a in arguments)
            else ""
        )
        rules = (
            f"{pairs}Arrays are row-major, aligned, and do not overlap. work has the bytes that "
            f"{name}_work tells, aligned to 64 bytes; it may be NULL if these are 0. Any number of "
            f"threads may call this at once. Returns {name.upper()}_OK or what went wrong; then "
            "results are undefined."
        )
        return "\n".join([
            f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", "",
            "#ifdef __cplusplus", 'extern "C" {', "#endif", "",
            f"/* What {name} returns. */", "enum {", *codes, "};", "",
            *_prose(bytes_note, "/* "), f"{_joined(f'int64_t {name}_work(', work)};", "",
            f"/* {name}", " *", *self._described(arguments), *told, " *", *_prose(rules, " * "),
            f"{_joined(f'int {name}(', arguments)};", "", *self._places_declared(),
            "#ifdef __cplusplus", "}", "#endif", "", "#endif", "",
        ])  # fmt: skip

    def _place_arrays(self) -> list[tuple[str, str, Any]]:
        """The name, type and numbers of the arrays that say where elements are."""
        return [
            (f"{self.name}_{self.results[k]}_{what}", C_TYPE[array.dtype.name], array)
            for k, found in self.places.items()
            for what, array in (("indptr", found.indptr), ("indices", found.indices))
        ]

    def _places_declared(self) -> list[str]:
        lines = []
        for k in self.places:
            stem = f"{self.name}_{self.results[k]}"
            text = (
                f"Compressed rows: the elements of row i of {self.results[k]} are those from "
                f"{stem}_indptr[i] to {stem}_indptr[i + 1] - 1, in the columns {stem}_indices[]."
            )
            lines += _prose(text, "/* ")
            lines += [
                f"extern const {c_type} {name}[{max(1, array.size)}];"
                for name, c_type, array in self._place_arrays()
                if name in (f"{stem}_indptr", f"{stem}_indices")
            ]
            lines.append("")
        return lines

    def _placed(self) -> list[str]:
        """The same arrays with their numbers."""
        return [
            _numbers(f"const {c_type} {name}", map(str, array.tolist()))
            for name, c_type, array in self._place_arrays()
        ]

    def _constants(self, uses: str) -> list[str]:
        """The arrays that became part of the source."""
        found = []
        words = set(re.findall(r"\w+", uses))
        for k, name in self.tables_of.items():
            buffer = self.kernel.inputs[k]
            if buffer.name not in words:
                continue
            values = self.baked[k].reshape(-1)
            head = f"static const {C_TYPE[buffer.dtype]} {name}"
            found.append(_numbers(head, (entry(v.item(), buffer.dtype) for v in values)))
        return found

    def _named_sizes(self, words: set[str]) -> list[str]:
        """The named sizes that are no parameters, as far as a text mentions them."""
        return [
            f"{INDENT}const int64_t {name} = {_integer(self._raw(atom))};"
            for atom, name in self.kernel.sizes
            if name not in self.size_places and name in words
        ]

    def _bytes(self, work: Sequence[Argument]) -> str:
        lines = self._total()
        words = set(re.findall(r"\w+", " ".join(lines)))
        named = self._named_sizes(words)
        words |= set(re.findall(r"\w+", " ".join(named)))
        unused = [f"{INDENT}(void){a.name};" for a in work if a.name not in words]
        head = _joined(f"int64_t {self.name}_work(", work)
        return "\n".join([head, "{", *unused, *named, *lines, "}"])

    def _constant_bytes(self) -> int | None:
        total = 0
        for slot in self.slots:
            if not isinstance(slot.count, int):
                return None
            total += -(-slot.count * slot.bytes // 64) * 64
        return total

    def _main(self, params: list[tuple[str, str]], arguments: Sequence[Argument]) -> str:
        checks: list[str] = []
        printer = RawPrinter(self)
        for check in self.kernel.checks:
            found, expected = printer.size(check.found), printer.size(check.expected)
            if check.code == "CG_SHAPE" and found == expected:
                continue  # one parameter
            checks += self._check(check, printer, 1)
        checks = [*definitions(printer), *checks]
        if self.slots:  # before anything is written to it
            asked = ", ".join(a.name for a in self.work_arguments())
            missing = f"{INDENT}if (!work && {self.name}_work({asked}) > 0)"
            checks += [*wrapped(missing), f"{INDENT * 2}return CG_MEMORY;"]
        checks = [re.sub(r"return (cg_fail\(.*)", r"return (int)\1", line) for line in checks]
        plain = self._plain()
        shapes = [
            f"{INDENT}{self.shapes_of[k]}[{axis}] = {bare(plain.size(n))};"
            for k in self.counted
            for axis, n in enumerate(self.kernel.bounds[k])
        ]
        shapes = [*definitions(plain), *shapes]
        call = f"return (int){self.kernel.name}({', '.join(self._passed(params))});"
        negative = " || ".join(f"{size} < 0" for size in self.size_places)
        if negative:
            checks = [
                *wrapped(f"{INDENT}if ({negative})"),
                f"{INDENT * 2}return CG_SHAPE;",
                *checks,
            ]
        lines = [*checks, *shapes, *wrapped(f"{INDENT}{call}")]
        words = set(re.findall(r"\w+", "\n".join(lines)))
        before = self._named_sizes(words)
        if "out" in words:
            cells = [f"{{{name}, {self.shapes_of.get(k, '0')}}}" for k, name in
                     enumerate(self.results)]  # fmt: skip
            before += wrapped(f"{INDENT}cg_array out[{len(cells)}] = {{{', '.join(cells)}}};")
        if "st" in words:
            before += [
                f"{INDENT}cg_status status = {{CG_OK, -1, -1, 0, 0}};",
                f"{INDENT}cg_status *const st = &status;",
            ]
        words = set(re.findall(r"\w+", "\n".join([*before, *lines])))
        unused = [f"{INDENT}(void){a.name};" for a in arguments if a.name not in words]
        head = _joined(f"int {self.name}(", arguments)
        return "\n".join([head, "{", *unused, *before, *lines, "}"])

    def _passed(self, params: list[tuple[str, str]]) -> list[str]:
        """What the computing function is called with."""
        given = {"rt": "&cg_runtime", "rt->num_threads": "1", "work": "(char *)work"}
        for k, (_, name) in enumerate(self.kernel.sizes):
            given[f"size[{k}]"] = name
        for k, buffer in enumerate(self.kernel.inputs):
            own = f"&{buffer.name}" if not buffer.shape else buffer.name
            if is_complex(buffer.dtype):
                own = f"(const {C_TYPE[buffer.dtype]} *){buffer.name}"
            given[f"in[{k}].data"] = self.tables_of.get(k, own)
        for k, buffer in enumerate(self.kernel.outputs):
            cast = f"({C_TYPE[buffer.dtype]} *)" if is_complex(buffer.dtype) else ""
            given[f"out[{k}].data"] = f"{cast}{self.results[k]}"
        return [given.get(argument, argument) for _, argument in params]


def _numbers(head: str, numbers: Iterable[str]) -> str:
    """The definition of an array; C has none without elements."""
    rows = list(numbers) or ["0"]
    return "\n".join([f"{head}[{len(rows)}] = {{", *number_rows(rows), "};"])


def _public_type(dtype: str) -> str:
    """The element of what a pointer of the public function points to."""
    return C_TYPE[real_part(dtype)]


class _PublicPrinter:
    """Sizes over the parameters of the library's function, for its comments."""

    def __init__(self, writer: _Standalone) -> None:
        self.writer = writer

    def size(self, size: SizeLike) -> str:
        writer = self.writer
        hidden = {
            atom: int(text)
            for atom, _ in writer.kernel.sizes
            if re.fullmatch(r"-?\d+", text := writer._raw(atom))
        }
        known = {
            atom: name if name in writer.size_places else writer._raw(atom)
            for atom, name in writer.kernel.sizes
        }

        def name(atom: Atom) -> str:
            return known.get(atom) or sizes.compound_text(atom, name)

        return sizes.render(sizes.substitute(size, hidden.get), name)


def _integer(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"


def _prose(text: str, first: str) -> list[str]:
    """The end of a comment, on lines of at most 92 columns."""
    return textwrap.wrap(f"{text} */", 92, initial_indent=first, subsequent_indent=" * ")


def _joined(head: str, arguments: Sequence[Argument]) -> str:
    return "\n".join(head_lines(head, [argument.declaration for argument in arguments]))


def _runtime(called: Sequence[Any]) -> str:
    """What kernels may use of a process, here: one thread, and the library that is linked."""

    def runtime(used: Sequence[Any]) -> str:
        blas, lapack = tables(used)
        members = f"(int64_t)sizeof(cg_rt), 1, 0, {blas}, {lapack}"
        return "\n".join(wrapped(f"static const cg_rt cg_runtime = {{{members}}};"))

    needed = [routine for routine in called if routine.needed]
    if not called:
        return runtime(())
    if len(needed) == len(called):
        return f"{library_calls(called)}\n\n{runtime(called)}"
    otherwise = f"{library_calls(needed)}\n\n" if needed else ""
    return (
        "/* -DCG_BLAS: link with CBLAS and LAPACK; without it loops do what they can. */\n"
        f"#ifdef CG_BLAS\n{library_calls(called)}\n\n{runtime(called)}\n#else\n"
        f"{otherwise}{runtime(needed)}\n#endif"
    )
