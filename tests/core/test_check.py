"""The invariants: what is taken for a mistake of a pass, and what is not."""

from __future__ import annotations

import pytest

from cgrad.core import exprs, loops, sizes
from cgrad.core.check import InvariantError, check_loops
from cgrad.core.node import TensorType, make_input
from cgrad.core.sizes import SizeLike

COUNT = sizes.value(make_input(TensorType("int64", ()), "count"))


def copied(length: SizeLike) -> list[loops.Stmt]:
    """A loop that copies a buffer which no statement has stored in."""
    source, target = (exprs.Buffer(name, "float64", (length,)) for name in ("a", "b"))
    at = (sizes.index("i"),)
    return [loops.For("i", 4, [loops.Set(target, at, exprs.read(source, at))])]


@pytest.mark.parametrize("length", [4, COUNT, sizes.minimum(3, COUNT)])
def test_what_is_read_has_been_written(length: SizeLike) -> None:
    with pytest.raises(InvariantError, match="written"):
        check_loops(copied(length), [])


@pytest.mark.parametrize("length", [0, sizes.minimum(0, COUNT)])
def test_a_buffer_without_elements_is_never_written(length: SizeLike) -> None:
    check_loops(copied(length), [])
