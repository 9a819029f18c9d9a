"""Element types: names, NumPy promotion and the C type of each.

Responsible for: which dtypes exist, what two of them promote to, how each is spelled in C.
Not responsible for: weak Python scalars (see `cgrad.ops.coerce.result_dtype`).
"""

from __future__ import annotations

import numpy as np

BOOL, INT64, FLOAT32, FLOAT64 = "bool", "int64", "float32", "float64"
UINT64 = "uint64"
COMPLEX64, COMPLEX128 = "complex64", "complex128"
COMPLEX = frozenset((COMPLEX64, COMPLEX128))
SIGNED = ("int8", "int16", "int32", INT64)
UNSIGNED = ("uint8", "uint16", "uint32", UINT64)
INTEGERS = (*SIGNED, *UNSIGNED)
# C computes on these as `int`: a result has to be brought back to their range
NARROW = ("int8", "int16", "uint8", "uint16")

C_TYPE = {BOOL: "uint8_t", FLOAT32: "float", FLOAT64: "double"}
C_TYPE.update((name, f"{name}_t") for name in INTEGERS)
C_TYPE.update((name, f"cg_{name}") for name in (COMPLEX64, COMPLEX128))
NUMPY = {name: np.dtype(name) for name in C_TYPE}
BYTES = {name: dtype.itemsize for name, dtype in NUMPY.items()}


def as_dtype(dtype: object) -> str:
    """The cgrad name of anything NumPy takes as a dtype; `NotImplementedError` for other kinds."""
    if isinstance(dtype, str) and dtype in C_TYPE:
        return dtype
    name = np.dtype(dtype).name  # type: ignore[call-overload]
    if name not in C_TYPE:
        raise NotImplementedError(
            f"dtype {name} is not built yet; cast to one of {', '.join(C_TYPE)} first"
        )
    return str(name)


def is_float(dtype: str) -> bool:
    return dtype in (FLOAT32, FLOAT64)


def is_complex(dtype: str) -> bool:
    return dtype in COMPLEX


def is_inexact(dtype: str) -> bool:
    """Whether there are derivatives with respect to elements of `dtype`."""
    return dtype in (FLOAT64, FLOAT32, COMPLEX128, COMPLEX64)


def is_integer(dtype: str) -> bool:
    return dtype in INTEGERS


def limits(dtype: str) -> tuple[int, int]:
    """The smallest and the largest value of an integer dtype (of bool: 0 and 1)."""
    if dtype == BOOL:
        return 0, 1
    info = np.iinfo(NUMPY[dtype])
    return int(info.min), int(info.max)


def promote(*dtypes: str) -> str:
    """The NumPy promotion of one or more dtypes."""
    result = dtypes[0]
    for dtype in dtypes[1:]:
        if dtype != result:
            result = as_dtype(np.promote_types(NUMPY[result], NUMPY[dtype]))
    return result


def as_float(dtype: str) -> str:
    """The dtype in which cgrad computes a floating function of `dtype` (integers: float64)."""
    return dtype if is_inexact(dtype) else FLOAT64


def real_part(dtype: str) -> str:
    """The dtype of the real part of a complex number; a real dtype itself."""
    return {COMPLEX64: FLOAT32, COMPLEX128: FLOAT64}.get(dtype, dtype)


def complex_of(dtype: str) -> str:
    """The complex dtype whose parts are of a real dtype, or hold it."""
    if dtype in COMPLEX:
        return dtype
    return COMPLEX64 if dtype == FLOAT32 else COMPLEX128


def total(dtype: str) -> str:
    """The dtype in which cgrad adds up or multiplies elements of `dtype`."""
    if dtype in COMPLEX:
        return COMPLEX128
    return FLOAT64 if is_float(dtype) else dtype


def zero(dtype: str) -> bool | int | float | complex:
    """The number 0 of a dtype, as a Python number."""
    number: bool | int | float | complex = NUMPY[dtype].type(0).item()
    return number


def one(dtype: str) -> bool | int | float | complex:
    """The number 1 of a dtype, as a Python number."""
    number: bool | int | float | complex = NUMPY[dtype].type(1).item()
    return number


def wide(dtype: str) -> str:
    """The dtype in which NumPy adds up elements of `dtype`."""
    if dtype in UNSIGNED:
        return UINT64
    return dtype if is_inexact(dtype) else INT64
