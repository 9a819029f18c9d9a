"""PyTensor's names that cgrad leaves out, and what to use instead.

`cgrad.tensor.NAME` of such a name raises NotImplementedError with the advice; every other unknown
name is an AttributeError, as in any module.
"""

from __future__ import annotations

import sys
from typing import Any

_CLASS = "build graphs with the functions of cgrad.tensor; their ops are in cgrad.ops"
_NODE = "the class of all tensors, of constants too, is cgrad.tensor.Node"
_SPARSE = "use dense tensors, or the stored elements as a vector and their positions as indices"

ADVICE: dict[str, str] = {
    "NoneConst": "write None in the index",
    "make_slice": "write slice(start, stop), whose bounds may be symbols",
    "typed_list": "use a Python list of tensors, or stack them",
    "xtensor": "name axes in your own code; axes here are numbered",
    "sparse": _SPARSE,
    "rfft": "use cgrad.tensor.fft.rfft, whose arguments and complex result are those of NumPy",
    "irfft": "use cgrad.tensor.fft.irfft, whose arguments are those of NumPy",
    "TensorVariable": _NODE,
    "TensorConstant": _NODE,
    "Variable": _NODE,
    "Blockwise": _CLASS,
    "Elemwise": _CLASS,
    "CAReduce": _CLASS,
    "DimShuffle": _CLASS,
    "Subtensor": _CLASS,
}


def __getattr__(name: str) -> Any:
    """The error for a name that `cgrad.tensor` does not have."""
    if name in ADVICE:
        raise NotImplementedError(f"cgrad.tensor.{name} is not built: {ADVICE[name]}")
    raise unknown("cgrad.tensor", name)


def unknown(module: str, name: str) -> AttributeError:
    """The error for an unknown name, of which Python says which known one may be meant."""
    return AttributeError(
        f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules[module]
    )
