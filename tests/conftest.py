"""What every test may use: how the values of a graph are computed, and short constructors."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import settings

import cgrad
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node, TensorType, make_input

# a shell that starts the tests in the background has them ignore Ctrl-C, their children too
signal.signal(signal.SIGINT, signal.default_int_handler)

# a run that decides whether a change lands draws the same examples each time
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def by_compiling(outputs: Sequence[Node], given: Mapping[Node, Any]) -> list[Any]:
    """The values of `outputs` by compiled C."""
    f = cgrad.function(list(given), list(outputs), on_unused_input="ignore")
    result: list[Any] = f(*given.values())
    return result


@pytest.fixture(scope="session")
def values() -> Callable[..., list[Any]]:
    """values(outputs, {input: array}) -> arrays, op by op with NumPy.

    With CGRAD_TEST_VALUES=compiled in the environment, by compiled C instead.
    """
    return by_compiling if os.environ.get("CGRAD_TEST_VALUES") == "compiled" else evaluate


@pytest.fixture(scope="session")
def tensor() -> Callable[..., Node]:
    """tensor(name, rank or shape, dtype) -> an input."""

    def make(name: str | None = None, shape: Any = 0, dtype: str = "float64") -> Node:
        sizes = (None,) * shape if isinstance(shape, int) else tuple(shape)
        return make_input(TensorType(dtype, sizes), name)

    return make


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden/*.c anew from what is generated now",
    )
