"""Keeping the cache below its size cap.

Responsible for: removing the entries that were not used longest, and what killed processes left
behind. A library that is loaded stays valid when its file is removed. Not responsible for
correctness of anything: every file here may vanish at any time.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cgrad import config
from cgrad.cache.store import Store, remove_tree

__all__ = ["evict", "make_room", "unlock"]

_LITTER_SECONDS = 3600  # a build never takes this long
_RESCAN_SECONDS = 3600  # killed processes publish without counting, people remove files
_PATIENCE = 5.0  # seconds; after that, publish without counting
_POLL = 0.002
_SPARED = 0.9  # of the cap is left when something must go, so that not every entry is a search
_LOCK = "evict"


@contextmanager
def make_room(store: Store, size: int) -> Iterator[None]:
    """Make room for an entry of this size, which the block publishes.

    Processes do this in turn, so all entries together never exceed the cap. How many bytes
    there are is written in the file that is locked: they are counted once an hour.
    """
    cap = config.cache_size.get()
    fd = store.open_lock(_LOCK)
    try:
        counting = _lock(fd, _PATIENCE)
        if counting:
            scanned, total = _read_count(fd)
            age = time.time() - scanned
            if total + size > cap or not 0 <= age < _RESCAN_SECONDS:
                _remove_litter(store)
                total = _remove_unused(store, cap - size, int(_SPARED * cap) - size)
                scanned = int(time.time())
        yield
        if counting:
            os.pwrite(fd, b"%020d %020d\n" % (scanned, total + size), 0)
    finally:
        unlock(fd)


def evict(store: Store, cap: int | None = None) -> int:
    """Remove the longest unused entries until the rest fit; the bytes that are left.

    ``cap`` is the most that may be left, CGRAD_CACHE_SIZE by default.

    One process at a time does this; if another is at it, nothing is done here.
    """
    fd = store.open_lock(_LOCK)
    try:
        if not _lock(fd, 0.0):
            return 0
        cap = config.cache_size.get() if cap is None else cap
        _remove_litter(store)
        total = _remove_unused(store, cap, cap)
        os.pwrite(fd, b"%020d %020d\n" % (int(time.time()), total), 0)
        return total
    finally:
        unlock(fd)


def _lock(fd: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)


def unlock(fd: int) -> None:
    """Let others go on, and close the file. A process forked meanwhile has it open, too: closing it
    here alone would leave it locked as long as that one lives."""
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _read_count(fd: int) -> tuple[int, int]:
    """When the bytes were counted last, and how many there are; zeros if nobody knows."""
    words = os.pread(fd, 64, 0).split()
    if len(words) == 2 and all(word.isdigit() for word in words):
        return int(words[0]), int(words[1])
    return 0, 0


def _remove_unused(store: Store, cap: int, goal: int) -> int:
    """If there are more bytes than the cap, remove entries until there are at most the goal."""
    entries: list[tuple[float, int, str]] = []
    for folder in _files(store.base):
        if len(folder.name) == 2:
            for file in _files(folder.path):
                info = _stat(file)
                if info is not None:
                    entries.append((info.st_mtime, info.st_size, file.path))
    total = sum(size for _, size, _ in entries)
    if total <= cap:
        return total
    last = 0.0
    for used, size, path in sorted(entries):
        if total <= goal:
            break
        _unlink(path)
        total -= size
        last = used
    _remove_records(store, last)
    return total


def _remove_records(store: Store, last: float) -> None:
    """Remove the lookup records that were not used after this time, as their entries were not.

    One that is still wanted is written again on the next use.
    """
    for folder in _files(store.path("lookup")):
        for file in _files(folder.path):
            info = _stat(file)
            if info is not None and info.st_mtime < last:
                _unlink(file.path)


def _remove_litter(store: Store) -> None:
    limit = time.time() - _LITTER_SECONDS
    for kind in ("tmp", "lock"):
        for item in _files(store.path(kind)):
            info = _stat(item)
            if info is None or info.st_mtime > limit or item.name == _LOCK:
                continue
            if item.is_dir(follow_symlinks=False):
                remove_tree(item.path)
            else:
                _unlink(item.path)


def _files(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as items:
            return list(items)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _stat(item: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return item.stat(follow_symlinks=False)
    except FileNotFoundError:  # another process was first
        return None


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:  # another process was first
        return
