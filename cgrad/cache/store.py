"""Directories of cache entries.

Responsible for: where the cache is, whether that place can be trusted, reading only intact
files of the user's own, and publishing by one rename. Not responsible for what is in an entry
(``entry``), nor for what happens when there is none (``load``).

The directory is as trusted as the user's Python installation: what is guarded against are other
users, damage and accidents. Nothing here is a pickle, and nothing is executed by reading it.

    <root>/v1/<ab>/<key>.so          entries (.o for objects)
    <root>/v1/lookup/<ab>/<key>      lookup records
    <root>/v1/tmp/<pid>-<random>/    builds in progress
    <root>/v1/lock/<key>             advisory locks, held while building

A base directory (``CGRAD_CACHE_BASE``) has the same layout, is only read, and may belong to root.
"""

from __future__ import annotations

import os
import stat
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from cgrad import config
from cgrad.cache.entry import Damaged, Entry, Record, unpack
from cgrad.errors import CacheError, CgradWarning

__all__ = [
    "Refused",
    "Store",
    "Stores",
    "base_stores",
    "current_stores",
    "default_root",
    "read_file",
    "warn_once",
]

T = TypeVar("T")

_TOUCH_SECONDS = 3600  # how stale the time of last use may get
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

_safe_above: set[str] = set()  # roots above which nobody can put another directory in place
_useless: set[str] = set()  # files of directories that are only read which cannot be used


class Refused(OSError):
    """A directory or file that somebody else could have written. Never leaves this package."""


