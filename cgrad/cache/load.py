"""From a lookup key to a kernel that can be called.

Responsible for: the kernel's recipe, and opening each library under a path that was never used
before in this process (for a known path the dynamic loader returns the library it has, whatever
the file holds now). Not responsible for calling (``dispatcher``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

import _cffi_backend

from cgrad.cache import toolchain
from cgrad.cache.entry import EXTENSION, LIBRARY, Entry
from cgrad.cache.glue import MODULE_NAME, glue_object
from cgrad.cache.key import Field
from cgrad.cache.obtain import Obtained, Parts, Recipe, Source, start
from cgrad.cache.store import current_stores, private_store, remove_tree, warn_once
from cgrad.errors import BuildError, CacheError

__all__ = [
    "Kernel",
    "Source",
    "load_kernel",
    "load_plain",
    "open_extension",
    "open_library",
    "open_obtained",
    "publish_plain",
]

T = TypeVar("T")


class Kernel:
    """A compiled kernel; its functions stay valid for the life of the process.

    ``key`` is the content key, ``path`` the file in the cache, ``origin`` "disk" or "built",
    ``build_seconds`` what compiling took now (0.0 if it was found). The addresses are those of
    ``cg_sizes``, ``cg_work`` and ``cg_entry`` (see ``cg_abi.h``).
    """

    __slots__ = (
        "_entry",
        "_library",
        "build_seconds",
        "entry_address",
        "key",
        "origin",
        "path",
        "sizes_address",
        "work_address",
    )

    def __init__(self, obtained: Obtained) -> None:
        entry = obtained.entry
        self._entry = entry
        self._library, addresses = _open_kernel(entry)
        entry.release()
        self.sizes_address, self.work_address, self.entry_address = addresses
        self.key = os.path.basename(entry.path).partition(".")[0]
        self.path = entry.path
        self.origin = obtained.origin
        self.build_seconds = obtained.seconds

    @property
    def source(self) -> str:
        """The C text."""
        return self._entry.source

    @property
    def meta(self) -> dict[str, Any]:
        """What the generator said about the kernel."""
        meta: dict[str, Any] = self._entry.attributes["meta"]
        return meta

    @property
    def routines(self) -> list[tuple[str, int, str, bool]]:
        """The library functions that the kernel calls: (table of cg_rt, slot, symbol, needed)."""
        if not self._entry.describes("routines"):
            return []
        return [
            (table, slot, symbol, needed) for table, slot, symbol, needed in self.meta["routines"]
        ]

    def __repr__(self) -> str:
        return f"<Kernel {self.key[:12]} from {self.path}>"


def load_kernel(
    lookup_fields: Sequence[Field],
    generate: Callable[[], Source],
    meanwhile: Callable[[], object] | None = None,
) -> Kernel:
    """The kernel for these fields; ``generate`` is called only if they lead to no entry.

    ``meanwhile`` is called while it is compiled. Raises BuildError if it must be compiled and
    cannot be, CacheError if nothing can be written.
    """

    def obtain() -> Obtained:
        with start(_RECIPE, lookup_fields, generate) as pending:
            if meanwhile is not None:
                meanwhile()
            return pending.result()

    return open_obtained(obtain, Kernel)


def _kernel_parts() -> Parts:
    glue = glue_object()
    if glue is None:
        warn_once(
            "Python.h is not installed, so kernels are opened without cffi's glue and called "
            "more slowly (apt install python3-dev, or the like, makes calls fast)"
        )
        return Parts(LIBRARY, libraries=("-lm",))
    return Parts(EXTENSION, objects=(("glue.o", glue),), libraries=("-lm",))


def load_plain(
    fields: Sequence[Field], names: Sequence[str], generate: Callable[[], Source]
) -> list[int]:
    """The addresses of functions of a library that has no glue; it is never closed."""

    def use(obtained: Obtained) -> list[int]:
        entry = obtained.entry
        if entry.digest not in _plain:
            _plain[entry.digest] = open_library(entry, _open_plain)
        return _addresses(_plain[entry.digest], names)

    return open_obtained(lambda: start(_PLAIN, fields, generate).result(), use)


def publish_plain(fields: Sequence[Field], generate: Callable[[], Source]) -> None:
    """Have a library of `load_plain` in the present cache, found or built."""
    start(_PLAIN, fields, generate).result()


_plain: dict[bytes, Any] = {}  # libraries by the bytes of their files

_PLAIN = Recipe(
    "plain",
    ".so",
    (*toolchain.KERNEL_FLAGS, *toolchain.link_flags()),
    lambda: Parts(LIBRARY, libraries=("-lm",)),
    vectorised=True,
)
_RECIPE = Recipe(
    "kernel",
    ".so",
    (*toolchain.KERNEL_FLAGS, *toolchain.link_flags()),
    _kernel_parts,
    vectorised=True,
)


def open_obtained(obtain: Callable[[], Obtained], use: Callable[[Obtained], T]) -> T:
    """What ``use`` makes of a library that was obtained.

    A library that is intact and cannot be opened (the compiler wrote nonsense, or the system
    changed under it) is removed; one that was found is built again, once.
    """
    for _ in range(2):
        obtained = obtain()
        try:
            return use(obtained)
        except CacheError:
            raise
        except (ImportError, OSError, AttributeError) as error:
            current_stores().discard(obtained.entry, error)
            failure, path, origin = error, obtained.entry.path, obtained.origin
            if origin == "built":
                break
    raise BuildError(f"the compiled file {path} cannot be loaded: {failure}") from failure


_FUNCTIONS = ("cg_sizes", "cg_work", "cg_entry")

# What is open: by the bytes of the file, and by path.
_opened: dict[bytes, tuple[object, tuple[int, ...]]] = {}
_used_paths: set[str] = set()


def _open_kernel(entry: Entry) -> tuple[object, tuple[int, ...]]:
    opened = _opened.get(entry.digest)
    if opened is None:
        read = _read_extension if entry.form == EXTENSION else _read_library
        opened = open_library(entry, read)
        _opened[entry.digest] = opened
    return opened


def _read_extension(path: str) -> tuple[object, tuple[int, ...]]:
    module = open_extension(MODULE_NAME, path)
    ffi, lib = module.ffi, module.lib
    return module, tuple(int(ffi.cast("intptr_t", ffi.addressof(lib, name))) for name in _FUNCTIONS)


def _open_plain(path: str) -> Any:
    return _cffi_backend.load_library(path, 0)


def _read_library(path: str) -> tuple[object, tuple[int, ...]]:
    library = _open_plain(path)
    return library, tuple(_addresses(library, _FUNCTIONS))


def _addresses(library: Any, names: Sequence[str]) -> list[int]:
    void = _cffi_backend.new_pointer_type(_cffi_backend.new_void_type())
    function = _cffi_backend.new_function_type((void,), _cffi_backend.new_void_type(), False)
    integer = _cffi_backend.new_primitive_type("intptr_t")
    addresses = (library.load_function(function, name) for name in names)
    return [int(_cffi_backend.cast(integer, address)) for address in addresses]


def open_extension(name: str, path: str) -> ModuleType:
    """The extension module in this file, without an entry in sys.modules.

    Raises ImportError if the file is not a module of this Python.
    """
    loader = ExtensionFileLoader(name, path)
    module = loader.create_module(ModuleSpec(name, loader, origin=path))
    loader.exec_module(module)
    for registered in (name, f"{name}.lib"):
        sys.modules.pop(registered, None)
    return module


def open_library(entry: Entry, read: Callable[[str], T]) -> T:
    """What ``read`` makes of the library of an entry; it gets a path never opened before here.

    Where the file itself cannot serve (its path was opened before, another process has removed
    it, or its file system is mounted noexec) a private copy of what was checked does.
    """
    failure: Exception | None = None
    if entry.path not in _used_paths:
        _used_paths.add(entry.path)
        try:
            return read(entry.path)
        except (ImportError, OSError) as error:
            failure = error
    try:
        found = _read_copy(entry, read)
    except CacheError:
        raise
    except (ImportError, OSError) as error:
        raise failure or error from None
    if failure is not None and os.path.exists(entry.path):
        folder = os.path.dirname(os.path.dirname(entry.path))
        warn_once(
            f"libraries cannot be opened in {folder} ({failure}); each is copied to a temporary "
            "directory first",
            about=folder,
        )
    return found


def _read_copy(entry: Entry, read: Callable[[str], T]) -> T:
    workdir = private_store().make_workdir()
    try:
        path = os.path.join(workdir, os.path.basename(entry.path))
        try:
            with open(path, "xb") as copy:
                copy.write(entry.payload)
        except OSError as error:
            raise CacheError(f"a library cannot be copied to {workdir}: {error}") from error
        return read(path)
    finally:
        remove_tree(workdir)
