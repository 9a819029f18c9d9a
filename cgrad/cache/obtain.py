"""From a lookup key to an intact entry: found, or built and published.

Responsible for: the two keys, who builds when several want the same, and going on when the
cache directory fails. Not responsible for loading what was obtained (``load``).

The *lookup key* leads from what the caller wants (a graph and its options) to an entry, without
making any C text. The *content key* names an entry by all that it was made from.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from cgrad import config
from cgrad.cache import toolchain
from cgrad.cache.build import Compilation
from cgrad.cache.entry import Entry, Record, pack
from cgrad.cache.evict import make_room, unlock
from cgrad.cache.interrupts import interrupts_waiting
from cgrad.cache.key import Field, Key, build_stamp
from cgrad.cache.store import Store, Stores, current_stores, remove_tree
from cgrad.errors import CacheError, OfflineError

__all__ = ["Obtained", "Parts", "Pending", "Recipe", "Source", "start"]

ABI_VERSION = "2"
_LOCK_PATIENCE = 60.0  # seconds; after that, build without the lock
_LOCK_POLL = 0.004


class Source:
    """What a generator made: the C text, and a description that JSON can hold."""

    __slots__ = ("meta", "text")

    def __init__(self, text: str, meta: dict[str, Any] | None = None) -> None:
        self.text = text
        self.meta = {} if meta is None else meta


class Parts:
    """What a build needs besides the source: include directories, object files, libraries."""

    __slots__ = ("form", "includes", "libraries", "objects")

    def __init__(
        self,
        form: int,
        *,
        includes: Sequence[str] = (),
        objects: Sequence[tuple[str, bytes]] = (),
        libraries: Sequence[str] = (),
    ) -> None:
        self.form = form
        self.includes = tuple(includes)
        self.objects = tuple(objects)
        self.libraries = tuple(libraries)


class Recipe:
    """One kind of build. ``parts`` is called only when something has to be built.

    ``vectorised`` builds get the options of the CPU's level and the user's CGRAD_CFLAGS.
    """

    __slots__ = ("flags", "kind", "parts", "suffix", "vectorised")

    def __init__(
        self,
        kind: str,
        suffix: str,
        flags: Sequence[str],
        parts: Callable[[], Parts],
        *,
        vectorised: bool = False,
    ) -> None:
        self.kind = kind
        self.suffix = suffix
        self.flags = tuple(flags)
        self.parts = parts
        self.vectorised = vectorised

    def all_flags(
        self, level: int, text: str = "", compiler: toolchain.Compiler | None = None
    ) -> tuple[str, ...]:
        """The options for a C text; those of one compiler only when it is given."""
        if not self.vectorised:
            return self.flags
        own = (
            *(toolchain.own_flags(compiler) if compiler is not None else ()),
            *toolchain.level_flags(level),
            *toolchain.size_flags(text),
            *(toolchain.order_flags(compiler, text) if compiler is not None else ()),
            *toolchain.openmp_flags(text),
        )
        return (*self.flags, *own, *toolchain.user_flags())


class Obtained:
    """An entry, whether it was found ("disk") or compiled now ("built"), and the seconds."""

    __slots__ = ("entry", "origin", "seconds")

    def __init__(self, entry: Entry, origin: str, seconds: float) -> None:
        self.entry = entry
        self.origin = origin
        self.seconds = seconds


class Pending:
    """Something that is being obtained; `result` waits for it, `cancel` gives it up.

    As a context manager it is given up on leaving, unless its result was taken.
    """

    __slots__ = ("_build", "_obtained")

    def __init__(self, obtained: Obtained | None, build: _Build | None) -> None:
        self._obtained = obtained
        self._build = build

    def result(self) -> Obtained:
        """Raises BuildError if the compiler failed."""
        if self._obtained is None:
            if self._build is None:
                raise RuntimeError("this build was given up")
            self._obtained = self._build.result()
            self._build = None
        return self._obtained

    def cancel(self) -> None:
        if self._build is not None:
            self._build.clean()
            self._build = None

    def __enter__(self) -> Pending:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()


def start(recipe: Recipe, fields: Sequence[Field], generate: Callable[[], Source]) -> Pending:
    """Find the entry, or start to build it: the compiler runs while the caller goes on.

    ``generate`` is called only if the lookup key leads nowhere. Raises BuildError if there is
    no compiler and no entry, or compiling is forbidden, CacheError if nothing can be written
    anywhere.
    """
    stores = current_stores()
    compiler = None if config.offline.get() else toolchain.find_compiler()
    level = toolchain.cpu_level() if recipe.vectorised else 0
    lookup = _Lookup(recipe, fields, level)
    entry = _look_up(stores, lookup, recipe, compiler)
    if entry is None and compiler is None:
        # Nothing can be built here: what was built for a lesser CPU will do.
        for lesser in range(level - 1, -1, -1):
            entry = entry or _look_up(stores, _Lookup(recipe, fields, lesser), recipe, None)
    if entry is not None:
        return Pending(Obtained(entry, "disk", 0.0), None)
    if config.offline.get():
        raise _missing_offline(stores, recipe, lookup)
    if compiler is None:
        raise toolchain.missing_compiler()
    build = _Build(stores, recipe, compiler, level, lookup, generate())
    obtained = build.begin()
    return Pending(obtained, None if obtained else build)


class _Lookup:
    """The lookup keys: `key` here, `shipped` in directories where any compiler's work is taken."""

    __slots__ = ("_fields", "_level", "_recipe", "key")

    def __init__(self, recipe: Recipe, fields: Sequence[Field], level: int) -> None:
        self._recipe, self._fields, self._level = recipe, fields, level
        self.key = _lookup_key(recipe, fields, level, toolchain.compiler_setting())

    @property
    def shipped(self) -> Key:
        return _lookup_key(self._recipe, self._fields, self._level, "")

    def publish(self, store: Store, record: Record, workdir: str) -> None:
        """Let both keys lead to an entry."""
        for key in dict.fromkeys((self.key.hex, self.shipped.hex)):
            store.publish_record(key, record, workdir)


