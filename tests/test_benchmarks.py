"""The benchmarks can be built and tell right from wrong; how long they take is no test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import benchmarks
import cgrad
import cgrad.tensor as ct
from benchmarks import runner, workload
from benchmarks.workload import Case
from cgrad.core.node import Node

FOLDER = Path(benchmarks.__file__).parent
FIRST = [workload.cases(name)[0] for name in workload.names()]


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.workload)
def test_workload_is_complete(case: Case) -> None:
    """The graph takes the data, and the references know the shapes of the results."""
    data = case.data()
    inputs, outputs = case.build("in_cgrad" if case.has("in_cgrad") else "symbolic", cgrad, ct)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    assert [node.ndim for node in inputs] == [array.ndim for array in data]
    assert [node.dtype for node in inputs] == [str(array.dtype) for array in data]
    if case.has("results"):
        shapes = case.module.results(*data)
        stored = [node if isinstance(node, Node) else node.values for node in outputs]
        assert [node.ndim for node in stored] == [len(shape) for shape in shapes]
        for name in case.references.values():
            assert (FOLDER / "c" / name).is_file()


def test_every_reference_belongs_to_a_workload() -> None:
    used = {name for case in FIRST if case.has("results") for name in case.references.values()}
    assert used == {path.name for path in (FOLDER / "c").glob("*.c")}


def test_deviation() -> None:
    a = np.array([1.0, -4.0])
    assert runner.deviation([a], [a]) == 0.0
    assert runner.deviation([np.array([1.0, -3.999])], [a]) == pytest.approx(2.5e-4)
    assert runner.deviation([a], [a[:1]]) == np.inf
    assert runner.deviation([a], []) == np.inf
    assert runner.deviation([np.array([1.0, np.nan])], [a]) == np.inf
    assert runner.deviation([np.zeros(0)], [np.zeros(0)]) == 0.0
