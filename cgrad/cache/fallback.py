"""The dispatcher in Python, for machines without Python's headers.

It behaves like the compiled one (see ``dispatcher_call.c``) and is some twenty times slower a
call. Kernels are called through cffi, which releases the GIL. Not responsible for more: the two
share their tests.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, NoReturn

import _cffi_backend
import numpy as np

__all__ = ["PythonDispatcher", "Setting"]

_Array = np.ndarray[Any, Any]

_WORK_LIMIT = 1 << 62

_VOID_POINTER = _cffi_backend.new_pointer_type(_cffi_backend.new_void_type())
_INT64 = _cffi_backend.new_primitive_type("int64_t")


def _function(address: int, n_arguments: int) -> Any:
    kind = _cffi_backend.new_function_type((_VOID_POINTER,) * n_arguments, _INT64, False)
    return _cffi_backend.cast(kind, address)  # cffi's function types are pointers


def _pointer(array: _Array) -> Any:
    return _cffi_backend.cast(_VOID_POINTER, array.__array_interface__["data"][0])


def _address(array: _Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


# struct cg_rt as 64-bit words: size, threads, no function to hold on, BLAS, LAPACK.
_NOTHING = np.zeros(1, np.int32)
_N_BLAS, _N_LAPACK = 32, 64
_RUNTIME = np.zeros(3 + _N_BLAS + _N_LAPACK, np.int64)
_RUNTIME[:2] = (_RUNTIME.nbytes, 1)


class _Threads:
    """OpenMP's threads do not survive fork, and its next parallel region would hang."""

    asked_for = forked = False


