"""Processes of tools: which Python, which variables, questions and answers.

Responsible for: starting `worker` for one tool and talking to it. Not responsible for what to ask
(`runner`, `starts`).
"""

from __future__ import annotations

import functools
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import timing, tools
from benchmarks.workload import Case

ROOT = Path(__file__).resolve().parent.parent


class ToolFailedError(RuntimeError):
    """A tool's process ended, or took too long."""


class Process:
    """`worker` for one tool in a process of its own, and its first answer."""

    def __init__(
        self,
        case: Case,
        tool: str,
        folder: Path,
        *,
        cores: Sequence[int] = (),
        threads: int = 1,
        timeout: float = 600.0,
    ) -> None:
        self._timeout = timeout
        self._log = folder / f"{tool}.log"
        self._buffer = b""
        words = [python(tool), "-m", "benchmarks.worker", case.workload, case.name, tool]
        variables = environment(tool, folder, threads)
        variables["BENCH_CORES"] = ",".join(str(core) for core in cores)
        started = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log,
            )  # fmt: skip
        self.first = self._answer()
        self.first["seconds"] = time.perf_counter() - started

    def ask(self, question: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"ask": question, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("ended") from None
        return self._answer()

    def close(self) -> None:
        """Let it end; returns when it has."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = time.monotonic() + self._timeout
        while b"\n" not in self._buffer:
            ready, _, _ = select.select(
                [self._process.stdout], [], [], max(end - time.monotonic(), 0)
            )
            if not ready:
                self._process.kill()
                self.close()
                raise ToolFailedError(f"stopped after {self._timeout:.0f} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise self._failure("failed")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failure(self, what: str) -> ToolFailedError:
        self.close()
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return ToolFailedError(f"{what}: {lines[-1][:200] if lines else 'without a word'}")


def python(tool: str) -> str:
    """The Python that has the tool: for a peer $BENCH_PEER_PYTHON, else this one."""
    return (
        os.environ.get("BENCH_PEER_PYTHON", sys.executable)
        if tools.is_peer(tool)
        else sys.executable
    )


def environment(tool: str, folder: Path, threads: int = 1) -> dict[str, str]:
    """The variables of a tool's process whose caches are in a directory.

    Bytecode is kept beside it, so that a second process imports as an installed package does,
    whatever PYTHONDONTWRITEBYTECODE says here.
    """
    variables = {**os.environ, **timing.thread_environment(threads), "PYTHONPATH": os.fspath(ROOT)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables["PYTHONPYCACHEPREFIX"] = os.fspath(folder.parent / "bytecode")
    return {**variables, **tools.tool(tool).environment(folder)}


@functools.cache
def missing(tool: str) -> str:
    """Why a tool cannot be used at all, or nothing."""
    modules = ", ".join(tools.tool(tool).MODULES)
    found = subprocess.run(
        [python(tool), "-c", f"import {modules}"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    lines = found.stderr.strip().splitlines()
    return f"{python(tool)}: {lines[-1]}" if found.returncode and lines else ""
