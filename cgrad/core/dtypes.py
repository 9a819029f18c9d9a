"""Element types: names, NumPy promotion and the C type of each.

Responsible for: which dtypes exist, what two of them promote to, how each is spelled in C.
Not responsible for: weak Python scalars (see `cgrad.ops.elementwise.coerce`).
"""

from __future__ import annotations

import numpy as np

BOOL, INT64, FLOAT32, FLOAT64 = "bool", "int64", "float32", "float64"

C_TYPE = {BOOL: "uint8_t", INT64: "int64_t", FLOAT32: "float", FLOAT64: "double"}
BYTES = {BOOL: 1, INT64: 8, FLOAT32: 4, FLOAT64: 8}
NUMPY = {name: np.dtype(name) for name in C_TYPE}


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


def is_integer(dtype: str) -> bool:
    return dtype == INT64


def promote(*dtypes: str) -> str:
    """The NumPy promotion of one or more dtypes."""
    result = dtypes[0]
    for dtype in dtypes[1:]:
        if dtype != result:
            result = np.promote_types(NUMPY[result], NUMPY[dtype]).name
    return result


def as_float(dtype: str) -> str:
    """The dtype in which NumPy computes a floating function of `dtype` (integers: float64)."""
    return dtype if is_float(dtype) else FLOAT64
