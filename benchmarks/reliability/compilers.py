"""Scripts around the C compiler: one counts, one remembers what it has compiled before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["Compiler"]

_SCRIPT = """#!/bin/sh
echo "$$ $@" >> '{log}'
{body}
"""
_REAL = "exec '{real}' \"$@\""
# The directory is the build's own: all of its files and the options are what the output is made of.
_REMEMBER = """case "$*" in *"-o output "*) ;; *) exec '{real}' "$@" ;; esac
key=$( (echo "$@"; cat -- *.c *.o 2>/dev/null) | sha256sum | cut -c1-64)
if [ -f '{memory}'/$key ]; then exec cp '{memory}'/$key output; fi
'{real}' "$@" && cp output '{memory}'/$key.$$ && mv '{memory}'/$key.$$ '{memory}'/$key
"""


class Compiler:
    """A compiler `cc`, first in PATH, that logs each run, with its process id and arguments.

    One that remembers copies what it made before from the same files and options: tests in which
    compilers run a thousand times take a tenth of the time.
    """

    def __init__(
        self, folder: Path, *, remembers: bool = False, language: str = "c", name: str = "cc"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / (name if language == "c" else "g++")  # PyTensor looks at the name
        self.log = folder / "cc.log"
        memory = Path(os.environ.get("RELIABILITY_MEMORY", folder / "memory"))
        memory.mkdir(exist_ok=True)
        names = (name, "gcc") if language == "c" else ("c++", "g++")
        real = shutil.which(names[0]) or shutil.which(names[1])
        if real is None:
            raise FileNotFoundError("these tests need a C compiler")
        body = (_REMEMBER if remembers else _REAL).format(real=real, memory=memory)
        self.path.write_text(_SCRIPT.format(log=self.log, body=body))
        self.path.chmod(0o755)
        info = self.path.stat()
        self.times = (info.st_atime_ns, info.st_mtime_ns)

    def runs(self, kind: str = "kernel") -> int:
        """How often it has compiled a file of this kind: kernel, glue, dispatcher."""
        return sum(f"{kind}.c" in line for line in self._lines())

    def pids(self) -> list[int]:
        """The process of each run."""
        return [int(line.split()[0]) for line in self._lines()]

    def environment(self) -> dict[str, str]:
        if self.path.name == "g++":
            return {}
        return {"PATH": f"{self.path.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []
