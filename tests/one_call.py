"""Which Python runs in a call of a compiled function: none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def python_calls(run: Callable[[], object]) -> list[str]:
    """The names of the Python functions that run inside `run`."""
    seen: list[str] = []

    def profile(frame: Any, event: str, arg: object) -> None:
        if event == "call":
            seen.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return seen


def assert_no_python(f: Any, given: list[Any]) -> None:
    f(*given)
    assert python_calls(lambda: f(*given)) == ["<lambda>"]
