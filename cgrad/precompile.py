"""`precompile`: what of a module `cgrad compile MODULE` compiles.

Responsible for: marking, and finding what is marked.  Not responsible for: compiling.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

_MARK = "__cgrad_precompile__"


def precompile(maker: T) -> T:
    """Mark a callable without arguments that makes compiled functions.

        @cgrad.precompile
        def objective():
            x = ct.dvector("x")
            return cgrad.function([x], ct.sum(x**2))

    `cgrad compile MODULE` calls everything a module marks and compiles what it returns: a
    function, or a list, tuple or dict of functions. The callable itself is returned unchanged.

    Errors: `TypeError` for what cannot be called or marked.
    """
    if not callable(maker):
        raise TypeError(f"precompile marks a callable that makes functions; found {maker!r:.80}")
    try:
        setattr(maker, _MARK, True)
    except AttributeError as error:
        raise TypeError(
            f"precompile cannot mark {maker!r:.80}; write a function that returns it"
        ) from error
    return maker


def marked(module: ModuleType) -> dict[str, Any]:
    """What a module itself marks, by name, in the order of definition."""
    return {
        name: value
        for name, value in vars(module).items()
        if getattr(value, _MARK, False) is True
        and getattr(value, "__module__", module.__name__) == module.__name__
    }
