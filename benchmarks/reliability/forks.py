"""Children of a process that has imported a tool and done nothing else with it.

A fork is a new process without the second that an import takes, so thousands can be started.
Responsible for: what a child sees (environment, working directory, files for what it prints) and
how it ended. Each test runs in a process of its own (``one``), so nothing is loaded before.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Child", "fork"]


class Answer:
    """What a child said: a value that JSON can hold, or the text of an exception; warnings.

    ``signal`` is what ended it, 0 if nothing did, and None stands for a child that hung.
    """

    __slots__ = ("error", "signal", "value", "warnings")

    def __init__(self, value: Any, error: str, warnings: list[str], signal: int | None) -> None:
        self.value = value
        self.error = error
        self.warnings = warnings
        self.signal = signal

    @property
    def summary(self) -> str:
        """How it ended in a few words."""
        if self.signal is None:
            return "did not end in time"
        if self.signal:
            return f"was killed by {signal.Signals(self.signal).name}"
        if self.error:
            return f"raised {self.error.strip().splitlines()[-1][:300]}"
        return f"answered {str(self.value)[:200]}, warned {[text[:200] for text in self.warnings]}"


class Child:
    """A forked process."""

    __slots__ = ("_file", "_status", "pid")

    def __init__(self, pid: int, file: Path) -> None:
        self.pid = pid
        self._file = file
        self._status: int | None = None

    def poll(self) -> bool:
        """Whether it has ended."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = status
        return self._status is not None

    def kill(self) -> None:
        """Kill it, and what it started in its session."""
        if not self.poll():
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = 3600.0) -> Answer:
        end = time.monotonic() + seconds
        hung = False
        while not self.poll():
            if not hung and time.monotonic() > end:
                hung = True
                self.kill()
            time.sleep(0.001)
        text = self._file.read_text(encoding="utf-8") if self._file.exists() else ""
        self._file.unlink(missing_ok=True)
        assert self._status is not None
        ended_by = (
            None if hung else os.WTERMSIG(self._status) if os.WIFSIGNALED(self._status) else 0
        )
        if not text:
            return Answer(None, "" if ended_by != 0 else "it left no answer", [], ended_by)
        said = json.loads(text)
        return Answer(said["value"], said["error"], said["warnings"], ended_by)


_number = 0


def fork(
    folder: Path,
    task: Callable[[], Any],
    variables: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Child:
    """Start a child that does a task; its files are in the folder.

    ``before`` runs first, in the child, and is not part of what is watched for warnings.
    """
    global _number
    _number += 1
    file = folder / f"answer-{os.getpid()}-{_number}"
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Child(pid, file)
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(variables or {})
        _redirect(folder)
        if before is not None:
            before()
        said = _do(task)
        # Renamed, so that a half written answer is none.
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps(said), encoding="utf-8")
        unfinished.rename(file)
        atexit._run_exitfuncs()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _do(task: Callable[[], Any]) -> dict[str, Any]:
    value, error = None, ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = task()
        except BaseException:
            error = traceback.format_exc()
    return {
        "value": value,
        "error": error,
        "warnings": [str(each.message) for each in caught],
    }


def _redirect(folder: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(folder / "children.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
