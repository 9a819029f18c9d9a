"""Keeping the cache below its size cap.

Responsible for: removing the entries that were not used longest, and what killed processes left
behind. A library that is loaded stays valid when its file is removed. Not responsible for
correctness of anything: every file here may vanish at any time.
"""

from __future__ import annotations

import fcntl
import os
import time

from cgrad import config
from cgrad.cache.store import Store, remove_tree

__all__ = ["evict", "note_published"]

_LITTER_SECONDS = 3600  # a build never takes this long
_RESCAN_SECONDS = 60.0  # other processes publish too

# Bytes that the store held at the last scan, plus what this process published since.
_estimates: dict[str, tuple[float, int]] = {}


def note_published(store: Store, size: int) -> None:
    """Count a new entry, and evict if the store may have outgrown its cap."""
    scanned, total = _estimates.get(store.base, (0.0, 0))
    total += size
    if total > config.cache_size.get() or time.monotonic() - scanned > _RESCAN_SECONDS:
        total = evict(store)
        scanned = time.monotonic()
    _estimates[store.base] = (scanned, total)


def evict(store: Store, cap: int | None = None) -> int:
    """Remove the longest unused entries until the rest fit; the bytes that are left.

    ``cap`` is the most that may be left, CGRAD_CACHE_SIZE by default.

    One process at a time does this; if another is at it, nothing is done here.
    """
    os.makedirs(store.path("lock"), 0o700, exist_ok=True)
    fd = os.open(store.path("lock", "evict"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        _remove_litter(store)
        return _remove_unused(store, config.cache_size.get() if cap is None else cap)
    finally:
        os.close(fd)


def _remove_unused(store: Store, cap: int) -> int:
    entries: list[tuple[float, int, str]] = []
    for folder in _files(store.base):
        if len(folder.name) == 2:
            for file in _files(folder.path):
                info = _stat(file)
                if info is not None:
                    entries.append((info.st_mtime, info.st_size, file.path))
    total = sum(size for _, size, _ in entries)
    if total > cap:
        for _, size, path in sorted(entries):
            _unlink(path)
            total -= size
            if total <= cap:
                break
        _remove_dangling(store)
    return total


def _remove_dangling(store: Store) -> None:
    """Remove old lookup records; one that is still wanted is written again on the next use."""
    limit = time.time() - 30 * 86_400
    for folder in _files(store.path("lookup")):
        for file in _files(folder.path):
            info = _stat(file)
            if info is not None and info.st_mtime < limit:
                _unlink(file.path)


def _remove_litter(store: Store) -> None:
    limit = time.time() - _LITTER_SECONDS
    for kind in ("tmp", "lock"):
        for item in _files(store.path(kind)):
            info = _stat(item)
            if info is None or info.st_mtime > limit or item.name == "evict":
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
