"""PyTensor's names of linear algebra that cgrad leaves out, and what to use instead."""

from __future__ import annotations

from typing import Any

from cgrad.tensor.absent import unknown

_SCIPY = "compute it with scipy.linalg.{0} outside of the graph, or call that by cgrad.wrap_py"

ADVICE: dict[str, str] = {
    "qz": _SCIPY.format("qz"),
    "ordqz": _SCIPY.format("ordqz"),
}


def __getattr__(name: str) -> Any:
    """The error for a name that `cgrad.tensor.linalg` does not have."""
    if name in ADVICE:
        raise NotImplementedError(f"cgrad.tensor.linalg.{name} is not built: {ADVICE[name]}")
    raise unknown("cgrad.tensor.linalg", name)
