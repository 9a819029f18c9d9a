"""The names that a place in the C text may mention, and how a function takes them as arguments.

A part of the kernel that is a function of its own gets what its text mentions: sizes and values by
value, arrays by pointer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from cgrad.codegen.memory import Slot
from cgrad.core.dtypes import C_TYPE
from cgrad.core.exprs import Buffer
from cgrad.core.loops import Kernel

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def mentioned(text: str) -> dict[str, None]:
    """The words of a C text in their order, without comments: a tag may look like a size."""
    return dict.fromkeys(re.findall(r"\w+", _COMMENT.sub("", text)))


class Scope:
    """Names by what they stand for; those of a block are forgotten when it ends."""

    def __init__(self, kernel: Kernel, slots: Sequence[Slot]) -> None:
        # a C type for a value, a buffer for an array
        self.names: dict[str, str | Buffer] = {name: "int64_t" for _, name in kernel.sizes}
        self.names["rt"] = "const cg_rt *const"
        self.slot: dict[Buffer, int] = {}
        for buffer in (*kernel.inputs, *kernel.outputs):
            self.names[buffer.name] = buffer
        for k, slot in enumerate(slots):
            for buffer in slot.buffers:
                self.names[buffer.name] = buffer
                self.slot[buffer] = k
        # of each open block its names, with what they meant outside
        self.blocks: list[dict[str, str | Buffer | None]] = [{}]
        # all names of the open blocks of the current function
        self.own: set[str] = set()

    def add(self, name: str, meaning: str | Buffer) -> None:
        """A name of the current block."""
        self.blocks[-1].setdefault(name, self.names.get(name))
        self.names[name] = meaning
        self.own.add(name)

    @contextmanager
    def block(self) -> Iterator[None]:
        """A block of the current function: its names are forgotten at the end."""
        self.blocks.append({})
        yield
        for name, outside in self.blocks.pop().items():
            self.own.discard(name)
            if outside is None:
                del self.names[name]
            else:
                self.names[name] = outside

    @contextmanager
    def function(self) -> Iterator[Collection[str]]:
        """A function that is written in between; the names of its outermost block."""
        own, self.own = self.own, set()
        with self.block():
            yield self.blocks[-1]
        self.own = own

    def arguments(self, text: str, own: Collection[str]) -> list[tuple[str, str]]:
        """(declaration, name) of what a function needs that declares `own`: values, then arrays."""
        words = mentioned(text)
        for word in own:
            words.pop(word, None)
        found = {word: self.names[word] for word in words if word in self.names}
        values = [(f"{type} {name}", name) for name, type in found.items() if isinstance(type, str)]
        arrays = {name: buffer for name, buffer in found.items() if isinstance(buffer, Buffer)}
        lent = [self.slot[buffer] for buffer in arrays.values() if buffer in self.slot]
        return [
            *values,
            *((self._pointer(buffer, lent), name) for name, buffer in arrays.items()),
        ]

    def _pointer(self, buffer: Buffer, lent: Iterable[int]) -> str:
        """The declaration of an array; `lent` are the slots of the workspace that are in use."""
        element = C_TYPE[buffer.dtype]
        if buffer.role == "input":
            element = f"const {element}"
        own = self.slot.get(buffer)
        # arrays in one slot are used one after the other, those of carries change places
        alone = own is None or sum(k == own for k in lent) == 1
        restrict = "restrict " if alone and buffer.role != "carry" else ""
        return f"{element} *{restrict}{buffer.name}"
