"""The dispatcher in Python, for machines without Python's headers.

It behaves like the compiled one (see ``dispatcher_call.c``) and is some twenty times slower a
call. Kernels are called through cffi, which releases the GIL. Not responsible for more: the two
share their tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import _cffi_backend
import numpy as np

__all__ = ["PythonDispatcher"]

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


# struct cg_rt as 64-bit words: size, threads, address of the interrupt flag, BLAS, LAPACK.
_NEVER = np.zeros(1, np.int32)
_N_BLAS, _N_LAPACK = 32, 64
_RUNTIME = np.zeros(3 + _N_BLAS + _N_LAPACK, np.int64)
_RUNTIME[:3] = (_RUNTIME.nbytes, 1, _address(_NEVER))


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
        owner: object,
    ) -> None:
        if self._owner is not None:
            raise RuntimeError("this function is already bound to a kernel")
        n_user = len(inputs) - len(hidden)
        if n_user < 0 or not 0 <= n_returned <= len(outputs) or not (entry and sizes and work):
            raise ValueError("_bind: counts or addresses do not fit together")
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
        self._entry = _function(entry, 6)
        self._sizes = _function(sizes, 4)
        self._work = _function(work, 1)
        self._n_sizes = n_sizes
        self._n_user = n_user
        self._inputs = [(_DTYPES[number], rank) for number, rank in inputs]
        self._outputs = [(_DTYPES[number], rank) for number, rank in outputs]
        self._hidden = tuple(hidden)
        self._returns = returns
        self._n_returned = n_returned
        self._updates = tuple(updates)
        self._owner = owner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._owner is None:
            raise RuntimeError("this function is not bound to a kernel")
        if not kwargs and len(args) == self._n_user:
            arrays = self._take(args)
            if arrays is not None:
                return self._run(args, arrays)
        converted = self._convert(args, kwargs)
        arrays = None
        if isinstance(converted, tuple) and len(converted) == self._n_user:
            arrays = self._take(converted)
        if arrays is None:
            raise RuntimeError("_convert did not return a tuple of arrays that fit the kernel")
        return self._run(converted, arrays)

    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        raise AttributeError("_convert")  # a subclass has it

    def _fail(
        self, code: int, tag: int, axis: int, found: int, expected: int, arrays: tuple[Any, ...]
    ) -> None:
        raise AttributeError("_fail")  # a subclass has it

    @staticmethod
    def _set_num_threads(count: int, /) -> None:
        if count < 1:
            raise ValueError("the number of threads is at least 1")
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

    def _run(self, args: Sequence[Any], arrays: list[_Array]) -> Any:
        for index, cell in enumerate(self._hidden):
            dtype, rank = self._inputs[self._n_user + index]
            if not _fits(cell[0], dtype, rank):
                raise RuntimeError(
                    f"stored value {index} is not a C-contiguous array of rank {rank} and its dtype"
                )
            arrays.append(cell[0])
        status = np.array((0, -1, -1, 0, 0), np.int64)
        shapes = [np.array(array.shape, np.int64) for array in arrays]
        out_shapes = [np.zeros(rank, np.int64) for _, rank in self._outputs]
        table = _table(arrays, shapes)
        size = np.zeros(self._n_sizes, np.int64)

        out = _table([_NEVER] * len(out_shapes), out_shapes)
        code = self._sizes(_pointer(table), _pointer(size), _pointer(out), _pointer(status))
        if code:
            self._raise(code, status, args, arrays)
        needed = self._work(_pointer(size))
        if not 0 <= needed < _WORK_LIMIT:
            raise MemoryError
        made = [
            np.empty(tuple(shape.tolist()), dtype)
            for shape, (dtype, _) in zip(out_shapes, self._outputs, strict=True)
        ]
        out = _table(made, out_shapes)
        work = np.empty(needed + 64, np.uint8)
        aligned = work[-_address(work) % 64 :]
        code = self._entry(
            _pointer(_RUNTIME), _pointer(table), _pointer(out), _pointer(size),
            _pointer(aligned), _pointer(status),
        )  # fmt: skip
        if code:
            self._raise(code, status, args, arrays)
        for index, shape in enumerate(out_shapes):
            made[index] = _shrunk(made[index], tuple(shape.tolist()), index)
        for index, cell in self._updates:
            cell[0] = made[index]
        if self._returns == "single":
            return made[0]
        returned = made[: self._n_returned]
        if self._returns == "list":
            return returned
        return dict(zip(self._returns, returned, strict=True))

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
