"""What a file of `workloads/` has.

    TITLE                      what is computed, with its sizes
    CASES                      optional: arguments of the functions below by name of the case
    THREADS                    optional: numbers of threads with which cgrad is measured, (1,)
    RUN                        optional: False where only compiling is of interest
    BOUND                      optional: True to measure bound calls of cgrad too
    SPARSE                     optional: True where results are sparse matrices
    C                          optional: files of `c/` by name of the contender
    data(**case)               the arguments, NumPy arrays, the same in every process
    results(*data)             the shapes of the results, for the references in C
    places(*data)              of sparse results in C: shape, indptr and indices of each
    symbolic(lib, t, **case)   inputs and outputs of the graph, for cgrad and PyTensor: `lib` is
                               the package and `t` its `tensor`
    in_cgrad, in_pytensor      optional: the same for one of them
    in_casadi(ca, **case)      inputs, one for each array of floats, and outputs; `ca` is CasADi
    in_jax(**case)             a function of arrays; the tool compiles it
    in_torch(**case)           a function of tensors; the tool compiles it if that is faster
    in_numba(**case)           a compiled function of arrays

Each is written as a user of that tool would write it. What a file does not have is not measured.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks import workloads

Array = np.ndarray[Any, np.dtype[Any]]
Data = tuple[Array, ...]


def names() -> list[str]:
    """Every workload, in alphabetical order."""
    return sorted(found.name for found in pkgutil.iter_modules(workloads.__path__))


@dataclass(frozen=True, slots=True)
class Case:
    """A workload with one choice of its arguments."""

    workload: str
    name: str = ""

    @property
    def label(self) -> str:
        return f"{self.workload}[{self.name}]" if self.name else self.workload

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"benchmarks.workloads.{self.workload}")

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(_cases(self.module)[self.name])

    def data(self) -> Data:
        return tuple(self.module.data(**self.arguments))

    def has(self, function: str) -> bool:
        return hasattr(self.module, function)

    def build(self, function: str, *first: Any) -> Any:
        """What the function of that name in the workload's file answers."""
        return getattr(self.module, function)(*first, **self.arguments)

    @property
    def references(self) -> dict[str, str]:
        """Files of `c/` by name of the contender."""
        return dict(getattr(self.module, "C", {"c": f"{self.workload}.c"}))


def cases(workload: str) -> list[Case]:
    """All cases of a workload."""
    module = importlib.import_module(f"benchmarks.workloads.{workload}")
    return [Case(workload, name) for name in _cases(module)]


def _cases(module: ModuleType) -> dict[str, dict[str, Any]]:
    return dict(getattr(module, "CASES", {"": {}}))
