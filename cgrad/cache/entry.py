"""The file format of a cache entry and of a lookup record.

An entry is one file: a compiled library or object, then the C source, then a JSON description,
then a fixed footer with a blake2b of all that comes before it. Loaders and debuggers ignore what
follows the library. Responsible for: packing, and unpacking only what is intact. Not
responsible for directories (``store``).
"""

from __future__ import annotations

import struct
from typing import Any

from cgrad.hashing import digest

__all__ = ["EXTENSION", "LIBRARY", "OBJECT", "Damaged", "Entry", "Record", "pack", "unpack"]

# The forms of a payload: opened by dlopen, imported by Python, linked into others.
LIBRARY, EXTENSION, OBJECT = range(3)

_MAGIC = b"cgradlib"
_SCHEMA = 2
# magic, schema, form, bytes of payload, source and description, key, blake2b of all before it
_FOOTER = struct.Struct("<8sIIQQQ64s32s")
_RECORD_TITLE = "cgrad lookup 2"


class Damaged(Exception):
    """A file of the cache is not what was written. Never leaves the cache package."""


class Entry:
    """One compiled file and where it came from.

    ``form`` is LIBRARY, EXTENSION or OBJECT; ``digest`` identifies the bytes; ``path`` is the
    file, which other processes may remove at any time; ``payload`` is what the compiler wrote,
    until `release`.
    """

    __slots__ = (
        "_attributes",
        "_description",
        "_source",
        "digest",
        "form",
        "path",
        "payload",
    )

    def __init__(
        self,
        path: str,
        form: int,
        payload: bytes,
        source: bytes,
        description: bytes,
        digest: bytes,
    ) -> None:
        self.path = path
        self.form = form
        self.payload = payload
        self.digest = digest
        self._source = source
        self._description = description
        self._attributes: dict[str, Any] | None = None

    def release(self) -> None:
        """Forget the payload: the library is open."""
        self.payload = b""

    @property
    def source(self) -> str:
        """The C text it was compiled from."""
        return self._source.decode()

    def describes(self, name: str) -> bool:
        """Whether the description may have a field of this name; costs no parsing."""
        return f'"{name}"'.encode() in self._description

    @property
    def attributes(self) -> dict[str, Any]:
        """The description: kind, key fields, seconds of compiling, and the caller's meta.

        Read on first use, so that a warm start that does not look does not import json.
        """
        if self._attributes is None:
            import json  # 1.2 ms

            self._attributes = json.loads(self._description)
        return self._attributes


def pack(key: str, form: int, payload: bytes, source: bytes, description: bytes) -> bytes:
    """The bytes of an entry."""
    sizes = (len(payload), len(source), len(description))
    footer = _FOOTER.pack(_MAGIC, _SCHEMA, form, *sizes, key.encode(), b"")
    body = b"".join((payload, source, description, footer[:-32]))
    return body + digest(body)


def unpack(path: str, key: str, data: bytes) -> Entry:
    """The entry in data. Raises Damaged unless every byte is as written, and under this key."""
    if len(data) < _FOOTER.size:
        raise Damaged(f"{path}: too short")
    magic, schema, form, payload, source, description, name, checksum = _FOOTER.unpack_from(
        data, len(data) - _FOOTER.size
    )
    if magic != _MAGIC or schema != _SCHEMA:
        raise Damaged(f"{path}: not an entry of this version of the cache")
    if payload + source + description + _FOOTER.size != len(data):
        raise Damaged(f"{path}: wrong length")
    if digest(memoryview(data)[:-32]) != checksum:
        raise Damaged(f"{path}: wrong checksum")
    if name != key.encode():
        raise Damaged(f"{path}: the entry of another key")
    end = payload + source
    parts = (data[:payload], data[payload:end], data[end : end + description])
    return Entry(path, form, *parts, checksum)


class Record:
    """What a lookup key leads to: the key of an entry, and the compiler that made it.

    ``summary`` are the fields of the lookup key, for `explain`.
    """

    __slots__ = ("compiler", "content", "summary")

    def __init__(self, content: str, compiler: str, summary: list[tuple[str, str]]) -> None:
        self.content = content
        self.compiler = compiler
        self.summary = summary

    def pack(self, key: str) -> bytes:
        lines = [_RECORD_TITLE, key, self.content, self.compiler]
        lines += [f"{label}\t{value}" for label, value in self.summary]
        body = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        return body + digest(body).hex().encode() + b"\n"

    @classmethod
    def unpack(cls, path: str, key: str, data: bytes) -> Record:
        """Raises Damaged unless every byte is as written, and under this key."""
        body, checksum = data[:-65], data[-65:]
        if digest(body).hex().encode() + b"\n" != checksum:
            raise Damaged(f"{path}: wrong checksum")
        text = body.decode("utf-8", "surrogateescape")
        title, name, content, compiler, *fields = text.split("\n")
        if title != _RECORD_TITLE or name != key:
            raise Damaged(f"{path}: the record of another key")
        pairs = [field.partition("\t") for field in fields[:-1]]
        return cls(content, compiler, [(label, value) for label, _, value in pairs])
