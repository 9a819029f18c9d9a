"""The type that calls kernels.

Responsible for: building and loading the compiled dispatcher, once per machine, or taking the one
in Python where that is impossible. Not responsible for what a call means: a subclass converts
arguments and raises errors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol

import numpy

from cgrad.cache import fallback, toolchain
from cgrad.cache.entry import EXTENSION
from cgrad.cache.glue import ABI_HEADER
from cgrad.cache.key import Field
from cgrad.cache.load import open_extension, open_library, open_obtained
from cgrad.cache.obtain import Obtained, Parts, Pending, Recipe, Source, start
from cgrad.cache.store import warn_once
from cgrad.errors import BuildError, NoCompilerError, OfflineError

__all__ = [
    "Dispatcher",
    "PendingDispatcher",
    "load_dispatcher",
    "publish_dispatcher",
    "start_dispatcher",
]

_MODULE = "_cgrad_dispatcher"
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_FILES = (
    ABI_HEADER,
    "dispatcher_plan.c",
    "dispatcher_arrays.c",
    "dispatcher_interrupt.c",
    "dispatcher_call.c",
    "dispatcher_fixed.c",
    "dispatcher_type.c",
)

Spec = tuple[int, int]  # the number of a NumPy dtype, and a rank
Cell = list[Any]  # one array


class Dispatcher(Protocol):
    """What the compiled type and the one in Python have in common.

    Not bound, or called in a way that a kernel cannot serve, a call raises RuntimeError.
    """

    def _bind(
        self,
        *,
        entry: int,
        sizes: int,
        work: int,
        n_sizes: int,
        inputs: Sequence[Spec],
        hidden: Sequence[Cell],
        outputs: Sequence[Spec],
        returns: Literal["single", "list"] | tuple[str, ...],
        n_returned: int,
        updates: Sequence[tuple[int, Cell]],
        always_release_gil: bool,
        interruptible: bool,
        owner: object,
        out_keyword: bool,
    ) -> None:
        """Connect to a kernel; once in the life of the object.

        ``inputs`` describes all inputs: the user's, then one for each of ``hidden``. ``outputs``
        beyond ``n_returned`` are stored into the cells of ``updates`` when a call has succeeded.
        A call returns one array, a list, or a dict with the names in ``returns``. ``owner`` is
        kept alive. ``interruptible`` says that the kernel calls nothing but what it is given in
        ``cg_rt``, so that Ctrl-C may leave it. ``out_keyword`` says that the keyword ``out`` gives
        memory for the results and is not an argument; it goes to `_convert` if anything is wrong
        with it.
        """

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """For a subclass: arrays that fit, made of arguments that do not. May raise.

        After the arguments may follow an array or None for each result: memory for it. The
        kernel writes there, or what it computes is copied there if an argument has the same
        memory; the call returns these arrays.
        """

    def _measure(self, args: tuple[Any, ...], /) -> tuple[int, tuple[tuple[int, ...], ...]]:
        """The bytes of workspace of a call, and the shapes of all outputs.

        A cell stands for the array in it. Where the length of an output depends on computed
        values, its bound is given. Raises what a call would.
        """

    def _fix(self, args: tuple[Any, ...], given: tuple[Any, ...], /) -> Any:
        """An object that is called without arguments: a call with these, writing to `given`.

        A cell among the arguments is read at each call. Arrays may change their values, shapes
        and memory from call to call; what does not fit any more is refused. So is a call while
        another one of the same object runs. Attributes: function, arguments, outputs.
        """

    def _refuse(self, reason: str, place: int, array: Any, expected: tuple[int, ...]) -> None:
        """For a subclass: raise because a call is impossible.

        reason     "array": the memory given for result `place` is not a C-contiguous writeable
                   array of its dtype and rank; "shape": it has another shape than `expected`;
                   "overlap": an earlier result has the same memory; of a call by `_fix`:
                   "input": argument `place` does not fit any more; "busy": another call runs;
                   "arguments": it was called with some
        array      the one to blame, or None
        """

    def _fail(
        self, code: int, tag: int, axis: int, found: int, expected: int, arrays: tuple[Any, ...]
    ) -> None:
        """For a subclass: raise for the status of a kernel."""

    @staticmethod
    def _set_num_threads(count: int, /) -> None: ...

    @staticmethod
    def _set_blas(index: int, address: int, /) -> None: ...

    @staticmethod
    def _set_lapack(index: int, address: int, /) -> None: ...


class PendingDispatcher:
    """The dispatcher while it is being built; as a context manager it is given up on leaving."""

    __slots__ = ("_pending", "_why_none")

    def __init__(self, pending: Pending | None, why_none: str = "") -> None:
        self._pending = pending
        self._why_none = why_none

    def result(self) -> type[Dispatcher]:
        """Wait for the type. Raises BuildError if the compiler failed."""
        global _loaded
        if _loaded is None:
            if self._pending is None:
                if self._why_none:
                    warn_once(
                        f"there is {self._why_none} to build cgrad's dispatcher with, so calls "
                        "are slower"
                    )
                _loaded = fallback.PythonDispatcher
            else:
                _loaded = open_obtained(self._take, _open)
        return _loaded

    def _take(self) -> Obtained:
        """What was started; asked again, a new start."""
        pending, self._pending = self._pending, None
        return (pending or start(_RECIPE, _fields(), _source)).result()

    def __enter__(self) -> PendingDispatcher:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pending is not None:
            self._pending.cancel()


_loaded: type[Dispatcher] | None = None


def start_dispatcher() -> PendingDispatcher:
    """Find the dispatcher or start to build it; a kernel can be built meanwhile."""
    if _loaded is not None:
        return PendingDispatcher(None)
    try:
        return PendingDispatcher(start(_RECIPE, _fields(), _source))
    except _NoHeaders:  # the first kernel says so
        return PendingDispatcher(None)
    except (NoCompilerError, OfflineError) as error:
        reason = (
            "no C compiler" if isinstance(error, NoCompilerError) else "CGRAD_OFFLINE=1 and none"
        )
        return PendingDispatcher(None, reason)


def load_dispatcher() -> type[Dispatcher]:
    """The type that calls kernels, built if need be; the same for the life of the process."""
    return start_dispatcher().result()


def publish_dispatcher() -> None:
    """Have the dispatcher in the present cache, also if this process loaded it from another one.

    Without Python's headers there is none, and nothing is done.
    """
    with suppress(_NoHeaders):
        start(_RECIPE, _fields(), _source).result()


def _open(obtained: Obtained) -> type[Dispatcher]:
    module = open_library(obtained.entry, lambda path: open_extension(_MODULE, path))
    compiled: type[Dispatcher] = module.Dispatcher
    return compiled


def _fields() -> list[Field]:
    return [("numpy", toolchain.numpy_tag())]


class _NoHeaders(BuildError):
    """Python.h is not installed."""


def _parts() -> Parts:
    include = toolchain.python_include()
    if include is None:
        raise _NoHeaders("the dispatcher cannot be built: Python.h is not installed")
    return Parts(EXTENSION, includes=(include, numpy.get_include()))


def _source() -> Source:
    parts: list[str] = []
    for name in _FILES:
        with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
            parts.append(file.read())
    return Source("\n".join(parts))


# -O2 takes 80 ms more of a first start and calls no faster (measured).
_RECIPE = Recipe(
    "dispatcher",
    ".so",
    ("-O1", *toolchain.EXTENSION_FLAGS, *toolchain.link_flags()),
    _parts,
)