def _lookup_key(recipe: Recipe, fields: Sequence[Field], level: int, setting: str) -> Key:
    return Key(
        [
            ("kind", recipe.kind),
            ("abi", ABI_VERSION),
            ("cgrad", build_stamp()),
            ("python", toolchain.python_tag()),
            ("compiler setting", setting),
            ("cpu", toolchain.level_name(level)),
            ("flags", " ".join(recipe.all_flags(level))),
            *fields,
        ]
    )


def _look_up(
    stores: Stores, lookup: _Lookup, recipe: Recipe, compiler: toolchain.Compiler | None
) -> Entry | None:
    if stores.bases:
        shipped = stores.find_shipped(lookup.shipped.hex, recipe.suffix)
        if shipped is not None:
            return shipped
    record = stores.find_record(lookup.key.hex)
    if record is None or (compiler is not None and record.compiler != compiler.identity):
        return None
    return stores.find(record.content, recipe.suffix)


def _missing_offline(stores: Stores, recipe: Recipe, lookup: _Lookup) -> OfflineError:
    """The error that names what is missing and where it was looked for."""
    name = dict(lookup.key.summary).get("name")
    places = [store.root for store in (*stores.bases, stores.main) if store is not None]
    return OfflineError(
        f"the {recipe.kind}{f' {name!r}' if name else ''} is not compiled yet, and "
        f"CGRAD_OFFLINE=1 forbids compiling\n"
        f"  key     {lookup.key.hex}\n"
        f"  looked  in {', '.join(places) or 'no directory: there is none'}\n"
        "  Fix: compile it where that is allowed (cgrad compile MODULE:NAME -o DIR) and add DIR "
        "to CGRAD_CACHE_BASE, on a machine with the same versions of cgrad and "
        "Python, whose CPU has no vector instructions that this one lacks"
    )


