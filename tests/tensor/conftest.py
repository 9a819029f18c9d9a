"""One place through which every value of these tests is computed and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from cgrad.core.node import Node

Value = Callable[..., Any]
Same = Callable[..., None]


@pytest.fixture(scope="session")
def value(values: Value) -> Value:
    """The value of a node, or the values of a list of nodes, by `values` of tests/conftest.py."""

    def compute(out: Any, given: Mapping[Node, Any] | None = None) -> Any:
        found = values(out if isinstance(out, list) else [out], given or {})
        return found if isinstance(out, list) else found[0]

    return compute


@pytest.fixture(scope="session")
def same(value: Value) -> Same:
    """The node has the value, the shape and the dtype that NumPy gives, bit by bit unless told."""

    def check(out: Node, expected: Any, given: Any = None, rtol: float = 0.0) -> None:
        expected = np.asarray(expected)
        found = value(out, given)
        assert out.dtype == expected.dtype.name
        assert out.ndim == expected.ndim
        for n, m in zip(out.dims, expected.shape, strict=True):
            assert not isinstance(n, int) or n == m
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=0, strict=True)

    return check
