"""A process that has imported cgrad and done nothing else with it; its children run quick forms.

A fork is a new process without the half second that imports take. Each line of standard input
asks for one child: its arguments, its environment. The answer is a line, too: its exit code,
negative for a signal, and what it wrote.

Responsible for: both ends. Not responsible for: what a child does (``one``).
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from benchmarks.reliability.children import MARK, Outcome, environment, forked

__all__ = ["Nursery"]


class Nursery:
    """The process, which is started when it is first asked for something."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, words: Sequence[str], variables: Mapping[str, str]) -> Outcome:
        """The end of a child that ran ``one`` with these arguments."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.reliability.nursery"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
            )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([list(words), dict(variables)]), file=self._process.stdin, flush=True)
        code, out, err = json.loads(self._process.stdout.readline())
        return Outcome(code, out, err)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _serve() -> None:
    for name in ("json", "shlex", "shutil", "cffi.recompiler", "cgrad.tensor", "cgrad.cli.main"):
        importlib.import_module(name)
    one = importlib.import_module("benchmarks.reliability.one")
    for line in sys.stdin:
        words, variables = json.loads(line)
        ended = forked(one.main, words, {**variables, MARK: "1"})
        print(json.dumps([ended.code, ended.out, ended.err]), flush=True)


if __name__ == "__main__":
    _serve()
