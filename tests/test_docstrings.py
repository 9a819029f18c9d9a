"""The examples in the docstrings of the package."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "cgrad.graph.traversal",
    "cgrad.graph.replace",
    "cgrad.graph.rewriting",
    "cgrad.graph.vectorize",
    "cgrad.graph.from_graph",
    "cgrad.graph.foreign",
    "cgrad.tensor.checkpoints",
    "cgrad.tensor.scan",
    "cgrad.graph.lazy",
    "cgrad.graph.checks",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert attempted
    assert not failed
