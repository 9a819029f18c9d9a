"""Names of a kernel: buffers, sizes and variables, from the user's own names where there are any.

Only letters, digits and underscores of a user's name reach the C text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cgrad.core.exprs import Buffer, Index
from cgrad.core.node import Node
from cgrad.core.sizes import Atom

_LONGEST = 24
RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while bool true false main errno stdin stdout stderr
    i j k l t rt in out size work st threads chunk y0 y1 yn j0 j1 jn gamma signgam
    asm typeof linux unix NAN INFINITY NULL
    alignas alignof and and_eq bitand bitor catch char16_t char32_t char8_t class co_await co_return
    co_yield compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast
    explicit export friend mutable namespace new noexcept not not_eq nullptr operator or or_eq
    private protected public reinterpret_cast requires static_assert static_cast template this
    thread_local throw try typeid typename using virtual wchar_t xor xor_eq""".split()
)
DIGITS = "0123456789"
SIZE_NAMES = ("n", "m", "p", "q", "r", "s")


# what the headers define, or reserve for themselves, in capitals or with _t
_HEADERS = re.compile(
    r"(?i:cg_)\w*|\w*_t|U?INT\w*|(FP|HUGE|MATH|SIZE|PTRDIFF|WCHAR|WINT|SIG|M|_)_\w*|EOF"
)


def identifier(text: str) -> str:
    """A name or any other text as letters, digits and underscores that C takes for a name."""
    base = re.sub(r"[^A-Za-z0-9_]", "_", text.encode("ascii", "replace").decode())
    base = base[:_LONGEST].strip("_") or "x"
    return f"x_{base}" if base[0].isdigit() or _HEADERS.fullmatch(base) else base


def public_name(text: str) -> str:
    """A name for a function that other files call: no keyword, nothing of the C library's."""
    name = identifier(text)
    taken = name in RESERVED or _is_c_function(name) or name in _LIBRARY or name == "kernel"
    return f"{name}_" if taken else name


def note(node: Node) -> str:
    """How comments name a node."""
    label = f"{identifier(node.name)} = {node.op.name}" if node.name else node.op.name
    return label if node.tag is None else f"{label} [n{node.tag}]"


class Names:
    """Hands out C identifiers, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set(RESERVED)
        # no smaller number of a stem is free
        self._least: dict[str, int] = {}
        self.sizes: dict[Atom, str] = {}
        self.buffers: list[Buffer] = []
        self.tables: dict[tuple[Any, ...], tuple[Buffer, Any]] = {}

    def fresh(self, wanted: str) -> str:
        """`wanted`, reduced to an identifier, with a number if it is taken."""
        base = identifier(wanted)
        # "v1" counts on as v2, v3; other names get a number when they are taken
        name = base
        if name in self._taken or _is_c_function(name):
            stem = base.rstrip(DIGITS)
            k = self._least.get(stem, 2)
            while (name := f"{stem}{k}") in self._taken or _is_c_function(name):
                k += 1
            self._least[stem] = k + 1
        self._taken.add(name)
        return name

    def release(self, names: Iterable[str]) -> None:
        """Let names be handed out again: their block has ended."""
        for name in names:
            self._taken.discard(name)
            stem = name.rstrip(DIGITS)
            if stem in self._least and stem != name:
                self._least[stem] = min(self._least[stem], max(2, int(name[len(stem) :])))

    def reserve(self, name: str) -> None:
        """Keep a name from being handed out."""
        self._taken.add(name)

    def buffer(self, wanted: str, dtype: str, shape: Index, role: str = "temp") -> Buffer:
        """A new buffer."""
        buffer = Buffer(self.fresh(wanted), dtype, shape, role)
        self.buffers.append(buffer)
        return buffer

    def table(self, constant: Any, wanted: str | None) -> Buffer:
        """The buffer that holds the elements of a constant; equal constants share one."""
        key = (constant.dtype, constant.shape, constant.data)
        if key not in self.tables:
            buffer = self.buffer(wanted or "table", constant.dtype, constant.shape, "table")
            self.tables[key] = buffer, constant.value
        return self.tables[key][0]

    def size(self, atom: Atom) -> str:
        """The name of a named size."""
        found = self.sizes.get(atom)
        if found is None:
            if atom.kind == "value":
                node = atom.args[0]
                label = node.name or (node.args[0].name if node.args else None)
                found = self.fresh(f"{label or 'k'}_value")
            else:
                free = [name for name in SIZE_NAMES if name not in self._taken]
                found = self.fresh(free[0] if free else f"n{len(self.sizes)}")
            self.sizes[atom] = found
        return found


def _is_c_function(name: str) -> bool:
    return name in _C_FUNCTIONS or (name[-1] in "fl" and name[:-1] in _C_FUNCTIONS)


# what a program may call of the C library besides: a function of that name would take its place
_LIBRARY = frozenset(
    """abort accept access alarm atexit atof atoi atol bind bsearch calloc chdir clock close connect
    dup exec exit fclose fgets fopen fork fputs fread free fseek fwrite getc getenv getpid gets
    ioctl kill link listen malloc memchr memcmp mmap open optarg pause perror pipe poll printf putc
    puts qsort raise rand read realloc recv remove rename rewind scanf select send setjmp shutdown
    signal sleep snprintf socket sprintf srand stat strcat strchr strcmp strcpy strlen sync system
    time times truncate ungetc unlink usleep utime vprintf wait write""".split()
)

# names of math.h and string.h: a variable of that name would hide the function
_C_FUNCTIONS = frozenset(
    """acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1
    fabs fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10
    log1p log2 logb lrint lround modf nan nearbyint nextafter pow remainder remquo rint round
    scalbn sin sinh sqrt tan tanh tgamma trunc isnan isinf isfinite signbit memcpy memset memmove
    abs div drem significand finite gammaf index select""".split()
)
