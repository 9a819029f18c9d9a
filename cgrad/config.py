"""Settings: environment variables, read when they are used.

Every switch of cgrad is a row of this file.

Responsible for: names, environment variables, defaults and what a value may be. A switch is
read when it is used, so a change of the environment takes effect at once. Not responsible for
acting on the values. ``changes_code`` says whether a switch changes the code that runs; those
that do are part of every cache key (see ``cgrad/cache/toolchain.py``).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from cgrad.errors import ConfigError

__all__ = [
    "SWITCHES",
    "Switch",
    "byte_count",
    "cache_base",
    "cache_dir",
    "cache_mode",
    "cache_size",
    "cc",
    "cflags",
    "change_flags",
    "compile_timeout",
    "debug",
    "interpret",
    "num_threads",
    "offline",
]

T = TypeVar("T")

# Elevated programs (set-uid) must not take orders from the environment of their caller.
_ELEVATED = hasattr(os, "geteuid") and os.geteuid() != os.getuid()


def environment() -> Mapping[str, str]:
    """The environment, or nothing when this process runs with another user's rights."""
    return {} if _ELEVATED else os.environ


class Switch(Generic[T]):
    """One setting: ``get()`` is its value now."""

    __slots__ = ("_parse", "changes_code", "default", "doc", "name", "variable")

    def __init__(
        self,
        name: str,
        variable: str,
        default: T,
        parse: Callable[[str], T],
        doc: str,
        *,
        changes_code: bool = False,
    ) -> None:
        self.name = name
        self.variable = variable
        self.default = default
        self.doc = doc
        self.changes_code = changes_code
        self._parse = parse

    def get(self) -> T:
        """The value from the environment, else the default.

        Raises ConfigError if the environment holds something that cannot be read.
        """
        text = environment().get(self.variable, "")
        if not text:
            return self.default
        try:
            return self._parse(text)
        except ValueError as error:
            raise ConfigError(f"{self.variable}={text!r}: {error}\n{self.doc}") from error

    def __repr__(self) -> str:
        return f"Switch({self.name!r}, {self.variable}, default={self.default!r})"


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError("expected an integer") from None
        if not low <= value <= high:
            raise ValueError(f"expected an integer from {low} to {high}")
        return value

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


def _flag(text: str) -> bool:
    return _one_of("0", "1")(text) == "1"


