"""What the command line prints: text for people, or one JSON object.

Responsible for: colours, tables, progress, the exit codes.  Not responsible for: what is said.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

DONE, FAILED, USAGE, NO_COMPILER = range(4)
SCHEMA = 1
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


class UsageError(Exception):
    """What was asked for makes no sense; exit code 2."""


class WorkFailed(Exception):
    """What was asked for could not be done; exit code 1."""


class Output:
    """Where a command puts its results: `text` and `table` as it goes, `result` for JSON.

    With --json only the object of `result` is printed, on one line, with "schema" and "command".
    """

    def __init__(self, command: str, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
        self._colour = not as_json and _wants_colour()

    def text(self, line: str = "") -> None:
        """A line for people."""
        if not self.as_json:
            print(line)

    def paint(self, words: str, colour: str) -> str:
        """Words in a colour where that is seen."""
        return f"\x1b[{_COLOURS[colour]}m{words}\x1b[0m" if self._colour and words else words

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
        """Columns as wide as they must be; those named in `right` end at the right."""
        if self.as_json:
            return
        widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
        for number, row in enumerate([head, *rows]):
            cells = [
                cell.rjust(width) if title in right.split() else cell.ljust(width)
                for cell, width, title in zip(row, widths, head, strict=True)
            ]
            line = "  ".join(cells).rstrip()
            print(self.paint(line, "bold") if number == 0 else line)

    def result(self, **fields: Any) -> None:
        """The JSON object."""
        if self.as_json:
            print(json.dumps({"schema": SCHEMA, "command": self.command, **fields}))

    def error(self, kind: str, message: str) -> None:
        """What went wrong, on standard error, or as a JSON object."""
        if self.as_json:
            self.result(error={"kind": kind, "message": message})
        else:
            self._complain("error", "red", message)

    def warning(self, message: str) -> None:
        """What could be better, on standard error."""
        self._complain("warning", "yellow", message)

    def _complain(self, word: str, colour: str, message: str) -> None:
        if not os.environ.get("NO_COLOR") and sys.stderr.isatty():
            word = f"\x1b[{_COLOURS[colour]}m{word}\x1b[0m"
        print(f"{f'cgrad {self.command}'.rstrip()}: {word}: {message}", file=sys.stderr)


def _wants_colour() -> bool:
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "") != "dumb"
    )


class Progress:
    """A line on the terminal: how many of the jobs are done, how long it took and will take."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.latest = ""

    def step(self, name: str) -> None:
        self.done += 1
        self.latest = name

    def line(self, seconds: float) -> str:
        """What is shown after so many seconds; the rest is taken to go on at the same rate."""
        words = f"{self.done}/{self.total} compiled, {seconds:.1f} s"
        if 0 < self.done < self.total:
            words += f", about {seconds / self.done * (self.total - self.done):.0f} s left"
        return f"{words}, {self.latest}" if self.latest else words


@contextmanager
def progress(total: int) -> Iterator[Progress]:
    """Shows itself while several jobs run and standard error is a terminal."""
    state = Progress(total)
    if total < 2 or not sys.stderr.isatty():
        yield state
        return
    start, stop = time.monotonic(), threading.Event()

    def show() -> None:
        while not stop.wait(0.1):
            line = state.line(time.monotonic() - start)
            print(f"\r\x1b[K{line[: _columns() - 1]}", end="", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=show, daemon=True)
    ticker.start()
    try:
        yield state
    finally:
        stop.set()
        ticker.join()
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def size_text(count: int) -> str:
    """Bytes as people read them."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def age_text(seconds: float) -> str:
    """How long ago."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def short(text: str, longest: int = 120) -> str:
    """A text of the user's for a message: printable and not too long."""
    shown = ascii(text)[1:-1] if not text.isprintable() else text
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
