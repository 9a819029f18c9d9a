"""Running the C compiler on one file.

Responsible for: starting it without a shell, in a directory and a session of its own, with
nothing in its environment that could steer it; stopping it; and turning a failure into an error
that teaches.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from cgrad import config
from cgrad.cache.interrupts import interrupts_waiting
from cgrad.errors import BuildError

if TYPE_CHECKING:
    import subprocess

__all__ = ["Compilation"]

# gcc and clang read these; what they say is in no key.
_STEERING = (
    "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "LIBRARY_PATH",
    "COMPILER_PATH", "GCC_EXEC_PREFIX", "GCC_COMPARE_DEBUG", "DEPENDENCIES_OUTPUT",
    "SUNPRO_DEPENDENCIES", "SOURCE_DATE_EPOCH", "LD_RUN_PATH", "CCC_OVERRIDE_OPTIONS",
    "CFLAGS", "LDFLAGS", "CL", "_CL_",
)  # fmt: skip
_DISK_TROUBLE = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
}
_LEAST_ROOM = 1 << 20  # bytes that a compiler may need
_SHOWN_LINES = 12
_LOST = 1 << 16  # in place of an exit code that nobody can tell


class Compilation:
    """A compiler at work. Call `finish` or `cancel`; ``workdir`` stays the caller's to remove."""

    __slots__ = ("_code", "_log", "_output", "_process", "_source", "_timeout", "command")

    def __init__(self, command: Sequence[str], name: str, source: str, workdir: str) -> None:
        """Write source to the file of that name and run ``command -o output name``.

        Raises BuildError if the compiler cannot be started, OSError if workdir cannot be used.
        """
        self.command = tuple(command)
        if config.debug.get() >= 5:
            print("cgrad runs", " ".join(self.command), file=sys.stderr)
        self._source = source
        self._timeout = config.compile_timeout.get()
        self._output = os.path.join(workdir, "output")
        self._log = os.path.join(workdir, "log")
        with open(os.path.join(workdir, name), "x", encoding="utf-8") as file:
            file.write(source)
        self._code: int | None = None
        try:
            with open(self._log, "xb") as log, interrupts_waiting():
                self._process = self._start(log, workdir)
        except BaseException:
            if hasattr(self, "_process"):  # an interrupt that waited
                self.cancel()
            raise

    def _start(self, log: BinaryIO, workdir: str) -> subprocess.Popen[bytes]:
        import subprocess  # 5 ms, needed only when something is built

        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=workdir,
                env=_clean_environment(workdir),
                start_new_session=True,
            )
        except OSError as error:
            if not os.path.isdir(workdir):  # somebody has emptied the cache
                raise
            raise BuildError(
                f"the C compiler {self.command[0]} cannot be started: {error}",
                command=self.command,
            ) from error

    def finish(self) -> bytes:
        """Wait; what the compiler wrote.

        Raises BuildError if the compiler says no, OSError if the disk does.
        """
        try:
            code = self._wait()
        except BaseException:  # an interrupt must not leave a compiler behind
            self.cancel()
            raise
        if code != 0:
            raise self._failure(code)
        with open(self._output, "rb") as file:
            return file.read()

    def _wait(self) -> int:
        """The exit code. subprocess's own wait looks only every 50 ms, a whole compile."""
        import shlex

        start = time.monotonic()
        while (code := self._poll()) is None:
            elapsed = time.monotonic() - start
            if elapsed > self._timeout:
                raise BuildError(
                    f"the C compiler was stopped after {self._timeout} s "
                    f"(CGRAD_COMPILE_TIMEOUT allows more): {shlex.join(self.command)}",
                    command=self.command,
                )
            time.sleep(min(0.0005 + elapsed / 100, 0.02))
        return code

    def _poll(self, options: int = os.WNOHANG) -> int | None:
        """The exit code, or None while the compiler runs.

        Not by Popen.poll: an interrupt between its taking a lock and its ``try`` leaves the lock
        taken, and whoever waits for the process then waits for ever.
        """
        if self._code is None:
            try:
                pid, status = os.waitpid(self._process.pid, options)
                code = os.waitstatus_to_exitcode(status)
            except ChildProcessError:  # SIGCHLD is ignored, or somebody else has waited for it
                pid, code = self._process.pid, 0 if os.path.exists(self._output) else _LOST
            if pid:
                self._code = self._process.returncode = code
        return self._code

    def cancel(self) -> None:
        """Kill the compiler and all it started."""
        if self._poll() is None:
            import signal

            with suppress(ProcessLookupError):  # it ended in this instant
                os.killpg(self._process.pid, signal.SIGKILL)
            self._poll(0)

    def _failure(self, code: int) -> BuildError:
        import shlex

        with open(self._log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        for words, error in _DISK_TROUBLE.items():
            if words in text:
                raise OSError(error, f"{words} (while compiling)")
        number, c_line = self._first_line(text)
        if c_line is None:  # its words may have been lost with the files
            self._check_disk()
        ending = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
        if code == _LOST:
            ending = "failed (its exit code was lost)"
        shown = [line for line in text.splitlines() if line.strip()][:_SHOWN_LINES]
        message = [f"the C compiler {ending}: {shlex.join(self.command)}", *shown]
        if c_line is not None:
            message.append(f"line {number} of the C source: {c_line.strip()}")
        return BuildError(
            "\n".join(message),
            command=self.command,
            stderr=text,
            line_number=number,
            c_line=c_line,
        )

    def _check_disk(self) -> None:
        """Raises OSError if the directory is gone or has no room."""
        room = os.statvfs(os.path.dirname(self._output))
        if room.f_bavail * room.f_frsize < _LEAST_ROOM:
            raise OSError(errno.ENOSPC, "No space left on device (while compiling)")
        os.stat(self._log)

    def _first_line(self, text: str) -> tuple[int | None, str | None]:
        """The first line of the C source that an error points at."""
        match = re.search(r"^[^:\n]+\.c:(\d+):(?:\d+:)? (?:fatal )?error:", text, re.MULTILINE)
        lines = self._source.splitlines()
        if match is None or not 0 < int(match[1]) <= len(lines):
            return None, None
        return int(match[1]), lines[int(match[1]) - 1]


def _clean_environment(workdir: str) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _STEERING}
    environment["TMPDIR"] = workdir
    environment["LC_ALL"] = "C"
    return environment
