"""Work as no machine makes it slower: calls of functions."""

from __future__ import annotations

import sys
from collections.abc import Callable


def count_calls(run: Callable[[], object]) -> int:
    """Calls of functions, those of C too, inside `run`."""
    calls = 0

    def profile(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls
