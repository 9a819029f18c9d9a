"""What a cache directory holds, for people: listing, checking, removing.

Responsible for: walking over entries and lookup records. Not responsible for deciding when
something is removed without being asked (``evict``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from cgrad.cache.entry import Damaged, Entry, Record, unpack
from cgrad.cache.evict import evict
from cgrad.cache.store import Refused, Store, read_file

__all__ = ["Item", "clear", "items", "prune", "records", "remove", "verify"]

_ENTRY = re.compile(r"([0-9a-f]{64})(\.so|\.o)")


class Item:
    """One file of a cache directory.

    ``key`` is its name, ``size`` its bytes, ``used`` the time of last use in seconds since 1970
    (to an hour), ``damage`` what is wrong with it, empty for nothing.
    """

    __slots__ = ("damage", "entry", "key", "path", "size", "used")

    def __init__(self, path: str, key: str, info: os.stat_result) -> None:
        self.path = path
        self.key = key
        self.size = info.st_size
        self.used = info.st_mtime
        self.entry: Entry | None = None
        self.damage = ""

    @property
    def kind(self) -> str:
        """kernel, plain, glue or dispatcher; "damaged" if that cannot be read."""
        return "damaged" if self.entry is None else str(self.entry.attributes["kind"])

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The labelled fields of both keys, those of the content key first."""
        if self.entry is None:
            return []
        found = self.entry.attributes
        return [(label, value) for part in ("key", "lookup") for label, value in found[part]]

    @property
    def name(self) -> str:
        """The name of the function, empty for what is no function."""
        return dict(self.fields).get("name", "")


def items(store: Store) -> list[Item]:
    """Every entry, read and checked, those used last first."""
    found = []
    for folder in _folders(store.base):
        for file in os.scandir(folder):
            match = _ENTRY.fullmatch(file.name)
            if match is None:
                continue
            with suppress(FileNotFoundError):  # another process was first
                item = Item(file.path, match[1], file.stat(follow_symlinks=False))
                try:
                    item.entry = unpack(file.path, item.key, read_file(file.path, store.owners)[0])
                    item.entry.release()
                except FileNotFoundError:
                    raise
                except (Damaged, Refused, OSError) as error:
                    item.damage = str(error)
                found.append(item)
    return sorted(found, key=lambda item: (-item.used, item.key))


def records(store: Store) -> list[tuple[str, Record | None]]:
    """The path of every lookup record and what it says, None if it is damaged."""
    found: list[tuple[str, Record | None]] = []
    for folder in _folders(store.path("lookup")):
        for file in sorted(os.listdir(folder)):
            path = os.path.join(folder, file)
            try:
                record = Record.unpack(path, file, read_file(path, store.owners)[0])
            except FileNotFoundError:
                continue
            except (Damaged, Refused, OSError, ValueError):
                found.append((path, None))
            else:
                found.append((path, record))
    return found


def verify(store: Store) -> list[tuple[str, str]]:
    """(path, what is wrong) of each damaged file, and of records that lead nowhere."""
    present = items(store)
    wrong = [(item.path, item.damage) for item in present if item.damage]
    keys = {item.key for item in present if not item.damage}
    for path, record in records(store):
        if record is None:
            wrong.append((path, f"{path}: a damaged lookup record"))
        elif record.content not in keys:
            wrong.append((path, f"{path}: leads to an entry that is gone"))
    return wrong


def remove(path: str) -> None:
    """Remove a file of the cache, if it is still there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def prune(store: Store, cap: int) -> int:
    """Remove the longest unused entries until the rest have at most cap bytes; the bytes gone."""
    before = _total(store)
    evict(store, cap)
    return before - _total(store)


def clear(store: Store) -> int:
    """Remove every entry and record; the bytes gone. What is being built now is left alone."""
    before = _total(store)
    for folder in [*_folders(store.base), *_folders(store.path("lookup"))]:
        for file in os.listdir(folder):
            remove(os.path.join(folder, file))
    return before - _total(store)


def _total(store: Store) -> int:
    total = 0
    for folder in _folders(store.base):
        for file in os.scandir(folder):
            with suppress(FileNotFoundError):
                total += file.stat(follow_symlinks=False).st_size
    return total


def _folders(path: str) -> Iterator[str]:
    """The directories of two digits below a path."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in sorted(os.listdir(path)):
            folder = os.path.join(path, name)
            if re.fullmatch("[0-9a-f]{2}", name) and os.path.isdir(folder):
                yield folder