def _after_fork_in_child() -> None:
    _Threads.forked = _Threads.asked_for
    _RUNTIME[1] = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class PythonDispatcher:
    """Calls a kernel with NumPy arrays; the interface is `cgrad.cache.dispatcher.Dispatcher`."""

    _owner: object = None

    def _bind(
        self,
        *,
        entry: int,
        sizes: int,
        work: int,
        n_sizes: int,
        inputs: Sequence[tuple[int, int]],
        hidden: Sequence[list[Any]],
        outputs: Sequence[tuple[int, int]],
        returns: Literal["single", "list"] | tuple[str, ...],
        n_returned: int,
        updates: Sequence[tuple[int, list[Any]]],
        always_release_gil: bool,
        interruptible: bool,
        owner: object,
        out_keyword: bool,
    ) -> None:
        if self._owner is not None:
            raise RuntimeError("this function is already bound to a kernel")
        n_user = len(inputs) - len(hidden)
        if n_user < 0 or not 0 <= n_returned <= len(outputs):
            raise ValueError("_bind: counts do not fit together")
        if isinstance(returns, str):
            good = returns == "list" or (returns == "single" and n_returned == 1)
        else:
            good = len(returns) == n_returned
        if not good:
            raise ValueError("returns is 'single' (of one output), 'list', or a tuple of names")
        for cell in (*hidden, *(cell for _, cell in updates)):
            if type(cell) is not list or len(cell) != 1:
                raise TypeError("a stored value is a list of one array")
        if any(not n_returned <= index < len(outputs) for index, _ in updates):
            raise ValueError("an update is an output that is not returned")
        self._open(entry, sizes, work)
        self._n_sizes = n_sizes
        self._n_user = n_user
        self._inputs = [(_DTYPES[number], rank) for number, rank in inputs]
        self._outputs = [(_DTYPES[number], rank) for number, rank in outputs]
        self._hidden = tuple(hidden)
        self._returns = returns
        self._n_returned = n_returned
        self._updates = tuple(updates)
        self._owner = owner

    def _open(self, entry: int, sizes: int, work: int) -> None:
        """Keep the functions of the kernel."""
        if not (entry and sizes and work):
            raise ValueError("_bind: an address is missing")
        self._entry = _function(entry, 6)
        self._sizes = _function(sizes, 4)
        self._work = _function(work, 1)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._owner is None:
            raise RuntimeError("this function is not bound to a kernel")
        if not kwargs and len(args) == self._n_user:
            arrays = self._take(args)
            if arrays is not None:
                return self._run(args, arrays, ())
        converted = self._convert(args, kwargs)
        arrays, given = None, ()
        n = self._n_user
        if isinstance(converted, tuple) and len(converted) in (n, n + self._n_returned):
            converted, given = converted[:n], converted[n:]
            arrays = self._take(converted)
        if arrays is None:
            raise RuntimeError("_convert did not return a tuple of arrays that fit the kernel")
        return self._run(converted, arrays, given)

    def _measure(self, args: tuple[Any, ...], /) -> tuple[int, tuple[tuple[int, ...], ...]]:
        if self._owner is None:
            raise RuntimeError("this function is not bound to a kernel")
        if not isinstance(args, tuple) or len(args) != self._n_user:
            raise ValueError("_measure: a tuple with one item for each argument")
        setting = self._prepare(args, self._take_fixed(args))
        return setting.needed, tuple(tuple(shape.tolist()) for shape in setting.out_shapes)

    def _fix(self, args: tuple[Any, ...], given: tuple[Any, ...], /) -> _BoundCall:
        if self._owner is None:
            raise RuntimeError("this function is not bound to a kernel")
        if len(args) != self._n_user or len(given) != self._n_returned:
            raise ValueError("_fix: one item for each argument and each result")
        for value in args:
            if type(value) is list and len(value) != 1:
                raise TypeError("a stored value is a list of one array")
        return _BoundCall(self, args, given)

    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        raise AttributeError("_convert")  # a subclass has it

    def _fail(
        self, code: int, tag: int, axis: int, found: int, expected: int, arrays: tuple[Any, ...]
    ) -> None:
        raise AttributeError("_fail")  # a subclass has it

    def _refuse(self, reason: str, place: int, array: Any, expected: tuple[int, ...]) -> None:
        raise AttributeError("_refuse")  # a subclass has it

    @staticmethod
    def _set_num_threads(count: int, /) -> None:
        if count < 1:
            raise ValueError("the number of threads is at least 1")
        if _Threads.forked:
            count = 1
        _Threads.asked_for |= count > 1
        _RUNTIME[1] = count

    @staticmethod
    def _set_blas(index: int, address: int, /) -> None:
        if not 0 <= index < _N_BLAS:
            raise IndexError(f"index {index} is not below {_N_BLAS}")
        _RUNTIME[3 + index] = address

    @staticmethod
    def _set_lapack(index: int, address: int, /) -> None:
        if not 0 <= index < _N_LAPACK:
            raise IndexError(f"index {index} is not below {_N_LAPACK}")
        _RUNTIME[3 + _N_BLAS + index] = address

    def _take(self, args: Sequence[Any]) -> list[_Array] | None:
        """The user's arguments as arrays, or None if one needs conversion."""
        arrays: list[_Array] = []
        for value, (dtype, rank) in zip(args, self._inputs, strict=False):
            if _fits(value, dtype, rank):
                arrays.append(value)
            elif rank == 0 and _is_scalar(value, dtype):
                arrays.append(np.array(value, dtype))
            else:
                return None
        return arrays

    def _take_fixed(self, args: Sequence[Any]) -> list[_Array]:
        """The arguments of `_measure` and `_fix` as arrays; what is stored is read."""
        arrays: list[_Array] = []
        for index, value in enumerate(args):
            if type(value) is list:
                arrays.append(self._stored(index, value, index))
                continue
            dtype, rank = self._inputs[index]
            if _fits(value, dtype, rank):
                arrays.append(value)
            elif rank == 0 and _is_scalar(value, dtype):
                arrays.append(np.array(value, dtype))
            else:
                self._refused("input", index, value if isinstance(value, np.ndarray) else None, ())
        return arrays

    def _stored(self, index: int, cell: list[Any], number: int) -> _Array:
        dtype, rank = self._inputs[index]
        value: _Array = cell[0]
        if not _fits(value, dtype, rank):
            raise RuntimeError(
                f"stored value {number} is not a C-contiguous array of rank {rank} and its dtype"
            )
        return value

    def _with_hidden(self, arrays: list[_Array]) -> list[_Array]:
        """The user's arrays and those that are stored."""
        stored = [
            self._stored(self._n_user + number, cell, number)
            for number, cell in enumerate(self._hidden)
        ]
        return [*arrays, *stored]

    def _prepare(self, args: Sequence[Any], given: list[_Array]) -> Setting:
        """Everything that is known before memory is needed."""
        arrays = self._with_hidden(given)
        status = np.array((0, -1, -1, 0, 0), np.int64)
        shapes = [np.array(array.shape, np.int64) for array in arrays]
        out_shapes = [np.zeros(rank, np.int64) for _, rank in self._outputs]
        table = _table(arrays, shapes)
        size = np.zeros(self._n_sizes, np.int64)

        out = _table([_NOTHING] * len(out_shapes), out_shapes)
        code = self._sizes(_pointer(table), _pointer(size), _pointer(out), _pointer(status))
        if code:
            self._raise(code, status, args, arrays)
        needed = self._work(_pointer(size))
        if not 0 <= needed < _WORK_LIMIT:
            raise MemoryError
        return Setting(arrays, shapes, table, size, out_shapes, needed)

    def _compute(self, args: Sequence[Any], setting: Setting, made: list[_Array]) -> None:
        """Write the results to `made`, their true shapes to `setting`."""
        status = np.array((0, -1, -1, 0, 0), np.int64)
        out = _table(made, setting.out_shapes)
        work = np.empty(setting.needed + 64, np.uint8)
        aligned = work[-_address(work) % 64 :]
        code = self._entry(
            _pointer(_RUNTIME), _pointer(setting.table), _pointer(out), _pointer(setting.size),
            _pointer(aligned), _pointer(status),
        )  # fmt: skip
        if code:
            self._raise(code, status, args, setting.arrays)

    def _run(self, args: Sequence[Any], arrays: list[_Array], given: Sequence[Any]) -> Any:
        setting = self._prepare(args, arrays)
        arrays, out_shapes = setting.arrays, setting.out_shapes
        targets = [*given, *[None] * (len(out_shapes) - len(given))]
        made = [
            target
            if target is not None and self._may_write(index, targets, shape, arrays)
            else np.empty(shape, dtype)
            for index, (target, shape, (dtype, _)) in enumerate(
                zip(targets, [tuple(s.tolist()) for s in out_shapes], self._outputs, strict=True)
            )
        ]
        self._compute(args, setting, made)
        true = [tuple(shape.tolist()) for shape in out_shapes]
        for index, target in enumerate(targets):
            if target is None:
                made[index] = _shrunk(made[index], true[index], index)
                continue
            if not _fits(target, *self._outputs[index]) or not target.flags.writeable:
                self._refused("array", index, target, true[index])
            if target.shape != true[index]:
                self._refused("shape", index, target, true[index])
        for index, target in enumerate(targets):
            if target is not None and target is not made[index]:
                target.ravel()[:] = made[index].ravel()[: target.size]
                made[index] = target
        for index, cell in self._updates:
            cell[0] = made[index]
        if self._returns == "single":
            return made[0]
        returned = made[: self._n_returned]
        if self._returns == "list":
            return returned
        return dict(zip(self._returns, returned, strict=True))

    def _may_write(
        self, index: int, targets: list[Any], bound: tuple[int, ...], arrays: list[_Array]
    ) -> bool:
        """Whether the kernel may write to a target itself; see `can_write` in C."""
        target = targets[index]
        dtype, rank = self._outputs[index]
        if not _fits(target, dtype, rank) or not target.flags.writeable:
            self._refused("array", index, target, bound)
        if any(n > most for n, most in zip(target.shape, bound, strict=True)):
            self._refused("shape", index, target, bound)
        if any(other is not None and _overlap(target, other) for other in targets[:index]):
            self._refused("overlap", index, target, bound)
        return target.shape == bound and not any(_overlap(target, array) for array in arrays)

    def _refused(self, reason: str, place: int, array: Any, expected: tuple[int, ...]) -> NoReturn:
        self._refuse(reason, place, array, expected)
        raise RuntimeError(f"the call was refused ({reason}) and nobody said why")

    def _raise(
        self,
        code: int,
        status: _Array,
        args: Sequence[Any],
        arrays: list[_Array],
    ) -> None:
        _, tag, axis, found, expected = status.tolist()
        self._fail(code, tag, axis, found, expected, (*args, *arrays[self._n_user :]))
        raise RuntimeError(f"the kernel failed with code {code} and nobody said why")