class Store:
    """One cache directory. Every method may raise OSError; a missing entry is None."""

    __slots__ = ("base", "owners", "root", "writable")

    def __init__(self, root: str, *, writable: bool, shared: bool = False) -> None:
        self.root = root
        self.base = os.path.join(root, "v1")
        self.writable = writable
        # whose files are taken; what root installed is as good as Python itself
        self.owners = {os.geteuid(), 0} if shared else {os.geteuid()}

    def check(self) -> None:
        """Make the root if need be. Raises Refused unless only this user can write to it."""
        if self.root not in _safe_above:
            if self.writable:
                _make_folders(os.path.dirname(self.root))
            _check_above(self.root)
            _safe_above.add(self.root)
        for path in (self.root, self.base):
            if self.writable:
                _make_folder(path)
            try:
                _check_folder(path, self.owners)
            except FileNotFoundError:
                if self.writable:
                    raise
                return

    def find(self, key: str, suffix: str) -> Entry | None:
        """The intact entry under this key. A damaged one is removed and counts as missing."""
        path = self._entry_path(key, suffix)
        if path in _useless:
            return None
        try:
            data, info = read_file(path, self.owners)
            entry = unpack(path, key, data)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (Damaged, Refused) as error:
            self.discard(path, error)
            return None
        self._touch(path, info)
        return entry

    def find_record(self, key: str) -> Record | None:
        """The intact lookup record under this key. A damaged one is removed, and missing."""
        path = self._record_path(key)
        try:
            data, info = read_file(path, self.owners)
            record = Record.unpack(path, key, data)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (Damaged, Refused) as error:
            self.discard(path, error)
            return None
        self._touch(path, info)
        return record

    def publish(self, key: str, suffix: str, data: bytes, workdir: str) -> Entry:
        """Put an entry in place, all of it at once, and read it back as anyone would."""
        self._replace(self._entry_path(key, suffix), data, 0o500, workdir)
        entry = self.find(key, suffix)
        if entry is not None:
            return entry
        path = self._entry_path(key, suffix)
        if os.path.lexists(path):
            raise OSError(f"{path} was damaged when written")
        return unpack(path, key, data)  # another process has removed it

    def publish_record(self, key: str, record: Record, workdir: str) -> None:
        self._replace(self._record_path(key), record.pack(key), 0o400, workdir)

    def make_workdir(self) -> str:
        """A new private directory on the same file system as the entries."""
        folder = self.make_folder("tmp")
        _check_folder(folder, self.owners)  # what the compiler writes there is loaded
        path = os.path.join(folder, f"{os.getpid()}-{os.urandom(8).hex()}")
        os.mkdir(path, 0o700)
        return path

    def open_lock(self, name: str) -> int:
        """A file to lock, open; its descriptor is the caller's to close."""
        path = os.path.join(self.make_folder("lock"), name)
        return os.open(path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)

    def make_folder(self, *parts: str) -> str:
        """The path of a directory of the store, made if need be."""
        path = self.path(*parts)
        _make_folders(path)
        return path

    def path(self, *parts: str) -> str:
        return os.path.join(self.base, *parts)

    def _entry_path(self, key: str, suffix: str) -> str:
        return self.path(key[:2], key + suffix)

    def _record_path(self, key: str) -> str:
        return self.path("lookup", key[:2], key)

    def _replace(self, path: str, data: bytes, mode: int, workdir: str) -> None:
        temporary = os.path.join(workdir, f"publish-{os.urandom(4).hex()}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(fd, mode)
        _make_folders(os.path.dirname(path))
        os.rename(temporary, path)

    def discard(self, path: str, reason: Exception) -> None:
        """Remove a file that must not be used, and say so."""
        after = "it is built again" if self.writable else "it is not used"
        warn_once(f"cgrad's cache: {reason}; {after}")
        if not self.writable:
            _useless.add(path)
        else:
            try:
                os.unlink(path)
            except OSError as error:
                warn_once(f"cgrad's cache: a damaged file cannot be removed: {error}")

    def _touch(self, path: str, info: os.stat_result) -> None:
        """Remember the use, for eviction. Where that is forbidden the entry only looks older."""
        if self.writable and time.time() - info.st_mtime > _TOUCH_SECONDS:
            with suppress(OSError):
                os.utime(path)


def _make_folders(path: str) -> None:
    """Make a directory and those above it; only this user can write to what is made."""
    if not os.path.isdir(path):
        _make_folders(os.path.dirname(path))
        _make_folder(path)


def _make_folder(path: str) -> None:
    if not os.path.lexists(path):
        with suppress(FileExistsError):  # another process was first
            os.mkdir(path, 0o700)


def _check_folder(path: str, owners: set[int]) -> None:
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        raise Refused(f"{path} is a symbolic link")
    if not stat.S_ISDIR(info.st_mode):
        raise Refused(f"{path} is not a directory")
    _check_owner(path, info, owners)


def _check_above(root: str) -> None:
    """Raises Refused if any user can put another directory in the place of root."""
    for path in dict.fromkeys([root, os.path.realpath(root)]):
        parts = path.split(os.sep)
        for end in range(1, len(parts)):
            folder = os.sep.join(parts[:end]) or os.sep
            try:
                mode = os.stat(folder).st_mode
            except FileNotFoundError:
                break
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                raise Refused(
                    f"anybody can write to {folder}, which it is in (chmod o-w or chmod +t "
                    f"{folder} to use it)"
                )
            if not mode & stat.S_IXOTH:
                break  # nobody else comes further


def _check_owner(path: str, info: os.stat_result, owners: set[int]) -> None:
    if info.st_uid not in owners:
        raise Refused(f"{path} belongs to user {info.st_uid}, not to user {os.geteuid()}")
    if info.st_mode & 0o022:
        raise Refused(f"{path} can be written by other users (chmod go-w it to use it)")


def read_file(path: str, owners: set[int]) -> tuple[bytes, os.stat_result]:
    """All bytes of a regular file of the user's own; symbolic links are not followed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NO_FOLLOW)
    except FileNotFoundError:
        raise
    except OSError:
        if os.path.islink(path):
            raise Refused(f"{path} is a symbolic link") from None
        raise
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise Refused(f"{path} is not a regular file")
        _check_owner(path, info, owners)
        return file.read(), info


def default_root() -> str:
    """$CGRAD_CACHE_DIR, else cgrad below the user's cache directory; "" if there is no home."""
    chosen = config.cache_dir.get()
    if chosen:
        return os.path.abspath(chosen)
    if sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = config.environment().get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):  # the XDG rule: relative means unset
            base = os.path.expanduser("~/.cache")
    return os.path.join(base, "cgrad") if os.path.isabs(base) else ""