class _Build:
    """One build, from the generated source to the published entry."""

    def __init__(
        self,
        stores: Stores,
        recipe: Recipe,
        compiler: toolchain.Compiler,
        level: int,
        lookup: _Lookup,
        source: Source,
    ) -> None:
        import json  # 1.2 ms, needed only when something is built

        self.process = os.getpid()
        self.store: Store | None = None
        self.workdir = ""
        self.lock = -1
        self.compilation: Any = None
        self.stores = stores
        self.recipe = recipe
        self.compiler = compiler
        self.lookup = lookup
        self.source = source
        self.parts = recipe.parts()
        self.flags = recipe.all_flags(level, source.text, compiler)
        self.meta = json.dumps(source.meta, sort_keys=True)
        self.content = Key(
            [
                ("kind", recipe.kind),
                ("abi", ABI_VERSION),
                ("python", toolchain.python_tag()),
                ("compiler", compiler.identity),
                ("cpu", toolchain.level_name(level)),
                ("flags", " ".join(self.flags)),
                ("libraries", " ".join(self.parts.libraries)),
                ("includes", "\n".join(self.parts.includes)),
                *((f"object {name}", data) for name, data in self.parts.objects),
                ("meta", self.meta),
                ("source", source.text),
            ]
        )
        self.record = Record(self.content.hex, compiler.identity, lookup.key.summary)
        self.started = time.perf_counter()

    def begin(self) -> Obtained | None:
        """Find the entry by its content, or start the compiler and return None."""
        while True:
            try:
                return self._begin(self.stores.writer())
            except CacheError:
                self.clean()
                raise
            except OSError as error:
                self._degrade(error)
            except BaseException:
                self.clean()
                raise

    def result(self) -> Obtained:
        """Wait for the compiler and publish what it wrote."""
        while True:
            try:
                payload: bytes = self.compilation.finish()
                seconds = time.perf_counter() - self.started
                entry = self._publish(payload, seconds)
                self.clean()
                return Obtained(entry, "built", seconds)
            except CacheError:
                self.clean()
                raise
            except OSError as error:
                self._degrade(error)
                obtained = self.begin()
                if obtained is not None:
                    return obtained
            except BaseException:
                self.clean()
                raise

    def _begin(self, store: Store) -> Obtained | None:
        self.store = store
        entry = self.stores.find(self.content.hex, self.recipe.suffix)
        if entry is None:
            with interrupts_waiting():
                self.workdir = store.make_workdir()
            self._acquire(store)
            entry = self.stores.find(self.content.hex, self.recipe.suffix)
        if entry is not None:
            self.workdir = self.workdir or store.make_workdir()
            self.lookup.publish(store, self.record, self.workdir)
            self.clean()
            return Obtained(entry, "disk", 0.0)
        for name, data in self.parts.objects:
            with open(os.path.join(self.workdir, name), "xb") as file:
                file.write(data)
        name = f"{self.recipe.kind}.c"
        command = [
            *self.compiler.words,
            *self.flags,
            *(f"-I{path}" for path in self.parts.includes),
            *("-o", "output", name),
            *(name for name, _ in self.parts.objects),
            *self.parts.libraries,
        ]
        self.compilation = Compilation(command, name, self.source.text, self.workdir)
        return None

    def _publish(self, payload: bytes, seconds: float) -> Entry:
        import json

        description = {
            "kind": self.recipe.kind,
            "key": self.content.summary,
            "lookup": self.lookup.key.summary,
            "seconds": round(seconds, 4),
            "meta": json.loads(self.meta),
        }
        store = self.store or self.stores.writer()
        data = pack(
            self.content.hex,
            self.parts.form,
            payload,
            self.source.text.encode(),
            json.dumps(description).encode(),
        )
        room = make_room(store, len(data)) if store is self.stores.main else nullcontext()
        with room:
            entry = store.publish(self.content.hex, self.recipe.suffix, data, self.workdir)
            self.lookup.publish(store, self.record, self.workdir)
        return entry

    def _degrade(self, error: OSError) -> None:
        """Give up on the user's directory; raise if it was the private one that failed."""
        failed = self.store
        self.clean()
        if failed is not None and failed is not self.stores.main:
            raise CacheError(f"nothing can be built: {error}") from error
        self.stores.degrade(error)

    def _acquire(self, store: Store) -> None:
        """Wait while another process builds the same, but not for ever.

        The lock only saves double work; everything is right without it.
        """
        import fcntl

        with interrupts_waiting():
            self.lock = store.open_lock(self.content.hex)
        deadline = time.monotonic() + _LOCK_PATIENCE
        while time.monotonic() < deadline:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(_LOCK_POLL)

    def clean(self) -> None:
        """Stop the compiler, remove the working directory, let others go on.

        A forked child that leaves a build (a handler of a signal may fork) leaves it to its parent.
        """
        if os.getpid() != self.process:
            return
        if self.compilation is None and self.lock < 0 and not self.workdir:
            return  # maybe while Python ends, when nothing can be imported
        with interrupts_waiting():
            if self.compilation is not None:
                self.compilation.cancel()
                self.compilation = None
            if self.lock >= 0:
                if self.store is not None:
                    with suppress(OSError):  # what stays is litter: evict removes it later
                        os.unlink(self.store.path("lock", self.content.hex))
                unlock(self.lock)
                self.lock = -1
            if self.workdir:
                remove_tree(self.workdir)
                self.workdir = ""

    def __del__(self) -> None:
        # an interrupt came between two steps, and nobody has the build any more
        self.clean()
