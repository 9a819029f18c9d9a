"""The op registry: which function builds the operation called `name`.

`cgrad.ops` fills it; the operators and methods of a node call it, so that core needs to know no
op.  `compile` is the one hook the pipeline fills, for `x.eval(...)` and `verify_grad`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_BUILDERS: dict[str, Callable[..., Any]] = {}


def register(name: str, builder: Callable[..., Any]) -> None:
    """Let `build(name, ...)` call `builder`."""
    _BUILDERS[name] = builder


def build(name: str, *args: Any, **kwargs: Any) -> Any:
    """Apply the operation called `name`, with promotion and broadcasting."""
    return _BUILDERS[name](*args, **kwargs)


def known(name: str) -> bool:
    """Whether an operation called `name` exists."""
    return name in _BUILDERS