class Stores:
    """The places that are read, in order, and the one that is written.

    Base directories come first, then the user's. Whatever goes wrong with that one costs one
    warning and a temporary directory of this process, never the call.
    """

    __slots__ = ("bases", "main")

    def __init__(self, main: Store | None, bases: Sequence[Store] = ()) -> None:
        self.main = main
        self.bases = list(bases)

    def _own(self) -> list[Store]:
        return [store for store in (self.main, _private) if store is not None]

    def find(self, key: str, suffix: str) -> Entry | None:
        """The entry under a content key, wherever it is."""
        return self._first([*self.bases, *self._own()], lambda store: store.find(key, suffix))

    def find_record(self, key: str) -> Record | None:
        """What the user's own directories know of a lookup key."""
        return self._first(self._own(), lambda store: store.find_record(key))

    def find_shipped(self, key: str, suffix: str) -> Entry | None:
        """What a lookup key leads to in a base directory, whatever compiler made it."""
        record = self._first(list(self.bases), lambda store: store.find_record(key))
        return None if record is None else self.find(record.content, suffix)

    def _first(self, stores: Sequence[Store], look: Callable[[Store], T | None]) -> T | None:
        for store in stores:
            try:
                found = look(store)
            except OSError as error:
                self._give_up(store, error)
                continue
            if found is not None:
                return found
        return None

    def discard(self, entry: Entry, reason: Exception) -> None:
        """Remove an entry that is intact and of no use."""
        for store in [*self.bases, *self._own()]:
            if entry.path.startswith(store.base + os.sep):
                store.discard(entry.path, reason)

    def writer(self) -> Store:
        """The store that new entries go to. Raises CacheError if there is no place at all."""
        if self.main is not None and self.main.writable:
            return self.main
        return private_store()

    def _give_up(self, store: Store, error: OSError) -> None:
        if store not in self.bases:
            self.degrade(error)
            return
        self.bases.remove(store)
        _refuse_base(store, error)

    def degrade(self, error: OSError) -> None:
        """Stop using the user's directory for now, and say why."""
        root = self.main.root if self.main is not None else "the temporary directory"
        warn_once(
            f"cgrad's cache directory {root} cannot be used ({error}); what is compiled is "
            "kept in a temporary directory until this process ends",
            about=root,
        )
        self.main = None


def current_stores() -> Stores:
    """The stores that the settings ask for now."""
    bases = base_stores() if config.cache_base.get() else []
    mode = config.cache_mode.get()
    if mode == "off":
        return Stores(None, bases)
    root = default_root()
    if not root:
        warn_once("cgrad has no cache directory: neither CGRAD_CACHE_DIR nor HOME is set")
        return Stores(None, bases)
    stores = Stores(Store(root, writable=mode == "rw"), bases)
    try:
        if stores.main is not None:
            stores.main.check()
    except OSError as error:
        stores.degrade(error)
    return stores


def base_stores() -> list[Store]:
    """The base directories that can be trusted; each of the others costs one warning."""
    found = []
    for root in config.cache_base.get():
        store = Store(os.path.realpath(root), writable=False, shared=True)
        try:
            if not os.path.isdir(store.root):
                raise FileNotFoundError(f"{root} is not a directory")
            store.check()
        except OSError as error:
            _refuse_base(store, error)
        else:
            found.append(store)
    return found


def _refuse_base(store: Store, error: OSError) -> None:
    warn_once(
        f"the directory {store.root} of CGRAD_CACHE_BASE is not used: {error}", about=store.root
    )


_private: Store | None = None


def private_store() -> Store:
    """A temporary store of this process, removed when it ends."""
    global _private
    if _private is None or not os.path.isdir(_private.root):
        import atexit
        import tempfile  # slow imports, not needed while all is well

        try:
            root = tempfile.mkdtemp(prefix="cgrad-")
        except OSError as error:
            raise CacheError(
                f"no directory can be written, not even a temporary one: {error}"
            ) from error
        atexit.register(_remove_private, root, os.getpid())
        _private = Store(root, writable=True)
    return _private


def _remove_private(root: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves it to its parent
        remove_tree(root)


def remove_tree(path: str) -> None:
    """Remove a directory; what cannot be removed is left, and reclaimed by ``evict`` later."""
    import shutil  # a slow import, needed only after building

    shutil.rmtree(path, ignore_errors=True)


_warned: set[str] = set()


def warn_once(message: str, about: str = "") -> None:
    """Warn once in the life of the process with each message, or about each subject."""
    if (about or message) not in _warned:
        _warned.add(about or message)
        warnings.warn(message, CgradWarning, stacklevel=2)
