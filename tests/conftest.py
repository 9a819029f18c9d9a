"""What every test may use: how the values of a graph are computed, and short constructors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cgrad import ops
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node, TensorType, make_input

assert ops  # filling the registry is what it is imported for


@pytest.fixture(scope="session")
def values() -> Callable[..., list[Any]]:
    """values(outputs, {input: array}) -> arrays.  The one place to swap NumPy for compiled C."""
    return evaluate


@pytest.fixture(scope="session")
def tensor() -> Callable[..., Node]:
    """tensor(name, rank or shape, dtype) -> an input."""

    def make(name: str | None = None, shape: Any = 0, dtype: str = "float64") -> Node:
        sizes = (None,) * shape if isinstance(shape, int) else tuple(shape)
        return make_input(TensorType(dtype, sizes), name)

    return make
