"""Processes that a test starts, and how they ended.

Responsible for: a clean environment, time limits, telling a crash from an error from an answer.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["MARK", "ROOT", "Outcome", "ask", "environment", "forked", "python", "start", "wait"]

# in the environment of quick forms, which are forks of a process that imported cgrad (`nursery`)
MARK = "RELIABILITY_NURSERY"

ROOT = Path(__file__).resolve().parents[2]
_STEERING = ("CGRAD_", "PYTENSOR_", "NUMBA_", "JAX_", "XDG_")
_UNSET = ("CC", "CFLAGS", "PYTHONWARNINGS", "PYTHONHASHSEED")


class Outcome:
    """How a process ended: its exit code, negative for a signal, and what it wrote."""

    __slots__ = ("code", "err", "hung", "out")

    def __init__(self, code: int, out: str, err: str, hung: bool = False) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.hung = hung

    @property
    def crashed(self) -> bool:
        """Whether it was ended by a signal such as SIGSEGV."""
        return self.code < 0 and not self.hung

    @property
    def summary(self) -> str:
        """How it ended in a few words."""
        if self.hung:
            return "did not end in time"
        if self.code < 0:
            with suppress(ValueError):
                return f"was killed by {signal.Signals(-self.code).name}"
        lines = self.err.strip().splitlines() or [""]
        return f"ended with exit code {self.code}: {lines[-1][:200]}"


def environment(cache: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a process that uses this cgrad, with nothing else set that steers it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_STEERING) and name not in _UNSET
    }
    kept["PYTHONPATH"] = os.fspath(ROOT)
    if cache is not None:
        kept["CGRAD_CACHE_DIR"] = os.fspath(cache)
    return {**kept, **more}


def start(
    command: Sequence[str | Path], variables: Mapping[str, str], **options: object
) -> subprocess.Popen[str]:
    """Start a process in a session of its own, so that it can be killed with what it started."""
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        **options,
    )


def python(
    code: str, variables: Mapping[str, str], *arguments: str, **options: object
) -> subprocess.Popen[str]:
    """Start this Python on some code."""
    return start([sys.executable, "-c", code, *arguments], variables, **options)


def ask(
    code: str, variables: Mapping[str, str], *arguments: str, seconds: float = 3600.0
) -> Outcome:
    """The end of a Python process on some code; in quick forms of a fork of this one."""
    if MARK in os.environ:
        return forked(lambda: exec(code, {}), arguments, variables)
    return wait(python(code, variables, *arguments), seconds)


def wait(process: subprocess.Popen[str], seconds: float = 3600.0) -> Outcome:
    """Wait for the end of a process; one that takes longer is killed with all it started."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return Outcome(process.returncode, out, err, hung=True)
    return Outcome(process.returncode, out, err)


def forked(
    task: Callable[[], object], words: Sequence[str], variables: Mapping[str, str]
) -> Outcome:
    """The end of a fork that does a task under these arguments and variables."""
    # not a TemporaryDirectory: children that end as processes do would remove it
    folder = tempfile.mkdtemp(prefix="reliability-fork-")
    try:
        files = [Path(folder, name) for name in ("out", "err")]
        pid = os.fork()
        if pid == 0:
            _become(task, words, variables, files)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out, err = (file.read_text(errors="replace") for file in files)
        return Outcome(code, out, err)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _become(
    task: Callable[[], object],
    words: Sequence[str],
    variables: Mapping[str, str],
    files: Sequence[Path],
) -> None:
    """Do the task in this process, and end it."""
    code = 1
    try:
        os.setsid()
        os.environ.clear()
        os.environ.update(variables)
        tempfile.tempdir = None
        sys.argv = ["-c", *words]
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        task()
        sys.stdout.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
