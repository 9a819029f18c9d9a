"""Keys: what a compiled file was made from, as one number.

Responsible for: hashing labelled fields without ambiguity, the build stamp of this package,
and saying in which field two keys differ. Not responsible for which fields matter, which is
known to ``toolchain`` (compiler and CPU) and to the callers of ``load_kernel`` (the graph).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from cgrad.hashing import digest

__all__ = ["Field", "Key", "build_stamp", "explain"]

Field = tuple[str, bytes | str]

_SUMMARY_LIMIT = 600  # longer values are shown by their hash


class Key:
    """The blake2b over labelled, length-prefixed fields: equal fields, equal key.

    ``hex`` are its 64 digits. ``summary`` lists the fields for people and for `explain`, with
    long values replaced by their hash.
    """

    __slots__ = ("_fields", "hex")

    def __init__(self, fields: Sequence[Field]) -> None:
        parts: list[bytes] = []
        self._fields: list[tuple[str, bytes]] = []
        for label, value in fields:
            name = label.encode()
            data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            parts += (b"%d:" % len(name), name, b"%d:" % len(data), data)
            self._fields.append((label, data))
        self.hex: str = digest(b"".join(parts)).hex()

    @property
    def summary(self) -> list[tuple[str, str]]:
        return [(label, _summarise(data)) for label, data in self._fields]

    def __repr__(self) -> str:
        return f"Key({self.hex[:12]})"


def _summarise(data: bytes) -> str:
    if len(data) <= _SUMMARY_LIMIT:
        text = data.decode("utf-8", "backslashreplace")
        if text.isprintable():
            return text
    return f"{len(data)} bytes, blake2b {digest(data).hex()[:16]}"


def explain(found: Iterable[tuple[str, str]], expected: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each field in which two key summaries differ; none if they are equal.

    Of lists of words, such as options, only those that not both have.
    """
    old, new = dict(found), dict(expected)
    lines = []
    for label in dict.fromkeys([*old, *new]):
        one, other = old.get(label, "absent"), new.get(label, "absent")
        if one == other:
            continue
        if label == "flags" and set(one.split()) != set(other.split()):
            before, after = one.split(), other.split()
            one = " ".join(word for word in before if word not in after) or "nothing"
            other = " ".join(word for word in after if word not in before) or "nothing"
        lines.append(f"{label}: {one} -> {other}")
    return lines


def build_stamp() -> str:
    """A hash that changes whenever the code of this package changes.

    Installed from a wheel it is made of the package's own lines of RECORD, so it is the same
    wherever the same wheel is installed. In a development checkout it is made of the path, time
    and size of every source file (0.3 ms).
    """
    global _stamp
    if _stamp is None:
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        _stamp = stamp_of(package)
    return _stamp


_stamp: str | None = None


def stamp_of(package: str) -> str:
    """The build stamp of the package in this directory."""
    lines = _record_lines(package) or _source_lines(package)
    return digest("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hex()


def _record_lines(package: str) -> list[str]:
    """The lines about the package in the RECORD of the wheel it was installed from."""
    site, name = os.path.split(package)
    lines: list[str] = []
    for folder in os.listdir(site):
        if not (folder.startswith(f"{name}-") and folder.endswith(".dist-info")):
            continue
        try:
            with open(os.path.join(site, folder, "RECORD"), encoding="utf-8") as file:
                lines += [line for line in file if line.startswith(f"{name}/") and "=" in line]
        except FileNotFoundError:  # a system package without RECORD
            continue
    return lines


def _source_lines(package: str) -> list[str]:
    lines: list[str] = []
    folders = [package]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".h", ".c")):
                    info = entry.stat()
                    lines.append(f"{entry.path} {info.st_mtime_ns} {info.st_size}")
                elif entry.name[0] not in "._" and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return lines