class Setting(NamedTuple):
    """What a call knows before it runs."""

    arrays: list[_Array]
    shapes: list[_Array]
    table: _Array
    size: _Array
    out_shapes: list[_Array]
    needed: int


class _BoundCall:
    """A function with its arguments and the arrays of its results; see `dispatcher_fixed.c`."""

    __slots__ = ("__weakref__", "_busy", "arguments", "function", "outputs")

    def __init__(
        self, function: PythonDispatcher, args: tuple[Any, ...], given: tuple[Any, ...]
    ) -> None:
        self.function = function
        self.arguments = args
        self.outputs = given
        self._busy = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self.function
        if args or kwargs:
            function._refused("arguments", 0, None, ())
        if not self._busy.acquire(blocking=False):
            function._refused("busy", 0, None, ())
        try:
            arrays = function._take_fixed(self.arguments)
            return function._run(self.arguments, arrays, self.outputs)
        finally:
            self._busy.release()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("cannot pickle 'BoundCall' object")


_DTYPES: dict[int, np.dtype[Any]] = {
    np.dtype(code).num: np.dtype(code) for code in np.typecodes["All"]
}
_EXACT_IN_DOUBLE = 1 << 53


def _fits(value: Any, dtype: np.dtype[Any], rank: int) -> bool:
    return (
        type(value) is np.ndarray
        and value.dtype == dtype
        and value.ndim == rank
        and value.flags.c_contiguous
        and value.flags.aligned
        and value.dtype.isnative
    )


