"""Ctrl-C while something is made that must be cleaned up.

Responsible for: putting the answer off to the end of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["interrupts_waiting"]


@contextmanager
def interrupts_waiting() -> Iterator[None]:
    """Ctrl-C is answered after the block, so that what the block made is not lost."""
    import signal
    import threading

    answer = signal.getsignal(signal.SIGINT)
    if not callable(answer) or threading.current_thread() is not threading.main_thread():
        yield  # Python answers signals in the main thread only
        return
    waiting: list[tuple[int, FrameType | None]] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: waiting.append((number, frame)))
        yield
    finally:
        signal.signal(signal.SIGINT, answer)
        if waiting:
            answer(*waiting[0])