def byte_count(text: str) -> int:
    """Bytes from a text such as 500M or 2G. Raises ValueError."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    last = text[-1:].upper()
    digits, unit = (text[:-1], units[last]) if last in units else (text, 1)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("expected a number of bytes such as 500M or 2G")
    return int(digits) * unit


# Options that run other programs, read other files, name other outputs, or change the meaning
# of floating-point code. A word that starts with one of these is refused.
_REFUSED_FLAGS = (
    "-fplugin", "-specs", "--specs", "-B", "-wrapper", "-o", "-x", "-save-temps", "-dump",
    "-c", "-S", "-E", "-M", "-###", "-ffast-math", "-Ofast", "-funsafe-math", "-ffinite-math",
    "-fassociative-math", "-freciprocal-math", "-fno-signed-zeros", "-mdaz-ftz",
    "-fsingle-precision-constant", "-fcx-limited-range", "--",
)  # fmt: skip


def _split_flags(text: str) -> tuple[str, ...]:
    import shlex  # a slow import, needed only when the variable is set

    words = shlex.split(text)
    for word in words:
        if not word.startswith("-"):
            raise ValueError(f"{word!r} is not an option (write -Idir, not -I dir)")
        if word.startswith(_REFUSED_FLAGS) or "@" in word.partition(",")[2]:
            raise ValueError(f"the option {word!r} is not allowed")
    return tuple(words)


def _directories(text: str) -> tuple[str, ...]:
    found = tuple(part for part in text.split(os.pathsep) if part)
    for part in found:
        if not os.path.isabs(part):
            raise ValueError(f"{part!r} is not an absolute path")
    return found


cache_base: Switch[tuple[str, ...]] = Switch(
    "cache_base", "CGRAD_CACHE_BASE", (), _directories,
    "Directories of kernels compiled before (`cgrad compile -o`), separated by colons. They are "
    "searched before the cache and never written to.",
)  # fmt: skip
cache_dir = Switch(
    "cache_dir", "CGRAD_CACHE_DIR", "", str,
    "The directory of compiled kernels; by default cgrad below the user's cache directory.",
)  # fmt: skip
cache_mode = Switch(
    "cache_mode", "CGRAD_CACHE", "rw", _one_of("rw", "ro", "off"),
    "rw: use the cache; ro: use it but never write to it; off: start empty in every process.",
)  # fmt: skip
cache_size = Switch(
    "cache_size", "CGRAD_CACHE_SIZE", 2 << 30, byte_count,
    "The most bytes the cache may hold; the entries that were not used longest go first.",
)  # fmt: skip
cc = Switch(
    "cc", "CGRAD_CC", "", str,
    "The C compiler, a name or a path; by default CC, else the first of cc, gcc, clang.",
    changes_code=True,
)  # fmt: skip
cflags: Switch[tuple[str, ...]] = Switch(
    "cflags", "CGRAD_CFLAGS", (), _split_flags,
    "Further compiler options, appended to cgrad's own.",
    changes_code=True,
)  # fmt: skip
compile_timeout = Switch(
    "compile_timeout", "CGRAD_COMPILE_TIMEOUT", 600, _integer(1, 86_400),
    "Seconds after which a compiler that has not finished is stopped.",
)  # fmt: skip
debug = Switch(
    "debug", "CGRAD_DEBUG", 0, _integer(0, 5),
    "How much is told on standard error about what is built. 1: a line for each function; 2: times "
    "of passes, and the invariants of both representations are checked between them; 3: each "
    "rewrite; 4: the loops after each pass; 5: the C text and the compiler's command.",
)  # fmt: skip
interpret = Switch(
    "interpret", "CGRAD_INTERPRET", "auto", _one_of("auto", "never", "always"),
    "auto: where no C compiler is found, a function that is in no cache is computed op by op with "
    "NumPy, and a warning says so; never: that is an error; always: nothing is compiled.",
)  # fmt: skip
num_threads = Switch(
    "num_threads", "CGRAD_NUM_THREADS", 1, _integer(1, 4096),
    "The most threads one call may use. Functions that are made while it is 1 never use more; the "
    "value when the latest function was made is the limit for all. Results do not depend on it.",
)  # fmt: skip
offline = Switch(
    "offline", "CGRAD_OFFLINE", False, _flag,
    "1: nothing is ever compiled; a function that is in no cache is an error.",
)  # fmt: skip

SWITCHES: tuple[Switch[str] | Switch[int] | Switch[bool] | Switch[tuple[str, ...]], ...] = (
    cache_base, cache_dir, cache_mode, cache_size, cc, cflags, compile_timeout, debug, interpret,
    num_threads, offline,
)  # fmt: skip

# flags of PyTensor, and what there is instead
_ELSEWHERE = {
    "floatX": "dtypes are float64 unless given: ct.fvector('x'), dtype='float32'",
    "mode": "every function is compiled; CGRAD_INTERPRET=always computes with NumPy",
    "optimizer": "the rewrites are always applied; cgrad.rewrite_graph shows what they make",
    "profile": "f.profile(...) measures a function",
    "on_unused_input": "pass on_unused_input to cgrad.function",
    "cxx": "the flag is called cc, the variable CGRAD_CC",
}


def __getattr__(name: str) -> object:
    """The advice for a flag of PyTensor that has no counterpart."""
    if name in _ELSEWHERE:
        raise NotImplementedError(f"cgrad.config has no flag {name}: {_ELSEWHERE[name]}")
    raise AttributeError(f"module 'cgrad.config' has no attribute {name!r}")


@contextlib.contextmanager
def change_flags(**flags: object) -> Iterator[None]:
    """Settings for a `with` block or a decorated function: `change_flags(debug=2, cc="clang")`.

    The names are those of `SWITCHES`, the values what their environment variables hold, or bool.
    They are set in the environment of the process, so they hold in all of its threads.  Raises
    ConfigError for other names and for values that cannot be read, NotImplementedError for flags of
    PyTensor that have no counterpart.
    """
    rows = {switch.name: switch for switch in SWITCHES}
    texts: dict[str, str] = {}
    for name, value in flags.items():
        if name in _ELSEWHERE:
            raise NotImplementedError(f"change_flags: there is no flag {name}: {_ELSEWHERE[name]}")
        if name not in rows:
            known = ", ".join(sorted(rows))
            raise ConfigError(
                f"change_flags: there is no flag {name!r}\n  Fix: use one of {known}."
            )
        texts[rows[name].variable] = str(int(value) if isinstance(value, bool) else value)
    before = {variable: os.environ.get(variable) for variable in texts}
    try:
        os.environ.update(texts)
        for name in flags:
            rows[name].get()
        yield
    finally:
        for variable, text in before.items():
            if text is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = text