def _is_scalar(value: Any, dtype: np.dtype[Any]) -> bool:
    kind = type(value)
    if dtype == np.float64:
        return kind in (float, np.float64) or (kind is int and abs(value) <= _EXACT_IN_DOUBLE)
    if dtype == np.int64:
        return kind is np.int64 or (kind is int and -(1 << 63) <= value < 1 << 63)
    return False


def _overlap(a: _Array, b: _Array) -> bool:
    """Whether two contiguous arrays share bytes."""
    first, second = _address(a), _address(b)
    return a.size > 0 and b.size > 0 and first < second + b.nbytes and second < first + a.nbytes


def _table(arrays: Sequence[_Array], shapes: Sequence[_Array]) -> _Array:
    """An array of struct cg_array: pairs of addresses."""
    addresses = [(_address(a), _address(s)) for a, s in zip(arrays, shapes, strict=True)]
    return np.array(addresses or [(0, 0)], np.uint64)


def _shrunk(array: _Array, shape: tuple[int, ...], index: int) -> _Array:
    """A compact array of the true shape, where the kernel wrote less than the bound."""
    if shape == array.shape:
        return array
    if any(not 0 <= true <= bound for true, bound in zip(shape, array.shape, strict=True)):
        raise RuntimeError(f"the kernel exceeded the bound of output {index}")
    small = np.empty(shape, array.dtype)
    small.ravel()[:] = array.ravel()[: small.size]
    return small
