"""Runs kernels under the address sanitizer: `sanitized_run.py plan.pickle`, libasan preloaded.

Every array lies in a block of its own from malloc, exactly as large as it is, so that reading or
writing one element too many is an error.  Started by tests; no test itself.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from typing import Any

import numpy as np


class Array(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("shape", ctypes.POINTER(ctypes.c_int64))]


class Runtime(ctypes.Structure):
    _fields_ = [
        ("bytes", ctypes.c_int64),
        ("num_threads", ctypes.c_int64),
        ("interrupted", ctypes.c_void_p),
        ("blas", ctypes.c_void_p * 32),
        ("lapack", ctypes.c_void_p * 64),
    ]


LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.malloc.argtypes = [ctypes.c_size_t]
LIBC.free.argtypes = [ctypes.c_void_p]
LIBC.aligned_alloc.restype = ctypes.c_void_p
LIBC.aligned_alloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]


class Blocks:
    """Memory that is given back at the end."""

    def __init__(self) -> None:
        self.held: list[int] = []

    def take(self, size: int, aligned: bool = False) -> int:
        block = LIBC.aligned_alloc(64, (size + 63) // 64 * 64) if aligned else LIBC.malloc(size)
        assert block
        self.held.append(block)
        return block

    def shape(self, shape: tuple[int, ...]) -> Any:
        pointer = ctypes.cast(self.take(8 * len(shape)), ctypes.POINTER(ctypes.c_int64))
        for k, n in enumerate(shape):
            pointer[k] = n
        return pointer

    def free(self) -> None:
        for block in self.held:
            LIBC.free(block)


def run(path: str, inputs: list[Any], outputs: list[tuple[str, int]]) -> Any:
    """The status, or the outputs as arrays."""
    lib = ctypes.CDLL(path)
    lib.cg_work.restype = lib.cg_sizes.restype = lib.cg_entry.restype = ctypes.c_int64
    blocks = Blocks()
    given = (Array * max(1, len(inputs)))()
    for k, array in enumerate(inputs):
        given[k].data = blocks.take(array.nbytes)
        ctypes.memmove(given[k].data, array.ctypes.data, array.nbytes)
        given[k].shape = blocks.shape(array.shape)
    made = (Array * max(1, len(outputs)))()
    for k, (_, ndim) in enumerate(outputs):
        made[k].shape = blocks.shape((0,) * ndim)
    size = (ctypes.c_int64 * 64)()
    status = (ctypes.c_int64 * 5)()
    flag = ctypes.c_int(0)
    runtime = Runtime(ctypes.sizeof(Runtime), 1, ctypes.addressof(flag))
    code = lib.cg_sizes(given, size, made, status)
    if code:
        blocks.free()
        return code
    for k, (dtype, ndim) in enumerate(outputs):
        count = int(np.prod([made[k].shape[axis] for axis in range(ndim)], dtype=np.int64))
        made[k].data = blocks.take(count * np.dtype(dtype).itemsize)
    work = blocks.take(lib.cg_work(size), aligned=True)
    code = lib.cg_entry(ctypes.byref(runtime), given, made, size, ctypes.c_void_p(work), status)
    results = []
    for k, (dtype, ndim) in enumerate(outputs):
        shape = tuple(made[k].shape[axis] for axis in range(ndim))
        result = np.zeros(shape, dtype)
        ctypes.memmove(result.ctypes.data, made[k].data, result.nbytes)
        results.append(result)
    blocks.free()
    return code or results


def main() -> None:
    with open(sys.argv[1], "rb") as file:
        plan = pickle.load(file)
    for name, path, inputs, outputs, wanted in plan:
        print("run", name, [a.shape for a in inputs], flush=True)
        found = run(path, inputs, outputs)
        if isinstance(wanted, int) or isinstance(found, int):
            assert found == wanted, f"{name}: status {found}, expected {wanted}"
            continue
        for got, want in zip(found, wanted, strict=True):
            assert got.shape == want.shape, f"{name}: shape {got.shape}, expected {want.shape}"
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=name)
    print("all clean", len(plan), flush=True)


if __name__ == "__main__":
    main()
